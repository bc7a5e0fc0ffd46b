//! What our kernels consist of: the formulas in the headers of `hls_lib/kernels`, with numbers.

use std::{collections::BTreeMap, ops::Range};

use super::{FixedFlatten, FixedLayer, FixedOp, FixedQuantizer, LayerPlan, Values};
use crate::{
    fixed::bits_for,
    network::SparseShape,
    structure::{MULTIPLIED_DIGITS, Operation, Step, Structure},
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
pub struct Surroundings<'a> {
    /// Whether the slots are in row-major order, as an input reduction leaves them.
    pub(super) ordered: bool,
    /// The quantizer before a dense layer and what goes into it: a dense layer that looks its weights up does it as well.
    pub(super) quantizer: Option<(&'a FixedQuantizer, &'a Values)>,
    /// The flatten before a quantizer and what goes into it: a quantizer that works on slots puts them into the image as well.
    pub(super) flatten: Option<(&'a FixedFlatten, &'a Values)>,
    /// How many values the op before gives in a step, if it takes several.
    together: Option<usize>,
    /// Slots of a step, if the op before is in the same loop: what it gives of them is there, and does not take turns.
    pub(super) lanes: Option<usize>,
    /// Whether the op after is in the same loop: nothing is held of what comes out.
    pub(super) goes_on: bool,
}

/// What comes out of an op in a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gives {
    /// What went in: the op works on each value as it comes.
    AsItCame,
    /// All values at once.
    All,
    /// So many values.
    Values(usize),
}

impl<'a> Surroundings<'a> {
    /// Those of the op at `at`, of which `plans` has the ops before it as far as they are planned.
    pub(crate) fn of(layers: &'a [FixedLayer], at: usize, plans: &[LayerPlan]) -> Self {
        let before = layers.get(..at).unwrap_or_default();
        let quantizer = before.last().and_then(|fixed| match &fixed.layer.op {
            FixedOp::Quantize(quantizer) => Some((quantizer, &fixed.input)),
            _ => None,
        });
        let flatten = before.last().and_then(|fixed| match &fixed.layer.op {
            FixedOp::SparseFlatten(flatten) => Some((flatten, &fixed.input)),
            _ => None,
        });
        let ordered = !before.iter().any(|fixed| fixed.about().reorders);
        Self { ordered, quantizer, flatten, together: together(before, plans), ..Self::default() }
    }

    /// Those of the op at `at` in a loop of these ops, of which `plans` has all.
    pub(crate) fn in_loop(self, ops: &Range<usize>, at: usize, plans: &[LayerPlan]) -> Self {
        let lanes = plans.get(ops.start).map(|first| first.pixels_per_cycle);
        Self { lanes: lanes.filter(|_| at > ops.start), goes_on: at + 1 < ops.end, ..self }
    }
}

/// How many values the last of some ops gives in a step, if it takes several.
fn together(before: &[FixedLayer], plans: &[LayerPlan]) -> Option<usize> {
    let gives = |(fixed, plan): (&FixedLayer, &LayerPlan)| match fixed.rules().gives(plan) {
        Gives::AsItCame => None,
        gives => Some((gives, plan.steps > 1 && !plan.absorbed)),
    };
    match before.iter().zip(plans).rev().find_map(gives)? {
        (Gives::Values(values), true) => Some(values),
        _ => None,
    }
}

/// The kernel of an op as it is planned. An op that is done by a later one has no operations.
pub(crate) fn kernel(fixed: &FixedLayer, plan: &LayerPlan, around: Surroundings) -> Kernel {
    let mut parts = Parts { fixed, plan, around, steps: Vec::new(), held: 0 };
    if !plan.absorbed {
        fixed.rules().parts(&mut parts);
    }
    Kernel { structure: Structure { steps: parts.steps, trips: plan.steps as u64, initiation_interval: 1 }, held: parts.held }
}

/// Levels of a balanced tree over `inputs`.
pub(super) fn levels(inputs: usize) -> u32 {
    inputs.max(1).next_power_of_two().trailing_zeros()
}

/// Additions of a prefix sum over `inputs` values in [`levels`] levels.
pub(super) fn prefix_additions(inputs: usize) -> usize {
    (0..levels(inputs)).map(|level| inputs - (1 << level)).sum()
}

/// Bits of a constant, with a sign if it is negative.
pub(super) fn bits_of(constant: i64) -> u32 {
    if constant < 0 { i64::BITS + 1 - (!constant).leading_zeros() } else { i64::BITS - constant.leading_zeros() }
}

/// Counts equal things.
pub(super) fn counted<T: Ord>(things: impl IntoIterator<Item = T>) -> BTreeMap<T, usize> {
    let mut counts = BTreeMap::new();
    things.into_iter().for_each(|thing| *counts.entry(thing).or_default() += 1);
    counts
}

/// Non-zero digits of `value` in canonical signed-digit form.
pub(super) fn digits(value: i64) -> u32 {
    let value = i128::from(value).unsigned_abs();
    (value ^ (3 * value)).count_ones()
}

