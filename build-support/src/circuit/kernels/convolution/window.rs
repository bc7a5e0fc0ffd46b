//! What an output collects of its neighbourhood.

use crate::{
    circuit::{Circuit, Net, by_index, stream::Slot, trees::Term},
    fixed::bits_for,
    ops::{Conv2dKernel, Form},
};

/// The widest index of a table that takes no more LUTs than two comparisons.
const WIDEST: u32 = 6;

/// An output.
pub(super) struct Head {
    pub(super) row: Net,
    pub(super) column: Net,
    /// The number of its slot among the inputs, if that is always the same.
    pub(super) number: Option<usize>,
}

/// Where an input is in a window.
struct Tap {
    /// The low bits of how far the output is behind the input, in rows and in columns.
    index: [Net; 2],
    /// Whether these bits say it all.
    inside: Net,
    /// Whether the input is behind the output instead.
    is_reversed: [bool; 2],
}

/// The window around an output. A tap is a place in it.
pub(super) struct Window<'a> {
    kernel: &'a Conv2dKernel,
    pad: [usize; 2],
    /// Bits of a row and of a column of the window.
    bits: [u32; 2],
}

impl<'a> Window<'a> {
    pub(super) fn new(kernel: &'a Conv2dKernel) -> Self {
        Self { kernel, pad: kernel.kernel.map(|size| (size - 1) / 2), bits: kernel.kernel.map(|size| bits_for(size - 1)) }
    }

    /// The sums of the filters for an output; if there is a `token`, those of its group of channels and of filters.
    pub(super) fn sums(&self, c: &mut Circuit, inputs: &[Slot], head: &Head, token: Option<Net>) -> Vec<Net> {
        let inputs: Vec<_> = inputs.iter().map(|slot| self.of_token(c, slot, token)).collect();
        match self.kernel.form {
            Form::Pairwise => self.pairwise(c, &inputs, head, token),
            Form::Gather => self.gather(c, &inputs, head, token),
        }
    }

    fn filter_groups(&self) -> usize {
        self.kernel.filters / self.kernel.filters_per_cycle
    }

    /// A slot with the features of a token's group of channels.
    fn of_token(&self, c: &mut Circuit, slot: &Slot, token: Option<Net>) -> Slot {
        let (channels, all) = (self.kernel.channels_per_cycle, self.kernel.shape.channels);
        let Some(token) = token.filter(|_| channels < all) else { return slot.clone() };
        let groups: Vec<_> =
            (0..all / channels * self.filter_groups()).map(|token| (token / self.filter_groups()) as i128).collect();
        let group = c.look_up(&groups, token);
        let features = (0..channels).map(|channel| {
            let of_groups: Vec<_> = slot.features.iter().skip(channel).step_by(channels).copied().collect();
            by_index(c, group, &of_groups)
        });
        Slot { features: features.collect(), ..slot.clone() }
    }

    /// The weight of a tap; channel and filter count within the token's groups.
    fn weight(&self, token: usize, [row, column]: [usize; 2], channel: usize, filter: usize) -> i128 {
        let Conv2dKernel { kernel, filters, filters_per_cycle, channels_per_cycle, shape, .. } = self.kernel;
        if row >= kernel[0] || column >= kernel[1] {
            return 0;
        }
        let channel = token / self.filter_groups() * channels_per_cycle + channel;
        let filter = token % self.filter_groups() * filters_per_cycle + filter;
        self.kernel.weights.values[((row * kernel[1] + column) * shape.channels + channel) * filters + filter].into()
    }

    /// Tokens of a turn that differ in their weights.
    fn tokens(&self, token: Option<Net>) -> usize {
        let channel_groups = self.kernel.shape.channels / self.kernel.channels_per_cycle;
        token.map_or(1, |_| channel_groups * self.filter_groups())
    }

