//! The functions that the layers of a top function are put into.

use serde::Serialize;

use super::layer::Names;
use crate::{
    lower::{Design, Process},
    ops::{Layout, ValueId},
    planned::{Planned, PlannedProcess},
};

/// An array of the top function or of a process.
#[derive(Debug, Serialize)]
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
    /// What it reads.
    takes: Vec<Array>,
    /// What it writes.
    gives: Vec<Array>,
    /// What its layers hand to each other.
    inner: Vec<Array>,
    /// Steps of its loop; with one step it is plain logic.
    steps: usize,
}

/// The processes of a design, in order of data flow.
pub fn texts(design: &Design) -> Vec<ProcessText> {
    let names = Names::of(design);
    let arrays = |values: &[ValueId]| values.iter().flat_map(|value| arrays(design, &names, *value)).collect();
    let process = |process: &Process| ProcessText {
        name: format!("{}_process", design.layers[process.last()].id),
        layers: process.layers.clone(),
        takes: arrays(&process.takes),
        gives: arrays(&process.gives),
        inner: arrays(&process.inner),
        steps: process.steps,
    };
    design.processes.iter().map(process).collect()
}

/// What was promised of the processes of a design.
pub fn planned(design: &Design) -> Planned {
    let processes = texts(design).into_iter().map(|process| PlannedProcess { name: process.name, steps: process.steps });
    Planned { interval: design.initiation_interval, processes: processes.collect() }
}

/// The features of a value and, if it is sparse, their coordinates.
fn arrays(design: &Design, names: &Names<'_>, id: ValueId) -> Vec<Array> {
    let value = design.value(id);
    let name = if id == design.output { "output" } else { names.of_value(id) };
    let mut arrays = vec![Array { type_: names.of_type(id), name: name.to_owned(), size: value.size() }];
    if let Layout::Sparse(layout) = &value.layout {
        let type_ = format!("{}_hash_t", names.of_value(id));
        arrays.push(Array { type_, name: format!("{name}_hash"), size: layout.shape.slots * 2 });
    }
    arrays
}
