//! What several sums have in common: pairs of terms at the same distance, the most frequent first.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
    ops::Range,
};

use super::{Linear, Term};
use crate::circuit::{Circuit, trees::digits};

/// Pairs of terms that are looked at together, times two. Among more the most frequent one takes too long to find.
const PAIRS: usize = 40_000;

/// The most additions one behind the other of what is shared: beyond it sums get deeper and little is saved.
const DEPTH: u32 = 4;

/// Two terms of a sum, or both subtracted instead of added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Pair {
    first: usize,
    second: usize,
    /// How much further the second is shifted.
    distance: i64,
    /// Whether one is subtracted.
    differs: bool,
}

impl Pair {
    fn new(a: Term, b: Term) -> Self {
        let (a, b) = if (a.word, a.shift) <= (b.word, b.shift) { (a, b) } else { (b, a) };
        Self {
            first: a.word,
            second: b.word,
            distance: i64::from(b.shift) - i64::from(a.shift),
            differs: a.is_negative != b.is_negative,
        }
    }

    /// The partner that `first` has in this pair.
    fn partner(&self, first: Term) -> Option<Term> {
        let shift = u32::try_from(i64::from(first.shift) + self.distance).ok()?;
        Some(Term { word: self.second, shift, is_negative: first.is_negative != self.differs })
    }
}

/// Neighbouring inputs whose terms are looked at together, by their rows of weights.
pub(super) fn blocks(rows: &[&[i64]]) -> Vec<Range<usize>> {
    let mut blocks = Vec::new();
    let (mut start, mut counts) = (0, Vec::new());
    for (at, row) in rows.iter().enumerate() {
        counts.resize(row.len(), 0usize);
        counts.iter_mut().zip(*row).for_each(|(count, weight)| *count += digits(i128::from(*weight)).len());
        if counts.iter().map(|count| count * count).sum::<usize>() > PAIRS {
            blocks.push(start..at);
            start = at;
            counts = row.iter().map(|weight| digits(i128::from(*weight)).len()).collect();
        }
    }
    blocks.push(start..rows.len());
    blocks
}

/// How often each pair stands in the sums.
#[derive(Default)]
struct Counts {
    counts: HashMap<Pair, u32>,
    /// Pairs by a count that they had; those of the same count in their order.
    heap: BinaryHeap<(u32, Reverse<Pair>)>,
}

impl Counts {
    fn add(&mut self, pair: Pair) {
        let count = self.counts.entry(pair).or_default();
        *count += 1;
        if *count > 1 {
            self.heap.push((*count, Reverse(pair)));
        }
    }

    fn remove(&mut self, pair: Pair) {
        if let Some(count) = self.counts.get_mut(&pair) {
            *count = count.saturating_sub(1);
            if *count > 1 {
                self.heap.push((*count, Reverse(pair)));
            }
        }
    }

    /// The most frequent pair, which is not given again at that count.
    fn most_frequent(&mut self) -> Option<Pair> {
        while let Some((count, Reverse(pair))) = self.heap.pop() {
            if self.counts.get(&pair) == Some(&count) {
                return Some(pair);
            }
        }
        None
    }
}

impl Linear {
    /// Adds what sums have in common, and puts it in its place.
    pub(super) fn share(&mut self, c: &mut Circuit, sums: &mut [Vec<Term>]) {
        let mut counts = Counts::default();
        for sum in sums.iter() {
            for (at, term) in sum.iter().enumerate() {
                sum[..at].iter().for_each(|other| counts.add(Pair::new(*other, *term)));
            }
        }
        while let Some(pair) = counts.most_frequent() {
            let depth = self.words[pair.first].depth.max(self.words[pair.second].depth);
            let found: Vec<_> = sums.iter().map(|sum| disjoint(sum, pair)).collect();
            if depth >= DEPTH || found.iter().map(Vec::len).sum::<usize>() < 2 {
                continue;
            }
            let mut made = None;
            for (sum, firsts) in sums.iter_mut().zip(found) {
                for first in firsts {
                    let Some(second) = pair.partner(first) else { continue };
                    let base = *made.get_or_insert_with(|| (first, self.add(c, first, second)));
                    replace(sum, &mut counts, [first, second], moved(base, first));
                }
            }
        }
    }
}

/// `sum` of a pair whose first term is `of`, for a pair whose first term is `first`.
fn moved((of, sum): (Term, Term), first: Term) -> Term {
    Term {
        word: sum.word,
        shift: sum.shift + first.shift - of.shift,
        is_negative: sum.is_negative != (of.is_negative != first.is_negative),
    }
}

/// The first terms of those pairs in a sum that have no term in common.
fn disjoint(sum: &[Term], pair: Pair) -> Vec<Term> {
    let mut used = Vec::new();
    let mut firsts = Vec::new();
    for first in sum.iter().filter(|term| term.word == pair.first) {
        let Some(second) = pair.partner(*first).filter(|second| sum.contains(second)) else { continue };
        if !used.contains(first) && !used.contains(&second) {
            used.extend([*first, second]);
            firsts.push(*first);
        }
    }
    firsts
}

/// Puts a term in the place of two.
fn replace(sum: &mut Vec<Term>, counts: &mut Counts, old: [Term; 2], new: Term) {
    for term in old {
        sum.retain(|other| *other != term);
        sum.iter().for_each(|other| counts.remove(Pair::new(*other, term)));
    }
    sum.iter().for_each(|other| counts.add(Pair::new(*other, new)));
    sum.push(new);
}
