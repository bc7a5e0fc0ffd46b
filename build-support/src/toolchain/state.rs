//! What the last runs have done, keyed on content: a step is done if it ended well for exactly these inputs, and what it
//! left is still there as it left it. Times play no part.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{Step, Steps};
use crate::{
    error::{Error, Result},
    files,
    fingerprint::Fingerprint,
    manifest::{Language, Target},
};

const FILE: &str = "toolchain.json";

/// The steps that have ended well.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct State {
    steps: BTreeMap<String, Record>,
    /// A digest of them: what a disk has changed is not believed.
    digest: String,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Record {
    /// The tool that did it, and how it was called.
    #[serde(default)]
    identity: String,
    /// Fingerprint of everything that the step read.
    inputs: String,
    /// Fingerprint of everything that it left.
    outputs: String,
}

impl State {
    /// The state of a project; empty if there is none or it is not whole, as then nothing is known to be done.
    ///
    /// # Errors
    /// [`crate::Code::Io`] if it is no file.
    pub(crate) fn load(directory: &Path) -> Result<Self> {
        let bytes = files::read_own(&directory.join(FILE))?.unwrap_or_default();
        let kept = serde_json::from_slice::<Self>(&bytes).ok();
        let is_whole = |kept: &Self| {
            kept.digest == kept.of_steps() && serde_json::to_vec_pretty(kept).is_ok_and(|as_written| as_written == bytes)
        };
        Ok(kept.filter(is_whole).unwrap_or_default())
    }

    /// Keeps the state for the next run.
    ///
    /// # Errors
    /// [`crate::Code::Io`].
    pub(crate) fn save(&mut self, directory: &Path) -> Result {
        self.digest = self.of_steps();
        files::write_own(&directory.join(FILE), |file| serde_json::to_writer_pretty(file, self).map_err(Into::into))
    }

    /// A digest of everything else in it.
    fn of_steps(&self) -> String {
        let mut digest = Fingerprint::default();
        digest.add_all(self.steps.iter().flat_map(|(name, record)| [name, &record.inputs, &record.outputs]));
        digest.to_string()
    }

    /// Whether `step` is done.
    pub(crate) fn has(&self, step: Step, project: &Project, identity: &str) -> bool {
        self.steps.get(step.name()).is_some_and(|record| Some(record) == project.record(step, identity).ok().as_ref())
    }

    /// The steps that are done for what the project is now, and those that were done for what it was.
    pub(crate) fn standing(&self, project: &Project) -> (Steps, Steps) {
        let known = |step: &Step| self.steps.get(step.name()).map(|record| self.has(*step, project, &record.identity));
        let with = |done: bool| Step::ALL.into_iter().filter(|step| known(step) == Some(done)).collect();
        (with(true), with(false))
    }

    /// `step` has ended well.
    ///
    /// # Errors
    /// [`crate::Code::Io`].
    pub(crate) fn add(&mut self, step: Step, project: &Project, identity: &str) -> Result {
        self.steps.insert(step.name().to_owned(), project.record(step, identity)?);
        Ok(())
    }

    /// `steps` are about to run.
    pub(crate) fn forget(&mut self, steps: Steps) {
        self.steps.retain(|name, _| !steps.names().contains(&name.as_str()));
    }
}

/// The steps that tools have ended well in a project's folder, for whatever it was then, but for simulations: what would take
/// long to have again.
///
/// # Errors
/// [`crate::Code::Io`] if what is remembered of them is there and is no regular file.
pub fn synthesized(directory: &Path) -> Result<Steps> {
    let state = State::load(directory)?;
    let is_known = |step: &Step| state.steps.contains_key(step.name()) && !matches!(step, Step::Csim | Step::Sim);
    Ok(Step::ALL.into_iter().filter(is_known).collect())
}

/// The files of a project that matter here.
#[derive(Debug, Clone, Copy)]
pub struct Project<'a> {
    /// Its folder.
    pub directory: &'a Path,
    /// Its top function or module.
    pub top: &'a str,
    /// What it is made for.
    pub target: &'a Target,
}

