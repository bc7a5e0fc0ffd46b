//! `cargo sparsehls verify`.

use std::path::Path;

use sparsehls_build::{
    Code, Error, Firmware, Result,
    check::{self, Comparison, Difference},
    data::{self, Events, Source},
    diagnosis::Diagnosis,
    engine::{self, Engine, Session},
    float32::Float32,
    formats::GridReport,
    parallel,
    reference::Reference,
};

use super::{compile, golden_file, load, note_float32, note_grid};
use crate::{
    args::{Common, Engines, VerifyArgs},
    interrupt::Interrupt,
    message::{Message, Verify},
    output::Output,
    progress::Progress,
};

/// Compares the engines with Keras, for every chosen model.
pub fn run(common: &Common, args: &VerifyArgs, output: &mut Output) -> Result {
    let interrupt = Interrupt::installed()?;
    let mut last: Option<Error> = None;
    for firmware in load(common)? {
        let (mut x, mut y) = sources(&firmware, args)?;
        let mut engines: Vec<Box<dyn Engine>> = Vec::new();
        if args.engine != Engines::Reference {
            engines.push(compile(&firmware, interrupt, output)?.compiled.engine);
        }
        if args.engine != Engines::Csim {
            engines.push(Box::new(Reference::new(&firmware.network)));
        }
        let compared = compare(&firmware, &engines, (&mut x.events()?, &mut y.events()?), output)?;
        for (engine, result) in &compared.results {
            print(&firmware, engine, result, compared.grid, output);
        }
        if let Some((_, result)) = compared.results.first() {
            note_float32(output, &firmware.model.name, result);
        }
        let Some(error) = difference(&firmware, args, &compared) else {
            note_grid(output, &firmware.model.name, &firmware.network, compared.grid);
            continue;
        };
        // The last one ends the command, which prints it.
        if let Some(before) = last.replace(error) {
            output.error(&before);
        }
    }
    last.map_or(Ok(()), Err)
}

/// Where the engines differ from Keras, and what the data tell about it.
fn difference(firmware: &Firmware, args: &VerifyArgs, compared: &Compared) -> Option<Error> {
    let name = &firmware.model.name;
    let mut found: Vec<(Vec<&str>, Difference, &Comparison)> = Vec::new();
    for (engine, result) in &compared.results {
        let Some(first) = result.first else { continue };
        match found.iter_mut().find(|(_, other, _)| *other == first) {
            Some((engines, ..)) => engines.push(engine),
            None => found.push((vec![engine], first, result)),
        }
    }
    let sentences = found.iter().map(|(engines, first, result)| {
        let Difference { event, output, found, expected } = first;
        format!(
            "{name}: {} {} from Keras in {} of {} events; first in event {event}, output {output}: {found} where Keras has {expected}",
            engines.join(" and "),
            if engines.len() > 1 { "differ" } else { "differs" },
            result.events_different,
            result.events,
        )
    });
    let message = sentences.collect::<Vec<_>>().join("\n");
    if message.is_empty() {
        return None;
    }
    let error = Error::new(Code::OutputsDiffer, message)
        .help("is the file made from this model, with float32 on a CPU, and are its inputs on the input grid?");
    // A pipe cannot be read again. If the files cannot either, that is not what matters.
    if ![&args.input, &args.expected].into_iter().flatten().all(|path| path.is_file()) {
        return Some(error);
    }
    Some(match Diagnosis::new(&firmware.model, &firmware.network, || sources(firmware, args)) {
        Ok(diagnosis) => diagnosis.explain(error),
        Err(_) => error,
    })
}

/// Inputs and what Keras makes of them: from the command line, or from the manifest.
fn sources(firmware: &Firmware, args: &VerifyArgs) -> Result<(Source, Source)> {
    let golden = match (&args.golden, &args.input, &args.expected) {
        (None, Some(input), Some(expected)) => return Ok((Source::open(input, "x")?, Source::open(expected, "y")?)),
        (Some(golden), ..) => golden,
        _ => {
            let remedy = "add `golden = \"models/NAME.golden.npz\"`, or give --golden FILE.npz";
            golden_file(firmware, "to compare with", remedy)?
        }
    };
    let open = |array| Source::in_archive(golden, array).map_err(|error| in_manifest(error, firmware, golden));
    Ok((open("x")?, open("y")?))
}

