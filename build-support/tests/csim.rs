//! The generated C++ of the golden fixtures, compiled and compared with the reference interpreter and with Keras.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::path::Path;

use sparsehls_build::{check, csim::Csim, data, emit, manifest::Backend};

/// Compiles and compares one fixture, as it is or with knobs drawn from a seed.
fn check(source: &Path, backend: Backend, exact: bool, knobs: Option<u64>) -> Result<(), String> {
    let show = |error: sparsehls_build::Error| error.to_string();
    let arrays = data::read_npz(&source.with_extension("npz")).map_err(show)?;
    let (mut model, network) = common::load(source, &arrays["x"]).map_err(show)?;
    model.target.backend = backend;
    if let Some(seed) = knobs {
        common::draw_knobs(&mut model, &network, seed);
    }
    let (inputs, _) = data::to_mantissas(&arrays["x"], &network);
    let project = emit::project("fixtures", &model, &network, &inputs).map_err(show)?;
    let directory = tempfile::tempdir().unwrap();
    project.write(directory.path()).map_err(show)?;
    let (csim, _) = Csim::compile(&project, directory.path(), &model.name, backend, &network).map_err(show)?;
    let result = check::self_check(&network, &csim, &inputs).map_err(show)?;
    if result.events_different != 0 {
        return Err(format!("csim and reference differ: {result:?}"));
    }
    let outputs = data::to_floats(&csim.run(&inputs).map_err(show)?, &network);
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
        let backend = if name.len() % 2 == 0 { Backend::Vitis } else { Backend::Vivado };
        check(source, backend, case.exact, None)
    });
    assert!(failures.is_empty(), "{} fixtures fail:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn knobs_do_not_change_a_bit() {
    // SPARSEHLS_SEED draws other knobs.
    let seed: u64 = std::env::var("SPARSEHLS_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    let failures = common::for_fixtures(|name, source, case| {
        let backend = if name.len() % 2 == 0 { Backend::Vivado } else { Backend::Vitis };
        let own = name.bytes().fold(seed, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte.into()));
        check(source, backend, case.exact, Some(own)).map_err(|error| format!("seed {seed}: {error}"))
    });
    assert!(failures.is_empty(), "{} fixtures fail:\n{}", failures.len(), failures.join("\n"));
}
