//! What the events of a self-check are to do in each layer, and how near an event comes to it.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hash, Hasher},
};

use crate::{
    fixed::{Dyadic, MantissaRange, Overflow, QuantizerFormat},
    formats::FixedNetwork,
    network::{Quantizer, Relu},
    ops::{FixedLayer, FixedNormalize, FixedOp, FixedPooling2d, Pooled, Values},
    reference::{Pixels, Reference, Value},
};

/// Elements, channels, counts and positions of a layer that have goals of their own; of more, as many that lie evenly.
const PLACES: usize = 64;
/// Entries of the tables of a layer that have goals of their own.
const ENTRIES: usize = 4096;

/// Something that an event can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Goal {
    layer: u16,
    what: What,
    /// Which element, channel, format, entry, count or position.
    place: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    /// The least value of an element or a channel.
    Least,
    /// The largest one.
    Largest,
    /// The value -1, 0 or 1 of an element or a channel.
    Small(i8),
    /// How a quantizer rounds: see [`rounding`].
    Rounds(u8),
    /// What it does at the ends of its range: see [`overflow`].
    Overflows(u8),
    /// Below, at or above the limit of a ReLU.
    Limit(i8),
    /// So many active pixels.
    Pixels,
    /// An active pixel at a position.
    Position,
    /// A window with so many pixels, whose values are all negative, or are not.
    Window(bool),
    /// The element that is the largest of all.
    Winner,
    /// An entry of a table.
    Entry,
}

impl Hash for Goal {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let (kind, number) = match self.what {
            What::Least => (0, 0),
            What::Largest => (1, 0),
            What::Small(value) => (2, value as u8),
            What::Rounds(case) => (3, case),
            What::Overflows(case) => (4, case),
            What::Limit(side) => (5, side as u8),
            What::Pixels => (6, 0),
            What::Position => (7, 0),
            What::Window(is_negative) => (8, is_negative.into()),
            What::Winner => (9, 0),
            What::Entry => (10, 0),
        };
        let [high, low] = self.layer.to_be_bytes();
        let [a, b, c, d] = self.place.to_be_bytes();
        state.write_u64(u64::from_be_bytes([kind, number, high, low, a, b, c, d]));
    }
}

/// A map by goals. They come by the thousand for each event, and nobody else chooses them, so a multiplication is hash enough.
pub(super) type ByGoal<T> = HashMap<Goal, T, BuildHasherDefault<Multiply>>;

/// See [`ByGoal`].
#[derive(Default)]
pub(super) struct Multiply(u64);

