//! The cheapest cut of a network, as its largest flow: Dinic's algorithm.

/// What cannot be cut.
pub(super) const UNCUT: u32 = u32::MAX;

/// One of the two directions of an edge; the other one has the neighbouring number.
#[derive(Debug, Clone, Copy)]
struct Edge {
    to: u32,
    left: u32,
}

/// A network. Its nodes are numbers.
#[derive(Debug)]
pub(super) struct Network {
    edges: Vec<Edge>,
    of: Vec<Vec<u32>>,
    level: Vec<u32>,
    next: Vec<u32>,
}

pub(super) const SOURCE: u32 = 0;
pub(super) const SINK: u32 = 1;

impl Network {
    /// Source and sink alone.
    pub fn new() -> Self {
        Self { edges: Vec::new(), of: vec![Vec::new(); 2], level: Vec::new(), next: Vec::new() }
    }

    /// One more node.
    pub fn node(&mut self) -> u32 {
        self.of.push(Vec::new());
        self.of.len() as u32 - 1
    }

    /// An edge that costs `capacity` if `from` stays with the source and `to` does not.
    pub fn edge(&mut self, from: u32, to: u32, capacity: u32) {
        for (from, to, left) in [(from, to, capacity), (to, from, 0)] {
            self.of[from as usize].push(self.edges.len() as u32);
            self.edges.push(Edge { to, left });
        }
    }

    /// Makes the flow as large as it can be. Then says of each node whether it is on the sink's side of the cheapest cut; of
    /// several, of that with the fewest nodes there.
    pub fn cut(mut self) -> Vec<bool> {
        while self.levels() {
            self.next = vec![0; self.of.len()];
            while self.push() {}
        }
        let mut is_behind = vec![false; self.of.len()];
        let mut open = vec![SINK];
        while let Some(node) = open.pop() {
            if !std::mem::replace(&mut is_behind[node as usize], true) {
                let into = self.of[node as usize].iter().filter(|edge| self.edges[(**edge ^ 1) as usize].left > 0);
                open.extend(into.map(|edge| self.edges[*edge as usize].to));
            }
        }
        is_behind
    }

    /// How far each node is from the source, on edges that hold more. Whether the sink can be reached.
    fn levels(&mut self) -> bool {
        self.level = vec![u32::MAX; self.of.len()];
        self.level[SOURCE as usize] = 0;
        let mut reached = vec![SOURCE];
        let mut at = 0;
        while let Some(node) = reached.get(at).copied() {
            at += 1;
            for edge in &self.of[node as usize] {
                let Edge { to, left } = self.edges[*edge as usize];
                if left > 0 && self.level[to as usize] == u32::MAX {
                    self.level[to as usize] = self.level[node as usize] + 1;
                    reached.push(to);
                }
            }
        }
        self.level[SINK as usize] != u32::MAX
    }

    /// Sends as much as one more path holds. Whether there was one.
    fn push(&mut self) -> bool {
        let mut path: Vec<u32> = Vec::new();
        let mut node = SOURCE;
        while node != SINK {
            if let Some(edge) = self.step(node) {
                path.push(edge);
                node = self.edges[edge as usize].to;
            } else if let Some(edge) = path.pop() {
                // A dead end.
                node = self.edges[(edge ^ 1) as usize].to;
                self.next[node as usize] += 1;
            } else {
                return false;
            }
        }
        let most = path.iter().map(|edge| self.edges[*edge as usize].left).min().unwrap_or(0);
        for edge in path {
            for (edge, is_forward) in [(edge, true), (edge ^ 1, false)] {
                let left = &mut self.edges[edge as usize].left;
                *left = match (*left, is_forward) {
                    (UNCUT, _) => UNCUT,
                    (left, true) => left - most,
                    (left, false) => left + most,
                };
            }
        }
        true
    }

    /// The next edge from `node` on a shortest path.
    fn step(&mut self, node: u32) -> Option<u32> {
        let edges = &self.of[node as usize];
        while let Some(edge) = edges.get(self.next[node as usize] as usize) {
            let Edge { to, left } = self.edges[*edge as usize];
            if left > 0 && self.level[to as usize] == self.level[node as usize] + 1 {
                return Some(*edge);
            }
            self.next[node as usize] += 1;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use fastrand::Rng;

    use super::*;

    #[test]
    fn no_cut_is_cheaper() {
        for seed in 0..300 {
            let mut rng = Rng::with_seed(seed);
            let count = rng.u32(2..9);
            let edges: Vec<_> = (0..rng.usize(1..20))
                .map(|_| (rng.u32(0..count), rng.u32(0..count), if rng.u8(0..8) == 0 { UNCUT } else { rng.u32(1..9) }))
                .filter(|(from, to, _)| from != to && *from != SINK && *to != SOURCE)
                .collect();
            let cost = |is_behind: &dyn Fn(u32) -> bool| {
                let cut = edges.iter().filter(|(from, to, _)| !is_behind(*from) && is_behind(*to));
                cut.map(|(_, _, capacity)| u64::from(*capacity)).sum::<u64>()
            };
            let sides = (0..1u32 << count).filter(|side| side & 3 == 1 << SINK);
            let best = sides.map(|side| (cost(&|node| side >> node & 1 == 1), side.count_ones())).min().unwrap();
            if best.0 >= u64::from(UNCUT) {
                continue;
            }
            let mut network = Network::new();
            (2..count).for_each(|node| assert_eq!(network.node(), node));
            edges.iter().for_each(|(from, to, capacity)| network.edge(*from, *to, *capacity));
            let cut = network.cut();
            let behind = cut.iter().filter(|is_behind| **is_behind).count() as u32;
            assert_eq!((cost(&|node| cut[node as usize]), behind), best, "{seed}");
        }
    }
}
