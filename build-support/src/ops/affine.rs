//! A scale and an offset for each channel: a batch normalization.

use super::{
    About, Extent, Kernel, LayerPlan, Rules, Site, Values, align, aligned, finer,
    parts::{Gives, Parts, bits_of, counted, digits},
    signed,
};
use crate::{
    error::Result,
    fixed::{Format, MantissaRange},
    network::Coefficients,
    structure::Operation,
};

/// `x * scale + offset`.
#[derive(Debug, Clone)]
pub struct FixedAffine {
    /// The scales.
    pub scale: Coefficients,
    /// The offsets.
    pub offset: Coefficients,
}

/// `x * scale + offset` for each channel.
pub(crate) fn fix(scale: &Coefficients, offset: &Coefficients, input: &Values) -> Result<(FixedAffine, Values)> {
    let (fraction, shift_product, shift_offset) = align(input.fraction + scale.fraction, offset.fraction)?;
    let value = |at: usize| {
        let channel = at % scale.values.len();
        let offset = (i128::from(offset.values[channel]) << shift_offset) * i128::from(input.divisor);
        let product = input.range_at(at).times(scale.values[channel].into()).shifted(shift_product);
        product.plus(MantissaRange { lo: offset, hi: offset })
    };
    let ranges = (0..super::common_period(input.ranges.len(), scale.values.len())).map(value).collect();
    let op = FixedAffine { scale: scale.clone(), offset: offset.clone() };
    Ok((op, Values { fraction, ranges, active: None, ..input.clone() }))
}

impl Rules for FixedAffine {
    fn about(&self) -> About<'_> {
        About { extent: Extent::ONE, knobs: &[], variants: &[], accumulator: None, weights: None, moves: false, reorders: false }
    }

    fn gives(&self, _: &LayerPlan) -> Gives {
        Gives::All
    }

    fn lower(&self, site: Site<'_>) -> Result<Kernel> {
        AffineKernel::new(&self.scale, &self.offset, site).map(Kernel::Affine)
    }

    fn parts(&self, p: &mut Parts<'_>) {
        let ((from, to), values) = (p.widths(), p.values());
        let product = |scale: &i64| Operation::times_constant(from, bits_of(*scale), digits(*scale));
        let products = counted(self.scale.values.iter().map(product));
        p.add_all("scale", &products, values / self.scale.values.len(), values * to as usize);
        p.add("offset", Operation::Add { width: to }, values, 1, values * to as usize);
    }
}

/// See [`Kernel::Affine`]. The channels are the last axis.
#[derive(Debug, Clone, PartialEq)]
pub struct AffineKernel {
    /// Elements, of all channels.
    pub elements: usize,
    /// The scale of each channel.
    pub scales: Coefficients,
    /// Bits that the result is finer than the products.
    pub shift: u32,
    /// The offset of each channel, with the binary point of the result.
    pub offsets: Coefficients,
    /// What products and sums are held in.
    pub accumulator: Format,
}

impl AffineKernel {
    pub(super) fn new(scale: &Coefficients, offset: &Coefficients, site: Site<'_>) -> Result<Self> {
        let (input, output) = (site.input.format, site.output.format);
        let shift = finer(input.fraction + scale.fraction, output.fraction)?;
        let offsets = aligned(offset, site.output)?;
        let product = input.width + scale.format().width + shift;
        Ok(Self {
            elements: site.output.size(),
            scales: scale.clone(),
            shift,
            accumulator: signed([product, offsets.format().width, output.width], 2, output.fraction),
            offsets,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::testing::{dense, signed, site};

    #[test]
    fn the_accumulator_holds_product_and_offset() {
        // 4 bits times 3 bits, three bits to the left: 10; the offset, -17 * 2^6, has 12 and so has the result.
        let (input, output) = (dense(&[(0, 15)], 2), dense(&[(-2000, 40)], 8));
        let scale = Coefficients { values: vec![-4], fraction: 3 };
        let affine = AffineKernel::new(&scale, &Coefficients { values: vec![-17], fraction: 2 }, site(&input, &output)).unwrap();
        assert_eq!((affine.shift, affine.offsets.values[0]), (3, -17 << 6));
        assert_eq!(affine.accumulator, signed(14, 8));
        // A wider offset decides: -17 * 2^16.
        let offset = Coefficients { values: vec![-17 << 10], fraction: 2 };
        assert_eq!(AffineKernel::new(&scale, &offset, site(&input, &output)).unwrap().accumulator, signed(24, 8));
        // So does a product: 4 bits times 2 bits, three to the left, of which 216 needs only 8.
        let (input, output) = (dense(&[(0, 9)], 2), dense(&[(0, 216)], 8));
        let (scale, offset) = (Coefficients { values: vec![3], fraction: 3 }, Coefficients { values: vec![0], fraction: 0 });
        assert_eq!(AffineKernel::new(&scale, &offset, site(&input, &output)).unwrap().accumulator, signed(11, 8));
    }
}
