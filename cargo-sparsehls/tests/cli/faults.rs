//! Builds that share a folder, kept state that has changed, bad compilers, signals, and outputs that are no files.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::{FileTypeExt, PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use sparsehls_build::data;
use tempfile::TempDir;

use crate::{
    firmware::{Firmware, fixture_path, net},
    skip::skipped,
    stand_in::{Workshop, heard, is_missing, signal, wait_until},
};

/// A number from the environment, or one that is soon done.
fn count(variable: &str, default: usize) -> usize {
    let given = std::env::var(variable).ok().and_then(|text| text.parse().ok());
    if given.is_none() {
        skipped(&format!("all but {default} rounds; {variable}=N takes N"));
    }
    given.unwrap_or(default)
}

/// A C++ compiler that remembers what it has made of which text and arguments, and fails if the text changes under it. It
/// does what `wrong` says before.
struct Compiler(TempDir);

impl Compiler {
    fn new(wrong: &str) -> Self {
        let compiler = Self(tempfile::tempdir().unwrap());
        let script = format!(
            r#"#!/bin/sh
folder={folder}
out=; previous=
for word in "$@"; do [ "$previous" = -o ] && out=$word; previous=$word; done
{wrong}
[ -n "$out" ] || exec c++ "$@"
text() {{ find . -name '*.h' -o -name '*.cpp' | sort | xargs cat | cksum; }}
before=$(text); key=$folder/$(echo "$before $* $CXXFLAGS" | sed "s#$out##" | cksum | tr ' ' -)
echo "$key" >> $folder/calls
sleep 0.0$(($$ % 7))
[ -f "$key" ] || {{ c++ "$@" && cp "$out" "$key.$$" && mv "$key.$$" "$key"; }} || exit 1
[ "$(text)" = "$before" ] || {{ echo "error: the text has changed" >&2; exit 9; }}
cp "$key" "$out"
"#,
            folder = compiler.0.path().display()
        );
        fs::write(compiler.path(), script).unwrap();
        fs::set_permissions(compiler.path(), fs::Permissions::from_mode(0o755)).unwrap();
        compiler
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("c++")
    }

    fn calls(&self) -> usize {
        fs::read_to_string(self.0.path().join("calls")).map_or(0, |text| text.lines().count())
    }

    fn command(&self, firmware: &Firmware, arguments: &[&str]) -> Command {
        let mut command = firmware.command(arguments);
        command.env("CXX", self.path());
        command
    }
}

fn project(firmware: &Firmware) -> PathBuf {
    firmware.path("target/sparsehls/firmware/net")
}

/// The compiled csim.
fn program(firmware: &Firmware) -> PathBuf {
    let entries = fs::read_dir(project(firmware).join("csim")).unwrap().map(|entry| entry.unwrap().path());
    entries.into_iter().find(|path| path.file_name().unwrap().to_string_lossy().starts_with("net-")).unwrap()
}

/// The events of the fixture's golden file as `x.npy`.
fn events(firmware: &Firmware, fixture: &str) {
    let golden = data::read_golden(&fixture_path(fixture).with_extension("npz")).unwrap();
    let x: Vec<_> = golden.x.values.iter().map(|value| *value as f32).collect();
    data::write_npy(&firmware.path("x.npy"), &golden.x.shape, &x).unwrap();
}

/// A manifest, what its predictions are, and a variant of the flags.
struct Party {
    firmware: Firmware,
    expected: Vec<u8>,
}

impl Party {
    fn new(input: &str) -> Self {
        let table = "[package.metadata.sparsehls.models.net]\nsource = \"models/net.keras\"\n";
        let firmware = Firmware::new(&format!("{table}input = \"{input}\"\n"));
        firmware.add("dense-only", "net");
        events(&firmware, "dense-only");
        let run = firmware.run(&["predict", "--input", "x.npy", "--output", "expected.npy", "--engine", "reference"]);
        assert_eq!(run.code, 0, "{run:?}");
        let expected = fs::read(firmware.path("expected.npy")).unwrap();
        Self { firmware, expected }
    }

