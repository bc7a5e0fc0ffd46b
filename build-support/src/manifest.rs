//! `[package.metadata.sparsehls]` of a firmware package.
//!
//! Values are looked up in the model's table, then in `[package.metadata.sparsehls]`, then in
//! `[workspace.metadata.sparsehls]`. Every key is checked: a mistyped knob must never silently give other hardware.

mod knobs;
mod package;
mod table;

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use serde::Serialize;

use self::table::Table;
pub use self::{
    knobs::{Counts, Knob, Knobs},
    package::{Package, Selection, of_build_script},
};
use crate::{
    error::{Code, Error, Errors, Result},
    fixed::Format,
    names,
};

/// Which generation of the vendor's tool a project is written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum HlsTool {
    /// Vitis HLS, 2020.2 and later (C++14).
    Vitis,
    /// Vivado HLS, up to 2020.1 (C++11).
    Vivado,
}

impl HlsTool {
    const NAMES: [(&'static str, Self); 2] = [("vitis", Self::Vitis), ("vivado", Self::Vivado)];

    /// The name used in the manifest.
    pub fn name(self) -> &'static str {
        match self {
            Self::Vitis => "vitis",
            Self::Vivado => "vivado",
        }
    }
}

/// How the layers of the top function overlap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pipeline {
    /// Each layer is a process of its own, the next event enters as soon as the first layer is free.
    Dataflow,
    /// The whole network is one function pipeline.
    Function,
}

/// How the image enters the top function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Interface {
    /// All pixels at once, one port each.
    Partition,
    /// A row of pixels per clock cycle.
    Row,
}

impl Interface {
    const NAMES: [(&'static str, Self); 2] = [("partition", Self::Partition), ("row", Self::Row)];
}

/// Which implementation of a layer, where there are several; `hls_lib` has the kernels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Variant {
    /// Convolution: a weight is looked up for each pair of slots.
    Pairwise,
    /// Convolution: each output collects its neighbourhood, whose weights are constants.
    Gather,
    /// Flatten: every slot goes to its place in the image.
    Scatter,
    /// Flatten, quantizer and dense layer in one: rows of weights are looked up by position.
    LookUp,
}

impl Variant {
    /// The key of a layer's table that gives it.
    pub const KEY: &'static str = "variant";
    const NAMES: [(&'static str, Self); 4] =
        [("pairwise", Self::Pairwise), ("gather", Self::Gather), ("scatter", Self::Scatter), ("look-up", Self::LookUp)];

    /// The name used in the manifest.
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, variant)| *variant == self).map_or("", |(name, _)| name)
    }
}

/// What the top function computes at the end of the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Output {
    /// The model's own output.
    Model,
    /// The input of a final softmax or sigmoid, which is left out.
    Logits,
}

/// Upper bounds that a synthesis report must keep.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Limits {
    /// Worst latency in clock cycles.
    pub latency_cycles: Option<u64>,
    /// Worst initiation interval in clock cycles.
    pub interval_cycles: Option<u64>,
    /// Look-up tables.
    pub lut: Option<u64>,
    /// Flip-flops.
    pub ff: Option<u64>,
    /// DSP slices.
    pub dsp: Option<u64>,
    /// Block RAMs of 18 kb.
    pub bram18: Option<u64>,
    /// Ultra RAMs.
    pub uram: Option<u64>,
}

/// Device and clock.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Target {
    /// The vendor's tool.
    #[serde(rename = "backend")]
    pub tool: HlsTool,
    /// The vendor's name of the device.
    pub part: String,
    /// Clock period in ns.
    pub clock_period: f64,
    /// Clock uncertainty, in percent of the period.
    pub clock_uncertainty: f64,
    /// What stands before the tool's command, for a batch cluster.
    pub launcher: Vec<String>,
    /// How long a tool may run.
    pub tool_timeout: Option<Duration>,
}

/// Formats for what the model itself does not quantize.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Precision {
    /// Weights of plain Keras layers.
    pub weights: Option<Format>,
    /// The layer's result.
    pub result: Option<Format>,
}

/// What the manifest says about one layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LayerOptions {
    /// Formats.
    pub precision: Precision,
    /// Which implementation.
    pub variant: Option<Variant>,
    /// How much it does in one step. What is not given is chosen.
    pub knobs: Knobs,
}

