//! Fully connected layers.

use super::{
    Active, Extent, LayerPlan, Rules, Values, align,
    parts::{Gives, Parts, narrow},
    quantize::{of_channels, round},
    sums,
};
use crate::{
    error::Result,
    fixed::{Format, Interval, bits_for},
    manifest::{Knob, Variant},
    network::{Coefficients, Dense},
    structure::Operation,
};

/// A fully connected layer.
#[derive(Debug, Clone)]
pub struct FixedDense {
    /// Its weights and bias.
    pub dense: Dense,
    /// What every part of every sum is held in.
    pub accumulator: Format,
}

/// The sums of the products, of which only those of pixels that are active at once are not 0.
pub fn fix(op: &Dense, input: &Values) -> Result<(FixedDense, Values)> {
    let product = input.fraction + op.weights.fraction;
    let (fraction, shift_sum, shift_bias) = align(product, op.bias.as_ref().map_or(product, |bias| bias.fraction))?;
    let mut hull = Interval::ZERO;
    let mut intervals = Vec::with_capacity(op.rows * op.outputs);
    for (row, output) in (0..op.rows).flat_map(|row| (0..op.outputs).map(move |output| (row, output))) {
        let x = &input.intervals[row * op.inputs..(row + 1) * op.inputs];
        let weights = op.weights.values[output..].iter().step_by(op.outputs);
        let terms: Vec<Interval> = x.iter().zip(weights).map(|(x, weight)| x.times((*weight).into())).collect();
        let (sum, partial) = sum_of_terms(&terms, input.active);
        let bias = op.bias.as_ref().map_or(0, |bias| (i128::from(bias.values[output]) << shift_bias) * i128::from(input.divisor));
        let bias = Interval { lo: bias, hi: bias };
        let biased = |x: Interval| x.shifted(shift_sum).plus(bias);
        hull = hull.hull(biased(partial)).hull(partial.shifted(shift_sum)).hull(bias);
        intervals.push(biased(sum));
    }
    let output = Values { fraction, divisor: input.divisor, intervals, active: None };
    Ok((FixedDense { dense: op.clone(), accumulator: Format::holding(hull, fraction) }, output))
}

/// The interval of a sum, and the hull of all sums of a part of its terms.
fn sum_of_terms(terms: &[Interval], active: Option<Active>) -> (Interval, Interval) {
    match active {
        Some(Active { pixels, channels }) => {
            let sum_pixel = |pixel: &[Interval]| pixel.iter().copied().fold(Interval::ZERO, Interval::plus);
            let sum = sums::some_of(&terms.chunks(channels).map(sum_pixel).collect::<Vec<_>>(), pixels);
            // Within a pixel a part of the sum can exceed the whole.
            (sum, sum.hull(sums::some_of(terms, pixels.saturating_mul(channels))))
        }
        None => (terms.iter().copied().fold(Interval::ZERO, Interval::plus), sums::some_of(terms, terms.len())),
    }
}

impl Rules for FixedDense {
    fn extent(&self) -> Extent {
        Extent { filters: self.dense.outputs, channels: self.dense.inputs, ..Extent::ONE }
    }

    fn knobs(&self) -> &'static [Knob] {
        &[Knob::Interval, Knob::Filters, Knob::Channels]
    }

    fn variants(&self) -> &'static [Variant] {
        &[]
    }

    fn accumulator(&self) -> Option<Format> {
        Some(self.accumulator)
    }

    fn weights(&self) -> Option<&Coefficients> {
        Some(&self.dense.weights)
    }

    fn gives(&self, plan: &LayerPlan) -> Gives {
        Gives::Values(self.dense.rows * plan.filters_per_cycle)
    }

    fn parts(&self, p: &mut Parts<'_>) {
        match p.fixed.input.active {
            Some(active) if p.plan.variant == Some(Variant::LookUp) => self.look_up(p, active),
            _ => self.all_inputs(p),
        }
    }
}

impl FixedDense {
    /// Flatten, quantizer and dense layer in one.
    fn look_up(&self, p: &mut Parts<'_>, active: Active) {
        let Self { dense, accumulator } = self;
        let LayerPlan { pixels_per_cycle: lanes, filters_per_cycle, .. } = *p.plan;
        let channels = active.channels;
        let places = dense.inputs / channels;
        let (bits, weight, width) = (p.fixed.input.format().width, dense.weights.format().width, accumulator.width);
        let position = bits_for(places);
        let live = lanes * (position as usize + channels * bits as usize);
        // A position has about as many bits as the row and the column that it is made of.
        p.turns(active.pixels, lanes, position + narrow(channels) * bits, lanes, live);
        p.add("position", Operation::Add { width: position }, 2 * lanes, 2, live);
        if let Some((quantizer, input)) = p.around.quantizer {
            round(p, &quantizer.quantizer, input, bits, &of_channels(quantizer, channels), lanes, places);
        }
        let products = lanes * channels * filters_per_cycle;
        let table = Operation::Constants { entries: narrow(places * (dense.outputs / filters_per_cycle.max(1))), width: weight };
        p.add("weight", table, products, 1, live + products * weight as usize);
        let product = (bits + weight).min(width.max(bits));
        p.add("multiply", Operation::Multiply { a: bits, b: weight }, products, 1, products * product as usize);
        p.sum(filters_per_cycle, lanes * channels, product);
        let sums = dense.outputs * width as usize;
        p.add("accumulate", Operation::Add { width }, filters_per_cycle, u32::from(p.plan.steps > 1), sums);
        p.add("bias", Operation::Add { width }, filters_per_cycle, 1, sums);
        p.held = if p.plan.steps > 1 { sums as u64 } else { 0 };
    }

    fn all_inputs(&self, p: &mut Parts<'_>) {
        let Self { dense, accumulator } = self;
        let LayerPlan { filters_per_cycle: outputs, channels_per_cycle: inputs, .. } = *p.plan;
        let (bits, weight, width) = (p.fixed.input.format().width, dense.weights.format().width, accumulator.width);
        let product = (bits + weight).min(width.max(bits));
        let sums = dense.rows * outputs;
        if p.plan.steps == 1 {
            p.constant_sums(&dense.weights.values, sums, dense.outputs, product, dense.rows * dense.inputs);
        } else {
            let all = dense.rows * dense.inputs * bits as usize;
            p.turns(dense.inputs, inputs, bits, dense.rows * inputs, all);
            p.variable_products(sums * inputs, p.plan.steps, bits, weight);
            p.sum(sums, inputs, product);
            p.held = (dense.rows * dense.outputs * width as usize) as u64;
        }
        if dense.bias.is_some() || inputs < dense.inputs {
            p.add("bias", Operation::Add { width }, sums, 1, dense.rows * dense.outputs * width as usize);
        }
    }
}