/// An error in the manifest's own golden file names the key too.
fn in_manifest(error: Error, firmware: &Firmware, path: &Path) -> Error {
    if firmware.model.golden.as_deref() == Some(path) {
        return error.key(format!("{}.golden", firmware.model.key()));
    }
    error
}

/// What has been compared: a result for each engine with its name, and what happened to the inputs.
struct Compared {
    results: Vec<(&'static str, Comparison)>,
    grid: GridReport,
}

fn compare(
    firmware: &Firmware,
    engines: &[Box<dyn Engine + '_>],
    (x, y): (&mut Events<'_>, &mut Events<'_>),
    output: &Output,
) -> Result<Compared> {
    let network = &firmware.network;
    check_shapes(firmware, x, y)?;
    let float32 = &Float32::new(network);
    let worker = |_| {
        let mut sessions = engines.iter().map(|engine| engine.start()).collect::<Result<Vec<_>>>()?;
        Ok(move |(x, y): (Vec<f64>, Vec<f64>)| {
            let (inputs, grid) = network.input.mantissas(&x);
            let compare = |session: &mut Box<dyn Session + '_>| {
                let found = session.run(&inputs)?.to_floats();
                Ok(check::with_keras(float32, &inputs, &found, &y))
            };
            Ok((sessions.iter_mut().map(compare).collect::<Result<_>>()?, grid))
        })
    };
    let workers = (0..parallel::workers()).map(worker).collect::<Result<Vec<_>>>()?;
    let results = engines.iter().map(|engine| (engine.name(), Comparison::default())).collect();
    let mut all = Compared { results, grid: GridReport::default() };
    let progress = Progress::new(output, "Verifying", x.count());
    let events = engine::chunk_events(network);
    let next = || {
        let chunk = (x.read(events.get())?, y.read(events.get())?);
        Ok(Some(chunk).filter(|(x, _)| !x.is_empty()))
    };
    parallel::in_order(workers, next, |(results, grid): (Vec<Comparison>, GridReport)| {
        progress.add(results.first().map_or(0, |result| result.events));
        all.grid.add(grid);
        all.results.iter_mut().zip(results).for_each(|((_, all), part)| all.add(part));
        Ok(())
    })?;
    progress.finish(output);
    Ok(all)
}

fn check_shapes(firmware: &Firmware, x: &Events<'_>, y: &Events<'_>) -> Result {
    let network = &firmware.network;
    let check = || {
        data::check_shape(x.shape(), network).map_err(|error| error.file(x.path()))?;
        data::check_outputs(x.count(), y.shape(), network).map_err(|error| error.file(y.path()))
    };
    check().map_err(|error| in_manifest(error, firmware, x.path()))
}

fn print(firmware: &Firmware, engine: &str, result: &Comparison, grid: GridReport, output: &Output) {
    output.json(&Message::Verify(Verify {
        model: firmware.model.name.clone(),
        engine: engine.to_owned(),
        tolerance: firmware.network.tolerance,
        grid: grid.into(),
        comparison: result.into(),
    }));
    output.text(&describe(firmware, engine, result));
}

fn describe(firmware: &Firmware, engine: &str, result: &Comparison) -> String {
    let mut text = format!(
        "{}: {engine} differs from Keras in {} of {} events",
        firmware.model.name, result.events_different, result.events
    );
    if firmware.network.tolerance > 0.0 {
        text += &format!(
            " by more than {:.2e}; the largest difference is {:.2e}",
            firmware.network.tolerance, result.max_abs_difference
        );
    }
    for more in result.of_float32() {
        text += &format!("; {more}");
    }
    text
}
