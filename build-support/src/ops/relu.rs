//! `max(0, x)`, possibly with a limit and a slope below zero.

use super::{Values, align};
use crate::{error::Result, fixed::Interval, network::Relu};

/// The ends of the range, which a ReLU keeps in order.
pub fn range(options: &Relu, input: &Values) -> Result<Values> {
    let slope = options.slope.unwrap_or(0);
    let sloped = input.fraction + slope as i32;
    let (fraction, shift, _) = align(sloped, options.limit.map_or(sloped, |limit| limit.fraction))?;
    let shift = shift + slope;
    let limit = options.limit.map(|limit| limit.at(fraction) * i128::from(input.divisor));
    let value = |x: i128| match (x < 0, options.slope) {
        (true, Some(slope)) => (x << shift) >> slope,
        (true, None) => 0,
        (false, _) => (x << shift).min(limit.unwrap_or(i128::MAX)),
    };
    let intervals = input.intervals.iter().map(|x| Interval { lo: value(x.lo), hi: value(x.hi) }).collect();
    Ok(Values { fraction, intervals, ..input.clone() })
}
