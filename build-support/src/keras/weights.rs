//! `model.weights.h5`: variables by layer and path.

use std::collections::HashMap;

use hdf5_pure::{AttrValue, File};

use crate::error::{Code, Error, Result};

/// The widest number, in bytes; a text or a compound may have elements of any size.
const MAX_ELEMENT: u64 = 8;
/// The most elements of a chunk, unless the variable itself has more: a chunk is unpacked as a whole.
const MIN_CHUNK: u64 = 1 << 16;

/// A variable, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// Its shape; empty for a scalar.
    pub shape: Vec<usize>,
    /// Its values; all finite.
    pub values: Vec<f32>,
}

/// The open weights file, and which group belongs to which layer.
#[derive(Debug)]
pub struct Weights {
    file: File,
    groups: HashMap<String, String>,
    /// The most elements of a variable.
    most: u64,
}

impl Weights {
    /// Opens the file in `bytes`, whose variables may have `most` elements; `layers` are (name, class) in the order of
    /// `config.json`.
    pub(crate) fn open(bytes: Vec<u8>, most: u64, layers: &[(&str, &str)]) -> Result<Self> {
        let file = File::from_bytes(bytes).map_err(|error| {
            Error::new(Code::WeightsUnreadable, format!("model.weights.h5 is not a readable HDF5 file: {error}"))
                .help("save the model again with `model.save(\"model.keras\")`")
        })?;
        let mut groups = HashMap::new();
        let mut counters: HashMap<String, usize> = HashMap::new();
        for (layer, class) in layers {
            // Groups are named after the class, with a counter per class in the order of the layers.
            let class = snake_case(class);
            let count = counters.entry(class.clone()).or_default();
            let group = if *count == 0 { class.clone() } else { format!("{class}_{count}") };
            *count += 1;
            let group = format!("layers/{group}");
            check_name(&file, layer, &group)?;
            groups.insert((*layer).to_owned(), group);
        }
        Ok(Self { file, groups, most })
    }

    /// The most elements that a variable may have, and all of them that are used.
    pub(crate) fn most(&self) -> u64 {
        self.most
    }

    /// Variable number `index` of the object `path` inside `layer` (empty for the layer itself).
    ///
    /// # Errors
    /// [`Code::WeightsUnreadable`], [`Code::ModelTooLarge`], [`Code::WeightsValue`]; the caller adds the layer.
    pub fn read(&self, layer: &str, path: &str, index: usize) -> Result<Array> {
        self.read_if(layer, path, index, |_| Ok(()))
    }

    /// As [`Self::read`], but not before `fits` has seen the shape.
    ///
    /// # Errors
    /// As [`Self::read`], and those of `fits`.
    pub(crate) fn read_if(&self, layer: &str, path: &str, index: usize, fits: impl FnOnce(&[usize]) -> Result) -> Result<Array> {
        let group = self.groups.get(layer);
        let group = group.ok_or_else(|| Error::internal(format!("weights of {layer:?}, which config.json does not have")))?;
        let inner = if path.is_empty() { String::new() } else { format!("/{path}") };
        let full = format!("{group}{inner}/vars/{index}");
        let unreadable = |error: &dyn std::fmt::Display| {
            Error::new(Code::WeightsUnreadable, format!("model.weights.h5 has no readable variable `{full}`: {error}"))
                .layer(layer)
                .help("the file is incomplete, or written by a version of HGQ2 or sparsepixels that is not supported")
        };
        let dataset = self.file.dataset(&full).map_err(|error| unreadable(&error))?;
        let shape = dataset.shape().map_err(|error| unreadable(&error))?;
        let product = |shape: &[u64]| shape.iter().try_fold(1u64, |product, &size| product.checked_mul(size));
        let Some(elements) = product(&shape).filter(|elements| *elements <= self.most) else {
            return Err(Error::new(Code::ModelTooLarge, format!("variable `{full}` has the shape {shape:?}"))
                .layer(layer)
                .help(format!("a variable of a file of this size may have up to {} elements", self.most)));
        };
        let sizes: Vec<usize> = shape.iter().map(|&size| size as usize).collect();
        fits(&sizes)?;
        let chunk = dataset.chunk_shape().map_err(|error| unreadable(&error))?.map_or(Some(0), |chunk| product(&chunk));
        let width = dataset.element_size().map_err(|error| unreadable(&error))?;
        if width > MAX_ELEMENT || chunk.is_none_or(|chunk| chunk > elements.max(MIN_CHUNK)) {
            return Err(unreadable(&"its elements or chunks are larger than Keras writes them"));
        }
        let values = dataset.read_f32().map_err(|error| unreadable(&error))?;
        if let Some(at) = values.iter().position(|value| !value.is_finite()) {
            return Err(Error::new(Code::WeightsValue, format!("element {at} of variable `{full}` is {}", values[at]))
                .layer(layer)
                .help("the training diverged; a weight must be a finite number"));
        }
        if values.len() as u64 != elements {
            return Err(unreadable(&"it is shorter than its shape says"));
        }
        Ok(Array { shape: sizes, values })
    }

