//! Everything that the stages know of an op, in a file for each.
//!
//! In order: what it needs once there are formats (`Fixed…`), its range rule (`fix`), its [`Rules`] (extent, knobs,
//! lowering, operations), and its kernel in numbers (`…Kernel`). [`FixedOp`] is the one enum that all stages after the formats
//! work on. An op cannot stand behind a value that it does not work on, because [`fix`] refuses that.

pub mod affine;
pub mod bias;
pub mod conv2d;
pub mod dense;
mod extent;
pub mod flatten;
mod kernel;
pub mod lookup;
pub mod parts;
pub mod pooling;
pub mod quantize;
mod quotient;
pub mod reduce;
pub mod relu;
pub mod reshape;
mod site;
pub mod softmax;
mod sums;
#[cfg(test)]
mod testing;
mod value;

use self::parts::{Gives, Parts};
pub(crate) use self::quantize::rounds_by_mask;
use self::site::{aligned, finer, signed};
pub use self::{
    affine::{AffineKernel, FixedAffine},
    bias::{BiasKernel, FixedBias},
    conv2d::{Conv2dKernel, FixedConv2d, Form},
    dense::{DenseKernel, FixedDense, LookUpKernel, Sums},
    extent::{Extent, LayerPlan},
    flatten::{FixedFlatten, FlattenKernel},
    kernel::Kernel,
    lookup::{FixedLookup, IndexedTable, LookupKernel, MAX_TABLE, Table},
    pooling::{FixedPooling2d, Pool, Pooled, PoolingKernel},
    quantize::{By, FixedQuantizer, FormatChoice, QuantizeKernel, SparseQuantizeKernel},
    quotient::Quotient,
    reduce::{Arrival, Condition, FixedReduce, ReduceKernel, Threshold},
    relu::LimitedReluKernel,
    reshape::FixedReshape,
    site::Site,
    softmax::{FixedMaxMinus, FixedNormalize, MaxMinusKernel, NormalizeKernel},
    value::{Elements, Layout, SparseLayout, Value, ValueId},
};
use crate::{
    error::{Code, Error, Result},
    fixed::{Format, MantissaRange},
    manifest::{Knob, Variant},
    network::{Coefficients, Layer, Op, Relu, Shape, SparseShape},
};

/// An op with the formats around it.
#[derive(Debug, Clone)]
pub struct FixedLayer {
    /// The op and its names.
    pub layer: Layer<FixedOp>,
    /// The name of this kind of op in reports and JSON; see [`Op::kind`].
    pub kind: &'static str,
    /// Shape of what goes in.
    pub input_shape: Shape,
    /// What goes in.
    pub input: Values,
    /// What comes out.
    pub output: Values,
}

/// What an op computes, with all that it needs to do it exactly.
#[derive(Debug, Clone)]
pub enum FixedOp {
    /// See [`Op::InputReduce`].
    InputReduce(FixedReduce),
    /// See [`Op::Quantize`].
    Quantize(FixedQuantizer),
    /// See [`Op::SparseConv2d`].
    SparseConv2d(FixedConv2d),
    /// See [`Op::SparseBias`].
    SparseBias(FixedBias),
    /// See [`Op::SparsePooling2d`].
    SparsePooling2d(FixedPooling2d),
    /// See [`Op::SparseFlatten`].
    SparseFlatten(FixedFlatten),
    /// See [`Op::Relu`].
    Relu(Relu),
    /// See [`Op::Dense`].
    Dense(FixedDense),
    /// See [`Op::Affine`].
    Affine(FixedAffine),
    /// See [`Op::MaxMinus`].
    MaxMinus(FixedMaxMinus),
    /// See [`Op::Lookup`].
    Lookup(FixedLookup),
    /// See [`Op::Normalize`].
    Normalize(FixedNormalize),
    /// See [`Op::Reshape`].
    Reshape(FixedReshape),
}

