//! [`Simulated`]: the circuit of a network as an [`Engine`], without any tool.

mod collect;

use self::collect::Collector;
use super::{
    Net, Port,
    core::Core,
    evaluate::{Evaluation, Program},
};
use crate::{
    engine::{Engine, Session},
    error::{Error, Result},
    formats::FixedNetwork,
    mantissas::Mantissas,
    reference::Value,
};

/// Events that run beside each other: their rows stay in the nearest caches.
const LANES: usize = 32;

/// Events that follow each other in a lane, if there are so many: what one leaves behind must not change the next.
const LEAST_ROUNDS: usize = 4;

/// The circuit of a network, run by tokens.
#[derive(Debug)]
pub struct Simulated<'a> {
    network: &'a FixedNetwork,
    core: Core,
    program: Program,
}

/// Some events on their way through the circuit: in each lane one behind the other, as close as the core takes them but for a few
/// gaps.
struct Flight<'a> {
    engine: &'a Simulated<'a>,
    evaluation: Evaluation<'a>,
    events: Vec<&'a [i64]>,
    lanes: usize,
}

impl<'a> Simulated<'a> {
    /// An engine of `core`, which computes `network`.
    ///
    /// # Errors
    /// [`Internal`](crate::Code::Internal) if it does not.
    pub fn new(network: &'a FixedNetwork, core: Core) -> Result<Self> {
        let program = Program::new(&core.circuit, &[]);
        let engine = Self { network, core, program };
        let elements = engine.word()?.1.len();
        let outputs = engine.outputs()?.1.len();
        let (core, image) = (&engine.core, network.input_len().get());
        let is_fed = core.words > 0 && (core.words - 1) * elements < image && image <= core.words * elements;
        if !is_fed || outputs != network.output_len().get() || core.interval < core.words {
            return Err(Error::internal(format!(
                "a circuit that takes {} words of {elements} elements in {} cycles and gives {outputs}, for a network of {image} \
                 inputs and {} outputs",
                core.words,
                core.interval,
                network.output_len()
            )));
        }
        Ok(engine)
    }

    /// The circuit.
    pub fn core(&self) -> &Core {
        &self.core
    }

    fn word(&self) -> Result<(&Port, &[Port])> {
        self.core.circuit.inputs().split_first().ok_or_else(|| Error::internal("a circuit without inputs"))
    }

    fn outputs(&self) -> Result<(&Port, &[Port])> {
        self.core.circuit.outputs().split_first().ok_or_else(|| Error::internal("a circuit without outputs"))
    }

    fn layers(&self) -> Vec<&str> {
        self.network.layers.iter().map(|fixed| fixed.layer.name.as_str()).collect()
    }
}

impl<'a> Flight<'a> {
    fn new(engine: &'a Simulated<'a>, program: &'a Program, events: Vec<&'a [i64]>) -> Self {
        let lanes = events.len().div_ceil(LEAST_ROUNDS).clamp(1, LANES);
        Self { engine, evaluation: Evaluation::new(&engine.core.circuit, program, lanes), events, lanes }
    }

    /// Events that follow each other in a lane.
    fn rounds(&self) -> usize {
        self.events.len().div_ceil(self.lanes)
    }

    /// The token with which a round begins. Of sixteen the second is followed by a gap as long as an event and a token more, and the
    /// tenth by one of a token: nothing may come out there.
    fn start(&self, round: usize) -> usize {
        let interval = self.engine.core.interval;
        round * interval + (round + 14) / 16 * (interval + 1) + (round + 6) / 16
    }

