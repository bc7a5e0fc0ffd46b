//! [`Engine`]: what computes events; many of them on all cores.

use std::{fmt, num::NonZeroUsize};

use crate::{
    error::{Error, Result},
    formats::FixedNetwork,
    mantissas::Mantissas,
    parallel,
    reference::{Reference, Value},
};

/// Values of a chunk: a few milliseconds of work.
const CHUNK: usize = 1 << 17;

/// Values of a batch: some memory for much work.
const BATCH: usize = 1 << 21;

/// What computes a network: the interpreter, or what is made of generated text. All give the same bits.
pub trait Engine: fmt::Debug + Sync {
    /// Its name, in JSON and in messages.
    fn name(&self) -> &'static str;

    /// What it computes.
    fn network(&self) -> &FixedNetwork;

    /// Starts a session. Each thread has one of its own.
    ///
    /// # Errors
    /// Whatever keeps it from running.
    fn start(&self) -> Result<Box<dyn Session + '_>>;

    /// Every layer's value for one event (mantissas); nothing for a layer that a later one has absorbed.
    ///
    /// # Errors
    /// As [`Self::start`] and [`Session::run`].
    fn trace(&self, event: &[i64]) -> Result<Vec<Option<Value>>>;
}

/// An engine that runs.
pub trait Session: Send {
    /// The outputs of some events.
    ///
    /// # Errors
    /// Whatever made it stop.
    fn run(&mut self, inputs: &Mantissas) -> Result<Mantissas>;
}

/// The outputs of many events, on all cores.
///
/// # Errors
/// As [`Engine::start`] and [`Session::run`].
pub fn run(engine: &dyn Engine, inputs: &Mantissas) -> Result<Mantissas> {
    let workers = parallel::workers().min(inputs.events());
    let share = NonZeroUsize::new(inputs.events().div_ceil(parallel::workers())).unwrap_or(NonZeroUsize::MIN);
    let mut chunks = inputs.chunks(share);
    let mut outputs = engine.network().outputs(Vec::new());
    let start = |_| {
        engine.start().map(|mut session| {
            move |chunk: Mantissas| {
                let outputs = session.run(&chunk)?;
                let (given, found) = (chunk.events(), outputs.events());
                // Outputs that are not there would be compared with nothing.
                if found == given {
                    return Ok(outputs);
                }
                Err(Error::internal(format!("{} gave the outputs of {found} events for {given}", engine.name())))
            }
        })
    };
    parallel::in_order(
        (0..workers).map(start).collect::<Result<_>>()?,
        || Ok(chunks.next()),
        |part| {
            outputs.append(part);
            Ok(())
        },
    )?;
    Ok(outputs)
}

/// How many events should be read at a time: whatever their number, they take the same memory.
pub fn chunk_events(network: &FixedNetwork) -> NonZeroUsize {
    NonZeroUsize::new((CHUNK / wider_end(network)).min(4096)).unwrap_or(NonZeroUsize::MIN)
}

/// How many events [`run`] should get at a time, which divides them among its workers.
pub fn batch_events(network: &FixedNetwork) -> NonZeroUsize {
    NonZeroUsize::new(BATCH / wider_end(network)).unwrap_or(NonZeroUsize::MIN)
}

/// Values of an event that goes in or comes out, whichever has more.
fn wider_end(network: &FixedNetwork) -> NonZeroUsize {
    network.input_len().max(network.output_len())
}

impl Engine for Reference<'_> {
    fn name(&self) -> &'static str {
        "reference"
    }

    fn network(&self) -> &FixedNetwork {
        Reference::network(self)
    }

    fn start(&self) -> Result<Box<dyn Session + '_>> {
        Ok(Box::new(*self))
    }

    fn trace(&self, event: &[i64]) -> Result<Vec<Option<Value>>> {
        let mut values = Vec::new();
        self.run_observed(event, |_, value| values.push(Some(value.clone())));
        Ok(values)
    }
}

impl Session for Reference<'_> {
    fn run(&mut self, inputs: &Mantissas) -> Result<Mantissas> {
        Ok(self.run_each(inputs))
    }
}
