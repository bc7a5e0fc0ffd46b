//! The generated C++ compiles without a warning with every compiler of this machine, as C++11 and as C++14.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use sparsehls_build::{
    check, data,
    manifest::{HlsTool, Interface, Language},
};

const COMPILERS: [&str; 2] = ["g++", "clang++"];
const STANDARDS: [&str; 2] = ["-std=c++11", "-std=c++14"];
const FLAGS: [&str; 8] =
    ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-Wno-unknown-pragmas", "-Icsim/ap_types", "-I.", "-fsyntax-only"];
/// Between them every kernel, softmax tables, a position-dependent quantizer, names of all kinds.
const FIXTURES: [&str; 6] =
    ["whole-net-032", "conv-position-iq", "avg-pool-3-partial", "max-pool-negative", "qsoftmax-heterogeneous", "hostile-names"];

/// The projects, written out, and their names.
fn projects(directory: &Path) -> Vec<(String, PathBuf)> {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../example-firmware/models");
    let of = |source: PathBuf, arrays: &str| (source.clone(), source.with_extension(arrays));
    let fixtures =
        common::fixtures().into_iter().filter(|path| FIXTURES.contains(&&*path.file_stem().unwrap().to_string_lossy()));
    let mut sources: Vec<_> = fixtures.map(|path| of(path, "npz")).collect();
    assert_eq!(sources.len(), FIXTURES.len());
    sources.extend(["digits.keras", "tracks.keras"].map(|name| of(examples.join(name), "golden.npz")));
    let mut written = Vec::new();
    let mut seen = HashSet::new();
    for (source, arrays) in sources {
        let x = data::read_golden(&arrays).unwrap().x;
        let (mut model, network) = common::load(&source, &x).unwrap();
        for tool in [HlsTool::Vitis, HlsTool::Vivado] {
            model.target.language = Language::Hls(tool);
            // The ports of each kind, too.
            model.interface = Interface::ALL.get(written.len() % Interface::ALL.len()).copied();
            if common::project("warnings", &model, &network, &check::made_up(&network, 1)).is_err() {
                model.interface = None;
            }
            let project = common::project("warnings", &model, &network, &check::made_up(&network, 3)).unwrap();
            // Where the backends' C++ is the same it is compiled once.
            let is_cpp = |(path, _): &(&String, &String)| path.ends_with(".cpp") || path.ends_with(".h");
            if !seen.insert(project.files.iter().filter(is_cpp).map(|(p, t)| format!("{p}\n{t}")).collect::<String>()) {
                continue;
            }
            let name = format!("{}-{}", source.file_stem().unwrap().display(), tool.name());
            let folder = directory.join(&name);
            project.write(&folder).unwrap();
            written.push((name, folder));
        }
    }
    written
}

/// What a compiler says about a project, if it says anything.
fn compile(compiler: &str, standard: &str, folder: &Path) -> Option<String> {
    let mut sources = vec!["fixture_bridge.cpp".to_owned(), "fixture_test.cpp".to_owned(), "csim/main.cpp".to_owned()];
    for entry in std::fs::read_dir(folder.join("firmware")).unwrap() {
        let name = entry.unwrap().file_name().to_string_lossy().into_owned();
        if name.ends_with(".cpp") {
            sources.push(format!("firmware/{name}"));
        }
    }
    let output = Command::new(compiler).arg(standard).args(FLAGS).args(sources).current_dir(folder).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let first: Vec<_> = String::from_utf8_lossy(&said).lines().take(20).map(str::to_owned).collect();
    (!output.status.success() || !said.is_empty()).then(|| format!("{}\n{}", output.status, first.join("\n")))
}

#[test]
fn generated_code_compiles_without_a_warning() {
    let is_there = |compiler: &&str| {
        let there = Command::new(compiler).arg("--version").output().is_ok_and(|output| output.status.success());
        if !there {
            common::skip::skipped(&format!("{compiler} is not installed"));
        }
        there
    };
    let compilers: Vec<_> = COMPILERS.into_iter().filter(is_there).collect();
    assert!(!compilers.is_empty(), "none of {COMPILERS:?} is installed");
    let directory = tempfile::tempdir().unwrap();
    let mut jobs = Vec::new();
    let each: Vec<_> = compilers.iter().flat_map(|compiler| STANDARDS.map(|standard| (*compiler, standard))).collect();
    if !common::is_all() {
        common::skip::skipped("all but one compiler and standard for each project; SPARSEHLS_ALL=1 takes all");
    }
    for (at, project) in projects(directory.path()).into_iter().enumerate() {
        let own = if common::is_all() { &each[..] } else { std::slice::from_ref(&each[at % each.len()]) };
        jobs.extend(own.iter().map(|(compiler, standard)| (project.clone(), *compiler, *standard)));
    }
    let (next, failures) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(((name, folder), compiler, standard)) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Some(said) = compile(compiler, standard, folder) {
                        failures.lock().unwrap().push(format!("{compiler} {standard} on {name}: {said}"));
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{} of {} compiles:\n{}", failures.len(), jobs.len(), failures.join("\n\n"));
}
