//! Circuits of the golden fixtures, with all kinds of knobs: what they compute is what the network does, event behind event, and
//! so does every layer.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../common/mod.rs"]
mod common;
mod networks;

use sparsehls_build::{
    Mantissas, check,
    circuit::{core::Core, engine::Simulated, schedule::Timing, tech::Technology},
    cost, data,
    engine::{self, Engine},
    formats::FixedNetwork,
    lower::Design,
    plan::Plan,
    reference::Reference,
};

const TIMING: Timing = Timing { stage: 3650, technology: Technology::Xcup };

/// Knobs that every fixture is built with: those that the plan chooses, and some by chance.
const SEEDS: u64 = 3;

#[test]
fn circuits_compute_what_the_network_does() {
    let failures = common::for_fixtures(|name, source, _| {
        let arrays = data::read_npz(&source.with_extension("npz")).unwrap();
        let (mut model, network) = common::load(source, &arrays["x"]).unwrap();
        let mut events = check::made_up(&network, 3);
        events.append(data::to_mantissas(&arrays["x"], &network).0.first(4));
        for seed in 0..SEEDS {
            if seed > 0 {
                let own = name.bytes().fold(seed, |hash: u64, byte| hash.wrapping_mul(31).wrapping_add(byte.into()));
                common::draw_knobs(&mut model, &network, own);
            }
            let design = Design::new(&network, &Plan::new(&network, &model, cost::area).unwrap()).unwrap();
            let failed = |what: String| format!("{what} with the knobs of seed {seed}");
            compare(&network, &design, &events).map_err(failed)?;
        }
        Ok(())
    });
    assert!(failures.is_empty(), "{} fixtures:\n{}", failures.len(), failures.join("\n"));
}

/// That the circuit of `design` computes what `network` does, and that of the last event every layer gives what it should.
fn compare(network: &FixedNetwork, design: &Design, events: &Mantissas) -> Result<(), String> {
    let said = |error: sparsehls_build::Error| error.to_string();
    let reference = Reference::new(network);
    let simulated = Simulated::new(network, Core::new(design, &TIMING).map_err(said)?).map_err(said)?;
    let outputs = simulated.start().map_err(said)?.run(events).map_err(said)?;
    let different = check::same(&outputs, &engine::run(&reference, events).map_err(said)?);
    if let Some(first) = different.first {
        return Err(format!("other outputs: {first:?}"));
    }
    let event = events.iter().last().unwrap();
    let (wanted, found) = (reference.trace(event).map_err(said)?, simulated.trace(event).map_err(said)?);
    for ((wanted, found), fixed) in wanted.iter().zip(&found).zip(&network.layers) {
        if found.is_some() && found != wanted {
            return Err(format!("{}: {found:?} where the reference has {wanted:?}", fixed.layer.name));
        }
    }
    Ok(())
}