impl LayerOptions {
    /// The keys that are given about the layer's hardware.
    pub fn hardware_keys(&self) -> impl Iterator<Item = &'static str> {
        self.variant.map(|_| Variant::KEY).into_iter().chain(self.knobs.given().map(Knob::key))
    }
}

/// One model of the manifest.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// The HLS top function and the Rust module.
    pub name: String,
    /// The `.keras` file.
    pub source: PathBuf,
    /// Arrays `x` and `y` from Keras, checked at every build.
    pub golden: Option<PathBuf>,
    /// The detector's format, if it is given.
    pub input: Option<Format>,
    /// What comes out.
    pub output: Output,
    /// Formats of all plain Keras layers.
    pub precision: Precision,
    /// How much a layer does in one step, where its own options say nothing.
    pub knobs: Knobs,
    /// Options of single layers, by their names in Keras.
    pub layers: BTreeMap<String, LayerOptions>,
    /// How layers overlap.
    pub pipeline: Pipeline,
    /// How the image enters.
    pub interface: Interface,
    /// Gates on the synthesis report.
    pub limits: Limits,
    /// Device and clock.
    pub target: Target,
    /// The manifest, for messages.
    pub manifest: PathBuf,
}

impl Model {
    /// The metadata key of this model's table, for messages.
    pub fn key(&self) -> String {
        format!("package.metadata.sparsehls.models.{}", self.name)
    }
}

const TARGET_KEYS: [&str; 6] = ["backend", "part", "clock-period", "clock-uncertainty", "launcher", "tool-timeout"];
const STYLE_KEYS: [&str; 2] = ["pipeline", "interface"];
const MODEL_KEYS: [&str; 6] = ["source", "golden", "input", "output", "limits", "layers"];
const PRECISION_KEYS: [&str; 2] = ["weights-precision", "result-precision"];
const LIMIT_KEYS: [&str; 7] = ["latency-cycles", "interval-cycles", "lut", "ff", "dsp", "bram18", "uram"];

/// Reads the models that `package` declares, in the order of their names.
///
/// # Errors
/// [`Code::NoModels`], [`Code::UnknownKey`], [`Code::MissingKey`], [`Code::InvalidValue`]; the first there is.
pub fn models(package: &Package) -> Result<Vec<Model>> {
    let models = each_model(package).map_err(|errors| errors.first)?;
    models.into_iter().map(|(_, model)| model.map_err(|errors| errors.first)).collect()
}

/// A model's name, and the model or all that is wrong with its table.
pub type Declared = (String, Result<Model, Errors>);

/// As [`models`], but each model has its own errors, all of them.
///
/// # Errors
/// What is wrong outside of the models' tables.
pub fn each_model(package: &Package) -> Result<Vec<Declared>, Errors> {
    let shared: Vec<&str> = [&TARGET_KEYS[..], &STYLE_KEYS[..], Knob::KEYS].concat();
    let workspace = Table::new(package.workspace_metadata.as_ref(), "workspace.metadata.sparsehls", &package.workspace_manifest)?;
    let defaults = Table::new(package.metadata.as_ref(), "package.metadata.sparsehls", &package.manifest)?;
    let mut unknown = workspace.unknown_keys(&shared);
    unknown.extend(defaults.unknown_keys(&[&shared[..], &["models"]].concat()));
    if let Some(errors) = Errors::of(unknown) {
        return Err(errors);
    }
    let tables = defaults.tables("models")?;
    if tables.is_empty() {
        return Err(Error::new(Code::NoModels, format!("package `{}` declares no model", package.name))
            .file(&package.manifest)
            .key("package.metadata.sparsehls.models")
            .help("add a table `[package.metadata.sparsehls.models.NAME]` with `source = \"models/NAME.keras\"`")
            .into());
    }
    let read = |(name, table): (String, Table)| {
        let tables = [table, defaults.clone(), workspace.clone()];
        (name.clone(), model(package, name, &tables))
    };
    Ok(tables.into_iter().map(read).collect())
}

/// Collects what is wrong, and goes on with a value that stands in for it.
#[derive(Default)]
struct Problems(Vec<Error>);

