//! From a trained sparse CNN (`.keras`) to an HLS project and a compiled simulation of it.
//!
//! This crate is the compiler behind `cargo sparsehls`, and what a firmware package's `build.rs` calls. A whole package, as
//! `cargo sparsehls new` writes it:
//!
//! ```toml
//! # Cargo.toml
//! [build-dependencies]
//! sparsehls-build = "0.1"
//!
//! [package.metadata.sparsehls.models.digits]
//! source = "models/digits.keras"
//! golden = "models/digits.golden.npz"     # optional: what Keras makes of some events, checked at every build
//! ```
//!
//! ```no_run
//! // build.rs
//! fn main() -> sparsehls_build::Result {
//!     sparsehls_build::Build::from_manifest()?.compile()
//! }
//! ```
//!
//! ```ignore
//! // src/lib.rs
//! include!(concat!(env!("OUT_DIR"), "/sparsehls.rs"));
//!
//! /// The best label of an image: calls the simulated firmware, bit for bit what the FPGA computes.
//! pub fn label(image: &[f32; digits::INPUTS]) -> usize {
//!     let scores = digits::predict(image);
//!     (0..digits::OUTPUTS).max_by(|a, b| scores[*a].total_cmp(&scores[*b])).unwrap_or(0)
//! }
//! ```
//!
//! [`Build`] has more to say than its defaults. The stages behind it can be called one by one, outside of a build script
//! too:
//!
//! ```no_run
//! use std::path::Path;
//!
//! use sparsehls_build::{data, manifest::{self, Selection}, reference::Reference};
//!
//! # fn main() -> sparsehls_build::Result {
//! for package in Selection::default().packages()? {
//!     for model in manifest::models(&package)? {
//!         let network = sparsehls_build::load(&model)?;
//!         let events = data::read_npy(Path::new("events.npy"))?;
//!         data::check_events(&events, &network)?;
//!         let (inputs, grid) = data::to_mantissas(&events, &network);
//!         let outputs = Reference::new(&network).run_all(&inputs);
//!         println!("{}: {} outputs; {} inputs off the grid", model.name, outputs.len(), grid.off_grid);
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! It is a pipeline. Each stage takes what the one before it gives; nothing flows back:
//!
//! | stage | from | to |
//! | --- | --- | --- |
//! | [`manifest`] | `[package.metadata.sparsehls]` | [`manifest::Model`] |
//! | [`keras`] | `model.keras` | [`keras::KerasModel`] |
//! | [`network`] | `KerasModel` | [`network::Network`]: elementary ops |
//! | [`formats`] | `Network` | [`formats::FixedNetwork`]: exact fixed-point formats on every value |
//! | [`cost`] | a kernel's operations | [`cost::Estimate`]: LUT, FF, cycles |
//! | [`plan`] | `FixedNetwork` and the manifest's knobs | [`plan::Plan`]: how each layer is built |
//! | [`cost`] | `FixedNetwork` and `Plan` | [`cost::NetworkEstimate`]: area and cycles; it also makes choices for `plan` |
//! | [`mod@reference`] | `FixedNetwork` and inputs | exact outputs, the golden model |
//! | [`float32`] | `FixedNetwork` and an event | [`float32::Bounds`]: how far Keras's own float32 may be off |
//! | [`emit`] | `FixedNetwork` and `Plan` | [`emit::Project`]: the files of an HLS project |
//! | [`csim`] | `Project` | [`csim::Csim`]: the compiled simulation |
//! | [`stream`] | many events | outputs of an engine, chunk by chunk on all cores |
//! | [`check`] | reference, simulation, Keras outputs | [`check::Comparison`] |
//! | [`diagnosis`] | data that differ from Keras | what the input grid has to do with it, and what would help |
//! | [`profile`] | many events | active pixels, overflows of every quantizer |
//! | [`trace`] | one event | every layer's values from each engine, and the first difference |
//! | [`toolchain`] | `Project` | synthesis reports of the vendor's tool |
//! | [`report`] | everything above | what people look at |

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod build_script;
pub mod check;
pub mod cost;
pub mod csim;
pub mod data;
pub mod diagnosis;
pub mod emit;
pub mod error;
pub mod files;
pub mod fixed;
pub mod float32;
pub mod formats;
pub mod keras;
pub mod manifest;
mod names;
pub mod network;
pub mod plan;
pub mod profile;
pub mod reference;
pub mod report;
pub mod stream;
pub mod toolchain;
pub mod trace;

