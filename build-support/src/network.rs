//! What the network computes.
//!
//! A [`Network`] is a chain of elementary [`Op`]s on integers-with-a-binary-point. A Keras layer becomes one or more of
//! them: a `QConv2DSparse` named `conv1` is `conv1_iq` (input quantizer), `conv1`, `conv1_bias` and `conv1_relu`. The
//! last op of a Keras layer has the value of that layer in Keras.

mod build;
mod dense;
mod function;
mod options;
mod quantizer;
mod softmax;
mod sparse;

use crate::fixed::Dyadic;

#[cfg(test)]
pub(crate) use self::{
    build::MAX_INPUTS,
    dense::activations,
    quantizer::{MAX_BITS, MAX_FORMATS, MAX_WEIGHT_BITS},
    softmax::MAX_CLASSES,
    sparse::MAX_SLOTS,
};

pub use self::{
    function::Function,
    quantizer::{Coefficients, Quantizer},
};

/// A network, ready for format inference.
#[derive(Debug, Clone)]
pub struct Network {
    /// Shape of the input of one event: (height, width, channels), or any dense shape if there is no sparse part.
    pub input_shape: Vec<usize>,
    /// The ops, each working on the result of the one before.
    pub layers: Vec<Layer>,
    /// How far an output may be from Keras: 0 unless a float softmax or sigmoid at the end is replaced by tables.
    pub tolerance: f64,
}

/// One op and its names. Once there are formats, `T` is a [`FixedOp`](crate::ops::FixedOp).
#[derive(Debug, Clone)]
pub struct Layer<T = Op> {
    /// The Keras layer's name, with a suffix for the ops beside its main one. Untrusted text.
    pub name: String,
    /// The Keras layer this op is part of.
    pub keras_name: String,
    /// The Keras layer's class.
    pub keras_class: String,
    /// An identifier, unique in the network.
    pub id: String,
    /// Shape of the result.
    pub shape: Shape,
    /// Whose op it is.
    pub origin: Origin,
    /// What is computed.
    pub op: T,
}

impl Layer {
    /// The same layer with its op in another form.
    pub(crate) fn with_op<T>(&self, op: T) -> Layer<T> {
        let Self { name, keras_name, keras_class, id, shape, origin, op: _ } = self.clone();
        Layer { name, keras_name, keras_class, id, shape, origin, op }
    }
}

/// Whose an op is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Origin {
    /// The model's.
    #[default]
    Model,
    /// The manifest's: `result-precision`.
    Manifest,
    /// Ours: part of the tables that stand for a float function at the end.
    Tables,
}

/// The shape of a sparse value: `slots` pixels of an image, each with its features and its 1-based coordinates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SparseShape {
    /// Slots N.
    pub slots: usize,
    /// Image height H.
    pub height: usize,
    /// Image width W.
    pub width: usize,
    /// Features of a pixel C.
    pub channels: usize,
}

impl SparseShape {
    /// The most pixels that can be active: at most one per position.
    pub fn max_active(&self) -> usize {
        self.slots.min(self.height * self.width)
    }

    /// Values of the dense image.
    pub fn image_len(&self) -> usize {
        self.height * self.width * self.channels
    }
}

/// The shape of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shape {
    /// Some pixels of an image.
    Sparse(SparseShape),
    /// A dense array, row-major.
    Dense(Vec<usize>),
}

impl Shape {
    /// The sparse shape, if it is one.
    pub fn sparse(&self) -> Option<SparseShape> {
        match self {
            Self::Sparse(pixels) => Some(*pixels),
            Self::Dense(_) => None,
        }
    }

    /// Values in one event: N·C for a sparse tensor.
    pub fn len(&self) -> usize {
        match self {
            Self::Sparse(SparseShape { slots, channels, .. }) => slots * channels,
            Self::Dense(shape) => shape.iter().product(),
        }
    }

    /// Whether there are no values.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The shape to show: `[slots, channels]` for a sparse tensor.
    pub fn dimensions(&self) -> Vec<usize> {
        match self {
            Self::Sparse(SparseShape { slots, channels, .. }) => vec![*slots, *channels],
            Self::Dense(shape) => shape.clone(),
        }
    }

    /// The shape Keras gives this value, without the batch axis.
    pub fn keras(&self) -> Vec<usize> {
        match self {
            Self::Sparse(SparseShape { height, width, channels, .. }) => vec![*height, *width, *channels],
            Self::Dense(shape) => shape.clone(),
        }
    }
}

