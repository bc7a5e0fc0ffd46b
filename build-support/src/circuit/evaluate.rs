//! Runs a circuit by tokens: many lanes at once, each with data of its own. Nothing here knows of stages.
//!
//! Each net has a row with a value for each lane. Rows are 64-bit integers where these hold the net, 128-bit ones otherwise.
//! What a circuit takes for granted is checked in every token: ranges, indices of tables, words of which one may be chosen.

mod program;
mod rows;
pub(super) mod scalar;
#[cfg(test)]
mod tests;

pub use self::program::Program;
use self::program::{Kept, Place, Step};
use super::{Circuit, Net};
use crate::error::{Error, Result};

/// A circuit that runs.
#[derive(Debug, Clone)]
pub struct Evaluation<'a> {
    circuit: &'a Circuit,
    program: &'a Program,
    lanes: usize,
    rows: Vec<Vec<i64>>,
    wide: Vec<Vec<i128>>,
    /// For checks.
    scratch: Vec<i64>,
}

/// Something that a circuit takes for granted, and that is not so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The net that is concerned.
    pub net: Net,
    /// The value that is found.
    pub found: i128,
    /// What is wrong with that.
    pub what: &'static str,
}

const OUT_OF_RANGE: &str = "is not in the range";
const NO_ENTRY: &str = "is no index of the table";
const TWO_SET: &str = "is the number of words that are chosen at once, in the choice";

impl Fault {
    /// As an error. `layers`: the names of the design's layers.
    pub fn error(self, circuit: &Circuit, layers: &[&str]) -> Error {
        let node = circuit.node(self.net);
        let name = circuit.name(self.net).map_or_else(|| format!("n{}", self.net.index()), str::to_owned);
        let (found, what, range) = (self.found, self.what, node.range);
        let error = Error::internal(format!("in the circuit {found} {what} of `{name}` ({} to {})", range.lo, range.hi));
        match layers.get(node.layer) {
            Some(layer) => error.layer(*layer),
            None => error,
        }
    }
}

impl<'a> Evaluation<'a> {
    /// A circuit before its first token. `program` is made of it.
    pub fn new(circuit: &'a Circuit, program: &'a Program, lanes: usize) -> Self {
        let mut evaluation = Self {
            circuit,
            program,
            lanes,
            rows: vec![vec![0; lanes]; program.rows],
            wide: vec![vec![0; lanes]; program.wide],
            scratch: vec![0; lanes],
        };
        for (net, value) in &program.initial {
            match program.place(*net) {
                Some(Place::Row(at)) => evaluation.rows[at as usize].fill(*value as i64),
                Some(Place::Wide(at)) => evaluation.wide[at as usize].fill(*value),
                None => {}
            }
        }
        evaluation
    }

    /// Gives a net, an input, its value in the next token. One that the circuit does not need stays without.
    ///
    /// # Errors
    /// [`Internal`](crate::Code::Internal) if that is not in its range.
    pub fn set(&mut self, net: Net, lane: usize, value: i128) -> Result {
        let range = self.circuit.range(net);
        if !(range.lo..=range.hi).contains(&value) {
            return Err(Fault { net, found: value, what: OUT_OF_RANGE }.error(self.circuit, &[]));
        }
        match self.program.place(net) {
            Some(Place::Row(at)) => self.rows[at as usize][lane] = value as i64,
            Some(Place::Wide(at)) => self.wide[at as usize][lane] = value,
            None => {}
        }
        Ok(())
    }

    /// The value of a net that is kept: an output, a state, and what the program was asked for.
    pub fn get(&self, net: Net, lane: usize) -> i128 {
        match self.program.place(net) {
            Some(Place::Row(at)) => self.rows[at as usize][lane].into(),
            Some(Place::Wide(at)) => self.wide[at as usize][lane],
            None => self.circuit.range(net).lo,
        }
    }

    /// Computes every net of a token, of its inputs and of what the tokens before have left.
    ///
    /// # Errors
    /// What the circuit takes for granted and is not so.
    pub(crate) fn compute(&mut self) -> Result<(), Fault> {
        let program = self.program;
        program.steps.iter().try_for_each(|step| self.step(step))
    }

    /// Leaves in the states what this token leaves.
    pub(crate) fn advance(&mut self) {
        let program = self.program;
        program.kept.iter().for_each(|kept| self.keep(*kept));
    }

    fn keep(&mut self, kept: Kept) {
        match kept {
            Kept::Row { state, next, enable } => {
                let mut row = std::mem::take(&mut self.rows[state as usize]);
                let next = &self.rows[next as usize];
                match enable {
                    None => row.copy_from_slice(next),
                    Some(enable) => rows::leave(&mut row, &self.rows[enable as usize], next),
                }
                self.rows[state as usize] = row;
            }
            Kept::Slow { state, next, enable } => {
                for lane in 0..self.lanes {
                    if enable.is_none_or(|enable| self.read(enable, lane) == 1) {
                        let value = self.read(next, lane);
                        self.write(state, lane, value);
                    }
                }
            }
        }
    }

    fn read(&self, place: Place, lane: usize) -> i128 {
        match place {
            Place::Row(at) => self.rows[at as usize][lane].into(),
            Place::Wide(at) => self.wide[at as usize][lane],
        }
    }

    fn write(&mut self, place: Place, lane: usize, value: i128) {
        match place {
            Place::Row(at) => self.rows[at as usize][lane] = value as i64,
            Place::Wide(at) => self.wide[at as usize][lane] = value,
        }
    }

    fn step(&mut self, step: &Step) -> Result<(), Fault> {
        let dest = match step {
            Step::Check { net, row, lo, hi } => return self.check(*net, *row, *lo, *hi),
            Step::Slow(net) => return self.slow(*net),
            Step::Copy { from, to } => {
                (0..self.lanes).for_each(|lane| self.write(*to, lane, self.read(*from, lane)));
                return Ok(());
            }
            Step::Row { dest, .. } => *dest as usize,
        };
        let Step::Row { net, work, .. } = step else { return Ok(()) };
        let mut row = std::mem::take(&mut self.rows[dest]);
        let result = rows::compute(work, &self.rows, self.circuit.tables(), &mut row, &mut self.scratch);
        self.rows[dest] = row;
        result.map_err(|(found, what)| Fault { net: *net, found: found.into(), what })
    }

    fn check(&self, net: Net, row: u32, lo: i64, hi: i64) -> Result<(), Fault> {
        match rows::outside(&self.rows[row as usize], lo, hi) {
            Some(found) => Err(Fault { net, found: found.into(), what: OUT_OF_RANGE }),
            None => Ok(()),
        }
    }

    /// A node that is wide, or reads what is, lane by lane.
    fn slow(&mut self, net: Net) -> Result<(), Fault> {
        let node = self.circuit.node(net);
        let mut args = vec![0; node.args.len()];
        for lane in 0..self.lanes {
            args.iter_mut().zip(&node.args).for_each(|(value, arg)| *value = self.get(*arg, lane));
            let value = scalar::compute(node, &args, self.circuit.tables());
            let value = value.map_err(|(found, what)| Fault { net, found, what })?;
            if let Some(place) = self.program.place(net) {
                self.write(place, lane, value);
            }
        }
        Ok(())
    }
}
