//! A bias where the value is not exactly 0.

use super::{
    Extent, LayerPlan, Rules, Values, align,
    parts::{Gives, Parts},
};
use crate::{
    error::Result,
    fixed::{Format, Interval},
    manifest::{Knob, Variant},
    network::Coefficients,
    structure::Operation,
};

/// A bias behind a convolution.
#[derive(Debug, Clone)]
pub struct FixedBias {
    /// One for each channel.
    pub bias: Coefficients,
}

/// The bias goes to
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

impl Rules for FixedBias {
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
        Some(&self.bias)
    }

    fn gives(&self, _: &LayerPlan) -> Gives {
        Gives::AsItCame
    }

    fn parts(&self, p: &mut Parts<'_>) {
        let (from, to) = p.widths();
        let lanes = p.lanes(from, to);
        p.add("not zero", Operation::Decode { width: from }, lanes, 1, lanes * (from as usize + 1));
        p.add("bias", Operation::Add { width: to }, lanes, 1, lanes * to as usize);
    }
}
