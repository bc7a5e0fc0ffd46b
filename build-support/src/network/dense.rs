//! The dense tail and activations.

use serde_json::{Value, json};

use super::{
    Coefficients, Dense, Function, Op, Origin, Relu, Shape, build::Builder, options::Options, quantizer::Place, softmax,
};
use crate::{
    error::{Code, Error, Result},
    fixed::{Dyadic, Format},
    keras::KerasLayer,
};

/// Rows and columns of a dense value.
fn rows(builder: &Builder<'_>) -> Result<(Vec<usize>, usize)> {
    match &builder.shape {
        Shape::Dense(shape) => match shape.split_last() {
            Some((columns, rows)) => Ok((rows.to_vec(), *columns)),
            None => Err(Error::new(Code::UnsupportedGraph, "the input is a single number")),
        },
        Shape::Sparse(_) => {
            let message = "this layer takes a dense value, and the value before it is sparse";
            Err(Error::new(Code::UnsupportedGraph, message).help("put a Flatten layer before it"))
        }
    }
}

/// `QDense`: input quantizer, matrix product, bias, activation, output quantizer (`hgq/layers/core/dense.py`).
pub(crate) fn dense(builder: &mut Builder<'_>, layer: &KerasLayer) -> Result {
    let options = Options::of(layer);
    let (weights, outputs) = (&builder.model.weights, options.size("units")?);
    let (_, inputs) = rows(builder)?;
    let kernel = weights.read_shaped(&layer.name, "", 0, &[inputs, outputs], "kernel")?;
    let bias = match options.flag("use_bias", true)? {
        true => Some(weights.read_shaped(&layer.name, "", 1, &[outputs], "bias")?),
        false => None,
    };
    dense_with(builder, layer, &kernel, bias)
}

/// `QBatchNormDense`: a `QDense` whose kernel and bias take up the normalization of its input before they are
/// quantized (`get_fused_qkernel_and_qbias` in `hgq/layers/core/dense.py`, in float32 as there; only the product of mean
/// and kernel, whose order of summation Keras leaves open, is summed in double precision).
pub(crate) fn batch_norm_dense(builder: &mut Builder<'_>, layer: &KerasLayer) -> Result {
    let options = Options::of(layer);
    let (weights, outputs) = (&builder.model.weights, options.size("units")?);
    let (_, inputs) = rows(builder)?;
    let read = |index, shape: &[usize], what| weights.read_shaped(&layer.name, "", index, shape, what);
    let mut kernel = read(0, &[inputs, outputs], "kernel")?;
    let mut bias = read(1, &[outputs], "bias")?;
    let scaled = options.flag("scale", true)?;
    let gamma = if scaled { read(2, &[inputs], "bn_gamma")? } else { vec![1.0; inputs] };
    // `beta` and `ebops` stand between the trainable variables and the moving statistics, if they are there.
    let first = 2 + usize::from(scaled) + if options.flag("enable_ebops", true)? { 2 } else { 0 };
    let (mean, variance) = (read(first, &[inputs], "moving_mean")?, read(first + 1, &[inputs], "moving_variance")?);
    let epsilon = options.number("epsilon")? as f32;
    for (output, bias) in bias.iter_mut().enumerate() {
        let offset: f64 = (0..inputs).map(|i| f64::from(mean[i]) * f64::from(kernel[i * outputs + output])).sum();
        *bias += -(offset as f32);
    }
    for (row, (gamma, variance)) in kernel.chunks_mut(outputs).zip(gamma.iter().zip(&variance)) {
        let scale = gamma / (variance + epsilon).sqrt();
        row.iter_mut().for_each(|weight| *weight *= scale);
    }
    dense_with(builder, layer, &kernel, Some(bias))
}

/// The format the manifest gives the weights of a plain layer.
fn plain_precision(builder: &Builder<'_>, layer: &KerasLayer) -> Result<Format> {
    builder.precision(layer).weights.ok_or_else(|| {
        let message = format!("a plain {} has no quantizers, so its weights need a format from the manifest", layer.class);
        Error::new(Code::MissingKey, message)
            .file(&builder.manifest.manifest)
            .key(format!("{}.layers.{}.weights-precision", builder.manifest.key(), layer.name))
            .help("add `weights-precision = \"fixed<W,I>\"` there, or to the model's table for all plain layers")
    })
}

