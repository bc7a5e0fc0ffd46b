//! `[package.metadata.sparsehls]` of a firmware package.
//!
//! Values are looked up in the model's table, then in `[package.metadata.sparsehls]`, then in
//! `[workspace.metadata.sparsehls]`. Every key is checked: a mistyped knob must never silently give other hardware.

mod choices;
mod ip;
mod knobs;
mod layers;
mod limits;
mod package;
mod table;
mod target;
mod technology;
mod verilog;

use std::{collections::BTreeMap, path::PathBuf};

pub(crate) use self::package::of_build_script;
use self::table::Table;
pub use self::{
    choices::{Interface, LimitsOn, Output, Pipeline, Synth, Variant},
    ip::{BlockControl, ExportFlow, Hls, Ip, ResetLevel},
    knobs::{Counts, Knob, Knobs},
    layers::{LayerOptions, Precision},
    limits::{Limit, Limits},
    package::{Package, Parse, Selection},
    target::{HlsTool, Language, Target},
    technology::{Ecp5, Technology},
    verilog::Verilog,
};
use crate::{
    error::{Code, Error, Errors, Result},
    fixed::Format,
    names,
};

/// One model of the manifest.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// The HLS top function and the Rust module.
    pub name: String,
    /// The `.keras` file.
    pub source: PathBuf,
    /// Arrays `x` and `y` from Keras, which builds are checked against.
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
    /// How the image enters. What is not given is chosen by language and network.
    pub interface: Option<Interface>,
    /// What only Verilog has.
    pub verilog: Verilog,
    /// What only HLS has.
    pub hls: Hls,
    /// Whether tools run, and gates on what they find.
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

/// Keys that the model's table and those with defaults for it may have.
fn shared_keys() -> Vec<&'static str> {
    [&target::KEYS[..], &[Pipeline::KEY, Interface::KEY, LimitsOn::KEY, Synth::KEY], &Verilog::KEYS, &Hls::KEYS, Knob::KEYS]
        .concat()
}

/// Keys that the model's table alone may have.
const OWN_KEYS: [&str; 6] = ["source", "golden", "input", "output", "limits", "layers"];

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
    let workspace = Table::new(package.workspace_metadata.as_ref(), "workspace.metadata.sparsehls", &package.workspace_manifest)?;
    let defaults = Table::new(package.metadata.as_ref(), "package.metadata.sparsehls", &package.manifest)?;
    let mut unknown = workspace.unknown_keys(&[&shared_keys()[..], &[package::OUT_DIR]].concat());
    unknown.extend(defaults.unknown_keys(&[&shared_keys()[..], &["models", package::OUT_DIR]].concat()));
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
fn model(package: &Package, name: String, tables: &[Table; 3]) -> Result<Model, Errors> {
    let [own, ..] = tables;
    let mut wrong = Problems(own.unknown_keys(&[&shared_keys()[..], &OWN_KEYS, &layers::PRECISION_KEYS].concat()));
    wrong.take(check_model_name(&name, own));
    let path = |text: String| package.directory.join(text);
    let mut model = Model {
        source: path(wrong.take(source(own, &name))),
        golden: wrong.take(own.string("golden")).map(path),
        input: wrong.take(layers::format(own, "input")),
        output: wrong.take(own.choice("output", Output::ALL, Output::name)).unwrap_or(Output::Model),
        precision: layers::precision(own, &mut wrong),
        knobs: Knobs::read(tables, &mut wrong),
        layers: layers::read(own, &mut wrong),
        pipeline: wrong
            .take(nearest(tables, |t| t.choice(Pipeline::KEY, Pipeline::ALL, Pipeline::name)))
            .unwrap_or(Pipeline::Dataflow),
        interface: wrong.take(nearest(tables, |t| t.choice(Interface::KEY, Interface::ALL, Interface::name))),
        verilog: Verilog::default(),
        hls: Hls::default(),
        limits: limits::read(tables, &mut wrong),
        target: target::read(tables, &mut wrong),
        manifest: package.manifest.clone(),
        name,
    };
    model.verilog = verilog::read(tables, model.target.language, &mut wrong);
    model.hls = ip::read(tables, &package.directory, model.target.language, &mut wrong);
    Errors::of(wrong.0).map_or(Ok(model), Err)
}

fn source(own: &Table, name: &str) -> Result<String> {
    own.string("source")?.ok_or_else(|| {
        own.error(Code::MissingKey, "source", format!("model `{name}` names no `.keras` file"))
            .help(format!("add `source = \"models/{name}.keras\"`, relative to Cargo.toml"))
    })
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
        let limits: Vec<_> = Limit::ALL.iter().map(|limit| format!("limits.{}", limit.name())).collect();
        let limits = limits.iter().map(String::as_str);
        let all = [&shared_keys()[..], &OWN_KEYS, &layers::PRECISION_KEYS, &["models", Variant::KEY, package::OUT_DIR]].concat();
        let mut known: Vec<_> = all.into_iter().chain(limits).collect();
        listed.sort_unstable();
        known.sort_unstable();
        assert_eq!(listed, known);
    }

    #[test]
    fn the_guide_says_what_every_choice_can_be() {
        let Some(guide) = crate::guide("manifest.md") else { return };
        let words = [
            Language::ALL.iter().map(|language| language.name()).collect::<Vec<_>>(),
            Pipeline::ALL.iter().map(|pipeline| pipeline.name()).collect(),
            Interface::ALL.iter().map(|interface| interface.name()).collect(),
            Variant::ALL.iter().map(|variant| variant.name()).collect(),
            Output::ALL.iter().map(|output| output.name()).collect(),
            ExportFlow::ALL.iter().map(|flow| flow.name()).collect(),
            LimitsOn::ALL.iter().map(|on| on.name()).collect(),
            Synth::ALL.iter().map(|synth| synth.name()).collect(),
            BlockControl::ALL.iter().map(|control| control.name()).collect(),
            ResetLevel::ALL.iter().map(|level| level.name()).collect(),
        ];
        let missing: Vec<_> = words.concat().into_iter().filter(|word| !guide.contains(&format!("`\"{word}\"`"))).collect();
        assert_eq!(missing, [""; 0]);
    }
}
