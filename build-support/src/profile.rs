//! What a data set does to a model: how many pixels are active, and how many values leave the range of each quantizer.
//!
//! Pixels are counted on the floats of the data set, before anything is truncated or dropped. Overflows are counted from
//! what goes into a quantizer of the reference interpreter, which stays as it is; where that is the input itself, from the
//! floats too.

use std::collections::{BTreeMap, HashMap};

use crate::{
    fixed::{Overflow, QuantizerFormat},
    formats::{FixedLayer, FixedNetwork, InputGrid},
    network::{Origin, Quantizer, Relu},
    ops::{FixedOp, FixedQuantizer, FixedReduce},
    reference::{Reference, Value},
};

/// The thresholds that are tried, as multiples of the model's; of the largest input, if that is 0.
const OF_THRESHOLD: [f32; 11] = [0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0];
const OF_LARGEST: [f32; 9] = [0.0, 0.015625, 0.03125, 0.0625, 0.125, 0.25, 0.375, 0.5, 0.75];

/// The counts of a data set.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Profile {
    /// Events counted.
    pub events: u64,
    /// Active pixels, if the network has an input reduction.
    pub pixels: Option<Pixels>,
    /// The quantizers of values, in their order.
    pub quantizers: Vec<Overflows>,
}

/// Active pixels, before the input reduction drops any.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Pixels {
    /// Pixels that are kept.
    pub budget: usize,
    /// Pixels whose first channel is not 0 and not above the threshold: what the threshold costs.
    pub below_threshold: u64,
    /// Active pixels: those above the threshold.
    pub active: u64,
    /// Events by their number of active pixels.
    pub histogram: BTreeMap<usize, u64>,
    /// Events with more active pixels than the budget.
    pub events_over_budget: u64,
    /// Active pixels that were dropped: what the budget costs.
    pub dropped: u64,
    /// What other thresholds would do, in ascending order, the model's among them; none if the pixels are not the input's.
    pub thresholds: Vec<AtThreshold>,
}

/// Active pixels with a threshold, before any are dropped.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AtThreshold {
    /// A pixel is active if its first channel is above it.
    pub threshold: f32,
    /// Whether it is the model's.
    pub is_chosen: bool,
    /// Events by their number of active pixels.
    pub histogram: BTreeMap<usize, u64>,
}

/// The smallest budgets that keep what is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budgets {
    /// 99 %.
    pub percent_99: usize,
    /// 99.9 %.
    pub percent_99_9: usize,
    /// All.
    pub all: usize,
}

/// Values beyond the range of a quantizer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overflows {
    /// The op's name. Untrusted text.
    pub name: String,
    /// Whose quantizer it is.
    pub origin: Origin,
    /// What happens to them: `wrap`, `saturate` or `saturate-symmetric`.
    pub mode: &'static str,
    /// Values that were quantized: those of active pixels, where the value is sparse.
    pub values: u64,
    /// Values that were out of range after rounding.
    pub overflowed: u64,
    /// Negative values that became 0 as a ReLU makes them: by saturating without a sign, or before a ReLU.
    pub clipped_at_zero: u64,
    /// Events with a value that overflowed.
    pub events: u64,
    /// Whether nothing has changed the input's values before.
    is_first: bool,
    /// Whether a ReLU comes next, which makes 0 of all below 0.
    before_relu: bool,
}

impl Profile {
    /// Nothing counted yet.
    pub fn new(network: &FixedNetwork) -> Self {
        let pixels = network.layers.iter().enumerate().find_map(|(at, fixed)| match &fixed.layer.op {
            FixedOp::InputReduce(reduce) => Some(Pixels {
                budget: reduce.pixels.slots,
                thresholds: if at == 0 { thresholds(reduce, &network.input) } else { Vec::new() },
                ..Pixels::default()
            }),
            _ => None,
        });
        let untouched = network.untouched();
        let overflows = |(at, fixed): (usize, &FixedLayer)| {
            let FixedOp::Quantize(FixedQuantizer { quantizer, .. }) = &fixed.layer.op else { return None };
            let mode = match quantizer.overflow {
                Overflow::Wrap => "wrap",
                Overflow::Saturate => "saturate",
                Overflow::SaturateSymmetric => "saturate-symmetric",
            };
            let next = network.layers.get(at + 1).map(|next| &next.layer.op);
            Some(Overflows {
                name: fixed.layer.name.clone(),
                origin: fixed.layer.origin,
                mode,
                values: 0,
                overflowed: 0,
                clipped_at_zero: 0,
                events: 0,
                is_first: at == untouched,
                before_relu: matches!(next, Some(FixedOp::Relu(Relu { slope: None, .. }))),
            })
        };
        Self { events: 0, pixels, quantizers: network.layers.iter().enumerate().filter_map(overflows).collect() }
    }

