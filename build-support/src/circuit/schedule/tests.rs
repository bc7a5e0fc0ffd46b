use fastrand::Rng;

use super::*;
use crate::{
    circuit::{
        evaluate::scalar,
        tech::own_bits,
        testing::{Tokens, random},
    },
    fixed::MantissaRange,
};

/// Targets from a LUT a stage to all in one.
const TARGETS: [u32; 4] = [700, 1500, 3650, 1_000_000];

fn each(mut test: impl FnMut(&Circuit, &Timing, &Schedule)) {
    for seed in 0..150 {
        let mut rng = Rng::with_seed(seed);
        let size = rng.usize(3..200);
        let circuit = random(&mut rng, size);
        let technology = *rng.choice(Technology::ALL).unwrap();
        for stage in TARGETS {
            let timing = Timing { stage, technology };
            test(&circuit, &timing, &Schedule::new(&circuit, &timing).unwrap());
        }
    }
}

#[test]
fn nothing_is_read_before_it_is_made_nor_written_after_it_is_read() {
    each(|circuit, _, schedule| {
        let live = circuit.live();
        let stage = |net: Net| schedule.stage[net.index()];
        for net in circuit.nets().filter(|net| live[net.index()]) {
            for read in circuit.made_of(net).filter(|read| circuit.constant_of(*read).is_none()) {
                assert!(stage(read) <= stage(net), "{read:?} is made after {net:?} reads it");
                assert!(schedule.last_read[read.index()] >= stage(net));
            }
        }
        for port in circuit.inputs() {
            assert_eq!(stage(port.net), 0);
        }
        for port in circuit.outputs().iter().filter(|port| circuit.constant_of(port.net).is_none()) {
            assert_eq!(schedule.last_read[port.net.index()], schedule.last);
        }
    });
}

#[test]
fn what_depends_on_itself_is_in_one_stage() {
    let mut loops = 0;
    each(|circuit, _, schedule| {
        for component in components::components(circuit, &circuit.live()) {
            loops += usize::from(component.len() > 1);
            assert!(component.iter().all(|net| schedule.stage[net.index()] == schedule.stage[component[0].index()]));
        }
    });
    assert!(loops > 150, "{loops}");
}

/// How long each stage is, by a rule of its own: from registers through everything, with nothing taken into a LUT.
#[test]
fn a_stage_is_too_long_only_if_a_node_or_a_loop_is() {
    each(|circuit, timing, schedule| {
        if schedule.longest <= timing.stage {
            return;
        }
        let placement = Placement::new(circuit, timing).unwrap();
        let alone = placement.units.iter().map(|unit| unit.iter().map(|net| placement.slowest(*net)).sum::<u32>());
        let alone = alone.max().unwrap_or(0);
        assert!(schedule.longest <= timing.stage.max(alone), "{} of {} and {alone}", schedule.longest, timing.stage);
    });
}

impl Placement<'_> {
    /// The most that a net can take of a stage in which nothing else is.
    fn slowest(&self, net: Net) -> u32 {
        let late = self.circuit.made_of(net).map(|read| self.loads[read.index()]).max().unwrap_or(1);
        self.delays.register + self.delay(net) + self.delays.of_loads(late) + self.delays.of_loads(self.loads[net.index()])
    }
}

#[test]
fn time_saves_stages_and_nothing_else_is_lost() {
    each(|circuit, timing, schedule| {
        let relaxed = Schedule::new(circuit, &Timing { stage: timing.stage * 2, ..*timing }).unwrap();
        assert!(relaxed.last <= schedule.last);
        assert_eq!(*schedule, Schedule::new(circuit, timing).unwrap(), "the same again");
    });
}

/// Bits of pipeline registers, of which there are no copies.
fn bits(circuit: &Circuit, schedule: &Schedule) -> u32 {
    let stages = |net: Net| schedule.last_read[net.index()] - schedule.stage[net.index()];
    circuit.nets().map(|net| stages(net) * own_bits(circuit, net)).sum()
}

#[test]
fn sinking_saves_bits() {
    let (mut before, mut after) = (0, 0);
    each(|circuit, timing, schedule| {
        let mut early = Placement::new(circuit, timing).unwrap();
        early.as_soon_as_possible();
        let early = early.finish();
        assert!(schedule.last == early.last && schedule.longest <= early.longest.max(timing.stage));
        assert!(bits(circuit, schedule) <= bits(circuit, &early));
        before += bits(circuit, &early);
        after += bits(circuit, schedule);
    });
    assert!(after * 100 < before * 95, "{before} bits became {after}");
}

