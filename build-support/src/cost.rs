//! Estimate of what a network costs on an FPGA: LUT, FF, DSP, cycles of its kernels, added up along its processes.

use std::ops::Range;

pub use crate::ops::parts::Kernel;
use crate::{
    fixed::bits_for,
    formats::{FixedLayer, FixedNetwork},
    manifest::Target,
    network::{Shape, SparseShape},
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

/// Bits of a word between two processes: what the vendor's types hold, and no more than its tools like.
const WORD: usize = 4096;

/// Cycles from one process to the next, through the FIFO between them. The published projects take as many as their processes
/// take and one for each but the last: 378 of 386, the others less.
const HANDOVER: u64 = 1;

/// Cycles that a loop takes to begin and to end, besides its steps and its registers: published loops over 4,761 positions take
/// 4,765, 4,767 and 4,768 cycles where the body has a latency of 2, 4 and 5.
const LOOP: u64 = 3;

/// Cycles until a process that has ended begins again: all published projects have an interval of one more than the longest
/// process takes.
const RESTART: u64 = 1;

/// The estimate of a network.
#[derive(Debug, Clone, PartialEq)]
pub struct NetworkEstimate {
    /// One for each op, as if it stood alone.
    pub layers: Vec<Estimate>,
    /// The FIFOs between processes.
    pub fifos: Fifos,
    /// The whole: area added up, latency through all processes, interval of the slowest.
    pub total: Estimate,
    /// The interval if a tool does not begin the next event in a loop before it has ended the last; nothing if there is no loop.
    pub without_rewind: Option<u64>,
}

/// FIFOs between processes, together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Fifos {
    /// How many.
    pub count: u64,
    /// Their LUTs after logic synthesis.
    pub luts: u64,
    /// Their flip-flops.
    pub ffs: u64,
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
    let around = Surroundings::of(&network.layers, at, &plan.layers);
    let is_loop =
        |process: &&Range<usize>| process.contains(&at) && plan.layers[(*process).clone()].iter().any(|plan| plan.steps > 1);
    let around = plan.processes(network).iter().find(is_loop).map_or(around, |process| around.in_loop(process, at, &plan.layers));
    kernel(&network.layers[at], &plan.layers[at], around)
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
    let mut without_rewind = None;
    let processes = plan.processes(network);
    for process in &processes {
        let kernels: Vec<_> = process.clone().map(|at| planned_kernel(network, plan, at)).collect();
        let mut one = estimate(&kernels, target);
        if one.initiation_interval > 1 {
            one.latency = one.latency.saturating_add(LOOP);
            without_rewind = without_rewind.max(Some(one.latency.saturating_add(RESTART)));
        }
        total.add_area(&one);
        total.depth_ns += one.depth_ns;
        total.initiation_interval = total.initiation_interval.max(one.initiation_interval);
        total.latency = total.latency.saturating_add(one.latency);
    }
    let handovers = (processes.len() as u64).saturating_sub(1).saturating_mul(HANDOVER);
    total.latency = total.latency.saturating_add(handovers);
    let between: Vec<_> = fifos(network, plan).into_iter().map(Estimate::fifo).collect();
    between.iter().for_each(|fifo| total.add_area(fifo));
    let sum = |of: fn(&Estimate) -> u64| between.iter().fold(0u64, |sum, fifo| sum.saturating_add(of(fifo)));
    let fifos = Fifos { count: between.len() as u64, luts: sum(|fifo| fifo.luts), ffs: sum(|fifo| fifo.ffs) };
    NetworkEstimate { layers, fifos, total, without_rewind }
}

/// The bits of a word of each FIFO between processes: a value is a word, or several beside each other if it is wide, and so is
/// the hash of a sparse one.
pub fn fifos(network: &FixedNetwork, plan: &Plan) -> Vec<u64> {
    let mut processes = plan.processes(network);
    processes.pop();
    let given = processes.iter().filter_map(|process| network.layers[process.clone()].last());
    given.flat_map(|fixed| words(fixed.layer.shape.len(), fixed.output.format().width).chain(hash(&fixed.layer.shape))).collect()
}

fn hash(shape: &Shape) -> impl Iterator<Item = u64> {
    let words = |pixels: SparseShape| words(pixels.slots.saturating_mul(2), bits_for(pixels.height.max(pixels.width)));
    shape.sparse().map(words).into_iter().flatten()
}

fn words(elements: usize, bits: u32) -> impl Iterator<Item = u64> {
    let words = word_count(elements, bits);
    let width = (elements.div_ceil(words) as u64).saturating_mul(bits.max(1).into());
    std::iter::repeat_n(width, words)
}

/// How many words beside each other hold a value of so many elements.
pub(crate) fn word_count(elements: usize, bits: u32) -> usize {
    elements.saturating_mul(bits.max(1) as usize).div_ceil(WORD).max(1)
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
