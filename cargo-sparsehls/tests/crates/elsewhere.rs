//! Packages that leave the machine they were made on: another folder, another home, no network.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use crate::support::{Run, finish, repository, shared_target, slow};

/// Always the same, as what is compiled there is found again by its path.
fn place(name: &str) -> PathBuf {
    shared_target().with_file_name(name)
}

/// A home that knows nothing but the crates of registries; made once, as several tests live in it.
fn home() -> &'static Path {
    static HOME: OnceLock<PathBuf> = OnceLock::new();
    HOME.get_or_init(make_home)
}

fn make_home() -> PathBuf {
    let home = place("another-home");
    let cargo = std::env::var_os("CARGO_HOME").map_or_else(|| std::env::home_dir().unwrap().join(".cargo"), PathBuf::from);
    fs::create_dir_all(home.join(".cargo")).unwrap();
    let registry = home.join(".cargo/registry");
    let _ = fs::remove_file(&registry);
    symlink(cargo.join("registry"), registry).unwrap();
    home
}

/// A command on the other machine.
fn elsewhere(program: impl AsRef<std::ffi::OsStr>, folder: &Path) -> Command {
    let rustup = std::env::var_os("RUSTUP_HOME").map_or_else(|| std::env::home_dir().unwrap().join(".rustup"), PathBuf::from);
    let mut command = Command::new(program);
    command.current_dir(folder).env("HOME", home()).env("CARGO_HOME", home().join(".cargo")).env("RUSTUP_HOME", rustup);
    command.env("CARGO_TARGET_DIR", shared_target()).env("CARGO_TERM_COLOR", "never").env("LC_ALL", "C");
    for variable in ["CXX", "CXXFLAGS", "RUSTFLAGS", "CARGO_NET_OFFLINE", "XILINX_HLS", "XILINX_VITIS", "XILINX_VIVADO"] {
        command.env_remove(variable);
    }
    command
}

fn cargo(folder: &Path, arguments: &[&str]) -> Run {
    let mut command = elsewhere(std::env::var_os("CARGO").unwrap_or_else(|| env!("CARGO").into()), folder);
    command.args(arguments);
    finish(command)
}

/// The tool, on this machine.
fn tool(folder: &Path, arguments: &[&str]) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cargo-sparsehls"));
    command.arg("sparsehls").args(arguments).current_dir(folder);
    finish(command).ok()
}

/// A repository with what is in this working tree; the same tree gives the same commit.
fn commit_of_this(folder: &Path) -> Option<String> {
    let _ = fs::remove_dir_all(folder);
    fs::create_dir_all(folder).unwrap();
    for entry in fs::read_dir(repository()).unwrap() {
        let entry = entry.unwrap();
        if entry.file_name() != "target" && entry.file_name() != ".git" {
            finish({
                let mut copy = Command::new("cp");
                copy.arg("-a").arg(entry.path()).arg(folder);
                copy
            })
            .ok();
        }
    }
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        command.args(["-c", "user.name=A", "-c", "user.email=a@example.org"]).args(arguments).current_dir(folder);
        for variable in ["GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"] {
            command.env(variable, "2026-01-01T00:00:00Z");
        }
        command.env("GIT_CONFIG_GLOBAL", "/dev/null").env_remove("GIT_DIR");
        command.output().ok().map(|output| String::from_utf8(output.stdout).unwrap())
    };
    git(&["init", "--quiet"])?;
    git(&["add", "."])?;
    git(&["commit", "--quiet", "-m", "all"])?;
    git(&["rev-parse", "HEAD"]).map(|commit| commit.trim().to_owned())
}

fn copy(from: &Path, to: &Path) {
    let _ = fs::remove_dir_all(to);
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    let mut command = Command::new("cp");
    command.arg("-a").arg(from).arg(to);
    finish(command).ok();
}

