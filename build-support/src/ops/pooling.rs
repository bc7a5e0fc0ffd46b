//! Pooling of occupied cells.

use super::{
    Extent, LayerPlan, Rules, Values,
    parts::{Gives, Parts, Sparse, narrow},
};
use crate::{
    fixed::{Format, Interval, bits_for},
    manifest::{Knob, Variant},
    network::{Coefficients, Pooling2d, PoolingMode, SparseShape},
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

impl Rules for FixedPooling2d {
    fn extent(&self) -> Extent {
        Extent { slots: self.pixels.slots, ..Extent::ONE }
    }

    fn knobs(&self) -> &'static [Knob] {
        &[Knob::Interval, Knob::Pixels]
    }

    fn variants(&self) -> &'static [Variant] {
        &[]
    }

    fn accumulator(&self) -> Option<Format> {
        match self.pooled {
            Pooled::Average { accumulator } => Some(accumulator),
            Pooled::Max => None,
        }
    }

    fn weights(&self) -> Option<&Coefficients> {
        None
    }

    fn gives(&self, plan: &LayerPlan) -> Gives {
        Gives::Values(plan.pixels_per_cycle * self.cells.channels)
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
        p.held = if p.plan.steps > 1 { (s.slots * (s.channels * out as usize + cell as usize)) as u64 } else { 0 };
    }
}
