//! When a firmware crate is built again, and what survives accidents.

use std::{
    fs,
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::Path,
    process::{Command, Stdio},
    time::{Instant, SystemTime},
};

use crate::support::{Firmware, Run, SOURCES, contents, finish, repository, slow};

/// A compiler that writes a line for each compile of a simulation.
fn counting_compiler(firmware: &Firmware) -> (String, impl Fn() -> usize + use<>) {
    let (program, log) = (firmware.outside().join("count c++"), firmware.outside().join("log"));
    fs::write(&log, "").unwrap();
    let script = format!("#!/bin/sh\ncase \"$*\" in *_bridge.cpp*) echo >> '{}';; esac\nexec c++ \"$@\"\n", log.display());
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    (program.to_str().unwrap().to_owned(), move || fs::read_to_string(&log).unwrap().lines().count())
}

/// Gives a file a new time of change.
fn touch(path: &Path) {
    let file = fs::File::options().append(true).open(path).unwrap();
    file.set_modified(SystemTime::now()).unwrap();
}

#[test]
fn a_rebuild_happens_exactly_when_something_changes() {
    if !slow() {
        return;
    }
    let firmware = Firmware::new("rebuilds", &[("net", "dense-only")]);
    let (compiler, compiles) = counting_compiler(&firmware);
    let build = |variables: &[(&str, &str)]| -> Run {
        let mut command = firmware.command(&["build", "-v"]);
        command.env("CXX", &compiler).envs(variables.iter().copied());
        finish(command).ok()
    };
    let mut compiled = 0;
    let mut expect = |what: &str, run: Run, script: bool, compile: bool| {
        compiled += usize::from(compile);
        assert_eq!((run.ran_script(), compiles()), (script, compiled), "{what}: {}", run.stderr);
    };
    expect("the first build", build(&[]), true, true);
    expect("nothing", build(&[]), false, false);
    let plain = [("RUST_BACKTRACE", "1"), ("HOME_OF_NOTHING", "x"), ("TERM", "other")];
    expect("variables that do not matter", build(&plain), false, false);
    firmware.write("README.md", "new");
    firmware.write("models/other.keras", "not ours");
    expect("files that do not matter", build(&[]), false, false);
    let source = fs::read_to_string(firmware.folder.join("src/lib.rs")).unwrap();
    firmware.write("src/lib.rs", format!("{source}\n"));
    expect("the crate's own source", build(&[]), false, false);

    for (file, compile) in [("models/net.keras", false), ("models/net.npz", false), ("Cargo.toml", false)] {
        touch(&firmware.folder.join(file));
        expect(file, build(&[]), true, compile);
        expect("nothing", build(&[]), false, false);
    }
    let manifest = fs::read_to_string(firmware.folder.join("Cargo.toml")).unwrap();
    firmware.write("Cargo.toml", manifest.replace("golden", "output = \"model\"\ngolden"));
    touch(&firmware.folder.join("Cargo.toml"));
    expect("a key that changes nothing in the C++", build(&[]), true, false);
    firmware.add("net", "dense-oq");
    touch(&firmware.folder.join("models/net.keras"));
    expect("another model", build(&[]), true, true);
    expect("flags of the compiler", build(&[("CXXFLAGS", "-O1")]), true, true);
    expect("the same flags", build(&[("CXXFLAGS", "-O1")]), false, false);
    expect("docs.rs", build(&[("CXXFLAGS", "-O1"), ("DOCS_RS", "1")]), true, false);
    expect("and back", build(&[("CXXFLAGS", "-O1")]), true, false);
    let source = repository().join("build-support/src/build_script.rs");
    let time = source.metadata().unwrap().modified().unwrap();
    let alone = SOURCES.write();
    touch(&source);
    let run = build(&[("CXXFLAGS", "-O1")]);
    fs::File::options().append(true).open(source).unwrap().set_modified(time).unwrap();
    drop(alone);
    expect("the tool itself", run, true, false);
    expect("nothing", build(&[("CXXFLAGS", "-O1")]), false, false);
    let old = |path: &Path| path.extension().is_some_and(|extension| extension == "a");
    let out = contents(&firmware.out_dir());
    assert_eq!(out.keys().filter(|path| old(path)).count(), 1, "older libraries are gone: {:?}", out.keys());

    // A library that is not as it was made is no library.
    let library = firmware.out_dir().join(out.keys().find(|path| old(path)).unwrap());
    let mut damaged = fs::read(&library).unwrap();
    let at = damaged.len() / 2;
    damaged[at] ^= 4;
    fs::write(&library, damaged).unwrap();
    touch(&firmware.folder.join("models/net.keras"));
    expect("a damaged library", build(&[("CXXFLAGS", "-O1")]), true, true);
    assert!(contents(&firmware.out_dir()) == out);
}

