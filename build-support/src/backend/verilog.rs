//! [`Verilog`]: pipelined Verilog-2001, for every synthesizer.

mod idle;
mod labels;
mod rtl;
pub mod scripts;
mod wiring;
mod words;

use super::{Backend, Bench, Compiled, Generated, Project};
use crate::{
    circuit::{Circuit, schedule::Schedule},
    error::{Code, Error, Result},
    fixed::Format,
    formats::FixedNetwork,
    lower::Design,
    manifest::{Language, Model, Pipeline},
    plan::Plan,
};

/// What the text of a circuit is made from.
#[derive(Debug, Clone, Copy)]
pub struct Rtl<'a> {
    /// The name of the top module, with which those of all others begin.
    pub model: &'a str,
    /// Lines of the comment at the head of the file. Untrusted text.
    pub about: &'a [String],
    /// What it is. The ports are those of a [`Core`](crate::circuit::core::Core).
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
    /// What stands in the comment before it. Untrusted text.
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
    fn validate(&self, model: &Model, _: &FixedNetwork, plan: &Plan) -> Result {
        match plan.pipeline {
            Pipeline::Dataflow => Ok(()),
            Pipeline::Function => {
                let message = "with backend = \"verilog\" every layer is a stage of one pipeline already";
                Err(Error::new(Code::InvalidValue, message)
                    .file(&model.manifest)
                    .key(format!("{}.{}", model.key(), Pipeline::KEY))
                    .help("remove `pipeline`, or use pipeline = \"dataflow\""))
            }
        }
    }

    fn emit(&self, _: &str, model: &Model, _: &Design, _: Bench<'_>) -> Result<Project> {
        Err(not_yet(model))
    }

    fn compile<'a>(&self, generated: Generated<'a>) -> Result<Compiled<'a>> {
        Err(not_yet(generated.model))
    }
}

fn not_yet(model: &Model) -> Error {
    Error::new(Code::InvalidValue, "this version writes no Verilog yet")
        .file(&model.manifest)
        .key(format!("{}.backend", model.key()))
        .help("use backend = \"vitis\"")
}
