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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lower::testing::{pixels, signed, site, sparse};

    #[test]
    fn a_maximum_counts_slots_and_starts_at_the_least() {
        let (input, output) = (sparse(&[(-5, 7), (-9, 3)], 2), sparse(&[(-5, 7), (-9, 3)], 2));
        // Windows of 5 x 3 in 28 x 20 pixels: three rows and two columns belong to none.
        let cells = SparseShape { height: 5, width: 6, ..pixels(2) };
        let op = |pooled| FixedPooling2d { pool: [5, 3], pooled, pixels: pixels(2), cells };
        let largest = Pooling2d::new(op(Pooled::Max), site(&input, &output));
        assert_eq!((largest.window, largest.cells), ([5, 3], [5, 6]));
        assert_eq!(largest.pool, Pool::Largest { count_bits: 4, least: -9 });
        let mean = Pooling2d::new(op(Pooled::Average { accumulator: signed(9, 2) }), site(&input, &output));
        assert_eq!(mean.pool, Pool::Sum { accumulator: signed(9, 2) });
    }
}
