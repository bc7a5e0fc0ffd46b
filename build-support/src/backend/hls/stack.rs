//! How much stack the simulation needs.
//!
//! In hardware every array of the C++ is wires or registers, so they are all local: on a host they lie on the stack, and those of
//! a large image do not fit on one of a few megabytes. Such a network is computed in a thread of its own, whose stack is large
//! enough; the text that the vendor's tool sees stays as it is.

use crate::{
    lower::{Design, Work},
    ops::Kernel,
};

/// What is left to the thread of the caller, in bytes: half of what Rust gives a thread.
const SMALL: u64 = 1 << 20;

/// An element of an array takes so many bytes at most.
const ELEMENT: u64 = 16;

/// Copies of an array that are alive at once: what goes in, what comes out, and two that a compiler may keep between.
const COPIES: u64 = 4;

/// The bytes of the stack that the simulation of `design` needs, if a usual one may be too small.
pub(super) fn large(design: &Design) -> Option<u64> {
    let values = design.values.iter().map(|value| value.size() as u64);
    let inside = design.layers.iter().map(|layer| match &layer.work {
        Work::Kernel(kernel) => temporaries(kernel),
        _ => 0,
    });
    let elements = values.chain(inside).fold(0, u64::saturating_add);
    let bytes = elements.saturating_mul(ELEMENT);
    (bytes > SMALL).then(|| bytes.saturating_mul(COPIES).saturating_add(SMALL).next_multiple_of(1 << 16))
}

/// Elements of the arrays inside a kernel that are larger than those that it reads and writes.
fn temporaries(kernel: &Kernel) -> u64 {
    let sizes: &[usize] = match kernel {
        Kernel::Conv2d(conv) => {
            let [rows, columns] = conv.kernel;
            &[rows * columns * conv.channels_per_cycle, conv.shape.slots + conv.filters_per_cycle]
        }
        Kernel::Dense(dense) => &[dense.inputs_per_cycle],
        Kernel::LookUpDense(dense) => &[dense.pixels_per_cycle, dense.shape.channels, dense.outputs_per_cycle],
        Kernel::Pooling2d(pooling) => &[pooling.shape.slots, pooling.shape.channels],
        _ => &[],
    };
    if sizes.is_empty() { 0 } else { sizes.iter().fold(1, |product: u64, &size| product.saturating_mul(size as u64)) }
}
