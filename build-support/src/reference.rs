//! The golden model, an interpreter on integer mantissas.
//!
//! It shares no code with the generated C++ and works differently where it can: pixels are a list without empty slots,
//! means are exact fractions in 128-bit integers. So an error in one of the two shows as a difference.

mod sparse;

use crate::{
    fixed::{Dyadic, QuantizerFormat},
    formats::FixedNetwork,
    mantissas::Mantissas,
    network::{Coefficients, Dense, Quantizer, Relu, SparseShape},
    ops::{FixedAffine, FixedBias, FixedLayer, FixedNormalize, FixedOp, FixedReduce, Values},
};

/// A value of one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Active pixels of an image.
    Sparse(Pixels),
    /// A dense array, row-major.
    Dense(Vec<i64>),
}

/// The active pixels of an image, in slot order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pixels {
    /// The image they lie in.
    pub image: SparseShape,
    /// 0-based (row, column).
    pub positions: Vec<[u32; 2]>,
    /// The features of each pixel, one after another.
    pub features: Vec<i64>,
}

impl Pixels {
    /// Where the first channel of a pixel stands in the dense image.
    pub(crate) fn place(&self, [row, column]: [u32; 2]) -> usize {
        (row as usize * self.image.width + column as usize) * self.image.channels
    }

    /// For each feature, where it stands in the dense image.
    pub(crate) fn places(&self) -> impl Iterator<Item = usize> {
        self.positions.iter().flat_map(|position| (0..self.image.channels).map(|channel| self.place(*position) + channel))
    }

    /// The dense image of `features`, which are as many as this has: `T::default()` where no pixel is active.
    pub(crate) fn scatter<T: Copy + Default>(&self, features: &[T]) -> Vec<T> {
        let mut image = vec![T::default(); self.image.image_len()];
        for (position, pixel) in self.positions.iter().zip(features.chunks(self.image.channels)) {
            let at = self.place(*position);
            image[at..at + pixel.len()].copy_from_slice(pixel);
        }
        image
    }
}

impl Value {
    /// The mantissas of the value as Keras shapes it: a dense image, zero where no pixel is active.
    pub fn to_dense(&self) -> Vec<i64> {
        match self {
            Self::Sparse(pixels) => pixels.scatter(&pixels.features),
            Self::Dense(values) => values.clone(),
        }
    }

    /// The mantissas as they are: of the active pixels of a sparse value, of all elements of a dense one.
    pub fn elements(&self) -> &[i64] {
        match self {
            Self::Sparse(Pixels { features: values, .. }) | Self::Dense(values) => values,
        }
    }

    /// As [`Self::elements`].
    fn into_elements(self) -> Vec<i64> {
        match self {
            Self::Sparse(Pixels { features: values, .. }) | Self::Dense(values) => values,
        }
    }

    /// The pixels of a sparse value.
    pub(crate) fn pixels(&self) -> &Pixels {
        match self {
            Self::Sparse(pixels) => pixels,
            Self::Dense(_) => unreachable!("`ops::fix` lets a sparse op stand behind a sparse value only"),
        }
    }

    /// As [`Self::pixels`].
    fn into_pixels(self) -> Pixels {
        match self {
            Self::Sparse(pixels) => pixels,
            Self::Dense(_) => unreachable!("`ops::fix` lets a sparse op stand behind a sparse value only"),
        }
    }
}

/// The interpreter of a network.
#[derive(Debug, Clone, Copy)]
pub struct Reference<'a> {
    network: &'a FixedNetwork,
}

impl<'a> Reference<'a> {
    /// The interpreter of `network`.
    pub fn new(network: &'a FixedNetwork) -> Self {
        Self { network }
    }

    /// The network that is interpreted.
    pub(crate) fn network(&self) -> &'a FixedNetwork {
        self.network
    }

    /// The output mantissas for the input mantissas of one event.
    pub fn run(&self, input: &[i64]) -> Vec<i64> {
        self.run_observed(input, |_, _| ())
    }

    /// As [`Self::run`]; `observe` sees the value after every layer.
    pub fn run_observed(&self, input: &[i64], mut observe: impl FnMut(&FixedLayer, &Value)) -> Vec<i64> {
        let layers = &self.network.layers;
        // An image is large and its active pixels are few: it is not copied for the reduction that comes first.
        let (mut value, done) = match layers.first().map(|first| (first, &first.layer.op)) {
            Some((first, FixedOp::InputReduce(reduce))) => {
                let value = Value::Sparse(sparse::input_reduce(reduce, input));
                observe(first, &value);
                (value, 1)
            }
            _ => (Value::Dense(input.to_vec()), 0),
        };
        for fixed in &layers[done..] {
            value = step(fixed, value);
            observe(fixed, &value);
        }
        value.into_elements()
    }

    /// As [`Self::run`], for many events.
    pub fn run_each(&self, inputs: &Mantissas) -> Mantissas {
        self.network.outputs(inputs.iter().flat_map(|event| self.run(event)).collect())
    }
}

impl FixedReduce {
    /// Active pixels of an image, before any is dropped.
    pub(crate) fn active_pixels(&self, image: &[i64]) -> usize {
        let mut count = 0;
        sparse::active(self, image, |_, _| {
            count += 1;
            true
        });
        count
    }
}

