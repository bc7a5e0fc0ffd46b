//! What was found: by the sweep, by tools, by comparisons, by a data set.

use super::{
    charts, frame,
    html::{Html, element, plain},
    layers::numbered,
    section, table, text_cells,
};
use crate::{
    message::{
        self, Report,
        report::{Agreement, DataSet, Tools},
    },
    words,
};

/// The points that no other beats, and where the manifest stands among them.
pub fn front(report: &Report) -> Html {
    if report.front.is_empty() {
        return Html::NONE;
    }
    let drawn = |number: usize, estimate: &message::Estimate| charts::FrontPoint {
        number,
        latency: estimate.latency,
        interval: estimate.interval,
        luts: estimate.luts,
    };
    let points: Vec<_> = report.front.iter().map(|of| drawn(of.point.number, &of.point.estimate)).collect();
    let title = "latency against LUT of the points that no other knobs beat";
    let picture = charts::front(title, &points, drawn(0, &report.estimate));
    let chosen = report.front.iter().find(|of| of.chosen);
    let now = match chosen {
        Some(of) => format!("The manifest is set to point {}.", of.point.number),
        None => "The knobs of the manifest come to none of these points.".to_owned(),
    };
    let rows = report.front.iter().map(|of| {
        let message::Estimate { latency, interval, luts, ffs, dsps, .. } = &of.point.estimate;
        let number = of.point.number.to_string() + if of.chosen { " (now)" } else { "" };
        let knobs = &of.point.knobs;
        let one_step: Vec<_> = knobs.one_step.iter().map(|layer| words::name(layer)).collect();
        let setting = format!("{}, {}, interval {}", knobs.pipeline, knobs.interface, knobs.interval);
        vec![
            number,
            setting,
            one_step.join(" "),
            latency.to_string(),
            interval.to_string(),
            words::count(*luts),
            words::count(*ffs),
            words::count(*dsps),
        ]
    });
    let head = ["point", "knobs", "in one step", "latency", "interval", "LUT", "FF", "DSP"];
    let all = table("the points", &head, 3, rows.map(text_cells).collect());
    let details = plain("details", [plain("summary", format!("All {} points", points.len())), all]);
    let command = plain("code", "cargo sparsehls explore --apply NUMBER");
    let hint = plain("p", [Html::from(now + " "), command, Html::from(" sets another.")]);
    section("What other knobs would give", [frame(title, picture), hint, details])
}

/// Estimates beside what tools found.
pub fn tools(report: &Report) -> Html {
    let Tools { done, out_of_date, compared, limits, report: found } = &report.tools;
    let mut html = Html::NONE;
    html.push(if done.is_empty() {
        let command = plain("code", "cargo sparsehls build");
        plain("p", [Html::from("No tool has run on this project; "), command, Html::from(" runs those that are installed.")])
    } else {
        plain("p", format!("Done for this project: {}.", done.join(", ")))
    });
    if !out_of_date.is_empty() {
        html.push(plain("p", format!("Out of date, as the project has changed since: {}.", out_of_date.join(", "))));
    }
    if !compared.is_empty() {
        let rows = compared.iter().map(|row| {
            let (estimated, found) = (words::number(row.estimated), words::number(row.found));
            let difference = row.percent.map(words::difference).unwrap_or_default();
            vec![row.step.clone(), words::quantity(row).to_owned(), estimated, found, difference]
        });
        html.push(table(
            "estimates and findings",
            &["step", "what", "estimated", "found", "difference"],
            2,
            rows.map(text_cells).collect(),
        ));
    }
    if !limits.is_empty() {
        let rows = limits.iter().map(|limit| {
            let found = limit.found.map_or("unknown".to_owned(), words::count);
            let kept = if limit.kept { "kept" } else { "exceeded" };
            vec![limit.name.clone(), limit.source.clone(), found, words::count(limit.limit), kept.to_owned()]
        });
        html.push(table("limits of the manifest", &["limit", "step", "found", "allowed", ""], 2, rows.map(text_cells).collect()));
    }
    if let Some(found) = found {
        let lines = found.to_string().lines().map(|line| plain("li", words::name(line))).collect::<Html>();
        html.push(plain("details", [plain("summary", "What the tools say"), plain("ul", lines)]));
    }
    html
}

