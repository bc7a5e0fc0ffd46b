//! `rtl/<model>.json`: what a program wants to know of a core.

use serde::Serialize;
use serde_json::{Value, json};

use super::{Rtl, files::Files, labels, wiring::Wiring};
use crate::{
    error::{Error, Result},
    fixed::Format,
    lower::Layer,
};

/// Where an element of a port lies.
#[derive(Serialize)]
struct Element {
    element: usize,
    offset: u32,
    width: u32,
    format: String,
}

/// A layer that has a module.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Stages<'a> {
    id: &'a str,
    name: &'a str,
    class: &'a str,
    kind: &'a str,
    module: String,
    first_stage: u32,
    last_stage: u32,
    register_bits: u64,
}

/// The JSON, an element, port or layer a line.
pub(super) fn text(files: &Files<'_>, rtl: &Rtl<'_>) -> Result<String> {
    let (model, core, design) = (files.model, files.core, files.design);
    let wiring = Wiring::new(rtl)?;
    let layers: Vec<_> = design.layers.iter().enumerate().filter_map(|(at, layer)| stages(rtl, &wiring, at, layer)).collect();
    let source = model.source.file_name().unwrap_or_default().to_string_lossy();
    let (input, output) = (design.value(design.input), design.value(design.output));
    let rows: [(&str, Value); 17] = [
        ("name", json!(model.name)),
        ("made-by", json!(format!("cargo-sparsehls {}", env!("CARGO_PKG_VERSION")))),
        ("source", json!(source)),
        ("backend", json!("verilog")),
        ("part", json!(model.target.part)),
        ("clock-period", json!(model.target.clock_period)),
        ("latency-cycles", json!(core.latency())),
        ("latency-after-last-word-cycles", json!(files.after_last())),
        ("interval-cycles", json!(core.interval)),
        ("words-per-event", json!(core.words)),
        ("stages", json!(core.schedule.last + 1)),
        ("register-bits", json!(core.schedule.register_bits(&core.circuit).iter().sum::<u64>())),
        ("ports", Value::Array(ports(rtl))),
        ("in-data-per-word", json!(core.circuit.inputs().len() - 1)),
        ("in-data", lines(elements(core.circuit.inputs().len() - 1, input.format))?),
        ("out-data", lines(elements(output.size(), output.format))?),
        ("layers", lines(layers)?),
    ];
    let rows: Vec<_> = rows.iter().map(|(key, value)| format!("  \"{key}\": {}", indented(value))).collect();
    Ok(format!("{{\n{}\n}}\n", rows.join(",\n")))
}

fn lines(rows: Vec<impl Serialize>) -> Result<Value> {
    serde_json::to_value(rows).map_err(|error| Error::internal(format!("a description that is no JSON: {error}")))
}

/// A list has a line for each of its items.
fn indented(value: &Value) -> String {
    match value {
        Value::Array(items) if !items.is_empty() => {
            let items: Vec<_> = items.iter().map(|item| format!("    {item}")).collect();
            format!("[\n{}\n  ]", items.join(",\n"))
        }
        value => value.to_string(),
    }
}

fn ports(rtl: &Rtl<'_>) -> Vec<Value> {
    let port = |name: &str, direction: &str, width: u32| json!({ "name": name, "direction": direction, "width": width });
    let mut ports = vec![port("clk", "in", 1), port("rst", "in", 1)];
    if rtl.clock_enable {
        ports.push(port("ce", "in", 1));
    }
    ports.push(port("in_valid", "in", 1));
    ports.push(port("in_data", "in", rtl.input_bits()));
    ports.push(port("out_valid", "out", 1));
    ports.push(port("out_data", "out", rtl.output_bits()));
    ports
}

fn elements(count: usize, format: Format) -> Vec<Element> {
    let width = format.width.max(1);
    let element = |element: usize| Element { element, offset: element as u32 * width, width, format: format.to_string() };
    (0..count).map(element).collect()
}

fn stages<'a>(rtl: &Rtl<'_>, wiring: &Wiring<'_>, at: usize, layer: &'a Layer) -> Option<Stages<'a>> {
    let (first_stage, last_stage) = wiring.stages(at)?;
    Some(Stages {
        id: &layer.id,
        name: &layer.keras_name,
        class: &layer.keras_class,
        kind: layer.kind,
        module: labels::module(rtl.model, &layer.id),
        first_stage,
        last_stage,
        register_bits: wiring.register_bits(at),
    })
}
