//! `new` and `init`: what they write, and what they leave alone.

use std::{fs, path::Path, process::Command};

use crate::firmware::{Catalogue, Firmware, edit_config, fixture_path, fixtures, reasons};

/// Every file below `folder`, with `/`, but those of a repository.
fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut left = vec![folder.to_owned()];
    while let Some(next) = left.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.ends_with(".git") {
                continue;
            }
            if path.is_dir() {
                left.push(path);
            } else {
                found.push(path.strip_prefix(folder).unwrap().to_string_lossy().into_owned());
            }
        }
    }
    found.sort();
    found
}

const NEW: [&str; 11] = [
    ".github/workflows/firmware.yml",
    ".gitignore",
    ".gitlab-ci.yml",
    "Cargo.toml",
    "README.md",
    "build.rs",
    "models/example.golden.npz",
    "models/example.keras",
    "src/lib.rs",
    "src/main.rs",
    "tests/golden.rs",
];

#[test]
fn the_example_of_new_is_one_of_the_golden_fixtures() {
    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets");
    for (asset, fixture) in [("example.keras", "whole-net-032.keras"), ("example.golden.npz", "whole-net-032.npz")] {
        assert_eq!(fs::read(assets.join(asset)).unwrap(), fs::read(fixtures().join(fixture)).unwrap(), "{asset}");
    }
}

#[test]
fn new_makes_a_package_that_can_be_checked_and_verified() {
    let outside = Firmware::bare();
    let (run, lines) = outside.json(&["new", "a folder/my-fw"]);
    assert_eq!((run.code, reasons(&lines)), (0, vec!["created", "finished"]), "{run:?}");
    assert_eq!((&lines[0]["package"], &lines[0]["path"]), (&"my-fw".into(), &"[DIR]/a folder/my-fw".into()));
    assert_eq!(files(&outside.path("a folder")), NEW.map(|file| format!("my-fw/{file}")));
    let package = outside.path("a folder/my-fw");
    let manifest = package.join("Cargo.toml");
    let manifest = manifest.to_str().unwrap();
    assert_eq!(outside.run(&["verify", "--engine", "reference", "--manifest-path", manifest]).code, 0);

    // Not a second time, and nothing is touched.
    let mut catalogue = Catalogue::default();
    catalogue.failure("a folder that is there", &outside, &["new", "a folder/my-fw"]);
    catalogue.failure("a name that no package can have", &outside, &["new", "2nd one"]);
    catalogue.failure("a keyword", &outside, &["new", "fw", "--name", "match"]);
    catalogue.failure("a source that is not there", &outside, &["new", "fw", "--source", "none.keras"]);
    catalogue.failure("a source that is no model", &outside, &["new", "fw", "--source", "a folder/my-fw/Cargo.toml"]);
    catalogue.failure("a file as the name of the model", &outside, &["new", "fw", "--model", "x.keras"]);
    catalogue.failure("a name that no model can have", &outside, &["new", "fw", "--model", "class"]);
    catalogue.failure("two names", &outside, &["new", "fw", "--model", "a", "--model", "b"]);
    catalogue.failure("a clone that is none", &outside, &["new", "fw", "--path", "a folder"]);
    catalogue.failure(
        "an input format that is none",
        &outside,
        &["new", "fw", "--source", "a folder/my-fw/models/example.keras", "--input", "float"],
    );
    catalogue.failure(
        "a golden file of another model",
        &outside,
        &["new", "fw", "--source", "a folder/my-fw/models/example.keras", "--golden", "a folder/my-fw/models/example.keras"],
    );
    insta::assert_snapshot!(catalogue.0);
    assert_eq!(files(&outside.root()).len(), NEW.len(), "nothing half-made is left");
}

