//! The tools, as a part of `build`.

use std::time::{Duration, Instant};

use sparsehls_build::{
    Code, Firmware, Note, Result,
    backend::Project,
    cost,
    manifest::Language,
    toolchain::{self, Cancel, Choice, Done, Found, How, LeftOut, Progress, Steps, limits},
};

use super::{super::note_part, Context};
use crate::{
    args::{BuildArgs, Synth},
    junit::Suite,
    message::{Message, Outcome, Simulation, Synthesis, Synthesized},
    output::clock,
};

/// Whether tools run on a model: what the command line says comes before the manifest, and who names steps asks for them.
/// Nothing leaves it at what is quick.
fn when(firmware: &Firmware, asked: Option<Synth>, args: &BuildArgs) -> Option<Synth> {
    let of_manifest = firmware.model.limits.synth.map(Synth::from);
    asked.or(if args.steps.is_empty() {
        of_manifest
    } else {
        of_manifest.filter(|synth| *synth != Synth::Skip).or(Some(Synth::Auto))
    })
}

/// The steps of a model that run then.
fn choose(firmware: &Firmware, when: Option<Synth>, args: &BuildArgs) -> Result<Choice> {
    let steps: Steps = args.steps.iter().map(|step| toolchain::Step::from(*step)).collect();
    let how = match when {
        Some(Synth::Require) => How::All,
        Some(Synth::Auto | Synth::Skip) => How::Installed,
        None => How::Quick,
    };
    firmware.choose(Some(steps).filter(|steps| *steps != Steps::NONE), how)
}

/// Looks at what was asked for before anything is done for it.
pub fn before(firmware: &Firmware, asked: Option<Synth>, args: &BuildArgs) -> Result {
    match when(firmware, asked, args) {
        Some(Synth::Skip) => Ok(()),
        Some(Synth::Require) => {
            let steps = choose(firmware, Some(Synth::Require), args)?.steps;
            firmware.job(steps, &Cancel::default(), &|_| {}).require_tools()
        }
        when => choose(firmware, when, args).map(drop),
    }
}

/// From here on nobody likes to have a synthesis anew.
const LONG: Duration = Duration::from_secs(600);

/// Runs the tools on the project of a model, and compares what they found with its limits.
pub fn run(firmware: &Firmware, project: &Project, context: &Context<'_>, suite: &mut Suite) -> Result {
    let Context { args, output, .. } = context;
    let model = &firmware.model;
    let skipped = |suite: &mut Suite, why: &str| {
        output.json(&synthesis(firmware, Outcome::Skipped { why: why.to_owned() }));
        output.skipped(&format!("synthesis of {}: {why}", model.name));
        suite.skip("synthesis", why);
        Ok(())
    };
    let when = when(firmware, context.asked, args);
    if when == Some(Synth::Skip) {
        return skipped(suite, if context.asked.is_some() { "--synth skip" } else { "`synth = \"skip\"` in the manifest" });
    }
    let Choice { steps, left_out } = choose(firmware, when, args)?;
    if steps == Steps::NONE {
        // Nothing is started, and what is known of this very project is said all the same.
        let Found { report: found, current, .. } = firmware.job(steps, &Cancel::default(), &|_| {}).found()?;
        if when.is_none() && firmware.model.target.language != Language::Verilog && current != Steps::NONE {
            let done = Done { report: found, ran: Steps::NONE, kept: current };
            report(firmware, context, &done, &[], Instant::now());
            return hold(firmware, &done, suite);
        }
        return skipped(suite, &reasons(&left_out).join("; "));
    }
    for LeftOut { step, why } in &left_out {
        output.skipped(&format!("{} of {}: {}", step.name(), model.name, why.message()));
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
    hold(firmware, &done, suite)
}

/// Holds the limits against what was found.
fn hold(firmware: &Firmware, done: &Done, suite: &mut Suite) -> Result {
    let model = &firmware.model;
    if limits::table(&done.report, &model.limits).is_empty() {
        return Ok(());
    }
    suite.record("limits", Duration::ZERO, firmware.require_limits(&done.report))
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
    faults.iter().for_each(|fault| context.output.note(Note::ToolFault, &format!("{}: {fault}", model.name)));
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
        if start.elapsed() > LONG && context.in_target.contains(&firmware.package) {
            let text = format!(
                "{}: the results lie in the target directory, where `cargo clean` removes them; `out-dir` puts them elsewhere",
                model.name
            );
            output.note(Note::ResultsInTarget, &text);
        }
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
    if let Some(demand) = report.demand() {
        note_part(output, &format!("{}: ", model.name), &model.name, &model.target.part, &demand);
    }
    for broken in report.intervals.iter().filter(|interval| !interval.kept && interval.achieved.is_some()) {
        output.note(Note::IntervalMissed, &format!("{}: {broken}", model.name));
    }
    let most = cost::MANY_INSTRUCTIONS;
    if let Some(count) = report.instructions.filter(|count| *count > most) {
        let text = format!("{}: {count} instructions are more than {most}: hours and tens of GB; raise `interval`", model.name);
        output.note(Note::ManyInstructions, &text);
    }
    if output.is_verbose() {
        report.remarks.iter().for_each(|line| output.text(&format!("{}: {line}", model.name)));
    }
    let timings = [&report.vivado, &report.implementation].into_iter().flatten().map(|vivado| vivado.timing);
    for timing in timings.filter(|timing| !timing.met) {
        let slack = timing.wns.map_or(String::new(), |wns| format!(": the worst slack is {wns} ns"));
        let stage = timing.stage.map_or(String::new(), |stage| format!(" {stage}"));
        output.note(Note::TimingNotMet, &format!("{}: Vivado does not meet the timing{slack}{stage}", model.name));
    }
    if let Some(pnr) = report.pnr.as_ref().filter(|pnr| !pnr.met()) {
        let text = format!("{}: nextpnr does not meet the clock of {:.1} MHz", model.name, pnr.target_mhz);
        output.note(Note::TimingNotMet, &text);
    }
}

fn synthesis(firmware: &Firmware, outcome: Outcome) -> Message {
    Message::Synthesis(Synthesis { model: firmware.model.name.clone(), outcome })
}
