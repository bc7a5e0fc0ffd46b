//! Whether a simulation computes what the reference and Keras compute.

use super::{Firmware, Golden};
use crate::{
    check::{self, Comparison},
    diagnosis,
    engine::{self, Engine},
    error::{Error, Result},
    float32::Float32,
    formats::{FixedNetwork, GridReport},
    reference::Reference,
};

/// What [`Firmware::prove`] found.
#[derive(Debug, Clone, PartialEq)]
#[must_use = "a difference is an error only if `require` is called"]
pub struct Proof {
    /// The simulation against the reference, on made-up events and the golden ones; if there is a simulation.
    pub engines: Option<Comparison>,
    /// Both against Keras, on the golden events; if there are any, and the engines agree.
    pub keras: Option<Comparison>,
    /// What happened to the golden inputs.
    pub grid: GridReport,
}

impl Proof {
    pub(super) fn new(network: &FixedNetwork, simulation: Option<&dyn Engine>, golden: Option<&Golden>) -> Result<Self> {
        let run_reference = |golden: &Golden| engine::run(&Reference::new(network), &golden.inputs);
        let outputs = golden.map(run_reference).transpose()?;
        let golden = golden.zip(outputs);
        let compare_engines = |simulation: &dyn Engine| {
            let mut engines = check::self_check(simulation)?;
            if let Some((golden, outputs)) = &golden {
                engines.add(check::same(&engine::run(simulation, &golden.inputs)?, outputs));
            }
            Ok::<_, Error>(engines)
        };
        let engines = simulation.map(compare_engines).transpose()?;
        let agree = engines.as_ref().is_none_or(|engines| engines.first.is_none());
        let grid = golden.as_ref().map_or_else(GridReport::default, |(golden, _)| golden.grid);
        let keras = golden.filter(|_| agree).map(|(golden, outputs)| {
            check::all_with_keras(&Float32::new(network), &golden.inputs, &outputs.to_floats(), &golden.outputs)
        });
        Ok(Self { engines, keras: keras.transpose()?, grid })
    }

    /// An error if anything differs. One about the golden file says what the input grid has to do with it.
    ///
    /// # Errors
    /// [`OutputsDiffer`](crate::Code::OutputsDiffer).
    pub fn require(&self, firmware: &Firmware) -> Result {
        let Firmware { model, network, .. } = firmware;
        let engines =
            self.engines.iter().try_for_each(|engines| engines.require_equal(&model.name, "the simulation", "the reference"));
        engines.map_err(|error: Error| error.file(&model.source))?;
        let found = if self.engines.is_some() { "the simulation" } else { "the network" };
        let keras = self.keras.iter().try_for_each(|keras| keras.require_equal(&model.name, found, "Keras"));
        keras.map_err(|error: Error| diagnosis::explain_golden(model, network, error.key(format!("{}.golden", model.key()))))
    }
}
