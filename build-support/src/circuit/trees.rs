//! What is made of several nodes: sums, products with constants, counts.

use std::{cmp::Reverse, collections::BinaryHeap};

use super::{Circuit, Net, Node, Op};
use crate::fixed::MantissaRange;

/// The signed digits of `constant`, as (shift, is negative): the fewest.
pub fn digits(constant: i128) -> Vec<(u32, bool)> {
    let (mut left, mut shift, mut digits) = (constant, 0, Vec::new());
    while left != 0 {
        if left & 1 == 1 {
            let is_negative = left & 3 == 3;
            digits.push((shift, is_negative));
            left -= if is_negative { -1 } else { 1 };
        }
        left >>= 1;
        shift += 1;
    }
    digits
}

/// A term of a sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Term {
    pub(super) net: Net,
    pub(super) sign: Sign,
}

/// How a term goes into a sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    Plus,
    Minus,
    /// It is subtracted if this bit is 1.
    By(Net),
}

impl From<(Net, bool)> for Term {
    fn from((net, is_negative): (Net, bool)) -> Self {
        Self { net, sign: if is_negative { Sign::Minus } else { Sign::Plus } }
    }
}

/// A term of a sum, with the additions one behind the other that it is made of.
#[derive(Debug, Clone, Copy)]
struct Added {
    net: Net,
    is_negative: bool,
    depth: u32,
}

/// Terms with a sign of their own that are added one behind the other: each takes an adder, but the first, which takes one more.
const CHAIN: usize = 2;

/// Bits whose ones are counted by a table, a power of two: what a LUT of any technology takes.
const GROUP: usize = 4;

impl Circuit {
    /// The sum of terms whose signs may vary
    pub(super) fn sum_of(&mut self, terms: &[Term]) -> Net {
        let (mut fixed, mut varying) = (Vec::new(), Vec::new());
        for term in terms.iter().filter(|term| self.constant_of(term.net) != Some(0)) {
            match term.sign {
                Sign::Plus => fixed.push(Added { net: term.net, is_negative: false, depth: 0 }),
                Sign::Minus => fixed.push(Added { net: term.net, is_negative: true, depth: 0 }),
                Sign::By(minus) => {
                    let (net, shift) = self.without_shift(term.net);
                    varying.push((shift, self.width(net), net, minus));
                }
            }
        }
        let zero = self.constant(0);
        // What is subtracted carries into its lowest bit: so terms of one shift are added before they are shifted, narrow ones first.
        varying.sort_by_key(|(shift, width, ..)| (*shift, *width));
        for terms in varying.chunk_by(|(a, ..), (b, ..)| a == b) {
            for chain in terms.chunks(CHAIN) {
                let sum = chain.iter().fold(zero, |sum, (_, _, net, minus)| self.add_or_subtract(sum, *net, *minus));
                fixed.push(Added { net: self.shift_left(sum, terms[0].0), is_negative: false, depth: chain.len() as u32 });
            }
        }
        self.added(&fixed)
    }

    /// `a * constant`, of shifts and additions
    pub fn times(&mut self, a: Net, constant: i128) -> Net {
        let terms: Vec<_> = self.product(a, constant);
        let product = self.signed_sum(&terms);
        // Digits that are subtracted make it look wider than it is.
        self.narrow(product, self.range(a).times(constant))
    }

    /// The terms of `a * constant`
    pub fn product(&mut self, a: Net, constant: i128) -> Vec<(Net, bool)> {
        digits(constant).into_iter().map(|(shift, is_negative)| (self.shift_left(a, shift), is_negative)).collect()
    }

    /// What is shifted to the left to make `net`, and by how many bits
    fn without_shift(&self, net: Net) -> (Net, u32) {
        match self.node(net) {
            Node { op: Op::ShiftLeft(bits), args, .. } => (args[0], *bits),
            _ => (net, 0),
        }
    }

    /// The sum
    pub fn sum(&mut self, terms: &[Net]) -> Net {
        let terms: Vec<_> = terms.iter().map(|term| (*term, false)).collect();
        self.signed_sum(&terms)
    }

