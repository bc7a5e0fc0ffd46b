//! Quantizers: each element is rounded and limited to a format of its own.

use std::collections::HashMap;

use super::{
    About, Extent, Kernel, LayerPlan, Layout, Quotient, Rules, Site, Value, Values,
    parts::{Gives, Parts, Sparse, counted, narrow},
};
use crate::{
    budget::{MAX_RANGES, too_large},
    error::{Code, Error, Result},
    fixed::{Format, MantissaRange, Overflow, QuantizerFormat, Rounding, bits_for},
    manifest::Variant,
    network::{Quantizer, Shape, SparseShape},
    structure::Operation,
};

/// A quantizer of a value of known shape.
#[derive(Debug, Clone)]
pub struct FixedQuantizer {
    /// The formats and modes.
    pub quantizer: Quantizer,
    /// For every element of the value, as Keras shapes it: which of the formats is its.
    pub classes: Vec<u16>,
    /// The shape of a sparse value.
    pub pixels: Option<SparseShape>,
}

impl FixedQuantizer {
    /// The format of the element `at` of the value as Keras shapes it.
    pub(crate) fn format(&self, at: usize) -> QuantizerFormat {
        self.quantizer.formats[usize::from(self.classes[at])]
    }
}

/// See [`Values`]: the finest fraction that any element keeps, and what every element can be.
pub(crate) fn fix(quantizer: &Quantizer, shape: &Shape, input: &Values) -> Result<(FixedQuantizer, Values)> {
    if let Some(f) = quantizer.formats.iter().filter_map(|q| q.fraction()).find(|f| f - input.fraction >= 62) {
        return Err(Error::new(
            Code::BitsOutOfRange,
            format!("a quantizer with {f} fraction bits gets values with {}", input.fraction),
        )
        .help("constrain the quantizer's fraction bits in training, for example `fc=MinMax(-24, 24)`"));
    }
    let classes = quantizer.expand(&shape.keras());
    // A sparse value has one range for a channel, wherever the pixel is.
    let range_at = |at: usize| input.range_at(at);
    let period = period(quantizer, shape, input)?;
    let mut results = HashMap::new();
    for (at, &class) in classes.iter().enumerate().take(period) {
        results.entry((range_at(at), class)).or_insert_with(|| element(input, range_at(at), quantizer, class));
    }
    // A quantizer without a live element gives zeros, which need no fraction.
    let fraction = results.values().filter_map(|(_, _, kept)| *kept).max().unwrap_or(0);
    let quantized = |(at, class): (usize, &u16)| {
        let (range, f, _) = results[&(range_at(at), *class)];
        at_fraction(range, f.unwrap_or(fraction), fraction)
    };
    let each = classes.iter().enumerate().take(period).map(quantized);
    let ranges = match shape {
        Shape::Sparse(SparseShape { channels, .. }) => hulls(each, *channels),
        Shape::Dense(_) => each.collect(),
    };
    let output = Values { fraction, divisor: 1, ranges, active: input.active };
    Ok((FixedQuantizer { quantizer: quantizer.clone(), classes, pixels: shape.sparse() }, output))
}

/// After how many elements of a value of `shape` both its ranges and the quantizer's formats repeat.
pub(super) fn period(quantizer: &Quantizer, shape: &Shape, input: &Values) -> Result<usize> {
    let period = super::common_period(quantizer.period(&shape.keras()), input.ranges.len());
    // A sparse value has a range for each channel, whatever the formats are.
    if period > MAX_RANGES && matches!(shape, Shape::Dense(_)) {
        return Err(too_large("a quantizer gives too many elements a range of their own", period, MAX_RANGES));
    }
    Ok(period)
}

/// The hull for each channel of the ranges of an image's elements.
fn hulls(elements: impl Iterator<Item = MantissaRange>, channels: usize) -> Vec<MantissaRange> {
    let mut hulls: Vec<Option<MantissaRange>> = vec![None; channels];
    for (at, range) in elements.enumerate() {
        let hull = &mut hulls[at % channels];
        *hull = Some(hull.map_or(range, |hull| hull.hull(range)));
    }
    // An image without pixels has no values.
    hulls.into_iter().map(|hull| hull.unwrap_or(MantissaRange::ZERO)).collect()
}

