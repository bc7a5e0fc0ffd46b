//! `max(0, x)`, possibly with a limit and a slope below zero.

use super::{
    Extent, LayerPlan, Rules, Values, align,
    parts::{Gives, Parts},
};
use crate::{
    error::Result,
    fixed::{Format, Interval},
    manifest::{Knob, Variant},
    network::{Coefficients, Relu},
    structure::Operation,
};

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

impl Rules for Relu {
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
        Gives::AsItCame
    }

    fn parts(&self, p: &mut Parts<'_>) {
        let (from, width) = p.widths();
        let values = p.lanes(from, width);
        let live = values * width as usize;
        if *self == Self::default() {
            return p.add("positive", Operation::Gate { width }, values, 1, live);
        }
        p.add("limit", Operation::Compare { width }, values, 1, live);
        p.add("choose", Operation::Select { inputs: 3, width }, values, 1, live);
    }
}
