//! Every error a user can meet: both forms, compared with snapshots.

use std::{fmt::Write as _, fs};

use sparsehls_build::{data, keras::KerasModel};

use crate::firmware::{Catalogue, Firmware, edit, edit_config, fixture_path, fixtures, layer, net, pack, unpack, write_npz};

#[test]
fn model_files_that_are_broken() {
    let mut all = Catalogue::default();
    let firmware = Firmware::of("flatten-dense");
    let model = firmware.path("models/net.keras");
    let whole = fs::read(&model).unwrap();
    let mut case = |title: &str, prepare: &dyn Fn()| {
        fs::write(&model, &whole).unwrap();
        prepare();
        all.failure(title, &firmware, &["check"]);
    };
    let config = |change: &dyn Fn(&mut serde_json::Value)| edit_config(&model, change);
    let text = |text: &str| edit(&model, "config.json", |bytes| *bytes = text.as_bytes().to_vec());

    case("the model file does not exist", &|| fs::remove_file(&model).unwrap());
    case("the model file is empty", &|| fs::write(&model, "").unwrap());
    case("it is not a zip archive", &|| fs::write(&model, "PK, but no zip").unwrap());
    case("the zip archive is cut off", &|| fs::write(&model, &whole[..whole.len() / 2]).unwrap());
    case("it has no config.json", &|| pack(&model, &unpack(&model).split_off(2)));
    case("it has no weights", &|| pack(&model, &unpack(&model)[..2]));
    case("config.json unpacks to more than any model", &|| text(&" ".repeat((64 << 20) + 1)));
    case("config.json is not UTF-8", &|| edit(&model, "config.json", |bytes| bytes[0] = 0xff));
    case("config.json is not JSON", &|| text("layers: []"));
    case("config.json is nested without end", &|| text(&"[".repeat(100_000)));
    case("config.json is no model", &|| text("[]"));
    case("the class of the model is unknown", &|| config(&|model| model["class_name"] = "Subclassed".into()));
    case("two layers have one name", &|| {
        config(&|model| {
            let twice = model["config"]["layers"][0].clone();
            model["config"]["layers"].as_array_mut().unwrap().push(twice);
        });
    });
    case("a layer takes what does not exist", &|| {
        config(&|model| {
            let call = &mut model["config"]["layers"][1]["inbound_nodes"][0]["args"][0];
            call["config"]["keras_history"][0] = "nowhere\u{1b}[31m".into();
        });
    });
    case("the weights are no HDF5 file", &|| edit(&model, "model.weights.h5", |bytes| bytes.truncate(0)));
    case("the weights are cut off", &|| edit(&model, "model.weights.h5", |bytes| bytes.truncate(bytes.len() / 2)));
    case("a weight has another shape", &|| config(&|model| layer(model, "q_dense")["units"] = 7.into()));
    case("the number of units is negative", &|| config(&|model| layer(model, "q_dense")["units"] = (-1).into()));
    case("the budget is absurd", &|| config(&|model| layer(model, "input_reduce")["n"] = (1u64 << 60).into()));
    case("the image is absurd", &|| {
        config(&|model| layer(model, "image")["batch_shape"] = serde_json::json!([null, 1 << 19, 1 << 19, 1]));
    });
    case("a new shape overflows", &|| {
        config(&|model| {
            let flatten = &mut model["config"]["layers"][3];
            flatten["class_name"] = "Reshape".into();
            flatten["config"].as_object_mut().unwrap().remove("data_format");
            flatten["config"]["target_shape"] = serde_json::json!([4, (1u64 << 62) + 9]);
        });
    });
    case("a weight is NaN", &|| poison(&model, "q_dense"));
    all.0 = all.0.replace("\\u001b", "[ESC]");
    assert!(!all.0.contains('\u{1b}'), "control characters reach the terminal");
    insta::assert_snapshot!(all.0);
}

/// Overwrites the first value of a layer's kernel with NaN.
fn poison(model: &std::path::Path, layer: &str) {
    let kernel = KerasModel::read(model).unwrap().weights.read(layer, "", 0).unwrap();
    let bytes: Vec<u8> = kernel.values.iter().flat_map(|value| value.to_le_bytes()).collect();
    edit(model, "model.weights.h5", |file| {
        let at = file.windows(bytes.len()).position(|window| window == bytes).expect("the values stand in the file as they are");
        file[at..at + 4].copy_from_slice(&f32::NAN.to_le_bytes());
    });
}

