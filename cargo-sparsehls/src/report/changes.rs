//! What is different from an earlier report.

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::Value;
use sparsehls_build::{Code, Error, Result};

use crate::message::{
    Layer, Report,
    report::{Change, Changes, VERSION},
};

/// The reports of a file that `report --message-format json` wrote.
#[derive(Debug)]
pub struct Earlier {
    file: String,
    reports: BTreeMap<String, Report>,
}

impl Earlier {
    /// Reads a file; its other lines do not matter.
    ///
    /// # Errors
    /// [`Code::FileNotFound`], [`Code::Io`]; [`Code::InvalidData`] if there is no report in it, or one that is not understood.
    pub fn read(path: &Path) -> Result<Self> {
        const HELP: &str = "give what `cargo sparsehls report --message-format json` printed";
        let text = fs::read_to_string(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => {
                Error::new(Code::FileNotFound, "the report to compare with does not exist").file(path).help(HELP)
            }
            _ => Error::io("read", path, &error),
        })?;
        let invalid = |why: String| Error::new(Code::InvalidData, why).file(path).help(HELP);
        let mut reports = BTreeMap::new();
        for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
            let line: Value =
                serde_json::from_str(line).map_err(|error| invalid(format!("line {number} is not JSON: {error}")))?;
            if line["reason"] != "report" {
                continue;
            }
            if let Some(newer) = line["version"].as_u64().filter(|version| *version != u64::from(VERSION)) {
                return Err(invalid(format!("line {number} has version {newer} of a report, and this program reads {VERSION}"))
                    .help_instead("write both reports with the same version of cargo-sparsehls"));
            }
            let report: Report =
                serde_json::from_value(line).map_err(|error| invalid(format!("line {number} is no report: {error}")))?;
            reports.insert(report.model.clone(), report);
        }
        if reports.is_empty() {
            return Err(invalid("there is no line of a report here".into()));
        }
        Ok(Self { file: path.display().to_string(), reports })
    }

    /// What has become different in `now`.
    ///
    /// # Errors
    /// [`Code::InvalidData`] if there is no report on the model.
    pub fn changes(&self, now: &Report) -> Result<Changes> {
        let Some(before) = self.reports.get(&now.model) else {
            let names: Vec<_> = self.reports.keys().map(String::as_str).collect();
            let why = format!("there is no report on model `{}` here, but on {}", now.model, names.join(", "));
            return Err(Error::new(Code::InvalidData, why).file(&self.file).help("choose models with --model"));
        };
        let mut list = List::default();
        list.model(before, now);
        list.layers(&before.layers, &now.layers);
        Ok(Changes { against: self.file.clone(), list: list.0 })
    }
}

#[derive(Default)]
struct List(Vec<Change>);

impl List {
    fn add(&mut self, layer: Option<&str>, quantity: &str, before: impl Into<Value>, after: impl Into<Value>) {
        let (before, after) = (before.into(), after.into());
        if before != after {
            let there = |value: Value| Some(value).filter(|value| !value.is_null());
            let (layer, quantity) = (layer.map(str::to_owned), quantity.to_owned());
            self.0.push(Change { layer, quantity, before: there(before), after: there(after) });
        }
    }

    fn model(&mut self, before: &Report, now: &Report) {
        let verdict = |report: &Report| serde_json::to_value(report.agreement.verdict).unwrap_or_default();
        self.add(None, "agreement with Keras", verdict(before), verdict(now));
        let different = |report: &Report| report.agreement.keras.as_ref().map(|keras| keras.events_different);
        self.add(None, "golden events that differ", different(before), different(now));
        for (quantity, of) in [
            ("tool", (|report| report.tool.clone().into()) as fn(&Report) -> Value),
            ("backend", |report| report.backend.clone().into()),
            ("part", |report| report.part.part.clone().into()),
            ("clock period (ns)", |report| report.clock_period.into()),
            ("input", |report| format!("{} of {}", shape(&report.input.shape), report.input.format).into()),
            ("latency (cycles)", |report| report.estimate.latency.into()),
            ("interval (cycles)", |report| report.estimate.interval.into()),
            ("LUT", |report| report.estimate.luts.into()),
            ("FF", |report| report.estimate.ffs.into()),
            ("DSP", |report| report.estimate.dsps.into()),
            ("BRAM", |report| report.estimate.bram18.into()),
            ("events over budget", |report| pixels(report, |of| of.events_over_budget)),
            ("active pixels dropped", |report| pixels(report, |of| of.dropped)),
        ] {
            self.add(None, quantity, of(before), of(now));
        }
        self.found(before, now);
    }

    /// What tools found, by step.
    fn found(&mut self, before: &Report, now: &Report) {
        let all = |report: &Report| -> BTreeMap<String, f64> {
            let of = |row: &crate::message::report::Compared| (format!("{} of {}", row.quantity, row.step), row.found);
            report.tools.compared.iter().map(of).collect()
        };
        let (before, now) = (all(before), all(now));
        let names: std::collections::BTreeSet<_> = before.keys().chain(now.keys()).collect();
        for name in names {
            self.add(None, name, before.get(name).copied(), now.get(name).copied());
        }
    }

    /// Layers of the same name, in the order of the new report; those that have gone come last.
    fn layers(&mut self, before: &[Layer], now: &[Layer]) {
        for after in now {
            match before.iter().find(|layer| layer.name == after.name) {
                None => self.add(Some(&after.name), "layer", Value::Null, after.kind.clone()),
                Some(before) => self.layer(before, after),
            }
        }
        for gone in before.iter().filter(|layer| !now.iter().any(|other| other.name == layer.name)) {
            self.add(Some(&gone.name), "layer", gone.kind.clone(), Value::Null);
        }
    }

    fn layer(&mut self, before: &Layer, after: &Layer) {
        let name = Some(&*after.name);
        for (quantity, of) in [
            ("kind", (|layer| layer.kind.clone().into()) as fn(&Layer) -> Value),
            ("shape", |layer| shape(&layer.shape).into()),
            ("format", |layer| layer.formats.output.clone().into()),
            ("accumulator", |layer| layer.formats.accumulator.clone().into()),
            ("weights", |layer| layer.formats.weights.clone().into()),
            ("bits of all weights", |layer| bits(&layer.widths.weights).into()),
            ("bits of all biases", |layer| bits(&layer.widths.bias).into()),
            ("steps", |layer| layer.cost.plan.steps.into()),
            ("LUT", |layer| layer.cost.estimate.luts.into()),
            ("FF", |layer| layer.cost.estimate.ffs.into()),
            ("DSP", |layer| layer.cost.estimate.dsps.into()),
            ("BRAM", |layer| layer.cost.estimate.bram18.into()),
            ("latency (cycles)", |layer| layer.cost.estimate.latency.into()),
        ] {
            self.add(name, quantity, of(before), of(after));
        }
    }
}

fn shape(shape: &[usize]) -> String {
    shape.iter().map(usize::to_string).collect::<Vec<_>>().join("×")
}

/// The bits of all numbers together.
fn bits(widths: &BTreeMap<String, u64>) -> u64 {
    widths.iter().filter_map(|(width, count)| Some(width.parse::<u64>().ok()? * count)).sum()
}

fn pixels(report: &Report, of: impl Fn(&crate::message::Pixels) -> u64) -> Value {
    report.data_set.as_ref().and_then(|set| set.profile.pixels.as_ref()).map(of).into()
}
