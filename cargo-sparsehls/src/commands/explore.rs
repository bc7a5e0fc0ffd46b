//! `cargo sparsehls explore`.

use sparsehls_build::{
    Code, Error, Firmware, Note, Result, files,
    manifest::{Interface, Knob, Model, Pipeline},
    parts,
    structure::Estimate,
    terminal,
};
use toml_edit::{DocumentMut, Item, Table, TableLike, Value, value};

use super::{load, load_one};
use crate::{
    args::{Common, ExploreArgs},
    explore::{Bounds, Knobs, Point, pareto},
    message::{self, Message},
    output::{Output, wrapped},
    plot,
};

/// Prints the Pareto front of every chosen model.
pub fn run(common: &Common, args: &ExploreArgs, output: &mut Output) -> Result {
    if let Some(path) = &args.plot {
        plot::check(path)?;
    }
    let bounds = Bounds { interval: args.max_interval, latency: args.max_latency, luts: args.max_lut };
    let one_only = args.plot.is_some() || args.apply.is_some();
    let models = if one_only { vec![load_one(common)?] } else { load(common)? };
    for firmware in &models {
        let all = pareto(&firmware.model, &firmware.network)?;
        let points = match explore(firmware, all, &bounds) {
            Ok(points) => points,
            // Nothing to draw, nor to write.
            Err(none) if one_only => return Err(Error::new(Code::NoSuchPoint, none.what).help(none.why.join("; "))),
            Err(none) => {
                output.text(&format!("{}\n  {}", none.what, none.why.join("\n  ")));
                continue;
            }
        };
        print(firmware, &points, common, output);
        if let Some(path) = &args.plot {
            plot::front(path, &firmware.model.name, &points, &firmware.estimate()?.total)?;
            output.status("Plotted", &path.display().to_string());
        }
        if let Some(number) = args.apply {
            let (_, point) = points.iter().find(|(at, _)| *at == number).ok_or_else(|| {
                let last = points.last().map_or(0, |(at, _)| *at);
                Error::new(Code::NoSuchPoint, format!("there is no point {number} within the bounds given"))
                    .help(format!("the last one of {} is {last}; `cargo sparsehls explore` lists them", firmware.model.name))
            })?;
            write_back(&firmware.model, &point.knobs)?;
            output.status("Wrote", &format!("point {number} to {}", firmware.model.manifest.display()));
        }
    }
    Ok(())
}

/// Why there are no points.
struct NoPoints {
    what: String,
    why: Vec<String>,
}

/// Those of all points that are within the bounds, with their numbers, which are those of the whole list: a number means the same point
/// with other bounds.
fn explore(firmware: &Firmware, all: Vec<Point>, bounds: &Bounds) -> Result<Vec<(usize, Point)>, NoPoints> {
    let all: Vec<_> = (1..).zip(all).collect();
    let within: Vec<_> = all.iter().filter(|(_, point)| bounds.missed(&point.estimate).is_empty()).cloned().collect();
    if within.is_empty() { Err(no_points(&firmware.model.name, bounds, &all)) } else { Ok(within) }
}

/// How close the nearest point comes to the bounds, and what to do.
fn no_points(name: &str, bounds: &Bounds, all: &[(usize, Point)]) -> NoPoints {
    let Some((number, point)) = bounds.nearest(all) else {
        let why = vec!["the knobs that the manifest gives to layers fit no interval; remove some".into()];
        return NoPoints { what: format!("{name}: there is no point"), why };
    };
    let Estimate { latency, initiation_interval: interval, luts, .. } = point.estimate;
    let knobs = describe(&point.knobs);
    let mut why = vec![format!("point {number} comes nearest: latency {latency}, interval {interval}, {luts} LUT ({knobs})")];
    for miss in bounds.missed(&point.estimate) {
        let (what, flag) = miss.names;
        let (over, percent) = (miss.found - miss.most, (miss.excess() * 100.0).ceil());
        why.push(format!("its {what} of {} is {over} ({percent} %) over `{flag} {}`", miss.found, miss.most));
    }
    why.push("give it more room, or leave out a bound".into());
    NoPoints { what: format!("{name}: no point is within the bounds given"), why }
}

fn print(firmware: &Firmware, points: &[(usize, Point)], common: &Common, output: &Output) {
    let model = &firmware.model;
    for (number, point) in points {
        output.json(&Message::Point(message::Point::new(&model.name, &model.target.part, *number, point)));
    }
    let capacity = parts::capacity(&model.target.part);
    let bram = points.iter().any(|(_, point)| point.estimate.bram18 > 0);
    let mut text = format!(
        "{}: estimated, not synthesized; {} ns clock; Pareto-optimal points\n     latency interval      LUT {}     FF   DSP{}  knobs\n",
        model.name,
        model.target.clock_period,
        if capacity.is_some() { "of part " } else { "" },
        if bram { "  BRAM" } else { "" }
    );
    for (number, Point { knobs, estimate }) in points {
        let (cycles, every) = (estimate.latency, estimate.initiation_interval);
        let mut row = format!("{number:>4} {cycles:>7} {every:>8} {:>8} ", estimate.luts);
        if let Some(percent) = capacity.and_then(|capacity| capacity.percent(&estimate.demand()).lut) {
            row += &format!("{percent:>6}% ");
        }
        row += &format!("{:>7} {:>5}", estimate.ffs, estimate.dsps);
        if bram {
            row += &format!(" {:>5}", estimate.bram18);
        }
        text += &wrapped(&format!("{row}  {}", describe(knobs)), 10);
        text.push('\n');
    }
    let packages: String = common.package.iter().map(|package| format!(" -p {}", terminal::name(package))).collect();
    text += &format!("write one into Cargo.toml with `cargo sparsehls explore{packages} --model {} --apply NUMBER`", model.name);
    output.text(&text);
    note_full(&model.name, &model.target.part, points, output);
}

