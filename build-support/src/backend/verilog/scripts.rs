//! What tools are to do with the Verilog: scripts for yosys and Vivado, and the wrapper that nextpnr places.

use std::collections::BTreeMap;

use minijinja::context;

use super::super::text::{Templates, serde};
use crate::{
    error::Result,
    manifest::{Model, Technology},
};

/// The sizes of the core's ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ports {
    /// Bits of `in_data`.
    pub input_bits: usize,
    /// Bits of `out_data`.
    pub output_bits: usize,
}

/// Every script for the part of `model`, by its path in the project. A part that a tool does not know gets no script for
/// it; the step of that tool says why.
///
/// # Errors
/// [`Code::Io`](crate::Code::Io), which cannot happen with the embedded templates.
pub fn files(made_by: &str, model: &Model, ports: Ports) -> Result<BTreeMap<String, String>> {
    let (name, technology) = (&model.name, Technology::of(&model.target.part));
    let mut scripts = Vec::new();
    if technology.is_some() {
        scripts.push(("scripts/yosys.ys".to_owned(), "yosys.ys"));
    }
    if technology == Some(Technology::Ecp5) {
        scripts.extend([("scripts/pnr.ys".to_owned(), "pnr.ys"), (format!("rtl/{name}_pnr.v"), "pnr.v")]);
    }
    if model.target.is_of_amd() {
        scripts.push(("scripts/vivado.tcl".to_owned(), "verilog_vivado.tcl"));
        scripts.push(("scripts/vivado.xdc".to_owned(), "vivado.xdc"));
    }
    let values = context! {
        made_by => made_by,
        name => serde(name),
        technology => serde(technology),
        part => serde(&model.target.part),
        clock => "clk",
        clock_period => model.target.clock_period,
        clock_enable => model.verilog.clock_enable,
        input_bits => ports.input_bits,
        output_bits => ports.output_bits,
    };
    let templates = Templates::new()?;
    scripts.into_iter().map(|(path, template)| Ok((path, templates.render(template, &values)?))).collect()
}
