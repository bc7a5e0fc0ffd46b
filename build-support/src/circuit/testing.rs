//! Circuits for tests: all that a circuit can have, by chance.

use fastrand::Rng;

use super::{Circuit, Net, Op, evaluate::scalar};
use crate::fixed::{Format, MantissaRange};

const BIT: MantissaRange = MantissaRange { lo: 0, hi: 1 };

/// A circuit of about `size` nodes with an input `in_valid`, without which it leaves its states alone, and inputs for data.
pub(crate) fn random(rng: &mut Rng, size: usize) -> Circuit {
    let mut circuit = Circuit::default();
    let valid = circuit.input("in_valid", BIT);
    let mut pool: Vec<Net> = (0..rng.usize(1..5)).map(|at| data(&mut circuit, rng, at)).collect();
    pool.push(circuit.constant(rng.i64(-9..9).into()));
    let mut states = Vec::new();
    for _ in 0..rng.usize(0..1 + size / 6) {
        let range = Format { signed: rng.bool(), width: rng.u32(1..20), fraction: 0 }.range();
        let state = if rng.bool() { circuit.state(range) } else { circuit.control(range, range.hi.min(1)) };
        states.push((state, range));
        pool.push(state);
    }
    while circuit.nodes().len() < size {
        circuit.enter(circuit.nodes().len() * 3 / size.max(1));
        let net = node(&mut circuit, rng, &pool);
        if circuit.width(net) <= 110 {
            pool.push(net);
        }
    }
    for (state, range) in states {
        let next = *rng.choice(&pool).unwrap();
        let next = into(&mut circuit, next, range);
        let condition = *rng.choice(&pool).unwrap();
        let condition = bit(&mut circuit, rng, condition);
        let enable = if rng.bool() { valid } else { circuit.all([valid, condition]) };
        circuit.leave_if(state, enable, next);
    }
    // What was made last depends on most; an output can be an input too.
    for at in 0..rng.usize(1..5) {
        let net = pool[pool.len() - 1 - rng.usize(0..pool.len().min(4 << at))];
        circuit.output(format!("out_{at}"), net);
    }
    circuit
}

fn data(circuit: &mut Circuit, rng: &mut Rng, at: usize) -> Net {
    let width = if rng.u8(0..4) == 0 { rng.u32(40..90) } else { rng.u32(1..12) };
    let range = Format { signed: rng.bool(), width, fraction: 0 }.range();
    circuit.input(format!("in_data_{at}"), range)
}

/// `net` as a word of `range`, which is that of a format.
fn into(circuit: &mut Circuit, net: Net, range: MantissaRange) -> Net {
    let width = Format::holding(range, 0).width;
    if range.lo < 0 { circuit.signed(net, width) } else { circuit.bits(net, 0, width) }
}

fn bit(circuit: &mut Circuit, rng: &mut Rng, net: Net) -> Net {
    let width = circuit.width(net);
    circuit.bit(net, rng.u32(0..width))
}

/// `net` without a sign, of at most `most` bits.
fn unsigned(circuit: &mut Circuit, net: Net, most: u32) -> Net {
    let width = circuit.width(net).min(most);
    circuit.bits(net, 0, width)
}

