//! Pooling: the slots of a cell become one, in the place of the first of them.

use crate::{
    circuit::{
        Circuit, Net,
        stream::{InTurns, Pixels, Slot, Updates},
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
            let leads = c.all([leads, input.flow.act()]);
            // A slot that leads has none of its cell before it.
            let together: Vec<_> = (at..cells.len()).map(|other| (same[other], &input.slots[other])).collect();
            self.pooled(c, &together, cells[at], leads)
        });
        Pixels { slots: slots.collect(), flow: input.flow, places: Vec::new(), is_settled: true, updates: None }
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
        Pixels { slots: slots.collect(), flow: pixels.flow, places: pixels.places, is_settled: false, updates: None }
    }

    /// Input by input: each slot of a turn is added to what its cell has, which is put into all slots of the cell. So what comes
    /// behind works on the slots of a turn, though the result is there in the last turn only.
    ///
    /// Cost: a comparison of every slot with each of a turn, a register for every slot, and a choice among them for each of a turn.
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
        let before: Vec<_> = (0..keys.len())
            .map(|at| {
                // Slots of the turns before this one.
                let first = c.constant((at / lanes.len()) as i128 + 1);
                c.at_least(turns.turn, first)
            })
            .collect();
        let active: Vec<_> = lanes
            .iter()
            .map(|key| {
                let none = c.is(*key, 0);
                let has_cell = c.not(none);
                c.all([has_cell, turns.act])
            })
            .collect();
        let writes: Vec<Vec<_>> =
            same.iter().zip(&active).map(|(same, active)| same.iter().map(|same| c.all([*same, *active])).collect()).collect();
        // Of slots that are in no cell, and so get nothing, there may be anything.
        let known: Vec<Vec<_>> = writes
            .iter()
            .map(|writes| writes.iter().zip(&before).map(|(writes, before)| c.all([*writes, *before])).collect())
            .collect();
        let together: Vec<Vec<_>> = lanes.iter().map(|key| lanes.iter().map(|other| c.equal(*key, *other)).collect()).collect();
        let stays = (0..lanes.len()).map(|lane| {
            let earlier = known[lane].iter().chain(&together[lane][..lane]).copied().collect::<Vec<_>>();
            let is_behind = c.any(earlier);
            self.leads(c, lanes[lane], is_behind)
        });
        let stays = stays.collect();
        let features: Vec<Vec<_>> = (0..self.kernel.shape.channels)
            .map(|channel| {
                let lanes: Vec<_> = slots.iter().map(|slot| slot.features[channel]).collect();
                self.running(
                    c,
                    &Running { known: &known, together: &together, writes: &writes, active: &active },
                    &lanes,
                    channel,
                )
            })
            .collect();
        let slots = slots.iter().enumerate().map(|(lane, slot)| {
            let [row, column] = self.cell(c, [slot.row, slot.column]);
            Slot { features: features.iter().map(|feature| feature[lane]).collect(), row, column }
        });
        Pixels {
            slots: slots.collect(),
            flow: input.pixels.flow,
            places: cells,
            is_settled: false,
            updates: Some(Updates { writes, stays }),
        }
    }

    /// A feature of each slot of a turn with what its cell has had before and has in the turn.
    fn running(&self, c: &mut Circuit, running: &Running<'_>, lanes: &[Net], channel: usize) -> Vec<Net> {
        let range = self.range(channel);
        let states: Vec<_> =
            running.writes.first().map(|writes| writes.iter().map(|_| c.state(range)).collect()).unwrap_or_default();
        let totals: Vec<_> = (0..lanes.len())
            .map(|lane| {
                let known: Vec<_> = running.known[lane].iter().copied().zip(states.iter().copied()).collect();
                let known = c.one_word_of(&known);
                let now: Vec<_> =
                    running.together[lane].iter().zip(lanes).map(|(together, word)| c.gate(*together, *word)).collect();
                let total = match self.kernel.pool {
                    Pool::Sum { .. } => {
                        let sum = c.sum(&now);
                        c.add(known, sum)
                    }
                    Pool::Largest { .. } => {
                        let largest = c.largest(&now).unwrap_or(known);
                        c.larger(known, largest)
                    }
                };
                let total = c.gate(running.active[lane], total);
                c.narrow(total, range)
            })
            .collect();
        for (at, state) in states.iter().enumerate() {
            let writes: Vec<_> = running.writes.iter().zip(&totals).map(|(writes, total)| (writes[at], *total)).collect();
            let enable = c.any(writes.iter().map(|(write, _)| *write));
            // With one lane the enable chooses the word.
            let word = if let [(_, total)] = writes[..] { total } else { c.one_word_of(&writes) };
            c.leave_if(*state, enable, word);
        }
        totals
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
}

/// What the slots of a turn have to do with others.
struct Running<'a> {
    /// For each lane and slot, whether the slot is in the lane's cell, in a turn before.
    known: &'a [Vec<Net>],
    /// For each lane and each other, whether they are in one cell.
    together: &'a [Vec<Net>],
    /// For each lane and slot, whether what the lane's cell has goes there.
    writes: &'a [Vec<Net>],
    /// For each lane, whether it is in a cell.
    active: &'a [Net],
}
