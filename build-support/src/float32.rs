//! How far Keras may be off: what its own float32 arithmetic can round, for each value of one event.
//!
//! Keras computes what the network says in float32, which holds 24 bits. Where formats need more, it rounds, and a value
//! that lies near a rounding boundary of a quantizer may land on its other side. [`Float32::bounds`] follows one event
//! through the layers and keeps for each value how far Keras may be below and above the exact one; the exact values are
//! those of the reference. The bounds hold
//!
//! - for a sum in any order and any grouping, with products rounded or fused into the sum (`sum`);
//! - for a quantizer on both sides of every boundary within reach (`quantize`), with what its own float32 arithmetic
//!   rounds;
//! - for a bias that is added only where a sum is not zero, with and without it, if the sum may be zero;
//! - for a mean, whether Keras divides or multiplies with the reciprocal.
//!
//! They do not cover inputs that are off the input grid, nor float functions: these are what `network::Function` says.

mod quantize;
mod sum;

use self::{
    quantize::Steps,
    sum::{Sum, Unit},
};
use crate::{
    formats::FixedNetwork,
    network::{Coefficients, Conv2d, Dense, Quantizer, Relu},
    ops::{
        FixedAffine, FixedBias, FixedLayer, FixedLookup, FixedNormalize, FixedOp, FixedPooling2d, FixedReduce, Pooled, Table,
        Values,
    },
    reference::{Pixels, Reference, Value},
};

/// Bits of a mantissa that float32 holds in any case, with one to spare for what a quantizer adds.
const SAFE_BITS: u32 = 23;

/// How far a value of Keras may be below and above the exact one, in units of its mantissa.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Slack {
    /// How far below.
    pub below: f64,
    /// How far above.
    pub above: f64,
}

impl Slack {
    /// More than any mantissa has: nothing is known of the value.
    const UNBOUNDED: Self = Self { below: 1e30, above: 1e30 };

    /// The same on both sides.
    fn both(size: f64) -> Self {
        Self { below: size, above: size }
    }

    /// Whether Keras has the exact value.
    pub(crate) fn is_zero(&self) -> bool {
        self.below == 0.0 && self.above == 0.0
    }

    /// The larger side.
    pub(crate) fn largest(&self) -> f64 {
        self.below.max(self.above)
    }

    fn plus(self, other: Self) -> Self {
        Self { below: self.below + other.below, above: self.above + other.above }
    }

    /// After a multiplication with a constant.
    fn times(self, factor: f64) -> Self {
        let (below, above) = (self.below * factor.abs(), self.above * factor.abs());
        if factor < 0.0 { Self { below: above, above: below } } else { Self { below, above } }
    }

    /// The slack around `exact` of values from `lo` to `hi`, which is never negative.
    fn of(exact: i128, lo: i128, hi: i128) -> Self {
        let distance = |far: i128| far.max(0) as f64;
        Self { below: distance(exact.saturating_sub(lo)), above: distance(hi.saturating_sub(exact)) }
    }

    /// Where Keras has multiples of `2^-finer`, it is off by such.
    fn on_grid(self, finer: i32) -> Self {
        let scale = 2f64.powi(finer);
        let down = |x: f64| (x * scale).floor() / scale;
        Self { below: down(self.below), above: down(self.above) }
    }

    /// A little more, for what double precision rounds here, and never beyond all bounds.
    fn rounded_up(self) -> Self {
        let up = |x: f64| (x * (1.0 + 1e-9)).min(Self::UNBOUNDED.below);
        Self { below: up(self.below), above: up(self.above) }
    }
}

/// The slack of every element of `value` as Keras shapes it: none where no pixel is active.
pub fn to_dense(slack: &[Slack], value: &Value) -> Vec<Slack> {
    match value {
        // An empty list is for values that are all exact.
        _ if slack.is_empty() => vec![Slack::default(); value.to_dense().len()],
        Value::Sparse(pixels) => pixels.scatter(slack),
        Value::Dense(_) => slack.to_vec(),
    }
}

