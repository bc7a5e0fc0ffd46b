//! The generated C++ of the golden fixtures on the vendor's own `ap_int.h`, `ap_fixed.h` and `hls_stream.h`.
//!
//! Set SPARSEHLS_VENDOR_AP_TYPES to the folder with the vendor's `ap_fixed.h`, of which the PyPI package hls4ml has a
//! copy; CI does. The vendor's headers take a compiler many seconds for each fixture: every fourth is tried, and all with
//! SPARSEHLS_ALL=vendor. That copy has no `ap_axi_sdata.h`, so AXI-Streams are ours there; where the folder has the vendor's, as
//! an installation does, streams are tried with it too.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::Command,
};

use sparsehls_build::{
    backend, data,
    manifest::{HlsTool, Interface, Language},
};

/// One interface or another, by the name of the fixture.
fn any_interface(source: &Path) -> Interface {
    Interface::ALL[source.file_stem().map_or(0, OsStr::len) % Interface::ALL.len()]
}

/// Builds the project's test bench, which holds the fixture's events, with the vendor's headers, and runs it. The interface is
/// this one, if it fits.
fn check(source: &Path, vendor: &Path, tool: HlsTool, interface: Interface, standard: &str) -> Result<(), String> {
    let show = |error: sparsehls_build::Error| error.to_string();
    let arrays = data::read_npz(&source.with_extension("npz")).map_err(show)?;
    let (mut model, network) = common::load(source, &arrays["x"]).map_err(show)?;
    model.target.language = Language::Hls(tool);
    model.interface = Some(interface);
    if backend::plan(&network, &model).is_err() {
        model.interface = None;
    }
    let (inputs, _) = data::to_mantissas(&arrays["x"], &network);
    let project = common::project("fixtures", &model, &network, &inputs).map_err(show)?;
    let directory = tempfile::tempdir().unwrap();
    project.write(directory.path()).map_err(show)?;
    let compile = Command::new("c++")
        .args([standard, "-w", "-O0", "-I.", "-isystem"])
        .arg(vendor)
        // What the vendor's folder lacks.
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

/// The folder with the vendor's headers.
fn vendor() -> Option<PathBuf> {
    let vendor = std::env::var_os("SPARSEHLS_VENDOR_AP_TYPES").map(PathBuf::from);
    if vendor.is_none() {
        common::skip::skipped("SPARSEHLS_VENDOR_AP_TYPES is not set");
    }
    vendor
}

/// All fixtures with SPARSEHLS_ALL=vendor, else one of `few`.
fn step(few: usize) -> usize {
    if std::env::var_os("SPARSEHLS_ALL").is_some_and(|all| all == "vendor") { 1 } else { few }
}

#[test]
fn the_vendors_types_give_the_same_bits() {
    let Some(vendor) = vendor() else { return };
    let failures = common::for_every(step(4), "SPARSEHLS_ALL=vendor", |_, source, _| {
        check(source, &vendor, HlsTool::Vitis, any_interface(source), "-std=c++14")
    });
    assert!(failures.is_empty(), "{} fixtures fail:\n{}", failures.len(), failures.join("\n"));
}

/// A beat of the vendor's has nothing but data, last and which bytes count, or all side channels, as the backends ask for it.
/// The header has templates of variables, which C++11 does not.
#[test]
fn the_vendors_axi_streams_give_the_same_bits() {
    let Some(vendor) = vendor() else { return };
    if !vendor.join("ap_axi_sdata.h").is_file() {
        return common::skip::skipped("the folder of SPARSEHLS_VENDOR_AP_TYPES has no ap_axi_sdata.h");
    }
    let failures = common::for_every(step(8), "SPARSEHLS_ALL=vendor", |_, source, _| {
        check(source, &vendor, HlsTool::Vitis, Interface::Stream, "-std=c++14")?;
        check(source, &vendor, HlsTool::Vivado, Interface::Stream, "-std=c++17")
    });
    assert!(failures.is_empty(), "{} fixtures fail:\n{}", failures.len(), failures.join("\n"));
}
