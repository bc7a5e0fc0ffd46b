//! The generated C++ of the golden fixtures on the vendor's own `ap_int.h`, `ap_fixed.h` and `hls_stream.h`.
//!
//! Set SPARSEHLS_VENDOR_AP_TYPES to the folder with the vendor's `ap_fixed.h`, of which the PyPI package hls4ml has a
//! copy; CI does. The vendor's headers take a compiler many seconds for each fixture: every fourth is tried, and all with
//! SPARSEHLS_ALL=vendor.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::{ffi::OsStr, path::Path, process::Command};

use sparsehls_build::{
    backend, data,
    manifest::{HlsTool, Interface, Language},
};

/// Builds the project's test bench, which holds the fixture's events, with the vendor's headers, and runs it.
fn check(source: &Path, vendor: &OsStr) -> Result<(), String> {
    let show = |error: sparsehls_build::Error| error.to_string();
    let arrays = data::read_npz(&source.with_extension("npz")).map_err(show)?;
    let (mut model, network) = common::load(source, &arrays["x"]).map_err(show)?;
    // One interface or another, if it fits.
    let at = source.file_stem().map_or(0, OsStr::len) % Interface::ALL.len();
    model.interface = Interface::ALL.get(at).copied();
    if backend::plan(&network, &model).is_err() {
        model.interface = None;
    }
    let (inputs, _) = data::to_mantissas(&arrays["x"], &network);
    let project = common::project("fixtures", &model, &network, &inputs).map_err(show)?;
    let directory = tempfile::tempdir().unwrap();
    project.write(directory.path()).map_err(show)?;
    let standard = if model.target.language == Language::Hls(HlsTool::Vitis) { "-std=c++14" } else { "-std=c++11" };
    let compile = Command::new("c++")
        .args([standard, "-w", "-O0", "-I.", "-isystem"])
        .arg(vendor)
        // The copy has no `ap_axi_sdata.h`.
        .args(["-idirafter", "csim/ap_types"])
        .args([format!("firmware/{}.cpp", model.name), format!("{}_test.cpp", model.name)])
        .args(["-o", "bench"])
        .current_dir(directory.path())
        .output()
        .unwrap();
    if !compile.status.success() {
        return Err(String::from_utf8_lossy(&compile.stderr).lines().take(5).collect::<Vec<_>>().join("\n"));
    }
    let run = Command::new(directory.path().join("bench")).current_dir(directory.path()).output().unwrap();
    run.status.success().then_some(()).ok_or_else(|| String::from_utf8_lossy(&run.stdout).into_owned())
}

#[test]
fn the_vendors_types_give_the_same_bits() {
    let Some(vendor) = std::env::var_os("SPARSEHLS_VENDOR_AP_TYPES") else {
        common::skip::skipped("SPARSEHLS_VENDOR_AP_TYPES is not set");
        return;
    };
    let step = if std::env::var_os("SPARSEHLS_ALL").is_some_and(|all| all == "vendor") { 1 } else { 4 };
    let failures = common::for_every(step, "SPARSEHLS_ALL=vendor", |_, source, _| check(source, &vendor));
    assert!(failures.is_empty(), "{} fixtures fail:\n{}", failures.len(), failures.join("\n"));
}
