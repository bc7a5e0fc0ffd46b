//! `cargo sparsehls predict`.

use sparsehls_build::{
    Result, data,
    formats::GridReport,
    reference::Reference,
    stream::{self, Engine},
};

use super::{load_one, note_grid};
use crate::{
    args::{Common, Engine as Choice, PredictArgs},
    output::Output,
    progress::Progress,
};

/// Runs the events of a file through one model.
pub fn run(common: &Common, args: &PredictArgs, output: &mut Output) -> Result {
    let loaded = load_one(common)?;
    let network = &loaded.network;
    let mut source = data::Source::open(&args.input, "x")?;
    let mut x = source.events()?;
    data::check_shape(x.shape(), network).map_err(|error| error.file(&args.input))?;
    let events = x.count();
    let reference = Reference::new(network);
    let csim = match args.engine {
        Choice::Reference => None,
        Choice::Csim => Some(loaded.compile_only(output)?),
    };
    let worker = |_| {
        let mut engine = csim.as_ref().map_or(Ok(Engine::Reference(&reference)), Engine::csim)?;
        Ok(move |x: Vec<f64>| {
            let (inputs, grid) = network.input.mantissas(&x);
            Ok((data::to_floats(&engine.run(&inputs)?, network), grid))
        })
    };
    let workers = (0..stream::workers()).map(worker).collect::<Result<Vec<_>>>()?;
    let mut file = data::NpyWriter::create(&args.output, &[events, network.output_len()])?;
    let mut grid = GridReport::default();
    let progress = Progress::new(output, "Predicting", events);
    let next = || x.read(stream::chunk_events(network)).map(|chunk| Some(chunk).filter(|chunk| !chunk.is_empty()));
    stream::in_order(workers, next, |(y, report): (Vec<f32>, GridReport)| {
        grid.add(report);
        progress.add(y.len() / network.output_len().max(1));
        file.write(&y)
    })?;
    progress.finish(output);
    file.finish()?;
    note_grid(output, &loaded.model.name, network, grid);
    let engine = if csim.is_some() { "csim" } else { "reference" };
    let path = args.output.display().to_string();
    output.status("Predicted", &format!("{events} events of {} with {engine} into {path}", loaded.model.name));
    let data = serde_json::json!({ "engine": engine, "events": events, "path": path, "grid": grid });
    output.json("predict", Some(&loaded.model.name), data);
    Ok(())
}
