//! Circuits of random networks with random knobs, against the reference. SPARSEHLS_SEED is the first that is drawn.

use fastrand::Rng;
use sparsehls_build::{
    Mantissas, backend, check,
    formats::FixedNetwork,
    lower::Design,
    manifest::{Language, Model},
    network::Network,
};

use crate::{
    common::{self, draw},
    compare,
};

/// How many are drawn, with SPARSEHLS_ALL and without.
const NETWORKS: [u64; 2] = [2000, 100];

/// Events behind those that are made up.
const EVENTS: usize = 13;

#[test]
fn circuits_compute_what_random_networks_do() {
    let count = NETWORKS[usize::from(std::env::var_os("SPARSEHLS_ALL").is_none())];
    draw::every_seed(count, check);
}

/// Whether the network of a seed is one that can be built, and computes what it should.
fn check(seed: u64) -> Result<bool, String> {
    let mut random = Rng::with_seed(seed);
    let (network, input) = draw::network(&mut random);
    let outline = outline(&network);
    let mut model = common::model("random.keras".as_ref(), input);
    model.target.language = Language::Verilog;
    let Ok(network) = FixedNetwork::infer(network, &model) else { return Ok(false) };
    common::draw_knobs(&mut model, &network, seed);
    let Ok(plan) = backend::plan(&network, &model) else { return Ok(false) };
    let design = Design::new(&network, &plan).map_err(|error| format!("{error}\n{outline}"))?;
    let result = std::panic::catch_unwind(|| compare(&network, &design, &events(&network, seed)));
    let result = result.unwrap_or_else(|_| Err("it panics".into()));
    result.map(|()| true).map_err(|what| format!("{what}\n{outline}{}", knobs(&model)))
}

/// All zero, all at an extreme, single pixels; then as many active pixels as there happen to be.
fn events(network: &FixedNetwork, seed: u64) -> Mantissas {
    let mut random = Rng::with_seed(seed);
    let range = network.input.format.range();
    let mut events = check::made_up(network, 7);
    for _ in 0..EVENTS {
        let density = random.u8(1..=32);
        let mut value = || match random.u8(..32) {
            kind if kind >= density => 0,
            0 => range.hi as i64,
            1 => range.lo as i64,
            _ => random.i64(range.lo as i64..=range.hi as i64),
        };
        events.append(network.inputs((0..network.input_len().get()).map(|_| value()).collect()));
    }
    events
}

/// What a network is, in a line for each op.
fn outline(network: &Network) -> String {
    let ops = network.layers.iter().map(|layer| {
        let text: String = format!("{:?}", layer.op).chars().take(600).collect();
        format!("    {:?} {text}\n", layer.shape)
    });
    format!("  input {:?}\n{}", network.input_shape, ops.collect::<String>())
}

fn knobs(model: &Model) -> String {
    let layers = model.layers.iter().map(|(name, options)| format!("    {name}: {options:?}\n"));
    format!("  {:?} {:?} {:?}\n{}", model.interface, model.verilog, model.knobs, layers.collect::<String>())
}
