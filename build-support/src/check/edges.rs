//! Pairs of events that differ by one step of one input, and in an output: there something rounds the other way or passes an end,
//! and the layers behind it let that through. What is off by little shows there first.

use super::SplitMix;
use crate::{formats::FixedNetwork, mantissas::Mantissas, reference::Reference};

/// Up to `most` pairs, one event after the other, near those of `bases`; the reference runs up to `runs` times.
pub(super) fn edges(network: &FixedNetwork, bases: &Mantissas, most: usize, mut runs: usize) -> Vec<Vec<i64>> {
    let range = network.input.format.range();
    let bounds = [range.lo as i64, range.hi as i64];
    let bases: Vec<&[i64]> = bases.iter().collect();
    let mut random = SplitMix(0xed6e5);
    let mut found = Vec::new();
    while runs > 0 && found.len() < 2 * most && !bases.is_empty() {
        let base = bases[random.below(bases.len() as u64) as usize];
        let at = element(base, &mut random);
        let mut end = || match random.below(4) {
            0 => base[at],
            which @ (1 | 2) => bounds[which as usize - 1],
            _ => random.between(bounds[0], bounds[1]),
        };
        found.extend(between(&Reference::new(network), base, at, [end(), end()], &mut runs).into_iter().flatten());
    }
    found
}

/// An element of an event; of one in two events one that is not zero.
fn element(event: &[i64], random: &mut SplitMix) -> usize {
    let at = random.below(event.len() as u64) as usize;
    let used = (at..event.len()).chain(0..at).find(|at| event[*at] != 0);
    if random.below(2) == 0 { used.unwrap_or(at) } else { at }
}

/// Where an output changes as the input `at` of an event goes from one end to the other, if it does.
fn between(reference: &Reference<'_>, base: &[i64], at: usize, mut ends: [i64; 2], runs: &mut usize) -> Option<[Vec<i64>; 2]> {
    let mut event = base.to_vec();
    let mut run = |value: i64| {
        *runs = runs.saturating_sub(1);
        event[at] = value;
        reference.run(&event)
    };
    let [first, last] = ends.map(&mut run);
    let output = first.iter().zip(&last).position(|(first, last)| first != last)?;
    while ends[0].abs_diff(ends[1]) > 1 {
        let middle = ends[0].midpoint(ends[1]);
        let is_before = run(middle)[output] == first[output];
        ends[usize::from(!is_before)] = middle;
    }
    Some(ends.map(|value| {
        let mut event = base.to_vec();
        event[at] = value;
        event
    }))
}
