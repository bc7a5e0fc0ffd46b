//! Fully connected layers.

use super::{
    About, Active, Extent, FixedFlatten, FixedLayer, FixedOp, Kernel, LayerPlan, QuantizeKernel, Rules, Site, Value, ValueId,
    Values, align, aligned, finer,
    flatten::{element_bits, position_bits},
    parts::{Gives, Parts, narrow},
    quantize::{of_channels, round},
    sums,
};
use crate::{
    error::{Error, Result},
    fixed::{Format, MantissaRange, bits_for},
    manifest::{Knob, Variant},
    network::{Coefficients, Dense, Layer, SparseShape},
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
pub(crate) fn fix(op: &Dense, input: &Values) -> Result<(FixedDense, Values)> {
    let product = input.fraction + op.weights.fraction;
    let (fraction, shift_sum, shift_bias) = align(product, op.bias.as_ref().map_or(product, |bias| bias.fraction))?;
    // A row that does not begin with a pixel has parts of some.
    let active = input.active.filter(|active| op.inputs.is_multiple_of(active.channels));
    let mut hull = MantissaRange::ZERO;
    // Rows whose inputs have the same ranges have the same outputs.
    let rows = super::common_period(input.ranges.len(), op.inputs) / op.inputs;
    let mut ranges = Vec::with_capacity(rows * op.outputs);
    for (row, output) in (0..rows).flat_map(|row| (0..op.outputs).map(move |output| (row, output))) {
        let weights = op.weights.values[output..].iter().step_by(op.outputs).enumerate();
        let term = |(at, weight): (usize, &i64)| input.range_at(row * op.inputs + at).times((*weight).into());
        let terms: Vec<MantissaRange> = weights.map(term).collect();
        let (sum, partial) = sum_of_terms(&terms, active);
        let bias = op.bias.as_ref().map_or(0, |bias| (i128::from(bias.values[output]) << shift_bias) * i128::from(input.divisor));
        let bias = MantissaRange { lo: bias, hi: bias };
        let biased = |x: MantissaRange| x.shifted(shift_sum).plus(bias);
        hull = hull.hull(biased(partial)).hull(partial.shifted(shift_sum)).hull(bias);
        ranges.push(biased(sum));
    }
    let output = Values { fraction, divisor: input.divisor, ranges, active: None };
    Ok((FixedDense { dense: op.clone(), accumulator: Format::holding(hull, fraction) }, output))
}

/// The range of a sum, and the hull of all sums of a part of its terms.
fn sum_of_terms(terms: &[MantissaRange], active: Option<Active>) -> (MantissaRange, MantissaRange) {
    match active {
        Some(Active { pixels, channels }) => {
            let sum_pixel = |pixel: &[MantissaRange]| pixel.iter().copied().fold(MantissaRange::ZERO, MantissaRange::plus);
            let sum = sums::some_of(&terms.chunks(channels).map(sum_pixel).collect::<Vec<_>>(), pixels);
            // Within a pixel a part of the sum can exceed the whole.
            (sum, sum.hull(sums::some_of(terms, pixels.saturating_mul(channels))))
        }
        None => (terms.iter().copied().fold(MantissaRange::ZERO, MantissaRange::plus), sums::some_of(terms, terms.len())),
    }
}

impl Rules for FixedDense {
    fn about(&self) -> About<'_> {
        About {
            extent: Extent { filters: self.dense.outputs, channels: self.dense.inputs, ..Extent::ONE },
            knobs: &[Knob::Interval, Knob::Filters, Knob::Channels],
            variants: &[],
            accumulator: Some(self.accumulator),
            weights: Some(&self.dense.weights),
            moves: false,
            reorders: false,
        }
    }

    fn gives(&self, plan: &LayerPlan) -> Gives {
        Gives::Values(self.dense.rows * plan.filters_per_cycle)
    }

    fn lower(&self, site: Site<'_>) -> Result<Kernel> {
        DenseKernel::new(self, site).map(Kernel::Dense)
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
        let table = Operation::Constants { entries: narrow(places * (dense.outputs / filters_per_cycle)), width: weight };
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

/// See [`Kernel::Dense`].
#[derive(Debug, Clone, PartialEq)]
pub struct DenseKernel {
    /// Rows, each of which is worked on by itself.
    pub rows: usize,
    /// Inputs of a row.
    pub inputs: usize,
    /// Outputs of a row.
    pub outputs: usize,
    /// Inputs in a step.
    pub inputs_per_cycle: usize,
    /// Outputs in a step.
    pub outputs_per_cycle: usize,
    /// The constants and sums.
    pub sums: Sums,
}

/// See [`Kernel::LookUpDense`].
#[derive(Debug, Clone, PartialEq)]
pub struct LookUpKernel {
    /// What goes in: slots, image and channels.
    pub shape: SparseShape,
    /// Outputs.
    pub outputs: usize,
    /// Slots in a step.
    pub pixels_per_cycle: usize,
    /// Outputs in a step.
    pub outputs_per_cycle: usize,
    /// Bits of a position: row-major, from 1; 0 is that of an empty slot.
    pub position_bits: u32,
    /// Bits of the index of an element of the flattened image.
    pub element_bits: u32,
    /// What rounds the features before they are multiplied, by the element of the flattened image that they would be.
    pub quantizer: Option<QuantizeKernel>,
    /// The flattened and quantized value, which nothing holds: what is multiplied has its format.
    pub multiplied: ValueId,
    /// The constants and sums; a row of weights for each element of the flattened image.
    pub sums: Sums,
}

/// The constants of a fully connected layer, and its sums.
#[derive(Debug, Clone, PartialEq)]
pub struct Sums {
    /// The weights, (inputs, outputs).
    pub weights: Coefficients,
    /// Bits that the result is finer than the products.
    pub shift: u32,
    /// The bias of each output, with the binary point of the result; 0 where the model has none.
    pub biases: Coefficients,
    /// What sums are held in, before and after they are shifted.
    pub accumulator: Format,
}

impl Sums {
    fn new(FixedDense { dense: op, accumulator }: &FixedDense, input: &Value, output: &Value) -> Result<Self> {
        let fraction = output.format.fraction;
        let none = || Ok(Coefficients { values: vec![0; op.outputs], fraction });
        Ok(Self {
            weights: op.weights.clone(),
            shift: finer(input.format.fraction + op.weights.fraction, fraction)?,
            biases: op.bias.as_ref().map_or_else(none, |bias| aligned(bias, output))?,
            accumulator: *accumulator,
        })
    }
}

impl DenseKernel {
    pub(super) fn new(op: &FixedDense, site: Site<'_>) -> Result<Self> {
        Ok(Self {
            rows: op.dense.rows,
            inputs: op.dense.inputs,
            outputs: op.dense.outputs,
            inputs_per_cycle: site.plan.channels_per_cycle,
            outputs_per_cycle: site.plan.filters_per_cycle,
            sums: Sums::new(op, site.input, site.output)?,
        })
    }
}

impl LookUpKernel {
    /// One kernel for `ops`: a flatten, perhaps a quantizer, and a dense layer. `values` are what each of them reads, of which
    /// the first has the id `first`.
    pub(crate) fn new(ops: &[FixedLayer], first: usize, values: &[Value], output: &Value, plan: &LayerPlan) -> Result<Self> {
        let [flatten, between @ .., dense] = ops else { return Err(unexpected()) };
        let (FixedOp::SparseFlatten(FixedFlatten { pixels: shape }), FixedOp::Dense(dense)) =
            (&flatten.layer.op, &dense.layer.op)
        else {
            return Err(unexpected());
        };
        let quantizer = match between {
            [] => None,
            [FixedLayer { layer: Layer { op: FixedOp::Quantize(quantize), .. }, .. }] => {
                Some(QuantizeKernel::new(quantize, &values[1], &values[2])?)
            }
            _ => return Err(unexpected()),
        };
        if dense.dense.rows != 1 {
            return Err(Error::internal("weights of several rows are looked up"));
        }
        let last = ops.len() - 1;
        Ok(Self {
            shape: *shape,
            outputs: dense.dense.outputs,
            pixels_per_cycle: plan.pixels_per_cycle,
            outputs_per_cycle: plan.filters_per_cycle,
            position_bits: position_bits(*shape),
            element_bits: element_bits(*shape),
            quantizer,
            multiplied: ValueId(first + last),
            sums: Sums::new(dense, &values[last], output)?,
        })
    }
}

fn unexpected() -> Error {
    Error::internal("something else than a flatten, a quantizer and a dense layer in one kernel")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Code, network,
        ops::testing::{PLAN, dense, signed, site, unsigned},
    };

    fn op(bias: Option<Coefficients>) -> FixedDense {
        let weights = Coefficients { values: vec![-4, 3], fraction: 1 };
        FixedDense { dense: network::Dense { rows: 1, inputs: 2, outputs: 1, weights, bias }, accumulator: signed(11, 9) }
    }

    /// Three pixels of two channels of which one is active, in two rows: the second begins within a pixel.
    #[test]
    fn a_row_that_begins_within_a_pixel_has_all_of_the_next() {
        let active = Some(Active { pixels: 1, channels: 2 });
        let input = Values { fraction: 0, divisor: 1, ranges: vec![MantissaRange { lo: 0, hi: 1 }; 6], active };
        let weights = Coefficients { values: vec![0, 1, 1], fraction: 0 };
        let (fixed, output) = fix(&network::Dense { rows: 2, inputs: 3, outputs: 1, weights, bias: None }, &input).unwrap();
        assert_eq!((output.ranges[1], fixed.accumulator.width), (MantissaRange { lo: 0, hi: 2 }, 2));
    }

    #[test]
    fn products_and_bias_meet_at_the_binary_point_of_the_result() {
        // Products have 4 + 1 fraction bits and the bias 9: the sum goes four bits to the left.
        let (input, output) = (dense(&[(0, 15), (0, 15)], 4), dense(&[(-959, 721)], 9));
        let lowered = DenseKernel::new(&op(Some(Coefficients { values: vec![1], fraction: 9 })), site(&input, &output)).unwrap();
        assert_eq!((lowered.sums.shift, &lowered.sums.biases.values), (4, &vec![1]));
        assert_eq!((lowered.sums.weights.format(), lowered.sums.accumulator), (signed(3, 1), signed(11, 9)));
        let coarse = DenseKernel::new(&op(Some(Coefficients { values: vec![-5], fraction: -2 })), site(&input, &output)).unwrap();
        assert_eq!(coarse.sums.biases, Coefficients { values: vec![-5 << 11], fraction: 9 });
        // No bias is one of 0.
        assert_eq!(DenseKernel::new(&op(None), site(&input, &output)).unwrap().sums.biases.values, [0]);
    }

    #[test]
    fn a_result_coarser_than_its_products_is_an_error() {
        let (input, output) = (dense(&[(0, 15), (0, 15)], 4), dense(&[(-959, 721)], 4));
        assert_eq!(DenseKernel::new(&op(None), site(&input, &output)).unwrap_err().code(), Code::Internal);
    }

    #[test]
    fn positions_and_elements_have_the_bits_of_the_last() {
        // 4 x 4 pixels count from 1 to 16, their 32 elements from 0 to 31.
        assert_eq!(position_bits(SparseShape { slots: 3, height: 4, width: 4, channels: 2 }), 5);
        assert_eq!(position_bits(SparseShape { slots: 3, height: 3, width: 5, channels: 2 }), 4);
        assert_eq!(unsigned(5, 0).width, bits_for(31));
    }

    #[test]
    fn only_a_flatten_and_a_dense_layer_can_become_one() {
        let value = dense(&[(0, 15), (0, 15)], 4);
        let error = LookUpKernel::new(&[], 0, &[], &value, &PLAN).unwrap_err();
        assert_eq!(error.code(), Code::Internal);
    }
}
