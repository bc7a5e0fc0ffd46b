//! `cargo sparsehls build`.

use std::sync::{
    Mutex,
    atomic::{AtomicUsize, Ordering},
};

use serde_json::json;
use sparsehls_build::{
    Result,
    check::{self, Comparison},
    csim::Csim,
    data,
    formats::GridReport,
    toolchain,
};

use super::{Loaded, load, note_grid};
use crate::{
    args::{BuildArgs, Common, Step, Synth},
    checked::{Checked, Stamp},
    output::Output,
};

/// Builds every chosen model, several at a time.
pub fn run(common: &Common, args: &BuildArgs, output: &mut Output) -> Result {
    let models = load(common)?;
    if args.synth == Synth::Require {
        // Before minutes are spent on compiling.
        models.iter().try_for_each(|loaded| toolchain::find(loaded.model.target.backend).map(drop))?;
    }
    let jobs = args.jobs.or(std::thread::available_parallelism().ok()).map_or(1, usize::from).min(models.len()).max(1);
    let (next, results) = (AtomicUsize::new(0), Mutex::new(vec![None; models.len()]));
    let output = &*output;
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(loaded) = models.get(at) else { break };
                    let result = build(loaded, args, output);
                    if let Ok(mut results) = results.lock() {
                        results[at] = Some(result);
                    }
                }
            });
        }
    });
    // The first error is the command's; the others are printed on the way.
    let results = results.into_inner().unwrap_or_default();
    let mut errors = results.into_iter().flatten().filter_map(Result::err);
    let Some(first) = errors.next() else { return Ok(()) };
    errors.for_each(|error| output.error(&error));
    Err(first)
}

fn build(loaded: &Loaded, args: &BuildArgs, output: &Output) -> Result {
    let Loaded { package, model, directory, .. } = loaded;
    output.status("Building", &format!("{} ({})", model.name, package.name));
    let csim = loaded.compile_only(output)?;
    output.status("Generated", &format!("{} project in {}", model.target.backend.name(), directory.display()));
    self_check(loaded, &csim, output)?;
    synthesize(loaded, args, output)
}

/// Simulation against reference, and both against Keras where there is a golden file, unless that has been done.
fn self_check(loaded: &Loaded, csim: &Csim, output: &Output) -> Result {
    let Loaded { model, network, .. } = loaded;
    let stamp = Stamp::new(csim.program(), model.golden.as_deref());
    let before = stamp.as_ref().and_then(Stamp::read);
    let checked = match before {
        Some(checked) => {
            let result = Comparison { events: checked.events, ..Comparison::default() };
            output.json("self-check", Some(&model.name), result);
            checked
        }
        None => run_checks(loaded, csim, output)?,
    };
    if let (Some(stamp), None) = (stamp, before) {
        stamp.write(&checked);
    }
    note_grid(output, &model.name, network, checked.grid);
    let mut text = format!("{}: simulation and reference agree on all {} events", model.name, checked.events);
    if model.golden.is_some() {
        text += &format!(", and with Keras on the {} golden ones", checked.golden);
    }
    output.status(if before.is_some() { "Unchanged" } else { "Checked" }, &text);
    Ok(())
}

fn run_checks(loaded: &Loaded, csim: &Csim, output: &Output) -> Result<Checked> {
    let Loaded { model, network, .. } = loaded;
    let golden = loaded.golden()?;
    let inputs = golden.as_ref().map_or(&[][..], |golden| &golden.inputs);
    let result = check::self_check(network, csim, inputs)?;
    output.json("self-check", Some(&model.name), result);
    result.require_equal(&model.name, "the simulation", "the reference").map_err(|error| error.file(&model.source))?;
    let mut checked = Checked { events: result.events, golden: 0, grid: GridReport::default() };
    if let Some(golden) = golden {
        let floats = data::to_floats(&csim.run(&golden.inputs)?, network);
        let result = check::compare(&floats, &golden.outputs, network.output_len(), network.tolerance);
        let require = result.require_equal(&model.name, "the simulation", "Keras");
        require.map_err(|error| error.key(format!("{}.golden", model.key())))?;
        (checked.golden, checked.grid) = (result.events, golden.grid);
    }
    Ok(checked)
}

fn synthesize(loaded: &Loaded, args: &BuildArgs, output: &Output) -> Result {
    let Loaded { model, directory, .. } = loaded;
    let skipped = |why: &str| {
        output.json("synthesis", Some(&model.name), json!({ "status": "skipped", "why": why }));
        output.status("Skipped", &format!("synthesis of {}: {why}", model.name));
        Ok(())
    };
    if args.synth == Synth::Skip {
        return skipped("--synth skip");
    }
    let tool = match toolchain::find(model.target.backend) {
        Ok(tool) => tool,
        Err(error) if args.synth == Synth::Auto => return skipped(error.message()),
        Err(error) => {
            output.json("synthesis", Some(&model.name), json!({ "status": "failed", "why": error.message() }));
            return Err(error);
        }
    };
    let has = |step| args.steps.contains(&step);
    let steps = toolchain::Steps {
        csim: has(Step::Csim),
        synth: has(Step::Synth),
        cosim: has(Step::Cosim),
        export: has(Step::Export),
        vsynth: has(Step::Vsynth),
    };
    output.status("Running", &format!("{} on {}", tool.path().display(), model.name));
    let report = match toolchain::run(&tool, steps, directory, model) {
        Ok(report) => report,
        Err(error) => {
            output.json("synthesis", Some(&model.name), json!({ "status": "failed", "why": error.message() }));
            return Err(error);
        }
    };
    output.json("synthesis", Some(&model.name), json!({ "status": "done", "report": report }));
    let Some(report) = report else { return Ok(()) };
    output.text(&format!("{}: {report}", model.name));
    report.check(&model.limits).map_err(|error| error.file(&model.manifest).key(format!("{}.limits", model.key())))
}
