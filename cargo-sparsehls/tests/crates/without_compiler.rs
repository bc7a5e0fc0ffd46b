//! Machines without a C++ compiler: `cargo check`, rust-analyzer and docs.rs work there, and calls say what is missing.

use std::{fs, os::unix::fs::symlink, path::PathBuf};

use crate::support::{Firmware, INCLUDE, SOURCES, finish, slow};

fn installed(program: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap();
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|path| path.exists()).unwrap()
}

#[test]
fn a_missing_compiler_is_said_at_run_time_and_an_installed_one_is_noticed() {
    if !slow() {
        return;
    }
    let _same = SOURCES.read();
    let firmware = Firmware::new("no-compiler", &[("net", "dense-only")]);
    firmware.write(
        "src/main.rs",
        format!("{INCLUDE}fn main() -> Result<(), net::NotSimulated> {{ net::simulated()?; net::predict(&[0.0; net::INPUTS]); Ok(()) }}\n"),
    );
    firmware.write("src/bin/careless.rs", format!("{INCLUDE}fn main() {{ net::predict(&[0.0; net::INPUTS]); }}\n"));
    // Programs that a build needs, and no C++ compiler.
    let programs = firmware.outside().join("bin");
    fs::create_dir(&programs).unwrap();
    for program in ["cc", "ld", "as", "ar"] {
        symlink(installed(program), programs.join(program)).unwrap();
    }
    let cargo = |arguments: &[&str]| {
        let mut command = firmware.command(arguments);
        // Cargo and rustc themselves are called by their paths.
        let cargo = PathBuf::from(std::env::var_os("CARGO").unwrap());
        let folders = [programs.clone(), cargo.parent().unwrap().to_owned()];
        command.env("PATH", std::env::join_paths(folders).unwrap());
        finish(command)
    };
    let check = cargo(&["check"]).ok();
    assert!(check.stderr.contains("warning: no-compiler@0.0.0: there is no C++ compiler"), "{check:?}");
    assert!(!cargo(&["check", "-v"]).ok().ran_script(), "nothing has changed");
    let run = cargo(&["run", "--quiet", "--bin", "no-compiler"]);
    assert!(
        !run.success && run.stderr.contains("Error: the simulated firmware was left out of this build: there is no C++"),
        "{run:?}"
    );
    let run = cargo(&["run", "--quiet", "--bin", "careless"]);
    assert!(!run.success && run.stderr.contains("the simulated firmware was left out of this build: there is no C++"), "{run:?}");

    std::thread::sleep(std::time::Duration::from_millis(1100)); // cargo compares times
    symlink(installed("c++"), programs.join("c++")).unwrap();
    cargo(&["run", "--quiet", "--bin", "no-compiler"]).ok();

    // Who needs it says so.
    firmware.write(
        "build.rs",
        "fn main() -> sparsehls_build::Result { sparsehls_build::Build::from_manifest()?.csim(true).compile() }\n",
    );
    fs::remove_file(programs.join("c++")).unwrap();
    let run = cargo(&["check"]);
    assert!(!run.success && run.stderr.contains("code: no-compiler"), "{run:?}");
}

#[test]
fn documentation_needs_no_compiler() {
    if !slow() {
        return;
    }
    let mut firmware = Firmware::new("docs-rs", &[("net", "dense-only")]);
    // Others write their documentation into the shared one.
    firmware.target = firmware.outside().join("target");
    let mut command = firmware.command(&["doc", "--no-deps"]);
    command.env("DOCS_RS", "1").env("CXX", "/nonexistent/c++").env("RUSTDOCFLAGS", "-D warnings");
    let run = finish(command).ok();
    assert!(!run.stderr.contains("warning"), "{run:?}");
    let page = fs::read_to_string(firmware.target.join("doc/docs_rs/net/index.html")).unwrap();
    assert!(page.contains("predict_raw_batch") && page.contains("dense"));
}
