//! `cargo sparsehls build`.

mod synthesis;

use std::{
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use sparsehls_build::{
    Code, Error, Result,
    check::{self, Comparison},
    csim::Csim,
    data, diagnosis,
    float32::Float32,
    toolchain::{Cancel, Job},
};

use super::{Loaded, load, note_grid};
use crate::{
    args::{BuildArgs, Common, Synth},
    checked::{Checked, Stamp},
    interrupt::Interrupt,
    junit::{self, Suite},
    output::Output,
};

/// What every model's build needs.
struct Context<'a> {
    args: &'a BuildArgs,
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

/// The results of an earlier build must not pass for this one's, however it ends.
fn remove_old(path: &Path) -> Result {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::io("remove", path, &error)),
        _ => Ok(()),
    }
}

fn build_all(common: &Common, args: &BuildArgs, output: &Output, suites: &mut Vec<Suite>) -> Result {
    let models = load(common)?;
    if args.synth == Synth::Require {
        // Before minutes are spent on compiling.
        models.iter().try_for_each(|loaded| require_tools(loaded, args))?;
    }
    let interrupt = Interrupt::install()?;
    let context = Context { args, output, interrupt: &interrupt };
    let jobs = args.jobs.or(std::thread::available_parallelism().ok()).map_or(1, usize::from).min(models.len()).max(1);
    let (next, results) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                while !interrupt.is_asked() {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(loaded) = models.get(at) else { break };
                    let mut suite = Suite::new(&loaded.model.name);
                    let result = build(loaded, &context, &mut suite);
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

fn require_tools(loaded: &Loaded, args: &BuildArgs) -> Result {
    let (model, directory, steps) = (&loaded.model, &loaded.directory, synthesis::steps(args));
    Job { model, directory, steps, cancel: &Cancel::default(), progress: &|_| {} }.require_tools()
}

fn build(loaded: &Loaded, context: &Context<'_>, suite: &mut Suite) -> Result {
    let start = Instant::now();
    let checked = compile_and_check(loaded, context.output);
    suite.record("self-check", start.elapsed(), checked).and_then(|()| synthesis::run(loaded, context, suite)).map_err(|error| {
        // Ctrl-C in a terminal also ends the C++ compiler, which then looks as if it had failed.
        if context.interrupt.is_asked() && error.code() != Code::Interrupted {
            return interrupted(&loaded.model.name);
        }
        error
    })
}

fn compile_and_check(loaded: &Loaded, output: &Output) -> Result {
    let Loaded { package, model, directory, .. } = loaded;
    output.status("Building", &format!("{} ({})", model.name, package.name));
    let csim = loaded.compile_only(output)?;
    output.status("Generated", &format!("{} project in {}", model.target.tool.name(), directory.display()));
    self_check(loaded, &csim, output)
}

/// Simulation against reference, and both against Keras where there is a golden file, unless that has been done.
fn self_check(loaded: &Loaded, csim: &Csim, output: &Output) -> Result {
    let Loaded { model, network, .. } = loaded;
    let stamp = Stamp::new(csim.program(), model.golden.as_deref());
    let before = stamp.as_ref().and_then(Stamp::read);
    let checked = match before {
        Some(checked) => {
            output.json("self-check", Some(&model.name), checked.comparison());
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
        if network.tolerance > 0.0 {
            text += &format!(" within {:.2e}", network.tolerance);
        }
    }
    for more in checked.comparison().of_float32() {
        text += &format!("; {more}");
    }
    output.status(if before.is_some() { "Unchanged" } else { "Checked" }, &text);
    Ok(())
}

fn run_checks(loaded: &Loaded, csim: &Csim, output: &Output) -> Result<Checked> {
    let Loaded { model, network, .. } = loaded;
    let golden = loaded.golden()?;
    let inputs = golden.as_ref().map_or(&[][..], |golden| &golden.inputs);
    let result = check::self_check(network, csim, inputs)?;
    let mut checked = Checked { events: result.events, ..Checked::default() };
    let mut keras = Comparison::default();
    if let (Some(golden), None) = (&golden, result.first) {
        let floats = data::to_floats(&csim.run(inputs)?, network);
        keras = check::all_with_keras(&Float32::new(network), inputs, &floats, &golden.outputs)?;
        checked.golden = keras.events;
        checked.grid = golden.grid;
        checked.within_float32 = keras.within_float32;
        checked.float32_difference = keras.float32_difference;
    }
    let line =
        Comparison { within_float32: keras.within_float32, float32_difference: keras.float32_difference, ..result.clone() };
    output.json("self-check", Some(&model.name), line);
    result.require_equal(&model.name, "the simulation", "the reference").map_err(|error| error.file(&model.source))?;
    let require = keras.require_equal(&model.name, "the simulation", "Keras");
    let in_golden = |error: Error| diagnosis::explain_golden(model, network, error.key(format!("{}.golden", model.key())));
    require.map_err(in_golden)?;
    Ok(checked)
}
