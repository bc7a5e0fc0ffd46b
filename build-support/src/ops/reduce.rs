//! `InputReduce`: the first active pixels of an image.

use super::{
    About, Extent, Kernel, LayerPlan, Rules, Site, Values,
    parts::{Gives, Parts, Sparse, levels, narrow, prefix_additions},
};
use crate::{
    error::Result,
    fixed::{Format, MantissaRange, bits_for},
    manifest::Knob,
    network::SparseShape,
    structure::Operation,
};

/// An input reduction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FixedReduce {
    /// What makes a pixel active; `None` means that its first channel is not 0.
    pub threshold: Option<Threshold>,
    /// What comes out.
    pub pixels: SparseShape,
}

/// A pixel is active where its first channel is above this.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Threshold {
    /// As Keras has it.
    pub value: f32,
    /// The largest mantissa that is not above it.
    pub floor: i128,
}

impl Threshold {
    /// The threshold `value` for mantissas with `fraction` bits behind the point: an integer mantissa is above
    /// `floor(value * 2^fraction)` exactly when its value is above the threshold.
    pub(crate) fn new(value: f32, fraction: i32) -> Self {
        // A float32 times a power of two is exact in double precision; `as` saturates far beyond any 64-bit mantissa.
        Self { value, floor: (f64::from(value) * 2f64.powi(fraction)).floor() as i128 }
    }
}

/// Only pixels above the threshold get in.
pub(crate) fn fix(threshold: Option<f32>, pixels: SparseShape, input: &Values) -> (FixedReduce, Values) {
    let threshold = threshold.map(|value| Threshold::new(value, input.fraction));
    let mut ranges = vec![MantissaRange::ZERO; pixels.channels];
    // A slot gets pixels from everywhere, and a quantizer before may treat each place in another way.
    for at in 0..super::common_period(input.ranges.len(), pixels.channels) {
        let (range, channel) = (input.range_at(at), &mut ranges[at % pixels.channels]);
        *channel = if at < pixels.channels { range } else { channel.hull(range) };
    }
    if let Some(Threshold { floor, .. }) = threshold {
        // If no pixel can get in, the range is that of an empty slot.
        let first = &mut ranges[0];
        *first =
            if floor >= first.hi { MantissaRange::ZERO } else { MantissaRange { lo: first.lo.max(floor + 1), hi: first.hi } };
    }
    (FixedReduce { threshold, pixels }, Values { ranges, active: None, ..*input })
}

impl Rules for FixedReduce {
    fn about(&self) -> About<'_> {
        About {
            extent: Extent { slots: self.pixels.slots, ..Extent::ONE },
            knobs: &[Knob::Interval, Knob::Slots],
            variants: &[],
            accumulator: None,
            weights: None,
            moves: true,
            reorders: false,
        }
    }

    fn gives(&self, _: &LayerPlan) -> Gives {
        Gives::All
    }

    fn lower(&self, site: Site<'_>) -> Result<Kernel> {
        Ok(Kernel::InputReduce(ReduceKernel::new(self, site)))
    }

    fn parts(&self, p: &mut Parts<'_>) {
        let s = Sparse::of(self.pixels);
        let bits = p.fixed.input.format().width;
        let pixel = s.channels * bits as usize;
        let slot_bits = pixel + (s.coordinate[0] + s.coordinate[1]) as usize;
        let rows_at_once = if p.plan.steps == s.height && p.plan.pixels_per_cycle == s.slots { 1 } else { s.height };
        let image = rows_at_once * s.width * (pixel + 1);
        p.add("active", Operation::Decode { width: bits }, rows_at_once * s.width, 1, image);
        if p.plan.steps > 1 {
            p.held = (s.slots * (slot_bits - pixel)) as u64;
            p.holds(s.slots * pixel);
        }
        if rows_at_once == 1 && s.height > 1 {
            return reduce_row(p, s, pixel, image);
        }
        let (count, rank) = (bits_for(s.height * s.width), bits_for(s.width));
        let lanes = p.plan.pixels_per_cycle;
        let counts = s.height * count as usize;
        p.add("count in a row", Operation::Add { width: 1 }, s.height * s.width, levels(s.width), image + counts);
        p.add("counts of rows", Operation::Add { width: count }, prefix_additions(s.height), levels(s.height), image + counts);
        p.held += if p.plan.steps > 1 { (image + counts) as u64 } else { 0 };
        p.add("rows before", Operation::Compare { width: count }, lanes * s.height, 1, image + lanes * s.height);
        p.add("row", Operation::Add { width: 1 }, lanes * s.height, levels(s.height), image + lanes * 2 * count as usize);
        p.add("count before", Operation::Select { inputs: narrow(s.height), width: count }, lanes, 0, 0);
        p.add("rank", Operation::Add { width: rank }, lanes, 0, 0);
        let line = lanes * s.width * (pixel + 1);
        let choice = Operation::Select { inputs: narrow(s.height), width: narrow(s.width * (pixel + 1)) };
        p.add("choose the row", choice, lanes, 1, line);
        column(p, s, lanes, line);
        let choice = Operation::Select { inputs: narrow(s.width), width: narrow(pixel) };
        p.add("choose the pixel", choice, lanes, 1, s.slots * slot_bits);
    }
}

