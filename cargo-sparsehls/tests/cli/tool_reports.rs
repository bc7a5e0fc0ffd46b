//! What is made of the reports and logs of tools, with stand-ins that leave them.

use std::{fs, os::unix::fs::PermissionsExt};

use serde_json::Value;

use crate::{
    firmware::{Firmware, net},
    stand_in::{Workshop, is_missing},
};

#[test]
fn the_first_errors_are_shown_before_all_others() {
    if is_missing() {
        return;
    }
    let workshop = Workshop::new(&["vitis-run"], "");
    let run = workshop.firmware.finish(workshop.command("fail:synth", &[]));
    let shown = "ended with exit status: 1\nERROR: [HLS 200-70] the stand-in fails in synth as it was told\nERROR: [HLS 200-71] a second error\n";
    assert!(run.stderr.contains(shown), "{run:?}");
    let log = fs::read_to_string(workshop.project("hls.log")).unwrap();
    assert!(log.contains("INFO: [HLS 200-10]") && log.contains("sparsehls: synth failed: synth failed"), "{log}");
}

#[test]
fn a_latency_that_is_not_known_is_no_number() {
    if is_missing() {
        return;
    }
    let workshop = Workshop::new(&["vitis-run"], "");
    let run = workshop.firmware.finish(workshop.command("undef:synth", &[]));
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.stdout.contains("net: latency unknown and interval unknown cycles at 3.65 ns; 40000 LUT"), "{run:?}");
    let (code, line) = workshop.steps("undef:synth", "synth");
    assert_eq!((code, &line["report"]["latency-cycles"], &line["report"]["lut"]), (0, &Value::Null, &40000.into()));
    // A gate does not open on silence.
    workshop.manifest("limits = { latency-cycles = 1000 }\n");
    let (run, lines) = workshop.build("undef:synth", &[]);
    let error = lines.iter().find(|line| line["reason"] == "error").unwrap();
    assert_eq!((run.code, &error["code"]), (5, &"limit-exceeded".into()), "{run:?}");
    assert!(error["message"].as_str().unwrap().contains("latency-cycles      unknown       1000"), "{error}");
}

#[test]
fn timing_that_is_not_met_is_noted() {
    if is_missing() {
        return;
    }
    let workshop = Workshop::new(&["vitis-run", "vivado"], "");
    let run = workshop.firmware.finish(workshop.command("mismatch:vsynth", &["--steps", "vsynth"]));
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.stderr.contains("Note net: Vivado does not meet the timing: the worst slack is -0.333 ns"), "{run:?}");
}

#[test]
fn timing_says_at_which_stage_it_is_met() {
    if is_missing() {
        return;
    }
    let workshop = Workshop::new(&["vitis-run", "vivado"], "");
    let run = workshop.firmware.finish(workshop.command("mismatch:impl", &["--steps", "vsynth,impl"]));
    assert_eq!(run.code, 0, "{run:?}");
    for line in [
        "timing met (worst slack 0.512 ns) after synthesis, before placement",
        "Vivado, implemented: 15000 LUT, 2500 FF, 6 DSP, 3 BRAM18, 0 URAM; timing not met (worst slack -0.333 ns) after route",
    ] {
        assert!(run.stdout.contains(line), "{run:?}");
    }
    assert!(
        run.stderr.contains("Note net: Vivado does not meet the timing: the worst slack is -0.333 ns after route"),
        "{run:?}"
    );
    workshop.manifest("limits = { lut = 14999 }\n");
    let (run, lines) = workshop.build("", &["--steps", "impl"]);
    let error = lines.iter().find(|line| line["reason"] == "error").unwrap();
    assert_eq!(run.code, 5, "{run:?}");
    assert!(error["message"].as_str().unwrap().ends_with("lut                   15000      14999          1  impl"), "{error}");
}

