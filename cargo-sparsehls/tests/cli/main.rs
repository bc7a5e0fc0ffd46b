//! The real binary on small firmware packages: what it prints, which files it leaves, how it ends.

#![cfg(unix)]
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod blocks;
mod book;
mod bounded;
mod browser;
mod condor;
mod drawings;
mod ecp5;
mod errors;
mod explore;
mod faults;
mod firmware;
mod guide;
mod habits;
mod happy;
mod library;
mod manifest;
mod markdown;
mod new;
mod python;
mod report;
mod shells;
#[path = "../../../build-support/tests/common/skip.rs"]
mod skip;
mod slurm;
mod stand_in;
mod synthesis;
mod tool_reports;
mod tools;
mod tools_ended;
mod tools_found;
mod trace;
mod verdicts;
mod verilog;