/// Says of which points there may be no FPGA.
fn note_full(name: &str, part: &str, points: &[(usize, Point)], output: &Output) {
    let Some(capacity) = parts::capacity(part) else {
        return output.note(Note::PartUnknown, &format!("{name}: the capacity of {part} is not known"));
    };
    let is_full = |point: &Point| capacity.percent(&point.estimate.demand()).largest() > parts::FULL;
    let full: Vec<_> = points.iter().filter(|(_, point)| is_full(point)).map(|(number, _)| number.to_string()).collect();
    if !full.is_empty() {
        output.note(Note::PartFull, &format!("{name}: more than {} % of {part}: {}", parts::FULL, full.join(", ")));
    }
}

fn describe(knobs: &Knobs) -> String {
    let mut text = match (knobs.pipeline, knobs.interface) {
        (Pipeline::Function, _) => return "function pipeline".into(),
        (Pipeline::Dataflow, Interface::Row) => format!("rows, interval {}", knobs.interval),
        (Pipeline::Dataflow, Interface::Partition) => format!("interval {}", knobs.interval),
        (Pipeline::Dataflow, Interface::Packed) => format!("packed, interval {}", knobs.interval),
        (Pipeline::Dataflow, Interface::Stream) => format!("stream, interval {}", knobs.interval),
    };
    if !knobs.one_step.is_empty() {
        let layers: Vec<_> = knobs.one_step.iter().map(|layer| terminal::name(layer)).collect();
        text += &format!(", in one step: {}", layers.join(" "));
    }
    text
}

/// Sets the knobs in the model's table; everything else in the file stays as it is, comments too.
fn write_back(model: &Model, knobs: &Knobs) -> Result {
    let path = &model.manifest;
    let failed = |why: String| Error::new(Code::InvalidValue, why).file(path).key(model.key());
    let text = std::fs::read_to_string(path).map_err(|error| Error::io("read", path, &error))?;
    let mut document: DocumentMut = text.parse().map_err(|error| failed(format!("the manifest cannot be edited: {error}")))?;
    let mut item = document.as_item_mut();
    for key in ["package", "metadata", "sparsehls", "models", &model.name] {
        item = item.get_mut(key).ok_or_else(|| failed(format!("the manifest has no table `{}`", model.key())))?;
    }
    set(item, knobs).ok_or_else(|| failed(format!("`{}` cannot be edited: it is not a plain table", model.key())))?;
    files::write_atomically(path, |file| file.write_all(document.to_string().as_bytes()))
}

fn set(model: &mut Item, knobs: &Knobs) -> Option<()> {
    let table = model.as_table_like_mut()?;
    put(table, Pipeline::KEY, knobs.pipeline.name().into());
    put(table, Interface::KEY, knobs.interface.name().into());
    put(table, Knob::Interval.key(), i64::try_from(knobs.interval.get()).ok()?.into());
    if let Some(layers) = table.get_mut("layers") {
        let layers = layers.as_table_like_mut()?;
        for (_, layer) in layers.iter_mut() {
            layer.as_table_like_mut()?.remove(Knob::Interval.key());
        }
        let empty: Vec<String> = layers
            .iter()
            .filter(|(_, layer)| layer.as_table_like().is_some_and(|t| t.is_empty()))
            .map(|(k, _)| k.into())
            .collect();
        empty.iter().for_each(|key| drop(layers.remove(key)));
    }
    if knobs.one_step.is_empty() {
        return Some(());
    }
    let mut tables = Table::new();
    tables.set_implicit(true);
    let layers = table.entry("layers").or_insert(Item::Table(tables)).as_table_like_mut()?;
    for name in &knobs.one_step {
        let layer = layers.entry(name).or_insert(Item::Table(Table::new()));
        put(layer.as_table_like_mut()?, Knob::Interval.key(), 1.into());
    }
    Some(())
}

/// Sets a key, with the comments around it if it is there already.
fn put(table: &mut dyn TableLike, key: &str, mut new: Value) {
    match table.get_mut(key).and_then(Item::as_value_mut) {
        Some(old) => {
            *new.decor_mut() = old.decor().clone();
            *old = new;
        }
        None => drop(table.insert(key, value(new))),
    }
}
