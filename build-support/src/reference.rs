//! The golden model, an interpreter on integer mantissas.
//!
//! It shares no code with the generated C++ and works differently where it can: pixels are a list without empty slots,
//! means are exact fractions in 128-bit integers. So an error in one of the two shows as a difference.

mod sparse;

use std::thread;

use crate::{
    fixed::QuantizerFormat,
    formats::{FixedLayer, FixedNetwork, Table, Values},
    network::{Coefficients, Dense, Lookup, Op, Quantizer, Relu, Shape},
    parallel,
};

/// A value of one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Active pixels in slot order.
    Sparse {
        /// 0-based (row, column).
        positions: Vec<[u32; 2]>,
        /// The features of each pixel, one after another.
        features: Vec<i64>,
    },
    /// A dense array, row-major.
    Dense(Vec<i64>),
}

impl Value {
    /// The mantissas of the value as Keras shapes it: a dense image, zero where no pixel is active.
    pub fn to_dense(&self, shape: &Shape) -> Vec<i64> {
        match (self, shape) {
            (Self::Sparse { positions, features }, Shape::Sparse { height, width, channels, .. }) => {
                sparse::scatter(positions, features, [*height, *width], *channels)
            }
            (Self::Sparse { features, .. }, _) => features.clone(),
            (Self::Dense(values), _) => values.clone(),
        }
    }

    /// The mantissas as they are: of the active pixels of a sparse value, of all elements of a dense one.
    pub fn elements(&self) -> &[i64] {
        match self {
            Self::Sparse { features: values, .. } | Self::Dense(values) => values,
        }
    }

    /// As [`Self::elements`].
    fn into_elements(self) -> Vec<i64> {
        match self {
            Self::Sparse { features: values, .. } | Self::Dense(values) => values,
        }
    }

    /// Applies `f` to the parts of a sparse value.
    fn map_sparse(self, f: impl FnOnce(Vec<[u32; 2]>, Vec<i64>) -> Self) -> Self {
        match self {
            Self::Sparse { positions, features } => f(positions, features),
            dense @ Self::Dense(_) => dense,
        }
    }
}

/// The interpreter of a network.
#[derive(Debug)]
pub struct Reference<'a> {
    network: &'a FixedNetwork,
    /// For each layer with a quantizer: the format of every element.
    classes: Vec<Vec<u16>>,
}

impl<'a> Reference<'a> {
    /// Prepares the interpreter.
    pub fn new(network: &'a FixedNetwork) -> Self {
        let classes = network.layers.iter().map(|fixed| match &fixed.layer.op {
            Op::Quantize(quantizer) | Op::Lookup(Lookup { output: quantizer, .. }) => {
                quantizer.expand(&fixed.input_shape.keras())
            }
            _ => Vec::new(),
        });
        Self { network, classes: classes.collect() }
    }

    /// The network that is interpreted.
    pub fn network(&self) -> &'a FixedNetwork {
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
            Some((first, Op::InputReduce { threshold })) => {
                let value = sparse::input_reduce(first, *threshold, input);
                observe(first, &value);
                (value, 1)
            }
            _ => (Value::Dense(input.to_vec()), 0),
        };
        for (fixed, classes) in layers.iter().zip(&self.classes).skip(done) {
            value = step(fixed, classes, value);
            observe(fixed, &value);
        }
        value.into_elements()
    }

    /// The format index of every element of a layer of this network; empty if it has none.
    pub fn classes_of(&self, fixed: &FixedLayer) -> &[u16] {
        let mut layers = self.network.layers.iter().zip(&self.classes);
        layers.find(|(other, _)| std::ptr::eq(*other, fixed)).map_or(&[], |(_, classes)| classes)
    }

    /// As [`Self::run`], for many events one after another.
    pub fn run_each(&self, inputs: &[i64]) -> Vec<i64> {
        inputs.chunks_exact(self.network.input_len().max(1)).flat_map(|event| self.run(event)).collect()
    }

    /// As [`Self::run_each`], on all cores.
    pub fn run_all(&self, inputs: &[i64]) -> Vec<i64> {
        let size = self.network.input_len().max(1);
        let events = inputs.len() / size;
        let share = events.div_ceil(parallel::workers()).max(1) * size;
        thread::scope(|scope| {
            let parts: Vec<_> = inputs.chunks(share).map(|part| scope.spawn(move || self.run_each(part))).collect();
            // A panic of a worker goes on in the caller.
            parts.into_iter().flat_map(|part| part.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
        })
    }
}

