//! Fixed-point arithmetic on mantissas: formats, ranges, quantization.
//!
//! A value is `mantissa * 2^-fraction`. A mean over a window whose size is not a power of two also carries an odd
//! `divisor`, so that the value is `mantissa * 2^-fraction / divisor` and nothing is lost before the next quantizer
//! rounds. Everything here is integer arithmetic, except `QuantizerFormat::quantize_weight`, which repeats Keras's
//! float32 arithmetic step by step because a trained weight is an arbitrary float32.

use std::{cmp::Ordering, fmt};

/// How a quantizer rounds `x * 2^f` to an integer (`quantizers/fixed_point/_fixed_point_ops.py`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rounding {
    /// Toward minus infinity (`TRN`).
    Floor,
    /// To nearest, ties toward plus infinity (`RND`).
    HalfUp,
    /// To nearest, ties to even (`RND_CONV`).
    HalfEven,
    /// Toward zero (`TRN_ZERO`).
    TowardZero,
    /// To nearest, ties toward zero (`RND_ZERO`).
    HalfTowardZero,
    /// To nearest, ties toward minus infinity (`RND_MIN_INF`).
    HalfDown,
    /// To nearest, ties away from zero (`RND_INF`).
    HalfAwayFromZero,
}

impl Rounding {
    /// Every mode, with its name in HGQ2.
    pub const ALL: [(Self, &'static str); 7] = [
        (Self::Floor, "TRN"),
        (Self::HalfUp, "RND"),
        (Self::HalfEven, "RND_CONV"),
        (Self::TowardZero, "TRN_ZERO"),
        (Self::HalfTowardZero, "RND_ZERO"),
        (Self::HalfDown, "RND_MIN_INF"),
        (Self::HalfAwayFromZero, "RND_INF"),
    ];

    /// The mode with HGQ2's name `name`; a leading `S_` (stochastic in training) changes nothing at inference.
    pub(crate) fn from_keras(name: &str) -> Option<Self> {
        let name = name.to_ascii_uppercase();
        let name = name.strip_prefix("S_").unwrap_or(&name);
        Self::ALL.iter().find(|(_, keras)| *keras == name).map(|(mode, ..)| *mode)
    }

    /// Rounds the exact quotient `numerator / denominator`; `denominator` must be positive.
    pub fn divide(self, numerator: i128, denominator: i128) -> i128 {
        let floor = numerator.div_euclid(denominator);
        let remainder = numerator.rem_euclid(denominator);
        let half = (2 * remainder).cmp(&denominator);
        floor + i128::from(self.rounds_up(numerator.signum() as i32, remainder != 0, half, floor % 2 != 0))
    }

    /// Whether what lies between an integer, which is `odd`, and the next becomes the next: it has this `sign`, there is
    /// a `rest`, and that is less than, equal to or more than a `half`.
    fn rounds_up(self, sign: i32, rest: bool, half: Ordering, odd: bool) -> bool {
        match self {
            Self::Floor => false,
            Self::TowardZero => sign < 0 && rest,
            Self::HalfUp => half.is_ge(),
            Self::HalfDown => half.is_gt(),
            Self::HalfEven => half.is_gt() || (half.is_eq() && odd),
            Self::HalfTowardZero => half.is_gt() || (half.is_eq() && sign < 0),
            Self::HalfAwayFromZero => half.is_gt() || (half.is_eq() && sign > 0),
        }
    }

    /// As [`Self::divide`] by `2^bits`, of up to 62 bits: the same without a division.
    fn shift(self, numerator: i64, bits: u32) -> i64 {
        let floor = numerator >> bits;
        let remainder = numerator - (floor << bits);
        let half = (2 * remainder).cmp(&(1 << bits));
        floor + i64::from(self.rounds_up(numerator.signum() as i32, remainder != 0, half, floor % 2 != 0))
    }

    /// Rounds a float32 the way Keras does, including what float32 addition of one half itself rounds.
    fn round_f32(self, x: f32) -> f32 {
        let sign = if x > 0.0 {
            1.0
        } else if x < 0.0 {
            -1.0
        } else {
            0.0
        };
        match self {
            Self::Floor => x.floor(),
            Self::HalfUp => (x + 0.5).floor(),
            Self::HalfEven => x.round_ties_even(),
            Self::TowardZero => x.abs().floor() * sign,
            Self::HalfTowardZero => -(-x.abs() + 0.5).floor() * sign,
            Self::HalfDown => -(-x + 0.5).floor(),
            Self::HalfAwayFromZero => (x.abs() + 0.5).floor() * sign,
        }
    }
}

/// What a quantizer does with a value outside its range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Overflow {
    /// Round, then reduce modulo the range (`WRAP`).
    Wrap,
    /// Clip to the range (`SAT`).
    Saturate,
    /// Clip to the symmetric range (`SAT_SYM`); an unsigned range starts at 0.
    SaturateSymmetric,
}