use std::path::Path;

pub use build_script::{Build, Synth};
pub use error::{Code, Error, Errors, Exit, Result};

/// Reads a model and infers its formats: stages 2 to 4.
///
/// # Errors
/// Everything that can be wrong with the model; the error names its file.
pub fn load(model: &manifest::Model) -> Result<formats::FixedNetwork> {
    load_or_errors(model).map_err(|errors| errors.first)
}

/// As [`load`], but gives all that is wrong.
///
/// # Errors
/// As [`load`]: what is wrong with each layer, or else the first value that has no format, or the first knob that does
/// not fit.
pub fn load_or_errors(model: &manifest::Model) -> Result<formats::FixedNetwork, Errors> {
    let read = || -> Result<formats::FixedNetwork, Errors> {
        let keras = keras::KerasModel::read(&model.source)?;
        let network = network::Network::build(&keras, model)?;
        let network = formats::FixedNetwork::infer(network, model)?;
        // A knob that does not fit is an error for every command, not only where it is used.
        plan::Plan::new(&network, model)?;
        Ok(network)
    };
    read().map_err(|errors| errors.map(|error| error.file(&model.source)))
}

/// Golden events that the test bench of a project gets.
pub const BENCH_EVENTS: usize = 20;

/// Writes the HLS project of a model into `directory`: stage 6. The test bench gets made-up events and the first of
/// the golden set.
///
/// # Errors
/// As [`emit::project`] and [`emit::Project::write`].
pub fn generate(
    package: &str,
    model: &manifest::Model,
    network: &formats::FixedNetwork,
    golden: Option<&Golden>,
    directory: &Path,
) -> Result<emit::Project> {
    const MADE_UP: usize = 12;
    let mut events = check::made_up(network, MADE_UP);
    if let Some(golden) = golden {
        events.extend(golden.inputs.iter().take(BENCH_EVENTS * network.input_len()));
    }
    let project = emit::project(package, model, network, &events)?;
    project.write(directory)?;
    Ok(project)
}

/// The events of a manifest's golden file, on the input grid.
#[derive(Debug, Clone)]
pub struct Golden {
    /// Input mantissas, one event after another.
    pub inputs: Vec<i64>,
    /// What Keras computed.
    pub outputs: Vec<f64>,
    /// What happened to inputs that were not on the grid.
    pub grid: formats::GridReport,
}

impl Golden {
    /// Reads the golden file of `model`, if it names one.
    ///
    /// # Errors
    /// [`Code::FileNotFound`], [`Code::InvalidData`]; the error names the key.
    pub fn of(model: &manifest::Model, network: &formats::FixedNetwork) -> Result<Option<Self>> {
        let Some(path) = &model.golden else { return Ok(None) };
        let read = || Self::new(data::read_golden(path)?, network).map_err(|error| error.file(path));
        read().map(Some).map_err(|error| error.key(format!("{}.golden", model.key())))
    }

    /// As [`Self::of`], but no more than the first `events`.
    ///
    /// # Errors
    /// As [`Self::of`].
    pub fn first(model: &manifest::Model, network: &formats::FixedNetwork, events: usize) -> Result<Option<Self>> {
        let Some(path) = &model.golden else { return Ok(None) };
        let read = || {
            let (mut x, mut y) = (data::Source::in_archive(path, "x")?, data::Source::in_archive(path, "y")?);
            let (mut x, mut y) = (x.events()?, y.events()?);
            data::check_shape(x.shape(), network)?;
            data::check_outputs(x.count(), y.shape(), network)?;
            let first = |array: &mut data::Events<'_>| {
                let shape = [&[events.min(array.count())], &array.shape()[1..]].concat();
                array.read(events).map(|values| data::Array { shape, values })
            };
            Self::new(data::Golden { x: first(&mut x)?, y: first(&mut y)? }, network)
        };
        let read = || read().map_err(|error| error.file(path));
        read().map(Some).map_err(|error| error.key(format!("{}.golden", model.key())))
    }

    /// Brings events to the input grid.
    ///
    /// # Errors
    /// [`Code::InvalidData`] if shapes do not fit the network.
    pub fn new(golden: data::Golden, network: &formats::FixedNetwork) -> Result<Self> {
        data::check_events(&golden.x, network)?;
        data::check_outputs(golden.x.events(), &golden.y.shape, network)?;
        let (inputs, grid) = data::to_mantissas(&golden.x, network);
        Ok(Self { inputs, outputs: golden.y.values, grid })
    }
}

