//! `config.json`: the layers and their connections.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::{KerasLayer, TensorRef, hints, keys};
use crate::error::{Code, Error, Result};

/// What `config.json` holds.
pub struct Config {
    /// The model around the layers, as a layer of its own.
    pub model: KerasLayer,
    pub layers: Vec<KerasLayer>,
    pub inputs: Vec<TensorRef>,
    pub outputs: Vec<TensorRef>,
}

/// Parses `config.json`.
///
/// `version` is that of the Keras that wrote the file, if it says so.
pub(crate) fn parse(bytes: &[u8], version: Option<&str>) -> Result<Config> {
    let text = std::str::from_utf8(bytes).map_err(|_| invalid("it is not UTF-8"))?;
    check_memory(text)?;
    let mut root: Value = serde_json::from_str(&without_special_floats(text)).map_err(|error| invalid(&error.to_string()))?;
    check_origin(&root, version)?;
    let mut model = model_entry(&mut root)?;
    // Before anything is looked for that only the models of Keras have.
    if !matches!(model.class.as_str(), "Functional" | "Sequential") || model.registered.iter().any(|name| name.contains('>')) {
        return Err(hints::own_model(&model));
    }
    let Some(Value::Array(entries)) = model.config.remove("layers") else {
        return Err(invalid("it has no list of layers"));
    };
    let mut layers = entries.into_iter().map(|entry| layer(&entry)).collect::<Result<Vec<_>>>()?;
    let (inputs, outputs) = if model.class == "Sequential" {
        chain(&mut layers);
        let end = |layer: Option<&KerasLayer>| layer.map(|layer| TensorRef { layer: layer.name.clone(), index: 0 });
        (end(layers.first()).into_iter().collect(), end(layers.last()).into_iter().collect())
    } else {
        let ends = |key: &str, what| references(model.config.get(key).unwrap_or(&Value::Null), what);
        (ends("input_layers", "inputs")?, ends("output_layers", "outputs")?)
    };
    let mut names = HashSet::new();
    if let Some(twice) = layers.iter().find(|layer| !names.insert(&layer.name)) {
        return Err(invalid("two layers have the same name").layer(&twice.name));
    }
    Ok(Config { model, layers, inputs, outputs })
}

/// The most that `config.json` may take as values in memory, in bytes, and about what an object and another value take.
pub(crate) const MAX_MEMORY: usize = 32 << 20;
const OBJECT: usize = 700;
const OTHER: usize = 64;

/// Refuses a text whose values would take much more memory than it does itself. It counts what may be an object, or separate two
/// values; in a string it is neither, but then it costs little.
fn check_memory(text: &str) -> Result {
    let memory = text.bytes().fold(0, |sum, byte| match byte {
        b'{' => sum + OBJECT,
        b'[' | b',' => sum + OTHER,
        _ => sum,
    });
    if memory <= MAX_MEMORY {
        return Ok(());
    }
    let message = format!("`config.json` has more objects and values than {} MiB of memory hold", MAX_MEMORY >> 20);
    Err(Error::new(Code::ModelTooLarge, message).help("no network for an FPGA is that large; is this the right file?"))
}

fn invalid(why: &str) -> Error {
    Error::new(Code::InvalidConfig, format!("config.json is not what Keras 3 writes: {why}"))
        .help("save the model again with `model.save(\"model.keras\")`")
}

/// Files of Keras 2 have the same names inside and another content; layers of QKeras are of neither world.
fn check_origin(root: &Value, version: Option<&str>) -> Result {
    let layers = root["config"]["layers"].as_array().map_or(&[][..], Vec::as_slice);
    let qkeras = layers.iter().find(|layer| {
        let is_qkeras = |key: &str| layer[key].as_str().is_some_and(|name| name.starts_with("qkeras"));
        is_qkeras("module") || is_qkeras("registered_name")
    });
    let short = version.map(|version| version.split('.').take(2).collect::<Vec<_>>().join("."));
    let is_old = version.is_some_and(|version| matches!(version.split('.').next(), Some("0" | "1" | "2")));
    let by = format!("the model was written by Keras {}", short.as_deref().unwrap_or("of an unknown version"));
    let remedy = "build it with Keras 3, layers of sparsepixels and quantizers of HGQ2, and train it there";
    match qkeras {
        Some(layer) => Err(Error::new(
            Code::UnsupportedLayer,
            format!("{by} with qkeras layers (the first is a {})", layer["class_name"].as_str().unwrap_or("layer")),
        )
        .layer(layer["config"]["name"].as_str().unwrap_or_default())
        .help(remedy)),
        None if is_old => Err(Error::new(Code::NotAKerasFile, format!("this is not a file of Keras 3: {by}")).help(remedy)),
        None => Ok(()),
    }
}

/// The model itself, as an entry among the layers would be.
fn model_entry(root: &mut Value) -> Result<KerasLayer> {
    let config = match root.get_mut("config").map(Value::take) {
        Some(Value::Object(config)) => config,
        _ => Map::new(),
    };
    let class = root["class_name"].as_str().ok_or_else(|| invalid("it holds no model"))?;
    Ok(KerasLayer {
        name: config.get("name").and_then(Value::as_str).unwrap_or_default().to_owned(),
        class: class.to_owned(),
        module: text(root, "module"),
        registered: text(root, "registered_name"),
        config,
        inputs: Vec::new(),
        input_shape: Value::Null,
        arguments: Map::new(),
    })
}

fn text(entry: &Value, key: &str) -> Option<String> {
    match &entry[key] {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        // No name of anything.
        other => Some(other.to_string()),
    }
}

