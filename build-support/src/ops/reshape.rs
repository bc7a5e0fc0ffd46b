//! The same values in another shape.

use super::{
    Extent, Kernel, LayerPlan, Rules, Site,
    parts::{Gives, Parts},
};
use crate::{
    error::Result,
    fixed::Format,
    manifest::{Knob, Variant},
    network::Coefficients,
};

/// A reshape of a dense value: other names for the same wires.
#[derive(Debug, Clone, Copy)]
pub struct FixedReshape;

impl Rules for FixedReshape {
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

    fn moves(&self) -> bool {
        true
    }

    fn reorders(&self) -> bool {
        false
    }

    fn gives(&self, _: &LayerPlan) -> Gives {
        Gives::All
    }

    fn lower(&self, site: Site<'_>) -> Result<Kernel> {
        Ok(Kernel::Copy { elements: site.output.size() })
    }

    fn parts(&self, _: &mut Parts<'_>) {}
}
