//! Layers of Keras itself, with precisions from the manifest (`tests/keras/make_plain.py`).

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::path::Path;

use sparsehls_build::{
    Code, Result, check, data, engine,
    fixed::Format,
    formats::FixedNetwork,
    keras::KerasModel,
    manifest::{LayerOptions, Model, Precision},
    network::Network,
};

fn source() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/plain.keras")
}

fn layer(precision: Precision) -> LayerOptions {
    LayerOptions { precision, ..LayerOptions::default() }
}

fn precision(weights: &str, result: Option<&str>) -> Precision {
    Precision { weights: Format::parse(weights), result: result.map(|text| Format::parse(text).unwrap()) }
}

fn manifest() -> Model {
    let mut model = common::model(&source(), Format::parse("ufixed<3,1>").unwrap());
    model.precision = precision("fixed<8,5>", None);
    model
}

fn load(model: &Model) -> Result<FixedNetwork> {
    FixedNetwork::infer(Network::new(&KerasModel::read(&source())?, model)?, model)
}

/// How many events differ from Keras by more than `tolerance`, in reference and simulation, which must agree.
fn different(model: &Model, tolerance: f64) -> usize {
    let network = load(model).unwrap();
    let golden = data::read_golden(&source().with_extension("npz")).unwrap();
    let (inputs, grid) = data::to_mantissas(&golden.x, &network);
    assert!(grid.is_exact(), "{grid:?}");
    let directory = tempfile::tempdir().unwrap();
    let csim = common::csim(model, &network, &inputs, directory.path()).unwrap();
    assert_eq!(common::self_check(&csim, &inputs).unwrap().events_different, 0);
    let outputs = engine::run(&csim, &inputs).unwrap().to_floats();
    check::compare(&outputs, &golden.y.values, network.output_len(), tolerance).events_different
}

#[test]
fn weights_that_fit_their_precision_give_keras_bits() {
    assert_eq!(different(&manifest(), 0.0), 0);
}

#[test]
fn a_layer_of_its_own_precision_is_rounded_to_it() {
    let mut model = manifest();
    model.layers.insert("out".into(), layer(precision("fixed<8,5>", Some("fixed<14,12>"))));
    assert_ne!(different(&model, 0.0), 0);
    assert_eq!(different(&model, 0.125), 0);
}

#[test]
fn a_plain_layer_without_precision_is_refused_with_the_key_to_set() {
    let mut model = manifest();
    model.precision = Precision::default();
    let error = load(&model).unwrap_err();
    assert_eq!(error.code(), Code::MissingKey);
    assert_eq!(error.key_path(), Some("package.metadata.sparsehls.models.fixture.layers.hidden.weights-precision"));
    model.layers.insert("hiden".into(), layer(precision("fixed<8,4>", None)));
    assert_eq!(load(&model).unwrap_err().code(), Code::UnknownKey);
}
