//! Random circuits as Verilog: what simulators make of the text is what the circuit means, token by token, whatever its
//! schedule, with gaps, stalls and resets; and no tool has anything to say about the text.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../common/mod.rs"]
mod common;
mod projects;
mod random;
mod tokens;

use std::{
    fmt::Write as _,
    path::Path,
    process::{Command, Output},
};

use sparsehls_build::{
    backend::verilog::{Rtl, RtlLayer},
    circuit::{Circuit, schedule::Schedule},
    fixed::Format,
};

use self::{
    random::Random,
    tokens::{Cycle, Meaning},
};

const LAYERS: [RtlLayer<'static>; 3] = [
    RtlLayer { id: "conv", title: "conv (SparseConv2D)" },
    RtlLayer { id: "axis", title: "axis" },
    RtlLayer { id: "conv_x", title: "conv_x" },
];

/// A circuit as a project would have it.
struct Case {
    circuit: Circuit,
    schedule: Schedule,
    clock_enable: bool,
    text: String,
    bits: [u32; 2],
    element: [u32; 2],
}

impl Case {
    fn new(random: &mut Random) -> Self {
        let circuit = random::circuit(random, LAYERS.len());
        let schedule = random::schedule(random, &circuit);
        let clock_enable = random.chance(2);
        let widest =
            |nets: &[sparsehls_build::circuit::Port]| nets[1..].iter().map(|port| circuit.width(port.net)).max().unwrap();
        let element = [widest(circuit.inputs()), widest(circuit.outputs())];
        let [input, output] = element.map(|width| Format { signed: false, width, fraction: 0 });
        let about = ["m".to_owned()];
        let rtl = Rtl {
            model: "m",
            about: &about,
            circuit: &circuit,
            schedule: &schedule,
            layers: &LAYERS,
            input,
            output,
            clock_enable,
        };
        let text = rtl.text().unwrap();
        assert_eq!(text, rtl.text().unwrap());
        assert_eq!(registers(&text), schedule.register_bits(&circuit).iter().sum::<u64>(), "{text}");
        let bits = [rtl.input_bits(), rtl.output_bits()];
        Self { text, bits, element, clock_enable, circuit, schedule }
    }

    /// A bench that drives what it reads from a file, and prints what comes out in each cycle.
    fn bench(&self, cycles: usize) -> String {
        let [input, output] = self.bits;
        let ce = if self.clock_enable { ".ce(ce), " } else { "" };
        format!(
            "module tb;\n    reg clk, rst, ce, in_valid;\n    reg [{0}:0] in_data;\n    wire out_valid;\n    wire [{1}:0] out_data;\n    \
             reg [{2}:0] stimulus [0:{3}];\n    integer i;\n    m dut (.clk(clk), .rst(rst), {ce}.in_valid(in_valid), \
             .in_data(in_data), .out_valid(out_valid), .out_data(out_data));\n    initial begin\n        clk = 0;\n        \
             $readmemb(\"stimulus.txt\", stimulus);\n        for (i = 0; i <= {3}; i = i + 1) begin\n            \
             {{rst, ce, in_valid, in_data}} = stimulus[i];\n            #1 $display(\"%b%b\", out_data, out_valid);\n            \
             #1 clk = 1;\n            #1 clk = 0;\n        end\n        $finish;\n    end\nendmodule\n",
            input - 1,
            output - 1,
            input + 2,
            cycles - 1,
        )
    }

    fn stimulus(&self, cycles: &[Cycle]) -> String {
        let mut text = String::new();
        for cycle in cycles {
            let _ = write!(text, "{}{}{}", u8::from(cycle.reset), u8::from(cycle.enable), cycle.values[0]);
            for value in cycle.values[1..].iter().rev() {
                text += &binary(*value, self.element[0]);
            }
            text.push('\n');
        }
        text
    }

    /// What must be printed in each cycle, as far as it is known.
    fn expected(&self, cycles: &[Cycle]) -> Vec<Option<Vec<Option<String>>>> {
        let found = Meaning::new(&self.circuit).outputs(cycles, self.schedule.last);
        let bits = |values: Vec<Option<i128>>| {
            let (valid, data) = values.split_first().unwrap();
            let data = data.iter().rev().map(|value| value.map(|value| binary(value, self.element[1])));
            data.chain([valid.map(|valid| binary(valid, 1))]).collect()
        };
        found.into_iter().map(|values| values.map(bits)).collect()
    }

