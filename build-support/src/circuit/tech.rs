//! What the fabric of an FPGA takes: how long a LUT, a carry chain and a net that many read.

use super::{Circuit, Net, Op};
pub use crate::manifest::Technology;

impl Technology {
    /// Its delays.
    pub fn delays(self) -> Delays {
        match self {
            Self::Xcup => Delays {
                lut_inputs: 6,
                lut: 450,
                wide: 150,
                register: 200,
                carry: 120,
                carry_bit: 12,
                fan_out: 60,
                loads: 48,
                absorbs: true,
            },
            Self::Xc7 => Delays {
                lut_inputs: 6,
                lut: 650,
                wide: 250,
                register: 400,
                carry: 250,
                carry_bit: 28,
                fan_out: 100,
                loads: 32,
                absorbs: true,
            },
            Self::Ecp5 => Delays {
                lut_inputs: 4,
                lut: 950,
                wide: 250,
                register: 700,
                carry: 450,
                carry_bit: 36,
                fan_out: 200,
                loads: 12,
                absorbs: false,
            },
            Self::Ice40 => Delays {
                lut_inputs: 4,
                lut: 1200,
                wide: 1200,
                register: 900,
                carry: 300,
                carry_bit: 130,
                fan_out: 200,
                loads: 12,
                absorbs: true,
            },
        }
    }
}

/// Delays of a technology in ps, each with the net behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delays {
    /// Inputs of a LUT.
    pub lut_inputs: u32,
    /// Through a LUT.
    pub lut: u32,
    /// Through a multiplexer behind LUTs that makes one LUT with another input of them.
    pub wide: u32,
    /// Out of a register, and into the next one.
    pub register: u32,
    /// Into a carry chain and out of it, beyond a LUT.
    pub carry: u32,
    /// Along a bit of a carry chain.
    pub carry_bit: u32,
    /// What each doubling of the inputs that a net goes to adds.
    pub fan_out: u32,
    /// Inputs that a register should go to at most.
    pub loads: u32,
    /// Whether the LUTs of a carry chain take in what stands before an addition.
    pub absorbs: bool,
}

impl Delays {
    /// What a net adds that goes to so many inputs.
    pub fn of_loads(&self, loads: u32) -> u32 {
        // In eighths of a doubling.
        let loads = loads.clamp(1, 1 << 20);
        let log = loads.ilog2();
        let rest = ((loads << 3) >> log) & 7;
        self.fan_out * (log * 8 + rest) / 8
    }

    /// Levels of LUTs over so many inputs of a gate.
    fn levels(&self, inputs: u32) -> u32 {
        let (mut left, mut levels) = (inputs, 0);
        while left > 1 {
            left = left.div_ceil(self.lut_inputs);
            levels += 1;
        }
        levels
    }

    /// Through an addition of so many bits, which of its own has a level of LUTs.
    fn sum(&self, bits: u32) -> u32 {
        if bits > 2 { self.lut + self.carry + self.carry_bit * bits } else { self.lut }
    }

    /// Through a table whose index has so many bits.
    fn table(&self, bits: u32) -> u32 {
        let more = bits.saturating_sub(self.lut_inputs);
        // A wide LUT takes two more, then multiplexers of four words follow.
        self.lut + self.wide * more.min(2) + self.lut * more.saturating_sub(2).div_ceil(2)
    }

    /// Through a product of words of these widths.
    fn product(&self, a: u32, b: u32) -> u32 {
        let rows = a.min(b).max(2);
        // Rows of partial products are added three to two, and then by a carry chain.
        self.lut * (1 + (rows - 1).ilog2()) + self.sum(a + b)
    }
}

/// How a node's delay comes about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Wires only.
    Wires,
    /// So many inputs of a function, bit by bit: those of other functions in front of it may be taken into the same LUTs.
    Bitwise(u32),
    /// A delay of its own, in ps. Whether what stands before it may be taken into its first LUTs.
    Block(u32, bool),
}

