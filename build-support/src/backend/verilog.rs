//! [`Verilog`]: pipelined Verilog-2001, for every synthesizer.

use super::{Backend, Bench, Compiled, Generated, Project};
use crate::{
    error::{Code, Error, Result},
    formats::FixedNetwork,
    lower::Design,
    manifest::{Language, Model, Pipeline},
    plan::Plan,
};

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
