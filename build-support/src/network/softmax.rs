//! Softmax and functions of one variable, as tables.
//!
//! HGQ2's `QSoftmax` and `QUnaryFunctionLUT` quantize what goes into a function and what comes out, so a table holds
//! them exactly. So does a table for a float function and the quantizer of the next layer together. A float softmax or
//! sigmoid at the end of a network gets quantizers of our choice, and an error bound.

use serde_json::json;

use super::{Function, Lookup, Op, Quantizer, Shape, build::Builder, dense, options::Options, quantizer::Place};
use crate::{
    error::{Code, Error, Result},
    fixed::{Overflow, QuantizerFormat, Rounding},
    keras::KerasLayer,
};

fn classes(builder: &Builder<'_>) -> Result<usize> {
    match &builder.shape {
        Shape::Dense(shape) if shape.len() == 1 => Ok(shape[0]),
        other => {
            Err(Error::new(Code::UnsupportedGraph, format!("a softmax needs a flat input, not the shape {:?}", other.keras()))
                .help("put a Flatten layer before it"))
        }
    }
}

/// The quantizer of a table or of a sum, which must be one.
fn table_quantizer(place: Place<'_>, shape: &[usize]) -> Result<Quantizer> {
    place.of_value(shape)?.ok_or_else(|| {
        Error::new(Code::UnsupportedOption, "a table's quantizer has the type \"dummy\"")
            .help("use q_type \"kbi\" or \"kif\" for tables")
    })
}

/// HGQ2's `QSoftmax` (`hgq/layers/softmax.py`).
pub(crate) fn qsoftmax(builder: &mut Builder<'_>, layer: &KerasLayer) -> Result {
    let count = classes(builder)?;
    let options = Options::of(layer);
    let weights = &builder.model.weights;
    let axes = options.value("axes");
    if !(axes.is_null() || axes == &json!([-1]) || axes == &json!([1])) {
        return Err(options.unsupported("axes", axes, "use the last axis"));
    }
    if options.flag("enable_iq", false)? {
        builder.quantize("_iq", Place::new(weights, &layer.name, options, "iq_conf", "iq"))?;
    }
    let stable = options.flag("stable", true)?;
    let scale = if options.value("input_scaler").is_null() { 1.0 } else { options.number("input_scaler")? as f32 };
    let place = |key, path| Place::new(weights, &layer.name, options, key, path);
    let output = table_quantizer(place("exp_oq_conf", "exp_table/oq"), &[count])?;
    let sum = table_quantizer(place("inv_iq_conf", "inv_table/iq"), &[1])?;
    let inverse = table_quantizer(place("inv_oq_conf", "inv_table/oq"), &[1])?;
    let reciprocal = Lookup { function: Function::Reciprocal, output: inverse };
    if stable {
        builder.push("_max_minus", builder.shape.clone(), Op::MaxMinus)?;
        builder.quantize("_exp_iq", place("exp_iq_conf", "exp_table/iq"))?;
    }
    builder.lookup("_exp", Lookup { function: Function::Exp { scale: if stable { -scale } else { scale } }, output })?;
    builder.push("", builder.shape.clone(), Op::Normalize { sum, reciprocal })?;
    if options.flag("enable_oq", false)? {
        builder.quantize("_oq", place("oq_conf", "oq"))?;
    }
    Ok(())
}

/// Keras's own `Softmax` layer; over the last axis it is the activation.
pub(crate) fn softmax_layer(builder: &mut Builder<'_>, options: Options<'_>) -> Result {
    if !options.is_last_axis("axis", builder.shape.keras().len()) {
        return Err(options.unsupported("axis", options.value("axis"), "use the last axis"));
    }
    dense::activation(builder, options, "softmax", "")
}

/// HGQ2's `QUnaryFunctionLUT` (`hgq/layers/activation.py`).
pub(crate) fn lookup_layer(builder: &mut Builder<'_>, layer: &KerasLayer) -> Result {
    let options = Options::of(layer);
    let name = options.activation()?;
    let refuse = |remedy: &str| Err(options.unsupported("activation", &json!(name), remedy));
    let Some(function) = Function::from_keras(&name) else {
        return refuse(&format!("use one of {}", Function::names().join(", ")));
    };
    if matches!(builder.shape, Shape::Sparse(_)) && function.float32(0.0) != 0.0 {
        return refuse("it gives inactive pixels a value other than 0, so that the image is no longer sparse");
    }
    let place = |key, path| Place::new(&builder.model.weights, &layer.name, options, key, path);
    let (input, output) = (place("iq_conf", "iq"), place("oq_conf", "oq"));
    if options.flag("enable_iq", true)? {
        builder.quantize("_iq", input)?;
    }
    if !options.flag("enable_oq", true)? {
        return builder.defer(function);
    }
    let shape = builder.shape.keras();
    builder.lookup("", Lookup { function, output: table_quantizer(output, &shape)? })
}

