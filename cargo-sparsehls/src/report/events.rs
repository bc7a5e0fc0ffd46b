//! Events step by step.

use sparsehls_build::{
    formats::{FixedLayer, FixedNetwork},
    ops::{FixedOp, FixedReduce},
    reference::{Reference, Value},
};

use crate::message::report::{Event, EventLayer, Fate, Pixel};

/// Events through the reference; `keras` has the outputs of Keras, one event after another.
pub fn of<'a>(network: &FixedNetwork, inputs: impl Iterator<Item = &'a [i64]>, keras: Option<&[f64]>) -> Vec<Event> {
    let outputs = network.output_len().get();
    let keras = |event: usize| keras.and_then(|keras| keras.get(event * outputs..(event + 1) * outputs)).map(<[f64]>::to_vec);
    inputs.enumerate().map(|(at, input)| Event { event: at, keras: keras(at), ..event(network, input) }).collect()
}

fn event(network: &FixedNetwork, input: &[i64]) -> Event {
    let mut layers = Vec::new();
    let mut kept = None;
    let mantissas = Reference::new(network).run_observed(input, |fixed, value| {
        if let (FixedOp::InputReduce(reduce), Value::Sparse(pixels), None) = (&fixed.layer.op, value, &kept) {
            kept = Some((*reduce, pixels.positions.clone()));
        }
        layers.push(layer(fixed, value));
    });
    let unit = 2f64.powi(-network.input.format.fraction);
    let image: Vec<f64> = input.iter().map(|mantissa| *mantissa as f64 * unit).collect();
    let fate = |at: &[usize], first: f64| {
        let (reduce, kept) = kept.as_ref()?;
        Some(fate(reduce, first, kept.iter().any(|[row, column]| at == [*row as usize, *column as usize])))
    };
    let outputs = network.outputs(mantissas).to_floats().into_iter().map(f64::from).collect();
    Event { event: 0, input: pixels(&image, &network.input_shape, fate), layers, outputs, keras: None }
}

fn fate(reduce: &FixedReduce, first: f64, is_kept: bool) -> Fate {
    let is_active = reduce.threshold.map_or(first != 0.0, |threshold| first as f32 > threshold.value);
    match (is_kept, is_active) {
        (true, _) => Fate::Kept,
        (false, true) => Fate::OverBudget,
        (false, false) => Fate::BelowThreshold,
    }
}

/// Places with a value that is not 0. The last axis of an image has the channels of a place.
fn pixels(values: &[f64], shape: &[usize], fate: impl Fn(&[usize], f64) -> Option<Fate>) -> Vec<Pixel> {
    let (places, channels) = match shape {
        [places @ .., channels] if places.len() >= 2 => (places, *channels),
        places => (places, 1),
    };
    let index = |mut place: usize| {
        let mut at: Vec<usize> = places.iter().rev().map(|size| (place % size, place /= size).0).collect();
        at.reverse();
        at
    };
    let there = values.chunks(channels.max(1)).enumerate().filter(|(_, values)| values.iter().any(|value| *value != 0.0));
    let pixel = |(place, values): (usize, &[f64])| {
        let at = index(place);
        Pixel { fate: fate(&at, values[0]), at, values: values.to_vec() }
    };
    there.map(pixel).collect()
}

fn layer(fixed: &FixedLayer, value: &Value) -> EventLayer {
    let unit = 2f64.powi(-fixed.output.fraction) / fixed.output.divisor as f64;
    let floats = |mantissas: &[i64]| mantissas.iter().map(|mantissa| *mantissa as f64 * unit).collect::<Vec<_>>();
    let (pixels, values) = match value {
        Value::Dense(values) => (None, Some(floats(values))),
        Value::Sparse(pixels) => {
            let features = pixels.features.chunks(pixels.image.channels.max(1));
            let pixel = |(at, features): (&[u32; 2], &[i64])| Pixel {
                at: at.iter().map(|index| *index as usize).collect(),
                values: floats(features),
                fate: None,
            };
            (Some(pixels.positions.iter().zip(features).map(pixel).collect()), None)
        }
    };
    EventLayer {
        name: fixed.layer.name.clone(),
        kind: fixed.kind.to_owned(),
        format: fixed.output.describe(),
        shape: fixed.layer.shape.keras(),
        pixels,
        values,
    }
}
