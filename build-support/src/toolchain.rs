//! The tools of vendors and the open ones, if they are installed.
//!
//! [`Choice`] says which steps run, [`Job::run`] runs the steps that are not done yet and reads their [`Report`], and
//! [`limits::table`] compares that with the manifest. Where signals are handled a tool runs in a process group of its own,
//! so that it can be ended with everything it started.
//!
//! No vendor tool runs where this project is developed; the open ones do. Of the vendor's it is tested how a tool is found and called, with stand-ins, and the parsers, with real reports. What the tools make of the project is not.

mod choice;
mod find;
mod flow;
mod job;
mod known;
pub mod limits;
mod open_files;
mod program;
mod remarks;
mod reports;
mod state;

pub(crate) use self::find::{open_version_in, version_in};
pub use self::{
    choice::{Choice, How, LeftOut, default_steps},
    find::{Tool, broken_variables, survey},
    flow::steps_of,
    job::{Done, Found, Job, Progress},
    known::{Known, known},
    program::Program,
    reports::{
        Cosim, Csynth, Estimate, Export, ExportRun, Instance, Interval, Loop, Module, Pnr, Report, Resources, Simulation, Stage,
        Timing, Used, Utilization, Vivado, Yosys,
    },
    state::synthesized,
};
pub use crate::process::Cancel;
pub use crate::steps::{Step, Steps};
