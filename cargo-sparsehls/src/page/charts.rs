//! Pictures: inline SVG whose colours are those of the page, or of `CHART_STYLE` where a picture stands alone.

use std::collections::BTreeMap;

use super::html::{Html, element, plain};
use crate::message::AtThreshold;

/// The colours of a picture that is a file of its own.
const CHART_STYLE: &str = concat!(
    "<style>",
    include_str!("../../assets/colors.css"),
    include_str!("../../assets/chart.css"),
    "svg{background:var(--paper);font-family:system-ui,sans-serif}",
    "</style>"
);

/// Where the points of a chart lie: the frame in the picture, and the numbers at its ends.
struct Axis {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
    is_log: bool,
}

impl Axis {
    fn place(&self, value: f64) -> f64 {
        let scale = |value: f64| if self.is_log { value.max(f64::MIN_POSITIVE).log10() } else { value };
        let (low, high) = (scale(self.low), scale(self.high));
        let part = if high > low { (scale(value) - low) / (high - low) } else { 0.5 };
        self.from + part * (self.to - self.from)
    }

    /// Round numbers over the whole range, the closest that do not crowd.
    fn ticks(&self, most: usize) -> Vec<f64> {
        if self.is_decades() {
            let inside = |value: &f64| *value >= self.low * 0.999_999 && *value <= self.high * 1.000_001;
            return Self::round().filter(inside).collect();
        }
        let step = self.step(most);
        let first = (self.low / step - 1e-6).ceil() as i64;
        (first..).map(|at| at as f64 * step).take_while(|value| *value <= self.high * 1.000_001).collect()
    }

    /// The same axis as far as a tick beyond what it shows, so that it is labelled from end to end.
    fn until_ticks(mut self, most: usize) -> Self {
        if self.is_decades() {
            self.low = Self::round().take_while(|value| *value <= self.low).last().unwrap_or(self.low);
            self.high = Self::round().find(|value| *value >= self.high).unwrap_or(self.high);
            return self;
        }
        let step = self.step(most);
        let low = (self.low / step).floor() * step;
        // Nothing is 0 on a logarithmic axis.
        self.low = if self.is_log && low <= 0.0 { self.low } else { low };
        self.high = (self.high / step).ceil() * step;
        self
    }

    /// 1, 2 and 5 in every decade.
    fn round() -> impl Iterator<Item = f64> {
        (-3..=18).flat_map(|power| [1.0, 2.0, 5.0].map(|digit| digit * 10f64.powi(power)))
    }

    /// Whether it is so long that only the numbers of [`Self::round`] do not crowd.
    fn is_decades(&self) -> bool {
        self.is_log && self.high / self.low > 8.0
    }

    /// From one tick to the next.
    fn step(&self, most: usize) -> f64 {
        Self::round().find(|step| (self.high - self.low) / step <= most as f64 * 1.000_001).unwrap_or(1.0)
    }
}

/// `1.2k`, `3M`.
fn short(value: f64) -> String {
    let (value, unit) = match value.abs() {
        size if size >= 1e6 => (value / 1e6, "M"),
        size if size >= 1e4 => (value / 1e3, "k"),
        _ => (value, ""),
    };
    let text = format!("{value:.2}");
    format!("{}{unit}", text.trim_end_matches('0').trim_end_matches('.'))
}

fn line(class: &'static str, [x1, y1, x2, y2]: [f64; 4]) -> Html {
    let [x1, y1, x2, y2] = [x1, y1, x2, y2].map(|at| format!("{at:.1}"));
    element("line", &[("class", &class), ("x1", &x1), ("y1", &y1), ("x2", &x2), ("y2", &y2)], "")
}

/// Text at a place; `anchor` is `start`, `middle` or `end`.
pub fn text(class: &'static str, [x, y]: [f64; 2], anchor: &'static str, text: &str) -> Html {
    let (x, y) = (format!("{x:.1}"), format!("{y:.1}"));
    element("text", &[("class", &class), ("x", &x), ("y", &y), ("text-anchor", &anchor)], text)
}

/// A picture of a width and a height, and what it shows for those who do not see it.
pub fn picture(class: &'static str, [width, height]: [f64; 2], title: &str, inside: impl Into<Html>) -> Html {
    let viewed = format!("0 0 {width} {height}");
    let (width, height) = (format!("{width}"), format!("{height}"));
    element(
        "svg",
        &[
            ("xmlns", &"http://www.w3.org/2000/svg"),
            ("class", &class),
            ("role", &"img"),
            ("aria-label", &title),
            ("viewBox", &viewed),
            ("width", &width),
            ("height", &height),
        ],
        inside,
    )
}

