//! Each active pixel in its place in a dense image, zero elsewhere.

use super::{
    About, Active, Extent, FixedLayer, FixedOp, FixedQuantizer, Kernel, LayerPlan, QuantizeKernel, Rules, Site, Value, Values,
    parts::{Gives, Parts, Sparse, digits, narrow},
    quantize::{of_channels, round},
};
use crate::{
    error::{Error, Result},
    fixed::{Format, MantissaRange, bits_for},
    manifest::{Knob, Variant},
    network::SparseShape,
    structure::Operation,
};

/// A flatten of a sparse value.
#[derive(Debug, Clone, Copy)]
pub struct FixedFlatten {
    /// What goes in.
    pub pixels: SparseShape,
}

/// What each place of the image can hold, and how many of them do at once.
pub(crate) fn fix(pixels: SparseShape, input: &Values) -> (FixedFlatten, Values) {
    let channels = pixels.channels;
    let ranges = input.ranges.iter().map(|range| range.hull(MantissaRange::ZERO)).collect();
    let active = Some(Active { pixels: pixels.max_active(), channels });
    (FixedFlatten { pixels }, Values { ranges, active, ..input.clone() })
}

impl Rules for FixedFlatten {
    fn about(&self) -> About<'_> {
        About {
            extent: Extent { slots: self.pixels.slots, ..Extent::ONE },
            knobs: &[Knob::Interval, Knob::Pixels],
            variants: &[Variant::Scatter, Variant::LookUp],
            accumulator: None,
            weights: None,
            moves: true,
            reorders: false,
        }
    }

    fn gives(&self, _: &LayerPlan) -> Gives {
        Gives::All
    }

    fn lower(&self, site: Site<'_>) -> Result<Kernel> {
        Ok(Kernel::Flatten(FlattenKernel::new(self.pixels, None, site.output, site.plan)))
    }

    fn parts(&self, p: &mut Parts<'_>) {
        self.scatter(p, p.fixed.input.format().width, None);
    }
}

impl FixedFlatten {
    /// Puts features of so many bits into the image, quantized before if there is something that quantizes them.
    pub(super) fn scatter(&self, p: &mut Parts<'_>, bits: u32, quantizer: Option<(&FixedQuantizer, &Values)>) {
        let s = Sparse::of(self.pixels);
        let (lanes, features) = (p.plan.pixels_per_cycle, s.slots * s.channels * bits as usize);
        let position = positions(p, s, features);
        p.turns(s.slots, lanes, narrow(s.channels) * bits, lanes, features);
        let (places, to) = (s.height * s.width, if quantizer.is_some() { p.fixed.output.format().width } else { bits });
        if let Some((op, input)) = quantizer {
            round(p, &op.quantizer, input, to, &of_channels(op, s.channels), lanes, places);
        }
        p.add("here", Operation::Decode { width: position }, lanes * places, 1, features + lanes * places);
        let image = places * s.channels * to as usize;
        let choice = Operation::GatedOr { inputs: narrow(lanes), width: to };
        p.add("take", choice, places * s.channels, 1, image);
        if p.plan.steps > 1 {
            p.add("keep", Operation::Gate { width: to }, places * s.channels, 0, 0);
            p.held = image as u64;
        }
    }
}

/// Positions of the slots of a step.
fn positions(p: &mut Parts<'_>, s: Sparse, live: usize) -> u32 {
    let lanes = p.plan.pixels_per_cycle;
    let position = bits_for(s.height * s.width);
    p.turns(s.slots, lanes, s.coordinate[0] + s.coordinate[1], lanes, live);
    let row = Operation::MultiplyConstant { digits: digits(s.width as i64), width: position };
    p.add("row times width", row, lanes, 1, live + lanes * position as usize);
    p.add("plus column", Operation::Add { width: position }, lanes, 1, live + lanes * position as usize);
    position
}

/// See [`Kernel::Flatten`].
#[derive(Debug, Clone, PartialEq)]
pub struct FlattenKernel {
    /// What goes in: slots, image and channels.
    pub shape: SparseShape,
    /// Slots in a step.
    pub pixels_per_cycle: usize,
    /// Bits of a position: row-major, from 1; 0 is that of an empty slot.
    pub position_bits: u32,
    /// Bits of the index of an element of the image.
    pub element_bits: u32,
    /// What rounds the features on their way, by the element of the image that they become.
    pub quantizer: Option<QuantizeKernel>,
    /// The mantissa of an element.
    pub element: Format,
}

impl FlattenKernel {
    fn new(shape: SparseShape, quantizer: Option<QuantizeKernel>, output: &Value, plan: &LayerPlan) -> Self {
        Self {
            shape,
            pixels_per_cycle: plan.pixels_per_cycle,
            position_bits: position_bits(shape),
            element_bits: element_bits(shape),
            quantizer,
            element: output.format,
        }
    }

    /// One kernel for `ops`: a flatten and a quantizer, which works on slots instead of on the image. `values` are what each of
    /// them reads.
    pub(crate) fn quantizing(ops: &[FixedLayer], values: &[Value], output: &Value, plan: &LayerPlan) -> Result<Self> {
        let ([flatten, quantize], [_, image]) = (ops, values) else { return Err(unexpected()) };
        let (FixedOp::SparseFlatten(flatten), FixedOp::Quantize(quantize)) = (&flatten.layer.op, &quantize.layer.op) else {
            return Err(unexpected());
        };
        let quantizer = QuantizeKernel::new(quantize, image, output)?;
        Ok(Self::new(flatten.pixels, Some(quantizer), output, plan))
    }
}

fn unexpected() -> Error {
    Error::internal("something else than a flatten and a quantizer in one kernel")
}

/// Bits of a position that counts from 1.
pub(crate) fn position_bits(shape: SparseShape) -> u32 {
    bits_for(shape.height * shape.width)
}

/// Bits of the index of an element of a flattened image.
pub(super) fn element_bits(shape: SparseShape) -> u32 {
    bits_for(shape.image_len() - 1)
}