impl Overflow {
    /// The mode with HGQ2's name `name`. `SYM` is not registered in HGQ2 0.2.0 and so not accepted.
    pub(crate) fn from_keras(name: &str) -> Option<Self> {
        match name.to_ascii_uppercase().as_str() {
            "WRAP" => Some(Self::Wrap),
            "SAT" => Some(Self::Saturate),
            "SAT_SYM" => Some(Self::SaturateSymmetric),
            _ => None,
        }
    }
}

/// The widest value that hardware should have.
pub(crate) const MAX_WIDTH: u32 = 64;

/// A fixed-point type: `width` bits, of which `fraction` are behind the binary point (`fraction` may be negative or
/// exceed `width`). It is `ap_fixed<width, width - fraction>` or `ap_ufixed<…>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
pub struct Format {
    /// Whether the mantissa is two's complement.
    pub signed: bool,
    /// Bits, at least 1.
    pub width: u32,
    /// Bits behind the binary point.
    pub fraction: i32,
}

impl Format {
    /// The narrowest format at `fraction` that holds every mantissa of `range`, and zero.
    pub(crate) fn holding(range: MantissaRange, fraction: i32) -> Self {
        let signed = range.lo < 0;
        let bits = |m: i128| 128 - m.leading_zeros();
        let magnitude = bits(range.hi.max(0)).max(if signed { bits(-1 - range.lo) } else { 0 });
        Self { signed, width: (magnitude + u32::from(signed)).max(1), fraction }
    }

    /// Integer bits in the sense of `ap_fixed`: the sign bit counts.
    pub(crate) fn integer(&self) -> i32 {
        self.width as i32 - self.fraction
    }

    /// The number that `mantissa` stands for, as float32.
    pub(crate) fn float(&self, mantissa: i64) -> f32 {
        (mantissa as f64 * 2f64.powi(-self.fraction)) as f32
    }

    /// All mantissas of this format.
    pub fn range(&self) -> MantissaRange {
        if self.signed {
            MantissaRange { lo: -(1 << (self.width - 1)), hi: (1 << (self.width - 1)) - 1 }
        } else {
            MantissaRange { lo: 0, hi: (1 << self.width) - 1 }
        }
    }

    /// Reads `fixed<W,I>` or `ufixed<W,I>` as `ap_fixed` and the manifest spell them; `None` if it is not one with
    /// 1 to 64 bits.
    pub fn parse(text: &str) -> Option<Self> {
        let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let text = text.strip_prefix("ap_").unwrap_or(&text);
        let (signed, rest) = match text.strip_prefix("ufixed<") {
            Some(rest) => (false, rest),
            None => (true, text.strip_prefix("fixed<")?),
        };
        let (width, integer) = rest.strip_suffix('>')?.split_once(',')?;
        let width: u32 = width.parse().ok()?;
        let integer: i32 = integer.parse().ok()?;
        ((1..=64).contains(&width) && (-64..=128).contains(&integer)).then(|| Self {
            signed,
            width,
            fraction: width as i32 - integer,
        })
    }

    /// Bytes of the smallest integer that holds a mantissa.
    pub(crate) fn bytes(&self) -> u32 {
        self.width.div_ceil(8).next_power_of_two()
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}fixed<{},{}>", if self.signed { "" } else { "u" }, self.width, self.integer())
    }
}

/// A constant with a binary point: `mantissa * 2^-fraction`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dyadic {
    /// The integer.
    pub mantissa: i64,
    /// Bits behind the binary point.
    pub fraction: i32,
}

