//! `cargo sparsehls profile`.

use std::{fmt::Write as _, path::Path};

use sparsehls_build::{
    Code, Error, Firmware, Result, data, engine,
    formats::GridReport,
    network::Origin,
    parallel,
    profile::{Overflows, Pixels, Profile},
    reference::Reference,
    terminal,
};

use super::{golden_file, load, load_one, note_grid};
use crate::{
    args::{Common, ProfileArgs},
    message::{self, Message},
    output::Output,
    plot,
    progress::Progress,
};

/// Rows of the histogram, and characters of its longest bar.
const ROWS: usize = 16;
const BAR: u64 = 40;

/// Counts the events of a file, for every chosen model.
pub fn run(common: &Common, args: &ProfileArgs, output: &mut Output) -> Result {
    if let Some(path) = &args.plot {
        plot::check(path)?;
    }
    let models = if args.plot.is_some() { vec![load_one(common)?] } else { load(common)? };
    for firmware in models {
        let (profile, grid) = profile(&firmware, args.input.as_deref(), output)?;
        note_grid(output, &firmware.model.name, &firmware.network, grid);
        output.json(&Message::Profile(message::Profile::new(&firmware.model.name, &profile, grid)));
        output.text(&describe(&firmware.model.name, &profile));
        if let Some(path) = &args.plot {
            draw(path, &firmware, &profile)?;
            output.status("Plotted", &path.display().to_string());
        }
    }
    Ok(())
}

fn draw(path: &Path, firmware: &Firmware, profile: &Profile) -> Result {
    let name = &firmware.model.name;
    let pixels = profile.pixels.as_ref().ok_or_else(|| {
        Error::new(Code::InvalidValue, format!("model `{name}` has no input reduction, so there are no active pixels to draw"))
            .help("leave out --plot")
    })?;
    plot::pixels(path, name, pixels)
}

/// The counts of the events in the file `input`, or else of the golden ones.
pub fn profile(firmware: &Firmware, input: Option<&Path>, output: &Output) -> Result<(Profile, GridReport)> {
    let network = &firmware.network;
    let mut source = match input {
        Some(path) => data::Source::open(path, "x")?,
        None => data::Source::in_archive(golden_file(firmware, "to profile", "give --input X.npy")?, "x")?,
    };
    let mut x = source.events()?;
    data::check_shape(x.shape(), network).map_err(|error| error.file(x.path()))?;
    let reference = &Reference::new(network);
    let worker = |_| {
        move |x: Vec<f64>| {
            let (inputs, grid) = network.input.mantissas(&x);
            let mut profile = Profile::new(network);
            let floats = x.chunks_exact(network.input_len().get());
            floats.zip(&inputs).for_each(|(x, event)| profile.count(reference, x, event));
            Ok((profile, grid))
        }
    };
    let workers = (0..parallel::workers()).map(worker).collect();
    let (mut all, mut grid) = (Profile::new(network), GridReport::default());
    let progress = Progress::new(output, "Profiling", x.count());
    let next = || x.read(engine::chunk_events(network).get()).map(|chunk| Some(chunk).filter(|chunk| !chunk.is_empty()));
    parallel::in_order(workers, next, |(part, report): (Profile, GridReport)| {
        progress.add(part.events as usize);
        grid.add(report);
        all.add(&part);
        Ok(())
    })?;
    progress.finish(output);
    Ok((all, grid))
}

fn describe(model: &str, profile: &Profile) -> String {
    let mut text = format!("{model}: {} events", profile.events);
    if let Some(pixels) = &profile.pixels {
        text += &histogram(pixels, profile.events);
    }
    let width = profile.quantizers.iter().map(|quantizer| terminal::width(&terminal::name(&quantizer.name))).max().unwrap_or(0);
    for quantizer in &profile.quantizers {
        let _ = write!(text, "\n  {}", describe_quantizer(quantizer, width));
    }
    text
}