    /// Starts a prediction or a build in `target`.
    fn start(&self, compiler: &Compiler, target: &Path, at: usize) -> Child {
        let output = format!("y{at}.npy");
        let _ = fs::remove_file(self.firmware.path(&output));
        let arguments: &[&str] =
            if at % 3 == 2 { &["build", "--synth", "skip"] } else { &["predict", "--input", "x.npy", "--output", &output] };
        let mut command = compiler.command(&self.firmware, arguments);
        command.arg("--target-dir").arg(target).env("CXXFLAGS", format!("-DVARIANT={}", at % 2));
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    fn check(&self, child: Child, at: usize) {
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{said}");
        if at % 3 == 2 {
            assert!(said.contains("simulation and reference agree on all"), "{said}");
        } else {
            assert!(fs::read(self.firmware.path(&format!("y{at}.npy"))).unwrap() == self.expected, "wrong numbers: {said}");
        }
    }
}

/// Two and eight at a time: other manifests, flags, commands, and tools.
#[test]
fn builds_that_share_a_folder_do_not_notice() {
    let rounds = count("SPARSEHLS_ROUNDS", 3);
    let (compiler, target) = (Compiler::new(""), tempfile::tempdir().unwrap());
    let parties = ["fixed<12,4>", "fixed<20,8>", "fixed<6,2>"].map(Party::new);
    assert!(parties[0].expected != parties[2].expected, "one manifest must not pass for the other");
    let tools = !is_missing();
    let workshops = ["4.0", "5.0"].map(|period| (period, Workshop::new(&["vitis-run"], &format!("clock-period = {period}\n"))));
    for round in 0..rounds {
        if round % 4 == 0 {
            let _ = fs::remove_dir_all(target.path().join("sparsehls"));
        }
        let processes = if round % 2 == 0 { 2 } else { 8 };
        let all: Vec<_> = (0..processes).map(|at| (at + round, &parties[(at + round) % 3])).collect();
        let started: Vec<_> = all.iter().map(|(at, party)| party.start(&compiler, target.path(), *at)).collect();
        let with_tools = if tools && processes == 8 && round % 8 == 1 { &workshops[..] } else { &[] };
        std::thread::scope(|scope| {
            for (period, workshop) in with_tools {
                scope.spawn(|| {
                    let place = target.path().to_str().unwrap();
                    let mut command = workshop.command("", &["--steps", "synth", "--target-dir", place]);
                    command.env("CXX", compiler.path());
                    let (run, lines) = workshop.firmware.finish_json(command);
                    let done = lines.iter().find(|line| line["reason"] == "synthesis").unwrap_or_else(|| panic!("{run:?}"));
                    assert_eq!(done["report"]["target-clock-period"].as_f64(), period.parse().ok(), "{run:?}");
                });
            }
        });
        all.iter().zip(started).for_each(|((at, party), child)| party.check(child, *at));
    }
    assert!(leftovers(target.path()).is_empty(), "{:?}", leftovers(target.path()));
}

/// What begins with the name of something unfinished.
fn leftovers(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path()) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.starts_with(".sparsehls-") && name != ".sparsehls-lock" {
            found.push(path);
        } else if path.is_dir() {
            found.extend(leftovers(&path));
        }
    }
    found
}

/// A byte is changed, or the end is missing.
fn damage(bytes: &[u8], random: &mut u64) -> Vec<u8> {
    let mut next = |below: usize| {
        *random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*random >> 33) as usize % below
    };
    let mut damaged = bytes.to_vec();
    let at = next(bytes.len());
    if next(4) == 0 {
        damaged.truncate(at);
    } else {
        damaged[at] ^= 1 << next(8);
    }
    damaged
}

#[test]
fn nothing_that_has_changed_is_believed() {
    let (firmware, compiler) = (Firmware::of("dense-only"), Compiler::new(""));
    let build = || firmware.finish(compiler.command(&firmware, &["build", "--synth", "skip"]));
    assert_eq!(build().code, 0);
    let again = build();
    assert!(again.stderr.contains("Unchanged"), "{again:?}");
    let whole: BTreeMap<_, _> = [program(&firmware), project(&firmware).join("csim/checked")]
        .into_iter()
        .map(|path| (path.clone(), fs::read(&path).unwrap()))
        .collect();
    let mut random = 16;
    for round in 0..count("SPARSEHLS_FLIPS", 15) {
        let (path, bytes) = whole.iter().nth(round % 2).unwrap();
        let calls = compiler.calls();
        fs::write(path, damage(bytes, &mut random)).unwrap();
        let run = build();
        // The same program, byte for byte, has passed its checks.
        let is_stamp = path.ends_with("checked");
        let told = run.stderr.contains(if is_stamp { "Checked net" } else { "Unchanged net" });
        assert!(run.code == 0 && told, "round {round}, {}: {run:?}", path.display());
        // Compiled, and linked.
        assert_eq!(compiler.calls() - calls, 2 * usize::from(!is_stamp), "{} is made anew", path.display());
        for (path, bytes) in &whole {
            assert!(fs::read(path).unwrap() == *bytes, "{} is as it was", path.display());
        }
    }
}