impl Problems {
    fn take<T: Default>(&mut self, read: Result<T>) -> T {
        read.unwrap_or_else(|error| {
            self.0.push(error);
            T::default()
        })
    }
}

/// Reads one model; `tables` are the model's own, then those with the defaults, nearest first.
fn model(package: &Package, name: String, tables: &[Table]) -> Result<Model, Errors> {
    let own = &tables[0];
    let mut wrong = Problems(
        own.unknown_keys(&[&TARGET_KEYS[..], &STYLE_KEYS[..], Knob::KEYS, &MODEL_KEYS[..], &PRECISION_KEYS[..]].concat()),
    );
    wrong.take(check_model_name(&name, own));
    let path = |text: String| package.directory.join(text);
    let model = Model {
        source: path(wrong.take(source(own, &name))),
        golden: wrong.take(own.string("golden")).map(path),
        input: wrong.take(format(own, "input")),
        output: wrong
            .take(own.choice("output", &[("model", Output::Model), ("logits", Output::Logits)]))
            .unwrap_or(Output::Model),
        precision: precision(own, &mut wrong),
        knobs: Knobs::read(tables, &mut wrong),
        layers: layers(own, &mut wrong),
        pipeline: wrong
            .take(nearest(tables, |t| {
                t.choice("pipeline", &[("dataflow", Pipeline::Dataflow), ("function", Pipeline::Function)])
            }))
            .unwrap_or(Pipeline::Dataflow),
        interface: wrong.take(nearest(tables, |t| t.choice("interface", &Interface::NAMES))).unwrap_or(Interface::Partition),
        limits: limits(own, &mut wrong),
        target: target(tables, &mut wrong),
        manifest: package.manifest.clone(),
        name,
    };
    Errors::of(wrong.0).map_or(Ok(model), Err)
}

fn source(own: &Table, name: &str) -> Result<String> {
    own.string("source")?.ok_or_else(|| {
        own.error(Code::MissingKey, "source", format!("model `{name}` names no `.keras` file"))
            .help(format!("add `source = \"models/{name}.keras\"`, relative to Cargo.toml"))
    })
}

fn layers(own: &Table, wrong: &mut Problems) -> BTreeMap<String, LayerOptions> {
    let tables = wrong.take(own.tables("layers"));
    tables
        .into_iter()
        .map(|(layer, table)| {
            wrong.0.extend(table.unknown_keys(&[&PRECISION_KEYS[..], Knob::KEYS, &[Variant::KEY]].concat()));
            let options = LayerOptions {
                precision: precision(&table, wrong),
                variant: wrong.take(table.choice(Variant::KEY, &Variant::NAMES)),
                knobs: Knobs::read(&[table], wrong),
            };
            (layer, options)
        })
        .collect()
}

/// The first table that has the key decides.
fn nearest<T>(tables: &[Table], read: impl Fn(&Table) -> Result<Option<T>>) -> Result<Option<T>> {
    for table in tables {
        if let Some(value) = read(table)? {
            return Ok(Some(value));
        }
    }
    Ok(None)
}

fn target(tables: &[Table], wrong: &mut Problems) -> Target {
    Target {
        tool: wrong.take(nearest(tables, |t| t.choice("backend", &HlsTool::NAMES))).unwrap_or(HlsTool::Vitis),
        part: wrong.take(nearest(tables, part)).unwrap_or_else(|| "xcu250-figd2104-2L-e".into()),
        clock_period: wrong.take(nearest(tables, |t| t.number_between("clock-period", "ns", 0.1, 1000.0))).unwrap_or(5.0),
        clock_uncertainty: wrong.take(nearest(tables, uncertainty)).unwrap_or(27.0),
        launcher: wrong.take(nearest(tables, |t| t.words("launcher"))).unwrap_or_default(),
        tool_timeout: wrong
            .take(nearest(tables, |t| t.number_between("tool-timeout", "minutes", 0.01, 1e6)))
            .map(|minutes| Duration::from_secs_f64(minutes * 60.0)),
    }
}

