//! A circuit as a list of what is to be done in a token, with a place for each value.

use super::rows::Work;
use crate::circuit::{Circuit, Net, Node, Op};

/// Where the row of a net is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// 64-bit integers.
    Row(u32),
    /// 128-bit integers.
    Wide(u32),
}

/// What is done for a node.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// A row is made of others.
    Row { net: Net, dest: u32, work: Work },
    /// A row must have values from `lo` to `hi`.
    Check { net: Net, row: u32, lo: i64, hi: i64 },
    /// A node that is, or reads, what is wide.
    Slow(Net),
    /// What a state has is needed after it has something else.
    Copy { from: Place, to: Place },
}

/// What a token leaves in a state.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kept {
    Row { state: u32, next: u32, enable: Option<u32> },
    Slow { state: Place, next: Place, enable: Option<Place> },
}

/// What is to be done in a token. Nets that are not needed are left out; the rows of nets that nothing needs any more are used
/// again for others.
#[derive(Debug, Clone)]
pub struct Program {
    places: Vec<Option<Place>>,
    pub(super) steps: Vec<Step>,
    pub(super) kept: Vec<Kept>,
    /// What nets are before the first token: constants, states.
    pub(super) initial: Vec<(Net, i128)>,
    pub(super) rows: usize,
    pub(super) wide: usize,
}

struct Compiler<'a> {
    circuit: &'a Circuit,
    program: Program,
    /// For each net that shares its row with others, the one that it has it from.
    root: Vec<Net>,
    /// How often the row of a net is still read.
    left: Vec<usize>,
    free: Vec<u32>,
}

/// Stays for ever.
const ALWAYS: usize = 1 << 40;

impl Program {
    /// A program for `circuit`. The values of `wanted` can be looked at, as can those of outputs and states.
    pub fn new(circuit: &Circuit, wanted: &[Net]) -> Self {
        let outputs = circuit.outputs().iter().map(|port| port.net);
        Self::only(circuit, &outputs.chain(wanted.iter().copied()).collect::<Vec<_>>())
    }

    /// A program for what `wanted` needs of a circuit. Only these values can be looked at, and those of states.
    pub fn only(circuit: &Circuit, wanted: &[Net]) -> Self {
        let wanted = wanted.iter().copied();
        let live = circuit.needed(wanted.clone());
        let program =
            Self { places: vec![None; live.len()], steps: Vec::new(), kept: Vec::new(), initial: Vec::new(), rows: 0, wide: 0 };
        let mut compiler =
            Compiler { circuit, program, root: circuit.nets().collect(), left: vec![0; live.len()], free: Vec::new() };
        compiler.count(&live, wanted);
        for net in circuit.nets().filter(|net| live[net.index()]) {
            compiler.node(net);
        }
        compiler.states(&live);
        compiler.program
    }

    /// Where the row of `net` is, if it is needed.
    pub(super) fn place(&self, net: Net) -> Option<Place> {
        self.places[net.index()]
    }
}

/// Whether 64 bits hold what a node can be.
fn is_narrow(node: &Node) -> bool {
    i64::try_from(node.range.lo).is_ok() && i64::try_from(node.range.hi).is_ok()
}

