//! What events do to a model: `build`, `verify`, `predict`, `profile` and `trace`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sparsehls_build::{backend::SharedLibrary, check, formats, network::Origin, profile, trace};

/// Csim against reference, on made-up and golden events. `within-float32` and `float32-difference` are of the comparison
/// of the golden events with Keras.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SelfCheck {
    /// Which model.
    pub model: String,
    /// The shared library; absent without a compiler, and if events differ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub library: Option<String>,
    /// What was found.
    #[serde(flatten)]
    pub comparison: Comparison,
}

/// An engine against Keras.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Verify {
    /// Which model.
    pub model: String,
    /// `csim` or `reference`.
    pub engine: String,
    /// The difference that counts as none: 0 unless the network ends in a float function.
    pub tolerance: f64,
    /// What happened to the inputs.
    pub grid: Grid,
    /// What was found.
    #[serde(flatten)]
    pub comparison: Comparison,
}

/// Predictions that were written.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Predict {
    /// Which model.
    pub model: String,
    /// `csim` or `reference`.
    pub engine: String,
    /// How many events.
    pub events: usize,
    /// The file.
    pub path: String,
    /// What happened to the inputs.
    pub grid: Grid,
}

/// What a comparison found.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Comparison {
    /// Events compared.
    pub events: usize,
    /// Events with at least one output that is further off than allowed.
    pub events_different: usize,
    /// The largest difference of any output.
    pub max_abs_difference: f64,
    /// Events that differ from Keras by no more than float32 rounding explains; they are not in `events-different`.
    pub within_float32: usize,
    /// The largest difference in these events, if there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub float32_difference: Option<f64>,
    /// The largest bound on what float32 rounds, of the outputs that differ, if any is not 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub float32_bound: Option<f64>,
    /// The first bound that says nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub useless_bound: Option<UselessBound>,
    /// The first difference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<Difference>,
}

/// A bound that allows every value that the output can have.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct UselessBound {
    /// The first event with one, from 0.
    pub event: usize,
    /// How many events have one.
    pub events: usize,
    /// The layer that makes it so.
    pub layer: String,
}

/// An output that differs.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Difference {
    /// Which event, from 0.
    pub event: usize,
    /// Which output of it, from 0.
    pub output: usize,
    /// What the engine gives.
    pub found: f64,
    /// What it should be.
    pub expected: f64,
}

/// What happened to input values on their way to the input grid.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Grid {
    /// Values looked at.
    pub values: u64,
    /// Values between two points of the grid.
    pub off_grid: u64,
    /// Values beyond the range of the input format.
    pub out_of_range: u64,
    /// NaN and infinities, taken as 0.
    pub not_finite: u64,
    /// Pixels that are active in Keras and not in the firmware, or the other way round.
    pub activity_changed: u64,
}

/// The counts of a data set.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Profile {
    /// Which model.
    pub model: String,
    /// Events counted.
    pub events: u64,
    /// What happened to the inputs.
    pub grid: Grid,
    /// Active pixels, if the network has an input reduction.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pixels: Option<Pixels>,
    /// The quantizers of values, in their order.
    pub quantizers: Vec<Overflows>,
}

/// Active pixels, before the input reduction drops any.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Pixels {
    /// The pixel budget.
    pub budget: usize,
    /// Pixels that are not 0 and not above the threshold.
    pub below_threshold: u64,
    /// Pixels above the threshold.
    pub active: u64,
    /// Events for each number of active pixels.
    pub histogram: BTreeMap<String, u64>,
    /// Events with more active pixels than the budget.
    pub events_over_budget: u64,
    /// Active pixels that were dropped.
    pub dropped: u64,
    /// Budgets with which so many of the events lose no pixel.
    pub budget_for_events: Budgets,
    /// Budgets that keep so many of the active pixels.
    pub budget_for_pixels: Budgets,
    /// What other thresholds would do, in ascending order.
    #[serde(default)]
    pub thresholds: Vec<AtThreshold>,
}

/// Active pixels of the events with a threshold.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AtThreshold {
    /// A pixel is active if its first channel is above it.
    pub threshold: f32,
    /// Whether it is the model's.
    pub chosen: bool,
    /// On average.
    pub mean: f64,
    /// Half of the events have no more.
    #[serde(rename = "50")]
    pub percent_50: usize,
    /// 99 % of the events have no more.
    #[serde(rename = "99")]
    pub percent_99: usize,
    /// No event has more.
    #[serde(rename = "100")]
    pub all: usize,
}

/// The smallest budgets that keep 99, 99.9 and 100 %.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Budgets {
    /// 99 %.
    #[serde(rename = "99")]
    pub percent_99: usize,
    /// 99.9 %.
    #[serde(rename = "99.9")]
    pub percent_99_9: usize,
    /// All.
    #[serde(rename = "100")]
    pub all: usize,
}

/// Values beyond the range of a quantizer.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Overflows {
    /// The op's name.
    pub name: String,
    /// Whose quantizer it is: `model`, `manifest` or `tables`.
    pub origin: String,
    /// What happens to them: `wrap`, `saturate` or `saturate-symmetric`.
    pub mode: String,
    /// Values that were quantized.
    pub values: u64,
    /// Values that were out of range after rounding.
    pub overflowed: u64,
    /// Negative values that became 0 as a ReLU makes them.
    pub clipped_at_zero: u64,
    /// Events with a value that overflowed.
    pub events: u64,
}