    /// Counts one event, given as floats and as the mantissas that these become.
    pub fn count(&mut self, reference: &Reference<'_>, floats: &[f64], event: &[i64]) {
        self.events += 1;
        let grid = &reference.network().input;
        let beyond = out_of_range(grid, floats, event);
        let mut quantizers = self.quantizers.iter_mut();
        let pixels = &mut self.pixels;
        let mut before = Value::Dense(event.to_vec());
        let mut is_input = true;
        reference.run_observed(event, |fixed, value| {
            match (&fixed.layer.op, pixels.as_mut()) {
                (FixedOp::InputReduce(reduce), Some(pixels)) if is_input => pixels.count_floats(reduce, floats),
                (FixedOp::InputReduce(reduce), Some(pixels)) => pixels.count(reduce.active_pixels(before.elements()), 0),
                (FixedOp::Quantize(quantizer), _) => {
                    if let Some(counts) = quantizers.next() {
                        counts.count(fixed, quantizer, &before, &beyond);
                    }
                }
                _ => {}
            }
            is_input = false;
            before.clone_from(value);
        });
    }

    /// Counts what another part of the data set gave too.
    pub fn add(&mut self, other: &Self) {
        self.events += other.events;
        if let (Some(pixels), Some(others)) = (&mut self.pixels, &other.pixels) {
            merge(&mut pixels.histogram, &others.histogram);
            for (mine, other) in pixels.thresholds.iter_mut().zip(&others.thresholds) {
                merge(&mut mine.histogram, &other.histogram);
            }
            pixels.below_threshold += others.below_threshold;
            pixels.active += others.active;
            pixels.events_over_budget += others.events_over_budget;
            pixels.dropped += others.dropped;
        }
        for (mine, others) in self.quantizers.iter_mut().zip(&other.quantizers) {
            mine.values += others.values;
            mine.overflowed += others.overflowed;
            mine.clipped_at_zero += others.clipped_at_zero;
            mine.events += others.events;
        }
    }
}

fn merge(histogram: &mut BTreeMap<usize, u64>, other: &BTreeMap<usize, u64>) {
    other.iter().for_each(|(active, events)| *histogram.entry(*active).or_default() += events);
}

/// The thresholds to try.
fn thresholds(reduce: &FixedReduce, grid: &InputGrid) -> Vec<AtThreshold> {
    let chosen = reduce.threshold.map_or(0.0, |threshold| threshold.value);
    let largest = (grid.format.range().hi as f64 * f64::from(-grid.format.fraction).exp2()) as f32;
    let mut tried: Vec<f32> = if chosen > 0.0 {
        OF_THRESHOLD.iter().map(|part| part * chosen).filter(|tried| *tried <= chosen.max(largest)).collect()
    } else {
        OF_LARGEST.iter().map(|part| part * largest).chain([chosen]).collect()
    };
    tried.sort_by(f32::total_cmp);
    tried.dedup();
    let tried = tried.into_iter();
    tried.map(|threshold| AtThreshold { threshold, is_chosen: threshold == chosen, histogram: BTreeMap::new() }).collect()
}

impl AtThreshold {
    /// Active pixels of an event, on average.
    pub fn mean(&self) -> f64 {
        let events: u64 = self.histogram.values().sum();
        let active: u64 = self.histogram.iter().map(|(active, events)| *active as u64 * events).sum();
        if events == 0 { 0.0 } else { active as f64 / events as f64 }
    }

    /// The least number that so many thousandths of the events do not exceed.
    pub fn not_exceeded(&self, thousandths: u64) -> usize {
        let all = u128::from(self.histogram.values().sum::<u64>()) * u128::from(thousandths);
        let mut seen = 0;
        let mut enough = self.histogram.iter().filter(|(_, events)| {
            seen += u128::from(**events) * 1000;
            seen >= all
        });
        enough.next().map_or(0, |(active, _)| *active)
    }
}

