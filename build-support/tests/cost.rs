//! What the estimate counts: the laws of `docs/cost-model.md` on kernels of the examples.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::{collections::BTreeMap, ops::Range, path::Path};

use sparsehls_build::{
    Mantissas,
    cost::{self, NetworkEstimate},
    data,
    fixed::{Format, MantissaRange},
    formats::{FixedLayer, FixedNetwork},
    keras::KerasModel,
    manifest::{Interface, Knob, Language, LayerOptions, Model, Pipeline, Variant},
    network::{Coefficients, Dense, Network, Shape},
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
    let round = Operation::Mask { formats: 15, width: 6 };
    assert!(steps.contains(&("round", round, 20)), "{steps:?}");
    let table = Operation::Constants { entries: 63 * 63, width: 4 };
    assert!(steps.contains(&("format", table, 20)), "{steps:?}");
    assert_eq!(estimate.luts, (20.0 * (round.luts() + table.luts())).ceil() as u64, "a wrapped value is only cut");
    // Once flattened, an element has one format, which is a constant: so it is in circuits.
    let mut flat = with_variant(model, "flatten", Variant::Scatter);
    flat.target.language = Language::Verilog;
    let (steps, _) = layer(&flat, &network, "dense1_iq");
    assert!(steps.iter().all(|(_, operation, _)| matches!(operation, Operation::Add { .. })), "{steps:?}");
    assert!(count(&steps, "round") <= 243, "{steps:?}");
}

#[test]
fn a_flatten_has_the_quantizer_that_works_on_its_slots() {
    let (model, network) = example("tracks");
    let flat = with_variant(model, "flatten", Variant::Scatter);
    assert_eq!(layer(&flat, &network, "flatten").0, []);
    let (steps, _) = layer(&flat, &network, "dense1_iq");
    assert_eq!((count(&steps, "round"), count(&steps, "format")), (60, 60), "20 slots of 3 channels: {steps:?}");
    // 6 bits of each slot and not 14.
    let take = Operation::GatedOr { inputs: 20, width: 6 };
    assert!(steps.contains(&("take", take, 243)), "{steps:?}");
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
        assert_eq!((count(&in_steps, what), count(&in_steps, "take turns")), (4 * channels, 0), "{name}");
        assert!(shared.luts < at_once.luts, "{name}: {} and {} LUT", shared.luts, at_once.luts);
        assert_eq!(shared.ffs > at_once.ffs, what == "positive", "{name}: the last one of a loop holds the results");
    }
}

