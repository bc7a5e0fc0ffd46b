//! Exact division by a constant, as a multiplication.

use super::signed;
use crate::{
    error::{Code, Error, Result},
    fixed::{Format, MantissaRange},
};

/// The division of a mean. With `n = ((x << left) >> right) + offset`, which is not negative,
/// `n / divisor = (n * multiplier) >> shift` for every `x` that can occur; `offset / divisor` is to be taken off again, and a
/// last bit says whether anything was left, so that the result rounds like the exact quotient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quotient {
    /// What is divided by.
    pub divisor: u64,
    /// The shift before the division.
    pub left: u32,
    /// The shift in the other direction; one of them is 0.
    pub right: u32,
    /// A multiple of the divisor that makes the numerator positive.
    pub offset: i128,
    /// `offset / divisor`.
    pub offset_quotient: i128,
    /// The constant that is multiplied with.
    pub multiplier: u128,
    /// The bits of the product that are dropped.
    pub shift: u32,
    /// What `x << left` and the numerator need, and a sign.
    pub shifted: Format,
    /// Bits of the numerator `n`.
    pub numerator_bits: u32,
    /// Bits of the multiplier.
    pub multiplier_bits: u32,
    /// Bits of the product.
    pub product_bits: u32,
    /// The quotient: two bits finer than any quantizer after it, the last one for what is left.
    pub format: Format,
}

impl Quotient {
    /// For mantissas in `range` with `fraction` bits, divided by `divisor`, then quantized to at most `finest` bits.
    pub(crate) fn new(range: MantissaRange, fraction: i32, divisor: u64, finest: i32) -> Result<Self> {
        let range = range.hull(MantissaRange::ZERO);
        let up = finest + 1 - fraction;
        let (left, right) = (up.max(0) as u32, (-up).max(0) as u32);
        let shifted = range.shifted(left);
        let scaled = MantissaRange { lo: shifted.lo >> right, hi: shifted.hi >> right };
        let d = i128::from(divisor);
        let offset = (-scaled.lo).div_euclid(d) * d + if (-scaled.lo).rem_euclid(d) == 0 { 0 } else { d };
        let largest = scaled.hi + offset;
        let bits = 128 - largest.leading_zeros();
        if bits > 58 || Format::holding(shifted, 0).width > 64 {
            return Err(Error::new(
                Code::FormatTooWide,
                format!("a mean over a window of {divisor} (times a power of two) pixels is too wide to be divided exactly"),
            )
            .help("give the pooling layer's input fewer bits, or pool over a power of two of pixels"));
        }
        // With shift such that 2^shift > largest * divisor, rounding the multiplier up is off by less than 1/divisor.
        let shift = (128 - (largest.max(1) * d).leading_zeros()).max(1);
        let multiplier = (1u128 << shift).div_ceil(divisor.into());
        let (numerator_bits, multiplier_bits) = (bits.max(1), 128 - multiplier.leading_zeros());
        let wide = Format::holding(shifted.hull(MantissaRange { lo: 0, hi: largest }), fraction + left as i32);
        let quotient = MantissaRange { lo: 2 * scaled.lo.div_euclid(d), hi: 2 * scaled.hi.div_euclid(d) + 1 };
        Ok(Self {
            divisor,
            left,
            right,
            offset,
            offset_quotient: offset / d,
            multiplier,
            shift,
            shifted: signed([wide.width], 1, wide.fraction),
            numerator_bits,
            multiplier_bits,
            product_bits: numerator_bits + multiplier_bits,
            format: Format::holding(quotient, finest + 2),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_multiplication_divides_exactly() {
        for (lo, hi, divisor) in [(-1000, 3000, 9), (0, 4095, 49), (-77, -3, 7), (-1, 1, 3), (0, 0, 5), (-4096, 4095, 169)] {
            for up in [0i32, 3, -2] {
                let q = Quotient::new(MantissaRange { lo, hi }, 4, divisor, 3 + up).unwrap();
                for x in lo..=hi {
                    let n = ((x << q.left) >> q.right) + q.offset;
                    assert!((0..1 << q.numerator_bits).contains(&n));
                    assert_eq!((n as u128 * q.multiplier) >> q.shift, n as u128 / u128::from(divisor));
                }
            }
        }
        let largest = (1 << 55) - 1;
        let wide = Quotient::new(MantissaRange { lo: 0, hi: largest }, 0, 49, -1).unwrap();
        assert_eq!((wide.left, wide.right, wide.offset), (0, 0, 0));
        for n in [0, 48, 49, largest, largest - 1, largest / 49 * 49, largest / 49 * 49 - 1] {
            assert_eq!((n as u128 * wide.multiplier) >> wide.shift, n as u128 / 49);
        }
    }

    #[test]
    fn every_width_holds_its_largest_value() {
        // A quarter of a step finer than f = 4: one bit to the left, 2999 * 2 + 1008 (a multiple of 9) is the largest.
        let q = Quotient::new(MantissaRange { lo: -500, hi: 2999 }, 4, 9, 4).unwrap();
        assert_eq!((q.left, q.right, q.offset, q.offset_quotient), (1, 0, 1008, 112));
        assert_eq!((q.numerator_bits, q.shift), (13, 16));
        // 2^16 / 9, rounded up.
        assert_eq!((q.multiplier, q.multiplier_bits, q.product_bits), (7282, 13, 26));
        assert_eq!(q.shifted, Format { signed: true, width: 15, fraction: 5 });
        // From -1000 / 9 to 5998 / 9, and the bit for what is left: -224 to 1333.
        assert_eq!(q.format, Format { signed: true, width: 12, fraction: 6 });
    }
}
