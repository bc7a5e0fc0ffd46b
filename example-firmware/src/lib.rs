//! Two trained sparse CNNs as simulated FPGA firmware: [`digits`] and [`tracks`].
//!
//! The modules are written by `build.rs` from the models that `Cargo.toml` names. What they compute is the C++ that HLS
//! turns into hardware, bit for bit what the models compute in Keras.

include!(concat!(env!("OUT_DIR"), "/sparsehls.rs"));
