//! Fully connected layers: on a dense value, and on the slots of a sparse one.

use super::{Quantizer, Site, Value, ValueId, aligned, finer, flatten::position_bits};
use crate::{
    error::{Error, Result},
    fixed::{Format, bits_for},
    network::{Coefficients, Layer, SparseShape},
    ops::{FixedDense, FixedFlatten, FixedLayer, FixedOp, LayerPlan},
};

/// See [`Kernel::Dense`](super::Kernel::Dense).
#[derive(Debug, Clone, PartialEq)]
pub struct Dense {
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

/// See [`Kernel::LookUpDense`](super::Kernel::LookUpDense).
#[derive(Debug, Clone, PartialEq)]
pub struct LookUpDense {
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
    pub quantizer: Option<Quantizer>,
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

impl Dense {
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

impl LookUpDense {
    /// One kernel for `ops`: a flatten, perhaps a quantizer, and a dense layer. `values` are what each of them reads, of which
    /// the first has the id `first`.
    pub(super) fn new(ops: &[FixedLayer], first: usize, values: &[Value], output: &Value, plan: &LayerPlan) -> Result<Self> {
        let [flatten, between @ .., dense] = ops else { return Err(unexpected()) };
        let (FixedOp::SparseFlatten(FixedFlatten { pixels: shape }), FixedOp::Dense(dense)) =
            (&flatten.layer.op, &dense.layer.op)
        else {
            return Err(unexpected());
        };
        let quantizer = match between {
            [] => None,
            [FixedLayer { layer: Layer { op: FixedOp::Quantize(quantize), .. }, .. }] => {
                Some(Quantizer::new(quantize, &values[1], &values[2])?)
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
            element_bits: bits_for(shape.image_len() - 1),
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
        Code,
        lower::testing::{PLAN, dense, signed, site, unsigned},
        network,
    };

    fn op(bias: Option<Coefficients>) -> FixedDense {
        let weights = Coefficients { values: vec![-4, 3], fraction: 1 };
        FixedDense { dense: network::Dense { rows: 1, inputs: 2, outputs: 1, weights, bias }, accumulator: signed(11, 9) }
    }

    #[test]
    fn products_and_bias_meet_at_the_binary_point_of_the_result() {
        // Products have 4 + 1 fraction bits and the bias 9: the sum goes four bits to the left.
        let (input, output) = (dense(&[(0, 15), (0, 15)], 4), dense(&[(-959, 721)], 9));
        let lowered = Dense::new(&op(Some(Coefficients { values: vec![1], fraction: 9 })), site(&input, &output)).unwrap();
        assert_eq!((lowered.sums.shift, &lowered.sums.biases.values), (4, &vec![1]));
        assert_eq!((lowered.sums.weights.format(), lowered.sums.accumulator), (signed(3, 1), signed(11, 9)));
        let coarse = Dense::new(&op(Some(Coefficients { values: vec![-5], fraction: -2 })), site(&input, &output)).unwrap();
        assert_eq!(coarse.sums.biases, Coefficients { values: vec![-5 << 11], fraction: 9 });
        // No bias is one of 0.
        assert_eq!(Dense::new(&op(None), site(&input, &output)).unwrap().sums.biases.values, [0]);
    }

    #[test]
    fn a_result_coarser_than_its_products_is_an_error() {
        let (input, output) = (dense(&[(0, 15), (0, 15)], 4), dense(&[(-959, 721)], 4));
        assert_eq!(Dense::new(&op(None), site(&input, &output)).unwrap_err().code(), Code::Internal);
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
        let error = LookUpDense::new(&[], 0, &[], &value, &PLAN).unwrap_err();
        assert_eq!(error.code(), Code::Internal);
    }
}