    /// Where an input is in the window of an output.
    fn tap(&self, c: &mut Circuit, input: (usize, &Slot), head: &Head) -> Tap {
        let (number, input) = input;
        // The distance of two slots serves both of them, unless it is the one that only one direction has.
        let is_first = head.number.is_some_and(|own| own < number);
        let axes = [(input.row, head.row), (input.column, head.column)];
        let mut axis = |axis: usize| {
            let ((input, output), bits) = (axes[axis], self.bits[axis]);
            let is_reversed = is_first && self.kernel.kernel[axis] < 1 << bits;
            let distance = if is_reversed { c.subtract(input, output) } else { c.subtract(output, input) };
            (c.bits(distance, 0, bits), is_signed_in(c, distance, bits), is_reversed)
        };
        let [row, column] = [axis(0), axis(1)];
        Tap { index: [row.0, column.0], inside: c.all([row.1, column.1]), is_reversed: [row.2, column.2] }
    }

    /// For every pair of an input and the output the weights are looked up.
    fn pairwise(&self, c: &mut Circuit, inputs: &[Slot], head: &Head, token: Option<Net>) -> Vec<Net> {
        let mut terms = vec![Vec::new(); self.kernel.filters_per_cycle];
        for (number, input) in inputs.iter().enumerate() {
            if head.number == Some(number) {
                self.times_constants(c, input, self.pad, token, &mut terms);
                continue;
            }
            let tap = self.tap(c, (number, input), head);
            let [row, column] = tap.index;
            let index = [(row, self.bits[0]), (column, self.bits[1])];
            let index = match token {
                Some(token) => c.join(&[(token, c.width(token)), index[0], index[1]]),
                None => c.join(&index),
            };
            for (channel, feature) in input.features.iter().enumerate() {
                let feature = c.gate(tap.inside, *feature);
                for (filter, terms) in terms.iter_mut().enumerate() {
                    let weights = self.table(self.tokens(token), tap.is_reversed, channel, filter);
                    terms.extend(c.looked_up_product(&weights, index, feature));
                }
            }
        }
        terms.iter().map(|terms| c.sum_of(terms)).collect()
    }

    /// The weights by token and by the distances to the tap, as [`Tap::index`] has them.
    fn table(&self, tokens: usize, is_reversed: [bool; 2], channel: usize, filter: usize) -> Vec<i128> {
        let places = |axis: usize| {
            let (bits, pad) = (self.bits[axis], self.pad[axis]);
            (0..1usize << bits).map(move |index| {
                // The upper half are distances below zero.
                let distance = if 2 * index < 1 << bits { index as isize } else { index as isize - (1 << bits) };
                usize::try_from(pad as isize + if is_reversed[axis] { distance } else { -distance }).ok()
            })
        };
        let taps =
            (0..tokens).flat_map(|token| places(0).flat_map(move |row| places(1).map(move |column| (token, row.zip(column)))));
        let weight = |(token, tap): (usize, Option<(usize, usize)>)| {
            tap.map_or(0, |(row, column)| self.weight(token, [row, column], channel, filter))
        };
        taps.map(weight).collect()
    }

    /// The output's own tap, or one whose input has been found: its weights are constants, or depend on the token.
    fn times_constants(&self, c: &mut Circuit, input: &Slot, tap: [usize; 2], token: Option<Net>, terms: &mut [Vec<Term>]) {
        for (channel, feature) in input.features.iter().enumerate() {
            for (filter, terms) in terms.iter_mut().enumerate() {
                match token {
                    None => terms.extend(c.product(*feature, self.weight(0, tap, channel, filter)).into_iter().map(Term::from)),
                    Some(token) => {
                        let weights: Vec<_> =
                            (0..self.tokens(Some(token))).map(|token| self.weight(token, tap, channel, filter)).collect();
                        terms.extend(c.looked_up_product(&weights, token, *feature));
                    }
                }
            }
        }
    }

