//! Broken and hostile model and data files: whatever is in them, the answer is an error or a network, not a panic, and
//! it comes soon.
//!
//! The mutations are random but the same every time. `SPARSEHLS_FUZZ=20000` makes that many of each kind, and
//! `SPARSEHLS_FUZZ_SEED=7` others. A failure names the seed that makes it alone.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{Read, Write},
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::mpsc,
    thread,
    time::Duration,
};

use serde_json::{Value, json};
use sparsehls_build::{Code, Firmware, check, data, engine, fixed::Format, reference::Reference};

/// Models that between them have every kind of layer.
const FIXTURES: [&str; 8] = [
    "whole-net-032",
    "whole-net-023",
    "conv-position-iq",
    "max-pool-chained",
    "qsoftmax-heterogeneous",
    "unary-table",
    "reshape",
    "sequential-dense",
];
/// Keys that are read.
const READ: [&str; 29] = [
    "activation",
    "axes",
    "batch_shape",
    "class_name",
    "conv_config",
    "dilation_rate",
    "enable_iq",
    "enable_oq",
    "filters",
    "input_layers",
    "is_weight",
    "keras_history",
    "kernel_size",
    "learn_n",
    "learn_threshold",
    "n",
    "n_max_pixels",
    "overflow_mode",
    "pool_config",
    "pool_size",
    "q_type",
    "round_mode",
    "scaler",
    "strides",
    "target_shape",
    "threshold",
    "trainable",
    "units",
    "use_bias",
];
/// No single file may take longer; a good one takes a few milliseconds.
const PATIENCE: Duration = Duration::from_secs(20);

/// Sebastiano Vigna's splitmix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}

/// The members of a model.
#[derive(Clone)]
struct Members {
    config: Vec<u8>,
    weights: Vec<u8>,
}

impl Members {
    fn read(path: &Path) -> Self {
        let mut archive = zip::ZipArchive::new(File::open(path).unwrap()).unwrap();
        let mut member = |name: &str| {
            let mut bytes = Vec::new();
            archive.by_name(name).unwrap().read_to_end(&mut bytes).unwrap();
            bytes
        };
        Self { config: member("config.json"), weights: member("model.weights.h5") }
    }

    fn pack(&self) -> Vec<u8> {
        let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        for (name, bytes) in [("config.json", &self.config), ("model.weights.h5", &self.weights)] {
            archive.start_file(name, options).unwrap();
            archive.write_all(bytes).unwrap();
        }
        archive.finish().unwrap().into_inner()
    }
}

fn models() -> Vec<Members> {
    let all = common::fixtures();
    let chosen: Vec<_> = all
        .iter()
        .filter(|path| FIXTURES.contains(&&*path.file_stem().unwrap().to_string_lossy()))
        .map(|p| Members::read(p))
        .collect();
    assert_eq!(chosen.len(), FIXTURES.len());
    chosen
}

/// Flips, overwrites, removes, repeats: what happens to bytes on a bad disk, and a little of what an attacker does.
fn damage(bytes: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..=random.below(4) {
        if bytes.is_empty() {
            return;
        }
        let at = random.below(bytes.len());
        let end = (at + 1 + random.below(16)).min(bytes.len());
        match random.below(8) {
            0..=2 => bytes[at] ^= 1 << random.below(8),
            3 => bytes[at] = *random.pick(&[0, 1, 0x7f, 0x80, 0xff]),
            4 => bytes[at..end].fill(*random.pick(&[0, 0xff, 0x7f])),
            5 => {
                bytes.drain(at..end);
            }
            6 => {
                let part = bytes[at..end].to_vec();
                let to = random.below(bytes.len());
                bytes.splice(to..to, part);
            }
            _ if random.below(4) == 0 => bytes.truncate(at),
            _ => bytes.swap(at, end - 1),
        }
    }
}

/// Values that a place in a configuration may not expect.
fn absurd(random: &mut Random) -> Value {
    let numbers = [-1i64, 0, 1, 2, 3, 7, 64, 255, 4096, 65_536, 65_537, 1 << 24, 1 << 31, 1 << 32, i64::MAX, i64::MIN];
    match random.below(12) {
        0..=4 => json!(random.pick(&numbers)),
        5 => json!(random.pick(&[0.5, -0.0, 1e-300, 1e300, -1e38, 1e9, 0.1])),
        6 => json!(
            random.pick(&["", "kif", "kbi", "SAT", "WRAP", "RND_CONV", "relu", "softmax", "same", "\u{0}", "../../x", "q_dense"])
        ),
        7 => Value::Null,
        8 => json!(random.below(2) == 0),
        9 => json!([]),
        10 => json!({}),
        _ => json!([random.pick(&numbers), random.pick(&numbers)]),
    }
}

