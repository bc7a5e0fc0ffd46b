//! Events step by step: the image with its active pixels, and the values after each operation.

use std::collections::BTreeMap;

use super::{
    charts::picture,
    frame,
    html::{Html, element, plain},
    section, table, text_cells,
};
use crate::{
    message::{
        Report,
        report::{Event, EventLayer, Fate, Pixel},
    },
    words,
};

/// What a page has of one value: the JSON has all of it.
const MOST_PIXELS: usize = 64;
const MOST_CHANNELS: usize = 24;
const MOST_VALUES: usize = 400;
/// The events of a model take no more than so many bytes.
const MOST_BYTES: usize = 900_000;

/// The events that there is room for.
pub fn of(report: &Report) -> Html {
    let mut html = Html::NONE;
    let mut left_out = 0;
    for event in &report.events {
        let next = event_of(event, &report.input.shape);
        if html.len() + next.len() > MOST_BYTES {
            left_out += 1;
        } else {
            html.push(next);
        }
    }
    if report.events.is_empty() {
        return Html::NONE;
    }
    if left_out > 0 {
        html.push(plain("p", format!("{left_out} more events have no room here; `--message-format json` has them.")));
    }
    section("Events step by step", html)
}

fn event_of(event: &Event, shape: &[usize]) -> Html {
    let values = |values: &[f64]| values.iter().map(|value| words::number(*value)).collect::<Vec<_>>().join(" ");
    let keras = match &event.keras {
        Some(keras) if *keras == event.outputs => "; Keras: the same".to_owned(),
        Some(keras) => format!("; Keras: {}", values(keras)),
        None => String::new(),
    };
    let outputs = format!("Event {}: {}{keras}", event.event, values(&event.outputs));
    let mut html = input(&event.input, shape);
    event.layers.iter().for_each(|layer| html.push(layer_of(layer)));
    let (summary, inside) = (plain("summary", outputs), element("div", &[("class", &"steps")], html));
    if event.event == 0 { element("details", &[("open", &"")], [summary, inside]) } else { plain("details", [summary, inside]) }
}

fn input(pixels: &[Pixel], shape: &[usize]) -> Html {
    let fates = [
        (Fate::Kept, "active", "kept"),
        (Fate::OverBudget, "dropped", "over budget"),
        (Fate::BelowThreshold, "low", "not above the threshold"),
    ];
    let count = |fate| pixels.iter().filter(|pixel| pixel.fate == Some(fate)).count();
    let counts: Vec<_> =
        fates.into_iter().map(|(fate, class, what)| (count(fate), class, what)).filter(|(count, ..)| *count > 0).collect();
    let mut about = Html::from(format!("{}: ", words::shape(shape)));
    if counts.is_empty() {
        about.push(format!("{} values that are not 0", pixels.len()));
    }
    for (count, class, what) in counts {
        about.push(element("span", &[("class", &format!("key {class}"))], ""));
        about.push(format!("{count} {what} "));
    }
    let mut html = head("input", about);
    html.push(map(pixels, shape, "input"));
    element("div", &[("class", &"step")], html)
}

fn head(name: &str, about: impl Into<Html>) -> Html {
    [plain("h3", name), element("p", &[("class", &"about")], about)].into()
}

fn layer_of(layer: &EventLayer) -> Html {
    let active = layer.pixels.as_ref().map_or_else(String::new, |pixels| format!(", {} active", pixels.len()));
    let about = format!("{}, {} of {}{active}", layer.kind, words::shape(&layer.shape), layer.format);
    let mut html = head(&words::name(&layer.name), about);
    if let Some(pixels) = &layer.pixels {
        html.push(map(pixels, &layer.shape, &layer.name));
        html.push(features(pixels, &layer.name));
    }
    if let Some(values) = &layer.values {
        html.push(dense(values, &layer.shape, &layer.name));
    }
    element("div", &[("class", &"step")], html)
}

