//! A 'same' convolution between active pixels.

use std::collections::BTreeMap;

use super::{
    About, Extent, Kernel, LayerPlan, Rules, Site, Values,
    parts::{Gives, Parts, Sparse, narrow},
    sums,
};
use crate::{
    error::{Error, Result},
    fixed::{Format, MantissaRange, bits_for},
    manifest::{Knob, Variant},
    network::{Coefficients, Conv2d, SparseShape},
    structure::Operation,
};

/// A convolution.
#[derive(Debug, Clone)]
pub struct FixedConv2d {
    /// Its kernel.
    pub conv: Conv2d,
    /// What goes in.
    pub pixels: SparseShape,
    /// What every part of every sum is held in.
    pub accumulator: Format,
}

/// The sums of the pixel itself and of as many of those around it as there are other slots.
pub(crate) fn fix(conv: &Conv2d, pixels: SparseShape, input: &Values) -> (FixedConv2d, Values) {
    let SparseShape { height, width, .. } = pixels;
    let [rows, columns] = conv.kernel;
    let center = [(rows - 1) / 2, (columns - 1) / 2];
    let others = pixels.max_active().saturating_sub(1);
    let fraction = input.fraction + conv.weights.fraction;
    let (mut ranges, mut sums_hull) = (Vec::with_capacity(conv.filters), MantissaRange::ZERO);
    for filter in 0..conv.filters {
        let sum = |[row, column]: [usize; 2], of: fn(MantissaRange) -> MantissaRange| {
            (0..conv.channels).fold(MantissaRange::ZERO, |sum, channel| {
                let at = ((row * columns + column) * conv.channels + channel) * conv.filters + filter;
                sum.plus(of(input.ranges[channel].times(conv.weights.values[at].into())))
            })
        };
        let whole = |product| product;
        // Within a pixel a part of the sum can exceed the whole, if a feature is never zero.
        let part = |product: MantissaRange| product.hull(MantissaRange::ZERO);
        // The pixel itself is there; of the others, as many as there are other slots.
        let own = sum(center, whole);
        let mut hull: Option<MantissaRange> = None;
        for (top, bottom) in sums::reachable(height, rows) {
            for (left, right) in sums::reachable(width, columns) {
                let around = (top..bottom).flat_map(|row| (left..right).map(move |column| [row, column]));
                let around: Vec<_> = around.filter(|tap| *tap != center).collect();
                let best = |of| sums::some_of(&around.iter().map(|tap| sum(*tap, of)).collect::<Vec<_>>(), others);
                sums_hull = sums_hull.hull(best(part).plus(sum(center, part)));
                let total = own.plus(best(whole));
                hull = Some(hull.map_or(total, |hull| hull.hull(total)));
            }
        }
        ranges.push(hull.unwrap_or(MantissaRange::ZERO));
    }
    let accumulator = Format::holding(sums_hull, fraction);
    let output = Values { fraction, divisor: input.divisor, ranges, active: None };
    (FixedConv2d { conv: conv.clone(), pixels, accumulator }, output)
}

impl Rules for FixedConv2d {
    fn about(&self) -> About<'_> {
        About {
            extent: Extent { slots: self.pixels.slots, filters: self.conv.filters, channels: self.conv.channels },
            knobs: &[Knob::Interval, Knob::Pixels, Knob::Filters, Knob::Channels],
            variants: &[Variant::Pairwise, Variant::Gather],
            accumulator: Some(self.accumulator),
            weights: Some(&self.conv.weights),
            moves: false,
            reorders: false,
        }
    }

    fn gives(&self, plan: &LayerPlan) -> Gives {
        Gives::Values(plan.pixels_per_cycle * plan.filters_per_cycle)
    }

    fn lower(&self, site: Site<'_>) -> Result<Kernel> {
        Conv2dKernel::new(self, site).map(Kernel::Conv2d)
    }

    fn parts(&self, p: &mut Parts<'_>) {
        let Self { conv, pixels, accumulator } = self;
        let s = Sparse::of(*pixels);
        let bits = p.fixed.input.format().width;
        let features = s.slots * s.channels * bits as usize;
        let pairs = differences(p, s, features);
        p.turns(s.channels, p.plan.channels_per_cycle, bits, s.slots * p.plan.channels_per_cycle, features);
        if p.plan.variant == Some(Variant::Gather) {
            self.gather(p, s, pairs, bits);
        } else {
            self.pairwise(p, s, pairs, bits);
        }
        let sums = p.plan.pixels_per_cycle * p.plan.filters_per_cycle;
        if p.plan.channels_per_cycle < s.channels {
            let width = accumulator.width;
            p.add("accumulate", Operation::Add { width }, sums, 1, sums * width as usize);
        }
        let results = s.slots * conv.filters * p.fixed.output.format().width as usize;
        if p.plan.steps > 1 {
            p.holds(results);
        }
    }
}

