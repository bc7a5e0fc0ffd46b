//! As soon as possible: each net in the first stage in which there is time for it.

use super::{Schedule, Timing, check, components::components};
use crate::{
    circuit::{
        Circuit, Net, Op,
        tech::{Delays, Shape, loads, shape},
    },
    error::Result,
};

/// When a net has its value within its stage, in ps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Arrival {
    /// When.
    at: u32,
    /// When the inputs of its last LUT are there.
    before: u32,
    /// How many inputs that has; none if nothing can be taken into it.
    inputs: u32,
}

/// A circuit that is being placed.
pub(super) struct Placement<'a> {
    pub circuit: &'a Circuit,
    pub delays: Delays,
    /// The time of a stage.
    pub target: u32,
    pub live: Vec<bool>,
    /// What is placed as one: a node, or all that depends on itself.
    pub units: Vec<Vec<Net>>,
    pub unit_of: Vec<u32>,
    /// Who reads a net, each once.
    pub readers: Vec<Vec<Net>>,
    /// LUT inputs that a bit of a net goes to.
    pub loads: Vec<u32>,
    pub is_output: Vec<bool>,
    pub stage: Vec<u32>,
    pub last: u32,
    /// Whether a net has moved behind the stage it was first in; then nothing takes its LUT in.
    pub is_closed: Vec<bool>,
    shapes: Vec<Shape>,
    arrivals: Vec<Arrival>,
}

impl<'a> Placement<'a> {
    pub fn new(circuit: &'a Circuit, timing: &Timing) -> Result<Self> {
        let live = circuit.live();
        check(circuit, &live)?;
        let count = live.len();
        let delays = timing.technology.delays();
        let units = components(circuit, &live);
        let mut unit_of = vec![u32::MAX; count];
        for (at, unit) in units.iter().enumerate() {
            unit.iter().for_each(|net| unit_of[net.index()] = at as u32);
        }
        let mut is_output = vec![false; count];
        circuit.outputs().iter().for_each(|port| is_output[port.net.index()] = true);
        let mut readers: Vec<Vec<Net>> = vec![Vec::new(); count];
        let mut all_loads = vec![0; count];
        for reader in circuit.nets().filter(|net| live[net.index()]) {
            for (net, loads) in reads(circuit, reader) {
                all_loads[net.index()] += loads;
                if readers[net.index()].last() != Some(&reader) {
                    readers[net.index()].push(reader);
                }
            }
        }
        Ok(Self {
            delays,
            target: timing.stage,
            units,
            unit_of,
            readers,
            loads: all_loads,
            is_output,
            stage: vec![0; count],
            last: 0,
            is_closed: vec![false; count],
            shapes: circuit.nets().map(|net| shape(circuit, net, &delays)).collect(),
            arrivals: vec![Arrival::default(); count],
            circuit,
            live,
        })
    }

    /// What comes out of a register.
    pub fn is_register(&self, net: Net) -> bool {
        matches!(self.circuit.node(net).op, Op::State(_) | Op::Input)
    }

    pub fn as_soon_as_possible(&mut self) {
        for unit in 0..self.units.len() {
            let outside = self.units[unit].iter().flat_map(|net| self.circuit.made_of(*net));
            let outside = outside.filter(|net| self.unit_of[net.index()] != unit as u32 && !self.is_constant(*net));
            let first = outside.map(|net| self.stage[net.index()]).max().unwrap_or(0);
            let here = self.arrive(unit, first);
            if here > self.target {
                let later = self.arrive(unit, first + 1);
                // What is too long for every stage, though all that it reads comes out of registers, stays.
                if later >= here {
                    self.arrive(unit, first);
                }
            }
        }
        let outputs = self.circuit.outputs().iter();
        self.last = outputs.map(|port| self.stage[port.net.index()]).max().unwrap_or(0);
    }

    pub fn is_constant(&self, net: Net) -> bool {
        self.circuit.constant_of(net).is_some()
    }

    /// Puts a unit into a stage; gives the time when all of it is there.
    pub fn arrive(&mut self, unit: usize, stage: u32) -> u32 {
        let members = std::mem::take(&mut self.units[unit]);
        members.iter().for_each(|net| self.stage[net.index()] = stage);
        let mut latest = 0;
        for net in &members {
            self.arrivals[net.index()] = self.arrival(*net);
            latest = latest.max(self.arrivals[net.index()].at);
        }
        self.units[unit] = members;
        latest
    }

