//! Proof that the engines agree with each other and with Keras.

mod aim;
mod edges;
mod goals;
mod places;
mod probes;
mod search;

use std::num::NonZeroUsize;

pub use self::probes::{Kind, Probes};
use crate::{
    engine::{self, Engine},
    error::{Code, Error, Result},
    float32::{Bounds, Float32},
    formats::FixedNetwork,
    mantissas::Mantissas,
    note::Note,
    parallel,
    reference::Reference,
};

/// Values that the events of a self-check may have in all, of every layer: large networks get fewer events.
const VALUES: usize = 1 << 23;
/// After so many events that differ for good, the others that differ in the same part are not looked at closely: a golden
/// file of another model costs no time, and what is found does not depend on the number of cores.
const UNEXPLAINED: usize = 16;

/// What a comparison found.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Comparison {
    /// Events compared.
    pub events: usize,
    /// Events with at least one output that is further off than allowed.
    pub events_different: usize,
    /// The largest difference of any output.
    pub max_abs_difference: f64,
    /// Events that differ from Keras, but by no more than Keras's own float32 may have rounded; they do not count as
    /// different.
    pub within_float32: usize,
    /// The largest difference in these events.
    pub float32_difference: f64,
    /// The largest bound on what float32 may have rounded, of the outputs that differ.
    pub float32_bound: f64,
    /// The first bound that says nothing, and so excuses nothing.
    pub useless_bound: Option<UselessBound>,
    /// The first difference.
    pub first: Option<Difference>,
}

impl Comparison {
    /// Counts the comparison of the events that follow.
    pub fn add(&mut self, mut next: Self) {
        if let Some(first) = &mut next.first {
            first.event += self.events;
        }
        self.first = self.first.or(next.first);
        match (&mut self.useless_bound, next.useless_bound) {
            (Some(first), Some(next)) => first.events += next.events,
            (first @ None, Some(next)) => *first = Some(UselessBound { event: next.event + self.events, ..next }),
            (_, None) => {}
        }
        self.within_float32 += next.within_float32;
        self.float32_difference = self.float32_difference.max(next.float32_difference);
        self.float32_bound = self.float32_bound.max(next.float32_bound);
        self.events += next.events;
        self.events_different += next.events_different;
        self.max_abs_difference = self.max_abs_difference.max(next.max_abs_difference);
    }

    /// What is to be said of float32: events that differ within what it explains, a bound that says nothing.
    pub fn of_float32(&self) -> Vec<String> {
        self.notes().into_iter().map(|(_, text)| text).collect()
    }

    /// The same, with names.
    pub fn notes(&self) -> Vec<(Note, String)> {
        let within = (self.within_float32 > 0).then(|| {
            let events = if self.within_float32 == 1 { "event differs" } else { "events differ" };
            let (count, most) = (self.within_float32, self.float32_difference);
            let text = format!("{count} {events} within what float32 rounding explains, at most {most:.1e}");
            (Note::Float32Rounding, text)
        });
        let useless = self.useless_bound.as_ref().map(|UselessBound { event, layer, .. }| {
            let text = format!("the bound of event {event} is larger than the output's range; layer `{layer}` makes it so");
            (Note::BoundSaysNothing, text)
        });
        within.into_iter().chain(useless).collect()
    }

    /// An error if any event differs; `found` and `expected` name the two sides.
    ///
    /// # Errors
    /// [`Code::OutputsDiffer`].
    pub fn require_equal(&self, model: &str, found: &str, expected: &str) -> Result {
        let Some(first) = self.first else { return Ok(()) };
        let mut message = format!(
            "{model}: {found} differs from {expected} in {} of {} events; first in event {}, output {}: {} where {expected} has {}",
            self.events_different, self.events, first.event, first.output, first.found, first.expected
        );
        for more in self.of_float32() {
            message += &format!("; {more}");
        }
        let help = match expected {
            "Keras" => "is the golden file made from this model, with float32 on a CPU, and are its inputs on the input grid?",
            _ => "this is a bug in cargo-sparsehls or in the C++ compiler; please report it with the model",
        };
        Err(Error::new(Code::OutputsDiffer, message).help(help))
    }
}

