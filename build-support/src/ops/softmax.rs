//! The first and the last step of a softmax.

use super::{Table, Values, lookup, quantize, sums};
use crate::{
    error::Result,
    fixed::{Format, Interval},
    network::{Lookup, Quantizer, Shape},
};

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
