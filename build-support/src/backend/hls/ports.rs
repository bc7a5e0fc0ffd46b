//! The ports of the top function.

use crate::lower::{Design, Interface};

/// How image and outputs go through the ports.
#[derive(Debug)]
pub(super) struct Ports {
    /// The declarations of the two parameters.
    pub input: String,
    pub output: String,
    /// What is said of them in the top function.
    pub pragmas: Vec<String>,
}

impl Ports {
    /// The parameters. Neither is a word of Verilog or VHDL, so that the tool leaves them as they are.
    pub(super) const INPUT: &'static str = "x_in";
    pub(super) const OUTPUT: &'static str = "y_out";

    pub(super) fn of(design: &Design) -> Self {
        let (input, output) = (design.value(design.input).size(), design.value(design.output).size());
        let mut pragmas = vec!["ARRAY_PARTITION variable=y_out complete".to_owned()];
        let input = match design.interface {
            Interface::Rows { values, .. } => {
                pragmas.insert(0, "ARRAY_RESHAPE variable=x_in complete dim=2".into());
                pragmas.push("INTERFACE ap_fifo port=x_in".into());
                pragmas.push("INTERFACE ap_vld port=y_out".into());
                format!("const input_t x_in[{}][{values}]", input / values)
            }
            Interface::Whole => {
                pragmas.insert(0, "ARRAY_PARTITION variable=x_in complete".into());
                pragmas.push("INTERFACE ap_vld port=x_in,y_out".into());
                format!("const input_t x_in[{input}]")
            }
        };
        Self { input, output: format!("output_t y_out[{output}]"), pragmas }
    }

    /// The statement that gets all of the image.
    pub(super) fn receive(&self, size: usize, name: &str) -> String {
        format!("sparsehls::read_ports<{size}>({}, {name});", Self::INPUT)
    }

    /// The statement that gives all outputs.
    pub(super) fn send(&self, size: usize, name: &str) -> String {
        format!("sparsehls::write_ports<{size}>({name}, {});", Self::OUTPUT)
    }
}
