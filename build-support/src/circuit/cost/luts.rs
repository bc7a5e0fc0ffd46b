//! LUTs of nodes, with what they take in.

use super::figures::Figures;
use crate::circuit::{
    Circuit, Net, Op,
    schedule::Schedule,
    tech::{Technology, sum_bits},
};

/// A function that may still be taken into the LUTs of the one node that reads it.
#[derive(Debug, Clone, Copy)]
struct Open {
    /// Inputs of each bit.
    inputs: u32,
    /// LUTs if nothing takes it in.
    luts: f64,
    /// The layer that has these LUTs.
    layer: usize,
}

/// A sum, with all sums of which it is made and that nothing else reads.
#[derive(Debug, Clone, Copy)]
struct Sum {
    /// Bits of all carry chains, if there were one for each addition.
    bits: f64,
    terms: u32,
    /// Bits of the result.
    widest: u32,
    layer: usize,
}

/// The LUTs of a circuit, added up node by node.
pub(super) struct Luts<'a> {
    circuit: &'a Circuit,
    schedule: &'a Schedule,
    /// The bits of each net that are needed.
    needed: &'a [(u32, u32)],
    figures: Figures,
    /// How often a net is read: by nodes, states and ports.
    readers: Vec<u32>,
    open: Vec<Option<Open>>,
    levels: Vec<u32>,
    layers: Vec<f64>,
    /// Sums that the one sum which reads them may take in.
    sums: Vec<Option<Sum>>,
}

impl<'a> Luts<'a> {
    pub fn new(circuit: &'a Circuit, schedule: &'a Schedule, technology: Technology, needed: &'a [(u32, u32)]) -> Self {
        let count = circuit.nodes().len();
        let mut readers = vec![0; count];
        for net in circuit.nets().filter(|net| needed[net.index()].1 > 0) {
            circuit.made_of(net).for_each(|read| readers[read.index()] += 1);
        }
        circuit.outputs().iter().for_each(|port| readers[port.net.index()] += 1);
        let layers = circuit.nodes().iter().map(|node| node.layer + 1).max().unwrap_or(1);
        Self {
            circuit,
            schedule,
            needed,
            figures: Figures::of(technology),
            readers,
            open: vec![None; count],
            levels: vec![0; count],
            layers: vec![0.0; layers],
            sums: vec![None; count],
        }
    }

    /// LUTs behind each other up to a net, in its stage.
    pub fn level(&self, net: Net) -> u32 {
        self.levels[net.index()]
    }

    /// The LUTs of each layer.
    pub fn of_layers(mut self) -> Vec<f64> {
        for open in std::mem::take(&mut self.open).into_iter().flatten() {
            self.layers[open.layer] += open.luts;
        }
        for sum in std::mem::take(&mut self.sums).into_iter().flatten() {
            self.layers[sum.layer] += self.figures.sum(sum.bits, sum.terms, sum.widest);
        }
        self.layers
    }

    fn is_here(&self, net: Net, arg: Net) -> bool {
        self.schedule.stage[arg.index()] == self.schedule.stage[net.index()]
    }

    /// What may be taken into the LUTs of `net`.
    fn open(&self, net: Net, arg: Net) -> Option<Open> {
        self.open[arg.index()].filter(|_| self.readers[arg.index()] == 1 && self.is_here(net, arg))
    }

    /// Adds the node that drives `net`; all that it reads has been added.
    pub fn add(&mut self, net: Net) {
        let node = self.circuit.node(net);
        let variable: Vec<Net> = node.args.iter().copied().filter(|arg| self.circuit.constant_of(*arg).is_none()).collect();
        let before = variable.iter().filter(|arg| self.is_here(net, **arg)).map(|arg| self.levels[arg.index()]).max();
        let before = before.unwrap_or(0);
        let (low, top) = self.needed[net.index()];
        let bits = f64::from(top - low);
        let widest = variable.iter().map(|arg| self.circuit.width(*arg)).max().unwrap_or(1);
        let is_constant = variable.len() < node.args.len();
        // Of a comparison with a constant the low bits do not matter where that has zeros.
        let zeros = node.args.iter().find_map(|arg| self.circuit.constant_of(*arg)).map_or(0, i128::trailing_zeros);
        let compared = widest.saturating_sub(zeros).max(1);
        match node.op {
            Op::Input | Op::Constant | Op::State(_) => {}
            Op::ShiftLeft(_) | Op::ShiftRight(_) | Op::Bits { .. } | Op::Signed { .. } | Op::Narrow | Op::Not => {
                self.levels[net.index()] = before;
                variable.iter().for_each(|arg| self.hand_on(net, *arg));
            }
            Op::Join(_) => self.levels[net.index()] = before,
            Op::And | Op::Or | Op::Gate | Op::Select => self.function(net, &variable, variable.len() as u32, bits, before),
            // Two gated words are one LUT; three, in practice, are not.
            Op::OneOf if variable.len() <= 4 => self.function(net, &variable, variable.len() as u32, bits, before),
            Op::OneOf => self.function(net, &variable, variable.len() as u32, self.figures.one_of * bits, before),
            Op::Pick => self.function(net, &variable, variable.len() as u32 + 1, bits, before),
            Op::Less if is_constant && self.circuit.constant_of(node.args[1]) == Some(0) => self.levels[net.index()] = before,
            Op::Less if is_constant && compared <= self.figures.inputs => self.function(net, &variable, compared, 1.0, before),
            Op::Equal if is_constant && widest <= self.figures.inputs => self.function(net, &variable, widest, 1.0, before),
            Op::Less if is_constant => self.block(net, self.figures.less_than_constant * f64::from(compared), before + 2),
            Op::Less => self.block(net, self.figures.less * f64::from(widest), before + 2),
            Op::Equal if !is_constant && 2 * widest <= self.figures.inputs => {
                self.function(net, &variable, 2 * widest, 1.0, before)
            }
            Op::Equal => {
                let inputs = widest * variable.len() as u32;
                self.block(
                    net,
                    self.figures.wide(inputs).max(0.4 * f64::from(inputs) - 2.0),
                    before + self.figures.levels(inputs),
                );
            }
            Op::Add | Op::Subtract | Op::AddOrSubtract => {
                self.take_in_addend(net, &node.args);
                self.sum(net, &variable, before);
            }
            Op::Multiply => {
                let [a, b] = [0, 1].map(|at| f64::from(self.circuit.width(node.args[at])));
                let luts = self.figures.product * (2.3 * a * b - 1.6 * (a + b)).max(0.5 * a * b);
                self.block(net, luts, before + 3);
            }
            Op::Table(at) => {
                let entries = self.circuit.tables()[at].len();
                let index = widest;
                if index <= self.figures.inputs {
                    self.function(net, &variable, index, bits, before);
                } else {
                    self.block(net, self.figures.table(entries) * bits, before + 1 + index.saturating_sub(8).div_ceil(2));
                }
            }
        }
    }