/// Python's json writes `Infinity`, `-Infinity` and `NaN`, which JSON does not have (an `i_decay_speed` is infinite by
/// default). They become strings: where one stands that matters, such as a threshold, it is refused as no number.
fn without_special_floats(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(['"', 'I', 'N', '-']) {
        out.push_str(&rest[..start]);
        rest = &rest[start..];
        let special = ["-Infinity", "Infinity", "NaN"].into_iter().find(|word| rest.starts_with(word));
        let length = match special {
            Some(word) => {
                out.extend(["\"", word, "\""]);
                word.len()
            }
            None => {
                let length = if rest.starts_with('"') { string_length(rest) } else { 1 };
                out.push_str(&rest[..length]);
                length
            }
        };
        rest = &rest[length..];
    }
    out + rest
}

/// Bytes of the JSON string literal that `text` starts with.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

fn layer(entry: &Value) -> Result<KerasLayer> {
    let config = entry["config"].as_object().cloned().unwrap_or_default();
    let name = entry["name"].as_str().or_else(|| config.get("name")?.as_str());
    let (Some(name), Some(class)) = (name, entry["class_name"].as_str()) else {
        return Err(invalid("a layer has no name or class"));
    };
    keys::check_entry(entry.as_object().unwrap_or(&Map::new())).map_err(|error| error.layer(name))?;
    let nodes = entry["inbound_nodes"].as_array().map_or(&[][..], Vec::as_slice);
    if nodes.len() > 1 {
        return Err(Error::new(Code::UnsupportedGraph, format!("the layer is called {} times", nodes.len()))
            .layer(name)
            .help("call every layer once; give each call a layer of its own"));
    }
    let mut called = Call::default();
    if let Some(node) = nodes.first() {
        called.read(node).map_err(|error| error.layer(name))?;
    }
    Ok(KerasLayer {
        name: name.to_owned(),
        class: class.to_owned(),
        module: text(entry, "module"),
        registered: text(entry, "registered_name"),
        config,
        inputs: called.tensors,
        input_shape: called.shape,
        arguments: called.others,
    })
}

/// The arguments of a layer's call.
#[derive(Default)]
struct Call {
    tensors: Vec<TensorRef>,
    /// Of the first tensor.
    shape: Value,
    /// What is no tensor, by its name or position.
    others: Map<String, Value>,
}

impl Call {
    fn read(&mut self, node: &Value) -> Result {
        if !(node["args"].is_array() && node["kwargs"].is_object()) {
            return Err(invalid("the call of a layer has no arguments"));
        }
        let positional = node["args"].as_array().into_iter().flatten().enumerate();
        let positional = positional.map(|(at, value)| (format!("argument {at}"), value));
        let named = node["kwargs"].as_object().into_iter().flatten().map(|(name, value)| (name.clone(), value));
        for (name, value) in positional.chain(named) {
            let before = self.tensors.len();
            self.collect(value)?;
            if self.tensors.len() == before {
                self.others.insert(name, value.clone());
            }
        }
        Ok(())
    }

    /// Finds the `keras_history` of every tensor in an argument.
    fn collect(&mut self, value: &Value) -> Result {
        match value {
            Value::Array(items) => items.iter().try_for_each(|item| self.collect(item)),
            Value::Object(object) if object.get("class_name").and_then(Value::as_str) == Some("__keras_tensor__") => {
                if self.tensors.is_empty() {
                    self.shape = value["config"]["shape"].clone();
                }
                self.tensors.push(reference(&value["config"]["keras_history"])?);
                Ok(())
            }
            Value::Object(object) => object.values().try_for_each(|item| self.collect(item)),
            _ => Ok(()),
        }
    }
}

/// Reads `[layer, node, tensor]`.
fn reference(value: &Value) -> Result<TensorRef> {
    let index = |at: usize| value.get(at).and_then(Value::as_u64);
    match (value.get(0).and_then(Value::as_str), index(1), index(2)) {
        (Some(layer), Some(0), Some(tensor)) => Ok(TensorRef { layer: layer.to_owned(), index: tensor as usize }),
        (Some(layer), Some(_), Some(_)) => Err(Error::new(Code::UnsupportedGraph, "a layer is called several times")
            .layer(layer)
            .help("call every layer once; give each call a layer of its own")),
        _ => Err(invalid("a connection between layers is malformed")),
    }
}

/// The model's tensors: one `[layer, node, tensor]`, or lists and dictionaries of them in any nesting, as the model was
/// built with `keras.Model({"image": x}, [y])`.
fn references(value: &Value, what: &str) -> Result<Vec<TensorRef>> {
    match value {
        Value::Array(items) if items.first().is_some_and(Value::is_string) => Ok(vec![reference(value)?]),
        Value::Array(items) => all_references(items, what),
        Value::Object(items) => all_references(items.values(), what),
        _ => Err(invalid(&format!("the model's {what} are malformed"))),
    }
}

fn all_references<'a>(items: impl IntoIterator<Item = &'a Value>, what: &str) -> Result<Vec<TensorRef>> {
    Ok(items.into_iter().map(|item| references(item, what)).collect::<Result<Vec<_>>>()?.concat())
}

/// A Sequential model has no connections in the file: each layer follows the one before it. One whose input shape is
/// given only by `batch_shape` of its first layer gets no InputLayer in the file; Keras 3 writes one.
fn chain(layers: &mut [KerasLayer]) {
    for at in 1..layers.len() {
        layers[at].inputs = vec![TensorRef { layer: layers[at - 1].name.clone(), index: 0 }];
    }
}