fn node(circuit: &mut Circuit, rng: &mut Rng, pool: &[Net]) -> Net {
    let recent = &pool[pool.len().saturating_sub(12)..];
    let pick = |rng: &mut Rng| {
        let from = if rng.bool() { recent } else { pool };
        *rng.choice(from).unwrap()
    };
    let (a, b, c) = (pick(rng), pick(rng), pick(rng));
    match rng.u8(0..20) {
        0..3 => circuit.add(a, b),
        4 => {
            let minus = bit(circuit, rng, c);
            circuit.add_or_subtract(a, b, minus)
        }
        3 => circuit.subtract(a, b),
        5 => {
            let (a, b) = (unsigned(circuit, a, 9), into(circuit, b, Format { signed: true, width: 9, fraction: 0 }.range()));
            circuit.multiply(a, b)
        }
        6 => circuit.shift(a, rng.i32(-5..4)),
        7 => circuit.less(a, b),
        8 => circuit.equal(a, b),
        9 => {
            let bits: Vec<_> = (0..rng.usize(1..14)).map(|_| pick(rng)).collect();
            let bits: Vec<_> = bits.into_iter().map(|net| bit(circuit, rng, net)).collect();
            let bit = if rng.bool() { circuit.all(bits) } else { circuit.any(bits) };
            circuit.not(bit)
        }
        10 => {
            let (a, b) = (unsigned(circuit, a, 60), unsigned(circuit, b, 60));
            if rng.bool() { circuit.mask(a, b) } else { circuit.any([a, b]) }
        }
        11 => {
            let condition = bit(circuit, rng, c);
            circuit.gate(condition, a)
        }
        12 => {
            let condition = bit(circuit, rng, c);
            circuit.select(condition, a, b)
        }
        13 => {
            let index = unsigned(circuit, a, 3);
            let words: Vec<_> = (0..rng.usize(2..9)).map(|_| pick(rng)).collect();
            let pairs: Vec<_> = words.iter().enumerate().map(|(at, word)| (circuit.is(index, at as i128), *word)).collect();
            circuit.one_of(&pairs)
        }
        14 => {
            let index = unsigned(circuit, a, 2);
            let words: Vec<_> = (0..4).map(|_| pick(rng)).collect();
            circuit.pick(index, &words)
        }
        15 => {
            let index = unsigned(circuit, a, 8);
            let table: Vec<_> = (0..256).map(|_| rng.i64(-300..300).into()).collect();
            circuit.look_up(&table, index)
        }
        16 => {
            let width = circuit.width(a);
            circuit.bits(a, rng.u32(0..width), rng.u32(1..width + 1))
        }
        17 => circuit.signed(a, rng.u32(1..40)),
        18 => {
            let words: Vec<_> = [a, b, c].map(|net| unsigned(circuit, net, 20)).to_vec();
            let words: Vec<_> = words.into_iter().map(|net| (net, circuit.width(net) + rng.u32(0..3))).collect();
            circuit.join(&words)
        }
        _ => circuit.larger(a, b),
    }
}

/// A circuit by tokens, one value at a time: what it means.
#[derive(Debug, Clone)]
pub(crate) struct Tokens<'a> {
    circuit: &'a Circuit,
    values: Vec<i128>,
    states: Vec<i128>,
}

impl<'a> Tokens<'a> {
    /// Before the first token.
    pub(crate) fn new(circuit: &'a Circuit) -> Self {
        let states = circuit.states().iter().map(|state| state.initial).collect();
        Self { circuit, values: vec![0; circuit.nodes().len()], states }
    }

    /// A value for each input.
    pub(crate) fn inputs(&self, rng: &mut Rng) -> Vec<(Net, i128)> {
        let inputs = self.circuit.inputs().iter().map(|port| port.net);
        inputs.map(|net| (net, within(rng, self.circuit.range(net)))).collect()
    }

    /// Computes a token.
    pub(crate) fn token(&mut self, inputs: &[(Net, i128)]) {
        inputs.iter().for_each(|(net, value)| self.values[net.index()] = *value);
        for net in self.circuit.nets() {
            let node = self.circuit.node(net);
            let args: Vec<_> = node.args.iter().map(|arg| self.values[arg.index()]).collect();
            self.values[net.index()] = match node.op {
                Op::Input => continue,
                Op::State(at) => self.states[at],
                _ => scalar::compute(node, &args, self.circuit.tables()).unwrap(),
            };
        }
        for (value, state) in self.states.iter_mut().zip(self.circuit.states()) {
            if state.enable.is_none_or(|enable| self.values[enable.index()] == 1) {
                *value = state.next.map_or(*value, |next| self.values[next.index()]);
            }
        }
    }

    /// The value of a net in the last token.
    pub(crate) fn value(&self, net: Net) -> i128 {
        self.values[net.index()]
    }
}

/// A number in `range`; often at one of its ends.
fn within(rng: &mut Rng, range: MantissaRange) -> i128 {
    match rng.u8(0..8) {
        0 => range.lo,
        1 => range.hi,
        _ => range.lo + (rng.u128(..) >> 1) as i128 % (range.hi - range.lo + 1),
    }
}