    /// The sum of terms of which some are subtracted (`true`): a tree of the least depth, narrow terms first. Nothing is negated
    /// unless all terms are subtracted.
    pub fn signed_sum(&mut self, terms: &[(Net, bool)]) -> Net {
        let terms: Vec<_> =
            terms.iter().map(|(net, is_negative)| Added { net: *net, is_negative: *is_negative, depth: 0 }).collect();
        self.added(&terms)
    }

    /// The sum of terms that are there after some additions already: a tree of the least depth.
    fn added(&mut self, terms: &[Added]) -> Net {
        let left = terms.iter().filter(|term| self.constant_of(term.net) != Some(0));
        let mut open: BinaryHeap<_> = left
            .enumerate()
            .map(|(at, term)| Reverse((term.depth, self.width(term.net), at, term.net, term.is_negative)))
            .collect();
        let mut made = open.len();
        while let Some(Reverse((level, _, _, a, minus_a))) = open.pop() {
            let Some(Reverse((other, _, _, b, minus_b))) = open.pop() else {
                return if minus_a { self.negative(a) } else { a };
            };
            let (sum, sign) = match (minus_a, minus_b) {
                (false, true) => (self.subtract(a, b), false),
                (true, false) => (self.subtract(b, a), false),
                (sign, _) => (self.add(a, b), sign),
            };
            made += 1;
            open.push(Reverse((level.max(other) + 1, self.width(sum), made, sum, sign)));
        }
        self.constant(0)
    }

    /// How many of the bits up to each one are 1: inclusive prefix sums, of logarithmic depth. Within groups they are looked up.
    pub fn prefix_counts(&mut self, bits: &[Net]) -> Vec<Net> {
        let mut counts = Vec::with_capacity(bits.len());
        for group in bits.chunks(GROUP) {
            counts.extend((1..=group.len()).map(|count| self.ones(&group[..count])));
        }
        let mut reach = GROUP;
        while reach < counts.len() {
            for at in (0..counts.len()).filter(|at| at & reach != 0) {
                let before = counts[at / reach * reach - 1];
                let sum = self.add(before, counts[at]);
                counts[at] = self.narrow(sum, MantissaRange { lo: 0, hi: at as i128 + 1 });
            }
            reach *= 2;
        }
        counts
    }

    /// How many bits are 1
    pub fn count(&mut self, bits: &[Net]) -> Net {
        let bits: Vec<_> = bits.iter().copied().filter(|bit| self.constant_of(*bit) != Some(0)).collect();
        let groups: Vec<_> = bits.chunks(GROUP).map(|group| self.ones(group)).collect();
        self.sum(&groups)
    }

    /// How many of a few bits are 1
    fn ones(&mut self, bits: &[Net]) -> Net {
        let table: Vec<_> = (0..1u32 << bits.len()).map(|index| i128::from(index.count_ones())).collect();
        let index = self.join(&bits.iter().map(|bit| (*bit, 1)).collect::<Vec<_>>());
        self.look_up(&table, index)
    }

    /// `max`, `a` or `b` whichever is larger
    pub fn larger(&mut self, a: Net, b: Net) -> Net {
        let (x, y) = (self.range(a), self.range(b));
        let less = self.less(a, b);
        let larger = self.select(less, b, a);
        self.narrow(larger, MantissaRange { lo: x.lo.max(y.lo), hi: x.hi.max(y.hi) })
    }

    /// The largest of some words
    pub fn largest(&mut self, words: &[Net]) -> Option<Net> {
        let mut left = words.to_vec();
        while left.len() > 1 {
            let pairs: Vec<_> = left.chunks(2).map(<[Net]>::to_vec).collect();
            left = pairs.into_iter().map(|pair| if let [a, b] = pair[..] { self.larger(a, b) } else { pair[0] }).collect();
        }
        left.pop()
    }
}

/// Word number `index`: multiplexers of four
pub(super) fn by_index(c: &mut Circuit, index: Net, words: &[Net]) -> Net {
    let (mut words, mut low) = (words.to_vec(), 0);
    while words.len() > 1 {
        let digit = c.bits(index, low, 2);
        words = words.chunks(4).map(<[Net]>::to_vec).map(|four| c.pick(digit, &four)).collect();
        low += 2;
    }
    words.first().copied().unwrap_or_else(|| c.constant(0))
}
