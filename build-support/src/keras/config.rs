//! `config.json`: the layers and their connections.

use std::collections::HashSet;

use serde_json::Value;

use super::{KerasLayer, TensorRef};
use crate::error::{Code, Error, Result};

/// Parses `config.json` into layers and output tensors.
pub fn parse(bytes: &[u8]) -> Result<(Vec<KerasLayer>, Vec<TensorRef>)> {
    let text = std::str::from_utf8(bytes).map_err(|_| invalid("it is not UTF-8"))?;
    let root: Value = serde_json::from_str(&without_special_floats(text)).map_err(|error| invalid(&error.to_string()))?;
    let class = root["class_name"].as_str().unwrap_or_default();
    let Some(entries) = root["config"]["layers"].as_array() else {
        return Err(invalid("it has no list of layers"));
    };
    let mut layers = entries.iter().map(layer).collect::<Result<Vec<_>>>()?;
    let outputs = match class {
        "Functional" | "Model" => references(&root["config"]["output_layers"]),
        "Sequential" => {
            chain(&mut layers);
            Ok(layers.last().map(|last| TensorRef { layer: last.name.clone(), index: 0 }).into_iter().collect())
        }
        other => Err(Error::new(Code::UnsupportedGraph, format!("the model is of class `{other}`"))
            .help("save a Functional or a Sequential model")),
    }?;
    let mut names = HashSet::new();
    if let Some(twice) = layers.iter().find(|layer| !names.insert(&layer.name)) {
        return Err(invalid("two layers have the same name").layer(&twice.name));
    }
    Ok((layers, outputs))
}

fn invalid(why: &str) -> Error {
    Error::new(Code::InvalidConfig, format!("config.json is not what Keras 3 writes: {why}"))
        .help("save the model again with `model.save(\"model.keras\")`")
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
    let nodes = entry["inbound_nodes"].as_array().map_or(&[][..], Vec::as_slice);
    if nodes.len() > 1 {
        return Err(Error::new(Code::UnsupportedGraph, format!("the layer is called {} times", nodes.len()))
            .layer(name)
            .help("call every layer once; give each call a layer of its own"));
    }
    let mut inputs = Vec::new();
    if let Some(node) = nodes.first() {
        collect_tensors(&node["args"], &mut inputs).map_err(|error| error.layer(name))?;
        collect_tensors(&node["kwargs"], &mut inputs).map_err(|error| error.layer(name))?;
    }
    Ok(KerasLayer { name: name.to_owned(), class: class.to_owned(), config, inputs })
}

/// Finds the `keras_history` of every tensor among a call's arguments.
fn collect_tensors(value: &Value, found: &mut Vec<TensorRef>) -> Result {
    match value {
        Value::Array(items) => items.iter().try_for_each(|item| collect_tensors(item, found)),
        Value::Object(object) if object.get("class_name").and_then(Value::as_str) == Some("__keras_tensor__") => {
            found.push(reference(&value["config"]["keras_history"])?);
            Ok(())
        }
        Value::Object(object) => object.values().try_for_each(|item| collect_tensors(item, found)),
        _ => Ok(()),
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

/// `output_layers` is one `[layer, node, tensor]` or a list of them.
fn references(value: &Value) -> Result<Vec<TensorRef>> {
    match value.get(0) {
        Some(Value::String(_)) => Ok(vec![reference(value)?]),
        Some(Value::Array(_)) => value.as_array().into_iter().flatten().map(reference).collect(),
        _ => Err(invalid("the model's outputs are malformed")),
    }
}

/// A Sequential model has no connections in the file: each layer follows the one before it. One whose input shape is
/// given only by `batch_shape` of its first layer gets no InputLayer in the file; Keras 3 writes one.
fn chain(layers: &mut [KerasLayer]) {
    for at in 1..layers.len() {
        layers[at].inputs = vec![TensorRef { layer: layers[at - 1].name.clone(), index: 0 }];
    }
}
