//! The targets: a function for each, which takes the bytes of an input and panics if the tool does what it must not.
//!
//! What every input is held to: no panic, no internal error, an error that names the file and has no control characters.
//! Time and memory are the caller's to limit. `build-support/tests/corpus.rs` includes this file and replays the corpus.

use std::{
    io::{Cursor, Read, Write},
    path::{Path, PathBuf},
    sync::LazyLock,
};

use serde_json::{Value, json};
use sparsehls_build::{
    Code, Error, Firmware, check, data, engine,
    formats::FixedNetwork,
    manifest::{self, Model, Package},
    reference::Reference,
    toolchain::{Cosim, Csynth, ExportRun, Pnr, Simulation, Timing, Utilization, Yosys},
};

/// What takes the bytes of an input.
pub type Target = fn(&[u8]);

/// Every target by its name.
pub const ALL: [(&str, Target); 7] = [
    ("archive", archive),
    ("config", config),
    ("hdf5", hdf5),
    ("arrays", arrays),
    ("manifest", manifest),
    ("reports", reports),
    ("model", model),
];

/// Models that between them have every kind of layer; the first byte of an input chooses one.
pub const MODELS: [&str; 16] = [
    "whole-net-032",
    "whole-net-023",
    "conv-position-iq",
    "max-pool-chained",
    "qsoftmax-heterogeneous",
    "unary-table",
    "reshape",
    "sequential-dense",
    "reduce-learned",
    "table-sigmoid-saturated",
    "conv-no-iq-first",
    "tanh-in-dense",
    "softmax-layer",
    "reshape-grid",
    "avg-pool-whole-image",
    "batchnorm-dense",
];

/// The members of a model.
pub struct Members {
    /// `config.json`.
    pub config: Vec<u8>,
    /// `model.weights.h5`.
    pub weights: Vec<u8>,
}

static MEMBERS: LazyLock<Vec<Members>> = LazyLock::new(|| MODELS.iter().map(|name| members(name)).collect());

/// The model that all sorts of knobs are tried on.
static NETWORK: LazyLock<FixedNetwork> =
    LazyLock::new(|| FixedNetwork::read(&declared(&fixture(MODELS[0]))).unwrap_or_else(|errors| panic!("{}", errors.first)));

/// Where a fixture is.
pub fn fixture(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../build-support/tests/fixtures");
    folder.join(format!("{name}.keras"))
}

/// The members of a fixture.
pub fn members(name: &str) -> Members {
    let file = std::fs::File::open(fixture(name)).expect("a fixture");
    let mut archive = zip::ZipArchive::new(file).expect("an archive");
    let mut member = |name: &str| {
        let mut bytes = Vec::new();
        archive.by_name(name).expect("a member").read_to_end(&mut bytes).expect("it unpacks");
        bytes
    };
    Members { config: member("config.json"), weights: member("model.weights.h5") }
}

/// An archive whose checksums are right, so that it is the members that are read.
pub fn pack(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, bytes) in members {
        archive.start_file(*name, options).expect("a member begins");
        archive.write_all(bytes).expect("memory takes it");
    }
    archive.finish().expect("an archive").into_inner()
}

/// Gives `bytes` to `read` as a file.
fn as_file<T>(bytes: &[u8], read: impl FnOnce(&Path) -> T) -> T {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(bytes).expect("room for it");
    read(file.path())
}

/// A package that declares one model.
fn package(metadata: Value) -> Package {
    Package {
        name: "fuzz".to_owned(),
        manifest: "Cargo.toml".into(),
        directory: PathBuf::new(),
        metadata: Some(metadata),
        workspace_metadata: None,
        workspace_manifest: "Cargo.toml".into(),
        target_directory: "target".into(),
    }
}

/// What a manifest says of the model in this file.
fn declared(source: &Path) -> Model {
    let metadata = json!({ "models": { "fuzz": { "source": source, "input": "fixed<12,8>" } } });
    manifest::models(&package(metadata)).expect("a good manifest").remove(0)
}

/// An error as it has to be.
fn refused(error: &Error) {
    let text = error.to_string();
    assert_ne!(error.code(), Code::Internal, "{text}");
    assert!(error.file_path().is_some(), "the error names no file: {text}");
    assert!(!text.contains(|c: char| c.is_control() && c != '\n'), "control characters: {text:?}");
}

/// Reads a model as the tools do; gives it back if it is accepted.
fn load(bytes: &[u8]) -> Option<Firmware> {
    let loaded = as_file(bytes, |path| Firmware::load("fuzz", declared(path), PathBuf::new()));
    loaded.map_err(|errors| std::iter::once(&errors.first).chain(&errors.others).for_each(refused)).ok()
}

