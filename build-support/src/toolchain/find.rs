//! Which tools are installed: on PATH, or below the folders that the vendor's environment variables name.

use std::{
    collections::BTreeMap,
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use super::program::Program;
use crate::{
    error::{Code, Error, Result},
    process::{Answer, Cancel, Question},
};

/// Where the vendor's settings scripts say the tools are.
const VARIABLES: [&str; 3] = ["XILINX_HLS", "XILINX_VITIS", "XILINX_VIVADO"];

/// Looks for a program.
fn find(program: Program) -> Option<Tool> {
    if let Ok(path) = which::which(program.name()) {
        return Some(Tool { program, path: absolute(path), source: "PATH" });
    }
    let variables = if program.is_open() { &[][..] } else { &VARIABLES };
    variables.iter().find_map(|variable| {
        // Set to nothing means not set; it must not become a search of the current folder.
        let home = env::var_os(variable).filter(|home| !home.is_empty())?;
        let path = which::which_in(program.name(), Some(PathBuf::from(home).join("bin")), ".").ok()?;
        Some(Tool { program, path: absolute(path), source: variable })
    })
}

/// The tool is started in another folder than this one.
fn absolute(path: PathBuf) -> PathBuf {
    std::path::absolute(&path).unwrap_or(path)
}

/// A program that is installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tool {
    /// Which one.
    pub program: Program,
    /// Where it is.
    pub path: PathBuf,
    /// How it was found: `PATH`, or the name of an environment variable.
    pub source: &'static str,
}

impl Tool {
    /// The version, as the program itself says it, else as its path does. It is asked once: starting a tool takes
    /// seconds. `cancel` ends the question, and what is said after that is not kept.
    pub fn version(&self, cancel: &Cancel) -> Option<String> {
        self.trial(cancel).version
    }

    /// Why it cannot be run, if it ends with an error when it is asked for its version: a library is missing, or a licence.
    pub fn broken(&self, cancel: &Cancel) -> Option<String> {
        self.trial(cancel).broken
    }

    fn trial(&self, cancel: &Cancel) -> Trial {
        static KNOWN: Mutex<BTreeMap<PathBuf, Trial>> = Mutex::new(BTreeMap::new());
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(trial) = known.get(&self.path) {
            return trial.clone();
        }
        let mut trial = self.try_out(cancel);
        if trial.version.is_none() {
            trial.version = version_in(&self.path.to_string_lossy()).filter(|_| !self.program.is_open());
        }
        if !cancel.is_asked() {
            known.insert(self.path.clone(), trial.clone());
        }
        trial
    }

    fn try_out(&self, cancel: &Cancel) -> Trial {
        // Someone else's question may have been ended while this one waited for its turn.
        if cancel.is_asked() {
            return Trial::default();
        }
        // The tools leave logs where they are started.
        let Ok(folder) = tempfile::tempdir() else { return Trial::default() };
        let command: [OsString; 2] = [self.path.clone().into(), self.program.version_flag().into()];
        let (directory, timeout) = (Some(folder.path()), VERSION);
        let question = Question { command: &command, directory, stdin: Vec::new(), stderr: true, timeout, most: 1 << 20 };
        let broken = |why: String| Trial { version: None, broken: Some(why) };
        match question.ask(cancel) {
            Ok(Answer::Said(status, text)) if status.success() => {
                let said = if self.program.is_open() { open_version_in } else { version_in };
                Trial { version: said(&String::from_utf8_lossy(&text)), broken: None }
            }
            Ok(Answer::Said(status, text)) => {
                let text = String::from_utf8_lossy(&text);
                let lines: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
                let last = lines[lines.len().saturating_sub(SAID)..].join("; ");
                match status.code() {
                    // Whoever knows of no such question says nothing, and may run all the same.
                    Some(code) if last.is_empty() && code < NOT_RUN => Trial::default(),
                    _ if last.is_empty() => broken(status.to_string()),
                    _ => broken(format!("{status}: {last}")),
                }
            }
            Ok(Answer::TimedOut) => broken(format!("no answer within {} s", VERSION.as_secs())),
            Ok(Answer::TooMuch | Answer::Cancelled) => Trial::default(),
            Err(error) => broken(error.to_string()),
        }
    }
}