/// Keras's own `Dense`, with weights rounded half up, with saturation, to the manifest's format.
pub(crate) fn plain_dense(builder: &mut Builder<'_>, layer: &KerasLayer) -> Result {
    let options = Options::of(layer);
    let format = plain_precision(builder, layer)?;
    let (mut shape, inputs) = rows(builder)?;
    let (weights, outputs) = (&builder.model.weights, options.size("units")?);
    let kernel = weights.read_shaped(&layer.name, "", 0, &[inputs, outputs], "kernel")?;
    let bias = match options.flag("use_bias", true)? {
        true => Some(Coefficients::rounded(&weights.read_shaped(&layer.name, "", 1, &[outputs], "bias")?, format)?),
        false => None,
    };
    let op = Dense { rows: shape.iter().product(), inputs, outputs, weights: Coefficients::rounded(&kernel, format)?, bias };
    shape.push(outputs);
    builder.push("", Shape::Dense(shape), Op::Dense(op))?;
    activation(builder, options, &options.activation()?, "_activation")
}

/// Keras's own `BatchNormalization`, folded to a scale and an offset that are rounded as in [`plain_dense`].
pub(crate) fn plain_batch_normalization(builder: &mut Builder<'_>, layer: &KerasLayer) -> Result {
    let format = plain_precision(builder, layer)?;
    let (scale, offset) = folded(builder, layer, 0.0)?;
    let op = Op::Affine { scale: Coefficients::rounded(&scale, format)?, offset: Coefficients::rounded(&offset, format)? };
    builder.push("", builder.shape.clone(), op)
}

/// The ops of a dense layer with these float weights.
fn dense_with(builder: &mut Builder<'_>, layer: &KerasLayer, kernel: &[f32], bias: Option<Vec<f32>>) -> Result {
    let options = Options::of(layer);
    let weights = &builder.model.weights;
    let (mut shape, inputs) = rows(builder)?;
    if options.flag("enable_iq", true)? {
        builder.quantize("_iq", Place::new(weights, &layer.name, options, "iq_conf", "iq"))?;
    }
    let outputs = options.size("units")?;
    let kq = Place::new(weights, &layer.name, options, "kq_conf", "kq");
    let bq = Place::new(weights, &layer.name, options, "bq_conf", "bq");
    let op = Dense {
        rows: shape.iter().product(),
        inputs,
        outputs,
        weights: kq.quantize_weights(kernel, &[inputs, outputs])?,
        bias: bias.map(|bias| bq.quantize_weights(&bias, &[outputs])).transpose()?,
    };
    shape.push(outputs);
    builder.push("", Shape::Dense(shape), Op::Dense(op))?;
    let name = options.activation()?;
    activation(builder, options, &name, "_activation")?;
    if builder.left_out || !options.flag("enable_oq", false)? {
        return Ok(());
    }
    if name == "softmax" {
        let remedy = "use a QSoftmax layer with enable_oq=True";
        return Err(options.unsupported("enable_oq", &json!(true), remedy));
    }
    builder.quantize("_oq", Place::new(weights, &layer.name, options, "oq_conf", "oq"))
}

/// `QBatchNormalization`: `iq(x) · kq(scale) + bq(offset)` (`hgq/layers/batch_normalization.py`). Without `center` its
/// offset starts from 1, not 0.
pub(crate) fn batch_normalization(builder: &mut Builder<'_>, layer: &KerasLayer) -> Result {
    let options = Options::of(layer);
    let (scale, offset) = folded(builder, layer, 1.0)?;
    let weights = &builder.model.weights;
    if options.flag("enable_iq", true)? {
        builder.quantize("_iq", Place::new(weights, &layer.name, options, "iq_conf", "iq"))?;
    }
    let quantize = |values: &[f32], key, path| {
        Place::new(weights, &layer.name, options, key, path).quantize_weights(values, &[values.len()])
    };
    let op = Op::Affine { scale: quantize(&scale, "kq_conf", "kq")?, offset: quantize(&offset, "bq_conf", "bq")? };
    builder.push("", builder.shape.clone(), op)?;
    if options.flag("enable_oq", false)? {
        builder.quantize("_oq", Place::new(weights, &layer.name, options, "oq_conf", "oq"))?;
    }
    Ok(())
}

