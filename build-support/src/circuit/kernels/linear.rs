//! Sums of products with constants, as additions of shifted words that sums share where they have the same.

mod shared;

use std::{cmp::Reverse, collections::BinaryHeap};

use crate::{
    circuit::{Circuit, Net, trees::digits},
    fixed::MantissaRange,
};

/// The range of what constants are multiples of.
const ONE: MantissaRange = MantissaRange { lo: 1, hi: 1 };

/// A word that is a sum of products.
#[derive(Debug, Clone)]
struct Word {
    net: Net,
    /// Of which inputs it is made, and times what.
    weights: Vec<(usize, i128)>,
    /// Additions one behind the other.
    depth: u32,
}

/// A word in a sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Term {
    word: usize,
    shift: u32,
    is_negative: bool,
}

/// Sums of products with constants, and what of them is there already.
#[derive(Debug)]
struct Linear {
    words: Vec<Word>,
    /// Of each input, and of a 1 behind them.
    ranges: Vec<MantissaRange>,
}

/// For each output the sum of all inputs times their weights, (inputs, outputs), and its offset.
///
/// Cost: an adder for each digit that is not zero of the constants but the first. Two digits that several sums, or one sum
/// several times, have at the same distance are added once.
pub(super) fn sums(c: &mut Circuit, inputs: &[Net], weights: &[i64], offsets: &[i128]) -> Vec<Net> {
    let word = |(at, net): (usize, &Net)| Word { net: *net, weights: vec![(at, 1)], depth: 0 };
    let mut linear = Linear {
        words: inputs.iter().enumerate().map(word).collect(),
        ranges: inputs.iter().map(|net| c.range(*net)).chain([ONE]).collect(),
    };
    let rows: Vec<_> = weights.chunks(offsets.len().max(1)).collect();
    let mut terms = vec![Vec::new(); offsets.len()];
    for block in shared::blocks(&rows) {
        let mut own: Vec<Vec<Term>> = vec![Vec::new(); offsets.len()];
        for (word, row) in block.clone().zip(&rows[block]) {
            for (terms, weight) in own.iter_mut().zip(*row) {
                let term = |(shift, is_negative)| Term { word, shift, is_negative };
                terms.extend(digits(i128::from(*weight)).into_iter().map(term));
            }
        }
        linear.share(c, &mut own);
        terms.iter_mut().zip(own).for_each(|(terms, own)| terms.extend(own));
    }
    terms.iter().zip(offsets).map(|(terms, offset)| linear.sum(c, terms, *offset)).collect()
}

impl Linear {
    /// `a + b`, or what is to be subtracted instead, without the zeros that both have at the end.
    fn add(&mut self, c: &mut Circuit, a: Term, b: Term) -> Term {
        let shift = a.shift.min(b.shift);
        let [x, y] = [a, b].map(|term| c.shift_left(self.words[term.word].net, term.shift - shift));
        let (net, is_negative) = match (a.is_negative, b.is_negative) {
            (false, true) => (c.subtract(x, y), false),
            (true, false) => (c.subtract(y, x), false),
            (sign, _) => (c.add(x, y), sign),
        };
        let factor = |term: Term| (1i128 << (term.shift - shift)) * if term.is_negative == is_negative { 1 } else { -1 };
        let weights = merged(&self.words[a.word].weights, factor(a), &self.words[b.word].weights, factor(b));
        let net = c.narrow(net, self.range(&weights));
        let depth = 1 + self.words[a.word].depth.max(self.words[b.word].depth);
        self.words.push(Word { net, weights, depth });
        Term { word: self.words.len() - 1, shift, is_negative }
    }

    fn range(&self, weights: &[(usize, i128)]) -> MantissaRange {
        weights.iter().map(|(at, weight)| self.ranges[*at].times(*weight)).fold(MantissaRange::ZERO, MantissaRange::plus)
    }

    /// The sum of all terms and a constant: a tree of the least depth, narrow terms first.
    fn sum(&mut self, c: &mut Circuit, terms: &[Term], offset: i128) -> Net {
        let mut open = BinaryHeap::new();
        let key = |linear: &Self, c: &Circuit, term: Term| {
            let word = &linear.words[term.word];
            Reverse((word.depth, c.width(word.net) + term.shift, term))
        };
        for term in terms {
            open.push(key(self, c, *term));
        }
        if offset != 0 || terms.is_empty() {
            let constant = self.constant(c, offset);
            open.push(key(self, c, constant));
        }
        while let Some(Reverse((_, _, a))) = open.pop() {
            let Some(Reverse((_, _, b))) = open.pop() else { return self.alone(c, a) };
            let sum = self.add(c, a, b);
            open.push(key(self, c, sum));
        }
        c.constant(offset)
    }

    fn constant(&mut self, c: &mut Circuit, value: i128) -> Term {
        let word = Word { net: c.constant(value), weights: vec![(self.ranges.len() - 1, value)], depth: 0 };
        self.words.push(word);
        Term { word: self.words.len() - 1, shift: 0, is_negative: false }
    }

    /// A term as a word.
    fn alone(&self, c: &mut Circuit, term: Term) -> Net {
        let net = self.words[term.word].net;
        let net = if term.is_negative { c.negative(net) } else { net };
        c.shift_left(net, term.shift)
    }
}

/// The sum of two sums of products, each times something.
fn merged(a: &[(usize, i128)], times_a: i128, b: &[(usize, i128)], times_b: i128) -> Vec<(usize, i128)> {
    let scaled = |list: &[(usize, i128)], times: i128| list.iter().map(|(at, weight)| (*at, weight * times)).collect::<Vec<_>>();
    let mut all = [scaled(a, times_a), scaled(b, times_b)].concat();
    all.sort_by_key(|(at, _)| *at);
    let mut merged: Vec<(usize, i128)> = Vec::with_capacity(all.len());
    for (at, weight) in all {
        match merged.last_mut() {
            Some(last) if last.0 == at => last.1 += weight,
            _ => merged.push((at, weight)),
        }
    }
    merged
}
