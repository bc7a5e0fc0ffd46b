//! Sweeps the knobs of a model over the cost model.

use std::collections::BTreeSet;

use serde::Serialize;
use sparsehls_build::{
    cost::{self, Estimate},
    formats::FixedNetwork,
    manifest::{Interface, Model, Pipeline},
    plan::Plan,
};

/// Intervals that are tried, in cycles.
const INTERVALS: [u64; 20] = [1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 32, 40, 48, 64, 96, 128];

/// What a point sets in the manifest; all other knobs stay as they are there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Knobs {
    /// How layers overlap.
    pub pipeline: Pipeline,
    /// How the image enters.
    pub interface: Interface,
    /// Steps that every layer may take.
    pub interval: u64,
    /// Layers that are done in one step all the same: `interval = 1` in their tables.
    pub one_step: BTreeSet<String>,
}

/// Knobs, and what the cost model says of them.
#[derive(Debug, Clone, PartialEq, Serialize)]
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
        (model.pipeline, model.interface) = (self.pipeline, self.interface);
        model.parallel.interval = Some(self.interval);
        for options in model.layers.values_mut() {
            options.parallel.interval = None;
        }
        for layer in &self.one_step {
            model.layers.entry(layer.clone()).or_default().parallel.interval = Some(1);
        }
        model
    }
}

/// The points of the sweep that no other point beats in latency, interval and area at once; by latency, then area.
pub fn pareto(model: &Model, network: &FixedNetwork) -> Vec<Point> {
    let mut points: Vec<Point> = Vec::new();
    for interface in [Interface::Partition, Interface::Row] {
        for interval in INTERVALS {
            points.extend(from_interval(model, network, interface, interval));
        }
    }
    let function =
        Knobs { pipeline: Pipeline::Function, interface: Interface::Partition, interval: 1, one_step: BTreeSet::new() };
    points.extend(point(model, network, function).map(|(point, _)| point));
    front(points)
}

/// All layers in steps, then one layer after the other in one step, always the one that costs the least area for the
/// latency it saves.
fn from_interval(model: &Model, network: &FixedNetwork, interface: Interface, interval: u64) -> Vec<Point> {
    let mut knobs = Knobs { pipeline: Pipeline::Dataflow, interface, interval, one_step: BTreeSet::new() };
    let Some((mut best, mut in_steps)) = point(model, network, knobs.clone()) else { return Vec::new() };
    let mut points = vec![best.clone()];
    while !in_steps.is_empty() {
        let candidates = in_steps.iter().filter_map(|layer| {
            let mut knobs = knobs.clone();
            knobs.one_step.insert(layer.clone());
            let (point, left) = point(model, network, knobs)?;
            let saved = best.estimate.latency.saturating_sub(point.estimate.latency).max(1);
            let price = point.estimate.area().saturating_sub(best.estimate.area()) / saved;
            (left.len() < in_steps.len()).then_some((price, point, left))
        });
        let Some((_, next, left)) = candidates.min_by_key(|(price, ..)| *price) else { break };
        (knobs, best, in_steps) = (next.knobs.clone(), next.clone(), left);
        points.push(next);
    }
    points
}

/// The estimate of knobs, and the layers that take several steps and could take one. Nothing if the knobs do not fit.
fn point(model: &Model, network: &FixedNetwork, knobs: Knobs) -> Option<(Point, BTreeSet<String>)> {
    let model = knobs.apply(model);
    let plan = Plan::new(network, &model).ok()?;
    let estimate = cost::network(network, &plan, &model.target).total;
    let by_rows = |at: usize| at == 0 && plan.interface == Interface::Row;
    let in_steps = (network.layers.iter().zip(&plan.layers).enumerate())
        .filter(|(at, (_, plan))| plan.steps > 1 && !by_rows(*at))
        .map(|(_, (fixed, _))| fixed.layer.keras_name.clone())
        .filter(|layer| !knobs.one_step.contains(layer))
        .collect();
    Some((Point { knobs, estimate }, in_steps))
}

/// What is left when every point goes that another is as good as in all and better in something.
fn front(mut points: Vec<Point>) -> Vec<Point> {
    let key = |point: &Point| (point.estimate.latency, point.estimate.area(), point.estimate.interval);
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
        let knobs = Knobs { pipeline: Pipeline::Dataflow, interface: Interface::Row, interval, one_step: BTreeSet::new() };
        Point { knobs, estimate: Estimate { latency, luts, interval, ..Estimate::default() } }
    }

    #[test]
    fn the_front_has_what_nothing_beats() {
        let points =
            vec![point(9, 50, 4), point(10, 40, 4), point(10, 41, 4), point(12, 45, 2), point(12, 46, 3), point(10, 40, 4)];
        assert_eq!(front(points), [point(9, 50, 4), point(10, 40, 4), point(12, 45, 2)]);
    }
}