/// What the stages ask of an op that stands between known formats. Each op answers all of it, in its file.
pub trait Rules {
    /// The short answers.
    fn about(&self) -> About<'_>;
    /// What comes out in a step.
    fn gives(&self, plan: &LayerPlan) -> Gives;
    /// Its kernel in numbers, if it works by itself: all arithmetic on bits, shifts and aligned constants.
    ///
    /// # Errors
    /// [`FormatTooWide`](Code::FormatTooWide), and [`Internal`](Code::Internal) if plan and op do not belong to each other.
    fn lower(&self, site: Site<'_>) -> Result<Kernel>;
    /// Adds the operations that its kernel consists of: the formulas of its header in `hls_lib/kernels`, with numbers.
    fn parts(&self, p: &mut Parts<'_>);
}

/// What there is to say of an op in a word. It has no defaults: each op says all of it.
#[derive(Debug)]
pub struct About<'a> {
    /// The sizes that its steps divide.
    pub extent: Extent,
    /// The knobs that it has in the table of its Keras layer. A quantizer has steps and no knobs: it belongs to another
    /// layer, whose knobs are not meant for it.
    pub knobs: &'static [Knob],
    /// The implementations that its Keras layer can choose between.
    pub variants: &'static [Variant],
    /// What sums are held in, if it has sums.
    pub accumulator: Option<Format>,
    /// The weights that reports show.
    pub weights: Option<&'a Coefficients>,
    /// Whether it drops values or puts them elsewhere, and changes none.
    pub moves: bool,
    /// Whether pixels that come in row-major order may leave in another one.
    pub reorders: bool,
}

impl FixedOp {
    /// Its rules.
    pub fn rules(&self) -> &dyn Rules {
        match self {
            Self::InputReduce(op) => op,
            Self::Quantize(op) => op,
            Self::SparseConv2d(op) => op,
            Self::SparseBias(op) => op,
            Self::SparsePooling2d(op) => op,
            Self::SparseFlatten(op) => op,
            Self::Relu(op) => op,
            Self::Dense(op) => op,
            Self::Affine(op) => op,
            Self::MaxMinus(op) => op,
            Self::Lookup(op) => op,
            Self::Normalize(op) => op,
            Self::Reshape(op) => op,
        }
    }
}

impl FixedLayer {
    /// What there is to say of its op.
    pub fn about(&self) -> About<'_> {
        self.rules().about()
    }

    /// The rules of its op.
    pub fn rules(&self) -> &dyn Rules {
        self.layer.op.rules()
    }
}

/// What is known about a value: `mantissa * 2^-fraction / divisor`, and which mantissas can occur.
#[derive(Debug, Clone, PartialEq)]
pub struct Values {
    /// Bits behind the binary point.
    pub fraction: i32,
    /// Odd; not 1 only between a mean over a window that is no power of two and the quantizer after it.
    pub divisor: u64,
    /// For each channel of a sparse value; for the elements of a dense one again and again, as images repeat theirs: see
    /// [`range_at`](Self::range_at).
    pub ranges: Vec<MantissaRange>,
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
    /// What element `at` of a dense value, or of the dense image of a sparse one, can be.
    pub fn range_at(&self, at: usize) -> MantissaRange {
        range_at(&self.ranges, at)
    }

    /// The hull of all ranges.
    pub fn range(&self) -> MantissaRange {
        self.ranges.iter().copied().reduce(MantissaRange::hull).unwrap_or(MantissaRange::ZERO)
    }

    /// The narrowest format that holds all of it.
    pub fn format(&self) -> Format {
        Format::holding(self.range(), self.fraction)
    }

    /// The format as people read it, and what the value is still to be divided by.
    pub fn describe(&self) -> String {
        match self.divisor {
            1 => self.format().to_string(),
            divisor => format!("{}/{divisor}", self.format()),
        }
    }
}

/// Of ranges that repeat, that of element `at`.
pub(crate) fn range_at(ranges: &[MantissaRange], at: usize) -> MantissaRange {
    ranges.get(at % ranges.len().max(1)).copied().unwrap_or(MantissaRange::ZERO)
}

