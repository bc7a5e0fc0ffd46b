//! What the circuit's cost model says of blocks and whole networks, against what yosys makes of them.
//!
//! `table.csv` has what yosys made. With SPARSEHLS_SYNTHESIS=1 the test of that name makes it anew, which takes half an hour.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod blocks;
#[path = "../common/mod.rs"]
mod common;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use blocks::{Block, ELEMENT};
use sparsehls_build::{
    backend::verilog::{Rtl, RtlLayer, scripts},
    circuit::{
        Circuit,
        core::Core,
        cost::CircuitCost,
        schedule::{Schedule, Timing},
        tech::Technology,
    },
    cost, data,
    fingerprint::Fingerprint,
    fixed::Format,
    lower::Design,
    manifest::{Interface, Knob, Language, Model},
    plan::Plan,
};

/// Networks of the fixtures, small ones, each with steps that a layer may take for an event.
const NETWORKS: [(&str, usize); 12] = [
    ("named-like-a-type", 1),
    ("reduce-budget-one", 1),
    ("sequential-late", 1),
    ("reduce-learned-n-only", 1),
    ("sequential-dense", 1),
    ("dense-only", 1),
    ("reduce-basic", 1),
    ("reduce-fixed", 16),
    ("dense-no-bias", 16),
    ("qsoftmax", 16),
    ("conv-zero-sum", 64),
    ("traced", 16),
];

const PARTS: [(Technology, &str); 4] = [
    (Technology::Xcup, "xcu250-figd2104-2L-e"),
    (Technology::Xc7, "xc7a100tcsg324-1"),
    (Technology::Ecp5, "LFE5U-85F-8BG381C"),
    (Technology::Ice40, "iCE40HX8K-CT256"),
];

/// Something to be synthesized.
struct Subject {
    name: String,
    circuit: Circuit,
    input: Format,
    output: Format,
    layers: Vec<String>,
}

impl Subject {
    fn key(&self, technology: Technology) -> (String, String, String) {
        let schedule = Schedule::new(&self.circuit, &timing(technology)).unwrap();
        let mut circuit = Fingerprint::default();
        circuit.add(format!("{:?} {:?} {:?}", self.circuit.nodes(), self.circuit.states(), self.circuit.tables()));
        circuit.add(format!("{:?} {:?}", schedule.stage, schedule.last_read));
        (technology.name().to_owned(), self.name.clone(), format!("{:016x}", circuit.short()))
    }
}

fn timing(technology: Technology) -> Timing {
    Timing { stage: if matches!(technology, Technology::Xcup | Technology::Xc7) { 3650 } else { 7300 }, technology }
}

fn subjects() -> Vec<Subject> {
    let blocks = blocks::all().into_iter().map(|block| {
        let circuit = block.circuit();
        let input = Format { signed: false, width: ELEMENT, fraction: 0 };
        Subject { output: Block::output(&circuit), name: block.name, circuit, input, layers: vec!["block".into()] }
    });
    blocks.chain(NETWORKS.iter().map(|(name, steps)| network(name, *steps))).collect()
}

fn network(name: &str, steps: usize) -> Subject {
    let source = common::folder().join(format!("{name}.keras"));
    let arrays = data::read_npz(&source.with_extension("npz")).unwrap();
    let (mut model, network) = common::load(&source, &arrays["x"]).unwrap();
    model.knobs = common::knobs([(Knob::Interval, steps)]);
    (model.target.language, model.interface) = (Language::Verilog, Some(Interface::Partition));
    let design = Design::new(&network, &Plan::new(&network, &model, cost::area).unwrap()).unwrap();
    let core = Core::new(&design, &timing(Technology::Xcup)).unwrap();
    Subject {
        name: name.into(),
        circuit: core.circuit,
        input: design.value(design.input).format,
        output: design.value(design.output).format,
        layers: design.layers.iter().map(|layer| layer.id.clone()).collect(),
    }
}

