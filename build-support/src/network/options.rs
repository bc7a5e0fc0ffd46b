//! A layer's `config`, read with errors that name layer, class and option.

use serde_json::Value;

use crate::{
    error::{Code, Error, Result},
    keras::KerasLayer,
};

/// Typed access to one table of options.
#[derive(Clone, Copy)]
pub struct Options<'a> {
    layer: &'a KerasLayer,
    values: &'a serde_json::Map<String, Value>,
}

impl<'a> Options<'a> {
    /// The options of `layer`.
    pub fn of(layer: &'a KerasLayer) -> Self {
        Self { layer, values: &layer.config }
    }

    /// The options of the layer that `layer` wraps (`conv_config`, `pool_config`).
    pub fn wrapped(layer: &'a KerasLayer, key: &str) -> Result<Self> {
        let values = layer.config.get(key).and_then(Value::as_object);
        values.map(|values| Self { layer, values }).ok_or_else(|| malformed(layer, key, "an object"))
    }

    /// The value of `key`; absent is null.
    pub fn value(&self, key: &str) -> &'a Value {
        self.values.get(key).unwrap_or(&Value::Null)
    }

    /// A boolean, with the value Keras takes where it is absent.
    pub fn flag(&self, key: &str, default: bool) -> Result<bool> {
        match self.value(key) {
            Value::Null => Ok(default),
            Value::Bool(flag) => Ok(*flag),
            _ => Err(malformed(self.layer, key, "a boolean")),
        }
    }

    /// A positive integer.
    pub fn size(&self, key: &str) -> Result<usize> {
        let size = self.value(key).as_u64().and_then(|size| usize::try_from(size).ok()).filter(|size| *size > 0);
        size.filter(|size| *size <= 1 << 24).ok_or_else(|| malformed(self.layer, key, "a positive integer"))
    }

    /// A finite number.
    pub fn number(&self, key: &str) -> Result<f64> {
        self.value(key).as_f64().ok_or_else(|| malformed(self.layer, key, "a number"))
    }

    /// Two positive integers, (height, width); one stands for both.
    pub fn pair(&self, key: &str) -> Result<[usize; 2]> {
        let size = |value: &Value| value.as_u64().filter(|v| (1..1 << 24).contains(v)).map(|v| v as usize);
        let value = self.value(key);
        let pair = match value.as_array().map(Vec::as_slice) {
            Some([height, width]) => size(height).zip(size(width)),
            None => size(value).map(|both| (both, both)),
            _ => None,
        };
        pair.map(|(height, width)| [height, width]).ok_or_else(|| malformed(self.layer, key, "two positive integers"))
    }

    /// Refuses any value of `key` but null and `only`.
    pub fn require(&self, key: &str, only: &Value, why: &str) -> Result {
        let value = self.value(key);
        if value.is_null() || value == only {
            return Ok(());
        }
        Err(self.unsupported(key, value, why))
    }

    /// An [`Code::UnsupportedOption`] error.
    pub fn unsupported(&self, key: &str, value: &Value, remedy: &str) -> Error {
        let message = format!("{} with `{key} = {value}` is not supported", self.layer.class);
        Error::new(Code::UnsupportedOption, message).layer(&self.layer.name).help(remedy)
    }

    /// The name of an activation: a string, or a serialized function.
    pub fn activation(&self) -> Result<String> {
        let value = self.value("activation");
        let name = match value {
            Value::Null => Some("linear"),
            Value::String(name) => Some(name.as_str()),
            other => other["config"].as_str().or_else(|| other["class_name"].as_str()),
        };
        name.map(str::to_owned).ok_or_else(|| malformed(self.layer, "activation", "the name of a function"))
    }
}

fn malformed(layer: &KerasLayer, key: &str, wanted: &str) -> Error {
    let message = format!("`{key}` of this {} is not {wanted}: {}", layer.class, layer.config.get(key).unwrap_or(&Value::Null));
    Error::new(Code::InvalidConfig, message).layer(&layer.name).help("save the model again with `model.save(\"model.keras\")`")
}
