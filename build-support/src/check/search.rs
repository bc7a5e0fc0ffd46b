//! Events found by search: they are changed, and one that comes nearer to a goal than all before is kept.

use super::{
    SplitMix,
    aim::{self, Extremes},
    goals::{self, ByGoal, Goal},
};
use crate::{formats::FixedNetwork, mantissas::Mantissas, network::Shape, ops::FixedOp};

/// An event that was found.
pub(super) struct Found {
    pub event: Vec<i64>,
    /// Whether it comes nearest to an end of an interval, and not only to other goals.
    pub is_end: bool,
}

/// The event that comes nearest to a goal.
struct Best {
    goal: Goal,
    distance: u64,
    /// A place in [`Search::kept`].
    kept: usize,
}

/// An event that comes nearest to `goals` goals.
struct Kept {
    event: Vec<i64>,
    goals: usize,
    /// Whether it is one of those that the search begins with.
    is_seed: bool,
}

/// A search, always the same for the same network.
struct Search<'a> {
    network: &'a FixedNetwork,
    random: SplitMix,
    /// Elements of a pixel, and pixels in a row; 1 if it is no image.
    channels: usize,
    width: usize,
    /// Values that are worth a try.
    values: Vec<i64>,
    extremes: Extremes<'a>,
    bests: Vec<Best>,
    of_goal: ByGoal<usize>,
    kept: Vec<Kept>,
    /// Events that are kept at once.
    most: usize,
}

/// The best `most` of those events that `rounds` changes of `seeds` give, and that do what none of these does.
pub(super) fn search(network: &FixedNetwork, seeds: &Mantissas, rounds: usize, most: usize) -> Vec<Found> {
    let mut search = Search::new(network, seeds.events() + 2 * most);
    seeds.iter().for_each(|seed| search.look(seed.to_vec(), true));
    for round in 0..rounds {
        if let Some(event) = search.next(round) {
            search.look(event, false);
        }
    }
    search.found(most)
}

impl<'a> Search<'a> {
    fn new(network: &'a FixedNetwork, most: usize) -> Self {
        let range = network.input.format.range();
        let (lo, hi) = (range.lo as i64, range.hi as i64);
        let (mut channels, mut width, mut values) = (1, 1, vec![lo, hi, 0, hi, lo]);
        for fixed in &network.layers {
            if let (FixedOp::InputReduce(reduce), Shape::Sparse(pixels)) = (&fixed.layer.op, &fixed.layer.shape) {
                (channels, width) = (pixels.channels, pixels.width);
                let floor = reduce.threshold.map_or(0, |threshold| threshold.floor.clamp(range.lo, range.hi)) as i64;
                values.extend([floor, floor.saturating_add(1).min(hi)]);
            }
        }
        let (bests, of_goal, kept) = Default::default();
        Self {
            network,
            random: SplitMix(0x5ea5c4),
            channels,
            width,
            values,
            extremes: Extremes::new(network),
            bests,
            of_goal,
            kept,
            most,
        }
    }

    /// Keeps an event if it comes nearer to some goal than all before.
    fn look(&mut self, event: Vec<i64>, is_seed: bool) {
        let mut nearer = Vec::new();
        let (bests, of_goal) = (&self.bests, &self.of_goal);
        goals::observe(self.network, &event, |goal, distance| {
            if of_goal.get(&goal).is_none_or(|at| distance < bests[*at].distance) {
                nearer.push((goal, distance));
            }
        });
        if nearer.is_empty() {
            return;
        }
        let kept = match self.kept.iter().position(|kept| kept.goals == 0) {
            Some(free) => free,
            None if self.kept.len() < self.most => self.kept.len(),
            None => return,
        };
        let event = Kept { event, goals: 0, is_seed };
        if kept == self.kept.len() {
            self.kept.push(event);
        } else {
            self.kept[kept] = event;
        }
        nearer.into_iter().for_each(|(goal, distance)| self.give(goal, distance, kept));
    }

