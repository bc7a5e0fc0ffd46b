//! Later, where that saves bits. What is between two stages is a cut of the circuit, and the registers there are its cost: each net
//! counts once, however many read it. The cheapest cut is sought among those that leave the stage behind it enough time.

use super::{
    flow::{Network, SINK, SOURCE, UNCUT},
    place::Placement,
};
use crate::circuit::{Net, Op, tech::own_bits};

/// How often all stages are looked at: what has moved lets others move.
const PASSES: usize = 2;

/// What may move from a stage to the next.
struct Candidates {
    /// Units, with their nodes in the network.
    units: Vec<(usize, u32)>,
    /// The node of each unit, if it may move.
    node: Vec<Option<u32>>,
}

impl Placement<'_> {
    /// Moves units to later stages where that saves bits of registers.
    pub fn sink(&mut self) {
        for _ in 0..PASSES {
            for stage in 0..self.last {
                self.sink_from(stage);
            }
        }
        for unit in 0..self.units.len() {
            let stage = self.stage_of(unit);
            self.arrive(unit, stage);
        }
    }

    fn stage_of(&self, unit: usize) -> u32 {
        self.units[unit].first().map_or(0, |net| self.stage[net.index()])
    }

    /// Moves what should be behind the registers at the end of `stage`.
    fn sink_from(&mut self, stage: u32) {
        let mut network = Network::new();
        let candidates = self.candidates(stage, &mut network);
        if candidates.units.is_empty() {
            return;
        }
        self.connect(stage, &candidates, &mut network);
        let is_behind = network.cut();
        for (unit, node) in candidates.units {
            if is_behind[node as usize] {
                for net in &self.units[unit] {
                    self.stage[net.index()] = stage + 1;
                    self.is_closed[net.index()] = true;
                }
            }
        }
    }

    /// The units of `stage` for which there is time in the next one, with all that reads them in this one.
    fn candidates(&self, stage: u32, network: &mut Network) -> Candidates {
        let mut candidates = Candidates { units: Vec::new(), node: vec![None; self.units.len()] };
        // From the inputs of a net's node to the end of the next stage, if the net is made there.
        let mut tail = vec![0; self.stage.len()];
        for (unit, members) in self.units.iter().enumerate().rev() {
            let own = self.stage_of(unit);
            if own != stage && own != stage + 1 {
                continue;
            }
            let mut may_move = own == stage;
            for net in members.iter().rev() {
                tail[net.index()] = self.tail(*net, stage, &tail);
                may_move &= !matches!(self.circuit.node(*net).op, Op::Input | Op::Constant) && self.fits(*net, tail[net.index()]);
                may_move &= self.readers[net.index()].iter().all(|reader| {
                    let unit_of_reader = self.unit_of[reader.index()] as usize;
                    self.stage[reader.index()] > stage || unit_of_reader == unit || candidates.node[unit_of_reader].is_some()
                });
            }
            if may_move {
                let node = network.node();
                candidates.units.push((unit, node));
                candidates.node[unit] = Some(node);
            }
        }
        candidates
    }

    fn tail(&self, net: Net, stage: u32, tail: &[u32]) -> u32 {
        let near = self.readers[net.index()].iter().filter(|reader| self.stage[reader.index()] <= stage + 1);
        let late = self.delays.of_loads(self.loads[net.index()]);
        let behind = near.map(|reader| if self.is_register(*reader) { late } else { late + tail[reader.index()] }).max();
        // A state is in a register, in this stage and in the next.
        if self.is_register(net) { 0 } else { self.delay(net) + behind.unwrap_or(0) }
    }

    /// Whether there is time for `net` in a stage in which all that it reads comes out of registers.
    fn fits(&self, net: Net, tail: u32) -> bool {
        let node = self.circuit.node(net);
        let ready = node.args.iter().filter(|arg| !self.is_constant(**arg)).map(|arg| self.registered(*arg)).max();
        self.is_register(net) || ready.unwrap_or(self.delays.register) + tail <= self.target
    }

    /// What a register of each net costs behind `stage`, and what must move together.
    fn connect(&self, stage: u32, candidates: &Candidates, network: &mut Network) {
        let node_of = |net: Net| candidates.node[self.unit_of[net.index()] as usize];
        let mut sources: Vec<Net> = Vec::new();
        for (unit, node) in &candidates.units {
            for net in &self.units[*unit] {
                self.connect_net(*net, Some(*node), stage, candidates, network);
                sources.extend(self.circuit.made_of(*net).filter(|read| !self.is_constant(*read) && node_of(*read).is_none()));
            }
        }
        sources.sort_unstable();
        sources.dedup();
        for net in sources {
            self.connect_net(net, None, stage, candidates, network);
        }
    }

    /// A net that a candidate makes, or that stays where it is.
    fn connect_net(&self, net: Net, from: Option<u32>, stage: u32, candidates: &Candidates, network: &mut Network) {
        let width = own_bits(self.circuit, net);
        let is_read_later = self.is_output[net.index()] && self.last > stage
            || self.readers[net.index()].iter().any(|reader| self.stage[reader.index()] > stage);
        let near = self.readers[net.index()].iter().filter(|reader| self.stage[reader.index()] == stage);
        let mut readers: Vec<u32> = near
            .filter_map(|reader| candidates.node[self.unit_of[reader.index()] as usize])
            .filter(|node| Some(*node) != from)
            .collect();
        readers.sort_unstable();
        readers.dedup();
        if let Some(from) = from {
            readers.iter().for_each(|reader| network.edge(*reader, from, UNCUT));
        }
        match (from, is_read_later) {
            // It has its register in any case.
            (None, true) => {}
            (Some(from), true) => network.edge(from, SINK, width),
            (from, false) => {
                let from = from.unwrap_or(SOURCE);
                if let [reader] = readers[..] {
                    network.edge(from, reader, width);
                } else if !readers.is_empty() {
                    let register = network.node();
                    network.edge(from, register, width);
                    readers.iter().for_each(|reader| network.edge(register, *reader, UNCUT));
                }
            }
        }
    }
}
