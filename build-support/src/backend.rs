//! What writes a model as hardware and compiles what computes the same: a folder for each language.

pub mod hls;

mod bindings;

pub use self::bindings::{Bindings, bindings};
