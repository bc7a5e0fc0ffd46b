//! An image that comes all at once. Each slot looks for its row, by how many pixels are active up to there, and then for its
//! column within the row.

use super::{at_most, is_active};
use crate::{
    circuit::{
        Circuit, Net, by_index,
        stream::{Flow, Pixels, Slot},
    },
    fixed::{MantissaRange, bits_for},
    ops::ReduceKernel,
};

/// An image that stands still while slots are filled.
struct Image {
    /// Its rows, each with its elements.
    rows: Vec<Vec<Net>>,
    /// The active pixels up to each row, counted up to the number of slots.
    counts: Vec<Net>,
}

/// The elements of an image, row-major, come when `valid` is 1, and `lanes` slots are filled in a cycle.
///
/// Cost of a lane: a multiplexer over all rows for every bit of a row, which is a third of the image's bits.
pub(in crate::circuit) fn whole(c: &mut Circuit, kernel: &ReduceKernel, valid: Net, elements: &[Net], lanes: usize) -> Pixels {
    let shape = kernel.shape;
    let image = image(c, kernel, elements);
    if lanes >= shape.slots {
        let slots = (0..shape.slots)
            .map(|at| {
                let at = c.constant(at as i128);
                slot(c, kernel, &image, at)
            })
            .collect();
        return Pixels { slots, flow: Flow::Whole(valid), places: Vec::new(), is_settled: true, updates: None };
    }
    // The turns begin a token later: a choice between what comes and what is held would cost as much as the image has bits.
    let begin = c.control(MantissaRange { lo: 0, hi: 1 }, 0);
    c.leave(begin, valid);
    let rows = image.rows.iter().map(|row| row.iter().map(|element| c.keep(valid, *element)).collect()).collect();
    let image = Image { rows, counts: image.counts.iter().map(|count| c.keep(valid, *count)).collect() };
    let (turns, _, _) = c.turns(begin, shape.slots.div_ceil(lanes), 1);
    let base = c.times(turns.turn, lanes as i128);
    let filled: Vec<_> = (0..lanes)
        .map(|lane| {
            let lane = c.constant(lane as i128);
            let at = c.add(base, lane);
            slot(c, kernel, &image, at).words()
        })
        .collect();
    let parts: Vec<Vec<Net>> = (0..shape.channels + 2)
        .map(|part| {
            let lanes: Vec<_> = filled.iter().map(|slot| slot[part]).collect();
            c.collect(&turns, &lanes, shape.slots)
        })
        .collect();
    let slots = (0..shape.slots).filter_map(|at| Slot::of(&parts.iter().map(|part| part[at]).collect::<Vec<_>>())).collect();
    Pixels { slots, flow: Flow::Whole(turns.last), places: Vec::new(), is_settled: false, updates: None }
}

fn image(c: &mut Circuit, kernel: &ReduceKernel, elements: &[Net]) -> Image {
    let shape = kernel.shape;
    let rows: Vec<Vec<Net>> = elements.chunks(shape.width * shape.channels).map(<[Net]>::to_vec).collect();
    let mut counts: Vec<_> = rows
        .iter()
        .map(|row| {
            let active: Vec<_> = row.chunks(shape.channels).map(|pixel| is_active(c, kernel, pixel)).collect();
            let count = c.sum(&active);
            at_most(c, count, shape.slots)
        })
        .collect();
    let mut reach = 1;
    while reach < counts.len() {
        for at in (0..counts.len()).filter(|at| at & reach != 0) {
            let sum = c.add(counts[at / reach * reach - 1], counts[at]);
            counts[at] = at_most(c, sum, shape.slots);
        }
        reach *= 2;
    }
    Image { rows, counts }
}

/// Slot number `at`
fn slot(c: &mut Circuit, kernel: &ReduceKernel, image: &Image, at: Net) -> Slot {
    let shape = kernel.shape;
    // It is in the first row up to which more pixels are active than slots stand before it.
    let ends: Vec<_> = image.counts.iter().map(|count| c.at_least(at, *count)).collect();
    let row = first_zero(c, &ends);
    let zero = c.constant(0);
    let before: Vec<_> = [zero].iter().chain(&image.counts).take(image.rows.len()).copied().collect();
    let before = by_index(c, row, &before);
    let line: Vec<_> = (0..shape.width * shape.channels)
        .map(|element| by_index(c, row, &image.rows.iter().map(|row| row[element]).collect::<Vec<_>>()))
        .collect();
    let active: Vec<_> = line.chunks(shape.channels).map(|pixel| is_active(c, kernel, pixel)).collect();
    let ranks = c.prefix_counts(&active);
    // Not negative where the slot is filled.
    let rank = c.subtract(at, before);
    let passed: Vec<_> = ranks.iter().map(|upto| c.at_least(rank, *upto)).collect();
    let column = first_zero(c, &passed);
    let is_filled = ends.last().map_or(zero, |last| c.not(*last));
    let one = c.constant(1);
    let features = (0..shape.channels)
        .map(|channel| {
            let elements: Vec<_> = line.iter().skip(channel).step_by(shape.channels).copied().collect();
            let feature = by_index(c, column, &elements);
            c.gate(is_filled, feature)
        })
        .collect();
    let [row, column] = [(row, shape.height), (column, shape.width)].map(|(at, size)| {
        let place = c.add(at, one);
        let place = c.gate(is_filled, place);
        // Of a slot that is not filled there may be anything in front of the gate.
        let place = c.bits(place, 0, bits_for(size));
        c.narrow(place, MantissaRange { lo: 0, hi: size as i128 })
    });
    Slot { features, row, column }
}

/// The index of the first 0 of bits that are 1 up to some place; if all are 1, it does not matter
fn first_zero(c: &mut Circuit, ones: &[Net]) -> Net {
    let width = bits_for(ones.len().saturating_sub(1));
    let zero = c.constant(0);
    // The highest bit first: which half the place is in.
    let mut found: Vec<(Net, u32)> = Vec::new();
    for bit in (0..width).rev() {
        let ends: Vec<_> = (0..1usize << found.len())
            .map(|high| ones.get((high << (bit + 1)) + (1 << bit) - 1).copied().unwrap_or(zero))
            .collect();
        let high = if found.is_empty() { c.constant(0) } else { c.join(&found) };
        let is_upper = by_index(c, high, &ends);
        found.push((is_upper, 1));
    }
    c.join(&found)
}
