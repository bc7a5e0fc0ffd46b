//! The lines of `--message-format json`, one type for each `reason`; `docs/commands.md` describes them for users.
//!
//! They are a promise to programs. So they have types of their own, filled from those of the compiler, which may change.
//! Counts are of whole things, times in ns where the name says so; cycles are clock cycles of the firmware.

mod comparison;
mod design;
pub mod report;
mod tools;

#[cfg(test)]
use serde::Deserialize;
use serde::Serialize;
use sparsehls_build::{
    Error, Firmware, Result,
    cost::{self, NetworkEstimate},
    manifest::Language,
    terminal,
    toolchain::limits,
};

pub use self::{
    comparison::{AtThreshold, Comparison, Grid, Pixels, Predict, Profile, SelfCheck, Trace, Verify},
    design::{Estimate, Layer, Part, Point},
    report::Report,
    tools::{Compiler, Limit, Outcome, Simulation, Synthesis, Synthesized, Tool, VendorTool},
};

/// A line. The key `reason` says which.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(Deserialize))]
#[serde(tag = "reason", rename_all = "kebab-case")]
pub enum Message {
    /// `new`, `init`: what was made.
    Created(Created),
    /// `check`: an op.
    Layer(Layer),
    /// `check`: a whole model.
    Estimate(ModelEstimate),
    /// `explore`: a point that no other beats.
    Point(Point),
    /// `build`, `verify`, `predict`, `report`: a project is up to date.
    Project(Project),
    /// `build`: csim against reference.
    SelfCheck(SelfCheck),
    /// `verify`: an engine against Keras.
    Verify(Verify),
    /// `predict`: a file is written.
    Predict(Predict),
    /// `profile`: the counts of a data set.
    Profile(Profile),
    /// `trace`: an op's values for one event.
    Trace(Trace),
    /// `report`: all that is known of a model.
    Report(Box<Report>),
    /// `explain`: an error, or a note.
    Explanation(Explanation),
    /// `doctor`: a tool.
    Tool(Tool),
    /// `build`: the Verilog of a model, simulated.
    Simulation(Simulation),
    /// `build`: the tools on a model.
    Synthesis(Synthesis),
    /// Any command: what went wrong. There may be several.
    Error(Failure),
    /// Any command: the last line.
    Finished(Finished),
}

/// A firmware package that was made, or added to.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(Deserialize))]
pub struct Created {
    /// Name of the package.
    pub package: String,
    /// Its folder.
    pub path: String,
    /// The files that were written, below the folder.
    pub files: Vec<String>,
    /// Full names of the keys of the manifest that are to be filled in.
    pub missing: Vec<String>,
}

/// The estimate of a whole model: area of all layers, latency through all, interval of the slowest.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(Deserialize))]
pub struct ModelEstimate {
    /// Which model.
    pub model: String,
    /// Its sums.
    #[serde(flatten)]
    pub total: Estimate,
    /// Instructions that HLS has to compile, about; absent for Verilog.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instructions: Option<u64>,
    /// The FIFOs between processes, which are in the sums; absent if there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fifos: Option<Fifos>,
    /// The interval if a tool does not rewind loops; absent if there are none.
    #[serde(rename = "interval-without-rewind", skip_serializing_if = "Option::is_none")]
    pub interval_without_rewind: Option<u64>,
    /// What it is for, and what it takes of that.
    #[serde(flatten)]
    pub part: Part,
    /// Limits that are held against it; absent if none is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<Limit>,
}

impl ModelEstimate {
    /// The line for a model whose estimate is held against `limits`.
    ///
    /// # Errors
    /// As [`Firmware::estimate`].
    pub fn new(firmware: &Firmware, limits: &[limits::Row]) -> Result<Self> {
        let Firmware { model, network, plan, .. } = firmware;
        let NetworkEstimate { total, fifos, without_rewind, .. } = firmware.estimate()?;
        let instructions = matches!(model.target.language, Language::Hls(_)).then(|| cost::instructions(network, plan));
        let part = Part::new(&model.target.part, &total.demand());
        let limits = limits.iter().map(Limit::from).collect();
        let fifos = (fifos.count > 0).then(|| fifos.into());
        let model = model.name.clone();
        Ok(Self { model, total: total.into(), instructions, fifos, interval_without_rewind: without_rewind, part, limits })
    }
}

