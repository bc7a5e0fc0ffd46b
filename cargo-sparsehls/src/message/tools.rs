//! What is installed, and what tools did: `doctor` and `build`.

use serde::{Deserialize, Serialize};
use sparsehls_build::{
    parts::{self, Percent},
    toolchain::{self, Done, LeftOut, Program, Report, limits},
};

/// A tool that `doctor` looked for.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Tool {
    /// The C++ compiler.
    Compiler(Compiler),
    /// Another.
    Vendor(VendorTool),
}

/// The C++ compiler: `name` is `c++`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Compiler {
    /// `c++`.
    pub name: String,
    /// Whether it is there.
    pub found: bool,
    /// What it says of itself.
    pub version: Option<String>,
    /// What it is needed for.
    pub enables: String,
    /// How to get it, if it is not there.
    pub help: Option<String>,
}

/// A tool that runs steps.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct VendorTool {
    /// Name of the program.
    pub name: String,
    /// Whether it is there.
    pub found: bool,
    /// Its version, if it says one.
    pub version: Option<String>,
    /// Where it is.
    pub path: Option<String>,
    /// What led to it: `PATH`, or an environment variable.
    pub source: Option<String>,
    /// What it is needed for.
    pub enables: String,
    /// How to get it, if it is not there.
    pub help: Option<String>,
    /// Why it cannot be run; absent if it can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broken: Option<String>,
    /// What is known of this version; absent for open tools.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub known: Vec<Known>,
}

/// Something that is known of a version of a tool.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Known {
    /// What.
    pub what: String,
    /// From where.
    pub source: String,
    /// Whether something goes wrong.
    pub fault: bool,
}

/// The Verilog of a model, simulated.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Simulation {
    /// Which model.
    pub model: String,
    /// What simulated it.
    pub tool: String,
    /// Events that went through.
    pub events: u64,
    /// Events whose outputs are not those of the reference.
    pub events_different: u64,
    /// Cycles from the last word of an event to its output.
    pub latency_cycles: u64,
    /// Cycles from one event to the next.
    pub interval_cycles: u64,
}

/// The tools on a model.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Synthesis {
    /// Which model.
    pub model: String,
    /// What came of it.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// What came of it; the key `status` says which.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "kebab-case")]
pub enum Outcome {
    /// Nothing was run.
    Skipped {
        /// Why.
        why: String,
    },
    /// A tool failed; an `error` follows.
    Failed {
        /// Why.
        why: String,
    },
    /// Every step is done.
    Done(Box<Synthesized>),
}

/// What the tools found.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Synthesized {
    /// The reports, which are made to be read by programs themselves; null if no step leaves one.
    pub report: Option<Report>,
    /// What the design takes of the part, in percent; null if the report or the part's capacity does not say.
    pub percent: Option<Percent>,
    /// Steps that ran now.
    pub ran: Vec<String>,
    /// Steps that had been done for the same content.
    pub kept: Vec<String>,
    /// Every limit of the manifest that something was found for.
    pub limits: Vec<Limit>,
    /// Steps that were left out; absent if there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<StepLeftOut>,
}

/// A step that did not run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StepLeftOut {
    /// Which.
    pub step: String,
    /// Why.
    pub why: String,
}

/// A limit of the manifest.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Limit {
    /// Its key.
    pub name: String,
    /// What was found; null if the tool does not say.
    pub found: Option<u64>,
    /// Which step found it.
    pub source: String,
    /// The limit.
    pub limit: u64,
    /// Whether it is kept. What is not known is not.
    pub kept: bool,
}

impl Compiler {
    /// The line for a compiler of this version, or for one that is missing.
    pub fn new(version: Option<&str>, enables: &str, help: Option<&str>) -> Self {
        Self {
            name: "c++".to_owned(),
            found: version.is_some(),
            version: version.map(str::to_owned),
            enables: enables.to_owned(),
            help: help.map(str::to_owned),
        }
    }
}

impl VendorTool {
    /// The line for a tool that is there.
    pub fn found(tool: &toolchain::Tool, version: Option<String>, broken: Option<String>) -> Self {
        let (path, source) = (tool.path.display().to_string(), tool.source.to_owned());
        let known = version.iter().flat_map(|version| toolchain::known(tool.program, version)).map(Known::from).collect();
        let missing = Self::missing(tool.program);
        Self { found: true, version, path: Some(path), source: Some(source), help: None, broken, known, ..missing }
    }

    /// The line for one that is not.
    pub fn missing(program: Program) -> Self {
        Self {
            name: program.name().to_owned(),
            found: false,
            version: None,
            path: None,
            source: None,
            enables: program.enables().to_owned(),
            help: Some(program.remedy().to_owned()),
            broken: None,
            known: Vec::new(),
        }
    }
}

impl From<toolchain::Known> for Known {
    fn from(known: toolchain::Known) -> Self {
        let toolchain::Known { what, source, is_fault } = known;
        Self { what: what.to_owned(), source: source.to_owned(), fault: is_fault }
    }
}

impl Simulation {
    /// The line for `found` in `model`.
    pub fn new(model: &str, found: &toolchain::Simulation) -> Self {
        let toolchain::Simulation { events, events_different, latency_cycles, interval_cycles } = *found;
        let tool = Program::Verilator.name().to_owned();
        Self { model: model.to_owned(), tool, events, events_different, latency_cycles, interval_cycles }
    }
}

impl Synthesized {
    /// What `done` found on `part`, the limits it stands against, and what was left out.
    pub fn new(done: &Done, part: &str, limits: &[limits::Row], left_out: &[LeftOut]) -> Self {
        let step = |left_out: &LeftOut| {
            let LeftOut { step, why } = left_out;
            StepLeftOut { step: step.name().to_owned(), why: why.message().to_owned() }
        };
        let names = |steps: &[&str]| steps.iter().map(|step| (*step).to_owned()).collect();
        Self {
            report: Some(done.report.clone()).filter(|report| !report.is_empty()),
            percent: done.report.demand().and_then(|demand| Some(parts::capacity(part)?.percent(&demand))),
            ran: names(&done.ran.names()),
            kept: names(&done.kept.names()),
            limits: limits.iter().map(Limit::from).collect(),
            left_out: left_out.iter().map(step).collect(),
        }
    }
}

impl From<&limits::Row> for Limit {
    fn from(row: &limits::Row) -> Self {
        let limits::Row { name, found, source, limit } = row;
        Self { name: (*name).to_owned(), found: *found, source: (*source).to_owned(), limit: *limit, kept: row.kept() }
    }
}
