//! `report`: its JSON against the other commands, its page, and what changed since another one.

use std::{fs, os::unix::fs::PermissionsExt};

use serde_json::{Value, json};

use crate::{
    browser::Browser,
    firmware::{Catalogue, Firmware, edit, fixture_path, net},
    stand_in::{Workshop, is_missing},
};

const FIXTURE: &str = "whole-net-032";

fn report(firmware: &Firmware, arguments: &[&str]) -> Value {
    let (run, lines) = firmware.json(&[&["report"], arguments].concat());
    assert_eq!(run.code, 0, "{}", run.stderr);
    let mut reports: Vec<_> = lines.into_iter().filter(|line| line["reason"] == "report").collect();
    assert_eq!(reports.len(), 1);
    reports.remove(0)
}

/// The lines of another command, without what only a line has.
fn lines(firmware: &Firmware, command: &str, reason: &str) -> Vec<Value> {
    let (_, lines) = firmware.json(&[command]);
    let lines = lines.into_iter().filter(|line| line["reason"] == reason);
    let bare = lines.map(|mut line| {
        line.as_object_mut().unwrap().remove("reason");
        line
    });
    bare.collect()
}

#[test]
fn a_report_says_what_the_other_commands_say() {
    // Circuits of many points take long.
    let circuit = if crate::browser::is_thorough() { FIXTURE } else { "conv-1x1" };
    for (fixture, backend) in [(FIXTURE, ""), (circuit, "backend = \"verilog\"\npart = \"LFE5U-85F-8BG381C\"\n")] {
        let firmware = Firmware::of(fixture);
        firmware.manifest(&format!("{}interval = 4\n{backend}", net(fixture)));
        let found = report(&firmware, &["--events", "3"]);
        assert_eq!((&found["version"], &found["model"], &found["package"]), (&json!(1), &json!("net"), &json!("firmware")));
        assert_eq!(found["layers"], json!(lines(&firmware, "check", "layer")));
        let estimate = &lines(&firmware, "check", "estimate")[0];
        assert_eq!(
            found["part"],
            json!({"part": estimate["part"], "available": estimate["available"], "percent": estimate["percent"]})
        );
        for key in ["latency", "interval", "luts", "ffs", "dsps", "bram18"] {
            assert_eq!(found["estimate"][key], estimate[key], "{key}");
        }
        let mut front = found["front"].as_array().unwrap().clone();
        for point in &mut front {
            let same = ["latency", "interval", "luts", "ffs"].iter().all(|key| point["estimate"][key] == found["estimate"][key]);
            assert_eq!(point.as_object_mut().unwrap().remove("chosen"), Some(json!(same)), "{point}");
        }
        assert_eq!(front, lines(&firmware, "explore", "point"));
        assert_eq!(found["data-set"]["profile"], lines(&firmware, "profile", "profile")[0]);
        let verified = &lines(&firmware, "verify", "verify")[0];
        let keras = &found["agreement"]["keras"];
        assert_eq!((&keras["events"], &keras["events-different"]), (&verified["events"], &json!(0)));
        assert_eq!(found["agreement"]["engine"], verified["engine"]);
        assert_eq!(found["agreement"]["verdict"], "equal");
        events_are_those_of_trace(&firmware, &found);
    }
}