/// The rank of each pixel of a row and the column that has the wanted one, for `lanes` rows.
fn column(p: &mut Parts<'_>, s: Sparse, lanes: usize, line: usize) {
    let rank = bits_for(s.width);
    let ranks = lanes * s.width * rank as usize;
    p.add("ranks", Operation::Add { width: rank }, lanes * prefix_additions(s.width), levels(s.width), line + ranks);
    p.add("of this rank", Operation::Equal { width: rank }, lanes * s.width, 1, line + lanes * s.width);
    let encode = Operation::Decode { width: narrow(s.width / 2) };
    p.add("column", encode, lanes * s.coordinate[1] as usize, 1, line);
}

/// Pixels of a row move to the left over the idle ones, then to the first slot that is free.
fn reduce_row(p: &mut Parts<'_>, s: Sparse, pixel: usize, line: usize) {
    let rank = bits_for(s.width);
    let item = pixel + s.coordinate[1] as usize;
    let live = line + s.width * rank as usize;
    p.add("idle before", Operation::Add { width: rank }, prefix_additions(s.width), levels(s.width), live);
    let choice = |bits: usize| Operation::Select { inputs: 2, width: narrow(bits) };
    for (left, places) in (0..levels(s.width) as usize).rev().zip(places(s.width, s.slots)) {
        p.add("move to the left", choice(item + left), places, 1, places * (item + left));
    }
    let placed = s.slots * (item + 1);
    p.add("taken before", Operation::Compare { width: bits_for(s.slots) + 1 }, 2 * s.slots, 0, 0);
    p.add("move to a slot", choice(item), s.slots * levels(s.slots + 1) as usize, levels(s.slots + 1), placed);
    p.add("slots taken", Operation::Add { width: bits_for(s.slots) }, 1, 0, 0);
}

/// How many pixels of a row matter behind each move, by 1, 2, 4, ... places: those from which one can still get to a slot.
fn places(width: usize, slots: usize) -> Vec<usize> {
    let reach = width.max(1).next_power_of_two();
    (1..=levels(width)).map(|moved| width.min(slots + reach - (1 << moved))).collect()
}

/// See [`Kernel::InputReduce`].
#[derive(Debug, Clone, PartialEq)]
pub struct ReduceKernel {
    /// The slots that are filled, the image, and its channels.
    pub shape: SparseShape,
    /// Which pixels are active.
    pub active: Condition,
    /// Bits of a number of pixels in the image.
    pub count_bits: u32,
    /// Bits of a number of pixels in a row.
    pub rank_bits: u32,
    /// Bits of a column.
    pub column_bits: u32,
    /// How the image comes.
    pub arrival: Arrival,
}

/// Which pixels are active, by their first channel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Condition {
    /// Those that are not 0.
    NotZero,
    /// Those above a threshold.
    Above {
        /// The threshold in the model.
        threshold: f32,
        /// The least mantissa above it that the input can have; `None` if it can have none, so that no pixel is active.
        least: Option<i128>,
    },
}

/// How an image comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// All of it at once.
    Whole {
        /// Slots that are filled in a step.
        pixels_per_cycle: usize,
        /// Bits of a row.
        row_bits: u32,
    },
    /// A row a cycle.
    Rows {
        /// Bits of a number of slots.
        taken_bits: u32,
        /// The mantissa of a pixel.
        feature: Format,
    },
}

