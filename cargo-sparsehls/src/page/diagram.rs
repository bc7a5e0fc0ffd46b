//! The network as a chain of boxes, with the formats on the edges between them.

use super::{
    charts::{picture, shortened, text},
    html::{Html, element, plain},
};
use crate::{
    message::{Layer, Report},
    words,
};

const WIDTH: f64 = 320.0;
const BOX: f64 = 40.0;
const GAP: f64 = 34.0;

/// The picture.
pub fn of(report: &Report) -> Html {
    let shape = words::shape(&report.input.shape);
    let mut html = end(4.0, &format!("input {shape}"));
    let mut at = 4.0 + BOX;
    let mut format = report.input.format.clone();
    let mut before = String::new();
    for layer in &report.layers {
        html.push(edge(at, &format, &before));
        at += GAP;
        html.push(of_layer(at, layer));
        at += BOX;
        format.clone_from(&layer.formats.output);
        before = words::shape(&layer.shape);
    }
    html.push(edge(at, &format, &before));
    html.push(end(at + GAP, "output"));
    let height = at + GAP + BOX + 4.0;
    let title = format!("the network {}: {} operations one after the other", words::name(&report.model), report.layers.len());
    element("div", &[("class", &"diagram")], picture("chart network", [WIDTH, height], &title, html))
}

fn end(y: f64, name: &str) -> Html {
    let label = text("end-name", [WIDTH / 2.0, y + 25.0], "middle", name);
    [rectangle("end", y, 20.0), label].into()
}

fn rectangle(class: &str, y: f64, round: f64) -> Html {
    let (width, y) = (WIDTH - 8.0, format!("{y:.1}"));
    element("rect", &[("class", &class), ("x", &4), ("y", &y), ("width", &width), ("height", &BOX), ("rx", &round)], "")
}

/// An arrow with the format of what goes along it.
fn edge(y: f64, format: &str, shape: &str) -> Html {
    let (middle, end) = (WIDTH / 2.0, y + GAP);
    let path = format!("M{middle} {y:.1}V{:.1}m-4 -6l4 6l4 -6", end);
    [
        element("path", &[("class", &"edge"), ("d", &path)], ""),
        text("format", [middle + 10.0, y + 21.0], "start", format),
        text("tick", [middle - 10.0, y + 21.0], "end", shape),
    ]
    .into()
}

fn of_layer(y: f64, layer: &Layer) -> Html {
    let kind = match layer.kind.split('-').next() {
        Some("sparse") => "sparse",
        _ if layer.kind == "quantizer" => "quantizer",
        _ => "dense",
    };
    let name = words::name(&layer.name);
    let weights = layer.formats.weights.as_deref().map(|weights| format!("weights {weights}"));
    let parts = [
        plain("title", format!("{name}, {}", layer.kind)),
        rectangle(kind, y, 5.0),
        text("box-name", [14.0, y + 17.0], "start", &shortened(&name, 24)),
        text("tick", [14.0, y + 33.0], "start", &layer.kind),
        text("tick", [WIDTH - 14.0, y + 33.0], "end", &weights.unwrap_or_default()),
    ];
    plain("g", parts.to_vec())
}
