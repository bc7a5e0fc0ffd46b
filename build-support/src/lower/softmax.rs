//! The steps of a softmax beside its tables.

use super::{Site, Table, quantize::target, signed};
use crate::{
    error::Result,
    fixed::{Format, Overflow, Rounding},
    network::Coefficients,
    ops::FixedNormalize,
};

/// See [`Kernel::MaxMinus`](super::Kernel::MaxMinus).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxMinus {
    /// How many values.
    pub elements: usize,
    /// The difference of two values.
    pub difference: Format,
}

impl MaxMinus {
    pub(super) fn new(site: Site<'_>) -> Self {
        let (input, output) = (site.input.format, site.output.format);
        Self { elements: site.output.len(), difference: signed([input.width, output.width], 2, output.fraction) }
    }
}

/// See [`Kernel::Normalize`](super::Kernel::Normalize).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Normalize {
    /// How many values.
    pub elements: usize,
    /// What the sum is held in.
    pub accumulator: Format,
    /// What the sum is rounded to.
    pub rounded: Format,
    /// How the sum is rounded.
    pub rounding: Rounding,
    /// How the rounded sum overflows.
    pub overflow: Overflow,
    /// The rounded sum as the table is indexed with it.
    pub index: Format,
    /// The reciprocals.
    pub table: Table,
    /// A reciprocal.
    pub reciprocal: Format,
    /// A reciprocal times a value.
    pub product: Format,
}

impl Normalize {
    pub(super) fn new(op: &FixedNormalize, site: Site<'_>) -> Result<Self> {
        let FixedNormalize { sum, accumulator, reciprocal } = op;
        let index = reciprocal.input;
        let table = Table::new(reciprocal)?;
        let fraction = site.output.format.fraction;
        let reciprocals = Coefficients { values: table.values.clone(), fraction: fraction - site.input.format.fraction };
        let reciprocal = reciprocals.format();
        let (rounded, rounding) = match target(sum.formats[0], sum.overflow, index) {
            Some(rounded) => (rounded, sum.rounding),
            // Nothing is left of the sum: it is less than this one bit stands for.
            None => {
                let above = Format { signed: false, width: 1, fraction: -accumulator.integer() };
                (above, Rounding::TowardZero)
            }
        };
        Ok(Self {
            elements: site.output.len(),
            accumulator: *accumulator,
            rounded,
            rounding,
            overflow: sum.overflow,
            index,
            table,
            reciprocal,
            product: signed([reciprocal.width + site.input.format.width], 1, fraction),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        fixed::QuantizerFormat,
        lower::testing::{dense, signed, site, unsigned},
        network, ops,
    };

    #[test]
    fn a_difference_holds_both_values() {
        let (input, output) = (dense(&[(-8, 7), (0, 3)], 2), dense(&[(0, 15), (0, 7)], 2));
        assert_eq!(MaxMinus::new(site(&input, &output)), MaxMinus { elements: 2, difference: signed(6, 2) });
    }

    #[test]
    fn a_product_has_the_bits_of_both_factors() {
        let (input, output) = (dense(&[(0, 255), (0, 255)], 8), dense(&[(0, 100), (0, 100)], 13));
        let sum = network::Quantizer::of_format(unsigned(6, 4), 1);
        let reciprocal = ops::Table { input: unsigned(6, 4), first: 0, entries: vec![(0..=40).rev().collect()] };
        let op = FixedNormalize { sum, accumulator: unsigned(9, 8), reciprocal };
        let lowered = Normalize::new(&op, site(&input, &output)).unwrap();
        assert_eq!((lowered.reciprocal, lowered.product), (unsigned(6, 5), signed(15, 13)));
        assert_eq!((lowered.rounded, lowered.rounding), (unsigned(6, 4), Rounding::HalfUp));
        assert_eq!((lowered.index, lowered.table.index_bits), (unsigned(6, 4), 6));
        // A sum of which nothing is left is 0: it is less than 2, the least that the accumulator does not hold.
        let dead = network::Quantizer::uniform(QuantizerFormat::Dead, Rounding::Floor, Overflow::Wrap, 1);
        let lowered = Normalize::new(&FixedNormalize { sum: dead, ..op }, site(&input, &output)).unwrap();
        assert_eq!((lowered.rounded, lowered.rounding), (unsigned(1, -1), Rounding::TowardZero));
    }
}
