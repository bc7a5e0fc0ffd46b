//! Which programs do which steps, and how they are called. A flow is what one run of programs does, in a project's folder.

use std::{ffi::OsString, path::PathBuf};

use super::{
    Cancel, Program, Step, Steps, Tool,
    find::{Release, find_any},
    state::Project,
};
use crate::{
    error::{Code, Error, Result},
    manifest::{Ecp5, HlsTool, Language, Model, Technology},
};

/// A run of programs, and the steps that it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    /// The HLS tool, with the project's script.
    Hls(HlsTool),
    /// Vivado on what HLS made.
    Vsynth,
    /// The same, to route.
    Impl,
    /// Verilator, and what it makes.
    Sim,
    /// yosys.
    Synth,
    /// yosys for the wrapper, then nextpnr.
    Pnr,
    /// Vivado on the Verilog.
    Vivado,
}

/// The first release whose `vitis-run` the vendor recommends for HLS scripts.
const VITIS_RUN: Release = Release { year: 2023, minor: 2 };

/// `tool`, or the other one of its generation if that is better: before 2023.2 `vitis_hls` is.
fn preferred(tool: Tool, programs: &[Program], cancel: &Cancel) -> Tool {
    if tool.program != Program::VitisRun {
        return tool;
    }
    let Ok(other) = find_any(&programs[1..]) else { return tool };
    let is_early = tool.version(cancel).and_then(|version| Release::of(&version)).is_some_and(|release| release < VITIS_RUN);
    if is_early { other } else { tool }
}

/// A process of a flow.
#[derive(Debug)]
pub(super) struct Command {
    /// The file in the project's folder that gets all it says.
    pub log: &'static str,
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
}

/// The flows of a language, in the order in which they run.
pub(super) fn all(language: Language) -> Vec<Flow> {
    match language {
        Language::Hls(tool) => vec![Flow::Hls(tool), Flow::Vsynth, Flow::Impl],
        Language::Verilog => vec![Flow::Sim, Flow::Synth, Flow::Pnr, Flow::Vivado],
    }
}

/// The steps of a language.
pub fn steps_of(language: Language) -> Steps {
    match language {
        Language::Hls(_) => Step::HLS.into_iter().collect(),
        Language::Verilog => Step::VERILOG.into_iter().collect(),
    }
}

impl Flow {
    /// The steps that it does.
    pub(super) fn steps(self) -> Steps {
        match self {
            Self::Hls(_) => [Step::Csim, Step::Synth, Step::Cosim, Step::Export].into_iter().collect(),
            Self::Vsynth => Steps::from_iter([Step::Vsynth]),
            Self::Impl => Steps::from_iter([Step::Impl]),
            Self::Sim => Steps::from_iter([Step::Sim]),
            Self::Synth => Steps::from_iter([Step::Synth]),
            Self::Pnr => Steps::from_iter([Step::Pnr]),
            Self::Vivado => Steps::from_iter([Step::Vivado]),
        }
    }