/// After how many elements two things repeat together that repeat after so many.
fn common_period(a: usize, b: usize) -> usize {
    let (mut x, mut y) = (a, b);
    while y > 0 {
        (x, y) = (y, x % y);
    }
    a / x.max(1) * b
}

/// What comes out of a layer, and what its op needs for that: the range rule of each op.
///
/// # Errors
/// Those of the ops; [`Code::Internal`] if an op stands behind a value that it does not work on.
pub fn fix(layer: &Layer, input_shape: &Shape, input: &Values) -> Result<(FixedOp, Values)> {
    fn of<T>(variant: fn(T) -> FixedOp, (op, output): (T, Values)) -> (FixedOp, Values) {
        (variant(op), output)
    }
    let pixels = || sparse(input_shape, &layer.op);
    let made = || sparse(&layer.shape, &layer.op);
    let needs_dense = || dense(input_shape, &layer.op);
    match &layer.op {
        Op::InputReduce { .. } | Op::Dense(_) | Op::Affine { .. } | Op::MaxMinus | Op::Normalize { .. } | Op::Reshape => {
            needs_dense()?
        }
        Op::SparseConv2d(_) | Op::SparseBias(_) | Op::SparsePooling2d(_) | Op::SparseFlatten => drop(pixels()?),
        Op::Quantize(_) | Op::Relu(_) | Op::Lookup(_) => {}
    }
    Ok(match &layer.op {
        Op::InputReduce { threshold } => of(FixedOp::InputReduce, reduce::fix(*threshold, made()?, input)),
        Op::Quantize(quantizer) => of(FixedOp::Quantize, quantize::fix(quantizer, input_shape, input)?),
        Op::SparseConv2d(conv) => of(FixedOp::SparseConv2d, conv2d::fix(conv, pixels()?, input)),
        Op::SparseBias(bias) => of(FixedOp::SparseBias, bias::fix(bias, input)?),
        Op::SparsePooling2d(pooling) => of(FixedOp::SparsePooling2d, pooling::fix(*pooling, pixels()?, made()?, input)),
        Op::SparseFlatten => of(FixedOp::SparseFlatten, flatten::fix(pixels()?, input)),
        Op::Relu(options) => of(FixedOp::Relu, relu::fix(*options, input)?),
        Op::Dense(op) => of(FixedOp::Dense, dense::fix(op, input)?),
        Op::Affine { scale, offset } => of(FixedOp::Affine, affine::fix(scale, offset, input)?),
        Op::MaxMinus => of(FixedOp::MaxMinus, softmax::fix_max_minus(input)),
        Op::Lookup(lookup) => of(FixedOp::Lookup, lookup::fix(lookup, input_shape, input)?),
        Op::Normalize { sum, reciprocal } => {
            of(FixedOp::Normalize, softmax::fix_normalize(sum, reciprocal, input_shape.len(), input)?)
        }
        Op::Reshape => of(FixedOp::Reshape, (FixedReshape, input.clone())),
    })
}

fn sparse(shape: &Shape, op: &Op) -> Result<SparseShape> {
    match shape {
        Shape::Sparse(pixels) => Ok(*pixels),
        Shape::Dense(_) => Err(Error::internal(format!("a {} has a dense value where it needs a sparse one", op.kind()))),
    }
}

fn dense(shape: &Shape, op: &Op) -> Result {
    match shape {
        Shape::Dense(_) => Ok(()),
        Shape::Sparse(_) => Err(Error::internal(format!("a {} has a sparse value where it needs a dense one", op.kind()))),
    }
}

/// The fraction that two addends share, and the shifts that bring them there.
fn align(a: i32, b: i32) -> Result<(i32, u32, u32)> {
    let fraction = a.max(b);
    let (a, b) = ((fraction - a) as u32, (fraction - b) as u32);
    if a.max(b) > 62 {
        return Err(Error::new(Code::FormatTooWide, format!("a sum of values whose binary points are {} bits apart", a.max(b)))
            .help("give the layer an input quantizer, or fewer bits in training"));
    }
    Ok((fraction, a, b))
}