/// An op's values for one event.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Trace {
    /// Which model.
    pub model: String,
    /// Which event, from 0.
    pub event: usize,
    /// The Keras layer's name, with a suffix for the ops beside its main one.
    pub name: String,
    /// What kind of op it is.
    pub kind: String,
    /// Shape of the values, as in Keras: a dense image even where the firmware has slots.
    pub shape: Vec<usize>,
    /// Active pixels, in a sparse layer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active: Option<usize>,
    /// Values in the reference.
    pub reference: Vec<f64>,
    /// Values in the csim, unless a later op does this one as well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub csim: Option<Vec<f64>>,
    /// Values in Keras, at the end of a Keras layer that the dump has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keras: Option<Vec<f64>>,
    /// How far Keras may be off, if it may.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tolerance: Option<f64>,
    /// Values in which Keras differs by no more than float32 rounding explains, if there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub within_float32: Option<usize>,
    /// Values that Keras has off the input grid and that are the same on it, if there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub off_grid: Option<usize>,
    /// The first value on which they do not agree.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_difference: Option<usize>,
}

impl SelfCheck {
    /// The line for `model`.
    pub fn new(model: &str, found: &check::Comparison, library: Option<&SharedLibrary>) -> Self {
        let library = library.map(|library| library.path.display().to_string());
        Self { model: model.to_owned(), library, comparison: found.into() }
    }
}

/// A number that stands in a line only if it is not 0.
fn unless_zero<T: Default + PartialEq>(number: T) -> Option<T> {
    Some(number).filter(|number| *number != T::default())
}

impl From<&check::Comparison> for Comparison {
    fn from(found: &check::Comparison) -> Self {
        Self {
            events: found.events,
            events_different: found.events_different,
            max_abs_difference: found.max_abs_difference,
            within_float32: found.within_float32,
            float32_difference: unless_zero(found.float32_difference),
            float32_bound: unless_zero(found.float32_bound),
            useless_bound: found.useless_bound.clone().map(|bound| {
                let check::UselessBound { event, events, layer } = bound;
                UselessBound { event, events, layer }
            }),
            first: found.first.map(|first| {
                let check::Difference { event, output, found, expected } = first;
                Difference { event, output, found, expected }
            }),
        }
    }
}

impl From<formats::GridReport> for Grid {
    fn from(grid: formats::GridReport) -> Self {
        let formats::GridReport { values, off_grid, out_of_range, not_finite, activity_changed } = grid;
        Self { values, off_grid, out_of_range, not_finite, activity_changed }
    }
}

impl Profile {
    /// The line for `model`.
    pub fn new(model: &str, profile: &profile::Profile, grid: formats::GridReport) -> Self {
        Self {
            model: model.to_owned(),
            events: profile.events,
            grid: grid.into(),
            pixels: profile.pixels.as_ref().map(Pixels::from),
            quantizers: profile.quantizers.iter().map(Overflows::from).collect(),
        }
    }
}

impl From<&profile::Pixels> for Pixels {
    fn from(pixels: &profile::Pixels) -> Self {
        Self {
            budget: pixels.budget,
            below_threshold: pixels.below_threshold,
            active: pixels.active,
            histogram: pixels.histogram.iter().map(|(active, events)| (active.to_string(), *events)).collect(),
            events_over_budget: pixels.events_over_budget,
            dropped: pixels.dropped,
            budget_for_events: pixels.budgets_for_events().into(),
            budget_for_pixels: pixels.budgets_for_pixels().into(),
            thresholds: pixels.thresholds.iter().map(AtThreshold::from).collect(),
        }
    }
}

impl From<&profile::AtThreshold> for AtThreshold {
    fn from(at: &profile::AtThreshold) -> Self {
        Self {
            threshold: at.threshold,
            chosen: at.is_chosen,
            mean: at.mean(),
            percent_50: at.not_exceeded(500),
            percent_99: at.not_exceeded(990),
            all: at.not_exceeded(1000),
        }
    }
}

impl From<profile::Budgets> for Budgets {
    fn from(budgets: profile::Budgets) -> Self {
        let profile::Budgets { percent_99, percent_99_9, all } = budgets;
        Self { percent_99, percent_99_9, all }
    }
}

impl From<&profile::Overflows> for Overflows {
    fn from(counts: &profile::Overflows) -> Self {
        let origin = match counts.origin {
            Origin::Model => "model",
            Origin::Manifest => "manifest",
            Origin::Tables => "tables",
        };
        Self {
            name: counts.name.clone(),
            origin: origin.to_owned(),
            mode: counts.mode.to_owned(),
            values: counts.values,
            overflowed: counts.overflowed,
            clipped_at_zero: counts.clipped_at_zero,
            events: counts.events,
        }
    }
}

impl Trace {
    /// The line for a layer of `model`.
    pub fn new(model: &str, event: usize, layer: &trace::LayerTrace) -> Self {
        Self {
            model: model.to_owned(),
            event,
            name: layer.name.clone(),
            kind: layer.kind.to_owned(),
            shape: layer.shape.clone(),
            active: layer.active,
            reference: layer.reference.clone(),
            csim: layer.csim.clone(),
            keras: layer.keras.clone(),
            tolerance: unless_zero(layer.tolerance),
            within_float32: unless_zero(layer.within_float32),
            off_grid: unless_zero(layer.off_grid),
            first_difference: layer.first_difference,
        }
    }
}
