//! `cargo sparsehls check`.

use std::fmt::Write as _;

use sparsehls_build::{Result, error, report};

use super::{Loaded, load};
use crate::{
    args::{CheckArgs, Common},
    output::Output,
};

/// Prints the layers of every model.
pub fn run(common: &Common, _args: &CheckArgs, output: &mut Output) -> Result {
    for loaded in load(common)? {
        print(&loaded, output);
        loaded.golden()?;
    }
    Ok(())
}

fn print(loaded: &Loaded, output: &Output) {
    let Loaded { model, network, .. } = loaded;
    let layers = report::layers(network);
    let mut total = report::Cost::default();
    let mut rows = vec![
        ["layer", "kind", "shape", "format", "accumulator", "weights", "mult", "const mult", "add", "const bits"]
            .map(String::from),
    ];
    for layer in &layers {
        output.json("layer", Some(&model.name), layer);
        total += layer.cost;
        let shape: Vec<_> = layer.shape.iter().map(usize::to_string).collect();
        let optional = |text: &Option<String>| text.clone().unwrap_or_default();
        let weights =
            layer.formats.quantizers.map_or_else(|| optional(&layer.formats.weights), |count| format!("{count} formats"));
        rows.push([
            error::printable(&layer.name).replace('\n', "\\n"),
            layer.kind.into(),
            shape.join("×"),
            layer.formats.output.clone(),
            optional(&layer.formats.accumulator),
            weights,
            count(layer.cost.multiplications),
            count(layer.cost.constant_multiplications),
            count(layer.cost.additions),
            count(layer.cost.constant_bits),
        ]);
    }
    let mut last = <[String; 10]>::default();
    last[0] = "total".into();
    for (cell, value) in
        last[6..].iter_mut().zip([total.multiplications, total.constant_multiplications, total.additions, total.constant_bits])
    {
        *cell = count(value);
    }
    rows.push(last);
    let shape: Vec<_> = network.input_shape.iter().map(usize::to_string).collect();
    output.text(&format!("{}: input {} of {}\n{}", model.name, shape.join("×"), network.input.format, table(&rows)));
    if network.tolerance > 0.0 {
        output.text(&format!("outputs are within {:.2e} of Keras's float arithmetic", network.tolerance));
    }
}

/// Zero is left blank.
fn count(value: usize) -> String {
    if value == 0 { String::new() } else { value.to_string() }
}

/// Columns as wide as they need to be; the last four, numbers, to the right.
fn table(rows: &[[String; 10]]) -> String {
    let mut widths = [0; 10];
    for row in rows {
        row.iter().zip(&mut widths).for_each(|(cell, width)| *width = (*width).max(cell.chars().count()));
    }
    let mut text = String::new();
    for row in rows {
        let mut line = String::from(" ");
        for (column, (cell, width)) in row.iter().zip(widths).enumerate() {
            let _ = if column < 6 { write!(line, " {cell:<width$}") } else { write!(line, " {cell:>width$}") };
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}
