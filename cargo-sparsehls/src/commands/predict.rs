//! `cargo sparsehls predict`.

use sparsehls_build::{Result, data, reference::Reference};

use super::{load_one, note_grid};
use crate::{
    args::{Common, Engine, PredictArgs},
    output::Output,
};

/// Runs the events of a file through one model.
pub fn run(common: &Common, args: &PredictArgs, output: &mut Output) -> Result {
    let loaded = load_one(common)?;
    let network = &loaded.network;
    let x = data::read_npy(&args.input)?;
    data::check_events(&x, network).map_err(|error| error.file(&args.input))?;
    let (inputs, grid) = data::to_mantissas(&x, network);
    note_grid(output, &loaded.model.name, network, grid);
    let mantissas = match args.engine {
        Engine::Reference => Reference::new(network).run_all(&inputs),
        Engine::Csim => loaded.compile(loaded.golden()?.as_ref(), output)?.run(&inputs)?,
    };
    let events = x.events();
    data::write_npy(&args.output, &[events, network.output_len()], &data::to_floats(&mantissas, network))?;
    let engine = match args.engine {
        Engine::Csim => "csim",
        Engine::Reference => "reference",
    };
    let path = args.output.display().to_string();
    output.status("Predicted", &format!("{events} events of {} with {engine} into {path}", loaded.model.name));
    let data = serde_json::json!({ "engine": engine, "events": events, "path": path, "grid": grid });
    output.json("predict", Some(&loaded.model.name), data);
    Ok(())
}
