//! The sparse layers of sparsepixels (`sparsepixels/layers.py`, versions 0.2.3 and 0.3.2).

use serde_json::Value;

use super::{Conv2d, Op, Pooling2d, PoolingMode, Shape, SparseShape, build::Builder, dense, options::Options, quantizer::Place};
use crate::{
    error::{Code, Error, Result},
    keras::KerasLayer,
};

/// The largest pixel budget accepted: a convolution works on all pairs of slots.
pub(crate) const MAX_SLOTS: f32 = 4096.0;

/// `InputReduce`: 0.2.x keeps `n_max_pixels` and `threshold` in its config; 0.3.2 can have either as a variable.
pub(crate) fn input_reduce(builder: &mut Builder<'_>, layer: &KerasLayer) -> Result {
    let Shape::Dense(input) = &builder.shape else {
        return Err(Error::new(Code::UnsupportedGraph, "an InputReduce cannot follow sparse layers")
            .help("reduce the image once, at the input of the network"));
    };
    let [height, width, channels] = input[..] else {
        let message = format!("an InputReduce needs an image (height, width, channels), not the shape {input:?}");
        return Err(Error::new(Code::UnsupportedGraph, message).help("put it before layers that change the image's shape"));
    };
    let options = Options::of(layer);
    let old = !options.value("n_max_pixels").is_null();
    let learn = |key: &str| options.flag(key, !old);
    let scalar = |index, what| builder.model.weights.read_shaped(&layer.name, "", index, &[], what).map(|values| values[0]);
    let (learn_threshold, learn_n) = (learn("learn_threshold")?, learn("learn_n")?);
    let threshold = match (learn_threshold, options.value("threshold")) {
        (true, _) => Some(scalar(0, "learned threshold")?),
        (false, Value::Null) if old => None,
        (false, _) => Some(options.number("threshold")? as f32),
    };
    let initial = options.size(if old { "n_max_pixels" } else { "n" })? as f32;
    let budget = if learn_n { initial * scalar(usize::from(learn_threshold), "learned pixel budget")? } else { initial };
    let budget = budget.round_ties_even();
    if !(1.0..=MAX_SLOTS).contains(&budget) {
        return Err(Error::new(Code::UnsupportedOption, format!("the pixel budget is {budget}"))
            .help(format!("a budget may be from 1 to {MAX_SLOTS} pixels")));
    }
    // More slots than pixels could never fill.
    let slots = (budget as usize).min(height * width);
    builder.push("", Shape::Sparse(SparseShape { slots, height, width, channels }), Op::InputReduce { threshold })
}

/// `QConv2DSparse`: input quantizer, convolution, output quantizer, bias where not zero, activation.
pub(crate) fn conv2d(builder: &mut Builder<'_>, layer: &KerasLayer) -> Result {
    let Shape::Sparse(SparseShape { slots, height, width, channels }) = builder.shape else {
        return Err(Error::new(Code::UnsupportedGraph, "a QConv2DSparse needs a sparse input"));
    };
    let options = Options::of(layer);
    let conv = Options::wrapped(layer, "conv_config", "QConv2D")?;
    let weights = &builder.model.weights;
    if conv.flag("enable_iq", true)? {
        builder.quantize("_iq", Place::new(weights, &layer.name, conv, "iq_conf", "conv/iq"))?;
    }
    let kernel = conv.pair("kernel_size")?;
    let filters = conv.size("filters")?;
    // Before the weights are read.
    builder.check_size(&[height, width, filters])?;
    let shape = [kernel[0], kernel[1], channels, filters];
    let values = weights.read_shaped(&layer.name, "conv", 0, &shape, "kernel")?;
    let kq = Place::new(weights, &layer.name, conv, "kq_conf", "conv/kq");
    let op = Conv2d { kernel, channels, filters, weights: kq.quantize_weights(&values, &shape)? };
    builder.push("", Shape::Sparse(SparseShape { slots, height, width, channels: filters }), Op::SparseConv2d(op))?;
    if conv.flag("enable_oq", false)? {
        builder.quantize("_oq", Place::new(weights, &layer.name, conv, "oq_conf", "conv/oq"))?;
    }
    if options.flag("use_bias", true)? {
        let values = weights.read_shaped(&layer.name, "", 0, &[filters], "bias")?;
        let bq = Place::new(weights, &layer.name, options, "bq_conf", "_bq");
        let bias = bq.quantize_weights(&values, &[filters])?;
        builder.push("_bias", builder.shape.clone(), Op::SparseBias(bias))?;
    }
    dense::activation(builder, options, &options.activation()?, "_activation")
}

/// `AveragePooling2DSparse` and `MaxPooling2DSparse`.
pub(crate) fn pooling(builder: &mut Builder<'_>, layer: &KerasLayer, mode: PoolingMode) -> Result {
    let Shape::Sparse(SparseShape { slots, height, width, channels }) = builder.shape else {
        return Err(Error::new(Code::UnsupportedGraph, format!("a {} needs a sparse input", layer.class)));
    };
    let inner = if mode == PoolingMode::Max { "MaxPooling2D" } else { "AveragePooling2D" };
    let options = Options::wrapped(layer, "pool_config", inner)?;
    let pool = options.pair("pool_size")?;
    if !options.value("strides").is_null() && options.pair("strides")? != pool {
        return Err(options.unsupported(
            "strides",
            options.value("strides"),
            "windows must lie side by side: use strides equal to pool_size",
        ));
    }
    let (height, width) = (height / pool[0], width / pool[1]);
    if height == 0 || width == 0 {
        return Err(options.unsupported("pool_size", options.value("pool_size"), "the window is larger than the image"));
    }
    builder.push("", Shape::Sparse(SparseShape { slots, height, width, channels }), Op::SparsePooling2d(Pooling2d { mode, pool }))
}