/// A picture as a file of its own.
pub fn alone(picture: &Html) -> String {
    let text = picture.as_str();
    match text.split_once('>') {
        Some((head, rest)) => format!("{head}>{CHART_STYLE}{rest}\n"),
        None => text.to_owned(),
    }
}

const SIZE: [f64; 2] = [760.0, 430.0];
const LEFT: f64 = 70.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 55.0;
/// The most ticks of an axis.
const X_TICKS: usize = 10;
const Y_TICKS: usize = 6;

/// The frame of a chart with both axes, and what they are called. The ticks of `x` stand so far beside their numbers.
fn frame(x: &Axis, y: &Axis, [x_name, y_name]: [&str; 2], beside: f64) -> Html {
    let [width, height] = SIZE;
    let (bottom, right) = (height - BOTTOM, width - RIGHT);
    let mut html = Html::NONE;
    for tick in x.ticks(X_TICKS) {
        let at = x.place(tick + beside);
        if at > right + 0.5 {
            continue;
        }
        html.push(line("grid", [at, TOP, at, bottom]));
        html.push(text("tick", [at, bottom + 18.0], "middle", &short(tick)));
    }
    for tick in y.ticks(Y_TICKS) {
        let at = y.place(tick);
        html.push(line("grid", [LEFT, at, right, at]));
        html.push(text("tick", [LEFT - 8.0, at + 4.0], "end", &short(tick)));
    }
    html.push(line("axis", [LEFT, bottom, right, bottom]));
    html.push(line("axis", [LEFT, TOP, LEFT, bottom]));
    html.push(text("name", [(LEFT + right) / 2.0, height - 12.0], "middle", x_name));
    html.push(text("name", [12.0, 22.0], "start", y_name));
    html
}

/// A point of a Pareto front.
#[derive(Debug, Clone, Copy)]
pub struct FrontPoint {
    /// Its number in the list.
    pub number: usize,
    /// In cycles.
    pub latency: u64,
    /// In cycles.
    pub interval: u64,
    /// Look-up tables.
    pub luts: u64,
}

/// Latency against LUT, a line for each interval; `now` is where the manifest stands.
pub fn front(title: &str, points: &[FrontPoint], now: FrontPoint) -> Html {
    let all = || points.iter().chain([&now]);
    let most = all().map(|point| point.latency).max().unwrap_or(1).max(1) as f64;
    let luts = || all().map(|point| point.luts.max(1) as f64);
    let (least_luts, most_luts) = (luts().fold(f64::MAX, f64::min), luts().fold(1.0, f64::max));
    let x = Axis { low: 0.0, high: most * 1.02, from: LEFT, to: SIZE[0] - RIGHT, is_log: false }.until_ticks(X_TICKS);
    let (low, high) = (least_luts / 1.05, most_luts * 1.05);
    let y = Axis { low, high, from: SIZE[1] - BOTTOM, to: TOP, is_log: true }.until_ticks(Y_TICKS);
    let mut html = frame(&x, &y, ["latency, cycles", "LUT"], 0.0);
    html.push(text("tick", [SIZE[0] - RIGHT, 22.0], "end", "a line for each interval, which stands at an end of it"));
    let mut by_interval: BTreeMap<u64, Vec<&FrontPoint>> = BTreeMap::new();
    points.iter().for_each(|point| by_interval.entry(point.interval).or_default().push(point));
    let mut names = Names::default();
    for (color, (interval, mut points)) in by_interval.into_iter().enumerate() {
        points.sort_by_key(|point| point.latency);
        html.push(series(color % 6, interval, &points, [&x, &y], &mut names));
    }
    let [cx, cy] = [x.place(now.latency as f64), y.place(now.luts.max(1) as f64)];
    html.push(circle("now", [cx, cy], 9.0, "the setting of the manifest"));
    let (anchor, beside) = if cx > SIZE[0] / 2.0 { ("end", -14.0) } else { ("start", 14.0) };
    html.push(text("now-name", [cx + beside, cy - 12.0], anchor, &format!("now: interval {}", now.interval)));
    picture("chart", SIZE, title, html)
}

/// Where the names of series stand, so that none stands on another.
#[derive(Default)]
struct Names(Vec<[f64; 2]>);

