//! What people look at.

use std::collections::BTreeMap;

use crate::{
    cost::{self, NetworkEstimate},
    firmware::Firmware,
    fixed::{Format, MantissaRange},
    manifest::Language,
    network::Coefficients,
    ops::{FixedLayer, FixedOp, LayerPlan},
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
    /// How many bits its numbers have.
    pub widths: Widths,
    /// What it costs.
    pub cost: Cost,
}

/// How many numbers have how many bits, the sign included.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Widths {
    /// Channels of a sparse result, elements of a dense one: the bits that each needs for all that can occur.
    pub output: BTreeMap<u32, u64>,
    /// Weights: from the leading bit of each to its last one; 0 bits where a weight is 0.
    pub weights: BTreeMap<u32, u64>,
    /// Biases, in the same way.
    pub bias: BTreeMap<u32, u64>,
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
        widths: widths(fixed),
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

fn widths(fixed: &FixedLayer) -> Widths {
    let range = |range: &MantissaRange| if *range == MantissaRange::ZERO { 0 } else { Format::holding(*range, 0).width };
    let weights = fixed.about().weights.map(bits).unwrap_or_default();
    let (weights, bias) = match &fixed.layer.op {
        FixedOp::SparseBias(_) => (Vec::new(), weights),
        FixedOp::Dense(op) => (weights, op.dense.bias.as_ref().map(bits).unwrap_or_default()),
        FixedOp::Affine(op) => (bits(&op.scale), bits(&op.offset)),
        _ => (weights, Vec::new()),
    };
    Widths { output: counted(fixed.output.ranges.iter().map(range)), weights: counted(weights), bias: counted(bias) }
}

/// The bits of each, without the zeros behind its last 1.
fn bits(coefficients: &Coefficients) -> Vec<u32> {
    let width = |value: &i64| match *value {
        0 => 0,
        value => {
            let value = i128::from(value >> value.trailing_zeros());
            Format::holding(MantissaRange { lo: value, hi: value }, 0).width
        }
    };
    coefficients.values.iter().map(width).collect()
}

fn counted(widths: impl IntoIterator<Item = u32>) -> BTreeMap<u32, u64> {
    let mut counts = BTreeMap::new();
    widths.into_iter().for_each(|width| *counts.entry(width).or_default() += 1);
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weight_has_the_bits_from_its_first_to_its_last() {
        let coefficients = Coefficients { values: vec![0, 1, 8, 5, -1, -4, -5, 12], fraction: 3 };
        assert_eq!(bits(&coefficients), [0, 1, 1, 3, 1, 1, 4, 2]);
        assert_eq!(counted(bits(&coefficients)), BTreeMap::from([(0, 1), (1, 4), (2, 1), (3, 1), (4, 1)]));
    }
}
