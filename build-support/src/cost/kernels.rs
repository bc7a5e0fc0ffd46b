//! What our kernels consist of: the formulas in the headers of `hls_lib/kernels`, with numbers.

use std::collections::BTreeMap;

use super::{Operation, Step, Structure, operation::MULTIPLIED_DIGITS};
use crate::{
    fixed::{Overflow, QuantizerFormat, Rounding, bits_for},
    formats::FixedNetwork,
    manifest::Variant,
    network::{Coefficients, Quantizer, Relu, Shape, SparseShape},
    ops::{
        Active, FixedConv2d, FixedDense, FixedLayer, FixedLookup, FixedNormalize, FixedOp, FixedPooling2d, FixedQuantizer,
        Pooled, Values,
    },
    plan::LayerPlan,
};

/// A kernel, and the bits that it holds over all steps of an event: besides its pipeline registers.
#[derive(Debug, Clone, PartialEq)]
pub struct Kernel {
    /// Its operations.
    pub structure: Structure,
    /// Bits held over several steps.
    pub held: u64,
}

/// What a kernel depends on beside its op and its plan. The default is an op alone.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Surroundings<'a> {
    /// Whether the slots are in row-major order, as an input reduction leaves them.
    ordered: bool,
    /// The quantizer before a dense layer, which does it as well if it looks its weights up.
    quantizer: Option<&'a FixedLayer>,
    /// How many values the op before gives in a step, if it takes several.
    together: Option<usize>,
}

impl<'a> Surroundings<'a> {
    /// Those of the op at `at`, of which `plans` has the ops before it as far as they are planned.
    pub(super) fn of(network: &'a FixedNetwork, at: usize, plans: &[LayerPlan]) -> Self {
        let before = network.layers.get(..at).unwrap_or_default();
        let is_quantizer = |fixed: &&FixedLayer| matches!(fixed.layer.op, FixedOp::Quantize(_));
        Self {
            ordered: !before.iter().any(|fixed| matches!(fixed.layer.op, FixedOp::SparsePooling2d(_))),
            quantizer: before.last().filter(is_quantizer),
            together: together(before, plans),
        }
    }
}

/// How many values the last of some ops gives in a step; biases and activations take them as they come.
fn together(before: &[FixedLayer], plans: &[LayerPlan]) -> Option<usize> {
    let by_value = |fixed: &FixedLayer| matches!(fixed.layer.op, FixedOp::SparseBias(_) | FixedOp::Relu(_));
    let (fixed, plan) = before.iter().zip(plans).rev().find(|(fixed, _)| !by_value(fixed))?;
    if plan.steps == 1 || plan.absorbed {
        return None;
    }
    match (&fixed.layer.op, &fixed.layer.shape) {
        (FixedOp::SparseConv2d(_), _) => Some(plan.pixels_per_cycle * plan.filters_per_cycle),
        (FixedOp::SparsePooling2d(_) | FixedOp::Quantize(_), Shape::Sparse(SparseShape { channels, .. })) => {
            Some(plan.pixels_per_cycle * channels)
        }
        (FixedOp::Dense(op), _) => Some(op.dense.rows * plan.filters_per_cycle),
        _ => None,
    }
}

/// The kernel of an op as it is planned. An op that is done by a later one has no operations.
pub(super) fn kernel(fixed: &FixedLayer, plan: &LayerPlan, around: Surroundings) -> Kernel {
    let mut parts = Parts { fixed, plan, around, steps: Vec::new(), held: 0 };
    if !plan.absorbed {
        parts.op();
    }
    Kernel { structure: Structure { steps: parts.steps, trips: plan.steps as u64, interval: 1 }, held: parts.held }
}

/// Levels of a balanced tree over `inputs`.
fn levels(inputs: usize) -> u32 {
    inputs.max(1).next_power_of_two().trailing_zeros()
}

/// Additions of a prefix sum over `inputs` values in [`levels`] levels.
fn prefix_additions(inputs: usize) -> usize {
    (0..levels(inputs)).map(|level| inputs - (1 << level)).sum()
}

/// Bits of a constant, with a sign if it is negative.
fn bits_of(constant: i64) -> u32 {
    if constant < 0 { i64::BITS + 1 - (!constant).leading_zeros() } else { i64::BITS - constant.leading_zeros() }
}

