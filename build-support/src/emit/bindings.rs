//! The Rust side: one module for each model, around the simulation as a static library.

use minijinja::context;
use serde::Serialize;

use super::{Templates, describe, serde, summary, symbol};
use crate::{
    error::Result,
    fixed::{Format, Overflow},
    formats::FixedNetwork,
    manifest::Model,
    names, report,
};

#[derive(Debug, Serialize)]
struct Module {
    name: String,
    summary: String,
    layers: Vec<Row>,
    symbol: String,
    linked: bool,
    input_shape: Vec<usize>,
    inputs: usize,
    outputs: usize,
    input_format: String,
    output_format: String,
    input_scale: String,
    output_scale: String,
    overflow: &'static str,
    reduce: String,
    tolerance: f64,
}

#[derive(Debug, Serialize)]
struct Row {
    name: String,
    kind: &'static str,
    shape: String,
    format: String,
}

/// The bindings of all models of `package`; `linked` says whether their simulations are linked in.
///
/// # Errors
/// [`Code::Io`](crate::Code::Io), which cannot happen with the embedded template.
pub fn bindings(package: &str, models: &[(&Model, &FixedNetwork)], linked: bool) -> Result<String> {
    let modules: Vec<_> = models.iter().map(|(model, network)| module(package, model, network, linked)).collect();
    let made_by = format!("Made by cargo-sparsehls {}; do not edit.", env!("CARGO_PKG_VERSION"));
    Templates::new()?.render("bindings.rs", &context! { made_by => serde(made_by), models => serde(modules) })
}

fn module(package: &str, model: &Model, network: &FixedNetwork, linked: bool) -> Module {
    let rows = network.layers.iter().map(|fixed| Row {
        // A table cell: no bars, no markup.
        name: names::comment(&fixed.layer.name).replace(['|', '<', '>'], "_"),
        kind: fixed.layer.op.kind(),
        shape: describe(&fixed.layer.shape.dimensions()),
        format: report::describe(&fixed.output),
    });
    let input = network.input.format;
    Module {
        name: model.name.clone(),
        summary: summary(model, network),
        layers: rows.collect(),
        symbol: symbol(package, &model.name),
        linked,
        input_shape: network.input_shape.clone(),
        inputs: network.input_len(),
        outputs: network.output_len(),
        input_format: literal(input),
        output_format: literal(network.output()),
        input_scale: float(input.fraction),
        output_scale: float(-network.output().fraction),
        overflow: if network.input.overflow == Overflow::Wrap { "wrapped" } else { "saturated" },
        reduce: reduce(input, network.input.overflow),
        tolerance: network.tolerance,
    }
}

fn literal(format: Format) -> String {
    let Format { signed, width, fraction } = format;
    format!("Format {{ signed: {signed}, width: {width}, fraction: {fraction} }}")
}

/// A power of two, exactly.
fn float(exponent: i32) -> String {
    format!("{:?}", 2f64.powi(exponent))
}

/// The Rust expression that brings `scaled` into the range of `format`.
fn reduce(format: Format, overflow: Overflow) -> String {
    let range = format.interval();
    match overflow {
        Overflow::Wrap => {
            format!("((scaled as i128 - ({})).rem_euclid({}) + ({})) as i64", range.lo, range.hi - range.lo + 1, range.lo)
        }
        Overflow::Saturate | Overflow::SaturateSymmetric => format!("(scaled as i128).clamp({}, {}) as i64", range.lo, range.hi),
    }
}
