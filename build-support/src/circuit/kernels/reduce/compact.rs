//! What is active moves together: a log-shift compaction.

use super::bits;
use crate::circuit::{Circuit, Net};

/// A pixel, or a row.
pub(super) struct Item {
    /// Whether it stays.
    pub(super) active: Net,
    /// What moves with it.
    pub(super) words: Vec<Net>,
}

/// What has moved to a place.
pub(super) struct Moved {
    /// Whether anything has.
    pub(super) active: Net,
    pub(super) words: Vec<Net>,
    /// Where it was, from 1.
    pub(super) place: Net,
}

/// An item between two stages of a compaction.
#[derive(Clone)]
struct Moving {
    active: Net,
    /// How far it moves, in digits to base 4, the least first: all of them, since they say where it came from.
    digits: Vec<Net>,
    words: Vec<Net>,
}

/// Moves each active item to the left, over all idle ones: the first `most` of the result, and how many are idle. What is behind
/// the last one that is active does not matter. Items move by one digit to base 4 of their shift at a time, the least first; no
/// two meet.
///
/// Cost: about three multiplexers of four for each item and all its bits.
pub(super) fn compact(c: &mut Circuit, items: Vec<Item>, most: usize) -> (Vec<Moved>, Net) {
    let width = items.len();
    let idle: Vec<_> = items.iter().map(|item| c.not(item.active)).collect();
    let before = c.prefix_counts(&idle);
    let zero = c.constant(0);
    let count = stages(width);
    let shifts = [zero].into_iter().chain(before.iter().copied());
    let mut moving: Vec<_> = items
        .into_iter()
        .zip(shifts)
        .map(|(item, shift)| {
            let digits = (0..count as u32).map(|digit| c.bits(shift, 2 * digit, 2)).collect();
            Moving { active: item.active, digits, words: item.words }
        })
        .collect();
    for (stage, needed) in places(width, most).into_iter().enumerate() {
        moving = (0..needed).map(|at| arrive(c, &moving, at, stage)).collect();
    }
    let moved = moving.into_iter().enumerate().map(|(at, item)| {
        let digits: Vec<_> = item.digits.iter().rev().map(|digit| (*digit, 2)).collect();
        let shift = if digits.is_empty() { zero } else { c.join(&digits) };
        let at = c.constant(at as i128 + 1);
        let place = c.add(shift, at);
        Moved { active: item.active, words: item.words, place: c.bits(place, 0, bits(width + 1)) }
    });
    (moved.collect(), before.last().copied().unwrap_or(zero))
}

/// Multiplexers of four that each bit of an item takes.
pub(super) fn multiplexers(width: usize, most: usize) -> usize {
    places(width, most).iter().sum()
}

/// Digits to base 4 of how far something moves.
fn stages(width: usize) -> usize {
    (0..).find(|stages| 1 << (2 * stages) >= width).unwrap_or(0)
}

/// How many places are needed behind each stage: those from which something can still move into the first `most`.
fn places(width: usize, most: usize) -> Vec<usize> {
    let mut needed = vec![most.min(width); stages(width)];
    for stage in (1..needed.len()).rev() {
        needed[stage - 1] = width.min(needed[stage] + 3 * (1 << (2 * stage)));
    }
    needed
}

/// What is at a place after a stage: one of the four items that can come there.
fn arrive(c: &mut Circuit, moving: &[Moving], at: usize, stage: usize) -> Moving {
    let here = &moving[at];
    let from: Vec<_> = (0..4).map(|digit| at + digit * (1 << (2 * stage))).take_while(|from| *from < moving.len()).collect();
    let comes: Vec<_> = from
        .iter()
        .enumerate()
        .map(|(digit, from)| {
            let moves = c.is(moving[*from].digits[stage], digit as i128);
            c.all([moving[*from].active, moves])
        })
        .collect();
    let with_bit = |bit: usize| comes.iter().enumerate().filter(move |(digit, _)| digit >> bit & 1 == 1).map(|(_, comes)| *comes);
    let low = c.any(with_bit(0).collect::<Vec<_>>());
    let high = c.any(with_bit(1).collect::<Vec<_>>());
    let index = c.join(&[(high, 1), (low, 1)]);
    let mut one_of = |word: &dyn Fn(&Moving) -> Net| {
        let words: Vec<_> = from.iter().map(|from| word(&moving[*from])).collect();
        c.pick(index, &words)
    };
    let words = (0..here.words.len()).map(|word| one_of(&|item| item.words[word])).collect();
    let digits = (0..here.digits.len()).map(|digit| one_of(&|item| item.digits[digit])).collect();
    // In parallel to the index: who comes from elsewhere is active, and who is here may leave.
    let active: Vec<_> =
        from.iter().enumerate().map(|(digit, from)| if digit == 0 { comes[0] } else { moving[*from].active }).collect();
    let active = c.pick(index, &active);
    Moving { active, digits, words }
}
