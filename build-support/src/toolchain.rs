//! Stage 10: the vendor's tools, if they are installed.
//!
//! No vendor tool runs where this project is developed: what is tested is how a tool is found and called, with
//! stand-ins, and the parser, with real reports. What the tools make of the project is not.

mod synthesis;

use std::{
    fs::File,
    path::{Path, PathBuf},
};

use serde::Serialize;

pub use self::synthesis::SynthesisReport;
use crate::{
    error::{Code, Error, Result},
    files,
    manifest::{Backend, Model},
};

/// Which steps a vendor tool runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Steps {
    /// The vendor's own C simulation.
    pub csim: bool,
    /// C synthesis.
    pub synth: bool,
    /// Co-simulation of C and RTL.
    pub cosim: bool,
    /// Export as an IP.
    pub export: bool,
    /// Logic synthesis with Vivado.
    pub vsynth: bool,
}

impl Default for Steps {
    fn default() -> Self {
        Self { csim: false, synth: true, cosim: false, export: false, vsynth: false }
    }
}

/// The steps as 0 and 1, for `build_opt.tcl`.
#[derive(Debug, Serialize)]
pub struct StepFlags {
    csim: u8,
    synth: u8,
    cosim: u8,
    export: u8,
    vsynth: u8,
}

impl Steps {
    /// The steps as 0 and 1.
    pub fn flags(self) -> StepFlags {
        let Self { csim, synth, cosim, export, vsynth } = self;
        StepFlags { csim: csim.into(), synth: synth.into(), cosim: cosim.into(), export: export.into(), vsynth: vsynth.into() }
    }
}

/// A way to run the HLS scripts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tool {
    path: PathBuf,
    arguments: &'static [&'static str],
}

impl Tool {
    /// The program.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

const VITIS_RUN: (&str, &[&str]) = ("vitis-run", &["--mode", "hls", "--tcl", "build_prj.tcl"]);
const VITIS_HLS: (&str, &[&str]) = ("vitis_hls", &["-f", "build_prj.tcl"]);
const VIVADO_HLS: (&str, &[&str]) = ("vivado_hls", &["-f", "build_prj.tcl"]);
const VIVADO: (&str, &[&str]) = ("vivado", &["-mode", "batch", "-source", "vivado_synth.tcl"]);
const VARIABLES: [&str; 3] = ["XILINX_HLS", "XILINX_VITIS", "XILINX_VIVADO"];

/// Finds the HLS tool of a backend: on PATH, then below the folders that the vendor's environment variables name.
///
/// # Errors
/// [`Code::ToolMissing`].
pub fn find(backend: Backend) -> Result<Tool> {
    match backend {
        Backend::Vitis => find_any(&[VITIS_RUN, VITIS_HLS]),
        Backend::Vivado => find_any(&[VIVADO_HLS]),
    }
}

fn find_any(candidates: &[(&str, &'static [&'static str])]) -> Result<Tool> {
    let folders: Vec<PathBuf> =
        VARIABLES.iter().filter_map(std::env::var_os).map(|home| PathBuf::from(home).join("bin")).collect();
    for (program, arguments) in candidates {
        let installed = || std::env::join_paths(&folders).ok().and_then(|paths| which::which_in(program, Some(paths), ".").ok());
        if let Some(path) = which::which(program).ok().or_else(installed) {
            return Ok(Tool { path, arguments });
        }
    }
    let names: Vec<_> = candidates.iter().map(|(program, _)| *program).collect();
    Err(Error::new(Code::ToolMissing, format!("{} is not on PATH, nor below {}", names.join(" or "), VARIABLES.join(", ")))
        .help("source the vendor's settings64.sh, or build with --synth skip"))
}

/// Runs `steps` on the project in `directory`; returns the report of C synthesis if that was among them.
///
/// # Errors
/// [`Code::SynthesisFailed`] with the tool's first errors, [`Code::ToolMissing`], [`Code::Io`].
pub fn run(tool: &Tool, steps: Steps, directory: &Path, model: &Model) -> Result<Option<SynthesisReport>> {
    let options = crate::emit::build_options(steps)?;
    files::write_if_changed(&directory.join("build_opt.tcl"), options.as_bytes())?;
    let report = directory.join(format!("{0}_prj/solution1/syn/report/{0}_csynth.xml", model.name));
    if steps.synth {
        // A report from an earlier run must not pass for this one's.
        match std::fs::remove_file(&report) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(Error::io("remove", &report, &error)),
            _ => {}
        }
    }
    execute(tool, directory, "hls.log")?;
    if steps.vsynth {
        execute(&find_any(&[VIVADO])?, directory, "vivado.log")?;
    }
    steps.synth.then(|| SynthesisReport::read(&report)).transpose()
}

/// Runs one tool with its output in `log`.
fn execute(tool: &Tool, directory: &Path, log: &str) -> Result {
    let log = directory.join(log);
    let file = File::create(&log).map_err(|error| Error::io("create", &log, &error))?;
    let command =
        duct::cmd(&tool.path, tool.arguments).dir(directory).stdin_null().stderr_to_stdout().stdout_file(file).unchecked();
    let failed = |why: String| Error::new(Code::SynthesisFailed, why).file(&log).help("the file has everything the tool said");
    let output = command.run().map_err(|error| failed(format!("{} could not be run: {error}", tool.path.display())))?;
    if output.status.success() {
        return Ok(());
    }
    let text = std::fs::read_to_string(&log).unwrap_or_default();
    let is_error = |line: &&str| line.starts_with("ERROR") || line.starts_with("sparsehls:") && line.contains("failed");
    let first: Vec<_> = text.lines().filter(is_error).take(5).collect();
    Err(failed(format!("{} ended with {}\n{}", tool.path.display(), output.status, first.join("\n"))))
}