#[test]
fn new_takes_the_users_model() {
    let outside = Firmware::bare();
    for extension in ["keras", "npz"] {
        fs::copy(fixture_path("dense-only").with_extension(extension), outside.path(&format!("2nd Net.{extension}"))).unwrap();
    }
    let run = outside.run(&["new", "fw", "--source", "2nd Net.keras", "--input", "fixed<7,4>"]);
    assert_eq!(run.code, 0, "{run:?}");
    let manifest = fs::read_to_string(outside.path("fw/Cargo.toml")).unwrap();
    let model =
        "[package.metadata.sparsehls.models.layer_2nd_net]\nsource = \"models/layer_2nd_net.keras\"\ninput = \"fixed<7,4>\"\n";
    assert!(manifest.contains(model), "{manifest}");
    let run = outside.run(&["new", "gw", "--source", "2nd Net.keras", "--golden", "2nd Net.npz", "--model", "net"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(outside.path("gw/models/net.golden.npz").exists());
    let manifest = outside.path("gw/Cargo.toml");
    assert_eq!(outside.run(&["check", "--manifest-path", manifest.to_str().unwrap()]).code, 0);
}

#[test]
fn new_in_a_workspace_becomes_a_member() {
    let outside = Firmware::bare();
    let root = "# Ours.\n[workspace]\nresolver = \"3\"\nmembers = [\n    \"tools/*\", # all\n]\n# The end.\n";
    fs::write(outside.path("Cargo.toml"), root).unwrap();
    fs::create_dir(outside.path("tools")).unwrap();
    let run = outside.run(&["new", "fw"]);
    assert!(run.code == 0 && run.stderr.contains("added the package to the workspace of"), "{run:?}");
    let run = outside.run(&["new", "tools/other"]);
    assert!(run.code == 0 && !run.stderr.contains("added"), "{run:?}");
    insta::assert_snapshot!(fs::read_to_string(outside.path("Cargo.toml")).unwrap());
    fs::create_dir(outside.path("third")).unwrap();
    let run = outside.run(&["init", "third"]);
    assert!(run.code == 0 && run.stderr.contains("added the package to the workspace of"), "{run:?}");
    let (_, lines) = outside.json(&["check", "-p", "fw", "-p", "other", "-p", "third"]);
    assert!(lines.len() > 2, "cargo reads the workspace");
}

#[test]
fn init_does_not_take_another_model_for_the_one_it_checked() {
    let outside = Firmware::bare();
    fs::create_dir_all(outside.path("fw/models")).unwrap();
    fs::write(outside.path("fw/models/example.keras"), "another one").unwrap();
    let run = outside.run(&["init", "fw"]);
    assert!(run.code != 0 && run.stderr.contains("another file is here"), "{run:?}");
    assert!(!outside.path("fw/Cargo.toml").exists(), "nothing is written");
}

const MANIFEST: &str = r#"# A package of ours.
[package]
version = "1.2.3"    # before the name
name = "trigger-fw"
edition = "2024"

[workspace]

[lints.rust]
unsafe_code = "deny"

[build-dependencies] # all of them
"#;

#[test]
fn init_edits_a_manifest_without_disturbing_it() {
    let firmware = Firmware::bare();
    fs::write(firmware.path("Cargo.toml"), MANIFEST).unwrap();
    fs::create_dir(firmware.path("src")).unwrap();
    fs::write(firmware.path("src/lib.rs"), "//! Ours.").unwrap();
    fs::write(firmware.path("README.md"), "ours").unwrap();
    fs::write(firmware.path("build.rs"), "fn main() {}\n").unwrap();
    let run = firmware.run(&["init", "--path", env!("CARGO_MANIFEST_DIR").trim_end_matches("/cargo-sparsehls")]);
    assert!(run.code == 0 && run.stderr.contains("in your build.rs"), "{run:?}");
    let manifest = fs::read_to_string(firmware.path("Cargo.toml")).unwrap();
    let mut lines = manifest.lines();
    assert!(MANIFEST.lines().all(|line| lines.any(|kept| kept == line)), "a line is gone or moved:\n{manifest}");
    let clone = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    insta::assert_snapshot!(manifest.replace(clone.to_str().unwrap(), "[CLONE]"));
    assert_eq!(fs::read_to_string(firmware.path("README.md")).unwrap(), "ours");
    assert_eq!(fs::read_to_string(firmware.path("build.rs")).unwrap(), "fn main() {}\n");
    let root = fs::read_to_string(firmware.path("src/lib.rs")).unwrap();
    assert_eq!(root, "//! Ours.\n\ninclude!(concat!(env!(\"OUT_DIR\"), \"/sparsehls.rs\"));\n");
    assert!(!firmware.path("src/main.rs").exists(), "a library stays one");
    assert_eq!(firmware.run(&["verify", "--engine", "reference"]).code, 0);

    // Once more is an error that changes nothing; another model is added beside the first.
    let before = files(&firmware.root());
    let run = firmware.run(&["init"]);
    assert!(run.code == 1 && run.stderr.contains("already-exists"), "{run:?}");
    assert_eq!((files(&firmware.root()), fs::read_to_string(firmware.path("Cargo.toml")).unwrap()), (before, manifest));
    assert_eq!(firmware.run(&["init", "--model", "second"]).code, 0);
    let (_, lines) = firmware.json(&["check"]);
    assert!(lines.iter().any(|line| line["model"] == "example") && lines.iter().any(|line| line["model"] == "second"));
    assert_eq!(fs::read_to_string(firmware.path("src/lib.rs")).unwrap(), root, "one include is enough");
}

#[test]
fn init_without_a_package_makes_one_around_what_is_there() {
    let firmware = Firmware::bare();
    fs::write(firmware.path(".gitignore"), "mine\n").unwrap();
    let run = firmware.run(&["init", "--name", "fw"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(files(&firmware.root()), NEW);
    assert_eq!(fs::read_to_string(firmware.path(".gitignore")).unwrap(), "mine\n");
}

#[test]
fn init_of_what_is_no_package_changes_nothing() {
    let mut catalogue = Catalogue::default();
    for (title, manifest) in [
        ("no TOML", "[package\n"),
        ("no package", "[workspace]\nmembers = []\n"),
        ("no table", "package = { name = \"fw\", version = \"0.0.0\" }\nbuild-dependencies = 3\n"),
    ] {
        let firmware = Firmware::bare();
        fs::write(firmware.path("Cargo.toml"), manifest).unwrap();
        catalogue.failure(title, &firmware, &["init"]);
        assert_eq!(files(&firmware.root()), ["Cargo.toml"], "{title}");
        assert_eq!(fs::read_to_string(firmware.path("Cargo.toml")).unwrap(), manifest, "{title}");
    }
    insta::assert_snapshot!(catalogue.0);
}

fn read(firmware: &Firmware, file: &str) -> String {
    fs::read_to_string(firmware.path(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

const RECIPES: [&str; 2] = [".github/workflows/firmware.yml", ".gitlab-ci.yml"];

#[test]
fn a_repository_is_what_cargo_the_readme_and_ci_take() {
    let outside = Firmware::bare();
    let (url, rev) = ("https://example.org/our/sparsehls.git", "0123abcd");
    let run = outside.run(&["new", "fw", "--git", url, "--rev", rev]);
    assert!(run.code == 0 && !run.stderr.contains("machine"), "{run:?}");
    let manifest = read(&outside, "fw/Cargo.toml");
    let line = format!("sparsehls-build = {{ git = \"{url}\", rev = \"{rev}\" }}\n");
    assert_eq!(manifest.matches(&line).count(), 2, "{manifest}");
    let readme = read(&outside, "fw/README.md");
    assert!(readme.contains(&format!("    cargo install --locked --git {url} --rev {rev} cargo-sparsehls\n")), "{readme}");
    assert!(!readme.contains("On another machine"), "{readme}");
    for recipe in RECIPES {
        let text = read(&outside, &format!("fw/{recipe}"));
        assert!(text.contains(&format!("  SPARSEHLS_SOURCE: \"{url}\"\n  SPARSEHLS_REV: \"{rev}\"\n")), "{text}");
        let install = "cargo install --locked --git \"$SPARSEHLS_SOURCE\" --rev \"$SPARSEHLS_REV\" cargo-sparsehls";
        assert_eq!(text.matches("cargo install").count(), text.matches(install).count(), "{text}");
        assert!(text.contains("cargo test\n") && text.starts_with("# Firmware in"), "{text}");
    }

    // The newest commit is another one tomorrow.
    let run = outside.run(&["new", "newest", "--git", url]);
    assert!(run.code == 0 && run.stderr.contains("give --rev REV"), "{run:?}");
    // And a folder is on no other machine.
    let run = outside.run(&["new", "local", "--git", "file:///srv/sparsehls", "--rev", rev]);
    assert!(run.code == 0 && run.stderr.contains("file:///srv/sparsehls is a folder of this machine"), "{run:?}");

    for wrong in [
        &["--git", ""][..],
        &["--git", "git@example.org:a/b"],
        &["--git", "https://example.org/\"\n[patch]"],
        &["--git", url, "--rev=--config"],
        &["--git", url, "--path", "."],
        &["--rev", "0123"],
        &["--weights-precision", "fixed<8,2>"],
    ] {
        assert_eq!(outside.run(&[&["new", "no"], wrong].concat()).code, 2, "{wrong:?}");
    }
    let run = outside.run(&["new", "no", "--git", "git@example.org:a/b"]);
    assert!(run.stderr.contains("cargo takes https://HOST/PATH, ssh://USER@HOST/PATH or file:///PATH"), "{run:?}");
    assert!(!outside.path("no").exists());
}

/// Folders that look like a clone.
fn clone(firmware: &Firmware, folder: &str) {
    for (name, package) in [("build-support", "sparsehls-build"), ("cargo-sparsehls", "cargo-sparsehls")] {
        let folder = firmware.path(&format!("{folder}/{name}"));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("Cargo.toml"), format!("[package]\nname = \"{package}\"\n")).unwrap();
    }
}

#[test]
fn a_clone_in_the_same_repository_has_a_relative_path() {
    let outside = Firmware::bare();
    clone(&outside, "repo/the tool");
    fs::create_dir(outside.path("repo/.git")).unwrap();
    let run = outside.run(&["new", "repo/sub/fw", "--path", "repo/the tool"]);
    assert!(run.code == 0 && !run.stderr.contains("path"), "{run:?}");
    let manifest = read(&outside, "repo/sub/fw/Cargo.toml");
    assert_eq!(manifest.matches("{ path = \"../../the tool/build-support\" }").count(), 2, "{manifest}");
    let readme = read(&outside, "repo/sub/fw/README.md");
    assert!(readme.contains("cargo install --locked --path '../../the tool/cargo-sparsehls'\n"), "{readme}");
    assert!(readme.contains("at the top of the repository"), "{readme}");
    for recipe in RECIPES {
        let text = read(&outside, &format!("repo/sub/fw/{recipe}"));
        for part in [
            "# It is read only at the top of a repository: move it",
            "  SPARSEHLS_SOURCE: \"the tool/cargo-sparsehls\"\n",
            "  SPARSEHLS_MANIFEST: \"sub/fw/Cargo.toml\"\n  CARGO_TARGET_DIR: target\n",
            "cargo install --locked --path \"$SPARSEHLS_SOURCE\"\n",
            "cargo sparsehls build --manifest-path \"$SPARSEHLS_MANIFEST\" --synth skip",
            "cargo sparsehls build --manifest-path \"$SPARSEHLS_MANIFEST\" --synth require",
            "cargo test --manifest-path \"$SPARSEHLS_MANIFEST\"\n",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(!text.to_lowercase().contains("submodule"), "{text}");
    }

    // A clone with a repository of its own goes along only as a submodule, which CI must fetch.
    fs::create_dir(outside.path("repo/the tool/.git")).unwrap();
    let run = outside.run(&["new", "repo/gw", "--path", "repo/the tool"]);
    assert!(run.code == 0 && run.stderr.contains("Note ../the tool is a repository of its own: make it a submodule"), "{run:?}");
    fs::write(outside.path("repo/.gitmodules"), "[submodule \"tool\"]\n\tpath = the tool\n\turl = x\n").unwrap();
    let run = outside.run(&["new", "repo/hw", "--path", "repo/the tool"]);
    assert!(run.code == 0 && !run.stderr.contains("its own"), "{run:?}");
    let github = read(&outside, "repo/hw/.github/workflows/firmware.yml");
    assert_eq!(github.matches("actions/checkout@v4\n        with:\n          submodules: true\n").count(), 2, "{github}");
    assert!(read(&outside, "repo/hw/.gitlab-ci.yml").contains("  GIT_SUBMODULE_STRATEGY: normal\n"));

    // So has one in the same workspace, and one in the package itself.
    clone(&outside, "work/tool");
    fs::write(outside.path("work/Cargo.toml"), "[workspace]\n").unwrap();
    let run = outside.run(&["new", "work/fw", "--path", "work/tool"]);
    assert!(run.code == 0 && read(&outside, "work/fw/Cargo.toml").contains("{ path = \"../tool/build-support\" }"), "{run:?}");
    clone(&outside, "own/tool");
    let run = outside.run(&["init", "own", "--path", "own/tool"]);
    assert!(run.code == 0 && read(&outside, "own/Cargo.toml").contains("{ path = \"tool/build-support\" }"), "{run:?}");
}

#[test]
fn an_absolute_path_is_said_at_once_and_in_the_readme() {
    let outside = Firmware::bare();
    clone(&outside, "tool");
    // Another repository beside it is not the same one.
    fs::create_dir_all(outside.path("repo/.git")).unwrap();
    for folder in ["fw", "repo/fw"] {
        let run = outside.run(&["new", folder, "--path", "tool"]);
        let note = "Note Cargo.toml has the absolute path [DIR]/tool/build-support: the package builds on this machine only, not on \
                    another one and not in CI. Make it with `--git URL --rev REV`";
        assert!(run.code == 0 && run.stderr.contains(note), "{run:?}");
        let path = outside.path("tool/build-support").display().to_string();
        assert!(read(&outside, &format!("{folder}/Cargo.toml")).contains(&format!("{{ path = \"{path}\" }}")));
        let readme = read(&outside, &format!("{folder}/README.md"));
        assert!(readme.contains("builds on one machine only") && readme.contains(&path), "{readme}");
        for recipe in RECIPES {
            assert!(read(&outside, &format!("{folder}/{recipe}")).starts_with("# This fails as it is"));
        }
    }
}

#[test]
fn the_note_names_the_commit_of_the_clone() {
    let outside = Firmware::bare();
    clone(&outside, "tool");
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        command.arg("-C").arg(outside.path("tool")).args(["-c", "user.name=A", "-c", "user.email=a@example.org"]).args(arguments);
        let output = command.env("GIT_CONFIG_GLOBAL", "/dev/null").output().ok().filter(|output| output.status.success())?;
        String::from_utf8(output.stdout).ok()
    };
    if git(&["init", "--quiet"]).is_none() {
        crate::skip::skipped("git is not installed");
        return;
    }
    let new = |name: &str| {
        let run = outside.run(&["new", name, "--path", "tool"]);
        assert_eq!(run.code, 0, "{run:?}");
        run.stderr
    };
    assert!(new("without-commit").contains("`--git URL --rev REV`"));
    git(&["add", "."]).unwrap();
    git(&["commit", "--quiet", "-m", "all"]).unwrap();
    assert!(new("without-remote").contains("`--git URL --rev REV`"));
    git(&["remote", "add", "origin", "https://me:secret@example.org/our/tool"]).unwrap();
    let commit = git(&["rev-parse", "HEAD"]).unwrap();
    let commit = commit.trim();
    let said = new("fw");
    assert!(said.contains(&format!("`--git https://example.org/our/tool --rev {commit}`")), "{said}");
    let readme = read(&outside, "fw/README.md");
    let line = format!("    sparsehls-build = {{ git = \"https://example.org/our/tool\", rev = \"{commit}\" }}\n");
    assert!(readme.contains(&line) && !readme.contains("secret"), "{readme}");
    let recipe = read(&outside, "fw/.gitlab-ci.yml");
    assert!(recipe.contains(&format!("  SPARSEHLS_REV: \"{commit}\"\n")), "{recipe}");

    // A copy that the repository around it does not have.
    clone(&outside, "tool/copy");
    let run = outside.run(&["new", "of-copy", "--path", "tool/copy"]);
    assert!(run.stderr.contains("`--git URL --rev REV`"), "{run:?}");

    // What may hold anything is named only if a shell takes it as one word.
    git(&["remote", "set-url", "origin", "https://example.org/$(id)`id`"]).unwrap();
    assert!(new("odd").contains("`--git URL --rev REV`"));
}

#[test]
fn init_takes_the_dependency_that_is_there() {
    let firmware = Firmware::bare();
    let there = "sparsehls-build = { git = \"https://example.org/a\", rev = \"0123\" }\n";
    let manifest = format!("[package]\nname = \"fw\"\n\n[workspace]\n\n[build-dependencies]\n{there}");
    fs::write(firmware.path("Cargo.toml"), manifest).unwrap();
    let run = firmware.run(&["init", "--ci", "--git", "https://example.org/b"]);
    assert!(run.code == 0 && run.stderr.contains("Cargo.toml names sparsehls-build already"), "{run:?}");
    assert!(!run.stderr.contains("absolute"), "{run:?}");
    assert_eq!(read(&firmware, "Cargo.toml").matches(there).count(), 2, "the test has the same");
    assert!(read(&firmware, ".gitlab-ci.yml").contains("  SPARSEHLS_SOURCE: \"https://example.org/a\"\n"));
}

#[test]
fn init_takes_the_dependency_of_the_workspace() {
    let outside = Firmware::bare();
    clone(&outside, "tool");
    let shared = "[workspace]\nmembers = [\"fw\"]\n\n[workspace.dependencies]\nsparsehls-build.path = \"tool/build-support\"\n";
    fs::write(outside.path("Cargo.toml"), shared).unwrap();
    fs::create_dir(outside.path("fw")).unwrap();
    let manifest = "[package]\nname = \"fw\"\n\n[build-dependencies]\nsparsehls-build.workspace = true\n";
    fs::write(outside.path("fw/Cargo.toml"), manifest).unwrap();
    let run = outside.run(&["init", "--ci", "fw"]);
    assert!(run.code == 0 && !run.stderr.contains("absolute"), "{run:?}");
    let manifest = read(&outside, "fw/Cargo.toml");
    assert!(manifest.contains("[dev-dependencies]\nsparsehls-build = { path = \"../tool/build-support\" }\n"), "{manifest}");
    assert!(read(&outside, ".gitlab-ci.yml").contains("  SPARSEHLS_SOURCE: \"tool/cargo-sparsehls\"\n"));
}

/// The keys of a model that are left open, filled in as the notes say.
fn fill_in(manifest: &str) -> String {
    let line = |line: &str| match line {
        _ if line.starts_with("# weights-precision = ") => "weights-precision = \"fixed<8,5>\"".to_owned(),
        _ if line.starts_with("# input = ") => "input = \"ufixed<3,1>\"".to_owned(),
        other => other.to_owned(),
    };
    manifest.lines().map(|text| line(text) + "\n").collect()
}

#[test]
fn keys_that_a_model_needs_are_left_open_and_said() {
    let outside = Firmware::bare();
    for extension in ["keras", "npz"] {
        fs::copy(fixture_path("plain").with_extension(extension), outside.path(&format!("plain.{extension}"))).unwrap();
    }
    let (run, lines) = outside.json(&["new", "fw", "--source", "plain.keras", "--golden", "plain.npz"]);
    assert_eq!((run.code, reasons(&lines)), (0, vec!["created", "finished"]), "{run:?}");
    let key = |key: &str| format!("package.metadata.sparsehls.models.plain.{key}");
    assert_eq!(lines[0]["missing"], serde_json::json!([key("weights-precision"), key("input")]));
    insta::assert_snapshot!(run.stderr.lines().filter(|line| line.contains("fill in")).collect::<Vec<_>>().join("\n"));
    let manifest = read(&outside, "fw/Cargo.toml");
    let open = "golden = \"models/plain.golden.npz\"\n# weights-precision = \"fixed<W,I>\"    # to be filled in: weights of plain Keras layers\n\
                # input = \"ufixed<W,I>\"    # to be filled in: what the detector delivers\n\n";
    assert!(manifest.contains(open), "{manifest}");
    let path = outside.path("fw/Cargo.toml");
    let verify = ["verify", "--engine", "reference", "--manifest-path", path.to_str().unwrap()];
    assert_ne!(outside.run(&verify).code, 0);
    fs::write(&path, fill_in(&manifest)).unwrap();
    assert_eq!(outside.run(&verify).code, 0);

    // As flags there is nothing left to do.
    let formats = ["--weights-precision", "fixed<8,5>", "--input", "ufixed<3,1>", "--result-precision", "fixed<24,16>"];
    let (run, lines) = outside.json(&[&["new", "gw", "--source", "plain.keras"][..], &formats].concat());
    assert_eq!((run.code, &lines[0]["missing"]), (0, &serde_json::json!([])), "{run:?}");
    let all = "input = \"ufixed<3,1>\"\nweights-precision = \"fixed<8,5>\"\nresult-precision = \"fixed<24,16>\"\n";
    assert!(read(&outside, "gw/Cargo.toml").contains(all) && !run.stderr.contains("fill in"), "{run:?}");

    // On one line there is no place for a comment.
    fs::create_dir(outside.path("hw")).unwrap();
    let inline = "[package]\nname = \"hw\"\nmetadata = { sparsehls = { models = {} } }\n\n[workspace]\n";
    fs::write(outside.path("hw/Cargo.toml"), inline).unwrap();
    let run = outside.run(&["init", "hw", "--source", "plain.keras"]);
    assert!(run.code == 0 && run.stderr.contains("fill in"), "{run:?}");
    read(&outside, "hw/Cargo.toml").parse::<toml_edit::DocumentMut>().unwrap();

    // What no key helps is still an error.
    edit_config(&outside.path("plain.keras"), |config| {
        let layers = config["config"]["layers"].as_array_mut().unwrap();
        layers.iter_mut().find(|layer| layer["name"] == "out").unwrap()["class_name"] = "LSTM".into();
    });
    let run = outside.run(&["new", "no", "--source", "plain.keras"]);
    assert!(run.code == 1 && run.stderr.contains("code: unsupported-layer") && !outside.path("no").exists(), "{run:?}");
}

#[test]
fn a_model_without_a_golden_file_is_said_to_be_compared_with_the_reference() {
    let outside = Firmware::bare();
    fs::copy(fixture_path("dense-only"), outside.path("net.keras")).unwrap();
    let run = outside.run(&["new", "fw", "--source", "net.keras"]);
    let note = "run `cargo test` there to compile the simulation and to compare it with the exact reference. To compare it with \
                Keras too, save events with `np.savez_compressed(\"models/net.golden.npz\", x=inputs, y=model.predict(inputs))`, \
                and add `golden = \"models/net.golden.npz\"` to the model in Cargo.toml";
    assert!(run.code == 0 && run.stderr.contains(note) && !run.stderr.contains("golden file"), "{run:?}");
    let readme = read(&outside, "fw/README.md");
    for part in [
        "compare it with the exact reference",
        "np.savez_compressed(\"models/net.golden.npz\"",
        "\ngolden = \"models/net.golden.npz\"\n",
    ] {
        assert!(readme.contains(part), "{readme}");
    }
    assert!(read(&outside, "fw/tests/golden.rs").contains("compared it with the exact reference"));
    assert!(outside.run(&["new", "gw"]).stderr.contains("compare it with the golden file"));
}

#[test]
fn new_does_with_git_what_cargo_new_does() {
    if Command::new("git").arg("--version").output().is_err() {
        return crate::skip::skipped("git is not installed");
    }
    let outside = Firmware::bare();
    // The path of the test's commands has no tools.
    let new = |arguments: &[&str]| {
        let mut command = outside.command(&[&["new"], arguments].concat());
        command.env("PATH", std::env::var_os("PATH").unwrap());
        let run = outside.finish(command);
        assert_eq!(run.code, 0, "{run:?}");
    };
    new(&["fw"]);
    assert!(outside.path("fw/.git/HEAD").is_file() && read(&outside, "fw/.gitignore").contains("/target"));
    new(&["none", "--vcs", "none"]);
    assert!(!outside.path("none/.git").exists());
    new(&["fw/inner"]);
    assert!(!outside.path("fw/inner/.git").exists(), "there is one around it");
}

#[test]
fn recipes_go_to_the_root_of_a_workspace() {
    let outside = Firmware::bare();
    fs::write(outside.path("Cargo.toml"), "[workspace]\nresolver = \"3\"\n").unwrap();
    let (run, lines) = outside.json(&["new", "a/fw"]);
    assert_eq!(run.code, 0, "{run:?}");
    let written = lines[0]["files"].as_array().unwrap();
    for recipe in RECIPES {
        assert!(!outside.path("a/fw").join(recipe).exists());
        assert!(written.contains(&format!("../../{recipe}").into()), "{written:?}");
        let text = read(&outside, recipe);
        assert!(text.contains("  SPARSEHLS_MANIFEST: \"a/fw/Cargo.toml\"\n") && !text.contains("move it"), "{text}");
    }
    let run = outside.run(&["new", "gw"]);
    assert!(run.code == 0 && run.stderr.matches("[recipes-kept]").count() == 2, "{run:?}");
    assert!(read(&outside, RECIPES[0]).contains("\"a/fw/Cargo.toml\""), "what is there stays");
}

#[test]
fn init_writes_what_is_asked_for_and_says_what_would_not_compile() {
    let package = |more: &str, library: &str| {
        let firmware = Firmware::bare();
        fs::write(firmware.path("Cargo.toml"), format!("[package]\nname = \"fw\"\nedition = \"2024\"\n{more}")).unwrap();
        fs::create_dir(firmware.path("src")).unwrap();
        fs::write(firmware.path("src/lib.rs"), library).unwrap();
        firmware
    };
    let firmware = package("", "");
    let run = firmware.run(&["init"]);
    assert!(run.code == 0 && !run.stderr.contains("[forbids-unsafe]"), "{run:?}");
    for file in RECIPES.iter().chain(&["README.md"]) {
        assert!(!firmware.path(file).exists(), "{file}");
    }
    let firmware = package("", "#![forbid(unsafe_code)]\n");
    let run = firmware.run(&["init", "--ci", "--readme"]);
    assert!(run.code == 0 && run.stderr.contains("[forbids-unsafe]"), "{run:?}");
    for file in RECIPES.iter().chain(&["README.md"]) {
        assert!(firmware.path(file).exists(), "{file}");
    }
    let firmware = package("\n[lints.rust]\nunsafe_code = \"forbid\"\n", "");
    fs::write(firmware.path("build.rs"), "fn main() {}\n").unwrap();
    let run = firmware.run(&["init"]);
    assert!(run.code == 0 && run.stderr.contains("[forbids-unsafe]"), "{run:?}");
    assert!(run.stderr.contains("        sparsehls_build::Build::from_manifest()?.compile()?;\n"), "{run:?}");
}