impl FixedLayer {
    /// Active pixels of an image that goes into this input reduction with this threshold, before any is dropped.
    pub fn active_pixels(&self, threshold: Option<f32>, image: &Value) -> usize {
        match image {
            Value::Dense(image) => {
                let mut count = 0;
                sparse::active(self, threshold, image, |_, _| {
                    count += 1;
                    true
                });
                count
            }
            Value::Sparse { positions, .. } => positions.len(),
        }
    }
}

/// One op. The shapes that `network` checks make sure that each op meets the form of value it works on.
fn step(fixed: &FixedLayer, classes: &[u16], value: Value) -> Value {
    match &fixed.layer.op {
        Op::InputReduce { threshold } => sparse::input_reduce(fixed, *threshold, &value.into_elements()),
        Op::Quantize(quantizer) => {
            map(fixed, value, classes, |x, class| quantize(x, &fixed.input, quantizer, class, fixed.output.fraction))
        }
        Op::SparseConv2d(conv) => value.map_sparse(|positions, features| sparse::conv2d(conv, positions, &features)),
        Op::SparseBias(bias) => value.map_sparse(|positions, mut features| {
            sparse::bias(fixed, bias, &mut features);
            Value::Sparse { positions, features }
        }),
        Op::SparsePooling2d(pooling) => {
            value.map_sparse(|positions, features| sparse::pool(fixed, pooling, &positions, &features))
        }
        Op::SparseFlatten => Value::Dense(value.to_dense(&fixed.input_shape)),
        Op::Relu(options) => map(fixed, value, &[], |x, _| relu(fixed, options, x)),
        Op::Affine { scale, offset } => Value::Dense(affine(fixed, scale, offset, &value.into_elements())),
        Op::Dense(op) => Value::Dense(dense(fixed, op, &value.into_elements())),
        Op::MaxMinus => {
            let x = value.into_elements();
            let max = x.iter().copied().max().unwrap_or(0);
            Value::Dense(x.iter().map(|x| max - x).collect())
        }
        Op::Lookup(_) => match &fixed.table {
            Some(table) => map(fixed, value, classes, |x, class| look_up(table, class, x)),
            None => value,
        },
        Op::Normalize { sum, .. } => Value::Dense(normalize(fixed, sum, &value.into_elements())),
        Op::Reshape => value,
    }
}

/// Applies `f` to every element, with the format index of the element (0 if `classes` is empty).
fn map(fixed: &FixedLayer, value: Value, classes: &[u16], f: impl Fn(i64, u16) -> i64) -> Value {
    let class = |at: usize| classes.get(at).copied().unwrap_or(0);
    match (value, &fixed.input_shape) {
        (Value::Sparse { positions, mut features }, Shape::Sparse { width, channels, .. }) => {
            for (position, pixel) in positions.iter().zip(features.chunks_mut(*channels)) {
                let at = (position[0] as usize * width + position[1] as usize) * channels;
                for (channel, x) in pixel.iter_mut().enumerate() {
                    *x = f(*x, class(at + channel));
                }
            }
            Value::Sparse { positions, features }
        }
        (Value::Dense(values), _) => Value::Dense(values.iter().enumerate().map(|(at, &x)| f(x, class(at))).collect()),
        (other, _) => other,
    }
}

fn quantize(x: i64, input: &Values, quantizer: &Quantizer, class: u16, fraction: i32) -> i64 {
    if x == 0 {
        return 0; // in every mode, and most values of a sparse image are
    }
    let format: &QuantizerFormat = &quantizer.formats[usize::from(class)];
    let y = format.quantize(x.into(), input.fraction, input.divisor, quantizer.rounding, quantizer.overflow);
    let shift = fraction - format.fraction().unwrap_or(fraction);
    // A format finer than the values leaves zeros behind, which formats drop.
    (if shift >= 0 { y << shift } else { y >> -shift }) as i64
}

fn look_up(table: &Table, class: u16, x: i64) -> i64 {
    table.entries[usize::from(class)][(x - table.first) as usize]
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
    let limit = |(limit, f): (i64, i32)| (i128::from(limit) << (fixed.output.fraction - f)) * i128::from(fixed.input.divisor);
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

fn normalize(fixed: &FixedLayer, sum: &Quantizer, x: &[i64]) -> Vec<i64> {
    let Some(table) = &fixed.table else { return x.to_vec() };
    let format = sum.formats[0];
    let total =
        format.quantize(x.iter().sum::<i64>().into(), fixed.input.fraction, fixed.input.divisor, sum.rounding, sum.overflow);
    // A quantizer finer than the sum leaves zeros behind, which the table's index does not have.
    let drop = format.fraction().map_or(0, |f| f - table.input.fraction);
    let reciprocal = look_up(table, 0, (total >> drop) as i64);
    x.iter().map(|x| x * reciprocal).collect()
}
