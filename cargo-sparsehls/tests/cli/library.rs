//! The shared library that `build` makes, as programs in C and Python use it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;
use sparsehls_build::data;

use crate::{
    blocks::keras,
    firmware::{Firmware, fixture_path, net, write_npz},
    markdown::{pages, repository},
    skip::skipped,
};

/// Two libraries in one C99 program: all that the headers promise, on the events of a file of floats. It prints the outputs.
const PROGRAM: &str = r#"
#include "libnet.h"
#include "libother.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REQUIRE(what) if (!(what)) { fprintf(stderr, "%s\n", #what); return 1; }

int main(int count, char** arguments) {
    const uint64_t in = net_inputs(), out = net_outputs();
    uint64_t events = 0, values = 1, i;
    FILE* const file = count == 2 ? fopen(arguments[1], "rb") : NULL;
    float *x, *y, *z;
    int64_t *m, *n;
    REQUIRE(file != NULL && fread(&events, sizeof events, 1, file) == 1)
    x = calloc(events * in, sizeof *x);
    y = calloc(events * out, sizeof *y);
    z = calloc(events * out, sizeof *z);
    m = calloc(events * in, sizeof *m);
    n = calloc(events * out, sizeof *n);
    REQUIRE(x && y && z && m && n && fread(x, sizeof *x, events * in, file) == events * in)

    REQUIRE(net_abi_version() == SPARSEHLS_ABI_VERSION && other_abi_version() == net_abi_version())
    for (i = 0; i < net_input_rank(); ++i) values *= net_input_shape()[i];
    REQUIRE(values == in)
    for (values = 1, i = 0; i < net_output_rank(); ++i) values *= net_output_shape()[i];
    REQUIRE(values == out && net_tolerance() == 0)
    REQUIRE(net_input_format()->width > 0 && net_output_format()->width > 0)

    REQUIRE(net_predict(x, y, events, 1) == SPARSEHLS_OK)
    for (i = 0; i < 9; ++i) {
        memset(z, 1, events * out * sizeof *z);
        REQUIRE(net_predict(x, z, events, (uint32_t)(i < 8 ? i : 100000)) == SPARSEHLS_OK)
        REQUIRE(memcmp(y, z, events * out * sizeof *z) == 0)
    }
    for (i = 0; i < events; ++i) REQUIRE(net_predict(x + i * in, z + i * out, 1, 1) == SPARSEHLS_OK)
    REQUIRE(memcmp(y, z, events * out * sizeof *z) == 0)
    REQUIRE(net_to_mantissas(x, m, events) == SPARSEHLS_OK)
    REQUIRE(net_predict_mantissas(m, n, events, 0) == SPARSEHLS_OK)
    REQUIRE(net_to_floats(n, z, events) == SPARSEHLS_OK)
    REQUIRE(memcmp(y, z, events * out * sizeof *z) == 0)

    REQUIRE(net_predict(NULL, y, 1, 1) == SPARSEHLS_NULL_POINTER && net_predict(x, NULL, 1, 1) == SPARSEHLS_NULL_POINTER)
    REQUIRE(net_predict_mantissas(m, NULL, 1, 0) == SPARSEHLS_NULL_POINTER)
    REQUIRE(net_to_mantissas(NULL, m, 1) == SPARSEHLS_NULL_POINTER && net_to_floats(n, NULL, 1) == SPARSEHLS_NULL_POINTER)
    REQUIRE(net_predict(NULL, NULL, 0, 0) == SPARSEHLS_OK)
    REQUIRE(net_predict(x, y, UINT64_MAX, 0) == SPARSEHLS_TOO_MANY_EVENTS)
    REQUIRE(other_inputs() != 0)
    for (i = 0; i < events * out; ++i) printf("%.9g\n", (double)y[i]);
    return 0;
}
"#;

fn library(line: &Value) -> PathBuf {
    PathBuf::from(line["library"].as_str().expect("a library"))
}

/// The lines `self-check` of a build, by model; paths are whole.
fn build(firmware: &Firmware, arguments: &[&str]) -> Vec<Value> {
    let mut command = firmware.command(&["build", "--synth", "skip", "--message-format", "json"]);
    let output = command.args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).unwrap();
    let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut lines: Vec<_> = lines.filter(|line| line["reason"] == "self-check").collect();
    lines.sort_by_key(|line| line["model"].to_string());
    lines
}