#[test]
fn a_threshold_that_is_no_number_is_refused() {
    let mut all = Catalogue::default();
    for (fixture, old) in [("reduce-023-threshold", true), ("reduce-fixed", false)] {
        for threshold in ["NaN", "Infinity", "-Infinity"] {
            let firmware = Firmware::of(fixture);
            let model = firmware.path("models/net.keras");
            edit_config(&model, |model| {
                layer(model, "input_reduce")["threshold"] = "here".into();
                layer(model, "input_reduce")["learn_threshold"] = (!old).then_some(false).into();
            });
            edit(&model, "config.json", |bytes| {
                *bytes = String::from_utf8(bytes.clone()).unwrap().replace("\"here\"", threshold).into_bytes();
            });
            all.failure(&format!("{fixture} with {threshold}"), &firmware, &["check"]);
        }
    }
    insta::assert_snapshot!(all.0);
}

#[test]
fn models_that_are_refused() {
    let mut names: Vec<_> = fs::read_dir(fixtures()).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.retain(|path| path.file_name().unwrap().to_string_lossy().starts_with("refuse-"));
    names.sort();
    assert!(names.len() > 20, "the fixtures are there");
    let mut all = String::new();
    let firmware = Firmware::of("refuse-affine");
    for path in names {
        let name = path.file_stem().unwrap().to_string_lossy();
        firmware.add(&name, "net");
        let (run, lines) = firmware.json(&["check"]);
        assert_eq!(run.code, 1, "{name}: {run:?}");
        let error = lines.iter().find(|line| line["reason"] == "error").unwrap();
        let _ = writeln!(all, "=== {name}");
        for part in ["code", "message", "layer", "help"] {
            let _ = writeln!(all, "{part}: {}", error[part].as_str().unwrap_or("-"));
        }
        all.push('\n');
    }
    insta::assert_snapshot!(all);
}

#[test]
fn check_reports_all_that_is_wrong_with_all_models() {
    let mut all = Catalogue::default();
    let two_keys = "[package.metadata.sparsehls.models.second]\nsource = \"models/net.keras\"\ninput = \"float\"\nsorce = 3\n\
                    limits = { lots = 1 }\n";
    let good = "[package.metadata.sparsehls.models.third]\nsource = \"models/good.keras\"\n";
    let firmware = Firmware::new(&format!("{}{two_keys}{good}", net("refuse-many-things")));
    firmware.add("refuse-many-things", "net");
    firmware.add("flatten-dense", "good");
    all.failure("three models", &firmware, &["check"]);
    all.failure("one of them", &firmware, &["check", "--model", "net"]);
    let run = firmware.run(&["check"]);
    assert!(run.stdout.contains("third: input"), "the good one is printed: {run:?}");
    assert_eq!(firmware.run(&["check", "--model", "third"]).code, 0, "the others do not stand in its way");
    // What the package says for all models is said once.
    firmware.manifest(&format!("[package.metadata.sparsehls]\nclock-period = 0\n{two_keys}{good}"));
    all.failure("a default that is wrong", &firmware, &["check"]);
    insta::assert_snapshot!(all.0);
}

