//! What works on each word by itself.

use super::place::{Place, Spread};
use crate::{
    circuit::{Circuit, Net},
    error::{Error, Result},
    fixed::{Format, MantissaRange},
    ops::{AffineKernel, BiasKernel, LimitedReluKernel, LookupKernel},
};

/// `x` of a channel with its bias, where it is not zero.
///
/// Cost: an adder of a constant, and a gate for each bit behind a comparison with 0.
pub fn bias(c: &mut Circuit, kernel: &BiasKernel, x: Net, channel: usize) -> Result<Net> {
    let bias = *kernel.biases.values.get(channel).ok_or_else(|| Error::internal("a bias for a channel that is not there"))?;
    let range = c.range(x);
    let shifted = c.shift_left(x, kernel.shift);
    if bias == 0 {
        return Ok(shifted);
    }
    let addend = c.constant(bias.into());
    let sum = c.add(shifted, addend);
    let zero = c.is(x, 0);
    let not_zero = c.not(zero);
    let y = c.gate(not_zero, sum);
    // What is next to 0 on either side; without it the sums of the ends.
    let biased = |x: i128| if x == 0 { 0 } else { (x << kernel.shift) + i128::from(bias) };
    let ends = [range.lo, range.hi, range.hi.min(-1), range.lo.max(1), 0.clamp(range.lo, range.hi)];
    let ends = ends.into_iter().filter(|x| (range.lo..=range.hi).contains(x)).map(biased);
    let hull = ends.map(|x| MantissaRange { lo: x, hi: x }).reduce(MantissaRange::hull);
    Ok(c.narrow(y, hull.unwrap_or(range)))
}

/// `max(0, x)`.
///
/// Cost: a gate for each bit.
pub fn relu(c: &mut Circuit, x: Net) -> Net {
    c.positive(x)
}

/// `x`, not more than the limit; below zero a part of it, or 0.
///
/// Cost: a comparison with the limit, if it is reached, and a LUT for each bit.
pub fn limited_relu(c: &mut Circuit, kernel: &LimitedReluKernel, x: Net) -> Net {
    let range = c.range(x);
    let below = match kernel.slope {
        Some(slope) => c.shift(x, kernel.shift as i32 - slope as i32),
        None => c.constant(0),
    };
    // What is above the limit when shifted is above its part in front of the shift.
    let (limit, most) = (c.constant(kernel.limit), c.constant(kernel.limit >> kernel.shift));
    let (over, negative) = (c.less(most, x), c.is_negative(x));
    let y = c.shift_left(x, kernel.shift);
    let y = c.select(over, limit, y);
    let y = c.select(negative, below, y);
    let end = |x: i128| match kernel.slope {
        Some(slope) if x < 0 => (x << kernel.shift) >> slope,
        _ => (x << kernel.shift).max(0).min(kernel.limit),
    };
    c.narrow(y, MantissaRange { lo: end(range.lo), hi: end(range.hi) })
}

/// `x` of a channel times its scale, and its offset.
///
/// Cost: an adder for each digit of the scale, and one for the offset.
pub fn affine(c: &mut Circuit, kernel: &AffineKernel, x: Net, channel: usize) -> Result<Net> {
    let of = |values: &[i64]| values.get(channel).copied().map(i128::from);
    let (Some(scale), Some(offset)) = (of(&kernel.scales.values), of(&kernel.offsets.values)) else {
        return Err(Error::internal("a scale for a channel that is not there"));
    };
    let range = c.range(x);
    let mut terms = c.product(x, scale << kernel.shift);
    terms.push((c.constant(offset), false));
    let y = c.signed_sum(&terms);
    let ends = [range.lo, range.hi].map(|x| ((x * scale) << kernel.shift) + offset);
    Ok(c.narrow(y, MantissaRange { lo: ends[0].min(ends[1]), hi: ends[0].max(ends[1]) }))
}

