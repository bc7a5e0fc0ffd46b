//! Quantizers.

mod by_position;

use super::{
    Around,
    place::{Place, Spread},
};
use crate::{
    circuit::{Circuit, Net},
    error::Result,
    fixed::{Format, MantissaRange, Overflow, QuantizerFormat, Rounding},
    ops::QuantizeKernel,
};

/// `x` at `place`, rounded to the format that the place has; it has the binary point of the output.
///
/// Cost: with one format an adder if it does not round down, and what saturates. With formats by position an adder, an and, and
/// tables of what is added and of the bits that stay, without a choice among results; a signed format takes another adder if not
/// all have their sign at the same place, and what saturates looks its limits up. A mean takes the product with a constant.
pub fn quantize(c: &mut Circuit, kernel: &QuantizeKernel, around: &Around<'_>, x: Net, place: &Place) -> Result<Net> {
    let spread = Spread::new(&kernel.choice, place)?;
    let work = Work::new(c, kernel, around, x);
    let targets: Vec<_> = spread.things().into_iter().map(|class| (class, work.target(class))).collect();
    let target = |class: u16| targets.iter().find(|(other, _)| *other == class).and_then(|(_, target)| *target);
    let mut formats: Vec<_> = targets.iter().map(|(_, target)| *target).collect();
    formats.sort_unstable_by_key(|target| target.map(|target| (target.format.fraction, target.format.width)));
    formats.dedup();
    if let [only] = formats[..] {
        return Ok(match only {
            Some(target) => work.to_one(c, target),
            None => c.constant(0),
        });
    }
    let number = |class: u16| formats.iter().position(|format| *format == target(class)).unwrap_or(0);
    Ok(work.by_position(c, &formats, &spread.numbered(number)))
}

/// What is rounded, and how.
struct Work<'a> {
    kernel: &'a QuantizeKernel,
    /// What comes in: its mantissas, the bits behind their binary point, and what they are to be divided by.
    input: (MantissaRange, i32, u64),
    /// The same, but that the division may have been done.
    x: Net,
    fraction: i32,
    divisor: u64,
    /// Bits behind the binary point of the result.
    to: i32,
}

/// A format that leaves something of what comes in.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Target {
    format: Format,
    /// What comes in, rounded and nothing else.
    rounded: MantissaRange,
    /// What comes out, at the format's own binary point.
    result: MantissaRange,
}

impl Target {
    fn overflows(&self) -> bool {
        self.rounded != self.result
    }
}

/// `x`, with so many bits behind its binary point, with others.
fn at_fraction(c: &mut Circuit, x: Net, (from, to): (i32, i32), rounding: Rounding) -> Net {
    let x = c.shift_left(x, (to - from).max(0) as u32);
    c.rounded(x, (from - to).max(0) as u32, rounding)
}

/// `x`, with so many bits behind its binary point, as `format` holds it.
pub(super) fn to_format(c: &mut Circuit, x: Net, fraction: i32, format: Format, modes: (Rounding, Overflow)) -> Net {
    let x = at_fraction(c, x, (fraction, format.fraction), modes.0);
    c.limited(x, format, modes.1)
}

/// What a rounding adds before it rounds down, in parts of `one`, the denominator. With `flag`: to what is negative, or, if ties
/// go to even numbers, to what would become odd.
fn addend(rounding: Rounding, one: i128, flag: bool) -> i128 {
    if one == 1 {
        return 0;
    }
    let (half, below) = (one / 2, one / 2 - 1);
    match (rounding, flag) {
        (Rounding::Floor, _) | (Rounding::TowardZero, false) => 0,
        (Rounding::TowardZero, true) => one - 1,
        (Rounding::HalfUp, _) => half,
        (Rounding::HalfDown, _) => below,
        (Rounding::HalfEven | Rounding::HalfTowardZero, flag) => {
            if flag {
                half
            } else {
                below
            }
        }
        (Rounding::HalfAwayFromZero, flag) => {
            if flag {
                below
            } else {
                half
            }
        }
    }
}

/// Whether the halves between two numbers are told apart.
fn has_halves(rounding: Rounding) -> bool {
    !matches!(rounding, Rounding::Floor | Rounding::TowardZero)
}

