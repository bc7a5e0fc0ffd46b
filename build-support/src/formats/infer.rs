//! The formats of a chain of ops, one after another.

use crate::{
    budget::{Budget, MAX_RANGES},
    error::{Code, Error, Result},
    fixed::{Format, MAX_WIDTH},
    network::{Layer, Network, Shape},
    ops::{self, FixedLayer, Values},
};

/// Infers the formats of every layer, for an input in `input`.
pub(crate) fn layers(network: &Network, input: Format) -> Result<Vec<FixedLayer>> {
    let mut shape = Shape::Dense(network.input_shape.clone());
    let mut values = Values { fraction: input.fraction, divisor: 1, ranges: vec![input.range()], active: None };
    let mut ranges = Budget::new("the values of all layers have too many different ranges", MAX_RANGES as u64);
    let mut out = Vec::with_capacity(network.layers.len());
    for layer in &network.layers {
        let fixed = infer(layer, shape, values).map_err(|error| error.layer(&layer.name))?;
        shape = layer.shape.clone();
        ranges.take(&[fixed.output.ranges.len()]).map_err(|error| error.layer(&layer.name))?;
        values = fixed.output.clone();
        out.push(fixed);
    }
    match network.layers.last() {
        Some(last) if values.divisor != 1 => Err(inexact(last, values.divisor)),
        _ => Ok(out),
    }
}

fn inexact(layer: &Layer, divisor: u64) -> Error {
    Error::new(Code::InexactOutput, format!("the output is a mean, a multiple of 1/{divisor}, which no fixed-point format holds"))
        .layer(&layer.name)
        .help("end the network with a quantizer, or pool over a power of two of pixels")
}

fn infer(layer: &Layer, input_shape: Shape, input: Values) -> Result<FixedLayer> {
    let (op, output) = ops::fix(layer, &input_shape, &input)?;
    if output.divisor >= 1 << 24 {
        return Err(Error::new(Code::FormatTooWide, format!("this mean has the divisor {}", output.divisor))
            .help("put a quantizer between means that follow each other"));
    }
    for format in [Some(output.format()), op.rules().about().accumulator].into_iter().flatten() {
        check_width(format)?;
    }
    Ok(FixedLayer { layer: layer.with_op(op), kind: layer.op.kind(), input_shape, input, output })
}

/// Mantissas are kept in 64-bit integers with a sign.
fn check_width(format: Format) -> Result {
    if format.width + u32::from(!format.signed) <= MAX_WIDTH && format.fraction.abs() <= 64 {
        return Ok(());
    }
    Err(Error::new(Code::FormatTooWide, format!("this layer needs {format}; {MAX_WIDTH} bits, sign included, are the most"))
        .help("give the layer an input quantizer, or fewer bits in training"))
}
