//! The Pareto front as a picture: latency against LUT, one line for each interval.

use std::{collections::BTreeMap, path::Path};

use plotters::prelude::*;
use sparsehls_build::{Code, Error, Result, files};

use crate::explore::Point;

const SIZE: (u32, u32) = (900, 560);
const FONT: (&str, u32) = ("sans-serif", 16);

/// Writes an SVG.
///
/// # Errors
/// [`Code::Io`].
pub fn write(path: &Path, name: &str, points: &[Point]) -> Result {
    let mut text = String::new();
    draw(&mut text, name, points)
        .map_err(|error| Error::new(Code::Io, format!("the plot cannot be drawn: {error}")).file(path))?;
    // A folder that is not there is a slip of the pen more often than a wish for one.
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::metadata(folder).map_err(|error| Error::io("write", path, &error))?;
    // Written through a link, as every other program does it.
    let path = &std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    files::write_atomically(path, |file| file.write_all(text.as_bytes()))
}

fn draw(text: &mut String, name: &str, points: &[Point]) -> std::result::Result<(), Box<dyn std::error::Error>> {
    let area = SVGBackend::with_string(text, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let latencies = points.iter().map(|point| point.estimate.latency);
    let luts = points.iter().map(|point| point.estimate.luts.max(1));
    let wide = 0..latencies.max().unwrap_or(1) * 21 / 20 + 1;
    let (low, high) = (luts.clone().min().unwrap_or(1) as f64, luts.max().unwrap_or(1) as f64);
    let mut chart = ChartBuilder::on(&area)
        .caption(format!("{name}: estimated, not synthesized"), FONT)
        .margin(15)
        .x_label_area_size(45)
        .y_label_area_size(90)
        .build_cartesian_2d(wide, (low * 0.8..high * 1.25).log_scale())?;
    chart
        .configure_mesh()
        .x_desc("latency (cycles)")
        .y_desc("LUT")
        .y_label_formatter(&|luts| format!("{luts:.0}"))
        .label_style(FONT)
        .axis_desc_style(FONT)
        .draw()?;
    let mut by_interval: BTreeMap<u64, Vec<(u64, f64)>> = BTreeMap::new();
    for point in points {
        let at = (point.estimate.latency, point.estimate.luts.max(1) as f64);
        by_interval.entry(point.estimate.initiation_interval).or_default().push(at);
    }
    for (index, (interval, line)) in by_interval.into_iter().enumerate() {
        let color = Palette99::pick(index).to_rgba();
        chart
            .draw_series(LineSeries::new(line, color.stroke_width(2)).point_size(3))?
            .label(format!("interval {interval}"))
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], color.stroke_width(2)));
    }
    chart.configure_series_labels().background_style(WHITE.mix(0.8)).border_style(BLACK).label_font(FONT).draw()?;
    area.present()?;
    Ok(())
}
