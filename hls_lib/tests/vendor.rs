//! Our `ap_int.h` and `ap_fixed.h` against the vendor's own, of which the PyPI package hls4ml has a copy.
//!
//! Set SPARSEHLS_VENDOR_AP_TYPES to the folder with the vendor's `ap_fixed.h`; CI does. Building the vendor's side takes
//! many minutes; its outputs are kept under `target/`. Every second part is compared, beginning with the first or the second
//! by SPARSEHLS_SEED, and all with SPARSEHLS_ALL=vendor.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../../build-support/tests/common/skip.rs"]
mod skip;

use std::{path::Path, process::Command};

#[test]
fn ap_types_are_equal_to_the_vendors() {
    let Some(vendor) = std::env::var_os("SPARSEHLS_VENDOR_AP_TYPES") else {
        skip::skipped("SPARSEHLS_VENDOR_AP_TYPES is not set");
        return;
    };
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = Command::new("sh")
        .arg(here.join("tests/compare_with_vendor.sh"))
        .arg(vendor)
        .env("CACHE", Path::new(env!("CARGO_TARGET_TMPDIR")).join("vendor-ap-types"))
        .env("SHARE", if std::env::var_os("SPARSEHLS_ALL").is_some_and(|all| all == "vendor") { "1" } else { "2" })
        .env("SEED", std::env::var_os("SPARSEHLS_SEED").unwrap_or_else(|| "1".into()))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    println!("{text}");
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
}
