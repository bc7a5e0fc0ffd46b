//! The two hot loops on their own, for `instructions.sh`, which counts their instructions.
//!
//! `instructions reference MODEL EVENTS` runs the interpreter. `instructions csim MODEL FOLDER` compiles the simulation
//! there, prints its path, and writes what it reads for 20 and for 120 events into `20.in` and `120.in`.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bench;

use std::path::Path;

use sparsehls_build::reference::Reference;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["reference", model, events] => {
            let golden = bench::golden(model);
            let outputs = Reference::new(&golden.network).run_each(&golden.events(events.parse().unwrap()));
            assert!(!outputs.is_empty());
        }
        ["csim", model, folder] => prepare(&bench::golden(model), Path::new(folder)),
        _ => println!("run by instructions.sh, which wants valgrind"), // cargo bench calls it with --bench
    }
}

fn prepare(golden: &bench::Golden, folder: &Path) {
    println!("{}", golden.csim(folder).program().display());
    for events in [20, 120] {
        let mut bytes = (events as u64).to_ne_bytes().to_vec();
        // All of them have inputs of up to 8 bits.
        bytes.extend(golden.events(events).values().iter().map(|&mantissa| mantissa as u8));
        std::fs::write(folder.join(format!("{events}.in")), bytes).unwrap();
    }
}
