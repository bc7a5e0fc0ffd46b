//! Fully connected layers.

use super::{Active, Values, align, sums};
use crate::{
    error::Result,
    fixed::{Format, Interval},
    network::Dense,
};

/// A fully connected layer.
#[derive(Debug, Clone)]
pub struct FixedDense {
    /// Its weights and bias.
    pub dense: Dense,
    /// What every part of every sum is held in.
    pub accumulator: Format,
}

/// The sums of the products, of which only those of pixels that are active at once are not 0.
pub fn fix(op: &Dense, input: &Values) -> Result<(FixedDense, Values)> {
    let product = input.fraction + op.weights.fraction;
    let (fraction, shift_sum, shift_bias) = align(product, op.bias.as_ref().map_or(product, |bias| bias.fraction))?;
    let mut hull = Interval::ZERO;
    let mut intervals = Vec::with_capacity(op.rows * op.outputs);
    for (row, output) in (0..op.rows).flat_map(|row| (0..op.outputs).map(move |output| (row, output))) {
        let x = &input.intervals[row * op.inputs..(row + 1) * op.inputs];
        let weights = op.weights.values[output..].iter().step_by(op.outputs);
        let terms: Vec<Interval> = x.iter().zip(weights).map(|(x, weight)| x.times((*weight).into())).collect();
        let (sum, partial) = sum_of_terms(&terms, input.active);
        let bias = op.bias.as_ref().map_or(0, |bias| (i128::from(bias.values[output]) << shift_bias) * i128::from(input.divisor));
        let bias = Interval { lo: bias, hi: bias };
        let biased = |x: Interval| x.shifted(shift_sum).plus(bias);
        hull = hull.hull(biased(partial)).hull(partial.shifted(shift_sum)).hull(bias);
        intervals.push(biased(sum));
    }
    let output = Values { fraction, divisor: input.divisor, intervals, active: None };
    Ok((FixedDense { dense: op.clone(), accumulator: Format::holding(hull, fraction) }, output))
}

/// The interval of a sum, and the hull of all sums of a part of its terms.
fn sum_of_terms(terms: &[Interval], active: Option<Active>) -> (Interval, Interval) {
    match active {
        Some(Active { pixels, channels }) => {
            let sum_pixel = |pixel: &[Interval]| pixel.iter().copied().fold(Interval::ZERO, Interval::plus);
            let sum = sums::some_of(&terms.chunks(channels).map(sum_pixel).collect::<Vec<_>>(), pixels);
            // Within a pixel a part of the sum can exceed the whole.
            (sum, sum.hull(sums::some_of(terms, pixels.saturating_mul(channels))))
        }
        None => (terms.iter().copied().fold(Interval::ZERO, Interval::plus), sums::some_of(terms, terms.len())),
    }
}