/// The golden events of a fixture, as [`PROGRAM`] reads them.
fn events(firmware: &Firmware, fixture: &str) -> (PathBuf, Vec<f32>) {
    let golden = data::read_golden(&fixture_path(fixture).with_extension("npz")).unwrap();
    let mut bytes = (golden.x.shape[0] as u64).to_ne_bytes().to_vec();
    bytes.extend(golden.x.values.iter().flat_map(|x| (*x as f32).to_ne_bytes()));
    let path = firmware.path("events.bin");
    fs::write(&path, bytes).unwrap();
    (path, golden.y.values.iter().map(|y| *y as f32).collect())
}

#[test]
fn a_program_in_c_links_two_models_and_gets_what_keras_computed() {
    let fixture = "conv-many";
    let other = net("dense-only").replace("models.net", "models.other").replace("models/net", "models/other");
    let firmware = Firmware::new(&(net(fixture) + "\n" + &other));
    firmware.add(fixture, "net");
    firmware.add("dense-only", "other");
    let libraries: Vec<_> = build(&firmware, &[]).iter().map(library).collect();
    let (path, expected) = events(&firmware, fixture);
    fs::write(firmware.path("main.c"), PROGRAM).unwrap();
    for compiler in ["gcc", "clang"] {
        if Command::new(compiler).arg("--version").output().is_err() {
            skipped(&format!("{compiler} is not installed"));
            continue;
        }
        let mut command = Command::new(compiler);
        command
            .args(["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "main.c", "-o", "main"])
            .current_dir(firmware.root());
        for library in &libraries {
            let folder = library.parent().unwrap().display().to_string();
            command.args([format!("-I{folder}"), format!("-Wl,-rpath,{folder}")]).arg(library);
        }
        let output = command.output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{compiler}: {}", String::from_utf8_lossy(&output.stderr));
        let output = Command::new(firmware.path("main")).arg(&path).output().unwrap();
        assert!(output.status.success(), "{compiler}: {}", String::from_utf8_lossy(&output.stderr));
        let found = String::from_utf8(output.stdout).unwrap();
        let found: Vec<f32> = found.lines().map(|line| line.parse().unwrap()).collect();
        assert_eq!(found, expected);
    }

    // Nothing but the functions of the header is to be seen.
    let symbols = Command::new("nm").args(["-D", "--defined-only"]).arg(&libraries[0]).output();
    let Ok(symbols) = symbols else { return skipped("nm is not installed") };
    let symbols = String::from_utf8(symbols.stdout).unwrap();
    let names: Vec<_> = symbols.lines().filter_map(|line| line.split_whitespace().last()).collect();
    let header = fs::read_to_string(libraries[0].with_extension("h")).unwrap();
    assert!(names.len() == 14 && names.iter().all(|name| header.contains(&format!("{name}("))), "{names:?}");
}

#[test]
fn a_library_is_made_once_and_again_if_it_is_damaged() {
    let firmware = Firmware::of("dense-only");
    let library = library(&build(&firmware, &[])[0]);
    let header = library.with_extension("h");
    let (whole, declared) = (fs::read(&library).unwrap(), fs::read(&header).unwrap());
    let written = || fs::metadata(&library).unwrap().modified().unwrap();
    let before = written();
    build(&firmware, &[]);
    assert_eq!(written(), before, "nothing has changed");

    let mut bent = whole.clone();
    bent[whole.len() / 2] ^= 1;
    for damaged in [&bent[..], &whole[..whole.len() - 1], b""] {
        // As a program may have it open, it is replaced and not written.
        fs::remove_file(&library).unwrap();
        fs::write(&library, damaged).unwrap();
        fs::write(&header, "").unwrap();
        build(&firmware, &[]);
        assert_eq!((fs::read(&header).unwrap(), fs::read(&library).unwrap().len()), (declared.clone(), whole.len()));
        assert_ne!(fs::read(&library).unwrap(), damaged);
    }
    fs::remove_dir_all(library.parent().unwrap()).unwrap();
    build(&firmware, &[]);
    assert!(library.exists() && header.exists());
    assert_eq!(fs::read_dir(library.parent().unwrap()).unwrap().count(), 2, "nothing else is left there");

    // Another model has another library in the same place.
    firmware.add("conv-many", "net");
    firmware.manifest(&net("conv-many"));
    build(&firmware, &[]);
    assert_ne!(fs::read(&header).unwrap(), declared);
}

/// What the golden file says is wrong is not left for anybody to load.
#[test]
fn there_is_no_library_of_what_is_wrong() {
    let firmware = Firmware::of("dense-only");
    let library = library(&build(&firmware, &[])[0]);
    let data::Golden { x, y } = data::read_golden(&firmware.path("models/net.npz")).unwrap();
    let floats = |values: &[f64], more: f32| values.iter().map(|value| *value as f32 + more).collect::<Vec<_>>();
    let arrays = [("x", &*x.shape, &*floats(&x.values, 0.0)), ("y", &*y.shape, &*floats(&y.values, 1.0))];
    write_npz(&firmware.path("models/net.npz"), &arrays);
    let (run, lines) = firmware.json(&["build", "--synth", "skip"]);
    assert_eq!(run.code, 4, "{run:?}");
    assert!(lines.iter().all(|line| line["library"].is_null()), "{lines:?}");
    assert!(!library.exists());
}

#[test]
fn a_circuit_has_a_library_of_the_same_bits_if_there_is_a_compiler() {
    let fixture = "conv-many";
    let firmware = Firmware::new(&format!("[package.metadata.sparsehls]\nbackend = \"verilog\"\npart = \"p\"\n{}", net(fixture)));
    firmware.add(fixture, "net");
    let without_one = || {
        let mut command = firmware.command(&["build", "--synth", "skip"]);
        command.env("CXX", "no-such-compiler");
        let (run, lines) = firmware.finish_json(command);
        assert!(run.code == 0 && run.stderr.contains("no-library"), "{run:?}");
        assert!(lines.iter().all(|line| line["library"].is_null()), "{lines:?}");
    };
    without_one();

    let library = library(&build(&firmware, &[])[0]);
    assert_eq!(library, firmware.path("target/sparsehls/firmware/net/lib").join(library.file_name().unwrap()));
    let (path, expected) = events(&firmware, fixture);
    let main = PROGRAM.replace("#include \"libother.h\"\n", "").replace("other_", "net_");
    fs::write(firmware.path("main.c"), main).unwrap();
    let folder = library.parent().unwrap().display().to_string();
    let mut command = Command::new("cc");
    command.args(["-std=c99", "main.c", "-o", "main"]).current_dir(firmware.root());
    command.args([format!("-I{folder}"), format!("-Wl,-rpath,{folder}")]).arg(&library);
    assert!(command.status().unwrap().success());
    let output = Command::new(firmware.path("main")).arg(&path).output().unwrap();
    let found = String::from_utf8(output.stdout).unwrap();
    assert_eq!(found.lines().map(|line| line.parse().unwrap()).collect::<Vec<f32>>(), expected);

    // What no build has made or looked at is not left for anybody to load.
    without_one();
    assert!(!library.exists());
}

/// A Python that has NumPy.
fn numpy() -> Option<std::ffi::OsString> {
    let candidates = keras().into_iter().chain(["python3".into()]);
    let has = |python: &std::ffi::OsString| {
        Command::new(python).args(["-c", "import numpy"]).output().is_ok_and(|run| run.status.success())
    };
    candidates.into_iter().find(has)
}

#[test]
fn the_ten_lines_of_the_guide_give_what_keras_computed() {
    let Some(python) = numpy() else { return skipped("no Python with NumPy; SPARSEHLS_PYTHON names one") };
    let page = pages().into_iter().find(|page| page.name == "docs/python.md").unwrap();
    let blocks = page.blocks();
    let block =
        blocks.iter().find(|block| block.kind == "python" && block.lines.iter().any(|line| line.contains("ctypes"))).unwrap();
    let lines = block.lines.iter().filter(|line| !line.is_empty());
    assert!(lines.count() <= 10, "{block:?}");
    let folder = tempfile::tempdir().unwrap();
    let example = repository().join("example-firmware");
    let firmware = Firmware::bare();
    let mut command = firmware.command(&["build", "--synth", "skip", "--model", "tracks", "--manifest-path"]);
    command.arg(example.join("Cargo.toml")).arg("--target-dir").arg(folder.path().join("target"));
    assert_eq!(firmware.finish(command).code, 0);
    std::os::unix::fs::symlink(&example, folder.path().join("example-firmware")).unwrap();
    run(&python, &block.lines.join("\n"), folder.path());
    // It would notice.
    let wrong = block.lines.join("\n").replace("golden[\"x\"]", "golden[\"x\"][::-1]");
    let output = Command::new(&python).args(["-c", &wrong]).current_dir(folder.path()).output().unwrap();
    assert!(!output.status.success());
}

fn run(python: &std::ffi::OsStr, script: &str, folder: &Path) {
    let output = Command::new(python).args(["-c", script]).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
