//! The first active pixels of an image.

mod compact;
mod rows;
mod search;
mod whole;

pub(in crate::circuit) use self::{rows::rows, whole::whole};

use crate::{
    circuit::{Circuit, Net},
    fixed::MantissaRange,
    ops::{Condition, ReduceKernel},
};

/// A pixel on its way to a slot: its features and its column, from 1, and, if rows come together, its row among them.
type Word = Vec<Net>;

/// Whether a pixel with these features is active
fn is_active(c: &mut Circuit, kernel: &ReduceKernel, pixel: &[Net]) -> Net {
    let Some(first) = pixel.first() else { return c.constant(0) };
    match kernel.active {
        Condition::NotZero => {
            let zero = c.is(*first, 0);
            c.not(zero)
        }
        Condition::Above { least: Some(least), .. } => {
            let least = c.constant(least);
            c.at_least(*first, least)
        }
        Condition::Above { least: None, .. } => c.constant(0),
    }
}

/// `count`, but not more than `most`
fn at_most(c: &mut Circuit, count: Net, most: usize) -> Net {
    let most = c.constant(most as i128);
    let range = MantissaRange { lo: 0, hi: c.range(most).hi.min(c.range(count).hi) };
    let is_more = c.less(most, count);
    let count = c.select(is_more, most, count);
    c.narrow(count, range)
}

/// Bits of a number below `count`
fn bits(count: usize) -> u32 {
    crate::fixed::bits_for(count.saturating_sub(1)).max(1)
}
