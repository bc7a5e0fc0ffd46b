//! Stage 2: a `.keras` file, as data.
//!
//! The archive holds `config.json` (the layers and how they are connected) and `model.weights.h5` (their variables).
//! This stage checks that both are well-formed and bounded; what the layers mean is decided in [`crate::network`].

mod archive;
mod config;
mod weights;

use std::path::Path;

use serde_json::{Map, Value};

pub use self::weights::{Array, Weights};
use crate::error::Result;

/// A model as it was saved.
#[derive(Debug)]
pub struct KerasModel {
    /// The layers in the file's order.
    pub layers: Vec<KerasLayer>,
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
    /// The layer's `config`.
    pub config: Map<String, Value>,
    /// The tensors the layer is called with, flattened.
    pub inputs: Vec<TensorRef>,
}

/// An output tensor of a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorRef {
    /// The layer's name.
    pub layer: String,
    /// 0, or 1 for the keep mask of an InputReduce or pooling layer.
    pub index: usize,
}

impl KerasModel {
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
            let (layers, outputs) = config::parse(&members.config)?;
            let names: Vec<(&str, &str)> = layers.iter().map(|l| (l.name.as_str(), l.class.as_str())).collect();
            let weights = Weights::open(members.weights, &names)?;
            Ok(Self { layers, outputs, weights })
        };
        read().map_err(|error: crate::Error| error.file(path))
    }
}