/// The JSON pointers of all values inside `value`.
fn pointers(value: &Value, here: &str, found: &mut Vec<String>) {
    found.push(here.to_owned());
    match value {
        Value::Array(items) => items.iter().enumerate().for_each(|(at, item)| pointers(item, &format!("{here}/{at}"), found)),
        Value::Object(items) => items.iter().for_each(|(key, item)| pointers(item, &format!("{here}/{key}"), found)),
        _ => {}
    }
}

/// Replaces, removes or repeats something.
fn change(value: &mut Value, random: &mut Random) {
    match value {
        Value::Array(items) if !items.is_empty() && random.below(2) == 0 => {
            let (from, to) = (random.below(items.len()), random.below(items.len()));
            match random.below(3) {
                0 => items.swap(from, to),
                1 => drop(items.remove(from)),
                _ => items.insert(to, items[from].clone()),
            }
        }
        Value::Object(items) if !items.is_empty() && random.below(2) == 0 => {
            let key = items.keys().nth(random.below(items.len())).unwrap().clone();
            items.remove(&key);
        }
        other => *other = absurd(random),
    }
}

/// One or two values of the configuration replaced, removed or repeated; it stays JSON.
fn reconfigure(config: &mut Vec<u8>, random: &mut Random) {
    let text = String::from_utf8(config.clone()).unwrap().replace("-Infinity", "null").replace("Infinity", "null");
    let mut value: Value = serde_json::from_str(&text).unwrap();
    for _ in 0..=random.below(2) {
        let mut all = Vec::new();
        pointers(&value, "", &mut all);
        if random.below(3) > 0 {
            // Most of a configuration matters to training only.
            all.retain(|pointer| {
                READ.contains(
                    &pointer.trim_end_matches(|c: char| c == '/' || c.is_ascii_digit()).rsplit('/').next().unwrap_or(""),
                )
            });
        }
        if !all.is_empty() {
            change(value.pointer_mut(random.pick::<String>(&all)).unwrap(), random);
        }
    }
    *config = serde_json::to_vec(&value).unwrap();
    if random.below(8) == 0 {
        // What Python writes and JSON does not have.
        let text = String::from_utf8(config.clone()).unwrap();
        let word = *random.pick(&[": NaN", ": Infinity", ": -Infinity"]);
        *config = text.replacen(*random.pick(&[":0.0", ":1", ":null", ":true"]), word, 1 + random.below(3)).into_bytes();
    }
}

/// Reads a model as the tools do, and takes one that is accepted through the rest of the pipeline.
fn load(path: &Path) -> Result<(), Code> {
    let model = common::model(path, Format { signed: true, width: 12, fraction: 4 });
    let firmware = Firmware::load("fuzz", model, PathBuf::new()).map_err(|errors| {
        let error = errors.first;
        let text = error.to_string();
        assert!(error.file_path().is_some(), "the error names no file: {text}");
        assert!(!text.contains(|c: char| c.is_control() && c != '\n'), "control characters: {text:?}");
        error.code()
    })?;
    let network = &firmware.network;
    // What is accepted but large only costs time here.
    if network.layers.iter().map(|layer| layer.layer.shape.len()).sum::<usize>() + network.input_len().get() < 20_000 {
        let inputs = check::made_up(network, 8);
        let outputs = engine::run(&Reference::new(network), &inputs).unwrap();
        assert_eq!(outputs.values().len(), 8 * network.output_len().get());
        firmware.project(&inputs.first(1)).map_err(|error| error.code())?;
    }
    Ok(())
}