/// The values of an event that the input grid has wrapped or saturated, by their position: as mantissas before that.
fn out_of_range(grid: &InputGrid, floats: &[f64], event: &[i64]) -> HashMap<usize, i128> {
    let there = floats.iter().zip(event).enumerate().filter(|(_, (x, _))| **x != 0.0);
    let unreduced = there.filter_map(|(at, (x, &mantissa))| {
        let wide = grid.unreduced(*x);
        (wide != i128::from(mantissa)).then_some((at, wide))
    });
    unreduced.collect()
}

impl Pixels {
    /// Counts an image as Keras looks at it: in float32.
    fn count_floats(&mut self, reduce: &FixedReduce, floats: &[f64]) {
        let (mut active, mut below) = (0, 0);
        // Pixels that are above so many of the thresholds.
        let mut above = vec![0; self.thresholds.len() + 1];
        for x in floats.iter().step_by(reduce.pixels.channels).map(|x| *x as f32) {
            above[self.thresholds.partition_point(|tried| tried.threshold < x)] += 1;
            let is_active = reduce.threshold.map_or(x != 0.0, |threshold| x > threshold.value);
            active += usize::from(is_active);
            below += u64::from(x != 0.0 && !is_active);
        }
        let mut so_far = 0;
        for (tried, above) in self.thresholds.iter_mut().zip(&above[1..]).rev() {
            so_far += above;
            *tried.histogram.entry(so_far).or_default() += 1;
        }
        self.count(active, below);
    }

    fn count(&mut self, active: usize, below: u64) {
        *self.histogram.entry(active).or_default() += 1;
        let dropped = active.saturating_sub(self.budget) as u64;
        self.active += active as u64;
        self.below_threshold += below;
        self.events_over_budget += u64::from(dropped > 0);
        self.dropped += dropped;
    }

    /// The budgets with which so many of the events lose no pixel.
    pub fn budgets_for_events(&self) -> Budgets {
        let events: u64 = self.histogram.values().sum();
        self.budgets(events, |budget| self.histogram.range(..=budget).map(|(_, events)| events).sum())
    }

    /// The budgets with which so many of the active pixels are kept.
    pub fn budgets_for_pixels(&self) -> Budgets {
        self.budgets(self.active, |budget| {
            self.histogram.iter().map(|(active, events)| *active.min(&budget) as u64 * events).sum()
        })
    }

    /// The smallest budgets for which `kept` of them is at least 99 %, 99.9 % and all of `all`.
    fn budgets(&self, all: u64, kept: impl Fn(usize) -> u64) -> Budgets {
        let most = self.histogram.last_key_value().map_or(0, |(active, _)| *active);
        let least = |thousandths: u128| {
            let enough = |budget: usize| u128::from(kept(budget)) * 1000 >= u128::from(all) * thousandths;
            // `kept` grows with the budget.
            let (mut low, mut high) = (0, most);
            while low < high {
                let middle = low.midpoint(high);
                if enough(middle) { high = middle } else { low = middle + 1 }
            }
            low
        };
        Budgets { percent_99: least(990), percent_99_9: least(999), all: least(1000) }
    }
}

/// Where a rounded value lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Inside,
    Above,
    Below,
    /// Below 0, where the format has no sign.
    Negative,
}

impl Overflows {
    fn count(
        &mut self,
        fixed: &FixedLayer,
        FixedQuantizer { quantizer, classes, .. }: &FixedQuantizer,
        before: &Value,
        beyond: &HashMap<usize, i128>,
    ) {
        let format = |at: usize| &quantizer.formats[usize::from(classes[at])];
        let wide = |at: usize, x: i64| if self.is_first { beyond.get(&at).copied() } else { None }.unwrap_or(x.into());
        let (mut values, mut overflowed, mut clipped) = (0, 0, 0);
        let mut look = |at: usize, x: i64| {
            values += 1;
            match (place(format(at), wide(at, x), fixed, quantizer), quantizer.overflow) {
                (Place::Inside, _) => {}
                (Place::Negative, Overflow::Saturate | Overflow::SaturateSymmetric) => clipped += 1,
                (Place::Below, Overflow::Saturate | Overflow::SaturateSymmetric) if self.before_relu => clipped += 1,
                _ => overflowed += 1,
            }
        };
        match before {
            Value::Sparse(pixels) => pixels.places().zip(&pixels.features).for_each(|(at, &x)| look(at, x)),
            Value::Dense(values) => values.iter().enumerate().for_each(|(at, &x)| look(at, x)),
        }
        self.values += values;
        self.overflowed += overflowed;
        self.clipped_at_zero += clipped;
        self.events += u64::from(overflowed > 0);
    }
}

