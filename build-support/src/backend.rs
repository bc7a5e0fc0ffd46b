//! [`Backend`]: what writes a model as hardware, and makes an engine of that text. A folder for each language.
//!
//! [`of`] alone decides which one a model gets. A backend is given numbers, a [`Design`] in which the choices of a plan have
//! become formats and integers, and computes nothing but text.

pub mod hls;
pub mod verilog;

mod bindings;
mod project;
mod text;

use std::{fmt, num::NonZeroUsize, path::Path};

pub use self::{
    bindings::{Bindings, bindings},
    hls::{
        csim::Object,
        library::{Questions, Shared, SharedLibrary},
    },
    project::Project,
    text::{Templates, serde},
};
use self::{hls::Hls, verilog::Verilog};
use crate::{
    cost::{self, NetworkEstimate},
    engine::Engine,
    error::{Code, Error, Result},
    formats::FixedNetwork,
    lower::Design,
    manifest::{HlsTool, Knob, Language, Model, Pipeline, Target},
    mantissas::Mantissas,
    plan::Plan,
    process::Cancel,
};

/// A language that hardware is written in.
pub trait Backend: fmt::Debug + Sync {
    /// Its name in the manifest, in JSON and in messages.
    fn name(&self) -> &'static str;

    /// Refuses a plan that cannot be built in this language.
    ///
    /// # Errors
    /// [`InvalidValue`](crate::Code::InvalidValue); the error names the key.
    fn validate(&self, model: &Model, network: &FixedNetwork, plan: &Plan) -> Result;

    /// How many of the golden events the test bench of a project gets, if there are so many.
    fn bench_events(&self, network: &FixedNetwork) -> usize;

    /// What a network costs if it is built as planned.
    ///
    /// # Errors
    /// As [`Design::new`].
    fn estimate(&self, network: &FixedNetwork, plan: &Plan, target: &Target) -> Result<NetworkEstimate>;

    /// Writes out the project of `design` for `model` of `package`.
    ///
    /// # Errors
    /// Whatever the language cannot express.
    fn emit(&self, package: &str, model: &Model, design: &Design, bench: Bench<'_>) -> Result<Project>;

    /// Makes an engine of the text of a project, unless that has been done for the same text.
    ///
    /// # Errors
    /// Whatever keeps it from being made on this machine.
    fn compile<'a>(&self, generated: Generated<'a>) -> Result<Compiled<'a>>;

    /// The library of a project in `folder`, for programs in any language.
    ///
    /// # Errors
    /// [`NoCompiler`](crate::Code::NoCompiler), and [`Internal`](crate::Code::Internal) if a program cannot link what is
    /// written in this language.
    fn library<'a>(&self, package: &str, generated: &'a Generated<'a>, folder: &Path) -> Result<Shared<'a>>;
}

/// The backend for a target.
pub fn of(target: &Target) -> &'static dyn Backend {
    match target.language {
        Language::Hls(HlsTool::Vitis) => &Hls(HlsTool::Vitis),
        Language::Hls(HlsTool::Vivado) => &Hls(HlsTool::Vivado),
        Language::Verilog => &Verilog,
    }
}

/// Plans `network` as the manifest wants it and the model's backend can build it.
///
/// # Errors
/// As [`Plan::new`] and [`Backend::validate`].
pub fn plan(network: &FixedNetwork, model: &Model) -> Result<Plan> {
    let plan = first(network, model)?;
    of(&model.target).validate(model, network, &plan)?;
    Ok(plan)
}

/// The plan that a model gets before anybody asks for another. What has no `interval` gets the shortest with which HLS can be
/// expected to compile the network within an hour; a circuit is not compiled, and has 1.
fn first(network: &FixedNetwork, model: &Model) -> Result<Plan> {
    let plan = Plan::new(network, model, cost::area)?;
    let is_given = model.knobs.given().next().is_some() || model.pipeline == Pipeline::Function;
    let fits = |plan: &Plan| cost::instructions(network, plan) <= cost::FIRST_INSTRUCTIONS;
    if is_given || fits(&plan) || !matches!(model.target.language, Language::Hls(_)) {
        return Ok(plan);
    }
    let mut model = model.clone();
    let mut at = |interval: usize| {
        model.knobs.set(Knob::Interval, NonZeroUsize::new(interval));
        Plan::new(network, &model, cost::area)
    };
    let (mut low, mut high) = (0, INTERVALS.len() - 1);
    while low < high {
        let middle = usize::midpoint(low, high);
        if fits(&at(INTERVALS[middle])?) { high = middle } else { low = middle + 1 }
    }
    at(INTERVALS[low])
}

/// Intervals that are tried where none is given.
const INTERVALS: [usize; 16] = [2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 48, 64, 96, 128];

/// What the test bench of a project gets.
#[derive(Debug, Clone, Copy)]
pub struct Bench<'a> {
    /// What goes in.
    pub inputs: &'a Mantissas,
    /// What must come out.
    pub outputs: &'a Mantissas,
    /// How many of the first events are made up; golden ones follow.
    pub made_up: usize,
}

/// A project, and what it was made from.
#[derive(Debug, Clone)]
pub struct Generated<'a> {
    /// The text.
    pub project: Project,
    /// Where it has been written.
    pub directory: &'a Path,
    /// What the manifest says of the model.
    pub model: &'a Model,
    /// What the project computes.
    pub network: &'a FixedNetwork,
    /// Whether what was kept of earlier compiles is not to be used.
    pub anew: bool,
    /// Ends what is started for it.
    pub cancel: Cancel,
}

impl Generated<'_> {
    /// `what` was ended because it took too long.
    pub(crate) fn too_long(&self, code: Code, what: &str) -> Error {
        let minutes = self.model.target.csim_timeout.as_secs_f64() / 60.0;
        Error::new(code, format!("{what} took longer than the {minutes} minutes of `csim-timeout`, and was ended"))
            .file(&self.model.manifest)
            .key(format!("{}.csim-timeout", self.model.key()))
            .help("give it more time with that key if it needs more")
    }
}

/// What [`Backend::compile`] gives.
#[derive(Debug)]
pub struct Compiled<'a> {
    /// What computes events.
    pub engine: Box<dyn Engine + 'a>,
    /// The fingerprint of it and of all that it was made from.
    pub made_from: u64,
    /// Whether it was made now.
    pub is_new: bool,
    /// The object file that it was linked from, if there is one that was compiled now.
    pub object: Option<Object>,
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    #[test]
    fn a_backend_has_the_name_that_the_manifest_chose_it_by() {
        for language in Language::ALL {
            let target = Target {
                language: *language,
                part: "p".into(),
                clock_period: 5.0,
                clock_uncertainty: 27.0,
                launcher: Vec::new(),
                tool_timeout: None,
                csim_timeout: std::time::Duration::from_secs(60),
            };
            assert_eq!(of(&target).name(), language.name());
        }
    }

    /// The names of the files below `folder` that have `word` in them.
    fn with(word: &str, folder: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                with(word, &entry, found);
            } else if fs::read_to_string(&entry).unwrap().contains(word) {
                found.push(entry.strip_prefix(concat!(env!("CARGO_MANIFEST_DIR"), "/src")).unwrap().display().to_string());
            }
        }
    }

    /// Where a second language has to be thought of: this list does not grow unnoticed.
    #[test]
    fn few_files_know_that_there_is_hls() {
        let mut found = Vec::new();
        with("hls::", &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
        found.retain(|path| !path.starts_with("backend"));
        found.sort();
        assert_eq!(found, ["build_script/library.rs", "toolchain/job.rs"]);
    }
}
