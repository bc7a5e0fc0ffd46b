//! Many events through an engine: a chunk at a time, on all cores, in memory that does not grow with their number.

use crate::{
    csim::{Csim, Process},
    error::Result,
    formats::FixedNetwork,
    reference::Reference,
};

/// Values of a chunk: a few milliseconds of work.
const CHUNK: usize = 1 << 17;

/// What computes events.
#[derive(Debug)]
pub enum Engine<'a> {
    /// The interpreter.
    Reference(&'a Reference<'a>),
    /// The compiled simulation, one process for each worker.
    Csim(Process<'a>),
}

impl<'a> Engine<'a> {
    /// Starts a process of the simulation.
    ///
    /// # Errors
    /// [`CsimFailed`](crate::Code::CsimFailed).
    pub fn csim(csim: &'a Csim) -> Result<Self> {
        csim.start().map(Self::Csim)
    }

    /// The outputs of events, all as mantissas.
    ///
    /// # Errors
    /// [`CsimFailed`](crate::Code::CsimFailed).
    pub fn run(&mut self, inputs: &[i64]) -> Result<Vec<i64>> {
        match self {
            Self::Reference(reference) => Ok(reference.run_each(inputs)),
            Self::Csim(process) => process.run(inputs),
        }
    }
}

/// How many events a chunk should have.
pub fn chunk_events(network: &FixedNetwork) -> usize {
    (CHUNK / network.input_len().max(1)).clamp(1, 4096)
}
