//! The golden fixtures: small models from real Keras, each layer compared with what Keras computed.
//!
//! `tests/keras/make_fixtures.py` makes them; see there what each covers.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::path::Path;

use sparsehls_build::{data, reference::Reference};

/// The number of layers compared.
fn check(source: &Path) -> Result<usize, String> {
    let show = |error: sparsehls_build::Error| error.to_string();
    let arrays = data::read_npz(&source.with_extension("npz")).map_err(show)?;
    let x = &arrays["x"];
    let (_, network) = common::load(source, x).map_err(show)?;
    data::check_events(x, &network).map_err(show)?;
    let (mantissas, report) = data::to_mantissas(x, &network);
    if report != Default::default() {
        return Err(format!("inputs are not on the grid {}: {report:?}", network.input.format));
    }
    let reference = Reference::new(&network);
    let mut compared = std::collections::BTreeSet::new();
    for event in 0..x.events() {
        let input = &mantissas[event * network.input_len()..(event + 1) * network.input_len()];
        let mut wrong = None;
        let mut last: Vec<f64> = Vec::new();
        reference.run_observed(input, |fixed, value| {
            let scale = 2f64.powi(-fixed.output.fraction) / fixed.output.divisor as f64;
            last = value.to_dense(&fixed.layer.shape).iter().map(|m| *m as f64 * scale).collect();
            for (m, interval) in value.to_dense(&fixed.layer.shape).iter().zip(fixed.output.intervals.iter().cycle()) {
                let inside = *m == 0 || (interval.lo..=interval.hi).contains(&i128::from(*m));
                assert!(inside, "{}: mantissa {m} is outside of {interval:?}", fixed.layer.name);
            }
            let name = &fixed.layer.keras_name;
            let last_op = network.layers.iter().rfind(|l| &l.layer.keras_name == name).unwrap();
            if wrong.is_some() || last_op.layer.name != fixed.layer.name {
                return;
            }
            let Some(expected) = arrays.get(&format!("layer:{name}")) else { return };
            compared.insert(fixed.layer.name.clone());
            let tolerance = if fixed.output.divisor == 1 { network.tolerance } else { 1e-5 };
            let expected = &expected.values[event * last.len()..(event + 1) * last.len()];
            if let Some(at) =
                (0..last.len()).find(|&at| (last[at] - expected[at]).abs() > tolerance * expected[at].abs().max(1.0))
            {
                wrong = Some(format!("event {event}, {}[{at}]: {} but Keras has {}", fixed.layer.name, last[at], expected[at]));
            }
        });
        let expected = &arrays["y"].values[event * last.len()..(event + 1) * last.len()];
        if let (None, Some(at)) = (&wrong, (0..last.len()).find(|&at| (last[at] - expected[at]).abs() > network.tolerance)) {
            wrong = Some(format!("event {event}, y[{at}]: {} but Keras has {}", last[at], expected[at]));
        }
        if let Some(wrong) = wrong {
            return Err(wrong);
        }
    }
    Ok(compared.len())
}

#[test]
fn every_layer_of_every_fixture_is_what_keras_computed() {
    let mut failures = Vec::new();
    let fixtures = common::fixtures();
    for source in &fixtures {
        match check(source) {
            Ok(layers) => println!("{}: {layers} layers", source.display()),
            Err(error) => failures.push(format!("{}: {error}", source.file_stem().unwrap().display())),
        }
    }
    assert!(failures.is_empty(), "{} of {} fixtures fail:\n{}", failures.len(), fixtures.len(), failures.join("\n"));
    assert!(!fixtures.is_empty());
}