/// Counts equal things.
fn counted<T: Ord>(things: impl IntoIterator<Item = T>) -> BTreeMap<T, usize> {
    let mut counts = BTreeMap::new();
    things.into_iter().for_each(|thing| *counts.entry(thing).or_default() += 1);
    counts
}

/// Non-zero digits of `value` in canonical signed-digit form.
fn digits(value: i64) -> u32 {
    let value = i128::from(value).unsigned_abs();
    (value ^ (3 * value)).count_ones()
}

fn narrow(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

struct Parts<'a> {
    fixed: &'a FixedLayer,
    plan: &'a LayerPlan,
    around: Surroundings<'a>,
    steps: Vec<Step>,
    held: u64,
}

/// The sizes of a sparse tensor.
#[derive(Clone, Copy)]
struct Sparse {
    slots: usize,
    height: usize,
    width: usize,
    channels: usize,
    /// Bits of a row and of a column.
    coordinate: [u32; 2],
}

impl Sparse {
    fn of(SparseShape { slots, height, width, channels }: SparseShape) -> Self {
        Self { slots, height, width, channels, coordinate: [bits_for(height), bits_for(width)] }
    }
}

impl Parts<'_> {
    /// `count` operations beside each other, `levels` of them in a row, after which `live` bits go on.
    fn add(&mut self, what: &'static str, operation: Operation, count: usize, levels: u32, live: usize) {
        self.steps.push(Step { what, operation, count: count as u64, levels, live: live as u64 });
    }

    /// Different operations beside each other, `copies` of each: the slowest is on the longest path.
    fn add_all(&mut self, what: &'static str, operations: &BTreeMap<Operation, usize>, copies: usize, live: usize) {
        let slowest = operations.keys().copied().max_by(|a, b| a.delay().total_cmp(&b.delay()));
        for (operation, count) in operations {
            self.add(what, *operation, count * copies, u32::from(Some(*operation) == slowest), live);
        }
    }

    fn op(&mut self) {
        let values = self.fixed.layer.shape.len();
        let (from, to) = (self.fixed.input.format().width, self.fixed.output.format().width);
        match &self.fixed.layer.op {
            FixedOp::InputReduce(reduce) => self.reduce(Sparse::of(reduce.pixels)),
            FixedOp::Quantize(op) => self.quantize(op),
            FixedOp::SparseConv2d(op) => self.conv(op),
            FixedOp::SparseBias(_) => {
                let lanes = self.lanes(values, from, to);
                self.add("not zero", Operation::Decode { width: from }, lanes, 1, lanes * (from as usize + 1));
                self.add("bias", Operation::Add { width: to }, lanes, 1, lanes * to as usize);
            }
            FixedOp::SparsePooling2d(pooling) => self.pool(pooling),
            FixedOp::SparseFlatten(pixels) => self.flatten(Sparse::of(*pixels)),
            FixedOp::Relu(relu) => {
                let lanes = self.lanes(values, from, to);
                self.relu(relu, lanes, to);
            }
            FixedOp::Dense(op) => match self.fixed.input.active {
                Some(active) if self.plan.variant == Some(Variant::LookUp) => self.look_up(op, active),
                _ => self.dense(op),
            },
            FixedOp::Affine { scale, .. } => {
                let product = |scale: &i64| Operation::times_constant(from, bits_of(*scale), digits(*scale));
                let products = counted(scale.values.iter().map(product));
                self.add_all("scale", &products, values / scale.values.len().max(1), values * to as usize);
                self.add("offset", Operation::Add { width: to }, values, 1, values * to as usize);
            }
            FixedOp::MaxMinus => {
                self.largest(1, values, from, values * from as usize);
                self.add("difference", Operation::Add { width: to }, values, 1, values * to as usize);
            }
            FixedOp::Lookup(op) => self.table(op, values),
            FixedOp::Normalize(op) => self.normalize(op, values, from, to),
            FixedOp::Reshape => {}
        }
    }

    /// How many values of a bias or an activation there are in hardware. If the values come in steps, each step's take
    /// their turn and the results are held: the process may take as many cycles as the one before.
    fn lanes(&mut self, values: usize, from: u32, to: u32) -> usize {
        let lanes = self.around.together.map_or(values, |together| together.clamp(1, values.max(1)));
        if lanes < values {
            self.turns(values, lanes, from, lanes, values * from as usize);
            self.held = (values * to as usize) as u64;
        }
        lanes
    }

    /// `count` balanced trees, each the largest of `inputs` values, beside `kept` bits that are still needed.
    fn largest(&mut self, count: usize, inputs: usize, width: u32, kept: usize) {
        let mut left = inputs;
        while left > 1 {
            let pairs = count * (left / 2);
            left = left.div_ceil(2);
            let live = kept + count * left * width as usize;
            self.add("compare", Operation::Compare { width }, pairs, 1, live + pairs * width as usize);
            self.add("larger", Operation::Select { inputs: 2, width }, pairs, 1, live);
        }
    }

    fn reduce(&mut self, s: Sparse) {
        let bits = self.fixed.input.format().width;
        let pixel = s.channels * bits as usize;
        let slot_bits = pixel + (s.coordinate[0] + s.coordinate[1]) as usize;
        let rows_at_once = if self.plan.steps == s.height && self.plan.pixels_per_cycle == s.slots { 1 } else { s.height };
        let image = rows_at_once * s.width * (pixel + 1);
        self.add("active", Operation::Decode { width: bits }, rows_at_once * s.width, 1, image);
        self.held = if self.plan.steps > 1 { (s.slots * slot_bits) as u64 } else { 0 };
        if rows_at_once == 1 && s.height > 1 {
            return self.reduce_row(s, pixel, image);
        }
        let (count, rank) = (bits_for(s.height * s.width), bits_for(s.width));
        let lanes = self.plan.pixels_per_cycle;
        let counts = s.height * count as usize;
        self.add("count in a row", Operation::Add { width: 1 }, s.height * s.width, levels(s.width), image + counts);
        self.add("counts of rows", Operation::Add { width: count }, prefix_additions(s.height), levels(s.height), image + counts);
        self.held += if self.plan.steps > 1 { (image + counts) as u64 } else { 0 };
        self.add("rows before", Operation::Compare { width: count }, lanes * s.height, 1, image + lanes * s.height);
        self.add("row", Operation::Add { width: 1 }, lanes * s.height, levels(s.height), image + lanes * 2 * count as usize);
        self.add("count before", Operation::Select { inputs: narrow(s.height), width: count }, lanes, 0, 0);
        self.add("rank", Operation::Add { width: rank }, lanes, 0, 0);
        let line = lanes * s.width * (pixel + 1);
        let choice = Operation::Select { inputs: narrow(s.height), width: narrow(s.width * (pixel + 1)) };
        self.add("choose the row", choice, lanes, 1, line);
        self.column(s, lanes, line);
        let choice = Operation::Select { inputs: narrow(s.width), width: narrow(pixel) };
        self.add("choose the pixel", choice, lanes, 1, s.slots * slot_bits);
    }

    /// The rank of each pixel of a row and the column that has the wanted one, for `lanes` rows.
    fn column(&mut self, s: Sparse, lanes: usize, line: usize) {
        let rank = bits_for(s.width);
        let ranks = lanes * s.width * rank as usize;
        self.add("ranks", Operation::Add { width: rank }, lanes * prefix_additions(s.width), levels(s.width), line + ranks);
        self.add("of this rank", Operation::Equal { width: rank }, lanes * s.width, 1, line + lanes * s.width);
        let encode = Operation::Decode { width: narrow(s.width / 2) };
        self.add("column", encode, lanes * s.coordinate[1] as usize, 1, line);
    }

    fn reduce_row(&mut self, s: Sparse, pixel: usize, line: usize) {
        let rank = bits_for(s.width);
        let live = line + s.width * rank as usize;
        self.add("ranks", Operation::Add { width: rank }, prefix_additions(s.width), levels(s.width), live);
        self.add("rank wanted", Operation::Add { width: rank + 1 }, s.slots, 1, live + s.slots * rank as usize);
        self.add("of this rank", Operation::Equal { width: rank }, s.slots * s.width, 1, line + s.slots * s.width);
        let choice = Operation::GatedOr { inputs: narrow(s.width), width: narrow(pixel + s.coordinate[1] as usize) };
        self.add("choose the pixel", choice, s.slots, 1, s.slots * (pixel + s.coordinate[1] as usize));
        self.add("slots taken", Operation::Add { width: bits_for(s.slots) }, 1, 0, 0);
    }

    /// Coordinate differences of the pairs that one step looks at.
    fn differences(&mut self, s: Sparse, live: usize) -> usize {
        let lanes = self.plan.pixels_per_cycle;
        let pairs = if lanes == s.slots { s.slots * s.slots.saturating_sub(1) / 2 } else { lanes * s.slots };
        let [row, column] = s.coordinate;
        self.turns(s.slots, lanes, row + column, lanes, live);
        let both = live + pairs * (row + column + 2) as usize;
        self.add("rows apart", Operation::Add { width: row + 1 }, pairs, 1, both);
        self.add("columns apart", Operation::Add { width: column + 1 }, pairs, 0, both);
        lanes * s.slots
    }

    /// The multiplexers of a layer that takes `part` of `whole` values in a step: `copies` of them, `width` bits each.
    fn turns(&mut self, whole: usize, part: usize, width: u32, copies: usize, live: usize) {
        let inputs = narrow(whole.div_ceil(part.max(1)));
        if inputs > 1 {
            self.add("take turns", Operation::Select { inputs, width }, copies, 1, live);
        }
    }

    /// `count` balanced trees, each the sum of `inputs` values of `width` bits.
    fn sum(&mut self, count: usize, inputs: usize, width: u32) {
        if inputs > 1 {
            let live = count * (width + levels(inputs)) as usize;
            self.add("sum", Operation::Sum { inputs: narrow(inputs), width }, count, 1, live);
        }
    }

    fn conv(&mut self, op: &FixedConv2d) {
        let FixedConv2d { conv, pixels, accumulator } = op;
        let s = Sparse::of(*pixels);
        let bits = self.fixed.input.format().width;
        let features = s.slots * s.channels * bits as usize;
        let pairs = self.differences(s, features);
        self.turns(s.channels, self.plan.channels_per_cycle, bits, s.slots * self.plan.channels_per_cycle, features);
        if self.plan.variant == Some(Variant::Gather) {
            self.gather(op, s, pairs, bits);
        } else {
            self.pairwise(op, s, pairs, bits);
        }
        let sums = self.plan.pixels_per_cycle * self.plan.filters_per_cycle;
        if self.plan.channels_per_cycle < s.channels {
            let width = accumulator.width;
            self.add("accumulate", Operation::Add { width }, sums, 1, sums * width as usize);
        }
        let results = s.slots * conv.filters * self.fixed.output.format().width as usize;
        self.held = if self.plan.steps > 1 { results as u64 } else { 0 };
    }

    fn pairwise(&mut self, FixedConv2d { conv, accumulator, .. }: &FixedConv2d, s: Sparse, pairs: usize, bits: u32) {
        let LayerPlan { filters_per_cycle, channels_per_cycle, pixels_per_cycle, .. } = *self.plan;
        let (width, weight) = (accumulator.width, conv.weights.format().width);
        let taps = conv.kernel[0] * conv.kernel[1];
        let parts = (conv.filters / filters_per_cycle) * (conv.channels / channels_per_cycle);
        let products = pairs * channels_per_cycle * filters_per_cycle;
        let features = s.slots * s.channels * bits as usize;
        let [row, column] = s.coordinate;
        self.add("in reach", Operation::Decode { width: row + column + 2 }, pairs, 1, features + pairs * 7);
        let table = Operation::Constants { entries: narrow(taps * parts), width: weight };
        self.add("weight", table, products, 1, features + products * weight as usize);
        let product = (bits + weight).min(width.max(bits));
        self.add("multiply", Operation::Multiply { a: bits, b: weight }, products, 1, products * product as usize);
        self.sum(pairs * filters_per_cycle, channels_per_cycle, product);
        self.sum(pixels_per_cycle * filters_per_cycle, s.slots, product);
    }

    fn gather(&mut self, FixedConv2d { conv, accumulator, .. }: &FixedConv2d, s: Sparse, pairs: usize, bits: u32) {
        let LayerPlan { filters_per_cycle, channels_per_cycle, pixels_per_cycle, .. } = *self.plan;
        let [rows, columns] = conv.kernel;
        let [row, column] = s.coordinate;
        let features = s.slots * s.channels * bits as usize;
        let reach = Reach::new(conv.kernel, s.slots, pixels_per_cycle, self.around.ordered);
        let found = features + pairs * (rows + columns);
        self.add("kernel row", Operation::Decode { width: row + 1 }, reach.rows, 1, found);
        self.add("kernel column", Operation::Decode { width: column + 1 }, pairs * columns, 0, 0);
        let here: usize = reach.candidates.iter().map(|(candidates, count)| candidates * count).sum();
        self.add("at this tap", Operation::Decode { width: 3 }, here, 1, features + here);
        let taps = rows * columns;
        let gathered = pixels_per_cycle * taps * channels_per_cycle;
        let choice = |candidates: usize| match candidates {
            1 => Operation::Gate { width: bits },
            _ => Operation::GatedOr { inputs: narrow(candidates), width: bits },
        };
        let choices = reach.candidates.iter().map(|(candidates, count)| (choice(*candidates), *count)).collect();
        self.add_all("gather", &choices, channels_per_cycle, gathered * bits as usize);
        let (width, weight) = (accumulator.width, conv.weights.format().width);
        let parts = (conv.filters / filters_per_cycle) * (conv.channels / channels_per_cycle);
        let product = (bits + weight).min(width.max(bits));
        let sums = pixels_per_cycle * filters_per_cycle;
        if parts == 1 {
            self.constant_sums(&conv.weights.values, sums, conv.filters, product, gathered);
        } else {
            self.variable_products(gathered * filters_per_cycle, parts, bits, weight);
            self.sum(sums, taps * channels_per_cycle, product);
        }
    }

    /// `count` sums of products of `inputs` values with constants, for `outputs` different ones: one tree over all products
    /// and shifted copies.
    fn constant_sums(&mut self, weights: &[i64], count: usize, outputs: usize, width: u32, inputs: usize) {
        let (bits, outputs) = (self.fixed.input.format().width, outputs.max(1));
        let constants = Constants::new(weights, outputs, bits);
        let width = width.min(bits + constants.mean_bits);
        let (copies, products) = (count / outputs, constants.products.values().sum::<usize>());
        self.add_all("multiply", &constants.products, copies, copies * products * width as usize + inputs * bits as usize);
        let terms = if products > 0 {
            let early = constants.digits - constants.shifted;
            self.add("shifted copies", Operation::Sum { inputs: 2, width }, copies * early, 0, 0);
            constants.multiplied + constants.shifted
        } else {
            constants.digits
        };
        self.sum(count, terms.div_ceil(outputs), width);
    }

    /// `count` products with a weight that changes from step to step.
    fn variable_products(&mut self, count: usize, parts: usize, bits: u32, weight: u32) {
        let table = Operation::Constants { entries: narrow(parts), width: weight };
        self.add("weight", table, count, 1, count * (bits + weight) as usize);
        self.add("multiply", Operation::Multiply { a: bits, b: weight }, count, 1, count * (bits + weight) as usize);
    }

    fn pool(&mut self, pooling: &FixedPooling2d) {
        let s = Sparse::of(pooling.pixels);
        let SparseShape { height, width, .. } = pooling.cells;
        let bits = self.fixed.input.format().width;
        let features = s.slots * s.channels * bits as usize;
        let cell = bits_for(height) + bits_for(width);
        let lanes = self.plan.pixels_per_cycle;
        let pairs = if lanes == s.slots { s.slots * s.slots.saturating_sub(1) / 2 } else { lanes * s.slots };
        let thresholds = Operation::Decode { width: s.coordinate[0].max(s.coordinate[1]) };
        self.add("cell", thresholds, s.slots * cell as usize, 2, features + s.slots * cell as usize);
        self.turns(s.slots, lanes, cell, lanes, features + s.slots * cell as usize);
        let live = features + lanes * s.slots + s.slots * cell as usize;
        self.add("same cell", Operation::Equal { width: cell }, pairs, 1, live);
        self.add("first of its cell", Operation::Decode { width: narrow(s.slots) }, lanes, 0, 0);
        let sums = lanes * s.channels;
        match pooling.pooled {
            Pooled::Average { .. } => self.sum(sums, s.slots, bits),
            Pooled::Max => {
                self.largest(sums, s.slots, bits, 0);
                self.add("pixels there", Operation::Add { width: 1 }, lanes * s.slots, 0, 0);
            }
        }
        let out = self.fixed.output.format().width;
        self.add("leader", Operation::Gate { width: out }, sums, 1, s.slots * s.channels * out as usize);
        self.held = if self.plan.steps > 1 { (s.slots * (s.channels * out as usize + cell as usize)) as u64 } else { 0 };
    }

    /// Positions of the slots of a step.
    fn positions(&mut self, s: Sparse, live: usize) -> u32 {
        let lanes = self.plan.pixels_per_cycle;
        let position = bits_for(s.height * s.width);
        self.turns(s.slots, lanes, s.coordinate[0] + s.coordinate[1], lanes, live);
        let row = Operation::MultiplyConstant { digits: digits(s.width as i64), width: position };
        self.add("row times width", row, lanes, 1, live + lanes * position as usize);
        self.add("plus column", Operation::Add { width: position }, lanes, 1, live + lanes * position as usize);
        position
    }

    fn flatten(&mut self, s: Sparse) {
        let bits = self.fixed.input.format().width;
        let (lanes, features) = (self.plan.pixels_per_cycle, s.slots * s.channels * bits as usize);
        let position = self.positions(s, features);
        self.turns(s.slots, lanes, narrow(s.channels) * bits, lanes, features);
        let places = s.height * s.width;
        self.add("here", Operation::Decode { width: position }, lanes * places, 1, features + lanes * places);
        let image = places * s.channels * bits as usize;
        let choice = Operation::GatedOr { inputs: narrow(lanes), width: bits };
        self.add("take", choice, places * s.channels, 1, image);
        if self.plan.steps > 1 {
            self.add("keep", Operation::Gate { width: bits }, places * s.channels, 0, 0);
            self.held = image as u64;
        }
    }

    /// Flatten, quantizer and dense layer in one.
    fn look_up(&mut self, FixedDense { dense, accumulator }: &FixedDense, active: Active) {
        let LayerPlan { pixels_per_cycle: lanes, filters_per_cycle, .. } = *self.plan;
        let channels = active.channels;
        let places = dense.inputs / channels;
        let (bits, weight, width) = (self.fixed.input.format().width, dense.weights.format().width, accumulator.width);
        let position = bits_for(places);
        let live = lanes * (position as usize + channels * bits as usize);
        // A position has about as many bits as the row and the column that it is made of.
        self.turns(active.pixels, lanes, position + narrow(channels) * bits, lanes, live);
        self.add("position", Operation::Add { width: position }, 2 * lanes, 2, live);
        if let Some(FixedLayer { layer, input, .. }) = self.around.quantizer
            && let FixedOp::Quantize(op) = &layer.op
        {
            self.round(&op.quantizer, input, bits, &of_channels(op, channels), lanes, places);
        }
        let products = lanes * channels * filters_per_cycle;
        let table = Operation::Constants { entries: narrow(places * (dense.outputs / filters_per_cycle.max(1))), width: weight };
        self.add("weight", table, products, 1, live + products * weight as usize);
        let product = (bits + weight).min(width.max(bits));
        self.add("multiply", Operation::Multiply { a: bits, b: weight }, products, 1, products * product as usize);
        self.sum(filters_per_cycle, lanes * channels, product);
        let sums = dense.outputs * width as usize;
        self.add("accumulate", Operation::Add { width }, filters_per_cycle, u32::from(self.plan.steps > 1), sums);
        self.add("bias", Operation::Add { width }, filters_per_cycle, 1, sums);
        self.held = if self.plan.steps > 1 { sums as u64 } else { 0 };
    }

    fn dense(&mut self, FixedDense { dense, accumulator }: &FixedDense) {
        let LayerPlan { filters_per_cycle: outputs, channels_per_cycle: inputs, .. } = *self.plan;
        let (bits, weight, width) = (self.fixed.input.format().width, dense.weights.format().width, accumulator.width);
        let product = (bits + weight).min(width.max(bits));
        let sums = dense.rows * outputs;
        if self.plan.steps == 1 {
            self.constant_sums(&dense.weights.values, sums, dense.outputs, product, dense.rows * dense.inputs);
        } else {
            let all = dense.rows * dense.inputs * bits as usize;
            self.turns(dense.inputs, inputs, bits, dense.rows * inputs, all);
            self.variable_products(sums * inputs, self.plan.steps, bits, weight);
            self.sum(sums, inputs, product);
            self.held = (dense.rows * dense.outputs * width as usize) as u64;
        }
        if dense.bias.is_some() || inputs < dense.inputs {
            self.add("bias", Operation::Add { width }, sums, 1, dense.rows * dense.outputs * width as usize);
        }
    }

    fn relu(&mut self, relu: &Relu, values: usize, width: u32) {
        let live = values * width as usize;
        if *relu == Relu::default() {
            return self.add("positive", Operation::Gate { width }, values, 1, live);
        }
        self.add("limit", Operation::Compare { width }, values, 1, live);
        self.add("choose", Operation::Select { inputs: 3, width }, values, 1, live);
    }

    /// In a dense layer each value has one format; in a sparse one any of those that its channel has somewhere.
    fn quantize(&mut self, op: &FixedQuantizer) {
        let (input, to) = (&self.fixed.input, self.fixed.output.format().width);
        let Shape::Sparse(pixels) = self.fixed.layer.shape else {
            return self.round(&op.quantizer, input, to, &of_channels(op, op.classes.len()), 1, 1);
        };
        let s = Sparse::of(pixels);
        let lanes = self.plan.pixels_per_cycle;
        if lanes < s.slots {
            let slot = s.coordinate[0] + s.coordinate[1] + narrow(s.channels) * input.format().width;
            self.turns(s.slots, lanes, slot, lanes, lanes * slot as usize);
            self.held = (s.slots * (slot + narrow(s.channels) * to) as usize) as u64;
        }
        self.round(&op.quantizer, input, to, &of_channels(op, s.channels), lanes, s.height * s.width);
    }

    /// Quantizes `lanes` pixels, for each of whose channels there is a list of the formats that it can have. Several of
    /// them are chosen by the position, of which there are `places`.
    fn round(
        &mut self,
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
            self.add("exact division", product, values, 1, values * 2 * wide as usize);
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
        self.add_all("round", &counted(rounded.map(rounding)), lanes, live);
        let limits = |formats: &&Vec<_>| formats.iter().any(|format| matches!(format, QuantizerFormat::Live { .. }));
        let limited = if quantizer.overflow == Overflow::Wrap { 0 } else { of_channels.iter().filter(limits).count() };
        if limited > 0 {
            self.add("limit", Operation::Gate { width: 2 * to }, lanes * limited, 1, live);
        }
        let by_position = of_channels.iter().filter(|formats| formats.len() > 1);
        for (formats, channels) in counted(by_position.map(Vec::len)) {
            let table = Operation::Constants { entries: narrow(places), width: bits_for(formats - 1) };
            self.add("format", table, lanes * channels, 0, 0);
        }
    }

    fn table(&mut self, FixedLookup { lookup, table, .. }: &FixedLookup, values: usize) {
        let width = self.fixed.output.format().width;
        let dense = matches!(self.fixed.layer.shape, Shape::Dense(_));
        let formats = if dense { 1 } else { lookup.output.formats.len() };
        let entries = table.entries.first().map_or(0, Vec::len) * formats;
        let read = Operation::Table { entries: narrow(entries), width };
        self.add("table", read, values, 1, values * width as usize);
    }

    fn normalize(&mut self, FixedNormalize { reciprocal: table, .. }: &FixedNormalize, values: usize, from: u32, to: u32) {
        self.sum(1, values, from);
        let largest = table.entries.iter().flatten().copied().max().unwrap_or(1);
        let reciprocal = Coefficients { values: vec![largest], fraction: 0 }.format().width;
        let live = values * from as usize + reciprocal as usize;
        self.add("round", Operation::Add { width: table.input.width }, 1, 1, live);
        let entries = table.entries.first().map_or(0, Vec::len);
        self.add("reciprocal", Operation::Table { entries: narrow(entries), width: reciprocal }, 1, 1, live);
        self.add("multiply", Operation::Multiply { a: from, b: reciprocal }, values, 1, values * to as usize);
    }
}