/// How it is known that it computes what Keras computes.
pub fn agreement(agreement: &Agreement) -> Html {
    let verdict = words::verdict(agreement);
    let class = if agreement.keras.as_ref().is_some_and(|keras| keras.first.is_none()) { "good" } else { "plain" };
    let sentences = words::evidence(agreement).into_iter().map(|sentence| plain("li", sentence)).collect::<Html>();
    let head = plain("p", [Html::from("Verdict: "), element("b", &[("class", &class)], verdict), Html::from(".")]);
    [head, plain("ul", sentences)].into()
}

/// What a data set does.
pub fn data_set(set: &DataSet) -> Html {
    let profile = &set.profile;
    let mut html = plain("p", format!("{} events of {}.", words::count(profile.events), words::name(&set.file)));
    if let Some(pixels) = &profile.pixels {
        let title = "how many events have how many active pixels";
        html.push(frame(title, charts::histogram(title, &numbered(&pixels.histogram), pixels.budget as u64)));
        html.push(self::pixels(pixels, profile.events));
        if pixels.thresholds.len() > 1 {
            let title = "active pixels of an event against the threshold";
            html.push(frame(title, charts::thresholds(title, &pixels.thresholds, pixels.budget as u64)));
            html.push(thresholds(&pixels.thresholds));
        }
    }
    if !profile.quantizers.is_empty() {
        let rows = profile.quantizers.iter().map(|quantizer| {
            vec![
                words::name(&quantizer.name),
                quantizer.mode.clone(),
                words::count(quantizer.values),
                words::count(quantizer.overflowed),
                share(quantizer.overflowed, quantizer.values),
                words::count(quantizer.events),
                words::count(quantizer.clipped_at_zero),
            ]
        });
        let head = ["quantizer", "beyond its range", "values", "overflow", "part", "events with one", "below 0 made 0"];
        html.push(table("overflows of the quantizers", &head, 2, rows.map(text_cells).collect()));
    }
    section("What a data set does", html)
}

fn thresholds(list: &[message::AtThreshold]) -> Html {
    let rows = list.iter().map(|at| {
        let chosen = if at.chosen { " (the model's)" } else { "" };
        let counts = [at.percent_50, at.percent_99, at.all].map(|count| count.to_string());
        [vec![format!("{:.4}{chosen}", at.threshold), format!("{:.1}", at.mean)], counts.to_vec()].concat()
    });
    let head = ["threshold", "mean", "half of the events", "99 %", "most"];
    table("active pixels of an event with other thresholds", &head, 1, rows.map(text_cells).collect())
}

fn share(part: u64, of: u64) -> String {
    if of == 0 { String::new() } else { format!("{:.3} %", 100.0 * part as f64 / of as f64) }
}

fn pixels(pixels: &message::Pixels, events: u64) -> Html {
    let not_zero = pixels.below_threshold + pixels.active;
    let facts = [
        format!(
            "The threshold leaves out {} of {} pixels that are not 0 ({}).",
            words::count(pixels.below_threshold),
            words::count(not_zero),
            share(pixels.below_threshold, not_zero)
        ),
        format!(
            "{} events have more than the budget of {} ({}); {} of {} active pixels are dropped ({}).",
            words::count(pixels.events_over_budget),
            pixels.budget,
            share(pixels.events_over_budget, events),
            words::count(pixels.dropped),
            words::count(pixels.active),
            share(pixels.dropped, pixels.active)
        ),
    ];
    let rows =
        [("events that lose no pixel", &pixels.budget_for_events), ("active pixels that are kept", &pixels.budget_for_pixels)];
    let rows = rows.map(|(what, budgets)| {
        vec![what.to_owned(), budgets.percent_99.to_string(), budgets.percent_99_9.to_string(), budgets.all.to_string()]
    });
    let budgets = table("the least budgets", &["least budget for", "99 %", "99.9 %", "all"], 1, rows.map(text_cells).to_vec());
    let facts = facts.map(|fact| plain("li", fact)).to_vec();
    [plain("ul", facts), budgets].into()
}