/// One output that differs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Difference {
    /// Which event.
    pub event: usize,
    /// Which output of it.
    pub output: usize,
    /// What the engine gave.
    pub found: f64,
    /// What it should be.
    pub expected: f64,
}

/// A bound on what float32 may have rounded that allows every value that the output can have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UselessBound {
    /// Which event, the first of them.
    pub event: usize,
    /// How many there are.
    pub events: usize,
    /// The layer that makes it so: the first in which a value may be anything.
    pub layer: String,
}

/// Compares outputs of an engine for the events `inputs` with what Keras gives. A difference of up to the network's
/// tolerance is none; one that Keras's own float32 explains is counted, and does not make an event different. An engine
/// that has not the exact outputs is excused nothing.
pub fn with_keras(float32: &Float32<'_>, inputs: &Mantissas, found: &[f32], expected: &[f64]) -> Comparison {
    let network = float32.network();
    let outputs = network.output_len();
    let can_round = float32.can_round();
    let mut result = Comparison::default();
    let events = inputs.iter().zip(found.chunks(outputs.get())).zip(expected.chunks(outputs.get()));
    for ((input, found), expected) in events {
        let mut event = compare(found, expected, outputs, network.tolerance);
        if can_round && event.events_different > 0 && result.events_different < UNEXPLAINED {
            explain(&mut event, float32, input, found, expected);
        }
        result.add(event);
    }
    result
}

/// As [`with_keras`], on all cores.
///
/// # Errors
/// None; it is the type of what [`parallel::in_order`] hands over.
pub fn all_with_keras(float32: &Float32<'_>, inputs: &Mantissas, found: &[f32], expected: &[f64]) -> Result<Comparison> {
    let network = float32.network();
    let events = engine::chunk_events(network);
    let outputs = events.get() * network.output_len().get();
    let parts = inputs.chunks(events).zip(found.chunks(outputs)).zip(expected.chunks(outputs));
    let mut parts = parts.map(|((inputs, found), expected)| (inputs, found, expected));
    let worker = |(inputs, found, expected): (Mantissas, &[f32], &[f64])| Ok(with_keras(float32, &inputs, found, expected));
    let mut result = Comparison::default();
    parallel::in_order(
        vec![worker; parallel::workers()],
        || Ok(parts.next()),
        |part| {
            result.add(part);
            Ok(())
        },
    )?;
    Ok(result)
}

/// Takes back a difference that float32 explains.
fn explain(event: &mut Comparison, float32: &Float32<'_>, input: &[i64], found: &[f32], expected: &[f64]) {
    let network = float32.network();
    let differs = |output: &usize| {
        let difference = (f64::from(found[*output]) - expected[*output]).abs();
        difference > network.tolerance || difference.is_nan()
    };
    let different: Vec<usize> = (0..found.len()).filter(differs).collect();
    let explains = |bounds: &Bounds<'_>| different.iter().all(|output| bounds.explains(*output, expected[*output]));
    let useless = |bounds: &Bounds<'_>| {
        let layer = different.iter().find_map(|output| bounds.useless(*output));
        layer.map(|layer| UselessBound { event: 0, events: 1, layer: layer.to_owned() })
    };
    let mut bounds = float32.bounds(input);
    let exact = network.outputs(bounds.exact.clone()).to_floats();
    let is_within = explains(&bounds) && found == exact;
    event.useless_bound = if is_within { useless(&bounds) } else { None };
    if event.useless_bound.is_some() {
        // A value may have wrapped; but perhaps the difference is one without that.
        let closer = float32.bounds_without_crossing(input);
        if explains(&closer) && useless(&closer).is_none() {
            (event.useless_bound, bounds) = (None, closer);
        }
    }
    event.float32_bound = different.iter().map(|output| bounds.bound(*output)).fold(0.0, f64::max);
    if is_within && event.useless_bound.is_none() {
        event.events_different = 0;
        event.first = None;
        event.within_float32 = 1;
        event.float32_difference = event.max_abs_difference;
    }
}

