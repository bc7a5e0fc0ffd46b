//! Softmax and functions of one variable, as tables.
//!
//! HGQ2's `QSoftmax` and `QUnaryFunctionLUT` quantize what goes into a function and what comes out, so a table holds
//! them exactly. A float softmax or sigmoid at the end of a network gets quantizers of our choice around the same
//! tables, and an error bound.

use serde_json::{Value, json};

use super::{Lookup, Op, Quantizer, Shape, build::Builder, options::Options, quantizer::Place};
use crate::{
    error::{Code, Error, Result},
    fixed::{Overflow, QuantizerFormat, Rounding},
    keras::KerasLayer,
};

/// A function of one variable that a table can hold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Function {
    /// `exp(scale · x)`.
    Exp {
        /// The factor, negative in a stable softmax.
        scale: f32,
    },
    /// `1 / (x + 1e-7)`, as `QSoftmax` has it.
    Reciprocal,
    /// `1 / (1 + exp(-x))`.
    Sigmoid,
    /// Hyperbolic tangent.
    Tanh,
    /// `max(0, x)`.
    Relu,
    /// `x`.
    Linear,
}

impl Function {
    /// The function in float32, as Keras computes it.
    ///
    /// The exponential is taken in double precision and rounded once; TensorFlow's float32 exponential can differ from
    /// that in its last bit, which a table entry notices only if it lies within 2^-23 of a rounding boundary.
    pub fn float32(self, x: f32) -> f32 {
        match self {
            Self::Exp { scale } => f64::from(x * scale).exp() as f32,
            Self::Reciprocal => 1.0 / (x + 1e-7),
            Self::Sigmoid => (1.0 / (1.0 + (-f64::from(x)).exp())) as f32,
            Self::Tanh => f64::from(x).tanh() as f32,
            Self::Relu => x.max(0.0),
            Self::Linear => x,
        }
    }

    /// What the function is called in comments.
    pub fn name(self) -> &'static str {
        match self {
            Self::Exp { .. } => "exp",
            Self::Reciprocal => "reciprocal",
            Self::Sigmoid => "sigmoid",
            Self::Tanh => "tanh",
            Self::Relu => "relu",
            Self::Linear => "linear",
        }
    }
}

fn classes(builder: &Builder<'_>) -> Result<usize> {
    match &builder.shape {
        Shape::Dense(shape) if shape.len() == 1 => Ok(shape[0]),
        other => {
            Err(Error::new(Code::UnsupportedGraph, format!("a softmax needs a flat input, not the shape {:?}", other.keras()))
                .help("put a Flatten layer before it"))
        }
    }
}

/// HGQ2's `QSoftmax` (`hgq/layers/softmax.py`).
pub fn qsoftmax(builder: &mut Builder<'_>, layer: &KerasLayer) -> Result {
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
    let output = place("exp_oq_conf", "exp_table/oq").of_value(&[count])?;
    let one = |place: Place<'_>| place.of_value(&[1]);
    let sum = one(place("inv_iq_conf", "inv_table/iq"))?;
    let reciprocal = Lookup { function: Function::Reciprocal, output: one(place("inv_oq_conf", "inv_table/oq"))? };
    if stable {
        builder.push("_max_minus", builder.shape.clone(), Op::MaxMinus);
        builder.quantize("_exp_iq", place("exp_iq_conf", "exp_table/iq"))?;
    }
    builder.lookup("_exp", Lookup { function: Function::Exp { scale: if stable { -scale } else { scale } }, output });
    builder.push("", builder.shape.clone(), Op::Normalize { sum, reciprocal });
    if options.flag("enable_oq", false)? {
        builder.quantize("_oq", place("oq_conf", "oq"))?;
    }
    Ok(())
}

