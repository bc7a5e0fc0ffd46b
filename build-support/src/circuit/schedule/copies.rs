//! Registers that many read: several of them, each for some of the readers.

use std::collections::{BTreeMap, HashMap};

use super::place::{Placement, reads};
use crate::circuit::{Net, Op};

/// Registers of which there are several, and who reads which.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Copies {
    /// How many there are of the register from which a net is read in a stage, if there are several.
    counts: BTreeMap<(Net, u32), u32>,
    /// The copy of a net that a reader reads, by (net, reader), if that is not number 0.
    read: HashMap<(Net, Net), u32>,
}

impl Copies {
    /// Copies of the register from which `net` is read in `stage`: that of a state in its own stage, a pipeline register in a
    /// later one.
    pub fn count(&self, net: Net, stage: u32) -> u32 {
        self.counts.get(&(net, stage)).copied().unwrap_or(1)
    }

    /// The copy of `net` that `reader` reads: a node, or a state with its next value and its enable. Outputs and pipeline
    /// registers read number 0.
    pub fn read_by(&self, net: Net, reader: Net) -> u32 {
        self.read.get(&(net, reader)).copied().unwrap_or(0)
    }
}

impl Placement<'_> {
    /// The copies of the registers behind nets.
    pub fn copies(&self, last_read: &[u32]) -> Copies {
        let mut copies = Copies::default();
        let many = |net: &Net| self.loads[net.index()] > self.delays.loads;
        for net in self.circuit.nets().filter(|net| self.live[net.index()]).filter(many) {
            let first = self.stage[net.index()] + u32::from(!matches!(self.circuit.node(net).op, Op::State(_)));
            for stage in first..=last_read[net.index()] {
                let dealt = self.deal(net, stage, last_read[net.index()]);
                let count = dealt.iter().map(|(_, copy)| copy + 1).max().unwrap_or(1);
                if count > 1 {
                    copies.counts.insert((net, stage), count);
                    let others = dealt.into_iter().filter(|(_, copy)| *copy > 0);
                    copies.read.extend(others.map(|(reader, copy)| ((net, reader), copy)));
                }
            }
        }
        copies
    }

    /// Which copy of `net` each of those reads that read it in `stage`.
    fn deal(&self, net: Net, stage: u32, last_read: u32) -> Vec<(Net, u32)> {
        let goes_on = u32::from(last_read > stage) + u32::from(self.is_output[net.index()] && stage == self.last);
        let here = self.readers[net.index()].iter().filter(|reader| self.stage[reader.index()] == stage);
        let here: Vec<_> = here.map(|reader| (*reader, self.loads_of(net, *reader))).collect();
        let total = goes_on + here.iter().map(|(_, loads)| loads).sum::<u32>();
        let count = total.div_ceil(self.delays.loads).max(1);
        // Copies have about the same load.
        let share = total.div_ceil(count).max(1);
        let mut before = goes_on;
        let mut dealt = Vec::new();
        let mut last = 0;
        for (reader, loads) in here {
            // A copy is not left out if a reader alone has more than a share.
            last = (before / share).min(last + u32::from(before > 0));
            dealt.push((reader, last));
            before += loads;
        }
        dealt
    }

    /// LUT inputs of `reader` that a bit of `net` goes to.
    fn loads_of(&self, net: Net, reader: Net) -> u32 {
        reads(self.circuit, reader).filter(|(read, _)| *read == net).map(|(_, loads)| loads).sum()
    }
}
