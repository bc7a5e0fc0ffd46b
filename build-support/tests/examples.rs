//! The example models on all golden events: reference and simulation, for Vitis and for Vivado, with different knobs,
//! against Keras.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::path::Path;

use sparsehls_build::{
    check, data, engine,
    fixed::Format,
    formats::FixedNetwork,
    keras::KerasModel,
    manifest::{HlsTool, Interface, Knob, Language},
    network::Network,
    reference::Reference,
};

/// Compares a model, built with an interval and an interface, with its golden file; returns the number of events.
fn verify(name: &str, input: &str, tool: HlsTool, interval: usize, interface: Interface) -> usize {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../example-firmware/models").join(format!("{name}.keras"));
    let mut model = common::model(&source, Format::parse(input).unwrap());
    model.target.language = Language::Hls(tool);
    (model.knobs, model.interface) = (common::knobs([(Knob::Interval, interval)]), Some(interface));
    let network = Network::new(&KerasModel::read(&source).unwrap(), &model).unwrap();
    let network = FixedNetwork::infer(network, &model).unwrap();
    let golden = data::read_golden(&source.with_extension("golden.npz")).unwrap();
    let (inputs, grid) = data::to_mantissas(&golden.x, &network);
    assert!(grid.is_exact(), "the golden inputs are on the grid: {grid:?}");
    let directory = tempfile::tempdir().unwrap();
    let csim = common::csim(&model, &network, &inputs.first(1), directory.path()).unwrap();
    for outputs in [engine::run(&csim, &inputs).unwrap(), engine::run(&Reference::new(&network), &inputs).unwrap()] {
        let result = check::compare(&outputs.to_floats(), &golden.y.values, network.output_len(), 0.0);
        assert_eq!(result.events_different, 0, "{name}: {result:?}");
    }
    golden.x.events()
}

#[test]
fn digits_and_tracks_give_keras_bits_on_every_event() {
    for (tool, interval, interface) in [
        (HlsTool::Vitis, 1, Interface::Partition),
        (HlsTool::Vitis, 5, Interface::Row),
        (HlsTool::Vivado, 7, Interface::Partition),
    ] {
        assert!(verify("digits", "ufixed<5,1>", tool, interval, interface) >= 500);
        assert!(verify("tracks", "ufixed<8,1>", tool, interval, interface) >= 500);
    }
}