impl FixedConv2d {
    fn pairwise(&self, p: &mut Parts<'_>, s: Sparse, pairs: usize, bits: u32) {
        let Self { conv, accumulator, .. } = self;
        let LayerPlan { filters_per_cycle, channels_per_cycle, pixels_per_cycle, .. } = *p.plan;
        let (width, weight) = (accumulator.width, conv.weights.format().width);
        let taps = conv.kernel[0] * conv.kernel[1];
        let parts = (conv.filters / filters_per_cycle) * (conv.channels / channels_per_cycle);
        let products = pairs * channels_per_cycle * filters_per_cycle;
        let features = s.slots * s.channels * bits as usize;
        let [row, column] = s.coordinate;
        p.add("in reach", Operation::Decode { width: row + column + 2 }, pairs, 1, features + pairs * 7);
        let table = Operation::Constants { entries: narrow(taps * parts), width: weight };
        p.add("weight", table, products, 1, features + products * weight as usize);
        let product = (bits + weight).min(width.max(bits));
        p.add("multiply", Operation::Multiply { a: bits, b: weight }, products, 1, products * product as usize);
        p.sum(pairs * filters_per_cycle, channels_per_cycle, product);
        p.sum(pixels_per_cycle * filters_per_cycle, s.slots, product);
    }

    fn gather(&self, p: &mut Parts<'_>, s: Sparse, pairs: usize, bits: u32) {
        let Self { conv, accumulator, .. } = self;
        let LayerPlan { filters_per_cycle, channels_per_cycle, pixels_per_cycle, .. } = *p.plan;
        let [rows, columns] = conv.kernel;
        let [row, column] = s.coordinate;
        let features = s.slots * s.channels * bits as usize;
        let reach = Reach::new(conv.kernel, s.slots, pixels_per_cycle, p.around.ordered);
        let found = features + pairs * (rows + columns);
        p.add("kernel row", Operation::Decode { width: row + 1 }, reach.rows, 1, found);
        p.add("kernel column", Operation::Decode { width: column + 1 }, pairs * columns, 0, 0);
        let here: usize = reach.candidates.iter().map(|(candidates, count)| candidates * count).sum();
        p.add("at this tap", Operation::Decode { width: 3 }, here, 1, features + here);
        let taps = rows * columns;
        let gathered = pixels_per_cycle * taps * channels_per_cycle;
        let choice = |candidates: usize| match candidates {
            1 => Operation::Gate { width: bits },
            _ => Operation::GatedOr { inputs: narrow(candidates), width: bits },
        };
        let choices = reach.candidates.iter().map(|(candidates, count)| (choice(*candidates), *count)).collect();
        p.add_all("gather", &choices, channels_per_cycle, gathered * bits as usize);
        let (width, weight) = (accumulator.width, conv.weights.format().width);
        let parts = (conv.filters / filters_per_cycle) * (conv.channels / channels_per_cycle);
        let product = (bits + weight).min(width.max(bits));
        let sums = pixels_per_cycle * filters_per_cycle;
        if parts == 1 {
            p.constant_sums(&conv.weights.values, sums, conv.filters, product, gathered);
        } else {
            p.variable_products(gathered * filters_per_cycle, parts, bits, weight);
            p.sum(sums, taps * channels_per_cycle, product);
        }
    }
}

/// Coordinate differences of the pairs that one step looks at.
fn differences(p: &mut Parts<'_>, s: Sparse, live: usize) -> usize {
    let lanes = p.plan.pixels_per_cycle;
    let pairs = if lanes == s.slots { s.slots * s.slots.saturating_sub(1) / 2 } else { lanes * s.slots };
    let [row, column] = s.coordinate;
    p.turns(s.slots, lanes, row + column, lanes, live);
    let both = live + pairs * (row + column + 2) as usize;
    p.add("rows apart", Operation::Add { width: row + 1 }, pairs, 1, both);
    p.add("columns apart", Operation::Add { width: column + 1 }, pairs, 0, both);
    lanes * s.slots
}

/// Which slots a gather looks for at which taps: `can_lie` of the kernel, for constant slots.
struct Reach {
    /// Comparisons with a kernel row.
    rows: usize,
    /// For each number of slots that can lie at a tap, how many taps of output pixels have so many.
    candidates: BTreeMap<usize, usize>,
}

impl Reach {
    fn new([rows, columns]: [usize; 2], slots: usize, lanes: usize, ordered: bool) -> Self {
        let (top, left) = ((rows - 1) / 2, (columns - 1) / 2);
        let taps = rows * columns;
        if lanes != slots {
            return Self { rows: lanes * slots * rows, candidates: BTreeMap::from([(slots, lanes * taps)]) };
        }
        // A slot lies at the middle of its own kernel, and no other does.
        let mut candidates = BTreeMap::from([(1, slots)]);
        let pairs = slots * slots.saturating_sub(1);
        if !ordered {
            *candidates.entry(slots.saturating_sub(1)).or_default() += slots * taps.saturating_sub(1);
            candidates.remove(&0);
            return Self { rows: pairs * rows, candidates };
        }
        for slot in 0..slots {
            let (before, after) = (slot, slots - 1 - slot);
            let mut add = |slots: usize, taps: usize| *candidates.entry(slots).or_default() += taps;
            add(before, top * columns);
            add(after, rows.saturating_sub(top + 1) * columns);
            (1..=left).for_each(|away| add(before.min(away), 1));
            (1..columns.saturating_sub(left)).for_each(|away| add(after.min(away), 1));
        }
        candidates.remove(&0);
        Self { rows: pairs / 2 * (rows + 1), candidates }
    }
}

