//! A report as a page: one file without a script, which needs nothing from elsewhere.

pub mod charts;
mod diagram;
mod events;
pub mod html;
mod layers;
mod results;

use self::html::{Html, element, plain};
use crate::{
    message::{
        Report,
        report::{Changes, Verdict},
    },
    words,
};

const STYLE: &str =
    concat!(include_str!("../assets/colors.css"), include_str!("../assets/chart.css"), include_str!("../assets/report.css"));

/// The whole page, with a part for each model.
pub fn of(reports: &[Report]) -> String {
    let names: Vec<_> = reports.iter().map(|report| report.model.as_str()).collect();
    let mut main: Vec<_> = reports.iter().enumerate().map(|(at, report)| model(report, at)).collect();
    if reports.len() > 1 {
        let links = reports
            .iter()
            .enumerate()
            .map(|(at, report)| plain("li", element("a", &[("href", &format!("#m{at}"))], words::name(&report.model))));
        main.insert(0, element("nav", &[("aria-label", &"models")], plain("ul", links.collect::<Html>())));
    }
    let head =
        [element("title", &[], format!("{}: report of cargo-sparsehls", names.join(", "))), plain("style", Html::ours(STYLE))];
    let meta = "<meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
        <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">";
    let (mut inside, mut body) = (Html::ours(meta), Html::NONE);
    inside.push(head);
    body.push(plain("main", main));
    let tools: Vec<_> =
        reports.first().map(|report| format!("Written by {}. Estimates are no synthesis.", report.tool)).into_iter().collect();
    body.push(plain("footer", plain("p", tools.concat())));
    let page = element("html", &[("lang", &"en")], [plain("head", inside), plain("body", body)]);
    format!("<!doctype html>\n{}\n", page.as_str())
}

fn model(report: &Report, at: usize) -> Html {
    let Report { package, backend, part, clock_period, .. } = report;
    let about =
        format!("{} of {package}: {backend} for {}, {clock_period} ns", words::name(&report.source), words::name(&part.part));
    let mut html: Html =
        [plain("h1", words::name(&report.model)), element("p", &[("class", &"about")], about), tiles(report)].into();
    html.push(report.changes.as_ref().map_or(Html::NONE, changes));
    html.push(section("Network", [diagram::of(report), layers::costs(report)]));
    html.push(section("Bit widths", layers::widths(report)));
    html.push(results::front(report));
    html.push(section("Estimates and tools", results::tools(report)));
    html.push(section("Agreement with Keras", results::agreement(&report.agreement)));
    html.push(report.data_set.as_ref().map_or(Html::NONE, results::data_set));
    html.push(events::of(report));
    element("article", &[("id", &format!("m{at}")), ("aria-label", &words::name(&report.model))], html)
}

/// A part of the page under its heading.
fn section(title: &str, inside: impl Into<Html>) -> Html {
    let mut html = plain("h2", title);
    html.push(inside);
    plain("section", html)
}

/// The numbers that people look for first.
fn tiles(report: &Report) -> Html {
    let estimate = &report.estimate;
    let time = |cycles: u64| format!("{} ns", words::nanoseconds(cycles, report.clock_period));
    let mut tiles = vec![
        tile("latency", &format!("{} cycles", estimate.latency), &time(estimate.latency)),
        tile("interval", &format!("{} cycles", estimate.interval), &time(estimate.interval)),
    ];
    let percent = report.part.percent;
    let parts = percent.map_or([None; 4], |of| [of.lut, of.ff, of.dsp, of.bram18]);
    for ((count, what), part) in words::areas(estimate).into_iter().zip(parts) {
        let below = part.map_or_else(String::new, |part| format!("{} of the part", words::percent(part)));
        tiles.push(tile(what, &words::count(count), &below));
    }
    let class = match report.agreement.verdict {
        Verdict::Equal | Verdict::Within => "tile good",
        Verdict::NotCompared => "tile",
        Verdict::Different => "tile bad",
    };
    let verdict = [element("span", &[("class", &"what")], "outputs"), element("b", &[], words::verdict(&report.agreement))];
    tiles.push(element("li", &[("class", &class)], verdict));
    let note = format!("Latency, interval and area are estimated, not synthesized; {}.", words::capacity(report));
    [element("ul", &[("class", &"tiles")], tiles), element("p", &[("class", &"note")], note)].into()
}

fn tile(what: &str, value: &str, below: &str) -> Html {
    let parts =
        [element("span", &[("class", &"what")], what), element("b", &[], value), element("span", &[("class", &"below")], below)];
    element("li", &[("class", &"tile")], parts)
}

fn changes(changes: &Changes) -> Html {
    let against = format!("What is different from {}", words::name(&changes.against));
    if changes.list.is_empty() {
        return section(&against, plain("p", "Nothing."));
    }
    let rows = changes.list.iter().map(|change| {
        let layer = change.layer.as_deref().map_or_else(String::new, words::name);
        let sides = [change.before.as_ref(), change.after.as_ref()].map(words::side);
        let [before, after] = sides;
        vec![layer, change.quantity.clone(), before, after, words::change(change)]
    });
    section(&against, table(&against, &["layer", "what", "before", "now", "change"], 2, rows.map(text_cells).collect()))
}

/// Cells of text.
fn text_cells(cells: Vec<String>) -> Vec<Html> {
    cells.into_iter().map(Html::from).collect()
}

/// A table in a frame that scrolls by itself where there is no room. From column `numbers` on there are numbers.
fn table(name: &str, head: &[&str], numbers: usize, rows: Vec<Vec<Html>>) -> Html {
    let class = |column: usize| if column < numbers { "word" } else { "number" };
    let heads = head.iter().enumerate().map(|(at, head)| element("th", &[("scope", &"col"), ("class", &class(at))], *head));
    let row = |cells: Vec<Html>| {
        let cells = cells.into_iter().enumerate().map(|(at, cell)| match at {
            0 => element("th", &[("scope", &"row")], cell),
            _ => element("td", &[("class", &class(at))], cell),
        });
        plain("tr", cells.collect::<Html>())
    };
    let parts =
        [plain("thead", plain("tr", heads.collect::<Html>())), plain("tbody", rows.into_iter().map(row).collect::<Html>())];
    frame(name, plain("table", parts))
}

/// What may be wider than a phone: it scrolls, also by the keyboard.
fn frame(name: &str, inside: impl Into<Html>) -> Html {
    element("div", &[("class", &"wide"), ("role", &"region"), ("tabindex", &"0"), ("aria-label", &name)], inside)
}
