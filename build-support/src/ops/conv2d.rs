//! A 'same' convolution between active pixels.

use super::{Values, sums};
use crate::{
    fixed::{Format, Interval},
    network::{Conv2d, SparseShape},
};

/// A convolution.
#[derive(Debug, Clone)]
pub struct FixedConv2d {
    /// Its kernel.
    pub conv: Conv2d,
    /// What goes in.
    pub pixels: SparseShape,
    /// What every part of every sum is held in.
    pub accumulator: Format,
}

/// The sums of the pixel itself and of as many of those around it as there are other slots.
pub fn fix(conv: &Conv2d, pixels: SparseShape, input: &Values) -> (FixedConv2d, Values) {
    let SparseShape { height, width, .. } = pixels;
    let [rows, columns] = conv.kernel;
    let center = [(rows - 1) / 2, (columns - 1) / 2];
    let others = pixels.max_active().saturating_sub(1);
    let fraction = input.fraction + conv.weights.fraction;
    let (mut intervals, mut sums_hull) = (Vec::with_capacity(conv.filters), Interval::ZERO);
    for filter in 0..conv.filters {
        let term = |row: usize, column: usize| {
            (0..conv.channels).fold(Interval::ZERO, |sum, channel| {
                let at = ((row * columns + column) * conv.channels + channel) * conv.filters + filter;
                sum.plus(input.intervals[channel].times(conv.weights.values[at].into()))
            })
        };
        // The pixel itself is there; of the others, as many as there are other slots.
        let own = term(center[0], center[1]);
        let mut hull: Option<Interval> = None;
        for (top, bottom) in sums::reachable(height, rows) {
            for (left, right) in sums::reachable(width, columns) {
                let around = (top..bottom).flat_map(|row| (left..right).map(move |column| (row, column)));
                let terms: Vec<_> = around.filter(|at| [at.0, at.1] != center).map(|(row, column)| term(row, column)).collect();
                let rest = sums::some_of(&terms, others);
                sums_hull = sums_hull.hull(rest.plus(own.hull(Interval::ZERO)));
                hull = Some(hull.map_or(own.plus(rest), |hull| hull.hull(own.plus(rest))));
            }
        }
        intervals.push(hull.unwrap_or(Interval::ZERO));
    }
    let accumulator = Format::holding(sums_hull, fraction);
    let output = Values { fraction, divisor: input.divisor, intervals, active: None };
    (FixedConv2d { conv: conv.clone(), pixels, accumulator }, output)
}
