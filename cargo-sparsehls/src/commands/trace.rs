//! `cargo sparsehls trace`.

use sparsehls_build::{
    Code, Error, Firmware, Result,
    data::{self, Source},
    engine,
    formats::FixedNetwork,
    terminal,
    trace::{self, Dump, LayerTrace},
};

use super::{load_one, note_grid, simulate};
use crate::{
    args::{Common, TraceArgs},
    interrupt::Interrupt,
    message::{self, Message},
    output::{Output, alarm},
};

/// Prints every layer's values for one event, and where engines or Keras first disagree.
pub fn run(common: &Common, args: &TraceArgs, output: &mut Output) -> Result {
    let firmware = load_one(common)?;
    let Firmware { model, network, .. } = &firmware;
    let dump = args.keras.as_deref().map(|path| Dump::read(path, model)).transpose()?;
    let event = event(&firmware, args, dump.as_ref())?;
    let (mantissas, grid) = network.input.mantissas(&event);
    note_grid(output, &model.name, network, grid);
    let interrupt = Interrupt::installed()?;
    let compiled = simulate(&firmware, interrupt, output, || {}, |_, _, _| Ok(()))?.0.compiled;
    let layers = interrupt
        .guard(|_| trace::trace(&*compiled.engine, mantissas.values(), dump.as_ref(), args.event))
        .map_err(|error| args.keras.as_ref().map_or(error.clone(), |path| error.file(path)))?;
    let first = layers.iter().find(|layer| layer.first_difference.is_some());
    let explained = grid.changes_values(&network.input) && !layers.iter().any(|layer| layer.csim_differs);
    for layer in &layers {
        output.json(&Message::Trace(message::Trace::new(&model.name, args.event, layer)));
        let is_first = first.is_some_and(|first| first.name == layer.name);
        output.text(&describe(layer, compiled.engine.name(), is_first && !explained, output));
    }
    match first {
        None => Ok(()),
        Some(_) if explained => Err(Error::new(
            Code::OutputsDiffer,
            format!(
                "event {}: Keras computed with other numbers than the firmware, so no layer is to blame for what differs: {}",
                args.event,
                grid.sentences(&network.input).join("; ")
            ),
        )
        .help("give Keras numbers on the input grid, or set `input` to the format of the data")),
        Some(layer) => {
            Err(Error::new(Code::OutputsDiffer, format!("event {}: first difference in layer {:?}", args.event, layer.name))
                .layer(&layer.name)
                .help("the layers before it agree, so the fault is in this one, or in what Keras does in float32 there"))
        }
    }
}

/// The event's data: `--input`, or `x` of the dump, or the golden set.
fn event(firmware: &Firmware, args: &TraceArgs, dump: Option<&Dump>) -> Result<Vec<f64>> {
    let network = &firmware.network;
    if let Some(path) = &args.input {
        return of_file(Source::open(path, "x")?, args.event, network).map_err(|error| error.file(path));
    }
    if let Some(x) = dump.and_then(Dump::x) {
        data::check_events(x, network)?;
        let event = x.values.chunks_exact(network.input_len().get()).nth(args.event);
        return event.map(<[f64]>::to_vec).ok_or_else(|| no_event(args.event, x.events()));
    }
    match &firmware.model.golden {
        Some(path) => of_file(Source::in_archive(path, "x")?, args.event, network).map_err(|error| error.file(path)),
        None => Err(Error::new(
            Code::MissingKey,
            format!("model `{}` has no golden file to take the event from", firmware.model.name),
        )
        .file(&firmware.model.manifest)
        .key(format!("{}.golden", firmware.model.key()))
        .help("give --input X.npy")),
    }
}

/// Event `number` of a file, which may have any number of them.
fn of_file(mut source: Source, number: usize, network: &FixedNetwork) -> Result<Vec<f64>> {
    let mut events = source.events()?;
    data::check_shape(events.shape(), network)?;
    if number >= events.count() {
        return Err(no_event(number, events.count()));
    }
    let (most, mut before) = (engine::chunk_events(network).get(), number);
    while before > 0 {
        let skipped = before.min(most);
        events.read(skipped)?;
        before -= skipped;
    }
    events.read(1)
}

fn no_event(number: usize, events: usize) -> Error {
    Error::new(Code::InvalidData, format!("there is no event {number}; there are {events}")).help("--event counts from 0")
}

/// A layer on one line, and its values that are not zero (the first few, or all with -v).
fn describe(layer: &LayerTrace, engine: &str, is_first: bool, output: &Output) -> String {
    let shape: Vec<_> = layer.shape.iter().map(usize::to_string).collect();
    let active = layer.active.map_or(String::new(), |active| format!(", {active} active"));
    let keras = match (&layer.keras, layer.within_float32) {
        (None, _) => String::new(),
        (Some(_), 0) if layer.off_grid > 0 => " = Keras on the input grid".to_owned(),
        (Some(_), 0) if layer.tolerance > 0.0 => format!(", and Keras within {:.2e}", layer.tolerance),
        (Some(_), 0) => " = Keras".to_owned(),
        (Some(_), _) => ", and Keras within what float32 rounding explains".to_owned(),
    };
    let state = match layer.first_difference {
        None if layer.csim.is_none() => format!("reference{keras}; in the {engine} part of a later layer"),
        None => format!("reference = {engine}{keras}"),
        Some(_) if is_first => alarm("first difference"),
        Some(_) => alarm("different"),
    };
    let mut text = format!("{} ({}, {}{active}): {state}", terminal::name(&layer.name), layer.kind, shape.join("×"));
    let shown: Vec<usize> = match layer.first_difference {
        Some(at) if !output.is_verbose() => vec![at],
        _ => (0..layer.reference.len()).filter(|at| layer.reference[*at] != 0.0 || Some(*at) == layer.first_difference).collect(),
    };
    let limit = if output.is_verbose() { usize::MAX } else { 8 };
    for at in shown.iter().take(limit) {
        text += &format!("\n    {}: {}", index(*at, &layer.shape), values(layer, engine, *at));
    }
    if shown.len() > limit {
        text += &format!("\n    … {} more that are not zero (-v shows them)", shown.len() - limit);
    }
    text
}

fn values(layer: &LayerTrace, engine: &str, at: usize) -> String {
    let reference = layer.reference[at];
    let keras = layer.keras.as_ref().map(|keras| keras[at]);
    if layer.first_difference.is_none() {
        return reference.to_string();
    }
    let keras = keras.map_or(String::new(), |keras| format!(", Keras {keras}"));
    let csim = layer.csim.as_ref().map_or(String::new(), |csim| format!(", {engine} {}", csim[at]));
    format!("reference {reference}{csim}{keras}")
}

/// `[3, 4, 0]`.
fn index(at: usize, shape: &[usize]) -> String {
    let mut rest = at;
    let mut out: Vec<String> = shape
        .iter()
        .rev()
        .map(|size| {
            let i = rest % size;
            rest /= size;
            i.to_string()
        })
        .collect();
    out.reverse();
    format!("[{}]", out.join(", "))
}
