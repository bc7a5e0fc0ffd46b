//! From the layers of a file to a chain of ops.

use std::collections::HashMap;

use serde_json::Value;

use super::{
    Function, Layer, Lookup, Network, Op, Origin, Quantizer, Shape, SparseShape, dense, options::Options, quantizer::Place,
    softmax, sparse,
};
use crate::{
    budget::{Budget, MAX_LAYER, MAX_VALUES},
    error::{Code, Error, Errors, Result},
    fixed::Format,
    keras::{KerasLayer, KerasModel, TensorRef},
    manifest::{self, Output, Precision},
    names::Identifiers,
};

impl Network {
    /// Builds the network of `model` as the manifest wants it.
    ///
    /// # Errors
    /// [`Code::UnsupportedLayer`], [`Code::UnsupportedOption`], [`Code::UnsupportedGraph`], and what reading weights
    /// can give; the first of what [`Self::build`] finds.
    pub fn new(model: &KerasModel, manifest: &manifest::Model) -> Result<Self> {
        Self::build(model, manifest).map_err(|errors| errors.first)
    }

    /// As [`Self::new`], but gives everything that is wrong.
    ///
    /// # Errors
    /// As [`Self::new`]. Behind a layer that cannot be built the next ones are held against the shapes that the file
    /// gives them.
    pub fn build(model: &KerasModel, manifest: &manifest::Model) -> Result<Self, Errors> {
        let chain = chain(model)?;
        let (first, rest) = chain.split_first().ok_or_else(|| graph("the model has no layers"))?;
        let mut errors = model.problems();
        errors.extend(unknown_layer_names(model, manifest));
        errors.extend(first.problems());
        let network = match Builder::new(model, first, manifest) {
            Ok(builder) => builder.layers(rest, &mut errors),
            Err(error) => {
                errors.push(error);
                errors.extend(rest.iter().flat_map(|layer| layer.problems()));
                None
            }
        };
        match (Errors::of(errors), network) {
            (None, Some(network)) => Ok(network),
            (Some(errors), _) => Err(errors),
            (None, None) => Err(graph("the model computes nothing").into()),
        }
    }
}

/// Layers of Keras itself, which have weights and no quantizers.
fn is_plain(class: &str) -> bool {
    matches!(class, "Dense" | "BatchNormalization")
}

/// Every layer that the manifest names must exist.
fn unknown_layer_names(model: &KerasModel, manifest: &manifest::Model) -> Vec<Error> {
    let names: Vec<_> = model.layers.iter().map(|layer| layer.name.as_str()).collect();
    let unknown = manifest.layers.keys().filter(|name| !names.contains(&name.as_str()));
    unknown
        .map(|unknown| {
            Error::new(Code::UnknownKey, format!("the model has no layer {unknown:?}"))
                .file(&manifest.manifest)
                .key(format!("{}.layers.{unknown}", manifest.key()))
                .help(format!("its layers: {}", names.join(", ")))
        })
        .collect()
}

fn graph(message: impl Into<String>) -> Error {
    Error::new(Code::UnsupportedGraph, message)
        .help("a network must be one chain of layers from one input to one output; keep masks go beside it")
}

/// One tensor of the model; `what` it is, for the message.
fn only<'a>(tensors: &'a [TensorRef], what: &str, remedy: &str) -> Result<&'a TensorRef> {
    let [tensor] = tensors else {
        let names: Vec<_> = tensors.iter().map(|tensor| format!("{}[{}]", tensor.layer, tensor.index)).collect();
        let list = if names.is_empty() { String::new() } else { format!(": {}", names.join(", ")) };
        return Err(Error::new(Code::UnsupportedGraph, format!("the model has {} {what}{list}", names.len())).help(remedy));
    };
    Ok(tensor)
}

/// The layers from the input to the output. What is beside them has no part in the output.
fn chain(model: &KerasModel) -> Result<Vec<&KerasLayer>> {
    let one = "a network has one input and one output: save `keras.Model(model.inputs[0], model.get_layer(NAME).output)`";
    let output = only(&model.outputs, "outputs", one)?;
    only(&model.inputs, "inputs", one)?;
    let by_name: HashMap<&str, &KerasLayer> = model.layers.iter().map(|layer| (layer.name.as_str(), layer)).collect();
    let find = |name: &str| {
        by_name.get(name).copied().ok_or_else(|| {
            Error::new(Code::InvalidConfig, format!("a layer is connected to {name:?}, which does not exist"))
                .help("save the model again with `model.save(\"model.keras\")`")
        })
    };
    let mut chain = vec![find(&output.layer)?];
    while let Some(input) = chain.last().and_then(|layer| layer.inputs.first()) {
        if chain.len() > model.layers.len() {
            return Err(graph("the layers form a ring").layer(&input.layer));
        }
        let caller = chain.last().map_or("", |layer| &layer.name);
        chain.push(find(&input.layer).map_err(|error| error.layer(caller))?);
    }
    chain.reverse();
    Ok(chain)
}

