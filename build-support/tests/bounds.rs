//! The stated tolerance of a float function at the end holds, and with a format of the manifest it is not that of the
//! function alone.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use sparsehls_build::{
    data, engine,
    fixed::Format,
    formats::FixedNetwork,
    keras::KerasModel,
    manifest::{LayerOptions, Precision},
    network::Network,
    reference::Reference,
};

/// The tolerance that is stated and the largest difference from Keras that there is; nothing if the table of a function
/// and its format would be too large.
fn tolerance_and_difference(fixture: &str, result: Option<&str>) -> Option<(f64, f64)> {
    let path = common::folder().join(format!("{fixture}.keras"));
    let arrays = data::read_npz(&path.with_extension("npz")).unwrap();
    let mut model = common::model(&path, common::grid(&arrays["x"]));
    let keras = KerasModel::read(&path).unwrap();
    if let Some(text) = result {
        let precision = Precision { weights: None, result: Format::parse(text) };
        model.layers.insert(keras.outputs[0].layer.clone(), LayerOptions { precision, ..LayerOptions::default() });
    }
    let network = FixedNetwork::infer(Network::new(&keras, &model).unwrap(), &model).ok()?;
    let (inputs, _) = data::to_mantissas(&arrays["x"], &network);
    let found = engine::run(&Reference::new(&network), &inputs).unwrap().to_floats();
    let differences = found.iter().zip(&arrays["y"].values).map(|(found, y)| (f64::from(*found) - y).abs());
    Some((network.tolerance, differences.fold(0.0, f64::max)))
}

#[test]
fn the_tolerance_of_a_float_end_holds_with_any_result_precision() {
    let mut tight = 0;
    for fixture in ["softmax-layer", "softmax-activation", "softmax-in-dense", "sigmoid-activation", "tanh-in-dense"] {
        let (own, difference) = tolerance_and_difference(fixture, None).unwrap();
        assert!(own > 0.0 && difference <= own, "{fixture}: {difference} of {own}");
        // From fine to coarse; the last ones do not hold 1, so that they saturate.
        for format in ["fixed<20,2>", "fixed<10,2>", "fixed<6,2>", "fixed<4,2>", "ufixed<5,0>", "ufixed<3,-1>", "fixed<4,0>"] {
            let Some((stated, difference)) = tolerance_and_difference(fixture, Some(format)) else { continue };
            assert!(difference <= stated, "{fixture} with {format}: {difference} of {stated}");
            tight += usize::from(difference > own);
        }
    }
    assert!(tight > 10, "the function's own tolerance would be false in {tight} cases");
}
