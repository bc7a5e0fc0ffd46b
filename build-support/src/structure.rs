//! From the operations of a kernel to its area and timing on an FPGA.
//!
//! A kernel is described by its [`Structure`]: the [`Operation`]s it needs, in order of data flow. The estimate adds
//! them up and places pipeline registers by their delays. It is an estimate: no vendor tool is asked. How far it is off
//! for published kernels is tested in `tests/published.rs` and written down in `docs/cost-model.md`.

mod instructions;
mod operation;

use std::collections::BTreeMap;

pub(crate) use self::operation::MULTIPLIED_DIGITS;
pub use self::operation::Operation;
use crate::parts::Demand;

/// Part of a kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What it does, for people.
    pub what: &'static str,
    /// The operation that it consists of.
    pub operation: Operation,
    /// How many of them there are in hardware.
    pub count: u64,
    /// How many of them stand one after the other on the longest path; 0 if they are beside it.
    pub levels: u32,
    /// Bits that a pipeline register behind this step has to hold. All of them: also what later steps still need.
    pub live: u64,
}

impl Step {
    /// Bits that a register behind `level` levels of the operation holds; `before`: bits that are alive in front of it.
    /// A level of additions leaves half of the values, each a bit wider. What is not the tree's passes by.
    fn live_inside(&self, before: u64, level: u32) -> u64 {
        let Some(sums) = self.operation.bits_behind(level) else {
            return self.live.max(before.checked_shr(level).unwrap_or(0));
        };
        let results = self.operation.bits_behind(u32::MAX).unwrap_or(0).saturating_mul(self.count);
        self.live.saturating_sub(results).saturating_add(sums.saturating_mul(self.count))
    }

    /// Block RAMs of the step's tables: each has two ports, so two reads share one.
    fn bram18(&self) -> u64 {
        u64::from(self.operation.bram18()).saturating_mul(self.count.div_ceil(BRAM_PORTS))
    }
}

/// Reads of a block RAM in a cycle.
const BRAM_PORTS: u64 = 2;

/// LUTs that count like one DSP where variants are compared.
const LUTS_OF_A_DSP: u64 = 100;

/// The structure of one kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Structure {
    /// Its parts in order of data flow.
    pub steps: Vec<Step>,
    /// Iterations of its pipelined loop; 1 if it is fully parallel.
    pub trips: u64,
    /// Clock cycles from one iteration to the next; 1 unless an iteration needs the result of the one before it.
    pub initiation_interval: u64,
}

/// The clock a kernel is scheduled for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Clock {
    /// Period in ns.
    pub period: f64,
    /// Part of the period that the scheduler leaves free, in percent.
    pub uncertainty: f64,
}

/// What a kernel costs.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Estimate {
    /// LUTs after logic synthesis.
    pub luts: u64,
    /// LUTs that Vitis HLS would estimate before logic synthesis.
    pub hls_luts: u64,
    /// Flip-flops.
    pub ffs: u64,
    /// DSP blocks.
    pub dsps: u64,
    /// Block RAMs of 18 kb: tables that are too large for LUTs.
    pub bram18: u64,
    /// Bits of constant tables.
    pub table_bits: u64,
    /// Delay of the longest path without registers, in ns.
    pub depth_ns: f64,
    /// Clock cycles from an input to its output.
    pub latency: u64,
    /// Clock cycles from one input to the next.
    pub initiation_interval: u64,
    /// LUTs behind each other on the longest path between registers, where the circuit itself is known.
    pub levels: Option<u32>,
}

impl Clock {
    /// What the scheduler can use of the period, in ns.
    pub(crate) fn usable(&self) -> f64 {
        self.period * (1.0 - self.uncertainty / 100.0)
    }
}

/// A walk along the longest path, which places registers.
struct Walk {
    /// What a cycle has room for, ns.
    usable: f64,
    /// Delay since the last register, ns.
    since: f64,
    /// Registers so far.
    registers: u64,
    /// Flip-flops of these registers.
    ffs: u64,
}

impl Walk {
    /// Goes through a step; `before`: bits that are alive in front of it. In a tree the values halve with every level.
    fn step(&mut self, step: &Step, before: u64) {
        let (levels, delay) = step.operation.levels();
        for level in 0..levels.saturating_mul(step.levels).min(MAX_LEVELS) {
            let inner = level % levels.max(1);
            if inner == 0 && step.operation.is_synchronous() || self.since > 0.0 && self.since + delay > self.usable {
                self.register(match (level, inner) {
                    (0, _) => before,
                    (_, 0) => step.live,
                    _ => step.live_inside(before, inner),
                });
            }
            self.since += delay;
        }
    }

    fn register(&mut self, live: u64) {
        self.since = 0.0;
        self.registers = self.registers.saturating_add(1);
        self.ffs = self.ffs.saturating_add(live);
    }
}

