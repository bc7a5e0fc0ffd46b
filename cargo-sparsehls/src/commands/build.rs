//! `cargo sparsehls build`.

mod synthesis;

use std::{
    collections::BTreeSet,
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use sparsehls_build::{
    Code, Error, EstimatedLimits, Firmware, Note, Result, Simulation,
    backend::{Compiled, Project, SharedLibrary},
    check::Comparison,
    manifest::LimitsOn,
};

use super::{chosen, compile_with_library, note_float32, note_grid, out_dir, read};
use crate::{
    args::{BuildArgs, Common, Synth},
    checked::{Checked, Stamp},
    interrupt::Interrupt,
    junit::{self, Suite},
    message::{Message, ModelEstimate, SelfCheck},
    output::Output,
};

/// What every model's build needs.
struct Context<'a> {
    args: &'a BuildArgs,
    /// What `--synth` or its variable says.
    asked: Option<Synth>,
    /// Packages whose projects lie where `cargo clean` removes them.
    in_target: BTreeSet<String>,
    output: &'a Output,
    interrupt: &'a Interrupt,
}

/// Builds every chosen model, several at a time.
pub fn run(common: &Common, args: &BuildArgs, output: &mut Output) -> Result {
    if let Some(path) = &args.junit {
        remove_old(path)?;
    }
    let mut suites = Vec::new();
    let result = build_all(common, args, output, &mut suites);
    if let (Err(error), true) = (&result, suites.is_empty()) {
        let mut suite = Suite::new("manifest");
        let _ = suite.record::<()>("load", std::time::Duration::ZERO, Err(error.clone()));
        suites.push(suite);
    }
    let written = args.junit.as_ref().map_or(Ok(()), |path| junit::write(path, &suites));
    result.and(written)
}

/// The results of an earlier build must not pass for this one's, however it ends. A device or a pipe keeps none.
pub fn remove_old(path: &Path) -> Result {
    if !path.is_file() {
        return Ok(());
    }
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::io("remove", path, &error)),
        _ => Ok(()),
    }
}