fn events_are_those_of_trace(firmware: &Firmware, found: &Value) {
    let events = found["events"].as_array().unwrap();
    assert_eq!(events.len(), 3);
    for (at, event) in events.iter().enumerate() {
        assert_eq!((&event["event"], &event["outputs"]), (&json!(at), &event["keras"]));
        let (_, traced) = firmware.json(&["trace", "--event", &at.to_string()]);
        for (layer, traced) in event["layers"].as_array().unwrap().iter().zip(&traced) {
            assert_eq!((&layer["name"], &layer["shape"]), (&traced["name"], &traced["shape"]));
            let dense: Vec<f64> = serde_json::from_value(traced["reference"].clone()).unwrap();
            let Some(pixels) = layer["pixels"].as_array() else {
                assert_eq!(layer["values"], traced["reference"]);
                continue;
            };
            assert_eq!(traced["active"], pixels.len());
            let shape: Vec<usize> = serde_json::from_value(layer["shape"].clone()).unwrap();
            let mut scattered = vec![0.0; dense.len()];
            for pixel in pixels {
                let at: [usize; 2] = serde_json::from_value(pixel["at"].clone()).unwrap();
                for (channel, value) in pixel["values"].as_array().unwrap().iter().enumerate() {
                    scattered[(at[0] * shape[1] + at[1]) * shape[2] + channel] = value.as_f64().unwrap();
                }
            }
            assert_eq!(scattered, dense, "{}", layer["name"]);
        }
        let kept = event["input"].as_array().unwrap().iter().filter(|pixel| pixel["fate"] == "kept").count();
        assert_eq!(event["layers"][0]["pixels"].as_array().unwrap().len(), kept);
    }
}

#[test]
fn what_tools_found_stands_beside_the_estimates() {
    if is_missing() {
        return;
    }
    let workshop = Workshop::new(&["vitis-run", "vivado"], "");
    let before = report(&workshop.firmware, &["--no-explore"]);
    assert_eq!((&before["tools"]["done"], &before["tools"]["compared"], &before["front"]), (&json!([]), &json!([]), &json!([])));
    let (code, line) = workshop.steps("", "synth,vsynth");
    assert_eq!(code, 0);
    // The tools are not on PATH now, and need not be.
    let found = report(&workshop.firmware, &["--no-explore"]);
    assert_eq!((&found["tools"]["done"], &found["tools"]["report"]), (&json!(["synth", "vsynth"]), &line["report"]));
    let estimate = &found["estimate"];
    for (step, quantity, estimated, found_there) in [
        ("synth", "lut", &estimate["hls-luts"], &line["report"]["lut"]),
        ("synth", "latency-cycles", &estimate["latency"], &line["report"]["latency-cycles"]),
        ("vsynth", "lut", &estimate["luts"], &line["report"]["vivado"]["lut"]),
    ] {
        let compared = found["tools"]["compared"].as_array().unwrap();
        let row = compared.iter().find(|row| row["step"] == step && row["quantity"] == quantity).unwrap();
        assert_eq!(
            (row["estimated"].as_f64(), row["found"].as_f64()),
            (estimated.as_f64(), found_there.as_f64()),
            "{step} {quantity}"
        );
    }
    workshop.manifest("clock-period = 7.5\n[package.metadata.sparsehls.models.net.limits]\nlut = 1\n");
    let stale = report(&workshop.firmware, &["--no-explore"]);
    assert_eq!((&stale["tools"]["done"], &stale["tools"]["report"]), (&json!([]), &Value::Null), "the project is another one");
    assert_eq!(stale["tools"]["out-of-date"], json!(["synth", "vsynth"]));
}

#[test]
fn what_has_changed_since_another_report_is_said() {
    let firmware = Firmware::of(FIXTURE);
    let (_, lines) = firmware.json(&["report"]);
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    fs::write(firmware.path("old.json"), text).unwrap();
    assert_eq!(report(&firmware, &["--against", "old.json"])["changes"], json!({"against": "old.json", "list": []}));
    let run = firmware.run(&["report", "--against", "old.json"]);
    assert!(run.stdout.contains("Nothing is different from old.json."), "{}", run.stdout);
    firmware.manifest(&format!("{}interval = 7\n", net(FIXTURE)));
    let changes = &report(&firmware, &["--against", "old.json"])["changes"]["list"];
    let interval = changes.as_array().unwrap().iter().find(|change| change["quantity"] == "interval (cycles)").unwrap();
    assert_eq!((&interval["layer"], &interval["before"], &interval["after"]), (&Value::Null, &json!(1), &json!(7)));
    assert!(changes.as_array().unwrap().iter().any(|change| change["layer"].is_string() && change["quantity"] == "steps"));
    let run = firmware.run(&["report", "--against", "old.json", "--html", "page.html"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, ""), "{run:?}");
    assert!(fs::read_to_string(firmware.path("page.html")).unwrap().contains("What is different from old.json"));
}

