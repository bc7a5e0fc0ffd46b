//! The generated C++ of the golden fixtures, compiled and compared with the reference interpreter and with Keras.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::{path::Path, process::Command};

use sparsehls_build::{
    Mantissas, check, data, engine,
    fixed::{Format, Overflow, QuantizerFormat, Rounding},
    formats::FixedNetwork,
    manifest::{HlsTool, Interface, Language, LayerOptions, Model, Variant},
    network::{Function, Layer, Lookup, Network, Op, Origin, Quantizer, Shape, SparseShape},
};

/// Compiles and compares one fixture with the knobs that are set.
fn check(source: &Path, tool: HlsTool, exact: bool, knobs: &dyn Fn(&mut Model, &FixedNetwork)) -> Result<(), String> {
    let show = |error: sparsehls_build::Error| error.to_string();
    let arrays = data::read_npz(&source.with_extension("npz")).map_err(show)?;
    let (mut model, network) = common::load(source, &arrays["x"]).map_err(show)?;
    model.target.language = Language::Hls(tool);
    knobs(&mut model, &network);
    let (inputs, _) = data::to_mantissas(&arrays["x"], &network);
    let directory = tempfile::tempdir().unwrap();
    let csim = common::csim(&model, &network, &inputs, directory.path()).map_err(show)?;
    let result = common::self_check(&csim, &inputs).map_err(show)?;
    if result.events_different != 0 {
        return Err(format!("csim and reference differ: {result:?}"));
    }
    let outputs = engine::run(&csim, &inputs).map_err(show)?.to_floats();
    let result = check::compare(
        &outputs,
        &arrays["y"].values,
        network.output_len(),
        if exact { 0.0 } else { network.tolerance.max(1e-9) },
    );
    (result.events_different == 0).then_some(()).ok_or_else(|| format!("csim and Keras differ: {result:?}"))
}

#[test]
fn the_simulation_is_what_keras_computed() {
    let failures = common::for_fixtures(|name, source, case| {
        let tool = if name.len() % 2 == 0 { HlsTool::Vitis } else { HlsTool::Vivado };
        check(source, tool, case.exact, &|_, _| ())
    });
    assert!(failures.is_empty(), "{} fixtures fail:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn knobs_do_not_change_a_bit() {
    // SPARSEHLS_SEED draws other knobs.
    let seed: u64 = std::env::var("SPARSEHLS_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    let failures = common::for_fixtures(|name, source, case| {
        let tool = if name.len() % 2 == 0 { HlsTool::Vivado } else { HlsTool::Vitis };
        let own = name.bytes().fold(seed, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte.into()));
        let knobs = |model: &mut Model, network: &FixedNetwork| common::draw_knobs(model, network, own);
        check(source, tool, case.exact, &knobs).map_err(|error| format!("seed {seed}: {error}"))
    });
    assert!(failures.is_empty(), "{} fixtures fail:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn a_layer_may_be_named_like_a_type_of_a_kernel() {
    let source = common::fixtures().into_iter().find(|path| path.ends_with("named-like-a-type.keras")).unwrap();
    let look_up = |model: &mut Model, _: &FixedNetwork| {
        let options = LayerOptions { variant: Some(Variant::LookUp), ..LayerOptions::default() };
        model.layers.insert("reshape".into(), options);
    };
    check(&source, HlsTool::Vitis, true, &look_up).unwrap();
}

/// The generated test bench, compiled and run as the guide says, in every interface: of an image that is one word, and of one
/// that is too wide for that.
#[test]
fn the_test_bench_passes_and_notices_a_wrong_bit() {
    let small = common::fixtures().into_iter().find(|path| path.ends_with("whole-net-032.keras")).unwrap();
    let large = Path::new(env!("CARGO_MANIFEST_DIR")).join("../example-firmware/models/tracks.keras");
    let arrays = data::read_npz(&small.with_extension("npz")).unwrap();
    let (mut model, network) = common::load(&small, &arrays["x"]).unwrap();
    let (inputs, _) = data::to_mantissas(&arrays["x"], &network);
    let (large_model, large_network) = common::load(&large, &common::unit_grid()).unwrap();
    let large_inputs = check::made_up(&large_network, 4);
    let all = Interface::ALL.iter().flat_map(|interface| HlsTool::ALL.iter().map(move |tool| (*interface, *tool)));
    for (interface, tool) in all {
        let is_large = interface == Interface::Packed && tool == HlsTool::Vitis;
        let (network, inputs) = if is_large { (&large_network, &large_inputs) } else { (&network, &inputs) };
        if is_large {
            model.source = large_model.source.clone();
        }
        (model.interface, model.target.language) = (Some(interface), Language::Hls(tool));
        let project = common::project("fixtures", &model, network, inputs).unwrap();
        let directory = tempfile::tempdir().unwrap();
        project.write(directory.path()).unwrap();
        let sources = ["firmware/fixture.cpp", "fixture_test.cpp", "-o", "test_bench"];
        let flags = ["-std=c++11", "-Wno-unknown-pragmas", "-I.", "-Icsim/ap_types"];
        let compiled = Command::new("c++").args(flags).args(sources).current_dir(directory.path()).status().unwrap();
        assert!(compiled.success());
        let run = || Command::new("./test_bench").current_dir(directory.path()).output().unwrap();
        assert!(run().status.success(), "{interface:?}: {}", String::from_utf8_lossy(&run().stdout));

        let expected = directory.path().join("tb_data/expected.dat");
        let text = std::fs::read_to_string(&expected).unwrap();
        let (first, rest) = text.split_once(char::is_whitespace).unwrap();
        std::fs::write(&expected, format!("{} {rest}", first.parse::<i64>().unwrap() + 1)).unwrap();
        assert!(!run().status.success(), "{interface:?}: a wrong bit passes");
    }
}

