//! The first and the last step of a softmax.

use super::{
    elementwise::{index, table},
    quantize::to_format,
};
use crate::{
    circuit::{Circuit, Net},
    fixed::MantissaRange,
    ops::NormalizeKernel,
};

/// The largest of all less each of them.
///
/// Cost: a comparison and a choice for all but one, and an adder for each.
pub fn max_minus(c: &mut Circuit, words: &[Net]) -> Vec<Net> {
    let Some(largest) = c.largest(words) else { return Vec::new() };
    let hi = c.range(largest).hi;
    let minus = |word: &Net| {
        let difference = c.subtract(largest, *word);
        let range = MantissaRange { lo: 0, hi: hi - c.range(*word).lo };
        c.narrow(difference, range)
    };
    words.iter().map(minus).collect()
}

/// Each word times the reciprocal of their sum.
///
/// Cost: an adder for all but one, the table of reciprocals, and a multiplier for each.
pub fn normalize(c: &mut Circuit, kernel: &NormalizeKernel, words: &[Net]) -> Vec<Net> {
    let range = words.iter().map(|word| c.range(*word)).fold(MantissaRange::ZERO, MantissaRange::plus);
    let total = c.sum(words);
    let total = c.narrow(total, range);
    let fraction = kernel.accumulator.fraction;
    let rounded = to_format(c, total, fraction, kernel.rounded, (kernel.rounding, kernel.overflow));
    let rounded = c.shift(rounded, kernel.index.fraction - kernel.rounded.fraction);
    let entries = table(c.range(rounded), kernel.table.first, &kernel.table.values);
    let (index, _) = index(c, rounded);
    let reciprocal = c.look_up(&entries, index);
    words.iter().map(|word| c.multiply(*word, reciprocal)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        circuit::kernels::testing::{Random, Running},
        fixed::{Format, Overflow, Rounding},
        ops::IndexedTable,
    };

    #[test]
    fn what_is_less_than_the_largest() {
        for seed in 0..100 {
            let mut random = Random::new(seed);
            let mut c = Circuit::default();
            let ranges: Vec<_> = (0..random.between(1, 5)).map(|_| random.range(4)).collect();
            let x: Vec<_> = ranges.iter().map(|range| c.input("x", *range)).collect();
            let y = max_minus(&mut c, &x);
            y.iter().for_each(|net| c.output("y", *net));
            let mut running = Running::new(&c);
            for _ in 0..200 {
                let x: Vec<_> = ranges.iter().map(|range| random.between(range.lo, range.hi)).collect();
                let values = running.token(&x);
                let largest = x.iter().max().unwrap();
                let expected: Vec<_> = x.iter().map(|x| largest - x).collect();
                assert_eq!(y.iter().map(|net| values[net.index()]).collect::<Vec<_>>(), expected, "{x:?}");
            }
        }
    }

    #[test]
    fn a_word_is_multiplied_with_the_reciprocal_of_the_rounded_sum() {
        for seed in 0..200 {
            let mut random = Random::new(seed);
            let format = |width: i128, fraction: i128| Format { signed: false, width: width as u32, fraction: fraction as i32 };
            let rounded = format(random.between(2, 6), random.between(0, 5));
            let finer = random.between(0, 1) as i32;
            let index = Format { width: rounded.width + finer as u32, fraction: rounded.fraction + finer, ..rounded };
            let entries = 1 << index.width;
            let table = IndexedTable {
                first: 0,
                entries,
                index_bits: index.width,
                formats: 1,
                values: (0..entries).map(|_| random.between(0, 99) as i64).collect(),
            };
            let (rounding, _) = random.of(&Rounding::ALL);
            let kernel = NormalizeKernel {
                elements: 3,
                accumulator: format(12, 4),
                rounded,
                rounding,
                overflow: random.of(&[Overflow::Wrap, Overflow::Saturate]),
                index,
                table,
                reciprocal: format(7, 0),
                product: format(20, 4),
            };
            let mut c = Circuit::default();
            let x: Vec<_> = (0..3).map(|_| c.input("x", MantissaRange { lo: 0, hi: 90 })).collect();
            let y = normalize(&mut c, &kernel, &x);
            y.iter().for_each(|net| c.output("y", *net));
            let mut running = Running::new(&c);
            for _ in 0..200 {
                let x = [0; 3].map(|_| random.between(0, 90));
                let sum: i128 = x.iter().sum();
                let sum = match rounded.fraction - 4 {
                    up @ 0.. => sum << up,
                    down => rounding.divide(sum, 1 << -down),
                };
                let range = rounded.range();
                let sum = if kernel.overflow == Overflow::Wrap { sum & range.hi } else { sum.min(range.hi) };
                let reciprocal = i128::from(kernel.table.values[(sum << finer) as usize]);
                let values = running.token(&x);
                assert_eq!(y.iter().map(|net| values[net.index()]).collect::<Vec<_>>(), x.map(|x| x * reciprocal), "{x:?}");
            }
        }
    }
}
