//! The circuit of a whole network.

mod assembly;
mod ways;
mod words;

use self::assembly::Assembly;
pub use self::ways::Way;
use super::{
    Circuit,
    cost::{CircuitCost, Cost},
    evaluate::{Evaluation, Program},
    schedule::{Schedule, Timing},
    stream::Stream,
};
use crate::{
    cost::{Fifos, NetworkEstimate},
    error::{Error, Result},
    lower::{Design, Interface, Work},
    ops::{Kernel, LayerPlan},
    plan::Plan,
    structure::Estimate,
};

/// The circuit of a network, with its pipeline registers.
///
/// Its ports go in as `in_valid` and then the elements of an input word, `in_data_0` and so on; and come out as `out_valid` and
/// then all elements of the output, `out_data_0` and so on, each with the format of its value.
#[derive(Debug, Clone)]
pub struct Core {
    /// What it is made of.
    pub circuit: Circuit,
    /// When each net has its value.
    pub schedule: Schedule,
    /// Words of the input of an event, one a cycle in which `in_valid` is 1: rows of the image, or groups of rows, or the whole
    /// of it. Elements of the last word that lie below the image are ignored.
    pub words: usize,
    /// Least number of cycles from the first word of an event to that of the next.
    pub interval: usize,
    /// The token in which `out_valid` is 1, if words follow each other without a gap; that of the first word is 0.
    pub answer: usize,
    /// The value of each [`ValueId`](crate::ops::ValueId); none if another kernel does the work.
    pub streams: Vec<Option<Stream>>,
}

impl Core {
    /// The circuit of `design`, with stages as long as `timing` says.
    ///
    /// # Errors
    /// [`FormatTooWide`](crate::Code::FormatTooWide) if a word is too wide; [`Internal`](crate::Code::Internal) if the design does
    /// not hold together.
    pub fn new(design: &Design, timing: &Timing) -> Result<Self> {
        Self::with_ways(design, timing, &ways::fewest_passes(design))
    }

    fn with_ways(design: &Design, timing: &Timing, ways: &[Way]) -> Result<Self> {
        let mut assembly = Assembly::new(design, ways);
        assembly.build()?;
        let (circuit, streams) = (assembly.c, assembly.streams);
        let words = words(design)?;
        let schedule = Schedule::new(&circuit, timing)?;
        let answer = answer(&circuit, words)?;
        Ok(Self { circuit, schedule, words, interval: design.initiation_interval.max(words), answer, streams })
    }

    /// What it costs, by its nodes. A layer's latency is the number of its pipeline stages, its depth that of its LUTs.
    pub fn estimate(&self, plan: &Plan, timing: &Timing) -> NetworkEstimate {
        let cost = CircuitCost::new(&self.circuit, &self.schedule, timing.technology);
        let lut = f64::from(timing.technology.delays().lut) / 1000.0;
        let stages = self.stages(plan.layers.len());
        let layer = |(at, plan): (usize, &LayerPlan)| {
            let own = cost.layers.get(at).copied().unwrap_or_default();
            let estimate = estimate(own, f64::from(own.levels) * lut);
            Estimate { latency: stages[at], initiation_interval: plan.steps as u64, ..estimate }
        };
        let total = estimate(cost.total, f64::from(self.schedule.longest) / 1000.0);
        let total = Estimate { latency: self.latency() as u64, initiation_interval: self.interval as u64, ..total };
        let layers = plan.layers.iter().enumerate().map(layer).collect();
        NetworkEstimate { layers, fifos: Fifos::default(), total, without_rewind: None }
    }

    /// The pipeline stages between the first and the last net of each layer.
    fn stages(&self, layers: usize) -> Vec<u64> {
        let live = self.circuit.live();
        let mut ends: Vec<Option<(u32, u32)>> = vec![None; layers];
        for net in self.circuit.nets().filter(|net| live[net.index()]) {
            let (node, stage) = (self.circuit.node(net), self.schedule.stage[net.index()]);
            let is_placed = node.constant().is_none();
            let Some(ends) = ends.get_mut(node.layer).filter(|_| is_placed) else { continue };
            let (first, last) = ends.unwrap_or((stage, stage));
            *ends = Some((first.min(stage), last.max(stage)));
        }
        ends.into_iter().map(|ends| ends.map_or(0, |(first, last)| (last - first).into())).collect()
    }

    /// Clock cycles from the first word to the output, if words follow each other without a gap.
    pub fn latency(&self) -> usize {
        self.answer + self.schedule.last as usize
    }
}

/// A cost as an estimate; cycles stay open.
fn estimate(cost: Cost, depth_ns: f64) -> Estimate {
    Estimate {
        luts: cost.lut,
        ffs: cost.ff,
        table_bits: cost.table_bits,
        levels: Some(cost.levels),
        depth_ns,
        ..Estimate::default()
    }
}

/// The words of an event.
fn words(design: &Design) -> Result<usize> {
    let Interface::Rows { rows, .. } = design.interface else { return Ok(1) };
    match design.layers.first().map(|layer| &layer.work) {
        Some(Work::Kernel(Kernel::InputReduce(reduce))) => Ok(reduce.shape.height.div_ceil(rows)),
        _ => Err(Error::internal("rows of an image go into something else than an input reduction")),
    }
}

/// More tokens than any event takes.
const MOST_TOKENS: usize = 1 << 20;

/// The token in which `out_valid` is 1 for the first event. That depends on when words come, and not on what they are.
fn answer(circuit: &Circuit, words: usize) -> Result<usize> {
    let (Some(in_valid), Some(out_valid)) = (circuit.inputs().first(), circuit.outputs().first()) else {
        return Err(Error::internal("a circuit without ports"));
    };
    let program = Program::only(circuit, &[out_valid.net]);
    let mut evaluation = Evaluation::new(circuit, &program, 1);
    for token in 0..MOST_TOKENS {
        evaluation.set(in_valid.net, 0, (token < words).into())?;
        evaluation.compute().map_err(|fault| fault.error(circuit, &[]))?;
        if evaluation.get(out_valid.net, 0) == 1 {
            return Ok(token);
        }
        evaluation.advance();
    }
    Err(Error::internal("the circuit never gives an output"))
}