/// A softmax whose quantizer of the sum keeps no bit: the sum is 0, whatever was added, and every result is a multiple of the
/// table's one entry.
#[test]
fn a_sum_of_which_nothing_is_left_is_zero() {
    let quantizer = |format| Quantizer::uniform(format, Rounding::HalfUp, Overflow::Saturate, 1);
    let layer = |id: &str, op| Layer {
        name: id.into(),
        keras_name: id.into(),
        keras_class: "QSoftmax".into(),
        id: id.into(),
        shape: Shape::Dense(vec![3]),
        origin: Origin::Model,
        op,
    };
    let lookup = |function, i, f| Lookup { function, output: quantizer(QuantizerFormat::Live { k: 0, i, f }) };
    let exponential = Op::Lookup(lookup(Function::Exp { scale: 1.0 }, 3, 2));
    let (sum, reciprocal) = (quantizer(QuantizerFormat::Dead), lookup(Function::Reciprocal, 1, 3));
    let layers = vec![layer("exp", exponential), layer("softmax", Op::Normalize { sum, reciprocal })];
    let model = common::model(Path::new("none.keras"), Format { signed: true, width: 3, fraction: 1 });
    let network = FixedNetwork::infer(Network { input_shape: vec![3], layers, tolerance: 0.0 }, &model).unwrap();
    let inputs = (0..8 * 8 * 8).flat_map(|event| [event % 8 - 4, event / 8 % 8 - 4, event / 64 - 4]).collect();
    let inputs = Mantissas::new(inputs, network.input_len(), network.input.format);
    let directory = tempfile::tempdir().unwrap();
    let csim = common::csim(&model, &network, &inputs, directory.path()).unwrap();
    assert_eq!(common::self_check(&csim, &inputs).unwrap().events_different, 0);
}

/// Images that come in rows, with every pattern of active pixels: (height, width, slots). What is active moves together, so that a
/// row of one pixel, rows that are no power of two, and fewer or more slots than a row has pixels are cases of their own.
#[test]
fn every_pattern_of_rows_gets_to_its_slots() {
    for (height, width, slots) in [(4, 1, 2), (2, 6, 4), (2, 5, 9), (1, 9, 3), (3, 4, 1)] {
        let layer = |id: &str, shape, op| Layer {
            name: id.into(),
            keras_name: id.into(),
            keras_class: "InputReduce".into(),
            id: id.into(),
            shape,
            origin: Origin::Model,
            op,
        };
        let pixels = Shape::Sparse(SparseShape { slots, height, width, channels: 2 });
        let layers = vec![
            layer("reduce", pixels, Op::InputReduce { threshold: None }),
            layer("flat", Shape::Dense(vec![height * width * 2]), Op::SparseFlatten),
        ];
        let mut model = common::model(Path::new("none.keras"), Format { signed: false, width: 5, fraction: 0 });
        model.interface = Some(Interface::Row);
        let network = Network { input_shape: vec![height, width, 2], layers, tolerance: 0.0 };
        let network = FixedNetwork::infer(network, &model).unwrap();
        let values = |pattern: i64| {
            (0..(height * width) as i64).flat_map(move |at| [(pattern >> at & 1) * (at + 1), (pattern >> at & 1) * (31 - at)])
        };
        let inputs = (0..1 << (height * width)).flat_map(values).collect();
        let inputs = Mantissas::new(inputs, network.input_len(), network.input.format);
        let directory = tempfile::tempdir().unwrap();
        let csim = common::csim(&model, &network, &inputs, directory.path()).unwrap();
        assert_eq!(common::self_check(&csim, &inputs).unwrap().events_different, 0, "{height} x {width} to {slots}");
    }
}
