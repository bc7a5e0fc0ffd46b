//! A layer's `config`, read with errors that name layer, class and option.

use serde_json::Value;

use crate::{
    error::{Code, Error, Result},
    keras::{KerasLayer, keys},
};

/// Typed access to one table of options.
#[derive(Clone, Copy)]
pub struct Options<'a> {
    layer: &'a KerasLayer,
    /// The class whose options these are: the layer's, or that of the layer inside.
    class: &'a str,
    values: &'a serde_json::Map<String, Value>,
}

impl<'a> Options<'a> {
    /// The options of `layer`.
    pub(crate) fn of(layer: &'a KerasLayer) -> Self {
        Self { layer, class: &layer.class, values: &layer.config }
    }

    /// The options of the layer of `class` that `layer` wraps under `key` (`conv_config`, `pool_config`).
    pub(crate) fn wrapped(layer: &'a KerasLayer, key: &str, class: &'a str) -> Result<Self> {
        let outer = Self::of(layer);
        let values = outer.value(key).as_object();
        values.map(|values| Self { layer, class, values }).ok_or_else(|| outer.malformed(key, "an object"))
    }

    /// The value of `key`; absent is null.
    pub(crate) fn value(&self, key: &str) -> &'a Value {
        debug_assert!(keys::is_read(self.class, key), "the table of keys does not say that {}.{key} is read", self.class);
        self.values.get(key).unwrap_or(&Value::Null)
    }

    /// A boolean, with the value Keras takes where it is absent.
    pub(crate) fn flag(&self, key: &str, default: bool) -> Result<bool> {
        match self.value(key) {
            Value::Null => Ok(default),
            Value::Bool(flag) => Ok(*flag),
            _ => Err(self.malformed(key, "a boolean")),
        }
    }

    /// A positive integer.
    pub(crate) fn size(&self, key: &str) -> Result<usize> {
        let size = self.value(key).as_u64().and_then(|size| usize::try_from(size).ok()).filter(|size| *size > 0);
        size.filter(|size| *size <= 1 << 24).ok_or_else(|| self.malformed(key, "an integer from 1 to 16777216"))
    }

    /// A finite number.
    pub(crate) fn number(&self, key: &str) -> Result<f64> {
        self.value(key).as_f64().ok_or_else(|| self.malformed(key, "a number"))
    }

    /// Two positive integers, (height, width); one stands for both.
    pub(crate) fn pair(&self, key: &str) -> Result<[usize; 2]> {
        let size = |value: &Value| value.as_u64().filter(|v| (1..1 << 24).contains(v)).map(|v| v as usize);
        let value = self.value(key);
        let pair = match value.as_array().map(Vec::as_slice) {
            Some([height, width]) => size(height).zip(size(width)),
            None => size(value).map(|both| (both, both)),
            _ => None,
        };
        pair.map(|(height, width)| [height, width]).ok_or_else(|| self.malformed(key, "two positive integers"))
    }

    /// Whether `key` is the last axis of a value of `rank` (without the batch): the number, or a list of it alone.
    pub(crate) fn is_last_axis(&self, key: &str, rank: usize) -> bool {
        let axis = match self.value(key).as_array().map(Vec::as_slice) {
            Some([axis]) => axis,
            _ => self.value(key),
        };
        axis == -1 || axis == rank
    }

    /// An [`Code::UnsupportedOption`] error about the function `name`; a Softmax layer has no key for it.
    pub(crate) fn unsupported_activation(&self, name: &str, remedy: &str) -> Error {
        if self.values.contains_key("activation") {
            return self.unsupported("activation", &name.into(), remedy);
        }
        Error::new(Code::UnsupportedOption, format!("a {} is not supported here", self.class))
            .layer(&self.layer.name)
            .help(remedy)
    }

    /// An [`Code::UnsupportedOption`] error.
    pub(crate) fn unsupported(&self, key: &str, value: &Value, remedy: &str) -> Error {
        keys::unsupported(&self.layer.class, key, value, remedy).layer(&self.layer.name)
    }

    fn malformed(&self, key: &str, wanted: &str) -> Error {
        keys::malformed(&self.layer.class, key, wanted, self.value(key)).layer(&self.layer.name)
    }

    /// The name of an activation of Keras. A function of the user's own is written with its package (`mine>relu`); one
    /// that is not registered is written under its bare name, which no reader of the file can tell from Keras's.
    pub(crate) fn activation(&self) -> Result<String> {
        let own = |name: &str| {
            let message = format!("the activation of this {} is a function of its own, `{name}`", self.layer.class);
            Error::new(Code::UnsupportedLayer, message)
                .layer(&self.layer.name)
                .help("what it computes is not in the file; use an activation of Keras by its name, for example \"relu\"")
        };
        match self.value("activation") {
            Value::Null => Ok("linear".to_owned()),
            Value::String(name) if name.contains('>') => Err(own(name)),
            Value::String(name) => Ok(name.clone()),
            Value::Object(given) => {
                let text = |key: &str| given.get(key).and_then(Value::as_str);
                match (text("class_name"), text("config"), text("module")) {
                    (Some("function"), Some(name), _) => Err(own(name)),
                    (Some(class), _, Some("keras.layers")) => {
                        let message = format!("the activation of this {} is a layer, a {class}", self.layer.class);
                        Err(Error::new(Code::UnsupportedOption, message)
                            .layer(&self.layer.name)
                            .help("put it behind as a layer of the model, or name a function, for example \"relu\""))
                    }
                    _ => Err(own(text("registered_name").or(text("class_name")).unwrap_or("lambda"))),
                }
            }
            _ => Err(self.malformed("activation", "the name of a function")),
        }
    }
}