    /// The goal is that event's, if it has not come nearer to it already.
    fn give(&mut self, goal: Goal, distance: u64, kept: usize) {
        let at = *self.of_goal.entry(goal).or_insert(self.bests.len());
        match self.bests.get_mut(at) {
            None => self.bests.push(Best { goal, distance, kept }),
            Some(best) if distance < best.distance => {
                self.kept[best.kept].goals -= 1;
                (best.distance, best.kept) = (distance, kept);
            }
            Some(_) => return,
        }
        self.kept[kept].goals += 1;
    }

    /// A change of an event that is nearest to a goal; mostly one that has not been reached.
    fn next(&mut self, round: usize) -> Option<Vec<i64>> {
        let start = self.random.below(self.bests.len() as u64) as usize;
        let mut all = self.bests[start..].iter().chain(&self.bests[..start]);
        let open = if round.is_multiple_of(4) { None } else { all.find(|best| best.distance > 0) };
        let best = open.or_else(|| self.bests.get(start))?;
        let (goal, base) = (best.goal, best.kept);
        if let Some((layer, place, rises)) = goal.end().filter(|_| round % 4 == 1) {
            let shape = &self.network.layers[layer].layer.shape;
            let pixels = shape.sparse().map_or(1, |image| image.height * image.width);
            let pixel = self.random.below(pixels as u64) as usize;
            let channels = shape.sparse().map_or(0, |image| image.channels);
            return Some(aim::event(&self.extremes, layer, pixel * channels + place, rises, &self.kept[base].event));
        }
        let mut event = self.kept[base].event.clone();
        let changes = 1 << self.random.below(4);
        for _ in 0..changes {
            self.change(&mut event);
        }
        Some(event)
    }

    fn change(&mut self, event: &mut [i64]) {
        let pixels = event.len() / self.channels;
        let mut pixel = self.random.below(pixels as u64) as usize * self.channels;
        let value = self.value();
        let is_used = |at: &usize| event[*at..].iter().take(self.channels).any(|x| *x != 0);
        match self.random.below(8) {
            // All that is not zero.
            0 => event.iter_mut().filter(|x| **x != 0).for_each(|x| *x = value),
            // A pixel goes to a place next to it, or anywhere.
            1 | 2 => {
                let other = match self.random.below(3) {
                    0 => pixel + self.channels,
                    1 => pixel + self.width * self.channels,
                    _ => self.random.below(pixels as u64) as usize * self.channels,
                };
                if other < event.len() {
                    (0..self.channels).for_each(|at| event.swap(pixel + at, other + at));
                }
            }
            // A step.
            3 => {
                let at = pixel + self.random.below(self.channels as u64) as usize;
                let step = if self.random.below(2) == 0 { 1 } else { -1 };
                event[at] = event[at].saturating_add(step).clamp(self.values[0], self.values[1]);
            }
            // A new value, of one that is not zero or of any; in all its channels or in one.
            kind => {
                if kind % 2 == 0 {
                    let used = (pixel..event.len()).step_by(self.channels).find(is_used);
                    pixel = used.unwrap_or(pixel);
                }
                let at = pixel + self.random.below(self.channels as u64) as usize;
                let whole = self.random.below(2) == 0;
                (pixel..pixel + self.channels).filter(|other| whole || *other == at).for_each(|at| event[at] = value);
            }
        }
    }

    fn value(&mut self) -> i64 {
        let at = self.random.below(self.values.len() as u64 + 2) as usize;
        let [lo, hi] = [self.values[0], self.values[1]];
        self.values.get(at).copied().unwrap_or_else(|| self.random.between(lo, hi))
    }

    /// Those with the most goals.
    fn found(mut self, most: usize) -> Vec<Found> {
        let mut reaches_end = vec![false; self.kept.len()];
        self.bests.iter().filter(|best| best.goal.is_end()).for_each(|best| reaches_end[best.kept] = true);
        let mut order: Vec<usize> =
            (0..self.kept.len()).filter(|at| !self.kept[*at].is_seed && self.kept[*at].goals > 0).collect();
        order.sort_by_key(|at| std::cmp::Reverse(self.kept[*at].goals));
        order.truncate(most);
        order.into_iter().map(|at| Found { event: std::mem::take(&mut self.kept[at].event), is_end: reaches_end[at] }).collect()
    }
}