/// What Keras may give for one event.
#[derive(Debug, Clone)]
pub struct Bounds<'a> {
    network: &'a FixedNetwork,
    /// The exact outputs, as mantissas.
    pub exact: Vec<i64>,
    slack: Vec<Slack>,
    /// The first layer one of whose values may be anything in its range.
    blurred: Option<&'a str>,
}

impl Bounds<'_> {
    /// How far Keras may be off at an output.
    pub(crate) fn slack(&self, output: usize) -> Slack {
        at(&self.slack, output)
    }

    /// How far the output of an engine, which is the float32 next to the exact one, and Keras's may be apart. The tolerance
    /// of the network comes on top.
    pub(crate) fn bound(&self, output: usize) -> f64 {
        let exact = self.exact[output] as f64 * self.unit();
        self.slack(output).largest() * self.unit() + (exact - f64::from(exact as f32)).abs()
    }

    fn unit(&self) -> f64 {
        2f64.powi(-self.network.output().fraction)
    }

    /// Whether float32 explains that Keras has `expected` there.
    pub fn explains(&self, output: usize, expected: f64) -> bool {
        let slack = self.slack(output);
        let more = self.network.tolerance / self.unit();
        // The exact mantissa can have more bits than double precision.
        let exact = self.exact[output];
        let rest = (i128::from(exact) - exact as f64 as i128) as f64;
        let difference = expected / self.unit() - exact as f64 - rest;
        !slack.is_zero() && -slack.below - more <= difference && difference <= slack.above + more
    }

    /// The layer that makes the bound of an output useless: as wide as all the values that the output can have.
    pub(crate) fn useless(&self, output: usize) -> Option<&str> {
        let last = self.network.layers.last()?;
        covers(&last.output, output, self.exact[output], self.slack(output)).then(|| self.blurred.unwrap_or(&last.layer.name))
    }
}

/// Whether Keras may have every value of the range that formats give this one.
fn covers(values: &Values, at: usize, exact: i64, slack: Slack) -> bool {
    let range = values.range_at(at);
    let (down, up) = (i128::from(exact) - range.lo, range.hi - i128::from(exact));
    range.lo < range.hi && slack.below >= down as f64 && slack.above >= up as f64
}

/// The slack of an element; an empty list is for values that are all exact.
fn at(slack: &[Slack], at: usize) -> Slack {
    if slack.is_empty() { Slack::default() } else { slack[at] }
}

/// The analysis of a network.
#[derive(Debug)]
pub struct Float32<'a> {
    network: &'a FixedNetwork,
    reference: Reference<'a>,
    /// Which layers can round, whatever goes in.
    rounding: Vec<bool>,
}

impl<'a> Float32<'a> {
    /// Prepares the analysis.
    pub fn new(network: &'a FixedNetwork) -> Self {
        let rounding = network.layers.iter().map(can_round).collect();
        Self { network, reference: Reference::new(network), rounding }
    }

    /// Whether any event can make Keras round, by the formats alone. If not, all bounds are 0.
    pub fn can_round(&self) -> bool {
        self.network.input.format.width > SAFE_BITS || self.rounding.contains(&true)
    }

