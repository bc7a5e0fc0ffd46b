//! Exact division by a constant, as a multiplication.

use crate::{
    error::{Code, Error, Result},
    fixed::{Format, Interval},
};

/// The constants of `exact_quotient` in `kernels/quantize.h`: with `n = ((x << left) >> right) + offset`, which is not
/// negative, `n / divisor = (n * multiplier) >> shift` for every `x` of the interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quotient {
    pub divisor: u64,
    pub left: u32,
    pub right: u32,
    pub offset: i128,
    pub multiplier: u128,
    pub shift: u32,
    /// The largest `n`.
    pub largest: i128,
    /// The quotient's format: two bits finer than any quantizer after it, the last one for what is left.
    pub format: Format,
    /// What `x << left` needs.
    pub shifted: Format,
}

impl Quotient {
    /// For mantissas in `interval` with `fraction` bits, divided by `divisor`, then quantized to at most `finest` bits.
    pub fn new(interval: Interval, fraction: i32, divisor: u64, finest: i32) -> Result<Self> {
        let interval = interval.hull(Interval::ZERO);
        let up = finest + 1 - fraction;
        let (left, right) = (up.max(0) as u32, (-up).max(0) as u32);
        let shifted = interval.shifted(left);
        let scaled = Interval { lo: shifted.lo >> right, hi: shifted.hi >> right };
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
        let quotient = Interval { lo: 2 * scaled.lo.div_euclid(d), hi: 2 * scaled.hi.div_euclid(d) + 1 };
        Ok(Self {
            divisor,
            left,
            right,
            offset,
            multiplier,
            shift,
            largest,
            format: Format::holding(quotient, finest + 2),
            shifted: Format::holding(shifted.hull(Interval { lo: 0, hi: scaled.hi + offset }), 0),
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
                let q = Quotient::new(Interval { lo, hi }, 4, divisor, 3 + up).unwrap();
                for x in lo..=hi {
                    let n = ((x << q.left) >> q.right) + q.offset;
                    assert!((0..=q.largest).contains(&n));
                    assert_eq!((n as u128 * q.multiplier) >> q.shift, n as u128 / u128::from(divisor));
                }
            }
        }
        let wide = Quotient::new(Interval { lo: 0, hi: (1 << 55) - 1 }, 0, 49, -1).unwrap();
        for n in [0, 48, 49, wide.largest, wide.largest - 1, wide.largest / 49 * 49, wide.largest / 49 * 49 - 1] {
            assert_eq!((n as u128 * wide.multiplier) >> wide.shift, n as u128 / 49);
        }
    }
}
