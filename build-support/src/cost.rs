//! Estimate of what a kernel costs on an FPGA: LUT, FF, DSP, cycles.
//!
//! A kernel is described by its [`Structure`]: the [`Operation`]s it needs, in order of data flow. The estimate adds
//! them up and places pipeline registers by their delays. It is an estimate: no vendor tool is asked. How far it is off
//! for published kernels is tested in `tests/published.rs` and written down in `docs/cost-model.md`.

mod kernels;
mod operation;
mod structure;

use std::ops::Range;

pub use self::{
    kernels::{Kernel, kernel},
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

/// The estimate of one op.
pub fn layer(fixed: &FixedLayer, plan: &LayerPlan, target: &Target) -> Estimate {
    estimate(&[kernel(fixed, plan)], target)
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
    let layers: Vec<_> = network.layers.iter().zip(&plan.layers).map(|(fixed, plan)| layer(fixed, plan, target)).collect();
    let mut total = Estimate { interval: 1, ..Estimate::default() };
    for process in plan.processes(network) {
        let kernels: Vec<_> = process.map(|at| kernel(&network.layers[at], &plan.layers[at])).collect();
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
    network.layers[ops].iter().zip(plans).map(|(fixed, plan)| layer(fixed, plan, target).area()).sum()
}