#[test]
fn whether_planned_intervals_held_is_said_with_the_process_that_broke_one() {
    if is_missing() {
        return;
    }
    let table = net("whole-net-032");
    let workshop = Workshop::of(Firmware::of("whole-net-032"), &["vitis-run"], "");
    let manifest = |more: &str| workshop.firmware.manifest(&format!("{table}interval = 5\n{more}"));
    manifest("");
    let build = |wrong: &str| workshop.firmware.finish(workshop.command(wrong, &["-v"]));
    let run = build("");
    assert!(run.code == 0 && run.stdout.contains("net: the planned interval of 5 held in every process"), "{run:?}");
    assert!(run.stdout.contains("net: at most 12345 instructions while it was compiled"), "{run:?}");
    let (_, line) = workshop.steps("", "synth");
    let report = &line["report"];
    let rows = report["intervals"].as_array().unwrap();
    assert!(rows.len() > 2 && rows.iter().all(|row| row["kept"] == true && row["why"].is_null()), "{report}");
    assert!(report["modules"].as_array().unwrap().iter().all(|module| module["name"] != "net"), "the top is none of its modules");
    let steps = report["loops"].as_array().unwrap();
    assert!(!steps.is_empty() && steps.iter().all(|row| row["interval"] == 1 && row["depth"] == 3 && row["name"] == "steps"));
    manifest("limits = { intervals-missed = 0 }\n");
    assert_eq!(workshop.steps("", "synth").0, 0);

    manifest("clock-period = 4.0\n");
    let run = build("rewind:synth");
    assert_eq!(run.code, 0, "nothing asked for it: {run:?}");
    let first = rows.iter().find(|row| row["process"] != "net" && row["planned"].as_u64() > Some(1)).unwrap();
    let (name, planned) = (first["process"].as_str().unwrap(), first["planned"].as_u64().unwrap());
    let said = format!("net: {name}: planned {planned}, achieved {}: rewind was not applied (HLS 200-957)", planned + 14);
    assert!(run.stdout.contains(&said) && run.stderr.contains(&format!("Note {said}")), "{said}\n{run:?}");
    assert!(run.stdout.contains("net: WARNING: [HLS 200-957] Cannot apply rewind"), "-v shows the lines: {run:?}");
    manifest("clock-period = 4.0\nlimits = { intervals-missed = 0 }\n");
    let (run, lines) = workshop.build("", &[]);
    let error = lines.iter().find(|line| line["reason"] == "error").unwrap();
    assert_eq!((run.code, &error["code"]), (5, &"limit-exceeded".into()), "what was kept counts too: {run:?}");
    assert!(error["message"].as_str().unwrap().contains("intervals-missed          2          0          2  synth"), "{error}");

    manifest("clock-period = 3.0\n");
    let run = build("large:synth");
    assert!(run.stderr.contains("Note net: 1500000 instructions are more than 1000000"), "{run:?}");
}

#[test]
fn what_is_lost_in_a_log_is_shown() {
    if is_missing() {
        return;
    }
    let workshop = Workshop::new(&[], "");
    let tool = |body: &str| {
        let text = format!("#!/bin/sh\ncase $1 in -version) exit 0;; esac\n{body}\nexit 1\n");
        fs::write(workshop.bin().join("vitis_hls"), text).unwrap();
        fs::set_permissions(workshop.bin().join("vitis_hls"), fs::Permissions::from_mode(0o755)).unwrap();
    };
    let noise = "for i in 1 2 3 4 5 6 7 8; do echo \"INFO: line $i\"; done";
    for line in [
        "../../../../net_test.cpp:12:5: error: unknown type name",
        "c++: fatal error: Killed signal terminated program cc1plus",
        "Killed",
        "./run.sh: line 3: 4711 Killed",
        "csim.o: undefined reference to `net(int)'",
        "couldn't open file: Too many open files",
        "terminate called after throwing an instance of 'std::bad_alloc'",
    ] {
        tool(&format!("cat <<'END'\n{line}\nEND\n{noise}"));
        let (run, lines) = workshop.build("", &[]);
        let error = lines.iter().find(|line| line["reason"] == "error").unwrap();
        assert!(run.code == 5 && error["message"].as_str().unwrap().contains(line), "{error}");
    }
    // A wrapper hides that the tool was killed.
    tool("echo 'sparsehls: synth'; echo 'loader: line 164:   494 Killed                  \"$PROG\"'; exit 0");
    let (run, lines) = workshop.build("", &[]);
    let error = lines.iter().find(|line| line["reason"] == "error").unwrap();
    let message = error["message"].as_str().unwrap();
    assert!(run.code == 5 && message.contains("494 Killed") && message.contains("never said that `synth` was done"), "{error}");
    let db = "net_prj/solution1/.autopilot/db";
    let front_end = format!("mkdir -p {db}; echo 'net.cpp:3:1: error: no such pragma' > {db}/net.pp.0.cpp.clang.err.log");
    tool(&format!("{front_end}\necho 'ERROR: [HLS 200-1715] Encountered problem during source synthesis'\n{noise}"));
    let (_, lines) = workshop.build("", &[]);
    let error = lines.iter().find(|line| line["reason"] == "error").unwrap();
    assert!(error["message"].as_str().unwrap().contains("net.cpp:3:1: error: no such pragma"), "{error}");
}