/// HGQ2's `QUnaryFunctionLUT` (`hgq/layers/activation.py`).
pub fn lookup_layer(builder: &mut Builder<'_>, layer: &KerasLayer) -> Result {
    let options = Options::of(layer);
    let name = options.activation()?;
    let function = match name.as_str() {
        "exp" | "exponential" => Function::Exp { scale: 1.0 },
        "sigmoid" => Function::Sigmoid,
        "tanh" => Function::Tanh,
        "relu" => Function::Relu,
        "linear" => Function::Linear,
        _ => return Err(options.unsupported("activation", &json!(name), "use exp, sigmoid, tanh, relu or linear")),
    };
    if matches!(builder.shape, Shape::Sparse { .. }) && function.float32(0.0) != 0.0 {
        return Err(options.unsupported(
            "activation",
            &json!(name),
            "it gives inactive pixels a value other than 0, so that the image is no longer sparse",
        ));
    }
    let weights = &builder.model.weights;
    if options.flag("enable_iq", true)? {
        builder.quantize("_iq", Place::new(weights, &layer.name, options, "iq_conf", "iq"))?;
    }
    if !options.flag("enable_oq", true)? {
        return Err(options.unsupported(
            "enable_oq",
            &Value::Bool(false),
            "a table needs a quantizer for its values: use enable_oq=True",
        ));
    }
    let shape = builder.shape.keras();
    let output = Place::new(weights, &layer.name, options, "oq_conf", "oq").of_value(&shape)?;
    builder.lookup("", Lookup { function, output });
    Ok(())
}

fn uniform(k: u32, i: i32, f: i32) -> Quantizer {
    Quantizer::uniform(QuantizerFormat::Live { k, i, f }, Rounding::HalfUp, Overflow::Saturate, 1)
}

/// Fraction bits of the exponent, of its table, of the sum and of the reciprocal.
const SOFTMAX: [i32; 4] = [9, 17, 10, 16];

/// A float softmax at the end: `exp(x - max)` from one table, the reciprocal of the sum from another.
///
/// Error bound: with the argument off by a, an exponential off by b, the sum s >= 1 off by c + n·b and the reciprocal
/// off by d, the result `e/s <= 1` is off by at most `2a + (n + 1)·b + c + d`, to first order; doubled for the rest.
pub fn float_softmax(builder: &mut Builder<'_>, options: Options<'_>, suffix: &str) -> Result {
    let count = classes(builder)?;
    let axis = options.value("axis");
    if !(axis.is_null() || axis == &json!(-1) || axis == &json!(1)) {
        return Err(options.unsupported("axis", axis, "use the last axis"));
    }
    if count > 32 {
        let remedy = "use output = \"logits\" in the manifest, or a QSoftmax";
        return Err(options.unsupported("units", &json!(count), remedy));
    }
    let [argument, exponential, sum, reciprocal] = SOFTMAX;
    builder.push("_max_minus", builder.shape.clone(), Op::MaxMinus);
    builder.push("_argument", builder.shape.clone(), Op::Quantize(uniform(0, 4, argument)));
    builder.lookup("_exp", Lookup { function: Function::Exp { scale: -1.0 }, output: uniform(0, 1, exponential) });
    let reciprocal_lookup = Lookup { function: Function::Reciprocal, output: uniform(0, 1, reciprocal) };
    builder.push(suffix, builder.shape.clone(), Op::Normalize { sum: uniform(0, 6, sum), reciprocal: reciprocal_lookup });
    let half = |f: i32| 2f64.powi(-f - 1);
    let clipped = (-16f64).exp();
    let first_order =
        2.0 * half(argument) + (count as f64 + 1.0) * (half(exponential) + clipped) + half(sum) + half(reciprocal) + 1e-6;
    builder.inexact(2.0 * first_order);
    Ok(())
}

/// A float sigmoid at the end. The slope is at most 1/4, and beyond ±8 the value is within `exp(-8)` of 0 or 1.
pub fn float_sigmoid(builder: &mut Builder<'_>, suffix: &str) {
    let (argument, result) = (9, 16);
    builder.push("_argument", builder.shape.clone(), Op::Quantize(uniform(1, 3, argument)));
    builder.lookup(suffix, Lookup { function: Function::Sigmoid, output: uniform(0, 0, result) });
    builder.inexact(0.25 * 2f64.powi(-argument - 1) + 2f64.powi(-result) + (-8f64).exp() + 1e-6);
}
