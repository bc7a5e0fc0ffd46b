//! What cargo's users take for granted: its flags and variables, results that last, and nothing long unasked.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::{
    firmware::{Firmware, net},
    markdown::repository,
};

fn only<'a>(lines: &'a [Value], reason: &str) -> &'a Value {
    lines.iter().find(|line| line["reason"] == reason).unwrap_or_else(|| panic!("no {reason}"))
}

#[test]
fn flags_and_variables_of_cargo_mean_what_they_mean_there() {
    let firmware = Firmware::of("dense-only");
    let plain = firmware.run(&["check"]).stdout;
    for flags in [&["--locked"][..], &["--offline"], &["--frozen"], &["--profile", "release"]] {
        // There is a Cargo.lock only if cargo has written one; `cargo metadata --no-deps` wants none.
        let run = firmware.run(&[&["check"], flags].concat());
        assert_eq!((run.code, &run.stdout), (0, &plain), "{flags:?} {run:?}");
    }
    firmware.manifest(&format!("[features]\nbig = []\nsmall = []\n\n{}", net("dense-only")));
    assert_eq!(firmware.run(&["check", "-F", "big,small"]).code, 0);
    assert_eq!(firmware.run(&["check", "--features", "firmware/big small"]).code, 0);
    let (run, lines) = firmware.json(&["check", "--features", "huge"]);
    assert_eq!((run.code, &only(&lines, "error")["code"]), (2, &"unknown-feature".into()), "{run:?}");
    assert!(run.stderr.contains("firmware/big, firmware/small"), "{run:?}");

    let with = |variable: &str, value: &str, arguments: &[&str]| {
        let mut command = firmware.command(arguments);
        command.env(variable, value);
        firmware.finish(command)
    };
    let quiet = with("CARGO_TERM_QUIET", "true", &["check"]);
    assert_eq!((quiet.stdout.as_str(), quiet.stderr.as_str()), ("", ""));
    assert_eq!(with("CARGO_TERM_QUIET", "true", &["check", "-v"]).stdout, firmware.run(&["check", "-v"]).stdout);
    assert_eq!(with("CARGO_TERM_VERBOSE", "true", &["check"]).stdout, firmware.run(&["check", "-v"]).stdout);
    let colored = |run: crate::firmware::Run| run.stderr.contains('\u{1b}');
    assert!(colored(with("CARGO_TERM_COLOR", "always", &["check"])));
    assert!(!colored(with("CARGO_TERM_COLOR", "always", &["check", "--color", "never"])));
    assert!(colored(with("CARGO_TERM_COLOR", "always", &["no-such-command"])), "usage errors too");
    assert!(!colored(with("CARGO_TERM_COLOR", "never", &["check"])));
}

#[test]
fn short_flags_and_jobs_are_those_of_cargo() {
    let firmware = Firmware::of("dense-only");
    let run = firmware.run(&["predict", "--engine", "reference", "-i", "models/net.npz", "-o", "y.npy"]);
    assert!(run.code == 0 && firmware.path("y.npy").is_file(), "{run:?}");
    for jobs in ["1", "-1", "-1000", "default"] {
        let run = firmware.run(&["build", "--synth", "skip", "-j", jobs]);
        assert_eq!(run.code, 0, "{jobs} {run:?}");
    }
    let run = firmware.run(&["build", "-j", "0"]);
    assert!(run.code == 2 && run.stderr.contains("jobs may not be 0"), "{run:?}");
}

#[test]
fn whoever_stops_reading_makes_no_panic() {
    let firmware = Firmware::bare();
    for arguments in [&["completions", "bash"][..], &["completions", "zsh"], &["man"], &["explain"], &["--help"]] {
        let mut child = firmware.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && !said.contains("panicked"), "{arguments:?}: {said} {:?}", output.status);
    }
    let mut full = firmware.command(&["completions", "bash"]);
    if let Ok(device) = fs::OpenOptions::new().write(true).open("/dev/full") {
        let output = full.stdout(device).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "what cannot be written is an error");
    }
}

