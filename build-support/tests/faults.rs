//! The known faults of hls4ml's sparsepixels kernels: for each a test that fails when the fault is put in, on a model and outputs from real Keras.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use sparsehls_build::{
    check, data,
    engine::{self, Engine},
    reference::Reference,
};

/// Reference and simulation of these fixtures give Keras's bits; of more than one the simulation of the first.
#[track_caller]
fn exact(fixtures: &[&str]) {
    let cases = common::cases();
    let simulated = if common::is_all() { fixtures.len() } else { 1 };
    if simulated < fixtures.len() {
        common::skip::skipped(&format!("csim of {}; SPARSEHLS_ALL=1 takes all", fixtures[simulated..].join(", ")));
    }
    for (at, name) in fixtures.iter().enumerate() {
        let (_, source, case) = cases.iter().find(|(known, ..)| known == name).expect("the fixture is there");
        assert!(case.exact && !case.refused);
        let arrays = data::read_npz(&source.with_extension("npz")).unwrap();
        let (model, network) = common::load(source, &arrays["x"]).unwrap();
        let (inputs, _) = data::to_mantissas(&arrays["x"], &network);
        let directory = tempfile::tempdir().unwrap();
        let csim = (at < simulated).then(|| common::csim(&model, &network, &inputs, directory.path()).unwrap());
        let reference = Reference::new(&network);
        for engine in [&reference as &dyn Engine].into_iter().chain(csim.as_ref().map(|csim| csim as &dyn Engine)) {
            let floats = engine::run(engine, &inputs).unwrap().to_floats();
            let result = check::compare(&floats, &arrays["y"].values, network.output_len(), 0.0);
            assert_eq!(result.events_different, 0, "{name}, {}: {result:?}", engine.name());
        }
    }
}

#[test]
fn a_pixel_silenced_by_a_relu_still_receives_the_next_convolution() {
    exact(&["conv-silent-pixels", "conv-silent-then-pool"]);
}

#[test]
fn empty_slots_hold_nothing_and_take_part_in_nothing() {
    exact(&["reduce-multichannel-background", "flatten-dense"]);
}

#[test]
fn a_quantizer_that_differs_by_position_is_not_replaced_by_its_envelope() {
    exact(&["conv-position-iq", "conv-row-iq"]);
}

#[test]
fn the_threshold_is_not_truncated_to_the_input_type() {
    exact(&["reduce-threshold-between", "reduce-threshold-negative", "reduce-threshold-on-grid"]);
}

#[test]
fn means_are_exact_for_every_window() {
    exact(&["avg-pool-1", "avg-pool-2", "avg-pool-3", "avg-pool-2x3", "avg-pool-49"]);
}

#[test]
fn partial_windows_are_dropped() {
    exact(&["avg-pool-partial", "avg-pool-3-partial", "max-pool-partial"]);
}

#[test]
fn even_and_non_square_kernels_index_rightly() {
    exact(&["conv-even-kernel", "conv-nonsquare"]);
}

#[test]
fn kernels_over_11_by_11_do_not_overflow_an_index() {
    exact(&["conv-large"]);
}

#[test]
fn max_pooling_is_there_and_right_for_negative_values() {
    exact(&["max-pool-2", "max-pool-negative"]);
}

#[test]
fn layers_named_like_cpp_keywords_compile() {
    exact(&["hostile-names", "colliding-names"]);
}