/// Mantissas with another binary point; what is behind the new one goes.
fn moved(range: MantissaRange, bits: i32) -> MantissaRange {
    let end = |x: i128| if bits < 0 { x >> bits.unsigned_abs().min(127) } else { x << bits };
    MantissaRange { lo: end(range.lo), hi: end(range.hi) }
}

impl<'a> Work<'a> {
    /// `x` with all bits that the division needs.
    fn new(c: &mut Circuit, kernel: &'a QuantizeKernel, around: &Around<'_>, x: Net) -> Self {
        let (from, divisor) = (around.input.format.fraction, around.input.divisor);
        let to = around.output.format.fraction;
        let work = Self { kernel, input: (c.range(x), from, divisor), x, fraction: from, divisor, to };
        match kernel.quotient {
            // An even number nearby is looked for in the quotient, which has a bit that says whether anything was left.
            Some(quotient) if kernel.rounding == Rounding::HalfEven => {
                let up = quotient.format.fraction - 1 - from;
                let numerator = c.shift(x, up);
                let back = c.shift(numerator, -up);
                let same = c.equal(back, x);
                let (whole, exact) = work.quotient(c, numerator);
                let exact = c.all([same, exact]);
                let rest = c.not(exact);
                let doubled = c.shift_left(whole, 1);
                let x = c.add(doubled, rest);
                Self { x, fraction: quotient.format.fraction, divisor: 1, ..work }
            }
            _ => work,
        }
    }

    /// `x / divisor`, and whether nothing is left.
    fn quotient(&self, c: &mut Circuit, x: Net) -> (Net, Net) {
        let offset = self.multiple(c.range(x).lo);
        let offset_net = c.constant(offset);
        let x = c.add(x, offset_net);
        let whole = c.divided(x, self.divisor);
        let back = c.times(whole, self.divisor.into());
        let exact = c.equal(back, x);
        let quotient = c.constant(offset / i128::from(self.divisor));
        (c.subtract(whole, quotient), exact)
    }

    /// The least multiple of the divisor that leaves nothing negative of what is not less than `least`.
    fn multiple(&self, least: i128) -> i128 {
        let d = i128::from(self.divisor);
        -(least.min(0).div_euclid(d) * d)
    }

    /// What one stands for in the numerator, if its last `drop` bits go.
    fn one(&self, drop: u32) -> i128 {
        // Beyond what a word holds only rounding down leaves something, and it adds nothing.
        if drop < 100 { i128::from(self.divisor) << drop } else { 1 }
    }

    /// What becomes of what comes in, with format number `class`; nothing if that is always 0.
    fn target(&self, class: u16) -> Option<Target> {
        let format = self.kernel.formats.get(usize::from(class)).copied().flatten()?;
        let QuantizeKernel { rounding, overflow, .. } = *self.kernel;
        let (k, f) = (u32::from(format.signed), format.fraction);
        let live = QuantizerFormat::Live { k, i: format.width as i32 - f - k as i32, f };
        let (x, fraction, divisor) = self.input;
        let range = |format: QuantizerFormat| format.quantize_range(x, fraction, divisor, rounding, overflow);
        let target = Target { format, rounded: range(QuantizerFormat::RoundOnly { f }), result: range(live) };
        (target.result != MantissaRange::ZERO).then_some(target)
    }

    /// Rounds to one format.
    fn to_one(&self, c: &mut Circuit, target: Target) -> Net {
        let QuantizeKernel { rounding, overflow, .. } = *self.kernel;
        let Target { format, rounded, result } = target;
        let x = if self.divisor == 1 {
            at_fraction(c, self.x, (self.fraction, format.fraction), rounding)
        } else {
            let (x, fraction) = self.finer(c, format.fraction);
            let drop = (fraction - format.fraction) as u32;
            let one = self.one(drop);
            let addends = [false, true].map(|flag| addend(rounding, one, flag));
            let offset = self.offset(c, x, addends[0].min(addends[1]));
            let addends = addends.map(|addend| c.constant(addend + offset));
            let negative = c.is_negative(x);
            let added = c.select(negative, addends[1], addends[0]);
            let sum = c.add(x, added);
            let quotient = self.divide(c, sum, offset);
            c.shift_right(quotient, drop)
        };
        let x = c.narrow(x, rounded);
        let x = c.limited(x, format, overflow);
        let x = c.narrow(x, result);
        let x = c.shift(x, self.to - format.fraction);
        c.narrow(x, moved(result, self.to - format.fraction))
    }

