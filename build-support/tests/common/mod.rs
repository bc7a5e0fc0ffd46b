//! Loading the golden fixtures.

use std::path::{Path, PathBuf};

use sparsehls_build::{
    data,
    fixed::Format,
    formats::FixedNetwork,
    keras::KerasModel,
    manifest::{Backend, Interface, Limits, Model, Output, Pipeline, Target},
    network::Network,
};

/// All fixtures, by name.
pub fn fixtures() -> Vec<PathBuf> {
    let directory = std::env::var_os("SPARSEHLS_FIXTURES")
        .map_or(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures"), PathBuf::from);
    let mut found: Vec<_> = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.retain(|path| path.extension().is_some_and(|e| e == "keras") && path.with_extension("npz").exists());
    found.sort();
    found
}

/// The narrowest signed format that holds all of `x`: the fixtures' inputs are on grids of their own.
pub fn grid(x: &data::Array) -> Format {
    let on_grid = |f: i32| x.values.iter().all(|v| (v * 2f64.powi(f)).fract() == 0.0);
    let fraction = (-20..30).find(|&f| on_grid(f)).expect("inputs on some grid");
    let largest = x.values.iter().fold(1.0, |m: f64, v| m.max(v.abs())) * 2f64.powi(fraction);
    Format { signed: true, width: largest.log2().floor() as u32 + 2, fraction }
}

/// A manifest entry for a fixture.
pub fn model(source: &Path, input: Format) -> Model {
    Model {
        name: "fixture".into(),
        source: source.into(),
        golden: None,
        input: Some(input),
        output: Output::Model,
        pipeline: Pipeline::Dataflow,
        interface: Interface::Partition,
        limits: Limits::default(),
        target: Target { backend: Backend::Vitis, part: "p".into(), clock_period: 5.0, clock_uncertainty: 27.0 },
        manifest: "Cargo.toml".into(),
    }
}

/// A fixture with its formats.
pub fn load(source: &Path, x: &data::Array) -> sparsehls_build::Result<(Model, FixedNetwork)> {
    let model = model(source, grid(x));
    let keras = KerasModel::read(source)?;
    let network = Network::new(&keras, &model.name, model.output)?;
    Ok((model.clone(), FixedNetwork::infer(network, &model)?))
}
