//! Layers: what each costs, and how many bits its numbers have.

use std::collections::BTreeMap;

use super::{
    charts,
    html::{Html, element, plain},
    table,
};
use crate::{
    message::{Layer, Report},
    words,
};

/// A row for each layer, with bars beside each other's.
pub fn costs(report: &Report) -> Html {
    let most = |of: fn(&Layer) -> f64| report.layers.iter().map(of).fold(0.0, f64::max);
    let luts: fn(&Layer) -> f64 = |layer| layer.cost.estimate.luts as f64;
    let ffs: fn(&Layer) -> f64 = |layer| layer.cost.estimate.ffs as f64;
    let latency: fn(&Layer) -> f64 = |layer| layer.cost.estimate.latency as f64;
    let [most_luts, most_ffs, most_latency] = [luts, ffs, latency].map(most);
    let part = report.part.available.as_ref().map(|part| part.lut);
    let mut rows: Vec<_> = report
        .layers
        .iter()
        .map(|layer| {
            let of_part = part.map_or_else(String::new, |part| words::percent(100.0 * luts(layer) / part as f64));
            let mut cells = vec![
                words::name(&layer.name).into(),
                built(layer).into(),
                layer.formats.accumulator.clone().unwrap_or_default().into(),
                bar(luts(layer), most_luts, "c0"),
                bar(ffs(layer), most_ffs, "c1"),
                unless_zero(layer.cost.estimate.dsps),
                unless_zero(layer.cost.estimate.bram18),
                bar(latency(layer), most_latency, "c2"),
            ];
            cells.extend(part.map(|_| Html::from(of_part)));
            cells
        })
        .collect();
    rows.push(total(report));
    let mut head = vec!["layer", "built", "accumulator", "LUT", "FF", "DSP", "BRAM", "latency"];
    head.extend(part.map(|_| "of the part's LUTs"));
    table("layers with their costs", &head, 3, rows)
}

fn total(report: &Report) -> Vec<Html> {
    let estimate = &report.estimate;
    let number = |number: u64| plain("b", words::count(number));
    let mut cells: Vec<Html> = vec![
        "total".into(),
        Html::NONE,
        Html::NONE,
        number(estimate.luts),
        number(estimate.ffs),
        number(estimate.dsps),
        number(estimate.bram18),
        number(estimate.latency),
    ];
    let part = report.part.percent.and_then(|percent| percent.lut);
    cells.extend(part.map(|part| plain("b", words::percent(part))));
    cells
}

/// Its variant, and the steps that it takes if there are several.
fn built(layer: &Layer) -> String {
    let plan = &layer.cost.plan;
    let steps = (plan.steps > 1).then(|| format!("{} steps", plan.steps));
    let variant = plan.variant.as_deref();
    let how = match plan.absorbed {
        true if variant == Some("scatter") => Some("in scatter"),
        true => Some("in look-up"),
        false => variant,
    };
    how.map(str::to_owned).into_iter().chain(steps).collect::<Vec<_>>().join(", ")
}

fn unless_zero(count: u64) -> Html {
    if count == 0 { Html::NONE } else { words::count(count).into() }
}

/// A number above a bar as long as it is large.
fn bar(value: f64, most: f64, color: &'static str) -> Html {
    if value == 0.0 {
        return Html::NONE;
    }
    let width = format!("{:.1}", (100.0 * value / most.max(1.0)).max(1.0));
    let rectangle = element("rect", &[("width", &width), ("height", &6), ("class", &color)], "");
    let picture = [
        ("class", &"meter" as _),
        ("viewBox", &"0 0 100 6" as _),
        ("preserveAspectRatio", &"none" as _),
        ("aria-hidden", &"true" as _),
    ];
    [Html::from(words::number(value)), element("svg", &picture, rectangle)].into()
}

/// The distributions of bits: weights, biases, values.
pub fn widths(report: &Report) -> Html {
    type Counts = fn(&Layer) -> &BTreeMap<String, u64>;
    let kinds: [(&str, &str, Counts); 3] = [
        ("Weights", "from the first bit of each to its last; 0 where it is 0", |layer| &layer.widths.weights),
        ("Biases", "in the same way", |layer| &layer.widths.bias),
        ("Values", "what each channel or element needs for all that can occur", |layer| &layer.widths.output),
    ];
    let figures = kinds.into_iter().map(|(title, what, of)| {
        let rows: Vec<_> = report
            .layers
            .iter()
            .filter(|layer| !of(layer).is_empty())
            .map(|layer| (words::name(&layer.name), numbered(of(layer))))
            .collect();
        if rows.is_empty() {
            return Html::NONE;
        }
        let caption = plain("figcaption", [plain("b", title), Html::from(format!(": {what}"))]);
        plain("figure", [caption, charts::widths(&format!("{title}: how many have how many bits, by layer"), &rows)])
    });
    element("div", &[("class", &"figures")], figures.collect::<Html>())
}

/// Counts by number; JSON has no keys that are numbers.
pub fn numbered(counts: &BTreeMap<String, u64>) -> BTreeMap<u64, u64> {
    counts.iter().filter_map(|(key, count)| Some((key.parse().ok()?, *count))).collect()
}
