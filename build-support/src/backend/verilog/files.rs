//! The files of a project.

use std::collections::BTreeMap;

use minijinja::{Value, context};

use super::{
    Rtl, RtlLayer, description, hex,
    scripts::{self, Ports},
};
use crate::{
    backend::{
        Bench,
        text::{Templates, describe, serde, summary},
    },
    circuit::core::Core,
    error::Result,
    lower::{Design, Interface},
    manifest::Model,
    names,
    ops::Layout,
};

/// Golden events that the bench in Verilog takes by itself, behind those that are made up. It takes longer for each than the
/// harness, which takes all.
const BENCH_EVENTS: usize = 20;

/// A core on its way to files.
pub(super) struct Files<'a> {
    pub model: &'a Model,
    pub design: &'a Design,
    pub core: &'a Core,
    pub bench: Bench<'a>,
}

impl Files<'_> {
    /// Every file, by its path.
    pub(super) fn all(&self) -> Result<BTreeMap<String, String>> {
        let (model, core, design) = (self.model, self.core, self.design);
        let name = &model.name;
        let titles: Vec<_> = design.layers.iter().map(title).collect();
        let layers: Vec<_> = design.layers.iter().zip(&titles).map(|(layer, title)| RtlLayer { id: &layer.id, title }).collect();
        let about = self.about();
        let rtl = Rtl {
            model: name,
            about: &about,
            circuit: &core.circuit,
            schedule: &core.schedule,
            layers: &layers,
            input: design.value(design.input).format,
            output: design.value(design.output).format,
            clock_enable: model.verilog.clock_enable,
        };
        let made_by = self.made_by();
        let ports = Ports { input_bits: rtl.input_bits() as usize, output_bits: rtl.output_bits() as usize };
        let mut files = scripts::files(&made_by, model, ports)?;
        files.insert(format!("rtl/{name}.v"), rtl.text()?);
        files.insert(format!("rtl/{name}.json"), description::text(self, &rtl)?);
        files.extend(self.of_templates(&made_by, &rtl)?);
        let elements = core.circuit.inputs().len() - 1;
        files.insert("sim/input.hex".into(), hex::words(self.bench.inputs, elements));
        files.insert("sim/expected.hex".into(), hex::words(self.bench.outputs, self.bench.outputs.per_event().get()));
        Ok(files)
    }

    fn of_templates(&self, made_by: &str, rtl: &Rtl<'_>) -> Result<BTreeMap<String, String>> {
        let name = &self.model.name;
        let mut wanted = vec![
            (format!("sim/{name}_tb.v"), "verilog_tb.v"),
            ("sim/main.cpp".to_owned(), "verilog_main.cpp"),
            (format!("constraints/{name}.xdc"), "verilog.xdc"),
            (format!("constraints/{name}.sdc"), "verilog.sdc"),
            ("scripts/quartus.tcl".to_owned(), "verilog_quartus.tcl"),
            (format!("templates/{name}.v.txt"), "verilog_instance.v"),
            (format!("templates/{name}.vhd"), "verilog_instance.vhd"),
        ];
        if self.model.verilog.axi_stream {
            wanted.push((format!("rtl/{name}_axis.v"), "verilog_axis.v"));
            wanted.push((format!("sim/{name}_axis_tb.v"), "verilog_axis_tb.v"));
        }
        let (templates, values) = (Templates::new()?, self.values(made_by, rtl));
        wanted.into_iter().map(|(path, template)| Ok((path, templates.render(template, &values)?))).collect()
    }

    fn values(&self, made_by: &str, rtl: &Rtl<'_>) -> Value {
        let (core, events) = (self.core, self.bench.inputs.events());
        let (period, pause) = (self.model.target.clock_period, core.interval - core.words);
        let uncertainty = period * self.model.target.clock_uncertainty / 100.0;
        // An answer gives back its room two cycles after it came.
        let room = (core.latency() + 2).div_ceil(core.interval) + 1;
        context! {
            made_by => serde(made_by),
            name => serde(&self.model.name),
            timing => serde(self.timing()),
            words => core.words,
            interval => core.interval,
            latency => core.latency(),
            after_last => self.after_last(),
            input_bits => rtl.input_bits(),
            output_bits => rtl.output_bits(),
            input_bytes => rtl.input_bits().div_ceil(8),
            output_bytes => rtl.output_bits().div_ceil(8),
            clock_enable => rtl.clock_enable,
            events,
            // Where there are golden events, those that are made up are not counted.
            made_up => if self.bench.made_up < events { self.bench.made_up } else { 0 },
            bench_events => events.min(self.bench.made_up + BENCH_EVENTS),
            clock_period => serde(rounded(period)),
            uncertainty => serde(rounded(uncertainty)),
            outside => serde(rounded(period / 2.0)),
            pause,
            room,
            word_bits => bits(core.words - 1),
            pause_bits => bits(pause),
            room_bits => bits(room),
            place_bits => bits(room - 1),
        }
    }

    pub(super) fn made_by(&self) -> String {
        let source = self.model.source.file_name().unwrap_or_default().to_string_lossy();
        format!("Made by cargo-sparsehls {} from {}; do not edit.", env!("CARGO_PKG_VERSION"), names::comment(&source))
    }

    /// Cycles from the last word of an event to its answer, whatever gaps there were.
    pub(super) fn after_last(&self) -> usize {
        self.core.latency() + 1 - self.core.words
    }

    fn timing(&self) -> String {
        let (latency, interval, words) = (self.core.latency(), self.core.interval, self.core.words);
        if words == 1 {
            format!("Latency {latency} cycles, interval {interval}.")
        } else {
            format!("{words} words an event, latency {latency} cycles from the first of them, interval {interval}.")
        }
    }

    /// The comment at the head of the Verilog.
    fn about(&self) -> Vec<String> {
        let (design, core) = (self.design, self.core);
        let (input, output) = (design.value(design.input), design.value(design.output));
        let shape = match &input.layout {
            Layout::Dense(shape) => describe(shape),
            Layout::Sparse(sparse) => describe(&[sparse.shape.height, sparse.shape.width, sparse.shape.channels]),
        };
        let (elements, words) = (core.circuit.inputs().len() - 1, core.words);
        let word = match design.interface {
            Interface::Whole => "All of an event is one word.".to_owned(),
            Interface::Rows { rows: 1, .. } => format!("An event is {words} words, a row of the image each, from the top."),
            Interface::Rows { rows, .. } => format!(
                "An event is {words} words, {rows} rows of the image each, from the top; what lies below the image is ignored."
            ),
        };
        let enable = if self.model.verilog.clock_enable { ", ce" } else { "" };
        let (latency, after_last, interval) = (core.latency(), self.after_last(), core.interval);
        let mut lines = vec![
            summary(&self.model.name, &shape, input.format, output.size(), output.format),
            self.made_by(),
            String::new(),
            format!(
                "clk, rst{enable}: everything happens at the rising edge of clk. rst must be 1 at one of them before the first event."
            ),
            format!(
                "in_data: {} of {}, row-major, channels last. {}",
                counted(elements),
                input.format,
                layout("in_data", elements, input.format.width)
            ),
            format!("    {word}"),
            format!(
                "out_data: {} of {}. {}",
                counted(output.size()),
                output.format,
                layout("out_data", output.size(), output.format.width)
            ),
            format!(
                "latency: {latency} cycles from the first word to out_valid without gaps; {after_last} from the last word in any case."
            ),
            format!(
                "interval: {interval} cycles at least from a word of an event to the same word of the next. There may be gaps."
            ),
        ];
        if self.model.verilog.clock_enable {
            lines.push("ce: while it is 0 nothing moves; out_valid and out_data stay as they are.".into());
        }
        lines
    }
}

fn counted(elements: usize) -> String {
    if elements == 1 { "1 element".into() } else { format!("{elements} elements") }
}

/// `Element i is in_data[8*i+7:8*i].`
fn layout(port: &str, elements: usize, width: u32) -> String {
    match (elements, width.max(1)) {
        (1, _) => format!("It is {port}."),
        (_, 1) => format!("Element i is {port}[i]."),
        (_, width) => format!("Element i is {port}[{width}*i+{}:{width}*i].", width - 1),
    }
}

fn title(layer: &crate::lower::Layer) -> String {
    names::comment(&format!("{} ({}): {}", layer.keras_name, layer.keras_class, layer.kind))
}

/// Bits of a counter up to `last`.
fn bits(last: usize) -> u32 {
    (usize::BITS - last.leading_zeros()).max(1)
}

/// To the picosecond.
fn rounded(nanoseconds: f64) -> f64 {
    (nanoseconds * 1000.0).round() / 1000.0
}
