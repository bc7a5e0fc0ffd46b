//! What to say of a class that is not read, and what to use instead.

use super::{KerasLayer, keys};
use crate::error::{Code, Error};

/// Classes that people try, and what stands for them here.
const INSTEAD: &[(&[&str], &str)] = &[
    (
        &["Conv2D", "QConv2D", "DepthwiseConv2D", "SeparableConv2D", "Conv1D", "QConv1D", "Conv3D", "Conv2DTranspose"],
        "dense convolutions are not supported: use a QConv2DSparse of sparsepixels behind an InputReduce",
    ),
    (&["MaxPooling2D", "QMaxPooling2D"], "use a MaxPooling2DSparse of sparsepixels, called with the keep mask"),
    (&["AveragePooling2D", "QAveragePooling2D"], "use an AveragePooling2DSparse of sparsepixels, called with the keep mask"),
    (
        &["GlobalAveragePooling2D", "GlobalMaxPooling2D", "QGlobalAveragePooling2D", "QGlobalMaxPooling2D"],
        "use a pooling of sparsepixels whose pool_size is the whole image, and a Flatten",
    ),
    (&["LeakyReLU"], "use a ReLU with a negative_slope that is a power of two, for example 0.25"),
    (&["ELU"], "use Activation(\"elu\") with a quantizer behind it"),
    (&["Rescaling", "Normalization"], "scale the images before they are given to the model, and train again"),
    (&["RemoveDilatedPixels"], "the sparse layers mask their values themselves: leave it out"),
    (&["LayerNormalization", "GroupNormalization", "UnitNormalization"], "use a QBatchNormDense, or train without it"),
    (&["EinsumDense", "QEinsumDense", "QEinsumDenseBatchnorm"], "use a QDense, which works on the last axis"),
];

/// Says that the class of `layer` is not read.
pub(crate) fn unsupported(layer: &KerasLayer) -> Error {
    let class = layer.class.as_str();
    let named = class_name(layer);
    if !keys::is_known(class) && is_join(layer) {
        return join(layer);
    }
    let error = |message: String| Error::new(Code::UnsupportedLayer, message);
    let supported = || format!("supported classes: {}", keys::supported().collect::<Vec<_>>().join(", "));
    match class {
        "Functional" | "Sequential" => error(format!("a model inside of the model (a {class}) is not supported"))
            .help("call its layers one by one, so that all stand in one model"),
        _ if is_operation(layer) => error(format!("the operation `{named}` between the layers is not supported")).help(
            "write it as a layer, such as Reshape or ReLU, or put a factor or an offset into the weights of the next layer",
        ),
        _ if keys::is_known(class) => error(format!("`{named}` is not the {class} that is supported, but a class of its own"))
            .help("what it computes is not in the file; use the layers of Keras, HGQ2 and sparsepixels themselves"),
        _ => {
            let instead = INSTEAD.iter().find(|(classes, _)| classes.contains(&class)).map(|(_, instead)| *instead);
            error(format!("layers of class `{named}` are not supported"))
                .help(instead.map_or_else(supported, |instead| format!("{instead}; {}", supported())))
        }
    }
}

/// Whether two values meet in a layer of a class that is not read. A value and its keep mask are one value to a layer for
/// sparse images; what Keras itself has is none.
fn is_join(layer: &KerasLayer) -> bool {
    let of_keras = layer.module.as_deref().is_some_and(|module| module == "keras" || module.starts_with("keras."));
    let is_model = matches!(layer.class.as_str(), "Functional" | "Sequential");
    let values = layer.inputs.iter().filter(|input| of_keras || input.index == 0).count();
    values > 1 && !is_model
}

/// Whether this is a function of Keras on tensors, written as `x * 2` or `keras.ops.relu(x)`, which the file lists among
/// the layers.
fn is_operation(layer: &KerasLayer) -> bool {
    let module = layer.module.as_deref().unwrap_or_default();
    layer.registered.as_deref().is_none_or(|name| !name.contains('>'))
        && (module.starts_with("keras.src.ops.") || module.starts_with("keras.src.activations."))
}

/// The name under which a class is registered if it is its owner's (`mine>ReLU`), with its module if that is no public
/// one of Keras, else the class alone.
fn class_name(layer: &KerasLayer) -> String {
    match (&layer.registered, &layer.module) {
        (Some(registered), _) if registered.contains('>') => registered.clone(),
        (_, Some(module)) if module != "keras.layers" => format!("{module}.{}", layer.class),
        _ => layer.class.clone(),
    }
}

/// Says that branches are not supported, at the layer in which two values meet.
pub(crate) fn join(layer: &KerasLayer) -> Error {
    let mut names: Vec<_> = layer.inputs.iter().map(|input| format!("`{}`", input.layer)).collect();
    names.dedup();
    Error::new(
        Code::UnsupportedGraph,
        format!("this {} joins {} values (of {}); branches are not supported", layer.class, layer.inputs.len(), names.join(", ")),
    )
    .layer(&layer.name)
    .help("a network must be one chain of layers from one input to one output: train it without the branch")
}

/// Says that the model itself is of a class that is not read.
pub(crate) fn own_model(model: &KerasLayer) -> Error {
    let message = format!("the model is of a class of its own, `{}`, whose graph is not in the file", class_name(model));
    Error::new(Code::UnsupportedGraph, message).help(
        "build it from layers as `keras.Model(inputs, outputs)` or `keras.Sequential([...])`, take over the weights with \
         `set_weights`, and save that",
    )
}
