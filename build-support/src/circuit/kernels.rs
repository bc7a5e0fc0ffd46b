//! The circuit of each kernel: what a layer's numbers become.
//!
//! A kernel works on a [`Stream`](super::stream::Stream): on all of a value at once, or in turns. In turns there are two ways to
//! divide the pairs of slots that meet each other. *Input by input*, every output slot has an accumulator, and the slots of a turn
//! are added to all of them: the result is there at once, behind the last turn. *Output by output*, all inputs stand still, and
//! the output slots of a turn are finished: the result comes in turns. After one way the other fits without a wait.
//!
//! What works on each element by itself works on its word, at a [`Place`].

pub(super) mod convolution;
pub(super) mod dense;
pub(super) mod elementwise;
pub(super) mod flatten;
mod linear;
pub(super) mod look_up_dense;
mod place;
pub(super) mod pooling;
pub(super) mod quantize;
pub(super) mod reduce;
mod round;
pub(super) mod softmax;
#[cfg(test)]
mod testing;

pub use self::place::Place;
use crate::ops::Value;

/// The values before and behind a kernel.
#[derive(Debug, Clone, Copy)]
pub struct Around<'a> {
    /// What goes in.
    pub input: &'a Value,
    /// What comes out.
    pub output: &'a Value,
}