/// How long a tool may take to say its version.
const VERSION: Duration = Duration::from_secs(60);
/// The first exit code with which a shell says that a program could not be run.
const NOT_RUN: i32 = 126;
/// How many of its last lines are shown if it cannot.
const SAID: usize = 3;

/// What a tool answers when it is asked for its version.
#[derive(Debug, Clone, Default)]
struct Trial {
    version: Option<String>,
    broken: Option<String>,
}

/// The first version in a text: `2023.1`, `2022.2.1`.
pub(crate) fn version_in(text: &str) -> Option<String> {
    let words = text.split(|c: char| !(c.is_ascii_digit() || c == '.')).map(|word| word.trim_matches('.'));
    let is_version = |word: &&str| {
        let mut parts = word.split('.');
        let year = parts.next().is_some_and(|year| year.len() == 4 && year.starts_with("20"));
        let rest: Vec<_> = parts.collect();
        year && (1..=2).contains(&rest.len()) && rest.iter().all(|part| (1..=2).contains(&part.len()))
    };
    words.filter(|word| !word.is_empty()).find(is_version).map(str::to_owned)
}

/// A release of the vendor's tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Release {
    /// The year.
    pub year: u32,
    /// Which of that year.
    pub minor: u32,
}

impl Release {
    /// The release of a version: `2022.2.1` is the second of 2022.
    pub(crate) fn of(version: &str) -> Option<Self> {
        let mut parts = version.split('.').map(str::parse);
        let (Some(Ok(year)), Some(Ok(minor))) = (parts.next(), parts.next()) else { return None };
        Some(Self { year, minor })
    }
}

/// The first version of an open tool in a text: `5.006`, `0.23`, `0.7-33-gb5e1b8b`.
pub(crate) fn open_version_in(text: &str) -> Option<String> {
    let words = text.split(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | '"' | ','));
    let versions = words.map(|word| word.strip_prefix("nextpnr-").unwrap_or(word));
    let is_version = |word: &&str| word.starts_with(|c: char| c.is_ascii_digit()) && word.contains('.');
    versions.into_iter().find(is_version).map(|word| word.chars().take(40).collect())
}

/// Every program, and the tool if it is installed.
pub fn survey() -> Vec<(Program, Option<Tool>)> {
    Program::ALL.into_iter().map(|program| (program, find(program))).collect()
}

/// Variables that name a folder without tools: a settings script of an installation that has gone.
pub fn broken_variables() -> Vec<(&'static str, PathBuf)> {
    let set =
        VARIABLES.iter().filter_map(|name| Some((*name, PathBuf::from(env::var_os(name).filter(|home| !home.is_empty())?))));
    set.filter(|(_, home)| !home.join("bin").is_dir()).collect()
}

/// Finds the first of `programs` that is installed.
///
/// # Errors
/// [`Code::ToolMissing`].
pub(super) fn find_any(programs: &[Program]) -> Result<Tool> {
    programs.iter().find_map(|program| find(*program)).ok_or_else(|| {
        let names: Vec<_> = programs.iter().map(|program| format!("`{}`", program.name())).collect();
        let names = if let [one] = &names[..] { format!("no {one}") } else { format!("neither {}", names.join(" nor ")) };
        let what_is_found = "`cargo sparsehls doctor` says what is found";
        if programs.iter().all(|program| program.is_open()) {
            let remedies: Vec<_> = programs.iter().map(|program| program.remedy()).collect();
            return Error::new(Code::ToolMissing, format!("found {names} on PATH"))
                .help(format!("{}; or build with --synth skip; {what_is_found}", remedies.join(", or ")));
        }
        let [hls, vitis, vivado] = VARIABLES;
        Error::new(Code::ToolMissing, format!("found {names} on PATH or under ${hls}, ${vitis} or ${vivado}"))
            .help(format!("source the vendor's settings64.sh, or build with --synth skip; {what_is_found}"))
    })
}

