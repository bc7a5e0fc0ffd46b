//! `new` and `init`: what they write, and what they leave alone.

use std::{fs, path::Path};

use crate::firmware::{Catalogue, Firmware, fixture_path, fixtures, reasons};

/// Every file below `folder`, with `/`.
fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut left = vec![folder.to_owned()];
    while let Some(next) = left.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                left.push(path);
            } else {
                found.push(path.strip_prefix(folder).unwrap().to_string_lossy().into_owned());
            }
        }
    }
    found.sort();
    found
}

const NEW: [&str; 11] = [
    ".github/workflows/firmware.yml",
    ".gitignore",
    ".gitlab-ci.yml",
    "Cargo.toml",
    "README.md",
    "build.rs",
    "models/example.golden.npz",
    "models/example.keras",
    "src/lib.rs",
    "src/main.rs",
    "tests/golden.rs",
];

#[test]
fn the_example_of_new_is_one_of_the_golden_fixtures() {
    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets");
    for (asset, fixture) in [("example.keras", "whole-net-032.keras"), ("example.golden.npz", "whole-net-032.npz")] {
        assert_eq!(fs::read(assets.join(asset)).unwrap(), fs::read(fixtures().join(fixture)).unwrap(), "{asset}");
    }
}

#[test]
fn new_makes_a_package_that_can_be_checked_and_verified() {
    let outside = Firmware::bare();
    let (run, lines) = outside.json(&["new", "a folder/my-fw"]);
    assert_eq!((run.code, reasons(&lines)), (0, vec!["created", "finished"]), "{run:?}");
    assert_eq!((&lines[0]["package"], &lines[0]["path"]), (&"my-fw".into(), &"[DIR]/a folder/my-fw".into()));
    assert_eq!(files(&outside.path("a folder")), NEW.map(|file| format!("my-fw/{file}")));
    let package = outside.path("a folder/my-fw");
    let manifest = package.join("Cargo.toml");
    let manifest = manifest.to_str().unwrap();
    assert_eq!(outside.run(&["verify", "--engine", "reference", "--manifest-path", manifest]).code, 0);

    // Not a second time, and nothing is touched.
    let mut catalogue = Catalogue::default();
    catalogue.failure("a folder that is there", &outside, &["new", "a folder/my-fw"]);
    catalogue.failure("a name that no package can have", &outside, &["new", "2nd one"]);
    catalogue.failure("a keyword", &outside, &["new", "fw", "--name", "match"]);
    catalogue.failure("a source that is not there", &outside, &["new", "fw", "--source", "none.keras"]);
    catalogue.failure("a source that is no model", &outside, &["new", "fw", "--source", "a folder/my-fw/Cargo.toml"]);
    catalogue.failure("a file as the name of the model", &outside, &["new", "fw", "--model", "x.keras"]);
    catalogue.failure("a name that no model can have", &outside, &["new", "fw", "--model", "class"]);
    catalogue.failure("two names", &outside, &["new", "fw", "--model", "a", "--model", "b"]);
    catalogue.failure("a clone that is none", &outside, &["new", "fw", "--path", "a folder"]);
    catalogue.failure(
        "an input format that is none",
        &outside,
        &["new", "fw", "--source", "a folder/my-fw/models/example.keras", "--input", "float"],
    );
    catalogue.failure(
        "a golden file of another model",
        &outside,
        &["new", "fw", "--source", "a folder/my-fw/models/example.keras", "--golden", "a folder/my-fw/models/example.keras"],
    );
    insta::assert_snapshot!(catalogue.0);
    assert_eq!(files(&outside.root()).len(), NEW.len(), "nothing half-made is left");
}

