//! `cargo sparsehls verify`.

use serde_json::{Value, json};
use sparsehls_build::{
    Code, Error, Golden, Result,
    check::{self, Comparison},
    data,
    reference::Reference,
};

use super::{Loaded, load, note_grid};
use crate::{
    args::{Common, Engines, VerifyArgs},
    output::Output,
};

/// Compares the engines with Keras, for every chosen model.
pub fn run(common: &Common, args: &VerifyArgs, output: &mut Output) -> Result {
    let mut different = Vec::new();
    for loaded in load(common)? {
        let golden = events(&loaded, args)?;
        note_grid(output, &loaded.model.name, &loaded.network, golden.grid);
        for (engine, outputs) in outputs(&loaded, args, &golden, output)? {
            let network = &loaded.network;
            let floats = data::to_floats(&outputs, network);
            let result = check::compare(&floats, &golden.outputs, network.output_len(), network.tolerance);
            print(&loaded, engine, &result, output);
            if result.events_different > 0 {
                different.push(describe(&loaded, engine, &result));
            }
        }
    }
    if different.is_empty() {
        return Ok(());
    }
    Err(Error::new(Code::OutputsDiffer, different.join("\n"))
        .help("is the file made from this model, with float32 on a CPU, and are its inputs on the input grid?"))
}

/// The events to compare: from the command line, or from the manifest.
fn events(loaded: &Loaded, args: &VerifyArgs) -> Result<Golden> {
    if let Some(path) = &args.golden {
        return Golden::new(data::read_golden(path)?, &loaded.network).map_err(|error| error.file(path));
    }
    if let (Some(input), Some(expected)) = (&args.input, &args.expected) {
        let golden = data::Golden { x: data::read_npy(input)?, y: data::read_npy(expected)? };
        data::check_events(&golden.x, &loaded.network).map_err(|error| error.file(input))?;
        return Golden::new(golden, &loaded.network).map_err(|error| error.file(expected));
    }
    loaded.golden()?.ok_or_else(|| {
        Error::new(Code::MissingKey, format!("model `{}` has no golden file to compare with", loaded.model.name))
            .file(&loaded.model.manifest)
            .key(format!("{}.golden", loaded.model.key()))
            .help("add `golden = \"models/NAME.golden.npz\"`, or give --golden FILE.npz")
    })
}

fn outputs(loaded: &Loaded, args: &VerifyArgs, golden: &Golden, output: &Output) -> Result<Vec<(&'static str, Vec<i64>)>> {
    let mut outputs = Vec::new();
    if args.engine != Engines::Reference {
        let csim = loaded.compile(loaded.golden()?.as_ref(), output)?;
        outputs.push(("csim", csim.run(&golden.inputs)?));
    }
    if args.engine != Engines::Csim {
        outputs.push(("reference", Reference::new(&loaded.network).run_all(&golden.inputs)));
    }
    Ok(outputs)
}

fn print(loaded: &Loaded, engine: &str, result: &Comparison, output: &Output) {
    let mut data = json!({ "engine": engine, "tolerance": loaded.network.tolerance });
    if let (Some(data), Ok(Value::Object(result))) = (data.as_object_mut(), serde_json::to_value(result)) {
        data.extend(result);
    }
    output.json("verify", Some(&loaded.model.name), data);
    output.text(&describe(loaded, engine, result));
}

fn describe(loaded: &Loaded, engine: &str, result: &Comparison) -> String {
    let mut text =
        format!("{}: {engine} differs from Keras in {} of {} events", loaded.model.name, result.events_different, result.events);
    if loaded.network.tolerance > 0.0 {
        text += &format!(
            " by more than {:.2e}; the largest difference is {:.2e}",
            loaded.network.tolerance, result.max_abs_difference
        );
    }
    if let Some(first) = result.first {
        text += &format!(
            "; first in event {}, output {}: {} where Keras has {}",
            first.event, first.output, first.found, first.expected
        );
    }
    text
}
