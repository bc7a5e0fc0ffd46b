//! Stage 9: proof that the engines agree with each other and with Keras.

use serde::Serialize;

use crate::{
    csim::Csim,
    data,
    error::{Code, Error, Result},
    formats::FixedNetwork,
    reference::Reference,
};

/// Events made up for a self-check, and values that they may have in all: large images get fewer events.
const EVENTS: usize = 256;
const VALUES: usize = 1 << 23;

/// What a comparison found.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Comparison {
    /// Events compared.
    pub events: usize,
    /// Events with at least one output that is further off than allowed.
    pub events_different: usize,
    /// The largest difference of any output.
    pub max_abs_difference: f64,
    /// The first difference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<Difference>,
}

impl Comparison {
    /// Counts the comparison of the events that follow.
    pub fn add(&mut self, mut next: Self) {
        if let Some(first) = &mut next.first {
            first.event += self.events;
        }
        self.first = self.first.or(next.first);
        self.events += next.events;
        self.events_different += next.events_different;
        self.max_abs_difference = self.max_abs_difference.max(next.max_abs_difference);
    }

    /// An error if any event differs; `found` and `expected` name the two sides.
    ///
    /// # Errors
    /// [`Code::OutputsDiffer`].
    pub fn require_equal(&self, model: &str, found: &str, expected: &str) -> Result {
        let Some(first) = self.first else { return Ok(()) };
        let message = format!(
            "{model}: {found} differs from {expected} in {} of {} events; first in event {}, output {}: {} where {expected} has {}",
            self.events_different, self.events, first.event, first.output, first.found, first.expected
        );
        let help = match expected {
            "Keras" => "is the golden file made from this model, with float32 on a CPU, and are its inputs on the input grid?",
            _ => "this is a bug in cargo-sparsehls or in the C++ compiler; please report it with the model",
        };
        Err(Error::new(Code::OutputsDiffer, message).help(help))
    }
}

/// One output that differs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
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

/// Compares `found` with `expected`, `outputs` values an event; a difference of up to `tolerance` is none.
pub fn compare(found: &[f32], expected: &[f64], outputs: usize, tolerance: f64) -> Comparison {
    let mut result = Comparison::default();
    for (event, (found, expected)) in found.chunks(outputs.max(1)).zip(expected.chunks(outputs.max(1))).enumerate() {
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

/// Runs made-up events and `golden` (mantissas) through reference and simulation.
///
/// # Errors
/// [`CsimFailed`](crate::Code::CsimFailed).
pub fn self_check(network: &FixedNetwork, csim: &Csim, golden: &[i64]) -> Result<Comparison> {
    let inputs = [&made_up(network, (VALUES / network.input_len().max(1)).clamp(16, EVENTS))[..], golden].concat();
    let expected = Reference::new(network).run_all(&inputs);
    let found = csim.run(&inputs)?;
    let mut result = Comparison::default();
    let outputs = network.output_len().max(1);
    let as_floats = |mantissas: &[i64]| data::to_floats(mantissas, network);
    for (event, (found, expected)) in found.chunks(outputs).zip(expected.chunks(outputs)).enumerate() {
        result.events += 1;
        if let Some(output) = (0..outputs).find(|&at| found[at] != expected[at]) {
            result.events_different += 1;
            let (found, expected) =
                (as_floats(&found[output..=output])[0].into(), as_floats(&expected[output..=output])[0].into());
            result.max_abs_difference = result.max_abs_difference.max(f64::abs(found - expected));
            result.first.get_or_insert(Difference { event, output, found, expected });
        }
    }
    Ok(result)
}

/// Inputs that find faults: all zero, all at an extreme, one pixel, alternating; then random ones from nearly empty to
/// full. Always the same.
pub fn made_up(network: &FixedNetwork, events: usize) -> Vec<i64> {
    let range = network.input.format.interval();
    let (lo, hi) = (range.lo as i64, range.hi as i64);
    let size = network.input_len();
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
                _ if random.below(256) < density => {
                    lo.wrapping_add(random.below((hi.wrapping_sub(lo) as u64).saturating_add(1)) as i64)
                }
                _ => 0,
            });
        }
    }
    inputs
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
}
