//! Pictures as files of their own.

use std::path::Path;

use sparsehls_build::{Result, profile::Pixels, structure::Estimate};

use crate::{
    commands::{check_extension, write_given},
    explore::Point,
    page::charts::{self, FrontPoint},
    words,
};

/// A picture is an SVG.
///
/// # Errors
/// [`InvalidName`](sparsehls_build::Code::InvalidName) for a file that says to be another.
pub fn check(path: &Path) -> Result {
    check_extension(path, "svg", "--plot", "the picture is an SVG, which browsers show")
}

/// How many events have how many active pixels, with the budget.
///
/// # Errors
/// [`Io`](sparsehls_build::Code::Io).
pub fn pixels(path: &Path, name: &str, pixels: &Pixels) -> Result {
    let counts = pixels.histogram.iter().map(|(pixels, events)| (*pixels as u64, *events)).collect();
    let title = format!("{}: how many events have how many active pixels", words::name(name));
    write_given(path, &charts::alone(&charts::histogram(&title, &counts, pixels.budget as u64)))
}

/// The Pareto front: latency against LUT, with the setting of the manifest.
///
/// # Errors
/// [`Io`](sparsehls_build::Code::Io).
pub fn front(path: &Path, name: &str, points: &[(usize, Point)], now: &Estimate) -> Result {
    let drawn = |number: usize, estimate: &Estimate| FrontPoint {
        number,
        latency: estimate.latency,
        interval: estimate.initiation_interval,
        luts: estimate.luts,
    };
    let points: Vec<_> = points.iter().map(|(number, point)| drawn(*number, &point.estimate)).collect();
    let title = format!("{}: estimated, not synthesized", words::name(name));
    write_given(path, &charts::alone(&charts::front(&title, &points, drawn(0, now))))
}
