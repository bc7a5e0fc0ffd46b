//! How networks are planned: what knobs do, and which are refused.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::{num::NonZeroUsize, path::Path};

use sparsehls_build::{
    backend, cost, data,
    fixed::Format,
    formats::FixedNetwork,
    lower::{self, Design},
    manifest::{HlsTool, Interface, Knob, Knobs, Language, LayerOptions, Model, Pipeline, ResetLevel, Target, Variant},
    network::{Coefficients, Conv2d, Layer, Network, Op, Origin, Shape, SparseShape},
    ops::{FixedOp, FixedReduce, LayerPlan},
    plan::Plan,
};

fn example(name: &str) -> (Model, FixedNetwork) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../example-firmware/models/{name}.keras"));
    let x = data::read_golden(&source.with_extension("golden.npz")).unwrap().x;
    common::load(&source, &x).unwrap()
}

fn every(interval: usize) -> Knobs {
    common::knobs([(Knob::Interval, interval)])
}

fn steps(network: &FixedNetwork, plan: &Plan, name: &str) -> usize {
    let at = network.layers.iter().position(|fixed| fixed.layer.name == name).unwrap();
    plan.layers[at].steps
}

#[test]
fn without_knobs_everything_is_done_in_one_step() {
    for name in ["digits", "tracks"] {
        let (model, network) = example(name);
        let plan = Plan::new(&network, &model, cost::area).unwrap();
        assert!(plan.layers.iter().all(|plan| plan.steps == 1), "{plan:?}");
        assert_eq!(cost::network(&network, &plan, &model.target).total.initiation_interval, 1);
    }
}

#[test]
fn an_interval_is_kept_and_saves_area() {
    for name in ["digits", "tracks"] {
        let (mut model, network) = example(name);
        let mut last = u64::MAX;
        for interval in [1, 2, 5, 9, 20] {
            model.knobs = every(interval);
            let plan = Plan::new(&network, &model, cost::area).unwrap();
            let total = cost::network(&network, &plan, &model.target).total;
            assert!(total.initiation_interval <= interval as u64, "{name}: {} for {interval}", total.initiation_interval);
            assert!(total.area() < last, "{name}: {} after {last} for {interval}", total.area());
            last = total.area();
        }
    }
}

#[test]
fn a_layers_own_knobs_win() {
    let (mut model, network) = example("tracks");
    model.knobs = every(5);
    let own = LayerOptions { knobs: common::knobs([(Knob::Slots, 2)]), ..LayerOptions::default() };
    model.layers.insert("reduce".into(), own);
    model.layers.insert("conv2".into(), LayerOptions { knobs: every(1), ..LayerOptions::default() });
    let plan = Plan::new(&network, &model, cost::area).unwrap();
    assert_eq!((steps(&network, &plan, "reduce"), steps(&network, &plan, "conv2"), plan.initiation_interval()), (10, 1, 10));
}

#[test]
fn processes_hold_every_layer_once_and_a_loop_is_that_of_the_first() {
    for (name, interval, interface) in
        [("digits", 1, Interface::Partition), ("digits", 6, Interface::Row), ("tracks", 4, Interface::Row)]
    {
        let (mut model, network) = example(name);
        (model.knobs, model.interface) = (every(interval), Some(interface));
        let plan = Plan::new(&network, &model, cost::area).unwrap();
        let processes = plan.processes(&network);
        let all: Vec<usize> = processes.iter().cloned().flatten().collect();
        assert_eq!(all, (0..network.layers.len()).collect::<Vec<_>>());
        for process in processes {
            let kernels: Vec<_> = plan.layers[process].iter().filter(|plan| !plan.absorbed).collect();
            let (first, others) = kernels.split_first().unwrap();
            assert!(others.iter().all(|plan| plan.steps == 1 || plan.steps == first.steps), "{kernels:?}");
        }
        model.pipeline = Pipeline::Function;
        if interval == 1 && interface == Interface::Partition {
            assert_eq!(Plan::new(&network, &model, cost::area).unwrap().processes(&network).len(), 1);
        }
    }
}