    fn compare(&self, printed: &str, cycles: &[Cycle]) -> usize {
        let (lines, expected) = (printed.lines().collect::<Vec<_>>(), self.expected(cycles));
        assert_eq!(lines.len(), expected.len(), "{printed}");
        let mut compared = 0;
        for (at, (line, expected)) in lines.iter().zip(&expected).enumerate() {
            let Some(expected) = expected else { continue };
            let mut place = 0;
            for (number, bits) in expected.iter().enumerate() {
                let width = if number + 1 == expected.len() { 1 } else { self.element[1] as usize };
                if let Some(bits) = bits {
                    assert_eq!(&line[place..place + width], bits, "cycle {at}, output {number} from the end\n{}", self.text);
                    compared += 1;
                }
                place += width;
            }
        }
        compared
    }
}

/// Bits of all registers that a text declares.
fn registers(text: &str) -> u64 {
    let of = |line: &str| {
        let (_, declared) = line.split_once("reg ")?;
        let range = declared.trim_start().strip_prefix('[');
        range.map_or(Some(1), |range| range.split(':').next()?.parse::<u64>().ok().map(|high| high + 1))
    };
    text.lines()
        .filter(|line| !line.starts_with("//") && !line.starts_with("     ") && !line.ends_with(" entry"))
        .filter_map(of)
        .sum()
}

fn binary(value: i128, width: u32) -> String {
    (0..width).rev().map(|bit| if value >> bit & 1 == 1 { '1' } else { '0' }).collect()
}

fn has(program: &str) -> bool {
    let found = Command::new(program).arg(if program == "iverilog" || program == "yosys" { "-V" } else { "--version" }).output();
    if found.is_err() {
        common::skip::skipped(&format!("there is no {program}"));
    }
    found.is_ok()
}

/// Runs a program, which must end well and say nothing that is not on standard output.
fn run(folder: &Path, program: &str, args: &[&str]) -> String {
    let Output { status, stdout, stderr } = Command::new(program).current_dir(folder).args(args).output().unwrap();
    let [stdout, stderr] = [stdout, stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    assert!(status.success() && stderr.is_empty(), "{program} {args:?} in {}: {stdout}{stderr}", folder.display());
    stdout
}

#[test]
fn simulators_compute_what_circuits_mean() {
    if !has("iverilog") {
        return;
    }
    let (mut compared, mut random) = (0, Random(1));
    let folder = tempfile::tempdir().unwrap();
    for _ in 0..if std::env::var_os("SPARSEHLS_ALL").is_some() { 400 } else { 80 } {
        let case = Case::new(&mut random);
        let cycles = random::cycles(&mut random, &case.circuit, case.clock_enable, 120);
        std::fs::write(folder.path().join("m.v"), &case.text).unwrap();
        std::fs::write(folder.path().join("tb.v"), case.bench(cycles.len())).unwrap();
        std::fs::write(folder.path().join("stimulus.txt"), case.stimulus(&cycles)).unwrap();
        run(folder.path(), "iverilog", &["-g2001", "-Wall", "-Wno-timescale", "-o", "sim", "-s", "tb", "m.v", "tb.v"]);
        compared += case.compare(&run(folder.path(), "vvp", &["-n", "sim"]), &cycles);
    }
    assert!(compared > 10_000, "{compared} outputs were compared");
}

#[test]
fn no_tool_has_anything_to_say() {
    let (mut random, mut copies) = (Random(2), 0);
    let folder = tempfile::tempdir().unwrap();
    let cases: Vec<_> = (0..30).map(|_| Case::new(&mut random)).collect();
    let tools = ["verilator", "yosys"].map(has);
    for case in cases {
        copies += case.text.matches("keep").count();
        std::fs::write(folder.path().join("m.v"), &case.text).unwrap();
        if tools[0] {
            let said = run(folder.path(), "verilator", &["--lint-only", "-Wall", "--top-module", "m", "m.v"]);
            assert_eq!(said, "", "{}", case.text);
        }
        if tools[1] {
            let script = "read_verilog m.v; hierarchy -check -top m; proc; check -assert";
            let said = run(folder.path(), "yosys", &["-q", "-p", script]);
            assert_eq!(said, "", "{}", case.text);
        }
    }
    assert!(copies > 10, "{copies} copies of registers");
}