pub(super) fn narrow(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// A kernel as it is put together from its parts.
#[derive(Debug)]
pub struct Parts<'a> {
    /// The op with its formats.
    pub(super) fixed: &'a FixedLayer,
    /// How it is built.
    pub(super) plan: &'a LayerPlan,
    /// What stands around it.
    pub(super) around: Surroundings<'a>,
    steps: Vec<Step>,
    /// Bits held over several steps.
    pub(super) held: u64,
}

/// The sizes of a sparse tensor.
#[derive(Clone, Copy)]
pub(super) struct Sparse {
    pub slots: usize,
    pub height: usize,
    pub width: usize,
    pub channels: usize,
    /// Bits of a row and of a column.
    pub coordinate: [u32; 2],
}

impl Sparse {
    pub(crate) fn of(SparseShape { slots, height, width, channels }: SparseShape) -> Self {
        Self { slots, height, width, channels, coordinate: [bits_for(height), bits_for(width)] }
    }
}

impl Parts<'_> {
    /// Bits of a value that goes in and of one that comes out.
    pub(super) fn widths(&self) -> (u32, u32) {
        (self.fixed.input.format().width, self.fixed.output.format().width)
    }

    /// How many values come out.
    pub(super) fn values(&self) -> usize {
        self.fixed.layer.shape.len()
    }

    /// `count` operations beside each other, `levels` of them in a row, after which `live` bits go on.
    pub(super) fn add(&mut self, what: &'static str, operation: Operation, count: usize, levels: u32, live: usize) {
        self.steps.push(Step { what, operation, count: count as u64, levels, live: live as u64 });
    }

    /// Different operations beside each other, `copies` of each: the slowest is on the longest path.
    pub(super) fn add_all(&mut self, what: &'static str, operations: &BTreeMap<Operation, usize>, copies: usize, live: usize) {
        let slowest = operations.keys().copied().max_by(|a, b| a.delay().total_cmp(&b.delay()));
        for (operation, count) in operations {
            self.add(what, *operation, count * copies, u32::from(Some(*operation) == slowest), live);
        }
    }

    /// How many values of a bias or an activation there are in hardware. If the values come in steps, each step's take
    /// their turn and the results are held: the process may take as many cycles as the one before.
    pub(super) fn lanes(&mut self, from: u32, to: u32) -> usize {
        let values = self.values();
        let lanes = self.around.together.map_or(values, |together| together.clamp(1, values.max(1)));
        if lanes < values {
            self.shares(values, lanes, from, lanes, values * from as usize);
            self.holds(values * to as usize);
        }
        lanes
    }

    /// `count` balanced trees, each the largest of `inputs` values, beside `kept` bits that are still needed.
    pub(super) fn largest(&mut self, count: usize, inputs: usize, width: u32, kept: usize) {
        let mut left = inputs;
        while left > 1 {
            let pairs = count * (left / 2);
            left = left.div_ceil(2);
            let live = kept + count * left * width as usize;
            self.add("compare", Operation::Compare { width }, pairs, 1, live + pairs * width as usize);
            self.add("larger", Operation::Select { inputs: 2, width }, pairs, 1, live);
        }
    }

    /// The multiplexers of a layer that takes `part` of `whole` values in a step: `copies` of them, `width` bits each.
    pub(super) fn turns(&mut self, whole: usize, part: usize, width: u32, copies: usize, live: usize) {
        let inputs = narrow(whole.div_ceil(part.max(1)));
        if inputs > 1 {
            self.add("take turns", Operation::Select { inputs, width }, copies, 1, live);
        }
    }

    /// The same of a layer that works on each value by itself: none if it gets its share from the op before.
    pub(super) fn shares(&mut self, whole: usize, part: usize, width: u32, copies: usize, live: usize) {
        if self.around.lanes.is_none() {
            self.turns(whole, part, width, copies, live);
        }
    }

    /// So many bits of what comes out are held until all of it is there, if it goes to another process.
    pub(super) fn holds(&mut self, bits: usize) {
        self.held += if self.around.goes_on { 0 } else { bits as u64 };
    }

    /// `count` balanced trees, each the sum of `inputs` values of `width` bits.
    pub(super) fn sum(&mut self, count: usize, inputs: usize, width: u32) {
        if inputs > 1 {
            let live = count * (width + levels(inputs)) as usize;
            self.add("sum", Operation::Sum { inputs: narrow(inputs), width }, count, 1, live);
        }
    }

    /// `count` sums of products of `inputs` values with constants, for `outputs` different ones: one tree over all products
    /// and shifted copies.
    pub(super) fn constant_sums(&mut self, weights: &[i64], count: usize, outputs: usize, width: u32, inputs: usize) {
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
    pub(super) fn variable_products(&mut self, count: usize, parts: usize, bits: u32, weight: u32) {
        let table = Operation::Constants { entries: narrow(parts), width: weight };
        self.add("weight", table, count, 1, count * (bits + weight) as usize);
        self.add("multiply", Operation::Multiply { a: bits, b: weight }, count, 1, count * (bits + weight) as usize);
    }
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