#[test]
fn no_step_is_done_because_a_damaged_file_says_so() {
    if is_missing() {
        return;
    }
    let workshop = Workshop::new(&["vitis-run"], "");
    assert_eq!(workshop.steps("", "synth").0, 0);
    let path = workshop.project("toolchain.json");
    let whole = fs::read(&path).unwrap();
    let mut random = 17;
    for _ in 0..count("SPARSEHLS_FLIPS", 15).div_ceil(10) {
        fs::write(&path, damage(&whole, &mut random)).unwrap();
        let (code, line) = workshop.steps("", "synth");
        assert_eq!((code, &line["ran"][0]), (0, &"synth".into()), "{line}");
        assert!(fs::read(&path).unwrap() == whole);
    }
}

#[test]
fn links_and_pipes_in_the_output_folder_are_refused_and_not_followed() {
    let (firmware, compiler) = (Firmware::of("dense-only"), Compiler::new(""));
    let build = || firmware.finish(compiler.command(&firmware, &["build", "--synth", "skip"]));
    assert_eq!(build().code, 0);
    let victim = firmware.path("victim");
    fs::write(&victim, "precious").unwrap();
    let program = program(&firmware).file_name().unwrap().to_string_lossy().into_owned();
    for name in ["csim/checked", &format!("csim/{program}"), "firmware/defines.h", "project.tcl", "firmware/weights", "csim"] {
        let (path, aside) = (project(&firmware).join(name), firmware.path("aside"));
        for is_link in [true, false] {
            fs::rename(&path, &aside).unwrap();
            if is_link {
                symlink(if aside.is_dir() { &aside } else { &victim }, &path).unwrap();
            } else {
                assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
            }
            let run = build();
            assert!(run.code == 1 && run.stderr.contains("is where a") && run.stderr.contains("code: io"), "{name}: {run:?}");
            assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
            fs::remove_file(&path).unwrap();
            fs::rename(&aside, &path).unwrap();
        }
    }
    assert_eq!(build().code, 0);
}

#[test]
fn bad_compilers_are_ended_or_tried_once_more() {
    let firmware = Firmware::of("dense-only");
    let run = |wrong: &str| {
        let compiler = Compiler::new(wrong);
        let _ = fs::remove_dir_all(firmware.path("target"));
        (firmware.finish(compiler.command(&firmware, &["build", "--synth", "skip"])), compiler)
    };
    let (floods, _) = run("case \"$*\" in *--version*) exec yes;; esac");
    assert!(floods.code == 3 && floods.stderr.contains("says more than 64 kB"), "{floods:?}");
    // What it makes does nothing, and says nothing of that.
    let makes =
        "[ -n \"$out\" ] && { echo >> $folder/calls; printf '#!/bin/sh\\nexit 0\\n' > \"$out\"; chmod +x \"$out\"; exit 0; }";
    let (bad, compiler) = run(makes);
    assert!(bad.code == 1 && bad.stderr.contains("code: csim-failed") && bad.stderr.contains("compiled anew"), "{bad:?}");
    assert_eq!(compiler.calls(), 4);
    let (once, compiler) = run(&format!("[ -f $folder/calls ] || {{ {makes}; }}"));
    assert!(once.code == 0 && once.stderr.contains("Checked"), "{once:?}");
    // What does not link is compiled once more; then there are the library, and what asks it.
    assert_eq!(compiler.calls(), 6);
    firmware.manifest(&(net("dense-only") + "csim-timeout = 0.02\n"));
    let (hangs, _) = run("[ -n \"$out\" ] && exec sleep 1000");
    assert!(hangs.code == 1 && hangs.stderr.contains("code: compile-failed"), "{hangs:?}");
    assert!(hangs.stderr.contains("longer than the 0.02 minutes of `csim-timeout`"), "{hangs:?}");
    assert!(leftovers(&firmware.path("target")).is_empty());
}

#[test]
fn a_signal_ends_the_compiler_and_all_it_started() {
    let (firmware, pids) = (Firmware::of("dense-only"), tempfile::tempdir().unwrap());
    let file = pids.path().join("pids");
    let compiler = Compiler::new(&format!("[ -n \"$out\" ] && {{ sleep 1000 & echo $! > {}; wait; }}", file.display()));
    events(&firmware, "dense-only");
    for (name, arguments) in [
        ("TERM", &["build"][..]),
        ("INT", &["predict", "--input", "x.npy", "--output", "y.npy"]),
        ("TERM", &["verify"]),
        ("INT", &["trace"]),
    ] {
        let mut command = compiler.command(&firmware, arguments);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        wait_until("the compiler runs", || fs::read_to_string(&file).is_ok_and(|text| text.ends_with('\n')));
        signal(heard(name), &child.id().to_string());
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(130), "{said}");
        assert!(said.contains("was interrupted") && said.contains("code: interrupted"), "{said}");
        assert!(leftovers(&firmware.path("target")).is_empty(), "{arguments:?}");
        let pid = fs::read_to_string(&file).unwrap();
        let stat = fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
        assert!(stat.is_empty() || stat.contains(") Z "), "{arguments:?}: {stat}");
        fs::remove_file(&file).unwrap();
    }
}

