//! `cargo sparsehls check`.

use std::{
    fmt::Write as _,
    time::{Duration, Instant},
};

use sparsehls_build::{
    Code, Error, Errors, EstimatedLimits, Firmware, Note, Result,
    cost::{self, Fifos},
    engine,
    manifest::{LimitsOn, Variant},
    report, terminal,
    toolchain::limits,
};

use super::{build::hold_estimate, load_each, note_part};
use crate::{
    args::{CheckArgs, Common},
    junit::{self, Suite},
    message::{self, Message, ModelEstimate},
    output::{COLUMNS, Output},
};

/// Prints the layers of every model, and everything that is wrong with any of them.
pub fn run(common: &Common, args: &CheckArgs, output: &mut Output) -> Result {
    if let Some(path) = &args.junit {
        super::build::remove_old(path)?;
    }
    let mut suites = Vec::new();
    let result = check_all(common, args, output, &mut suites);
    let written = args.junit.as_ref().map_or(Ok(()), |path| junit::write(path, &suites));
    result.and(written)
}

fn check_all(common: &Common, args: &CheckArgs, output: &Output, suites: &mut Vec<Suite>) -> Result {
    let (mut errors, mut any_limit) = (Vec::new(), false);
    let models = load_each(common).inspect_err(|error| suites.push(failed("manifest", error)))?;
    for firmware in models {
        let mut suite = Suite::new(firmware.as_ref().map_or("manifest", |firmware| &firmware.model.name));
        any_limit |= firmware.as_ref().map_or(true, |firmware| !firmware.model.limits.most.is_empty());
        let checked = firmware.and_then(|firmware| check(&firmware, args, output, &mut suite));
        // What is wrong with the defaults of a package is wrong with each of its models.
        let new =
            checked.err().into_iter().flat_map(Errors::into_vec).filter(|error| !errors.contains(error)).collect::<Vec<_>>();
        if suite.is_empty() {
            new.iter().for_each(|error| drop(suite.record::<()>("check", Duration::ZERO, Err(error.clone()))));
        }
        suites.push(suite);
        errors.extend(new);
    }
    if args.limits && !any_limit {
        let error = Error::new(Code::MissingKey, "no chosen model has limits that could be held");
        errors
            .push(error.key("package.metadata.sparsehls.models.NAME.limits").help("add for example `limits = { lut = 100000 }`"));
    }
    // The last one ends the command, which prints it.
    let Some(last) = errors.pop() else { return Ok(()) };
    errors.iter().for_each(|error| output.error(error));
    Err(last)
}

fn check(firmware: &Firmware, args: &CheckArgs, output: &Output, suite: &mut Suite) -> Result<(), Errors> {
    let start = Instant::now();
    let is_held = (args.limits || firmware.model.limits.on == LimitsOn::Estimate) && !firmware.model.limits.most.is_empty();
    let limits = if is_held { firmware.estimated_limits()? } else { EstimatedLimits::default() };
    let checked = print(firmware, &limits.0, output).and_then(|()| read_golden(firmware));
    suite.record("check", start.elapsed(), checked)?;
    if is_held {
        suite.record("limits", Duration::ZERO, hold_estimate(firmware, &limits, output))?;
    }
    Ok(())
}

fn failed(name: &str, error: &Error) -> Suite {
    let mut suite = Suite::new(name);
    let _ = suite.record::<()>("load", Duration::ZERO, Err(error.clone()));
    suite
}

/// Reads the golden file to its end: what is cut off or broken shows nowhere else.
fn read_golden(firmware: &Firmware) -> Result {
    let events = engine::chunk_events(&firmware.network).get();
    firmware.golden()?.map_or(Ok(()), |golden| golden.each(events, &mut |_| Ok(true)))
}

