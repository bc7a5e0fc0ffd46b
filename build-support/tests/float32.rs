//! The bounds on what Keras's own float32 rounds, held against Keras: every layer of every network.
//!
//! The networks in `tests/rounding` have more bits than float32 holds. `tests/keras/rounding.py --seed S --events 60 --only N
//! --keep FOLDER` made each `rounding-S-N`; with SPARSEHLS_ROUNDING=FOLDER others are looked at.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::path::{Path, PathBuf};

use sparsehls_build::{
    Mantissas,
    check::{self, UselessBound},
    data::{self, Array},
    engine,
    fixed::{Format, Overflow, QuantizerFormat, Rounding},
    float32::{self, Float32, Slack},
    formats::{FixedLayer, FixedNetwork},
    network::{Coefficients, Conv2d, Dense, Layer, Network, Op, Origin, Quantizer, Shape, SparseShape},
    reference::{Reference, Value},
};

/// What a network made of its events.
#[derive(Debug, Default)]
struct Found {
    values: usize,
    rounded: usize,
}

fn load(source: &Path) -> (FixedNetwork, std::collections::BTreeMap<String, Array>, Mantissas) {
    let arrays = data::read_npz(&source.with_extension("npz")).unwrap();
    let (_, network) = common::load(source, &arrays["x"]).unwrap();
    let (inputs, _) = data::to_mantissas(&arrays["x"], &network);
    (network, arrays, inputs)
}

/// Compares every layer of Keras that is there with its bounds. `skip` says which layers are not comparable.
fn every_layer(source: &Path, skip: impl Fn(&str) -> bool) -> Result<Found, String> {
    let (network, arrays, inputs) = load(source);
    let float32 = Float32::new(&network);
    let mut found = Found::default();
    for (event, input) in inputs.iter().enumerate() {
        let mut wrong = None;
        float32.bounds_observed(input, |fixed, value, slack| {
            let name = &fixed.layer.keras_name;
            let last = network.layers.iter().rfind(|other| other.layer.keras_name == *name).unwrap();
            let array = arrays.get(&format!("layer:{name}")).filter(|_| last.layer.id == fixed.layer.id && !skip(name));
            let (Some(array), None) = (array, &wrong) else { return };
            let size = array.values.len() / array.events();
            // A float function at the end has tables of our choice instead.
            let is_last = network.layers.last().is_some_and(|last| last.layer.id == fixed.layer.id);
            let tolerance = if is_last { network.tolerance } else { 0.0 };
            wrong = compare(fixed, value, slack, &array.values[event * size..(event + 1) * size], tolerance, &mut found)
                .map(|text| format!("event {event}, layer {name}{text}"));
        });
        if let Some(wrong) = wrong {
            return Err(wrong);
        }
    }
    Ok(found)
}

fn compare(
    fixed: &FixedLayer,
    value: &Value,
    slack: &[Slack],
    keras: &[f64],
    tolerance: f64,
    found: &mut Found,
) -> Option<String> {
    let unit = 2f64.powi(-fixed.output.fraction) / fixed.output.divisor as f64;
    let exact = value.to_dense();
    assert_eq!(exact.len(), keras.len());
    for (at, slack) in float32::to_dense(slack, value).into_iter().enumerate() {
        // What double precision rounds in this division.
        let more = tolerance / unit + 1e-14 * exact[at].unsigned_abs() as f64;
        let difference = keras[at] / unit - exact[at] as f64;
        found.values += 1;
        found.rounded += usize::from(difference.abs() > more);
        if difference < -slack.below - more || difference > slack.above + more {
            return Some(format!("[{at}]: {difference} units off, of {slack:?}"));
        }
    }
    None
}

fn rounding_networks() -> Vec<PathBuf> {
    let folder = std::env::var_os("SPARSEHLS_ROUNDING").map(PathBuf::from);
    let folder = folder.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rounding"));
    let mut all: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    all.retain(|path| path.extension().is_some_and(|extension| extension == "keras"));
    all.sort();
    all
}

#[test]
fn every_layer_of_keras_is_within_its_bounds() {
    let networks = rounding_networks();
    let mut failures = Vec::new();
    for source in &networks {
        match every_layer(source, |_| false) {
            Ok(found) => println!("{}: {found:?}", source.display()),
            Err(text) => failures.push(format!("{}: {text}", source.display())),
        }
    }
    assert!(failures.is_empty(), "{} of {}:\n{}", failures.len(), networks.len(), failures.join("\n"));
    assert!(!networks.is_empty());
}

/// In the golden fixtures only means are rounded; of all others the bounds must say that nothing is.
#[test]
fn the_golden_fixtures_are_within_their_bounds() {
    let (mut without, mut rounded) = (0, 0);
    for (name, source, case) in common::cases() {
        if case.refused {
            continue;
        }
        let (network, ..) = load(&source);
        let can_round = Float32::new(&network).can_round();
        let found = every_layer(&source, |layer| case.approximate.iter().any(|name| name == layer));
        let found = found.unwrap_or_else(|text| panic!("{name}: {text}"));
        assert!(can_round || found.rounded == 0, "{name}: {found:?}");
        assert!(found.values > 0, "{name}");
        without += usize::from(!can_round);
        rounded += usize::from(found.rounded > 0);
    }
    assert!(without > 60 && rounded > 5, "{without} without, {rounded} rounded");
}

