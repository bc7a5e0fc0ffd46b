//! Pooling of active pixels.

use super::Site;
use crate::{
    fixed::{Format, bits_for},
    network::SparseShape,
    ops::{FixedPooling2d, Pooled},
};

/// See [`Kernel::Pooling2d`](super::Kernel::Pooling2d).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pooling2d {
    /// What goes in: slots, image and channels.
    pub shape: SparseShape,
    /// Window height and width.
    pub window: [usize; 2],
    /// Rows and columns of cells; pixels beyond the last cell are dropped.
    pub cells: [usize; 2],
    /// Output slots in a step.
    pub pixels_per_cycle: usize,
    /// What is done in a window.
    pub pool: Pool,
}

/// What is done in a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pool {
    /// The sum; what it is to be divided by is in the binary point and the divisor of the value that comes out.
    Sum {
        /// What sums are held in.
        accumulator: Format,
    },
    /// The largest; a pixel that is not active counts as 0.
    Largest {
        /// Bits of a number of slots.
        count_bits: u32,
        /// The least mantissa that can go in.
        least: i128,
    },
}

impl Pooling2d {
    pub(super) fn new(pooling: FixedPooling2d, site: Site<'_>) -> Self {
        let FixedPooling2d { pool, pooled, pixels, cells } = pooling;
        Self {
            shape: pixels,
            window: pool,
            cells: [cells.height, cells.width],
            pixels_per_cycle: site.plan.pixels_per_cycle,
            pool: match pooled {
                Pooled::Average { accumulator } => Pool::Sum { accumulator },
                Pooled::Max => Pool::Largest { count_bits: bits_for(pixels.slots), least: site.input.range().lo },
            },
        }
    }
}