/// Compares `found` with `expected`, `outputs` values an event; a difference of up to `tolerance` is none.
pub fn compare(found: &[f32], expected: &[f64], outputs: NonZeroUsize, tolerance: f64) -> Comparison {
    let mut result = Comparison::default();
    for (event, (found, expected)) in found.chunks(outputs.get()).zip(expected.chunks(outputs.get())).enumerate() {
        let mut different = false;
        for (output, (&found, &expected)) in found.iter().zip(expected).enumerate() {
            let difference = (f64::from(found) - expected).abs();
            result.max_abs_difference = result.max_abs_difference.max(difference);
            if difference > tolerance || difference.is_nan() {
                different = true;
                result.first.get_or_insert(Difference { event, output, found: found.into(), expected });
            }
        }
        result.events += 1;
        result.events_different += usize::from(different);
    }
    result
}

/// Compares an engine with the reference, on the events of [`Probes`].
///
/// # Errors
/// As [`engine::run`].
pub fn self_check(engine: &dyn Engine) -> Result<Comparison> {
    let network = engine.network();
    let values = network.layers.iter().fold(network.input_len().get(), |sum, layer| sum.saturating_add(layer.layer.shape.len()));
    let inputs = Probes::new(network, (VALUES / values).max(16)).inputs;
    let mut result = Comparison::default();
    for inputs in inputs.chunks(engine::batch_events(network)) {
        result.add(same(&engine::run(engine, &inputs)?, &engine::run(&Reference::new(network), &inputs)?));
    }
    Ok(result)
}

/// Compares the outputs of two engines, which must be the same.
pub fn same(found: &Mantissas, expected: &Mantissas) -> Comparison {
    let mut result = Comparison::default();
    let float = |mantissa: i64| f64::from(expected.format().float(mantissa));
    for (event, (found, expected)) in found.iter().zip(expected).enumerate() {
        result.events += 1;
        if let Some(output) = found.iter().zip(expected).position(|(found, expected)| found != expected) {
            result.events_different += 1;
            let (found, expected) = (float(found[output]), float(expected[output]));
            result.max_abs_difference = result.max_abs_difference.max(f64::abs(found - expected));
            result.first.get_or_insert(Difference { event, output, found, expected });
        }
    }
    result
}

/// Inputs that find faults: all zero, all at an extreme, one pixel, alternating; then random ones from nearly empty to
/// full. Always the same.
pub fn made_up(network: &FixedNetwork, events: usize) -> Mantissas {
    let range = network.input.format.range();
    let (lo, hi) = (range.lo as i64, range.hi as i64);
    let size = network.input_len().get();
    let mut random = SplitMix(0x5eed);
    let mut inputs = Vec::with_capacity(events * size);
    for event in 0..events {
        // How many of 256 values are not zero.
        let density = [1, 4, 16, 48, 128, 256][event % 6];
        for at in 0..size {
            inputs.push(match event {
                0 => 0,
                1 => hi,
                2 => lo,
                3 => hi.min(1),
                4 if at % 2 == 1 => lo,
                4 => hi,
                5 if at != size - 1 => 0,
                6 if at != 0 => 0,
                5 | 6 => hi,
                _ if random.below(256) < density => random.between(lo, hi),
                _ => 0,
            });
        }
    }
    network.inputs(inputs)
}

/// Sebastiano Vigna's splitmix64: enough for test inputs, and the same everywhere.
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`, close enough to evenly.
    fn below(&mut self, end: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(end)) >> 64) as u64
    }

    /// A number from `lo` to `hi`.
    fn between(&mut self, lo: i64, hi: i64) -> i64 {
        lo.wrapping_add(self.below((hi.wrapping_sub(lo) as u64).saturating_add(1)) as i64)
    }
}
