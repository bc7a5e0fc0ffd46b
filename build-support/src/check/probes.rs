//! [`Probes`]: the events of a self-check.

use super::{SplitMix, edges, made_up, places, search};
use crate::{formats::FixedNetwork, mantissas::Mantissas, ops::FixedOp};

/// Additions and multiplications of the events by chance and of the search for events, about.
const EVENT_WORK: usize = 1 << 22;
const WORK: usize = 1 << 25;
/// Events, at least if memory allows, and at most.
const EVENTS: [usize; 2] = [256, 2048];
/// Events that a search finds, and how many it looks at for each.
const SEARCHED: usize = 128;
const ROUNDS: usize = 6;
/// For so many events by chance there may be a pair at an edge, and so many runs of the reference to find one.
const EDGES: usize = 4;
const RUNS: usize = 16;

/// What an event of a self-check is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Zeros, extremes, values by chance: from nearly empty to full.
    Broad,
    /// As many active pixels as are kept, one less, one more, all.
    Budget,
    /// Active pixels in every place of the image.
    Places,
    /// Pixels at the threshold and just above it.
    Threshold,
    /// An end of the interval of some value.
    End,
    /// A tie of a quantizer, an end of its range, an entry of a table, a window of a pooling.
    Case,
    /// One step of one input before an output changes, or behind it.
    Edge,
}

/// Events that find faults of whatever computes a network: always the same for the same network.
#[derive(Debug, Clone)]
pub struct Probes {
    /// The events.
    pub inputs: Mantissas,
    /// What each of them is there for.
    pub kinds: Vec<Kind>,
}

impl Probes {
    /// The events for a network; of small ones more, and no more than `most`.
    pub fn new(network: &FixedNetwork, most: usize) -> Self {
        let work = work(network);
        let count = (EVENT_WORK / work).clamp(EVENTS[0], EVENTS[1]).min(most);
        let images = places::images(network, count / 4);
        let searched = (count / 3).min(SEARCHED);
        let by_chance = count - images.len() - searched;
        let pairs = by_chance / EDGES;
        let by_chance = by_chance - 2 * pairs;
        // The first of the broad ones are zeros and extremes.
        let broad = (by_chance / 2).max(7).min(by_chance);
        let mut probes = Self { inputs: made_up(network, broad), kinds: vec![Kind::Broad; broad] };
        let mut mixtures = mixtures(network);
        mixtures.by_ref().take(by_chance - broad).for_each(|event| probes.push(network, Kind::Broad, event));
        images.into_iter().for_each(|(kind, image)| probes.push(network, kind, image));
        for found in search::search(network, &probes.inputs, (WORK / work).min(ROUNDS * searched), searched) {
            probes.push(network, if found.is_end { Kind::End } else { Kind::Case }, found.event);
        }
        for event in edges::edges(network, &probes.inputs, pairs, (WORK / work / 2).min(RUNS * pairs)) {
            probes.push(network, Kind::Edge, event);
        }
        // In place of what was not found.
        mixtures.take(count - probes.kinds.len()).for_each(|event| probes.push(network, Kind::Broad, event));
        probes.shuffled(network)
    }

    /// In another order, so that events of all kinds follow each other: what one leaves behind must not change the next.
    fn shuffled(self, network: &FixedNetwork) -> Self {
        let mut random = SplitMix(0x0de4);
        let mut events: Vec<(&[i64], Kind)> = self.inputs.iter().zip(self.kinds).collect();
        for at in (1..events.len()).rev() {
            events.swap(at, random.below(at as u64 + 1) as usize);
        }
        let (inputs, kinds): (Vec<&[i64]>, Vec<Kind>) = events.into_iter().unzip();
        Self { inputs: network.inputs(inputs.concat()), kinds }
    }

    fn push(&mut self, network: &FixedNetwork, kind: Kind, event: Vec<i64>) {
        self.inputs.append(network.inputs(event));
        self.kinds.push(kind);
    }
}

/// Events of values of a few kinds: any, extremes, small ones, and one value again and again; of all densities.
fn mixtures(network: &FixedNetwork) -> impl Iterator<Item = Vec<i64>> {
    let mut random = SplitMix(0x313c7);
    let range = network.input.format.range();
    let (lo, hi, size) = (range.lo as i64, range.hi as i64, network.input_len().get());
    std::iter::repeat_with(move || {
        let same = random.between(lo, hi);
        let (density, any, extreme, small) = (random.below(32), random.below(4), random.below(4), random.below(4));
        let value = |_| match random.below(any + extreme + small + 1) {
            _ if random.below(32) > density => 0,
            kind if kind < any => random.between(lo, hi),
            kind if kind < any + extreme => [lo, hi][random.below(2) as usize],
            kind if kind < any + extreme + small => random.between(-2, 2).clamp(lo, hi),
            _ => same,
        };
        (0..size).map(value).collect()
    })
}

/// What an event takes, about.
fn work(network: &FixedNetwork) -> usize {
    let layers = network.layers.iter().map(|fixed| match &fixed.layer.op {
        FixedOp::SparseConv2d(op) => {
            let taps = op.conv.kernel[0] * op.conv.kernel[1];
            let slots = op.pixels.slots;
            slots * slots + slots * taps.min(slots) * op.conv.channels * op.conv.filters
        }
        FixedOp::Dense(op) => op.dense.rows * op.dense.inputs * op.dense.outputs,
        _ => 8 * fixed.layer.shape.len(),
    });
    layers.fold(network.input_len().get(), usize::saturating_add)
}
