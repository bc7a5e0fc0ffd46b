//! The Python of the guide: read as Python, and run with Keras if `SPARSEHLS_PYTHON` names one that has it. And hls4ml's keys.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    blocks::keras,
    firmware::Firmware,
    markdown::{Block, Page, pages},
    skip::skipped,
};

/// What the pages call the network that the guide trains, and its events.
const NAMES: &str = "inputs, x = x_test[:50], x_test[:50]\nimport os\nos.makedirs('models', exist_ok=True)\n";

fn page(name: &str) -> Page {
    pages().into_iter().find(|page| page.name == name).unwrap()
}

fn blocks() -> Vec<Block> {
    let blocks = pages().into_iter().flat_map(|page| page.blocks());
    blocks.filter(|block| block.kind == "python").collect()
}

#[test]
fn the_python_of_the_guide_is_python() {
    if Command::new("python3").arg("--version").output().is_err() {
        return skipped("python3 is not installed");
    }
    let folder = tempfile::tempdir().unwrap();
    let blocks = blocks();
    assert!(blocks.len() >= 4, "only {} blocks", blocks.len());
    for block in blocks {
        let file = folder.path().join(block.place.replace(['/', ':'], "-"));
        fs::write(&file, block.lines.join("\n")).unwrap();
        let read = "import ast, sys; ast.parse(open(sys.argv[1], encoding='utf-8').read())";
        let output = Command::new("python3").args(["-c", read]).arg(file).output().unwrap();
        assert!(output.status.success(), "{}: {}", block.place, String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn the_python_of_the_guide_does_what_the_guide_says() {
    let Some(python) = keras() else { return skipped("SPARSEHLS_PYTHON is not set") };
    let firmware = Firmware::bare();
    let (training, fragments): (Vec<_>, Vec<_>) = blocks().into_iter().partition(|block| block.file.is_some());
    assert_eq!(training.len(), 1);
    let mut script = format!("{}\n{NAMES}", training[0].lines.join("\n"));
    // That of the wheel and of the libraries has tests of its own.
    for block in fragments.into_iter().filter(|block| !block.place.starts_with("docs/python.md")) {
        match block.needs {
            Some(needs) => skipped(&format!("{}: {needs}", block.place)),
            None => script.push_str(&format!("\n# {}\n{}\n", block.place, block.lines.join("\n"))),
        }
    }
    fs::write(firmware.path("guide.py"), script).unwrap();
    let mut command = Command::new(python);
    let output = command.arg("guide.py").current_dir(firmware.root()).env("TF_CPP_MIN_LOG_LEVEL", "3").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    // What it wrote is what the commands take: the dump of every layer, too.
    let new = ["new", "fw", "--source", "slope.keras", "--golden", "models/NAME.golden.npz", "--input", "ufixed<4,0>"];
    let run = firmware.run(&new);
    assert_eq!(run.code, 0, "{run:?}");
    for arguments in
        [["trace", "--keras", "dump.npz"], ["verify", "--golden", "model.golden.npz"], ["verify", "--engine", "both"]]
    {
        let run = firmware.run(&[&arguments[..], &["--manifest-path", "fw/Cargo.toml"]].concat());
        assert_eq!(run.code, 0, "{run:?}");
    }
}

/// Names in the sources of hls4ml that look like keys: those of other front ends' classes, of reports, and its own notes.
const NO_KEYS: [&str; 14] = [
    "BehavSimResults",
    "BestLatency",
    "GarNet",
    "InputLayer",
    "InputShapes",
    "LineBuffer",
    "ModelGraph",
    "NSymbols",
    "OriginalProjectName",
    "OutputShapes",
    "Stamp",
    "StitchedDesignReport",
    "StitchedProjectName",
    "WorstLatency",
];

/// `['Key']` and `get('Key'` of a source.
fn keys(source: &str) -> BTreeSet<String> {
    let starts = ["['", "get('"];
    let parts = starts.iter().flat_map(|start| source.split(start).skip(1)).filter_map(|part| Some(part.split_once('\'')?.0));
    let is_key = |key: &&str| {
        key.len() > 3 && key.starts_with(|c: char| c.is_ascii_uppercase()) && key.chars().all(|c| c.is_ascii_alphanumeric())
    };
    parts.filter(is_key).map(str::to_owned).collect()
}

#[test]
fn every_key_of_hls4ml_is_answered() {
    let Some(headers) = std::env::var_os("SPARSEHLS_VENDOR_AP_TYPES").map(PathBuf::from) else {
        return skipped("SPARSEHLS_VENDOR_AP_TYPES is not set: the headers in the wheel of hls4ml");
    };
    let Some(wheel) = headers.ancestors().nth(3).filter(|folder| folder.join("model/graph.py").exists()) else {
        return skipped("the vendor's headers are not those in a wheel of hls4ml");
    };
    let sources = ["model/graph.py", "converters/__init__.py", "utils/config.py", "backends/vivado/vivado_backend.py"];
    let read = |file: &&str| fs::read_to_string(wheel.join(Path::new(file))).unwrap();
    let sources: String = sources.iter().chain(&["backends/vitis/vitis_backend.py"]).map(read).collect();
    let found = keys(&sources);
    assert!(found.len() > 30, "{found:?}");
    let text = page("docs/from-hls4ml.md").text;
    let missing: Vec<_> =
        found.iter().filter(|key| !NO_KEYS.contains(&key.as_str()) && !text.contains(&format!("`{key}`"))).collect();
    assert!(missing.is_empty(), "docs/from-hls4ml.md says nothing of {missing:?}");
}
