//! Estimate of what a kernel costs on an FPGA: LUT, FF, DSP, cycles.
//!
//! A kernel is described by its [`Structure`]: the [`Operation`]s it needs, in order of data flow. The estimate adds
//! them up and places pipeline registers by their delays. It is an estimate: no vendor tool is asked. How far it is off
//! for published kernels is tested in `tests/published.rs` and written down in `docs/cost-model.md`.

mod operation;
mod structure;

pub use self::{
    operation::Operation,
    structure::{Clock, Estimate, Step, Structure},
};