impl Dyadic {
    /// The same number with as few bits behind the point as there can be; zero has none.
    pub(crate) fn trimmed(self) -> Self {
        match self.mantissa.trailing_zeros() {
            i64::BITS => Self { mantissa: 0, fraction: 0 },
            zeros => Self { mantissa: self.mantissa >> zeros, fraction: self.fraction - zeros as i32 },
        }
    }

    /// The mantissa at `fraction` bits behind the point, which are not fewer than it has and up to 63 more.
    pub(crate) fn at(self, fraction: i32) -> i128 {
        i128::from(self.mantissa) << (fraction - self.fraction)
    }
}

/// Bits that hold 0 to `largest`, without a sign; at least 1.
pub(crate) fn bits_for(largest: usize) -> u32 {
    (usize::BITS - largest.leading_zeros()).max(1)
}

/// All mantissas from `lo` to `hi`, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MantissaRange {
    /// Smallest mantissa.
    pub lo: i128,
    /// Largest mantissa.
    pub hi: i128,
}

impl MantissaRange {
    /// Only zero.
    pub const ZERO: Self = Self { lo: 0, hi: 0 };

    /// The smallest range with all of both.
    pub fn hull(self, other: Self) -> Self {
        Self { lo: self.lo.min(other.lo), hi: self.hi.max(other.hi) }
    }

    /// Range of the sum. Beyond 128 bits it saturates, and then no format holds it.
    pub(crate) fn plus(self, other: Self) -> Self {
        Self { lo: self.lo.saturating_add(other.lo), hi: self.hi.saturating_add(other.hi) }
    }

    /// Range of the product with a constant.
    pub(crate) fn times(self, factor: i128) -> Self {
        let (a, b) = (self.lo.saturating_mul(factor), self.hi.saturating_mul(factor));
        Self { lo: a.min(b), hi: a.max(b) }
    }

    /// The same values with `bits` more bits behind the binary point.
    pub(crate) fn shifted(self, bits: u32) -> Self {
        self.times(1 << bits.min(126))
    }

    /// After `max(0, x)`.
    pub(crate) fn relu(self) -> Self {
        Self { lo: self.lo.max(0), hi: self.hi.max(0) }
    }
}

/// What one element of a quantizer does at inference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum QuantizerFormat {
    /// No bits are left (`k + i + f <= 0`): the result is 0.
    Dead,
    /// Rounds to `f` fraction bits into the range of `k` sign and `i` integer bits; `i >= -f`.
    Live {
        /// 1 if negative values are kept.
        k: u32,
        /// Integer bits without the sign.
        i: i32,
        /// Fraction bits.
        f: i32,
    },
    /// Rounds to `f` fraction bits and never overflows: what HGQ2 does with weights in `WRAP` mode.
    RoundOnly {
        /// Fraction bits.
        f: i32,
    },
}

impl QuantizerFormat {
    /// The quantizer of raw `k`, `i`, `f` as Keras applies them: dead is decided on the raw `i`, which is then raised
    /// to `-f` (`FixedPointQuantizerBase.call` around `FixedPointQuantizer.__call__`).
    pub fn live(k: u32, i: i32, f: i32) -> Self {
        if k as i32 + i + f <= 0 { Self::Dead } else { Self::Live { k, i: i.max(-f), f } }
    }

    /// Fraction bits of the result; `None` when it is always 0.
    pub(crate) fn fraction(&self) -> Option<i32> {
        match self {
            Self::Dead => None,
            Self::Live { f, .. } | Self::RoundOnly { f } => Some(*f),
        }
    }

    /// The format of the result; `None` for [`Self::Dead`] and for [`Self::RoundOnly`], which has no range.
    pub(crate) fn format(&self) -> Option<Format> {
        match *self {
            Self::Live { k, i, f } => Some(Format { signed: k == 1, width: (k as i32 + i + f) as u32, fraction: f }),
            _ => None,
        }
    }

