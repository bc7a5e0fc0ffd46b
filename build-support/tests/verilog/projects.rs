//! Projects of the golden fixtures, with random knobs: their benches pass, and tools have nothing to say about their files.

use std::{num::NonZeroUsize, path::Path};

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
    for seed in seed..seed + 5 {
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

#[test]
fn benches_pass() {
    if !has("iverilog") {
        return;
    }
    let failures = common::for_every(
        if std::env::var_os("SPARSEHLS_ALL").is_some() { 4 } else { 32 },
        "SPARSEHLS_ALL=1 takes one of 4, not all",
        |name, source, _| {
            let folder = tempfile::tempdir().unwrap();
            let folder = folder.path();
            write(name, source, folder)?;
            if !folder.join("rtl/net.v").exists() {
                return Ok(());
            }
            passes(folder, "net_tb", &["rtl/net.v"])?;
            passes(folder, "net_axis_tb", &["rtl/net_axis.v", "rtl/net.v"])
        },
    );
    assert_eq!(failures, [""; 0]);
}
