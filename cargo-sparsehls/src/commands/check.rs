//! `cargo sparsehls check`.

use std::fmt::Write as _;

use sparsehls_build::{Errors, Firmware, Result, cost, engine, manifest::Language, parts, report, terminal};

use super::load_each;
use crate::{
    args::{CheckArgs, Common},
    message::{self, Message, ModelEstimate},
    output::Output,
};

const COLUMNS: usize = 13;
/// From here on the columns are numbers.
const NUMBERS: usize = 7;

/// Prints the layers of every model, and everything that is wrong with any of them.
pub fn run(common: &Common, _args: &CheckArgs, output: &mut Output) -> Result {
    let mut errors = Vec::new();
    for firmware in load_each(common)? {
        let checked = firmware.and_then(|firmware| {
            print(&firmware, output)?;
            Ok(read_golden(&firmware)?)
        });
        // What is wrong with the defaults of a package is wrong with each of its models.
        let new =
            checked.err().into_iter().flat_map(Errors::into_vec).filter(|error| !errors.contains(error)).collect::<Vec<_>>();
        errors.extend(new);
    }
    // The last one ends the command, which prints it.
    let Some(last) = errors.pop() else { return Ok(()) };
    errors.iter().for_each(|error| output.error(error));
    Err(last)
}

/// Reads the golden file to its end: what is cut off or broken shows nowhere else.
fn read_golden(firmware: &Firmware) -> Result {
    let events = engine::chunk_events(&firmware.network).get();
    firmware.golden()?.map_or(Ok(()), |golden| golden.each(events, &mut |_| Ok(true)))
}

fn print(firmware: &Firmware, output: &Output) -> Result {
    let Firmware { model, network, .. } = firmware;
    let estimate = firmware.estimate().map_err(|error| error.file(&model.source))?;
    let layers = report::layers(firmware, &estimate);
    let mut rows = vec![
        ["layer", "kind", "shape", "format", "accumulator", "weights", "built", "steps", "LUT", "FF", "DSP", "BRAM", "depth ns"]
            .map(String::from),
    ];
    for layer in &layers {
        output.json(&Message::Layer(message::Layer::new(&model.name, layer)));
        rows.push(row(layer));
    }
    let total = estimate.total;
    let part = &model.target.part;
    let instructions = matches!(model.target.language, Language::Hls(_)).then(|| cost::instructions(network, &firmware.plan));
    output.json(&Message::Estimate(ModelEstimate {
        model: model.name.clone(),
        total: total.into(),
        instructions,
        part: message::Part::new(part, &total.demand()),
    }));
    let mut last = <[String; COLUMNS]>::default();
    last[0] = "total".into();
    let numbers = [total.initiation_interval, total.luts, total.ffs, total.dsps, total.bram18];
    for (cell, value) in last[NUMBERS..].iter_mut().zip(numbers) {
        *cell = count(value);
    }
    rows.push(last);
    let shape: Vec<_> = network.input_shape.iter().map(usize::to_string).collect();
    output.text(&format!("{}: input {} of {}\n{}", model.name, shape.join("×"), network.input.format, table(&rows)));
    output.text(&format!(
        "estimated, not synthesized: latency {} cycles ({} ns), interval {} cycles ({} ns) at {} ns; {} LUT, {} FF, {} DSP{}",
        total.latency,
        nanoseconds(total.latency, model.target.clock_period),
        total.initiation_interval,
        nanoseconds(total.initiation_interval, model.target.clock_period),
        model.target.clock_period,
        total.luts,
        total.ffs,
        total.dsps,
        if total.bram18 > 0 { format!(", {} BRAM", total.bram18) } else { String::new() }
    ));
    let (share, warnings) = parts::describe(part, &total.demand());
    output.text(&share);
    warnings.iter().for_each(|warning| output.note(&format!("{}: {warning}", model.name)));
    if let Some(count) = instructions {
        output.text(&format!("about {count} instructions for HLS to compile"));
        if count > cost::MANY_INSTRUCTIONS {
            let most = cost::MANY_INSTRUCTIONS;
            output.note(&format!(
                "{}: about {count} instructions are more than {most}: HLS may take hours and tens of GB; raise `interval`",
                model.name
            ));
        }
    }
    if output.is_verbose() {
        output.text(&operations(&layers));
    }
    if network.tolerance > 0.0 {
        output.text(&format!("outputs are within {:.2e} of Keras's float arithmetic", network.tolerance));
    }
    Ok(())
}

