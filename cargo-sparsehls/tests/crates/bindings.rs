//! The generated module from inside a crate: every item, many threads, and what the library holds.

use std::{fs, path::PathBuf, process::Command};

use crate::support::{Firmware, INCLUDE, slow};

/// What a test of the crate says about every item: one thread, many threads, raw, batch.
const THREADS: &str = r#"
use threads::{net, other};

fn event<const N: usize>(seed: u64) -> [f32; N] {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    [(); N].map(|()| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        if state >> 62 == 0 { (state >> 40) as f32 / 1e6 } else { 0.0 }
    })
}

#[test]
fn many_threads_give_what_one_gives() {
    let events: Vec<_> = (0..400).map(event::<{ net::INPUTS }>).collect();
    let others: Vec<_> = (0..400).map(event::<{ other::INPUTS }>).collect();
    let (alone, others_alone) = (net::predict_batch(&events), other::predict_batch(&others));
    assert!(alone.iter().any(|output| *output != alone[0]), "the events differ");
    std::thread::scope(|scope| {
        for start in 0..16 {
            let (events, others, alone, others_alone) = (&events, &others, &alone, &others_alone);
            scope.spawn(move || {
                for at in (0..400).map(|at| (at + start * 25) % 400) {
                    assert_eq!(net::predict(&events[at]), alone[at]);
                    assert_eq!(other::predict(&others[at]), others_alone[at]);
                }
            });
        }
    });
}

#[test]
fn raw_and_float_calls_agree() {
    let events: Vec<_> = (0..100).map(event::<{ net::INPUTS }>).collect();
    let raw: Vec<_> = events.iter().map(|event| event.map(net::to_mantissa)).collect();
    let outputs = net::predict_raw_batch(&raw);
    for ((event, raw), output) in events.iter().zip(&raw).zip(&outputs) {
        assert_eq!(net::predict_raw(raw), *output);
        assert_eq!(net::predict(event), output.map(net::to_float));
    }
    assert!(net::predict_batch(&[]).is_empty() && net::predict_raw_batch(&[]).is_empty());
}

#[test]
fn no_input_makes_it_panic() {
    for x in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, f32::MIN, f32::MIN_POSITIVE, -0.0, 1e-45, -1e-45] {
        let mantissa = net::to_mantissa(x);
        let format = net::INPUT_FORMAT;
        let (low, high) = if format.signed { (-(1_i64 << (format.width - 1)), 1_i64 << (format.width - 1)) } else { (0, 1 << format.width) };
        assert!((low..high).contains(&mantissa), "{x}: {mantissa}");
        net::predict(&[x; net::INPUTS]);
    }
    assert_eq!(net::to_mantissa(-1e-30), if net::INPUT_FORMAT.signed { -1 } else { (1 << net::INPUT_FORMAT.width) - 1 });
    // TensorFlow takes what is too small for a normal float32 as 0.
    assert_eq!(net::to_mantissa(-1e-45), 0);
    for mantissa in [i64::MIN, i64::MAX, -1, 0] {
        net::predict_raw(&[mantissa; net::INPUTS]);
        net::to_float(mantissa);
    }
}

#[test]
fn constants_say_what_the_model_is() {
    const _: () = assert!(net::SIMULATED && net::TOLERANCE == 0.0);
    assert_eq!(net::INPUT_SHAPE.iter().product::<usize>(), net::INPUTS);
    assert_eq!(net::simulated(), Ok(()));
    // One type for all models.
    let formats: [threads::sparsehls::Format; 2] = [net::OUTPUT_FORMAT, other::OUTPUT_FORMAT];
    assert!(formats.iter().all(|format| format.width > 0));
}
"#;

#[test]
fn many_threads_give_what_one_gives_and_the_library_has_no_state() {
    if !slow() {
        return;
    }
    let firmware = Firmware::new("threads", &[("net", "whole-net-032"), ("other", "flatten-dense")]);
    // A crate as strict as they come.
    let strict = "#![deny(warnings, missing_docs, unsafe_code, unreachable_pub, clippy::all, clippy::pedantic)]\n//! Ours.\n";
    firmware.write("src/lib.rs", format!("{strict}{INCLUDE}"));
    firmware.write("tests/threads.rs", THREADS);
    firmware.cargo(&["test", "--quiet"]).ok();
    firmware.cargo(&["clippy", "--quiet", "--lib"]).ok();
    let doc = firmware.cargo(&["doc", "--no-deps"]).ok();
    assert!(!doc.stderr.contains("warning"), "{doc:?}");
    no_state(&libraries(&firmware));

    let bindings = fs::read_to_string(firmware.out_dir().join("sparsehls.rs")).unwrap();
    let code: String = bindings.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    for panics in ["panic", "unwrap", "expect", "assert", "unimplemented", "todo", "unreachable!"] {
        assert!(!code.contains(panics), "{panics}");
    }
}

fn libraries(firmware: &Firmware) -> Vec<PathBuf> {
    let files = fs::read_dir(firmware.out_dir()).unwrap().flatten().map(|entry| entry.path());
    files.filter(|path| path.extension().is_some_and(|extension| extension == "a")).collect()
}

/// Each library defines one global symbol, needs at most `memcpy` and its kin and memory for its streams, and has nothing that can be
/// written to.
fn no_state(libraries: &[PathBuf]) {
    assert_eq!(libraries.len(), 2);
    for library in libraries {
        let Ok(output) = Command::new("nm").arg(library).output() else {
            crate::skip::skipped("nm is not installed");
            return;
        };
        let text = String::from_utf8(output.stdout).unwrap();
        let symbols: Vec<(char, &str)> = text
            .lines()
            .filter_map(|line| {
                let mut words = line.split_whitespace().rev();
                let (name, kind) = (words.next()?, words.next()?);
                (kind.len() == 1).then(|| (kind.chars().next().unwrap(), name))
            })
            .collect();
        let global: Vec<_> = symbols.iter().filter(|(kind, _)| "TWVBDGSC".contains(*kind)).collect();
        assert!(global.len() == 1 && global[0].1.contains("sparsehls_threads_"), "{global:?}");
        let writable: Vec<_> = symbols.iter().filter(|(kind, _)| "bBdDgGsSCu".contains(*kind)).collect();
        assert!(writable.is_empty(), "{writable:?}");
        let needed: Vec<_> = symbols.iter().filter(|(kind, _)| *kind == 'U').map(|(_, name)| *name).collect();
        let may = ["memcpy", "memset", "memmove", "calloc", "free", "_GLOBAL_OFFSET_TABLE_"];
        assert!(needed.iter().all(|name| may.contains(name)), "{needed:?}");
    }
}
