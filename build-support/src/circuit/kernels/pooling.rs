//! Pooling: the slots of a cell become one, in the place of the first of them.

use crate::{
    circuit::{
        Circuit, Net,
        stream::{Flow, InTurns, Pixels, Slot},
    },
    fixed::{MantissaRange, bits_for},
    ops::{Pool, PoolingKernel, Value},
};

/// A pooling with what comes out of it.
#[derive(Debug, Clone, Copy)]
pub(in crate::circuit) struct Pooling<'a> {
    pub(in crate::circuit) kernel: &'a PoolingKernel,
    pub(in crate::circuit) output: &'a Value,
}

impl Pooling<'_> {
    /// Whether [`Self::by_input`] can be used: a running maximum has nothing to begin with below zero.
    pub(in crate::circuit) fn has_by_input(&self) -> bool {
        match self.kernel.pool {
            Pool::Sum { .. } => true,
            Pool::Largest { least, .. } => least >= 0,
        }
    }

    fn range(&self, channel: usize) -> MantissaRange {
        self.output.ranges.get(channel).copied().unwrap_or(MantissaRange::ZERO).hull(MantissaRange::ZERO)
    }

    /// All slots at once.
    ///
    /// Cost: a comparison for every pair of slots, and a sum or maximum for each slot.
    pub(in crate::circuit) fn whole(&self, c: &mut Circuit, input: &Pixels) -> Pixels {
        let cells: Vec<_> = input.slots.iter().map(|slot| self.cell(c, [slot.row, slot.column])).collect();
        let keys: Vec<_> = cells.iter().map(|cell| self.key(c, *cell)).collect();
        let slots = (0..cells.len()).map(|at| {
            let same: Vec<_> = keys.iter().map(|key| c.equal(keys[at], *key)).collect();
            let is_behind = c.any(same[..at].iter().copied());
            let leads = self.leads(c, keys[at], is_behind);
            // A slot that leads has none of its cell before it.
            let together: Vec<_> = (at..cells.len()).map(|other| (same[other], &input.slots[other])).collect();
            self.pooled(c, &together, cells[at], leads)
        });
        Pixels { slots: slots.collect(), flow: input.flow, places: Vec::new(), is_settled: true }
    }

    /// Output by output: the inputs, which are there at once when `valid` is 1, stand still, and the slots of a turn are pooled.
    ///
    /// Cost: a comparison with every slot, and a sum or maximum, for each slot of a turn.
    pub(in crate::circuit) fn by_output(&self, c: &mut Circuit, input: &[Slot], valid: Net) -> Pixels {
        let lanes = self.kernel.pixels_per_cycle;
        let still: Vec<_> = input
            .iter()
            .map(|slot| Slot { features: slot.features.iter().map(|feature| c.hold(valid, *feature)).collect(), ..slot.clone() })
            .collect();
        let cells: Vec<_> = input
            .iter()
            .map(|slot| {
                let [row, column] = self.cell(c, [slot.row, slot.column]);
                Slot { features: Vec::new(), row, column }
            })
            .collect();
        let InTurns { pixels, turns, .. } = c.in_turns(&cells, valid, lanes, 1);
        let keys: Vec<_> = pixels.places.iter().map(|place| self.key(c, *place)).collect();
        let slots = pixels.slots.iter().enumerate().map(|(lane, head)| {
            let key = self.key(c, [head.row, head.column]);
            let same: Vec<_> = keys.iter().map(|other| c.equal(key, *other)).collect();
            let is_behind = self.is_behind(c, &same, turns.turn, lane, lanes);
            let leads = self.leads(c, key, is_behind);
            let together: Vec<_> = same.into_iter().zip(&still).collect();
            self.pooled(c, &together, [head.row, head.column], leads)
        });
        Pixels { slots: slots.collect(), flow: pixels.flow, places: pixels.places, is_settled: false }
    }

    /// Input by input: every slot has a sum or maximum, to which those slots of a turn are added that are in its cell. The result
    /// is there at once, in the last turn.
    ///
    /// Cost: a comparison of every slot with each of a turn, and an accumulator for every slot.
    pub(in crate::circuit) fn by_input(&self, c: &mut Circuit, input: &InTurns) -> Pixels {
        let (turns, slots) = (&input.turns, &input.pixels.slots);
        let cells: Vec<_> = input.pixels.places.iter().map(|place| self.cell(c, *place)).collect();
        let keys: Vec<_> = cells.iter().map(|cell| self.key(c, *cell)).collect();
        let lanes: Vec<_> = slots
            .iter()
            .map(|slot| {
                let cell = self.cell(c, [slot.row, slot.column]);
                self.key(c, cell)
            })
            .collect();
        let same: Vec<Vec<_>> = lanes.iter().map(|lane| keys.iter().map(|key| c.equal(*lane, *key)).collect()).collect();
        let leads: Vec<_> = (0..lanes.len())
            .map(|lane| {
                let is_behind = self.is_behind(c, &same[lane], turns.turn, lane, lanes.len());
                self.leads(c, lanes[lane], is_behind)
            })
            .collect();
        let leads = c.collect(turns, &leads, keys.len());
        let pooled = (0..keys.len()).map(|at| {
            let together: Vec<_> = same.iter().zip(slots).map(|(same, slot)| (c.all([turns.act, same[at]]), slot)).collect();
            let features: Vec<_> =
                (0..self.kernel.shape.channels).map(|channel| self.accumulated(c, &together, channel, input)).collect();
            self.gated(c, &features, cells[at], leads[at])
        });
        Pixels { slots: pooled.collect(), flow: Flow::Whole(turns.last), places: Vec::new(), is_settled: true }
    }

    /// Row and column of the cell of a pixel, from 1; (0, 0) for none, and for a pixel that no whole cell has.
    fn cell(&self, c: &mut Circuit, [row, column]: [Net; 2]) -> [Net; 2] {
        let [rows, columns] = self.kernel.cells;
        let [height, width] = self.kernel.window;
        let mut divide = |at: Net, size: usize, cells: usize| {
            let largest = usize::try_from(c.range(at).hi).unwrap_or(0);
            let cell = |at: usize| at.checked_sub(1).map_or(0, |at| at / size + 1);
            let table: Vec<_> = (0..=largest).map(|at| if cell(at) > cells { 0 } else { cell(at) as i128 }).collect();
            (c.look_up(&table, at), (1..=largest).any(|at| cell(at) > cells))
        };
        let ((row, drops_rows), (column, drops_columns)) = (divide(row, height, rows), divide(column, width, columns));
        if !drops_rows && !drops_columns {
            return [row, column];
        }
        let (is_above, is_left) = (c.is(row, 0), c.is(column, 0));
        let (has_row, has_column) = (c.not(is_above), c.not(is_left));
        [c.gate(has_column, row), c.gate(has_row, column)]
    }

    /// The cell as one word.
    fn key(&self, c: &mut Circuit, [row, column]: [Net; 2]) -> Net {
        let [rows, columns] = self.kernel.cells;
        c.join(&[(row, bits_for(rows)), (column, bits_for(columns))])
    }

    /// Whether a slot stands for its cell: it has one, and no slot before it is in it.
    fn leads(&self, c: &mut Circuit, key: Net, is_behind: Net) -> Net {
        let none = c.is(key, 0);
        let none = c.any([none, is_behind]);
        c.not(none)
    }

    /// Whether a slot of a turn has one of its cell before it; `same` says which are of its cell.
    fn is_behind(&self, c: &mut Circuit, same: &[Net], turn: Net, lane: usize, lanes: usize) -> Net {
        let before: Vec<_> = same
            .iter()
            .enumerate()
            .map(|(at, same)| {
                // Slot `turn * lanes + lane` is behind slot `at`.
                let first = (at + lanes - lane) / lanes;
                let first = c.constant(first as i128);
                let is_later = c.at_least(turn, first);
                c.all([*same, is_later])
            })
            .collect();
        c.any(before)
    }

    /// The slot of the cell in which `together` are.
    fn pooled(&self, c: &mut Circuit, together: &[(Net, &Slot)], cell: [Net; 2], leads: Net) -> Slot {
        let features: Vec<_> = (0..self.kernel.shape.channels).map(|channel| self.of_channel(c, together, channel)).collect();
        self.gated(c, &features, cell, leads)
    }

    fn gated(&self, c: &mut Circuit, features: &[Net], [row, column]: [Net; 2], leads: Net) -> Slot {
        let features = features.iter().enumerate().map(|(channel, feature)| {
            let feature = c.gate(leads, *feature);
            c.narrow(feature, self.range(channel))
        });
        Slot { features: features.collect(), row: c.gate(leads, row), column: c.gate(leads, column) }
    }

    fn of_channel(&self, c: &mut Circuit, together: &[(Net, &Slot)], channel: usize) -> Net {
        match self.kernel.pool {
            Pool::Sum { .. } => {
                let terms: Vec<_> = together.iter().map(|(is_in, slot)| c.gate(*is_in, slot.features[channel])).collect();
                c.sum(&terms)
            }
            Pool::Largest { least, .. } if least >= 0 => {
                let terms: Vec<_> = together.iter().map(|(is_in, slot)| c.gate(*is_in, slot.features[channel])).collect();
                c.largest(&terms).unwrap_or_else(|| c.constant(0))
            }
            Pool::Largest { least, .. } => {
                let least = c.constant(least);
                let terms: Vec<_> =
                    together.iter().map(|(is_in, slot)| c.select(*is_in, slot.features[channel], least)).collect();
                let largest = c.largest(&terms).unwrap_or(least);
                // A pixel that is not active counts as 0, so that only a full window has a negative maximum.
                let bits: Vec<_> = together.iter().map(|(is_in, _)| *is_in).collect();
                let count = c.sum(&bits);
                let is_full = c.is(count, self.kernel.window.iter().product::<usize>() as i128);
                let not_negative = c.positive(largest);
                c.select(is_full, largest, not_negative)
            }
        }
    }

    /// The sum or maximum over the turns, as of this token.
    fn accumulated(&self, c: &mut Circuit, together: &[(Net, &Slot)], channel: usize, input: &InTurns) -> Net {
        let range = self.range(channel);
        let state = c.control(range, 0);
        let part = self.of_channel(c, together, channel);
        let total = match self.kernel.pool {
            Pool::Sum { .. } => c.add(state, part),
            Pool::Largest { .. } => c.larger(state, part),
        };
        let total = c.narrow(total, range);
        let goes_on = c.not(input.turns.last);
        let next = c.gate(goes_on, total);
        c.leave_if(state, input.turns.act, next);
        total
    }
}
