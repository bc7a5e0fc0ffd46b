//! Processes: layers that become one loop or one pipeline.

use super::{Design, Layer, Work};
use crate::{
    error::{Error, Result},
    formats::FixedNetwork,
    ops::ValueId,
    plan::Plan,
};

/// Layers that become one loop or one pipeline.
#[derive(Debug, Clone)]
pub struct Process {
    /// Those of its layers that have a kernel, as indices of [`Design::layers`](super::Design::layers); at least one.
    pub layers: Vec<usize>,
    /// The values that it reads from before it.
    pub takes: Vec<ValueId>,
    /// The values that it writes for others.
    pub gives: Vec<ValueId>,
    /// The values that only its own layers read.
    pub inner: Vec<ValueId>,
    /// Steps of its loop for one event; with one step it is plain logic.
    pub steps: usize,
}

impl Process {
    /// The layer of `design` that it is named after: the last one that is a part of the same Keras layer as its first. What is
    /// behind is a quantizer of the next.
    pub(crate) fn main<'a>(&self, design: &'a Design) -> &'a Layer {
        let own = |at: &usize| &design.layers[*at];
        let first = own(&self.layers[0]);
        self.layers.iter().map(own).rfind(|layer| layer.keras_name == first.keras_name).unwrap_or(first)
    }
}

/// The processes of all `layers`, of which the last writes `output`.
pub(crate) fn all(layers: &[Layer], output: ValueId, network: &FixedNetwork, plan: &Plan) -> Result<Vec<Process>> {
    let has_kernel = |at: &usize| matches!(layers[*at].work, Work::Kernel(_));
    let readers = |value: ValueId| (0..layers.len()).filter(has_kernel).filter(move |at| layers[*at].reads == value);
    let mut processes = Vec::new();
    for range in plan.processes(network) {
        let own: Vec<usize> = range.clone().filter(has_kernel).collect();
        if own.is_empty() {
            return Err(Error::internal("a process without a kernel"));
        }
        let written: Vec<ValueId> = own.iter().map(|at| layers[*at].writes).collect();
        let mut takes: Vec<ValueId> = own.iter().map(|at| layers[*at].reads).filter(|read| !written.contains(read)).collect();
        takes.dedup();
        let is_given = |value: &ValueId| *value == output || readers(*value).any(|reader| !range.contains(&reader));
        let (gives, inner) = written.into_iter().partition(is_given);
        let steps = plan.layers[range].iter().map(|plan| plan.steps).fold(1, usize::max);
        processes.push(Process { layers: own, takes, gives, inner, steps });
    }
    Ok(processes)
}
