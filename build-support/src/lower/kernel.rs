//! The kernels, and which op becomes which.

use super::{
    Affine, Conv2d, Dense, Elements, Flatten, InputReduce, Layout, LimitedRelu, LookUpDense, Lookup, MaxMinus, Normalize,
    Pooling2d, Quantizer, Site, SparseBias, SparseQuantize,
};
use crate::{
    error::Result,
    network::Relu,
    ops::{FixedLayer, FixedOp},
};

/// A kernel with its numbers. Formats and sizes that are those of the values around it are there, in
/// [`Value`](super::Value).
#[derive(Debug, Clone)]
pub enum Kernel {
    /// Keeps the first active pixels of an image.
    InputReduce(InputReduce),
    /// Rounds the features of a sparse value; an empty slot stays zero.
    SparseQuantize(SparseQuantize),
    /// Rounds the elements of a dense value.
    DenseQuantize(Quantizer),
    /// A 'same' convolution between active pixels.
    Conv2d(Conv2d),
    /// Adds a bias where a feature is not zero.
    SparseBias(SparseBias),
    /// Pools each occupied cell into its first slot.
    Pooling2d(Pooling2d),
    /// Puts each active pixel in its place in a dense image.
    Flatten(Flatten),
    /// A dense layer that works on slots, and looks up the weights of their positions.
    LookUpDense(LookUpDense),
    /// A dense layer.
    Dense(Dense),
    /// A scale and an offset for each channel.
    Affine(Affine),
    /// `max(0, x)`.
    Relu(Elements),
    /// The same with a limit or a slope below zero.
    LimitedRelu(LimitedRelu),
    /// `max(x) - x`.
    MaxMinus(MaxMinus),
    /// A function of one variable, as a table.
    Lookup(Lookup),
    /// `x` times the reciprocal of the sum of all `x`.
    Normalize(Normalize),
    /// The same elements in another shape: wires.
    Copy {
        /// How many.
        elements: usize,
    },
}

/// The kernel of an op that works by itself.
pub fn lower(fixed: &FixedLayer, site: Site<'_>) -> Result<Kernel> {
    Ok(match &fixed.layer.op {
        FixedOp::InputReduce(reduce) => Kernel::InputReduce(InputReduce::new(reduce, site)),
        FixedOp::Quantize(quantize) => match &site.input.layout {
            Layout::Sparse(layout) => Kernel::SparseQuantize(SparseQuantize {
                shape: layout.shape,
                pixels_per_cycle: site.plan.pixels_per_cycle,
                quantizer: Quantizer::new(quantize, site.input, site.output)?,
            }),
            Layout::Dense(_) => Kernel::DenseQuantize(Quantizer::new(quantize, site.input, site.output)?),
        },
        FixedOp::SparseConv2d(conv) => Kernel::Conv2d(Conv2d::new(conv, site)?),
        FixedOp::SparseBias(op) => Kernel::SparseBias(SparseBias::new(&op.bias, site)?),
        FixedOp::SparsePooling2d(pooling) => Kernel::Pooling2d(Pooling2d::new(*pooling, site)),
        FixedOp::SparseFlatten(op) => Kernel::Flatten(Flatten::new(op.pixels, site)),
        FixedOp::Relu(options) if *options == Relu::default() => Kernel::Relu(site.input.elements()),
        FixedOp::Relu(options) => Kernel::LimitedRelu(LimitedRelu::new(options, site)?),
        FixedOp::Affine(op) => Kernel::Affine(Affine::new(&op.scale, &op.offset, site)?),
        FixedOp::Dense(dense) => Kernel::Dense(Dense::new(dense, site)?),
        FixedOp::MaxMinus(_) => Kernel::MaxMinus(MaxMinus::new(site)),
        FixedOp::Lookup(lookup) => Kernel::Lookup(Lookup::new(lookup, site)?),
        FixedOp::Normalize(normalize) => Kernel::Normalize(Normalize::new(normalize, site)?),
        FixedOp::Reshape(_) => Kernel::Copy { elements: site.output.len() },
    })
}
