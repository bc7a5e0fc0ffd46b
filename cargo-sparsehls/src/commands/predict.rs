//! `cargo sparsehls predict`.

use std::{
    path::{Path, PathBuf},
    sync::mpsc::{Receiver, RecvTimeoutError, sync_channel},
    thread,
    time::Duration,
};

use sparsehls_build::{
    Code, Error, Firmware, Result, Simulation, data,
    engine::{self, Engine},
    formats::GridReport,
    parallel,
    reference::Reference,
    toolchain::Cancel,
};

use super::{check_extension, compile, load_one, note_grid};
use crate::{
    args::{Common, Engine as Choice, PredictArgs},
    interrupt::Interrupt,
    message::{Message, Predict},
    output::Output,
    progress::Progress,
};

/// How often a silent input lets us look at Ctrl-C.
const TICK: Duration = Duration::from_millis(100);

/// Runs the events of a file through one model.
pub fn run(common: &Common, args: &PredictArgs, output: &mut Output) -> Result {
    check_output(&args.output)?;
    let firmware = load_one(common)?;
    let interrupt = Interrupt::installed()?;
    let input = Input::open(&args.input, engine::chunk_events(&firmware.network).get(), |shape| {
        data::check_shape(shape, &firmware.network).and_then(|()| data::check_any(shape))
    })?;
    let events = input.events();
    let engine: Box<dyn Engine> = match args.engine {
        Choice::Reference => Box::new(Reference::new(&firmware.network)),
        Choice::Csim => {
            let Simulation { compiled, answer, .. } = compile(&firmware, interrupt, output)?;
            answer.require_equal(&firmware.model.name, "the simulation", "the reference")?;
            compiled.engine
        }
    };
    let progress = Progress::new(output, "Predicting", events);
    let predicted = interrupt.guard(|cancel| predict(&firmware, &*engine, &input, &args.output, &progress, cancel));
    // A csim that a signal has ended looks as if it had failed.
    let grid = predicted.map_err(|error| if interrupt.is_asked() { interrupted(&firmware, &args.output) } else { error })?;
    progress.finish(output);
    note_grid(output, &firmware.model.name, &firmware.network, grid);
    let engine = engine.name();
    let path = args.output.display().to_string();
    output.status("Predicted", &format!("{events} events of {} with {engine} into {path}", firmware.model.name));
    let (model, engine) = (firmware.model.name.clone(), engine.to_owned());
    output.json(&Message::Predict(Predict { model, engine, events, path, grid: grid.into() }));
    Ok(())
}

/// Checks that a file can be written at `path`, before anything is read. A device or a pipe may be called anything.
fn check_output(path: &Path) -> Result {
    let failed = |file: &Path, why: &str| Error::new(Code::Io, format!("the predictions cannot be written: {why}")).file(file);
    if path.is_dir() {
        let help = format!("give a file in it: `--output {}`", path.join("y.npy").display());
        return Err(failed(path, "`--output` is a folder").help(help));
    }
    if path.exists() && !path.is_file() {
        return Ok(());
    }
    check_extension(path, "npy", "--output", "the predictions are a NumPy array")?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let there = folder.ancestors().find(|folder| folder.exists()).filter(|there| !there.as_os_str().is_empty());
    if let Some(there) = there.filter(|there| !there.is_dir()) {
        let help = format!("`{}` is a file; choose another folder", there.display());
        return Err(failed(path, "what should be a folder is none").help(help));
    }
    if there != Some(folder) {
        let help = format!("make the folder `{}` first", folder.display());
        return Err(failed(path, "the folder of `--output` does not exist").help(help));
    }
    let writable = tempfile::tempfile_in(folder)
        .map_err(|error| failed(path, &error.to_string()).help(format!("choose another folder than `{}`", folder.display())));
    writable.map(drop)
}

/// Writes the file whole, or leaves nothing of it: also if someone asks to stop.
fn predict(
    firmware: &Firmware,
    engine: &dyn Engine,
    input: &Input,
    path: &Path,
    progress: &Progress,
    cancel: &Cancel,
) -> Result<GridReport> {
    let network = &firmware.network;
    let worker = |_| {
        let mut session = engine.start()?;
        Ok(move |x: Vec<f64>| {
            let (inputs, grid) = network.input.mantissas(&x);
            Ok((session.run(&inputs)?.to_floats(), grid))
        })
    };
    let workers = (0..parallel::workers()).map(worker).collect::<Result<Vec<_>>>()?;
    let mut file = data::NpyWriter::create(path, &[input.events(), network.output_len().get()], cancel)?;
    let mut grid = GridReport::default();
    let go_on = || if cancel.is_asked() { Err(interrupted(firmware, path)) } else { Ok(()) };
    let next = || loop {
        go_on()?;
        match input.chunks.recv_timeout(TICK) {
            Ok(chunk) => return chunk.map(|chunk| Some(chunk).filter(|chunk| !chunk.is_empty())),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Err(unread(&input.path)),
        }
    };
    parallel::in_order(workers, next, |(y, report): (Vec<f32>, GridReport)| {
        go_on()?;
        grid.add(report);
        progress.add(y.len() / network.output_len());
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
    /// Nothing but the header is read before `check` has seen the shape.
    fn open(path: &Path, chunk_events: usize, check: impl Fn(&[usize]) -> Result) -> Result<Self> {
        let mut source = data::Source::open(path, "x")?;
        let (to_shape, shape) = sync_channel(1);
        let (go_on, checked) = sync_channel(1);
        let (to, chunks) = sync_channel(1);
        thread::spawn(move || {
            let mut x = match source.events() {
                Ok(x) => x,
                Err(error) => return drop(to_shape.send(Err(error))),
            };
            if to_shape.send(Ok(x.shape().to_vec())).is_err() || checked.recv().is_err() {
                return;
            }
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
        check(&shape).map_err(|error| error.file(path))?;
        go_on.send(()).map_err(|_| unread(path))?;
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

fn interrupted(firmware: &Firmware, path: &Path) -> Error {
    let what = format!("the prediction of {} was interrupted; nothing was written", firmware.model.name);
    Error::new(Code::Interrupted, what).file(path).help("run the same command again")
}
