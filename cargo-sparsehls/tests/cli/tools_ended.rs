//! Tools that are ended, by a timeout, a signal or with the build, and what is left then. Stand-ins take the tools' place.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use crate::{
    firmware::net,
    stand_in::{Workshop, has_ended, heard, is_missing, names, signal, wait_until},
};

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
