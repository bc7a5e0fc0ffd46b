//! The first and the last step of a softmax.

use super::{
    About, Extent, IndexedTable, Kernel, LayerPlan, Rules, Site, Table, Values, lookup,
    parts::{Gives, Parts, narrow},
    quantize::{self, target},
    signed, sums,
};
use crate::{
    budget::{MAX_RANGES, too_large},
    error::Result,
    fixed::{Format, MantissaRange, Overflow, Rounding},
    network::{Coefficients, Lookup, Quantizer, Shape},
    structure::Operation,
};

/// `max(x) - x`.
#[derive(Debug, Clone, Copy)]
pub struct FixedMaxMinus;

/// `x * r(q(sum(x)))`.
#[derive(Debug, Clone)]
pub struct FixedNormalize {
    /// Rounds the sum; one element.
    pub sum: Quantizer,
    /// What every part of the sum is held in.
    pub accumulator: Format,
    /// The reciprocal of the rounded sum.
    pub reciprocal: Table,
}

/// `max(x) - x`, which is never negative.
pub(crate) fn fix_max_minus(input: &Values) -> (FixedMaxMinus, Values) {
    let max = input.ranges.iter().map(|x| x.hi).max().unwrap_or(0);
    let ranges = input.ranges.iter().map(|x| MantissaRange { lo: 0, hi: max - x.lo }).collect();
    (FixedMaxMinus, Values { ranges, active: None, ..input.clone() })
}

/// The product with the reciprocal of the rounded sum.
pub(crate) fn fix_normalize(
    sum: &Quantizer,
    reciprocal: &Lookup,
    count: usize,
    input: &Values,
) -> Result<(FixedNormalize, Values)> {
    if count > MAX_RANGES {
        return Err(too_large("a softmax has too many classes", count, MAX_RANGES));
    }
    let all: Vec<_> = (0..count).map(|at| input.range_at(at)).collect();
    let total = all.iter().copied().fold(MantissaRange::ZERO, MantissaRange::plus);
    let partial = sums::some_of(&all, count);
    let shape = Shape::Dense(vec![1]);
    let total = Values { ranges: vec![total], active: None, ..input.clone() };
    let (_, rounded) = quantize::fix(sum, &shape, &total)?;
    let (reciprocal, inverse) = lookup::fix(reciprocal, &shape, &rounded)?;
    let r = inverse.ranges[0];
    let product = |x: &MantissaRange| x.times(r.lo).hull(x.times(r.hi));
    let ranges = input.ranges.iter().map(product).collect();
    let output = Values { fraction: input.fraction + inverse.fraction, divisor: input.divisor, ranges, active: None };
    let accumulator = Format::holding(partial, input.fraction);
    Ok((FixedNormalize { sum: sum.clone(), accumulator, reciprocal: reciprocal.table }, output))
}

impl Rules for FixedMaxMinus {
    fn about(&self) -> About<'_> {
        About { extent: Extent::ONE, knobs: &[], variants: &[], accumulator: None, weights: None, moves: false, reorders: false }
    }

    fn gives(&self, _: &LayerPlan) -> Gives {
        Gives::All
    }

    fn lower(&self, site: Site<'_>) -> Result<Kernel> {
        Ok(Kernel::MaxMinus(MaxMinusKernel::new(site)))
    }

    fn parts(&self, p: &mut Parts<'_>) {
        let ((from, to), values) = (p.widths(), p.values());
        p.largest(1, values, from, values * from as usize);
        p.add("difference", Operation::Add { width: to }, values, 1, values * to as usize);
    }
}

impl Rules for FixedNormalize {
    fn about(&self) -> About<'_> {
        About {
            extent: Extent::ONE,
            knobs: &[],
            variants: &[],
            accumulator: Some(self.accumulator),
            weights: None,
            moves: false,
            reorders: false,
        }
    }

    fn gives(&self, _: &LayerPlan) -> Gives {
        Gives::All
    }

    fn lower(&self, site: Site<'_>) -> Result<Kernel> {
        NormalizeKernel::new(self, site).map(Kernel::Normalize)
    }

    fn parts(&self, p: &mut Parts<'_>) {
        let ((from, to), values, table) = (p.widths(), p.values(), &self.reciprocal);
        p.sum(1, values, from);
        let largest = table.entries.iter().flatten().copied().max().unwrap_or(1);
        let reciprocal = Coefficients { values: vec![largest], fraction: 0 }.format().width;
        let live = values * from as usize + reciprocal as usize;
        p.add("round", Operation::Add { width: table.input.width }, 1, 1, live);
        let entries = table.entries.first().map_or(0, Vec::len);
        p.add("reciprocal", Operation::Table { entries: narrow(entries), width: reciprocal }, 1, 1, live);
        p.add("multiply", Operation::Multiply { a: from, b: reciprocal }, values, 1, values * to as usize);
    }
}

/// See [`Kernel::MaxMinus`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxMinusKernel {
    /// How many values.
    pub elements: usize,
    /// The difference of two values.
    pub difference: Format,
}

impl MaxMinusKernel {
    pub(super) fn new(site: Site<'_>) -> Self {
        let (input, output) = (site.input.format, site.output.format);
        Self { elements: site.output.size(), difference: signed([input.width, output.width], 2, output.fraction) }
    }
}

/// See [`Kernel::Normalize`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NormalizeKernel {
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
    pub table: IndexedTable,
    /// A reciprocal.
    pub reciprocal: Format,
    /// A reciprocal times a value.
    pub product: Format,
}

impl NormalizeKernel {
    pub(super) fn new(op: &FixedNormalize, site: Site<'_>) -> Result<Self> {
        let FixedNormalize { sum, accumulator, reciprocal } = op;
        let index = reciprocal.input;
        let table = IndexedTable::new(reciprocal)?;
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
            elements: site.output.size(),
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
        network, ops,
        ops::testing::{dense, signed, site, unsigned},
    };

    #[test]
    fn a_difference_holds_both_values() {
        let (input, output) = (dense(&[(-8, 7), (0, 3)], 2), dense(&[(0, 15), (0, 7)], 2));
        assert_eq!(MaxMinusKernel::new(site(&input, &output)), MaxMinusKernel { elements: 2, difference: signed(6, 2) });
    }

    #[test]
    fn a_product_has_the_bits_of_both_factors() {
        let (input, output) = (dense(&[(0, 255), (0, 255)], 8), dense(&[(0, 100), (0, 100)], 13));
        let sum = network::Quantizer::of_format(unsigned(6, 4), 1);
        let reciprocal = ops::Table { input: unsigned(6, 4), first: 0, entries: vec![(0..=40).rev().collect()] };
        let op = FixedNormalize { sum, accumulator: unsigned(9, 8), reciprocal };
        let lowered = NormalizeKernel::new(&op, site(&input, &output)).unwrap();
        assert_eq!((lowered.reciprocal, lowered.product), (unsigned(6, 5), signed(15, 13)));
        assert_eq!((lowered.rounded, lowered.rounding), (unsigned(6, 4), Rounding::HalfUp));
        assert_eq!((lowered.index, lowered.table.index_bits), (unsigned(6, 4), 6));
        // A sum of which nothing is left is 0: it is less than 2, the least that the accumulator does not hold.
        let dead = network::Quantizer::uniform(QuantizerFormat::Dead, Rounding::Floor, Overflow::Wrap, 1);
        let lowered = NormalizeKernel::new(&FixedNormalize { sum: dead, ..op }, site(&input, &output)).unwrap();
        assert_eq!((lowered.rounded, lowered.rounding), (unsigned(1, -1), Rounding::TowardZero));
    }
}
