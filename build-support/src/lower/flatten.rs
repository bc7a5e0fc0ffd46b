//! From active pixels to a dense image.

use super::Site;
use crate::{
    fixed::{Format, bits_for},
    network::SparseShape,
};

/// See [`Kernel::Flatten`](super::Kernel::Flatten).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flatten {
    /// What goes in: slots, image and channels.
    pub shape: SparseShape,
    /// Slots in a step.
    pub pixels_per_cycle: usize,
    /// Bits of a position: row-major, from 1; 0 is that of an empty slot.
    pub position_bits: u32,
    /// The mantissa of an element.
    pub element: Format,
}

impl Flatten {
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
pub fn position_bits(shape: SparseShape) -> u32 {
    bits_for(shape.height * shape.width)
}
