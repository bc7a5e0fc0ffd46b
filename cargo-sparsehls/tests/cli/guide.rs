//! The guide's session and CI recipes, run as they stand there.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use sparsehls_templates::CI;

use crate::{
    firmware::path_with,
    stand_in::{ALL, Workshop, is_missing},
};

fn guide(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(name)
}

/// A shell in which `cargo sparsehls` is the binary under test.
fn shell(workshop: &Workshop, script: &str) -> (Option<i32>, String) {
    // `cargo` of the recipes also installs and tests; that is not what is tried here.
    let cargo = "cargo() { case \"$1\" in sparsehls) \"$TOOL\" \"$@\";; *) echo \"cargo $*\";; esac; }\nexec 2>&1\n";
    let mut command = Command::new("bash");
    let plain = workshop.firmware.command(&[]);
    command.args(["-c", &format!("{cargo}{script}")]).current_dir(workshop.firmware.root());
    plain.get_envs().for_each(|(name, value)| match value {
        Some(value) => drop(command.env(name, value)),
        None => drop(command.env_remove(name)),
    });
    command.env("TOOL", plain.get_program()).env("SPARSEHLS_SOURCE", "here");
    let output = command.output().unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

/// What differs from run to run, and long paths, as the guide has them.
fn normal(workshop: &Workshop, text: &str) -> String {
    let text = text.replace(workshop.bin().to_str().unwrap(), "/opt/stand-in/bin");
    let text = text.replace(workshop.firmware.root().to_str().unwrap(), "/home/me/firmware");
    let line = |line: &str| match line.split_once("Finished in ") {
        Some((before, _)) => format!("{before}Finished in ..."),
        None if line.starts_with("c++  ") => "c++          found   ...".to_owned(),
        None if line.contains("Synthesized ") => format!("{} in ...", line.rsplit_once(" in ").unwrap().0),
        None => line.to_owned(),
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_session_of_the_guide_is_what_happens() {
    if is_missing() {
        return;
    }
    let workshop = Workshop::new(&ALL, "");
    let path = guide("synthesis.md");
    let text = fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once("<!-- session -->\n").unwrap();
    let (session, after) = rest.split_once("<!-- /session -->").unwrap();
    let commands: Vec<_> = session.lines().filter_map(|line| line.strip_prefix("$ ")).collect();
    let mut script = String::new();
    for command in &commands {
        let command = command.replace("/opt/stand-in/bin", workshop.bin().to_str().unwrap());
        let _ = writeln!(script, "{command}\necho '=== end'");
    }
    let output = normal(&workshop, &shell(&workshop, &script).1);
    let mut outputs = output.split("=== end").map(|part| part.trim_start_matches('\n').trim_end());
    let mut found = String::new();
    let mut in_block = false;
    for line in session.lines() {
        if line.starts_with("```") {
            in_block = !in_block;
        }
        if !in_block || line.starts_with("```") {
            let _ = writeln!(found, "{line}");
        } else if line.starts_with("$ ") {
            let _ = writeln!(found, "{line}");
            let said = outputs.next().unwrap();
            found.push_str(&said.lines().map(|line| format!("{line}\n")).collect::<String>());
        }
    }
    if std::env::var_os("SPARSEHLS_WRITE_GUIDE").is_some() {
        fs::write(&path, format!("{before}<!-- session -->\n{found}<!-- /session -->{after}")).unwrap();
        return;
    }
    assert_eq!(session, found, "SPARSEHLS_WRITE_GUIDE=1 writes it anew");
    for code in ["exit code 0", "exit code 3", "exit code 5"] {
        assert!(found.contains(code), "the session shows {code}");
    }
}

#[test]
fn the_guide_has_the_recipes_as_they_are() {
    let text = fs::read_to_string(guide("ci.md")).unwrap();
    for (place, recipe) in CI {
        assert!(text.contains(&format!("## {place}\n\n```yaml\n{recipe}```\n")), "docs/ci.md differs from {place}");
    }
}

/// The commands of a job, one a line: what stands after `run:` or in a list or block of a script.
fn commands(recipe: &str, job: &str) -> Vec<String> {
    let start = recipe.find(&format!("{job}:\n")).unwrap();
    let lines = recipe[start..].lines().map(str::trim).map(|line| line.trim_start_matches("- ").trim_start_matches("run: "));
    lines.filter(|line| line.starts_with("cargo ") || line.starts_with("if [")).map(str::to_owned).collect()
}

#[test]
fn the_commands_of_the_recipes_do_what_they_say() {
    if is_missing() {
        return;
    }
    for (place, recipe) in CI {
        let synthesis = commands(recipe, "synthesis");
        let csim = commands(recipe, "csim");
        let csim = csim[..csim.len() - synthesis.len()].to_vec();
        assert_eq!((csim.len(), synthesis.len()), (3, 4), "{place}: {csim:?} {synthesis:?}");
        let workshop = Workshop::new(&["vitis-run"], "");
        let script = |commands: &[String]| format!("set -e\n{}\n", commands.join("\n"));
        let (code, said) = shell(&workshop, &script(&csim));
        assert_eq!(code, Some(0), "{place}: {said}");
        assert!(fs::read_to_string(workshop.firmware.path("junit-csim.xml")).unwrap().contains("self-check"));

        // The vendor's settings are what puts the tool on PATH.
        let (code, said) = shell(&workshop, &script(&synthesis));
        assert_eq!(code, Some(3), "{place}: {said}");
        let settings = workshop.file("settings64.sh");
        fs::write(&settings, format!("export PATH='{}'\n", path_with(&workshop.bin()).to_str().unwrap())).unwrap();
        let set = format!("SPARSEHLS_SETTINGS='{}'\n", settings.display());
        let (code, said) = shell(&workshop, &format!("{set}{}", script(&synthesis)));
        assert_eq!(code, Some(0), "{place}: {said}");
        let junit = fs::read_to_string(workshop.firmware.path("junit-synthesis.xml")).unwrap();
        assert!(junit.contains("name=\"synthesis\"") && junit.contains("failures=\"0\""), "{junit}");
        workshop.manifest("limits = { lut = 1 }\n");
        assert_eq!(shell(&workshop, &format!("{set}{}", script(&synthesis))).0, Some(5), "{place}");
    }
}