fn print(firmware: &Firmware, limits: &[limits::Row], output: &Output) -> Result {
    let Firmware { model, network, .. } = firmware;
    let estimate = firmware.estimate().map_err(|error| error.file(&model.source))?;
    let layers = report::layers(firmware, &estimate);
    let mut formats = vec![["layer", "shape", "format", "accumulator", "weights", "built"].map(String::from)];
    let mut costs = vec![["layer", "kind", "steps", "LUT", "FF", "DSP", "BRAM", "depth ns"].map(String::from)];
    for layer in &layers {
        output.json(&Message::Layer(message::Layer::new(&model.name, layer)));
        formats.push(format_row(layer));
        costs.push(cost_row(layer));
    }
    let total = estimate.total;
    let part = &model.target.part;
    let line = ModelEstimate::new(firmware, limits)?;
    let instructions = line.instructions;
    output.json(&Message::Estimate(line));
    if estimate.fifos.count > 0 {
        costs.push(fifo_row(&estimate.fifos));
    }
    let numbers = [total.initiation_interval, total.luts, total.ffs, total.dsps, total.bram18].map(count);
    let [mut steps, luts, ffs, dsps, bram18] = numbers;
    if costs.iter().skip(1).all(|row| row[2].is_empty()) {
        // The column is left out; what it would say stands below.
        steps.clear();
    }
    costs.push(["total".into(), String::new(), steps, luts, ffs, dsps, bram18, String::new()]);
    let shape: Vec<_> = network.input_shape.iter().map(usize::to_string).collect();
    let input = format!("{}: input {} of {}", model.name, shape.join("×"), network.input.format);
    output.text(&format!("{input}\n{}\n{}", table(&costs, 2), table(&formats, usize::MAX)));
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
    if let Some(cycles) = estimate.without_rewind {
        output.text(&format!("interval {cycles} cycles if the tool does not rewind the loops"));
    }
    note_part(output, "", &model.name, part, &total.demand());
    if let Some(count) = instructions {
        output.text(&format!("about {count} instructions for HLS to compile"));
        if count > cost::MANY_INSTRUCTIONS {
            let most = cost::MANY_INSTRUCTIONS;
            let why = "HLS may take hours and tens of GB; raise `interval`";
            let text = format!("{}: about {count} instructions are more than {most}: {why}", model.name);
            output.note(Note::ManyInstructions, &text);
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

fn format_row(layer: &report::LayerSummary) -> [String; 6] {
    let shape: Vec<_> = layer.shape.iter().map(usize::to_string).collect();
    let optional = |text: &Option<String>| text.clone().unwrap_or_default();
    let weights = layer.formats.quantizers.map_or_else(|| optional(&layer.formats.weights), |count| format!("{count} formats"));
    let plan = &layer.cost.plan;
    let built = match plan.variant {
        Some(Variant::Scatter) if plan.absorbed => "in scatter",
        _ if plan.absorbed => "in look-up",
        Some(variant) => variant.name(),
        None => "",
    };
    let accumulator = optional(&layer.formats.accumulator);
    [terminal::name(&layer.name), shape.join("×"), layer.formats.output.clone(), accumulator, weights, built.into()]
}

fn cost_row(layer: &report::LayerSummary) -> [String; 8] {
    let report::Cost { plan, estimate, .. } = &layer.cost;
    [
        terminal::name(&layer.name),
        layer.kind.into(),
        if plan.steps > 1 { plan.steps.to_string() } else { String::new() },
        count(estimate.luts),
        count(estimate.ffs),
        count(estimate.dsps),
        count(estimate.bram18),
        if estimate.depth_ns > 0.0 { format!("{:.1}", estimate.depth_ns) } else { String::new() },
    ]
}

fn fifo_row(fifos: &Fifos) -> [String; 8] {
    let mut row = ["FIFOs".to_owned(), format!("{} between processes", fifos.count)].map(Some).to_vec();
    row.extend([None, Some(count(fifos.luts)), Some(count(fifos.ffs))]);
    std::array::from_fn(|at| row.get(at).cloned().flatten().unwrap_or_default())
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

/// Columns as wide as they need to be; the numbers, from the column `numbers` on, to the right. A column without entries is
/// left out. Where a line would be longer than a terminal is wide, names are cut.
fn table<const N: usize>(rows: &[[String; N]], numbers: usize) -> String {
    let mut widths = [0; N];
    for row in rows {
        row.iter().zip(&mut widths).for_each(|(cell, width)| *width = (*width).max(terminal::width(cell)));
    }
    let used: Vec<_> = (0..N).filter(|column| rows.iter().skip(1).any(|row| !row[*column].is_empty())).collect();
    let all: usize = 1 + used.iter().map(|column| 1 + widths[*column]).sum::<usize>();
    widths[0] = widths[0].saturating_sub(all.saturating_sub(COLUMNS)).max(8);
    let mut text = String::new();
    for row in rows {
        let mut line = String::from(" ");
        for column in &used {
            let (cell, width) = (&row[*column], widths[*column]);
            let _ = match column {
                0 => write!(line, " {}", terminal::padded(&shortened(cell, width), width)),
                column if *column < numbers => write!(line, " {}", terminal::padded(cell, width)),
                _ => write!(line, " {cell:>width$}"),
            };
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// A name in at most `width` columns: its beginning and its end, which often tells it from others.
fn shortened(name: &str, width: usize) -> String {
    if terminal::width(name) <= width {
        return name.to_owned();
    }
    let take = |characters: &mut dyn Iterator<Item = char>, most: usize| {
        let mut taken = String::new();
        for c in characters {
            if terminal::width(&taken) + terminal::width(c.encode_utf8(&mut [0; 4])) > most {
                break;
            }
            taken.push(c);
        }
        taken
    };
    let end: String = take(&mut name.chars().rev(), width / 3).chars().rev().collect();
    let begin = take(&mut name.chars(), width - 1 - terminal::width(&end));
    format!("{begin}…{end}")
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
