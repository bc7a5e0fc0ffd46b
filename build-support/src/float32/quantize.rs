//! What a quantizer makes of a value that Keras may have a little off, and what its own float32 arithmetic rounds
//! (`quantizers/fixed_point/_fixed_point_ops.py`).

use super::{Slack, sum::Unit};
use crate::{
    fixed::{Overflow, QuantizerFormat, Rounding},
    formats::Values,
    network::Quantizer,
};

/// Bits that a slack keeps at most behind the point of the mantissa.
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
    pub(crate) fn shifted(self, bits: i32) -> Self {
        let bits = bits.clamp(0, 120);
        Self { exact: self.exact >> bits, lo: self.lo >> bits, hi: -(-self.hi >> bits) }
    }

    fn widened(self, by: i128) -> Self {
        Self { lo: self.lo.saturating_sub(by), hi: self.hi.saturating_add(by), ..self }
    }

    fn moved(self, by: i128) -> Self {
        Self { lo: self.lo + by, hi: self.hi + by, ..self }
    }

    fn largest(&self) -> i128 {
        self.lo.saturating_abs().max(self.hi.saturating_abs())
    }

    fn is_point(&self) -> bool {
        self.lo == self.hi
    }
}

/// Quantizes `x` of `input`, whose values Keras counts in `unit`, with one of the formats of `quantizer`. Whether it `crosses`: whether Keras's value may wrap where
/// the exact one does not.
pub(crate) fn steps(
    format: QuantizerFormat,
    quantizer: &Quantizer,
    (x, slack): (i64, Slack),
    (input, unit): (&Values, Unit),
    crosses: bool,
) -> Steps {
    let (rounding, overflow) = (quantizer.rounding, quantizer.overflow);
    let exact = format.quantize(x.into(), input.fraction, input.divisor, rounding, overflow);
    let (QuantizerFormat::Live { k, i, f }, false) = (format, x == 0 && slack.is_zero()) else { return Steps::point(exact) };
    let range = Range { k, bits: i + f };
    if slack.largest() > MAX_SLACK {
        return range.all(exact);
    }
    let rounded = round(x, slack, f, (input, unit), rounding);
    let reduced = range.reduce(rounded, overflow, crosses);
    // The largest of 24 bits and a half are a tie, too.
    let is_end = |n: i128| n.abs() == range.end() - 1;
    let ties = adds_half(rounding) && range.bits == 24 && overflow != Overflow::Wrap;
    let reduced = if ties && (is_end(reduced.lo) || is_end(reduced.hi)) { reduced.widened(1) } else { reduced };
    Steps { exact, ..reduced }
}

fn adds_half(rounding: Rounding) -> bool {
    !matches!(rounding, Rounding::Floor | Rounding::TowardZero | Rounding::HalfEven)
}

/// Rounds to `f` fraction bits, without limits.
fn round(x: i64, slack: Slack, f: i32, (input, unit): (&Values, Unit), rounding: Rounding) -> Steps {
    let adds_half = adds_half(rounding);
    // The number just below one half, of 24 bits, becomes 1 if one half is added.
    let is_fine = input.divisor != 1 || input.fraction + unit.finer() - f > 24;
    let nearly_half = 2f64.powi(-24 + input.fraction - f) * input.divisor as f64;
    let more = if adds_half && is_fine { nearly_half } else { 0.0 };
    let unbounded = QuantizerFormat::RoundOnly { f };
    let at = |mantissa: i128, fraction: i32| unbounded.quantize(mantissa, fraction, input.divisor, rounding, Overflow::Wrap);
    // No more bits than `quantize` takes: far below a step only the sign matters.
    let guard = GUARD.min(70 - (input.fraction - f)).max(0);
    let fine = |slack: f64| ((slack + more) * 2f64.powi(guard)).ceil().min(2f64.powi(90)) as i128;
    let middle = i128::from(x) << guard;
    let rounded = Steps {
        exact: at(x.into(), input.fraction),
        lo: at(middle - fine(slack.below), input.fraction + guard),
        hi: at(middle + fine(slack.above), input.fraction + guard),
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

    fn reduce(&self, rounded: Steps, overflow: Overflow, crosses: bool) -> Steps {
        let (end, last) = (self.end(), self.last());
        // From where Keras clips, at the least and at the most.
        let (least, most) = match overflow {
            Overflow::Wrap => return self.wrap(rounded, crosses),
            Overflow::Saturate => (self.first(), self.first()),
            Overflow::SaturateSymmetric if self.k == 0 => (0, 0),
            Overflow::SaturateSymmetric => (-last, 1 - end),
        };
        Steps { lo: rounded.lo.clamp(least, end - 1), hi: rounded.hi.clamp(most, last), ..rounded }
    }

    /// `(n + bias) % period - bias`, each of which float32 may round.
    fn wrap(&self, rounded: Steps, crosses: bool) -> Steps {
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
            if crosses {
                return self.all(rounded.exact);
            }
            let start = (rounded.exact - first).div_euclid(period) * period + first;
            return Steps { lo: wide.lo.max(start), hi: wide.hi.min(start + period - 1), ..rounded }.moved(first - start);
        }
        Steps { lo: residue(wide.lo), hi: residue(wide.hi), ..rounded }
    }
}

