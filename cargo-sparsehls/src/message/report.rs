//! All that is known of a model: `report`. Its text and its page are views of these types; `docs/report.md` describes them.

use serde::{Deserialize, Serialize};
use sparsehls_build::toolchain;

use super::{Comparison, Estimate, Grid, Layer, Limit, Part, Point, Profile};

/// The form of this line. It grows when a key goes, or means something else.
pub const VERSION: u32 = 1;

/// A model, what became of it, and what is known about that.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Report {
    /// [`VERSION`].
    pub version: u32,
    /// The program that wrote it, with its version.
    pub tool: String,
    /// The package that declares the model.
    pub package: String,
    /// Which model.
    pub model: String,
    /// Its file.
    pub source: String,
    /// As `backend` in the manifest.
    pub backend: String,
    /// The device, and what the estimate takes of it.
    pub part: Part,
    /// Clock period that is asked for, in ns.
    pub clock_period: f64,
    /// What goes in.
    pub input: Input,
    /// The ops, as `check` has them.
    pub layers: Vec<Layer>,
    /// Their sum.
    pub estimate: Estimate,
    /// What no other knobs beat, as `explore` has it; empty with `--no-explore`.
    pub front: Vec<FrontPoint>,
    /// What tools found.
    pub tools: Tools,
    /// Whether it computes what Keras computes.
    pub agreement: Agreement,
    /// What a data set does to it; null if there is none.
    pub data_set: Option<DataSet>,
    /// Events step by step.
    pub events: Vec<Event>,
    /// What is different from another report; null unless one was given.
    pub changes: Option<Changes>,
}

/// What goes into a network.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Input {
    /// Of one event.
    pub shape: Vec<usize>,
    /// As in the manifest.
    pub format: String,
}

/// A point that no other beats.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FrontPoint {
    /// Whether the manifest has knobs that come to this.
    pub chosen: bool,
    /// The point, as `explore` has it.
    #[serde(flatten)]
    pub point: Point,
}

/// What tools found in this project.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Tools {
    /// Steps that are done for the project as it is.
    pub done: Vec<String>,
    /// Steps that were done for what the project was before.
    pub out_of_date: Vec<String>,
    /// The reports of those that are done, as `build` has them; null if there are none.
    pub report: Option<toolchain::Report>,
    /// Estimates beside what was found.
    pub compared: Vec<Compared>,
    /// Limits of the manifest.
    pub limits: Vec<Limit>,
}

/// An estimate beside what a step found.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Compared {
    /// `lut`, `ff`, `dsp`, `bram18`, `latency-cycles`, `interval-cycles`, `levels` or `clock-period`.
    pub quantity: String,
    /// The step.
    pub step: String,
    /// The estimate; of the clock period what is asked for.
    pub estimated: f64,
    /// What the step found.
    pub found: f64,
    /// How much more that is, in percent of the estimate; null if that is 0.
    pub percent: Option<f64>,
}

/// Whether a model computes what Keras computes, and how that is known.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Agreement {
    /// In a word.
    pub verdict: Verdict,
    /// What simulates the project: `csim` or `circuit`.
    pub engine: String,
    /// The simulation against the reference, on made-up events and the golden ones; null if it could not be compiled.
    pub simulation: Option<Comparison>,
    /// Why it could not.
    pub not_simulated: Option<String>,
    /// The golden file.
    pub golden: Option<String>,
    /// What simulation and reference give, against Keras, on the golden events.
    pub keras: Option<Comparison>,
    /// The difference to Keras that counts as none: 0 unless the network ends in a float function.
    pub tolerance: f64,
    /// What happened to the golden inputs.
    pub grid: Grid,
}

/// What the comparisons say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The same bits as Keras.
    Equal,
    /// As Keras, within the tolerance or what float32 rounds.
    Within,
    /// The simulation does what the reference does; there is no golden file to ask Keras.
    NotCompared,
    /// Something differs.
    Different,
}

/// A data set and what it does.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DataSet {
    /// Its file.
    pub file: String,
    /// The counts, as `profile` has them.
    pub profile: Profile,
}

/// An event step by step, in the reference.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Event {
    /// Which, from 0.
    pub event: usize,
    /// What goes in and is not 0.
    pub input: Vec<Pixel>,
    /// The ops.
    pub layers: Vec<EventLayer>,
    /// What comes out.
    pub outputs: Vec<f64>,
    /// What Keras has; absent if there is no golden file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keras: Option<Vec<f64>>,
}

/// A place in a value, with the values of all channels there.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Pixel {
    /// Row and column, from 0; the index in a value of another shape.
    pub at: Vec<usize>,
    /// Channel by channel.
    pub values: Vec<f64>,
    /// What the input reduction does with it; absent if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fate: Option<Fate>,
}

/// What becomes of a pixel of the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// It is active and has a slot.
    Kept,
    /// It is active, and the slots were taken by pixels before it.
    OverBudget,
    /// It is not above the threshold.
    BelowThreshold,
}

/// The values after an op.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EventLayer {
    /// The Keras layer's name, with a suffix for the ops beside its main one.
    pub name: String,
    /// What kind of op it is.
    pub kind: String,
    /// Format of the values.
    pub format: String,
    /// Shape as Keras has it.
    pub shape: Vec<usize>,
    /// The active pixels in the order of their slots, of a sparse value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pixels: Option<Vec<Pixel>>,
    /// All elements, of a dense value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub values: Option<Vec<f64>>,
}

/// What is different from another report.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Changes {
    /// The other report's file.
    pub against: String,
    /// One by one.
    pub list: Vec<Change>,
}

/// A difference. What is not there is null.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Change {
    /// The layer that it is about; null if it is about the whole model.
    pub layer: Option<String>,
    /// What is different.
    pub quantity: String,
    /// In the other report.
    pub before: Option<serde_json::Value>,
    /// In this one.
    pub after: Option<serde_json::Value>,
}