#[test]
fn new_takes_the_users_model() {
    let outside = Firmware::bare();
    for extension in ["keras", "npz"] {
        fs::copy(fixture_path("dense-only").with_extension(extension), outside.path(&format!("2nd Net.{extension}"))).unwrap();
    }
    let run = outside.run(&["new", "fw", "--source", "2nd Net.keras", "--input", "fixed<7,4>"]);
    assert_eq!(run.code, 0, "{run:?}");
    let manifest = fs::read_to_string(outside.path("fw/Cargo.toml")).unwrap();
    let model =
        "[package.metadata.sparsehls.models.layer_2nd_net]\nsource = \"models/layer_2nd_net.keras\"\ninput = \"fixed<7,4>\"\n";
    assert!(manifest.contains(model), "{manifest}");
    let run = outside.run(&["new", "gw", "--source", "2nd Net.keras", "--golden", "2nd Net.npz", "--model", "net"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(outside.path("gw/models/net.golden.npz").exists());
    let manifest = outside.path("gw/Cargo.toml");
    assert_eq!(outside.run(&["check", "--manifest-path", manifest.to_str().unwrap()]).code, 0);
}

#[test]
fn new_in_a_workspace_becomes_a_member() {
    let outside = Firmware::bare();
    let root = "# Ours.\n[workspace]\nresolver = \"3\"\nmembers = [\n    \"tools/*\", # all\n]\n# The end.\n";
    fs::write(outside.path("Cargo.toml"), root).unwrap();
    fs::create_dir(outside.path("tools")).unwrap();
    let run = outside.run(&["new", "fw"]);
    assert!(run.code == 0 && run.stderr.contains("added the package to the workspace of"), "{run:?}");
    let run = outside.run(&["new", "tools/other"]);
    assert!(run.code == 0 && !run.stderr.contains("added"), "{run:?}");
    insta::assert_snapshot!(fs::read_to_string(outside.path("Cargo.toml")).unwrap());
    fs::create_dir(outside.path("third")).unwrap();
    let run = outside.run(&["init", "third"]);
    assert!(run.code == 0 && run.stderr.contains("added the package to the workspace of"), "{run:?}");
    let (_, lines) = outside.json(&["check", "-p", "fw", "-p", "other", "-p", "third"]);
    assert!(lines.len() > 2, "cargo reads the workspace");
}

#[test]
fn init_does_not_take_another_model_for_the_one_it_checked() {
    let outside = Firmware::bare();
    fs::create_dir_all(outside.path("fw/models")).unwrap();
    fs::write(outside.path("fw/models/example.keras"), "another one").unwrap();
    let run = outside.run(&["init", "fw"]);
    assert!(run.code != 0 && run.stderr.contains("another file here"), "{run:?}");
    assert!(!outside.path("fw/Cargo.toml").exists(), "nothing is written");
}

const MANIFEST: &str = r#"# A package of ours.
[package]
version = "1.2.3"    # before the name
name = "trigger-fw"
edition = "2024"

[workspace]

[lints.rust]
unsafe_code = "deny"

[build-dependencies] # all of them
"#;

#[test]
fn init_edits_a_manifest_without_disturbing_it() {
    let firmware = Firmware::bare();
    fs::write(firmware.path("Cargo.toml"), MANIFEST).unwrap();
    fs::create_dir(firmware.path("src")).unwrap();
    fs::write(firmware.path("src/lib.rs"), "//! Ours.").unwrap();
    fs::write(firmware.path("README.md"), "ours").unwrap();
    fs::write(firmware.path("build.rs"), "fn main() {}\n").unwrap();
    let run = firmware.run(&["init", "--path", env!("CARGO_MANIFEST_DIR").trim_end_matches("/cargo-sparsehls")]);
    assert!(run.code == 0 && run.stderr.contains("in your build.rs"), "{run:?}");
    let manifest = fs::read_to_string(firmware.path("Cargo.toml")).unwrap();
    let mut lines = manifest.lines();
    assert!(MANIFEST.lines().all(|line| lines.any(|kept| kept == line)), "a line is gone or moved:\n{manifest}");
    let clone = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    insta::assert_snapshot!(manifest.replace(clone.to_str().unwrap(), "[CLONE]"));
    assert_eq!(fs::read_to_string(firmware.path("README.md")).unwrap(), "ours");
    assert_eq!(fs::read_to_string(firmware.path("build.rs")).unwrap(), "fn main() {}\n");
    let root = fs::read_to_string(firmware.path("src/lib.rs")).unwrap();
    assert_eq!(root, "//! Ours.\n\ninclude!(concat!(env!(\"OUT_DIR\"), \"/sparsehls.rs\"));\n");
    assert!(!firmware.path("src/main.rs").exists(), "a library stays one");
    assert_eq!(firmware.run(&["verify", "--engine", "reference"]).code, 0);

    // Once more is an error that changes nothing; another model is added beside the first.
    let before = files(&firmware.root());
    let run = firmware.run(&["init"]);
    assert!(run.code == 1 && run.stderr.contains("already-exists"), "{run:?}");
    assert_eq!((files(&firmware.root()), fs::read_to_string(firmware.path("Cargo.toml")).unwrap()), (before, manifest));
    assert_eq!(firmware.run(&["init", "--model", "second"]).code, 0);
    let (_, lines) = firmware.json(&["check"]);
    assert!(lines.iter().any(|line| line["model"] == "example") && lines.iter().any(|line| line["model"] == "second"));
    assert_eq!(fs::read_to_string(firmware.path("src/lib.rs")).unwrap(), root, "one include is enough");
}

#[test]
fn init_without_a_package_makes_one_around_what_is_there() {
    let firmware = Firmware::bare();
    fs::write(firmware.path(".gitignore"), "mine\n").unwrap();
    let run = firmware.run(&["init", "--name", "fw"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(files(&firmware.root()), NEW);
    assert_eq!(fs::read_to_string(firmware.path(".gitignore")).unwrap(), "mine\n");
}

#[test]
fn init_of_what_is_no_package_changes_nothing() {
    let mut catalogue = Catalogue::default();
    for (title, manifest) in [
        ("no TOML", "[package\n"),
        ("no package", "[workspace]\nmembers = []\n"),
        ("no table", "package = { name = \"fw\", version = \"0.0.0\" }\nbuild-dependencies = 3\n"),
    ] {
        let firmware = Firmware::bare();
        fs::write(firmware.path("Cargo.toml"), manifest).unwrap();
        catalogue.failure(title, &firmware, &["init"]);
        assert_eq!(files(&firmware.root()), ["Cargo.toml"], "{title}");
        assert_eq!(fs::read_to_string(firmware.path("Cargo.toml")).unwrap(), manifest, "{title}");
    }
    insta::assert_snapshot!(catalogue.0);
}
