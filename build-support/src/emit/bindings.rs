//! The Rust side: one module for each model, around the simulation as a static library.

use minijinja::context;
use serde::Serialize;

use super::{Templates, describe, serde, summary};
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
    library: Option<String>,
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

/// What the bindings of a package have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bindings {
    /// Why the simulations are left out, if they are.
    pub left_out: Option<String>,
    /// Whether there is an allocator to count on.
    pub no_std: bool,
}

/// The bindings of models, each with its network and the name of its library, which is also that of
/// its function.
///
/// # Errors
/// [`Code::Io`](crate::Code::Io), which cannot happen with the embedded template.
pub fn bindings(models: &[(&Model, &FixedNetwork, Option<&str>)], options: &Bindings) -> Result<String> {
    let modules: Vec<_> = models.iter().map(|(model, network, library)| module(model, network, *library)).collect();
    let made_by = format!("Made by cargo-sparsehls {}; do not edit.", env!("CARGO_PKG_VERSION"));
    // A string literal of Rust.
    let left_out = options.left_out.as_ref().map(|why| format!("{why:?}"));
    Templates::new()?.render(
        "bindings.rs",
        &context! { made_by => serde(made_by), models => serde(modules), left_out => serde(left_out), no_std => options.no_std },
    )
}

fn module(model: &Model, network: &FixedNetwork, library: Option<&str>) -> Module {
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
        library: library.map(str::to_owned),
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

/// The Rust expression that brings the integer `whole` into the range of `format`.
fn reduce(format: Format, overflow: Overflow) -> String {
    let range = format.interval();
    match overflow {
        Overflow::Wrap => format!("((whole - ({0})).rem_euclid({1}) + ({0})) as i64", range.lo, range.hi - range.lo + 1),
        Overflow::Saturate | Overflow::SaturateSymmetric => format!("whole.clamp({}, {}) as i64", range.lo, range.hi),
    }
}