/// FIFOs between processes, together.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(Deserialize))]
pub struct Fifos {
    /// How many.
    pub count: u64,
    /// Their LUTs after logic synthesis.
    pub luts: u64,
    /// Their flip-flops.
    pub ffs: u64,
}

impl From<cost::Fifos> for Fifos {
    fn from(cost::Fifos { count, luts, ffs }: cost::Fifos) -> Self {
        Self { count, luts, ffs }
    }
}

/// A project that is up to date, before its csim is compiled.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(Deserialize))]
pub struct Project {
    /// Which model.
    pub model: String,
    /// As `backend` in the manifest.
    pub backend: String,
    /// Folder of the project.
    pub path: String,
}

/// What the guide says of an error or a note.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(Deserialize))]
pub struct Explanation {
    /// Its code or name.
    pub code: String,
    /// The section of `docs/errors.md`, as Markdown.
    pub text: String,
}

/// An error; what does not apply is null.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(Deserialize))]
pub struct Failure {
    /// One of the codes in `docs/errors.md`.
    pub code: String,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// The file it is about.
    pub file: Option<String>,
    /// The key of the manifest.
    pub key: Option<String>,
    /// The layer of the model.
    pub layer: Option<String>,
}

/// How the command ended.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(Deserialize))]
pub struct Finished {
    /// Whether the exit code is 0.
    pub success: bool,
    /// How long it took, to a millisecond.
    pub seconds: f64,
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        Self {
            code: error.code().name().to_owned(),
            message: error.message().to_owned(),
            help: error.help_text().map(str::to_owned),
            file: error.file_path().map(|path| path.display().to_string()),
            key: error.key_path().map(str::to_owned),
            layer: error.layer_name().map(str::to_owned),
        }
    }
}

/// JSON in which what steers a terminal is an escape too: the same text for programs, and harmless where it is looked at.
fn escaped(json: &str) -> String {
    let mut line = String::with_capacity(json.len());
    for c in json.chars() {
        if terminal::steers(c) {
            c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| line += &format!("\\u{unit:04x}"));
        } else {
            line.push(c);
        }
    }
    line
}

impl Message {
    /// The line, without its end. Keys are in alphabetical order.
    pub fn line(&self) -> String {
        // A `Value` sorts the keys; a struct has them as they are declared.
        #[expect(clippy::expect_used, reason = "serializing fails for keys that are no text, and there are none")]
        escaped(&serde_json::to_value(self).expect("every line is an object").to_string())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::Message;

    /// The examples of the guide; nothing outside of the repository.
    fn examples() -> Vec<Value> {
        let pages = ["commands.md", "report.md"]
            .map(|page| std::fs::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(page)));
        let [Ok(commands), Ok(report)] = pages else {
            crate::skip::skipped("the pages of docs are not there");
            return Vec::new();
        };
        let lines = commands.lines().chain(report.lines()).filter(|line| line.starts_with("    {\""));
        lines.map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
    }

    /// Nothing unknown, nothing missing: what a line is read into writes the same line.
    #[test]
    fn the_examples_of_the_guide_are_messages() {
        for example in examples() {
            let message: Message = serde_json::from_value(example.clone()).unwrap_or_else(|error| panic!("{error}: {example}"));
            assert_eq!(serde_json::from_str::<Value>(&message.line()).unwrap(), example);
        }
    }

    #[test]
    fn a_line_is_the_truth_and_steers_nothing() {
        let name = "a\u{1b}[31m\u{7}\u{9b}\u{202e}\u{e0041}\\ \"ü\" 日\n".repeat(1000);
        let finished = super::Project { model: name.clone(), backend: String::new(), path: String::new() };
        let line = Message::Project(finished).line();
        assert!(!line.chars().any(super::terminal::steers));
        assert_eq!(serde_json::from_str::<Value>(&line).unwrap()["model"], name);
    }

    #[test]
    fn every_message_has_an_example() {
        let examples = examples();
        if examples.is_empty() {
            return;
        }
        // serde knows the list: "unknown variant `?`, expected one of `created`, ...".
        let error = serde_json::from_str::<Message>(r#"{"reason":"?"}"#).unwrap_err().to_string();
        let reasons: BTreeSet<_> = error.split('`').skip(3).step_by(2).collect();
        assert!(reasons.len() > 10, "{error}");
        let shown: BTreeSet<_> = examples.iter().filter_map(|example| example["reason"].as_str()).collect();
        assert_eq!(shown, reasons);
    }
}
