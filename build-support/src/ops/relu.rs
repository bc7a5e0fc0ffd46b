//! `max(0, x)`, possibly with a limit and a slope below zero.

use super::{
    About, Elements, Extent, Kernel, LayerPlan, Rules, Site, Values, align, finer,
    parts::{Gives, Parts},
    signed,
};
use crate::{
    error::Result,
    fixed::{Format, MantissaRange},
    network::Relu,
    structure::Operation,
};

/// The ends of the range, which a ReLU keeps in order.
pub(crate) fn fix(options: Relu, input: &Values) -> Result<(Relu, Values)> {
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
    let ranges = input.ranges.iter().map(|x| MantissaRange { lo: value(x.lo), hi: value(x.hi) }).collect();
    Ok((options, Values { fraction, ranges, ..input.clone() }))
}

impl Rules for Relu {
    fn about(&self) -> About<'_> {
        About { extent: Extent::ONE, knobs: &[], variants: &[], accumulator: None, weights: None, moves: false, reorders: false }
    }

    fn gives(&self, _: &LayerPlan) -> Gives {
        Gives::AsItCame
    }

    fn lower(&self, site: Site<'_>) -> Result<Kernel> {
        if *self == Self::default() {
            return Ok(Kernel::Relu(site.input.elements()));
        }
        LimitedReluKernel::new(self, site).map(Kernel::LimitedRelu)
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

/// See [`Kernel::LimitedRelu`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitedReluKernel {
    /// What it goes over.
    pub elements: Elements,
    /// Bits that the result is finer than what goes in.
    pub shift: u32,
    /// Below zero the result is `x * 2^-slope`; without it, 0.
    pub slope: Option<u32>,
    /// The largest mantissa that comes out: that of the model's limit, or what no value exceeds.
    pub limit: i128,
    /// What values are compared in.
    pub wide: Format,
}

impl LimitedReluKernel {
    pub(super) fn new(options: &Relu, site: Site<'_>) -> Result<Self> {
        let fraction = site.output.format.fraction;
        let shift = finer(site.input.format.fraction, fraction)?;
        let range = site.input.range().shifted(shift).hull(site.output.range());
        let limit = match options.limit {
            None => range.hi,
            Some(limit) => {
                finer(limit.fraction, fraction)?;
                (limit.at(fraction) * i128::from(site.output.divisor)).min(range.hi)
            }
        };
        Ok(Self {
            elements: site.input.elements(),
            shift,
            slope: options.slope,
            limit,
            wide: signed([Format::holding(range, 0).width], 2, fraction),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        fixed::Dyadic,
        ops::testing::{dense, signed, site},
    };

    #[test]
    fn a_limit_has_the_binary_point_of_the_result() {
        // 6 is 48 / 8. What goes in reaches 127 / 8, which the comparison has to hold beside a sign and a spare bit.
        let (input, output) = (dense(&[(-128, 127)], 3), dense(&[(0, 48)], 3));
        let options = Relu { limit: Some(Dyadic { mantissa: 3, fraction: -1 }), slope: None };
        let relu = LimitedReluKernel::new(&options, site(&input, &output)).unwrap();
        assert_eq!((relu.shift, relu.slope, relu.limit, relu.wide), (0, None, 48, signed(10, 3)));
        assert_eq!(relu.elements, Elements::Dense(1));
        // A limit that no value reaches is what no value exceeds, whatever its width.
        let options = Relu { limit: Some(Dyadic { mantissa: 1 << 40, fraction: 0 }), ..options };
        assert_eq!(LimitedReluKernel::new(&options, site(&input, &output)).unwrap().limit, 127);
        // A limit of 33 / 32 takes what goes in two bits to the left, where it is compared.
        let options = Relu { limit: Some(Dyadic { mantissa: 33, fraction: 5 }), ..options };
        let relu = LimitedReluKernel::new(&options, site(&input, &dense(&[(0, 33)], 5))).unwrap();
        assert_eq!((relu.shift, relu.limit, relu.wide), (2, 33, signed(12, 5)));
    }

    #[test]
    fn a_slope_makes_the_result_finer() {
        // A slope of 1/8 takes three bits more: -128 to 127 become -1024 to 1016 before it.
        let (input, output) = (dense(&[(-128, 127)], 3), dense(&[(-128, 1016)], 6));
        let relu = LimitedReluKernel::new(&Relu { limit: None, slope: Some(3) }, site(&input, &output)).unwrap();
        assert_eq!((relu.shift, relu.slope, relu.limit, relu.wide), (3, Some(3), 1016, signed(13, 6)));
    }

    #[test]
    fn a_limit_beside_a_mean_is_multiplied_by_what_the_mean_is_divided_by() {
        let (mut input, mut output) = (dense(&[(0, 900)], 0), dense(&[(0, 54)], 0));
        (input.divisor, output.divisor) = (9, 9);
        let options = Relu { limit: Some(Dyadic { mantissa: 6, fraction: 0 }), slope: None };
        assert_eq!(LimitedReluKernel::new(&options, site(&input, &output)).unwrap().limit, 54);
    }
}
