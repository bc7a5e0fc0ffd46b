//! Estimate of what a network costs on an FPGA: LUT, FF, DSP, cycles of its kernels, added up along its processes.

use std::ops::Range;

pub use crate::ops::parts::Kernel;
use crate::{
    formats::{FixedLayer, FixedNetwork},
    manifest::{Pipeline, Target},
    ops::{
        LayerPlan,
        parts::{Surroundings, kernel},
    },
    plan::Plan,
    structure::{Clock, Estimate, Structure},
};

/// Instructions above which HLS takes long: a published design of 957,000 took it 4.6 hours and 16.8 GB.
pub const MANY_INSTRUCTIONS: u64 = 1_000_000;

/// Instructions that HLS is expected to compile in less than an hour and 4 GB, if both grow in proportion.
pub const FIRST_INSTRUCTIONS: u64 = 200_000;

/// Cycles that the handshake between two processes of a dataflow region takes.
const HANDSHAKE: u64 = 1;

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
pub(crate) fn layer_at(network: &FixedNetwork, at: usize, plan: &LayerPlan, target: &Target) -> Estimate {
    estimate(&[kernel(&network.layers[at], plan, Surroundings::of(&network.layers, at, &[]))], target)
}

/// The kernel of the op at `at` of a planned network, and its estimate.
pub fn planned(network: &FixedNetwork, plan: &Plan, at: usize, target: &Target) -> (Kernel, Estimate) {
    let kernel = planned_kernel(network, plan, at);
    let estimate = estimate(std::slice::from_ref(&kernel), target);
    (kernel, estimate)
}

fn planned_kernel(network: &FixedNetwork, plan: &Plan, at: usize) -> Kernel {
    kernel(&network.layers[at], &plan.layers[at], Surroundings::of(&network.layers, at, &plan.layers))
}

/// The estimate of kernels in one pipeline.
fn estimate(kernels: &[Kernel], target: &Target) -> Estimate {
    let steps = kernels.iter().flat_map(|kernel| kernel.structure.steps.clone()).collect();
    let trips = kernels.iter().map(|kernel| kernel.structure.trips).max().unwrap_or(1);
    let mut estimate = Structure { steps, trips, initiation_interval: 1 }.estimate(&clock(target));
    estimate.ffs = kernels.iter().fold(estimate.ffs, |ffs, kernel| ffs.saturating_add(kernel.held));
    estimate
}

/// The estimate of a planned network.
pub fn network(network: &FixedNetwork, plan: &Plan, target: &Target) -> NetworkEstimate {
    let layers = (0..network.layers.len()).map(|at| planned(network, plan, at, target).1).collect();
    let mut total = Estimate { initiation_interval: 1, ..Estimate::default() };
    for process in plan.processes(network) {
        let kernels: Vec<_> = process.map(|at| planned_kernel(network, plan, at)).collect();
        let one = estimate(&kernels, target);
        total.add_area(&one);
        total.depth_ns += one.depth_ns;
        total.initiation_interval = total.initiation_interval.max(one.initiation_interval);
        total.latency = total.latency.saturating_add(one.latency);
        if plan.pipeline == Pipeline::Dataflow {
            total.latency = total.latency.saturating_add(HANDSHAKE);
        }
    }
    NetworkEstimate { layers, total }
}

/// Instructions that HLS has to compile for a network, after it has unrolled loops; an order of magnitude.
pub fn instructions(network: &FixedNetwork, plan: &Plan) -> u64 {
    (0..network.layers.len())
        .fold(0, |sum: u64, at| sum.saturating_add(planned_kernel(network, plan, at).structure.instructions()))
}

/// The area of some ops of a network.
pub fn area(network: &FixedNetwork, ops: Range<usize>, plans: &[LayerPlan], target: &Target) -> u64 {
    ops.zip(plans).map(|(at, plan)| layer_at(network, at, plan, target).area()).sum()
}
