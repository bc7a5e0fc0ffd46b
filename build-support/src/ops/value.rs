//! Values: what layers read and write.

use super::{FixedLayer, FixedOp};
use crate::{
    error::{Error, Result},
    fixed::{Format, MantissaRange, bits_for},
    network::{Shape, SparseShape},
};

/// Names a value of a [`Design`](crate::lower::Design).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ValueId(pub usize);

/// A value: `mantissa * 2^-fraction / divisor` for each of its elements.
#[derive(Debug, Clone, PartialEq)]
pub struct Value {
    /// How its elements lie.
    pub layout: Layout,
    /// The format of every mantissa: the narrowest that holds all that can occur.
    pub format: Format,
    /// What is still to be divided by; 1 but between a mean and the quantizer after it.
    pub divisor: u64,
    /// The mantissas that can occur in each channel of a sparse value; in the elements of a dense one again and again.
    pub ranges: Vec<MantissaRange>,
}

/// How the elements of a value lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Layout {
    /// Slots with features and coordinates.
    Sparse(SparseLayout),
    /// An array, row-major.
    Dense(Vec<usize>),
}

/// A sparse value: `slots` pixels, each with `channels` features and, beside them, its row and column, which count from 1; an
/// empty slot has the coordinates (0, 0). Coordinates are part of the value, since features mean nothing without them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SparseLayout {
    /// Slots, image and channels.
    pub shape: SparseShape,
    /// Bits of a row or column, without a sign.
    pub coordinate_bits: u32,
    /// Whether the active pixels stand in the slots in row-major order, without a gap.
    pub is_ordered: bool,
}

/// What a kernel that works on each element by itself goes over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Elements {
    /// The features of a sparse value; its coordinates pass unchanged.
    Sparse(SparseShape),
    /// So many elements.
    Dense(usize),
}

impl Value {
    /// What `fixed` makes of `input`.
    pub(crate) fn of(fixed: &FixedLayer, input: &Self) -> Result<Self> {
        let layout = match &fixed.layer.shape {
            Shape::Sparse(shape) => Layout::Sparse(SparseLayout {
                shape: *shape,
                coordinate_bits: bits_for(shape.height.max(shape.width)),
                is_ordered: match (&fixed.layer.op, &input.layout) {
                    (FixedOp::InputReduce(_), _) => true,
                    (op, Layout::Sparse(before)) => before.is_ordered && !op.rules().about().reorders,
                    (_, Layout::Dense(_)) => return Err(Error::internal("a sparse value is made of a dense one")),
                },
            }),
            Shape::Dense(shape) => Layout::Dense(shape.clone()),
        };
        let output = &fixed.output;
        Ok(Self { layout, format: output.format(), divisor: output.divisor, ranges: output.ranges.clone() })
    }

    /// The mantissas that can occur in element `at` of a dense value.
    pub fn range_at(&self, at: usize) -> MantissaRange {
        super::range_at(&self.ranges, at)
    }

    /// The mantissas that can occur in any element.
    pub(crate) fn range(&self) -> MantissaRange {
        self.ranges.iter().copied().reduce(MantissaRange::hull).unwrap_or(MantissaRange::ZERO)
    }

    /// Its elements; the features of a sparse value.
    pub fn size(&self) -> usize {
        match &self.layout {
            Layout::Sparse(SparseLayout { shape, .. }) => shape.slots * shape.channels,
            Layout::Dense(shape) => shape.iter().product(),
        }
    }

    /// What a kernel goes over that works on each element by itself.
    pub(super) fn elements(&self) -> Elements {
        match &self.layout {
            Layout::Sparse(layout) => Elements::Sparse(layout.shape),
            Layout::Dense(_) => Elements::Dense(self.size()),
        }
    }

    /// The layout of a value that must be sparse.
    pub(super) fn sparse(&self) -> Result<SparseLayout> {
        match &self.layout {
            Layout::Sparse(layout) => Ok(*layout),
            Layout::Dense(_) => Err(Error::internal("a kernel for sparse values gets a dense one")),
        }
    }
}
