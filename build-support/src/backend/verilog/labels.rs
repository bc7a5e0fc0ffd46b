//! Names of nets, registers and ports: what the circuit calls them, made unique in each module.

use std::collections::{HashMap, HashSet};

use super::{
    Rtl,
    wiring::{Module, Tap, Wiring},
};
use crate::{
    circuit::{Net, Op},
    names,
};

/// The ports of the top module.
pub(super) const PORTS: [&str; 7] = ["clk", "rst", "ce", "in_valid", "in_data", "out_valid", "out_data"];

/// What stands behind the model's name in names of modules that are no layers.
const MODULES: [&str; 4] = ["axis", "pnr", "tb", "fifo"];

/// How the names of instances of tables begin.
const LOOK_UP: &str = "look_up_";

/// The names in one module.
#[derive(Debug, Default)]
pub(super) struct Names {
    taken: HashSet<String>,
    /// How often a name was wanted.
    wanted: HashMap<String, usize>,
    of: HashMap<Tap, String>,
}

impl Names {
    /// The name of what is read.
    pub(super) fn of(&self, tap: Tap) -> &str {
        // Every tap that a module reads has been named by `all`.
        self.of.get(&tap).map_or("", String::as_str)
    }

    /// The nearest free name for what there is of a net.
    fn assign(&mut self, base: &str, taps: &[Tap]) {
        let is_free = !names::is_word_of_hardware(base) && !base.starts_with(LOOK_UP);
        let base = if is_free { base.to_owned() } else { format!("net_{base}") };
        let count = self.wanted.entry(base.clone()).or_default();
        let free = loop {
            *count += 1;
            let name = if *count == 1 { base.clone() } else { format!("{base}_{count}") };
            if !taps.iter().any(|tap| self.taken.contains(&tap.suffixed(&name))) {
                break name;
            }
        };
        for tap in taps {
            let name = tap.suffixed(&free);
            self.taken.insert(name.clone());
            self.of.insert(*tap, name);
        }
    }

    /// Gives a name that another module has chosen.
    fn take(&mut self, tap: Tap, name: &str) {
        self.taken.insert(name.to_owned());
        self.of.insert(tap, name.to_owned());
    }
}

impl Tap {
    fn suffixed(self, name: &str) -> String {
        let delay = if self.delay == 0 { String::new() } else { format!("_d{}", self.delay) };
        let copy = if self.copy == 0 { String::new() } else { format!("_c{}", self.copy) };
        format!("{name}{delay}{copy}")
    }
}

/// The names in every module, in the order of the modules: the top is the last.
pub(super) fn all(rtl: &Rtl<'_>, wiring: &Wiring<'_>) -> Vec<Names> {
    let top = rtl.layers.len();
    let mut shared = reserved(rtl);
    for port in rtl.circuit.inputs() {
        shared.taken.remove(&port.name);
        shared.assign(&port.name, &wiring.taps(port.net));
    }
    let is_port = |net: &Net| rtl.circuit.node(*net).op == Op::Input;
    for net in wiring.modules[top].nets.iter().filter(|net| !is_port(net)) {
        shared.assign(&base(rtl, *net), &wiring.taps(*net));
    }
    for (layer, module) in rtl.layers.iter().zip(&wiring.modules) {
        let given: Vec<_> = module.gives.iter().copied().collect();
        for taps in given.chunk_by(|a, b| a.net == b.net) {
            shared.assign(&format!("{}_{}", layer.id, base(rtl, taps[0].net)), taps);
        }
    }
    let mut names: Vec<_> = wiring.modules[..top].iter().map(|module| of_layer(rtl, wiring, module, &shared)).collect();
    names.push(shared);
    names
}

/// What no net is called: ports of the top, the layers in it, functions.
fn reserved(rtl: &Rtl<'_>) -> Names {
    let layers = rtl.layers.iter().map(|layer| layer.id.to_owned());
    let functions = (0..=128).map(add_or_subtract);
    Names { taken: PORTS.map(str::to_owned).into_iter().chain(layers).chain(functions).collect(), ..Names::default() }
}

/// The names in the module of a layer: what comes in is called there as in the top.
fn of_layer(rtl: &Rtl<'_>, wiring: &Wiring<'_>, module: &Module, shared: &Names) -> Names {
    let mut own = reserved(rtl);
    for tap in &module.takes {
        own.take(*tap, shared.of(*tap));
    }
    for port in module.elements.iter().filter_map(|at| rtl.circuit.inputs().get(at + 1)) {
        own.take(Tap { net: port.net, delay: 0, copy: 0 }, &port.name);
    }
    for net in &module.nets {
        own.assign(&base(rtl, *net), &wiring.taps(*net));
    }
    own
}

fn base(rtl: &Rtl<'_>, net: Net) -> String {
    rtl.circuit.name(net).map_or_else(|| format!("n{}", net.index()), names::identifier)
}

/// The function that adds or subtracts words of so many bits.
pub(super) fn add_or_subtract(width: u32) -> String {
    format!("add_or_subtract_{width}")
}

/// The module of a table.
pub(super) fn table(model: &str, at: usize) -> String {
    format!("{model}_table_{at}")
}

/// The instance of such a module that drives a net.
pub(super) fn look_up(net: &str) -> String {
    format!("{LOOK_UP}{net}")
}

/// The module of a layer.
pub(super) fn module(model: &str, layer: &str) -> String {
    if MODULES.contains(&layer) || layer.starts_with("table_") {
        format!("{model}_{layer}_layer")
    } else {
        format!("{model}_{layer}")
    }
}
