//! From slots to a dense image.

use crate::{
    circuit::{
        Circuit, Net,
        stream::{Elements, Flow, Pixels},
    },
    fixed::MantissaRange,
    ops::{FlattenKernel, Value},
};

/// Puts each active pixel in its place. `ranges` has those of the image, or of the channels that it repeats.
///
/// Cost: for every element a choice among all slots; in turns among those of a turn, and a register.
pub(in crate::circuit) fn scatter(c: &mut Circuit, kernel: &FlattenKernel, ranges: &Value, input: &Pixels) -> Elements {
    let shape = kernel.shape;
    let hits: Vec<[Vec<Net>; 2]> = input
        .slots
        .iter()
        .map(|slot| {
            let mut decode = |at: Net, size: usize| (1..=size).map(|place| c.is(at, place as i128)).collect();
            [decode(slot.row, shape.height), decode(slot.column, shape.width)]
        })
        .collect();
    let turns = match input.flow {
        Flow::Whole(_) => None,
        Flow::Turns(turns) => Some(turns),
    };
    let mut values = Vec::with_capacity(shape.height * shape.width * shape.channels);
    for (row, column) in (0..shape.height).flat_map(|row| (0..shape.width).map(move |column| (row, column))) {
        let here: Vec<_> = hits.iter().map(|[rows, columns]| c.all([rows[row], columns[column], input.flow.act()])).collect();
        for channel in 0..shape.channels {
            let pairs: Vec<_> = here.iter().zip(&input.slots).map(|(here, slot)| (*here, slot.features[channel])).collect();
            let element = c.one_of(&pairs);
            let range = ranges.range_at(values.len()).hull(MantissaRange::ZERO);
            let element = c.narrow(element, range);
            values.push(match turns {
                None => element,
                Some(turns) => {
                    let kept = c.control(range, 0);
                    let comes = c.any(here.iter().copied());
                    let now = c.select(comes, element, kept);
                    let now = c.narrow(now, range);
                    let goes_on = c.not(turns.last);
                    let next = c.gate(goes_on, now);
                    let enable = c.any([comes, turns.last]);
                    c.leave_if(kept, enable, next);
                    now
                }
            });
        }
    }
    let valid = match input.flow {
        Flow::Whole(valid) => valid,
        Flow::Turns(turns) => turns.last,
    };
    Elements { values, valid }
}
