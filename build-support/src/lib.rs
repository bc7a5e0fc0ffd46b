//! x
pub mod data;
pub mod error;
mod files;
pub mod fixed;
pub mod formats;
pub mod keras;
pub mod manifest;
mod names;
pub mod network;
pub mod reference;
pub use error::{Code, Error, Exit, Result};