impl Hasher for Multiply {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64((*byte).into()));
    }

    fn write_u64(&mut self, number: u64) {
        let product = u128::from(self.0 ^ number) * 0x9e37_79b9_7f4a_7c15;
        self.0 = (product >> 64) as u64 ^ product as u64;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

impl Goal {
    /// Whether it is about an end of an interval.
    pub fn is_end(self) -> bool {
        matches!(self.what, What::Least | What::Largest)
    }

    /// The layer and the element or channel whose interval has this end, and whether it is the largest value.
    pub fn end(self) -> Option<(usize, usize, bool)> {
        self.is_end().then_some((self.layer.into(), self.place as usize, self.what == What::Largest))
    }
}

/// Hands `found` every goal that an event has to do with, and how far it is from it: 0 is there.
pub(super) fn observe(network: &FixedNetwork, event: &[i64], mut found: impl FnMut(Goal, u64)) {
    let mut before: Option<Value> = None;
    let mut layer = 0;
    Reference::new(network).run_observed(event, |fixed, value| {
        let mut found = |what, place, distance| found(Goal { layer, what, place: place as u32 }, distance);
        values(fixed, value, &mut found);
        match &before {
            Some(before) => steps(fixed, before, &mut found),
            None if matches!(fixed.layer.op, FixedOp::InputReduce(_)) => {}
            None => steps(fixed, &Value::Dense(event.to_vec()), &mut found),
        }
        (before, layer) = (Some(value.clone()), layer + 1);
    });
}

type Found<'a> = dyn FnMut(What, usize, u64) + 'a;

/// The values that a layer gives.
fn values(fixed: &FixedLayer, value: &Value, found: &mut Found<'_>) {
    let ranges = &fixed.output.ranges;
    let places = ranges.len();
    let mut ends = vec![(i64::MAX, i64::MIN); places];
    for (at, &x) in value.elements().iter().enumerate() {
        let (least, largest) = &mut ends[at % places];
        (*least, *largest) = (x.min(*least), x.max(*largest));
        if (-1..=1).contains(&x) && is_chosen(at % places, places) {
            found(What::Small(x as i8), at % places, 0);
        }
    }
    for (place, ((least, largest), range)) in ends.into_iter().zip(ranges).enumerate() {
        if least <= largest && is_chosen(place, places) && range.lo < range.hi {
            found(What::Least, place, distance(least.into(), range.lo));
            found(What::Largest, place, distance(largest.into(), range.hi));
        }
    }
    let Value::Sparse(pixels) = value else { return };
    found(What::Pixels, pixels.positions.len(), 0);
    let positions = pixels.image.height * pixels.image.width;
    for position in &pixels.positions {
        let at = position[0] as usize * pixels.image.width + position[1] as usize;
        if is_chosen(at, positions) {
            found(What::Position, at, 0);
        }
    }
}

fn is_chosen(place: usize, of: usize) -> bool {
    place.is_multiple_of(of.div_ceil(PLACES))
}

fn distance(found: i128, wanted: i128) -> u64 {
    u64::try_from(found.abs_diff(wanted)).unwrap_or(u64::MAX)
}

/// What a layer does with the values that it gets.
fn steps(fixed: &FixedLayer, input: &Value, found: &mut Found<'_>) {
    match &fixed.layer.op {
        FixedOp::Quantize(op) => {
            for (x, at) in elements(input) {
                let class = usize::from(op.classes[at]);
                quantizer(x, &fixed.input, &op.quantizer, class, found);
            }
        }
        FixedOp::Lookup(op) => {
            for (x, at) in elements(input) {
                entry(usize::from(op.classes[at]), x - op.table.first, op.table.entries.len(), op.table.entries[0].len(), found);
            }
        }
        FixedOp::Normalize(op) => normalize(fixed, op, input, found),
        FixedOp::Relu(Relu { limit: Some(limit), .. }) => limits(fixed, *limit, input, found),
        FixedOp::SparsePooling2d(op) => windows(op, input.pixels(), found),
        FixedOp::InputReduce(op) => {
            let floor = op.threshold.map_or(0, |threshold| threshold.floor);
            for pixel in input.elements().chunks(op.pixels.channels) {
                near(pixel[0].into(), floor, found);
                near(i128::from(pixel[0]) - 1, floor, found);
            }
        }
        FixedOp::MaxMinus(_) => {
            let values = input.elements();
            let winner = (0..values.len()).max_by_key(|at| values[*at]);
            winner.into_iter().for_each(|at| found(What::Winner, at.min(PLACES), 0));
        }
        _ => {}
    }
}

/// Each element and its place in the value as Keras shapes it.
fn elements(value: &Value) -> Vec<(i64, usize)> {
    match value {
        Value::Sparse(pixels) => pixels.features.iter().copied().zip(pixels.places()).collect(),
        Value::Dense(values) => values.iter().copied().zip(0..).collect(),
    }
}

fn near(found_value: i128, limit: i128, found: &mut Found<'_>) {
    let difference = found_value.saturating_sub(limit);
    if difference.abs() <= 1 {
        found(What::Limit(difference as i8), 0, 0);
    }
}

fn limits(fixed: &FixedLayer, limit: Dyadic, input: &Value, found: &mut Found<'_>) {
    let limit = limit.at(fixed.output.fraction) * i128::from(fixed.input.divisor);
    let shift = fixed.output.fraction - fixed.input.fraction;
    for x in input.elements() {
        // The nearest values on both sides may be more than 1 away, if they are coarser than the limit.
        near((i128::from(*x) << shift).saturating_sub(limit).signum(), 0, found);
        near(i128::from(*x), limit >> shift, found);
    }
}

fn entry(class: usize, at: i64, classes: usize, entries: usize, found: &mut Found<'_>) {
    let share = (classes * entries).div_ceil(ENTRIES);
    let at = at as usize;
    if at.is_multiple_of(share) || at + 1 == entries {
        found(What::Entry, class * entries + at, 0);
    }
}

fn normalize(fixed: &FixedLayer, op: &FixedNormalize, input: &Value, found: &mut Found<'_>) {
    let total: i64 = input.elements().iter().sum();
    quantizer(total, &fixed.input, &op.sum, 0, found);
    let sum =
        op.sum.formats[0].quantize(total.into(), fixed.input.fraction, fixed.input.divisor, op.sum.rounding, op.sum.overflow);
    found(What::Entry, sum.rem_euclid(ENTRIES as i128) as usize, 0);
}

/// Windows by the number of their pixels.
fn windows(op: &FixedPooling2d, pixels: &Pixels, found: &mut Found<'_>) {
    let mut cells = HashMap::<[u32; 2], Vec<&[i64]>>::new();
    for (position, pixel) in pixels.positions.iter().zip(pixels.features.chunks(pixels.image.channels)) {
        let cell = [position[0] / op.pool[0] as u32, position[1] / op.pool[1] as u32];
        cells.entry(cell).or_default().push(pixel);
    }
    for pixels in cells.values() {
        for channel in 0..op.cells.channels {
            let is_negative = op.pooled == Pooled::Max && pixels.iter().all(|pixel| pixel[channel] < 0);
            found(What::Window(is_negative), pixels.len().min(PLACES), 0);
        }
    }
}

fn quantizer(x: i64, input: &Values, quantizer: &Quantizer, class: usize, found: &mut Found<'_>) {
    let format = quantizer.formats[class];
    let Some(f) = format.fraction() else { return };
    let drop = input.fraction - f;
    let numerator = i128::from(x) << (-drop).clamp(0, 62);
    let denominator = i128::from(input.divisor) << drop.clamp(0, 62);
    let (half, is_up) = rounding(numerator, denominator);
    found(What::Rounds(half), class, 0);
    let round = QuantizerFormat::RoundOnly { f };
    let rounded = round.quantize(x.into(), input.fraction, input.divisor, quantizer.rounding, Overflow::Wrap);
    if let Some(range) = format.format().map(|format| format.range()) {
        found(What::Overflows(2 * overflow(rounded, range) + u8::from(is_up)), class, 0);
    }
}

/// Where a quotient lies between two integers: on one, at the half or next to it, elsewhere; its sign; and whether the integer
/// below is odd. And whether it is at the half or above.
fn rounding(numerator: i128, denominator: i128) -> (u8, bool) {
    let (floor, rest) = (numerator.div_euclid(denominator), numerator.rem_euclid(denominator));
    let half = 2 * rest - denominator;
    let between = match half {
        _ if rest == 0 => 0,
        0 => 1,
        -2 | -1 => 2,
        1 | 2 => 3,
        _ if half < 0 => 4,
        _ => 5,
    };
    (4 * between + 2 * u8::from(numerator < 0) + (floor & 1) as u8, half >= 0)
}

/// Where a rounded value lies in its range: far outside, just outside, at an end, next to the least, inside.
fn overflow(rounded: i128, MantissaRange { lo, hi }: MantissaRange) -> u8 {
    match rounded {
        _ if rounded < lo - 1 => 0,
        _ if rounded == lo - 1 => 1,
        _ if rounded > hi + 1 => 2,
        _ if rounded == hi + 1 => 3,
        _ if rounded == lo => 4,
        _ if rounded == hi => 5,
        _ if rounded == lo + 1 => 6,
        _ => 7,
    }
}
