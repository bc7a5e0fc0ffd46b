//! The Rust side: one module for each model, around the simulation as a static library.

use minijinja::context;
use serde::Serialize;

use super::text::{Templates, describe, serde, summary};
use crate::{
    error::Result,
    fixed::{Format, Overflow, QuantizerFormat, Rounding},
    formats::{AddsHalf, FixedNetwork, Rest},
    manifest::Model,
    names,
    network::Quantizer,
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
    rest: &'static str,
    odd: bool,
    /// Which numbers get one half added, if any do: a condition and `&&`, or nothing.
    adds_half: Option<&'static str>,
    overflow: &'static str,
    range: String,
    highest: String,
    reduce: String,
    by_element: Option<ByElement>,
    tolerance: f64,
}

/// How values out of range are quantized, where each has a format of its own.
#[derive(Debug, Serialize)]
struct ByElement {
    /// The lowest mantissa, the number of mantissas, and the bits below.
    formats: Vec<String>,
    /// The format of each value; empty if there is one.
    classes: Vec<u16>,
    rounds_up: &'static str,
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
        kind: fixed.kind,
        shape: describe(&fixed.layer.shape.dimensions()),
        format: fixed.output.describe(),
    });
    let input = network.input.format;
    let is_odd = matches!(network.input.rest, Rest::Odd | Rest::OddOrQuantized { .. });
    Module {
        name: model.name.clone(),
        summary: summary(&model.name, &describe(&network.input_shape), input, network.output_len().get(), network.output()),
        layers: rows.collect(),
        library: library.map(str::to_owned),
        input_shape: network.input_shape.clone(),
        inputs: network.input_len().get(),
        outputs: network.output_len().get(),
        input_format: literal(input),
        output_format: literal(network.output()),
        input_scale: float(input.fraction),
        output_scale: float(-network.output().fraction),
        rest: if is_odd { "rounded to odd" } else { "truncated toward minus infinity" },
        odd: is_odd,
        adds_half: match network.input.adds_half {
            AddsHalf { below_zero: true, above_zero: true } => Some(""),
            AddsHalf { below_zero: true, .. } => Some("x < 0.0 && "),
            AddsHalf { above_zero: true, .. } => Some("x > 0.0 && "),
            AddsHalf { .. } => None,
        },
        overflow: if network.input.overflow == Overflow::Wrap { "wrapped" } else { "saturated" },
        range: format!("{}..={}", input.range().lo, input.range().hi),
        highest: format!("{:?}", input.range().hi as f64),
        reduce: reduce(input, network.input.overflow),
        by_element: match &network.input.rest {
            Rest::OddOrQuantized { quantizer, classes } => Some(by_element(quantizer, classes, input)),
            _ => None,
        },
        tolerance: network.tolerance,
    }
}

fn by_element(quantizer: &Quantizer, classes: &[u16], input: Format) -> ByElement {
    let format = |format: &QuantizerFormat| match format.format() {
        Some(format) => {
            let range = format.range();
            format!("({}, {}, {})", range.lo, range.hi - range.lo + 1, input.fraction - format.fraction)
        }
        None => "(0, 0, 0)".to_owned(),
    };
    ByElement {
        formats: quantizer.formats.iter().map(format).collect(),
        classes: if quantizer.is_uniform() { Vec::new() } else { classes.to_vec() },
        rounds_up: match quantizer.rounding {
            Rounding::HalfTowardZero => "2 * rest > 1 << bits || 2 * rest == 1 << bits && whole < 0",
            Rounding::HalfAwayFromZero => "2 * rest > 1 << bits || 2 * rest == 1 << bits && whole > 0",
            // The one other mode that rounds by the sign.
            _ => "rest != 0 && whole < 0",
        },
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
    let range = format.range();
    match overflow {
        Overflow::Wrap => format!("((whole - ({0})).rem_euclid({1}) + ({0})) as i64", range.lo, range.hi - range.lo + 1),
        Overflow::Saturate | Overflow::SaturateSymmetric => format!("whole.clamp({}, {}) as i64", range.lo, range.hi),
    }
}
