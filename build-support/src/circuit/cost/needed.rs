//! Bits of nets that somebody needs: a synthesizer leaves out the others.

use std::collections::BinaryHeap;

use crate::circuit::{Circuit, Net, Op};

/// The bits of each net from one (included) to another (not included) that an output needs; `(0, 0)` where it needs none.
pub(super) fn needed(circuit: &Circuit) -> Vec<(u32, u32)> {
    let mut search = Search { circuit, needed: vec![(0, 0); circuit.nodes().len()], open: BinaryHeap::new() };
    for port in circuit.outputs() {
        search.need(port.net, Some((0, circuit.width(port.net))));
    }
    while let Some(net) = search.open.pop() {
        search.hand_on(net);
    }
    search.needed
}

struct Search<'a> {
    circuit: &'a Circuit,
    needed: Vec<(u32, u32)>,
    /// Nets of which more is needed than was handed on. The last one comes first: what reads a net stands behind it, but for states.
    open: BinaryHeap<Net>,
}

impl Search<'_> {
    /// Bits of `net` that one more reader looks at, all of which may be beyond its width.
    fn need(&mut self, net: Net, bits: Option<(u32, u32)>) {
        let Some((low, top)) = bits else { return };
        let width = self.circuit.width(net);
        if low >= width && self.circuit.range(net).lo >= 0 {
            return;
        }
        // Of what is too short the sign is needed.
        let (low, top) = (low.min(width - 1), top.min(width));
        let known = &mut self.needed[net.index()];
        let all = if known.0 == known.1 { (low, top) } else { (known.0.min(low), known.1.max(top)) };
        if std::mem::replace(known, all) != all {
            self.open.push(net);
        }
    }

    fn hand_on(&mut self, net: Net) {
        let circuit = self.circuit;
        let node = circuit.node(net);
        let bits = self.needed[net.index()];
        for (at, arg) in node.args.iter().enumerate() {
            let compared = node.args.get(1).filter(|_| at == 0 && node.op == Op::Less);
            let bits = match compared.and_then(|other| circuit.constant_of(*other)) {
                // Below the lowest bit of a constant nothing decides; of what is compared with 0 the sign does.
                Some(constant) => Some((constant.trailing_zeros(), circuit.width(*arg))),
                None => of_argument(&node.op, at, bits, circuit.width(*arg)),
            };
            self.need(*arg, bits);
        }
        if let Op::State(at) = node.op {
            let state = &circuit.states()[at];
            state.next.into_iter().for_each(|next| self.need(next, Some(bits)));
            state.enable.into_iter().for_each(|enable| self.need(enable, Some((0, 1))));
        }
    }
}

/// What bits `low` to `top` of a node need of its argument number `at`, which has so many bits.
fn of_argument(op: &Op, at: usize, (low, top): (u32, u32), width: u32) -> Option<(u32, u32)> {
    let all = Some((0, width));
    match op {
        // The low bits of these are made of low bits.
        Op::AddOrSubtract if at == 2 => all,
        Op::Add | Op::Subtract | Op::AddOrSubtract | Op::Multiply => Some((0, top)),
        Op::ShiftLeft(bits) => (top > *bits).then(|| (low.saturating_sub(*bits), top - bits)),
        Op::ShiftRight(bits) => Some((low + bits, top + bits)),
        Op::Bits { low: from, .. } => Some((low + from, top + from)),
        Op::Gate | Op::Select | Op::Pick if at == 0 => all,
        Op::OneOf if at.is_multiple_of(2) => all,
        Op::Signed { .. } | Op::Narrow | Op::And | Op::Or | Op::Gate | Op::Select | Op::Pick | Op::OneOf => Some((low, top)),
        Op::Join(widths) => {
            let below: u32 = widths.iter().skip(at + 1).sum();
            let (low, top) = (low.saturating_sub(below), top.saturating_sub(below).min(width));
            (low < top).then_some((low, top))
        }
        Op::Input | Op::Constant | Op::State(_) | Op::Less | Op::Equal | Op::Not | Op::Table(_) => all,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixed::MantissaRange;

    #[test]
    fn what_a_state_holds_is_needed_as_far_as_what_reads_it_is() {
        let mut circuit = Circuit::default();
        let range = MantissaRange { lo: 0, hi: 255 };
        let input = circuit.input("x", range);
        let enable = circuit.input("enable", MantissaRange { lo: 0, hi: 1 });
        let state = circuit.state(range);
        circuit.leave_if(state, enable, input);
        let gated = circuit.gate(enable, state);
        let bits = circuit.bits(gated, 2, 3);
        circuit.output("y", bits);
        let needed = needed(&circuit);
        assert_eq!([input, enable, state, gated, bits].map(|net| needed[net.index()]), [(2, 5), (0, 1), (2, 5), (2, 5), (0, 3)]);
    }
}
