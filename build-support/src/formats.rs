//! Exact fixed-point formats for every value.
//!
//! Interval arithmetic on mantissas, per channel of a sparse value and per element of a dense one. A format is the
//! narrowest that holds every mantissa that can occur, so nothing overflows and nothing rounds except where the model
//! has a quantizer.

mod infer;
mod input;

pub(crate) use self::input::as_keras_takes;
pub use self::input::{AddsHalf, GridReport, InputGrid, Rest};
pub use crate::ops::{FixedLayer, FixedOp, Values};
use crate::{
    error::{Errors, Result},
    fixed::Format,
    keras::KerasModel,
    manifest,
    network::Network,
};

/// The widest value that hardware should have.
pub const MAX_WIDTH: u32 = 64;

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
}

impl FixedNetwork {
    /// How many layers come before the first that changes the input's values: those only drop or move them.
    pub fn untouched(&self) -> usize {
        let moves = |fixed: &&FixedLayer| {
            matches!(fixed.layer.op, FixedOp::InputReduce(_) | FixedOp::SparseFlatten(_) | FixedOp::Reshape)
        };
        self.layers.iter().take_while(moves).count()
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
    /// that would be too large.
    pub fn infer(network: Network, model: &manifest::Model) -> Result<Self> {
        let input = InputGrid::infer(&network, model)?;
        let layers = infer::layers(&network, input.format)?;
        Ok(Self { input_shape: network.input_shape, input, layers, tolerance: network.tolerance })
    }

    /// Values of one input event.
    pub fn input_len(&self) -> usize {
        self.input_shape.iter().product()
    }

    /// Values of one output event.
    pub fn output_len(&self) -> usize {
        self.layers.last().map_or(0, |last| last.layer.shape.len())
    }

    /// The format of the outputs.
    pub fn output(&self) -> Format {
        self.layers.last().map_or(self.input.format, |last| last.output.format())
    }
}
