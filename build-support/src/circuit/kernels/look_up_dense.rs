//! A dense layer that works on slots: the weights of a pixel's position are looked up.

use super::{Around, Place, quantize::quantize};
use crate::{
    circuit::{
        Circuit, Net,
        stream::{Elements, InTurns, Pixels, Slot},
        trees::Term,
    },
    error::Result,
    fixed::MantissaRange,
    ops::{LookUpKernel, Value},
};

/// A dense layer that looks weights up, with what is around it.
#[derive(Debug, Clone, Copy)]
pub(in crate::circuit) struct LookUpDense<'a> {
    pub(in crate::circuit) kernel: &'a LookUpKernel,
    /// What comes in.
    pub(in crate::circuit) input: &'a Value,
    /// The flattened and quantized image, which nothing holds.
    pub(in crate::circuit) multiplied: &'a Value,
    /// What comes out.
    pub(in crate::circuit) output: &'a Value,
}

/// A slot's position, and its features as they are multiplied.
struct Pixel {
    position: Net,
    features: Vec<Net>,
}

impl LookUpDense<'_> {
    /// Tokens of a turn: groups of outputs.
    pub(in crate::circuit) fn span(&self) -> usize {
        self.kernel.outputs / self.kernel.outputs_per_cycle
    }

    /// All slots at once.
    ///
    /// Cost: for every slot, channel and output a table of the weights by position, and a product.
    pub(in crate::circuit) fn whole(&self, c: &mut Circuit, input: &Pixels, valid: Net) -> Result<Elements> {
        let pixels = self.pixels(c, &input.slots, valid)?;
        let values = (0..self.kernel.outputs).map(|output| {
            let terms: Vec<_> = pixels.iter().flat_map(|pixel| self.terms(c, pixel, output, None)).collect();
            let sum = c.sum_of(&terms);
            self.finish(c, sum, output)
        });
        Ok(Elements { values: values.collect(), valid })
    }

    /// In turns: every output has a sum, to which the slots of a turn are added.
    ///
    /// Cost: that of the slots of a turn, and an accumulator for every output.
    pub(in crate::circuit) fn in_turns(&self, c: &mut Circuit, input: &InTurns) -> Result<Elements> {
        let (pixels, per_token) = (self.pixels(c, &input.pixels.slots, input.busy)?, self.kernel.outputs_per_cycle);
        let token = (self.span() > 1).then_some(input.token);
        let parts: Vec<_> = (0..per_token)
            .map(|output| {
                let terms: Vec<_> = pixels.iter().flat_map(|pixel| self.terms(c, pixel, output, token)).collect();
                c.sum_of(&terms)
            })
            .collect();
        let values = (0..self.kernel.outputs).map(|output| {
            let now = c.is(input.token, (output / per_token) as i128);
            let now = c.all([input.busy, now]);
            self.accumulated(c, parts[output % per_token], now, input.turns.last, output)
        });
        Ok(Elements { values: values.collect(), valid: input.turns.last })
    }

    /// An output, to whose sum `part` is added when `now` is 1. Its sum ends with the token in which `ends` is 1.
    fn accumulated(&self, c: &mut Circuit, part: Net, now: Net, ends: Net, output: usize) -> Net {
        let sums = &self.kernel.sums;
        // A sum that needs no shift begins with the bias.
        let begins_with_bias = sums.shift == 0;
        let start = if begins_with_bias { i128::from(sums.biases.values[output]) } else { 0 };
        let range = if begins_with_bias { self.range(output) } else { sums.accumulator.range() };
        let range = range.hull(MantissaRange { lo: start, hi: start });
        let sum = c.control(range, start);
        let part = c.gate(now, part);
        let total = c.add(sum, part);
        let total = c.narrow(total, range);
        let start = c.constant(start);
        let next = c.select(ends, start, total);
        let enable = c.any([now, ends]);
        c.leave_if(sum, enable, next);
        if begins_with_bias { c.narrow(total, self.range(output)) } else { self.finish(c, total, output) }
    }

    /// What an output is in.
    fn range(&self, output: usize) -> MantissaRange {
        self.output.range_at(output)
    }

    /// The pixels of slots that are there when `valid` is 1.
    fn pixels(&self, c: &mut Circuit, slots: &[Slot], valid: Net) -> Result<Vec<Pixel>> {
        slots.iter().map(|slot| self.pixel(c, slot, valid)).collect()
    }

    fn pixel(&self, c: &mut Circuit, slot: &Slot, valid: Net) -> Result<Pixel> {
        let shape = self.kernel.shape;
        // Row-major from 1: that of (row, column) is `(row - 1) * width + column`, and an empty slot has 0.
        let row = c.times(slot.row, shape.width as i128);
        let sum = c.add(row, slot.column);
        let width = c.constant(shape.width as i128);
        let position = c.subtract(sum, width);
        let active = c.is_active(slot);
        let active = c.all([active, valid]);
        let position = c.gate(active, position);
        let position = c.narrow(position, MantissaRange { lo: 0, hi: (shape.height * shape.width) as i128 });
        let features = slot.features.iter().enumerate().map(|(channel, feature)| match &self.kernel.quantizer {
            None => Ok(*feature),
            Some(quantizer) => {
                let around = Around { input: self.input, output: self.multiplied };
                quantize(c, quantizer, &around, *feature, &Place::Position { position, channel, shape })
            }
        });
        Ok(Pixel { position, features: features.collect::<Result<_>>()? })
    }

    /// The products of a pixel for an output, or for an output of a token's group.
    fn terms(&self, c: &mut Circuit, pixel: &Pixel, output: usize, token: Option<Net>) -> Vec<Term> {
        let (shape, per_token) = (self.kernel.shape, self.kernel.outputs_per_cycle);
        let groups = token.map_or(1, |_| self.span());
        let products = pixel.features.iter().enumerate().map(|(channel, feature)| {
            let weight = |group: usize, position: usize| {
                let element = (position * shape.channels + channel) * self.kernel.outputs;
                i128::from(self.kernel.sums.weights.values[element + group * per_token + output])
            };
            let positions = shape.height * shape.width;
            let table = |group| [0].into_iter().chain((0..positions).map(move |position| weight(group, position)));
            match token {
                None => c.looked_up_product(&table(0).collect::<Vec<_>>(), pixel.position, *feature),
                Some(token) => {
                    // The position stands below the token, in so many bits.
                    let bits = c.width(pixel.position);
                    let padded = |group| table(group).chain(std::iter::repeat(0)).take(1 << bits);
                    let tables: Vec<_> = (0..groups).flat_map(padded).collect();
                    let index = c.join(&[(token, c.width(token)), (pixel.position, bits)]);
                    c.looked_up_product(&tables, index, *feature)
                }
            }
        });
        products.collect::<Vec<_>>().concat()
    }

    /// The output of a sum of products.
    fn finish(&self, c: &mut Circuit, sum: Net, output: usize) -> Net {
        let sums = &self.kernel.sums;
        let sum = c.shift_left(sum, sums.shift);
        let bias = c.constant(sums.biases.values[output].into());
        let sum = c.add(sum, bias);
        c.narrow(sum, self.range(output))
    }
}