    /// The network.
    pub(crate) fn network(&self) -> &'a FixedNetwork {
        self.network
    }

    /// What Keras may give for the input mantissas of one event.
    pub fn bounds(&self, input: &[i64]) -> Bounds<'a> {
        self.bounds_if(input, true)
    }

    /// What Keras may give if all its values wrap as the exact ones do. Near the end of a range that wraps, [`Self::bounds`]
    /// must allow for everything in it; these bounds are a part of those.
    pub(crate) fn bounds_without_crossing(&self, input: &[i64]) -> Bounds<'a> {
        self.bounds_if(input, false)
    }

    fn bounds_if(&self, input: &[i64], crosses: bool) -> Bounds<'a> {
        let mut blurred = None;
        let mut slack = Vec::new();
        let exact = self.observe(input, crosses, |fixed, value, layer| {
            let mut elements = value.elements().iter().zip(layer).enumerate();
            if blurred.is_none() && elements.any(|(at, (&x, &slack))| !slack.is_zero() && covers(&fixed.output, at, x, slack)) {
                blurred = Some(fixed.layer.name.as_str());
            }
            slack = layer.to_vec();
        });
        Bounds { network: self.network, exact, slack, blurred }
    }

    /// Follows one event; `observe` sees every layer, its exact value and the slack of its elements, which is empty where
    /// all are exact.
    pub fn bounds_observed(&self, input: &[i64], observe: impl FnMut(&'a FixedLayer, &Value, &[Slack])) -> Vec<i64> {
        self.observe(input, true, observe)
    }

    fn observe(&self, input: &[i64], crosses: bool, mut observe: impl FnMut(&'a FixedLayer, &Value, &[Slack])) -> Vec<i64> {
        let mut layers = self.network.layers.iter().zip(&self.rounding);
        let (mut slack, mut finer) = (self.of_input(input), 0);
        let mut before = None;
        self.reference.run_observed(input, |_, after| {
            let Some((fixed, rounds)) = layers.next() else { return };
            let x = before.take().unwrap_or_else(|| Value::Dense(input.to_vec()));
            if *rounds || !slack.is_empty() {
                let unit = Unit::new(fixed.input.divisor, finer);
                let layer = Step { fixed, x: &x, slack: &slack, y: after, unit, crosses };
                finer = layer.finer();
                slack = self.step(&layer).into_iter().map(Slack::rounded_up).collect();
                if fixed.output.divisor == 1 {
                    slack.iter_mut().for_each(|slack| *slack = slack.on_grid(finer));
                }
            }
            if slack.iter().all(Slack::is_zero) {
                slack.clear();
                finer = 0;
            }
            observe(fixed, after, &slack);
            before = Some(after.clone());
        })
    }

    /// An input that no float32 holds became the nearest one in Keras.
    fn of_input(&self, input: &[i64]) -> Vec<Slack> {
        if self.network.input.format.width <= SAFE_BITS {
            return Vec::new();
        }
        let unit = Unit::new(1, 0);
        input.iter().map(|&x| unit.rounded(x.into(), Slack::default())).collect()
    }

    fn step(&self, layer: &Step<'_>) -> Vec<Slack> {
        let fixed = layer.fixed;
        match &fixed.layer.op {
            FixedOp::InputReduce(reduce) => layer.input_reduce(reduce),
            FixedOp::Quantize(op) => layer.quantize(&op.quantizer, &op.classes),
            FixedOp::SparseConv2d(op) => layer.conv2d(&op.conv),
            FixedOp::SparseBias(FixedBias { bias }) => layer.sparse_bias(bias),
            FixedOp::SparsePooling2d(pooling) => layer.pool(pooling),
            FixedOp::SparseFlatten(_) => to_dense(layer.slack, layer.x),
            FixedOp::Relu(options) => layer.relu(options),
            FixedOp::Dense(op) => layer.dense(&op.dense),
            FixedOp::Affine(FixedAffine { scale, offset }) => layer.affine(scale, offset),
            FixedOp::MaxMinus(_) => layer.max_minus(),
            FixedOp::Lookup(op) => layer.look_up(op),
            FixedOp::Normalize(op) => {
                // The tables of a float softmax stand for something else in Keras, which the tolerance covers.
                let stands_in =
                    self.network.tolerance > 0.0 && self.network.layers.last().is_some_and(|last| std::ptr::eq(last, fixed));
                layer.normalize(op, stands_in)
            }
            FixedOp::Reshape(_) => layer.slack.to_vec(),
        }
    }
}

/// Whether float32 can round anywhere in this layer, by the formats alone.
fn can_round(fixed: &FixedLayer) -> bool {
    let is_wide =
        |quantizer: &Quantizer| quantizer.formats.iter().filter_map(|q| q.format()).any(|format| format.width > SAFE_BITS);
    let quantizer = match &fixed.layer.op {
        FixedOp::Quantize(op) => is_wide(&op.quantizer),
        FixedOp::Normalize(op) => is_wide(&op.sum),
        FixedOp::InputReduce(_)
        | FixedOp::SparseConv2d(_)
        | FixedOp::SparseBias(_)
        | FixedOp::SparsePooling2d(_)
        | FixedOp::SparseFlatten(_)
        | FixedOp::Relu(_)
        | FixedOp::Dense(_)
        | FixedOp::Affine(_)
        | FixedOp::MaxMinus(_)
        | FixedOp::Lookup(_)
        | FixedOp::Reshape(_) => false,
    };
    let formats = [Some(fixed.input.format()), Some(fixed.output.format()), fixed.about().accumulator];
    quantizer
        || fixed.input.divisor != 1
        || fixed.output.divisor != 1
        || formats.into_iter().flatten().any(|format| format.width > SAFE_BITS)
}

/// One layer of one event.
struct Step<'a> {
    fixed: &'a FixedLayer,
    x: &'a Value,
    slack: &'a [Slack],
    y: &'a Value,
    unit: Unit,
    /// Whether a value may wrap in Keras where the exact one does not.
    crosses: bool,
}

