//! Whether a model computes what Keras computes: the proof that `build` makes, always anew.

use sparsehls_build::{Code, Error, Firmware, GoldenFile, Proof, Result, formats::GridReport};

use super::relative;
use crate::{
    commands,
    interrupt::Interrupt,
    message::report::{Agreement, Verdict},
    output::Output,
};

/// What was proven.
pub struct Proven {
    /// For the report.
    pub agreement: Agreement,
    /// What happened to the golden inputs.
    pub grid: GridReport,
    /// The first difference, as an error.
    pub difference: Result,
}

/// Compiles the project, and compares its simulation with the reference and both with Keras.
///
/// # Errors
/// As [`commands::compile`]; without a compiler there is no simulation, and the reference is compared alone.
pub fn prove(firmware: &Firmware, golden: Option<&GoldenFile<'_>>, interrupt: &Interrupt, output: &Output) -> Result<Proven> {
    let (compiled, why) = match commands::compile(firmware, interrupt, output) {
        Ok(simulation) => (Some(simulation.compiled), None),
        Err(error) if error.code() == Code::NoCompiler => (None, Some(error)),
        Err(error) => return Err(error),
    };
    let engine = compiled.as_ref().map(|compiled| &*compiled.engine);
    let proof = firmware.prove(engine, golden)?;
    let agreement = agreement(firmware, &proof, engine.map(|engine| engine.name()), why.as_ref());
    Ok(Proven { agreement, grid: proof.grid, difference: proof.require(firmware) })
}

fn agreement(firmware: &Firmware, proof: &Proof, engine: Option<&str>, why: Option<&Error>) -> Agreement {
    let Firmware { model, network, .. } = firmware;
    Agreement {
        verdict: verdict(proof),
        engine: engine.unwrap_or("csim").to_owned(),
        simulation: proof.engines.as_ref().map(Into::into),
        not_simulated: why.map(|why| why.message().to_owned()),
        golden: model.golden.as_ref().map(|golden| relative(golden, model)),
        keras: proof.keras.as_ref().map(Into::into),
        tolerance: network.tolerance,
        grid: proof.grid.into(),
    }
}

fn verdict(proof: &Proof) -> Verdict {
    let differs = |comparison: &Option<_>| {
        comparison.as_ref().is_some_and(|found: &sparsehls_build::check::Comparison| found.first.is_some())
    };
    if differs(&proof.engines) || differs(&proof.keras) {
        return Verdict::Different;
    }
    match &proof.keras {
        None => Verdict::NotCompared,
        Some(keras) if keras.max_abs_difference > 0.0 || keras.within_float32 > 0 => Verdict::Within,
        Some(_) => Verdict::Equal,
    }
}
