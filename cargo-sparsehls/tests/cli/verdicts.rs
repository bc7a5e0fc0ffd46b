//! The build script of a package and `cargo sparsehls build` say the same of the same files.

use std::{fs, process::Command};

use sparsehls_build::{Build, data};

use crate::firmware::{Firmware, fixture_path, net, write_npz};

/// Set for the process that plays the build script.
const PLAYS: &str = "SPARSEHLS_TEST_PLAYS_A_BUILD_SCRIPT";

/// Prints how the build script of a package ends, if this process is one.
#[test]
fn a_build_script() {
    if std::env::var_os(PLAYS).is_some() {
        let end = Build::from_manifest().and_then(|build| build.compile());
        println!("\n{}", end.map_or_else(|error| error.to_string(), |()| "it is right".to_owned()));
    }
}

/// What the build script of `firmware` prints at its end.
fn build_script(firmware: &Firmware) -> String {
    let rustc = Command::new("rustc").arg("-vV").output().unwrap();
    let version = String::from_utf8(rustc.stdout).unwrap();
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "verdicts::a_build_script", "--nocapture"]).env(PLAYS, "1").env_remove("CARGO_TARGET_DIR");
    command.env("CARGO_MANIFEST_DIR", firmware.root()).env("OUT_DIR", firmware.path("out")).env("CARGO_NET_OFFLINE", "true");
    command.env("HOST", host).env("TARGET", host);
    firmware.finish(command).stdout
}

/// What both say, after a check that it is the same.
fn verdict(firmware: &Firmware, code: i32) -> String {
    let script = build_script(firmware);
    let run = firmware.run(&["build", "--synth", "skip"]);
    let message = run.stderr.split_once("error: ").map_or("it is right", |(_, error)| error);
    assert!(script.contains(&format!("\n{}", message.trim_end())), "{script}\n---\n{run:?}");
    assert_eq!(run.code, code, "{run:?}");
    message.to_owned()
}

#[test]
fn build_script_and_command_line_agree_on_golden_files() {
    let firmware = Firmware::of("dense-only");
    assert_eq!(verdict(&firmware, 0), "it is right");
    let golden = data::read_golden(&fixture_path("dense-only").with_extension("npz")).unwrap();
    let x: Vec<_> = golden.x.values.iter().map(|value| *value as f32).collect();
    let mut y: Vec<_> = golden.y.values.iter().map(|value| *value as f32).collect();
    y[4] += 0.5;
    write_npz(&firmware.path("models/net.npz"), &[("x", &golden.x.shape, &x), ("y", &golden.y.shape, &y)]);
    let wrong = verdict(&firmware, 4);
    assert!(wrong.starts_with("net: the simulation differs from Keras in 1 of 48 events; first in event 1, output 1"), "{wrong}");

    let firmware = Firmware::new(&(net("flatten-dense").replace("input = ", "# ") + "input = \"ufixed<4,3>\"\n"));
    firmware.add("flatten-dense", "net");
    let coarse = verdict(&firmware, 4);
    assert!(coarse.contains("with input = \"ufixed<6,3>\" all 48 events agree"), "{coarse}");

    fs::write(firmware.path("models/net.npz"), "no archive").unwrap();
    verdict(&firmware, 1);
}
