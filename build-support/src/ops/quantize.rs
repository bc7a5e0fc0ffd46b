//! Quantizers: each element is rounded and limited to a format of its own.

use std::collections::HashMap;

use super::{
    Extent, LayerPlan, Rules, Values,
    parts::{Gives, Parts, Sparse, counted, narrow},
};
use crate::{
    error::{Code, Error, Result},
    fixed::{Format, Interval, Overflow, QuantizerFormat, Rounding, bits_for},
    manifest::{Knob, Variant},
    network::{Coefficients, Quantizer, Shape, SparseShape},
    structure::Operation,
};

/// A quantizer of a value of known shape.
#[derive(Debug, Clone)]
pub struct FixedQuantizer {
    /// The formats and modes.
    pub quantizer: Quantizer,
    /// For every element of the value, as Keras shapes it: which of the formats is its.
    pub classes: Vec<u16>,
    /// The shape of a sparse value.
    pub pixels: Option<SparseShape>,
}

impl FixedQuantizer {
    /// The format of the element `at` of the value as Keras shapes it.
    pub fn format(&self, at: usize) -> QuantizerFormat {
        self.quantizer.formats[usize::from(self.classes[at])]
    }
}

/// See [`Values`]: the finest fraction that any element keeps, and what every element can be.
pub fn fix(quantizer: &Quantizer, shape: &Shape, input: &Values) -> Result<(FixedQuantizer, Values)> {
    if let Some(f) = quantizer.formats.iter().filter_map(|q| q.fraction()).find(|f| f - input.fraction >= 62) {
        return Err(Error::new(
            Code::BitsOutOfRange,
            format!("a quantizer with {f} fraction bits gets values with {}", input.fraction),
        )
        .help("constrain the quantizer's fraction bits in training, for example `fc=MinMax(-24, 24)`"));
    }
    let classes = quantizer.expand(&shape.keras());
    // A sparse value has one interval for a channel, wherever the pixel is.
    let interval_at = |at: usize| match shape {
        Shape::Sparse(SparseShape { channels, .. }) => input.intervals[at % channels],
        Shape::Dense(_) => input.intervals[at],
    };
    let mut results = HashMap::new();
    for (at, &class) in classes.iter().enumerate() {
        results.entry((interval_at(at), class)).or_insert_with(|| element(input, interval_at(at), quantizer, class));
    }
    // A quantizer without a live element gives zeros, which need no fraction.
    let fraction = results.values().filter_map(|(_, _, kept)| *kept).max().unwrap_or(0);
    let quantized = |(at, class): (usize, &u16)| {
        let (interval, f, _) = results[&(interval_at(at), *class)];
        at_fraction(interval, f.unwrap_or(fraction), fraction)
    };
    let each = classes.iter().enumerate().map(quantized);
    let intervals = match shape {
        Shape::Sparse(SparseShape { channels, .. }) => hulls(each, *channels),
        Shape::Dense(_) => each.collect(),
    };
    let output = Values { fraction, divisor: 1, intervals, active: input.active };
    Ok((FixedQuantizer { quantizer: quantizer.clone(), classes, pixels: shape.sparse() }, output))
}

/// The hull for each channel of the intervals of an image's elements.
fn hulls(elements: impl Iterator<Item = Interval>, channels: usize) -> Vec<Interval> {
    let mut hulls: Vec<Option<Interval>> = vec![None; channels];
    for (at, interval) in elements.enumerate() {
        let hull = &mut hulls[at % channels];
        *hull = Some(hull.map_or(interval, |hull| hull.hull(interval)));
    }
    // An image without pixels has no values.
    hulls.into_iter().map(|hull| hull.unwrap_or(Interval::ZERO)).collect()
}

/// What one format makes of an interval: the mantissas at its own fraction bits, these, and how many of them matter.
fn element(input: &Values, interval: Interval, quantizer: &Quantizer, class: u16) -> (Interval, Option<i32>, Option<i32>) {
    let format = quantizer.formats[usize::from(class)];
    let quantize = |format: QuantizerFormat| {
        format.quantize_interval(interval, input.fraction, input.divisor, quantizer.rounding, quantizer.overflow)
    };
    let result = quantize(format);
    // What is always 0 has no bits, whatever its format: a traced quantizer of a silent position may say i = -23, f = 27.
    let kept = format.fraction().filter(|_| result != Interval::ZERO).map(|f| {
        let saturates = quantizer.overflow != Overflow::Wrap && result != quantize(QuantizerFormat::RoundOnly { f });
        // A finer quantizer does not make a coarse value finer, but its largest value is fine.
        if input.divisor == 1 && !saturates { f.min(input.fraction) } else { f }
    });
    (result, format.fraction(), kept)
}

