//! `build` with stand-ins for the vendor's tools that run the project's Tcl. No real tool has run here.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use crate::{
    firmware::{Firmware, net},
    stand_in::{ALL, STEPS, Workshop, folder, is_missing, names},
};

const EVERY_STEP: &str = "csim,synth,cosim,export,vsynth,impl";

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
    workshop.calls();
    write("more/other.tcl", "set cosim_options {-trace_level all -enable_dataflow_profiling}\n");
    assert_eq!(workshop.steps("", "cosim").0, 0);
    assert_eq!(
        workshop.calls()[1..],
        ["vitis_hls synth", "vitis_hls waveforms of all -enable_dataflow_profiling", "vitis_hls cosim"]
    );
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