/// Runs the job `csim` of a recipe for GitLab as CI does, in `folder`, without the network. What would install the tool is
/// said and not done.
fn run_recipe(recipe: &str, folder: &Path) -> Run {
    let lines = recipe.lines().skip_while(|line| *line != "variables:").skip(1);
    let variables = lines.take_while(|line| line.starts_with("  "));
    let exports = variables.map(|line| line.trim().replacen(": ", "=", 1)).filter(|line| !line.starts_with("CARGO_TARGET_DIR"));
    let exports: String = exports.map(|line| format!("export {line}\n")).collect();
    let job = recipe.split("\ncsim:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let commands: Vec<_> = job.lines().filter_map(|line| line.strip_prefix("    - ")).collect();
    assert_eq!(commands.len(), 3, "{job}");
    let cargo =
        "cargo() { case \"$1\" in sparsehls) \"$TOOL\" \"$@\";; install) echo \"installs $*\";; *) \"$CARGO\" \"$@\";; esac; }\n";
    let mut command = elsewhere("bash", folder);
    command.args(["-c", &format!("set -e\n{cargo}{exports}{}\n", commands.join("\n"))]).env("CARGO_NET_OFFLINE", "true");
    command.env("CARGO", std::env::var_os("CARGO").unwrap_or_else(|| env!("CARGO").into()));
    command.env("TOOL", env!("CARGO_BIN_EXE_cargo-sparsehls"));
    finish(command).ok()
}

#[test]
fn a_package_of_a_commit_builds_in_another_home_and_in_its_ci() {
    if !slow() {
        return;
    }
    let source = place("elsewhere-source");
    let Some(commit) = commit_of_this(&source) else {
        crate::skip::skipped("git is not installed");
        return;
    };
    let url = format!("file://{}", source.display());
    let outside = tempfile::tempdir().unwrap();
    let outside = outside.path().canonicalize().unwrap();
    tool(&outside, &["new", "here/leaves-git", "--git", &url, "--rev", &commit]);
    let package = outside.join("there/another folder");
    copy(&outside.join("here/leaves-git"), &package);
    fs::remove_dir_all(outside.join("here")).unwrap();

    // `cargo fetch` of the package asks the registry too. A crate without dependencies fetches the repository alone; the
    // crates of the registry are in this home already.
    let first = outside.join("first");
    fs::create_dir_all(first.join("src")).unwrap();
    fs::write(first.join("src/lib.rs"), "").unwrap();
    let manifest = "[package]\nname = \"first\"\nedition = \"2024\"\n\n[dependencies]\n";
    let dependency = format!("sparsehls-hls-lib = {{ git = {url:?}, rev = {commit:?} }}\n");
    fs::write(first.join("Cargo.toml"), format!("{manifest}{dependency}")).unwrap();
    cargo(&first, &["fetch"]).ok();
    fs::remove_dir_all(&source).unwrap();

    let run = run_recipe(&fs::read_to_string(package.join(".gitlab-ci.yml")).unwrap(), &package);
    assert!(run.stdout.contains(&format!("installs install --locked --git {url} --rev {commit} cargo-sparsehls\n")), "{run:?}");
    assert!(package.join("junit-csim.xml").exists(), "{run:?}");
    assert!(run.stdout.contains("every_golden_event_gives_what_keras_computed ... ok"), "{run:?}");
    call_from_python(&package, &shared_target().join("sparsehls/leaves-git/example/lib"));
    cargo(&package, &["clean", "--quiet", "--offline", "-p", "leaves-git"]).ok();
}

/// Calls a library with nothing but what Python has, on three events, and compares with `predict`.
const CALL: &str = r#"
import array, ctypes, glob, struct, subprocess, sys
library, = glob.glob(sys.argv[1] + "/lib*[!h]")
lib, name = ctypes.CDLL(library), library.rsplit("/lib", 1)[1].split(".")[0]
inputs, outputs = lib[name + "_inputs"](), lib[name + "_outputs"]()
values = [(7 * i % 64) / 16 for i in range(3 * inputs)]
x, y = (ctypes.c_float * len(values))(*values), (ctypes.c_float * (3 * outputs))()
assert lib[name + "_predict"](x, y, ctypes.c_uint64(3), ctypes.c_uint32(0)) == 0
shape = lib[name + "_input_shape"]
shape.restype = ctypes.POINTER(ctypes.c_uint64)
shape = (3, *shape()[: lib[name + "_input_rank"]()])
header = repr({"descr": "<f4", "fortran_order": False, "shape": shape}).encode().ljust(117) + b"\n"
with open("x.npy", "wb") as file:
    file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + array.array("f", values).tobytes())