    /// Wires: what stands before them may be taken in behind them.
    fn hand_on(&mut self, net: Net, arg: Net) {
        if let Some(open) = self.open(net, arg) {
            self.open[arg.index()] = None;
            self.open[net.index()] = Some(open);
        }
    }

    /// A function of so many inputs of each of `bits` bits.
    fn function(&mut self, net: Net, args: &[Net], inputs: u32, bits: f64, before: u32) {
        let mut all = inputs;
        for arg in args {
            let Some(open) = self.open(net, *arg) else { continue };
            if all + open.inputs - 1 <= self.figures.inputs {
                all += open.inputs - 1;
                self.open[arg.index()] = None;
            }
        }
        let is_gates = matches!(self.circuit.node(net).op, Op::And | Op::Or | Op::OneOf);
        let luts = bits * if is_gates { self.figures.gates(all) } else { self.figures.wide(all) };
        self.levels[net.index()] = before + self.figures.levels(all);
        self.open[net.index()] = Some(Open { inputs: all, luts, layer: self.circuit.node(net).layer });
    }

    /// What takes nothing in and is not taken in.
    fn block(&mut self, net: Net, luts: f64, level: u32) {
        self.layers[self.circuit.node(net).layer] += luts;
        self.levels[net.index()] = level;
    }

    /// The LUTs in front of a carry chain make one of its addends, if their inputs suffice.
    fn take_in_addend(&mut self, net: Net, args: &[Net]) {
        let others = args.len() as u32 - 1;
        let fits = |arg: &&Net| self.open(net, **arg).is_some_and(|open| open.inputs + others <= self.figures.inputs);
        let addends = args.iter().take(2).rev();
        if let Some(arg) = addends.clone().find(fits) {
            self.open[arg.index()] = None;
        }
    }

    /// A sum of two, with the sums that it is made of.
    fn sum(&mut self, net: Net, args: &[Net], before: u32) {
        self.levels[net.index()] = before + 1;
        let mut sum = Sum {
            bits: self.carry_bits(net, args),
            terms: 0,
            widest: self.circuit.width(net),
            layer: self.circuit.node(net).layer,
        };
        for arg in args {
            // Bits that repeat a sign keep a synthesizer from seeing one sum in two.
            let taken = self.sums[arg.index()].filter(|_| self.readers[arg.index()] == 1 && self.is_here(net, *arg));
            match taken.filter(|_| self.is_unsigned_sum(net) && self.is_unsigned_sum(*arg)) {
                Some(part) => {
                    self.sums[arg.index()] = None;
                    sum.bits += part.bits;
                    sum.terms += part.terms;
                }
                None => sum.terms += 1,
            }
        }
        self.sums[net.index()] = Some(sum);
    }

    fn is_unsigned_sum(&self, net: Net) -> bool {
        let node = self.circuit.node(net);
        node.op == Op::Add && node.range.lo >= 0
    }

    /// LUTs of a carry chain: the lowest bits of what is added to a shifted word are wires, and where the shorter word has no bits and
    /// no sign those of the other go into the chain as they are.
    fn carry_bits(&self, net: Net, args: &[Net]) -> f64 {
        let node = self.circuit.node(net);
        let width = |arg: &&Net| self.circuit.width(**arg);
        let widest = args.iter().map(|arg| width(&arg)).max().unwrap_or(1);
        let shorter = args.iter().min_by_key(width).filter(|_| node.op == Op::Add && args.len() == 2);
        let carry = match shorter.filter(|arg| self.circuit.range(**arg).lo >= 0) {
            Some(shorter) => node.width().saturating_sub(width(&shorter)),
            None => u32::from(node.width() > widest),
        };
        let unneeded = node.width().saturating_sub(self.needed[net.index()].1);
        f64::from(sum_bits(self.circuit, net).saturating_sub(carry.max(unneeded)).max(1))
    }
}