#[test]
fn what_is_being_compiled_is_not_removed() {
    let (firmware, signs) = (Firmware::of("dense-only"), tempfile::tempdir().unwrap());
    let (begun, go_on) = (signs.path().join("begun"), signs.path().join("go-on"));
    let wait = format!("until [ -f {} ]; do sleep 0.02; done", go_on.display());
    let compiler = Compiler::new(&format!("[ -n \"$out\" ] && {{ echo > {}; {wait}; }}", begun.display()));
    let mut command = compiler.command(&firmware, &["build", "--synth", "skip"]);
    let build = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_until("the compiler runs", || begun.exists());
    for arguments in [&["clean"][..], &["clean", "--model", "net"]] {
        let clean = firmware.run(arguments);
        assert!(clean.code != 0 && clean.stderr.contains("nothing was removed: a build of net is at work"), "{clean:?}");
    }
    fs::write(go_on, "").unwrap();
    let output = build.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(firmware.run(&["clean"]).code, 0);
    assert!(!project(&firmware).exists());
}

#[test]
fn a_signal_that_ends_no_tool_has_a_sentence_too() {
    let firmware = Firmware::of("whole-net-032");
    assert!(Command::new("mkfifo").arg(firmware.path("x.npy")).status().unwrap().success());
    for (name, format) in [("INT", "human"), ("TERM", "json")] {
        // Nobody writes into the pipe.
        let mut command = firmware.command(&["profile", "--input", "x.npy", "--message-format", format]);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let caught = format!("/proc/{}/status", child.id());
        wait_until("signals are handled", || {
            let status = fs::read_to_string(&caught).unwrap_or_default();
            let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap_or("0");
            u64::from_str_radix(mask.trim(), 16).unwrap() >> 14 & 1 == 1
        });
        signal(heard(name), &child.id().to_string());
        let output = child.wait_with_output().unwrap();
        let (said, lines) = (String::from_utf8_lossy(&output.stderr), String::from_utf8_lossy(&output.stdout));
        assert_eq!(output.status.code(), Some(130), "{said}");
        assert_eq!(said.matches("the command was interrupted; no file is left half written").count(), 1, "{said}");
        assert_eq!(lines.contains("\"code\":\"interrupted\""), format == "json", "{lines}");
    }
}

/// A new package is there as a whole, or nothing of it, whenever the signal comes.
#[test]
fn a_signal_leaves_no_half_of_a_package() {
    let (outside, mut made) = (Firmware::bare(), 0);
    let rounds = count("SPARSEHLS_ROUNDS", 12);
    for round in 0..rounds {
        let name = format!("package-{round}");
        let mut child = outside.command(&["new", &name]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(round as u64 % 12 * 2));
        signal("TERM", &child.id().to_string());
        child.wait().unwrap();
        if outside.path(&name).exists() {
            made += 1;
            assert!(
                outside.path(&format!("{name}/tests/golden.rs")).exists() && outside.path(&format!("{name}/build.rs")).exists()
            );
        }
        assert!(leftovers(&outside.path("")).is_empty(), "{:?}", leftovers(&outside.path("")));
    }
    assert!(made < rounds, "no signal came in time");
}

#[test]
fn predictions_go_into_a_pipe_as_it_is() {
    let firmware = Firmware::of("dense-only");
    events(&firmware, "dense-only");
    let pipe = firmware.path("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let predict = |output: &str| firmware.run(&["predict", "--input", "x.npy", "--engine", "reference", "--output", output]);
    assert_eq!(predict("y.npy").code, 0);
    let through = std::thread::scope(|scope| {
        let reader = scope.spawn(|| fs::read(&pipe).unwrap());
        assert_eq!(predict("pipe").code, 0);
        reader.join().unwrap()
    });
    assert!(through == fs::read(firmware.path("y.npy")).unwrap());
    assert!(fs::symlink_metadata(&pipe).unwrap().file_type().is_fifo());
    // A link is followed, and stays one.
    symlink("y.npy", firmware.path("link.npy")).unwrap();
    fs::write(firmware.path("y.npy"), "old").unwrap();
    assert_eq!(predict("link.npy").code, 0);
    assert!(firmware.path("link.npy").is_symlink() && fs::read(firmware.path("y.npy")).unwrap() == through);
    // Nobody reads: the command ends when it is asked to.
    let mut command = firmware.command(&["predict", "--input", "x.npy", "--engine", "reference", "--output", "pipe"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(std::time::Duration::from_secs(1));
    signal("TERM", &child.id().to_string());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", String::from_utf8_lossy(&output.stderr));
}
