//! A 'same' convolution between active pixels.

mod window;

use self::window::{Head, Window};
use crate::{
    circuit::{
        Circuit, Net,
        stream::{Flow, InTurns, Pixels, Slot},
    },
    fixed::MantissaRange,
    ops::{Conv2dKernel, Form, Value},
};

/// A convolution with what comes out of it.
#[derive(Debug, Clone, Copy)]
pub(in crate::circuit) struct Convolution<'a> {
    pub(in crate::circuit) kernel: &'a Conv2dKernel,
    /// What comes in.
    pub(in crate::circuit) input: &'a Value,
    /// What comes out.
    pub(in crate::circuit) output: &'a Value,
}

impl Convolution<'_> {
    /// Tokens of a turn: groups of channels times groups of filters.
    pub(in crate::circuit) fn span(&self) -> usize {
        self.kernel.shape.channels / self.kernel.channels_per_cycle * self.filter_groups()
    }

    /// Whether [`Self::by_input`] is of use: what gathers has constants for the taps of an output.
    pub(in crate::circuit) fn has_by_input(&self) -> bool {
        self.kernel.form == Form::Pairwise
    }

    fn filter_groups(&self) -> usize {
        self.kernel.filters / self.kernel.filters_per_cycle
    }

    /// What a filter gives.
    fn range(&self, filter: usize) -> MantissaRange {
        self.output.ranges.get(filter).copied().unwrap_or(MantissaRange::ZERO).hull(MantissaRange::ZERO)
    }

    /// What the sum of some of a filter's products is in. It is one that all of them can have, unless a feature is never zero.
    fn partial(&self, filter: usize) -> MantissaRange {
        let can_be_zero = self.input.ranges.iter().all(|range| range.lo <= 0 && range.hi >= 0);
        if can_be_zero { self.range(filter) } else { self.kernel.accumulator.range() }
    }

    /// All slots at once.
    ///
    /// Cost: for each pair of slots a look-up of the weights and products, or for each slot and tap a choice among all slots.
    pub(in crate::circuit) fn whole(&self, c: &mut Circuit, input: &Pixels) -> Pixels {
        let (window, input) = (Window::new(self.kernel), c.consistent(input));
        let slots = (0..input.slots.len())
            .map(|at| {
                let head = Head { row: input.slots[at].row, column: input.slots[at].column, number: Some(at) };
                let sums = window.sums(c, &input.slots, &head, None);
                let active = c.is_active(&input.slots[at]);
                self.finish(c, &input.slots[at], active, &sums)
            })
            .collect();
        Pixels { slots, ..input }
    }

    /// The slot of the sums of its filters: an empty one has none.
    fn finish(&self, c: &mut Circuit, slot: &Slot, active: Net, sums: &[Net]) -> Slot {
        let features = sums.iter().enumerate().map(|(filter, sum)| {
            let sum = c.gate(active, *sum);
            c.narrow(sum, self.range(filter))
        });
        Slot { features: features.collect(), row: slot.row, column: slot.column }
    }

    /// Output by output: the inputs, which are there at once when `valid` is 1, stand still, and the slots of a turn are finished.
    ///
    /// Cost: that of the pairs of a turn's slots with all others, and two registers for every coordinate.
    pub(in crate::circuit) fn by_output(&self, c: &mut Circuit, slots: &[Slot], valid: Net) -> Pixels {
        let still: Vec<_> = slots.iter().map(|slot| hold(c, valid, slot)).collect();
        let bare: Vec<_> = slots.iter().map(|slot| Slot { features: Vec::new(), ..slot.clone() }).collect();
        let InTurns { pixels, turns, busy, token } = c.in_turns(&bare, valid, self.kernel.pixels_per_cycle, self.span());
        let window = Window::new(self.kernel);
        let slots = pixels.slots.iter().map(|slot| {
            let head = Head { row: slot.row, column: slot.column, number: None };
            let active = c.is_active(slot);
            if self.span() == 1 {
                let sums = window.sums(c, &still, &head, None);
                return self.finish(c, slot, active, &sums);
            }
            let parts = window.sums(c, &still, &head, Some(token));
            // Around an empty output lies what is around no pixel.
            let now = c.all([busy, active]);
            let groups = self.groups(c, now, token, turns.act);
            let features = self.accumulated(c, &parts, &groups);
            Slot { features, row: slot.row, column: slot.column }
        });
        Pixels { slots: slots.collect(), ..pixels }
    }

    /// Input by input: every output has an accumulator, to which the slots of a turn are added. The result is there at once, in
    /// the last turn.
    ///
    /// Cost: that of the pairs of a turn's slots with all others, and an accumulator for each slot and filter.
    pub(in crate::circuit) fn by_input(&self, c: &mut Circuit, input: &InTurns) -> Pixels {
        let (window, turns) = (Window::new(self.kernel), &input.turns);
        let places = c.settled(&input.pixels);
        let slots = input.pixels.places.iter().zip(places).map(|([row, column], (active, slot))| {
            let head = Head { row: *row, column: *column, number: None };
            let has_place = c.is(*row, 0);
            let has_place = c.not(has_place);
            let now = c.all([input.busy, has_place]);
            let token = (self.span() > 1).then_some(input.token);
            let parts = window.sums(c, &input.pixels.slots, &head, token);
            let groups = self.groups(c, now, input.token, turns.last);
            let sums = self.accumulated(c, &parts, &groups);
            let features = sums.into_iter().map(|sum| match active {
                Some(active) => c.gate(active, sum),
                None => sum,
            });
            Slot { features: features.collect(), ..slot }
        });
        let is_settled = input.pixels.is_settled;
        Pixels { slots: slots.collect(), flow: Flow::Whole(turns.last), places: Vec::new(), is_settled, updates: None }
    }

    /// When each group of filters is worked on: in those tokens of its own in which `now` is 1. Sums end with the token in which
    /// `ends` is 1.
    fn groups(&self, c: &mut Circuit, now: Net, token: Net, ends: Net) -> Vec<Group> {
        let groups = self.filter_groups();
        (0..groups)
            .map(|group| {
                // Groups of channels are the outer loop.
                let own: Vec<_> = (group..self.span()).step_by(groups).map(|own| c.is(token, own as i128)).collect();
                let own = c.any(own);
                Group { now: c.all([now, own]), ends }
            })
            .collect()
    }

    /// The sum of every filter, in the token that ends it.
    fn accumulated(&self, c: &mut Circuit, parts: &[Net], groups: &[Group]) -> Vec<Net> {
        let per_group = self.kernel.filters_per_cycle;
        (0..self.kernel.filters)
            .map(|filter| {
                let (group, partial, range) = (&groups[filter / per_group], self.partial(filter), self.range(filter));
                let sum = accumulate(c, parts[filter % per_group], group, partial);
                if partial == range {
                    return sum;
                }
                let sum = c.gate(group.ends, sum);
                c.narrow(sum, range)
            })
            .collect()
    }
}

/// When something is added to a sum.
struct Group {
    now: Net,
    /// Behind this token the sum is zero.
    ends: Net,
}

/// The sum of `part`, as of this token.
fn accumulate(c: &mut Circuit, part: Net, group: &Group, range: MantissaRange) -> Net {
    let sum = c.control(range, 0);
    let part = c.gate(group.now, part);
    let total = c.add(sum, part);
    let total = c.narrow(total, range);
    let goes_on = c.not(group.ends);
    let next = c.gate(goes_on, total);
    let enable = c.any([group.now, group.ends]);
    c.leave_if(sum, enable, next);
    total
}

fn hold(c: &mut Circuit, valid: Net, slot: &Slot) -> Slot {
    Slot {
        features: slot.features.iter().map(|feature| c.hold(valid, *feature)).collect(),
        row: c.hold(valid, slot.row),
        column: c.hold(valid, slot.column),
    }
}