/// More levels than this take as long as this many; no kernel has them.
const MAX_LEVELS: u32 = 1 << 16;

impl Structure {
    /// Adds up the operations and places pipeline registers wherever a cycle is full.
    ///
    /// The latency counts registers, as HLS does: 0 is a kernel without any. Control logic, FIFOs and the hand-over from
    /// one kernel to the next are not in it.
    pub fn estimate(&self, clock: &Clock) -> Estimate {
        let mut walk = Walk { usable: clock.usable(), since: 0.0, registers: 0, ffs: 0 };
        let mut before = 0;
        for step in self.steps.iter().filter(|step| step.levels > 0) {
            walk.step(step, before);
            before = step.live;
        }
        let sum = |luts: fn(Operation) -> f64| -> f64 { self.steps.iter().map(|s| luts(s.operation) * s.count as f64).sum() };
        let total = |bits: fn(Operation) -> u64| {
            self.steps.iter().fold(0u64, |sum, step| sum.saturating_add(bits(step.operation).saturating_mul(step.count)))
        };
        let (trips, interval) = (self.trips.max(1), self.initiation_interval.max(1));
        Estimate {
            luts: sum(Operation::luts).ceil() as u64,
            hls_luts: sum(Operation::hls_luts).ceil() as u64,
            ffs: walk.ffs,
            dsps: total(|operation| u64::from(operation.dsps())),
            bram18: self.steps.iter().fold(0, |sum: u64, step| sum.saturating_add(step.bram18())),
            table_bits: total(Operation::table_bits),
            depth_ns: self.steps.iter().map(|step| step.operation.delay() * f64::from(step.levels)).sum(),
            latency: walk.registers.saturating_add((trips - 1).saturating_mul(interval)),
            initiation_interval: trips.saturating_mul(interval),
            levels: None,
        }
    }

    /// How many operations of each kind and width there are.
    pub(crate) fn operations(&self) -> BTreeMap<Operation, u64> {
        let mut counts = BTreeMap::new();
        for step in self.steps.iter().filter(|step| step.count > 0) {
            let count: &mut u64 = counts.entry(step.operation).or_default();
            *count = count.saturating_add(step.count);
        }
        counts
    }
}

impl Estimate {
    /// A FIFO for two words of `width` bits, as tools make one between processes if nothing else is said: both are in flip-flops,
    /// and a LUT for each bit chooses. After logic synthesis the published FIFOs of 3, 4 and 6 bits have 10, 12 and 16 FF, those
    /// of 22 and 24 bits 48 and 52; those of 3 and 4 bits have 9 and 10 LUT, wider ones with what has moved into them up to 2.5
    /// for each bit. In the report of HLS those of 8 and 10 bits have 28 and 36 LUT, in 60 projects each.
    pub fn fifo(width: u64) -> Self {
        Self {
            luts: width.saturating_add(6),
            hls_luts: width.saturating_sub(1).saturating_mul(4),
            ffs: width.saturating_mul(2).saturating_add(4),
            ..Self::default()
        }
    }

    /// One number for the area, to compare variants with.
    pub fn area(&self) -> u64 {
        self.luts.saturating_add(self.dsps.saturating_mul(LUTS_OF_A_DSP))
    }

    /// What it takes of a part. Ultra RAMs are not estimated.
    pub fn demand(&self) -> Demand {
        Demand { lut: Some(self.luts), ff: Some(self.ffs), dsp: Some(self.dsps), bram18: Some(self.bram18), uram: None }
    }

