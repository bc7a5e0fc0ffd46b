//! Each active pixel in its place in a dense image, zero elsewhere.

use super::{
    About, Active, Extent, Kernel, LayerPlan, Rules, Site, Values,
    parts::{Gives, Parts, Sparse, digits, narrow},
};
use crate::{
    error::Result,
    fixed::{Format, MantissaRange, bits_for},
    manifest::{Knob, Variant},
    network::SparseShape,
    structure::Operation,
};

/// A flatten of a sparse value.
#[derive(Debug, Clone, Copy)]
pub struct FixedFlatten {
    /// What goes in.
    pub pixels: SparseShape,
}

/// What each place of the image can hold, and how many of them do at once.
pub(crate) fn fix(pixels: SparseShape, input: &Values) -> (FixedFlatten, Values) {
    let channels = pixels.channels;
    let ranges = input.ranges.iter().map(|range| range.hull(MantissaRange::ZERO)).collect();
    let active = Some(Active { pixels: pixels.max_active(), channels });
    (FixedFlatten { pixels }, Values { ranges, active, ..input.clone() })
}

impl Rules for FixedFlatten {
    fn about(&self) -> About<'_> {
        About {
            extent: Extent { slots: self.pixels.slots, ..Extent::ONE },
            knobs: &[Knob::Interval, Knob::Pixels],
            variants: &[Variant::Scatter, Variant::LookUp],
            accumulator: None,
            weights: None,
            moves: true,
            reorders: false,
        }
    }

    fn gives(&self, _: &LayerPlan) -> Gives {
        Gives::All
    }

    fn lower(&self, site: Site<'_>) -> Result<Kernel> {
        Ok(Kernel::Flatten(FlattenKernel::new(self.pixels, site)))
    }

    fn parts(&self, p: &mut Parts<'_>) {
        let s = Sparse::of(self.pixels);
        let bits = p.fixed.input.format().width;
        let (lanes, features) = (p.plan.pixels_per_cycle, s.slots * s.channels * bits as usize);
        let position = positions(p, s, features);
        p.turns(s.slots, lanes, narrow(s.channels) * bits, lanes, features);
        let places = s.height * s.width;
        p.add("here", Operation::Decode { width: position }, lanes * places, 1, features + lanes * places);
        let image = places * s.channels * bits as usize;
        let choice = Operation::GatedOr { inputs: narrow(lanes), width: bits };
        p.add("take", choice, places * s.channels, 1, image);
        if p.plan.steps > 1 {
            p.add("keep", Operation::Gate { width: bits }, places * s.channels, 0, 0);
            p.held = image as u64;
        }
    }
}

/// Positions of the slots of a step.
fn positions(p: &mut Parts<'_>, s: Sparse, live: usize) -> u32 {
    let lanes = p.plan.pixels_per_cycle;
    let position = bits_for(s.height * s.width);
    p.turns(s.slots, lanes, s.coordinate[0] + s.coordinate[1], lanes, live);
    let row = Operation::MultiplyConstant { digits: digits(s.width as i64), width: position };
    p.add("row times width", row, lanes, 1, live + lanes * position as usize);
    p.add("plus column", Operation::Add { width: position }, lanes, 1, live + lanes * position as usize);
    position
}

/// See [`Kernel::Flatten`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FlattenKernel {
    /// What goes in: slots, image and channels.
    pub shape: SparseShape,
    /// Slots in a step.
    pub pixels_per_cycle: usize,
    /// Bits of a position: row-major, from 1; 0 is that of an empty slot.
    pub position_bits: u32,
    /// The mantissa of an element.
    pub element: Format,
}

impl FlattenKernel {
    pub(super) fn new(shape: SparseShape, site: Site<'_>) -> Self {
        Self {
            shape,
            pixels_per_cycle: site.plan.pixels_per_cycle,
            position_bits: position_bits(shape),
            element: site.output.format,
        }
    }
}

/// Bits of a position that counts from 1.
pub(crate) fn position_bits(shape: SparseShape) -> u32 {
    bits_for(shape.height * shape.width)
}