/// What the function of the element at `place` makes of `x`; an empty slot stays 0.
///
/// Cost: a table for the mantissas that can come in; one for each format that the place can have, chosen by position.
pub fn lookup(c: &mut Circuit, kernel: &LookupKernel, x: Net, place: &Place) -> Result<Net> {
    let spread = Spread::new(&kernel.choice, place)?;
    let things = spread.things();
    let part = |class: &u16| kernel.table.values.chunks(kernel.table.entries).nth(usize::from(*class));
    let entries = things.iter().map(part).collect::<Option<Vec<_>>>();
    let entries = entries.ok_or_else(|| Error::internal("a format without a table"))?;
    let (index, bits) = index(c, x);
    let tables: Vec<_> = entries.iter().map(|entries| table(c.range(x), kernel.table.first, entries)).collect();
    let mut different = tables.clone();
    different.sort_unstable();
    different.dedup();
    let number = |class: u16| {
        let table = things.iter().position(|thing| *thing == class).map(|at| &tables[at]);
        different.iter().position(|other| Some(other) == table).unwrap_or(0)
    };
    let y = spread.numbered(number).chosen(c, &different).pick_at(c, (index, bits), &different);
    let at_zero = entries.iter().any(|entries| entry(entries, kernel.table.first, 0) != 0);
    let row = match *place {
        Place::Pixel { row, .. } if at_zero => row,
        Place::Position { position, .. } if at_zero => position,
        _ => return Ok(y),
    };
    let empty = c.is(row, 0);
    let active = c.not(empty);
    Ok(c.gate(active, y))
}

/// The bits of `x` as the index of a [`table`], and how many they are
pub(super) fn index(c: &mut Circuit, x: Net) -> (Net, u32) {
    let width = c.width(x);
    (c.bits(x, 0, width), width)
}

/// The entries, of which the first one is that of the mantissa `first`, by the bits of a word of this range: what is negative
/// stands behind what is not. What is not reached has an entry that is.
pub(super) fn table(range: MantissaRange, first: i64, entries: &[i64]) -> Vec<i128> {
    let format = Format::holding(range, 0);
    let (half, full) = (format.range().hi + 1, 1i128 << format.width);
    let mantissa = |at: i128| if at < half { at } else { at - full };
    (0..full).map(|at| entry(entries, first, mantissa(at).clamp(range.lo, range.hi))).collect()
}

