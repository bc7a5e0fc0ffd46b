//! Circuits with one node, table or state changed.

use fastrand::Rng;
use sparsehls_build::{
    backend,
    circuit::{Circuit, Net, Node, Op, core::Core, engine::Simulated, schedule::Timing, tech::Technology},
    engine::Engine,
    formats::FixedNetwork,
    lower::Design,
    manifest::Language,
};

use super::{Table, Trial, all, common, common::draw, first_seed, is_lively};

pub const TIMING: Timing = Timing { stage: 3650, technology: Technology::Xcup };

/// A network drawn by this seed, with knobs, as a design for a circuit; none if it cannot be built.
pub fn design(seed: u64) -> Option<(FixedNetwork, Design)> {
    let (network, input) = draw::network(&mut Rng::with_seed(seed));
    let mut model = common::model("random.keras".as_ref(), input);
    model.target.language = Language::Verilog;
    let network = FixedNetwork::infer(network, &model).ok()?;
    common::draw_knobs(&mut model, &network, seed);
    let design = Design::new(&network, &backend::plan(&network, &model).ok()?).unwrap();
    Some((network, design))
}

#[test]
fn circuits_with_a_fault_are_caught() {
    let (networks, mutants, events) = if all() { (16, 10, 4_000) } else { (8, 9, 1_000) };
    let mut table = Table::default();
    let designs = (first_seed()..)
        .filter_map(|seed| Some((seed, design(seed)?)))
        .filter(|(_, (network, _))| is_lively(network))
        .take(networks);
    for (seed, (network, design)) in designs {
        let trial = Trial::new(&network, events);
        let core = Core::new(&design, &TIMING).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        let mut random = Rng::with_seed(seed);
        for _ in 0..mutants {
            let mut core = core.clone();
            let what = mutate(&mut core.circuit, &mut random).unwrap_or_else(|| panic!("seed {seed}: nothing can be changed"));
            let simulated = Simulated::new(&network, core).unwrap();
            let run = |events: &_| simulated.start().unwrap().run(events).map_err(|error| error.to_string());
            table.add("circuit", format!("seed {seed}: {what}"), trial.verdict(&run));
        }
    }
    table.settle(&["circuit"], networks * mutants);
}

/// Changes something that an output needs, and says what.
fn mutate(circuit: &mut Circuit, random: &mut Rng) -> Option<String> {
    let live = circuit.live();
    let nets: Vec<Net> = circuit.nets().filter(|net| live[net.index()]).collect();
    // Some changes are none, or fit no node: then another is drawn.
    (0..1000).find_map(|_| {
        let net = *random.choice(&nets).unwrap();
        let old = circuit.node(net).clone();
        if let Op::Table(table) = old.op {
            let entry = random.usize(..circuit.tables()[table].len());
            let value = circuit.tables()[table][entry] + if random.bool() { 1 } else { -1 };
            if random.bool() && (old.range.lo..=old.range.hi).contains(&value) {
                circuit.replace_entry(table, entry, value);
                return Some(format!("table {table}, entry {entry} is {value}"));
            }
        }
        if let Op::State(at) = old.op {
            let mut state = circuit.states()[at].clone();
            match random.u8(..3) {
                0 if state.enable.is_some() => state.enable = None,
                1 => state.initial = if state.initial == old.range.lo { old.range.hi } else { old.range.lo },
                _ => state.next = Some(other(circuit, state.next?, random)?),
            }
            let what = format!("state {at} becomes {state:?}");
            circuit.replace_state(at, state);
            return Some(what);
        }
        let new = changed(circuit, &old, net, random).filter(|new| *new != old)?;
        let what = format!("{net:?} {:?} of {:?} becomes {:?} of {:?}", old.op, old.args, new.op, new.args);
        circuit.replace(net, new);
        Some(what)
    })
}

/// Another node for one.
fn changed(circuit: &Circuit, old: &Node, net: Net, random: &mut Rng) -> Option<Node> {
    let one = |n: u32, random: &mut Rng| if random.bool() { n + 1 } else { n.saturating_sub(1) };
    let mut node = old.clone();
    match (&mut node.op, random.u8(..3)) {
        (Op::Input, _) => return None,
        (Op::Constant, _) => {
            let value = node.range.lo + if random.bool() { 1 } else { -1 };
            (node.range.lo, node.range.hi) = (value, value);
        }
        (_, 0) => {
            let at = random.usize(..node.args.len());
            node.args[at] = other(circuit, node.args[at], random).filter(|other| *other < net)?;
        }
        // The order of what is added does not matter.
        (op, 1) if node.args.len() > 1 && !matches!(op, Op::Add | Op::Multiply | Op::And | Op::Or | Op::Equal) => {
            let (a, b) = (random.usize(..node.args.len()), random.usize(..node.args.len()));
            node.args.swap(a, b);
        }
        (op @ Op::Add, _) => *op = Op::Subtract,
        (op @ Op::Subtract, _) => *op = Op::Add,
        (op @ Op::And, _) => *op = Op::Or,
        (op @ Op::Or, _) => *op = Op::And,
        (op @ Op::Less, _) => *op = Op::Equal,
        (op @ Op::Equal, _) => *op = Op::Less,
        (op @ (Op::Not | Op::Signed { .. }), 1) => *op = Op::Narrow,
        (op @ Op::Gate, _) => {
            *op = Op::Narrow;
            node.args.remove(0);
        }
        (Op::OneOf, _) if node.args.len() > 2 => {
            let pair = random.usize(..node.args.len() / 2) * 2;
            node.args.drain(pair..pair + 2);
        }
        (Op::ShiftLeft(n) | Op::ShiftRight(n), _) => *n = one(*n, random),
        (Op::Bits { low, .. }, _) => *low = one(*low, random),
        (Op::Signed { width }, _) => *width = one(*width, random).max(1),
        (op @ Op::AddOrSubtract, _) => {
            *op = Op::Add;
            node.args.pop();
        }
        (op @ Op::Multiply, _) => *op = Op::Add,
        _ => return None,
    }
    Some(node)
}

/// A net near this one whose values it could have.
fn other(circuit: &Circuit, net: Net, random: &mut Rng) -> Option<Net> {
    let range = circuit.range(net);
    let fits = |other: &Net| {
        let found = circuit.range(*other);
        *other != net && range.lo <= found.lo && found.hi <= range.hi && other.index().abs_diff(net.index()) < 64
    };
    random.choice(circuit.nets().filter(fits).collect::<Vec<_>>())
}
