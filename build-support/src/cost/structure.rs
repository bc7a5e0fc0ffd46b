//! From the operations of a kernel to its area and timing.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Operation;

/// Part of a kernel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Step {
    /// What it does, for people.
    pub what: &'static str,
    /// The operation that it consists of.
    pub operation: Operation,
    /// How many of them there are in hardware.
    pub count: u64,
    /// How many of them stand one after the other on the longest path; 0 if they are beside it.
    pub levels: u32,
    /// Bits that a pipeline register behind this step has to hold.
    pub live: u64,
}

/// The structure of one kernel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Structure {
    /// Its parts in order of data flow.
    pub steps: Vec<Step>,
    /// Iterations of its pipelined loop; 1 if it is fully parallel.
    pub trips: u64,
    /// Clock cycles from one iteration to the next; 1 unless an iteration needs the result of the one before it.
    pub interval: u64,
}

/// The clock a kernel is scheduled for.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Clock {
    /// Period in ns.
    pub period: f64,
    /// Part of the period that the scheduler leaves free, in percent.
    pub uncertainty: f64,
}

/// What a kernel costs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Estimate {
    /// LUTs after logic synthesis.
    pub luts: u64,
    /// LUTs that Vitis HLS would estimate before logic synthesis.
    pub hls_luts: u64,
    /// Flip-flops.
    pub ffs: u64,
    /// DSP blocks.
    pub dsps: u64,
    /// Bits of constant tables.
    pub table_bits: u64,
    /// Delay of the longest path without registers, in ns.
    pub depth_ns: f64,
    /// Clock cycles from an input to its output.
    pub latency: u64,
    /// Clock cycles from one input to the next.
    pub interval: u64,
}

impl Clock {
    /// What the scheduler can use of the period, in ns.
    pub fn usable(&self) -> f64 {
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
    /// Goes through a step; `before`: bits that are alive in front of it.
    fn step(&mut self, step: &Step, before: u64) {
        let (levels, delay) = step.operation.levels();
        let mut live = before;
        for level in 0..levels.saturating_mul(step.levels).min(MAX_LEVELS) {
            let starts = step.operation.is_synchronous() && level.is_multiple_of(levels.max(1));
            if starts || (self.since > 0.0 && self.since + delay > self.usable) {
                self.register(live);
            }
            self.since += delay;
            live = step.live;
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
        let (trips, interval) = (self.trips.max(1), self.interval.max(1));
        Estimate {
            luts: sum(Operation::luts).ceil() as u64,
            hls_luts: sum(Operation::hls_luts).ceil() as u64,
            ffs: walk.ffs,
            dsps: total(|operation| u64::from(operation.dsps())),
            table_bits: total(Operation::table_bits),
            depth_ns: self.steps.iter().map(|step| step.operation.delay() * f64::from(step.levels)).sum(),
            latency: walk.registers.saturating_add((trips - 1).saturating_mul(interval)),
            interval: trips.saturating_mul(interval),
        }
    }

    /// How many operations of each kind and width there are.
    pub fn operations(&self) -> BTreeMap<Operation, u64> {
        let mut counts = BTreeMap::new();
        for step in self.steps.iter().filter(|step| step.count > 0) {
            let count: &mut u64 = counts.entry(step.operation).or_default();
            *count = count.saturating_add(step.count);
        }
        counts
    }
}