impl Compiler<'_> {
    /// Counts how often each row is read, and finds those which nets share.
    fn count(&mut self, live: &[bool], wanted: impl Iterator<Item = Net>) {
        for net in self.circuit.nets().filter(|net| live[net.index()]) {
            let node = self.circuit.node(net);
            if let (Op::Narrow, [arg]) = (&node.op, &node.args[..])
                && is_narrow(node)
                && is_narrow(self.circuit.node(*arg))
            {
                self.root[net.index()] = self.root[arg.index()];
            }
            let is_kept = matches!(node.op, Op::Input | Op::Constant | Op::State(_));
            let uses = if is_kept { ALWAYS } else { 0 };
            self.left[self.root[net.index()].index()] += uses;
            node.args.iter().for_each(|arg| self.left[self.root[arg.index()].index()] += 1);
        }
        let states = self.circuit.states().iter().filter(|state| live[state.net.index()]);
        let kept = states.flat_map(|state| state.next.into_iter().chain(state.enable));
        for net in kept.chain(wanted) {
            self.left[self.root[net.index()].index()] += ALWAYS;
        }
    }

    fn node(&mut self, net: Net) {
        let circuit = self.circuit;
        let node = circuit.node(net);
        if self.root[net.index()] != net {
            self.program.places[net.index()] = self.program.places[self.root[net.index()].index()];
            if let Some(Place::Row(row)) = self.program.places[net.index()] {
                let (lo, hi) = (node.range.lo as i64, node.range.hi as i64);
                self.program.steps.push(Step::Check { net, row, lo, hi });
            }
        } else {
            // What is made has a row of its own, before those that it is made of are given back.
            let place = match node.op {
                Op::Input | Op::Constant | Op::State(_) => self.new_place(is_narrow(node)),
                _ => self.place(is_narrow(node)),
            };
            self.program.places[net.index()] = Some(place);
            match node.op {
                Op::Input => {}
                Op::Constant => self.program.initial.push((net, node.range.lo)),
                Op::State(at) => self.program.initial.push((net, circuit.states()[at].initial)),
                _ => {
                    let step = match (place, self.work(node)) {
                        (Place::Row(dest), Some(work)) => Step::Row { net, dest, work },
                        _ => Step::Slow(net),
                    };
                    self.program.steps.push(step);
                }
            }
        }
        node.args.iter().for_each(|arg| self.release(*arg));
    }

    /// A place for what is made in each token.
    fn place(&mut self, is_narrow: bool) -> Place {
        match if is_narrow { self.free.pop() } else { None } {
            Some(row) => Place::Row(row),
            None => self.new_place(is_narrow),
        }
    }

    /// A place that nothing else has.
    fn new_place(&mut self, is_narrow: bool) -> Place {
        let counter = if is_narrow { &mut self.program.rows } else { &mut self.program.wide };
        let at = *counter as u32;
        *counter += 1;
        if is_narrow { Place::Row(at) } else { Place::Wide(at) }
    }

    fn release(&mut self, arg: Net) {
        let root = self.root[arg.index()];
        self.left[root.index()] -= 1;
        if let (0, Some(Place::Row(row))) = (self.left[root.index()], self.program.places[root.index()]) {
            self.free.push(row);
        }
    }

    /// What is done for a node with rows; nothing if it reads a wide one, or has bits beyond 64.
    fn work(&self, node: &Node) -> Option<Work> {
        let row = |net: &Net| match self.program.places[net.index()] {
            Some(Place::Row(row)) => Some(row),
            _ => None,
        };
        let args = node.args.iter().map(row).collect::<Option<Vec<_>>>()?;
        let below_64 = |bits: u32| (bits < 64).then_some(bits);
        Some(match (&node.op, &args[..]) {
            (Op::Add, [a, b]) => Work::Add(*a, *b),
            (Op::Subtract, [a, b]) => Work::Subtract(*a, *b),
            (Op::AddOrSubtract, [a, b, minus]) => Work::AddOrSubtract(*a, *b, *minus),
            (Op::Multiply, [a, b]) => Work::Multiply(*a, *b),
            (Op::ShiftLeft(bits), [a]) => Work::ShiftLeft(*a, below_64(*bits)?),
            (Op::ShiftRight(bits), [a]) => Work::ShiftRight(*a, *bits.min(&63)),
            (Op::Less, [a, b]) => Work::Less(*a, *b),
            (Op::Equal, [a, b]) => Work::Equal(*a, *b),
            (Op::Not, [a]) => Work::Not(*a),
            (Op::And, _) => Work::And(args),
            (Op::Or, _) => Work::Or(args),
            (Op::Gate, [c, a]) => Work::Gate(*c, *a),
            (Op::OneOf, _) => Work::OneOf(args.as_chunks().0.iter().map(|[condition, word]| (*condition, *word)).collect()),
            (Op::Select, [c, a, b]) => Work::Select(*c, *a, *b),
            (Op::Pick, [index, words @ ..]) => Work::Pick(*index, words.to_vec()),
            (Op::Table(table), [index]) => Work::Table(*index, *table),
            (Op::Bits { low, width }, [a]) => Work::Bits(*a, *low.min(&63), i64::MAX >> (63 - width.min(&63))),
            (Op::Signed { width }, [a]) => Work::Signed(*a, 64 - width.clamp(&1, &64)),
            (Op::Join(widths), _) => {
                widths.iter().try_for_each(|bits| below_64(*bits).map(drop))?;
                Work::Join(args.into_iter().zip(widths.iter().copied()).collect())
            }
            _ => return None,
        })
    }

    /// What is left in states. A state that another one takes over is copied before.
    fn states(&mut self, live: &[bool]) {
        for state in self.circuit.states().iter().filter(|state| live[state.net.index()]) {
            let (Some(own), Some(next)) = (self.program.place(state.net), state.next) else { continue };
            let (Some(next), enable) = (self.before(next), state.enable.and_then(|enable| self.before(enable))) else { continue };
            let row = |place: Place| match place {
                Place::Row(row) => Some(row),
                Place::Wide(_) => None,
            };
            self.program.kept.push(match (row(own), row(next), enable.map(row)) {
                (Some(state), Some(next), None) => Kept::Row { state, next, enable: None },
                (Some(state), Some(next), Some(Some(enable))) => Kept::Row { state, next, enable: Some(enable) },
                _ => Kept::Slow { state: own, next, enable },
            });
        }
    }

    /// Where what `net` is in this token stays until states have changed.
    fn before(&mut self, net: Net) -> Option<Place> {
        let place = self.program.place(net)?;
        let root = self.root[net.index()];
        if !matches!(self.circuit.node(root).op, Op::State(_)) {
            return Some(place);
        }
        let to = self.place(matches!(place, Place::Row(_)));
        self.program.steps.push(Step::Copy { from: place, to });
        Some(to)
    }
}
