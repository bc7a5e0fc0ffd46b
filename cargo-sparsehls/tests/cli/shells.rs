//! Completions in the shells themselves, manual pages, and that what is printed is explained.

use std::{fs, path::Path, process::Command};

use crate::{firmware::Firmware, skip::skipped};

/// What is typed, and what must be offered.
const TYPED: [(&str, &[&str]); 6] = [
    ("cargo sparsehls expl", &["explain", "explore"]),
    ("cargo sparsehls build --synth ", &["auto", "require", "skip"]),
    ("cargo +stable sparsehls explore --max-", &["--max-interval", "--max-latency", "--max-lut"]),
    ("cargo sparsehls doctor --require viv", &["vivado", "vivado_hls"]),
    ("cargo-sparsehls expl", &["explain", "explore"]),
    ("cargo-sparsehls build --synth ", &["auto", "require", "skip"]),
];

const BASH: &str = r#"
_cargo() { [[ "$2" == bui* ]] && COMPREPLY=(build-of-cargo); }
complete -F _cargo cargo
source "$1"
read -ra COMP_WORDS <<<"$2"
[[ "$2" == *" " ]] && COMP_WORDS+=("")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMP_LINE=$2 COMP_POINT=${#2}
[[ "$(complete -p "${COMP_WORDS[0]}")" =~ -F\ ([^\ ]+) ]]
"${BASH_REMATCH[1]}" "${COMP_WORDS[0]}" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\n' "${COMPREPLY[@]}"
"#;

/// A terminal in which zsh is asked as people ask it.
const ZSH: &str = r#"
zmodload zsh/zpty
zpty -b shell zsh -f -i
zpty -w shell "PS1= LISTMAX=10000; stty -echo; autoload -Uz compinit; compinit -u -D; _of_cargo() { compadd build-of-cargo; }; compdef _of_cargo cargo; source ${(q)1}; echo rea''dy"
zpty -r -m shell said '*ready*'
zpty -n -w shell "$2"$'\t\t'
all=
for wait in {1..100}; do
    sleep 0.1
    while zpty -r -t shell said; do all+=$said; done
    [[ -n $all && $wait -gt 15 ]] && break
done
print -r -- "$all"
zpty -d shell
"#;

fn has(shell: &str) -> bool {
    let there = Command::new(shell).arg("--version").output().is_ok_and(|output| output.status.success());
    if !there {
        skipped(&format!("{shell} is not installed"));
    }
    there
}

/// What a shell offers for `line`.
fn ask(shell: &str, script: &Path, line: &str) -> String {
    let mut command = Command::new(shell);
    match shell {
        "bash" => command.args(["--norc", "-c", BASH, "bash"]).arg(script).arg(line),
        "zsh" => command.args(["-f", "-c", ZSH, "zsh"]).arg(script).arg(line),
        _ => command
            .args([
                "--no-config",
                "-c",
                "complete -c cargo -n __fish_use_subcommand -a build-of-cargo; source $argv[1]; complete -C $argv[2]",
            ])
            .arg(script)
            .arg(line),
    };
    let output = command.env("TERM", "dumb").output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn shells_complete_cargo_sparsehls() {
    let firmware = Firmware::bare();
    for shell in ["bash", "zsh", "fish"] {
        if !has(shell) {
            continue;
        }
        let script = firmware.path(shell);
        fs::write(&script, firmware.run(&["completions", shell]).stdout).unwrap();
        for (line, offered) in TYPED {
            let said = ask(shell, &script, line);
            for word in offered {
                assert!(said.contains(word), "{shell}: {line:?} does not offer {word}: {said:?}");
            }
            assert!(!said.contains("build-of-cargo"), "{shell}: {line:?}: {said:?}");
        }
        let said = ask(shell, &script, "cargo bui");
        assert!(said.contains("build-of-cargo"), "{shell}: what completed cargo before still does: {said:?}");
    }
}

#[test]
fn every_command_has_a_manual_page() {
    let firmware = Firmware::bare();
    assert_eq!(firmware.run(&["man", "a/man1"]).code, 0);
    let help = firmware.run(&["--help"]).stdout;
    let commands = help.split("Commands:\n").nth(1).unwrap().lines().take_while(|line| !line.is_empty());
    let names: Vec<_> =
        commands.filter_map(|line| line.strip_prefix("  ")?.split(' ').next()).filter(|name| !name.is_empty()).collect();
    assert!(names.len() > 10, "{names:?}");
    for name in names.iter().filter(|name| **name != "help") {
        let page = fs::read_to_string(firmware.path(&format!("a/man1/cargo-sparsehls-{name}.1"))).unwrap();
        assert!(page.contains(&format!("\\fBcargo sparsehls {name}\\fR")), "{page}");
    }
    let first = firmware.run(&["man"]).stdout;
    assert_eq!(first, fs::read_to_string(firmware.path("a/man1/cargo-sparsehls.1")).unwrap());
    assert!(first.contains("bit\\-exact FPGA firmware") && first.contains("Exit codes"), "{first}");
    if has("man") {
        let page = Command::new("man")
            .args(["-l", "--warnings"])
            .arg(firmware.path("a/man1/cargo-sparsehls.1"))
            .env("MANWIDTH", "80")
            .output()
            .unwrap();
        assert_eq!(String::from_utf8_lossy(&page.stderr), "");
    }
}

/// Help is wrapped where it is shown and nowhere before: in 80 columns no line is much shorter than the next word allows.
#[test]
fn help_is_wrapped_once() {
    let firmware = Firmware::bare();
    let mut command = firmware.command(&["--help"]);
    command.env("COLUMNS", "80");
    let help = firmware.finish(command).stdout;
    let paragraphs = help.split("Usage:").next().unwrap().split("\n\n").filter(|paragraph| !paragraph.starts_with(' '));
    for paragraph in paragraphs {
        let lines: Vec<_> = paragraph.trim().lines().collect();
        assert!(lines.iter().all(|line| line.chars().count() <= 100), "{paragraph}");
        for pair in lines.windows(2) {
            let next = pair[1].split(' ').next().unwrap_or_default();
            assert!(pair[0].chars().count() + 1 + next.chars().count() > 80, "broken early: {:?}", pair[0]);
        }
    }
}

/// Whatever stands in brackets behind a note, and behind `code:`, is a name that is explained.
#[test]
fn what_is_printed_is_explained() {
    let firmware = Firmware::bare();
    let text = firmware.run(&["explain"]).stdout;
    let known: Vec<_> = text.lines().filter_map(|line| line.split(' ').next()).collect();
    let outside = firmware.run(&["new", "fw"]);
    let mut names = 0;
    for line in outside.stderr.lines().filter(|line| line.trim_start().starts_with("Note ")) {
        let name = line.rsplit_once('[').map(|(_, name)| name.trim_end_matches(']')).unwrap_or_else(|| panic!("no name: {line}"));
        assert!(known.contains(&name), "{name} is not explained");
        assert_eq!(firmware.run(&["explain", name]).code, 0);
        names += 1;
    }
    assert!(names > 0, "{outside:?}");
}

#[test]
fn tables_fit_into_80_columns() {
    let firmware = Firmware::of("whole-net-032");
    for arguments in [&["check"][..], &["explore"]] {
        let run = firmware.run(arguments);
        // Sentences are not tables.
        let rows = run.stdout.lines().filter(|line| line.starts_with("  "));
        let long: Vec<_> = rows.filter(|line| line.chars().count() > 80).collect();
        assert!(run.code == 0 && long.is_empty(), "{arguments:?}: {long:#?}");
    }
}
