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

/// Some events on their way through the circuit: in each lane one behind the other, as close as the core takes them.
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

    /// All tokens up to that in which the last answer is due. `observe` sees each one.
    fn fly(&mut self, mut observe: impl FnMut(&Evaluation<'_>) -> Result) -> Result<Vec<i64>> {
        let (core, layers) = (&self.engine.core, self.engine.layers());
        let (valid, ports) = self.engine.outputs()?;
        let mut outputs = vec![0; self.events.len() * ports.len()];
        for token in 0..=(self.rounds() - 1) * core.interval + core.answer {
            self.feed(token)?;
            self.evaluation.compute().map_err(|fault| fault.error(&core.circuit, &layers))?;
            let since = token.checked_sub(core.answer);
            let due = since.filter(|since| since.is_multiple_of(core.interval)).map(|since| since / core.interval);
            if let Some(lane) = (0..self.lanes).find(|lane| self.evaluation.get(valid.net, *lane) != i128::from(due.is_some())) {
                let found = self.evaluation.get(valid.net, lane);
                return Err(Error::internal(format!("in token {token} the circuit gives out_valid = {found}")));
            }
            observe(&self.evaluation)?;
            if let Some(round) = due {
                let share = &mut outputs[round * self.lanes * ports.len()..];
                for (event, values) in share.chunks_exact_mut(ports.len()).take(self.lanes).enumerate() {
                    for (value, port) in values.iter_mut().zip(ports) {
                        *value = mantissa(self.evaluation.get(port.net, event))?;
                    }
                }
            }
            self.evaluation.advance();
        }
        Ok(outputs)
    }

    /// What comes in with a token. In between nothing does; below the image there is anything.
    fn feed(&mut self, token: usize) -> Result {
        let core = &self.engine.core;
        let (round, word) = (token / core.interval, token % core.interval);
        let is_fed = round < self.rounds() && word < core.words;
        let (valid, ports) = self.engine.word()?;
        for lane in 0..self.lanes {
            self.evaluation.set(valid.net, lane, is_fed.into())?;
            let event = self.events.get(round * self.lanes + lane).filter(|_| is_fed);
            for (at, port) in ports.iter().enumerate() {
                let value = match event {
                    None => 0,
                    Some(event) => match event.get(word * ports.len() + at) {
                        Some(value) => i128::from(*value),
                        None => core.circuit.range(port.net).hi,
                    },
                };
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