/// The pixels in their image, darker the larger their first value is; nothing for a value that is no image.
fn map(pixels: &[Pixel], shape: &[usize], name: &str) -> Html {
    let [height, width, ..] = *shape else { return Html::NONE };
    let most = pixels.iter().map(|pixel| first(pixel).abs()).fold(0.0, f64::max);
    // One path for each shade: a rectangle for each pixel would be ten times as long.
    let mut paths: BTreeMap<(&str, u32), String> = BTreeMap::new();
    for pixel in pixels {
        let [row, column] = pixel.at[..] else { return Html::NONE };
        let shade = if most > 0.0 { (first(pixel).abs() / most * 4.0).ceil() as u32 } else { 0 };
        let class = match pixel.fate {
            Some(Fate::OverBudget) => "dropped",
            Some(Fate::BelowThreshold) => "low",
            Some(Fate::Kept) | None => "active",
        };
        *paths.entry((class, shade)).or_default() += &format!("M{column} {row}h1v1h-1z");
    }
    let paths = paths.iter().map(|((class, shade), path)| {
        let opacity = 0.3 + 0.175 * f64::from(*shade).min(4.0);
        element("path", &[("class", class), ("d", path), ("opacity", &format!("{opacity:.2}"))], "")
    });
    let mut inside = element("rect", &[("class", &"image"), ("width", &width), ("height", &height)], "");
    inside.push(paths.collect::<Html>());
    let title = format!("{}: {} of {height} × {width} places are not empty", words::name(name), pixels.len());
    picture("map", [width as f64, height as f64], &title, inside)
}

fn first(pixel: &Pixel) -> f64 {
    pixel.values.first().copied().unwrap_or_default()
}

/// The features at each active pixel.
fn features(pixels: &[Pixel], name: &str) -> Html {
    let channels = pixels.iter().map(|pixel| pixel.values.len()).max().unwrap_or(0);
    if channels == 0 {
        return plain("p", "No pixel is active.");
    }
    let shown = channels.min(MOST_CHANNELS);
    let heads: Vec<_> = (0..shown).map(|channel| format!("ch {channel}")).collect();
    let head: Vec<_> = ["row, column"].into_iter().chain(heads.iter().map(String::as_str)).collect();
    let rows = pixels.iter().take(MOST_PIXELS).map(|pixel| {
        let at = pixel.at.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
        let values = pixel.values.iter().take(shown).map(|value| words::number(*value));
        text_cells(std::iter::once(at).chain(values).collect())
    });
    let mut html = table(&format!("features of {}", words::name(name)), &head, 1, rows.collect());
    html.push(more(pixels.len(), MOST_PIXELS, "pixels"));
    html.push(more(channels, MOST_CHANNELS, "channels"));
    html
}

/// What is not shown.
fn more(count: usize, shown: usize, what: &str) -> Html {
    let more = count.saturating_sub(shown);
    if more == 0 { Html::NONE } else { element("p", &[("class", &"note")], format!("{more} more {what} are in the JSON.")) }
}

/// Rows of a dense value; of a large one those elements that are not 0.
fn dense(values: &[f64], shape: &[usize], name: &str) -> Html {
    let width = shape.last().copied().unwrap_or(1).max(1);
    let zeros = values.iter().filter(|value| **value == 0.0).count();
    let mut html = Html::NONE;
    if zeros > 0 {
        html.push(element("p", &[("class", &"note")], format!("{zeros} of {} are 0.", values.len())));
    }
    let shown = values.iter().enumerate().filter(|(_, value)| **value != 0.0).take(MOST_VALUES);
    let cell = |(at, value): (usize, &f64)| {
        let index = if shape.len() > 1 { format!("{}, {}", at / width, at % width) } else { at.to_string() };
        plain("li", [element("span", &[("class", &"at")], index), Html::from(words::number(*value))])
    };
    let cells = shown.map(cell).collect::<Html>();
    if cells.len() > 0 {
        html.push(frame(&format!("values of {}", words::name(name)), element("ul", &[("class", &"values")], cells)));
    }
    html.push(more(values.len() - zeros, MOST_VALUES, "values"));
    html
}