command = [sys.argv[2], "sparsehls", "predict", "--quiet", "--engine", "reference", "--input", "x.npy", "--output", "y.npy"]
subprocess.run(command, check=True)
found = array.array("f", open("y.npy", "rb").read()[-12 * outputs :])
assert list(found) == list(y), (list(found), list(y))
print(name, list(y))
"#;

fn call_from_python(package: &Path, library: &Path) {
    let mut command = elsewhere("python3", package);
    command.args(["-c", CALL]).arg(library).arg(env!("CARGO_BIN_EXE_cargo-sparsehls"));
    if Command::new("python3").arg("--version").output().is_err() {
        return crate::skip::skipped("python3 is not installed");
    }
    let run = finish(command).ok();
    assert!(run.stdout.starts_with("example ["), "{run:?}");
}

#[test]
fn a_package_in_the_repository_of_the_clone_builds_in_a_copy_of_it() {
    if !slow() {
        return;
    }
    let outside = tempfile::tempdir().unwrap();
    let here = outside.path().canonicalize().unwrap().join("here");
    if commit_of_this(&here).is_none() {
        crate::skip::skipped("git is not installed");
        return;
    }
    let run = tool(&here, &["new", "fw/leaves-together", "--path", "."]);
    assert!(!run.stderr.contains("absolute"), "{run:?}");
    let there = place("elsewhere-copy");
    copy(&here, &there);
    fs::remove_dir_all(&here).unwrap();
    // The root of the workspace is where the service looks.
    let run = run_recipe(&fs::read_to_string(there.join(".gitlab-ci.yml")).unwrap(), &there);
    assert!(run.stdout.contains("installs install --locked --path cargo-sparsehls\n"), "{run:?}");
    assert!(there.join("cargo-sparsehls/Cargo.toml").exists() && there.join("junit-csim.xml").exists());
    assert!(run.stdout.contains("every_golden_event_gives_what_keras_computed ... ok"), "{run:?}");
    cargo(&there, &["clean", "--quiet", "--offline", "-p", "leaves-together"]).ok();
    fs::remove_dir_all(&there).unwrap();
}

/// Plain layers of Keras need formats: what the notes and the lines in Cargo.toml say leads to a package that is tested.
#[test]
fn keys_that_are_left_open_are_filled_in_and_the_package_passes_its_tests() {
    if !slow() {
        return;
    }
    let outside = tempfile::tempdir().unwrap();
    let outside = outside.path().canonicalize().unwrap();
    let plain = repository().join("build-support/tests/fixtures/plain.keras");
    let plain = |extension: &str| plain.with_extension(extension).display().to_string();
    tool(&outside, &["new", "left-open", "--source", &plain("keras"), "--golden", &plain("npz")]);
    let package = outside.join("left-open");
    let cargo = |arguments: &[&str]| {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| env!("CARGO").into()));
        command.args(arguments).current_dir(&package).env("CARGO_TARGET_DIR", shared_target()).env("CARGO_NET_OFFLINE", "true");
        finish(command)
    };
    let run = cargo(&["test"]);
    assert!(!run.success && run.stderr.contains("code: missing-key"), "{run:?}");
    let manifest = fs::read_to_string(package.join("Cargo.toml")).unwrap();
    let filled = manifest
        .replace("# weights-precision = \"fixed<W,I>\"", "weights-precision = \"fixed<8,5>\"")
        .replace("# input = \"ufixed<W,I>\"", "input = \"ufixed<3,1>\"");
    fs::write(package.join("Cargo.toml"), filled).unwrap();
    let run = cargo(&["test"]).ok();
    assert!(run.stdout.contains("every_golden_event_gives_what_keras_computed ... ok"), "{run:?}");

    // The same without a golden file, with the keys as flags.
    fs::remove_dir_all(&package).unwrap();
    let formats = ["--weights-precision", "fixed<8,5>", "--input", "ufixed<3,1>"];
    tool(&outside, &[&["new", "left-open", "--source", &plain("keras")][..], &formats].concat());
    let run = cargo(&["test"]).ok();
    assert!(run.stdout.contains("the_firmware_gives_the_same_outputs_for_the_same_event ... ok"), "{run:?}");
    cargo(&["clean", "--quiet", "-p", "left-open"]).ok();
}
