//! Sweeps the knobs of a model over the cost model.

use std::{
    collections::BTreeSet,
    num::NonZeroUsize,
    sync::{Mutex, PoisonError},
};

use sparsehls_build::{
    Result, backend, cost,
    formats::FixedNetwork,
    manifest::{Interface, Knob, Model, Pipeline},
    parallel,
    plan::Plan,
    structure::Estimate,
};

/// Intervals that are tried, in cycles.
const INTERVALS: [usize; 20] = [1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 32, 40, 48, 64, 96, 128];

/// What a point sets in the manifest; all other knobs stay as they are there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Knobs {
    /// How layers overlap.
    pub pipeline: Pipeline,
    /// How the image enters.
    pub interface: Interface,
    /// Steps that every layer may take.
    pub interval: NonZeroUsize,
    /// Layers that are done in one step all the same: `interval = 1` in their tables.
    pub one_step: BTreeSet<String>,
}

/// Knobs, and what the cost model says of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// The knobs.
    pub knobs: Knobs,
    /// Their estimate.
    pub estimate: Estimate,
}

impl Knobs {
    /// The model with these knobs.
    pub fn apply(&self, model: &Model) -> Model {
        let mut model = model.clone();
        (model.pipeline, model.interface) = (self.pipeline, Some(self.interface));
        model.knobs.set(Knob::Interval, Some(self.interval));
        for options in model.layers.values_mut() {
            options.knobs.set(Knob::Interval, None);
        }
        for layer in &self.one_step {
            model.layers.entry(layer.clone()).or_default().knobs.set(Knob::Interval, Some(NonZeroUsize::MIN));
        }
        model
    }
}

/// Upper bounds on an estimate.
#[derive(Debug, Clone, Copy, Default)]
pub struct Bounds {
    /// Cycles from event to event.
    pub interval: Option<u64>,
    /// Cycles of an event.
    pub latency: Option<u64>,
    /// Look-up tables.
    pub luts: Option<u64>,
}

/// A bound that an estimate exceeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Miss {
    /// What is bounded, and by which flag.
    pub names: (&'static str, &'static str),
    /// The estimate.
    pub found: u64,
    /// The bound.
    pub most: u64,
}

impl Miss {
    /// By which part of the bound it is exceeded.
    pub fn excess(self) -> f64 {
        (self.found - self.most) as f64 / self.most.max(1) as f64
    }
}

impl Bounds {
    /// The bounds that `estimate` exceeds.
    pub fn missed(&self, estimate: &Estimate) -> Vec<Miss> {
        let all = [
            (("interval", "--max-interval"), estimate.initiation_interval, self.interval),
            (("latency", "--max-latency"), estimate.latency, self.latency),
            (("LUT", "--max-lut"), estimate.luts, self.luts),
        ];
        let miss = |(names, found, most): ((_, _), u64, Option<u64>)| {
            most.filter(|most| found > *most).map(|most| Miss { names, found, most })
        };
        all.into_iter().filter_map(miss).collect()
    }

    /// The point whose largest excess is smallest, which is the one with the least to give in.
    pub fn nearest<'a>(&self, points: impl IntoIterator<Item = &'a (usize, Point)>) -> Option<&'a (usize, Point)> {
        let worst = |point: &Point| self.missed(&point.estimate).into_iter().map(Miss::excess).fold(0.0, f64::max);
        points.into_iter().min_by(|(_, a), (_, b)| worst(a).total_cmp(&worst(b)))
    }
}

/// The points of the sweep that no other point beats in latency, interval and area at once; by latency, then area.
///
/// # Errors
/// None of its own: knobs that do not fit make no point.
pub fn pareto(model: &Model, network: &FixedNetwork) -> Result<Vec<Point>> {
    let sweep = Sweep { model, network, known: Mutex::default() };
    // Words and streams are what the core is wired to: they stay.
    let interfaces = match model.interface {
        Some(given @ (Interface::Packed | Interface::Stream)) => vec![given],
        _ => vec![Interface::Partition, Interface::Row],
    };
    let function_interface = interfaces.first().copied().unwrap_or(Interface::Partition);
    let starts: Vec<_> = interfaces
        .into_iter()
        .flat_map(|interface| INTERVALS.into_iter().filter_map(NonZeroUsize::new).map(move |interval| (interface, interval)))
        .collect();
    let workers = (0..parallel::workers()).map(|_| |(interface, interval)| Ok(sweep.at_interval(interface, interval))).collect();
    let (mut starts, mut points) = (starts.into_iter(), Vec::new());
    parallel::in_order(
        workers,
        || Ok(starts.next()),
        |found| {
            points.extend(found);
            Ok(())
        },
    )?;
    let function = Knobs {
        pipeline: Pipeline::Function,
        interface: function_interface,
        interval: NonZeroUsize::MIN,
        one_step: BTreeSet::new(),
    };
    points.extend(sweep.planned(&function).and_then(|planned| sweep.point(function, &planned)));
    Ok(front(points))
}

/// A sweep over the knobs of a model.
struct Sweep<'a> {
    model: &'a Model,
    network: &'a FixedNetwork,
    /// What has been estimated: many knobs come to the same plan.
    known: Mutex<Vec<(Plan, Estimate)>>,
}

