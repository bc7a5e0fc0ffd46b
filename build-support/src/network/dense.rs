//! The dense tail and activations.

use serde_json::{Value, json};

use super::{Dense, Op, Shape, build::Builder, options::Options, quantizer::Place, softmax};
use crate::{
    error::{Code, Error, Result},
    keras::KerasLayer,
    manifest::Output,
};

/// `QDense`: input quantizer, matrix product, bias, activation, output quantizer (`hgq/layers/core/dense.py`).
pub fn dense(builder: &mut Builder<'_>, layer: &KerasLayer) -> Result {
    let inputs = match &builder.shape {
        Shape::Dense(shape) if shape.len() == 1 => shape[0],
        other => {
            let message = format!("a {} needs a flat input, not the shape {:?}", layer.class, other.keras());
            return Err(Error::new(Code::UnsupportedGraph, message).help("put a Flatten layer before it"));
        }
    };
    let options = Options::of(layer);
    let weights = &builder.model.weights;
    if options.flag("enable_iq", true)? {
        builder.quantize("_iq", Place::new(weights, &layer.name, options, "iq_conf", "iq"))?;
    }
    let outputs = options.size("units")?;
    let kernel = weights.read_shaped(&layer.name, "", 0, &[inputs, outputs], "kernel")?;
    let kq = Place::new(weights, &layer.name, options, "kq_conf", "kq");
    let bias = if options.flag("use_bias", true)? {
        let values = weights.read_shaped(&layer.name, "", 1, &[outputs], "bias")?;
        Some(Place::new(weights, &layer.name, options, "bq_conf", "bq").quantize_weights(&values, &[outputs])?)
    } else {
        None
    };
    let op = Dense { inputs, outputs, weights: kq.quantize_weights(&kernel, &[inputs, outputs])?, bias };
    builder.push("", Shape::Dense(vec![outputs]), Op::Dense(op));
    activation(builder, options, &options.activation()?, "_activation")?;
    if options.flag("enable_oq", false)? {
        builder.quantize("_oq", Place::new(weights, &layer.name, options, "oq_conf", "oq"))?;
    }
    Ok(())
}

/// A `ReLU` layer with Keras's defaults.
pub fn relu_layer(builder: &mut Builder<'_>, options: Options<'_>) -> Result {
    options.require("max_value", &Value::Null, "quantize with overflow_mode=\"SAT\" to limit values")?;
    for key in ["negative_slope", "threshold"] {
        options.require(key, &json!(0.0), "use ReLU without options")?;
    }
    builder.push("", builder.shape.clone(), Op::Relu);
    Ok(())
}

/// The activation `name`, as an op whose name gets `suffix`.
pub fn activation(builder: &mut Builder<'_>, options: Options<'_>, name: &str, suffix: &str) -> Result {
    let refuse = |remedy: &str| Err(options.unsupported("activation", &json!(name), remedy));
    let sparse = matches!(builder.shape, Shape::Sparse { .. });
    match name {
        "linear" => Ok(()),
        "relu" => {
            builder.push(if suffix.is_empty() { "" } else { "_relu" }, builder.shape.clone(), Op::Relu);
            Ok(())
        }
        "softmax" | "sigmoid" if sparse => {
            refuse("it gives inactive pixels a value other than 0, so that the image is no longer sparse; use relu here")
        }
        "softmax" | "sigmoid" if builder.last && builder.output == Output::Logits => Ok(()),
        "softmax" if builder.last => softmax::float_softmax(builder, options, suffix),
        "sigmoid" if builder.last => {
            softmax::float_sigmoid(builder, suffix);
            Ok(())
        }
        "softmax" | "sigmoid" => refuse("in float arithmetic it can only end a network; use QSoftmax or QUnaryFunctionLUT"),
        _ => refuse("supported activations: linear, relu, and at the end of the network softmax and sigmoid"),
    }
}
