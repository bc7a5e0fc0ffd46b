//! Circuits of kernels, run token by token as they say.

use fastrand::Rng;

use crate::{
    circuit::{Circuit, Net, Node, Op},
    fixed::{Format, MantissaRange, bits_for},
    network::SparseShape,
    ops::{Layout, SparseLayout, Value, Values},
};

/// A circuit that runs.
pub(super) struct Running<'a> {
    circuit: &'a Circuit,
    states: Vec<i128>,
    values: Vec<i128>,
}

fn ones(width: u32) -> i128 {
    (1 << width) - 1
}

impl<'a> Running<'a> {
    pub(super) fn new(circuit: &'a Circuit) -> Self {
        circuit.finish().unwrap();
        let states = circuit.states().iter().map(|state| state.initial).collect();
        Self { circuit, states, values: vec![0; circuit.nodes().len()] }
    }

    /// The values of all nets with `inputs`.
    pub(super) fn token(&mut self, inputs: &[i128]) -> &[i128] {
        let circuit = self.circuit;
        for (net, node) in circuit.nets().zip(circuit.nodes()) {
            let value = self.node(net, node, inputs);
            let MantissaRange { lo, hi } = node.range;
            assert!((lo..=hi).contains(&value), "{value} is not in {lo}..={hi} of {node:?}");
            self.values[net.index()] = value;
        }
        for (at, state) in circuit.states().iter().enumerate() {
            if state.enable.is_none_or(|enable| self.values[enable.index()] == 1) {
                self.states[at] = self.values[state.next.unwrap().index()];
            }
        }
        &self.values
    }

    fn node(&self, net: Net, node: &Node, inputs: &[i128]) -> i128 {
        let a: Vec<i128> = node.args.iter().map(|arg| self.values[arg.index()]).collect();
        match &node.op {
            Op::Input => inputs[self.circuit.inputs().iter().position(|port| port.net == net).unwrap()],
            Op::Constant => node.range.lo,
            Op::State(at) => self.states[*at],
            Op::Add => a[0] + a[1],
            Op::Subtract => a[0] - a[1],
            Op::AddOrSubtract => {
                if a[2] == 1 {
                    a[0] - a[1]
                } else {
                    a[0] + a[1]
                }
            }
            Op::Multiply => a[0] * a[1],
            Op::ShiftLeft(bits) => a[0] << bits,
            Op::ShiftRight(bits) => a[0] >> bits,
            Op::Less => i128::from(a[0] < a[1]),
            Op::Equal => i128::from(a[0] == a[1]),
            Op::Not => 1 - a[0],
            Op::And => a.iter().fold(-1, |x, y| x & y),
            Op::Or => a.iter().fold(0, |x, y| x | y),
            Op::Gate => a[0] * a[1],
            Op::OneOf => {
                let chosen: Vec<_> = a.chunks(2).filter(|pair| pair[0] == 1).collect();
                assert!(chosen.len() < 2, "{node:?} has several");
                chosen.first().map_or(0, |pair| pair[1])
            }
            Op::Select => {
                if a[0] == 1 {
                    a[1]
                } else {
                    a[2]
                }
            }
            Op::Pick => a[(1 + a[0] as usize).min(a.len() - 1)],
            Op::Table(at) => self.circuit.tables()[*at][usize::try_from(a[0]).unwrap()],
            Op::Bits { low, width } => (a[0] >> low.min(&127)) & ones(*width),
            Op::Signed { width } => {
                let range = Format { signed: true, width: *width, fraction: 0 }.range();
                (a[0] - range.lo).rem_euclid(1 << width) + range.lo
            }
            Op::Join(widths) => a.iter().zip(widths).fold(0, |joined, (word, width)| {
                assert!((0..=ones(*width)).contains(word));
                joined << width | word
            }),
            Op::Narrow => a[0],
        }
    }
}

/// Numbers by chance, the same everywhere.
pub(super) struct Random(Rng);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(Rng::with_seed(seed))
    }

    /// One from `lo` to `hi`.
    pub(super) fn between(&mut self, lo: i128, hi: i128) -> i128 {
        self.0.i128(lo..=hi)
    }

    /// One of some.
    pub(super) fn of<T: Copy>(&mut self, things: &[T]) -> T {
        things[self.between(0, things.len() as i128 - 1) as usize]
    }

    /// A range of up to so many bits.
    pub(super) fn range(&mut self, bits: u32) -> MantissaRange {
        let end = 1i128 << self.between(0, bits.into());
        let lo = if self.between(0, 1) == 0 { 0 } else { self.between(-end, end) };
        MantissaRange { lo, hi: self.between(lo.max(0), lo.max(0) + end) }
    }

    /// A few numbers of a range with its ends; all of a small one.
    pub(super) fn some_of(&mut self, range: MantissaRange, count: i128) -> Vec<i128> {
        if range.hi - range.lo <= count {
            return (range.lo..=range.hi).collect();
        }
        let near = [range.lo, range.lo + 1, -1, 0, 1, range.hi - 1, range.hi];
        let near = near.into_iter().filter(|x| (range.lo..=range.hi).contains(x)).collect::<Vec<_>>();
        near.into_iter().chain((0..count).map(|_| self.between(range.lo, range.hi))).collect()
    }
}

/// A value whose channels or elements have these.
pub(super) fn value_of(layout: Layout, values: &Values) -> Value {
    let hull = values.ranges.iter().copied().reduce(MantissaRange::hull).unwrap();
    Value { layout, format: Format::holding(hull, values.fraction), divisor: values.divisor, ranges: values.ranges.clone() }
}

/// A sparse value of this shape.
pub(super) fn sparse(shape: SparseShape) -> Layout {
    Layout::Sparse(SparseLayout { shape, coordinate_bits: bits_for(shape.height.max(shape.width)), is_ordered: true })
}