impl Step<'_> {
    /// Every element that goes in, with its slack.
    fn inputs(&self) -> impl Iterator<Item = (i64, Slack)> {
        self.x.elements().iter().enumerate().map(|(index, &x)| (x, at(self.slack, index)))
    }

    /// How many bits the output has behind the point beyond those of the input.
    fn shift(&self) -> i32 {
        self.fixed.output.fraction - self.fixed.input.fraction
    }

    /// How many bits Keras's results may have behind those of the mantissa: a quantizer finer than formats found any value to
    /// be can get a value that is.
    fn finer(&self) -> i32 {
        match &self.fixed.layer.op {
            FixedOp::Quantize(op) if !self.slack.is_empty() => {
                let fraction = op.quantizer.formats.iter().filter_map(|format| format.fraction()).max();
                fraction.map_or(0, |f| (f - self.fixed.output.fraction).max(0))
            }
            FixedOp::Quantize(_) | FixedOp::Lookup(_) | FixedOp::Normalize(_) => 0,
            FixedOp::InputReduce(_)
            | FixedOp::SparseConv2d(_)
            | FixedOp::SparseBias(_)
            | FixedOp::SparsePooling2d(_)
            | FixedOp::SparseFlatten(_)
            | FixedOp::Relu(_)
            | FixedOp::Dense(_)
            | FixedOp::Affine(_)
            | FixedOp::MaxMinus(_)
            | FixedOp::Reshape(_) => self.unit.finer(),
        }
    }

    /// A pixel whose value may be on either side of the threshold makes everything uncertain.
    fn input_reduce(&self, reduce: &FixedReduce) -> Vec<Slack> {
        let kept = self.y.pixels();
        let threshold = reduce.threshold.map_or(0.0, |threshold| f64::from(threshold.value))
            * 2f64.powi(self.fixed.input.fraction)
            * self.unit.divisor();
        let is_uncertain = |(x, slack): (i64, Slack)| {
            let x = x as f64 - threshold;
            !slack.is_zero() && x - slack.below <= 0.0 && x + slack.above >= 0.0
        };
        if self.inputs().step_by(reduce.pixels.channels).any(is_uncertain) {
            return vec![Slack::UNBOUNDED; kept.features.len()];
        }
        kept.places().map(|place| at(self.slack, place)).collect()
    }

    /// The format index of every element that goes in, of a quantizer with these `classes`.
    fn classes(&self, classes: &[u16]) -> Vec<u16> {
        match self.x {
            Value::Sparse(pixels) => pixels.places().map(|place| classes[place]).collect(),
            Value::Dense(_) => classes.to_vec(),
        }
    }

    fn quantize(&self, quantizer: &Quantizer, classes: &[u16]) -> Vec<Slack> {
        let fraction = self.fixed.output.fraction;
        let element = |((x, slack), class): ((i64, Slack), u16)| {
            let format = quantizer.formats[usize::from(class)];
            let steps = quantize::steps(format, quantizer, (x, slack), (&self.fixed.input, self.unit), self.crosses);
            let scale = 2f64.powi(fraction - format.fraction().unwrap_or(fraction));
            Slack::of(steps.exact, steps.lo, steps.hi).times(scale)
        };
        self.inputs().zip(self.classes(classes)).map(element).collect()
    }

    fn conv2d(&self, conv: &Conv2d) -> Vec<Slack> {
        let Pixels { positions, features, .. } = self.x.pixels();
        let Conv2d { kernel, channels, filters, weights } = conv;
        let pad = kernel.map(|size| (size - 1) / 2);
        let mut sums = vec![Sum::new(self.unit); *filters];
        let mut out = Vec::with_capacity(positions.len() * filters);
        for p in positions {
            for (pixel, q) in positions.iter().enumerate() {
                let tap = |axis: usize| (q[axis] as usize + pad[axis]).checked_sub(p[axis] as usize);
                let inside = |axis: usize| tap(axis).filter(|tap| *tap < kernel[axis]);
                let (Some(row), Some(column)) = (inside(0), inside(1)) else { continue };
                let taps = &weights.values[(row * kernel[1] + column) * channels * filters..];
                for (channel, taps) in (0..*channels).zip(taps.chunks(*filters)) {
                    let index = pixel * channels + channel;
                    let (x, slack) = (features[index], at(self.slack, index));
                    sums.iter_mut().zip(taps).for_each(|(sum, weight)| sum.push(x, slack, (*weight).into()));
                }
            }
            out.extend(sums.iter_mut().map(Sum::finish));
        }
        out
    }

    /// Where Keras may find a zero, the bias may be missing; where it may find none, it may be there.
    fn sparse_bias(&self, bias: &Coefficients) -> Vec<Slack> {
        let (shift_x, shift_b) = (self.shift() as u32, (self.fixed.output.fraction - bias.fraction) as u32);
        let mut sum = Sum::new(self.unit);
        let element = |(index, (x, slack)): (usize, (i64, Slack))| {
            if x == 0 && slack.is_zero() {
                return Slack::default();
            }
            let b = (i128::from(bias.values[index % bias.values.len()]) << shift_b) * self.unit.divisor() as i128;
            sum.push(x, slack, 1 << shift_x);
            sum.push_constant(b);
            let added = sum.finish();
            let exact = x as f64;
            if x == 0 {
                let b = b as f64;
                return Slack { below: (added.below - b).max(0.0), above: (added.above + b).max(0.0) };
            }
            if exact - slack.below > 0.0 || exact + slack.above < 0.0 {
                return added;
            }
            let y = ((i128::from(x) << shift_x) + b) as f64;
            Slack { below: added.below.max(y), above: added.above.max(-y) }
        };
        self.inputs().enumerate().map(element).collect()
    }

    fn pool(&self, pooling: &FixedPooling2d) -> Vec<Slack> {
        let Pixels { positions, features, .. } = self.x.pixels();
        let Pixels { positions: cells, features: pooled, .. } = self.y.pixels();
        let (channels, size) = (pooling.cells.channels, pooling.window());
        let mut sum = Sum::new(self.unit);
        let mut out = Vec::with_capacity(pooled.len());
        for (at_cell, cell) in cells.iter().enumerate() {
            let inside = |p: &[u32; 2]| (0..2).all(|axis| p[axis] / pooling.pool[axis] as u32 == cell[axis]);
            let pixels: Vec<usize> = (0..positions.len()).filter(|at| inside(&positions[*at])).collect();
            for channel in 0..channels {
                let exact = pooled[at_cell * channels + channel];
                let values = pixels.iter().map(|pixel| pixel * channels + channel);
                let values = values.map(|index| (features[index], at(self.slack, index)));
                out.push(match pooling.pooled {
                    Pooled::Average { .. } => {
                        values.for_each(|(x, slack)| sum.push(x, slack, 1));
                        self.mean(exact, sum.finish(), size)
                    }
                    Pooled::Max => max(exact, values.chain((pixels.len() < size).then_some((0, Slack::default())))),
                });
            }
        }
        out
    }

    /// A quotient rounds once; a product with the reciprocal, which is rounded itself, twice.
    fn mean(&self, sum: i64, slack: Slack, size: usize) -> Slack {
        if size.is_power_of_two() {
            return slack;
        }
        slack.plus(Slack::both(2f64.powi(-23) * (sum.unsigned_abs() as f64 + slack.largest())))
    }

    fn relu(&self, options: &Relu) -> Vec<Slack> {
        let shift = self.shift() as u32;
        let limit = options.limit.map(|limit| limit.at(self.fixed.output.fraction) * self.unit.divisor() as i128);
        let element = |(x, slack): (i64, Slack)| {
            if slack.is_zero() {
                return slack;
            }
            let wide = i128::from(x) << shift;
            let Slack { below, above } = slack.times(2f64.powi(shift as i32));
            // As far as double precision cannot tell.
            let doubt = wide.unsigned_abs().saturating_sub(1 << 53) as f64 * f64::EPSILON;
            let (down, up) = (wide as f64 - below - doubt, wide as f64 + above + doubt);
            let flat = match options.slope {
                Some(slope) if up <= 0.0 => return Slack { below, above }.times(2f64.powi(-(slope as i32))),
                Some(_) => Slack { below, above },
                None => Slack {
                    below: if down < 0.0 { wide.max(0) as f64 } else { below },
                    above: if x < 0 { up.max(0.0) } else { above },
                },
            };
            let Some(limit) = limit else { return flat };
            let over = (wide - limit).max(0) as f64;
            let room = (limit - wide.max(0)).max(0) as f64;
            Slack { below: (flat.below - over).max(0.0), above: flat.above.min(room) }
        };
        self.inputs().map(element).collect()
    }

    fn dense(&self, op: &Dense) -> Vec<Slack> {
        let shift = self.shift() - op.weights.fraction;
        let mut sums = vec![Sum::new(self.unit); op.outputs];
        let mut out = Vec::with_capacity(op.rows * op.outputs);
        let x: Vec<_> = self.inputs().collect();
        for row in x.chunks(op.inputs) {
            for (&(x, slack), weights) in row.iter().zip(op.weights.values.chunks(op.outputs)) {
                sums.iter_mut().zip(weights).for_each(|(sum, weight)| sum.push(x, slack, i128::from(*weight) << shift));
            }
            if let Some(bias) = &op.bias {
                let shift = self.fixed.output.fraction - bias.fraction;
                let bias = bias.values.iter().map(|b| (i128::from(*b) << shift) * self.unit.divisor() as i128);
                sums.iter_mut().zip(bias).for_each(|(sum, bias)| sum.push_constant(bias));
            }
            out.extend(sums.iter_mut().map(Sum::finish));
        }
        out
    }

    fn affine(&self, scale: &Coefficients, offset: &Coefficients) -> Vec<Slack> {
        let shift = self.shift() - scale.fraction;
        let shift_offset = self.fixed.output.fraction - offset.fraction;
        let channels = scale.values.len();
        let mut sum = Sum::new(self.unit);
        let element = |(at, (x, slack)): (usize, (i64, Slack))| {
            sum.push(x, slack, i128::from(scale.values[at % channels]) << shift);
            sum.push_constant((i128::from(offset.values[at % channels]) << shift_offset) * self.unit.divisor() as i128);
            sum.finish()
        };
        self.inputs().enumerate().map(element).collect()
    }

    fn max_minus(&self) -> Vec<Slack> {
        let largest = self.x.elements().iter().copied().max().unwrap_or(0);
        let of_max = max(largest, self.inputs());
        let element = |((_, slack), &y): ((i64, Slack), &i64)| {
            let difference = of_max.plus(slack.times(-1.0));
            // Nothing is larger than the largest.
            let difference = Slack { below: difference.below.min(y as f64), ..difference };
            self.unit.rounded(y.into(), difference)
        };
        self.inputs().zip(self.y.elements()).map(element).collect()
    }

    fn look_up(&self, op: &FixedLookup) -> Vec<Slack> {
        let element = |((x, slack), class): ((i64, Slack), u16)| {
            let (lo, hi) = (x as f64 - slack.below, x as f64 + slack.above);
            entries(&op.table, class, x, lo.floor() as i64, hi.ceil() as i64)
        };
        self.inputs().zip(self.classes(&op.classes)).map(element).collect()
    }

    fn normalize(&self, op: &FixedNormalize, stands_in: bool) -> Vec<Slack> {
        let FixedNormalize { sum, reciprocal: table, .. } = op;
        let mut total = Sum::new(self.unit);
        self.inputs().for_each(|(x, slack)| total.push(x, slack, 1));
        let exact = self.x.elements().iter().sum();
        let steps = quantize::steps(sum.formats[0], sum, (exact, total.finish()), (&self.fixed.input, self.unit), self.crosses);
        let drop = sum.formats[0].fraction().map_or(0, |f| f - table.input.fraction);
        let Steps { exact, lo, hi } = steps.shifted(drop);
        let reciprocal = entries(table, 0, exact as i64, lo as i64, hi as i64);
        let factor = table.at(0, exact as i64);
        let element = |((x, slack), &y): ((i64, Slack), &i64)| {
            let (dx, df) = (slack.largest(), reciprocal.largest());
            let both = x.unsigned_abs() as f64 * df + factor.unsigned_abs() as f64 * dx + dx * df;
            if stands_in { Slack::both(both) } else { self.unit.rounded(y.into(), Slack::both(both)) }
        };
        self.inputs().zip(self.y.elements()).map(element).collect()
    }
}