/// Scale and offset of a batch normalization of the last axis, in float32; `uncentered` stands for a missing beta.
fn folded(builder: &Builder<'_>, layer: &KerasLayer, uncentered: f32) -> Result<(Vec<f32>, Vec<f32>)> {
    let options = Options::of(layer);
    let (_, channels) = rows(builder)?;
    let rank = builder.shape.dimensions().len();
    if !options.is_last_axis("axis", rank) {
        return Err(options.unsupported("axis", options.value("axis"), "normalize the last axis"));
    }
    let mut index = 0;
    let mut read = |default: Option<f32>, what| match default {
        Some(value) => Ok(vec![value; channels]),
        None => {
            index += 1;
            builder.model.weights.read_shaped(&layer.name, "", index - 1, &[channels], what)
        }
    };
    let default = |there: bool, value| if there { None } else { Some(value) };
    let gamma = read(default(options.flag("scale", true)?, 1.0), "gamma")?;
    let beta = read(default(options.flag("center", true)?, uncentered), "beta")?;
    let (mean, variance) = (read(None, "moving_mean")?, read(None, "moving_variance")?);
    let epsilon = options.number("epsilon")? as f32;
    let scale: Vec<f32> = gamma.iter().zip(&variance).map(|(gamma, variance)| gamma / (variance + epsilon).sqrt()).collect();
    let offset = (0..channels).map(|c| beta[c] - mean[c] * scale[c]).collect();
    Ok((scale, offset))
}

/// A `ReLU` layer.
pub(crate) fn relu_layer(builder: &mut Builder<'_>, options: Options<'_>) -> Result {
    let mut relu = Relu::default();
    let malformed = |key: &str, remedy: &str| options.unsupported(key, options.value(key), remedy);
    if !options.value("max_value").is_null() {
        let limit = dyadic(options.number("max_value")? as f32).filter(|limit| limit.mantissa >= 0 && limit.fraction < 40);
        relu.limit = Some(limit.ok_or_else(|| malformed("max_value", "give a limit that is not negative"))?);
    }
    match options.value("negative_slope") {
        Value::Null => {}
        value if value.as_f64() == Some(0.0) => {}
        _ => {
            // Another slope would need products that float32 rounds.
            let slope = dyadic(options.number("negative_slope")? as f32)
                .filter(|slope| slope.mantissa == 1 && (0..32).contains(&slope.fraction));
            let slope =
                slope.ok_or_else(|| malformed("negative_slope", "use a slope that is a power of two, for example 0.25"))?;
            relu.slope = Some(slope.fraction as u32);
        }
    }
    builder.push("", builder.shape.clone(), Op::Relu(relu))
}

/// A finite float of a size that options have.
fn dyadic(x: f32) -> Option<Dyadic> {
    if !x.is_finite() || x.abs() > 1e9 || (x != 0.0 && x.abs() < 1e-9) {
        return None;
    }
    let scaled = (f64::from(x) * 2f64.powi(60)) as i128;
    let zeros = if scaled == 0 { 60 } else { scaled.trailing_zeros() };
    Some(Dyadic { mantissa: i64::try_from(scaled >> zeros).ok()?, fraction: 60 - zeros as i32 })
}

/// The names of the activations, in the order the guide lists them.
pub(crate) fn activations() -> Vec<&'static str> {
    let own = ["linear", "relu", "relu6", "softmax"];
    own.into_iter().chain(Function::names().into_iter().filter(|name| !own.contains(name))).collect()
}

/// The activation `name`, as an op whose name gets `suffix`.
pub(crate) fn activation(builder: &mut Builder<'_>, options: Options<'_>, name: &str, suffix: &str) -> Result {
    let refuse = |remedy: &str| Err(options.unsupported_activation(name, remedy));
    let sparse = matches!(builder.shape, Shape::Sparse(_));
    let relu = |limit| Op::Relu(Relu { limit, slope: None });
    let suffix = if suffix.is_empty() { "" } else { "_relu" };
    match name {
        "linear" => Ok(()),
        "relu" => builder.push(suffix, builder.shape.clone(), relu(None)),
        "relu6" => builder.push(suffix, builder.shape.clone(), relu(Some(Dyadic { mantissa: 6, fraction: 0 }))),
        "softmax" | "sigmoid" if !sparse && builder.last && builder.wants_logits() => {
            builder.leave_out();
            Ok(())
        }
        "softmax" if sparse => {
            refuse("it gives inactive pixels a value other than 0, so that the image is no longer sparse; use relu here")
        }
        "softmax" if builder.last => builder.with_origin(Origin::Tables, softmax::float_softmax),
        "softmax" => refuse("in float arithmetic it can only end a network; use QSoftmax"),
        _ => match Function::from_keras(name) {
            Some(function) if sparse && function.float32(0.0) != 0.0 => {
                refuse("it gives inactive pixels a value other than 0, so that the image is no longer sparse; use relu here")
            }
            Some(function) => builder.defer(function),
            None => refuse(&format!("supported activations: {}", activations().join(", "))),
        },
    }
}