#[test]
fn the_text_fits_a_terminal() {
    for fixture in [FIXTURE, "hostile-names", "dense-only", "qsoftmax-iq"] {
        if !fixture_path(fixture).exists() {
            continue;
        }
        let run = Firmware::of(fixture).run(&["report"]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        let too_wide = run.stdout.lines().find(|line| line.chars().count() > 80);
        assert_eq!(too_wide, None, "{fixture}");
        assert!(run.stdout.contains("LUT") && run.stdout.contains("Agreement"), "{}", run.stdout);
    }
}

#[test]
fn outputs_that_differ_are_shown_and_are_an_error() {
    let firmware = Firmware::of("dense-only");
    edit(&firmware.path("models/net.npz"), "y.npy", |bytes| {
        let last = bytes.len() - 1;
        bytes[last] ^= 0x40;
    });
    let (run, lines) = firmware.json(&["report", "--html", "page.html"]);
    assert_eq!(run.code, 4, "{}", run.stderr);
    let found = lines.iter().find(|line| line["reason"] == "report").unwrap();
    assert_eq!(
        (&found["agreement"]["verdict"], &found["agreement"]["keras"]["events-different"]),
        (&json!("different"), &json!(1))
    );
    assert!(fs::read_to_string(firmware.path("page.html")).unwrap().contains("outputs differ"));
}

#[test]
fn what_cannot_be_done_is_said() {
    let mut catalogue = Catalogue::default();
    let firmware = Firmware::of("dense-only");
    let write = |text: &str| fs::write(firmware.path("old.json"), text).unwrap();
    catalogue.failure("a page of another kind", &firmware, &["report", "--html", "page.pdf"]);
    catalogue.failure("a folder that is not there", &firmware, &["report", "--html", "nowhere/page.html"]);
    catalogue.failure("no other report", &firmware, &["report", "--against", "nothing.json"]);
    write("hello");
    catalogue.failure("no JSON", &firmware, &["report", "--against", "old.json"]);
    write("{\"reason\":\"finished\"}\n");
    catalogue.failure("no report in it", &firmware, &["report", "--against", "old.json"]);
    write("{\"reason\":\"report\",\"version\":99}\n");
    catalogue.failure("a report of the future", &firmware, &["report", "--against", "old.json"]);
    write("{\"reason\":\"report\",\"version\":1}\n");
    catalogue.failure("half a report", &firmware, &["report", "--against", "old.json"]);
    let mut other = report(&firmware, &[]);
    other["model"] = "another".into();
    write(&other.to_string());
    catalogue.failure("a report on another model", &firmware, &["report", "--against", "old.json"]);
    insta::assert_snapshot!(catalogue.0);
}

#[test]
fn a_browser_is_started() {
    let firmware = Firmware::of("dense-only");
    let script = "#!/bin/sh\nprintf '%s' \"$1\" > opened.part && mv opened.part opened\n";
    fs::write(firmware.path("browser"), script).unwrap();
    fs::set_permissions(firmware.path("browser"), fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = firmware.command(&["report", "--open"]);
    command.env("BROWSER", firmware.path("browser"));
    assert_eq!(firmware.finish(command).code, 0);
    crate::stand_in::wait_until("the browser has the page", || firmware.path("opened").exists());
    let page = fs::read_to_string(firmware.path("opened")).unwrap();
    assert!(page.ends_with("target/sparsehls/firmware/report.html"), "{page}");
    assert!(fs::read_to_string(&page).unwrap().starts_with("<!doctype html>"));
    let mut command = firmware.command(&["report", "--open", "--html", "page.html"]);
    command.env("BROWSER", firmware.path("nobody"));
    let run = firmware.finish(command);
    assert!(run.code == 1 && run.stderr.contains("set BROWSER"), "{run:?}");
}

const HOSTILE: &str = "</h3><img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>&amp;\u{202e}'";

/// A package whose model and layer would run scripts if their names were markup.
fn hostile() -> Firmware {
    let firmware = Firmware::of(FIXTURE);
    let config = |bytes: &mut Vec<u8>| {
        let text = String::from_utf8(bytes.clone()).unwrap();
        let name = serde_json::to_string(HOSTILE).unwrap();
        *bytes = text.replace("\"logits\"", &name).into_bytes();
    };
    edit(&firmware.path("models/net.keras"), "config.json", config);
    firmware
}

#[test]
fn names_are_text_on_the_page() {
    let firmware = hostile();
    let run = firmware.run(&["report", "--html", "page.html"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let page = fs::read_to_string(firmware.path("page.html")).unwrap();
    assert!(page.contains("&lt;script&gt;document.title=&#39;owned&#39;"));
    for markup in ["<script", "<img", "onerror=\"", "\u{202e}", "http://", "https://", "url("] {
        let found = page.replace("http://www.w3.org/2000/svg", "").contains(markup);
        assert!(!found, "{markup}");
    }
}

#[test]
fn the_page_is_right_in_a_browser() {
    let Some(browser) = Browser::find() else { return };
    let firmware = hostile();
    assert_eq!(firmware.run(&["report", "--html", "page.html"]).code, 0);
    browser.look_at(&firmware.path("page.html"), "net", &["owned"]);
    let models = if crate::browser::is_thorough() { &["tracks", "digits"][..] } else { &["tracks"] };
    for model in models {
        let examples = concat!(env!("CARGO_MANIFEST_DIR"), "/../example-firmware/Cargo.toml");
        let page = format!("{model}.html");
        let target = firmware.path("target");
        let target = target.to_str().unwrap();
        let arguments = ["report", "--manifest-path", examples, "--model", model, "--html", &page, "--target-dir", target];
        let run = firmware.run(&arguments);
        assert_eq!(run.code, 0, "{}", run.stderr);
        assert!(fs::metadata(firmware.path(&page)).unwrap().len() < 2_000_000, "{model}");
        browser.look_at(&firmware.path(&page), model, &[]);
    }
}

#[test]
fn errors_and_notes_are_explained() {
    let firmware = Firmware::bare();
    let run = firmware.run(&["explain", "no-such-step"]);
    assert!(run.code == 0 && run.stdout.starts_with("no-such-step\n\nExit code 2. `--steps` names"), "{run:?}");
    let (run, lines) = firmware.json(&["explain"]);
    assert_eq!(run.code, 0);
    let codes: Vec<_> = lines.iter().filter_map(|line| line["code"].as_str()).collect();
    assert!(codes.contains(&"io") && codes.contains(&"part-full"), "{codes:?}");
    let all = firmware.run(&["explain"]).stdout;
    assert!(all.lines().count() == codes.len() && all.lines().all(|line| line.chars().count() <= 80), "{all}");
    let run = firmware.run(&["explain", "no-such-thing"]);
    assert!(run.code == 2 && run.stderr.contains("codes like it: no-such-point, no-such-step, no-such-code"), "{}", run.stderr);
}

#[test]
fn pictures_are_files_of_their_own() {
    let firmware = Firmware::of(FIXTURE);
    for (arguments, has) in [(["profile", "--plot"], "budget: "), (["explore", "--plot"], "now: interval 1")] {
        let run = firmware.run(&[&arguments[..], &["picture.svg"]].concat());
        assert_eq!(run.code, 0, "{}", run.stderr);
        let picture = fs::read_to_string(firmware.path("picture.svg")).unwrap();
        assert!(
            picture.starts_with("<svg xmlns=") && picture.trim_end().ends_with("</svg>") && picture.contains(has),
            "{picture}"
        );
    }
    let run = firmware.run(&["profile", "--plot", "picture.png"]);
    assert!(run.code == 2 && run.stderr.contains("use `--plot picture.svg`"), "{}", run.stderr);
    let run = Firmware::of("dense-only").run(&["profile", "--plot", "picture.svg"]);
    assert!(run.code == 1 && run.stderr.contains("no input reduction"), "{}", run.stderr);
}
