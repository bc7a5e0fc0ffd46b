//! Quantizers: each element is rounded and limited to a format of its own.

use std::collections::HashMap;

use super::Values;
use crate::{
    error::{Code, Error, Result},
    fixed::{Interval, Overflow, QuantizerFormat},
    network::{Quantizer, Shape, SparseShape},
};

/// A quantizer of a value of known shape.
#[derive(Debug, Clone)]
pub struct FixedQuantizer {
    /// The formats and modes.
    pub quantizer: Quantizer,
    /// For every element of the value, as Keras shapes it: which of the formats is its.
    pub classes: Vec<u16>,
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
    Ok((FixedQuantizer { quantizer: quantizer.clone(), classes }, output))
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
