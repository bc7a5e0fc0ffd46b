//! Exact fixed-point formats for every value.
//!
//! Range arithmetic on mantissas, per channel of a sparse value and per element of a dense one. A format is the
//! narrowest that holds every mantissa that can occur, so nothing overflows and nothing rounds except where the model
//! has a quantizer.

mod infer;
mod input;

use std::num::NonZeroUsize;

pub(crate) use self::input::as_keras_takes;
pub use self::input::{AddsHalf, GridReport, InputGrid, Rest};
pub use crate::ops::{FixedLayer, FixedOp, Values};
use crate::{
    error::{Error, Errors, Result},
    fixed::Format,
    keras::KerasModel,
    manifest,
    mantissas::Mantissas,
    network::Network,
};

/// A network whose values all have formats.
#[derive(Debug, Clone)]
pub struct FixedNetwork {
    /// The input's shape, (height, width, channels).
    pub input_shape: Vec<usize>,
    /// How floats become mantissas.
    pub input: InputGrid,
    /// The ops with their formats.
    pub layers: Vec<FixedLayer>,
    /// How far an output may be from Keras; 0 means the same bits.
    pub tolerance: f64,
    input_len: NonZeroUsize,
    output_len: NonZeroUsize,
}

impl FixedNetwork {
    /// How many layers come before the first that changes the input's values: those only drop or move them.
    pub(crate) fn untouched(&self) -> usize {
        self.layers.iter().take_while(|fixed| fixed.about().moves).count()
    }

    /// Reads the model of the manifest and infers its formats.
    ///
    /// # Errors
    /// All that is wrong with the layers, or else as [`Self::infer`].
    pub fn read(model: &manifest::Model) -> Result<Self, Errors> {
        let network = Network::build(&KerasModel::read(&model.source)?, model)?;
        Ok(Self::infer(network, model)?)
    }

    /// Infers the formats of `network` for the model of the manifest.
    ///
    /// # Errors
    /// [`InputFormat`](crate::Code::InputFormat), [`FormatTooWide`](crate::Code::FormatTooWide),
    /// [`InexactOutput`](crate::Code::InexactOutput), [`UnsupportedOption`](crate::Code::UnsupportedOption) for a table
    /// that would be too large; [`Internal`](crate::Code::Internal) if a value has no elements.
    pub fn infer(network: Network, model: &manifest::Model) -> Result<Self> {
        let not_empty =
            |what: &str, len| NonZeroUsize::new(len).ok_or_else(|| Error::internal(format!("{what} has no elements")));
        let input_len = not_empty("the input", network.input_shape.iter().product())?;
        let lens = network.layers.iter().map(|layer| not_empty(&format!("what layer {:?} gives", layer.name), layer.shape.len()));
        let output_len = lens.collect::<Result<Vec<_>>>()?.last().copied().unwrap_or(input_len);
        let input = InputGrid::infer(&network, model)?;
        let layers = infer::layers(&network, input.format)?;
        let Network { input_shape, tolerance, .. } = network;
        Ok(Self { input_shape, input, layers, tolerance, input_len, output_len })
    }

    /// Values of one input event.
    pub fn input_len(&self) -> NonZeroUsize {
        self.input_len
    }

    /// Values of one output event.
    pub fn output_len(&self) -> NonZeroUsize {
        self.output_len
    }

    /// Input events of these mantissas.
    pub fn inputs(&self, mantissas: Vec<i64>) -> Mantissas {
        Mantissas::new(mantissas, self.input_len, self.input.format)
    }

    /// Output events of these mantissas.
    pub fn outputs(&self, mantissas: Vec<i64>) -> Mantissas {
        Mantissas::new(mantissas, self.output_len, self.output())
    }

    /// The format of the outputs.
    pub(crate) fn output(&self) -> Format {
        self.layers.last().map_or(self.input.format, |last| last.output.format())
    }
}
