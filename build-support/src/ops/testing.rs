//! Values and places for the tests of lowerings.

use super::{LayerPlan, Layout, Site, SparseLayout, Value};
use crate::{
    fixed::{Format, MantissaRange, bits_for},
    network::SparseShape,
};

/// All at once.
pub(crate) const PLAN: LayerPlan =
    LayerPlan { variant: None, pixels_per_cycle: 1, filters_per_cycle: 1, channels_per_cycle: 1, steps: 1, absorbed: false };

/// Slots of an image of 28 x 20 pixels.
pub(crate) fn pixels(channels: usize) -> SparseShape {
    SparseShape { slots: 12, height: 28, width: 20, channels }
}

fn value(layout: Layout, ranges: &[(i128, i128)], fraction: i32) -> Value {
    let ranges: Vec<_> = ranges.iter().map(|(lo, hi)| MantissaRange { lo: *lo, hi: *hi }).collect();
    let hull = ranges.iter().copied().reduce(MantissaRange::hull).unwrap();
    Value { layout, format: Format::holding(hull, fraction), divisor: 1, ranges }
}

/// A flat value, whose elements have these ranges.
pub(crate) fn dense(ranges: &[(i128, i128)], fraction: i32) -> Value {
    value(Layout::Dense(vec![ranges.len()]), ranges, fraction)
}

/// [`pixels`], whose channels have these ranges.
pub(crate) fn sparse(ranges: &[(i128, i128)], fraction: i32) -> Value {
    let shape = pixels(ranges.len());
    let layout = SparseLayout { shape, coordinate_bits: bits_for(shape.height), is_ordered: true };
    value(Layout::Sparse(layout), ranges, fraction)
}

/// Between two values.
pub(crate) fn site<'a>(input: &'a Value, output: &'a Value) -> Site<'a> {
    Site { input, output, plan: &PLAN, by_rows: false }
}

/// With so many bits, and a sign.
pub(crate) fn signed(width: u32, fraction: i32) -> Format {
    Format { signed: true, width, fraction }
}

/// With so many bits, and no sign.
pub(crate) fn unsigned(width: u32, fraction: i32) -> Format {
    Format { signed: false, width, fraction }
}