/// For each of so many channels the formats that it has at any position.
fn of_channels(FixedQuantizer { quantizer, classes }: &FixedQuantizer, channels: usize) -> Vec<Vec<QuantizerFormat>> {
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

/// The constants that values are multiplied with: a row of them, one for each output, for every value.
struct Constants {
    /// The products in DSPs. Two outputs that have the same constant for a value share the product.
    products: BTreeMap<Operation, usize>,
    /// Constants whose products are these.
    multiplied: usize,
    /// The others that are not zero: each adds a shifted copy of the value for each digit. Beside multipliers there is
    /// time to add the copies before the sum.
    shifted: usize,
    /// The digits of those.
    digits: usize,
    /// Mean bits of all that are not zero.
    mean_bits: u32,
}

impl Constants {
    /// For values of `bits` bits. It looks at each constant once and asks for a product once for each width: there can be
    /// many constants and many estimates of a layer.
    fn new(constants: &[i64], outputs: usize, bits: u32) -> Self {
        let product = |constant: u32| Operation::times_constant(bits, constant, u32::MAX);
        let in_dsp: Vec<bool> = (0..=i64::BITS).map(|constant| product(constant).dsps() > 0).collect();
        let mut of_bits = [0; i64::BITS as usize + 1];
        let mut found = Self { products: BTreeMap::new(), multiplied: 0, shifted: 0, digits: 0, mean_bits: 0 };
        let (mut all_bits, mut row) = (0, Vec::new());
        for constants in constants.chunks(outputs) {
            row.clear();
            for constant in constants.iter().filter(|constant| **constant != 0) {
                let (digits, bits) = (digits(*constant), bits_of(*constant));
                all_bits += bits as usize;
                if digits >= MULTIPLIED_DIGITS && in_dsp[bits as usize] {
                    row.push(*constant);
                } else {
                    (found.shifted, found.digits) = (found.shifted + 1, found.digits + digits as usize);
                }
            }
            found.multiplied += row.len();
            row.sort_unstable();
            row.dedup();
            row.iter().for_each(|constant| of_bits[bits_of(*constant) as usize] += 1);
        }
        found.mean_bits = narrow(all_bits.div_ceil((found.multiplied + found.shifted).max(1)));
        let used = (0..).zip(of_bits).filter(|(_, count)| *count > 0);
        found.products = used.map(|(constant, count)| (product(constant), count)).collect();
        found
    }
}

/// Which slots a gather looks for at which taps: `can_lie` of the kernel, for constant slots.
struct Reach {
    /// Comparisons with a kernel row.
    rows: usize,
    /// For each number of slots that can lie at a tap, how many taps of output pixels have so many.
    candidates: BTreeMap<usize, usize>,
}

impl Reach {
    fn new([rows, columns]: [usize; 2], slots: usize, lanes: usize, ordered: bool) -> Self {
        let (top, left) = ((rows.max(1) - 1) / 2, (columns.max(1) - 1) / 2);
        let taps = rows * columns;
        if lanes != slots {
            return Self { rows: lanes * slots * rows, candidates: BTreeMap::from([(slots, lanes * taps)]) };
        }
        // A slot lies at the middle of its own kernel, and no other does.
        let mut candidates = BTreeMap::from([(1, slots)]);
        let pairs = slots * slots.saturating_sub(1);
        if !ordered {
            *candidates.entry(slots.saturating_sub(1)).or_default() += slots * taps.saturating_sub(1);
            candidates.remove(&0);
            return Self { rows: pairs * rows, candidates };
        }
        for slot in 0..slots {
            let (before, after) = (slot, slots - 1 - slot);
            let mut add = |slots: usize, taps: usize| *candidates.entry(slots).or_default() += taps;
            add(before, top * columns);
            add(after, rows.saturating_sub(top + 1) * columns);
            (1..=left).for_each(|away| add(before.min(away), 1));
            (1..columns.saturating_sub(left)).for_each(|away| add(after.min(away), 1));
        }
        candidates.remove(&0);
        Self { rows: pairs / 2 * (rows + 1), candidates }
    }
}
