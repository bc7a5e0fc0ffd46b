//! Many events through an engine: a chunk at a time, on all cores, in memory that does not grow with their number.

use std::num::NonZeroUsize;

use crate::{
    csim::{Csim, Process},
    error::Result,
    formats::FixedNetwork,
    mantissas::Mantissas,
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

    /// The outputs of events.
    ///
    /// # Errors
    /// [`CsimFailed`](crate::Code::CsimFailed).
    pub fn run(&mut self, inputs: &Mantissas) -> Result<Mantissas> {
        match self {
            Self::Reference(reference) => Ok(reference.run_each(inputs)),
            Self::Csim(process) => process.run(inputs),
        }
    }
}

/// How many events a chunk should have.
pub fn chunk_events(network: &FixedNetwork) -> NonZeroUsize {
    NonZeroUsize::new((CHUNK / network.input_len()).min(4096)).unwrap_or(NonZeroUsize::MIN)
}