    /// Quantizes `mantissa * 2^-fraction / divisor` exactly; the result is a mantissa at this quantizer's fraction.
    ///
    /// The caller keeps `|mantissa| < 2^64`, `divisor < 2^24` and `f - fraction < 62`, so that nothing overflows 128
    /// bits.
    pub(crate) fn quantize(&self, mantissa: i128, fraction: i32, divisor: u64, rounding: Rounding, overflow: Overflow) -> i128 {
        let Some(f) = self.fraction() else { return 0 };
        let drop = u32::try_from(fraction - f).ok().filter(|drop| divisor == 1 && *drop <= 60);
        let divisor = i128::from(divisor);
        let rounded = if let (Some(drop), Ok(mantissa)) = (drop, i64::try_from(mantissa)) {
            rounding.shift(mantissa, drop).into()
        } else if f >= fraction {
            rounding.divide(mantissa << (f - fraction), divisor)
        } else {
            // Beyond 70 bits only the sign is left to round.
            rounding.divide(mantissa, divisor << (fraction - f).min(70))
        };
        match *self {
            Self::Live { k, i, f } => reduce(rounded, k, i + f, overflow),
            _ => rounded,
        }
    }

    /// Quantizes a float32 weight exactly as Keras does in float32; the result is a mantissa at this quantizer's
    /// fraction.
    ///
    /// Returns `None` if the result needs more than 62 bits or is not finite.
    pub(crate) fn quantize_weight(&self, weight: f32, rounding: Rounding, overflow: Overflow) -> Option<i64> {
        let Some(f) = self.fraction() else { return Some(0) };
        let scale = 2f32.powi(f);
        let mut x = weight;
        if let (Self::Live { k, i, .. }, Overflow::Saturate | Overflow::SaturateSymmetric) = (*self, overflow) {
            let max = 2f32.powi(i) - 2f32.powi(-f);
            let min = if overflow == Overflow::Saturate { -2f32.powi(i) } else { -max } * k as f32;
            x = if x > max {
                max
            } else if x < min {
                min
            } else {
                x
            };
        }
        let rounded = rounding.round_f32(x * scale);
        if !rounded.is_finite() || rounded.abs() >= 2f32.powi(62) {
            return None;
        }
        let rounded = i128::from(rounded as i64);
        let result = match (*self, overflow) {
            (Self::Live { k, i, f }, Overflow::Wrap) => reduce(rounded, k, i + f, Overflow::Wrap),
            _ => rounded,
        };
        i64::try_from(result).ok()
    }

    /// The mantissas (at [`Self::fraction`]) that quantizing `range` can give.
    pub(crate) fn quantize_range(
        &self,
        range: MantissaRange,
        fraction: i32,
        divisor: u64,
        rounding: Rounding,
        overflow: Overflow,
    ) -> MantissaRange {
        let Some(f) = self.fraction() else { return MantissaRange::ZERO };
        let unbounded = Self::RoundOnly { f };
        let round = |m| unbounded.quantize(m, fraction, divisor, rounding, overflow);
        let rounded = MantissaRange { lo: round(range.lo), hi: round(range.hi) };
        let Self::Live { k, i, f } = *self else { return rounded };
        if overflow != Overflow::Wrap {
            return MantissaRange { lo: reduce(rounded.lo, k, i + f, overflow), hi: reduce(rounded.hi, k, i + f, overflow) };
        }
        let lo = reduce(rounded.lo, k, i + f, overflow);
        let hi = reduce(rounded.hi, k, i + f, overflow);
        if rounded.lo - lo == rounded.hi - hi {
            return MantissaRange { lo, hi }; // the whole range falls into one period
        }
        // Every residue of the grid the input lies on can occur.
        let step = if divisor == 1 && f > fraction { 1 << (f - fraction).min(100) } else { 1 };
        let (min, end) = ends(k, i + f);
        if step >= end - min { MantissaRange::ZERO } else { MantissaRange { lo: min, hi: end - step } }
    }
}

/// `[-k * 2^bits, 2^bits)` as (first, one past last).
fn ends(k: u32, bits: i32) -> (i128, i128) {
    let end = 1i128 << bits;
    (-(i128::from(k) * end), end)
}

/// Brings a rounded mantissa into the range of `k` sign bits and `bits = i + f >= 0` magnitude bits.
fn reduce(mantissa: i128, k: u32, bits: i32, overflow: Overflow) -> i128 {
    let (min, end) = ends(k, bits);
    match overflow {
        // The range is a power of two wide.
        Overflow::Wrap => ((mantissa - min) & (end - min - 1)) + min,
        Overflow::Saturate => mantissa.clamp(min, end - 1),
        Overflow::SaturateSymmetric => mantissa.clamp(if k == 1 { 1 - end } else { 0 }, end - 1),
    }
}