#[test]
fn no_copy_of_a_register_has_more_than_its_share_of_readers() {
    let mut circuit = Circuit::default();
    let bit = MantissaRange { lo: 0, hi: 1 };
    let input = circuit.input("in_valid", bit);
    let held = circuit.control(bit, 0);
    circuit.leave(held, input);
    let words: Vec<_> = (0..300).map(|at| circuit.input(format!("in_data_{at}"), MantissaRange { lo: 0, hi: 3 })).collect();
    let gated: Vec<_> = words.iter().map(|word| circuit.gate(held, *word)).collect();
    let sum = circuit.sum(&gated);
    circuit.output("out", sum);
    let timing = Timing { stage: 2000, technology: Technology::Ecp5 };
    let schedule = Schedule::new(&circuit, &timing).unwrap();
    let loads = timing.technology.delays().loads;
    let copies = schedule.copies.count(held, schedule.stage[held.index()]);
    assert_eq!(copies, 600u32.div_ceil(loads));
    for copy in 0..copies {
        let readers = gated.iter().filter(|reader| schedule.copies.read_by(held, **reader) == copy).count() as u32;
        assert!((1..=loads / 2).contains(&readers), "{readers} read copy {copy}");
    }
}

#[test]
fn a_state_that_nothing_writes_is_a_broken_circuit() {
    let mut circuit = Circuit::default();
    let state = circuit.state(MantissaRange { lo: 0, hi: 7 });
    circuit.output("out", state);
    let error = Schedule::new(&circuit, &Timing { stage: 3000, technology: Technology::Xcup }).unwrap_err();
    assert_eq!(error.code(), crate::error::Code::Internal);
}

/// A circuit with its pipeline registers, cycle by cycle.
struct Cycles<'a> {
    circuit: &'a Circuit,
    schedule: &'a Schedule,
    /// What each net is in this cycle, and was in the cycles before, as many as there are registers behind it.
    values: Vec<Vec<i128>>,
    states: Vec<i128>,
}

impl<'a> Cycles<'a> {
    fn new(circuit: &'a Circuit, schedule: &'a Schedule) -> Self {
        // After a reset nothing is in the pipeline that could change a state.
        let registers = |net: Net| schedule.last_read[net.index()] - schedule.stage[net.index()];
        let values = circuit.nets().map(|net| vec![0; registers(net) as usize + 1]).collect();
        Self { circuit, schedule, values, states: circuit.states().iter().map(|state| state.initial).collect() }
    }

    fn read(&self, reader: Net, net: Net) -> i128 {
        match self.circuit.constant_of(net) {
            Some(constant) => constant,
            None => self.values[net.index()][(self.schedule.stage[reader.index()] - self.schedule.stage[net.index()]) as usize],
        }
    }

    /// A clock cycle; gives what the outputs are.
    fn cycle(&mut self, inputs: &[(Net, i128)]) -> Vec<i128> {
        for (net, value) in inputs {
            self.values[net.index()][0] = *value;
        }
        let live = self.circuit.live();
        for net in self.circuit.nets().filter(|net| live[net.index()]) {
            let node = self.circuit.node(net);
            let args: Vec<_> = node.args.iter().map(|arg| self.read(net, *arg)).collect();
            self.values[net.index()][0] = match node.op {
                Op::Input => continue,
                Op::State(at) => self.states[at],
                // Before the first token anything may be in registers for data; nobody reads what becomes of that.
                _ => scalar::compute(node, &args, self.circuit.tables()).unwrap_or(node.range.lo),
            };
        }
        let outputs = self.circuit.outputs().iter().map(|port| self.port(port.net)).collect();
        for (at, state) in self.circuit.states().iter().enumerate().filter(|(_, state)| live[state.net.index()]) {
            if state.enable.is_none_or(|enable| self.read(state.net, enable) == 1) {
                self.states[at] = state.next.map_or(0, |next| self.read(state.net, next));
            }
        }
        self.values.iter_mut().for_each(|row| row.rotate_right(1));
        outputs
    }

    fn port(&self, net: Net) -> i128 {
        self.circuit.constant_of(net).unwrap_or_else(|| *self.values[net.index()].last().unwrap())
    }
}

#[test]
fn with_its_registers_a_circuit_does_what_it_means() {
    let mut seed = 0;
    each(|circuit, _, schedule| {
        seed += 1;
        let mut rng = Rng::with_seed(seed);
        let (mut tokens, mut cycles) = (Tokens::new(circuit), Cycles::new(circuit, schedule));
        let valid = circuit.inputs()[0].net;
        let mut expected = Vec::new();
        for cycle in 0..40 {
            let mut inputs = tokens.inputs(&mut rng);
            // Gaps, in which the other inputs are anything.
            inputs[0] = (valid, rng.bool().into());
            tokens.token(&inputs);
            expected.push(circuit.outputs().iter().map(|port| tokens.value(port.net)).collect::<Vec<_>>());
            let outputs = cycles.cycle(&inputs);
            if let Some(token) = usize::checked_sub(cycle, schedule.last as usize) {
                assert_eq!(outputs, expected[token], "token {token} of circuit {}", seed / 4);
            }
        }
    });
}
