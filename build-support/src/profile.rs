//! What a data set does to a model: how many pixels are active, and how many values leave the range of each quantizer.
//!
//! It looks at the reference interpreter at work, which stays as it is: a quantizer's overflows are counted from what
//! goes into it.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    fixed::{Overflow, QuantizerFormat},
    formats::{FixedLayer, FixedNetwork},
    network::{Op, Quantizer, Shape},
    reference::{Reference, Value},
};

/// The counts of a data set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Profile {
    /// Events counted.
    pub events: u64,
    /// Active pixels, if the network has an input reduction.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pixels: Option<Pixels>,
    /// The quantizers of values, in their order.
    pub quantizers: Vec<Overflows>,
}

/// Active pixels, before the input reduction drops any.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Pixels {
    /// Pixels that are kept.
    pub budget: usize,
    /// Events by their number of active pixels.
    pub histogram: BTreeMap<usize, u64>,
    /// Events with more active pixels than the budget.
    pub events_over_budget: u64,
    /// Active pixels that were dropped.
    pub dropped: u64,
}

/// Values beyond the range of a quantizer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Overflows {
    /// The op's name. Untrusted text.
    pub name: String,
    /// What happens to them: `wrap`, `saturate` or `saturate-symmetric`.
    pub mode: &'static str,
    /// Values that were quantized: those of active pixels, where the value is sparse.
    pub values: u64,
    /// Values that were out of range after rounding.
    pub overflowed: u64,
    /// Events with such a value.
    pub events: u64,
}

impl Profile {
    /// Nothing counted yet.
    pub fn new(network: &FixedNetwork) -> Self {
        let budget = network.layers.iter().find_map(|fixed| match (&fixed.layer.op, &fixed.layer.shape) {
            (Op::InputReduce { .. }, Shape::Sparse { slots, .. }) => Some(*slots),
            _ => None,
        });
        let overflows = |fixed: &FixedLayer| {
            let Op::Quantize(quantizer) = &fixed.layer.op else { return None };
            let mode = match quantizer.overflow {
                Overflow::Wrap => "wrap",
                Overflow::Saturate => "saturate",
                Overflow::SaturateSymmetric => "saturate-symmetric",
            };
            Some(Overflows { name: fixed.layer.name.clone(), mode, values: 0, overflowed: 0, events: 0 })
        };
        Self {
            events: 0,
            pixels: budget.map(|budget| Pixels { budget, ..Pixels::default() }),
            quantizers: network.layers.iter().filter_map(overflows).collect(),
        }
    }

    /// Counts one event, given as mantissas.
    pub fn count(&mut self, reference: &Reference<'_>, event: &[i64]) {
        self.events += 1;
        let mut quantizers = self.quantizers.iter_mut();
        let pixels = &mut self.pixels;
        let mut before = Value::Dense(event.to_vec());
        reference.run_observed(event, |fixed, value| {
            match (&fixed.layer.op, pixels.as_mut()) {
                (Op::InputReduce { threshold }, Some(pixels)) => pixels.count(fixed.active_pixels(*threshold, &before)),
                (Op::Quantize(quantizer), _) => {
                    if let Some(counts) = quantizers.next() {
                        counts.count(fixed, quantizer, reference.classes_of(fixed), &before);
                    }
                }
                _ => {}
            }
            before.clone_from(value);
        });
    }

    /// Counts what another part of the data set gave too.
    pub fn add(&mut self, other: &Self) {
        self.events += other.events;
        if let (Some(pixels), Some(others)) = (&mut self.pixels, &other.pixels) {
            for (active, events) in &others.histogram {
                *pixels.histogram.entry(*active).or_default() += events;
            }
            pixels.events_over_budget += others.events_over_budget;
            pixels.dropped += others.dropped;
        }
        for (mine, others) in self.quantizers.iter_mut().zip(&other.quantizers) {
            mine.values += others.values;
            mine.overflowed += others.overflowed;
            mine.events += others.events;
        }
    }
}

impl Pixels {
    fn count(&mut self, active: usize) {
        *self.histogram.entry(active).or_default() += 1;
        let dropped = active.saturating_sub(self.budget) as u64;
        self.events_over_budget += u64::from(dropped > 0);
        self.dropped += dropped;
    }
}

impl Overflows {
    fn count(&mut self, fixed: &FixedLayer, quantizer: &Quantizer, classes: &[u16], before: &Value) {
        let format = |at: usize| &quantizer.formats[usize::from(classes.get(at).copied().unwrap_or(0))];
        let mut overflowed = 0;
        let mut look = |at: usize, x: i64| {
            self.values += 1;
            overflowed += u64::from(overflows(format(at), x, fixed, quantizer));
        };
        match (before, &fixed.input_shape) {
            (Value::Sparse { positions, features }, Shape::Sparse { width, channels, .. }) => {
                for (position, pixel) in positions.iter().zip(features.chunks(*channels)) {
                    let at = (position[0] as usize * width + position[1] as usize) * channels;
                    pixel.iter().enumerate().for_each(|(channel, &x)| look(at + channel, x));
                }
            }
            (Value::Dense(values) | Value::Sparse { features: values, .. }, _) => {
                values.iter().enumerate().for_each(|(at, &x)| look(at, x));
            }
        }
        self.overflowed += overflowed;
        self.events += u64::from(overflowed > 0);
    }
}

/// Whether the rounded value is out of the range of its format. A format without bits makes everything 0 by intent.
fn overflows(format: &QuantizerFormat, x: i64, fixed: &FixedLayer, quantizer: &Quantizer) -> bool {
    let (Some(range), Some(f)) = (format.format(), format.fraction()) else { return false };
    let (fraction, divisor) = (fixed.input.fraction, fixed.input.divisor);
    let rounded = QuantizerFormat::RoundOnly { f }.quantize(x.into(), fraction, divisor, quantizer.rounding, quantizer.overflow);
    let range = range.interval();
    let lo = if quantizer.overflow == Overflow::SaturateSymmetric && range.lo < 0 { range.lo + 1 } else { range.lo };
    !(lo..=range.hi).contains(&rounded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_data_set_add_up() {
        let part = |active: usize| {
            let mut pixels = Pixels { budget: 3, ..Pixels::default() };
            pixels.count(active);
            Profile { events: 1, pixels: Some(pixels), quantizers: Vec::new() }
        };
        let mut all = part(3);
        [4, 7, 3].into_iter().for_each(|active| all.add(&part(active)));
        let pixels = all.pixels.unwrap();
        assert_eq!((all.events, pixels.events_over_budget, pixels.dropped), (4, 2, 5));
        assert_eq!(pixels.histogram, [(3, 2), (4, 1), (7, 1)].into());
    }
}