/// What an op computes. Values are exact; only [`Op::Quantize`] and [`Op::Lookup`] round.
#[derive(Debug, Clone)]
pub enum Op {
    /// Keeps the first `slots` pixels, in row-major order, whose first channel is above `threshold`.
    InputReduce {
        /// The threshold; `None` means that a pixel is active where the first channel is not 0.
        threshold: Option<f32>,
    },
    /// Rounds and limits every value, each position and channel with a format of its own.
    Quantize(Quantizer),
    /// 'same' convolution between active pixels.
    SparseConv2d(Conv2d),
    /// Adds a bias per channel where the value is not exactly 0.
    SparseBias(Coefficients),
    /// Pools each occupied cell into its first slot.
    SparsePooling2d(Pooling2d),
    /// Puts each active pixel in its place in a dense image, zero elsewhere.
    SparseFlatten,
    /// `max(0, x)`, possibly with a limit and a slope below zero.
    Relu(Relu),
    /// `x · kernel + bias`.
    Dense(Dense),
    /// `x · scale + offset` with a scale and an offset for each channel, the last axis: a batch normalization.
    Affine {
        /// The scales.
        scale: Coefficients,
        /// The offsets.
        offset: Coefficients,
    },
    /// `max(x) - x`, the first step of a stable softmax.
    MaxMinus,
    /// A function of one variable, rounded by a quantizer: a table.
    Lookup(Lookup),
    /// `x · r(q(sum(x)))`, the last step of a softmax: `q` rounds the sum, `r` is a table.
    Normalize {
        /// Rounds the sum; one element.
        sum: Quantizer,
        /// The reciprocal; one element.
        reciprocal: Lookup,
    },
    /// The same values in another shape.
    Reshape,
}

impl Op {
    /// Numbers that it has of its own: weights, and formats of elements.
    pub(crate) fn coefficients(&self) -> usize {
        let bias = |bias: &Option<Coefficients>| bias.as_ref().map_or(0, |bias| bias.values.len());
        match self {
            Self::Quantize(quantizer) => quantizer.size(),
            Self::SparseConv2d(conv) => conv.weights.values.len(),
            Self::SparseBias(bias) => bias.values.len(),
            Self::Dense(dense) => dense.weights.values.len() + bias(&dense.bias),
            Self::Affine { scale, offset } => scale.values.len() + offset.values.len(),
            Self::Lookup(lookup) => lookup.output.size(),
            Self::Normalize { sum, reciprocal } => sum.size() + reciprocal.output.size(),
            Self::InputReduce { .. }
            | Self::SparsePooling2d(_)
            | Self::SparseFlatten
            | Self::Relu(_)
            | Self::MaxMinus
            | Self::Reshape => 0,
        }
    }

    /// The name of this kind of op in reports and JSON.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::InputReduce { .. } => "sparse-input-reduce",
            Self::Quantize(_) => "quantizer",
            Self::SparseConv2d(_) => "sparse-conv2d",
            Self::SparseBias(_) => "sparse-bias",
            Self::SparsePooling2d(_) => "sparse-pooling2d",
            Self::SparseFlatten => "sparse-flatten",
            Self::Relu(_) => "relu",
            Self::Dense(_) => "dense",
            Self::Affine { .. } => "affine",
            Self::MaxMinus => "max-minus",
            Self::Lookup(_) => "lookup",
            Self::Normalize { .. } => "normalize",
            Self::Reshape => "reshape",
        }
    }
}

/// A convolution: `out[p] = sum over active q of x[q] · kernel[q - p + pad]`, `pad = (K - 1) / 2` per axis.
#[derive(Debug, Clone)]
pub struct Conv2d {
    /// Kernel height and width.
    pub kernel: [usize; 2],
    /// Input channels.
    pub channels: usize,
    /// Output channels.
    pub filters: usize,
    /// The kernel, (height, width, channels, filters).
    pub weights: Coefficients,
}

/// Which pooling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PoolingMode {
    /// The mean over the whole window; absent pixels count as 0.
    Average,
    /// The maximum over the whole window; absent pixels count as 0.
    Max,
}

/// A pooling with windows side by side; partial windows at the edge are dropped.
#[derive(Debug, Clone, Copy)]
pub struct Pooling2d {
    /// Mean or maximum.
    pub mode: PoolingMode,
    /// Window height and width.
    pub pool: [usize; 2],
}

/// A fully connected layer, applied to each row (the last axis) of its input.
#[derive(Debug, Clone)]
pub struct Dense {
    /// Rows.
    pub rows: usize,
    /// Inputs.
    pub inputs: usize,
    /// Outputs.
    pub outputs: usize,
    /// The kernel, (inputs, outputs).
    pub weights: Coefficients,
    /// The bias, one for each output.
    pub bias: Option<Coefficients>,
}

/// The options of a ReLU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Relu {
    /// The largest result.
    pub limit: Option<Dyadic>,
    /// Below zero the result is `x * 2^-slope`; without it, 0.
    pub slope: Option<u32>,
}

/// A function and the quantizer of its result.
#[derive(Debug, Clone)]
pub struct Lookup {
    /// The function.
    pub function: Function,
    /// What its result is rounded to.
    pub output: Quantizer,
}
