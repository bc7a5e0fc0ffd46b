//! Pooling of occupied cells.

use super::Values;
use crate::{
    fixed::{Format, Interval},
    network::{Pooling2d, PoolingMode, SparseShape},
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
    pub fn window(&self) -> usize {
        self.pool[0] * self.pool[1]
    }
}

/// The sum or the maximum over as many pixels as there can be in a window.
pub fn fix(pooling: Pooling2d, pixels: SparseShape, cells: SparseShape, input: &Values) -> (FixedPooling2d, Values) {
    let Pooling2d { mode, pool } = pooling;
    let size = pool[0] * pool[1];
    let together = size.min(pixels.max_active());
    let (pooled, output) = match mode {
        PoolingMode::Average => average(size, together as i128, input),
        PoolingMode::Max => {
            let full = together == size;
            let max = |x: &Interval| match (full, size) {
                (_, 1) => *x,
                (true, _) => Interval { lo: x.lo, hi: x.hi.max(0) },
                (false, _) => x.relu(),
            };
            (Pooled::Max, Values { intervals: input.intervals.iter().map(max).collect(), ..input.clone() })
        }
    };
    (FixedPooling2d { pool, pooled, pixels, cells }, output)
}

/// The mean of up to `count` pixels over a window of `size`.
fn average(size: usize, count: i128, input: &Values) -> (Pooled, Values) {
    let sum = |x: &Interval| Interval {
        lo: if x.lo < 0 { x.lo * count } else { x.lo },
        hi: if x.hi > 0 { x.hi * count } else { x.hi },
    };
    let intervals: Vec<_> = input.intervals.iter().map(sum).collect();
    let hull = intervals.iter().copied().fold(Interval::ZERO, Interval::hull);
    let twos = size.trailing_zeros();
    let divisor = input.divisor.saturating_mul((size >> twos) as u64);
    let accumulator = Format::holding(hull, input.fraction);
    (Pooled::Average { accumulator }, Values { fraction: input.fraction + twos as i32, divisor, intervals, active: None })
}
