//! x
pub mod check;
pub mod csim;
pub mod data;
pub mod emit;
pub mod error;
mod files;
pub mod fixed;
pub mod formats;
pub mod keras;
pub mod manifest;
mod names;
pub mod network;
pub mod reference;
pub mod toolchain;
pub use error::{Code, Error, Exit, Result};
