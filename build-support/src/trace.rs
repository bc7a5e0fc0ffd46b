//! Every layer's values for one event, from both engines and from Keras: where does a bit go wrong?

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    csim, data,
    emit::Project,
    error::Result,
    float32::{self, Float32, Slack},
    formats::{FixedLayer, FixedNetwork},
    manifest::Model,
    reference::Value,
};

/// One layer.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct LayerTrace {
    /// The Keras layer's name, with a suffix for the ops beside its main one.
    pub name: String,
    /// What kind of op it is.
    pub kind: &'static str,
    /// The shape of the values: as Keras has them, a dense image even where the firmware has slots.
    pub shape: Vec<usize>,
    /// Pixels that are active, in a sparse layer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active: Option<usize>,
    /// Values in the reference.
    pub reference: Vec<f64>,
    /// Values in the simulation, unless a later layer has absorbed this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub csim: Option<Vec<f64>>,
    /// Values in Keras, where this op is the last of a Keras layer that the dump has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keras: Option<Vec<f64>>,
    /// Values in which Keras differs, by no more than its own float32 may have rounded.
    #[serde(skip_serializing_if = "is_zero")]
    pub within_float32: usize,
    /// The first value on which they do not agree.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_difference: Option<usize>,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // as serde wants it
fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// Traces one event, given as mantissas. `dump` holds for each Keras layer NAME an array `layer:NAME` of all events,
/// of which `event` is this one.
///
/// # Errors
/// As [`csim::trace`].
pub fn trace(
    project: &Project,
    directory: &std::path::Path,
    model: &Model,
    network: &FixedNetwork,
    mantissas: &[i64],
    dump: &BTreeMap<String, data::Array>,
    event: usize,
) -> Result<Vec<LayerTrace>> {
    let simulated = csim::trace(project, directory, model, network, mantissas)?;
    let mut traces = Vec::with_capacity(network.layers.len());
    let mut simulated = simulated.into_iter();
    Float32::new(network).bounds_observed(mantissas, |fixed, value, slack| {
        let Some(csim) = simulated.next() else { return };
        let ends = network.layers.iter().rfind(|other| other.layer.keras_name == fixed.layer.keras_name);
        let ends = ends.is_some_and(|last| last.layer.id == fixed.layer.id);
        let array = dump.get(&format!("layer:{}", fixed.layer.keras_name)).filter(|_| ends);
        traces.push(layer(fixed, (value, slack), csim.as_ref(), array, event));
    });
    Ok(traces)
}

fn layer(
    fixed: &FixedLayer,
    (reference, slack): (&Value, &[Slack]),
    csim: Option<&Value>,
    dump: Option<&data::Array>,
    event: usize,
) -> LayerTrace {
    let slack = float32::to_dense(slack, reference, &fixed.layer.shape);
    let unit = 2f64.powi(-fixed.output.fraction) / fixed.output.divisor as f64;
    let floats = |value: &Value| -> Vec<f64> {
        let scale = 2f64.powi(-fixed.output.fraction) / fixed.output.divisor as f64;
        value.to_dense(&fixed.layer.shape).iter().map(|mantissa| *mantissa as f64 * scale).collect()
    };
    let (reference_values, csim_values) = (floats(reference), csim.map(floats));
    let count = reference_values.len();
    let keras = dump.and_then(|array| array.values.get(event * count..(event + 1) * count)).map(<[f64]>::to_vec);
    // A mean that float32 cannot hold is compared as far as float32 goes.
    let tolerance = if fixed.output.divisor == 1 { 0.0 } else { 1e-6 };
    let is_within = |at: usize, difference: f64| -slack[at].below * unit <= difference && difference <= slack[at].above * unit;
    let agree = |at: usize| {
        let near = |keras: &Vec<f64>| {
            let difference = keras[at] - reference_values[at];
            let allowed = tolerance * keras[at].abs();
            difference.abs() <= allowed || is_within(at, difference)
        };
        csim_values.as_ref().is_none_or(|csim| csim[at] == reference_values[at]) && keras.as_ref().is_none_or(near)
    };
    let first_difference = (0..count).find(|at| !agree(*at));
    let differing = keras.as_ref().map_or(0, |keras| {
        (0..count).filter(|&at| (keras[at] - reference_values[at]).abs() > tolerance * keras[at].abs()).count()
    });
    LayerTrace {
        name: fixed.layer.name.clone(),
        kind: fixed.layer.op.kind(),
        shape: fixed.layer.shape.keras(),
        active: match reference {
            Value::Sparse { positions, .. } => Some(positions.len()),
            Value::Dense(_) => None,
        },
        reference: reference_values,
        csim: csim_values,
        within_float32: if first_difference.is_none() { differing } else { 0 },
        keras,
        first_difference,
    }
}
