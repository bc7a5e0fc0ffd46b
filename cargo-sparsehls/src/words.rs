//! What the text and the page of a report both say.

use serde_json::Value;
use sparsehls_build::terminal::printable;

use crate::message::{
    Estimate, Part, Report,
    report::{Agreement, Change, Compared, Verdict},
};

/// A name from a model, which may hold anything, on one line.
pub fn name(text: &str) -> String {
    printable(text).replace('\n', "\\n")
}

/// `20×1`.
pub fn shape(shape: &[usize]) -> String {
    shape.iter().map(usize::to_string).collect::<Vec<_>>().join("×")
}

/// A number as short as it is exact enough: whole, or with four digits that count.
pub fn number(number: f64) -> String {
    if number.fract() == 0.0 && number.abs() < 1e15 {
        return grouped(number);
    }
    let digits = (3.0 - number.abs().log10().floor()).clamp(0.0, 12.0) as usize;
    let text = format!("{number:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// A whole number with a comma after each three digits.
fn grouped(number: f64) -> String {
    let digits = format!("{:.0}", number.abs());
    let mut text = String::from(if number < 0.0 { "-" } else { "" });
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count.
pub fn count(count: u64) -> String {
    grouped(count as f64)
}

/// A part of a whole.
pub fn percent(part: f64) -> String {
    let digits = if part.abs() < 9.95 { 1 } else { 0 };
    format!("{part:.digits$} %")
}

/// How much more something is than it was.
pub fn difference(percent: f64) -> String {
    let digits = if percent.abs() < 9.95 { 1 } else { 0 };
    format!("{percent:+.digits$} %")
}

/// The time that cycles take, in ns.
pub fn nanoseconds(cycles: u64, period: f64) -> String {
    let text = format!("{:.3}", cycles as f64 * period);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Whether it does what Keras does, in a few words.
pub fn verdict(agreement: &Agreement) -> &'static str {
    match agreement.verdict {
        Verdict::Equal => "the same bits as Keras",
        Verdict::Within if agreement.tolerance > 0.0 => "as Keras, within the tolerance",
        Verdict::Within => "as Keras, within what float32 rounds",
        Verdict::NotCompared => "not compared with Keras",
        Verdict::Different => "outputs differ",
    }
}

/// How that was established, a sentence for each comparison.
pub fn evidence(agreement: &Agreement) -> Vec<String> {
    let Agreement { engine, simulation, not_simulated, golden, keras, tolerance, .. } = agreement;
    let events = |events: usize| format!("{} event{}", count(events as u64), if events == 1 { "" } else { "s" });
    let golden_events = keras.as_ref().map_or(0, |keras| keras.events);
    let mut sentences = Vec::new();
    match (simulation, not_simulated) {
        (Some(found), _) => sentences.push(format!(
            "The {engine}, made from the generated text, gives the bits of the reference interpreter in {} of {}: {} made up to find faults, {} golden.",
            count((found.events - found.events_different) as u64),
            events(found.events),
            count((found.events - golden_events.min(found.events)) as u64),
            count(golden_events as u64),
        )),
        (None, why) => sentences.push(format!(
            "The generated text was not simulated: {}.",
            name(why.as_deref().unwrap_or("nothing simulates it")).trim_end_matches('.')
        )),
    }
    match (keras, golden) {
        (Some(keras), Some(golden)) => sentences.push(format!(
            "Keras had computed the outputs of {} in {}; in {} of them they are {}.",
            events(keras.events),
            name(golden),
            count((keras.events - keras.events_different) as u64),
            if *tolerance > 0.0 {
                format!("the same within {tolerance:.2e}, the bound of the float function at the end")
            } else {
                "the same, bit for bit".to_owned()
            },
        )),
        (None, Some(golden)) => {
            sentences.push(format!("Keras's outputs in {} were not looked at, as simulation and reference differ.", name(golden)))
        }
        _ => sentences.push("The manifest names no golden file, so nothing was compared with Keras.".to_owned()),
    }
    let rounded = keras.as_ref().filter(|keras| keras.within_float32 > 0);
    sentences.extend(rounded.map(|keras| {
        let most = keras.float32_difference.unwrap_or_default();
        format!(
            "In {} of these Keras differs by no more than its own float32 rounds, at most {most:.1e}.",
            events(keras.within_float32)
        )
    }));
    for (found, other) in [(simulation, "the reference"), (keras, "Keras")] {
        let first = found.as_ref().and_then(|found| found.first.as_ref());
        sentences.extend(first.map(|first| {
            format!(
                "The first difference is in event {}, output {}: {} where {other} has {}.",
                first.event, first.output, first.found, first.expected
            )
        }));
    }
    sentences
}

/// What the estimate takes of the part, or why that cannot be said.
pub fn capacity(report: &Report) -> String {
    let Part { part, percent, .. } = &report.part;
    match percent {
        None => format!("the capacity of {} is not known", name(part)),
        Some(percent) => format!("{percent} of {}", name(part)),
    }
}

/// The areas of an estimate, with what they are called.
pub fn areas(estimate: &Estimate) -> [(u64, &'static str); 4] {
    [(estimate.luts, "LUT"), (estimate.ffs, "FF"), (estimate.dsps, "DSP"), (estimate.bram18, "BRAM")]
}

/// What a row of a comparison is about.
pub fn quantity(row: &Compared) -> &str {
    match &*row.quantity {
        "lut" => "LUT",
        "ff" => "FF",
        "dsp" => "DSP",
        "bram18" => "BRAM (18 kb)",
        "latency-cycles" => "latency, cycles",
        "interval-cycles" => "interval, cycles",
        "clock-period" => "clock period, ns",
        other => other,
    }
}

/// What a side of a change is.
pub fn side(value: Option<&Value>) -> String {
    match value {
        None => "–".to_owned(),
        Some(Value::String(text)) => name(text),
        Some(Value::Number(found)) => found.as_f64().map_or_else(|| found.to_string(), number),
        Some(other) => other.to_string(),
    }
}

/// By how much a number has changed.
pub fn change(change: &Change) -> String {
    let number = |side: &Option<Value>| side.as_ref().and_then(Value::as_f64);
    match (number(&change.before), number(&change.after)) {
        (Some(before), Some(after)) if before != 0.0 => difference(100.0 * (after - before) / before.abs()),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        for (given, text) in
            [(0.0, "0"), (999.0, "999"), (10_000.0, "10,000"), (1_234_567.0, "1,234,567"), (-12_345.0, "-12,345"), (0.1, "0.1")]
        {
            assert_eq!(number(given), text);
        }
        assert_eq!([number(2.345_67), number(1234.5), number(0.001_234_5), number(12.5)], ["2.346", "1234", "0.001234", "12.5"]);
        assert_eq!([percent(0.04), percent(12.34), difference(-25.0), difference(0.5)], ["0.0 %", "12 %", "-25 %", "+0.5 %"]);
    }
}
