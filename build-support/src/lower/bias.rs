//! A bias for features that are not zero.

use super::{Site, aligned, finer, range, signed};
use crate::{
    error::Result,
    fixed::Format,
    network::{Coefficients, SparseShape},
};

/// See [`Kernel::SparseBias`](super::Kernel::SparseBias).
#[derive(Debug, Clone, PartialEq)]
pub struct SparseBias {
    /// Slots, image and channels.
    pub shape: SparseShape,
    /// Bits that the result is finer than what goes in.
    pub shift: u32,
    /// The bias of each channel, with the binary point of the result.
    pub biases: Coefficients,
    /// What sums are held in.
    pub accumulator: Format,
}

impl SparseBias {
    pub(super) fn new(bias: &Coefficients, site: Site<'_>) -> Result<Self> {
        let fraction = site.output.format.fraction;
        let shift = finer(site.input.format.fraction, fraction)?;
        let biases = aligned(bias, site.output)?;
        let shifted = Format::holding(site.input.range().shifted(shift).hull(site.output.range()).hull(range(&biases)), 0);
        Ok(Self { shape: site.input.sparse()?.shape, shift, accumulator: signed([shifted.width], 1, fraction), biases })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Code,
        lower::testing::{signed, site, sparse},
    };

    #[test]
    fn a_bias_has_the_binary_point_of_the_sum() {
        // x has 3 fraction bits, the bias of 100 / 32 has 5: x goes two bits to the left.
        let (input, output) = (sparse(&[(-8, 7), (-8, 7)], 3), sparse(&[(0, 128), (-33, 27)], 5));
        let biases = Coefficients { values: vec![100, -1], fraction: 5 };
        let bias = SparseBias::new(&biases, site(&input, &output)).unwrap();
        assert_eq!((bias.shift, &bias.biases), (2, &biases));
        // -33 to 128 has nine bits with its sign; one is spare.
        assert_eq!(bias.accumulator, signed(10, 5));
        // What goes in can need more than bias and sum: -130 to -126, with 127 added.
        let (input, output) = (sparse(&[(-65, -63)], 3), sparse(&[(-3, 1)], 4));
        let biases = Coefficients { values: vec![127], fraction: 4 };
        assert_eq!(SparseBias::new(&biases, site(&input, &output)).unwrap().accumulator, signed(10, 4));
    }

    #[test]
    fn a_bias_beside_a_mean_is_multiplied_by_what_the_mean_is_divided_by() {
        let (mut input, mut output) = (sparse(&[(0, 90)], 3), sparse(&[(0, 162)], 3));
        (input.divisor, output.divisor) = (9, 9);
        let bias = SparseBias::new(&Coefficients { values: vec![4], fraction: 2 }, site(&input, &output)).unwrap();
        // 4 / 4 = 1 is 8 / 8, and 72 / 8 / 9.
        assert_eq!((bias.shift, bias.biases), (0, Coefficients { values: vec![72], fraction: 3 }));
        assert_eq!(bias.accumulator, signed(9, 3));
    }

    #[test]
    fn a_bias_that_no_integer_holds_is_an_error() {
        let (input, output) = (sparse(&[(-1, 0)], 2), sparse(&[(-1, 0)], 2));
        let lower = |value, fraction| SparseBias::new(&Coefficients { values: vec![value], fraction }, site(&input, &output));
        assert_eq!(lower(-1 << 61, 0).unwrap().biases.values, [i64::MIN]);
        assert_eq!(lower(1 << 61, 0).unwrap_err().code(), Code::FormatTooWide);
        // Nor does a sum have fewer fraction bits than what is added.
        assert_eq!(lower(1, 3).unwrap_err().code(), Code::Internal);
    }
}