/// Takes a model through the rest of the pipeline.
fn compute(firmware: &Firmware) {
    let network = &firmware.network;
    // What is accepted but large only costs time here.
    if network.layers.iter().map(|layer| layer.layer.shape.len()).sum::<usize>() + network.input_len().get() > 20_000 {
        return;
    }
    let inputs = check::made_up(network, 8);
    let outputs = engine::run(&Reference::new(network), &inputs).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(outputs.values().len(), 8 * network.output_len().get());
    build(firmware);
}

/// Plans, costs and writes a model as text.
fn build(firmware: &Firmware) {
    let _ = firmware.estimate().map_err(|error| assert_ne!(error.code(), Code::Internal, "{error}"));
    let inputs = check::made_up(&firmware.network, 1);
    let _ = firmware.project(&inputs).map_err(|error| assert_ne!(error.code(), Code::Internal, "{error}"));
}

/// A `.keras` file as it is.
pub fn archive(data: &[u8]) {
    load(data);
}

/// The model that the first byte chooses.
fn chosen(byte: u8) -> &'static Members {
    &MEMBERS[usize::from(byte) % MODELS.len()]
}

/// Where the configuration begins in an input of [`config`].
pub fn config_head(data: &[u8]) -> usize {
    data.len().min(1)
}

/// A configuration, behind a byte that chooses the weights.
pub fn config(data: &[u8]) {
    let Some((choice, config)) = data.split_first() else { return };
    load(&pack(&[("config.json", config), ("model.weights.h5", &chosen(*choice).weights)]));
}

/// Weights, behind a byte that chooses the configuration.
pub fn hdf5(data: &[u8]) {
    let Some((choice, weights)) = data.split_first() else { return };
    load(&pack(&[("config.json", &chosen(*choice).config), ("model.weights.h5", weights)]));
}

/// Bytes of a changed weight in an input of [`model`]: which one, and the float.
const CHANGE: usize = 6;

/// Where the configuration begins in an input of [`model`].
pub fn model_head(data: &[u8]) -> usize {
    (2 + CHANGE * usize::from(data.get(1).copied().unwrap_or(0) % 32)).min(data.len())
}

/// The whole way to the outputs: a byte that chooses the weights, how many of them are changed, those, the configuration.
pub fn model(data: &[u8]) {
    let (head, config) = data.split_at(model_head(data));
    let [choice, _, changes @ ..] = head else { return };
    let mut weights = chosen(*choice).weights.clone();
    // What may be a weight or a bit width; what else is in an HDF5 file looks like no float of that size.
    let is_float =
        |four: &[u8]| matches!(four, [a, b, c, d] if (1e-6..1e6).contains(&f32::from_le_bytes([*a, *b, *c, *d]).abs()));
    let places: Vec<usize> = (0..weights.len() / 4).filter(|at| is_float(&weights[at * 4..at * 4 + 4])).collect();
    for change in changes.chunks_exact(CHANGE) {
        let at = places[usize::from(u16::from_le_bytes([change[0], change[1]])) % places.len()] * 4;
        weights[at..at + 4].copy_from_slice(&change[2..]);
    }
    let loaded = load(&pack(&[("config.json", config), ("model.weights.h5", &weights)]));
    loaded.iter().for_each(compute);
}

/// A `.npy` or `.npz` file; the first byte says which, and how it is read.
pub fn arrays(data: &[u8]) {
    let Some((choice, bytes)) = data.split_first() else { return };
    let half = bytes.len() / 2;
    let is_npy = choice % 5 == 0;
    let packed = match choice % 5 {
        // The array alone, the archive as it is, archives with good checksums around arrays, and one that lies about sizes.
        0 | 1 => bytes.to_vec(),
        2 => pack(&[("x.npy", bytes), ("y.npy", bytes)]),
        3 => pack(&[("x.npy", &bytes[..half]), ("y.npy", &bytes[half..])]),
        _ => claiming(bytes),
    };
    as_file(&packed, |path| {
        let whole = if is_npy { data::read_npy(path).map(drop) } else { data::read_golden(path).map(drop) };
        let _ = whole.map_err(|error| refused(&error));
        let _ = pieces(path, is_npy).map_err(|error| refused(&error));
    });
}

