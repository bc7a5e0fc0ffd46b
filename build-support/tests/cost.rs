//! What the estimate counts: the laws of `docs/cost-model.md` on kernels of the examples.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::{collections::BTreeMap, path::Path};

use sparsehls_build::{
    cost, data,
    fixed::MantissaRange,
    formats::{FixedLayer, FixedNetwork},
    manifest::{Knob, LayerOptions, Model, Variant},
    network::{Coefficients, Dense, Shape},
    ops::{FixedOp, LayerPlan},
    plan::Plan,
    structure::{Estimate, Operation},
};

fn example(name: &str) -> (Model, FixedNetwork) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../example-firmware/models/{name}.keras"));
    let x = data::read_golden(&source.with_extension("golden.npz")).unwrap().x;
    common::load(&source, &x).unwrap()
}

fn with_interval(model: Model, interval: usize) -> Model {
    Model { knobs: common::knobs([(Knob::Interval, interval)]), ..model }
}

fn with_variant(mut model: Model, layer: &str, variant: Variant) -> Model {
    model.layers.insert(layer.into(), LayerOptions { variant: Some(variant), ..LayerOptions::default() });
    model
}

/// The steps of the op `name` with their counts, and its estimate.
fn layer(model: &Model, network: &FixedNetwork, name: &str) -> (Vec<(&'static str, Operation, u64)>, Estimate) {
    let plan = Plan::new(network, model, cost::area).unwrap();
    let at = network.layers.iter().position(|fixed| fixed.layer.name == name).unwrap();
    let (kernel, estimate) = cost::planned(network, &plan, at, &model.target);
    let steps = kernel.structure.steps.iter().map(|step| (step.what, step.operation, step.count));
    (steps.collect(), estimate)
}

fn count(steps: &[(&str, Operation, u64)], wanted: &str) -> u64 {
    steps.iter().filter(|(what, ..)| *what == wanted).map(|(.., count)| count).sum()
}

/// `can_lie` of `hls_lib/kernels/sparse_conv2d.h` for constant slots, written again.
fn can_lie(ordered: bool, p: usize, q: usize, down: i64, right: i64) -> bool {
    let apart = q as i64 - p as i64;
    match (down, right) {
        (0, 0) => apart == 0,
        _ if !ordered => apart != 0,
        (0, _) if right > 0 => apart > 0 && apart <= right,
        (0, _) => apart < 0 && apart >= right,
        _ if down > 0 => apart > 0,
        _ => apart < 0,
    }
}

/// How many slots the kernel ORs at each tap of each slot.
fn candidates(ordered: bool, slots: usize, kernel: [usize; 2]) -> BTreeMap<usize, u64> {
    let mut counts = BTreeMap::new();
    let [top, left] = kernel.map(|size| (size as i64 - 1) / 2);
    for p in 0..slots {
        for tap in 0..(kernel[0] * kernel[1]) as i64 {
            let (down, right) = (tap / kernel[1] as i64 - top, tap % kernel[1] as i64 - left);
            let found = (0..slots).filter(|q| can_lie(ordered, p, *q, down, right)).count();
            *counts.entry(found).or_default() += u64::from(found > 0);
        }
    }
    counts.remove(&0);
    counts
}

#[test]
fn a_gather_looks_only_for_slots_that_can_lie_there() {
    let (model, network) = example("tracks");
    for (name, ordered) in [("conv1", true), ("conv2", false)] {
        let (steps, _) = layer(&with_variant(model.clone(), name, Variant::Gather), &network, name);
        let expected = candidates(ordered, 20, [7, 7]);
        let here: u64 = expected.iter().map(|(slots, count)| *slots as u64 * count).sum();
        assert_eq!(count(&steps, "at this tap"), here, "{name}");
        let gathers = steps.iter().filter(|(what, ..)| *what == "gather").map(|(_, operation, count)| match operation {
            Operation::Gate { .. } => (1, *count),
            Operation::GatedOr { inputs, .. } => (*inputs as usize, *count),
            other => panic!("{other:?}"),
        });
        assert_eq!(gathers.collect::<BTreeMap<_, _>>(), expected, "{name}");
    }
    let all = candidates(false, 20, [7, 7]).iter().map(|(slots, count)| *slots as u64 * count).sum::<u64>() as f64;
    let ordered = candidates(true, 20, [7, 7]).iter().map(|(slots, count)| *slots as u64 * count).sum::<u64>() as f64;
    assert!(all / ordered > 2.0, "the order of the slots is worth {all} / {ordered}");
}

/// A dense layer of two inputs and three outputs, whose values have `bits` bits.
fn dense(weights: [i64; 6], bits: u32) -> (FixedLayer, LayerPlan) {
    let (_, network) = example("tracks");
    let mut fixed = network.layers.iter().rfind(|fixed| matches!(fixed.layer.op, FixedOp::Dense(_))).unwrap().clone();
    let weights = Coefficients { values: weights.to_vec(), fraction: 0 };
    let FixedOp::Dense(op) = &mut fixed.layer.op else { panic!() };
    op.dense = Dense { rows: 1, inputs: 2, outputs: 3, weights, bias: None };
    (fixed.input_shape, fixed.layer.shape) = (Shape::Dense(vec![2]), Shape::Dense(vec![3]));
    fixed.input.ranges = vec![MantissaRange { lo: 0, hi: (1 << bits) - 1 }; 2];
    fixed.input.active = None;
    let plan =
        LayerPlan { variant: None, pixels_per_cycle: 1, filters_per_cycle: 3, channels_per_cycle: 2, steps: 1, absorbed: false };
    (fixed, plan)
}

/// 0b10101 has three digits, 3 = 4 - 1 has two. The same product for two outputs is one.
#[test]
fn constants_of_three_digits_are_dsps_once_for_each_value() {
    let (model, _) = example("tracks");
    let dsps = |weights, bits| {
        let (fixed, plan) = dense(weights, bits);
        cost::layer(&fixed, &plan, &model.target).dsps
    };
    assert_eq!(dsps([21, 37, 43, 21, 37, 43], 16), 6);
    assert_eq!(dsps([21, 21, 43, 3, 0, -64], 16), 2);
    assert_eq!(dsps([21, 37, 43, 21, 37, 43], 10), 0, "narrow products are in LUTs");
    assert_eq!(dsps([3, 5, 1, 0, -7, 96], 16), 0);
    assert_eq!(dsps([i64::MIN, i64::MAX, i64::MIN + 5, -1, 1, 0], 16), 3, "whatever the constants are");
}

#[test]
fn the_constants_of_a_gather_are_dsps_too() {
    let (model, mut network) = example("tracks");
    let model = with_variant(model, "conv1", Variant::Gather);
    let at = network.layers.iter().position(|fixed| fixed.layer.name == "conv1").unwrap();
    network.layers[at].input.ranges = vec![MantissaRange { lo: 0, hi: 65535 }];
    let FixedOp::SparseConv2d(op) = &mut network.layers[at].layer.op else { panic!() };
    op.conv.weights.values.iter_mut().zip(0..).for_each(|(weight, tap)| *weight = if tap < 30 { 21 } else { 3 });
    assert_eq!(layer(&model, &network, "conv1").1.dsps, 20 * 30, "one filter: a product for each tap and slot");
}

#[test]
fn registers_of_a_dense_layer_are_those_of_a_tree() {
    let (model, network) = example("tracks");
    let model = with_variant(model, "flatten", Variant::Scatter);
    let (steps, estimate) = layer(&model, &network, "dense1");
    let (inputs, width) = (steps.iter())
        .find_map(|(_, operation, _)| match operation {
            Operation::Sum { inputs, width } => Some((u64::from(*inputs), u64::from(*width))),
            _ => None,
        })
        .unwrap();
    // Three levels of the tree fit into a cycle. What is left behind three, six, ... of them, for 16 outputs.
    let behind = |level: u64| 16 * inputs.div_ceil(1 << level) * (width + level);
    let deep = u64::from(u64::BITS - (inputs - 1).leading_zeros());
    let expected: u64 = (1..).map(|cycle| 3 * cycle).take_while(|level| *level < deep).map(behind).sum();
    assert!(estimate.ffs.abs_diff(expected) < 16 * 2 * (width + deep), "{} FF, not {expected}", estimate.ffs);
}

#[test]
fn a_maximum_is_a_tree_as_well() {
    let (model, network) = example("digits");
    let (steps, _) = layer(&model, &network, "softmax_max_minus");
    let compared: Vec<_> = steps.iter().filter(|(what, ..)| *what == "compare").map(|(.., count)| *count).collect();
    assert_eq!(compared, [5, 2, 1, 1], "ten values in four levels");
}

#[test]
fn a_quantizer_by_position_rounds_each_value_once() {
    let (model, network) = example("tracks");
    let (steps, estimate) = layer(&model, &network, "conv1_iq");
    assert_eq!(count(&steps, "round"), 20);
    let round = Operation::Round { formats: 15, width: 6 };
    assert!(steps.contains(&("round", round, 20)), "{steps:?}");
    let table = Operation::Constants { entries: 63 * 63, width: 4 };
    assert!(steps.contains(&("format", table, 20)), "{steps:?}");
    assert_eq!(estimate.luts, (20.0 * (round.luts() + table.luts())).ceil() as u64, "a wrapped value is only cut");
    // Once flattened, an element has one format, which is a constant.
    let (steps, _) = layer(&with_variant(model, "flatten", Variant::Scatter), &network, "dense1_iq");
    assert!(steps.iter().all(|(_, operation, _)| matches!(operation, Operation::Add { .. })), "{steps:?}");
    assert!(count(&steps, "round") <= 243, "{steps:?}");
}

#[test]
fn a_look_up_has_the_quantizer_that_it_does() {
    let (model, network) = example("tracks");
    let (steps, _) = layer(&with_variant(model, "flatten", Variant::LookUp), &network, "dense1");
    assert_eq!((count(&steps, "round"), count(&steps, "format")), (60, 60), "20 slots of 3 channels: {steps:?}");
}

#[test]
fn biases_and_activations_of_a_layer_in_steps_are_those_of_a_step() {
    let (model, network) = example("tracks");
    for (name, channels) in [("conv1_bias", 1), ("conv1_relu", 1), ("conv2_bias", 3), ("conv2_relu", 3)] {
        let what = if name.ends_with("bias") { "bias" } else { "positive" };
        let (all, at_once) = layer(&model, &network, name);
        assert_eq!(count(&all, what), 20 * channels, "{name}");
        // Four slots in each of five steps.
        let (in_steps, shared) = layer(&with_interval(model.clone(), 5), &network, name);
        assert_eq!((count(&in_steps, what), count(&in_steps, "take turns")), (4 * channels, 4 * channels), "{name}");
        assert!(shared.luts < at_once.luts, "{name}: {} and {} LUT", shared.luts, at_once.luts);
        assert!(shared.ffs > at_once.ffs, "{name} holds its results");
    }
}

#[test]
fn tables_that_are_too_large_for_luts_are_block_rams() {
    let (model, network) = example("digits");
    let (steps, table) = layer(&model, &network, "softmax_exp");
    let Some((_, Operation::Table { entries: 512, width: 10 }, 10)) = steps.first() else { panic!("{steps:?}") };
    assert_eq!((table.bram18, table.luts), (5, 0), "two values read one");
    let plan = Plan::new(&network, &model, cost::area).unwrap();
    let total = cost::network(&network, &plan, &model.target);
    assert_eq!(total.total.bram18, total.layers.iter().map(|layer| layer.bram18).sum::<u64>());
    assert!(total.total.bram18 >= 5);
    let conv = layer(&with_variant(model, "conv1", Variant::Pairwise), &network, "conv1").1;
    assert!(conv.bram18 == 0 && conv.table_bits > 0, "weights are partitioned: {conv:?}");
}
