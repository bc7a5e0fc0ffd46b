//! A report as text that fits into 80 columns.

use std::fmt::Write as _;

use crate::{
    message::{
        Layer, Report,
        report::{DataSet, Event, Tools},
    },
    words,
};

/// Columns of a layer's name, and of a format.
const NAME: usize = 18;
const FORMAT: usize = 17;

/// The text.
pub fn of(report: &Report) -> String {
    let parts = [
        head(report),
        layers(report),
        front(report),
        tools(&report.tools),
        report.data_set.as_ref().map(data_set).unwrap_or_default(),
        events(&report.events),
        changes(report),
    ];
    let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join("\n")
}

fn head(report: &Report) -> String {
    let Report { model, package, backend, part, clock_period, estimate, .. } = report;
    let mut text = format!("{model} of {package}: {backend} for {}, {clock_period} ns\n", words::name(&part.part));
    let areas: Vec<_> = words::areas(estimate).iter().map(|(count, what)| format!("{} {what}", words::count(*count))).collect();
    let time = |cycles: u64| format!("{cycles} cycles ({} ns)", words::nanoseconds(cycles, *clock_period));
    let mut lines = vec![format!(
        "Estimated: latency {}, interval {}; {}.",
        time(estimate.latency),
        time(estimate.interval),
        areas.join(", ")
    )];
    lines.push(format!("{}.", words::capacity(report)));
    lines.push(format!("Agreement: {}.", words::verdict(&report.agreement)));
    lines.extend(words::evidence(&report.agreement));
    lines.iter().for_each(|line| text += &wrapped(line));
    text
}

/// Lines of at most 80 columns, behind two blanks.
fn wrapped(sentence: &str) -> String {
    let (mut text, mut line) = (String::new(), String::from(" "));
    for word in sentence.split_whitespace() {
        if line.chars().count() + 1 + word.chars().count() > 80 && line.len() > 4 {
            text += &format!("{line}\n");
            line = "   ".into();
        }
        line += " ";
        line += word;
    }
    text + &line + "\n"
}

/// A text in a column: what does not fit ends with a dot of three.
fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width - 1).chain(['…']).collect()
}

fn layers(report: &Report) -> String {
    let mut text = format!(
        "  {:<NAME$} {:<FORMAT$} {:>6} {:>8} {:>8} {:>4} {:>4} {:>5}\n",
        "layer", "format", "weight", "LUT", "FF", "DSP", "BRAM", "ns"
    );
    for Layer { name, formats, widths, cost, .. } in &report.layers {
        let mean = mean(widths.weights.iter().chain(&widths.bias).filter_map(|(bits, count)| Some((bits.parse().ok()?, *count))));
        let _ = writeln!(
            text,
            "  {:<NAME$} {:<FORMAT$} {:>6} {:>8} {:>8} {:>4} {:>4} {:>5.1}",
            cut(&words::name(name), NAME),
            cut(&formats.output, FORMAT),
            mean.map_or(String::new(), |mean| format!("{mean:.1}")),
            cost.estimate.luts,
            cost.estimate.ffs,
            cost.estimate.dsps,
            cost.estimate.bram18,
            cost.estimate.depth_ns,
        );
    }
    text + "  weight: mean bits of weights and biases; ns: longest path without registers\n"
}

fn mean(counts: impl Iterator<Item = (u64, u64)>) -> Option<f64> {
    let (sum, count) = counts.fold((0, 0), |(sum, count), (bits, of)| (sum + bits * of, count + of));
    (count > 0).then(|| sum as f64 / count as f64)
}

fn front(report: &Report) -> String {
    if report.front.is_empty() {
        return String::new();
    }
    let mut text = String::from("  what no other knobs beat   latency interval       LUT   DSP\n");
    for point in &report.front {
        let crate::message::Point { number, estimate, .. } = &point.point;
        let chosen = if point.chosen { "  as it is now" } else { "" };
        let _ = writeln!(
            text,
            "  {number:>24}   {:>7} {:>8} {:>9} {:>5}{chosen}",
            estimate.latency, estimate.interval, estimate.luts, estimate.dsps
        );
    }
    if !report.front.iter().any(|point| point.chosen) {
        text += "  the knobs of the manifest come to none of these\n";
    }
    text
}

fn tools(tools: &Tools) -> String {
    let mut text = String::new();
    if !tools.compared.is_empty() {
        text += "  step    quantity             estimated       found  difference\n";
    }
    for row in &tools.compared {
        let _ = writeln!(
            text,
            "  {:<7} {:<18} {:>11} {:>11}  {:>10}",
            row.step,
            words::quantity(row),
            words::number(row.estimated),
            words::number(row.found),
            row.percent.map(words::difference).unwrap_or_default()
        );
    }
    if tools.done.is_empty() {
        text += "  no tool has run on this project; `cargo sparsehls build` runs them\n";
    }
    if !tools.out_of_date.is_empty() {
        text += &wrapped(&format!("Out of date, as the project has changed since: {}.", tools.out_of_date.join(", ")));
    }
    for limit in tools.limits.iter().filter(|limit| !limit.kept) {
        let found = limit.found.map_or("unknown".to_owned(), words::count);
        text += &wrapped(&format!("Over its limit: {} is {found} of {} allowed.", limit.name, words::count(limit.limit)));
    }
    text
}

fn data_set(set: &DataSet) -> String {
    let mut text = wrapped(&format!("{} events of {}:", words::count(set.profile.events), words::name(&set.file)));
    if let Some(pixels) = &set.profile.pixels {
        text += &wrapped(&format!(
            "a budget of {} pixels; {} events have more, and {} of {} active pixels are dropped; \
             a budget of {} would lose nothing",
            pixels.budget,
            words::count(pixels.events_over_budget),
            words::count(pixels.dropped),
            words::count(pixels.active),
            pixels.budget_for_events.all
        ));
    }
    for quantizer in set.profile.quantizers.iter().filter(|quantizer| quantizer.overflowed > 0) {
        text += &wrapped(&format!(
            "{}: {} of {} values overflow ({})",
            words::name(&quantizer.name),
            words::count(quantizer.overflowed),
            words::count(quantizer.values),
            quantizer.mode
        ));
    }
    text
}

fn events(events: &[Event]) -> String {
    let mut text = String::new();
    for Event { event, outputs, keras, .. } in events {
        let values = |values: &[f64]| values.iter().map(|value| words::number(*value)).collect::<Vec<_>>().join(" ");
        let keras = match keras {
            Some(keras) if keras == outputs => "; Keras: the same".to_owned(),
            Some(keras) => format!("; Keras: {}", values(keras)),
            None => String::new(),
        };
        text += &wrapped(&format!("event {event}: {}{keras}", values(outputs)));
    }
    text
}

fn changes(report: &Report) -> String {
    let Some(changes) = &report.changes else { return String::new() };
    if changes.list.is_empty() {
        return wrapped(&format!("Nothing is different from {}.", words::name(&changes.against)));
    }
    let mut text = wrapped(&format!("Different from {}:", words::name(&changes.against)));
    for change in &changes.list {
        let layer = change.layer.as_ref().map_or(String::new(), |layer| format!("{}: ", words::name(layer)));
        text += &wrapped(&format!(
            "{layer}{} {} → {} {}",
            change.quantity,
            words::side(change.before.as_ref()),
            words::side(change.after.as_ref()),
            words::change(change)
        ));
    }
    text
}