/// It is built for the slots of a step, whether its own layer has steps or not.
#[test]
fn a_quantizer_in_the_loop_before_it_is_that_of_a_step() {
    let (model, network) = example("tracks");
    let in_steps = with_interval(model, 5);
    let mut at_once = in_steps.clone();
    let one_step = LayerOptions { knobs: common::knobs([(Knob::Interval, 1)]), ..LayerOptions::default() };
    at_once.layers.insert("conv1".into(), one_step);
    let both = [at_once, in_steps].map(|model| layer(&model, &network, "conv1_iq"));
    assert_eq!((count(&both[0].0, "round"), count(&both[0].0, "take turns")), (4, 0), "{both:?}");
    assert_eq!(both[0].0, both[1].0);
    assert_eq!((both[0].1.luts, both[0].1.ffs), (both[1].1.luts, both[1].1.ffs), "what it holds too");
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

/// How many bits the words of each stream in the text have.
fn streams(files: &BTreeMap<String, String>, name: &str) -> Vec<u64> {
    let text = &files[&format!("firmware/{name}.cpp")];
    let all = files.values().map(String::as_str).collect::<Vec<_>>().concat();
    let bits = |type_: &str| -> u64 {
        let end = all.find(&format!(" {type_};")).unwrap();
        let (_, definition) = all[..end].rsplit_once('<').unwrap();
        definition.split([',', '>']).next().unwrap().parse().unwrap()
    };
    let stream = |line: &str| {
        let (word, variable) = line.strip_prefix("    hls::stream<sparsehls::Word<")?.strip_suffix(';')?.split_once("> > ")?;
        let (type_, elements) = word.split_once(", ")?;
        let many = variable.split_once('[').map_or(1, |(_, count)| count.trim_end_matches(']').parse().unwrap());
        Some(std::iter::repeat_n(bits(type_) * elements.parse::<u64>().unwrap(), many))
    };
    text.lines().filter_map(stream).flatten().collect()
}

/// The FIFOs that are counted are the streams that are written.
#[test]
fn fifos_are_the_streams_of_the_text() {
    for (name, interval, count) in [("tracks", 1, 0), ("tracks", 5, 10), ("digits", 3, 15), ("digits", 40, 15)] {
        let (model, network) = example(name);
        let mut model = with_interval(model, interval);
        (model.name, model.pipeline) = (name.into(), if count == 0 { Pipeline::Function } else { Pipeline::Dataflow });
        let plan = Plan::new(&network, &model, cost::area).unwrap();
        let inputs = Mantissas::new(vec![0; network.input_len().get()], network.input_len(), network.input.format);
        let project = common::project("fw", &model, &network, &inputs).unwrap();
        let found = cost::fifos(&network, &plan);
        assert_eq!((found.len(), &found), (count, &streams(&project.files, name)), "{name} at {interval}");
        let fifos = cost::network(&network, &plan, &model.target).fifos;
        assert_eq!(fifos.ffs, found.iter().map(|bits| 2 * bits + 4).sum::<u64>(), "{name} at {interval}");
    }
}

/// Every loop takes three cycles to begin and to end, every hand-over one, and without rewind an interval is as long as a loop.
#[test]
fn loops_and_hand_overs_take_cycles() {
    let (model, network) = example("tracks");
    let model = with_interval(model, 5);
    let plan = Plan::new(&network, &model, cost::area).unwrap();
    let processes = plan.processes(&network);
    let is_loop = |run: &&Range<usize>| plan.layers[(*run).clone()].iter().any(|plan| plan.steps > 1);
    let (loops, hand_overs) = (processes.iter().filter(is_loop).count() as u64, processes.len() as u64 - 1);
    assert_eq!((loops, hand_overs), (5, 6));
    let estimate = cost::network(&network, &plan, &model.target);
    // 20 registers, and four steps beside the first in each loop.
    assert_eq!(estimate.total.latency, 20 + loops * (4 + 3) + hand_overs);
    assert_eq!(estimate.total.initiation_interval, 5);
    // The reduction is the deepest loop, and alone in its process.
    let reduce = cost::planned(&network, &plan, 0, &model.target).1;
    assert_eq!(estimate.without_rewind, Some(reduce.latency + 3 + 1));
    let plan = Plan::new(&network, &with_interval(model.clone(), 1), cost::area).unwrap();
    assert_eq!(cost::network(&network, &plan, &model.target).without_rewind, None);
}

/// The figures of `tracks` in the page, beside those that are published. The manifest says what the input is.
#[test]
fn the_page_has_the_figures_of_tracks() {
    let mut model = example("tracks").0;
    model.input = Some(Format { signed: false, width: 8, fraction: 7 });
    let network = Network::new(&KerasModel::read(&model.source).unwrap(), &model).unwrap();
    let network = FixedNetwork::infer(network, &model).unwrap();
    let in_one_step = LayerOptions { knobs: common::knobs([(Knob::Interval, 1)]), ..LayerOptions::default() };
    let mut mixed = with_interval(model.clone(), 4);
    mixed.layers.extend(["conv1", "conv2", "dense1", "flatten", "pool1"].map(|layer| (layer.to_owned(), in_one_step)));
    let rows = Model { interface: Some(Interface::Row), ..with_interval(model.clone(), 20) };
    let points = [with_interval(model.clone(), 1), mixed, with_interval(model.clone(), 5), rows];
    let found = points.map(|model| cost::network(&network, &Plan::new(&network, &model, cost::area).unwrap(), &model.target));
    let line = |head: &str, of: &dyn Fn(&NetworkEstimate) -> String| {
        let cells: Vec<_> = found.iter().map(|estimate| format!("**{}**", of(estimate))).collect();
        format!("{head} | {} |\n", cells.join(" | "))
    };
    let bold = [
        line("| **whole, LUT** | **362637**", &|found| found.total.luts.to_string()),
        line("| **whole, FF** | **110212**", &|found| found.total.ffs.to_string()),
        line("| **latency / interval in cycles** | **133 / 84**", &|found| {
            format!("{} / {}", found.total.latency, found.total.initiation_interval)
        }),
        line("| **interval without rewind** | **84**", &|found| found.without_rewind.unwrap_or(1).to_string()),
    ];
    let fifos: Vec<_> = found.iter().map(|found| found.fifos.luts.to_string()).collect();
    let fifos = format!("| FIFOs between processes | 57592 | {} |\n", fifos.join(" | "));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/cost-model.md");
    let page = std::fs::read_to_string(path).unwrap();
    let missing: Vec<_> = bold.iter().chain([&fifos]).filter(|line| !page.contains(line.as_str())).collect();
    assert!(missing.is_empty(), "not in docs/cost-model.md: {missing:#?}");
}
