//! A `.keras` file, as data.
//!
//! The archive holds `config.json` (the layers and how they are connected) and `model.weights.h5` (their variables).
//! This stage checks that both are well-formed and bounded; what the layers mean is decided in [`crate::network`].

mod archive;
mod config;
mod hints;
pub(crate) mod keys;
mod weights;

use std::path::Path;

#[cfg(test)]
pub(crate) use self::{
    archive::{MAX_CONFIG, MAX_WEIGHTS, MIN_WEIGHTS},
    config::MAX_MEMORY,
};

use serde_json::{Map, Value};

pub use self::{
    keys::table as config_keys,
    weights::{Array, Weights},
};
use crate::error::Result;

/// A model as it was saved.
#[derive(Debug)]
pub struct KerasModel {
    /// The model around the layers: its class, and its config without them.
    pub model: KerasLayer,
    /// The layers in the file's order.
    pub layers: Vec<KerasLayer>,
    /// The model's input tensors.
    pub inputs: Vec<TensorRef>,
    /// The model's output tensors.
    pub outputs: Vec<TensorRef>,
    /// The variables.
    pub weights: Weights,
}

/// One layer of `config.json`.
#[derive(Debug, Clone)]
pub struct KerasLayer {
    /// The layer's name, unique in the model. Untrusted text.
    pub name: String,
    /// The Python class.
    pub class: String,
    /// The Python module that the class can be imported from; none if it is registered by its owner.
    pub module: Option<String>,
    /// The name under which the class is registered, such as `hgq>QDense`; none for classes of Keras.
    pub registered: Option<String>,
    /// The layer's `config`.
    pub config: Map<String, Value>,
    /// The tensors the layer is called with, flattened.
    pub inputs: Vec<TensorRef>,
    /// The shape of the first of them with the batch axis, as the file has it; null in a Sequential model.
    pub input_shape: Value,
    /// What else the layer is called with, by its name.
    pub arguments: Map<String, Value>,
}

/// An output tensor of a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorRef {
    /// The layer's name.
    pub layer: String,
    /// 0, or 1 for the keep mask of an InputReduce or pooling layer.
    pub index: usize,
}

impl KerasLayer {
    /// Everything in the layer's entry that is not supported: its class, its options, its dtype policy, its call.
    pub(crate) fn problems(&self) -> Vec<crate::error::Error> {
        keys::layer_problems(self)
    }
}

impl KerasModel {
    /// Everything about the model around the layers that is not supported.
    pub(crate) fn problems(&self) -> Vec<crate::error::Error> {
        keys::model_problems(&self.model)
    }

    /// Reads the file at `path`.
    ///
    /// # Errors
    /// [`FileNotFound`](crate::Code::FileNotFound), [`NotAKerasFile`](crate::Code::NotAKerasFile),
    /// [`ModelTooLarge`](crate::Code::ModelTooLarge), [`InvalidConfig`](crate::Code::InvalidConfig),
    /// [`WeightsUnreadable`](crate::Code::WeightsUnreadable), [`UnsupportedGraph`](crate::Code::UnsupportedGraph); all
    /// name the file.
    pub fn read(path: &Path) -> Result<Self> {
        let read = || {
            let members = archive::read(path)?;
            let config::Config { model, layers, inputs, outputs } = config::parse(&members.config, members.version().as_deref())?;
            let names: Vec<(&str, &str)> = layers.iter().map(|l| (l.name.as_str(), l.class.as_str())).collect();
            let weights = Weights::open(members.weights, members.most_elements, &names)?;
            Ok(Self { model, layers, inputs, outputs, weights })
        };
        read().map_err(|error: crate::error::Error| error.file(path))
    }
}