/// The slack of the largest of `values`, which is `exact`.
fn max(exact: i64, values: impl Iterator<Item = (i64, Slack)>) -> Slack {
    let start = Slack { below: f64::INFINITY, above: 0.0 };
    let slack = values.fold(start, |all, (x, slack)| {
        let under = (i128::from(exact) - i128::from(x)) as f64;
        Slack { below: all.below.min(under + slack.below), above: all.above.max(slack.above - under) }
    });
    if slack.below.is_finite() { slack } else { Slack::default() }
}

/// The slack of a table's entry for `x`, where Keras may look up everything from `lo` to `hi`.
fn entries(table: &Table, class: u16, x: i64, lo: i64, hi: i64) -> Slack {
    let column = &table.entries[usize::from(class)];
    let index = |at: i64| at.checked_sub(table.first).and_then(|at| usize::try_from(at).ok()).filter(|at| *at < column.len());
    let (Some(x), Some(lo), Some(hi)) = (index(x), index(lo), index(hi)) else { return Slack::UNBOUNDED };
    let all = column[lo..=hi].iter().map(|y| i128::from(*y));
    let exact = column[x].into();
    let (least, most) = all.fold((exact, exact), |(least, most), y| (y.min(least), y.max(most)));
    Slack::of(exact, least, most)
}
