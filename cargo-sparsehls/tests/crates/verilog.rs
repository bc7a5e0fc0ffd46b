//! A crate with `backend = "verilog"`.

use crate::support::{Firmware, slow};

const MAIN: &str = "
fn main() {
    let mut seed = 1_u32;
    for _ in 0..32 {
        let input: [f32; verilog::net::INPUTS] = std::array::from_fn(|_| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            if seed >> 30 == 0 { (seed >> 20 & 255) as f32 / 32.0 } else { 0.0 }
        });
        println!(\"{:?}\", verilog::net::predict(&input));
    }
}
";

/// The simulation that Rust calls is C++ with either backend: of the same network, so with the same bits.
#[test]
fn bindings_give_the_same_whatever_the_backend() {
    if !slow() {
        return;
    }
    let firmware = Firmware::new("verilog", &[("net", "creation-order")]);
    let manifest = std::fs::read_to_string(firmware.folder.join("Cargo.toml")).unwrap();
    firmware.write("src/main.rs", MAIN);
    let run = |backend: &str| {
        firmware.write("Cargo.toml", format!("{manifest}\n[package.metadata.sparsehls]\nbackend = \"{backend}\"\n"));
        firmware.cargo(&["run", "--quiet"]).ok().stdout
    };
    let expected = run("vitis");
    let different: std::collections::BTreeSet<_> = expected.lines().collect();
    assert!(different.len() > 7, "the events are no test: {expected}");
    assert_eq!(run("verilog"), expected);
    // `rows` is for Verilog alone; with it the image enters in another way, and the bits stay.
    assert_eq!(run("verilog\"\nrows = 4\nclock-enable = true\ninterface = \"row"), expected);
}
