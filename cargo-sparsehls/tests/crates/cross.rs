//! A firmware crate for another machine, run there by an emulator. Skipped where a part of that is not installed:
//!
//!     apt install g++-aarch64-linux-gnu qemu-user
//!     rustup target add aarch64-unknown-linux-gnu

use std::{path::Path, process::Command};

use crate::support::{Firmware, finish, repository, slow};

const TARGET: &str = "aarch64-unknown-linux-gnu";

/// What is missing, if something is.
fn missing() -> Option<String> {
    for program in ["aarch64-linux-gnu-g++", "qemu-aarch64"] {
        if Command::new(program).arg("--version").output().is_err() {
            return Some(format!("{program} is not installed"));
        }
    }
    let output = Command::new("rustc").args(["--print", "target-libdir", "--target", TARGET]).output().ok()?;
    let folder = String::from_utf8(output.stdout).ok()?;
    (!Path::new(folder.trim()).exists()).then(|| format!("Rust's {TARGET} is not installed"))
}

#[test]
fn an_aarch64_crate_gives_keras_bits() {
    if !slow() {
        return;
    }
    if let Some(why) = missing() {
        crate::skip::skipped(&why);
        return;
    }
    let firmware = Firmware::new("cross-fw", &[("net", "whole-net-032")]);
    let golden =
        sparsehls_build::data::read_golden(&repository().join("build-support/tests/fixtures/whole-net-032.npz")).unwrap();
    // The numbers stand in the test: on the target there is no file.
    let events = 20;
    let (x, y) = (golden.x.values.len() / golden.x.events() * events, golden.y.values.len() / golden.x.events() * events);
    firmware.write(
        "tests/golden.rs",
        format!(
            "use cross_fw::net;\nconst X: [f32; {x}] = {:?};\nconst Y: [f32; {y}] = {:?};\n\n#[test]\nfn keras_bits() {{\n    \
             assert!(cfg!(target_arch = \"aarch64\"));\n    \
             for (x, y) in X.chunks_exact(net::INPUTS).zip(Y.chunks_exact(net::OUTPUTS)) {{\n        \
             assert_eq!(net::predict(x.try_into().unwrap())[..], *y);\n    }}\n}}\n",
            &golden.x.values[..x],
            &golden.y.values[..y]
        ),
    );
    let mut command = firmware.command(&["test", "--quiet", "--target", TARGET]);
    command.env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER", "aarch64-linux-gnu-gcc");
    command.env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER", "qemu-aarch64 -L /usr/aarch64-linux-gnu");
    let run = finish(command).ok();
    assert!(run.stdout.contains("1 passed"), "{run:?}");
}
