//! Rounding, limits and division by a constant.

use crate::{
    circuit::{Circuit, Net},
    fixed::{Format, MantissaRange, Overflow, Rounding},
};

impl Circuit {
    /// `x` without its last `drop` bits, rounded.
    ///
    /// Cost: an adder of the bits that stay, and a LUT or two for what it adds; nothing to round down.
    pub(super) fn rounded(&mut self, x: Net, drop: u32, rounding: Rounding) -> Net {
        // Beyond a bit more than there are only the sign is left to round.
        let drop = drop.min(self.width(x) + 1);
        if drop == 0 {
            return x;
        }
        let range = self.range(x);
        let (floor, up) = (self.shift_right(x, drop), self.rounds_up(x, drop, rounding));
        let sum = self.add(floor, up);
        let end = |x: i128| rounding.divide(x, 1 << drop);
        self.narrow(sum, MantissaRange { lo: end(range.lo), hi: end(range.hi) })
    }

    /// Whether `x` goes up if its last `drop` bits go.
    fn rounds_up(&mut self, x: Net, drop: u32, rounding: Rounding) -> Net {
        if rounding == Rounding::Floor {
            return self.constant(0);
        }
        let negative = self.is_negative(x);
        let half = self.bit_or_sign(x, drop - 1);
        let low = self.bits(x, 0, (drop - 1).min(self.width(x)));
        let none = self.is(low, 0);
        let rest = self.not(none);
        let beside_half = match rounding {
            Rounding::Floor | Rounding::HalfUp => return half,
            Rounding::TowardZero => {
                let some = self.any([half, rest]);
                return self.all([negative, some]);
            }
            Rounding::HalfDown => rest,
            Rounding::HalfEven => {
                let odd = self.bit_or_sign(x, drop);
                self.any([rest, odd])
            }
            Rounding::HalfTowardZero => self.any([rest, negative]),
            Rounding::HalfAwayFromZero => {
                let positive = self.not(negative);
                self.any([rest, positive])
            }
        };
        self.all([half, beside_half])
    }

    /// Whether `x < 0`
    pub(super) fn is_negative(&mut self, x: Net) -> Net {
        let zero = self.constant(0);
        self.less(x, zero)
    }

    /// Bit number `bit` of `x`, before which its sign goes on without an end.
    fn bit_or_sign(&mut self, x: Net, bit: u32) -> Net {
        if bit < self.width(x) { self.bit(x, bit) } else { self.is_negative(x) }
    }

    /// `x` as `format` holds it.
    ///
    /// Cost: nothing to wrap; to saturate, two comparisons with constants and a LUT for each bit.
    pub(super) fn limited(&mut self, x: Net, format: Format, overflow: Overflow) -> Net {
        if overflow == Overflow::Wrap {
            return if format.signed { self.signed(x, format.width) } else { self.bits(x, 0, format.width) };
        }
        let range = limits(format, overflow);
        let (lo, hi) = (self.constant(range.lo), self.constant(range.hi));
        self.clamped(x, lo, hi)
    }

    /// `x`, but not less than `lo` and not more than `hi`
    pub(super) fn clamped(&mut self, x: Net, lo: Net, hi: Net) -> Net {
        let (inner, low, high) = (self.range(x), self.range(lo), self.range(hi));
        let (over, under) = (self.less(hi, x), self.less(x, lo));
        let y = self.select(over, hi, x);
        let y = self.select(under, lo, y);
        let end = |x: i128, lo: i128, hi: i128| x.min(hi).max(lo);
        self.narrow(y, MantissaRange { lo: end(inner.lo, low.lo, high.lo), hi: end(inner.hi, low.hi, high.hi) })
    }

    /// `x`, of which this range is known when there are data: the bits that it takes. Without data it may be anything.
    pub(in crate::circuit) fn fitted(&mut self, x: Net, range: MantissaRange) -> Net {
        let (inner, format) = (self.range(x), Format::holding(range, 0));
        if range.lo <= inner.lo && inner.hi <= range.hi {
            x
        } else if format.signed {
            self.signed(x, format.width)
        } else {
            self.bits(x, 0, format.width)
        }
    }

    /// `x / divisor` of what is not negative, rounded down.
    ///
    /// Cost: the product with a constant of about as many bits as `x` has.
    pub(super) fn divided(&mut self, x: Net, divisor: u64) -> Net {
        let (range, d) = (self.range(x), i128::from(divisor));
        let (multiplier, shift) = reciprocal(range.hi, d);
        let product = match i64::try_from(multiplier) {
            Ok(multiplier) => super::linear::sums(self, &[x], &[multiplier], &[0])[0],
            Err(_) => self.times(x, multiplier),
        };
        let quotient = self.shift_right(product, shift);
        self.narrow(quotient, MantissaRange { lo: range.lo / d, hi: range.hi / d })
    }
}

/// What `format` holds, if it saturates.
pub(super) fn limits(format: Format, overflow: Overflow) -> MantissaRange {
    let range = format.range();
    let lo = if overflow == Overflow::SaturateSymmetric && format.signed { -range.hi } else { range.lo };
    MantissaRange { lo, hi: range.hi }
}

/// The smallest `m` with a `shift` such that `x / divisor` is `(x * m) >> shift` for 0 to `largest`.
fn reciprocal(largest: i128, divisor: i128) -> (i128, u32) {
    // The product is too large by x * excess / divisor, which must be less than 1 / divisor once it is shifted. What needs more
    // bits than these is too wide to be a word.
    let multiplier = |shift: u32| (1i128 << shift) / divisor + 1;
    let excess = |shift: u32| multiplier(shift) * divisor - (1 << shift);
    let shift = (0..110).find(|shift| excess(*shift).saturating_mul(largest) < 1 << shift).unwrap_or(110);
    (multiplier(shift), shift)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::circuit::kernels::testing::Running;

    #[test]
    fn bits_go_as_the_mode_says() {
        let ranges = [(0, 9), (-1, 0), (-8, 7), (-9, 3), (-5, -2), (3, 4), (1, 16), (-31, 40)];
        for ((lo, hi), (rounding, _)) in ranges.into_iter().flat_map(|range| Rounding::ALL.map(|mode| (range, mode))) {
            for drop in 0..9 {
                let mut c = Circuit::default();
                let x = c.input("x", MantissaRange { lo, hi });
                let y = c.rounded(x, drop, rounding);
                c.output("y", y);
                let mut running = Running::new(&c);
                for x in lo..=hi {
                    assert_eq!(
                        running.token(&[x])[y.index()],
                        rounding.divide(x, 1 << drop),
                        "{x} less {drop} bits, {rounding:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_reciprocal_divides_exactly() {
        for divisor in [3, 5, 7, 9, 25, 27, 35, 45, 49, 63, 121] {
            for largest in [1, 2, divisor - 1, divisor, 1000, 4097] {
                let (multiplier, shift) = reciprocal(largest, divisor);
                assert!((0..=largest).all(|x| (x * multiplier) >> shift == x / divisor), "{largest} / {divisor}");
            }
        }
        // What a mean may be at most, where only the ends and what lies around multiples can be tried.
        let (multiplier, shift) = reciprocal((1 << 58) - 1, 16_777_215);
        for x in [(1i128 << 58) - 1, 16_777_215 * 17_179_869_000, 16_777_215 * 17_179_869_000 - 1] {
            assert_eq!((x * multiplier) >> shift, x / 16_777_215);
        }
    }
}
