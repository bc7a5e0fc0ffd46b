//! [`Verilog`]: pipelined Verilog-2001, for every synthesizer.

mod description;
mod files;
mod hex;
mod labels;
mod rtl;
pub mod scripts;
mod wiring;
mod words;

use std::{path::Path, sync::Arc};

use self::files::Files;
use super::{Backend, Bench, Compiled, Generated, Project, Shared};
use crate::{
    budget::{MAX_LUTS, too_large},
    circuit::{
        Circuit,
        core::Core,
        engine::Simulated,
        schedule::{Schedule, Timing},
    },
    cost::{self, NetworkEstimate},
    error::{Code, Error, Result},
    fingerprint::Fingerprint,
    fixed::Format,
    formats::FixedNetwork,
    lower::Design,
    manifest::{Language, Model, Pipeline, Target},
    plan::Plan,
};

/// The folders of a project that hold nothing but its files. Into the others tools write too.
const FOLDERS: [&str; 4] = ["rtl", "constraints", "scripts", "templates"];

/// What the inputs of all golden events in the simulation may have together, most of which is zero and takes no text.
const MOST_BITS: u64 = 1 << 27;

/// Events that it gets in any case.
const LEAST_EVENTS: usize = 20;

/// What the text of a circuit is made from.
#[derive(Debug, Clone, Copy)]
pub struct Rtl<'a> {
    /// The name of the top module, with which those of all others begin.
    pub model: &'a str,
    /// Lines of the comment at the head of the file; they have nothing that would end it.
    pub about: &'a [String],
    /// What it is. The ports are those of a [`Core`].
    pub circuit: &'a Circuit,
    /// When its nets have their values.
    pub schedule: &'a Schedule,
    /// Its layers, each of which gets a module.
    pub layers: &'a [RtlLayer<'a>],
    /// An element of the input word.
    pub input: Format,
    /// An element of the output.
    pub output: Format,
    /// Whether there is a port `ce`.
    pub clock_enable: bool,
}

/// A layer that gets a module.
#[derive(Debug, Clone, Copy)]
pub struct RtlLayer<'a> {
    /// An identifier, unique in the network.
    pub id: &'a str,
    /// What stands in the comment before it; nothing in it would end that.
    pub title: &'a str,
}

/// The network as pipelined Verilog.
#[derive(Debug, Clone, Copy)]
pub struct Verilog;

impl Backend for Verilog {
    fn name(&self) -> &'static str {
        Language::Verilog.name()
    }

    /// Every circuit is a pipeline from its input to its output; there is nothing to choose.
    fn validate(&self, model: &Model, network: &FixedNetwork, plan: &Plan) -> Result {
        match plan.pipeline {
            Pipeline::Dataflow => check_size(model, network, plan),
            Pipeline::Function => {
                let message = "with backend = \"verilog\" every layer is a stage of one pipeline already";
                Err(Error::new(Code::InvalidValue, message)
                    .file(&model.manifest)
                    .key(format!("{}.{}", model.key(), Pipeline::KEY))
                    .help("remove `pipeline`, or use pipeline = \"dataflow\""))
            }
        }
    }

    fn bench_events(&self, network: &FixedNetwork) -> usize {
        let bits = network.input_len().get() as u64 * u64::from(network.input.format.width.max(1));
        usize::try_from(MOST_BITS / bits).unwrap_or(usize::MAX).max(LEAST_EVENTS)
    }

    fn estimate(&self, network: &FixedNetwork, plan: &Plan, target: &Target) -> Result<NetworkEstimate> {
        let (design, timing) = (Design::new(network, plan)?, Timing::of(target));
        Ok(Core::new(&design, &timing)?.estimate(plan, &timing))
    }

    fn emit(&self, _: &str, model: &Model, design: &Design, bench: Bench<'_>) -> Result<Project> {
        let core = Core::new(design, &Timing::of(&model.target))?;
        let files = Files { model, design, core: &core, bench }.all()?;
        Ok(Project { files, folders: &FOLDERS, orders: None, core: Some(Arc::new(core)) })
    }

    fn compile<'a>(&self, generated: Generated<'a>) -> Result<Compiled<'a>> {
        let Generated { project, model, network, .. } = generated;
        let core = project.core.ok_or_else(|| Error::internal("a project of Verilog without its circuit"))?;
        let mut fingerprint = Fingerprint::default();
        fingerprint.add(env!("CARGO_PKG_VERSION"));
        fingerprint.add(project.files.get(&format!("rtl/{}.v", model.name)).map_or("", String::as_str));
        let engine = Simulated::new(network, Arc::unwrap_or_clone(core))?;
        Ok(Compiled { engine: Box::new(engine), made_from: fingerprint.short(), is_new: true, object: None })
    }

    fn library<'a>(&self, _: &str, _: &'a Generated<'a>, _: &Path) -> Result<Shared<'a>> {
        Err(Error::internal("a library of a circuit; it is made of the same network as C++"))
    }
}

/// Refuses what would take gigabytes as a circuit, by the quick estimate of the kernels: once it is built it is too late.
fn check_size(model: &Model, network: &FixedNetwork, plan: &Plan) -> Result {
    let estimate = cost::network(network, plan, &model.target);
    let luts = estimate.total.luts;
    if luts <= MAX_LUTS {
        return Ok(());
    }
    let layers = network.layers.iter().zip(&estimate.layers);
    let largest = layers.max_by_key(|(_, estimate)| estimate.luts).map(|(fixed, _)| fixed.layer.keras_name.clone());
    Err(too_large("the circuit of the network would have too many LUT, most of them in this layer", luts, MAX_LUTS)
        .layer(largest.unwrap_or_default())
        .help("give the layers more cycles with `interval`, or make the image, the filters or the layers smaller"))
}
