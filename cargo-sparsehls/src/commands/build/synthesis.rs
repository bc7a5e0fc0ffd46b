//! The tools, as a part of `build`.

use std::time::Instant;

use sparsehls_build::{
    Code, Firmware, Result,
    backend::Project,
    cost, parts,
    toolchain::{self, Choice, Done, LeftOut, Progress, Steps, limits},
};

use super::Context;
use crate::{
    args::{BuildArgs, Synth},
    junit::Suite,
    message::{Message, Outcome, Simulation, Synthesis, Synthesized},
    output::clock,
};

/// The steps of a model that run with these flags.
pub fn choose(firmware: &Firmware, args: &BuildArgs) -> Result<Choice> {
    let asked: Steps = args.steps.iter().map(|step| toolchain::Step::from(*step)).collect();
    firmware.choose(Some(asked).filter(|asked| *asked != Steps::NONE), args.synth == Synth::Require)
}

/// Runs the tools on the project of a model, and compares what they found with its limits.
pub fn run(firmware: &Firmware, project: &Project, context: &Context<'_>, suite: &mut Suite) -> Result {
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
    let Choice { steps, left_out } = choose(firmware, args)?;
    if steps == Steps::NONE {
        return skipped(suite, &reasons(&left_out).join("; "));
    }
    for LeftOut { step, why } in &left_out {
        output.status("Skipped", &format!("{} of {}: {}", step.name(), model.name, why.message()));
    }
    let start = Instant::now();
    let result = run_tools(firmware, project, steps, context);
    if let Err(error) = &result {
        if error.code() == Code::OutputsDiffer {
            // What was simulated is a result all the same.
            let last = firmware.job(steps, &toolchain::Cancel::default(), &|_| {}).simulation();
            last.iter().for_each(|last| output.json(&Message::Simulation(Simulation::new(&model.name, last))));
        }
        output.json(&synthesis(firmware, Outcome::Failed { why: error.message().to_owned() }));
    }
    let differs = result.as_ref().is_err_and(|error| error.code() == Code::OutputsDiffer);
    let done = suite.record(if differs { "simulation" } else { "synthesis" }, start.elapsed(), result)?;
    report(firmware, context, &done, &left_out, start);
    if limits::table(&done.report, &model.limits).is_empty() {
        return Ok(());
    }
    suite.record("limits", std::time::Duration::ZERO, firmware.require_limits(&done.report))
}

/// Why steps were left out, each reason once.
fn reasons(left_out: &[LeftOut]) -> Vec<&str> {
    let mut reasons: Vec<_> = left_out.iter().map(|left_out| left_out.why.message()).collect();
    reasons.dedup();
    reasons
}

fn run_tools(firmware: &Firmware, project: &Project, steps: Steps, context: &Context<'_>) -> Result<Done> {
    let model = &firmware.model;
    let implied = steps.with_needed().filter(|step| !steps.has(step));
    if implied != Steps::NONE {
        let names = steps.filter(toolchain::Step::needs_synth).names().join(", ");
        context.output.detail("Including", &format!("{} for {}, as {names} works on it", implied.names().join(", "), model.name));
    }
    let faults = context.interrupt.guard(|cancel| firmware.job(steps, cancel, &|_| {}).known_faults())?;
    faults.iter().for_each(|fault| context.output.note(&format!("{}: {fault}", model.name)));
    let live = context.output.live(&model.name);
    let progress = |progress: Progress<'_>| live.show(progress.phase, progress.elapsed);
    context.interrupt.guard(|cancel| firmware.job(steps, cancel, &progress).run_on(Some(project)))
}

fn report(firmware: &Firmware, context: &Context<'_>, done: &Done, left_out: &[LeftOut], start: Instant) {
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
    if let Some(simulation) = &report.simulation {
        output.json(&Message::Simulation(Simulation::new(&model.name, simulation)));
    }
    let found = Synthesized::new(done, &model.target.part, &limits::table(report, &model.limits), left_out);
    output.json(&synthesis(firmware, Outcome::Done(Box::new(found))));
    report.to_string().lines().for_each(|line| output.text(&format!("{}: {line}", model.name)));
    if let Some((share, warnings)) = report.demand().map(|demand| parts::describe(&model.target.part, &demand)) {
        output.text(&format!("{}: {share}", model.name));
        warnings.iter().for_each(|warning| output.note(&format!("{}: {warning}", model.name)));
    }
    for broken in report.intervals.iter().filter(|interval| !interval.kept && interval.achieved.is_some()) {
        output.note(&format!("{}: {broken}", model.name));
    }
    let most = cost::MANY_INSTRUCTIONS;
    if let Some(count) = report.instructions.filter(|count| *count > most) {
        output
            .note(&format!("{}: {count} instructions are more than {most}: hours and tens of GB; raise `interval`", model.name));
    }
    if output.is_verbose() {
        report.remarks.iter().for_each(|line| output.text(&format!("{}: {line}", model.name)));
    }
    let timings = [&report.vivado, &report.implementation].into_iter().flatten().map(|vivado| vivado.timing);
    for timing in timings.filter(|timing| !timing.met) {
        let slack = timing.wns.map_or(String::new(), |wns| format!(": the worst slack is {wns} ns"));
        let stage = timing.stage.map_or(String::new(), |stage| format!(" {stage}"));
        output.note(&format!("{}: Vivado does not meet the timing{slack}{stage}", model.name));
    }
    if let Some(pnr) = report.pnr.as_ref().filter(|pnr| !pnr.met()) {
        output.note(&format!("{}: nextpnr does not meet the clock of {:.1} MHz", model.name, pnr.target_mhz));
    }
}

fn synthesis(firmware: &Firmware, outcome: Outcome) -> Message {
    Message::Synthesis(Synthesis { model: firmware.model.name.clone(), outcome })
}
