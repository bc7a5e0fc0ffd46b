//! Exact fixed-point formats for every value.
//!
//! Interval arithmetic on mantissas, per channel of a sparse value and per element of a dense one. A format is the
//! narrowest that holds every mantissa that can occur, so nothing overflows and nothing rounds except where the model
//! has a quantizer.

mod infer;
mod input;
mod sums;

#[cfg(test)]
pub(crate) use self::infer::MAX_TABLE;
pub(crate) use self::input::as_keras_takes;
pub use self::{
    infer::threshold_mantissa,
    input::{AddsHalf, GridReport, InputGrid, Rest},
};
use crate::{
    error::{Errors, Result},
    fixed::{Format, Interval},
    keras::KerasModel,
    manifest,
    network::{Layer, Network, Op},
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

/// An op with the formats around it.
#[derive(Debug, Clone)]
pub struct FixedLayer {
    /// The op.
    pub layer: Layer,
    /// Shape of what goes in.
    pub input_shape: crate::network::Shape,
    /// What goes in.
    pub input: Values,
    /// What comes out.
    pub output: Values,
    /// What sums are held in, where the op has sums.
    pub accumulator: Option<Format>,
    /// The contents of the op's table, if it has one.
    pub table: Option<Table>,
}

/// What is known about a value: `mantissa * 2^-fraction / divisor`, and which mantissas can occur.
#[derive(Debug, Clone, PartialEq)]
pub struct Values {
    /// Bits behind the binary point.
    pub fraction: i32,
    /// Odd; not 1 only between a mean over a window that is no power of two and the quantizer after it.
    pub divisor: u64,
    /// For each channel of a sparse value, each element of a dense one.
    pub intervals: Vec<Interval>,
    /// In a dense value that was sparse: at most `pixels` groups of `channels` neighbours are not zero.
    pub active: Option<Active>,
}

/// See [`Values::active`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Active {
    /// Pixels that can be active at once.
    pub pixels: usize,
    /// Elements of a pixel.
    pub channels: usize,
}

impl Values {
    /// The hull of all intervals.
    pub fn interval(&self) -> Interval {
        self.intervals.iter().copied().reduce(Interval::hull).unwrap_or(Interval::ZERO)
    }

    /// The narrowest format that holds all of it.
    pub fn format(&self) -> Format {
        Format::holding(self.interval(), self.fraction)
    }

    /// The format as people read it, and what the value is still to be divided by.
    pub fn describe(&self) -> String {
        match self.divisor {
            1 => self.format().to_string(),
            divisor => format!("{}/{divisor}", self.format()),
        }
    }
}

/// A table of mantissas for the input mantissas from `first` on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// The format of what the table is indexed with.
    pub input: Format,
    /// The input mantissa of entry 0.
    pub first: i64,
    /// For each format of the result, all entries, at the output's fraction.
    pub entries: Vec<Vec<i64>>,
}

impl FixedNetwork {
    /// How many layers come before the first that changes the input's values: those only drop or move them.
    pub fn untouched(&self) -> usize {
        let moves = |fixed: &&FixedLayer| matches!(fixed.layer.op, Op::InputReduce { .. } | Op::SparseFlatten | Op::Reshape);
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