impl Names {
    /// A free place beside one of the ends of a line, and which end of the text is there.
    fn place(&mut self, [first, last]: [[f64; 2]; 2]) -> Option<([f64; 2], &'static str)> {
        let beside = |[x, y]: [f64; 2], right: f64, down: f64| ([x + right, y + down], if right < 0.0 { "end" } else { "start" });
        let places = [beside(first, -7.0, 13.0), beside(last, 7.0, -5.0), beside(first, -7.0, -5.0), beside(last, 7.0, 13.0)];
        let free =
            |[x, y]: [f64; 2]| self.0.iter().all(|[other_x, other_y]| (x - other_x).abs() > 16.0 || (y - other_y).abs() > 11.0);
        let found = places.into_iter().find(|(at, _)| free(*at) && at[1] > TOP)?;
        self.0.push(found.0);
        Some(found)
    }
}

fn series(color: usize, interval: u64, points: &[&FrontPoint], [x, y]: [&Axis; 2], names: &mut Names) -> Html {
    let places: Vec<_> = points.iter().map(|point| [x.place(point.latency as f64), y.place(point.luts.max(1) as f64)]).collect();
    let path: Vec<_> = places.iter().map(|[x, y]| format!("{x:.1},{y:.1}")).collect();
    let mut html = element("polyline", &[("points", &path.join(" "))], "");
    for (point, place) in points.iter().zip(&places) {
        let FrontPoint { number, latency, luts, .. } = point;
        let title = format!("point {number}: latency {latency}, interval {interval}, {luts} LUT");
        html.push(circle("point", *place, 4.0, &title));
    }
    if let [first, ..] = places[..]
        && let Some((at, anchor)) = names.place([first, places[places.len() - 1]])
    {
        html.push(text("series-name", at, anchor, &interval.to_string()));
    }
    element("g", &[("class", &format!("series c{color}"))], html)
}

fn circle(class: &'static str, [x, y]: [f64; 2], radius: f64, title: &str) -> Html {
    let (x, y) = (format!("{x:.1}"), format!("{y:.1}"));
    element("circle", &[("class", &class), ("cx", &x), ("cy", &y), ("r", &radius)], plain("title", title))
}

/// How many events have how many active pixels, with the budget.
pub fn histogram(title: &str, counts: &BTreeMap<u64, u64>, budget: u64) -> Html {
    let first = counts.keys().next().copied().unwrap_or(0).min(budget);
    let last = counts.keys().next_back().copied().unwrap_or(0).max(budget);
    let bin = (last - first + 1).div_ceil(60);
    let mut bins: BTreeMap<u64, u64> = BTreeMap::new();
    counts.iter().for_each(|(pixels, events)| *bins.entry(first + (pixels - first) / bin * bin).or_default() += events);
    let most = bins.values().copied().max().unwrap_or(1) as f64;
    let x = Axis { low: first as f64, high: (last + bin) as f64, from: LEFT, to: SIZE[0] - RIGHT, is_log: false };
    let y = Axis { low: 0.0, high: most * 1.02, from: SIZE[1] - BOTTOM, to: TOP, is_log: false }.until_ticks(Y_TICKS);
    // A bar of one number stands above it.
    let beside = if bin == 1 { 0.5 } else { 0.0 };
    let mut html = frame(&x, &y, ["active pixels in an event, before the budget", "events"], beside);
    for (from, events) in &bins {
        let (left, right, top) = (x.place(*from as f64), x.place((from + bin) as f64), y.place(*events as f64));
        let class = if *from > budget { "bar over" } else { "bar" };
        let pixels = if bin == 1 { from.to_string() } else { format!("{from} to {}", from + bin - 1) };
        html.push(bar(
            class,
            [left + 0.5, top, right - left - 1.0, y.from - top],
            &format!("{pixels} active pixels: {events} events"),
        ));
    }
    let at = x.place(budget as f64 + 1.0).min(x.to);
    html.push(line("budget", [at, TOP, at, y.from]));
    let (anchor, beside) = if at > SIZE[0] / 2.0 { ("end", -6.0) } else { ("start", 6.0) };
    html.push(text("now-name", [at + beside, TOP + 14.0], anchor, &format!("budget: {budget}")));
    picture("chart", SIZE, title, html)
}

