//! Quantizers: what they round to, and which format an element has.

use super::{Layout, Quotient, Value};
use crate::{
    error::Result,
    fixed::{Format, Overflow, QuantizerFormat, Rounding, bits_for},
    network::{self, SparseShape},
    ops::FixedQuantizer,
};

/// See [`Kernel::SparseQuantize`](super::Kernel::SparseQuantize).
#[derive(Debug, Clone, PartialEq)]
pub struct SparseQuantize {
    /// Slots, image and channels.
    pub shape: SparseShape,
    /// Slots in a step.
    pub pixels_per_cycle: usize,
    /// What rounds.
    pub quantizer: Quantizer,
}

/// Rounds the elements of a value.
#[derive(Debug, Clone, PartialEq)]
pub struct Quantizer {
    /// What is rounded to, for each format of the choice, before the result gets the binary point of the value that comes out;
    /// `None` if the result is always 0.
    pub formats: Vec<Option<Format>>,
    /// How all of them round.
    pub rounding: Rounding,
    /// How all of them overflow.
    pub overflow: Overflow,
    /// Which format an element has.
    pub choice: FormatChoice,
    /// The division before, of a mean over a window that is no power of two.
    pub quotient: Option<Quotient>,
}

/// Which of several formats an element has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormatChoice {
    /// Bits of the index of a format.
    pub index_bits: u32,
    /// Where the index comes from.
    pub by: By,
}

/// Where the index of a format comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum By {
    /// There is one format.
    Nothing,
    /// The channel of a sparse value.
    Channel(Vec<u16>),
    /// The position and the channel in a sparse value, (row, column, channel), row-major.
    Pixel(Vec<u16>),
    /// The element of a dense value, row-major.
    Element(Vec<u16>),
}

impl FormatChoice {
    /// For the elements of `value`.
    pub(super) fn new(quantizer: &network::Quantizer, classes: &[u16], value: &Value) -> Self {
        let by = match (&value.layout, quantizer.is_uniform()) {
            (_, true) => By::Nothing,
            (Layout::Sparse(layout), false) => {
                let first = &classes[..layout.shape.channels];
                if classes.chunks(first.len()).all(|pixel| pixel == first) {
                    By::Channel(first.to_vec())
                } else {
                    By::Pixel(classes.to_vec())
                }
            }
            (Layout::Dense(_), false) => By::Element(classes.to_vec()),
        };
        Self { index_bits: bits_for(quantizer.formats.len() - 1), by }
    }
}

impl Quantizer {
    pub(super) fn new(op: &FixedQuantizer, input: &Value, output: &Value) -> Result<Self> {
        let quantizer = &op.quantizer;
        let finest = quantizer.formats.iter().filter_map(QuantizerFormat::fraction).max();
        let quotient = match (input.divisor, finest) {
            (1, _) | (_, None) => None,
            (divisor, Some(finest)) => Some(Quotient::new(input.range(), input.format.fraction, divisor, finest)?),
        };
        Ok(Self {
            formats: quantizer.formats.iter().map(|format| target(*format, quantizer.overflow, output.format)).collect(),
            rounding: quantizer.rounding,
            overflow: quantizer.overflow,
            choice: FormatChoice::new(quantizer, &op.classes, input),
            quotient,
        })
    }
}

