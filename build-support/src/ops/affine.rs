//! A scale and an offset for each channel: a batch normalization.

use super::{Values, align};
use crate::{error::Result, fixed::Interval, network::Coefficients};

/// `x * scale + offset` for each channel.
pub fn range(scale: &Coefficients, offset: &Coefficients, input: &Values) -> Result<Values> {
    let (fraction, shift_product, shift_offset) = align(input.fraction + scale.fraction, offset.fraction)?;
    let value = |(at, x): (usize, &Interval)| {
        let channel = at % scale.values.len();
        let offset = (i128::from(offset.values[channel]) << shift_offset) * i128::from(input.divisor);
        let product = x.times(scale.values[channel].into()).shifted(shift_product);
        product.plus(Interval { lo: offset, hi: offset })
    };
    let intervals = input.intervals.iter().enumerate().map(value).collect();
    Ok(Values { fraction, intervals, active: None, ..input.clone() })
}
