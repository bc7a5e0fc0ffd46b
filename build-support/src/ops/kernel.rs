//! The kernels.

use super::{
    AffineKernel, BiasKernel, Conv2dKernel, DenseKernel, Elements, FlattenKernel, LimitedReluKernel, LookUpKernel, LookupKernel,
    MaxMinusKernel, NormalizeKernel, PoolingKernel, QuantizeKernel, ReduceKernel, SparseQuantizeKernel,
};

/// A kernel with its numbers. Formats and sizes that are those of the values around it are there, in
/// [`Value`](super::Value).
#[derive(Debug, Clone)]
pub enum Kernel {
    /// Keeps the first active pixels of an image.
    InputReduce(ReduceKernel),
    /// Rounds the features of a sparse value; an empty slot stays zero.
    SparseQuantize(SparseQuantizeKernel),
    /// Rounds the elements of a dense value.
    DenseQuantize(QuantizeKernel),
    /// A 'same' convolution between active pixels.
    Conv2d(Conv2dKernel),
    /// Adds a bias where a feature is not zero.
    SparseBias(BiasKernel),
    /// Pools each occupied cell into its first slot.
    Pooling2d(PoolingKernel),
    /// Puts each active pixel in its place in a dense image.
    Flatten(FlattenKernel),
    /// A dense layer that works on slots, and looks up the weights of their positions.
    LookUpDense(LookUpKernel),
    /// A dense layer.
    Dense(DenseKernel),
    /// A scale and an offset for each channel.
    Affine(AffineKernel),
    /// `max(0, x)`.
    Relu(Elements),
    /// The same with a limit or a slope below zero.
    LimitedRelu(LimitedReluKernel),
    /// `max(x) - x`.
    MaxMinus(MaxMinusKernel),
    /// A function of one variable, as a table.
    Lookup(LookupKernel),
    /// `x` times the reciprocal of the sum of all `x`.
    Normalize(NormalizeKernel),
    /// The same elements in another shape: wires.
    Copy {
        /// How many.
        elements: usize,
    },
}
