//! The stand-ins of `tests/stand-in` on PATH: which are installed, what goes wrong, what they were asked to do.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::{
    firmware::{Firmware, Run, net, path_with},
    skip::skipped,
};

/// Every tool of the vendor; there is a stand-in for each.
pub const ALL: [&str; 4] = ["vitis-run", "vitis_hls", "vivado_hls", "vivado"];
/// The open tools; there is one for each of them too.
pub const OPEN: [&str; 3] = ["verilator", "yosys", "nextpnr-ecp5"];
/// Every step.
pub const STEPS: [&str; 6] = ["csim", "synth", "cosim", "export", "vsynth", "impl"];

/// A package with the model `net`, and tools to build it with.
pub struct Workshop {
    pub firmware: Firmware,
    tools: TempDir,
}

/// Where the stand-ins are.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stand-in/bin")
}

/// The stand-ins are Tcl: without `tclsh` there is nothing to run.
pub fn is_missing() -> bool {
    let missing = Command::new("tclsh").arg("/dev/null").output().is_err();
    if missing {
        skipped("tclsh is not installed (`apt install tcl`)");
    }
    missing
}

impl Workshop {
    /// With these tools; `more` goes to the model's table.
    pub fn new(installed: &[&str], more: &str) -> Self {
        Self::of(Firmware::of("dense-only"), installed, more)
    }

    /// As [`Self::new`], for a package that is there.
    pub fn of(firmware: Firmware, installed: &[&str], more: &str) -> Self {
        let workshop = Self { firmware, tools: tempfile::tempdir().unwrap() };
        workshop.manifest(more);
        fs::create_dir(workshop.tools.path().join("bin")).unwrap();
        for name in installed {
            symlink(folder().join(name), workshop.bin().join(name)).unwrap();
        }
        workshop
    }

    /// Replaces what goes to the model's table.
    pub fn manifest(&self, more: &str) {
        self.firmware.manifest(&format!("{}{more}", net("dense-only")));
    }

    /// The folder with the tools.
    pub fn bin(&self) -> PathBuf {
        self.tools.path().join("bin")
    }

    /// A file beside the tools.
    pub fn file(&self, name: &str) -> PathBuf {
        self.tools.path().join(name)
    }

    /// A program in the package's folder.
    pub fn script(&self, name: &str, text: &str) {
        let path = self.firmware.path(name);
        fs::write(&path, format!("#!/bin/sh\nset -e\n{text}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// A file of the model's project.
    pub fn project(&self, relative: &str) -> PathBuf {
        self.firmware.path("target/sparsehls/firmware/net").join(relative)
    }

    /// `build` with all tools that are installed; `wrong` says what goes wrong.
    pub fn command(&self, wrong: &str, arguments: &[&str]) -> Command {
        let mut command = self.firmware.command(&["build", "--synth", "require"]);
        command.args(arguments).env("PATH", path_with(&self.bin())).env("STAND_IN", wrong);
        command.env("STAND_IN_CALLS", self.file("calls")).env("STAND_IN_PIDS", self.file("pids"));
        command
    }

    /// Runs `build`.
    pub fn build(&self, wrong: &str, arguments: &[&str]) -> (Run, Vec<Value>) {
        self.firmware.finish_json(self.command(wrong, arguments))
    }

    /// Runs `build` with `steps`; gives the line about synthesis and how the command ended.
    pub fn steps(&self, wrong: &str, steps: &str) -> (i32, Value) {
        let (run, lines) = self.build(wrong, &["--steps", steps]);
        let of_synthesis: Vec<_> = lines.into_iter().filter(|line| line["reason"] == "synthesis").collect();
        assert_eq!(of_synthesis.len(), 1, "{run:?}");
        (run.code, of_synthesis[0].clone())
    }

    /// The steps that tools have run since the last time: `vitis_hls synth`, ...
    pub fn calls(&self) -> Vec<String> {
        let text = fs::read_to_string(self.file("calls")).unwrap_or_default();
        let _ = fs::remove_file(self.file("calls"));
        text.lines().map(str::to_owned).collect()
    }

    /// Waits until a stand-in hangs; gives the process ids of it and its child.
    pub fn stuck(&self) -> Vec<String> {
        let mut pids = Vec::new();
        wait_until("a stand-in hangs", || {
            let text = fs::read_to_string(self.file("pids")).unwrap_or_default();
            pids = text.split_whitespace().map(str::to_owned).collect();
            text.ends_with('\n')
        });
        let _ = fs::remove_file(self.file("pids"));
        pids
    }
}

/// The names in a list of a JSON line.
pub fn names(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect()
}

/// Waits, as long as a busy machine may need, until something is so.
pub fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(120), "it did not happen: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Sends a signal.
pub fn signal(name: &str, pid: &str) {
    // The shell's own: not every machine has a program of this name.
    assert!(Command::new("sh").args(["-c", &format!("kill -s {name} {pid}")]).status().unwrap().success());
}

/// A signal that ends a command of ours: `name`, or TERM where these tests were started with it ignored (in the background
/// of a script, or under nohup), since the command then ignores it too.
pub fn heard(name: &'static str) -> &'static str {
    let number = match name {
        "HUP" => 1,
        "INT" => 2,
        _ => return name,
    };
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap_or("0");
    let ignored = u64::from_str_radix(mask.trim(), 16).unwrap() >> (number - 1) & 1 == 1;
    if ignored { "TERM" } else { name }
}

/// Whether a process has ended; one that nobody has waited for has.
pub fn has_ended(pid: &str) -> bool {
    if std::path::Path::new("/proc/self/stat").exists() {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        return stat.is_empty() || stat.contains(") Z ");
    }
    let output = Command::new("ps").args(["-o", "stat=", "-p", pid]).output().unwrap();
    let state = String::from_utf8_lossy(&output.stdout);
    state.trim().is_empty() || state.trim().starts_with('Z')
}