/// The chain as far as it is built.
pub struct Builder<'a> {
    pub model: &'a KerasModel,
    /// Shape of the value so far.
    pub shape: Shape,
    /// Whether the layer at hand is the last of the model.
    pub last: bool,
    pub manifest: &'a manifest::Model,
    layers: Vec<Layer>,
    /// What is left for the values of all layers, and for their weights.
    values: Budget,
    weights: Budget,
    tolerance: f64,
    input_shape: Vec<usize>,
    names: Identifiers,
    /// The Keras tensor of the value so far, and the keep mask that belongs to it.
    tensor: TensorRef,
    mask: Option<TensorRef>,
    current: Option<&'a KerasLayer>,
    /// Whether a final softmax or sigmoid was left out.
    pub left_out: bool,
    /// A float function that waits for the quantizer after it.
    pending: Option<Function>,
    /// Whose the ops are that are pushed.
    origin: Origin,
}

impl<'a> Builder<'a> {
    fn new(model: &'a KerasModel, first: &'a KerasLayer, manifest: &'a manifest::Model) -> Result<Self> {
        let options = Options::of(first);
        if first.class != "InputLayer" {
            return Err(graph("the model does not begin with an InputLayer").layer(&first.name));
        }
        let input_shape = batched_shape(options.value("batch_shape")).ok_or_else(|| {
            graph(format!(
                "the input's shape is {}; every size but the batch must be known, and there may be up to {MAX_INPUTS} values",
                options.value("batch_shape")
            ))
            .layer(&first.name)
            .help("give the input of the model its shape, for example `keras.Input((28, 28, 1))`")
        })?;
        let mut names = Identifiers::default();
        names.reserve(&manifest.name);
        // The ports of HLS, and their types.
        ["x_in", "x_in_t", "y_out", "y_out_t"].into_iter().for_each(|port| names.reserve(port));
        Ok(Self {
            model,
            shape: Shape::Dense(input_shape.clone()),
            last: false,
            manifest,
            layers: Vec::new(),
            values: Budget::new("all layers up to this one give too many values", MAX_VALUES as u64),
            weights: Budget::new("all layers up to this one have too many weights", model.weights.most()),
            tolerance: 0.0,
            input_shape,
            names,
            tensor: TensorRef { layer: first.name.clone(), index: 0 },
            mask: None,
            current: None,
            left_out: false,
            pending: None,
            origin: Origin::Model,
        })
    }

