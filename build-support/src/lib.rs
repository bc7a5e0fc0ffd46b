//! x
pub mod error;
pub mod fixed;
pub mod keras;
pub mod manifest;
mod names;
pub use error::{Code, Error, Exit, Result};