/// Active pixels of an event against the threshold: a line for the mean, for 99 % of the events and for all.
pub fn thresholds(title: &str, list: &[AtThreshold], budget: u64) -> Html {
    let most = list.iter().map(|at| at.all).max().unwrap_or(1).max(budget as usize).max(1) as f64;
    let ends = |pick: fn(f32, f32) -> f32| list.iter().map(|at| at.threshold).reduce(pick).unwrap_or(0.0);
    let [low, high] = [f64::from(ends(f32::min)), f64::from(ends(f32::max))];
    let x = Axis { low, high, from: LEFT, to: SIZE[0] - RIGHT, is_log: false }.until_ticks(X_TICKS);
    let y = Axis { low: 0.0, high: most * 1.02, from: SIZE[1] - BOTTOM, to: TOP, is_log: false }.until_ticks(Y_TICKS);
    let mut html = frame(&x, &y, ["threshold", "active pixels in an event, before the budget"], 0.0);
    let values = |at: &AtThreshold| [at.mean, at.percent_99 as f64, at.all as f64];
    for (color, name) in ["mean", "99 %", "most"].into_iter().enumerate() {
        let places: Vec<_> = list.iter().map(|at| [x.place(at.threshold.into()), y.place(values(at)[color])]).collect();
        let path: Vec<_> = places.iter().map(|[x, y]| format!("{x:.1},{y:.1}")).collect();
        let mut series = element("polyline", &[("points", &path.join(" "))], "");
        for (at, place) in list.iter().zip(&places) {
            series.push(circle("point", *place, 3.5, &format!("threshold {:.4}: {name} {:.1}", at.threshold, values(at)[color])));
        }
        html.push(element("g", &[("class", &format!("series c{color}"))], series));
        let right = SIZE[0] - RIGHT - 60.0 * (2 - color) as f64;
        html.push(element("g", &[("class", &format!("c{color}"))], text("series-name", [right, 22.0], "end", name)));
    }
    if let Some(chosen) = list.iter().find(|at| at.chosen) {
        let at = x.place(chosen.threshold.into());
        html.push(line("budget", [at, TOP, at, y.from]));
        html.push(text("now-name", [at + 6.0, TOP + 14.0], "start", &format!("the model's: {:.4}", chosen.threshold)));
    }
    let at = y.place(budget as f64);
    html.push(line("budget", [LEFT, at, SIZE[0] - RIGHT, at]));
    html.push(text("now-name", [SIZE[0] - RIGHT - 4.0, at - 5.0], "end", &format!("budget: {budget}")));
    picture("chart", SIZE, title, html)
}

/// A rectangle.
fn bar(class: &'static str, [x, y, width, height]: [f64; 4], title: &str) -> Html {
    let [x, y, width, height] = [x, y, width.max(0.5), height.max(0.0)].map(|at| format!("{at:.1}"));
    let attributes: [super::html::Attribute<'_>; 5] =
        [("class", &class), ("x", &x), ("y", &y), ("width", &width), ("height", &height)];
    element("rect", &attributes, plain("title", title))
}

/// Distributions below each other: of each its name, and how many have how many bits.
pub fn widths(title: &str, rows: &[(String, BTreeMap<u64, u64>)]) -> Html {
    const ROW: f64 = 34.0;
    let (left, width) = (112.0, 340.0);
    let most = rows.iter().filter_map(|(_, counts)| counts.keys().next_back()).copied().max().unwrap_or(1).max(4);
    let bottom = 8.0 + ROW * rows.len() as f64;
    let x = Axis { low: 0.0, high: (most + 1) as f64, from: left, to: width - 10.0, is_log: false };
    let mut html = Html::NONE;
    for tick in x.ticks(9).into_iter().filter(|tick| tick.fract() == 0.0 && *tick <= most as f64) {
        let at = x.place(tick + 0.5);
        html.push(line("grid", [at, 8.0, at, bottom]));
        html.push(text("tick", [at, bottom + 16.0], "middle", &short(tick)));
    }
    for (at, (name, counts)) in rows.iter().enumerate() {
        let base = 8.0 + ROW * (at + 1) as f64;
        let most = counts.values().copied().max().unwrap_or(1) as f64;
        html.push(text("row", [left - 8.0, base - 8.0], "end", &shortened(name, 13)));
        html.push(line("axis", [left, base, x.to, base]));
        for (bits, count) in counts {
            let height = ((ROW - 8.0) * *count as f64 / most).max(1.5);
            let (from, to) = (x.place(*bits as f64), x.place((bits + 1) as f64));
            let title = format!("{name}: {count} of {bits} bits");
            html.push(bar("bar", [from + 0.5, base - height, to - from - 1.0, height], &title));
        }
    }
    html.push(text("name", [(left + x.to) / 2.0, bottom + 34.0], "middle", "bits"));
    picture("chart widths", [width, bottom + 42.0], title, html)
}

/// A name that has room for so many characters.
pub fn shortened(name: &str, most: usize) -> String {
    if name.chars().count() <= most { name.to_owned() } else { name.chars().take(most - 1).chain(['…']).collect() }
}