/// See [`Kernel::Conv2d`]: `out[p] = sum over active q of x[q] · weights[q - p + pad]`, with
/// `pad = (K - 1) / 2` per axis.
#[derive(Debug, Clone, PartialEq)]
pub struct Conv2dKernel {
    /// What goes in: slots, image and channels.
    pub shape: SparseShape,
    /// Output channels.
    pub filters: usize,
    /// Kernel height and width.
    pub kernel: [usize; 2],
    /// How it is built.
    pub form: Form,
    /// Whether the slots are in row-major order, so that some pairs of slots cannot be near each other.
    pub is_ordered: bool,
    /// Output slots in a step.
    pub pixels_per_cycle: usize,
    /// Filters in a step.
    pub filters_per_cycle: usize,
    /// Input channels in a step.
    pub channels_per_cycle: usize,
    /// The difference of two coordinates, with the pad added.
    pub difference: Format,
    /// Bits of the index of a tap, `row * width + column` of the kernel.
    pub tap_bits: u32,
    /// The mantissa of a feature.
    pub feature: Format,
    /// The kernel, (kernel height, kernel width, channels, filters).
    pub weights: Coefficients,
    /// What sums are held in.
    pub accumulator: Format,
}

/// How a convolution is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The weights of each pair of slots are looked up.
    Pairwise,
    /// Each output collects the features at its taps.
    Gather,
}

impl Conv2dKernel {
    pub(super) fn new(op: &FixedConv2d, site: Site<'_>) -> Result<Self> {
        let FixedConv2d { conv, pixels: shape, accumulator } = op;
        let [rows, columns] = conv.kernel;
        let largest = (shape.height.max(shape.width) + rows.max(columns)) as i128;
        Ok(Self {
            shape: *shape,
            filters: conv.filters,
            kernel: conv.kernel,
            form: match site.plan.variant {
                Some(Variant::Pairwise) => Form::Pairwise,
                Some(Variant::Gather) => Form::Gather,
                other => return Err(Error::internal(format!("a convolution of the variant {other:?}"))),
            },
            is_ordered: site.input.sparse()?.is_ordered,
            pixels_per_cycle: site.plan.pixels_per_cycle,
            filters_per_cycle: site.plan.filters_per_cycle,
            channels_per_cycle: site.plan.channels_per_cycle,
            difference: Format::holding(MantissaRange { lo: -largest, hi: largest }, 0),
            tap_bits: bits_for(rows * columns - 1),
            feature: site.input.format,
            weights: conv.weights.clone(),
            accumulator: *accumulator,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Code, network,
        ops::LayerPlan,
        ops::testing::{PLAN, pixels, signed, site, sparse},
    };

    fn op(shape: SparseShape, kernel: [usize; 2]) -> FixedConv2d {
        let weights = Coefficients { values: vec![-3; kernel[0] * kernel[1] * shape.channels], fraction: 2 };
        let conv = network::Conv2d { kernel, channels: shape.channels, filters: 1, weights };
        FixedConv2d { conv, pixels: shape, accumulator: signed(17, 6) }
    }

    fn lower(shape: SparseShape, kernel: [usize; 2], variant: Option<Variant>) -> Result<Conv2dKernel> {
        let (input, output) = (sparse(&[(-8, 7)], 4), sparse(&[(-999, 999)], 6));
        let plan = LayerPlan { variant, ..PLAN };
        Conv2dKernel::new(&op(shape, kernel), Site { plan: &plan, ..site(&input, &output) })
    }

    #[test]
    fn differences_and_taps_have_the_bits_of_the_furthest() {
        // Two rows are at most 27 apart, and the pad is at most 2; the bound is 28 + 5 = 33 in both directions.
        let conv = lower(pixels(1), [3, 5], Some(Variant::Gather)).unwrap();
        assert_eq!((conv.difference, conv.tap_bits), (signed(7, 0), 4));
        assert_eq!((conv.feature, conv.accumulator), (signed(4, 4), signed(17, 6)));
        assert_eq!((conv.weights.format(), conv.form), (signed(3, 2), Form::Gather));
        // One pixel and one tap.
        let smallest = SparseShape { slots: 1, height: 1, width: 1, channels: 1 };
        let conv = lower(smallest, [1, 1], Some(Variant::Pairwise)).unwrap();
        assert_eq!((conv.difference, conv.tap_bits, conv.form), (signed(3, 0), 1, Form::Pairwise));
    }

    #[test]
    fn a_plan_without_a_form_is_an_error() {
        for variant in [None, Some(Variant::Scatter), Some(Variant::LookUp)] {
            assert_eq!(lower(pixels(1), [3, 3], variant).unwrap_err().code(), Code::Internal);
        }
    }
}
