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

/// Where the walk along the longest path is.
#[derive(Default)]
struct Walk {
    /// Delay since the last register, ns.
    since: f64,
    registers: u64,
    ffs: u64,
}

impl Walk {
    /// Goes through one operation; `live` bits have to be held if a register is needed in front of it.
    fn pass(&mut self, delay: f64, usable: f64, live: u64) {
        if self.since > 0.0 && self.since + delay > usable {
            self.register(live);
        }
        self.since += delay;
        // An operation that is longer than a cycle is pipelined itself; with no usable cycle at all it stays whole.
        while self.since > usable && usable > 0.0 && self.registers < u64::from(u32::MAX) {
            self.since -= usable;
            self.registers = self.registers.saturating_add(1);
            self.ffs = self.ffs.saturating_add(live);
        }
    }

    fn register(&mut self, live: u64) {
        self.since = 0.0;
        self.registers = self.registers.saturating_add(1);
        self.ffs = self.ffs.saturating_add(live);
    }
}

impl Structure {
    /// Adds up the operations and places pipeline registers wherever a cycle is full.
    pub fn estimate(&self, clock: &Clock) -> Estimate {
        let mut estimate = Estimate::default();
        let (mut luts, mut walk, mut live) = (0.0, Walk::default(), 0);
        for step in &self.steps {
            let operation = step.operation;
            luts += operation.luts() * step.count as f64;
            estimate.dsps = estimate.dsps.saturating_add(u64::from(operation.dsps()).saturating_mul(step.count));
            estimate.table_bits = estimate.table_bits.saturating_add(operation.table_bits().saturating_mul(step.count));
            estimate.depth_ns += operation.delay() * f64::from(step.levels);
            for _ in 0..step.levels {
                walk.pass(operation.delay(), clock.usable(), live);
                live = step.live;
            }
        }
        estimate.luts = luts.ceil() as u64;
        estimate.ffs = walk.ffs;
        estimate.interval = self.trips.max(1);
        estimate.latency = walk.registers.saturating_add(estimate.interval - 1);
        estimate
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
