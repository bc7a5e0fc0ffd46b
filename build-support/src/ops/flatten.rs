//! Each active pixel in its place in a dense image, zero elsewhere.

use super::{Active, Values};
use crate::{fixed::Interval, network::SparseShape};

/// What each place of the image can hold, and how many of them do at once.
pub fn range(pixels: SparseShape, input: &Values) -> Values {
    let channels = pixels.channels;
    let intervals = (0..pixels.image_len()).map(|at| input.intervals[at % channels].hull(Interval::ZERO)).collect();
    Values { intervals, active: Some(Active { pixels: pixels.max_active(), channels }), ..input.clone() }
}
