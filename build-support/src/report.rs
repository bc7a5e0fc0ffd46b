//! Stage 10: what people look at.

use serde::Serialize;

use crate::{
    formats::{FixedLayer, FixedNetwork, Values},
    network::{Mantissas, Op, PoolingMode, Shape},
};

/// A layer of the table that `check` prints.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
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
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Formats {
    /// What goes in.
    pub input: String,
    /// What comes out.
    pub output: String,
    /// Sums inside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accumulator: Option<String>,
    /// The weights.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weights: Option<String>,
    /// Different formats of a quantizer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quantizers: Option<usize>,
}

/// Operations of the fully unrolled kernel: counts, not an estimate of resources.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Cost {
    /// Multiplications of two variables, or of a variable with a looked-up constant.
    pub multiplications: usize,
    /// Multiplications with a constant that is not zero.
    pub constant_multiplications: usize,
    /// Additions of sums.
    pub additions: usize,
    /// Bits of weights and tables.
    pub constant_bits: usize,
}

impl std::ops::AddAssign for Cost {
    fn add_assign(&mut self, other: Self) {
        self.multiplications += other.multiplications;
        self.constant_multiplications += other.constant_multiplications;
        self.additions += other.additions;
        self.constant_bits += other.constant_bits;
    }
}

/// The table of layers.
pub fn layers(network: &FixedNetwork) -> Vec<LayerSummary> {
    network.layers.iter().map(summary).collect()
}

fn summary(fixed: &FixedLayer) -> LayerSummary {
    let weights = match &fixed.layer.op {
        Op::SparseConv2d(conv) => Some(&conv.weights),
        Op::Dense(dense) => Some(&dense.weights),
        Op::SparseBias(bias) => Some(bias),
        _ => None,
    };
    let quantizers = match &fixed.layer.op {
        Op::Quantize(quantizer) => Some(quantizer.formats.len()),
        _ => None,
    };
    LayerSummary {
        name: fixed.layer.name.clone(),
        kind: fixed.layer.op.kind(),
        shape: fixed.layer.shape.dimensions(),
        formats: Formats {
            input: describe(&fixed.input),
            output: describe(&fixed.output),
            accumulator: fixed.accumulator.map(|format| format.to_string()),
            weights: weights.map(|weights| weights.format().to_string()),
            quantizers,
        },
        cost: cost(fixed),
    }
}

/// A format, and what it is still to be divided by.
fn describe(values: &Values) -> String {
    match values.divisor {
        1 => values.format().to_string(),
        divisor => format!("{}/{divisor}", values.format()),
    }
}

fn cost(fixed: &FixedLayer) -> Cost {
    let slots = match fixed.input_shape {
        Shape::Sparse { slots, .. } => slots,
        Shape::Dense(_) => 0,
    };
    let values = fixed.layer.shape.len();
    let bits = |weights: &Mantissas| weights.values.len() * weights.format().width as usize;
    let table = fixed
        .table
        .as_ref()
        .map_or(0, |table| table.entries.iter().map(Vec::len).sum::<usize>() * fixed.output.format().width as usize);
    match &fixed.layer.op {
        Op::SparseConv2d(conv) => {
            let multiplications = slots * slots * conv.channels * conv.filters;
            Cost { multiplications, additions: multiplications, constant_bits: bits(&conv.weights), ..Cost::default() }
        }
        Op::SparseBias(bias) => Cost { additions: values, constant_bits: bits(bias), ..Cost::default() },
        Op::SparsePooling2d(pooling) if pooling.mode == PoolingMode::Average => {
            Cost { additions: slots * values, ..Cost::default() }
        }
        Op::Dense(dense) => {
            let used = dense.rows * dense.weights.values.iter().filter(|weight| **weight != 0).count();
            let constant_bits = bits(&dense.weights) + dense.bias.as_ref().map_or(0, bits);
            Cost { constant_multiplications: used, additions: used, constant_bits, ..Cost::default() }
        }
        Op::Affine { scale, offset } => Cost {
            constant_multiplications: values,
            additions: values,
            constant_bits: bits(scale) + bits(offset),
            ..Cost::default()
        },
        Op::MaxMinus => Cost { additions: values, ..Cost::default() },
        Op::Lookup(_) => Cost { constant_bits: table, ..Cost::default() },
        Op::Normalize { .. } => Cost { multiplications: values, additions: values, constant_bits: table, ..Cost::default() },
        Op::InputReduce { .. } | Op::Quantize(_) | Op::SparsePooling2d(_) | Op::SparseFlatten | Op::Relu(_) | Op::Reshape => {
            Cost::default()
        }
    }
}
