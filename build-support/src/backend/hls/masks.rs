//! Several formats of a quantizer as constants, so that one addition and one mask do for all of them.

use serde::Serialize;

use super::types::mantissa;
use crate::fixed::{Format, Rounding};

/// Bits of the widest sum that constants of C++ are written for.
const WIDEST: i64 = 62;

/// The formats that an element can have, if they wrap and round down or half up.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Masks {
    /// Bits that the common binary point is behind that of the value.
    left: i64,
    /// Bits that it is behind that of the result.
    right: i64,
    /// The sum.
    #[serde(rename = "type")]
    type_: String,
    /// For each format of the quantizer its constants.
    formats: Vec<Mask>,
}

/// A format. Where the result is always 0 nothing is kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
struct Mask {
    /// Half of its last bit, if it rounds.
    half: i64,
    /// Its bits.
    keep: i64,
    /// The first of them, if it is a sign.
    sign: i64,
}

impl Masks {
    /// For values of the format `from` and results of the format `to`; nothing if a number would not fit into one of C++.
    pub(super) fn new(formats: &[Option<Format>], rounding: Rounding, from: Format, to: Format) -> Option<Self> {
        let point = i64::from(from.fraction.max(to.fraction));
        let (left, right) = (point - i64::from(from.fraction), point - i64::from(to.fraction));
        let end = |format: &Format| point - i64::from(format.fraction) + i64::from(format.width);
        let widest = formats.iter().flatten().map(end).fold(i64::from(from.width) + left, i64::max) + 2;
        if widest > WIDEST {
            return None;
        }
        let mask = |format: &Format| {
            let (first, end) = (point - i64::from(format.fraction), end(format));
            // A format far finer than the common point has bits behind it, which are all 0.
            let below = |bits: i64| (1i64 << bits.max(0)) - 1;
            let rounds = rounding == Rounding::HalfUp && format.fraction < from.fraction;
            Mask {
                half: if rounds { 1 << (first - 1) } else { 0 },
                keep: below(end) & !below(first),
                sign: if format.signed && end > 0 { 1 << (end - 1) } else { 0 },
            }
        };
        let formats = formats.iter().map(|format| format.as_ref().map(mask).unwrap_or_default()).collect();
        let type_ = mantissa(Format { signed: true, width: u32::try_from(widest).ok()?, fraction: 0 });
        Some(Self { left, right, type_, formats })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixed::{Overflow, QuantizerFormat};

    /// What the kernel `add_and_mask` does.
    fn apply(masks: &Masks, at: usize, x: i64) -> i64 {
        let Mask { half, keep, sign } = masks.formats[at];
        let kept = ((x << masks.left) + half) & keep;
        ((kept ^ sign) - sign) >> masks.right
    }

    #[test]
    fn constants_do_what_the_quantizer_does() {
        let mut compared = 0;
        for (signed, fraction, finest) in [(false, 4, 3), (true, 4, 6), (true, 0, -2), (true, -3, 1), (false, 7, 7)] {
            let from = Format { signed, width: 6, fraction };
            let live = |k, i, f| QuantizerFormat::Live { k, i, f };
            let quantizers: Vec<_> = (-5..=finest)
                .flat_map(|f| (1 - f..=6).flat_map(move |i| [live(0, i, f), live(1, i, f), live(1, i - 1, f)]))
                .chain([QuantizerFormat::Dead])
                .collect();
            let format = |quantizer: &QuantizerFormat| match *quantizer {
                QuantizerFormat::Live { k, i, f } => {
                    Some(Format { signed: k == 1, width: (k as i32 + i + f) as u32, fraction: f })
                }
                _ => None,
            };
            let formats: Vec<_> = quantizers.iter().map(format).collect();
            for rounding in [Rounding::Floor, Rounding::HalfUp] {
                let to = Format { signed: true, width: 20, fraction: finest };
                let masks = Masks::new(&formats, rounding, from, to).unwrap();
                for x in if signed { -32..32 } else { 0..64 } {
                    for (at, quantizer) in quantizers.iter().enumerate() {
                        let own = quantizer.quantize(x.into(), fraction, 1, rounding, Overflow::Wrap) as i64;
                        let expected = own << (finest - quantizer.fraction().unwrap_or(finest));
                        assert_eq!(apply(&masks, at, x), expected, "{x} of {from:?} to {quantizer:?}, {rounding:?}");
                        compared += 1;
                    }
                }
            }
        }
        assert!(compared > 50_000, "{compared}");
    }

    #[test]
    fn what_c_has_no_constant_for_stays_a_conversion() {
        let format = |width, fraction| Format { signed: false, width, fraction };
        let new = |width| Masks::new(&[Some(format(width, 0)), None], Rounding::Floor, format(8, 4), format(8, 4));
        assert!(new(56).is_some());
        assert_eq!(new(57), None);
    }
}