    /// For each program that it calls, those that will do; the first that is installed is taken.
    fn programs(self) -> &'static [&'static [Program]] {
        match self {
            Self::Hls(HlsTool::Vitis) => &[&[Program::VitisRun, Program::VitisHls]],
            Self::Hls(HlsTool::Vivado) => &[&[Program::VivadoHls]],
            Self::Vsynth | Self::Impl | Self::Vivado => &[&[Program::Vivado]],
            Self::Sim => &[&[Program::Verilator]],
            Self::Synth => &[&[Program::Yosys]],
            Self::Pnr => &[&[Program::Yosys], &[Program::NextpnrEcp5, Program::YowaspNextpnrEcp5]],
        }
    }

    /// Requires its programs.
    ///
    /// # Errors
    /// [`Code::ToolMissing`].
    pub(super) fn require(self) -> Result {
        self.programs().iter().try_for_each(|programs| find_any(programs).map(drop))
    }

    /// Finds its programs; `cancel` ends a question for a version.
    ///
    /// # Errors
    /// [`Code::ToolMissing`].
    pub(super) fn find(self, cancel: &Cancel) -> Result<Vec<Tool>> {
        self.programs().iter().map(|programs| Ok(preferred(find_any(programs)?, programs, cancel))).collect()
    }

    /// The folders that its programs write into.
    pub(super) fn folders(self) -> &'static [&'static str] {
        match self {
            Self::Hls(_) | Self::Vsynth | Self::Impl => &[],
            Self::Sim => &["sim"],
            Self::Synth | Self::Pnr => &["synth"],
            Self::Vivado => &["vivado"],
        }
    }

    /// Requires that its programs know the part of `model`.
    ///
    /// # Errors
    /// [`Code::InvalidValue`] at the key `part`.
    pub(super) fn require_part(self, model: &Model) -> Result {
        let target = &model.target;
        let place = |error: Error| error.file(&model.manifest).key(format!("{}.part", model.key()));
        let refuse = |message: String, help: &str| Err(place(Error::new(Code::InvalidValue, message).help(help)));
        match self {
            Self::Hls(_) | Self::Vsynth | Self::Impl | Self::Sim => Ok(()),
            Self::Synth => target.technology().map(drop).map_err(place),
            Self::Pnr if target.technology().map_err(place)? != Technology::Ecp5 => refuse(
                format!("the step `pnr` places and routes for an ECP5, and {:?} is none", target.part),
                "leave out `pnr`, or use a part such as \"LFE5U-85F-8BG381C\"; `vivado` is for AMD's",
            ),
            Self::Vivado if !target.is_of_amd() => refuse(
                format!("the step `vivado` is for parts of AMD, and {:?} is none", target.part),
                "leave out `vivado`, or use a part such as \"xcu250-figd2104-2L-e\"",
            ),
            Self::Pnr | Self::Vivado => Ok(()),
        }
    }

    /// Its processes, which run one after the other; `tools` are those of [`find`](Self::find).
    ///
    /// # Errors
    /// [`Code::Internal`] if the part was not checked.
    pub(super) fn commands(self, project: &Project<'_>, tools: &[Tool]) -> Result<Vec<Command>> {
        let top = project.top;
        let command = |log, tool: &Tool, words: &str| Command {
            log,
            program: tool.path.clone(),
            arguments: words.split_whitespace().map(OsString::from).collect(),
        };
        Ok(match (self, tools) {
            (Self::Hls(_), [tool]) => {
                // `vitis-run` passes no arguments on, so the options are in `build_opt.tcl`.
                let vitis_run = tool.program == Program::VitisRun;
                vec![command("hls.log", tool, if vitis_run { "--mode hls --tcl build_prj.tcl" } else { "-f build_prj.tcl" })]
            }
            (Self::Vsynth, [vivado]) => vec![command("vsynth.log", vivado, "-mode batch -source vivado_synth.tcl")],
            (Self::Impl, [vivado]) => vec![command("impl.log", vivado, "-mode batch -source vivado_impl.tcl")],
            (Self::Sim, [verilator]) => {
                // To compile takes longer than to run, so the C++ compiler does not optimize. C++ is looked for where it is
                // compiled: in sim/obj.
                let compile = format!(
                    "--cc --exe --build -j 0 -O3 -MAKEFLAGS OPT_FAST=-O0 -MAKEFLAGS OPT_SLOW=-O0 --top-module {top} -Mdir sim/obj \
                     -o sim rtl/{top}.v ../main.cpp"
                );
                let program = std::path::absolute(project.directory.join("sim/obj/sim"));
                let program = program.map_err(|error| Error::io("name", project.directory, &error))?;
                vec![command("verilator.log", verilator, &compile), Command { log: "sim.log", program, arguments: Vec::new() }]
            }
            (Self::Synth, [yosys]) => vec![command("yosys.log", yosys, "-q -s scripts/yosys.ys")],
            (Self::Pnr, [yosys, nextpnr]) => {
                let part = &project.target.part;
                let ecp5 = Ecp5::of(part).ok_or_else(|| Error::internal(format!("nextpnr for {part:?}, which is no ECP5")))?;
                let Ecp5 { device, package, speed } = ecp5;
                let route = format!(
                    "--{device} --package {package} --speed {speed} --json synth/{top}_pnr.json --freq {:.3} \
                     --timing-allow-fail --report synth/pnr.json",
                    project.target.mhz()
                );
                vec![command("pnr-yosys.log", yosys, "-q -s scripts/pnr.ys"), command("nextpnr.log", nextpnr, &route)]
            }
            (Self::Vivado, [vivado]) => vec![command("vivado.log", vivado, "-mode batch -source scripts/vivado.tcl")],
            _ => return Err(Error::internal("a flow with other programs than its own")),
        })
    }
}
