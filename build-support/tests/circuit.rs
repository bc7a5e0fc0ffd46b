//! Circuits of the golden fixtures, with all kinds of knobs: what they compute is what the network does, event behind event, and
//! so does every layer.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use sparsehls_build::{
    check,
    circuit::{core::Core, engine::Simulated, schedule::Timing, tech::Technology},
    cost, data,
    engine::{self, Engine},
    lower::Design,
    plan::Plan,
    reference::Reference,
};

const TIMING: Timing = Timing { stage: 3650, technology: Technology::Xcup };

/// Knobs that every fixture is built with: those that the plan chooses, and some by chance.
const SEEDS: u64 = 3;

#[test]
fn circuits_compute_what_the_network_does() {
    let failures = common::for_every(1, "", |name, source, _| {
        let arrays = data::read_npz(&source.with_extension("npz")).unwrap();
        let (mut model, network) = common::load(source, &arrays["x"]).unwrap();
        let mut events = check::made_up(&network, 3);
        events.append(data::to_mantissas(&arrays["x"], &network).0.first(4));
        let reference = Reference::new(&network);
        for seed in 0..SEEDS {
            if seed > 0 {
                let own = name.bytes().fold(seed, |hash: u64, byte| hash.wrapping_mul(31).wrapping_add(byte.into()));
                common::draw_knobs(&mut model, &network, own);
            }
            let design = Design::new(&network, &Plan::new(&network, &model, cost::area).unwrap()).unwrap();
            let failed = |what: String| format!("{what} with the knobs of seed {seed}");
            let core = Core::new(&design, &TIMING).map_err(|error| failed(error.to_string()))?;
            let simulated = Simulated::new(&network, core).map_err(|error| failed(error.to_string()))?;
            let outputs = simulated.start().unwrap().run(&events).map_err(|error| failed(error.to_string()))?;
            if outputs != engine::run(&reference, &events).unwrap() {
                return Err(failed("other outputs".into()));
            }
            let event = events.iter().last().unwrap();
            let (wanted, found) = (reference.trace(event).unwrap(), simulated.trace(event));
            let found = found.map_err(|error| failed(format!("trace: {error}")))?;
            for ((wanted, found), fixed) in wanted.iter().zip(&found).zip(&network.layers) {
                if found.is_some() && found != wanted {
                    return Err(failed(format!("{}: {found:?} where the reference has {wanted:?}", fixed.layer.name)));
                }
            }
        }
        Ok(())
    });
    assert!(failures.is_empty(), "{} fixtures:\n{}", failures.len(), failures.join("\n"));
}