#[test]
fn data_files_that_do_not_fit() {
    let mut all = Catalogue::default();
    let firmware = Firmware::of("dense-only");
    let path = |name: &str| firmware.path(name);
    let golden = data::read_golden(&fixture_path("dense-only").with_extension("npz")).unwrap();
    let floats = |array: &data::Array| array.values.iter().map(|value| *value as f32).collect::<Vec<_>>();
    let (x, y) = (floats(&golden.x), floats(&golden.y));
    let (events, image) = (golden.x.shape[0], &golden.x.shape[..]);
    data::write_npy(&path("x.npy"), image, &x).unwrap();
    data::write_npy(&path("y.npy"), &[events, 3], &y).unwrap();
    data::write_npy(&path("flipped.npy"), &[events, 60, 1, 1, 2], &[x.clone(), x.clone()].concat()).unwrap();
    data::write_npy(&path("scalar.npy"), &[], &[1.0]).unwrap();
    data::write_npy(&path("short.npy"), &[events - 1, 3], &y[3..]).unwrap();
    fs::write(path("text.npy"), "1 2 3").unwrap();
    let bytes = fs::read(path("x.npy")).unwrap();
    fs::write(path("cut.npy"), &bytes[..bytes.len() - 1]).unwrap();
    write_npz(&path("empty.npz"), &[("x", &[0, 5, 6, 2], &[]), ("y", &[0, 3], &[])]);
    write_npz(&path("x-only.npz"), &[("x", image, &x)]);
    write_npz(&path("fewer.npz"), &[("x", image, &x), ("y", &[events - 1, 3], &y[3..])]);
    write_npz(&path("wide.npz"), &[("x", image, &x), ("y", &[events, 6], &[y.clone(), y.clone()].concat())]);

    write_npz(&path("other.npz"), &[("images", image, &x), ("arr_0", &[events, 3], &y)]);
    write_npz(&path("nothing.npz"), &[]);
    data::write_npy(&path("none.npy"), &[0, 5, 6, 2], &[]).unwrap();
    let complex = String::from_utf8_lossy(&bytes[10..128]).replace("'<f4'", "'<c8'");
    fs::write(path("complex.npy"), [&bytes[..10], complex.as_bytes(), &bytes[128..]].concat()).unwrap();

    let mut predict = |title: &str, input: &str| {
        all.failure(title, &firmware, &["predict", "--engine", "reference", "--input", input, "--output", "out.npy"]);
        assert!(!path("out.npy").exists());
    };
    predict("predict: the events are missing", "nowhere.npy");
    predict("predict: the events are no array", "text.npy");
    predict("predict: the events are cut off", "cut.npy");
    predict("predict: the events have another shape", "flipped.npy");
    predict("predict: the events are one number", "scalar.npy");
    predict("predict: the events are a folder", "src");
    predict("predict: the archive has no x", "other.npz");
    predict("predict: the archive is empty", "nothing.npz");
    predict("predict: there are no events", "none.npy");
    predict("predict: the events are of a type that is not read", "complex.npy");
    let verify: [(&str, &[&str]); 9] = [
        ("verify: the golden file is missing", &["--golden", "nowhere.npz"]),
        ("verify: the golden file is no archive", &["--golden", "text.npy"]),
        ("verify: the golden file has no y", &["--golden", "x-only.npz"]),
        ("verify: the golden file has no events", &["--golden", "empty.npz"]),
        ("verify: the golden file has fewer outputs than events", &["--golden", "fewer.npz"]),
        ("verify: the golden file has too many outputs", &["--golden", "wide.npz"]),
        ("verify: the expected values are missing", &["--input", "x.npy", "--expected", "nowhere.npy"]),
        ("verify: there are fewer expected values", &["--input", "x.npy", "--expected", "short.npy"]),
        ("verify: the events have another shape", &["--input", "flipped.npy", "--expected", "y.npy"]),
    ];
    for (title, arguments) in verify {
        all.failure(title, &firmware, &[&["verify", "--engine", "reference"], arguments].concat());
    }
    fs::remove_file(path("models/net.npz")).unwrap();
    all.failure("build: the golden file of the manifest is missing", &firmware, &["build"]);
    fs::copy(path("wide.npz"), path("models/net.npz")).unwrap();
    all.failure("build: the golden file of the manifest has wrong shapes", &firmware, &["build"]);
    firmware.manifest(&net("dense-only").replace("golden", "# golden"));
    all.failure("verify: there is no golden file", &firmware, &["verify"]);
    assert!(!path("target/sparsehls/firmware/net/firmware").exists(), "nothing is generated from what does not fit");
    insta::assert_snapshot!(all.0);
}

#[test]
fn outputs_that_differ() {
    let mut all = Catalogue::default();
    let firmware = Firmware::of("dense-only");
    let golden = data::read_golden(&fixture_path("dense-only").with_extension("npz")).unwrap();
    let mut y: Vec<_> = golden.y.values.iter().map(|value| *value as f32).collect();
    y[4] += 0.5;
    y[5] = f32::NAN;
    data::write_npy(&firmware.path("y.npy"), &golden.y.shape, &y).unwrap();
    let x: Vec<_> = golden.x.values.iter().map(|value| *value as f32).collect();
    data::write_npy(&firmware.path("x.npy"), &golden.x.shape, &x).unwrap();
    write_npz(&firmware.path("wrong.npz"), &[("x", &golden.x.shape, &x), ("y", &golden.y.shape, &y)]);
    all.failure("verify: both engines", &firmware, &["verify", "--golden", "wrong.npz"]);
    let files = ["verify", "--engine", "reference", "--input", "x.npy", "--expected", "y.npy"];
    all.failure("verify: the reference, from .npy files", &firmware, &files);
    let (_, lines) = firmware.json(&files);
    assert_eq!((&lines[0]["reason"], &lines[0]["events-different"]), (&"verify".into(), &1.into()));
    fs::copy(firmware.path("wrong.npz"), firmware.path("models/net.npz")).unwrap();
    all.failure("build: the golden file of the manifest is of another model", &firmware, &["build", "--synth", "skip"]);
    insta::assert_snapshot!(all.0);
}