/// Whether float32 holds this integer.
fn holds(n: i128) -> bool {
    let n = n.unsigned_abs();
    n >> n.trailing_zeros().min(127) < 1 << 24
}

#[cfg(test)]
mod tests {
    use super::{super::sum::tests::Random, *};

    /// The quantizers of HGQ2 in float32, step by step.
    fn keras(x: f32, k: i32, i: i32, f: i32, rounding: Rounding, overflow: Overflow) -> f32 {
        let two = |bits: i32| 2f32.powi(bits);
        let clip = |x: f32, min: f32, max: f32| {
            if x > max {
                max
            } else if x < min {
                min
            } else {
                x
            }
        };
        let sign = |x: f32| if x == 0.0 { 0.0 } else { x.signum() };
        let max = two(i) - two(-f);
        let x = match overflow {
            Overflow::Wrap => x,
            Overflow::Saturate => clip(x, -two(i) * k as f32, max),
            Overflow::SaturateSymmetric => clip(x, -max * k as f32, max),
        } * two(f);
        let x = match rounding {
            Rounding::Floor => x.floor(),
            Rounding::HalfUp => (x + 0.5).floor(),
            Rounding::HalfEven => x.round_ties_even(),
            Rounding::TowardZero => x.abs().floor() * sign(x),
            Rounding::HalfTowardZero => -(-x.abs() + 0.5).floor() * sign(x),
            Rounding::HalfDown => -(-x + 0.5).floor(),
            Rounding::HalfAwayFromZero => (x.abs() + 0.5).floor() * sign(x),
        } / two(f);
        if overflow != Overflow::Wrap {
            return x;
        }
        let bias = k as f32 * two(i + k - 1);
        let (x, period) = (x + bias, two(i + k));
        let rest = x % period;
        (if x < 0.0 { (rest + period) % period } else { rest }) - bias
    }

    #[test]
    fn no_quantizer_of_keras_leaves_its_bound() {
        let mut random = Random::new(2);
        let (mut points, mut others) = (0, 0);
        for round in 0..200_000 {
            let (rounding, ..) = Rounding::ALL[round % 7];
            let overflow = [Overflow::Wrap, Overflow::Saturate, Overflow::SaturateSymmetric][round / 7 % 3];
            let k = random.below(2) as i32;
            let f = random.below(20) as i32 - 4;
            let i = (random.below(30) as i32 - f).max(-f);
            if k + i + f == 0 {
                continue;
            }
            let fraction = f + random.below(if round % 5 == 0 { 90 } else { 40 }) as i32 - 6;
            let divisor = [1, 1, 1, 49][round % 4];
            // What is just beside half a step is where things go wrong.
            let odd = (random.mantissa(12) << (fraction - f).clamp(0, 38))
                + (random.below(2) << (fraction - f - 1).clamp(0, 38)) as i64;
            let x = match random.below(3) {
                0 => random.mantissa(40),
                1 => odd + random.below(3) as i64 - 1,
                _ => (1 << random.below(30)) + random.below(3) as i64 - 1,
            };
            let value = (x as f64 * 2f64.powi(-fraction) / divisor as f64) as f32;
            let near = f32::from_bits(value.to_bits().wrapping_add(random.below(3) as u32).wrapping_sub(1));
            let value = if near.is_finite() && near.abs() > 1e-30 && random.below(2) == 0 { near } else { value };
            let difference = f64::from(value) * 2f64.powi(fraction) * divisor as f64 - x as f64;
            let slack = Slack { below: (-difference).max(0.0), above: difference.max(0.0) };
            let whole = divisor == 1 && difference.fract() == 0.0;
            if divisor == 1 && !whole {
                continue; // values with this divisor are on their grid in Keras too
            }
            let format = QuantizerFormat::Live { k: k as u32, i, f };
            let quantizer = Quantizer::uniform(format, rounding, overflow, 1);
            let input = Values { fraction, divisor, ranges: Vec::new(), active: None };
            let steps = steps(format, &quantizer, (x, slack), (&input, Unit::new(divisor, 0)), true);
            let found = f64::from(keras(value, k, i, f, rounding, overflow)) * 2f64.powi(f);
            let inside = (steps.lo as f64..=steps.hi as f64).contains(&found);
            let about = format!("{rounding:?} {overflow:?} k={k} i={i} f={f} of {x} 2^-{fraction} / {divisor}, {value:e}");
            assert!(inside, "{about}: {found} is not in {steps:?}");
            assert!(steps.lo <= steps.exact && steps.exact <= steps.hi, "{about}: {steps:?}");
            *(if steps.is_point() { &mut points } else { &mut others }) += 1;
        }
        assert!(points > 50_000 && others > 10_000, "{points}, {others}");
    }
}