/// How the delay of the node that drives `net` comes about.
pub(super) fn shape(circuit: &Circuit, net: Net, delays: &Delays) -> Shape {
    let node = circuit.node(net);
    let widest = || node.args.iter().map(|arg| circuit.width(*arg)).max().unwrap_or(1);
    let constant = || node.args.iter().any(|arg| circuit.constant_of(*arg).is_some());
    let variable = node.args.iter().filter(|arg| circuit.constant_of(**arg).is_none()).count() as u32;
    match &node.op {
        Op::Input | Op::Constant | Op::State(_) => Shape::Wires,
        Op::ShiftLeft(_) | Op::ShiftRight(_) | Op::Bits { .. } | Op::Signed { .. } | Op::Join(_) | Op::Narrow => Shape::Wires,
        // A LUT takes in an inverter.
        Op::Not => Shape::Wires,
        Op::Add | Op::Subtract | Op::AddOrSubtract => Shape::Block(delays.sum(sum_bits(circuit, net)), delays.absorbs),
        Op::Multiply => {
            let width = |at: usize| node.args.get(at).map_or(1, |arg| circuit.width(*arg));
            Shape::Block(delays.product(width(0), width(1)), false)
        }
        Op::Less if is_zero(circuit, node.args[1]) => Shape::Wires,
        Op::Less if constant() && widest() <= delays.lut_inputs => Shape::Bitwise(widest()),
        Op::Less => Shape::Block(delays.sum(widest()), false),
        Op::Equal => {
            let inputs = widest() * variable;
            let levels = delays.levels(inputs.max(2));
            if levels == 1 { Shape::Bitwise(inputs) } else { Shape::Block(delays.lut * levels, false) }
        }
        Op::And | Op::Or | Op::Gate | Op::OneOf | Op::Select => Shape::Bitwise(variable),
        Op::Pick => Shape::Bitwise(variable + u32::from(node.args.len() > 3)),
        Op::Table(_) => {
            let bits = circuit.width(node.args[0]);
            if bits <= delays.lut_inputs { Shape::Bitwise(bits) } else { Shape::Block(delays.table(bits), false) }
        }
    }
}

fn is_zero(circuit: &Circuit, net: Net) -> bool {
    circuit.constant_of(net) == Some(0)
}

/// Bits of the carry chain of a sum: the low bits of what is added to a shifted word are wires.
pub(super) fn sum_bits(circuit: &Circuit, net: Net) -> u32 {
    let node = circuit.node(net);
    let free = match (&node.op, &node.args[..]) {
        (Op::Add, [a, b]) => zeros(circuit, *a).max(zeros(circuit, *b)),
        (Op::Subtract | Op::AddOrSubtract, [_, b, ..]) => zeros(circuit, *b),
        _ => 0,
    };
    node.width().saturating_sub(free).max(1)
}

/// Bits of a net that are not always 0.
pub(super) fn own_bits(circuit: &Circuit, net: Net) -> u32 {
    circuit.width(net).saturating_sub(zeros(circuit, net))
}

/// Low bits of a net that are always 0.
fn zeros(circuit: &Circuit, net: Net) -> u32 {
    let node = circuit.node(net);
    match node.op {
        Op::ShiftLeft(bits) => bits + zeros(circuit, node.args[0]),
        Op::Narrow => zeros(circuit, node.args[0]),
        Op::Constant => node.range.lo.trailing_zeros().min(node.width()),
        _ => 0,
    }
}

/// LUT inputs that argument number `at` of a node goes to, bit for bit.
pub(super) fn loads(circuit: &Circuit, reader: Net, at: usize) -> u32 {
    let node = circuit.node(reader);
    let is_condition = match node.op {
        Op::Gate | Op::Select | Op::Pick => at == 0,
        Op::AddOrSubtract => at == 2,
        Op::OneOf => at.is_multiple_of(2),
        Op::Table(_) => true,
        Op::Multiply => return node.args.get(1 - at.min(1)).map_or(1, |other| circuit.width(*other)),
        _ => false,
    };
    if is_condition { node.width() } else { 1 }
}
