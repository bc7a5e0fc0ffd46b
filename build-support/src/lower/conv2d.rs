//! The sparse convolution.

use super::Site;
use crate::{
    error::{Error, Result},
    fixed::{Format, Interval, bits_for},
    manifest::Variant,
    network::{Coefficients, SparseShape},
    ops::FixedConv2d,
};

/// See [`Kernel::Conv2d`](super::Kernel::Conv2d): `out[p] = sum over active q of x[q] · weights[q - p + pad]`, with
/// `pad = (K - 1) / 2` per axis.
#[derive(Debug, Clone, PartialEq)]
pub struct Conv2d {
    /// What goes in: slots, image and channels.
    pub shape: SparseShape,
    /// Output channels.
    pub filters: usize,
    /// Kernel height and width.
    pub kernel: [usize; 2],
    /// How it is built.
    pub form: Form,
    /// Whether the slots are in row-major order, so that some pairs of slots cannot be near each other.
    pub is_ordered: bool,
    /// Output slots in a step.
    pub pixels_per_cycle: usize,
    /// Filters in a step.
    pub filters_per_cycle: usize,
    /// Input channels in a step.
    pub channels_per_cycle: usize,
    /// The difference of two coordinates, with the pad added.
    pub difference: Format,
    /// Bits of the index of a tap, `row * width + column` of the kernel.
    pub tap_bits: u32,
    /// The mantissa of a feature.
    pub feature: Format,
    /// The kernel, (kernel height, kernel width, channels, filters).
    pub weights: Coefficients,
    /// What sums are held in.
    pub accumulator: Format,
}

/// How a convolution is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The weights of each pair of slots are looked up.
    Pairwise,
    /// Each output collects the features at its taps.
    Gather,
}

impl Conv2d {
    pub(super) fn new(op: &FixedConv2d, site: Site<'_>) -> Result<Self> {
        let FixedConv2d { conv, pixels: shape, accumulator } = op;
        let [rows, columns] = conv.kernel;
        let largest = (shape.height.max(shape.width) + rows.max(columns)) as i128;
        Ok(Self {
            shape: *shape,
            filters: conv.filters,
            kernel: conv.kernel,
            form: match site.plan.variant {
                Some(Variant::Pairwise) => Form::Pairwise,
                Some(Variant::Gather) => Form::Gather,
                other => return Err(Error::internal(format!("a convolution of the variant {other:?}"))),
            },
            is_ordered: site.input.sparse()?.is_ordered,
            pixels_per_cycle: site.plan.pixels_per_cycle,
            filters_per_cycle: site.plan.filters_per_cycle,
            channels_per_cycle: site.plan.channels_per_cycle,
            difference: Format::holding(Interval { lo: -largest, hi: largest }, 0),
            tap_bits: bits_for(rows * columns - 1),
            feature: site.input.format,
            weights: conv.weights.clone(),
            accumulator: *accumulator,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Code,
        lower::testing::{PLAN, pixels, signed, site, sparse},
        network,
        ops::LayerPlan,
    };

    fn op(shape: SparseShape, kernel: [usize; 2]) -> FixedConv2d {
        let weights = Coefficients { values: vec![-3; kernel[0] * kernel[1] * shape.channels], fraction: 2 };
        let conv = network::Conv2d { kernel, channels: shape.channels, filters: 1, weights };
        FixedConv2d { conv, pixels: shape, accumulator: signed(17, 6) }
    }

    fn lower(shape: SparseShape, kernel: [usize; 2], variant: Option<Variant>) -> Result<Conv2d> {
        let (input, output) = (sparse(&[(-8, 7)], 4), sparse(&[(-999, 999)], 6));
        let plan = LayerPlan { variant, ..PLAN };
        Conv2d::new(&op(shape, kernel), Site { plan: &plan, ..site(&input, &output) })
    }

    #[test]
    fn differences_and_taps_have_the_bits_of_the_furthest() {
        // Two rows are at most 27 apart, and the pad is at most 2; the bound is 28 + 5 = 33 in both directions.
        let conv = lower(pixels(1), [3, 5], Some(Variant::Gather)).unwrap();
        assert_eq!((conv.difference, conv.tap_bits), (signed(7, 0), 4));
        assert_eq!((conv.feature, conv.accumulator), (signed(4, 4), signed(17, 6)));
        assert_eq!((conv.weights.format(), conv.form), (signed(3, 2), Form::Gather));
        // One pixel and one tap.
        let smallest = SparseShape { slots: 1, height: 1, width: 1, channels: 1 };
        let conv = lower(smallest, [1, 1], Some(Variant::Pairwise)).unwrap();
        assert_eq!((conv.difference, conv.tap_bits, conv.form), (signed(3, 0), 1, Form::Pairwise));
    }

    #[test]
    fn a_plan_without_a_form_is_an_error() {
        for variant in [None, Some(Variant::Scatter), Some(Variant::LookUp)] {
            assert_eq!(lower(pixels(1), [3, 3], variant).unwrap_err().code(), Code::Internal);
        }
    }
}
