//! A bias where the value is not exactly 0.

use super::{
    About, Extent, Kernel, LayerPlan, Rules, Site, Values, align, aligned, finer,
    parts::{Gives, Parts},
    signed,
    site::range_of,
};
use crate::{
    error::Result,
    fixed::{Format, MantissaRange},
    network::{Coefficients, SparseShape},
    structure::Operation,
};

/// A bias behind a convolution.
#[derive(Debug, Clone)]
pub struct FixedBias {
    /// One for each channel.
    pub bias: Coefficients,
}

/// The bias goes to values that are not zero only; zero stays zero.
pub(crate) fn fix(bias: &Coefficients, input: &Values) -> Result<(FixedBias, Values)> {
    let (fraction, shift_x, shift_b) = align(input.fraction, bias.fraction)?;
    let add = |(x, &b): (&MantissaRange, &i64)| {
        let x = x.shifted(shift_x);
        let b = (i128::from(b) << shift_b) * i128::from(input.divisor);
        let parts = [(x.lo, x.hi.min(-1)), (x.lo.max(1), x.hi)].into_iter().filter(|(lo, hi)| lo <= hi);
        let zero = (x.lo <= 0 && x.hi >= 0).then_some(MantissaRange::ZERO);
        let parts = parts.map(|(lo, hi)| MantissaRange { lo: lo + b, hi: hi + b });
        parts.chain(zero).reduce(MantissaRange::hull).unwrap_or(MantissaRange::ZERO)
    };
    let ranges = input.ranges.iter().zip(&bias.values).map(add).collect();
    Ok((FixedBias { bias: bias.clone() }, Values { fraction, ranges, ..input.clone() }))
}

impl Rules for FixedBias {
    fn about(&self) -> About<'_> {
        About {
            extent: Extent::ONE,
            knobs: &[],
            variants: &[],
            accumulator: None,
            weights: Some(&self.bias),
            moves: false,
            reorders: false,
        }
    }

    fn gives(&self, _: &LayerPlan) -> Gives {
        Gives::AsItCame
    }

    fn lower(&self, site: Site<'_>) -> Result<Kernel> {
        BiasKernel::new(&self.bias, site).map(Kernel::SparseBias)
    }

    fn parts(&self, p: &mut Parts<'_>) {
        let (from, to) = p.widths();
        let lanes = p.lanes(from, to);
        p.add("not zero", Operation::Decode { width: from }, lanes, 1, lanes * (from as usize + 1));
        p.add("bias", Operation::Add { width: to }, lanes, 1, lanes * to as usize);
    }
}

/// See [`Kernel::SparseBias`].
#[derive(Debug, Clone, PartialEq)]
pub struct BiasKernel {
    /// Slots, image and channels.
    pub shape: SparseShape,
    /// Bits that the result is finer than what goes in.
    pub shift: u32,
    /// The bias of each channel, with the binary point of the result.
    pub biases: Coefficients,
    /// What sums are held in.
    pub accumulator: Format,
}

impl BiasKernel {
    pub(super) fn new(bias: &Coefficients, site: Site<'_>) -> Result<Self> {
        let fraction = site.output.format.fraction;
        let shift = finer(site.input.format.fraction, fraction)?;
        let biases = aligned(bias, site.output)?;
        let shifted = Format::holding(site.input.range().shifted(shift).hull(site.output.range()).hull(range_of(&biases)), 0);
        Ok(Self { shape: site.input.sparse()?.shape, shift, accumulator: signed([shifted.width], 1, fraction), biases })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Code,
        ops::testing::{signed, site, sparse},
    };

    #[test]
    fn a_bias_has_the_binary_point_of_the_sum() {
        // x has 3 fraction bits, the bias of 100 / 32 has 5: x goes two bits to the left.
        let (input, output) = (sparse(&[(-8, 7), (-8, 7)], 3), sparse(&[(0, 128), (-33, 27)], 5));
        let biases = Coefficients { values: vec![100, -1], fraction: 5 };
        let bias = BiasKernel::new(&biases, site(&input, &output)).unwrap();
        assert_eq!((bias.shift, &bias.biases), (2, &biases));
        // -33 to 128 has nine bits with its sign; one is spare.
        assert_eq!(bias.accumulator, signed(10, 5));
        // What goes in can need more than bias and sum: -130 to -126, with 127 added.
        let (input, output) = (sparse(&[(-65, -63)], 3), sparse(&[(-3, 1)], 4));
        let biases = Coefficients { values: vec![127], fraction: 4 };
        assert_eq!(BiasKernel::new(&biases, site(&input, &output)).unwrap().accumulator, signed(10, 4));
    }

    #[test]
    fn a_bias_beside_a_mean_is_multiplied_by_what_the_mean_is_divided_by() {
        let (mut input, mut output) = (sparse(&[(0, 90)], 3), sparse(&[(0, 162)], 3));
        (input.divisor, output.divisor) = (9, 9);
        let bias = BiasKernel::new(&Coefficients { values: vec![4], fraction: 2 }, site(&input, &output)).unwrap();
        // 4 / 4 = 1 is 8 / 8, and 72 / 8 / 9.
        assert_eq!((bias.shift, bias.biases), (0, Coefficients { values: vec![72], fraction: 3 }));
        assert_eq!(bias.accumulator, signed(9, 3));
    }

    #[test]
    fn a_bias_that_no_integer_holds_is_an_error() {
        let (input, output) = (sparse(&[(-1, 0)], 2), sparse(&[(-1, 0)], 2));
        let lower = |value, fraction| BiasKernel::new(&Coefficients { values: vec![value], fraction }, site(&input, &output));
        assert_eq!(lower(-1 << 61, 0).unwrap().biases.values, [i64::MIN]);
        assert_eq!(lower(1 << 61, 0).unwrap_err().code(), Code::FormatTooWide);
        // Nor does a sum have fewer fraction bits than what is added.
        assert_eq!(lower(1, 3).unwrap_err().code(), Code::Internal);
    }
}
