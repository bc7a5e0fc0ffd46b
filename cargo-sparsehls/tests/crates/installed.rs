//! The tool as a user has it: installed, outside of the repository, without the network.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::support::{Firmware, Run, finish, repository, shared_target, slow};

/// Installs the tool below `root`. It is compiled in a folder of its own: other tests run the one in cargo's meanwhile.
fn install(root: &Path) -> OsString {
    let target = shared_target().with_file_name("install");
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| env!("CARGO").into()));
    command.args(["install", "--quiet", "--debug", "--offline", "--locked", "--no-track", "--path"]);
    command.arg(repository().join("cargo-sparsehls")).arg("--root").arg(root).env("CARGO_TARGET_DIR", target);
    finish(command).ok();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(root.join("bin")).chain(std::env::split_paths(&path));
    std::env::join_paths(folders).unwrap()
}

#[test]
fn a_new_crate_builds_runs_and_tests_with_the_installed_tool() {
    if !slow() {
        return;
    }
    let outside = tempfile::tempdir().unwrap();
    let outside = outside.path().canonicalize().unwrap().join("our 探测器 firmware");
    fs::create_dir(&outside).unwrap();
    let path = install(&outside.join("the tool"));
    let package: PathBuf = outside.join("my-fw");
    let cargo = |folder: &Path, arguments: &[&str]| -> Run {
        let mut command = Command::new("cargo");
        command.args(arguments).current_dir(folder).env("PATH", &path).env("CARGO_TARGET_DIR", shared_target());
        command.env("CARGO_NET_OFFLINE", "true").env_remove("CARGO").env_remove("CXX").env_remove("CXXFLAGS");
        finish(command).ok()
    };
    cargo(&outside, &["sparsehls", "new", "my-fw"]);
    cargo(&package, &["fmt", "--check"]);
    cargo(&package, &["build"]);
    let run = cargo(&package, &["run", "--quiet"]);
    assert_eq!(run.stdout.lines().count(), 1, "{run:?}");
    assert!(run.stdout.starts_with("[9, 8, 2] values in, ["), "{run:?}");
    let test = cargo(&package, &["test"]);
    assert!(test.stdout.contains("every_golden_event_gives_what_keras_computed ... ok"), "{test:?}");
    cargo(&package, &["clippy", "--quiet", "--all-targets", "--", "-D", "warnings"]);
    cargo(&package, &["package", "--allow-dirty", "--no-verify", "--quiet", "--list"]);

    // A model whose golden file has an event in which Keras itself rounded.
    let rounding = repository().join("build-support/tests/rounding/rounding-11-104");
    let file = |extension: &str| rounding.with_extension(extension).to_string_lossy().into_owned();
    let (source, golden) = (file("keras"), file("npz"));
    let new = ["sparsehls", "new", "my-rounding", "--source", &source, "--golden", &golden, "--input", "fixed<22,6>"];
    cargo(&outside, &[&new[..], &["--model", "net"]].concat());
    let rounding = outside.join("my-rounding");
    cargo(&rounding, &["fmt", "--check"]);
    let test = cargo(&rounding, &["test"]);
    assert!(test.stdout.contains("every_golden_event_gives_what_keras_computed ... ok"), "{test:?}");
    assert!(test.stderr.contains("net: 1 event differs within what float32 rounding explains, at most 4.8e-7"), "{test:?}");
    cargo(&rounding, &["clean", "--quiet", "-p", "my-rounding"]);

    // The tool itself needs nothing of the repository either.
    let build = cargo(&package, &["sparsehls", "build", "--synth", "skip"]);
    assert!(build.stderr.contains("and with Keras on the"), "{build:?}");
    assert!(shared_target().join("sparsehls/my-fw/example/firmware/example.cpp").exists());
    cargo(&package, &["clean", "--quiet", "-p", "my-fw"]);
    cargo(&package, &["sparsehls", "clean"]);
}

#[test]
fn a_test_of_a_new_crate_fails_if_the_firmware_is_wrong() {
    if !slow() {
        return;
    }
    let firmware = Firmware::new("wrong-golden", &[("net", "dense-only")]);
    firmware.write("models/net.npz", fs::read(repository().join("build-support/tests/fixtures/dense-oq.npz")).unwrap());
    let run = firmware.cargo(&["build"]);
    assert!(!run.success && run.stderr.contains("code: ") && run.stderr.contains("models.net.golden"), "{run:?}");
}