fn describe_quantizer(quantizer: &Overflows, width: usize) -> String {
    let Overflows { overflowed, values, mode, clipped_at_zero, events, .. } = quantizer;
    let mut text = format!(
        "{}  {overflowed} of {values} values overflow ({mode}, {:.3} %), in {events} event{}",
        terminal::padded(&terminal::name(&quantizer.name), width),
        percent(*overflowed, *values),
        if *events == 1 { "" } else { "s" },
    );
    if *clipped_at_zero > 0 {
        let _ = write!(text, "; {clipped_at_zero} below 0 became 0, as in a ReLU ({:.3} %)", percent(*clipped_at_zero, *values));
    }
    text += match quantizer.origin {
        Origin::Model => "",
        Origin::Manifest => "; from `result-precision`, not the model's",
        Origin::Tables => "; ours, of the tables for the float function at the end",
    };
    text
}

/// How many events have how many active pixels, in rows of equal width.
fn histogram(pixels: &Pixels, events: u64) -> String {
    let (Some((&least, _)), Some((&most, _))) = (pixels.histogram.first_key_value(), pixels.histogram.last_key_value()) else {
        return String::new();
    };
    let step = (most - least + 1).div_ceil(ROWS);
    let row = |first: usize| pixels.histogram.range(first..first + step).map(|(_, events)| events).sum::<u64>();
    let rows: Vec<(usize, u64)> = (least..=most).step_by(step).map(|first| (first, row(first))).collect();
    let longest = rows.iter().map(|(_, events)| *events).max().unwrap_or(1).max(1);
    let mut text = format!(
        ", a budget of {} pixels: {} events over budget ({:.1} %), {} of {} active pixels dropped ({:.3} %)",
        pixels.budget,
        pixels.events_over_budget,
        percent(pixels.events_over_budget, events),
        pixels.dropped,
        pixels.active,
        percent(pixels.dropped, pixels.active),
    );
    let not_zero = pixels.below_threshold + pixels.active;
    let _ = write!(
        text,
        "\n  {} of {not_zero} pixels that are not 0 are not above the threshold ({:.3} %)",
        pixels.below_threshold,
        percent(pixels.below_threshold, not_zero)
    );
    let (whole, kept) = (pixels.budgets_for_events(), pixels.budgets_for_pixels());
    let _ = write!(
        text,
        "\n  a budget of {} loses nothing in 99 % of the events, of {} in 99.9 %, of {} in all",
        whole.percent_99, whole.percent_99_9, whole.all
    );
    let _ = write!(
        text,
        "\n  a budget of {} keeps 99 % of the active pixels, of {} 99.9 %, of {} all\n  active pixels",
        kept.percent_99, kept.percent_99_9, kept.all
    );
    for (first, events) in rows {
        let last = (first + step - 1).min(most);
        let range = if first == last { first.to_string() } else { format!("{first}-{last}") };
        let bar = "#".repeat((events * BAR).div_ceil(longest) as usize);
        let _ = write!(text, "\n  {range:>11}  {events:>9}  {bar}");
    }
    text + &curve(pixels)
}

/// Active pixels of an event against the threshold.
fn curve(pixels: &Pixels) -> String {
    if pixels.thresholds.is_empty() {
        return String::new();
    }
    let mut text = "\n    threshold  active: mean  half of the events  99 %   most".to_owned();
    for at in &pixels.thresholds {
        let threshold = format!("{:.4}", at.threshold);
        let (mean, half, most) = (at.mean(), at.not_exceeded(500), at.not_exceeded(1000));
        let _ = write!(text, "\n  {threshold:>11}  {mean:>12.1}  {half:>18}  {:>4}  {most:>5}", at.not_exceeded(990));
        text += if at.is_chosen { "  the model's" } else { "" };
    }
    text
}

fn percent(part: u64, of: u64) -> f64 {
    if of == 0 { 0.0 } else { 100.0 * part as f64 / of as f64 }
}
