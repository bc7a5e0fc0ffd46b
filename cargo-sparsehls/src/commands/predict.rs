//! `cargo sparsehls predict`.

use std::{
    path::{Path, PathBuf},
    sync::mpsc::{Receiver, RecvTimeoutError, sync_channel},
    thread,
    time::Duration,
};

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

/// How often a silent input lets us look at Ctrl-C.
const TICK: Duration = Duration::from_millis(100);

/// Runs the events of a file through one model.
pub fn run(common: &Common, args: &PredictArgs, output: &mut Output) -> Result {
    let loaded = load_one(common)?;
    let interrupt = Interrupt::install()?;
    let input = Input::open(&args.input, stream::chunk_events(&loaded.network))?;
    data::check_shape(&input.shape, &loaded.network).map_err(|error| error.file(&args.input))?;
    let events = input.events();
    let csim = match args.engine {
        Choice::Reference => None,
        Choice::Csim => Some(loaded.compile_only(output)?),
    };
    let progress = Progress::new(output, "Predicting", events);
    let predicted = interrupt.guard(|cancel| predict(&loaded, csim.as_ref(), &input, &args.output, &progress, cancel));
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
    input: &Input,
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
    let mut file = data::NpyWriter::create(path, &[input.events(), network.output_len()])?;
    let mut grid = GridReport::default();
    let go_on = || if cancel.is_asked() { Err(interrupted(loaded, path)) } else { Ok(()) };
    let next = || loop {
        go_on()?;
        match input.chunks.recv_timeout(TICK) {
            Ok(chunk) => return chunk.map(|chunk| Some(chunk).filter(|chunk| !chunk.is_empty())),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Err(unread(&input.path)),
        }
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

/// The events of a file, read by a thread that nobody waits for: a pipe may stay silent for ever, and still the command
/// has to end when it is asked to.
struct Input {
    path: PathBuf,
    shape: Vec<usize>,
    chunks: Receiver<Result<Vec<f64>>>,
}

impl Input {
    fn open(path: &Path, chunk_events: usize) -> Result<Self> {
        let mut source = data::Source::open(path, "x")?;
        let (to_shape, shape) = sync_channel(1);
        let (to, chunks) = sync_channel(1);
        thread::spawn(move || {
            let mut x = match source.events() {
                Ok(x) => x,
                Err(error) => return drop(to_shape.send(Err(error))),
            };
            let _ = to_shape.send(Ok(x.shape().to_vec()));
            // An empty chunk is the end. Nobody takes any more after an error elsewhere.
            loop {
                let chunk = x.read(chunk_events);
                let last = chunk.as_ref().map_or(true, Vec::is_empty);
                if to.send(chunk).is_err() || last {
                    return;
                }
            }
        });
        let shape = shape.recv().map_err(|_| unread(path))??;
        Ok(Self { path: path.to_owned(), shape, chunks })
    }

    fn events(&self) -> usize {
        self.shape.first().copied().unwrap_or(0)
    }
}

/// The thread has ended before its time: only a panic does that.
fn unread(path: &Path) -> Error {
    Error::new(Code::Io, "the events could not be read to their end").file(path)
}

fn interrupted(loaded: &Loaded, path: &Path) -> Error {
    let what = format!("the prediction of {} was interrupted; nothing was written", loaded.model.name);
    Error::new(Code::Interrupted, what).file(path).help("run the same command again")
}