/// A part goes into Tcl, so it may only hold what part names hold.
fn part(table: &Table) -> Result<Option<String>> {
    let Some(part) = table.string("part")? else { return Ok(None) };
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':' | '/');
    if part.is_empty() || !part.chars().all(fits) {
        return Err(table
            .error(Code::InvalidValue, "part", format!("{part:?} is not the name of a device"))
            .help("a part name has letters, digits, `-`, `_`, `.`, `:` and `/`, for example \"xcu250-figd2104-2L-e\""));
    }
    Ok(Some(part))
}

fn uncertainty(table: &Table) -> Result<Option<f64>> {
    let Some(text) = table.string("clock-uncertainty")? else { return Ok(None) };
    let percent = text.strip_suffix('%').and_then(|number| number.trim().parse::<f64>().ok());
    match percent {
        Some(percent) if (0.0..100.0).contains(&percent) => Ok(Some(percent)),
        _ => Err(table
            .error(Code::InvalidValue, "clock-uncertainty", format!("{text:?} is not a percentage below 100 %"))
            .help("write it as a string with its unit, for example \"27%\"")),
    }
}

fn precision(table: &Table, wrong: &mut Problems) -> Precision {
    let mut read = |name| wrong.take(format(table, name));
    let [weights, result] = PRECISION_KEYS;
    Precision { weights: read(weights), result: read(result) }
}

fn format(table: &Table, name: &str) -> Result<Option<Format>> {
    let Some(text) = table.string(name)? else { return Ok(None) };
    Format::parse(&text).map(Some).ok_or_else(|| {
        table
            .error(Code::InvalidValue, name, format!("{text:?} is not a fixed-point format"))
            .help("write `fixed<W,I>` or `ufixed<W,I>` with 1 to 64 bits W, of which I before the binary point, for example \"ufixed<8,0>\"")
    })
}

fn limits(model: &Table, wrong: &mut Problems) -> Limits {
    let table = match model.table("limits") {
        Ok(table) => table,
        Err(error) => {
            wrong.0.push(error);
            return Limits::default();
        }
    };
    wrong.0.extend(table.unknown_keys(&LIMIT_KEYS));
    let mut read = |name| wrong.take(table.count(name));
    let [latency, interval, lut, ff, dsp, bram18, uram] = LIMIT_KEYS;
    Limits {
        latency_cycles: read(latency),
        interval_cycles: read(interval),
        lut: read(lut),
        ff: read(ff),
        dsp: read(dsp),
        bram18: read(bram18),
        uram: read(uram),
    }
}

/// The name that a model may have which is nearest to `text`, for example to the stem of its file.
pub fn model_name(text: &str) -> String {
    names::of_model(text)
}

/// The name becomes a C++ function, a Verilog module, a VHDL entity, a Tcl word, a file, a folder and a Rust module as it
/// stands.
fn check_model_name(name: &str, table: &Table) -> Result {
    let plain = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && !name.ends_with('_')
        && !name.contains("__")
        && name.len() <= 64;
    let refuse = |why: &str, rule: &str| {
        let becomes = "it becomes a C++ function, a Verilog module, a VHDL entity and a Rust module";
        Err(table
            .error(Code::InvalidValue, "", format!("{name:?} cannot name a model: {becomes}{why}"))
            .help(format!("use {rule}, for example `{}`", model_name(name))))
    };
    match names::meaning(name) {
        _ if !plain => refuse("", "1 to 64 lower-case letters, digits and single `_` between them, a letter first"),
        Some(meaning) => refuse(&format!(", and {meaning}"), "another name"),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guide_has_a_row_for_every_key() {
        let Some(guide) = crate::guide("manifest.md") else { return };
        let table = guide.split("keys -->").nth(1).unwrap();
        let mut listed: Vec<_> = table.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
        let limits: Vec<_> = LIMIT_KEYS.iter().map(|key| format!("limits.{key}")).collect();
        let limits = limits.iter().map(String::as_str);
        let all = [&TARGET_KEYS[..], &STYLE_KEYS, Knob::KEYS, &MODEL_KEYS, &PRECISION_KEYS, &["models", Variant::KEY]].concat();
        let mut known: Vec<_> = all.into_iter().chain(limits).collect();
        listed.sort_unstable();
        known.sort_unstable();
        assert_eq!(listed, known);
    }
}
