//! What a model becomes, by the cost model: `check` and `explore`.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sparsehls_build::{ops, parts, report, structure};

use crate::explore;

/// An op of a model.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Layer {
    /// Which model.
    pub model: String,
    /// The Keras layer's name, with a suffix for the ops beside its main one.
    pub name: String,
    /// What kind of op it is.
    pub kind: String,
    /// Shape of the result; (slots, channels) for a sparse one.
    pub shape: Vec<usize>,
    /// Its formats.
    pub formats: Formats,
    /// How many bits its numbers have.
    pub widths: Widths,
    /// What it costs.
    pub cost: Cost,
}

/// How many numbers have how many bits, by the number of bits, the sign included.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Widths {
    /// Channels of a sparse result, elements of a dense one: what each needs for all that can occur.
    pub output: BTreeMap<String, u64>,
    /// Weights, from the first bit that matters to the last; a weight that is 0 has none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub weights: BTreeMap<String, u64>,
    /// Biases, in the same way.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub bias: BTreeMap<String, u64>,
}

/// Formats as in the manifest: `fixed<W,I>`, `ufixed<W,I>`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Formats {
    /// Of what goes in.
    pub input: String,
    /// Of what comes out.
    pub output: String,
    /// Of sums inside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accumulator: Option<String>,
    /// Of the weights.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weights: Option<String>,
    /// How many different formats a quantizer has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quantizers: Option<usize>,
}

/// The estimate of an op, and what it consists of.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Cost {
    /// How the op is built.
    pub plan: Plan,
    /// Area and cycles.
    #[serde(flatten)]
    pub estimate: Estimate,
    /// Operations in hardware, by kind and width.
    pub operations: Vec<Count>,
}

/// How an op is built.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Plan {
    /// Which implementation, where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// Slots in a step.
    pub pixels_per_cycle: usize,
    /// Filters, or outputs of a dense layer, in a step.
    pub filters_per_cycle: usize,
    /// Channels, or inputs of a dense layer, in a step.
    pub channels_per_cycle: usize,
    /// Steps for one event, one a cycle.
    pub steps: usize,
    /// Whether a later op does it, which looks up weights.
    pub absorbed: bool,
}

/// How many of an operation there are.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Count {
    /// The operation: its kind, and its widths in bits.
    pub operation: structure::Operation,
    /// How many.
    pub count: u64,
}

/// Area as after logic synthesis, and cycles.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Estimate {
    /// Look-up tables.
    pub luts: u64,
    /// Look-up tables as Vitis HLS would report them.
    pub hls_luts: u64,
    /// Flip-flops.
    pub ffs: u64,
    /// DSP blocks.
    pub dsps: u64,
    /// Block RAMs of 18 kb.
    pub bram18: u64,
    /// Bits of constant tables.
    pub table_bits: u64,
    /// Delay of the longest path without registers, in ns, to a picosecond.
    pub depth_ns: f64,
    /// Clock cycles from an input to its output.
    pub latency: u64,
    /// Clock cycles from one event to the next.
    pub interval: u64,
    /// LUTs behind each other on the longest path between registers, of a circuit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub levels: Option<u32>,
}

/// The device of a model; null where its capacity is not known.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Part {
    /// As in the manifest.
    pub part: String,
    /// What it has.
    pub available: Option<Available>,
    /// What the model takes of that.
    pub percent: Option<parts::Percent>,
}

/// What a device has; null where that is not known.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Available {
    /// Look-up tables.
    pub lut: u64,
    /// Flip-flops.
    pub ff: u64,
    /// DSP slices.
    pub dsp: u64,
    /// Block RAMs of 18 kb.
    pub bram18: Option<u64>,
    /// Ultra RAMs.
    pub uram: u64,
}

/// A point of the sweep over the knobs.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Point {
    /// Which model.
    pub model: String,
    /// The number that `--apply` takes.
    pub number: usize,
    /// Its knobs.
    pub knobs: Knobs,
    /// What they cost.
    pub estimate: Estimate,
    /// What they take of the part, in percent; null where its capacity is not known.
    pub percent: Option<parts::Percent>,
}

/// What a point sets in the manifest.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Knobs {
    /// `dataflow` or `function`.
    pub pipeline: String,
    /// `partition` or `row`.
    pub interface: String,
    /// Steps that every layer may take.
    pub interval: usize,
    /// Layers with `interval = 1`.
    pub one_step: BTreeSet<String>,
}

impl Layer {
    /// The line for a layer of `model`.
    pub fn new(model: &str, layer: &report::LayerSummary) -> Self {
        let report::LayerSummary { name, kind, shape, formats, widths, cost } = layer;
        let report::Formats { input, output, accumulator, weights, quantizers } = formats.clone();
        Self {
            model: model.to_owned(),
            name: name.clone(),
            kind: (*kind).to_owned(),
            shape: shape.clone(),
            formats: Formats { input, output, accumulator, weights, quantizers },
            widths: Widths { output: by_name(&widths.output), weights: by_name(&widths.weights), bias: by_name(&widths.bias) },
            cost: Cost {
                plan: cost.plan.into(),
                estimate: cost.estimate.into(),
                operations: cost.operations.iter().map(|of| Count { operation: of.operation, count: of.count }).collect(),
            },
        }
    }
}

/// JSON has no keys that are numbers.
fn by_name(counts: &BTreeMap<u32, u64>) -> BTreeMap<String, u64> {
    counts.iter().map(|(width, count)| (width.to_string(), *count)).collect()
}

impl From<ops::LayerPlan> for Plan {
    fn from(plan: ops::LayerPlan) -> Self {
        let ops::LayerPlan { variant, pixels_per_cycle, filters_per_cycle, channels_per_cycle, steps, absorbed } = plan;
        let variant = variant.map(|variant| variant.name().to_owned());
        Self { variant, pixels_per_cycle, filters_per_cycle, channels_per_cycle, steps, absorbed }
    }
}

impl From<structure::Estimate> for Estimate {
    fn from(estimate: structure::Estimate) -> Self {
        let structure::Estimate {
            luts,
            hls_luts,
            ffs,
            dsps,
            bram18,
            table_bits,
            depth_ns,
            latency,
            initiation_interval: interval,
            levels,
        } = estimate;
        // No more digits than an estimate has; a sum of nothing is `-0.0`, which becomes 0.
        let depth_ns = (depth_ns * 1000.0).round() / 1000.0 + 0.0;
        Self { luts, hls_luts, ffs, dsps, bram18, table_bits, depth_ns, latency, interval, levels }
    }
}

impl Part {
    /// What `demand` takes of `part`.
    pub fn new(part: &str, demand: &parts::Demand) -> Self {
        let capacity = parts::capacity(part);
        let available =
            capacity.map(|parts::Capacity { lut, ff, dsp, bram18, uram, .. }| Available { lut, ff, dsp, bram18, uram });
        Self { part: part.to_owned(), available, percent: capacity.map(|capacity| capacity.percent(demand)) }
    }
}

impl Point {
    /// The line for point `number` of `model`, on `part`.
    pub fn new(model: &str, part: &str, number: usize, point: &explore::Point) -> Self {
        let explore::Knobs { pipeline, interface, interval, one_step } = &point.knobs;
        let knobs = Knobs {
            pipeline: pipeline.name().to_owned(),
            interface: interface.name().to_owned(),
            interval: interval.get(),
            one_step: one_step.clone(),
        };
        let percent = parts::capacity(part).map(|capacity| capacity.percent(&point.estimate.demand()));
        Self { model: model.to_owned(), number, knobs, estimate: point.estimate.into(), percent }
    }
}