/// What is handed on is narrower behind a quantizer, so it goes to the layer before.
#[test]
fn a_quantizer_is_in_the_process_of_the_layer_before() {
    let found = |name: &str, interval: usize| {
        let (mut model, network) = example(name);
        model.knobs = every(interval);
        let plan = Plan::new(&network, &model, cost::area).unwrap();
        let names = |ops: std::ops::Range<usize>| {
            let names: Vec<_> = network.layers[ops].iter().map(|fixed| fixed.layer.name.clone()).collect();
            names.join(" ")
        };
        plan.processes(&network).into_iter().map(names).collect::<Vec<_>>()
    };
    let tracks = [
        "reduce conv1_iq",
        "conv1 conv1_bias conv1_relu",
        "pool1 conv2_iq",
        "conv2 conv2_bias conv2_relu",
        "flatten dense1_iq dense1",
        "dense1_relu dense2_iq",
        "dense2",
    ];
    assert_eq!(found("tracks", 5), tracks);
    let at_once = [
        "reduce conv1_iq",
        "conv1 conv1_bias conv1_relu",
        "pool1 conv2_iq",
        "conv2 conv2_bias conv2_relu",
        "flatten dense1_iq dense1 dense1_relu dense2_iq",
        "dense2",
    ];
    assert_eq!(found("tracks", 1), at_once);
    assert_eq!(found("digits", 12)[..2], ["reduce conv1_iq", "conv1 conv1_bias conv1_relu"]);
}

#[test]
fn knobs_that_do_not_fit_are_refused_with_their_place() {
    let (model, network) = example("tracks");
    let with = |layer: &str, options: LayerOptions| {
        let mut model = model.clone();
        model.layers.insert(layer.into(), options);
        model
    };
    let own = |knob, number| LayerOptions { knobs: common::knobs([(knob, number)]), ..LayerOptions::default() };
    let variant = |variant| LayerOptions { variant: Some(variant), ..LayerOptions::default() };
    let filters = |filters| own(Knob::Filters, filters);
    let slots = own(Knob::Slots, 4);
    let by_rows = |model: Model| Model { interface: Some(Interface::Row), ..model };
    let function = |model: Model| Model { pipeline: Pipeline::Function, ..model };
    for (model, key, message) in [
        (with("conv2", filters(2)), "layers.conv2.filters-per-cycle", "`filters-per-cycle` is 2, which does not divide 3"),
        (with("conv2", filters(4)), "layers.conv2.filters-per-cycle", "`filters-per-cycle` is 4, but `conv2` has 3"),
        (with("pool1", filters(1)), "layers.pool1.filters-per-cycle", "for which there is no `filters-per-cycle`"),
        (with("conv1", slots), "layers.conv1.slots-per-cycle", "for which there is no `slots-per-cycle`"),
        (with("conv1", variant(Variant::Scatter)), "layers.conv1.variant", "for which there is no such variant"),
        (with("dense1", variant(Variant::LookUp)), "layers.dense1.variant", "for which there is no such variant"),
        (by_rows(with("reduce", slots)), "layers.reduce.slots-per-cycle", "the reduction takes a row a cycle"),
        (function(Model { knobs: every(5), ..model.clone() }), "pipeline", "`reduce` takes 5 steps"),
        (function(by_rows(model.clone())), "pipeline", "`reduce` takes 63 steps"),
    ] {
        let error = backend::plan(&network, &model).unwrap_err();
        assert!(error.message().contains(message), "{} for {key}", error.message());
        let place = error.to_string();
        assert!(place.contains(&format!("models.fixture.{key}")), "{place}");
    }
}