/// LUT, FF and levels that yosys makes of it.
fn synthesize(subject: &Subject, technology: Technology, folder: &Path) -> Option<[u64; 3]> {
    let schedule = Schedule::new(&subject.circuit, &timing(technology)).unwrap();
    let layers: Vec<_> = subject.layers.iter().map(|id| RtlLayer { id, title: id }).collect();
    let rtl = Rtl {
        model: "m",
        about: &[],
        circuit: &subject.circuit,
        schedule: &schedule,
        layers: &layers,
        input: subject.input,
        output: subject.output,
        clock_enable: false,
    };
    let part = PARTS.iter().find(|(known, _)| *known == technology).unwrap().1;
    let mut model: Model = common::model(Path::new("m.keras"), subject.input);
    model.name = "m".into();
    model.target.part = part.into();
    let ports = scripts::Ports { input_bits: rtl.input_bits() as usize, output_bits: rtl.output_bits() as usize };
    for (path, text) in
        scripts::files("a test", &model, ports).unwrap().into_iter().chain([("rtl/m.v".into(), rtl.text().unwrap())])
    {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    std::fs::create_dir_all(folder.join("synth")).unwrap();
    let run = Command::new("yosys").args(["-q", "-s", "scripts/yosys.ys"]).current_dir(folder).status().unwrap();
    run.success().then(|| count(folder))
}

fn count(folder: &Path) -> [u64; 3] {
    let text = std::fs::read_to_string(folder.join("synth/stat.json")).unwrap();
    let json: serde_json::Value = serde_json::from_str(&text[text.find('{').unwrap()..]).unwrap();
    let (mut lut, mut ff) = (0, 0);
    for (cell, count) in json["design"]["num_cells_by_type"].as_object().unwrap() {
        let count = count.as_u64().unwrap();
        match cell.as_str() {
            "$lut_7" | "CCU2C" => lut += 2 * count,
            "$lut_8" => lut += 4 * count,
            "LUT4" | "SB_LUT4" => lut += count,
            _ if cell.starts_with("$lut") => lut += count,
            _ if cell.starts_with("FD") || cell.starts_with("SB_DFF") || cell == "TRELLIS_FF" => ff += count,
            _ => {}
        }
    }
    let levels = std::fs::read_to_string(folder.join("synth/levels.txt")).unwrap();
    let levels = levels.lines().find_map(|line| line.split_once("(length=")?.1.strip_suffix("):")?.parse::<i64>().ok());
    [lut, ff, levels.unwrap_or(0).max(0).unsigned_abs()]
}

fn table() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/synthesis/table.csv")
}

const HEAD: &str = "technology,name,circuit,lut,ff,levels";

/// By technology, name, and a fingerprint of circuit and schedule: kernels that have changed since are not compared.
type Known = BTreeMap<(String, String, String), [u64; 3]>;

/// What is known.
fn known() -> Known {
    let text = std::fs::read_to_string(table()).unwrap();
    let row = |line: &str| {
        let [technology, name, circuit, numbers @ ..] = &line.split(',').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let numbers: Vec<u64> = numbers.iter().map(|number| number.parse().unwrap()).collect();
        (((*technology).to_owned(), (*name).to_owned(), (*circuit).to_owned()), numbers.try_into().unwrap())
    };
    text.lines().skip(1).map(row).collect()
}