impl ReduceKernel {
    pub(super) fn new(reduce: &FixedReduce, site: Site<'_>) -> Self {
        let (shape, range) = (reduce.pixels, site.input.range());
        let active = reduce.threshold.map_or(Condition::NotZero, |Threshold { value, floor }| Condition::Above {
            threshold: value,
            least: (floor < range.hi).then(|| (floor + 1).max(range.lo)),
        });
        let arrival = if site.by_rows {
            Arrival::Rows { taken_bits: bits_for(shape.slots), feature: site.input.format }
        } else {
            Arrival::Whole { pixels_per_cycle: site.plan.pixels_per_cycle, row_bits: bits_for(shape.height) }
        };
        Self {
            shape,
            active,
            count_bits: bits_for(shape.height * shape.width),
            rank_bits: bits_for(shape.width),
            column_bits: bits_for(shape.width),
            arrival,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::testing::{dense, site, sparse, unsigned};

    fn lower(threshold: Option<f32>, range: (i128, i128), by_rows: bool) -> ReduceKernel {
        let (input, output) = (dense(&[range], 2), sparse(&[range], 2));
        let shape = SparseShape { slots: 20, height: 63, width: 64, channels: 1 };
        let threshold = threshold.map(|value| Threshold::new(value, 2));
        ReduceKernel::new(&FixedReduce { threshold, pixels: shape }, Site { by_rows, ..site(&input, &output) })
    }

    #[test]
    fn a_slot_holds_pixels_from_everywhere() {
        let ranges = [(-1, 3), (0, 0), (-8, 2), (0, 7)].map(|(lo, hi)| MantissaRange { lo, hi });
        let input = Values { fraction: 0, divisor: 1, ranges: ranges.to_vec(), active: None };
        let pixels = SparseShape { slots: 2, height: 1, width: 2, channels: 2 };
        let range = |threshold, channel: usize| fix(threshold, pixels, &input).1.ranges[channel];
        assert_eq!([0, 1].map(|channel| range(None, channel)), [(-8, 3), (0, 7)].map(|(lo, hi)| MantissaRange { lo, hi }));
        assert_eq!([0, 1].map(|channel| range(Some(0.5), channel)), [(1, 3), (0, 7)].map(|(lo, hi)| MantissaRange { lo, hi }));
        // One pixel that is never zero does not make all of them so.
        let ranges = [(4, 5), (6, 7)].map(|(lo, hi)| MantissaRange { lo, hi });
        let never_zero = Values { ranges: ranges.to_vec(), ..input };
        let pixels = SparseShape { channels: 1, ..pixels };
        assert_eq!(fix(None, pixels, &never_zero).1.ranges, [MantissaRange { lo: 4, hi: 7 }]);
    }

    #[test]
    fn counts_hold_what_they_count() {
        let whole = lower(None, (0, 7), false);
        // 63 * 64 = 4032 pixels, 64 in a row, whose columns count to 64 as well; 63 rows.
        assert_eq!((whole.count_bits, whole.rank_bits, whole.column_bits), (12, 7, 7));
        assert_eq!(whole.arrival, Arrival::Whole { pixels_per_cycle: 1, row_bits: 6 });
        assert_eq!(lower(None, (0, 7), true).arrival, Arrival::Rows { taken_bits: 5, feature: unsigned(3, 2) });
    }

    #[test]
    fn a_threshold_is_the_least_mantissa_above_it() {
        let least = |threshold, range| match lower(Some(threshold), range, false).active {
            Condition::Above { least, .. } => least,
            Condition::NotZero => panic!("a threshold is lost"),
        };
        // Steps of a quarter: 0.5 is 2, and what is above begins at 3; 0.6 is 2.4, which begins there too.
        assert_eq!((least(0.5, (0, 7)), least(0.6, (0, 7)), least(0.49, (0, 7))), (Some(3), Some(3), Some(2)));
        assert_eq!((least(-0.25, (-8, 7)), least(-9.0, (-8, 7)), least(-9.0, (0, 7))), (Some(0), Some(-8), Some(0)));
        assert_eq!((least(1.5, (0, 7)), least(1.75, (0, 7)), least(f32::MAX, (0, 7))), (Some(7), None, None));
        assert_eq!(lower(None, (0, 7), false).active, Condition::NotZero);
    }
}
