//! Random networks with random knobs through the whole of it: their C++, in both dialects, with the address and the undefined-behaviour
//! sanitizer, against the reference. `tests/circuit` has the same networks as circuits. SPARSEHLS_SEED is the first that is drawn;
//! SPARSEHLS_ALL draws more of them, SPARSEHLS_ALL=pipeline 2,000, which takes half an hour.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::program::{self, Program};
use sparsehls_build::{
    check::{self, Probes},
    engine,
    reference::Reference,
};

/// What stops at the first thing that is wrong.
const FLAGS: [&str; 4] = ["-O0", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"];

#[test]
fn random_networks_run_clean() {
    let count = match std::env::var("SPARSEHLS_ALL") {
        Ok(all) if all == "pipeline" => 2000,
        Ok(_) => 40,
        Err(_) => 2,
    };
    if count < 2000 {
        common::skip::skipped(&format!("all but {count} of 2000 random networks; SPARSEHLS_ALL=pipeline takes all"));
    }
    common::draw::every_seed(count, check);
}

/// The mean of this network goes into a quantizer that keeps nothing of it, so there is nothing to divide.
#[test]
fn a_mean_of_which_nothing_is_kept_compiles() {
    assert_eq!(check(171), Ok(true));
}

/// Whether the network of a seed can be built, and does what it should.
fn check(seed: u64) -> Result<bool, String> {
    let Some((network, model)) = program::network(seed) else { return Ok(false) };
    let program = Program::new(&network, &model)?;
    let compiled = program.compile("sanitized", &FLAGS)?;
    let inputs = Probes::new(&network, 256).inputs;
    let found = program.run(&compiled, &inputs)?;
    let wanted = engine::run(&Reference::new(&network), &inputs).map_err(|error| error.to_string())?;
    match check::same(&found, &wanted).first {
        None => Ok(true),
        Some(first) => Err(format!("{first:?}")),
    }
}
