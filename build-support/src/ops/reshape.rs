//! The same values in another shape.

use super::{
    About, Extent, Kernel, LayerPlan, Rules, Site,
    parts::{Gives, Parts},
};
use crate::error::Result;

/// A reshape of a dense value: other names for the same wires.
#[derive(Debug, Clone, Copy)]
pub struct FixedReshape;

impl Rules for FixedReshape {
    fn about(&self) -> About<'_> {
        About { extent: Extent::ONE, knobs: &[], variants: &[], accumulator: None, weights: None, moves: true, reorders: false }
    }

    fn gives(&self, _: &LayerPlan) -> Gives {
        Gives::All
    }

    fn lower(&self, site: Site<'_>) -> Result<Kernel> {
        Ok(Kernel::Copy { elements: site.output.size() })
    }

    fn parts(&self, _: &mut Parts<'_>) {}
}
