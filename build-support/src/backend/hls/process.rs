//! The functions that the layers of a top function are put into.

use serde::Serialize;

use super::{
    flow::{self, Around, Flow},
    layer::{LayerText, Names},
    ports::Ports,
};
use crate::{
    cost::word_count,
    lower::{Design, Process},
    ops::{Layout, ValueId},
    planned::{Planned, PlannedProcess},
};

/// Layers that become one function.
#[derive(Debug, Serialize)]
pub struct ProcessText {
    name: String,
    /// Its parameters.
    parameters: Vec<String>,
    /// What it is called with.
    arguments: Vec<String>,
    /// The streams that it writes, as the top function declares them.
    streams: Vec<String>,
    /// Steps of its loop; with one step it is plain logic.
    steps: usize,
    /// Its statements.
    lines: Vec<String>,
}

/// A stream between two processes, or several beside each other.
struct Wire {
    type_: String,
    name: String,
    words: usize,
}

impl Wire {
    fn new(type_: &str, bits: u32, name: String, elements: usize) -> Self {
        let words = word_count(elements, bits);
        let type_ = format!("hls::stream<sparsehls::Word<{type_}, {}> >", elements.div_ceil(words));
        Self { type_, name, words }
    }

    fn parameter(&self) -> String {
        let Self { type_, name, words } = self;
        if *words == 1 { format!("{type_}& {name}") } else { format!("{type_} (&{name})[{words}]") }
    }

    fn declaration(&self) -> String {
        let Self { type_, name, words } = self;
        if *words == 1 { format!("{type_} {name};") } else { format!("{type_} {name}[{words}];") }
    }
}

/// The processes of a design, in order of data flow.
pub fn texts(design: &Design, layers: &[LayerText], ports: &Ports) -> Vec<ProcessText> {
    let names = Names::of(design);
    let calls: Vec<_> = layers.iter().map(LayerText::call).collect();
    design.processes.iter().map(|process| text(design, &names, &calls, ports, process)).collect()
}

fn name(design: &Design, process: &Process) -> String {
    format!("{}_process", process.main(design).id)
}

fn text(design: &Design, names: &Names<'_>, calls: &[Vec<String>], ports: &Ports, process: &Process) -> ProcessText {
    let (mut parameters, mut arguments, mut streams) = (Vec::new(), Vec::new(), Vec::new());
    for &value in &process.takes {
        if value == design.input {
            parameters.push(ports.input());
            arguments.push(Ports::INPUT.to_owned());
            continue;
        }
        for wire in wires(design, names, value) {
            parameters.push(wire.parameter());
            arguments.push(wire.name);
        }
    }
    for &value in &process.gives {
        if value == design.output {
            parameters.push(ports.output());
            arguments.push(Ports::OUTPUT.to_owned());
            continue;
        }
        for wire in wires(design, names, value) {
            parameters.push(wire.parameter());
            streams.push(wire.declaration());
            arguments.push(wire.name);
        }
    }
    let label = format!("{}_steps", process.main(design).id);
    let around = Around { takes: &process.takes, gives: &process.gives, label };
    let lines = flow::lines(design, names, ports, Flow::of(design, process), &process.layers, calls, &around);
    ProcessText { name: name(design, process), parameters, arguments, streams, steps: process.steps, lines }
}

/// What was promised of the processes of a design.
pub fn planned(design: &Design) -> Planned {
    let processes = design.processes.iter().map(|process| PlannedProcess { name: name(design, process), steps: process.steps });
    Planned { interval: design.initiation_interval, processes: processes.collect() }
}

/// The features of a value and, if it is sparse, their coordinates.
fn wires(design: &Design, names: &Names<'_>, id: ValueId) -> Vec<Wire> {
    let (value, name) = (design.value(id), names.of_value(id));
    let mut wires = vec![Wire::new(&names.of_type(id), value.format.width, format!("{name}_stream"), value.size())];
    if let (Layout::Sparse(layout), Some(origin)) = (&value.layout, names.origin(id)) {
        let type_ = format!("{origin}_hash_t");
        wires.push(Wire::new(&type_, layout.coordinate_bits, format!("{name}_hash_stream"), layout.shape.slots * 2));
    }
    wires
}

/// A layer by itself, between arrays that hold all of what it reads and writes.
#[derive(Debug, Serialize)]
pub struct Traced {
    id: String,
    /// Statements; none if another layer does its work.
    lines: Vec<String>,
    /// The arrays that it writes, and how many elements each has.
    writes: Vec<(String, String, usize)>,
}

/// Every layer by itself.
pub fn traced(design: &Design, layers: &[LayerText], ports: &Ports) -> Vec<Traced> {
    let names = Names::of(design);
    let calls: Vec<_> = layers.iter().map(LayerText::call).collect();
    let one = |(at, text): (usize, &LayerText)| {
        let layer = &design.layers[at];
        let process = design.processes.iter().find(|process| process.layers.contains(&at));
        let (Some(process), true) = (process, text.has_kernel()) else {
            return Traced { id: layer.id.clone(), lines: Vec::new(), writes: Vec::new() };
        };
        let around = Around { takes: &[layer.reads], gives: &[layer.writes], label: format!("{}_steps", layer.id) };
        let lines = flow::lines(design, &names, ports, Flow::of(design, process), &[at], &calls, &around);
        let (value, id) = (design.value(layer.writes), names.of_value(layer.writes));
        let array = if layer.writes == design.output { Ports::OUTPUT.to_owned() } else { format!("{id}_stream") };
        let mut writes = vec![(names.of_type(layer.writes), array, value.size())];
        if let (Layout::Sparse(layout), Some(origin)) = (&value.layout, names.origin(layer.writes)) {
            writes.push((format!("{origin}_hash_t"), format!("{id}_hash_stream"), layout.shape.slots * 2));
        }
        Traced { id: layer.id.clone(), lines, writes }
    };
    layers.iter().enumerate().map(one).collect()
}