/// One op.
fn step(fixed: &FixedLayer, value: Value) -> Value {
    match &fixed.layer.op {
        FixedOp::InputReduce(reduce) => Value::Sparse(sparse::input_reduce(reduce, &value.into_elements())),
        FixedOp::Quantize(quantizer) => map_places(value, |x, at| {
            quantize(x, &fixed.input, &quantizer.quantizer, quantizer.format(at), fixed.output.fraction)
        }),
        FixedOp::SparseConv2d(conv) => Value::Sparse(sparse::conv2d(&conv.conv, value.into_pixels())),
        FixedOp::SparseBias(FixedBias { bias }) => {
            let mut pixels = value.into_pixels();
            sparse::bias(fixed, bias, &mut pixels.features);
            Value::Sparse(pixels)
        }
        FixedOp::SparsePooling2d(pooling) => Value::Sparse(sparse::pool(pooling, &value.into_pixels())),
        FixedOp::SparseFlatten(_) => Value::Dense(value.to_dense()),
        FixedOp::Relu(options) => map(value, |x| relu(fixed, options, x)),
        FixedOp::Affine(FixedAffine { scale, offset }) => Value::Dense(affine(fixed, scale, offset, &value.into_elements())),
        FixedOp::Dense(op) => Value::Dense(dense(fixed, &op.dense, &value.into_elements())),
        FixedOp::MaxMinus(_) => Value::Dense(max_minus(&value.into_elements())),
        FixedOp::Lookup(lookup) => map_places(value, |x, at| lookup.table.at(lookup.classes[at], x)),
        FixedOp::Normalize(op) => Value::Dense(normalize(fixed, op, &value.into_elements())),
        FixedOp::Reshape(_) => value,
    }
}

/// Applies `f` to every element.
fn map(mut value: Value, f: impl Fn(i64) -> i64) -> Value {
    match &mut value {
        Value::Sparse(Pixels { features: values, .. }) | Value::Dense(values) => values.iter_mut().for_each(|x| *x = f(*x)),
    }
    value
}

/// Applies `f` to every element and its place in the value as Keras shapes it.
fn map_places(value: Value, f: impl Fn(i64, usize) -> i64) -> Value {
    match value {
        Value::Sparse(mut pixels) => {
            let mut features = std::mem::take(&mut pixels.features);
            features.iter_mut().zip(pixels.places()).for_each(|(x, at)| *x = f(*x, at));
            Value::Sparse(Pixels { features, ..pixels })
        }
        Value::Dense(mut values) => {
            values.iter_mut().enumerate().for_each(|(at, x)| *x = f(*x, at));
            Value::Dense(values)
        }
    }
}

fn max_minus(x: &[i64]) -> Vec<i64> {
    // Of no values there is no maximum, and nothing to take from it.
    let max = x.iter().copied().max().unwrap_or(0);
    x.iter().map(|x| max - x).collect()
}

fn quantize(x: i64, input: &Values, quantizer: &Quantizer, format: QuantizerFormat, fraction: i32) -> i64 {
    if x == 0 {
        return 0; // in every mode, and most values of a sparse image are
    }
    let y = format.quantize(x.into(), input.fraction, input.divisor, quantizer.rounding, quantizer.overflow);
    let shift = fraction - format.fraction().unwrap_or(fraction);
    // A format finer than the values leaves zeros behind, which formats drop.
    (if shift >= 0 { y << shift } else { y >> -shift }) as i64
}

fn dense(fixed: &FixedLayer, op: &Dense, x: &[i64]) -> Vec<i64> {
    let shift = fixed.output.fraction - fixed.input.fraction - op.weights.fraction;
    let bias = |at: usize| {
        op.bias.as_ref().map_or(0, |b| (b.values[at] << (fixed.output.fraction - b.fraction)) * fixed.input.divisor as i64)
    };
    let mut outputs = Vec::with_capacity(op.rows * op.outputs);
    for row in x.chunks(op.inputs) {
        let mut sums = vec![0i64; op.outputs];
        for (&x, weights) in row.iter().zip(op.weights.values.chunks(op.outputs)) {
            if x != 0 {
                sums.iter_mut().zip(weights).for_each(|(sum, weight)| *sum += x * weight);
            }
        }
        outputs.extend(sums.iter().enumerate().map(|(at, sum)| (sum << shift) + bias(at)));
    }
    outputs
}

fn relu(fixed: &FixedLayer, options: &Relu, x: i64) -> i64 {
    let shift = fixed.output.fraction - fixed.input.fraction;
    let wide = i128::from(x) << shift;
    let limit = |limit: Dyadic| limit.at(fixed.output.fraction) * i128::from(fixed.input.divisor);
    let y = match options.slope {
        Some(slope) if x < 0 => wide >> slope,
        _ => wide.max(0).min(options.limit.map_or(i128::MAX, limit)),
    };
    y as i64
}

fn affine(fixed: &FixedLayer, scale: &Coefficients, offset: &Coefficients, x: &[i64]) -> Vec<i64> {
    let shift = fixed.output.fraction - fixed.input.fraction - scale.fraction;
    let shift_offset = fixed.output.fraction - offset.fraction;
    let channels = scale.values.len();
    let value = |(at, x): (usize, &i64)| {
        let product = (x * scale.values[at % channels]) << shift;
        product + (offset.values[at % channels] << shift_offset) * fixed.input.divisor as i64
    };
    x.iter().enumerate().map(value).collect()
}

fn normalize(fixed: &FixedLayer, op: &FixedNormalize, x: &[i64]) -> Vec<i64> {
    let FixedNormalize { sum, reciprocal: table, .. } = op;
    let format = sum.formats[0];
    let total =
        format.quantize(x.iter().sum::<i64>().into(), fixed.input.fraction, fixed.input.divisor, sum.rounding, sum.overflow);
    // A quantizer finer than the sum leaves zeros behind, which the table's index does not have. A sum that is always zero has
    // any fraction.
    let drop = format.fraction().map_or(0, |f| (f - table.input.fraction).max(0));
    let reciprocal = table.at(0, (total >> drop) as i64);
    x.iter().map(|x| x * reciprocal).collect()
}
