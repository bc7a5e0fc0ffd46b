//! The first and the last step of a softmax.

use super::{
    Extent, LayerPlan, Rules, Table, Values, lookup,
    parts::{Gives, Parts, narrow},
    quantize, sums,
};
use crate::{
    error::Result,
    fixed::{Format, Interval},
    manifest::{Knob, Variant},
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
pub fn range_of_max_minus(input: &Values) -> Values {
    let max = input.intervals.iter().map(|x| x.hi).max().unwrap_or(0);
    let intervals = input.intervals.iter().map(|x| Interval { lo: 0, hi: max - x.lo }).collect();
    Values { intervals, active: None, ..input.clone() }
}

/// The product with the reciprocal of the rounded sum.
pub fn fix_normalize(sum: &Quantizer, reciprocal: &Lookup, input: &Values) -> Result<(FixedNormalize, Values)> {
    let total = input.intervals.iter().copied().fold(Interval::ZERO, Interval::plus);
    let partial = sums::some_of(&input.intervals, input.intervals.len());
    let shape = Shape::Dense(vec![1]);
    let total = Values { intervals: vec![total], active: None, ..input.clone() };
    let (_, rounded) = quantize::fix(sum, &shape, &total)?;
    let (reciprocal, inverse) = lookup::fix(reciprocal, &shape, &rounded)?;
    let r = inverse.intervals[0];
    let product = |x: &Interval| x.times(r.lo).hull(x.times(r.hi));
    let intervals = input.intervals.iter().map(product).collect();
    let output = Values { fraction: input.fraction + inverse.fraction, divisor: input.divisor, intervals, active: None };
    let accumulator = Format::holding(partial, input.fraction);
    Ok((FixedNormalize { sum: sum.clone(), accumulator, reciprocal: reciprocal.table }, output))
}

impl Rules for FixedMaxMinus {
    fn extent(&self) -> Extent {
        Extent::ONE
    }

    fn knobs(&self) -> &'static [Knob] {
        &[]
    }

    fn variants(&self) -> &'static [Variant] {
        &[]
    }

    fn accumulator(&self) -> Option<Format> {
        None
    }

    fn weights(&self) -> Option<&Coefficients> {
        None
    }

    fn gives(&self, _: &LayerPlan) -> Gives {
        Gives::All
    }

    fn parts(&self, p: &mut Parts<'_>) {
        let ((from, to), values) = (p.widths(), p.values());
        p.largest(1, values, from, values * from as usize);
        p.add("difference", Operation::Add { width: to }, values, 1, values * to as usize);
    }
}

impl Rules for FixedNormalize {
    fn extent(&self) -> Extent {
        Extent::ONE
    }

    fn knobs(&self) -> &'static [Knob] {
        &[]
    }

    fn variants(&self) -> &'static [Variant] {
        &[]
    }

    fn accumulator(&self) -> Option<Format> {
        Some(self.accumulator)
    }

    fn weights(&self) -> Option<&Coefficients> {
        None
    }

    fn gives(&self, _: &LayerPlan) -> Gives {
        Gives::All
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
