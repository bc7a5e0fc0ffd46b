//! The launcher for HTCondor in the guide, with stand-ins for `condor_submit`, `condor_wait` and `condor_rm`: no pool has been tried.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Stdio,
};

use crate::stand_in::{Workshop, has_ended, heard, is_missing, signal, wait_until};

/// Runs the job at once, as the pool would, and writes the log of events as the manual shows it.
const SUBMIT: &str = r#"[ "$1" = -terse ] || exit 9
of() { sed -n "s/^$1 = //p" "$2"; }
[ "$(of request_memory "$2")" = 64GB ] && [ "$(of should_transfer_files "$2")" = NO ] || exit 8
log=$(of log "$2")
cd "$(of initialdir "$2")" || exit 7
(
    $(of executable "$2") "$(of arguments "$2")" >"$(of output "$2")" 2>"$(of error "$2")" &
    echo $! >"$POOL/job"
    wait $!
    status=$?
    if [ $status -gt 128 ]; then
        printf '009 (042.000.000) Job was aborted.\n' >>"$log"
    else
        printf '005 (042.000.000) Job terminated.\n\t(1) Normal termination (return value %s)\n' $status >>"$log"
    fi
) >/dev/null 2>&1 &
echo "42.0 - 42.0""#;
const WAIT: &str = r#"until grep -qE '^00[59]' "$1" 2>/dev/null; do sleep 0.1; done"#;
const RM: &str = r#"[ "$1" = 42 ] && kill -TERM "$(cat "$POOL/job")""#;

fn wrapper() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/condor-run")
}

fn workshop() -> Workshop {
    let workshop = Workshop::new(&["vitis_hls"], "launcher = [\"./condor-run\", \"request_memory=64GB\"]\n");
    fs::copy(wrapper(), workshop.firmware.path("condor-run")).unwrap();
    for (name, body) in [("condor_submit", SUBMIT), ("condor_wait", WAIT), ("condor_rm", RM)] {
        let path = workshop.bin().join(name);
        fs::write(&path, format!("#!/bin/sh\nPOOL='{}'\n{body}\n", workshop.bin().display())).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    workshop
}

#[test]
fn a_job_of_htcondor_ends_as_the_tool_does() {
    if is_missing() {
        return;
    }
    let workshop = workshop();
    let (code, line) = workshop.steps("", "synth,cosim");
    assert_eq!((code, &line["status"]), (0, &"done".into()), "{line}");
    assert_eq!(workshop.calls(), ["vitis_hls synth", "vitis_hls cosim"]);
    workshop.manifest("launcher = [\"./condor-run\", \"request_memory=64GB\"]\nclock-period = 4.0\n");
    let (run, lines) = workshop.build("fail:synth", &[]);
    let error = lines.iter().find(|line| line["reason"] == "error").unwrap();
    let message = error["message"].as_str().unwrap();
    assert!(run.code == 5 && message.contains("ended with exit status: 1"), "{message}");
    assert!(message.contains("the stand-in fails in synth as it was told"), "what the job said is in the log: {message}");
    let (run, lines) = workshop.build("crash:synth", &[]);
    let error = lines.iter().find(|line| line["reason"] == "error").unwrap();
    assert!(run.code == 5 && error["message"].as_str().unwrap().contains("did not end by itself"), "{error}");
}

#[test]
fn a_job_of_htcondor_is_removed_with_the_build() {
    if is_missing() {
        return;
    }
    let workshop = workshop();
    let mut command = workshop.command("hang:synth", &[]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let pids = workshop.stuck();
    signal(heard("INT"), &child.id().to_string());
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(130));
    wait_until("the job has ended", || has_ended(&pids[0]));
    pids.iter().filter(|pid| !has_ended(pid)).for_each(|pid| signal("KILL", pid));
}

#[test]
fn the_guide_has_the_launcher_as_it_is() {
    let text = fs::read_to_string(wrapper()).unwrap();
    let guide = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/synthesis.md")).unwrap();
    assert!(guide.contains(&format!("```sh\n{text}```\n")), "docs/synthesis.md differs from docs/condor-run");
}
