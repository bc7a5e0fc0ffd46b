//! Circuits of kernels, run token by token as they say.

use fastrand::Rng;

use crate::{
    circuit::{Circuit, Op, evaluate::scalar::compute},
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
            let args: Vec<_> = node.args.iter().map(|arg| self.values[arg.index()]).collect();
            let value = match node.op {
                Op::Input => inputs[circuit.inputs().iter().position(|port| port.net == net).unwrap()],
                Op::State(at) => self.states[at],
                _ => compute(node, &args, circuit.tables()).unwrap_or_else(|(value, what)| panic!("{value} {what}: {node:?}")),
            };
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