/// Brings mantissas from one fraction to another; going to fewer bits drops zeros only.
fn at_fraction(interval: Interval, from: i32, to: i32) -> Interval {
    if to >= from {
        interval.shifted((to - from) as u32)
    } else {
        Interval { lo: interval.lo >> (from - to), hi: interval.hi >> (from - to) }
    }
}

impl Rules for FixedQuantizer {
    fn extent(&self) -> Extent {
        Extent { slots: self.pixels.map_or(1, |pixels| pixels.slots), ..Extent::ONE }
    }

    fn knobs(&self) -> &'static [Knob] {
        &[]
    }

    fn variants(&self) -> &'static [Variant] {
        &[]
    }

    fn accumulator(&self) -> Option<Format> {
        None
    }

    fn weights(&self) -> Option<&Coefficients> {
        None
    }

    fn gives(&self, plan: &LayerPlan) -> Gives {
        match self.pixels {
            Some(pixels) => Gives::Values(plan.pixels_per_cycle * pixels.channels),
            None => Gives::All,
        }
    }

    fn parts(&self, p: &mut Parts<'_>) {
        // In a dense layer each value has one format; in a sparse one any of those that its channel has somewhere.
        let (input, to) = (&p.fixed.input, p.fixed.output.format().width);
        let Some(pixels) = self.pixels else {
            return round(p, &self.quantizer, input, to, &of_channels(self, self.classes.len()), 1, 1);
        };
        let s = Sparse::of(pixels);
        let lanes = p.plan.pixels_per_cycle;
        if lanes < s.slots {
            let slot = s.coordinate[0] + s.coordinate[1] + narrow(s.channels) * input.format().width;
            p.turns(s.slots, lanes, slot, lanes, lanes * slot as usize);
            p.held = (s.slots * (slot + narrow(s.channels) * to) as usize) as u64;
        }
        round(p, &self.quantizer, input, to, &of_channels(self, s.channels), lanes, s.height * s.width);
    }
}

/// Quantizes `lanes` pixels, for each of whose channels there is a list of the formats that it can have. Several of
/// them are chosen by the position, of which there are `places`.
pub(super) fn round(
    p: &mut Parts<'_>,
    quantizer: &Quantizer,
    input: &Values,
    to: u32,
    of_channels: &[Vec<QuantizerFormat>],
    lanes: usize,
    places: usize,
) {
    let values = lanes * of_channels.len();
    let live = values * to as usize;
    if input.divisor != 1 {
        let wide = input.format().width;
        let product = Operation::times_constant(wide, wide, wide / 2);
        p.add("exact division", product, values, 1, values * 2 * wide as usize);
    }
    let adds = |format: &QuantizerFormat| {
        let rounds = quantizer.rounding != Rounding::Floor && format.fraction().is_some_and(|f| f < input.fraction);
        rounds || input.divisor != 1
    };
    let rounded = of_channels.iter().filter(|formats| formats.len() > 1 || formats.iter().any(adds));
    let rounding = |formats: &Vec<_>| match formats.len() {
        0 | 1 => Operation::Add { width: to },
        several => Operation::Round { formats: narrow(several), width: to },
    };
    p.add_all("round", &counted(rounded.map(rounding)), lanes, live);
    let limits = |formats: &&Vec<_>| formats.iter().any(|format| matches!(format, QuantizerFormat::Live { .. }));
    let limited = if quantizer.overflow == Overflow::Wrap { 0 } else { of_channels.iter().filter(limits).count() };
    if limited > 0 {
        p.add("limit", Operation::Gate { width: 2 * to }, lanes * limited, 1, live);
    }
    let by_position = of_channels.iter().filter(|formats| formats.len() > 1);
    for (formats, channels) in counted(by_position.map(Vec::len)) {
        let table = Operation::Constants { entries: narrow(places), width: bits_for(formats - 1) };
        p.add("format", table, lanes * channels, 0, 0);
    }
}

/// For each of so many channels the formats that it has at any position.
pub(super) fn of_channels(
    FixedQuantizer { quantizer, classes, .. }: &FixedQuantizer,
    channels: usize,
) -> Vec<Vec<QuantizerFormat>> {
    if quantizer.is_uniform() {
        return vec![quantizer.formats.clone(); channels];
    }
    let of_channel = |channel: usize| {
        let mut seen: Vec<_> = classes.iter().skip(channel).step_by(channels).copied().collect();
        seen.sort_unstable();
        seen.dedup();
        seen.into_iter().map(|class| quantizer.formats[usize::from(class)]).collect()
    };
    (0..channels).map(of_channel).collect()
}