    /// Adds the area of another kernel; cycles stay.
    pub(crate) fn add_area(&mut self, other: &Self) {
        self.luts = self.luts.saturating_add(other.luts);
        self.hls_luts = self.hls_luts.saturating_add(other.hls_luts);
        self.ffs = self.ffs.saturating_add(other.ffs);
        self.dsps = self.dsps.saturating_add(other.dsps);
        self.bram18 = self.bram18.saturating_add(other.bram18);
        self.table_bits = self.table_bits.saturating_add(other.table_bits);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLOCK: Clock = Clock { period: 5.0, uncertainty: 27.0 };

    fn step(operation: Operation, count: u64, levels: u32, live: u64) -> Step {
        Step { what: "test", operation, count, levels, live }
    }

    fn parallel(steps: Vec<Step>) -> Structure {
        Structure { steps, trips: 1, initiation_interval: 1 }
    }

    #[test]
    fn a_register_stands_where_the_cycle_is_full_and_holds_what_is_alive_there() {
        // An adder of 8 bits takes 0.708 ns and a cycle has 3.65 ns: five fit.
        let adders = |levels| parallel(vec![step(Operation::Add { width: 8 }, 1, levels, 100)]).estimate(&CLOCK);
        assert_eq!((adders(5).latency, adders(5).ffs), (0, 0));
        assert_eq!((adders(6).latency, adders(6).ffs), (1, 100));
        assert_eq!((adders(11).latency, adders(11).ffs), (2, 200));
        let mixed = vec![step(Operation::Add { width: 8 }, 1, 5, 7), step(Operation::Add { width: 8 }, 1, 1, 100)];
        assert_eq!(parallel(mixed).estimate(&CLOCK).ffs, 7, "the register is in front of the second step");
    }

    #[test]
    fn steps_beside_the_longest_path_cost_area_and_no_time() {
        let beside = parallel(vec![step(Operation::Add { width: 10 }, 7, 0, 1000)]).estimate(&CLOCK);
        assert_eq!((beside.luts, beside.latency, beside.ffs, beside.depth_ns), (70, 0, 0, 0.0));
    }

    #[test]
    fn a_tree_is_narrower_behind_each_level() {
        let steps = vec![step(Operation::Gate { width: 8 }, 64, 1, 512), step(Operation::Sum { inputs: 64, width: 8 }, 1, 1, 14)];
        let estimate = parallel(steps).estimate(&CLOCK);
        // Three levels of 1.03 ns fit into the first cycle behind the gates, the others into the second: eight sums of
        // eight values each, three bits wider.
        assert_eq!((estimate.latency, estimate.ffs), (1, 8 * (8 + 3)));
    }

    /// The law in full: a register behind every level but the last, since a cycle has room for one.
    #[test]
    fn registers_of_a_tree_halve_by_level_and_grow_by_a_bit() {
        let level = Operation::Sum { inputs: 2, width: 8 }.delay();
        let narrow = Clock { period: level * 1.5, uncertainty: 0.0 };
        for (inputs, count, by_the_way) in [(2, 1, 0), (20, 3, 0), (64, 2, 100), (243, 16, 7)] {
            let deep = u32::BITS - (inputs - 1u32).leading_zeros();
            let results = u64::from(count * (8 + deep));
            let sums = step(Operation::Sum { inputs, width: 8 }, count.into(), 1, results + by_the_way);
            let expected: u64 = (1..deep).map(|k| u64::from(count * inputs.div_ceil(1 << k) * (8 + k)) + by_the_way).sum();
            let estimate = parallel(vec![sums]).estimate(&narrow);
            assert_eq!((estimate.latency, estimate.ffs), (u64::from(deep) - 1, expected), "{inputs} values");
        }
    }

    #[test]
    fn two_reads_share_a_block_ram() {
        let tables = |count| parallel(vec![step(Operation::Table { entries: 1024, width: 17 }, count, 1, 0)]).estimate(&CLOCK);
        assert_eq!([1, 2, 5, 10].map(|count| tables(count).bram18), [1, 1, 3, 5]);
        assert_eq!(tables(5).luts, 0, "the table is not in LUTs as well");
    }

    #[test]
    fn an_operation_longer_than_a_cycle_does_not_stop_the_walk() {
        let slow = parallel(vec![step(Operation::Multiply { a: 16, b: 16 }, 1, 3, 5)]);
        assert_eq!(slow.estimate(&Clock { period: 1.0, uncertainty: 0.0 }).latency, 2);
        assert_eq!(slow.estimate(&Clock { period: 0.0, uncertainty: 100.0 }).latency, 2);
        assert_eq!(slow.estimate(&Clock { period: f64::NAN, uncertainty: 0.0 }).latency, 0);
    }

    #[test]
    fn a_loop_repeats_its_interval() {
        let steps = vec![step(Operation::Add { width: 8 }, 1, 6, 0)];
        let looped = Structure { steps, trips: 20, initiation_interval: 4 }.estimate(&CLOCK);
        assert_eq!((looped.latency, looped.initiation_interval), (1 + 19 * 4, 80));
        let none = Structure { steps: vec![], trips: 0, initiation_interval: 0 }.estimate(&CLOCK);
        assert_eq!(none, Estimate { initiation_interval: 1, ..Estimate::default() });
    }

    #[test]
    fn the_largest_counts_saturate() {
        let steps = vec![
            step(Operation::Table { entries: u32::MAX, width: 128 }, u64::MAX, u32::MAX, u64::MAX),
            step(Operation::Multiply { a: 128, b: 128 }, u64::MAX, u32::MAX, u64::MAX),
        ];
        let huge = Structure { steps, trips: u64::MAX, initiation_interval: u64::MAX }.estimate(&CLOCK);
        assert_eq!([huge.dsps, huge.bram18, huge.table_bits, huge.latency], [u64::MAX; 4]);
    }

    #[test]
    fn operations_are_counted_by_kind_and_width() {
        let add = Operation::Add { width: 8 };
        let wide = Operation::Add { width: 9 };
        let counted =
            parallel(vec![step(add, 3, 1, 0), step(wide, 1, 0, 0), step(add, 4, 0, 0), step(wide, 0, 5, 0)]).operations();
        assert_eq!(counted, BTreeMap::from([(add, 7), (wide, 1)]));
    }
}
