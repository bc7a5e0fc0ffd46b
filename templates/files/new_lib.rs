//! Sparse CNNs as simulated FPGA firmware: [`{{ model }}`].
//!
//! The module is written by `build.rs` from the model that `Cargo.toml` names. What it computes is the C++ that HLS turns
//! into hardware, bit for bit.

include!(concat!(env!("OUT_DIR"), "/sparsehls.rs"));
