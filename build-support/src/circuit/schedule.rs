//! When each net of a [`Circuit`] has its value.
//!
//! Nets are placed as early as they can be, as many behind each other in a stage as its time allows; what depends on itself by
//! way of a state is in one stage. Then nodes sink to later stages where that saves bits of pipeline registers.

mod components;
mod copies;
mod flow;
mod place;
mod sink;
#[cfg(test)]
mod tests;

pub use self::copies::Copies;
use self::place::Placement;
use super::{Circuit, Net, Op, tech::Technology};
use crate::{
    error::{Error, Result},
    manifest::Target,
};

/// How much a stage holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// The time of a stage, in ps: the clock period without its uncertainty.
    pub stage: u32,
    /// What a node takes.
    pub technology: Technology,
}

impl Timing {
    /// What a target leaves for a stage. A part that is not known counts as one of UltraScale+.
    pub fn of(target: &Target) -> Self {
        let period = target.clock_period * (1.0 - target.clock_uncertainty / 100.0);
        Self { stage: (1000.0 * period) as u32, technology: Technology::of(&target.part).unwrap_or(Technology::Xcup) }
    }
}

/// The stage of each net. A token that comes in at clock cycle t has the value of a net of stage s at cycle t + s. What is read
/// later than it is made goes through a register for each stage between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// The stage in which each net is made, by [`Net::index`](super::Net::index). A state is read in its stage, and written at
    /// the end of it.
    pub stage: Vec<u32>,
    /// The stage in which each net is read for the last time; its own stage if it has no register.
    pub last_read: Vec<u32>,
    /// The stage in which outputs come out.
    pub last: u32,
    /// Registers that are there several times, because so many read them.
    pub copies: Copies,
    /// What the longest stage takes, in ps. More than the target if a node, or a loop by way of a state, is too long for a stage.
    pub longest: u32,
}

impl Schedule {
    /// Places every net that an output needs.
    ///
    /// # Errors
    /// [`Internal`](crate::Code::Internal) if a state is read that nothing writes.
    pub fn new(circuit: &Circuit, timing: &Timing) -> Result<Self> {
        let mut placement = Placement::new(circuit, timing)?;
        placement.as_soon_as_possible();
        placement.sink();
        Ok(placement.finish())
    }

    /// Bits of the registers that each layer has: those of its states, and those behind its nets.
    pub fn register_bits(&self, circuit: &Circuit) -> Vec<u64> {
        let live = circuit.live();
        let mut bits = Vec::new();
        for net in circuit.nets().filter(|net| live[net.index()]) {
            let node = circuit.node(net);
            if bits.len() <= node.layer {
                bits.resize(node.layer + 1, 0);
            }
            bits[node.layer] += u64::from(self.registers(circuit, net)) * u64::from(node.width());
        }
        bits
    }

    /// Registers of `net`: the one of a state, and those in which it waits for those who read it.
    pub fn registers(&self, circuit: &Circuit, net: Net) -> u32 {
        let own = u32::from(!matches!(circuit.node(net).op, Op::State(_)));
        let stages = self.stage[net.index()] + own..=self.last_read[net.index()];
        stages.map(|stage| self.copies.count(net, stage)).sum()
    }
}

impl Circuit {
    /// What the value of `net` is made of: what its node reads; of a state, what a token leaves in it and when.
    pub(super) fn made_of(&self, net: Net) -> impl Iterator<Item = Net> {
        let node = self.node(net);
        let state = match node.op {
            Op::State(at) => [self.states[at].next, self.states[at].enable],
            _ => [None, None],
        };
        node.args.iter().copied().chain(state.into_iter().flatten())
    }
}

/// That a circuit which is placed is whole.
fn check(circuit: &Circuit, live: &[bool]) -> Result {
    match circuit.states().iter().find(|state| live[state.net.index()] && state.next.is_none()) {
        Some(state) => Err(Error::internal(format!("nothing writes the state n{}", state.net.index()))),
        None => Ok(()),
    }
}
