//! The active pixel of a line that so many others stand before: a search in groups of four.

use crate::circuit::{Circuit, Net};

/// What is searched: a place, or four groups of which the number of a pixel says which one it is in.
#[derive(Clone)]
struct Group {
    /// How many pixels are active up to each of the four groups but the last, then the same of all groups inside these, and so on.
    counts: Vec<Vec<Net>>,
    /// Whether the pixels are active.
    active: Vec<Net>,
    /// What each pixel has, by word.
    words: Vec<Vec<Net>>,
}

/// Of a line of pixels, whether they are `active` and the words of each, that active pixel before which `rank` others are: its
/// place, from 0, and its words. It does not matter what comes out if there are not so many.
///
/// Cost: a table for each four pixels, an adder for each four of these and so on, and a multiplexer of four for each four words.
pub(super) fn nth(c: &mut Circuit, active: &[Net], words: &[&[Net]], rank: Net) -> (Net, Vec<Net>) {
    let (zero, mut size) = (c.constant(0), 4);
    while size < active.len() {
        size *= 4;
    }
    let channels = words.first().map_or(0, |words| words.len());
    let padded = |list: Vec<Net>| list.into_iter().chain(std::iter::repeat(zero)).take(size).collect::<Vec<_>>();
    let line = Group {
        counts: Vec::new(),
        active: padded(active.to_vec()),
        words: (0..channels).map(|word| padded(words.iter().map(|words| words[word]).collect())).collect(),
    };
    let (mut group, _) = counted(c, &line, size);
    let (mut rank, mut digits) = (rank, Vec::new());
    while size > 4 {
        size /= 4;
        let upto = group.counts.remove(0);
        let passed: Vec<_> = upto.iter().map(|count| c.at_least(rank, *count)).collect();
        let not_second = c.not(passed[1]);
        let first = c.all([passed[0], not_second]);
        let low = c.any([first, passed[2]]);
        let digit = c.join(&[(passed[1], 1), (low, 1)]);
        let before = c.pick(digit, &[zero, upto[0], upto[1], upto[2]]);
        let left = c.subtract(rank, before);
        rank = c.bits(left, 0, c.width(rank).min(size.ilog2()));
        group = chosen(c, &group, digit);
        digits.push((digit, 2));
    }
    let last = last_digit(c, &group.active, rank);
    digits.push((last, 2));
    let words = group.words.iter().map(|word| c.pick(last, word)).collect();
    (c.join(&digits), words)
}

/// A group of `size` pixels with its counts, and how many of them are active.
fn counted(c: &mut Circuit, line: &Group, size: usize) -> (Group, Net) {
    if size == 4 {
        return (line.clone(), c.count(&line.active));
    }
    let size = size / 4;
    let part = |list: &[Net], at: usize| list[at * size..(at + 1) * size].to_vec();
    let groups: Vec<_> = (0..4)
        .map(|at| {
            let words = line.words.iter().map(|word| part(word, at)).collect();
            counted(c, &Group { counts: Vec::new(), active: part(&line.active, at), words }, size)
        })
        .collect();
    let halves = [c.add(groups[0].1, groups[1].1), c.add(groups[2].1, groups[3].1)];
    let three = c.add(halves[0], groups[2].1);
    let all = c.add(halves[0], halves[1]);
    let inner = groups[0].0.counts.len();
    let mut counts = vec![vec![groups[0].1, halves[0], three]];
    counts.extend((0..inner).map(|level| groups.iter().flat_map(|(group, _)| group.counts[level].clone()).collect()));
    (Group { counts, ..line.clone() }, all)
}

/// One of the four groups of a group.
fn chosen(c: &mut Circuit, group: &Group, digit: Net) -> Group {
    let mut part = |list: &[Net]| -> Vec<Net> {
        let size = list.len() / 4;
        (0..size).map(|at| c.pick(digit, &[list[at], list[size + at], list[2 * size + at], list[3 * size + at]])).collect()
    };
    Group {
        counts: group.counts.iter().map(|counts| part(counts)).collect(),
        active: part(&group.active),
        words: group.words.iter().map(|word| part(word)).collect(),
    }
}

/// Which of four bits is the 1 before which `rank` others are.
fn last_digit(c: &mut Circuit, active: &[Net], rank: Net) -> Net {
    let nth = |bits: usize, rank: usize| (0..4).filter(|at| bits >> at & 1 == 1).nth(rank).unwrap_or(0) as i128;
    let table: Vec<_> = (0..64).map(|index| nth(index & 15, index >> 4)).collect();
    let rank = c.bits(rank, 0, 2);
    let bits = active.iter().rev().map(|bit| (*bit, 1));
    let index: Vec<_> = [(rank, 2)].into_iter().chain(bits).collect();
    let index = c.join(&index);
    c.look_up(&table, index)
}
