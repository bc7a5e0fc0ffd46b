//! What depends on itself: the strongly connected components of a circuit.

use crate::circuit::{Circuit, Net};

const UNSEEN: u32 = u32::MAX;

/// A net whose dependencies are being visited.
struct Visit {
    net: Net,
    /// What it is made of and has not been looked at.
    open: Vec<Net>,
}

/// Tarjan's algorithm, with a stack of its own.
struct Search<'a> {
    circuit: &'a Circuit,
    number: Vec<u32>,
    /// The least number that is reached from a net.
    low: Vec<u32>,
    is_open: Vec<bool>,
    open: Vec<Net>,
    visits: Vec<Visit>,
    found: Vec<Vec<Net>>,
    seen: u32,
}

/// The live nets, each with those that it depends on and that depend on it; what a component depends on stands before it. In a
/// component a net stands behind what its node reads.
pub(super) fn components(circuit: &Circuit, live: &[bool]) -> Vec<Vec<Net>> {
    let count = live.len();
    let mut search = Search {
        circuit,
        number: vec![UNSEEN; count],
        low: vec![0; count],
        is_open: vec![false; count],
        open: Vec::new(),
        visits: Vec::new(),
        found: Vec::new(),
        seen: 0,
    };
    for net in circuit.nets().filter(|net| live[net.index()]) {
        if search.number[net.index()] == UNSEEN {
            search.from(net);
        }
    }
    search.found
}

impl Search<'_> {
    fn from(&mut self, root: Net) {
        self.enter(root);
        while let Some(visit) = self.visits.last_mut() {
            let net = visit.net;
            match visit.open.pop() {
                Some(next) if self.number[next.index()] == UNSEEN => self.enter(next),
                Some(next) if self.is_open[next.index()] => self.reaches(net, self.number[next.index()]),
                Some(_) => {}
                None => self.leave(net),
            }
        }
    }

    fn enter(&mut self, net: Net) {
        self.number[net.index()] = self.seen;
        self.low[net.index()] = self.seen;
        self.seen += 1;
        self.is_open[net.index()] = true;
        self.open.push(net);
        let mut open: Vec<_> = self.circuit.made_of(net).collect();
        // The first one first, so that the order is that of the circuit as far as it can be.
        open.reverse();
        self.visits.push(Visit { net, open });
    }

    fn reaches(&mut self, net: Net, number: u32) {
        self.low[net.index()] = self.low[net.index()].min(number);
    }

    fn leave(&mut self, net: Net) {
        self.visits.pop();
        if let Some(reader) = self.visits.last().map(|visit| visit.net) {
            self.reaches(reader, self.low[net.index()]);
        }
        if self.low[net.index()] != self.number[net.index()] {
            return;
        }
        let start = self.open.iter().rposition(|open| *open == net).unwrap_or(0);
        let mut component = self.open.split_off(start);
        component.iter().for_each(|net| self.is_open[net.index()] = false);
        component.sort_unstable();
        self.found.push(component);
    }
}
