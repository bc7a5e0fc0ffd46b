//! What a circuit takes of an FPGA, node by node.
//!
//! A node has so many LUTs for each of its bits. What only one node reads, and reads in the same stage, goes into that node's LUTs
//! as long as their inputs suffice. The figures are those of yosys without DSP blocks; where they come from is in the guide.

mod figures;
mod luts;
mod needed;

use self::{luts::Luts, needed::needed};
use super::{
    Circuit, Op,
    schedule::Schedule,
    tech::{Technology, own_bits},
};

/// Area and depth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cost {
    /// LUTs of four or six inputs, as the technology has them; one with 7 inputs is two of six, one with 8 is four.
    pub lut: u64,
    /// Flip-flops.
    pub ff: u64,
    /// Products of two words: a synthesizer that has DSP blocks to spare takes one for each, and fewer LUTs.
    pub dsp: u64,
    /// Bits of tables.
    pub table_bits: u64,
    /// LUTs behind each other on the longest path in a stage.
    pub levels: u32,
}

/// The cost of a circuit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CircuitCost {
    /// That of each layer, by [`Node::layer`](super::Node::layer); what is beside all layers comes last.
    pub layers: Vec<Cost>,
    /// All of it.
    pub total: Cost,
}

impl CircuitCost {
    /// What `circuit` costs with these registers.
    pub fn new(circuit: &Circuit, schedule: &Schedule, technology: Technology) -> Self {
        let mut layers = vec![Cost::default(); circuit.nodes().iter().map(|node| node.layer + 1).max().unwrap_or(1)];
        let needed = needed(circuit);
        let mut luts = Luts::new(circuit, schedule, technology, &needed);
        for net in circuit.nets().filter(|net| needed[net.index()].1 > 0) {
            let node = circuit.node(net);
            let cost = &mut layers[node.layer];
            // A synthesizer leaves out what is always 0 and what nobody needs.
            let (low, top) = needed[net.index()];
            let zeros = circuit.width(net) - own_bits(circuit, net);
            let bits = top.saturating_sub(low.max(zeros));
            cost.ff += u64::from(schedule.registers(circuit, net)) * u64::from(bits);
            match node.op {
                Op::Multiply => cost.dsp += 1,
                Op::Table(at) => cost.table_bits += circuit.tables()[at].len() as u64 * u64::from(node.width()),
                _ => {}
            }
            luts.add(net);
            cost.levels = cost.levels.max(luts.level(net));
        }
        for (cost, luts) in layers.iter_mut().zip(luts.of_layers()) {
            cost.lut = luts.round() as u64;
        }
        let total = layers.iter().fold(Cost::default(), |total, layer| Cost {
            lut: total.lut + layer.lut,
            ff: total.ff + layer.ff,
            dsp: total.dsp + layer.dsp,
            table_bits: total.table_bits + layer.table_bits,
            levels: total.levels.max(layer.levels),
        });
        Self { layers, total }
    }
}