fn row(layer: &report::LayerSummary) -> [String; COLUMNS] {
    let shape: Vec<_> = layer.shape.iter().map(usize::to_string).collect();
    let optional = |text: &Option<String>| text.clone().unwrap_or_default();
    let weights = layer.formats.quantizers.map_or_else(|| optional(&layer.formats.weights), |count| format!("{count} formats"));
    let report::Cost { plan, estimate, .. } = &layer.cost;
    let built = match plan.variant {
        _ if plan.absorbed => "in look-up",
        Some(variant) => variant.name(),
        None => "",
    };
    [
        terminal::name(&layer.name),
        layer.kind.into(),
        shape.join("×"),
        layer.formats.output.clone(),
        optional(&layer.formats.accumulator),
        weights,
        built.into(),
        if plan.steps > 1 { plan.steps.to_string() } else { String::new() },
        count(estimate.luts),
        count(estimate.ffs),
        count(estimate.dsps),
        count(estimate.bram18),
        if estimate.depth_ns > 0.0 { format!("{:.1}", estimate.depth_ns) } else { String::new() },
    ]
}

/// The operations of each layer, by kind and width.
fn operations(layers: &[report::LayerSummary]) -> String {
    let mut text = String::from("operations:\n");
    for layer in layers.iter().filter(|layer| !layer.cost.operations.is_empty()) {
        let counts = layer.cost.operations.iter().map(|of| format!("{} × {}", of.count, of.operation));
        let _ = writeln!(text, "  {}: {}", terminal::name(&layer.name), counts.collect::<Vec<_>>().join(", "));
    }
    text
}

/// The time that cycles take, exact to a femtosecond: a rounded one would contradict the clock beside it.
fn nanoseconds(cycles: u64, period: f64) -> String {
    let text = format!("{:.6}", cycles as f64 * period);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Zero is left blank.
fn count(value: u64) -> String {
    if value == 0 { String::new() } else { value.to_string() }
}

/// Columns as wide as they need to be; the numbers to the right. A column without entries is left out.
fn table(rows: &[[String; COLUMNS]]) -> String {
    let mut widths = [0; COLUMNS];
    for row in rows {
        row.iter().zip(&mut widths).for_each(|(cell, width)| *width = (*width).max(terminal::width(cell)));
    }
    let used = |column: &usize| rows.iter().skip(1).any(|row| !row[*column].is_empty());
    let mut text = String::new();
    for row in rows {
        let mut line = String::from(" ");
        for column in (0..COLUMNS).filter(used) {
            let (cell, width) = (&row[column], widths[column]);
            let _ = if column < NUMBERS {
                write!(line, " {}", terminal::padded(cell, width))
            } else {
                write!(line, " {cell:>width$}")
            };
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::nanoseconds;

    #[test]
    fn times_do_not_contradict_the_clock() {
        for (cycles, period, expected) in
            [(1, 1.5, "1.5"), (3, 3.3, "9.9"), (130, 5.0, "650"), (3, 3.125, "9.375"), (7, 0.1, "0.7")]
        {
            assert_eq!(nanoseconds(cycles, period), expected);
        }
        assert_eq!(nanoseconds(0, 5.0), "0");
        assert_eq!(nanoseconds(1, f64::MAX).len(), 309, "and no period is too large");
    }
}
