//! `InputReduce`: the first active pixels of an image.

use super::Values;
use crate::{fixed::Interval, network::SparseShape};

/// An input reduction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FixedReduce {
    /// What makes a pixel active; `None` means that its first channel is not 0.
    pub threshold: Option<Threshold>,
    /// What comes out.
    pub pixels: SparseShape,
}

/// A pixel is active where its first channel is above this.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Threshold {
    /// As Keras has it.
    pub value: f32,
    /// The largest mantissa that is not above it.
    pub floor: i128,
}

impl Threshold {
    /// The threshold `value` for mantissas with `fraction` bits behind the point: an integer mantissa is above
    /// `floor(value * 2^fraction)` exactly when its value is above the threshold.
    pub fn new(value: f32, fraction: i32) -> Self {
        // A float32 times a power of two is exact in double precision; `as` saturates far beyond any 64-bit mantissa.
        Self { value, floor: (f64::from(value) * 2f64.powi(fraction)).floor() as i128 }
    }
}

/// Only pixels above the threshold get in.
pub fn fix(threshold: Option<f32>, pixels: SparseShape, input: &Values) -> (FixedReduce, Values) {
    let threshold = threshold.map(|value| Threshold::new(value, input.fraction));
    let mut intervals = input.intervals[..pixels.channels].to_vec();
    if let Some(Threshold { floor, .. }) = threshold {
        // If no pixel can get in, the interval is that of an empty slot.
        let first = &mut intervals[0];
        *first = if floor >= first.hi { Interval::ZERO } else { Interval { lo: first.lo.max(floor + 1), hi: first.hi } };
    }
    (FixedReduce { threshold, pixels }, Values { intervals, active: None, ..*input })
}
