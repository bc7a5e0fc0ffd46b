//! A bias where the value is not exactly 0.

use super::{Values, align};
use crate::{error::Result, fixed::Interval, network::Coefficients};

/// The bias goes to values that are not zero only; zero stays zero.
pub fn range(bias: &Coefficients, input: &Values) -> Result<Values> {
    let (fraction, shift_x, shift_b) = align(input.fraction, bias.fraction)?;
    let add = |(x, &b): (&Interval, &i64)| {
        let x = x.shifted(shift_x);
        let b = (i128::from(b) << shift_b) * i128::from(input.divisor);
        let parts = [(x.lo, x.hi.min(-1)), (x.lo.max(1), x.hi)].into_iter().filter(|(lo, hi)| lo <= hi);
        let zero = (x.lo <= 0 && x.hi >= 0).then_some(Interval::ZERO);
        let parts = parts.map(|(lo, hi)| Interval { lo: lo + b, hi: hi + b });
        parts.chain(zero).reduce(Interval::hull).unwrap_or(Interval::ZERO)
    };
    let intervals = input.intervals.iter().zip(&bias.values).map(add).collect();
    Ok(Values { fraction, intervals, ..input.clone() })
}