/// An archive with one array twice, whose directory claims the size that the first four bytes are.
fn claiming(bytes: &[u8]) -> Vec<u8> {
    let Some((size, array)) = bytes.split_first_chunk::<4>() else { return Vec::new() };
    let mut packed = pack(&[("x.npy", array), ("y.npy", array)]);
    // Behind the members comes the directory; the size is 24 bytes behind the start of an entry.
    let directory = packed.windows(4).rposition(|four| four == b"PK\x05\x06").map(|end| end - 2 * (46 + "x.npy".len()));
    for entry in directory.iter().flat_map(|start| [*start, start + 46 + "x.npy".len()]) {
        packed[entry + 24..entry + 28].copy_from_slice(size);
    }
    packed
}

/// Reads events in pieces, as `predict` does.
fn pieces(path: &Path, is_npy: bool) -> sparsehls_build::Result {
    let mut source = if is_npy { data::Source::open(path, "x")? } else { data::Source::in_archive(path, "x")? };
    let mut events = source.events()?;
    let (count, mut read) = (events.count(), 0);
    // Events without values could be read for ever.
    while read < count.min(1 << 16) {
        read += 1000;
        events.read(1000)?;
    }
    Ok(())
}

/// A `Cargo.toml`; what it declares is built of a model that is known to be good.
pub fn manifest(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(document) = text.parse::<toml_edit::DocumentMut>() else { return };
    let all = from_toml(document.as_item());
    let at = |place: &str| all.pointer(place).cloned();
    let mut package = package(Value::Null);
    package.metadata = at("/package/metadata/sparsehls");
    package.workspace_metadata = at("/workspace/metadata/sparsehls");
    match manifest::each_model(&package) {
        Err(errors) => std::iter::once(&errors.first).chain(&errors.others).for_each(refused),
        Ok(models) => {
            for (_, model) in models.into_iter().take(2) {
                match model {
                    Err(errors) => std::iter::once(&errors.first).chain(&errors.others).for_each(refused),
                    Ok(model) => plan(model),
                }
            }
        }
    }
}

/// Builds a good network with the knobs of a model.
fn plan(model: Model) {
    match Firmware::plan("fuzz", NETWORK.clone(), model, PathBuf::new()) {
        Err(error) => assert_ne!(error.code(), Code::Internal, "{error}"),
        Ok(firmware) => build(&firmware),
    }
}

/// What cargo makes of TOML.
fn from_toml(item: &toml_edit::Item) -> Value {
    match item {
        toml_edit::Item::None => Value::Null,
        toml_edit::Item::Value(value) => from_value(value),
        toml_edit::Item::Table(table) => table.iter().map(|(key, item)| (key.to_owned(), from_toml(item))).collect(),
        toml_edit::Item::ArrayOfTables(tables) => {
            let of = |table: &toml_edit::Table| table.iter().map(|(key, item)| (key.to_owned(), from_toml(item))).collect();
            Value::Array(tables.iter().map(of).collect())
        }
    }
}

fn from_value(value: &toml_edit::Value) -> Value {
    match value {
        toml_edit::Value::String(text) => json!(text.value()),
        toml_edit::Value::Integer(number) => json!(number.value()),
        toml_edit::Value::Float(number) => json!(number.value()),
        toml_edit::Value::Boolean(truth) => json!(truth.value()),
        toml_edit::Value::Datetime(time) => json!(time.value().to_string()),
        toml_edit::Value::Array(items) => items.iter().map(from_value).collect(),
        toml_edit::Value::InlineTable(table) => table.iter().map(|(key, value)| (key.to_owned(), from_value(value))).collect(),
    }
}

/// A report; the first byte chooses the tool.
pub fn reports(data: &[u8]) {
    let Some((choice, bytes)) = data.split_first() else { return };
    let text = &*String::from_utf8_lossy(bytes);
    // What is read is printed, as text and as JSON.
    fn shown<T: serde::Serialize>(read: Result<T, String>) {
        let _ = read.map(|report| serde_json::to_string(&report).expect("JSON"));
    }
    match choice % 9 {
        0 => shown(Csynth::parse(text).inspect(|report| drop(report.to_string()))),
        1 => shown(Cosim::parse(text).inspect(|report| drop(report.to_string()))),
        2 => shown(ExportRun::parse(text)),
        3 => shown(Utilization::parse(text)),
        4 => shown(Timing::parse(text)),
        5 => shown(Yosys::parse(text, "xcu250").inspect(|report| drop(report.to_string()))),
        6 => shown(Yosys::parse_levels(text)),
        7 => shown(Pnr::parse(text, 200.0).inspect(|report| drop(report.to_string()))),
        _ => shown(Simulation::parse(text).inspect(|report| drop(report.to_string()))),
    }
}