/// The launcher's command: a program on PATH, or a path relative to the folder of the manifest.
pub(super) fn launcher(words: &[String], manifest: &Path) -> Result<Vec<OsString>> {
    let Some((program, arguments)) = words.split_first() else { return Ok(Vec::new()) };
    let home = manifest.parent().unwrap_or(Path::new("."));
    let path = if Path::new(program).components().count() > 1 { home.join(program) } else { PathBuf::from(program) };
    let found = which::which(&path).map_err(|error| {
        Error::new(Code::ToolMissing, format!("the launcher `{program}` cannot be run: {error}"))
            .file(manifest)
            .help("install it, put it on PATH, or remove the key `launcher`")
    })?;
    Ok(std::iter::once(absolute(found).into()).chain(arguments.iter().map(OsString::from)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_in_what_tools_say() {
        for (text, version) in [
            ("Vivado v2020.1 (64-bit)\nSW Build 2902540 on Wed May 27 19:54:35 MDT 2020", Some("2020.1")),
            ("****** vitis-run v2023.2 (64-bit)", Some("2023.2")),
            ("Vitis HLS - High-Level Synthesis from C, C++ and OpenCL v2022.1.2 (64-bit)", Some("2022.1.2")),
            ("vivado v2024.1\nTool Version Limit: 2024.05", Some("2024.1")),
            ("/tools/Xilinx/Vitis_HLS/2021.2/bin/vitis_hls", Some("2021.2")),
            ("/opt/Xilinx/2025.1/Vitis/bin/vitis-run", Some("2025.1")),
            ("built 2020.12.24.1, in 20201.1, 1.2020.1 or 2020.", None),
            ("", None),
        ] {
            assert_eq!(version_in(text).as_deref(), version, "{text}");
        }
    }

    #[test]
    fn releases_are_ordered_by_year_and_number() {
        let of = |version| Release::of(version).unwrap();
        assert!(of("2023.1") < of("2023.2") && of("2023.1.1") == of("2023.1") && of("2022.2") < of("2023.1"));
        assert_eq!((Release::of("2023"), Release::of("x.1"), Release::of("")), (None, None, None));
    }

    #[test]
    fn open_tools_have_versions_without_years() {
        for (text, version) in [
            ("Verilator 5.006 2023-01-22 rev (Debian 5.006-3)", Some("5.006")),
            ("Yosys 0.23 (git sha1 7ce5011c24b)", Some("0.23")),
            ("Yosys 0.9+4081 (git sha1 b6721aa9d8e, clang 10.0.0)", Some("0.9+4081")),
            ("\"nextpnr-ecp5\" -- Next Generation Place and Route (Version nextpnr-0.11.1)", Some("0.11.1")),
            ("nextpnr-ecp5 -- Next Generation Place and Route (Version 0.4-1+b2)", Some("0.4-1+b2")),
            ("Yosys, of the year 2023", None),
            ("", None),
        ] {
            assert_eq!(open_version_in(text).as_deref(), version, "{text}");
        }
    }

    #[test]
    #[cfg(unix)]
    fn a_question_that_was_ended_is_asked_again() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vivado");
        let says = |text: &str| {
            std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        };
        let tool = Tool { program: Program::Vivado, path: path.clone(), source: "PATH" };
        let cancel = Cancel::by_signals();
        says("sleep 1000");
        let start = std::time::Instant::now();
        let version = std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(200));
                cancel.flag().store(true, std::sync::atomic::Ordering::Relaxed);
            });
            tool.version(&cancel)
        });
        assert_eq!(version, None);
        assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
        says("echo Vivado v2020.1");
        assert_eq!(tool.version(&cancel), None, "nothing is started any more");
        for _ in 0..2 {
            assert_eq!(tool.version(&Cancel::default()).as_deref(), Some("2020.1"));
            says("echo Vivado v2024.1");
        }
    }

    #[test]
    fn a_launcher_is_looked_for_beside_the_manifest_or_on_path() {
        let folder = tempfile::tempdir().unwrap();
        let manifest = folder.path().join("Cargo.toml");
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        assert!(launcher(&[], &manifest).unwrap().is_empty());
        let found = launcher(&words(&["sh", "-c", "a b"]), &manifest).unwrap();
        assert!(Path::new(&found[0]).is_absolute(), "{found:?}");
        assert_eq!(&found[1..], ["-c", "a b"]);
        for missing in ["./run.sh", "no-such-launcher"] {
            assert_eq!(launcher(&words(&[missing]), &manifest).unwrap_err().code(), Code::ToolMissing);
        }
    }
}