/// A folder with a program `name` that a shell runs.
fn program(firmware: &Firmware, name: &str, text: &str) -> PathBuf {
    let folder = firmware.path("bin");
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join(name);
    fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

#[test]
fn a_tool_that_cannot_be_run_is_found_and_is_none() {
    let firmware = Firmware::bare();
    let doctor = |name: &str, text: &str, arguments: &[&str]| {
        let folder = program(&firmware, name, text);
        let mut command = firmware.command(&[&["doctor"], arguments].concat());
        let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
        command.env("PATH", path);
        firmware.finish_json(command)
    };
    let missing = "echo 'vitis-run: error while loading shared libraries: libtinfo.so.5: cannot open' >&2; exit 127";
    for (name, require, text, said) in [
        ("vitis-run", "vitis", missing, "libtinfo.so.5"),
        ("vivado", "vivado", "echo no licence; exit 1", "exit status: 1: no licence"),
        ("verilator", "verilator", "exit 126", "exit status: 126"),
        ("yosys", "yosys", "kill -9 $$", "signal: 9"),
    ] {
        let (run, lines) = doctor(name, text, &[]);
        let line = lines.iter().find(|line| line["name"] == name).unwrap();
        assert_eq!((run.code, &line["found"]), (0, &true.into()), "{line}");
        assert!(line["broken"].as_str().unwrap().contains(said), "{line}");
        assert!(run.stderr.contains("cannot be run: ") && run.stderr.contains("[broken-tool]"), "{run:?}");
        let (run, lines) = doctor(name, text, &["--require", require]);
        let error = only(&lines, "error");
        assert_eq!((run.code, &error["code"]), (3, &"tool-missing".into()), "{run:?}");
        assert!(error["message"].as_str().unwrap().contains(said), "{error}");
        let (run, lines) = doctor(name, "echo v2023.2", &["--require", require]);
        assert!(run.code == 0 && !lines.iter().any(|line| line["broken"].is_string()), "{run:?}");
        fs::remove_file(firmware.path("bin").join(name)).unwrap();
    }
}

/// A build with `vitis-run` on the path, which leaves a mark when it is run on a project.
struct Vitis(Firmware);

impl Vitis {
    fn new() -> Self {
        let firmware = Firmware::of("dense-only");
        let mark = firmware.path("ran");
        let run = format!("case \"$1\" in --version|-version) echo v2023.2 ;; *) touch '{}'; exit 1 ;; esac", mark.display());
        program(&firmware, "vitis-run", &run);
        Self(firmware)
    }

    /// Whether the tool was run by `build` with these arguments and this variable, and the lines of the build.
    fn runs(&self, more: &str, arguments: &[&str], variable: Option<&str>) -> (bool, i32, Vec<Value>) {
        let firmware = &self.0;
        firmware.manifest(&format!("{}{more}", net("dense-only")));
        let mark = firmware.path("ran");
        let _ = fs::remove_file(&mark);
        let mut command = firmware.command(&[&["build"], arguments].concat());
        let path = format!("{}:{}", firmware.path("bin").display(), std::env::var("PATH").unwrap());
        command.env("PATH", path);
        if let Some(value) = variable {
            command.env("SPARSEHLS_SYNTH", value);
        }
        let (run, lines) = firmware.finish_json(command);
        (mark.exists(), run.code, lines)
    }
}

#[test]
fn nothing_long_begins_unless_it_is_asked_for() {
    let vitis = Vitis::new();
    let auto = "synth = \"auto\"\n";
    // (manifest, arguments, variable, whether the tool runs)
    for (more, arguments, variable, expected) in [
        ("", &[][..], None, false),
        ("", &[], Some(""), false),
        ("", &["--synth", "auto"], None, true),
        ("", &["--synth", "require"], None, true),
        ("", &["--steps", "synth"], None, true),
        ("", &["--steps", "synth", "--synth", "skip"], None, false),
        ("", &[], Some("auto"), true),
        ("", &["--synth", "skip"], Some("require"), false),
        (auto, &[], None, true),
        (auto, &[], Some("skip"), false),
        (auto, &["--synth", "skip"], None, false),
        ("synth = \"skip\"\n", &[], None, false),
        ("synth = \"skip\"\n", &["--steps", "synth"], None, true),
    ] {
        let (ran, code, lines) = vitis.runs(more, arguments, variable);
        assert_eq!((ran, code), (expected, if expected { 5 } else { 0 }), "{more} {arguments:?} {variable:?}: {lines:?}");
    }
    let (.., lines) = vitis.runs("", &[], None);
    let why = only(&lines, "synthesis")["why"].as_str().unwrap();
    assert_eq!(why, "`synth` may take hours, and nobody has asked for it; `--synth auto` runs it");
    let (ran, code, lines) = vitis.runs("", &[], Some("always"));
    assert_eq!((ran, code, &only(&lines, "error")["code"]), (false, 2, &"invalid-choice".into()));
}

#[test]
fn limits_are_held_against_estimates() {
    let firmware = Firmware::of("dense-only");
    let manifest = |more: &str| firmware.manifest(&format!("{}{more}", net("dense-only")));
    let run = firmware.run(&["check", "--limits"]);
    assert!(run.code == 1 && run.stderr.contains("code: missing-key"), "there is nothing to hold: {run:?}");
    manifest("limits = { lut = 1, latency-cycles = 100000, uram = 0 }\n");
    assert_eq!(firmware.run(&["check"]).code, 0, "without being told they are for tools");
    let (run, lines) = firmware.json(&["check", "--limits", "--junit", "check.xml"]);
    assert_eq!((run.code, &only(&lines, "error")["code"]), (5, &"limit-exceeded".into()), "{run:?}");
    assert!(run.stderr.contains("the estimate exceeds 1 of 2 limits") && run.stderr.contains("[limit-not-estimated]"), "{run:?}");
    let limits = &only(&lines, "estimate")["limits"];
    assert_eq!(
        (&limits[1]["name"], &limits[1]["kept"], &limits[1]["source"]),
        (&"lut".into(), &false.into(), &"estimate".into())
    );
    let junit = fs::read_to_string(firmware.path("check.xml")).unwrap();
    assert!(junit.contains("<testcase name=\"check\"") && junit.contains("type=\"limit-exceeded\""), "{junit}");
    manifest("limits-on = \"estimate\"\nlimits = { lut = 1 }\n");
    assert_eq!(firmware.run(&["check"]).code, 5);
    let run = firmware.run(&["build", "--synth", "skip", "--junit", "build.xml"]);
    assert_eq!(run.code, 5, "{run:?}");
    let junit = fs::read_to_string(firmware.path("build.xml")).unwrap();
    assert!(junit.contains("<testcase name=\"limits\"") && junit.contains("type=\"limit-exceeded\""), "{junit}");
    manifest("limits-on = \"estimate\"\nlimits = { lut = 1000000 }\n");
    let run = firmware.run(&["build", "--synth", "skip"]);
    assert!(run.code == 0 && run.stderr.contains("the estimate keeps lut "), "{run:?}");
}

#[test]
fn results_lie_where_they_are_wanted() {
    let firmware = Firmware::of("dense-only");
    let project = |folder: &str| firmware.path(folder).join("firmware/net/project.tcl").is_file();
    assert_eq!(firmware.run(&["build", "-q", "--out-dir", "given"]).code, 0);
    assert!(project("given") && !firmware.path("target/sparsehls").exists());
    firmware.manifest(&format!("[package.metadata.sparsehls]\nout-dir = \"kept/here\"\n{}", net("dense-only")));
    assert_eq!(firmware.run(&["build", "-q"]).code, 0);
    assert!(project("kept/here") && !firmware.path("target/sparsehls").exists());
    assert_eq!(firmware.run(&["build", "-q", "--target-dir", "t"]).code, 0);
    assert!(project("t/sparsehls"), "a flag comes before the manifest");
    firmware.manifest(&format!("[workspace.metadata.sparsehls]\nout-dir = \"all\"\n\n{}", net("dense-only")));
    assert_eq!(firmware.run(&["build", "-q"]).code, 0);
    assert!(project("all"));
    for wrong in ["out-dir = 1\n", "out-dir = \"\"\n"] {
        firmware.manifest(&format!("[package.metadata.sparsehls]\n{wrong}{}", net("dense-only")));
        let run = firmware.run(&["build"]);
        assert!(run.code == 1 && run.stderr.contains("key: package.metadata.sparsehls.out-dir"), "{run:?}");
    }
}

#[test]
fn a_manifest_that_stands_alone_needs_no_cargo() {
    let firmware = Firmware::of("dense-only");
    let without = |arguments: &[&str]| {
        let mut command = firmware.command(arguments);
        command.env("CARGO", firmware.path("no-cargo"));
        firmware.finish(command)
    };
    for arguments in [&["check"][..], &["build", "--synth", "skip"], &["verify"], &["clean"]] {
        let (with, without) = (firmware.run(arguments), without(arguments));
        assert_eq!((with.code, without.code, &with.stdout), (0, 0, &without.stdout), "{with:?} {without:?}");
    }
    assert!(without(&["check", "-F", "huge"]).stderr.contains("code: unknown-feature"));

    // What another manifest may have a say in is for cargo.
    let whole = fs::read_to_string(firmware.path("Cargo.toml")).unwrap();
    fs::create_dir(firmware.path("inner")).unwrap();
    let inner = &["check", "--manifest-path", "inner/Cargo.toml"];
    for (from, to, why) in [
        ("[workspace]\n", "[workspace]\nmembers = [\"a\"]\n", "a workspace with members"),
        ("name = \"firmware\"\n", "", "no `package.name`"),
        ("name = \"firmware\"\n", "name = \"../../../other\"\n", "which is no name"),
        ("name = \"firmware\"\n", "name = \"\"\n", "which is no name"),
        ("name = \"firmware\"\n", "name = \"a\\nb\"\n", "which is no name"),
        ("name = \"firmware\"\n", "name = \"firmware\"\nworkspace = \"..\"\n", "another folder's workspace"),
        ("[package]\n", "[package\n", "TOML parse error"),
        ("[workspace]\n", "", "may belong to the workspace of"),
    ] {
        fs::write(firmware.path("inner/Cargo.toml"), whole.replace(from, to)).unwrap();
        let run = without(inner);
        assert!(run.code == 1 && run.stderr.contains(why) && run.stderr.contains("code: manifest-unreadable"), "{run:?}");
    }
    fs::remove_file(firmware.path("Cargo.toml")).unwrap();
    assert!(without(&["check"]).stderr.contains("no Cargo.toml here or above"));
}

/// A crate that a test wants with a feature more is another crate to cargo, and so is all that depends on it.
#[test]
fn cargo_run_takes_what_the_tests_have_compiled() {
    let crates = |arguments: &[&str]| -> Vec<String> {
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| env!("CARGO").into()));
        cargo.args(["tree", "--offline", "--locked", "--prefix", "none", "--no-dedupe", "-f", "{p} {f}"]).args(arguments);
        let output = cargo.current_dir(repository()).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
    };
    let tested = crates(&["--workspace", "-e", "normal,build,dev"]);
    let run = crates(&["-p", "cargo-sparsehls", "-e", "normal,build"]);
    let anew: Vec<_> = run.iter().filter(|name| !tested.contains(name)).collect();
    assert!(run.len() > 50 && anew.is_empty(), "compiled with other features than in the tests: {anew:?}");
}