/// A page of the user guide, for tests that keep it true; `None` outside of the repository.
#[cfg(test)]
fn guide(page: &str) -> Option<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(page);
    let text = std::fs::read_to_string(&path);
    if text.is_err() {
        eprintln!("skipped: {} is not there", path.display());
    }
    text.ok()
}

#[cfg(test)]
mod tests {
    use crate::{formats, keras, network};

    /// A page of the guide without its line breaks.
    fn page(name: &str) -> Option<String> {
        crate::guide(name).map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn the_guide_has_the_limits_of_the_code() {
        let (Some(errors), Some(layers)) = (page("errors.md"), page("layers.md")) else { return };
        let slots = network::MAX_SLOTS;
        let (table, classes, inputs) = (formats::MAX_TABLE, network::MAX_CLASSES, network::MAX_INPUTS);
        let (bits, different, weight) = (network::MAX_BITS, network::MAX_FORMATS, network::MAX_WEIGHT_BITS);
        let [config, weights] = [keras::MAX_CONFIG, keras::MAX_WEIGHTS].map(|bytes| bytes >> 20);
        let elements = keras::MAX_ELEMENTS;
        for phrase in [
            format!("`config.json` unpacks to more than {config} MiB, `model.weights.h5` to more than {weights} MiB"),
            format!("a variable has more than {elements} elements"),
            format!("a pixel budget is not from 1 to {slots}"),
            format!("a table would have more than {table} entries"),
            format!("a float softmax has more than {classes} classes"),
            format!("of more than {inputs} values"),
            format!("|i| or |f| above {bits}, more than {} bits", formats::MAX_WIDTH),
            format!("more than {different} different formats"),
            format!("the quantized weights of a layer need more than {weight} bits"),
            format!("needs more than {} bits, sign included", formats::MAX_WIDTH),
        ] {
            assert!(errors.contains(&phrase), "errors.md does not say: {phrase}");
        }
        for phrase in [
            format!("The budget must be from 1 to {slots}."),
            format!("at most {table}; quantize the argument to {} bits or fewer", table.ilog2()),
            format!("softmax of n classes, n <= {classes} |"),
            format!("More than {classes} classes are refused."),
            format!("|i| and |f| up to {bits}, k + i + f up to {}, up to {different} different formats", formats::MAX_WIDTH),
            format!("have at most {weight} bits"),
        ] {
            assert!(layers.contains(&phrase), "layers.md does not say: {phrase}");
        }
    }

    #[test]
    fn the_guide_lists_every_activation_once() {
        let Some(layers) = page("layers.md") else { return };
        let list = layers.split("## Activations").nth(1).unwrap().split("Such a function").next().unwrap();
        let mut listed: Vec<_> = list
            .split('`')
            .skip(1)
            .step_by(2)
            .filter(|word| word.chars().all(|c| c.is_ascii_lowercase() || c == '_' || c == '6'))
            .collect();
        listed.retain(|word| !word.is_empty());
        let softmax = layers.contains("- `softmax` can only be in the last layer");
        let mut known = network::activations();
        known.retain(|name| *name != "softmax" || !softmax);
        listed.sort_unstable();
        listed.dedup();
        known.sort_unstable();
        assert_eq!(listed, known);
        let all = network::activations();
        assert_eq!(all.iter().collect::<std::collections::BTreeSet<_>>().len(), all.len(), "each once: {all:?}");
    }
}