#[test]
fn measure() {
    let Ok(chosen) = std::env::var("SPARSEHLS_SYNTHESIS") else {
        common::skip::skipped("yosys is not asked; SPARSEHLS_SYNTHESIS=1 asks it for what is not in the table yet");
        return;
    };
    let rows = Mutex::new(known());
    let subjects = subjects();
    let technologies = PARTS.iter().map(|(technology, _)| *technology).filter(|t| chosen == "1" || chosen == t.name());
    let jobs: Vec<_> = technologies.flat_map(|technology| subjects.iter().map(move |subject| (subject, technology))).collect();
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some((subject, technology)) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
            let key = subject.key(*technology);
            if rows.lock().unwrap().contains_key(&key) {
                continue;
            }
            let folder = tempfile::tempdir().unwrap();
            let Some(found) = synthesize(subject, *technology, folder.path()) else { continue };
            let mut rows = rows.lock().unwrap();
            rows.retain(|(technology, name, _), _| (technology, name) != (&key.0, &key.1));
            rows.insert(key, found);
            eprintln!("{} {}", technology.name(), subject.name);
            let line = |((technology, name, circuit), [lut, ff, levels]): (&(String, String, String), &[u64; 3])| {
                format!("{technology},{name},{circuit},{lut},{ff},{levels}\n")
            };
            std::fs::write(table(), format!("{HEAD}\n{}", rows.iter().map(line).collect::<String>())).unwrap();
        }
    };
    std::thread::scope(|scope| (0..2).for_each(|_| drop(scope.spawn(work))));
}

/// What is estimated and what yosys makes, in pairs.
struct Pairs {
    what: &'static str,
    pairs: Vec<(f64, f64)>,
}

impl Pairs {
    fn add(&mut self, estimated: f64, measured: u64) {
        if measured > 0 {
            self.pairs.push((estimated, measured as f64));
        }
    }

    /// A line of the guide's table: how many there are, the median of |estimated - measured| / measured, and what 90 % are below.
    fn line(&self, of: &str) -> Option<String> {
        let mut errors: Vec<f64> = self.pairs.iter().map(|(estimated, measured)| (estimated / measured - 1.0).abs()).collect();
        errors.sort_by(f64::total_cmp);
        let at = |part: f64| errors.get((errors.len() as f64 * part) as usize).map(|error| format!("{:.0} %", 100.0 * error));
        Some(format!("| {of} | {} | {} | {} | {} |", self.what, errors.len(), at(0.5)?, at(0.9)?))
    }
}

#[test]
fn estimates_are_as_near_as_the_guide_says() {
    let (known, subjects) = (known(), subjects());
    let mut lines = Vec::new();
    for (technology, _) in PARTS {
        for is_network in [false, true] {
            let [mut lut, mut ff] = ["LUT", "FF"].map(|what| Pairs { what, pairs: Vec::new() });
            let group: Vec<_> =
                subjects.iter().filter(|subject| NETWORKS.iter().any(|(name, _)| *name == subject.name) == is_network).collect();
            let unknown = group.iter().filter(|subject| !known.contains_key(&subject.key(technology))).count();
            let of = format!("{} | {}", technology.name(), if is_network { "networks" } else { "blocks" });
            if unknown > 0 {
                common::skip::skipped(&format!("{unknown} of {} {of} have changed since they were synthesized", group.len()));
                continue;
            }
            for subject in group {
                let [measured_lut, measured_ff, _] = known[&subject.key(technology)];
                let schedule = Schedule::new(&subject.circuit, &timing(technology)).unwrap();
                let cost = CircuitCost::new(&subject.circuit, &schedule, technology);
                assert_eq!(cost.layers.iter().map(|layer| layer.lut).sum::<u64>(), cost.total.lut);
                println!(
                    "{technology:?} {}: {} LUT ({measured_lut}), {} FF ({measured_ff})",
                    subject.name, cost.total.lut, cost.total.ff
                );
                lut.add(cost.total.lut as f64, measured_lut);
                ff.add(cost.total.ff as f64, measured_ff);
            }
            lines.extend([lut, ff].iter().filter_map(|pairs| pairs.line(&of)));
        }
    }
    lines.iter().for_each(|line| println!("{line}"));
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/cost-model.md")).unwrap();
    let missing: Vec<_> = lines.iter().filter(|line| !page.contains(line.as_str())).collect();
    assert!(missing.is_empty(), "not in docs/cost-model.md, which has to be brought up to date: {missing:#?}");
}