/// The compiler of the library is held to `csim-timeout` as well.
#[test]
fn a_compiler_that_hangs_does_not_hang_cargo() {
    if !slow() {
        return;
    }
    let firmware = Firmware::new("hangs", &[("net", "dense-only")]);
    let manifest = fs::read_to_string(firmware.folder.join("Cargo.toml")).unwrap();
    firmware.write("Cargo.toml", manifest.replace("golden", "csim-timeout = 0.02\ngolden"));
    let program = firmware.outside().join("hanging-c++");
    fs::write(&program, "#!/bin/sh\ncase \"$*\" in *_bridge.cpp*) exec sleep 1000;; esac\nexec c++ \"$@\"\n").unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = firmware.command(&["build"]);
    command.env("CXX", &program);
    let run = finish(command);
    assert!(!run.success && run.stderr.contains("longer than the 0.02 minutes of `csim-timeout`"), "{run:?}");
}

#[test]
fn two_cargos_at_once_build_the_same() {
    if !slow() {
        return;
    }
    let _same = SOURCES.read();
    let firmware = Firmware::new("at-once", &[("net", "dense-only")]);
    let runs: Vec<_> = std::thread::scope(|scope| {
        let run = |arguments: &'static [&'static str]| {
            let firmware = &firmware;
            scope.spawn(move || firmware.cargo(arguments))
        };
        let handles = [run(&["build"]), run(&["build"]), run(&["check"])];
        handles.into_iter().map(|handle| handle.join().unwrap()).collect()
    });
    assert!(runs.iter().all(|run: &Run| run.success), "{runs:?}");
    assert!(!firmware.cargo(&["build", "-v"]).ok().ran_script());
}

/// Paths with a space, quotes and letters of other scripts; a source tree that is not written to.
#[test]
fn the_source_tree_is_only_read_and_its_path_may_hold_anything() {
    if !slow() {
        return;
    }
    let _same = SOURCES.read();
    let mut firmware = Firmware::new("odd-paths", &[("net", "dense-only")]);
    let odd = firmware.outside().join("a b/детектор 'x' \"y\" é$HOME;#%");
    fs::create_dir_all(odd.parent().unwrap()).unwrap();
    fs::rename(&firmware.folder, &odd).unwrap();
    firmware.folder = odd;
    firmware.target = firmware.outside().join("tar get/д");
    firmware.cargo(&["generate-lockfile"]).ok();
    let before = contents(&firmware.folder);
    let readable = |mode: u32| {
        for path in ["", "src", "models", "Cargo.toml", "models/net.keras"] {
            fs::set_permissions(firmware.folder.join(path), fs::Permissions::from_mode(mode)).unwrap();
        }
    };
    readable(0o555);
    let run = firmware.cargo(&["build", "--locked"]);
    readable(0o755);
    run.ok();
    assert_eq!(contents(&firmware.folder), before);
    assert!(!firmware.cargo(&["build", "--locked", "-v"]).ok().ran_script(), "cargo watches the files of these names");
}

#[test]
fn a_build_that_is_killed_leaves_nothing_that_is_trusted() {
    if !slow() {
        return;
    }
    let firmware = Firmware::new("killed", &[("net", "whole-net-032"), ("other", "dense-only")]);
    firmware.cargo(&["build"]).ok();
    // How long it takes without what it depends on.
    fs::remove_dir_all(firmware.out_dir()).unwrap();
    touch(&firmware.folder.join("models/net.keras"));
    let start = Instant::now();
    firmware.cargo(&["build"]).ok();
    let whole = start.elapsed();
    let clean = contents(&firmware.out_dir());
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut killed = 0;
    for round in 0..10 {
        // From nothing, or with what the killed build before left.
        if round % 2 == 0 {
            let _ = fs::remove_dir_all(firmware.out_dir());
        }
        touch(&firmware.folder.join("models/net.keras"));
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let wait = whole.mul_f64((random >> 40) as f64 / f64::from(1 << 24));
        let mut command = firmware.command(&["build"]);
        let mut child = command.process_group(0).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(wait);
        killed += usize::from(child.try_wait().unwrap().is_none());
        let _ = Command::new("kill").args(["-9", "--", &format!("-{}", child.id())]).stderr(Stdio::null()).status();
        child.wait().unwrap();
        if round % 2 == 1 {
            firmware.cargo(&["build"]).ok();
            let found = contents(&firmware.out_dir());
            assert_eq!(found.keys().collect::<Vec<_>>(), clean.keys().collect::<Vec<_>>(), "round {round}");
            // An archive has the time of its members where `ar` is so configured; what runs is compared.
            let differ =
                found.iter().filter(|(path, bytes)| clean[*path] != **bytes && path.extension().is_none_or(|e| e != "a"));
            assert_eq!(differ.map(|(path, _)| path).collect::<Vec<_>>(), Vec::<&std::path::PathBuf>::new(), "round {round}");
        }
    }
    eprintln!("{killed} of 10 builds were killed before their end");
}