    /// As [`Self::read`], but the variable must have `shape`.
    ///
    /// # Errors
    /// As [`Self::read`], and [`Code::WeightsShape`].
    pub(crate) fn read_shaped(&self, layer: &str, path: &str, index: usize, shape: &[usize], what: &str) -> Result<Vec<f32>> {
        let fits = |found: &[usize]| {
            if found == shape {
                return Ok(());
            }
            let message = format!("the {what} has the shape {found:?} in model.weights.h5, but config.json makes it {shape:?}");
            Err(Error::new(Code::WeightsShape, message)
                .layer(layer)
                .help("config.json and model.weights.h5 do not belong together; save the model again"))
        };
        self.read_if(layer, path, index, fits).map(|array| array.values)
    }
}

/// The group's `vars` carry the layer's name; another name means that the order of the layers is not what we
/// think it is, and every weight would go to the wrong layer.
fn check_name(file: &File, layer: &str, group: &str) -> Result {
    let Ok(vars) = file.group(&format!("{group}/vars")) else { return Ok(()) };
    let name = match vars.attrs().ok().and_then(|mut attributes| attributes.remove("name")) {
        Some(AttrValue::String(name) | AttrValue::AsciiString(name) | AttrValue::VarLenAsciiString(name)) => name,
        _ => return Ok(()),
    };
    if name == layer {
        return Ok(());
    }
    Err(Error::new(
        Code::WeightsUnreadable,
        format!("the weights in `{group}` belong to a layer named {name:?}, but config.json puts another layer there"),
    )
    .layer(layer)
    .help("config.json and model.weights.h5 do not belong together; save the model again"))
}

/// `QConv2DSparse` -> `q_conv2d_sparse`, as `keras.src.utils.naming.to_snake_case` does it.
fn snake_case(class: &str) -> String {
    let chars: Vec<char> = class.chars().filter(|c| c.is_alphanumeric() || *c == '_').collect();
    let mut out = String::new();
    for (at, &c) in chars.iter().enumerate() {
        let before = at.checked_sub(1).map(|i| chars[i]);
        let after = chars.get(at + 1);
        let starts_word = c.is_ascii_uppercase()
            && (after.is_some_and(char::is_ascii_lowercase) || before.is_some_and(|b| b.is_ascii_lowercase()));
        if starts_word && before.is_some() && !out.ends_with('_') {
            out.push('_');
        }
        out.extend(c.to_lowercase());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::snake_case;

    #[test]
    fn class_names_become_the_group_names_keras_writes() {
        for (class, group) in [
            ("QConv2DSparse", "q_conv2d_sparse"),
            ("AveragePooling2DSparse", "average_pooling2d_sparse"),
            ("InputReduce", "input_reduce"),
            ("ReLU", "re_lu"),
            ("QDense", "q_dense"),
            ("QSoftmax", "q_softmax"),
            ("QUnaryFunctionLUT", "q_unary_function_lut"),
            ("QBatchNormDense", "q_batch_norm_dense"),
        ] {
            assert_eq!(snake_case(class), group);
        }
    }
}