    /// The numerator with as many bits behind the binary point as it takes to round to `finest`, and how many that are.
    fn finer(&self, c: &mut Circuit, finest: i32) -> (Net, i32) {
        let halves = i32::from(self.divisor != 1 && has_halves(self.kernel.rounding));
        let up = if self.divisor == 1 { 0 } else { (finest + halves - self.fraction).max(0) };
        (c.shift_left(self.x, up as u32), self.fraction + up)
    }

    /// A multiple of the divisor that makes the numerator positive: what is added to it has this offset too.
    fn offset(&self, c: &Circuit, x: Net, least: i128) -> i128 {
        if self.divisor == 1 { 0 } else { self.multiple(c.range(x).lo.saturating_add(least)) }
    }

    /// `sum / divisor`, rounded down; an offset has been added to the sum.
    fn divide(&self, c: &mut Circuit, sum: Net, offset: i128) -> Net {
        if self.divisor == 1 {
            return sum;
        }
        let sum = c.narrow(sum, MantissaRange { lo: 0, hi: i128::MAX });
        let quotient = c.divided(sum, self.divisor);
        let quotient_of_offset = c.constant(offset / i128::from(self.divisor));
        c.subtract(quotient, quotient_of_offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        circuit::kernels::testing::{Random, Running, sparse, value_of},
        network::{Quantizer, Shape, SparseShape},
        ops::{Kernel, LayerPlan, Layout, Rules, Site, Value, Values, quantize::fix},
    };

    const OVERFLOWS: [Overflow; 3] = [Overflow::Wrap, Overflow::Saturate, Overflow::SaturateSymmetric];

    /// A quantizer between two values.
    struct Case {
        quantizer: Quantizer,
        classes: Vec<u16>,
        kernel: QuantizeKernel,
        input: Value,
        output: Value,
    }

    impl Case {
        fn new(quantizer: Quantizer, shape: &Shape, layout: &Layout, values: &Values) -> Option<Self> {
            let (op, result) = fix(&quantizer, shape, values).ok()?;
            let (input, output) = (value_of(layout.clone(), values), value_of(layout.clone(), &result));
            if output.format.width > 64 {
                return None;
            }
            let plan = LayerPlan {
                variant: None,
                pixels_per_cycle: 1,
                filters_per_cycle: 1,
                channels_per_cycle: 1,
                steps: 1,
                absorbed: false,
            };
            let site = Site { input: &input, output: &output, plan: &plan, by_rows: false };
            let kernel = match op.lower(site).ok()? {
                Kernel::SparseQuantize(kernel) => kernel.quantizer,
                Kernel::DenseQuantize(kernel) => kernel,
                _ => return None,
            };
            Some(Self { quantizer, classes: op.classes, kernel, input, output })
        }

        /// What element `at` of the value as Keras shapes it becomes of `x`.
        fn expected(&self, at: usize, x: i128) -> i128 {
            let Quantizer { rounding, overflow, .. } = self.quantizer;
            let format = self.quantizer.formats[usize::from(self.classes[at])];
            let y = format.quantize(x, self.input.format.fraction, self.input.divisor, rounding, overflow);
            let to = self.output.format.fraction;
            format.fraction().map_or(0, |f| if to >= f { y << (to - f) } else { y >> (f - to) })
        }
    }

    /// A format that has something to do with values of so many bits.
    fn format(random: &mut Random, bits: i128, fraction: i128) -> QuantizerFormat {
        let f = random.between(fraction - bits - 1, fraction + 2) as i32;
        match random.between(0, 9) {
            0 => QuantizerFormat::Dead,
            1 => QuantizerFormat::RoundOnly { f },
            _ => {
                let k = random.between(0, 1) as u32;
                let width = random.between(i128::from(k), bits + 1) as i32;
                QuantizerFormat::live(k, width - f, f)
            }
        }
    }

    /// A quantizer of random formats for a value of so many channels or elements.
    fn quantizer(random: &mut Random, shape: Vec<usize>, modes: (Rounding, Overflow), bits: i128, fraction: i128) -> Quantizer {
        let few: Vec<_> = (0..random.between(1, 6)).map(|_| format(random, bits, fraction)).collect();
        let formats: Vec<_> = (0..shape.iter().product()).map(|_| random.of(&few)).collect();
        Quantizer::new(&formats, shape, modes.0, modes.1).unwrap()
    }

    fn modes() -> impl Iterator<Item = (Rounding, Overflow)> {
        Rounding::ALL.into_iter().flat_map(|(rounding, _)| OVERFLOWS.map(|overflow| (rounding, overflow)))
    }

    /// Random quantizers of each mode, for values with each divisor.
    fn for_random(count: usize, mut test: impl FnMut(&mut Random, (Rounding, Overflow), Values)) {
        for (at, modes) in modes().enumerate() {
            for divisor in [1, 1, 3, 49] {
                for seed in 0..count {
                    let mut random = Random::new((at * 1000 + seed) as u64 * 64 + divisor);
                    let bits = random.of(&[1, 3, 5, 7, 7, 30]);
                    let ranges = vec![random.range(bits)];
                    let fraction = random.between(-3, 9) as i32;
                    test(&mut random, modes, Values { fraction, divisor, ranges, active: None });
                }
            }
        }
    }

    fn bits(values: &Values) -> i128 {
        Format::holding(values.range(), 0).width.into()
    }

    #[test]
    fn an_element_is_rounded_to_its_format() {
        let mut live = 0;
        for_random(40, |random, modes, values| {
            let quantizer = quantizer(random, vec![1], modes, bits(&values), values.fraction.into());
            let Some(case) = Case::new(quantizer, &Shape::Dense(vec![1]), &Layout::Dense(vec![1]), &values) else { return };
            let mut c = Circuit::default();
            let x = c.input("x", values.ranges[0]);
            let around = Around { input: &case.input, output: &case.output };
            let y = quantize(&mut c, &case.kernel, &around, x, &Place::Element(0)).unwrap();
            let range = c.range(y);
            assert_eq!(range.hull(case.output.ranges[0]), case.output.ranges[0], "{:?}", case.kernel);
            c.output("y", y);
            live += usize::from(c.constant_of(y).is_none());
            let mut running = Running::new(&c);
            for mantissa in random.some_of(values.ranges[0], 300) {
                let got = running.token(&[mantissa])[y.index()];
                assert_eq!(got, case.expected(0, mantissa), "{mantissa} of {:?}, {:?}", values, case.kernel);
            }
        });
        assert!(live > 1000, "{live} cases have something to do");
    }

    #[test]
    fn a_pixel_is_rounded_to_the_format_of_its_position() {
        for_random(12, |random, modes, mut values| {
            let shape = SparseShape {
                slots: 2,
                height: random.between(1, 5) as usize,
                width: random.between(1, 5) as usize,
                channels: random.between(1, 2) as usize,
            };
            values.ranges.resize(shape.channels, values.ranges[0]);
            let axes = [shape.height, shape.width, shape.channels];
            let quantizer = quantizer(random, axes.to_vec(), modes, bits(&values), values.fraction.into());
            let Some(case) = Case::new(quantizer, &Shape::Sparse(shape), &sparse(shape), &values) else { return };
            let channel = random.between(0, shape.channels as i128 - 1) as usize;
            let mut c = Circuit::default();
            // An empty slot has zeros.
            let x = c.input("x", values.ranges[channel].hull(MantissaRange::ZERO));
            let coordinate = |last: usize| MantissaRange { lo: 0, hi: last as i128 };
            let (row, column) = (c.input("row", coordinate(shape.height)), c.input("column", coordinate(shape.width)));
            let around = Around { input: &case.input, output: &case.output };
            let y = quantize(&mut c, &case.kernel, &around, x, &Place::Pixel { row, column, channel, shape }).unwrap();
            c.output("y", y);
            let mut running = Running::new(&c);
            assert_eq!(running.token(&[0, 0, 0])[y.index()], 0);
            for (r, q) in (0..shape.height).flat_map(|r| (0..shape.width).map(move |q| (r, q))) {
                for mantissa in random.some_of(values.ranges[channel], 40) {
                    let got = running.token(&[mantissa, r as i128 + 1, q as i128 + 1])[y.index()];
                    let expected = case.expected((r * shape.width + q) * shape.channels + channel, mantissa);
                    assert_eq!(got, expected, "{mantissa} of {:?} at {r}, {q}: {:?}", values, case.kernel);
                }
            }
        });
    }
}
