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
//! golden = "models/digits.golden.npz"     # optional: what Keras makes of some events, checked by builds
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
//! use sparsehls_build::{Firmware, data, engine, manifest::{self, Selection}, reference::Reference};
//!
//! # fn main() -> sparsehls_build::Result {
//! for package in Selection::default().packages()? {
//!     for model in manifest::models(&package)? {
//!         let firmware = Firmware::load(&package.name, model, "target/projects".into()).map_err(|errors| errors.first)?;
//!         let events = data::read_npy(Path::new("events.npy"))?;
//!         data::check_events(&events, &firmware.network)?;
//!         let (inputs, grid) = data::to_mantissas(&events, &firmware.network);
//!         let outputs = engine::run(&Reference::new(&firmware.network), &inputs)?;
//!         println!("{}: {} outputs; {} inputs off the grid", firmware.model.name, outputs.values().len(), grid.off_grid);
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # What to rely on
//!
//! [`Build`], [`Synth`], [`Error`], [`Errors`], [`Code`], [`Exit`], [`data`], [`compare_golden`] with the
//! [`check::Comparison`] that it gives, and what the bindings have. The modules below are the stages: they are public for the
//! command line and for tests, and change with minor versions.
//!
//! # The stages
//!
//! It is a pipeline. A module uses only what stands above it in this list; a test reads every `use` and says so.
//!
//! | module | what it does |
//! | --- | --- |
//! | [`terminal`] | text of others, as people may read it: escaped and cut |
//! | [`error`] | the one error type: codes, exit codes, what to do |
//! | [`note`] | what is said without being an error, by name |
//! | `budget` | how large a model may be, so that memory follows from sizes that are known before |
//! | `process` | programs that are started, and ended with all that they started |
//! | [`files`] | writing files whole, and only if they changed |
//! | [`lock`] | one build at a time in a project's folder |
//! | [`fingerprint`] | whether contents are the same as before |
//! | [`parallel`] | work on all cores, in order |
//! | `names` | identifiers for generated text |
//! | `steps` | the steps of the vendor's tools |
//! | [`parts`] | what the vendors' parts have |
//! | `planned` | the intervals that a project promises, in its file |
//! | [`fixed`] | formats, ranges of mantissas, rounding |
//! | `mantissas` | [`Mantissas`]: what goes into an engine, and what comes out |
//! | [`manifest`] | `[package.metadata.sparsehls]` → [`manifest::Model`] |
//! | [`keras`] | `model.keras` → [`keras::KerasModel`] |
//! | [`network`] | `KerasModel` → [`network::Network`]: elementary ops |
//! | [`structure`] | the operations that a kernel consists of → [`structure::Estimate`]: their area and timing |
//! | [`ops`] | what is known about each op: a file each |
//! | [`formats`] | `Network` → [`formats::FixedNetwork`]: exact fixed-point formats on every value |
//! | [`data`] | `.npy` and `.npz` files; floats on their way to the input grid |
//! | [`mod@reference`] | `FixedNetwork` and inputs → exact outputs, the golden model |
//! | [`engine`] | [`engine::Engine`]: what computes events; many of them on all cores |
//! | [`float32`] | `FixedNetwork` and an event → [`float32::Bounds`]: how far Keras's own float32 may be off |
//! | [`plan`] | `FixedNetwork` and the manifest's knobs → [`plan::Plan`]: how each layer is built; asks an area oracle |
//! | [`cost`] | `FixedNetwork` and `Plan` → [`cost::NetworkEstimate`]: area and cycles; it is the oracle |
//! | [`lower`] | `FixedNetwork` and `Plan` → [`lower::Design`]: the numbers of every kernel |
//! | [`circuit`] | `Design` → [`circuit::Circuit`]: words, states and what makes them; its schedule, cost and evaluation |
//! | [`backend`] | `Design` → [`backend::Project`], and an engine of its text: a folder for each language; bindings |
//! | [`check`] | engines, Keras outputs → [`check::Comparison`] |
//! | [`diagnosis`] | data that differ from Keras → what the input grid has to do with it, and what would help |
//! | [`toolchain`] | `Project` → reports of the vendor's tools |
//! | `firmware` | [`Firmware`]: a model from its file to its hardware, all of the above in their order |
//! | [`profile`] | many events → active pixels, overflows of every quantizer |
//! | [`trace`] | one event → every layer's values from each engine, and the first difference |
//! | [`report`] | everything above → what people look at |
//! | `build_script` | [`Build`], for `build.rs` |

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod backend;
mod budget;
mod build_script;
pub mod check;
pub mod circuit;
pub mod cost;
pub mod data;
pub mod diagnosis;
pub mod engine;
pub mod error;
pub mod files;
pub mod fingerprint;
mod firmware;
pub mod fixed;
pub mod float32;
pub mod formats;
pub mod keras;
pub mod lock;
pub mod lower;
pub mod manifest;
mod mantissas;
mod names;
pub mod network;
pub mod note;
pub mod ops;
pub mod parallel;
pub mod parts;
pub mod plan;
mod planned;
mod process;
pub mod profile;
pub mod reference;
pub mod report;
mod steps;
pub mod structure;
pub mod terminal;
pub mod toolchain;
pub mod trace;