fn build_all(common: &Common, args: &BuildArgs, output: &Output, suites: &mut Vec<Suite>) -> Result {
    let (mut models, mut in_target) = (Vec::new(), BTreeSet::new());
    for (package, model) in chosen(common)? {
        if out_dir(common, &package)?.is_none() {
            in_target.insert(package.name.clone());
        }
        models.push(read(common, &package, model).map_err(|errors| errors.first)?);
    }
    let asked = Synth::asked(args.synth)?;
    // Before minutes are spent on compiling. A step that no backend of a model has is a slip of whoever typed it.
    models.iter().try_for_each(|firmware| synthesis::before(firmware, asked, args))?;
    let interrupt = Interrupt::installed()?;
    let context = Context { args, asked, in_target, output, interrupt };
    let jobs = args.jobs.or(std::thread::available_parallelism().ok()).map_or(1, usize::from).min(models.len()).max(1);
    let (next, results) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                while !interrupt.is_asked() {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(firmware) = models.get(at) else { break };
                    let mut suite = Suite::new(&firmware.model.name);
                    let result = build(firmware, &context, &mut suite);
                    results.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push((at, suite, result));
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    results.sort_by_key(|(at, ..)| *at);
    let all = results.len() == models.len();
    // The first error is the command's; the others are printed on the way.
    let mut first = Ok(());
    for (_, suite, result) in results {
        suites.push(suite);
        match (&first, result) {
            (Ok(()), result) => first = result,
            (Err(_), Err(error)) => output.error(&error),
            _ => {}
        }
    }
    if all { first } else { first.and(Err(interrupted("some models"))) }
}

fn interrupted(what: &str) -> Error {
    Error::new(Code::Interrupted, format!("the build of {what} was interrupted")).help("run the same command again")
}

fn build(firmware: &Firmware, context: &Context<'_>, suite: &mut Suite) -> Result {
    let start = Instant::now();
    let checked = compile_and_check(firmware, context);
    let checked = suite.record("self-check", start.elapsed(), checked);
    let within = checked.and_then(|project| {
        if firmware.model.limits.on == LimitsOn::Estimate {
            let start = Instant::now();
            // Before tools take hours.
            let limits = firmware.estimated_limits()?;
            context.output.json(&Message::Estimate(ModelEstimate::new(firmware, &limits.0)?));
            suite.record("limits", start.elapsed(), hold_estimate(firmware, &limits, context.output))?;
        }
        Ok(project)
    });
    within.and_then(|project| synthesis::run(firmware, &project, context, suite)).map_err(|error| {
        // A tool that a signal has ended looks as if it had failed.
        if context.interrupt.is_asked() && error.code() != Code::Interrupted {
            return interrupted(&firmware.model.name);
        }
        error
    })
}

/// Holds the limits against the estimate.
pub fn hold_estimate(firmware: &Firmware, (rows, rest): &EstimatedLimits, output: &Output) -> Result {
    let name = &firmware.model.name;
    if !rest.is_empty() {
        let text = format!("{name}: nothing is estimated of {}; synthesis tells", rest.join(" and "));
        output.note(Note::LimitNotEstimated, &text);
    }
    firmware.require_rows(rows)?;
    let kept = rows.iter().map(|row| format!("{} {} of {}", row.name, row.found.unwrap_or_default(), row.limit));
    if !rows.is_empty() {
        output.status("Within", &format!("{name}: the estimate keeps {}", kept.collect::<Vec<_>>().join(", ")));
    }
    Ok(())
}

/// Gives the text of the project that was checked.
fn compile_and_check(firmware: &Firmware, context: &Context<'_>) -> Result<Project> {
    let (Firmware { package, model, directory, .. }, output) = (firmware, context.output);
    output.status("Building", &format!("{} ({})", model.name, package));
    let (Simulation { compiled, project, .. }, library) = compile_with_library(firmware, context.interrupt, output)?;
    output.status("Generated", &format!("{} project in {}", firmware.backend.name(), directory.display()));
    let checked = self_check(firmware, &compiled, library.as_ref(), output);
    if checked.is_err() {
        // It computes what was found to be wrong.
        firmware.remove_library()?;
    }
    checked.map(|()| project)
}

/// Csim against reference, and both against Keras where there is a golden file, unless that has been done.
fn self_check(firmware: &Firmware, compiled: &Compiled<'_>, library: Option<&SharedLibrary>, output: &Output) -> Result {
    let Firmware { model, network, directory, .. } = firmware;
    let stamp = Stamp::new(directory, compiled.made_from, model.golden.as_deref());
    let before = stamp.as_ref().map_or(Ok(None), Stamp::read)?;
    let checked = match before {
        Some(checked) => {
            output.json(&Message::SelfCheck(SelfCheck::new(&model.name, &checked.comparison(), library)));
            checked
        }
        None => run_checks(firmware, compiled, library, output)?,
    };
    if let (Some(stamp), None) = (stamp, before) {
        stamp.write(&checked);
    }
    note_grid(output, &model.name, network, checked.grid);
    let mut text = format!("{}: simulation and reference agree on all {} events", model.name, checked.events);
    if model.golden.is_some() {
        text += &format!(", and with Keras on the {} golden ones", checked.golden);
        if network.tolerance > 0.0 {
            text += &format!(" within {:.2e}", network.tolerance);
        }
    }
    for more in checked.comparison().of_float32() {
        text += &format!("; {more}");
    }
    output.status(if before.is_some() { "Unchanged" } else { "Checked" }, &text);
    note_float32(output, &model.name, &checked.comparison());
    if let Some(SharedLibrary { path, header, .. }) = library {
        let shown = |path: &Path| path.strip_prefix(directory).unwrap_or(path).display().to_string();
        output.status("Linked", &format!("{}: {}, with {}", model.name, shown(path), shown(header)));
    }
    Ok(())
}

fn run_checks(firmware: &Firmware, compiled: &Compiled<'_>, library: Option<&SharedLibrary>, output: &Output) -> Result<Checked> {
    let proof = firmware.prove(Some(&*compiled.engine), firmware.golden()?.as_ref())?;
    let (engines, keras) = (proof.engines.clone().unwrap_or_default(), proof.keras.clone().unwrap_or_default());
    let Comparison { within_float32, float32_difference, .. } = keras;
    let checked = Checked { events: engines.events, golden: keras.events, within_float32, float32_difference, grid: proof.grid };
    let line = Comparison { within_float32, float32_difference, ..engines };
    let verdict = proof.require(firmware);
    let library = library.filter(|_| verdict.is_ok());
    output.json(&Message::SelfCheck(SelfCheck::new(&firmware.model.name, &line, library)));
    verdict.map(|()| checked)
}
