//! A scale and an offset for each channel: a batch normalization.

use super::{
    Extent, LayerPlan, Rules, Values, align,
    parts::{Gives, Parts, bits_of, counted, digits},
};
use crate::{
    error::Result,
    fixed::{Format, Interval},
    manifest::{Knob, Variant},
    network::Coefficients,
    structure::Operation,
};

/// `x * scale + offset`.
#[derive(Debug, Clone)]
pub struct FixedAffine {
    /// The scales.
    pub scale: Coefficients,
    /// The offsets.
    pub offset: Coefficients,
}

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

impl Rules for FixedAffine {
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
        let product = |scale: &i64| Operation::times_constant(from, bits_of(*scale), digits(*scale));
        let products = counted(self.scale.values.iter().map(product));
        p.add_all("scale", &products, values / self.scale.values.len(), values * to as usize);
        p.add("offset", Operation::Add { width: to }, values, 1, values * to as usize);
    }
}