/// Knobs as the model and the plan that they come to.
struct Planned {
    model: Model,
    plan: Plan,
    /// The layers that take several steps and could take one.
    in_steps: BTreeSet<String>,
}

impl Sweep<'_> {
    /// All layers in steps, then one layer after the other in one step, always the one that costs the least area for the
    /// latency it saves. Which one that is the quick estimate of the kernels' structure says; what a point is worth, the
    /// backend.
    fn at_interval(&self, interface: Interface, interval: NonZeroUsize) -> Vec<Point> {
        let mut knobs = Knobs { pipeline: Pipeline::Dataflow, interface, interval, one_step: BTreeSet::new() };
        let Some(mut best) = self.planned(&knobs) else { return Vec::new() };
        let mut points: Vec<_> = self.point(knobs.clone(), &best).into_iter().collect();
        while !best.in_steps.is_empty() {
            let now = self.quick(&best);
            let candidates = best.in_steps.iter().filter_map(|layer| {
                let mut knobs = knobs.clone();
                knobs.one_step.insert(layer.clone());
                let planned = self.planned(&knobs)?;
                let then = self.quick(&planned);
                let saved = now.latency.saturating_sub(then.latency).max(1);
                let price = then.area().saturating_sub(now.area()) / saved;
                (planned.in_steps.len() < best.in_steps.len()).then_some((price, knobs, planned))
            });
            let Some((_, next, planned)) = candidates.min_by_key(|(price, ..)| *price) else { break };
            (knobs, best) = (next, planned);
            points.extend(self.point(knobs.clone(), &best));
        }
        points
    }

    /// What knobs come to; nothing if they do not fit.
    fn planned(&self, knobs: &Knobs) -> Option<Planned> {
        let model = knobs.apply(self.model);
        let plan = backend::plan(self.network, &model).ok()?;
        let by_rows = |at: usize| at == 0 && plan.by_rows;
        let in_steps = (self.network.layers.iter().zip(&plan.layers).enumerate())
            .filter(|(at, (_, plan))| plan.steps > 1 && !by_rows(*at))
            .map(|(_, (fixed, _))| fixed.layer.keras_name.clone())
            .filter(|layer| !knobs.one_step.contains(layer))
            .collect();
        Some(Planned { model, plan, in_steps })
    }

    fn quick(&self, planned: &Planned) -> Estimate {
        cost::network(self.network, &planned.plan, &planned.model.target).total
    }

    /// The point of some knobs; nothing if the backend cannot build them.
    fn point(&self, knobs: Knobs, planned: &Planned) -> Option<Point> {
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let same = known().iter().find(|(plan, _)| *plan == planned.plan).map(|(_, estimate)| *estimate);
        if let Some(estimate) = same {
            return Some(Point { knobs, estimate });
        }
        let target = &planned.model.target;
        let estimate = backend::of(target).estimate(self.network, &planned.plan, target).ok()?.total;
        known().push((planned.plan.clone(), estimate));
        Some(Point { knobs, estimate })
    }
}

/// What is left when every point goes that another is as good as in all and better in something.
fn front(mut points: Vec<Point>) -> Vec<Point> {
    let key = |point: &Point| (point.estimate.latency, point.estimate.area(), point.estimate.initiation_interval);
    points.sort_by_key(key);
    points.dedup_by_key(|point| key(point));
    let beats = |a: &Point, b: &Point| {
        let (a, b) = (key(a), key(b));
        a != b && a.0 <= b.0 && a.1 <= b.1 && a.2 <= b.2
    };
    points.iter().filter(|point| !points.iter().any(|other| beats(other, point))).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(latency: u64, luts: u64, interval: u64) -> Point {
        let steps = NonZeroUsize::new(interval as usize).unwrap();
        let knobs = Knobs { pipeline: Pipeline::Dataflow, interface: Interface::Row, interval: steps, one_step: BTreeSet::new() };
        Point { knobs, estimate: Estimate { latency, luts, initiation_interval: interval, ..Estimate::default() } }
    }

    #[test]
    fn the_front_has_what_nothing_beats() {
        let points =
            vec![point(9, 50, 4), point(10, 40, 4), point(10, 41, 4), point(12, 45, 2), point(12, 46, 3), point(10, 40, 4)];
        assert_eq!(front(points), [point(9, 50, 4), point(10, 40, 4), point(12, 45, 2)]);
    }

    #[test]
    fn the_nearest_point_gives_in_least() {
        let points: Vec<_> = (1..).zip([point(10, 900, 1), point(20, 300, 2), point(40, 100, 8)]).collect();
        let bounds = Bounds { interval: None, latency: Some(15), luts: Some(200) };
        let (number, point) = bounds.nearest(&points).unwrap();
        let missed: Vec<_> = bounds.missed(&point.estimate).iter().map(|miss| (miss.names.1, miss.found, miss.most)).collect();
        assert_eq!((*number, missed), (2, vec![("--max-latency", 20, 15), ("--max-lut", 300, 200)]));
        let bounds = Bounds { interval: Some(4), ..bounds };
        assert!(bounds.missed(&points[2].1.estimate).iter().any(|miss| miss.names.0 == "interval" && miss.excess() == 1.0));
        assert!(Bounds::default().missed(&points[0].1.estimate).is_empty());
    }
}