    /// For every tap the output looks for the input that is there.
    fn gather(&self, c: &mut Circuit, inputs: &[Slot], head: &Head, token: Option<Net>) -> Vec<Net> {
        let mut terms = vec![Vec::new(); self.kernel.filters_per_cycle];
        let [rows, columns] = self.kernel.kernel;
        for tap in (0..rows).flat_map(|row| (0..columns).map(move |column| [row, column])) {
            let channels = 0..self.kernel.channels_per_cycle;
            let is_used = |channel: usize| {
                let tokens = 0..self.tokens(token);
                tokens
                    .flat_map(|token| (0..terms.len()).map(move |filter| (token, filter)))
                    .any(|(token, filter)| self.weight(token, tap, channel, filter) != 0)
            };
            let used: Vec<_> = channels.map(is_used).collect();
            if !used.contains(&true) {
                continue;
            }
            let found = self.at_tap(c, inputs, head, tap, &used);
            self.times_constants(c, &found, tap, token, &mut terms);
        }
        terms.iter().map(|terms| c.sum_of(terms)).collect()
    }

    /// The features of the input at a tap, 0 if there is none; only those that are `used`.
    fn at_tap(&self, c: &mut Circuit, inputs: &[Slot], head: &Head, tap: [usize; 2], used: &[bool]) -> Slot {
        let candidates: Vec<usize> = (0..inputs.len()).filter(|number| self.can_be_at(head, *number, tap)).collect();
        let hits: Vec<_> =
            candidates.iter().map(|number| (*number, self.is_at(c, &inputs[*number], *number, head, tap))).collect();
        let zero = c.constant(0);
        let features = used.iter().enumerate().map(|(channel, used)| {
            let pairs: Vec<_> = hits.iter().map(|(number, hit)| (*hit, inputs[*number].features[channel])).collect();
            if *used { c.one_of(&pairs) } else { zero }
        });
        Slot { features: features.collect(), row: head.row, column: head.column }
    }

    /// Whether an input can be at a tap of an output with a number: in row-major order those before it are above it or to the
    /// left.
    fn can_be_at(&self, head: &Head, number: usize, tap: [usize; 2]) -> bool {
        let Some(own) = head.number else { return true };
        if tap == self.pad {
            return number == own;
        }
        if number == own {
            return false;
        }
        if !self.kernel.is_ordered {
            return true;
        }
        let is_behind = tap[0] > self.pad[0] || tap[0] == self.pad[0] && tap[1] > self.pad[1];
        // In the same row, each slot between takes a column.
        let is_near = tap[0] != self.pad[0] || number.abs_diff(own) <= tap[1].abs_diff(self.pad[1]);
        is_near && is_behind == (number > own)
    }

    /// Whether input number `number` is at a tap.
    fn is_at(&self, c: &mut Circuit, input: &Slot, number: usize, head: &Head, tap: [usize; 2]) -> Net {
        if head.number == Some(number) {
            return c.constant(1);
        }
        let axes = [(input.row, head.row, 0), (input.column, head.column, 1)];
        let is_there = axes.map(|(input, output, axis)| {
            let offset = tap[axis] as i128 - self.pad[axis] as i128;
            // The difference of two slots is made once for both directions.
            let is_first = head.number.is_some_and(|own| own < number);
            if is_first || head.number.is_none() {
                let difference = c.subtract(input, output);
                c.is(difference, offset)
            } else {
                let difference = c.subtract(output, input);
                c.is(difference, -offset)
            }
        });
        c.all(is_there)
    }
}

/// Whether `x` is what its low `bits` bits are as a number with a sign
fn is_signed_in(c: &mut Circuit, x: Net, bits: u32) -> Net {
    let above = c.shift_right(x, bits.saturating_sub(1));
    let (width, range) = (c.width(above), c.range(above));
    if range.lo >= -1 && range.hi <= 0 {
        return c.constant(1);
    }
    if width > WIDEST {
        let signs = [0, -1].map(|sign| c.is(above, sign));
        return c.any(signs);
    }
    let index = c.bits(above, 0, width);
    let (zeros, ones) = (0, (1 << width) - 1);
    let table: Vec<_> = (0..1i128 << width).map(|above| i128::from(above == zeros || range.lo < 0 && above == ones)).collect();
    c.look_up(&table, index)
}
