//! The vendor's tools, if they are installed.
//!
//! [`find`] finds them, [`Job::run`] runs the steps that are not done yet and reads their [`Report`], and
//! [`limits::table`] compares that with the manifest. Where signals are handled a tool runs in a process group of its own,
//! so that it can be ended with everything it started.
//!
//! No vendor tool runs where this project is developed: what is tested is how a tool is found and called, with
//! stand-ins, and the parsers, with real reports. What the tools make of the project is not.

mod find;
mod job;
pub mod limits;
mod process;
mod reports;
mod state;

pub(crate) use self::find::version_in;
pub use self::{
    find::{Program, Tool, broken_variables, find, survey},
    job::{Done, Job, Progress},
    process::Cancel,
    reports::{Cosim, Csynth, Estimate, Export, ExportRun, Instance, Module, Report, Resources, Timing, Utilization, Vivado},
};
pub use crate::steps::{Step, Steps};