    /// Builds the layers behind the input. What is wrong goes to `errors`; then the network is of no use.
    fn layers(mut self, layers: &[&'a KerasLayer], errors: &mut Vec<Error>) -> Option<Network> {
        for (at, layer) in layers.iter().enumerate() {
            self.last = at + 1 == layers.len();
            let mut wrong = layer.problems();
            if wrong.is_empty() {
                wrong.extend(self.keras_layer(layer).err().map(|error| error.layer(&layer.name)));
            }
            let failed = !wrong.is_empty();
            errors.extend(wrong);
            if failed && !layers.get(at + 1).is_some_and(|next| self.go_on(layer, next)) {
                errors.extend(layers[at + 1..].iter().flat_map(|layer| layer.problems()));
                return None;
            }
        }
        // What the end is found to lack may be the consequence of what was wrong before.
        if !errors.is_empty() {
            return None;
        }
        let last = self.tensor.layer.clone();
        self.finish().map_err(|error| errors.push(error.layer(last))).ok()
    }

    /// After a layer that could not be built: takes the shape that the file gives its result, to find what else is
    /// wrong. Whether that is possible.
    fn go_on(&mut self, failed: &KerasLayer, next: &KerasLayer) -> bool {
        let Some(shape) = batched_shape(&next.input_shape) else { return false };
        self.pending = None;
        self.tensor = next.inputs.first().cloned().unwrap_or_else(|| TensorRef { layer: failed.name.clone(), index: 0 });
        let slots = match self.shape {
            Shape::Sparse(SparseShape { slots, .. }) => Some(slots),
            // Only a value with a keep mask is sparse; its budget is what could not be read.
            Shape::Dense(_) => next.inputs.get(1).map(|_| 1),
        };
        self.shape = match (slots, &shape[..]) {
            (Some(slots), &[height, width, channels]) => Shape::Sparse(SparseShape { slots, height, width, channels }),
            _ => Shape::Dense(shape),
        };
        self.mask = next.inputs.get(1).cloned().or(self.mask.take());
        true
    }

    fn keras_layer(&mut self, layer: &'a KerasLayer) -> Result {
        self.check_inputs(layer)?;
        self.current = Some(layer);
        let options = Options::of(layer);
        if matches!(layer.class.as_str(), "BatchNormalization" | "QBatchNormalization") {
            self.check_normalization(layer)?;
        }
        match layer.class.as_str() {
            "InputReduce" => sparse::input_reduce(self, layer)?,
            "QConv2DSparse" => sparse::conv2d(self, layer)?,
            "AveragePooling2DSparse" => sparse::pooling(self, layer, super::PoolingMode::Average)?,
            "MaxPooling2DSparse" => sparse::pooling(self, layer, super::PoolingMode::Max)?,
            "Flatten" => self.flatten(vec![self.shape.keras().iter().product()])?,
            "Reshape" => {
                let shape = reshape(options, self.shape.keras().iter().product())?;
                self.flatten(shape)?;
            }
            "QDense" => dense::dense(self, layer)?,
            "Dense" => dense::plain_dense(self, layer)?,
            "BatchNormalization" => dense::plain_batch_normalization(self, layer)?,
            "QBatchNormDense" => dense::batch_norm_dense(self, layer)?,
            "QBatchNormalization" => dense::batch_normalization(self, layer)?,
            "ReLU" => dense::relu_layer(self, options)?,
            "Activation" => dense::activation(self, options, &options.activation()?, "")?,
            "Dropout" | "SpatialDropout2D" | "GaussianNoise" => {}
            "Quantizer" => {
                let config = layer.config.get("config").unwrap_or(&Value::Null);
                self.quantize(
                    "",
                    Place {
                        weights: &self.model.weights,
                        layer: &layer.name,
                        config,
                        path: "",
                        frozen: options.value("trainable") == false,
                    },
                )?;
            }
            "QSoftmax" if self.last && self.wants_logits() => self.leave_out(),
            "QSoftmax" => softmax::qsoftmax(self, layer)?,
            "QUnaryFunctionLUT" => softmax::lookup_layer(self, layer)?,
            "Softmax" => softmax::softmax_layer(self, options)?,
            class => {
                // The table of classes has been asked before.
                return Err(Error::new(Code::UnsupportedLayer, format!("layers of class `{class}` are not supported")));
            }
        }
        self.round_result(layer)?;
        self.tensor = TensorRef { layer: layer.name.clone(), index: 0 };
        let makes_mask = matches!(self.layers.last().map(|l| &l.op), Some(Op::InputReduce { .. } | Op::SparsePooling2d(_)));
        if makes_mask && self.layers.last().is_some_and(|l| l.keras_name == layer.name) {
            self.mask = Some(TensorRef { layer: layer.name.clone(), index: 1 });
        }
        Ok(())
    }

    /// A normalization behind a convolution would move the zeros of all pixels.
    fn check_normalization(&self, layer: &KerasLayer) -> Result {
        match self.shape {
            Shape::Dense(_) => Ok(()),
            Shape::Sparse(_) => Err(Error::new(
                Code::UnsupportedGraph,
                format!("this {} on a sparse value gives inactive pixels a value other than 0, so that the image is no longer sparse", layer.class),
            )
            .help(
                "train without it, or fold it before training ends: multiply the kernel of the QConv2DSparse by gamma / sqrt(variance + \
                 epsilon), move the offset into its bias, take the normalization out of the model and train on",
            )),
        }
    }

    /// The layer must be called with the value so far and, if it takes a mask, with the mask of that value.
    fn check_inputs(&self, layer: &KerasLayer) -> Result {
        let takes_mask = matches!(layer.class.as_str(), "QConv2DSparse" | "AveragePooling2DSparse" | "MaxPooling2DSparse");
        let wanted: Vec<&TensorRef> = std::iter::once(&self.tensor).chain(self.mask.as_ref().filter(|_| takes_mask)).collect();
        if takes_mask && self.mask.is_none() {
            return Err(graph("a sparse layer needs the keep mask of an InputReduce before it"));
        }
        if layer.inputs.iter().eq(wanted.iter().copied()) {
            return Ok(());
        }
        let show = |refs: &mut dyn Iterator<Item = &TensorRef>| {
            refs.map(|r| format!("{}[{}]", r.layer, r.index)).collect::<Vec<_>>().join(", ")
        };
        let (wanted, found) = (show(&mut wanted.into_iter()), show(&mut layer.inputs.iter()));
        Err(graph(format!("this {} is called with {found}; here its input can only be {wanted}", layer.class)))
    }

    /// Appends an op of the current Keras layer, whose name gets `suffix`.
    ///
    /// A float function that waits for its quantizer becomes one table with it: that is exact, while its own float
    /// values have no format. Layers that only move values may stand between the two.
    pub(crate) fn push(&mut self, suffix: &str, shape: Shape, op: Op) -> Result {
        let Some(keras) = self.current else { return Ok(()) };
        let op = match (self.pending.take(), op) {
            (None, op) => op,
            (Some(function), Op::Quantize(output)) => Op::Lookup(Lookup { function, output }),
            (Some(function), op @ (Op::SparseFlatten | Op::Reshape)) => {
                self.pending = Some(function);
                op
            }
            (Some(function), op) => {
                let message = format!("the float values of {} go into a {} without being quantized", function.name(), op.kind());
                return Err(Error::new(Code::UnsupportedOption, message).help(
                    "put a quantizer after the function: enable_iq=True in the next layer, or enable_oq=True in this one",
                ));
            }
        };
        self.check_size(&shape.keras())?;
        self.values.take(&match &op {
            Op::Quantize(_) | Op::Lookup(_) => shape.keras(),
            _ => shape.dimensions(),
        })?;
        self.weights.take(&[op.coefficients()])?;
        let name = format!("{}{suffix}", keras.name);
        self.layers.push(Layer {
            id: self.names.assign(&name),
            name,
            keras_name: keras.name.clone(),
            keras_class: keras.class.clone(),
            shape: shape.clone(),
            origin: self.origin,
            op,
        });
        self.shape = shape;
        Ok(())
    }

    /// Refuses a value of `shape` that is too large for any layer.
    pub(crate) fn check_size(&self, shape: &[usize]) -> Result {
        Budget::new("the layer gives too many values", MAX_LAYER as u64).take(shape)
    }

    /// A float function of every value, to be rounded by the next quantizer or, at the end, by a table of our own.
    pub(crate) fn defer(&mut self, function: Function) -> Result {
        if let Some(before) = self.pending.replace(function) {
            let message = format!("the float values of {} go into {} without being quantized", before.name(), function.name());
            return Err(Error::new(Code::UnsupportedOption, message).help("put a quantizer between the two"));
        }
        Ok(())
    }

    /// Appends the quantizer at `place`.
    pub(crate) fn quantize(&mut self, suffix: &str, place: Place<'_>) -> Result {
        let quantizer = place.of_value(&self.shape.keras())?;
        match quantizer {
            Some(quantizer) => self.push(suffix, self.shape.clone(), Op::Quantize(quantizer)),
            None => Ok(()), // a quantizer of type "dummy"
        }
    }

    /// Appends a table.
    pub(crate) fn lookup(&mut self, suffix: &str, lookup: Lookup) -> Result {
        self.push(suffix, self.shape.clone(), Op::Lookup(lookup))
    }

    /// Whether a final softmax or sigmoid is to be left out.
    pub(crate) fn wants_logits(&self) -> bool {
        self.manifest.output == Output::Logits
    }

    /// The formats the manifest gives a layer: its own, or for a plain Keras layer the model's.
    pub(crate) fn precision(&self, layer: &KerasLayer) -> Precision {
        let own = self.manifest.layers.get(&layer.name).map(|options| options.precision).unwrap_or_default();
        let shared = if is_plain(&layer.class) { self.manifest.precision } else { Precision::default() };
        Precision { weights: own.weights.or(shared.weights), result: own.result.or(shared.result) }
    }

    /// Rounds a layer's result, half up with saturation, where the manifest gives it a format.
    fn round_result(&mut self, layer: &KerasLayer) -> Result {
        let Some(format) = self.precision(layer).result else { return Ok(()) };
        self.bound_result(format);
        let quantizer = Quantizer::of_format(format, self.shape.keras().len());
        self.with_origin(Origin::Manifest, |builder| builder.push("_result", builder.shape.clone(), Op::Quantize(quantizer)))
    }

    /// A float function at the end that is rounded to a format of the manifest is off by half a step more, and by what
    /// the format cannot hold of its range.
    fn bound_result(&mut self, format: Format) {
        let range = match self.pending {
            Some(function) => function.range(),
            None if self.tolerance > 0.0 => Some((0.0, 1.0)), // a softmax
            None => None,
        };
        let Some((lo, hi)) = range.filter(|_| self.last) else { return };
        let (step, held) = (2f64.powi(-format.fraction), format.range());
        let beyond = f64::max(hi - held.hi as f64 * step, held.lo as f64 * step - lo).max(0.0);
        // What float32 itself rounds in the function comes on top, as in `softmax`.
        self.tolerance += step / 2.0 + beyond + 1e-6;
    }

    /// Pushes ops that are not the model's.
    pub(crate) fn with_origin(&mut self, origin: Origin, push: impl FnOnce(&mut Self) -> Result) -> Result {
        let before = std::mem::replace(&mut self.origin, origin);
        let result = push(self);
        self.origin = before;
        result
    }

    /// Leaves out the final softmax or sigmoid, as `output = "logits"` asks for.
    pub(crate) fn leave_out(&mut self) {
        self.left_out = true;
    }

    /// Says that outputs may be `tolerance` off.
    pub(crate) fn inexact(&mut self, tolerance: f64) {
        self.tolerance = self.tolerance.max(tolerance);
    }

    fn flatten(&mut self, shape: Vec<usize>) -> Result {
        let op = if matches!(self.shape, Shape::Sparse(_)) { Op::SparseFlatten } else { Op::Reshape };
        self.mask = None;
        self.push("", Shape::Dense(shape), op)
    }

    fn finish(mut self) -> Result<Network> {
        match &self.model.outputs[0] {
            output if *output == self.tensor => {}
            output if Some(output) == self.mask.as_ref() => {
                return Err(graph("the model's output is a keep mask").layer(&output.layer));
            }
            output => {
                return Err(graph(format!(
                    "the model's output is tensor {} of this layer, which has none of that number",
                    output.index
                )));
            }
        }
        if let Shape::Sparse(_) = self.shape {
            // Keras gives a dense image here, and so do we.
            let shape = self.shape.keras();
            self.push("_flatten", Shape::Dense(shape), Op::SparseFlatten)?;
        }
        if self.wants_logits() && !self.left_out {
            return Err(Error::new(Code::UnsupportedOption, "the model does not end with a softmax or sigmoid to be left out")
                .layer(&self.tensor.layer)
                .help("remove `output = \"logits\"` from the manifest"));
        }
        if let Some(function) = self.pending.take() {
            self.with_origin(Origin::Tables, |builder| softmax::float_function(builder, function))?;
        }
        if self.layers.is_empty() {
            return Err(graph("the model computes nothing"));
        }
        Ok(Network { input_shape: self.input_shape, layers: self.layers, tolerance: self.tolerance })
    }
}

/// The largest input accepted, in values: a 1024 x 1024 image.
pub(crate) const MAX_INPUTS: usize = 1 << 20;

/// `[null, 28, 28, 1]` -> `[28, 28, 1]`; `None` if a size is unknown or the shape is absurdly large.
fn batched_shape(value: &Value) -> Option<Vec<usize>> {
    let sizes = value.as_array()?.get(1..)?;
    let sizes: Vec<usize> =
        sizes.iter().map(|size| size.as_u64().filter(|s| (1..1 << 20).contains(s)).map(|s| s as usize)).collect::<Option<_>>()?;
    let elements = sizes.iter().try_fold(1usize, |product, &size| product.checked_mul(size))?;
    (!sizes.is_empty() && elements <= MAX_INPUTS).then_some(sizes)
}

/// The target shape of a Reshape layer, with -1 worked out.
fn reshape(options: Options<'_>, elements: usize) -> Result<Vec<usize>> {
    let value = options.value("target_shape");
    let malformed = || options.unsupported("target_shape", value, "give a shape with as many elements as the input has");
    let sizes: Vec<i64> =
        value.as_array().ok_or_else(malformed)?.iter().map(Value::as_i64).collect::<Option<_>>().ok_or_else(malformed)?;
    let known = sizes.iter().filter(|&&s| s != -1).try_fold(1usize, |known, &s| known.checked_mul(usize::try_from(s).ok()?));
    let known = known.ok_or_else(malformed)?;
    let free = sizes.iter().filter(|&&s| s == -1).count();
    if known == 0 || free > 1 || !elements.is_multiple_of(known) || (free == 0 && known != elements) || sizes.is_empty() {
        return Err(malformed());
    }
    Ok(sizes.iter().map(|&s| if s == -1 { elements / known } else { s as usize }).collect())
}
