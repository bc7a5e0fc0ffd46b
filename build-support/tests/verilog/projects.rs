//! Projects of the golden fixtures, with random knobs: their benches pass, and tools have nothing to say about their files.

use std::{num::NonZeroUsize, path::Path, process::Command};

use sparsehls_build::{
    Firmware, check, data,
    formats::FixedNetwork,
    manifest::{Interface, Language, Model, Pipeline},
};

use crate::{common, has, run};

/// Simulators in Verilog take minutes for more lines than this.
const MOST_LINES: usize = 12_000;

/// The project of a fixture in `folder`, with knobs with which it is not too large.
fn write(name: &str, source: &Path, folder: &Path) -> Result<(), String> {
    let x = &data::read_npz(&source.with_extension("npz")).unwrap()["x"];
    let (model, network) = common::load(source, x).unwrap();
    let events = check::made_up(&network, 12);
    let seed = name.bytes().fold(1, |hash: u64, byte| hash.wrapping_mul(31).wrapping_add(byte.into()));
    // Each takes seconds, even if it is too large.
    for seed in seed..seed + if common::is_all() { 20 } else { 4 } {
        let model = with_knobs(&model, &network, seed);
        let firmware = Firmware::plan("package", network.clone(), model, folder.to_owned()).map_err(|error| error.to_string())?;
        let project = firmware.project(&events).map_err(|error| error.to_string())?;
        if project.files["rtl/net.v"].lines().count() < MOST_LINES {
            project.write(folder).unwrap();
            return Ok(());
        }
    }
    common::skip::skipped(&format!("{name} is too large with all knobs that were drawn"));
    Ok(())
}

fn with_knobs(model: &Model, network: &FixedNetwork, seed: u64) -> Model {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut model = Model { name: "net".into(), ..model.clone() };
    model.target.language = Language::Verilog;
    model.target.part = "xcu250-figd2104-2L-e".into();
    model.target.clock_period = *random.choice(&[3.0, 5.0, 20.0]).unwrap();
    // Not all that are drawn are for Verilog: a function pipeline is not.
    let mut seed = seed;
    loop {
        common::draw_knobs(&mut model, network, seed);
        if model.pipeline == Pipeline::Dataflow {
            break;
        }
        seed = seed.wrapping_add(1 << 32);
    }
    model.verilog.clock_enable = random.bool();
    model.verilog.axi_stream = true;
    if model.interface == Some(Interface::Row) && random.bool() {
        model.verilog.rows = NonZeroUsize::new(random.usize(1..=3));
    }
    model
}

fn passes(folder: &Path, bench: &str, sources: &[&str]) -> Result<(), String> {
    let bench_file = format!("sim/{bench}.v");
    let args = [&["-g2001", "-Wall", "-o", "sim/bench", &bench_file][..], sources].concat();
    let said = run(folder, "iverilog", &args);
    let printed = run(folder, "vvp", &["-n", "sim/bench"]);
    if said.is_empty() && printed.contains("PASS") { Ok(()) } else { Err(format!("{said}{printed}")) }
}

/// The wrapper, the core in it, and the VHDL: tools say nothing.
fn lint(folder: &Path) {
    if has("verilator") {
        let args = ["--lint-only", "-Wall", "--top-module", "net_axis", "rtl/net_axis.v", "rtl/net.v"];
        assert_eq!(run(folder, "verilator", &args), "");
    }
    if has("ghdl") {
        assert_eq!(run(folder, "ghdl", &["-a", "--std=93", "templates/net.vhd"]), "");
    }
}

#[test]
fn benches_pass() {
    if !has("iverilog") {
        return;
    }
    let step = if common::is_all() { 8 } else { 64 };
    let failures = common::for_every(step, "SPARSEHLS_ALL=1", |name, source, _| {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        write(name, source, folder)?;
        if !folder.join("rtl/net.v").exists() {
            return Ok(());
        }
        passes(folder, "net_tb", &["rtl/net.v"])?;
        passes(folder, "net_axis_tb", &["rtl/net_axis.v", "rtl/net.v"])?;
        lint(folder);
        Ok(())
    });
    assert_eq!(failures, [""; 0]);
}

/// What `sim/obj/sim` reports, and whether it ended well.
fn harness(folder: &Path) -> (bool, String) {
    let output = Command::new(folder.join("sim/obj/sim")).current_dir(folder).output().unwrap();
    (output.status.success(), std::fs::read_to_string(folder.join("sim/report.json")).unwrap())
}

#[test]
fn the_harness_compares_every_event() {
    if !has("verilator") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write("dense-only", &common::folder().join("dense-only.keras"), folder).unwrap();
    let args = "--cc --exe --build -CFLAGS -O0 --top-module net -Mdir sim/obj -o sim rtl/net.v ../main.cpp";
    run(folder, "verilator", &args.split(' ').collect::<Vec<_>>());
    let description = std::fs::read_to_string(folder.join("rtl/net.json")).unwrap();
    let description: serde_json::Value = serde_json::from_str(&description).unwrap();
    let report = |different: usize| {
        let [latency, interval] = ["latency-cycles", "interval-cycles"].map(|key| &description[key]);
        format!(
            "{{\"events\":12,\"events-different\":{different},\"latency-cycles\":{latency},\"interval-cycles\":{interval}}}\n"
        )
    };
    assert_eq!(harness(folder), (true, report(0)));
    let expected = std::fs::read_to_string(folder.join("sim/expected.hex")).unwrap();
    let (first, others) = expected.split_once('\n').unwrap();
    let other = if first.ends_with('0') { "1" } else { "0" };
    std::fs::write(folder.join("sim/expected.hex"), format!("{}{other}\n{others}", &first[..first.len() - 1])).unwrap();
    assert_eq!(harness(folder), (false, report(1)));
}