/// As detectors deliver images where the language can take them so, and all at once where there is no reduction.
#[test]
fn how_the_image_enters_by_default_is_up_to_language_and_network() {
    let enters = |source: &(Model, FixedNetwork), language| {
        let mut model = source.0.clone();
        model.target.language = language;
        let plan = Plan::new(&source.1, &model, cost::area).unwrap();
        (plan.interface, plan.rows, plan.layers[0].steps)
    };
    let hls = Language::Hls(HlsTool::Vitis);
    let reduces = example("tracks");
    assert_eq!(enters(&reduces, hls), (Interface::Partition, 1, 1));
    assert_eq!(enters(&reduces, Language::Verilog), (Interface::Row, 1, 63));
    let source = common::folder().join("dense-only.keras");
    let dense = common::load(&source, &data::read_npz(&source.with_extension("npz")).unwrap()["x"]).unwrap();
    assert_eq!(enters(&dense, Language::Verilog), (Interface::Partition, 1, 1));
}

#[test]
fn several_rows_a_cycle_take_fewer_steps() {
    let (mut model, network) = example("tracks");
    model.target.language = Language::Verilog;
    let mut with = |rows, interface| {
        model.verilog.rows = NonZeroUsize::new(rows);
        model.interface = interface;
        let plan = backend::plan(&network, &model)?;
        let design = Design::new(&network, &plan).unwrap();
        Ok((plan.layers[0].steps, design.initiation_interval, design.interface))
    };
    for (rows, steps) in [(1, 63), (2, 32), (4, 16), (21, 3), (62, 2), (63, 1)] {
        assert_eq!(with(rows, None), Ok((steps, steps.max(1), lower::Interface::Rows { values: 63, rows })), "{rows}");
    }
    let why = |result: sparsehls_build::Result<_>| result.unwrap_err().to_string();
    let found = why(with(64, None));
    assert!(found.contains("`rows` is 64, but the image has 63") && found.contains("models.fixture.rows"), "{found}");
    let found = why(with(2, Some(Interface::Partition)));
    assert!(found.contains("`rows` is for images that enter by rows") && found.contains("models.fixture.rows"), "{found}");
}

/// `tracks` has 63 x 63 values of 8 bits, `digits` 28 x 28 of 5, both without a sign.
#[test]
fn words_are_an_image_or_a_row_of_it() {
    let enters = |(mut model, network): (Model, FixedNetwork), interface| {
        model.interface = Some(interface);
        let plan = Plan::new(&network, &model, cost::area).unwrap();
        (plan.by_rows, Design::new(&network, &plan).unwrap().interface)
    };
    let rows = |values| lower::Interface::Rows { values, rows: 1 };
    let wide = example("tracks");
    assert!(wide.1.input_len().get() * wide.1.input.format.width as usize > Interface::WORD);
    assert_eq!(enters(wide.clone(), Interface::Packed), (true, rows(63)));
    assert_eq!(enters(wide, Interface::Stream), (true, rows(63)));
    let narrow = common::load(&common::folder().join("conv-position-iq.keras"), &common::unit_grid()).unwrap();
    assert_eq!(enters(narrow.clone(), Interface::Packed), (false, lower::Interface::Whole));
    assert!(enters(narrow, Interface::Stream).0);
}

#[test]
fn words_that_do_not_fit_are_refused() {
    let (mut model, mut network) = example("tracks");
    let refused = |model: &Model, network: &FixedNetwork| backend::plan(network, model).unwrap_err().to_string();
    model.interface = Some(Interface::Stream);
    model.hls.reset_level = Some(ResetLevel::High);
    let found = refused(&model, &network);
    assert!(found.contains("a reset that is on at 0") && found.contains("models.fixture.reset-level"), "{found}");
    model.hls.reset_level = None;
    network.input.format.width = 65;
    assert!(backend::plan(&network, &model).is_ok(), "63 values of 65 bits");
    network.input.format.width = 66;
    let found = refused(&model, &network);
    assert!(found.contains("a row of the image has 4158 bits") && found.contains("models.fixture.interface"), "{found}");
    let rows = |language| {
        let target = Target { language, ..model.target.clone() };
        Model { interface: Some(Interface::Row), target, ..model.clone() }
    };
    assert_eq!(refused(&rows(model.target.language), &network), found, "a row is a word too");
    assert!(backend::plan(&network, &rows(Language::Verilog)).is_ok(), "where there are wires for values there are no words");
    for interface in [Interface::Packed, Interface::Stream] {
        (model.interface, model.target.language) = (Some(interface), Language::Verilog);
        let found = refused(&model, &network);
        assert!(found.contains("is for HLS") && found.contains("models.fixture.interface"), "{found}");
    }
}

