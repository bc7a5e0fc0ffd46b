//! What people look at.

use std::collections::BTreeMap;

use crate::{
    cost::{self, NetworkEstimate},
    firmware::Firmware,
    manifest::Language,
    ops::{FixedOp, LayerPlan},
    structure::{Estimate, Operation},
};

/// A layer of the table that `check` prints.
#[derive(Debug, Clone)]
pub struct LayerSummary {
    /// The Keras layer's name, with a suffix for the ops beside its main one.
    pub name: String,
    /// What kind of op it is.
    pub kind: &'static str,
    /// Shape of the result; (slots, channels) for a sparse one.
    pub shape: Vec<usize>,
    /// Its formats.
    pub formats: Formats,
    /// What it costs.
    pub cost: Cost,
}

/// The formats of a layer.
#[derive(Debug, Clone)]
pub struct Formats {
    /// What goes in.
    pub input: String,
    /// What comes out.
    pub output: String,
    /// Sums inside.
    pub accumulator: Option<String>,
    /// The weights.
    pub weights: Option<String>,
    /// Different formats of a quantizer.
    pub quantizers: Option<usize>,
}

/// What a layer costs, by the cost model of `docs/cost-model.md`.
#[derive(Debug, Clone)]
pub struct Cost {
    /// How it is built.
    pub plan: LayerPlan,
    /// Area and cycles.
    pub estimate: Estimate,
    /// Operations in hardware, by kind and width.
    pub operations: Vec<Count>,
}

/// How many of an operation there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// The operation.
    pub operation: Operation,
    /// How many.
    pub count: u64,
}

/// The table of layers, as planned.
pub fn layers(firmware: &Firmware, estimate: &NetworkEstimate) -> Vec<LayerSummary> {
    estimate.layers.iter().enumerate().map(|(at, estimate)| summary(firmware, at, *estimate)).collect()
}

fn summary(Firmware { model, network, plan, .. }: &Firmware, at: usize, estimate: Estimate) -> LayerSummary {
    let fixed = &network.layers[at];
    // A circuit is not made of the operations of the HLS kernels.
    let operations = match model.target.language {
        Language::Hls(_) => cost::planned(network, plan, at, &model.target).0.structure.operations(),
        Language::Verilog => BTreeMap::new(),
    };
    let operations = operations.into_iter().map(|(operation, count)| Count { operation, count });
    let cost = Cost { plan: plan.layers[at], estimate, operations: operations.collect() };
    let quantizers = match &fixed.layer.op {
        FixedOp::Quantize(op) => Some(op.quantizer.formats.len()),
        _ => None,
    };
    LayerSummary {
        name: fixed.layer.name.clone(),
        kind: fixed.kind,
        shape: fixed.layer.shape.dimensions(),
        formats: Formats {
            input: fixed.input.describe(),
            output: fixed.output.describe(),
            accumulator: fixed.about().accumulator.map(|format| format.to_string()),
            weights: fixed.about().weights.map(|weights| weights.format().to_string()),
            quantizers,
        },
        cost,
    }
}
