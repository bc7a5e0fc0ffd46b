//! The golden fixtures: small models from real Keras, each layer compared with what Keras computed.
//!
//! `tests/keras/make_fixtures.py` makes them; `fixtures/cases.json` says what each covers and what to expect of it.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::{collections::BTreeSet, path::Path};

use common::Case;
use sparsehls_build::{
    data,
    formats::{FixedLayer, FixedNetwork},
    reference::{Reference, Value},
};

/// Layers of Keras that a case compared.
type Compared = BTreeSet<String>;

fn check(source: &Path, case: &Case) -> Result<Compared, String> {
    let show = |error: sparsehls_build::Error| error.to_string();
    let arrays = data::read_npz(&source.with_extension("npz")).map_err(show)?;
    let x = &arrays["x"];
    let (_, network) = common::load(source, x).map_err(show)?;
    data::check_events(x, &network).map_err(show)?;
    let (mantissas, report) = data::to_mantissas(x, &network);
    if !report.is_exact() {
        return Err(format!("inputs are not on the grid {}: {report:?}", network.input.format));
    }
    let reference = Reference::new(&network);
    let mut compared = Compared::new();
    for (event, input) in mantissas.iter().enumerate() {
        let mut wrong = None;
        let mut last = Vec::new();
        reference.run_observed(input, |fixed, value| {
            stays_in_its_format(fixed, value);
            last = floats(fixed, value);
            let name = &fixed.layer.keras_name;
            let Some(expected) = arrays.get(&format!("layer:{name}")) else { return };
            if wrong.is_none() && ends_its_keras_layer(&network, fixed) {
                compared.insert(name.clone());
                let expected = &expected.values[event * last.len()..(event + 1) * last.len()];
                wrong = first_difference(&last, expected, case.tolerance(name, fixed, &network))
                    .map(|text| format!("event {event}, layer {name}{text}"));
            }
        });
        let expected = &arrays["y"].values[event * last.len()..(event + 1) * last.len()];
        let tolerance = if case.exact { 0.0 } else { network.tolerance.max(1e-9) };
        wrong = wrong.or(first_difference(&last, expected, tolerance).map(|text| format!("event {event}, y{text}")));
        if let Some(wrong) = wrong {
            return Err(wrong);
        }
    }
    Ok(compared)
}

fn floats(fixed: &FixedLayer, value: &Value) -> Vec<f64> {
    let scale = 2f64.powi(-fixed.output.fraction) / fixed.output.divisor as f64;
    value.to_dense().iter().map(|mantissa| *mantissa as f64 * scale).collect()
}

/// No value may leave the interval that format inference gave it.
fn stays_in_its_format(fixed: &FixedLayer, value: &Value) {
    let values = value.to_dense();
    for (mantissa, interval) in values.iter().zip(fixed.output.ranges.iter().cycle()) {
        let inside = *mantissa == 0 || (interval.lo..=interval.hi).contains(&i128::from(*mantissa));
        assert!(inside, "{}: mantissa {mantissa} is outside of {interval:?}", fixed.layer.name);
    }
}

fn ends_its_keras_layer(network: &FixedNetwork, fixed: &FixedLayer) -> bool {
    let last = network.layers.iter().rfind(|other| other.layer.keras_name == fixed.layer.keras_name);
    last.is_some_and(|last| last.layer.id == fixed.layer.id)
}

fn first_difference(found: &[f64], expected: &[f64], tolerance: f64) -> Option<String> {
    let at = (0..found.len()).find(|&at| (found[at] - expected[at]).abs() > tolerance * expected[at].abs().max(1.0))?;
    Some(format!("[{at}]: {} where Keras has {}", found[at], expected[at]))
}

#[test]
fn every_layer_of_every_fixture_is_what_keras_computed() {
    let mut failures = Vec::new();
    let (mut models, mut layers) = (0, 0);
    for (name, source, case) in common::cases() {
        if case.refused {
            continue;
        }
        models += 1;
        match check(&source, &case) {
            Ok(compared) => {
                let missed: Vec<_> =
                    case.layers.iter().filter(|(layer, class)| common::has_ops(class) && !compared.contains(layer)).collect();
                if !missed.is_empty() {
                    failures.push(format!("{name}: not compared: {missed:?}"));
                }
                layers += compared.len();
            }
            Err(error) => failures.push(format!("{name}: {error}")),
        }
    }
    println!("{models} models, {layers} layers");
    assert!(failures.is_empty(), "{} of {models} fixtures fail:\n{}", failures.len(), failures.join("\n"));
    assert!(models > 100);
}

#[test]
fn what_cannot_be_exact_is_refused() {
    let mut refused = 0;
    for (name, source, case) in common::cases() {
        if case.refused {
            let error = common::load(&source, &common::unit_grid()).map(drop).expect_err(&name);
            assert!(error.help_text().is_some(), "{name}: {error}");
            refused += 1;
        }
    }
    assert!(refused > 20);
}