fn environment(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

/// Makes `rounds` files with `mutate` and gives each to `read`; returns how often each outcome was.
fn hunt(
    rounds: u64,
    mutate: impl Fn(&mut Random) -> Vec<u8>,
    read: impl Fn(&Path) -> Result<(), Code> + Send + 'static,
) -> BTreeMap<&'static str, usize> {
    let rounds = environment("SPARSEHLS_FUZZ", rounds);
    let start = environment("SPARSEHLS_FUZZ_SEED", 1) << 32;
    let folder = tempfile::tempdir().unwrap();
    let (send_file, files) = mpsc::channel::<PathBuf>();
    let (send_outcome, outcomes) = mpsc::channel();
    // A thread of its own, so that one that never ends is found.
    thread::spawn(move || {
        for path in files {
            let outcome = catch_unwind(AssertUnwindSafe(|| read(&path)));
            let text = outcome.map(|result| result.map_or_else(Code::name, |()| "accepted"));
            let _ = send_outcome.send(text.map_err(|panic| {
                let text = panic.downcast_ref::<String>().cloned();
                text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
            }));
        }
    });
    let mut seen = BTreeMap::new();
    let mut failures = Vec::new();
    for seed in start..start + rounds {
        let path = folder.path().join("file");
        let bytes = mutate(&mut Random(seed));
        fs::write(&path, &bytes).unwrap();
        send_file.send(path.clone()).unwrap();
        let failure = match outcomes.recv_timeout(PATIENCE) {
            Ok(Ok(outcome)) => {
                *seen.entry(outcome).or_default() += 1;
                continue;
            }
            Ok(Err(panic)) => format!("panics: {panic}"),
            Err(_) => format!("takes longer than {PATIENCE:?}"),
        };
        if let Some(folder) = std::env::var_os("SPARSEHLS_FUZZ_KEEP") {
            fs::write(Path::new(&folder).join(format!("{seed}.bin")), &bytes).unwrap();
        }
        let hangs = failure.starts_with("takes");
        failures.push(format!("seed {seed}: {failure}"));
        if hangs || failures.len() == 10 {
            break;
        }
    }
    println!("{seen:?}");
    assert!(failures.is_empty(), "{}\nSPARSEHLS_FUZZ_KEEP=FOLDER keeps the files", failures.join("\n"));
    seen
}

/// The mutations as they are by default are deep enough to be of use.
fn reaches(seen: &BTreeMap<&'static str, usize>, outcomes: &[&str]) {
    if environment("SPARSEHLS_FUZZ", 0) == 0 && environment("SPARSEHLS_FUZZ_SEED", 0) == 0 {
        outcomes.iter().for_each(|outcome| assert!(seen.contains_key(outcome), "{outcome} never occurs: {seen:?}"));
    }
}

#[test]
fn configurations_with_absurd_values() {
    let models = models();
    let seen = hunt(
        700,
        |random| {
            let mut model = random.pick(&models).clone();
            reconfigure(&mut model.config, random);
            model.pack()
        },
        load,
    );
    let codes = ["accepted", "unsupported-option", "unsupported-graph", "invalid-config", "weights-shape", "unsupported-layer"];
    reaches(&seen, &codes);
}

#[test]
fn configurations_with_damaged_text() {
    let models = models();
    hunt(
        500,
        |random| {
            let mut model = random.pick(&models).clone();
            damage(&mut model.config, random);
            model.pack()
        },
        load,
    );
}

#[test]
fn weights_with_damaged_bytes() {
    let models = models();
    let seen = hunt(
        700,
        |random| {
            let mut model = random.pick(&models).clone();
            damage(&mut model.weights, random);
            model.pack()
        },
        load,
    );
    reaches(&seen, &["accepted", "weights-unreadable", "weights-value", "bits-out-of-range"]);
}

#[test]
fn damaged_archives() {
    let whole: Vec<_> = common::fixtures().iter().step_by(20).map(|path| fs::read(path).unwrap()).collect();
    hunt(
        500,
        |random| {
            let mut bytes = random.pick(&whole).clone();
            if random.below(2) == 0 {
                damage(&mut bytes, random);
            } else {
                // The directory at the end says where everything is and how large.
                let mut end = bytes.split_off(bytes.len() - 300.min(bytes.len()));
                damage(&mut end, random);
                bytes.extend(end);
            }
            bytes
        },
        load,
    );
}

#[test]
fn damaged_arrays() {
    let folder = tempfile::tempdir().unwrap();
    let npy = folder.path().join("x.npy");
    data::write_npy(&npy, &[3, 4, 5], &[0.5; 60]).unwrap();
    let npy = fs::read(npy).unwrap();
    let seen = hunt(
        3000,
        |random| {
            let mut bytes = npy.clone();
            let mut head = bytes.drain(..128).collect();
            damage(&mut head, random);
            [head, bytes].concat()
        },
        |path| data::read_npy(path).map(drop).map_err(|error| error.code()),
    );
    reaches(&seen, &["accepted", "invalid-data"]);
    let npz = fs::read(common::fixtures()[0].with_extension("npz")).unwrap();
    hunt(
        500,
        |random| {
            let mut bytes = npz.clone();
            damage(&mut bytes, random);
            bytes
        },
        |path| data::read_golden(path).map(drop).map_err(|error| error.code()),
    );
}
