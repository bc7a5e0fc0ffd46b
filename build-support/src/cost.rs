//! Estimate of what a kernel costs on an FPGA: LUT, FF, DSP, cycles.
//!
//! A kernel is described by its [`Structure`]: the [`Operation`]s it needs, in order of data flow. The estimate adds
//! them up and places pipeline registers by their delays. It is an estimate: no vendor tool is asked. How far it is off
//! for published kernels is tested in `tests/published.rs` and written down in `docs/cost-model.md`.

mod kernels;
mod operation;
mod structure;

use std::ops::Range;

use self::kernels::{Surroundings, kernel};
pub use self::{
    kernels::Kernel,
    operation::Operation,
    structure::{Clock, Estimate, Step, Structure},
};
use crate::{
    formats::{FixedLayer, FixedNetwork},
    manifest::{Pipeline, Target},
    plan::{LayerPlan, Plan},
};

/// Cycles that the handshake between two processes of a dataflow region takes.
const HANDSHAKE: u64 = 1;
/// LUTs that count like one DSP where variants are compared.
const LUTS_OF_A_DSP: u64 = 100;

impl std::fmt::Display for Operation {
    /// `8-bit add`, `20:1 select of 8 bits`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Add { width } => write!(f, "{width}-bit add"),
            Self::Sum { inputs, width } => write!(f, "sum of {inputs} values of {width} bits"),
            Self::Compare { width } => write!(f, "{width}-bit compare"),
            Self::Equal { width } => write!(f, "{width}-bit equal"),
            Self::Decode { width } => write!(f, "{width}-bit decode"),
            Self::Select { inputs, width } => write!(f, "{inputs}:1 select of {width} bits"),
            Self::GatedOr { inputs, width } => write!(f, "{inputs}:1 gated or of {width} bits"),
            Self::Gate { width } => write!(f, "{width}-bit gate"),
            Self::Table { entries, width } => write!(f, "{entries} x {width}-bit table"),
            Self::Constants { entries, width } => write!(f, "choice of {entries} {width}-bit constants"),
            Self::Round { formats, width } => write!(f, "{width}-bit rounding to {formats} formats"),
            Self::Multiply { a, b } => write!(f, "{a} x {b}-bit multiply"),
            Self::MultiplyConstant { digits, width } => write!(f, "{width}-bit multiply by a constant of {digits} digits"),
        }
    }
}

impl Estimate {
    /// One number for the area, to compare variants with.
    pub fn area(&self) -> u64 {
        self.luts.saturating_add(self.dsps.saturating_mul(LUTS_OF_A_DSP))
    }

    /// Adds the area of another kernel; cycles stay.
    fn add_area(&mut self, other: &Self) {
        self.luts = self.luts.saturating_add(other.luts);
        self.hls_luts = self.hls_luts.saturating_add(other.hls_luts);
        self.ffs = self.ffs.saturating_add(other.ffs);
        self.dsps = self.dsps.saturating_add(other.dsps);
        self.bram18 = self.bram18.saturating_add(other.bram18);
        self.table_bits = self.table_bits.saturating_add(other.table_bits);
    }
}

/// The estimate of a network.
#[derive(Debug, Clone, PartialEq)]
pub struct NetworkEstimate {
    /// One for each op, as if it stood alone.
    pub layers: Vec<Estimate>,
    /// The whole: area added up, latency through all processes, interval of the slowest.
    pub total: Estimate,
}

fn clock(target: &Target) -> Clock {
    Clock { period: target.clock_period, uncertainty: target.clock_uncertainty }
}

/// The estimate of one op without the ops around it.
pub fn layer(fixed: &FixedLayer, plan: &LayerPlan, target: &Target) -> Estimate {
    estimate(&[kernel(fixed, plan, Surroundings::default())], target)
}

/// The estimate of the op at `at`, if it is built like this.
pub fn layer_at(network: &FixedNetwork, at: usize, plan: &LayerPlan, target: &Target) -> Estimate {
    estimate(&[kernel(&network.layers[at], plan, Surroundings::of(network, at, &[]))], target)
}

/// The kernel of the op at `at` of a planned network, and its estimate.
pub fn planned(network: &FixedNetwork, plan: &Plan, at: usize, target: &Target) -> (Kernel, Estimate) {
    let kernel = planned_kernel(network, plan, at);
    let estimate = estimate(std::slice::from_ref(&kernel), target);
    (kernel, estimate)
}

fn planned_kernel(network: &FixedNetwork, plan: &Plan, at: usize) -> Kernel {
    kernel(&network.layers[at], &plan.layers[at], Surroundings::of(network, at, &plan.layers))
}

/// The estimate of kernels in one pipeline.
fn estimate(kernels: &[Kernel], target: &Target) -> Estimate {
    let steps = kernels.iter().flat_map(|kernel| kernel.structure.steps.clone()).collect();
    let trips = kernels.iter().map(|kernel| kernel.structure.trips).max().unwrap_or(1);
    let mut estimate = Structure { steps, trips, interval: 1 }.estimate(&clock(target));
    estimate.ffs = kernels.iter().fold(estimate.ffs, |ffs, kernel| ffs.saturating_add(kernel.held));
    estimate
}

/// The estimate of a planned network.
pub fn network(network: &FixedNetwork, plan: &Plan, target: &Target) -> NetworkEstimate {
    let layers = (0..network.layers.len()).map(|at| planned(network, plan, at, target).1).collect();
    let mut total = Estimate { interval: 1, ..Estimate::default() };
    for process in plan.processes(network) {
        let kernels: Vec<_> = process.map(|at| planned_kernel(network, plan, at)).collect();
        let one = estimate(&kernels, target);
        total.add_area(&one);
        total.depth_ns += one.depth_ns;
        total.interval = total.interval.max(one.interval);
        total.latency = total.latency.saturating_add(one.latency);
        if plan.pipeline == Pipeline::Dataflow {
            total.latency = total.latency.saturating_add(HANDSHAKE);
        }
    }
    NetworkEstimate { layers, total }
}

/// The area of some ops of a network.
pub fn area(network: &FixedNetwork, ops: Range<usize>, plans: &[LayerPlan], target: &Target) -> u64 {
    ops.zip(plans).map(|(at, plan)| layer_at(network, at, plan, target).area()).sum()
}