pub use build_script::Build;
pub use error::{Code, Error, Errors, Exit, Result};
pub use firmware::{EstimatedLimits, Firmware, Golden, GoldenFile, Proof, Simulation, compare_golden};
pub use manifest::Synth;
pub use mantissas::Mantissas;
pub use note::Note;

#[cfg(test)]
#[path = "../tests/common/skip.rs"]
mod skip;

/// A page of the user guide, for tests that keep it true; `None` outside of the repository.
#[cfg(test)]
fn guide(page: &str) -> Option<String> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(page);
    let text = std::fs::read_to_string(&path);
    if text.is_err() {
        skip::skipped(&format!("{} is not there", path.display()));
    }
    text.ok()
}

#[cfg(test)]
mod tests {
    use crate::{fixed, keras, network, ops};

    /// The modules of the list in this file's documentation.
    fn order() -> Vec<&'static str> {
        let rows = include_str!("lib.rs").lines().filter_map(|line| line.strip_prefix("//! | "));
        let cells = rows.filter_map(|row| row.split(" | ").next()).map(|cell| cell.trim_matches(['[', ']', '`']));
        cells.map(|name| name.strip_prefix("mod@").unwrap_or(name)).filter(|name| !matches!(*name, "module" | "---")).collect()
    }

    /// The modules that a file names behind `crate::`, outside of its tests.
    fn used(text: &str) -> Vec<String> {
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        // Comments may name what they like.
        let code: String =
            code.lines().filter(|line| !line.trim_start().starts_with("//")).map(|line| format!("{line}\n")).collect();
        let mut names = Vec::new();
        for behind in code.split("crate::").skip(1) {
            let group = behind.strip_prefix('{').map(|group| {
                let mut depth = 1;
                let end = group.find(|c| {
                    depth += match c {
                        '{' => 1,
                        '}' => -1,
                        _ => 0,
                    };
                    depth == 0
                });
                &group[..end.unwrap_or(group.len())]
            });
            let mut depth = 0;
            let items = group.unwrap_or(behind).split(|c| {
                depth += match c {
                    '{' => 1,
                    '}' => -1,
                    _ => 0,
                };
                c == ',' && depth == 0
            });
            let name = |item: &str| {
                item.trim_start().split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default().to_owned()
            };
            let count = if group.is_some() { usize::MAX } else { 1 };
            names.extend(items.take(count).map(name).filter(|name| !name.is_empty()));
        }
        names
    }

    #[test]
    fn a_module_uses_only_what_stands_above_it() {
        let order = order();
        let place = |name: &str| order.iter().position(|module| *module == name);
        let source = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let (mut folders, mut looked_at, mut upward) = (vec![source.clone()], std::collections::BTreeSet::new(), Vec::new());
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
                if entry.is_dir() {
                    folders.push(entry);
                    continue;
                }
                let relative = entry.strip_prefix(&source).unwrap().to_string_lossy().into_owned();
                let module = relative.split('/').next().unwrap().trim_end_matches(".rs").to_owned();
                if module == "lib" {
                    continue;
                }
                let Some(own) = place(&module) else { panic!("{relative} is not in the list of lib.rs") };
                looked_at.insert(module);
                for name in used(&std::fs::read_to_string(&entry).unwrap()) {
                    match place(&name) {
                        Some(other) if other <= own => {}
                        Some(_) => upward.push(format!("{relative} uses {name}, which stands below it")),
                        // What lib.rs hands on for users belongs to a module, and is used from there.
                        None => upward.push(format!("{relative} uses crate::{name}, which is no module of the list")),
                    }
                }
            }
        }
        assert_eq!(upward, [""; 0]);
        assert_eq!(looked_at.len(), order.len(), "every module of the list is there: {order:?}");
    }

    #[test]
    fn uses_are_found_in_groups_and_alone() {
        let text = "use crate::{a, b::{c, d}, e::F};\nuse crate::g::h;\n// crate::x\nlet y = crate::i(1, 2);\n#[cfg(test)]\nmod tests { use crate::z; }";
        assert_eq!(used(text), ["a", "b", "e", "g", "i"]);
    }

    /// A page of the guide without its line breaks.
    fn page(name: &str) -> Option<String> {
        crate::guide(name).map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn the_guide_has_the_limits_of_the_code() {
        let (Some(errors), Some(layers)) = (page("errors.md"), page("layers.md")) else { return };
        let slots = network::MAX_SLOTS;
        let (table, classes, inputs) = (ops::MAX_TABLE, network::MAX_CLASSES, network::MAX_INPUTS);
        let (bits, different, weight) = (network::MAX_BITS, network::MAX_FORMATS, network::MAX_WEIGHT_BITS);
        let [config, weights, packed] = [keras::MAX_CONFIG, keras::MAX_WEIGHTS, keras::MIN_WEIGHTS].map(|bytes| bytes >> 20);
        let memory = keras::MAX_MEMORY >> 20;
        for phrase in [
            format!("`config.json` unpacks to more than {config} MiB, `model.weights.h5` to more than {weights} MiB"),
            format!("or to more than {packed} MiB and one and a half times the size of the file"),
            format!("more values than {memory} MiB of memory hold"),
            format!("a pixel budget is not from 1 to {slots}"),
            format!("a table would have more than {table} entries"),
            format!("a float softmax has more than {classes} classes"),
            format!("of more than {inputs} values"),
            format!("|i| or |f| above {bits}, more than {} bits", fixed::MAX_WIDTH),
            format!("more than {different} different formats"),
            format!("the quantized weights of a layer need more than {weight} bits"),
            format!("needs more than {} bits, sign included", fixed::MAX_WIDTH),
        ] {
            assert!(errors.contains(&phrase), "errors.md does not say: {phrase}");
        }
        for phrase in [
            format!("The budget must be from 1 to {slots}."),
            format!("at most {table}; quantize the argument to {} bits or fewer", table.ilog2()),
            format!("softmax of n classes, n <= {classes} |"),
            format!("More than {classes} classes are refused."),
            format!("|i| and |f| up to {bits}, k + i + f up to {}, up to {different} different formats", fixed::MAX_WIDTH),
            format!("have at most {weight} bits"),
            format!("all places of an image count | {} |", crate::budget::MAX_LAYER),
            format!("of a quantizer all places | {} |", crate::budget::MAX_VALUES),
            format!(
                "| {}; with a file of more than 6 MiB a third of its bytes, up to {} |",
                crate::budget::MIN_WEIGHTS,
                crate::budget::MAX_WEIGHTS
            ),
            format!("of all layers | {} |", crate::budget::MAX_RANGES),
            format!("one table for each format of its quantizer | {} |", crate::budget::MAX_ENTRIES),
            format!("operations that it has | {} and {} |", crate::budget::MAX_LUTS, crate::budget::MAX_NODES),
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