/// What one format makes of an range: the mantissas at its own fraction bits, these, and how many of them matter.
fn element(input: &Values, range: MantissaRange, quantizer: &Quantizer, class: u16) -> (MantissaRange, Option<i32>, Option<i32>) {
    let format = quantizer.formats[usize::from(class)];
    let quantize = |format: QuantizerFormat| {
        format.quantize_range(range, input.fraction, input.divisor, quantizer.rounding, quantizer.overflow)
    };
    let result = quantize(format);
    // What is always 0 has no bits, whatever its format: a traced quantizer of a silent position may say i = -23, f = 27.
    let kept = format.fraction().filter(|_| result != MantissaRange::ZERO).map(|f| {
        let saturates = quantizer.overflow != Overflow::Wrap && result != quantize(QuantizerFormat::RoundOnly { f });
        // A finer quantizer does not make a coarse value finer, but its largest value is fine.
        if input.divisor == 1 && !saturates { f.min(input.fraction) } else { f }
    });
    (result, format.fraction(), kept)
}

/// Brings mantissas from one fraction to another; going to fewer bits drops zeros only.
fn at_fraction(range: MantissaRange, from: i32, to: i32) -> MantissaRange {
    if to >= from {
        range.shifted((to - from) as u32)
    } else {
        MantissaRange { lo: range.lo >> (from - to), hi: range.hi >> (from - to) }
    }
}

impl Rules for FixedQuantizer {
    fn about(&self) -> About<'_> {
        About {
            extent: Extent { slots: self.pixels.map_or(1, |pixels| pixels.slots), ..Extent::ONE },
            knobs: &[],
            variants: &[],
            accumulator: None,
            weights: None,
            moves: false,
            reorders: false,
        }
    }

    fn gives(&self, plan: &LayerPlan) -> Gives {
        match self.pixels {
            Some(pixels) => Gives::Values(plan.pixels_per_cycle * pixels.channels),
            None => Gives::All,
        }
    }

    fn lower(&self, site: Site<'_>) -> Result<Kernel> {
        let quantizer = QuantizeKernel::new(self, site.input, site.output)?;
        Ok(match &site.input.layout {
            Layout::Sparse(layout) => Kernel::SparseQuantize(SparseQuantizeKernel {
                shape: layout.shape,
                pixels_per_cycle: site.plan.pixels_per_cycle,
                quantizer,
            }),
            Layout::Dense(_) => Kernel::DenseQuantize(quantizer),
        })
    }

    fn parts(&self, p: &mut Parts<'_>) {
        if let (Some(Variant::Scatter), Some((flatten, input))) = (p.plan.variant, p.around.flatten) {
            return flatten.scatter(p, input.format().width, Some((self, input)));
        }
        // In a dense layer each value has one format; in a sparse one any of those that its channel has somewhere.
        let (input, to) = (&p.fixed.input, p.fixed.output.format().width);
        let Some(pixels) = self.pixels else {
            return round(p, &self.quantizer, input, to, &of_channels(self, self.classes.len()), 1, 1);
        };
        let s = Sparse::of(pixels);
        let lanes = p.around.lanes.unwrap_or(p.plan.pixels_per_cycle);
        if lanes < s.slots {
            let slot = s.coordinate[0] + s.coordinate[1] + narrow(s.channels) * input.format().width;
            p.shares(s.slots, lanes, slot, lanes, lanes * slot as usize);
            p.held = if p.around.lanes.is_some() { 0 } else { (s.slots * slot as usize) as u64 };
            p.holds(s.slots * s.channels * to as usize);
        }
        round(p, &self.quantizer, input, to, &of_channels(self, s.channels), lanes, s.height * s.width);
    }
}

