//! What a quantizer makes of a value that Keras may have a little off, and what its own float32 arithmetic rounds
//! (`quantizers/fixed_point/_fixed_point_ops.py`).

use super::Slack;
use crate::{
    fixed::{Overflow, QuantizerFormat, Rounding},
    formats::Values,
    network::Quantizer,
};

/// Bits that a slack keeps behind the point of the mantissa.
const GUARD: i32 = 20;
/// Beyond this slack nothing is known of a value.
const MAX_SLACK: f64 = 4.6e18;

/// Results in steps of the quantizer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Steps {
    /// The exact one.
    pub exact: i128,
    /// The least that Keras may have.
    pub lo: i128,
    /// The most.
    pub hi: i128,
}

impl Steps {
    fn point(exact: i128) -> Self {
        Self { exact, lo: exact, hi: exact }
    }

    /// With `bits` fewer bits behind the point.
    pub fn shifted(self, bits: i32) -> Self {
        let bits = bits.clamp(0, 120);
        Self { exact: self.exact >> bits, lo: self.lo >> bits, hi: -(-self.hi >> bits) }
    }

    fn widened(self, by: i128) -> Self {
        Self { lo: self.lo.saturating_sub(by), hi: self.hi.saturating_add(by), ..self }
    }

    fn largest(&self) -> i128 {
        self.lo.saturating_abs().max(self.hi.saturating_abs())
    }

    fn is_point(&self) -> bool {
        self.lo == self.hi
    }
}

/// Quantizes `x` of `input` with one of the formats of `quantizer`.
pub fn steps(format: QuantizerFormat, quantizer: &Quantizer, x: i64, slack: Slack, input: &Values) -> Steps {
    let (rounding, overflow) = (quantizer.rounding, quantizer.overflow);
    let exact = format.quantize(x.into(), input.fraction, input.divisor, rounding, overflow);
    let (QuantizerFormat::Live { k, i, f }, false) = (format, x == 0 && slack.is_zero()) else { return Steps::point(exact) };
    let range = Range { k, bits: i + f };
    if slack.largest() > MAX_SLACK {
        return range.all(exact);
    }
    let rounded = round(x, slack, f, input, rounding);
    Steps { exact, ..range.reduce(rounded, overflow) }
}

/// Rounds to `f` fraction bits, without limits.
fn round(x: i64, slack: Slack, f: i32, input: &Values, rounding: Rounding) -> Steps {
    let adds_half = !matches!(rounding, Rounding::Floor | Rounding::TowardZero | Rounding::HalfEven);
    // The number just below one half, of 24 bits, becomes 1 if one half is added.
    let is_fine = input.divisor != 1 || input.fraction - f > 24;
    let nearly_half = 2f64.powi(-24 + input.fraction - f) * input.divisor as f64;
    let more = if adds_half && is_fine { nearly_half } else { 0.0 };
    let unbounded = QuantizerFormat::RoundOnly { f };
    let at = |mantissa: i128, fraction: i32| unbounded.quantize(mantissa, fraction, input.divisor, rounding, Overflow::Wrap);
    let fine = |slack: f64| ((slack + more) * 2f64.powi(GUARD)).ceil() as i128;
    let middle = i128::from(x) << GUARD;
    let rounded = Steps {
        exact: at(x.into(), input.fraction),
        lo: at(middle - fine(slack.below), input.fraction + GUARD),
        hi: at(middle + fine(slack.above), input.fraction + GUARD),
    };
    // From 2^23 on float32 has no halves, and an odd integer and a half becomes the even one beside it.
    let is_even = rounded.is_point() && rounded.exact & 1 == 0;
    let has_halves = rounded.largest() < (1 << 23) - 1;
    if adds_half && !has_halves && !is_even { rounded.widened(1) } else { rounded }
}

/// The range of a quantizer: `k` sign bits and `bits` others.
struct Range {
    k: u32,
    bits: i32,
}

impl Range {
    /// One past the last.
    fn end(&self) -> i128 {
        1 << self.bits.clamp(0, 120)
    }

    fn first(&self) -> i128 {
        -(i128::from(self.k) * self.end())
    }

    /// Everything.
    fn all(&self, exact: i128) -> Steps {
        Steps { exact, lo: self.first(), hi: self.last() }
    }

    /// The largest number, or the next power of two if float32 cannot hold it.
    fn last(&self) -> i128 {
        self.end() - i128::from(self.bits <= 24)
    }

    fn reduce(&self, rounded: Steps, overflow: Overflow) -> Steps {
        let (end, last) = (self.end(), self.last());
        // From where Keras clips, at the least and at the most.
        let (least, most) = match overflow {
            Overflow::Wrap => return self.wrap(rounded),
            Overflow::Saturate => (self.first(), self.first()),
            Overflow::SaturateSymmetric if self.k == 0 => (0, 0),
            Overflow::SaturateSymmetric => (-last, 1 - end),
        };
        Steps { lo: rounded.lo.clamp(least, end - 1), hi: rounded.hi.clamp(most, last), ..rounded }
    }

    /// `(n + bias) % period - bias`, each of which float32 may round.
    fn wrap(&self, rounded: Steps) -> Steps {
        let (first, period) = (self.first(), self.end() - self.first());
        let residue = |n: i128| (n - first).rem_euclid(period) + first;
        let biased = rounded.lo - first;
        let rest = biased.rem_euclid(period);
        if rounded.is_point() && [biased, rest, rest + first].into_iter().all(holds) {
            return Steps::point(rest + first);
        }
        let half_ulp = |largest: i128| {
            let bits = 128 - largest.unsigned_abs().leading_zeros();
            if bits > 24 { 1i128 << (bits - 25) } else { 0 }
        };
        let wide = rounded.widened(half_ulp(rounded.largest() - first) + 2 * half_ulp(period - 1));
        if (wide.lo - first).div_euclid(period) != (wide.hi - first).div_euclid(period) {
            return self.all(rounded.exact);
        }
        Steps { lo: residue(wide.lo), hi: residue(wide.hi), ..rounded }
    }
}

/// Whether float32 holds this integer.
fn holds(n: i128) -> bool {
    let n = n.unsigned_abs();
    n >> n.trailing_zeros().min(127) < 1 << 24
}
