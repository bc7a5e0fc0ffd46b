//! An image that comes all at once. Each slot looks for its row, by how many pixels are active up to there, and then for its
//! column within the row. For many slots the rows that have an active pixel are moved together first, so that there are fewer to
//! choose from.

use super::{
    at_most,
    compact::{Item, Moved, compact, multiplexers},
    is_active,
    search::nth,
};
use crate::{
    circuit::{
        Circuit, Net, by_index,
        stream::{Flow, Pixels, Slot},
    },
    fixed::{MantissaRange, bits_for},
    ops::ReduceKernel,
};

/// A row of an image that stands still while slots are filled.
struct Row {
    elements: Vec<Net>,
    /// The active pixels of the image up to here, counted up to the number of slots. Behind the last row with an active pixel it
    /// may be anything.
    count: Net,
    /// Where it stands in the image, from 1. Rows that nothing has moved have the number of their place.
    number: Option<Net>,
    /// Whether there is an active pixel in it; it is so of all rows if nothing has moved them.
    is_there: Option<Net>,
}

/// What slots are filled from.
struct Image {
    rows: Vec<Row>,
    /// All active pixels, counted up to the number of slots.
    count: Net,
}

/// The elements of an image, row-major, come when `valid` is 1, and `lanes` slots are filled in a cycle.
///
/// Cost of a lane: a multiplexer over the rows for every bit of a row. Where many slots are filled at once, those rows that have an
/// active pixel are moved together before that, which takes three multiplexers of four for each bit of the image.
pub(in crate::circuit) fn whole(c: &mut Circuit, kernel: &ReduceKernel, valid: Net, elements: &[Net], lanes: usize) -> Pixels {
    let (shape, lanes) = (kernel.shape, lanes.min(kernel.shape.slots));
    let mut image = image(c, kernel, elements);
    if is_worth_moving(shape.height, shape.slots, lanes) {
        image.rows = moved_together(c, image.rows, shape.slots);
    }
    if lanes == shape.slots {
        let slots = (0..shape.slots).map(|at| {
            let number = c.constant(at as i128);
            // As all rows that have been moved have a pixel, it is in one of the first.
            let rows = if image.rows[0].is_there.is_some() { &image.rows[..image.rows.len().min(at + 1)] } else { &image.rows };
            slot(c, kernel, rows, image.count, number)
        });
        return Pixels { slots: slots.collect(), flow: Flow::Whole(valid), places: Vec::new(), is_settled: true, updates: None };
    }
    in_turns(c, kernel, valid, &image, lanes)
}

/// Whether it saves multiplexers to move rows together before `lanes` slots are filled at a time.
fn is_worth_moving(rows: usize, slots: usize, lanes: usize) -> bool {
    // A multiplexer of four leaves a word of four: a third of the words, about.
    let choice = |words: usize| words.saturating_sub(1).div_ceil(3);
    let after: usize =
        if lanes == slots { (1..=slots).map(|at| choice(at.min(rows))).sum() } else { lanes * choice(slots.min(rows)) };
    multiplexers(rows, slots.min(rows)) + after < lanes * choice(rows)
}

/// Those rows first that have an active pixel, so many of them as there are slots.
fn moved_together(c: &mut Circuit, rows: Vec<Row>, slots: usize) -> Vec<Row> {
    let most = slots.min(rows.len());
    let zero = c.constant(0);
    let before = [zero].into_iter().chain(rows.iter().map(|row| row.count)).collect::<Vec<_>>();
    let items = rows.into_iter().zip(before).map(|(row, before)| {
        // Behind the last slot there may be a row that counts no further: nobody looks for it.
        let same = c.equal(before, row.count);
        Item { active: c.not(same), words: row.elements.into_iter().chain([row.count]).collect() }
    });
    let items = items.collect();
    let (moved, _) = compact(c, items, most);
    let row = |moved: Moved| {
        let (count, elements) = moved.words.split_last()?;
        Some(Row { elements: elements.to_vec(), count: *count, number: Some(moved.place), is_there: Some(moved.active) })
    };
    moved.into_iter().filter_map(row).collect()
}