/// One network sums at its end what float32 cannot hold, in the other a sum lands on the other side of a quantizer's
/// boundary.
#[test]
fn what_float32_explains_is_no_difference() {
    for (name, differing) in [("rounding-11-75", 16), ("rounding-11-104", 1)] {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/rounding/{name}.keras"));
        let (network, arrays, inputs) = load(&source);
        let float32 = Float32::new(&network);
        let found = engine::run(&Reference::new(&network), &inputs).unwrap().to_floats();
        let keras = &arrays["y"].values;
        let without = check::compare(&found, keras, network.output_len(), network.tolerance);
        assert_eq!(without.events_different, differing, "{name}");
        let result = check::with_keras(&float32, &inputs, &found, keras);
        assert_eq!((result.events_different, result.within_float32, &result.first), (0, differing, &None), "{name}");
        assert_eq!(
            (result.float32_difference, result.max_abs_difference),
            (without.max_abs_difference, without.max_abs_difference)
        );
        assert!(result.float32_bound >= result.float32_difference && result.float32_bound < 100.0 * result.float32_difference);

        // More than the bound is a difference, and so is less in an engine that is wrong itself.
        let first = without.first.unwrap();
        let at = first.event * network.output_len().get() + first.output;
        let mut beyond = keras.clone();
        beyond[at] = f64::from(found[at]) + 1.01 * result.float32_bound;
        let result = check::with_keras(&float32, &inputs, &found, &beyond);
        assert_eq!((result.events_different, result.first.unwrap().event), (1, first.event), "{name}");
        let mut wrong = found.clone();
        wrong[at] += (f64::from(found[at]) - keras[at]) as f32;
        let result = check::with_keras(&float32, &inputs, &wrong, keras);
        assert_eq!((result.events_different, result.first.unwrap().event), (1, first.event), "{name}");
    }
}

fn layer(name: &str, shape: Shape, op: Op) -> Layer {
    let text = || name.to_owned();
    Layer { name: text(), keras_name: text(), keras_class: "QDense".into(), id: text(), shape, origin: Origin::Model, op }
}

fn infer(input_shape: Vec<usize>, layers: Vec<Layer>, fraction: i32) -> FixedNetwork {
    let input = Format { signed: false, width: 24, fraction };
    let network = Network { input_shape, layers, tolerance: 0.0 };
    FixedNetwork::infer(network, &common::model(Path::new("none.keras"), input)).unwrap()
}

/// `3 x - 2 y - z` with a bias where it is not zero. In float32 `3 x` of 24 bits is one less, so that Keras finds something
/// where there is nothing, and nothing where there is something.
#[test]
fn a_bias_may_be_there_or_not_where_a_sum_may_be_zero() {
    let (size, bias) = ((1 << 24) - 1, 1000);
    let sparse = |channels| Shape::Sparse(SparseShape { slots: 1, height: 1, width: 1, channels });
    let weights = Coefficients { values: vec![3, -2, -1], fraction: 0 };
    let conv = Op::SparseConv2d(Conv2d { kernel: [1, 1], channels: 3, filters: 1, weights });
    let layers = vec![
        layer("reduce", sparse(3), Op::InputReduce { threshold: None }),
        layer("sum", sparse(1), conv),
        layer("bias", sparse(1), Op::SparseBias(Coefficients { values: vec![bias], fraction: 0 })),
        layer("flat", Shape::Dense(vec![1]), Op::SparseFlatten),
    ];
    let network = infer(vec![1, 1, 3], layers, 0);
    for (z, exact) in [(size, 0), (size - 1, 1 + bias)] {
        let keras = size as f32 * 3.0 - size as f32 * 2.0 - z as f32;
        let keras = if keras == 0.0 { 0.0 } else { keras + bias as f32 };
        let bounds = Float32::new(&network).bounds(&[size, size, z]);
        assert_eq!(bounds.exact, [exact]);
        assert!((f64::from(keras) - exact as f64).abs() > 900.0 && bounds.explains(0, keras.into()), "{z}: {keras}");
        assert!(bounds.explains(0, exact as f64 + 1.0) && !bounds.explains(0, -500.0) && !bounds.explains(0, 1200.0));
    }
}

/// `3 x - 2 y`, of which a quantizer keeps the fraction: just below a whole number float32 may find the next one, and then
/// the bound says nothing.
#[test]
fn a_useless_bound_excuses_nothing_and_names_its_layer() {
    let weights = Coefficients { values: vec![3, -2], fraction: 0 };
    let sum = Op::Dense(Dense { rows: 1, inputs: 2, outputs: 1, weights, bias: None });
    let fraction = QuantizerFormat::Live { k: 0, i: 0, f: 24 };
    let wrap = Op::Quantize(Quantizer::uniform(fraction, Rounding::Floor, Overflow::Wrap, 1));
    let one = || Shape::Dense(vec![1]);
    let layers = vec![layer("sum", one(), sum), layer("wrap", one(), wrap), layer("last", one(), Op::Reshape)];
    let network = infer(vec![2], layers, 24);
    let (largest, inputs) = ((1 << 24) - 1, network.inputs(vec![5, 7, (1 << 24) - 1, (1 << 24) - 1]));
    let exact = engine::run(&Reference::new(&network), &inputs).unwrap();
    assert_eq!(exact.values(), [1, largest]);
    let found = exact.to_floats();
    let result = check::with_keras(&Float32::new(&network), &inputs, &found, &[f64::from(found[0]), 0.0]);
    assert_eq!((result.events_different, result.within_float32), (1, 0));
    assert_eq!(result.useless_bound, Some(UselessBound { event: 1, events: 1, layer: "wrap".into() }));
    // Unless what Keras has is explained without wrapping.
    let near = f64::from(found[1]) - 2f64.powi(-24);
    let near = check::with_keras(&Float32::new(&network), &inputs, &found, &[f64::from(found[0]), near]);
    assert_eq!((near.events_different, near.within_float32, near.useless_bound), (0, 1, None));
    let text = "the bound of event 1 is larger than the output's range; layer `wrap` makes it so";
    assert!(result.require_equal("net", "csim", "Keras").unwrap_err().to_string().contains(text));
}
