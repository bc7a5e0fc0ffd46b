//! The corpus of the fuzzers in `fuzz/`, replayed: what they once learned to reach, and every input that once did harm. No
//! panic, no internal error, 2 s of CPU time and 512 MB for each; a target's inputs run in a process of their own, so that the
//! limits are the kernel's.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![cfg(unix)]

// The fuzzers use more of it.
#[allow(dead_code)]
#[path = "../../fuzz/src/targets.rs"]
mod targets;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use rustix::{
    process::{Resource, Rlimit, getrlimit, setrlimit},
    time::{ClockId, clock_gettime},
};
use sparsehls_build::parallel;

/// Bytes that a process may have.
const MEMORY: u64 = 512 << 20;
/// Bytes of the stack of a thread; there is one for each core.
const STACK: u64 = 3 << 20;
/// CPU time that an input may take.
const TIME: Duration = Duration::from_secs(2);
/// The variable that names the target to a process that replays.
const TARGET: &str = "SPARSEHLS_REPLAY";

/// The inputs of a target, in the order of their names.
fn inputs(target: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target);
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn cpu() -> Duration {
    clock_gettime(ClockId::ProcessCPUTime).try_into().unwrap()
}

/// What the processes run that [`the_corpus_does_no_harm`] starts; nothing in a test run.
#[test]
fn replay() {
    let Some(name) = std::env::var_os(TARGET) else { return };
    let (name, target) = targets::ALL.into_iter().find(|(target, _)| name == *target).unwrap();
    // The models that inputs refer to are read once, and are no input's fault.
    target(&[0]);
    let current = MEMORY + STACK * parallel::workers() as u64;
    setrlimit(Resource::Data, Rlimit { current: Some(current), ..getrlimit(Resource::Data) }).unwrap();
    for path in inputs(name) {
        println!("input {}", path.display());
        let bytes = fs::read(&path).unwrap();
        let start = cpu();
        target(&bytes);
        let took = cpu() - start;
        assert!(took <= TIME, "it takes {took:?}");
    }
}

#[test]
fn the_corpus_does_no_harm() {
    let mut size = 0;
    for (target, _) in targets::ALL {
        let inputs = inputs(target);
        assert!(!inputs.is_empty(), "{target}");
        size += inputs.iter().map(|path| path.metadata().unwrap().len()).sum::<u64>();
        let mut command = Command::new(std::env::current_exe().unwrap());
        let output = command.args(["--exact", "replay", "--nocapture"]).env(TARGET, target).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let last = text.lines().rfind(|line| line.starts_with("input ")).unwrap_or("no input");
        assert!(output.status.success(), "{target}: {last}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
        assert_eq!(text.matches("input ").count(), inputs.len(), "{target}: each was run");
    }
    assert!(size < 1 << 20, "the corpus has {size} bytes; it is to stay below 1 MB (fuzz/README.md)");
}