/// Where the rounded value lies. A format without bits makes everything 0 by intent.
fn place(format: &QuantizerFormat, x: i128, fixed: &FixedLayer, quantizer: &Quantizer) -> Place {
    let (Some(of), Some(f)) = (format.format(), format.fraction()) else { return Place::Inside };
    let (fraction, divisor) = (fixed.input.fraction, fixed.input.divisor);
    let rounded = QuantizerFormat::RoundOnly { f }.quantize(x, fraction, divisor, quantizer.rounding, quantizer.overflow);
    let range = of.range();
    let lo = if quantizer.overflow == Overflow::SaturateSymmetric && of.signed { range.lo + 1 } else { range.lo };
    match rounded {
        _ if rounded > range.hi => Place::Above,
        _ if rounded >= lo => Place::Inside,
        _ if of.signed => Place::Below,
        _ => Place::Negative,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{network::SparseShape, ops::reduce::Threshold};

    #[test]
    fn the_parts_of_a_data_set_add_up() {
        let part = |active: usize| {
            let mut pixels = Pixels { budget: 3, ..Pixels::default() };
            pixels.count(active, 2);
            Profile { events: 1, pixels: Some(pixels), quantizers: Vec::new() }
        };
        let mut all = part(3);
        [4, 7, 3].into_iter().for_each(|active| all.add(&part(active)));
        let pixels = all.pixels.unwrap();
        assert_eq!((all.events, pixels.events_over_budget, pixels.dropped), (4, 2, 5));
        assert_eq!((pixels.active, pixels.below_threshold), (17, 8));
        assert_eq!(pixels.histogram, [(3, 2), (4, 1), (7, 1)].into());
    }

    #[test]
    fn other_thresholds_are_counted_at_once() {
        let reduce = FixedReduce {
            threshold: Some(Threshold { value: 0.5, floor: 2 }),
            pixels: SparseShape { slots: 2, channels: 1, height: 2, width: 3 },
        };
        let tried = |values: &[f32]| {
            let tried = values.iter().map(|&threshold| AtThreshold { threshold, ..AtThreshold::default() });
            Pixels { budget: 2, thresholds: tried.collect(), ..Pixels::default() }
        };
        let mut pixels = tried(&[0.0, 0.5, 1.0]);
        pixels.count_floats(&reduce, &[0.0, 0.25, 0.5, 0.75, 1.0, 2.0]);
        pixels.count_floats(&reduce, &[0.0, 0.0, f64::NAN, -1.0, 0.5, 0.1]);
        let histograms: Vec<_> = pixels.thresholds.iter().map(|tried| tried.histogram.clone()).collect();
        assert_eq!(histograms, [[(5, 1), (2, 1)].into(), [(3, 1), (0, 1)].into(), [(1, 1), (0, 1)].into()]);
        assert_eq!(pixels.histogram, histograms[1]);
        let at = &pixels.thresholds[1];
        assert_eq!((at.mean(), at.not_exceeded(500), at.not_exceeded(501), at.not_exceeded(1000)), (1.5, 0, 3, 3));
    }

    #[test]
    fn the_smallest_budget_that_keeps_enough() {
        // 985 events with 5 pixels, 10 with 8, 4 with 9, 1 with 20.
        let pixels = Pixels {
            histogram: [(5, 985), (8, 10), (9, 4), (20, 1)].into(),
            active: 985 * 5 + 80 + 36 + 20,
            ..Pixels::default()
        };
        assert_eq!(pixels.budgets_for_events(), Budgets { percent_99: 8, percent_99_9: 9, all: 20 });
        // 5061 pixels: with 5 slots 5000 are kept (98.8 %), with 6 5015 (99.1 %), with 9 5050, with 14 5055, with 15 5056.
        assert_eq!(pixels.budgets_for_pixels(), Budgets { percent_99: 6, percent_99_9: 15, all: 20 });
        let nothing = Pixels::default();
        assert_eq!(nothing.budgets_for_events(), Budgets { percent_99: 0, percent_99_9: 0, all: 0 });
    }
}