/// The entry of `mantissa`, or the one nearest to it.
fn entry(entries: &[i64], first: i64, mantissa: i128) -> i128 {
    let at = usize::try_from(mantissa - i128::from(first)).unwrap_or(0);
    entries.get(at).or(entries.last()).copied().map_or(0, i128::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        circuit::kernels::testing::{Random, Running},
        network::{Coefficients, Function, SparseShape},
        ops::{By, Elements, FormatChoice, IndexedTable},
    };

    const WIDE: Format = Format { signed: true, width: 64, fraction: 0 };

    fn constant(value: i128) -> Coefficients {
        Coefficients { values: vec![value as i64], fraction: 0 }
    }

    fn shape(channels: usize) -> SparseShape {
        SparseShape { slots: 2, height: 3, width: 4, channels }
    }

    /// Compares what `build` makes of a word with `expected`, whose results are all in its range.
    fn compare(
        random: &mut Random,
        range: MantissaRange,
        build: impl Fn(&mut Circuit, Net) -> Net,
        expected: impl Fn(i128) -> i128,
    ) {
        let mut c = Circuit::default();
        let x = c.input("x", range);
        let y = build(&mut c, x);
        c.output("y", y);
        let mut running = Running::new(&c);
        let mut seen = Vec::new();
        for x in random.some_of(range, 600) {
            let got = running.token(&[x])[y.index()];
            assert_eq!(got, expected(x), "{x} of {range:?}");
            seen.push(got);
        }
        let seen = MantissaRange { lo: *seen.iter().min().unwrap(), hi: *seen.iter().max().unwrap() };
        assert_eq!(c.range(y), seen, "a range is that of what comes out: {range:?}");
    }

    #[test]
    fn a_bias_goes_to_what_is_not_zero() {
        for seed in 0..400 {
            let mut random = Random::new(seed);
            let range = random.range(8);
            let (bias_of, shift) = (random.between(-40, 40), random.between(0, 3) as u32);
            let kernel = BiasKernel { shape: shape(1), shift, biases: constant(bias_of), accumulator: WIDE };
            let build = |c: &mut Circuit, x| bias(c, &kernel, x, 0).unwrap();
            compare(&mut random, range, build, |x| if x == 0 { 0 } else { (x << shift) + bias_of });
            compare(&mut random, range, relu, |x| x.max(0));
        }
    }

    #[test]
    fn a_limit_and_a_slope() {
        for seed in 0..400 {
            let mut random = Random::new(seed);
            let range = random.range(8);
            let slope = Some(random.between(0, 3) as u32).filter(|_| seed % 3 > 0);
            let shift = slope.unwrap_or(0) + random.between(0, 2) as u32;
            let limit = random.between(0, range.hi.max(0) << shift);
            let kernel = LimitedReluKernel { elements: Elements::Dense(1), shift, slope, limit, wide: WIDE };
            let expected = |x: i128| match slope {
                Some(slope) if x < 0 => x << shift >> slope,
                _ => (x << shift).max(0).min(limit),
            };
            compare(&mut random, range, |c, x| limited_relu(c, &kernel, x), expected);
        }
    }

    #[test]
    fn a_scale_and_an_offset() {
        for seed in 0..400 {
            let mut random = Random::new(seed);
            let (range, shift) = (random.range(8), random.between(0, 3) as u32);
            let (scale, offset) = (random.between(-70, 70), random.between(-300, 300));
            let kernel =
                AffineKernel { elements: 1, scales: constant(scale), shift, offsets: constant(offset), accumulator: WIDE };
            compare(&mut random, range, |c, x| affine(c, &kernel, x, 0).unwrap(), |x| ((x * scale) << shift) + offset);
        }
    }

    #[test]
    fn a_function_is_looked_up_with_the_format_of_the_place() {
        for seed in 0..200 {
            let mut random = Random::new(seed);
            let (shape, range) = (shape(random.between(1, 2) as usize), random.range(5).hull(MantissaRange::ZERO));
            let entries = (range.hi - range.lo + 1) as usize;
            let formats = random.between(1, 4) as usize;
            let values: Vec<i64> = (0..entries * formats).map(|_| random.between(-50, 50) as i64).collect();
            let table = IndexedTable { first: range.lo as i64, entries, index_bits: 8, formats, values };
            let classes = (0..shape.image_len()).map(|_| random.between(0, formats as i128 - 1) as u16).collect::<Vec<_>>();
            let choice = FormatChoice { index_bits: 2, by: By::Pixel(classes.clone()) };
            let kernel = LookupKernel { elements: Elements::Sparse(shape), function: Function::Tanh, choice, table };
            let mut c = Circuit::default();
            let coordinate = |last: usize| MantissaRange { lo: 0, hi: last as i128 };
            let x = c.input("x", range);
            let (row, column) = (c.input("row", coordinate(shape.height)), c.input("column", coordinate(shape.width)));
            let y = lookup(&mut c, &kernel, x, &Place::Pixel { row, column, channel: 0, shape }).unwrap();
            c.output("y", y);
            let mut running = Running::new(&c);
            assert_eq!(running.token(&[0, 0, 0])[y.index()], 0, "an empty slot");
            for (r, q) in (0..shape.height).flat_map(|r| (0..shape.width).map(move |q| (r, q))) {
                let class = usize::from(classes[(r * shape.width + q) * shape.channels]);
                for x in range.lo..=range.hi {
                    let got = running.token(&[x, r as i128 + 1, q as i128 + 1])[y.index()];
                    let expected = kernel.table.values[class * entries + (x - range.lo) as usize];
                    assert_eq!(got, i128::from(expected), "{x} at {r}, {q}");
                }
            }
        }
    }
}