fn uniform(k: u32, i: i32, f: i32) -> Quantizer {
    Quantizer::uniform(QuantizerFormat::Live { k, i, f }, Rounding::HalfUp, Overflow::Saturate, 1)
}

/// The most classes of a float softmax.
pub(crate) const MAX_CLASSES: usize = 32;

/// Fraction bits of the exponent, of its table, of the sum and of the reciprocal.
const SOFTMAX: [i32; 4] = [9, 17, 10, 16];

/// A float softmax at the end: `exp(x - max)` from one table, the reciprocal of the sum from another.
///
/// Error bound: with the argument off by a, an exponential off by b, the sum s >= 1 off by c + n·b and the reciprocal
/// off by d, the result `e/s <= 1` is off by at most `2a + (n + 1)·b + c + d`, to first order; doubled for the rest.
pub(crate) fn float_softmax(builder: &mut Builder<'_>) -> Result {
    let count = classes(builder)?;
    if count > MAX_CLASSES {
        let message = format!("a softmax in float arithmetic over {count} classes; its tables take up to {MAX_CLASSES}");
        return Err(Error::new(Code::UnsupportedOption, message)
            .help("leave the softmax out with `output = \"logits\"` in the manifest, or use a QSoftmax"));
    }
    let [argument, exponential, sum, reciprocal] = SOFTMAX;
    builder.push("_max_minus", builder.shape.clone(), Op::MaxMinus)?;
    builder.push("_argument", builder.shape.clone(), Op::Quantize(uniform(0, 4, argument)))?;
    builder.lookup("_exp", Lookup { function: Function::Exp { scale: -1.0 }, output: uniform(0, 1, exponential) })?;
    let reciprocal_lookup = Lookup { function: Function::Reciprocal, output: uniform(0, 1, reciprocal) };
    let normalize = Op::Normalize { sum: uniform(0, 6, sum), reciprocal: reciprocal_lookup };
    builder.push("_softmax", builder.shape.clone(), normalize)?;
    let half = |f: i32| 2f64.powi(-f - 1);
    let clipped = (-16f64).exp();
    let first_order =
        2.0 * half(argument) + (count as f64 + 1.0) * (half(exponential) + clipped) + half(sum) + half(reciprocal) + 1e-6;
    builder.inexact(2.0 * first_order);
    Ok(())
}

/// A float function at the end of the network: its argument saturates at ±8 with 9 fraction bits, its result has 16.
///
/// Error bound: half a step of the argument times the steepest slope, a step of the result, and what the function still
/// changes beyond ±8.
pub(crate) fn float_function(builder: &mut Builder<'_>, function: Function) -> Result {
    let (slope, beyond, signed) = match function {
        Function::Sigmoid => (0.25, (-8f64).exp(), 0),
        Function::Tanh => (1.0, 2.0 * (-16f64).exp(), 1),
        Function::HardSigmoid => (1.0 / 6.0, 0.0, 0),
        Function::HardTanh => (1.0, 0.0, 1),
        _ => {
            let message = format!("the network ends with {} in float arithmetic, whose values have no bound", function.name());
            return Err(
                Error::new(Code::UnsupportedOption, message).help("put a quantizer after it, for example a Quantizer layer")
            );
        }
    };
    let (argument, result) = (9, 16);
    let rank = builder.shape.keras().len();
    let quantizer = |k, i, f| Quantizer::uniform(QuantizerFormat::Live { k, i, f }, Rounding::HalfUp, Overflow::Saturate, rank);
    builder.push("_argument", builder.shape.clone(), Op::Quantize(quantizer(1, 3, argument)))?;
    builder.lookup(&format!("_{}", function.name()), Lookup { function, output: quantizer(signed, 1, result) })?;
    builder.inexact(slope * 2f64.powi(-argument - 1) + 2f64.powi(-result) + beyond + 1e-6);
    Ok(())
}