impl Project<'_> {
    /// What the simulated Verilog leaves.
    pub(super) const SIMULATION: &'static str = "sim/report.json";
    /// What Verilator makes on the way.
    const OBJECTS: &'static str = "sim/obj";

    fn record(&self, step: Step, identity: &str) -> Result<Record> {
        let outputs = self.fingerprint("", &self.outputs(step))?;
        Ok(Record { identity: identity.to_owned(), inputs: self.inputs(step, identity)?, outputs })
    }

    /// Fingerprint of everything that `step` reads; `identity` says which tool reads it.
    ///
    /// # Errors
    /// [`crate::Code::Io`] with the file that cannot be read.
    pub(crate) fn inputs(&self, step: Step, identity: &str) -> Result<String> {
        let test = format!("{}_test.cpp", self.top);
        let (common, own) = match (self.target.language, step) {
            (Language::Verilog, Step::Sim) => return self.fingerprint(identity, &self.simulated()?),
            (Language::Verilog, Step::Pnr) => (&["rtl"][..], vec!["scripts/yosys.ys", "scripts/pnr.ys"]),
            (Language::Verilog, Step::Vivado) => (&["rtl"][..], vec!["scripts/vivado.tcl", "scripts/vivado.xdc"]),
            (Language::Verilog, _) => (&["rtl"][..], vec!["scripts/yosys.ys"]),
            (_, Step::Csim | Step::Cosim) => (&Self::HLS[..], vec!["build_prj.tcl", "tcl", &test, "tb_data"]),
            (_, Step::Synth) => (&Self::HLS[..], vec!["build_prj.tcl", "tcl"]),
            (_, Step::Export) => (&Self::HLS[..], vec!["build_prj.tcl", "tcl", "export.tcl"]),
            (_, Step::Impl) => (&Self::HLS[..], vec!["vivado_impl.tcl", "vivado.xdc"]),
            (_, Step::Vsynth | Step::Sim | Step::Pnr | Step::Vivado) => (&Self::HLS[..], vec!["vivado_synth.tcl", "vivado.xdc"]),
        };
        let paths: Vec<_> = common.iter().copied().chain(own).map(PathBuf::from).collect();
        self.fingerprint(identity, &paths)
    }

    /// What every step of HLS reads.
    const HLS: [&'static str; 2] = ["firmware", "project.tcl"];

    /// What is simulated: the Verilog, the harness and its events, but not what comes of them.
    fn simulated(&self) -> Result<Vec<PathBuf>> {
        let beside = files::entries(&self.directory.join("sim"))?;
        let own = beside.into_iter().filter(|entry| entry.file_type().is_file());
        let own = own.map(|entry| Path::new("sim").join(entry.file_name())).filter(|path| path != Path::new(Self::SIMULATION));
        let mut paths: Vec<_> = own.collect();
        paths.sort();
        paths.insert(0, "rtl".into());
        Ok(paths)
    }

    /// What `step` leaves that later steps or people need.
    fn outputs(&self, step: Step) -> Vec<PathBuf> {
        let solution = PathBuf::from(format!("{}_prj/solution1", self.top));
        match step {
            Step::Csim => Vec::new(),
            Step::Sim => vec![Self::SIMULATION.into()],
            Step::Synth if self.target.language == Language::Verilog => {
                let netlist = format!("synth/{}.json", self.top).into();
                vec!["synth/stat.json".into(), "synth/stat.txt".into(), "synth/levels.txt".into(), netlist]
            }
            Step::Pnr => vec!["synth/pnr.json".into(), format!("synth/{}_pnr.json", self.top).into()],
            Step::Vivado => vec!["vivado/utilization.rpt".into(), "vivado/timing.rpt".into()],
            Step::Synth => vec![solution.join("syn/report"), solution.join("syn/verilog"), super::remarks::FILE.into()],
            Step::Cosim => vec![solution.join("sim/report").join(format!("{}_cosim.rpt", self.top))],
            Step::Export => vec![solution.join("impl/ip"), solution.join("impl/export.zip"), solution.join("impl/report")],
            Step::Vsynth => vec!["vivado_synth.rpt".into(), "vivado_timing.rpt".into()],
            Step::Impl => vec!["vivado_impl.rpt".into(), "vivado_impl_timing.rpt".into()],
        }
    }

    /// Removes what an earlier run of `steps` left, so that it cannot pass for what the next one leaves.
    ///
    /// # Errors
    /// [`crate::Code::Io`].
    pub(crate) fn remove_outputs(&self, steps: Steps) -> Result {
        let objects = steps.has(Step::Sim).then(|| PathBuf::from(Self::OBJECTS));
        let outputs = steps.iter().flat_map(|step| self.outputs(step)).chain(objects);
        for path in outputs.map(|path| self.directory.join(path)) {
            let result = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            match result {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(Error::io("remove", &path, &error)),
                _ => {}
            }
        }
        Ok(())
    }

    /// Fingerprint of `identity`, and of names and contents of files and folders; what is missing is left out.
    fn fingerprint(&self, identity: &str, paths: &[PathBuf]) -> Result<String> {
        let mut fingerprint = Fingerprint::default();
        fingerprint.add(identity);
        for path in paths {
            let full = self.directory.join(path);
            if full.is_dir() {
                for file in files::files_below(&full)? {
                    self.add(&mut fingerprint, file.path())?;
                }
            } else {
                self.add(&mut fingerprint, &full)?;
            }
        }
        Ok(fingerprint.to_string())
    }

    /// Adds the name of a file in the project and its contents. A symbolic link is what it points to, not what is there.
    fn add(&self, fingerprint: &mut Fingerprint, file: &Path) -> Result {
        let contents = match fs::read_link(file) {
            Ok(target) => Some(target.into_os_string().into_encoded_bytes()),
            Err(_) => files::read_own(file)?,
        };
        if let Some(bytes) = contents {
            fingerprint.add(file.strip_prefix(self.directory).unwrap_or(file));
            fingerprint.add_bytes(&bytes);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::manifest::HlsTool;

    fn target(language: Language) -> Target {
        let (part, launcher) = ("xcu250-figd2104-2L-e".into(), Vec::new());
        Target {
            language,
            part,
            clock_period: 5.0,
            clock_uncertainty: 27.0,
            launcher,
            tool_timeout: None,
            csim_timeout: Duration::from_secs(60),
        }
    }

    #[test]
    fn of_verilog_a_step_is_done_for_its_own_files() {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let target = target(Language::Verilog);
        let project = Project { directory: folder.path(), top: "net", target: &target };
        let read = ["rtl/net.v", "sim/main.cpp", "sim/input.dat", "scripts/yosys.ys", "scripts/pnr.ys", "scripts/vivado.tcl"];
        let left = ["sim/report.json", "synth/stat.json", "synth/net.json", "synth/pnr.json", "vivado/timing.rpt"];
        read.iter().chain(&left).for_each(|file| write(file, "1"));
        let mut state = State::default();
        Step::VERILOG.iter().for_each(|step| state.add(*step, &project, "tool").unwrap());
        let done = || Step::VERILOG.map(|step| u8::from(state.has(step, &project, "tool")));
        assert_eq!(done(), [1; 4]);
        // Simulation, synthesis, place and route, Vivado.
        let expected = [[0; 4], [0, 1, 1, 1], [0, 1, 1, 1], [1, 0, 0, 1], [1, 1, 0, 1], [1, 1, 1, 0]];
        let outputs = [[0, 1, 1, 1], [1, 0, 1, 1], [1, 0, 1, 1], [1, 1, 0, 1], [1, 1, 1, 0]];
        for (file, expected) in read.iter().chain(&left).zip(expected.iter().chain(&outputs)) {
            write(file, "2");
            assert_eq!(done(), *expected, "{file} has changed");
            write(file, "1");
        }
        write("sim/obj/Vnet.cpp", "made on the way");
        assert_eq!(done(), [1; 4]);
        project.remove_outputs(Step::VERILOG.into_iter().collect()).unwrap();
        assert!(!folder.path().join("sim/obj").exists() && left.iter().all(|file| !folder.path().join(file).exists()));
        assert!(read.iter().all(|file| folder.path().join(file).exists()));
    }

    #[test]
    fn a_step_is_done_for_its_inputs_tool_and_outputs_only() {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let target = target(Language::Hls(HlsTool::Vitis));
        let project = Project { directory: folder.path(), top: "net", target: &target };
        // What each step is done for: csim, synth, cosim, export, vsynth, impl.
        let table = [
            ("firmware/weights/w.h", [0; 6]),
            ("net_test.cpp", [0, 1, 0, 1, 1, 1]),
            ("tb_data/input.dat", [0, 1, 0, 1, 1, 1]),
            ("vivado_synth.tcl", [1, 1, 1, 1, 0, 1]),
            ("vivado_impl.tcl", [1, 1, 1, 1, 1, 0]),
            ("vivado.xdc", [1, 1, 1, 1, 0, 0]),
            ("export.tcl", [1, 1, 1, 0, 1, 1]),
            ("project.tcl", [0; 6]),
            ("build_prj.tcl", [0, 0, 0, 0, 1, 1]),
            ("tcl/1_mine.tcl", [0, 0, 0, 0, 1, 1]),
        ];
        table.iter().for_each(|(file, _)| write(file, "1"));
        write("net_prj/solution1/syn/report/net_csynth.xml", "report");
        let done = |state: &State| Step::HLS.map(|step| u8::from(state.has(step, &project, "tool")));
        let mut state = State::default();
        assert_eq!(done(&state), [0; 6]);
        Step::HLS.iter().for_each(|step| state.add(*step, &project, "tool").unwrap());
        state.save(folder.path()).unwrap();
        let state = State::load(folder.path()).unwrap();
        assert_eq!(done(&state), [1; 6]);
        assert!(!state.has(Step::Synth, &project, "another tool"));
        for (file, expected) in table {
            write(file, "2");
            assert_eq!(done(&state), expected, "{file} has changed");
            let standing = state.standing(&project);
            assert_eq!(Step::HLS.map(|step| u8::from(standing.0.has(step))), expected, "without the tool too");
            assert_eq!(Step::HLS.map(|step| 1 - u8::from(standing.1.has(step))), expected);
            write(file, "1");
            assert_eq!(done(&state), [1; 6], "content counts, not time");
        }
        write("net_prj/solution1/syn/verilog/net.v", "another run");
        assert_eq!(done(&state), [1, 0, 1, 1, 1, 1]);
        project.remove_outputs(Step::HLS.into_iter().collect()).unwrap();
        assert!(!folder.path().join("net_prj/solution1/syn/report").exists());
        fs::write(folder.path().join(FILE), "{\"steps\"").unwrap();
        assert_eq!(done(&State::load(folder.path()).unwrap()), [0; 6], "a state that cannot be read is none");
    }
}
