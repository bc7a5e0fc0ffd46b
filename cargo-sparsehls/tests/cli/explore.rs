//! `explore`: its points, its picture, and what it writes into the manifest.

use std::fs;

use serde_json::Value;

use crate::firmware::{Catalogue, Firmware, net, reasons};

const FIXTURE: &str = "whole-net-032";

fn points(firmware: &Firmware, arguments: &[&str]) -> Vec<Value> {
    let (run, mut lines) = firmware.json(&[&["explore"], arguments].concat());
    assert_eq!(run.code, 0, "{}", run.stderr);
    lines.pop();
    assert!(reasons(&lines).iter().all(|reason| *reason == "point"), "{lines:?}");
    lines
}

fn number(point: &Value, key: &str) -> u64 {
    point["estimate"][key].as_u64().unwrap()
}

#[test]
fn no_point_beats_another_and_bounds_are_kept() {
    let firmware = Firmware::of(FIXTURE);
    let all = points(&firmware, &[]);
    assert!(all.len() > 5, "{all:?}");
    for a in &all {
        for b in &all {
            let better = ["latency", "interval", "luts"].iter().all(|key| number(a, key) < number(b, key));
            assert!(!better || number(a, "dsps") > number(b, "dsps"), "{a} beats {b}");
        }
    }
    let few = points(&firmware, &["--max-interval", "4"]);
    assert!(!few.is_empty() && few.len() < all.len() && few.iter().all(|point| number(point, "interval") <= 4));
    assert!(few.iter().all(|point| all.contains(point)), "a point has the same number with and without bounds");
    assert!(few[0]["number"] != 1 || few[few.len() - 1]["number"] != few.len(), "the bounds leave gaps: {few:?}");
    assert!(points(&firmware, &["--max-lut", "1"]).is_empty());
    assert!(!firmware.path("target").exists(), "explore writes nothing");
}

#[test]
fn a_point_is_written_back_and_gives_what_was_promised() {
    let before = format!("{}# a comment that stays\ninterval = 3 # and one more\n", net(FIXTURE));
    let firmware = Firmware::new(&before);
    firmware.add(FIXTURE, "net");
    let all = points(&firmware, &[]);
    for chosen in [1, all.len() / 2, all.len()] {
        let run = firmware.run(&["explore", "--apply", &chosen.to_string()]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        let text = fs::read_to_string(firmware.path("Cargo.toml")).unwrap();
        assert!(text.contains("# a comment that stays"), "{text}");
        let (_, lines) = firmware.json(&["check"]);
        let estimate = lines.iter().find(|line| line["reason"] == "estimate").unwrap();
        for key in ["latency", "interval", "luts", "ffs", "dsps"] {
            assert_eq!(estimate[key], all[chosen - 1]["estimate"][key], "{key} of point {chosen}\n{text}");
        }
        assert_eq!(points(&firmware, &[]), all, "the sweep does not depend on the point that is written");
    }
    let (run, lines) = firmware.json(&["build"]);
    assert_eq!((run.code, &lines[1]["events-different"]), (0, &0.into()), "{}", run.stderr);
}

#[test]
fn what_cannot_be_built_is_no_point() {
    let firmware = Firmware::of(FIXTURE);
    let functions = || points(&firmware, &[]).iter().filter(|point| point["knobs"]["pipeline"] == "function").count();
    assert_eq!(functions(), 1);
    // With steps in one layer the whole cannot be one pipeline.
    let table = "[package.metadata.sparsehls.models.net.layers.logits]\nfilters-per-cycle = 1\n";
    firmware.manifest(&format!("{}{table}", net(FIXTURE)));
    assert_eq!(functions(), 0);
}

#[test]
fn a_picture_is_drawn() {
    let firmware = Firmware::of(FIXTURE);
    let run = firmware.run(&["explore", "--plot", "front.svg"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let picture = fs::read_to_string(firmware.path("front.svg")).unwrap();
    assert!(picture.starts_with("<svg") && picture.trim_end().ends_with("</svg>") && picture.contains("interval 1"));
}

#[test]
fn bounds_that_nothing_meets_are_measured() {
    let firmware = Firmware::of(FIXTURE);
    let run = firmware.run(&["explore", "--max-latency", "30", "--max-lut", "9000", "--max-interval", "8"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    insta::assert_snapshot!(run.stdout);
    // With so much more room there is a point.
    let nearest = run.stdout.split("comes nearest: ").nth(1).unwrap().split(" LUT").next().unwrap();
    let numbers: Vec<u64> = nearest.split(|c: char| !c.is_ascii_digit()).filter_map(|number| number.parse().ok()).collect();
    let [latency, interval, luts] = [numbers[0].max(30), numbers[1].max(8), numbers[2].max(9000)].map(|n| n.to_string());
    let bounds = ["--max-latency", &latency, "--max-interval", &interval, "--max-lut", &luts];
    assert!(!points(&firmware, &bounds).is_empty(), "{}", run.stdout);
}

#[test]
fn what_goes_wrong() {
    let mut catalogue = Catalogue::default();
    let firmware = Firmware::of(FIXTURE);
    catalogue.failure("a point that is not there", &firmware, &["explore", "--apply", "1000"]);
    catalogue.failure("a picture of another kind", &firmware, &["explore", "--plot", "front.png"]);
    let nothing = ["explore", "--max-lut", "9000", "--max-interval", "2", "--plot", "front.svg"];
    catalogue.failure("a picture of nothing", &firmware, &nothing);
    catalogue.failure("a point of nothing", &firmware, &["explore", "--max-latency", "1", "--apply", "1"]);
    assert!(!firmware.path("front.png").exists() && !firmware.path("front.svg").exists());
    catalogue.failure("a folder that is not there", &firmware, &["explore", "--plot", "nowhere/front.svg"]);
    firmware.manifest(&format!("{}[package.metadata.sparsehls.models.two]\nsource = \"models/net.keras\"\n", net(FIXTURE)));
    catalogue.failure("two models", &firmware, &["explore", "--apply", "1"]);
    let knobs = |text: &str| firmware.manifest(&format!("{}{text}", net(FIXTURE)));
    knobs("interval = 0\n");
    catalogue.failure("no cycles", &firmware, &["check"]);
    knobs("pipeline = \"function\"\ninterval = 4\n");
    catalogue.failure("a function pipeline in steps", &firmware, &["check"]);
    knobs("interface = \"column\"\n");
    catalogue.failure("an interface that is not there", &firmware, &["check"]);
    knobs("[package.metadata.sparsehls.models.net.layers.logits]\nvariant = \"gather\"\n");
    catalogue.failure("a variant of another layer", &firmware, &["check"]);
    knobs("[package.metadata.sparsehls.models.net.layers.logits]\nfilters-per-cycle = 1000\n");
    catalogue.failure("more filters than there are", &firmware, &["check"]);
    knobs("[package.metadata.sparsehls.models.net.layers.logits]\nfilter-per-cycle = 1\n");
    catalogue.failure("a mistyped knob", &firmware, &["check"]);
    insta::assert_snapshot!(catalogue.0);
}