/// Quantizes `lanes` pixels, for each of whose channels there is a list of the formats that it can have. Several of
/// them are chosen by the position, of which there are `places`.
pub(super) fn round(
    p: &mut Parts<'_>,
    quantizer: &Quantizer,
    input: &Values,
    to: u32,
    of_channels: &[Vec<QuantizerFormat>],
    lanes: usize,
    places: usize,
) {
    let values = lanes * of_channels.len();
    let live = values * to as usize;
    if input.divisor != 1 {
        let wide = input.format().width;
        let product = Operation::times_constant(wide, wide, wide / 2);
        p.add("exact division", product, values, 1, values * 2 * wide as usize);
    }
    let adds = |format: &QuantizerFormat| {
        let rounds = quantizer.rounding != Rounding::Floor && format.fraction().is_some_and(|f| f < input.fraction);
        rounds || input.divisor != 1
    };
    let rounded = of_channels.iter().filter(|formats| formats.len() > 1 || formats.iter().any(adds));
    let masks = rounds_by_mask(quantizer.rounding, quantizer.overflow);
    let rounding = |formats: &Vec<_>| match formats.len() {
        0 | 1 => Operation::Add { width: to },
        several if masks => Operation::Mask { formats: narrow(several), width: to },
        several => Operation::Round { formats: narrow(several), width: to },
    };
    p.add_all("round", &counted(rounded.map(rounding)), lanes, live);
    let limits = |formats: &&Vec<_>| formats.iter().any(|format| matches!(format, QuantizerFormat::Live { .. }));
    let limited = if quantizer.overflow == Overflow::Wrap { 0 } else { of_channels.iter().filter(limits).count() };
    if limited > 0 {
        p.add("limit", Operation::Gate { width: 2 * to }, lanes * limited, 1, live);
    }
    let by_position = of_channels.iter().filter(|formats| formats.len() > 1);
    for (formats, channels) in counted(by_position.map(Vec::len)) {
        let table = Operation::Constants { entries: narrow(places), width: bits_for(formats - 1) };
        p.add("format", table, lanes * channels, 0, 0);
    }
}

/// Whether the formats of a quantizer are told apart by what is added and which bits are kept, and by nothing else.
pub(crate) fn rounds_by_mask(rounding: Rounding, overflow: Overflow) -> bool {
    matches!(rounding, Rounding::Floor | Rounding::HalfUp) && overflow == Overflow::Wrap
}

/// For each of so many channels the formats that it has at any position.
pub(super) fn of_channels(
    FixedQuantizer { quantizer, classes, .. }: &FixedQuantizer,
    channels: usize,
) -> Vec<Vec<QuantizerFormat>> {
    if quantizer.is_uniform() {
        return vec![quantizer.formats.clone(); channels];
    }
    let of_channel = |channel: usize| {
        let mut seen: Vec<_> = classes.iter().skip(channel).step_by(channels).copied().collect();
        seen.sort_unstable();
        seen.dedup();
        seen.into_iter().map(|class| quantizer.formats[usize::from(class)]).collect()
    };
    (0..channels).map(of_channel).collect()
}

/// See [`Kernel::SparseQuantize`].
#[derive(Debug, Clone, PartialEq)]
pub struct SparseQuantizeKernel {
    /// Slots, image and channels.
    pub shape: SparseShape,
    /// Slots in a step.
    pub pixels_per_cycle: usize,
    /// What rounds.
    pub quantizer: QuantizeKernel,
}

/// Rounds the elements of a value.
#[derive(Debug, Clone, PartialEq)]
pub struct QuantizeKernel {
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
    pub(super) fn new(quantizer: &Quantizer, classes: &[u16], value: &Value) -> Self {
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

impl QuantizeKernel {
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
pub(crate) fn target(format: QuantizerFormat, overflow: Overflow, out: Format) -> Option<Format> {
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
    use crate::ops::testing::{dense, signed, sparse, unsigned};

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
            let quantizer = Quantizer::new(formats, vec![formats.len()], Rounding::Floor, Overflow::Wrap).unwrap();
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
            let quantizer = Quantizer::uniform(format, Rounding::HalfUp, Overflow::Wrap, 1);
            let input = Value { divisor, ..dense(&[(0, 63)], 3) };
            QuantizeKernel::new(&FixedQuantizer { quantizer, classes: vec![0], pixels: None }, &input, &dense(&[(0, 31)], 2))
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