    /// All tokens up to that in which the last answer is due. `observe` sees each one.
    fn fly(&mut self, mut observe: impl FnMut(&Evaluation<'_>) -> Result) -> Result<Vec<i64>> {
        let (core, layers) = (&self.engine.core, self.engine.layers());
        let (valid, ports) = self.engine.outputs()?;
        let mut outputs = vec![0; self.events.len() * ports.len()];
        let (mut fed, mut next) = (0, 0);
        for token in 0..=self.start(self.rounds() - 1) + core.answer {
            fed += usize::from(self.start(fed + 1) == token);
            self.feed(fed, token - self.start(fed))?;
            self.evaluation.compute().map_err(|fault| fault.error(&core.circuit, &layers))?;
            let is_due = token.checked_sub(core.answer) == Some(self.start(next));
            if let Some(lane) = (0..self.lanes).find(|lane| self.evaluation.get(valid.net, *lane) != i128::from(is_due)) {
                let found = self.evaluation.get(valid.net, lane);
                return Err(Error::internal(format!("in token {token} the circuit gives out_valid = {found}")));
            }
            observe(&self.evaluation)?;
            if is_due {
                let share = &mut outputs[next * self.lanes * ports.len()..];
                for (event, values) in share.chunks_exact_mut(ports.len()).take(self.lanes).enumerate() {
                    for (value, port) in values.iter_mut().zip(ports) {
                        *value = mantissa(self.evaluation.get(port.net, event))?;
                    }
                }
                next += 1;
            }
            self.evaluation.advance();
        }
        Ok(outputs)
    }

    /// What comes in with a word of a round. In between, and below the image, there is anything, which nothing may depend on.
    fn feed(&mut self, round: usize, word: usize) -> Result {
        let core = &self.engine.core;
        let is_fed = round < self.rounds() && word < core.words;
        let (valid, ports) = self.engine.word()?;
        for lane in 0..self.lanes {
            self.evaluation.set(valid.net, lane, is_fed.into())?;
            let event = self.events.get(round * self.lanes + lane).filter(|_| is_fed);
            for (at, port) in ports.iter().enumerate() {
                let value = event.and_then(|event| event.get(word * ports.len() + at));
                let value = value.map_or_else(|| core.circuit.range(port.net).hi, |value| i128::from(*value));
                self.evaluation.set(port.net, lane, value)?;
            }
        }
        Ok(())
    }
}

fn mantissa(value: i128) -> Result<i64> {
    i64::try_from(value).map_err(|_| Error::internal(format!("the circuit gives {value}, which is no mantissa")))
}

impl Engine for Simulated<'_> {
    fn name(&self) -> &'static str {
        "circuit"
    }

    fn network(&self) -> &FixedNetwork {
        self.network
    }

    fn start(&self) -> Result<Box<dyn Session + '_>> {
        Ok(Box::new(Tokens(self)))
    }

    /// A program of its own, in which everything that a layer gives is kept.
    fn trace(&self, event: &[i64]) -> Result<Vec<Option<Value>>> {
        let streams = self.core.streams.iter().skip(1);
        let mut collectors: Vec<_> = self
            .network
            .layers
            .iter()
            .zip(streams)
            .map(|(fixed, stream)| stream.as_ref().map(|stream| Collector::new(fixed, stream)))
            .collect();
        let wanted: Vec<Net> = collectors.iter().flatten().flat_map(Collector::nets).collect();
        let program = Program::new(&self.core.circuit, &wanted);
        Flight::new(self, &program, vec![event])
            .fly(|evaluation| collectors.iter_mut().flatten().try_for_each(|collector| collector.look(evaluation)))?;
        collectors.into_iter().map(|collector| collector.map(Collector::value).transpose()).collect()
    }
}

/// Events that come as many at a time as they like; each time the circuit begins anew.
struct Tokens<'a>(&'a Simulated<'a>);

impl Session for Tokens<'_> {
    fn run(&mut self, inputs: &Mantissas) -> Result<Mantissas> {
        let engine = self.0;
        if inputs.is_empty() {
            return Ok(engine.network.outputs(Vec::new()));
        }
        let outputs = Flight::new(engine, &engine.program, inputs.iter().collect()).fly(|_| Ok(()))?;
        Ok(engine.network.outputs(outputs))
    }
}
