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

/// The counts of a data set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profile {
    /// Events counted.
    pub events: u64,
    /// Active pixels, if the network has an input reduction.
    pub pixels: Option<Pixels>,
    /// The quantizers of values, in their order.
    pub quantizers: Vec<Overflows>,
}

/// Active pixels, before the input reduction drops any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
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
        let budget = network.layers.iter().find_map(|fixed| match &fixed.layer.op {
            FixedOp::InputReduce(reduce) => Some(reduce.pixels.slots),
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
        Self {
            events: 0,
            pixels: budget.map(|budget| Pixels { budget, ..Pixels::default() }),
            quantizers: network.layers.iter().enumerate().filter_map(overflows).collect(),
        }
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
            for (active, events) in &others.histogram {
                *pixels.histogram.entry(*active).or_default() += events;
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
        for x in floats.iter().step_by(reduce.pixels.channels).map(|x| *x as f32) {
            let is_active = reduce.threshold.map_or(x != 0.0, |threshold| x > threshold.value);
            active += usize::from(is_active);
            below += u64::from(x != 0.0 && !is_active);
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