    /// When a net is there that has its stage.
    fn arrival(&self, net: Net) -> Arrival {
        let register = Arrival { at: self.delays.register, before: self.delays.register, inputs: 0 };
        if self.is_register(net) {
            return register;
        }
        let args = self.circuit.node(net).args.iter().filter(|arg| !self.is_constant(**arg)).map(|arg| self.read(net, *arg));
        let mut args: Vec<_> = args.collect();
        args.sort_by_key(|arrival| std::cmp::Reverse((arrival.at, arrival.inputs)));
        let Some(latest) = args.first().copied() else { return register };
        match self.shapes[net.index()] {
            // Words beside each other are as late, and as hard to take in, as the worst of them.
            Shape::Wires => latest,
            Shape::Bitwise(inputs) => {
                let (before, taken_in) = taken_in(&args, self.delays.lut_inputs.saturating_sub(inputs));
                let is_wide = inputs > self.delays.lut_inputs;
                let at = before + self.delays.lut + if is_wide { self.delays.wide } else { 0 };
                // One that is full takes part in nothing else.
                let inputs = if is_wide || inputs == self.delays.lut_inputs { 0 } else { inputs + taken_in };
                Arrival { at, before, inputs }
            }
            Shape::Block(delay, absorbs) => {
                // The first LUT of a carry chain has two inputs of its own.
                let room = if absorbs { self.delays.lut_inputs.saturating_sub(2) } else { 0 };
                let at = taken_in(&args, room).0 + delay;
                Arrival { at, before: at, inputs: 0 }
            }
        }
    }

    /// When `reader` has a net that it reads.
    fn read(&self, reader: Net, net: Net) -> Arrival {
        let loads = self.loads[net.index()];
        if self.is_register(net) || self.stage[net.index()] < self.stage[reader.index()] {
            let at = self.registered(net);
            return Arrival { at, before: at, inputs: 0 };
        }
        let made = self.arrivals[net.index()];
        let late = self.delays.of_loads(loads);
        let is_same_unit = self.unit_of[net.index()] == self.unit_of[reader.index()];
        if self.is_closed[net.index()] && !is_same_unit {
            return Arrival { at: made.at + late, before: made.at + late, inputs: 0 };
        }
        Arrival { at: made.at + late, ..made }
    }

    /// When a reader has a net out of a register.
    pub fn registered(&self, net: Net) -> u32 {
        let loads = self.loads[net.index()];
        // There are copies, if need be.
        let loads = if matches!(self.circuit.node(net).op, Op::Input) { loads } else { loads.min(self.delays.loads) };
        self.delays.register + self.delays.of_loads(loads)
    }

    /// What a node takes if nothing is taken into its LUTs.
    pub fn delay(&self, net: Net) -> u32 {
        match self.shapes[net.index()] {
            Shape::Wires => 0,
            Shape::Bitwise(inputs) if inputs > self.delays.lut_inputs => self.delays.lut + self.delays.wide,
            Shape::Bitwise(_) => self.delays.lut,
            Shape::Block(delay, _) => delay,
        }
    }

    pub fn finish(self) -> Schedule {
        let mut last_read = self.stage.clone();
        for net in self.circuit.nets().filter(|net| self.live[net.index()] && !self.is_constant(*net)) {
            let readers = self.readers[net.index()].iter().map(|reader| self.stage[reader.index()]);
            let port = self.is_output[net.index()].then_some(self.last);
            last_read[net.index()] = readers.chain(port).fold(self.stage[net.index()], u32::max);
        }
        let copies = self.copies(&last_read);
        let longest = self.arrivals.iter().map(|arrival| arrival.at).max().unwrap_or(0);
        Schedule { stage: self.stage, last_read, last: self.last, copies, longest }
    }
}

/// What a net is made of, with the LUT inputs that each bit of that goes to.
pub(super) fn reads(circuit: &Circuit, reader: Net) -> impl Iterator<Item = (Net, u32)> {
    let node = circuit.node(reader);
    let is_state = matches!(node.op, Op::State(_));
    circuit.made_of(reader).enumerate().filter(|(_, net)| circuit.constant_of(*net).is_none()).map(move |(at, net)| {
        let loads = match (is_state, at) {
            (false, _) => loads(circuit, reader, at),
            (true, 0) => 1,
            // All flip-flops of a slice share their enable.
            (true, _) => node.width().div_ceil(8),
        };
        (net, loads)
    })
}

/// Takes the LUTs of the latest of `args`, which come latest first, into the LUT that reads them, as long as it has `room` for
/// their inputs: when all inputs that it then has are there, and how many they are more.
fn taken_in(args: &[Arrival], room: u32) -> (u32, u32) {
    let (mut before, mut more) = (0, 0);
    for arrival in args {
        let inputs = arrival.inputs.saturating_sub(1);
        if arrival.inputs == 0 || more + inputs > room {
            return (before.max(arrival.at), more);
        }
        before = before.max(arrival.before);
        more += inputs;
    }
    (before, more)
}