fn in_turns(c: &mut Circuit, kernel: &ReduceKernel, valid: Net, image: &Image, lanes: usize) -> Pixels {
    let shape = kernel.shape;
    // The turns begin a token later: a choice between what comes and what is held would cost as much as the image has bits.
    let begin = c.control(MantissaRange { lo: 0, hi: 1 }, 0);
    c.leave(begin, valid);
    let mut held = |row: &Row| Row {
        elements: row.elements.iter().map(|element| c.keep(valid, *element)).collect(),
        count: c.keep(valid, row.count),
        number: row.number.map(|number| c.keep(valid, number)),
        is_there: row.is_there.map(|is_there| c.keep(valid, is_there)),
    };
    let rows: Vec<_> = image.rows.iter().map(&mut held).collect();
    let count = c.keep(valid, image.count);
    let (turns, _, _) = c.turns(begin, shape.slots.div_ceil(lanes), 1);
    let base = c.times(turns.turn, lanes as i128);
    let filled: Vec<_> = (0..lanes)
        .map(|lane| {
            let lane = c.constant(lane as i128);
            let at = c.add(base, lane);
            slot(c, kernel, &rows, count, at).words()
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
    let rows: Vec<&[Net]> = elements.chunks(shape.width * shape.channels).collect();
    let mut counts: Vec<_> = rows
        .iter()
        .map(|row| {
            let active: Vec<_> = row.chunks(shape.channels).map(|pixel| is_active(c, kernel, pixel)).collect();
            let count = c.count(&active);
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
    let count = counts.last().copied().unwrap_or_else(|| c.constant(0));
    let row = |(elements, count): (&[Net], Net)| Row { elements: elements.to_vec(), count, number: None, is_there: None };
    Image { rows: rows.into_iter().zip(counts).map(row).collect(), count }
}

/// Slot number `at`, of the first `count` of which there are pixels.
fn slot(c: &mut Circuit, kernel: &ReduceKernel, rows: &[Row], count: Net, at: Net) -> Slot {
    let shape = kernel.shape;
    // It is in the first row up to which more pixels are active than slots stand before it.
    let ends: Vec<_> = rows
        .iter()
        .map(|row| {
            let ends = c.at_least(at, row.count);
            row.is_there.map_or(ends, |is_there| c.all([is_there, ends]))
        })
        .collect();
    let index = first_zero(c, &ends);
    let (zero, one) = (c.constant(0), c.constant(1));
    let before: Vec<_> = [zero].into_iter().chain(rows.iter().map(|row| row.count)).take(rows.len()).collect();
    let before = by_index(c, index, &before);
    let line: Vec<_> = (0..shape.width * shape.channels)
        .map(|element| by_index(c, index, &rows.iter().map(|row| row.elements[element]).collect::<Vec<_>>()))
        .collect();
    let active: Vec<_> = line.chunks(shape.channels).map(|pixel| is_active(c, kernel, pixel)).collect();
    // It is that of the slot where the slot is filled, and there it is one of a pixel of the line.
    let rank = c.subtract(at, before);
    let rank = c.bits(rank, 0, bits_for(shape.slots.min(shape.width) - 1));
    let pixels: Vec<_> = line.chunks(shape.channels).collect();
    let (column, features) = nth(c, &active, &pixels, rank);
    let is_filled = c.less(at, count);
    let features = features.into_iter().map(|feature| c.gate(is_filled, feature)).collect();
    let numbers: Option<Vec<_>> = rows.iter().map(|row| row.number).collect();
    let row = match numbers {
        Some(numbers) => by_index(c, index, &numbers),
        None => c.add(index, one),
    };
    let column = c.add(column, one);
    let [row, column] = [(row, shape.height), (column, shape.width)].map(|(place, size)| {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        circuit::kernels::testing::{Random, Running},
        network::SparseShape,
        ops::{Arrival, Condition},
    };

    /// The features, the row and the column of the first active pixels; zeros in slots that are left.
    fn expected(kernel: &ReduceKernel, image: &[i128]) -> Vec<Vec<i128>> {
        let SparseShape { width, channels, slots, .. } = kernel.shape;
        let place = |at: usize| [(at / width) as i128 + 1, (at % width) as i128 + 1];
        let pixels = image.chunks(channels).enumerate().filter(|(_, pixel)| pixel[0] != 0);
        let filled = pixels.map(|(at, pixel)| [pixel, place(at).as_slice()].concat());
        filled.chain(std::iter::repeat(vec![0; channels + 2])).take(slots).collect()
    }

    /// Gives images with none, few, many and only active pixels, one behind the other.
    fn check(random: &mut Random, shape: SparseShape, lanes: usize) {
        let arrival = Arrival::Whole { pixels_per_cycle: lanes, row_bits: 1 };
        let kernel = ReduceKernel { shape, active: Condition::NotZero, count_bits: 1, rank_bits: 1, column_bits: 1, arrival };
        let mut c = Circuit::default();
        let valid = c.input("valid", MantissaRange { lo: 0, hi: 1 });
        let size = shape.height * shape.width * shape.channels;
        let elements: Vec<_> = (0..size).map(|_| c.input("x", MantissaRange { lo: 0, hi: 15 })).collect();
        let pixels = whole(&mut c, &kernel, valid, &elements, lanes);
        let Flow::Whole(done) = pixels.flow else { unreachable!("it is put together at the end") };
        let words: Vec<Vec<Net>> = pixels.slots.iter().map(Slot::words).collect();
        words.iter().flatten().chain([&done]).for_each(|net| c.output("y", *net));
        let mut running = Running::new(&c);
        for percent in [0, 5, 30, 100] {
            let mut pixel = |_| if random.between(1, 100) > percent { 0 } else { random.between(1, 15) };
            let image: Vec<_> = (0..size).map(&mut pixel).collect();
            let mut input = [&[1], image.as_slice()].concat();
            let found = (0..=shape.slots.div_ceil(lanes)).find_map(|_| {
                let values = running.token(&input).to_vec();
                input.fill(0);
                let slot = |slot: &Vec<Net>| slot.iter().map(|net| values[net.index()]).collect();
                (values[done.index()] == 1).then(|| words.iter().map(slot).collect::<Vec<Vec<_>>>())
            });
            assert_eq!(found, Some(expected(&kernel, &image)), "{shape:?}, {lanes} slots at a time, {percent} %");
        }
    }

    #[test]
    fn slots_have_the_first_active_pixels_whether_rows_move_or_not() {
        let mut moved = [0, 0];
        for seed in 0..40 {
            let mut random = Random::new(seed);
            let (height, slots) = random.of(&[(1, 2), (5, 3), (7, 16), (16, 16), (21, 20), (30, 6)]);
            let [width, channels] = [random.of(&[1, 3, 4, 9, 17]), random.of(&[1, 2])];
            let shape = SparseShape { height, width, channels, slots };
            let lanes = random.of(&[slots, slots, slots.div_ceil(2), 1]);
            moved[usize::from(is_worth_moving(height, slots, lanes))] += 1;
            check(&mut random, shape, lanes);
        }
        assert!(moved[0] > 5 && moved[1] > 5, "{moved:?}");
    }
}
