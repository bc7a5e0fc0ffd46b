//! `trace`: where a difference begins, and what is not blamed on a layer.

use std::fs;

use sparsehls_build::data::{self, Array};

use crate::firmware::{Catalogue, Firmware, fixture_path, reasons, write_npz};

/// The arrays of a fixture as a dump: events, and what Keras has after each layer.
fn dump(fixture: &str) -> std::collections::BTreeMap<String, Array> {
    let mut arrays = data::read_npz(&fixture_path(fixture).with_extension("npz")).unwrap();
    arrays.retain(|name, _| name == "x" || name.starts_with("layer:"));
    arrays
}

fn write(path: &std::path::Path, arrays: &std::collections::BTreeMap<String, Array>) {
    let floats: Vec<(&String, &Array, Vec<f32>)> =
        arrays.iter().map(|(name, array)| (name, array, array.values.iter().map(|x| *x as f32).collect())).collect();
    let members: Vec<_> = floats.iter().map(|(name, array, values)| (name.as_str(), &array.shape[..], &values[..])).collect();
    write_npz(path, &members);
}

const TRACE: [&str; 5] = ["trace", "--event", "2", "--keras", "dump.npz"];

#[test]
fn a_dump_that_agrees_is_said_to() {
    let firmware = Firmware::of("whole-net-032");
    write(&firmware.path("dump.npz"), &dump("whole-net-032"));
    let run = firmware.run(&TRACE);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.stdout.contains("reference = csim = Keras"), "{run:?}");
}

#[test]
fn the_first_layer_that_differs_is_named_without_colours_in_a_pipe() {
    let firmware = Firmware::of("whole-net-032");
    let mut arrays = dump("whole-net-032");
    let (name, array) = arrays.iter_mut().find(|(name, _)| name.starts_with("layer:first") && !name.contains("mask")).unwrap();
    let size = array.values.len() / array.events();
    let at = (2 * size..3 * size).find(|at| array.values[*at] != 0.0).unwrap();
    array.values[at] += 0.5;
    let layer = name.strip_prefix("layer:").unwrap().to_owned();
    write(&firmware.path("dump.npz"), &arrays);
    let run = firmware.run(&TRACE);
    assert_eq!(run.code, 4, "{run:?}");
    assert!(run.stderr.contains("first difference in layer") && run.stderr.contains(&layer), "{run:?}");
    assert_eq!(run.stderr.matches("first difference").count() + run.stdout.matches("first difference").count(), 2, "{run:?}");
    assert!(!run.stdout.contains('\u{1b}'), "{run:?}");
    let always = firmware.run(&[&TRACE[..], &["--color", "always"]].concat());
    assert!(always.stdout.contains("\u{1b}[1;31m"), "{always:?}");
    let (_, lines) = firmware.json(&TRACE);
    assert_eq!(reasons(&lines).iter().filter(|reason| **reason == "error").count(), 1);
}

#[test]
fn what_the_grid_explains_is_blamed_on_no_layer() {
    // The manifest's grid is coarser than the data.
    let firmware = Firmware::new(
        "[package.metadata.sparsehls.models.net]\nsource = \"models/net.keras\"\ngolden = \"models/net.npz\"\n\
         input = \"ufixed<4,3>\"\n",
    );
    firmware.add("whole-net-032", "net");
    write(&firmware.path("dump.npz"), &dump("whole-net-032"));
    let (run, lines) = firmware.json(&TRACE);
    let error = lines.iter().find(|line| line["reason"] == "error").unwrap_or_else(|| panic!("{run:?}"));
    assert_eq!((run.code, &error["code"], &error["layer"]), (4, &"outputs-differ".into(), &serde_json::Value::Null), "{run:?}");
    assert!(error["message"].as_str().unwrap().contains("no layer is to blame"), "{error}");
    assert!(error["message"].as_str().unwrap().contains("input values are not on the input grid"), "{error}");
    assert!(!firmware.run(&TRACE).stdout.contains("first difference"));
}

#[test]
fn floats_before_the_first_quantizer_are_compared_on_the_grid() {
    let firmware =
        Firmware::new("[package.metadata.sparsehls.models.net]\nsource = \"models/net.keras\"\ngolden = \"models/net.npz\"\n");
    firmware.add("whole-net-032", "net");
    let mut arrays = dump("whole-net-032");
    for name in ["x", "layer:reduce"] {
        // Too little for the first quantizer to notice.
        let moved = arrays.get_mut(name).unwrap();
        moved.values.iter_mut().filter(|x| **x != 0.0).for_each(|x| *x += 2f64.powi(-15));
    }
    write(&firmware.path("dump.npz"), &arrays);
    let run = firmware.run(&TRACE);
    assert!(run.code == 0 && run.stdout.contains("): reference = csim = Keras on the input grid\n"), "{run:?}");
    let (_, lines) = firmware.json(&TRACE);
    assert!(lines[0]["off-grid"].as_u64() > Some(0) && lines[0]["first-difference"].is_null(), "{}", lines[0]);
    // What the grid does not make the same is still a difference.
    arrays.get_mut("layer:reduce").unwrap().values.iter_mut().filter(|x| **x != 0.0).for_each(|x| *x += 1.0);
    write(&firmware.path("dump.npz"), &arrays);
    let run = firmware.run(&TRACE);
    assert!(run.code == 4 && run.stdout.lines().next().unwrap().ends_with("): different"), "{run:?}");
}

#[test]
fn a_softmax_of_tables_is_compared_within_its_tolerance() {
    let firmware = Firmware::of("softmax-layer");
    write(&firmware.path("dump.npz"), &dump("softmax-layer"));
    let run = firmware.run(&TRACE);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.stdout.contains("reference = csim, and Keras within "), "{run:?}");
}

#[test]
fn dumps_that_do_not_fit() {
    let mut all = Catalogue::default();
    let firmware = Firmware::of("whole-net-032");
    let whole = dump("whole-net-032");
    let mut case = |title: &str, change: &dyn Fn(&mut std::collections::BTreeMap<String, Array>)| {
        let mut arrays = whole.clone();
        change(&mut arrays);
        write(&firmware.path("dump.npz"), &arrays);
        all.failure(title, &firmware, &TRACE);
    };
    case("no array of a layer", &|arrays| arrays.retain(|name, _| name == "x"));
    case("an array of a layer that is not there", &|arrays| {
        arrays.insert("layer:q_conv2d\u{1b}[31m".into(), Array { shape: vec![1, 1], values: vec![0.0] });
    });
    case("an array of another shape", &|arrays| {
        let first = arrays.iter_mut().find(|(name, _)| *name == "layer:reduce").unwrap().1;
        *first = Array { shape: vec![3, 7], values: vec![0.0; 21] };
    });
    case("fewer events", &|arrays| {
        let first = arrays.iter_mut().find(|(name, _)| *name == "layer:reduce").unwrap().1;
        let size = first.values.len() / first.shape[0];
        first.shape[0] = 2;
        first.values.truncate(2 * size);
    });
    fs::write(firmware.path("dump.npz"), "no archive").unwrap();
    all.failure("no archive", &firmware, &TRACE);
    insta::assert_snapshot!(all.0.replace("\\u001b", "[ESC]"));
}
