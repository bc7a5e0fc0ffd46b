//! Firmware crates in temporary folders, built by real cargo. Slow: they run if `SPARSEHLS_SLOW` is set.

#![cfg(unix)]
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bindings;
mod builder;
mod cross;
mod elsewhere;
mod installed;
mod kinds;
mod rebuilds;
#[path = "../../../build-support/tests/common/skip.rs"]
mod skip;
mod support;
mod verilog;
mod without_compiler;
