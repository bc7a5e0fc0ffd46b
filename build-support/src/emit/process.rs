//! The functions that the layers of a top function are put into.

use serde::Serialize;

use super::layer::LayerText;
use crate::{formats::FixedNetwork, plan::Plan};

/// An array of the top function or of a process.
#[derive(Debug, Clone, Serialize)]
pub struct Array {
    #[serde(rename = "type")]
    type_: String,
    name: String,
    size: usize,
}

/// Layers that become one function.
#[derive(Debug, Serialize)]
pub struct ProcessText {
    name: String,
    /// Indices of its layers.
    layers: Vec<usize>,
    /// What it reads; nothing for the first, which reads the network's input.
    takes: Vec<Array>,
    /// What it writes.
    gives: Vec<Array>,
    /// What its layers hand to each other.
    inner: Vec<Array>,
    /// Steps of its loop; with one step it is plain logic.
    steps: usize,
}

/// The processes of a network, in order of data flow.
pub fn texts(network: &FixedNetwork, plan: &Plan, layers: &[LayerText]) -> Vec<ProcessText> {
    let mut processes = Vec::new();
    let mut takes = Vec::new();
    for range in plan.processes(network) {
        let inside: Vec<usize> = range.clone().filter(|at| !layers[*at].absorbed).collect();
        let end = range.end - 1;
        let ends_network = range.end == layers.len();
        let gives = arrays(&layers[end], ends_network);
        processes.push(ProcessText {
            name: format!("{}_process", layers[end].id),
            takes: std::mem::replace(&mut takes, gives.clone()),
            gives,
            inner: inside.iter().filter(|at| **at != end).flat_map(|at| arrays(&layers[*at], false)).collect(),
            steps: plan.layers[range].iter().map(|plan| plan.steps).max().unwrap_or(1),
            layers: inside,
        });
    }
    processes
}

/// The values of a layer and, if it is sparse, their hashes.
fn arrays(layer: &LayerText, is_output: bool) -> Vec<Array> {
    let name = if is_output { "output".to_owned() } else { layer.id.clone() };
    let values = Array { type_: format!("{}_t", layer.id), name: name.clone(), size: layer.size };
    let hashes = layer.hash_type.as_ref().map(|_| Array {
        type_: format!("{}_hash_t", layer.id),
        name: format!("{name}_hash"),
        size: layer.hash_size,
    });
    std::iter::once(values).chain(hashes).collect()
}
