//! `cargo sparsehls predict`.

use std::path::Path;

use sparsehls_build::{
    Code, Error, Result,
    csim::Csim,
    data,
    formats::GridReport,
    reference::Reference,
    stream::{self, Engine},
    toolchain::Cancel,
};

use super::{Loaded, load_one, note_grid};
use crate::{
    args::{Common, Engine as Choice, PredictArgs},
    interrupt::Interrupt,
    output::Output,
    progress::Progress,
};

/// Runs the events of a file through one model.
pub fn run(common: &Common, args: &PredictArgs, output: &mut Output) -> Result {
    let loaded = load_one(common)?;
    let interrupt = Interrupt::install()?;
    let mut source = data::Source::open(&args.input, "x")?;
    let mut x = source.events()?;
    data::check_shape(x.shape(), &loaded.network).map_err(|error| error.file(&args.input))?;
    let events = x.count();
    let csim = match args.engine {
        Choice::Reference => None,
        Choice::Csim => Some(loaded.compile_only(output)?),
    };
    let progress = Progress::new(output, "Predicting", events);
    let predicted = interrupt.guard(|cancel| predict(&loaded, csim.as_ref(), &mut x, &args.output, &progress, cancel));
    // Ctrl-C in a terminal also ends the simulation, which then looks as if it had failed.
    let grid = predicted.map_err(|error| if interrupt.is_asked() { interrupted(&loaded, &args.output) } else { error })?;
    progress.finish(output);
    note_grid(output, &loaded.model.name, &loaded.network, grid);
    let engine = if csim.is_some() { "csim" } else { "reference" };
    let path = args.output.display().to_string();
    output.status("Predicted", &format!("{events} events of {} with {engine} into {path}", loaded.model.name));
    let data = serde_json::json!({ "engine": engine, "events": events, "path": path, "grid": grid });
    output.json("predict", Some(&loaded.model.name), data);
    Ok(())
}

/// Writes the file whole, or leaves nothing of it: also if someone asks to stop.
fn predict(
    loaded: &Loaded,
    csim: Option<&Csim>,
    x: &mut data::Events<'_>,
    path: &Path,
    progress: &Progress,
    cancel: &Cancel,
) -> Result<GridReport> {
    let network = &loaded.network;
    let reference = Reference::new(network);
    let worker = |_| {
        let mut engine = csim.map_or(Ok(Engine::Reference(&reference)), Engine::csim)?;
        Ok(move |x: Vec<f64>| {
            let (inputs, grid) = network.input.mantissas(&x);
            Ok((data::to_floats(&engine.run(&inputs)?, network), grid))
        })
    };
    let workers = (0..stream::workers()).map(worker).collect::<Result<Vec<_>>>()?;
    let mut file = data::NpyWriter::create(path, &[x.count(), network.output_len()])?;
    let mut grid = GridReport::default();
    let go_on = || if cancel.is_asked() { Err(interrupted(loaded, path)) } else { Ok(()) };
    let next = || {
        go_on()?;
        x.read(stream::chunk_events(network)).map(|chunk| Some(chunk).filter(|chunk| !chunk.is_empty()))
    };
    stream::in_order(workers, next, |(y, report): (Vec<f32>, GridReport)| {
        go_on()?;
        grid.add(report);
        progress.add(y.len() / network.output_len().max(1));
        file.write(&y)
    })?;
    go_on()?;
    file.finish().map(|()| grid)
}

fn interrupted(loaded: &Loaded, path: &Path) -> Error {
    let what = format!("the prediction of {} was interrupted; nothing was written", loaded.model.name);
    Error::new(Code::Interrupted, what).file(path).help("run the same command again")
}
