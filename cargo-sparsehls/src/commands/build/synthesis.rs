//! The vendor's tools, as a part of `build`.

use std::time::Instant;

use sparsehls_build::{
    Firmware, Result,
    toolchain::{self, Done, Progress, Steps, limits},
};

use super::Context;
use crate::{
    args::{BuildArgs, Synth},
    junit::Suite,
    message::{Message, Outcome, Synthesis, Synthesized},
    output::clock,
};

/// The steps that the flags choose.
pub fn steps(args: &BuildArgs) -> Steps {
    args.steps.iter().map(|step| toolchain::Step::from(*step)).collect()
}

/// Runs the tools on a model, and compares what they found with its limits.
pub fn run(firmware: &Firmware, context: &Context<'_>, suite: &mut Suite) -> Result {
    let Context { args, output, .. } = context;
    let model = &firmware.model;
    let skipped = |suite: &mut Suite, why: &str| {
        output.json(&synthesis(firmware, Outcome::Skipped { why: why.to_owned() }));
        output.status("Skipped", &format!("synthesis of {}: {why}", model.name));
        suite.skip("synthesis", why);
        Ok(())
    };
    if args.synth == Synth::Skip {
        return skipped(suite, "--synth skip");
    }
    if let (Synth::Auto, Err(error)) = (args.synth, toolchain::find(model.target.language)) {
        return skipped(suite, error.message());
    }
    let start = Instant::now();
    let result = run_tools(firmware, context);
    if let Err(error) = &result {
        output.json(&synthesis(firmware, Outcome::Failed { why: error.message().to_owned() }));
    }
    let done = suite.record("synthesis", start.elapsed(), result)?;
    report(firmware, context, &done, start);
    if limits::table(&done.report, &model.limits).is_empty() {
        return Ok(());
    }
    suite.record("limits", std::time::Duration::ZERO, firmware.require_limits(&done.report))
}

fn run_tools(firmware: &Firmware, context: &Context<'_>) -> Result<Done> {
    let model = &firmware.model;
    let steps = steps(context.args);
    let implied = steps.with_needed().filter(|step| !steps.has(step));
    if implied != Steps::NONE {
        let names = steps.filter(toolchain::Step::needs_synth).names().join(", ");
        context.output.detail("Including", &format!("{} for {}, as {names} works on it", implied.names().join(", "), model.name));
    }
    let live = context.output.live(&model.name);
    let progress = |progress: Progress<'_>| live.show(progress.phase, progress.elapsed);
    context.interrupt.guard(|cancel| firmware.job(steps, cancel, &progress).run())
}

fn report(firmware: &Firmware, context: &Context<'_>, done: &Done, start: Instant) {
    let (model, output) = (&firmware.model, context.output);
    let Done { report, ran, kept } = done;
    if *ran != Steps::NONE {
        let time = clock(start.elapsed());
        output.status("Synthesized", &format!("{} ({}) in {time}", model.name, ran.names().join(", ")));
    }
    if *kept != Steps::NONE {
        let why = "nothing has changed since the last successful run";
        output.status("Fresh", &format!("{} ({}): {why}", model.name, kept.names().join(", ")));
    }
    let found = Synthesized::new(done, &limits::table(report, &model.limits));
    output.json(&synthesis(firmware, Outcome::Done(Box::new(found))));
    report.to_string().lines().for_each(|line| output.text(&format!("{}: {line}", model.name)));
    if let Some(timing) = report.vivado.as_ref().map(|vivado| vivado.timing).filter(|timing| !timing.met) {
        let slack = timing.wns.map_or(String::new(), |wns| format!(": the worst slack is {wns} ns"));
        output.note(&format!("{}: Vivado does not meet the timing{slack}", model.name));
    }
}

fn synthesis(firmware: &Firmware, outcome: Outcome) -> Message {
    Message::Synthesis(Synthesis { model: firmware.model.name.clone(), outcome })
}
