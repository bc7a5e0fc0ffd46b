//! Whether a simulation computes what the reference and Keras compute.

use super::{Firmware, Golden, GoldenFile};
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
    pub(super) fn new(network: &FixedNetwork, simulation: Option<&dyn Engine>, golden: Option<&GoldenFile<'_>>) -> Result<Self> {
        let engines = simulation.map(check::self_check).transpose()?;
        let mut proof = Self { engines, keras: None, grid: GridReport::default() };
        if let Some(golden) = golden {
            let (reference, float32) = (Reference::new(network), Float32::new(network));
            golden.each(engine::batch_events(network).get(), &mut |golden| {
                proof.add(&reference, &float32, simulation, &golden)?;
                Ok(true)
            })?;
        }
        proof.keras = proof.keras.filter(|_| proof.engines.as_ref().is_none_or(|engines| engines.first.is_none()));
        Ok(proof)
    }

    /// Takes in some golden events.
    fn add(
        &mut self,
        reference: &Reference<'_>,
        float32: &Float32<'_>,
        simulation: Option<&dyn Engine>,
        golden: &Golden,
    ) -> Result {
        let outputs = engine::run(reference, &golden.inputs)?;
        if let (Some(engines), Some(simulation)) = (&mut self.engines, simulation) {
            engines.add(check::same(&engine::run(simulation, &golden.inputs)?, &outputs));
        }
        let found = outputs.to_floats();
        self.keras.get_or_insert_default().add(check::all_with_keras(float32, &golden.inputs, &found, &golden.outputs)?);
        self.grid.add(golden.grid);
        Ok(())
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
