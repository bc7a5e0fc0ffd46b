//! Pooling of occupied cells.

use super::{
    About, Extent, Kernel, LayerPlan, Rules, Site, Values,
    parts::{Gives, Parts, Sparse, narrow},
};
use crate::{
    error::Result,
    fixed::{Format, MantissaRange, bits_for},
    manifest::Knob,
    network::{Pooling2d, PoolingMode, SparseShape},
    structure::Operation,
};

/// A pooling with windows side by side.
#[derive(Debug, Clone, Copy)]
pub struct FixedPooling2d {
    /// Window height and width.
    pub pool: [usize; 2],
    /// Mean or maximum.
    pub pooled: Pooled,
    /// What goes in.
    pub pixels: SparseShape,
    /// What comes out: the whole windows of the image.
    pub cells: SparseShape,
}

/// What is made of the pixels of a cell; absent pixels count as 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pooled {
    /// The mean over the whole window: a sum, whose division is in the output's fraction and divisor.
    Average {
        /// What every part of the sum is held in.
        accumulator: Format,
    },
    /// The maximum over the whole window.
    Max,
}

impl FixedPooling2d {
    /// Pixels of a window.
    pub(crate) fn window(&self) -> usize {
        self.pool[0] * self.pool[1]
    }
}

/// The sum or the maximum over as many pixels as there can be in a window.
pub(crate) fn fix(pooling: Pooling2d, pixels: SparseShape, cells: SparseShape, input: &Values) -> (FixedPooling2d, Values) {
    let Pooling2d { mode, pool } = pooling;
    let size = pool[0] * pool[1];
    let together = size.min(pixels.max_active());
    let (pooled, output) = match mode {
        PoolingMode::Average => average(size, together as i128, input),
        PoolingMode::Max => {
            let full = together == size;
            let max = |x: &MantissaRange| match (full, size) {
                (_, 1) => *x,
                (true, _) => MantissaRange { lo: x.lo, hi: x.hi.max(0) },
                (false, _) => x.relu(),
            };
            (Pooled::Max, Values { ranges: input.ranges.iter().map(max).collect(), ..input.clone() })
        }
    };
    (FixedPooling2d { pool, pooled, pixels, cells }, output)
}

/// The mean of up to `count` pixels over a window of `size`.
fn average(size: usize, count: i128, input: &Values) -> (Pooled, Values) {
    let sum = |x: &MantissaRange| MantissaRange {
        lo: if x.lo < 0 { x.lo * count } else { x.lo },
        hi: if x.hi > 0 { x.hi * count } else { x.hi },
    };
    let ranges: Vec<_> = input.ranges.iter().map(sum).collect();
    let hull = ranges.iter().copied().fold(MantissaRange::ZERO, MantissaRange::hull);
    let twos = size.trailing_zeros();
    let divisor = input.divisor.saturating_mul((size >> twos) as u64);
    let accumulator = Format::holding(hull, input.fraction);
    (Pooled::Average { accumulator }, Values { fraction: input.fraction + twos as i32, divisor, ranges, active: None })
}

impl Rules for FixedPooling2d {
    fn about(&self) -> About<'_> {
        About {
            extent: Extent { slots: self.pixels.slots, ..Extent::ONE },
            knobs: &[Knob::Interval, Knob::Pixels],
            variants: &[],
            accumulator: match self.pooled {
                Pooled::Average { accumulator } => Some(accumulator),
                Pooled::Max => None,
            },
            weights: None,
            moves: false,
            // The first slot of a cell is not the first of its row of cells.
            reorders: true,
        }
    }

    fn gives(&self, plan: &LayerPlan) -> Gives {
        Gives::Values(plan.pixels_per_cycle * self.cells.channels)
    }

    fn lower(&self, site: Site<'_>) -> Result<Kernel> {
        Ok(Kernel::Pooling2d(PoolingKernel::new(*self, site)))
    }

    fn parts(&self, p: &mut Parts<'_>) {
        let s = Sparse::of(self.pixels);
        let SparseShape { height, width, .. } = self.cells;
        let bits = p.fixed.input.format().width;
        let features = s.slots * s.channels * bits as usize;
        let cell = bits_for(height) + bits_for(width);
        let lanes = p.plan.pixels_per_cycle;
        let pairs = if lanes == s.slots { s.slots * s.slots.saturating_sub(1) / 2 } else { lanes * s.slots };
        let thresholds = Operation::Decode { width: s.coordinate[0].max(s.coordinate[1]) };
        p.add("cell", thresholds, s.slots * cell as usize, 2, features + s.slots * cell as usize);
        p.turns(s.slots, lanes, cell, lanes, features + s.slots * cell as usize);
        let live = features + lanes * s.slots + s.slots * cell as usize;
        p.add("same cell", Operation::Equal { width: cell }, pairs, 1, live);
        p.add("first of its cell", Operation::Decode { width: narrow(s.slots) }, lanes, 0, 0);
        let sums = lanes * s.channels;
        match self.pooled {
            Pooled::Average { .. } => p.sum(sums, s.slots, bits),
            Pooled::Max => {
                p.largest(sums, s.slots, bits, 0);
                p.add("pixels there", Operation::Add { width: 1 }, lanes * s.slots, 0, 0);
            }
        }
        let out = p.fixed.output.format().width;
        p.add("leader", Operation::Gate { width: out }, sums, 1, s.slots * s.channels * out as usize);
        if p.plan.steps > 1 {
            p.held = (s.slots * cell as usize) as u64;
            p.holds(s.slots * s.channels * out as usize);
        }
    }
}

/// See [`Kernel::Pooling2d`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolingKernel {
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

impl PoolingKernel {
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
    use crate::ops::testing::{pixels, signed, site, sparse};

    #[test]
    fn a_maximum_counts_slots_and_starts_at_the_least() {
        let (input, output) = (sparse(&[(-5, 7), (-9, 3)], 2), sparse(&[(-5, 7), (-9, 3)], 2));
        // Windows of 5 x 3 in 28 x 20 pixels: three rows and two columns belong to none.
        let cells = SparseShape { height: 5, width: 6, ..pixels(2) };
        let op = |pooled| FixedPooling2d { pool: [5, 3], pooled, pixels: pixels(2), cells };
        let largest = PoolingKernel::new(op(Pooled::Max), site(&input, &output));
        assert_eq!((largest.window, largest.cells), ([5, 3], [5, 6]));
        assert_eq!(largest.pool, Pool::Largest { count_bits: 4, least: -9 });
        let mean = PoolingKernel::new(op(Pooled::Average { accumulator: signed(9, 2) }), site(&input, &output));
        assert_eq!(mean.pool, Pool::Sum { accumulator: signed(9, 2) });
    }
}
