//! Bits of nets that somebody needs: a synthesizer leaves out the others.

use crate::circuit::{Circuit, Net, Op};

/// The bits of each net from one (included) to another (not included) that are needed.
pub(super) fn needed(circuit: &Circuit, live: &[bool]) -> Vec<(u32, u32)> {
    let mut needed = vec![(u32::MAX, 0); live.len()];
    let all = |net: Net| (0, circuit.width(net));
    for port in circuit.outputs() {
        needed[port.net.index()] = all(port.net);
    }
    for state in circuit.states().iter().filter(|state| live[state.net.index()]) {
        for net in state.next.into_iter().chain(state.enable).chain([state.net]) {
            needed[net.index()] = all(net);
        }
    }
    for net in circuit.nets().rev().filter(|net| live[net.index()]) {
        let node = circuit.node(net);
        let (low, top) = needed[net.index()];
        for arg in &node.args {
            let width = circuit.width(*arg);
            let (low, top) = match node.op {
                Op::Add | Op::Subtract => (0, top),
                Op::ShiftLeft(bits) => (low.saturating_sub(bits), top.saturating_sub(bits)),
                Op::ShiftRight(bits) => (low.saturating_add(bits), top + bits),
                Op::Bits { low: from, .. } => (low.saturating_add(from), top + from),
                Op::Signed { .. } | Op::Narrow => (low, top),
                _ => (0, width),
            };
            let known = &mut needed[arg.index()];
            // Of what is too short for that the sign is needed.
            *known = (known.0.min(low).min(width - 1), known.1.max(top.min(width)));
        }
    }
    needed
}