#[test]
fn verilog_is_one_pipeline_in_any_case() {
    let (mut model, network) = example("tracks");
    model.target.language = Language::Verilog;
    backend::plan(&network, &model).unwrap();
    model.pipeline = Pipeline::Function;
    let error = backend::plan(&network, &model).unwrap_err().to_string();
    assert!(error.contains("stage of one pipeline already") && error.contains("models.fixture.pipeline"), "{error}");
}

/// hls4ml's kernel on 500 pixels and 20 slots of 8 bits: 63 cycles, interval 63, 11,768 LUT after logic synthesis.
#[test]
fn the_input_reduction_is_estimated_smaller_and_faster_than_hls4mls() {
    let (model, network) = example("tracks");
    let mut fixed = network.layers[0].clone();
    let pixels = SparseShape { slots: 20, height: 20, width: 25, channels: 1 };
    fixed.layer.shape = Shape::Sparse(pixels);
    fixed.layer.op = FixedOp::InputReduce(FixedReduce { threshold: None, pixels });
    fixed.input_shape = Shape::Dense(vec![20, 25, 1]);
    for (slots, latency, luts) in [(1, 40, 7_000), (4, 25, 11_768)] {
        let plan = LayerPlan {
            variant: None,
            pixels_per_cycle: slots,
            filters_per_cycle: 1,
            channels_per_cycle: 1,
            steps: 20 / slots,
            absorbed: false,
        };
        let estimate = cost::layer(&fixed, &plan, &model.target);
        println!("{slots} slots a cycle: {estimate:?}");
        assert!(estimate.latency < latency && estimate.luts < luts, "{slots}: {estimate:?}");
    }
}

/// One slot, one channel, one filter: nothing to divide, and still a form to choose and knobs to refuse.
#[test]
fn a_layer_with_nothing_to_divide_is_planned_like_any_other() {
    let one = |name: &str, shape: Shape, op: Op| {
        let text = || name.to_owned();
        Layer { name: text(), keras_name: text(), keras_class: "MadeUp".into(), id: text(), shape, origin: Origin::Model, op }
    };
    let pixels = Shape::Sparse(SparseShape { slots: 1, height: 2, width: 2, channels: 1 });
    let weights = Coefficients { values: vec![3], fraction: 0 };
    let layers = vec![
        one("reduce", pixels.clone(), Op::InputReduce { threshold: None }),
        one("conv", pixels, Op::SparseConv2d(Conv2d { kernel: [1, 1], channels: 1, filters: 1, weights })),
        one("flat", Shape::Dense(vec![4]), Op::SparseFlatten),
    ];
    let mut model = common::model(Path::new("none.keras"), Format { signed: false, width: 4, fraction: 0 });
    let network = FixedNetwork::infer(Network { input_shape: vec![2, 2, 1], layers, tolerance: 0.0 }, &model).unwrap();
    let plan = Plan::new(&network, &model, cost::area).unwrap();
    assert!(plan.layers[1].variant.is_some(), "{plan:?}");
    Design::new(&network, &plan).unwrap();
    let knobs = common::knobs([(Knob::Filters, 5)]);
    model.layers.insert("conv".into(), LayerOptions { knobs, ..LayerOptions::default() });
    let error = Plan::new(&network, &model, cost::area).unwrap_err();
    assert!(error.message().contains("`filters-per-cycle` is 5, but `conv` has 1"), "{error}");
}