#[test]
fn tools_that_are_missing() {
    let mut all = Catalogue::default();
    let firmware = Firmware::of("dense-only");
    let empty = tempfile::tempdir().unwrap();
    all.failure_of("CXX names no program", &firmware, &|| {
        let mut command = firmware.command(&["build"]);
        command.env("CXX", "/nonexistent/c++");
        command
    });
    all.failure_of("CXX cannot compile", &firmware, &|| {
        let mut command = firmware.command(&["build"]);
        command.env("CXX", "/bin/false");
        command
    });
    all.failure_of("no compiler is on PATH", &firmware, &|| {
        let mut command = firmware.command(&["verify"]);
        command.env("PATH", empty.path()).env_remove("CXX");
        command
    });
    all.failure("--synth require without Vitis HLS", &firmware, &["build", "--synth", "require"]);
    firmware.manifest(&format!("{}backend = \"vivado\"\n", net("dense-only")));
    all.failure("--synth require without Vivado HLS", &firmware, &["build", "--synth", "require"]);
    insta::assert_snapshot!(all.0);
}

#[test]
fn predictions_that_cannot_be_written() {
    let mut all = Catalogue::default();
    let firmware = Firmware::of("whole-net-032");
    fs::create_dir(firmware.path("folder.npy")).unwrap();
    let mut into = |title: &str, output: &str| {
        // The events are never looked at.
        all.failure(title, &firmware, &["predict", "--input", "nowhere.npy", "--output", output]);
    };
    into("the output is a folder", "src");
    into("the output is a folder that is called like a file", "folder.npy");
    into("the output is called like another kind of file", "y.npz");
    into("the output has no extension", "out/y");
    into("the output's folder is a file", "Cargo.toml/y.npy");
    into("the output's folder would be in a file", "Cargo.toml/new/y.npy");
    into("the output's folder does not exist", "new/folder/y.npy");
    insta::assert_snapshot!(all.0);

    assert!(!firmware.path("new").exists() && !firmware.path("target").exists(), "nothing is made for nothing");
}

#[test]
fn wrong_usage_ends_with_2_before_anything_is_read() {
    let firmware = Firmware::new("");
    let mut all = String::new();
    let cases: [&[&str]; 10] = [
        &["biuld"],
        &["build", "--steps", "synth,place"],
        &["build", "--jobs", "0"],
        &["build", "--quiet", "--verbose"],
        &["explore", "--max-interval", "0"],
        &["predict", "--input", "x.npy"],
        &["verify", "--input", "x.npy"],
        &["verify", "--golden", "g.npz", "--input", "x.npy", "--expected", "y.npy"],
        &["check", "--message-format", "yaml"],
        &["check", "--modle", "x"],
    ];
    for arguments in cases {
        let run = firmware.run(arguments);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{arguments:?}: {run:?}");
        let _ = writeln!(all, "=== cargo sparsehls {}\n{}", arguments.join(" "), run.stderr);
    }
    insta::assert_snapshot!(all);
}

#[test]
fn outputs_that_differ_because_of_the_input_grid() {
    let mut all = Catalogue::default();
    // A grid that is coarser than the data: their own format is found, tried and proposed.
    let coarse = net("flatten-dense").replace("input = ", "# ") + "input = \"ufixed<4,3>\"\n";
    let firmware = Firmware::new(&coarse);
    firmware.add("flatten-dense", "net");
    all.failure("verify: the grid is too coarse", &firmware, &["verify", "--engine", "reference"]);
    all.failure("build: the grid is too coarse", &firmware, &["build", "--synth", "skip"]);
    // No format of up to 32 bits holds these: the line of Python that brings them to the grid.
    let golden = data::read_golden(&fixture_path("flatten-dense").with_extension("npz")).unwrap();
    let x: Vec<f32> = golden.x.values.iter().map(|x| (*x as f32) / 3.0).collect();
    let y: Vec<f32> = golden.y.values.iter().map(|y| *y as f32).collect();
    write_npz(&firmware.path("thirds.npz"), &[("x", &golden.x.shape, &x), ("y", &golden.y.shape, &y)]);
    all.failure("verify: no format holds the data", &firmware, &["verify", "--golden", "thirds.npz", "--engine", "reference"]);
    // Data on the grid have nothing to do with it.
    let firmware = Firmware::of("flatten-dense");
    let wrong: Vec<f32> = y.iter().map(|y| y + 1.0).collect();
    let x: Vec<f32> = golden.x.values.iter().map(|x| *x as f32).collect();
    write_npz(&firmware.path("wrong.npz"), &[("x", &golden.x.shape, &x), ("y", &golden.y.shape, &wrong)]);
    all.failure("verify: another model", &firmware, &["verify", "--golden", "wrong.npz", "--engine", "reference"]);
    insta::assert_snapshot!(all.0);
}
