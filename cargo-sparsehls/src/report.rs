//! Gathers all that is known of a model into one [`message::Report`]. What it looks like is the business of others.

mod agreement;
mod changes;
mod events;
mod tools;

use std::path::Path;

use sparsehls_build::{
    Firmware, GoldenFile, Result, cost::NetworkEstimate, data, formats::GridReport, manifest::Model, profile::Profile, report,
    structure::Estimate,
};

use crate::{
    explore,
    interrupt::Interrupt,
    message::{
        self, Layer, Point, Report,
        report::{DataSet, FrontPoint, Input, VERSION},
    },
    output::Output,
};

pub use self::changes::Earlier;

/// What a report is to have.
#[derive(Debug)]
pub struct Wanted<'a> {
    /// The points that no other beats: they take the most time.
    pub front: bool,
    /// So many events, step by step.
    pub events: usize,
    /// The events to count.
    pub data_set: Option<&'a Path>,
    /// What to compare with.
    pub earlier: Option<&'a Earlier>,
}

/// A report, and the error that it tells of, if outputs differ.
pub struct Gathered {
    /// All that is known.
    pub report: Box<Report>,
    /// What happened to the golden inputs.
    pub grid: GridReport,
    /// The first difference, as `build` says it.
    pub difference: Result,
}

/// Gathers the report on a model; `profile` counts the events of a data set.
///
/// # Errors
/// Whatever keeps the project from being made. A difference is a result, and so is a compiler that is not there.
pub fn gather(
    firmware: &Firmware,
    wanted: &Wanted<'_>,
    profile: impl Fn(&Firmware) -> Result<(Profile, GridReport)>,
    interrupt: &Interrupt,
    output: &Output,
) -> Result<Gathered> {
    let Firmware { package, model, network, .. } = firmware;
    let estimate = firmware.estimate().map_err(|error| error.file(&model.source))?;
    let golden = firmware.golden()?;
    let proven = agreement::prove(firmware, golden.as_ref(), interrupt, output)?;
    let tools = tools::found(firmware, &estimate.total)?;
    let mut report = Box::new(Report {
        version: VERSION,
        tool: format!("cargo-sparsehls {}", env!("CARGO_PKG_VERSION")),
        package: package.clone(),
        model: model.name.clone(),
        source: relative(&model.source, model),
        backend: firmware.backend.name().to_owned(),
        part: message::Part::new(&model.target.part, &estimate.total.demand()),
        clock_period: model.target.clock_period,
        input: Input { shape: network.input_shape.clone(), format: network.input.format.to_string() },
        layers: layers(firmware, &estimate),
        estimate: estimate.total.into(),
        front: if wanted.front { front(firmware, &estimate.total)? } else { Vec::new() },
        tools,
        agreement: proven.agreement,
        data_set: data_set(firmware, wanted, profile)?,
        events: events(firmware, wanted, golden.as_ref())?,
        changes: None,
    });
    report.changes = wanted.earlier.map(|earlier| earlier.changes(&report)).transpose()?;
    Ok(Gathered { report, grid: proven.grid, difference: proven.difference })
}

fn layers(firmware: &Firmware, estimate: &NetworkEstimate) -> Vec<Layer> {
    report::layers(firmware, estimate).iter().map(|layer| Layer::new(&firmware.model.name, layer)).collect()
}

/// A path as it stands in the manifest: a report that is compared or published has no business with somebody's home.
fn relative(path: &Path, model: &Model) -> String {
    let folder = model.manifest.parent();
    let inside = folder.and_then(|folder| path.strip_prefix(folder).ok());
    inside.unwrap_or(path).display().to_string()
}

fn front(firmware: &Firmware, now: &Estimate) -> Result<Vec<FrontPoint>> {
    let Firmware { model, network, .. } = firmware;
    let points = explore::pareto(model, network)?;
    let point = |(number, point): (usize, &explore::Point)| FrontPoint {
        chosen: point.estimate == *now,
        point: Point::new(&model.name, &model.target.part, number, point),
    };
    Ok((1..).zip(&points).map(point).collect())
}

/// The counts of the data set that was given, or of the golden events.
fn data_set(
    firmware: &Firmware,
    wanted: &Wanted<'_>,
    profile: impl Fn(&Firmware) -> Result<(Profile, GridReport)>,
) -> Result<Option<DataSet>> {
    let model = &firmware.model;
    let Some(file) = wanted.data_set.or(model.golden.as_deref()) else { return Ok(None) };
    let (counts, grid) = profile(firmware)?;
    Ok(Some(DataSet { file: relative(file, model), profile: message::Profile::new(&model.name, &counts, grid) }))
}

/// The first golden events, or those of the data set.
fn events(firmware: &Firmware, wanted: &Wanted<'_>, golden: Option<&GoldenFile<'_>>) -> Result<Vec<message::report::Event>> {
    let network = &firmware.network;
    if let Some(golden) = golden {
        let first = golden.first(wanted.events)?;
        return Ok(events::of(network, first.inputs.iter(), Some(&first.outputs)));
    }
    let Some(path) = &wanted.data_set else { return Ok(Vec::new()) };
    let mut source = data::Source::open(path, "x")?;
    let x = source.events()?.read(wanted.events)?;
    let (inputs, _) = network.input.mantissas(&x);
    Ok(events::of(network, inputs.iter(), None))
}