/// What `format` rounds to; `None` if the result is always 0. `out` holds all results.
pub fn target(format: QuantizerFormat, overflow: Overflow, out: Format) -> Option<Format> {
    match format {
        QuantizerFormat::Dead => None,
        // One bit with a sign holds nothing that is symmetric but 0.
        QuantizerFormat::Live { k: 1, i, f } if i + f == 0 && overflow == Overflow::SaturateSymmetric => None,
        QuantizerFormat::Live { k, i, f } => Some(Format { signed: k == 1, width: (k as i32 + i + f) as u32, fraction: f }),
        // Wide enough that nothing overflows.
        QuantizerFormat::RoundOnly { f } => {
            Some(Format { signed: true, width: (out.integer() + 1 + f).max(1) as u32, fraction: f })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lower::testing::{dense, signed, sparse, unsigned};

    const LIVE: QuantizerFormat = QuantizerFormat::Live { k: 0, i: 3, f: 2 };

    #[test]
    fn what_a_format_rounds_to() {
        let out = signed(9, 4);
        let wrap = |format| target(format, Overflow::Wrap, out);
        assert_eq!(wrap(QuantizerFormat::Dead), None);
        assert_eq!(wrap(LIVE), Some(unsigned(5, 2)));
        assert_eq!(wrap(QuantizerFormat::Live { k: 1, i: 60, f: 3 }), Some(signed(64, 3)));
        // A range below the last bit of the result, and one above its first.
        assert_eq!(wrap(QuantizerFormat::Live { k: 1, i: -7, f: 9 }), Some(signed(3, 9)));
        assert_eq!(wrap(QuantizerFormat::Live { k: 0, i: 9, f: -7 }), Some(unsigned(2, -7)));
        // One bit with a sign is -1 or 0; symmetric it is 0.
        let bit = QuantizerFormat::Live { k: 1, i: -3, f: 3 };
        assert_eq!(wrap(bit), Some(signed(1, 3)));
        assert_eq!(target(bit, Overflow::SaturateSymmetric, out), None);
        // The result has 5 integer bits; rounding may give one more.
        assert_eq!(wrap(QuantizerFormat::RoundOnly { f: 7 }), Some(signed(13, 7)));
        assert_eq!(wrap(QuantizerFormat::RoundOnly { f: -9 }), Some(signed(1, -9)));
    }

    #[test]
    fn formats_are_chosen_by_as_little_as_they_depend_on() {
        let formats = |count| (0..count).map(|f| QuantizerFormat::Live { k: 0, i: 3, f }).collect::<Vec<_>>();
        let choice = |formats: &[QuantizerFormat], value: &Value, classes: &[u16]| {
            let quantizer = network::Quantizer::new(formats, vec![formats.len()], Rounding::Floor, Overflow::Wrap).unwrap();
            FormatChoice::new(&quantizer, classes, value)
        };
        let pixels = sparse(&[(0, 1), (0, 1)], 0);
        let by_channel = [0, 1].repeat(28 * 20);
        let mut by_pixel = by_channel.clone();
        by_pixel[7] = 0;
        assert_eq!(choice(&[LIVE], &pixels, &[0; 28 * 20 * 2]), FormatChoice { index_bits: 1, by: By::Nothing });
        assert_eq!(choice(&formats(2), &pixels, &by_channel), FormatChoice { index_bits: 1, by: By::Channel(vec![0, 1]) });
        assert_eq!(choice(&formats(3), &pixels, &by_pixel), FormatChoice { index_bits: 2, by: By::Pixel(by_pixel.clone()) });
        let flat = dense(&[(0, 1), (0, 1)], 0);
        assert_eq!(choice(&formats(5), &flat, &[4, 4]), FormatChoice { index_bits: 3, by: By::Element(vec![4, 4]) });
    }

    #[test]
    fn only_a_mean_that_something_is_kept_of_is_divided() {
        let lower = |format, divisor| {
            let quantizer = network::Quantizer::uniform(format, Rounding::HalfUp, Overflow::Wrap, 1);
            let input = Value { divisor, ..dense(&[(0, 63)], 3) };
            Quantizer::new(&FixedQuantizer { quantizer, classes: vec![0], pixels: None }, &input, &dense(&[(0, 31)], 2))
                .unwrap()
                .quotient
        };
        assert_eq!(lower(LIVE, 1), None);
        assert_eq!(lower(QuantizerFormat::Dead, 9), None);
        // One bit finer than the quantizer's two: x has them already.
        let quotient = lower(LIVE, 9).unwrap();
        assert_eq!((quotient.left, quotient.right, quotient.format), (0, 0, unsigned(4, 4)));
    }
}
