//! Random networks, as models can have them.

use std::sync::{
    Mutex,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

use fastrand::Rng;
use sparsehls_build::{
    fixed::{Dyadic, Format, Overflow, QuantizerFormat, Rounding},
    network::{
        Coefficients, Conv2d, Dense, Function, Layer, Lookup, Network, Op, Origin, Pooling2d, PoolingMode, Quantizer, Relu,
        Shape, SparseShape,
    },
};

/// Checks the networks of `count` seeds, from SPARSEHLS_SEED on or 1, on all cores. `check` says whether the network of a seed can be
/// built, and what is wrong with it; less than a quarter may be refused, or one where there are few.
pub fn every_seed(count: u64, check: impl Fn(u64) -> Result<bool, String> + Sync) {
    let first: u64 = std::env::var("SPARSEHLS_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    let (next, refused, failures) = (AtomicU64::new(first), AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed - first >= count {
                break;
            }
            match check(seed) {
                Ok(true) => {}
                Ok(false) => _ = refused.fetch_add(1, Ordering::Relaxed),
                Err(what) => failures.lock().unwrap().push(format!("SPARSEHLS_SEED={seed}: {what}")),
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    let (failures, refused) = (failures.into_inner().unwrap(), refused.into_inner());
    println!("{refused} of {count} networks were refused");
    assert!(failures.is_empty(), "{} networks:\n{}", failures.len(), failures.join("\n"));
    assert!(refused * 4 < count.max(8) as usize, "{refused} of {count} networks were refused");
}

/// Functions that leave an empty pixel empty.
const OF_PIXELS: [Function; 7] =
    [Function::Tanh, Function::HardTanh, Function::Softsign, Function::Elu, Function::Silu, Function::Relu, Function::Linear];

/// Any others.
const OF_ELEMENTS: [Function; 5] =
    [Function::Sigmoid, Function::HardSigmoid, Function::Softplus, Function::Exp { scale: 1.0 }, Function::Exp { scale: -0.5 }];

/// A network on its way, and about what its value is: that decides which quantizers keep some of it.
struct Drawing<'a> {
    random: &'a mut Rng,
    layers: Vec<Layer>,
    shape: Shape,
    /// Bits behind the binary point.
    fraction: i32,
    /// Bits before it, about.
    integer: i32,
    /// Whether the value is a mean that has not been rounded.
    is_mean: bool,
}

/// A network, and the format of its input.
pub fn network(random: &mut Rng) -> (Network, Format) {
    let width = random.u32(1..=12);
    let input = Format { signed: random.bool(), width, fraction: random.i32(-2..=width as i32 + 2) };
    let is_sparse = random.u8(..6) > 0;
    let input_shape = match (is_sparse, random.u8(..3)) {
        (true, _) => {
            let most = *random.choice(&[3, 6, 6, 12]).unwrap();
            vec![random.usize(1..=most), random.usize(1..=most), *random.choice(&[1, 1, 2, 3]).unwrap()]
        }
        (false, 0) => vec![random.usize(1..=4), random.usize(1..=5)],
        (false, _) => vec![random.usize(1..=16)],
    };
    let mut drawing = Drawing {
        random,
        layers: Vec::new(),
        shape: Shape::Dense(input_shape.clone()),
        fraction: input.fraction,
        integer: width as i32 - input.fraction - i32::from(input.signed),
        is_mean: false,
    };
    if is_sparse {
        drawing.sparse(&input_shape);
    }
    drawing.tail();
    (Network { input_shape, layers: drawing.layers, tolerance: 0.0 }, input)
}

impl Drawing<'_> {
    fn one_in(&mut self, many: u8) -> bool {
        self.random.u8(..many) == 0
    }

    fn push(&mut self, shape: Shape, op: Op) {
        let name = format!("l{}_{}", self.layers.len(), op.kind().replace('-', "_"));
        self.shape = shape.clone();
        self.layers.push(Layer {
            keras_name: name.clone(),
            keras_class: op.kind().into(),
            id: name.clone(),
            name,
            shape,
            origin: Origin::Model,
            op,
        });
    }

    fn same(&mut self, op: Op) {
        self.push(self.shape.clone(), op);
    }

    /// From the reduction to the flattening.
    fn sparse(&mut self, image: &[usize]) {
        if self.one_in(8) {
            self.quantize(12);
        }
        let pixels = SparseShape { slots: self.random.usize(1..=12), height: image[0], width: image[1], channels: image[2] };
        // More slots than pixels come of pooling; a reduction is not given any.
        let pixels = SparseShape { slots: pixels.max_active(), ..pixels };
        let threshold = match self.random.u8(..4) {
            0 => None,
            1 => Some(0.0),
            2 => Some((self.random.f32() - 0.5) * 2f32.powi(self.integer)),
            _ => Some(self.random.f32() * 2f32.powi(self.integer - 2)),
        };
        self.push(Shape::Sparse(pixels), Op::InputReduce { threshold });
        let blocks = *self.random.choice(&[0, 1, 1, 2, 2, 3, 4]).unwrap();
        for _ in 0..blocks {
            match self.random.u8(..8) {
                0..4 => self.convolution(),
                4..7 => self.pooling(),
                _ => self.each(),
            }
            if self.one_in(3) {
                self.each();
            }
        }
        let Shape::Sparse(pixels) = self.shape.clone() else { unreachable!("nothing else was pushed") };
        let flat = if self.random.bool() { vec![pixels.image_len()] } else { self.shape.keras() };
        self.push(Shape::Dense(flat), Op::SparseFlatten);
    }

    /// Around a convolution what a layer of one has.
    fn convolution(&mut self) {
        let Shape::Sparse(pixels) = self.shape.clone() else { return };
        if self.random.u8(..3) > 0 {
            self.quantize(12);
        }
        let most = *self.random.choice(&[1, 3, 3, 5]).unwrap();
        let kernel = [self.random.usize(1..=most), self.random.usize(1..=most)];
        let kernel = if self.random.bool() { [kernel[0]; 2] } else { kernel };
        let filters = self.random.usize(1..=4);
        let taps = kernel[0] * kernel[1] * pixels.channels;
        let weights = self.coefficients(taps * filters);
        self.grew(taps.min(pixels.slots * pixels.channels), &weights);
        let op = Conv2d { kernel, channels: pixels.channels, filters, weights };
        self.push(Shape::Sparse(SparseShape { channels: filters, ..pixels }), Op::SparseConv2d(op));
        if self.one_in(4) {
            self.quantize(12);
        }
        if self.random.bool() {
            let bias = self.coefficients_near(filters);
            self.same(Op::SparseBias(bias));
        }
        if self.random.bool() {
            self.relu();
        }
    }

    fn pooling(&mut self) {
        let Shape::Sparse(pixels) = self.shape.clone() else { return };
        let size = |random: &mut Rng, size: usize| random.usize(1..=size.min(4));
        let pool = [size(self.random, pixels.height), size(self.random, pixels.width)];
        let mode = if self.random.bool() { PoolingMode::Average } else { PoolingMode::Max };
        self.is_mean |= mode == PoolingMode::Average;
        let cells = SparseShape { height: pixels.height / pool[0], width: pixels.width / pool[1], ..pixels };
        self.push(Shape::Sparse(cells), Op::SparsePooling2d(Pooling2d { mode, pool }));
    }

    /// Something for each value by itself.
    fn each(&mut self) {
        match self.random.u8(..4) {
            0 => self.relu(),
            1 => self.lookup(),
            _ => self.quantize(12),
        }
    }

    fn relu(&mut self) {
        let limit = self.one_in(3).then(|| {
            let fraction = self.fraction + self.random.i32(-3..=1);
            Dyadic { mantissa: self.random.i64(1..32), fraction }
        });
        let slope = self.one_in(3).then(|| self.random.u32(1..=4));
        self.fraction += slope.unwrap_or(0) as i32;
        self.same(Op::Relu(Relu { limit, slope }));
    }

    fn lookup(&mut self) {
        self.quantize(7);
        let is_sparse = matches!(self.shape, Shape::Sparse(_));
        let functions = if is_sparse || self.random.bool() { &OF_PIXELS[..] } else { &OF_ELEMENTS[..] };
        let function = *self.random.choice(functions).unwrap();
        self.integer = self.integer.clamp(-2, 3);
        let output = self.quantizer(8);
        self.same(Op::Lookup(Lookup { function, output }));
    }

    fn quantize(&mut self, most_bits: i32) {
        let quantizer = self.quantizer(most_bits);
        self.same(Op::Quantize(quantizer));
    }

    /// A quantizer of the value, which from there on has its formats.
    fn quantizer(&mut self, most_bits: i32) -> Quantizer {
        let sizes = self.shape.keras();
        let shape: Vec<usize> = match self.random.u8(..3) {
            0 => sizes.iter().map(|size| if self.random.bool() { *size } else { 1 }).collect(),
            _ => vec![1; sizes.len()],
        };
        let (integer, width) = (self.integer + self.random.i32(-3..=1), self.random.i32(1..=most_bits));
        let k = u32::from(self.random.bool());
        let count = shape.iter().product();
        let elements: Vec<_> = (0..count)
            .map(|at| match (at, count) {
                (0, _) if self.random.u8(..16) > 0 => (k, integer, width),
                (_, 1) => (k, integer, 0),
                _ if self.one_in(6) => (k, integer, 0),
                _ => (u32::from(self.random.bool()), integer + self.random.i32(-1..=1), self.random.i32(1..=most_bits)),
            })
            .map(|(k, i, width)| QuantizerFormat::live(k, i, width - k as i32 - i))
            .collect();
        let fraction = |format: &QuantizerFormat| match format {
            QuantizerFormat::Live { f, .. } => Some(*f),
            _ => None,
        };
        self.fraction = elements.iter().filter_map(fraction).max().unwrap_or(0);
        self.integer = integer;
        self.is_mean = false;
        let (rounding, _) = Rounding::ALL[self.random.usize(..Rounding::ALL.len())];
        let overflow = *self.random.choice(&[Overflow::Wrap, Overflow::Saturate, Overflow::SaturateSymmetric]).unwrap();
        Quantizer::new(&elements, shape, rounding, overflow).unwrap()
    }

    /// Weights, of which some are zero, some powers of two.
    fn coefficients(&mut self, count: usize) -> Coefficients {
        let bits = self.random.u32(1..=7);
        let zeros = *self.random.choice(&[0, 1, 3, 8]).unwrap();
        let values = (0..count)
            .map(|_| match self.random.u8(..8) {
                kind if kind < zeros => 0,
                7 => 1 << self.random.u32(..bits),
                _ => self.random.i64(-(1 << (bits - 1))..1 << (bits - 1)),
            })
            .collect();
        trimmed(values, self.random.i32(0..=8))
    }

    /// Biases, about as large as the value.
    fn coefficients_near(&mut self, count: usize) -> Coefficients {
        let bits = self.random.u32(1..=8);
        let values = (0..count).map(|_| self.random.i64(-(1 << (bits - 1))..1 << (bits - 1))).collect();
        let fraction = bits as i32 - self.integer + self.random.i32(0..=3);
        self.fraction = self.fraction.max(fraction);
        trimmed(values, fraction)
    }

    /// After the sum of products with weights.
    fn grew(&mut self, terms: usize, weights: &Coefficients) {
        let largest = weights.values.iter().map(|weight| weight.unsigned_abs()).max().unwrap_or(0);
        self.integer += (u64::BITS - largest.leading_zeros()) as i32 - weights.fraction + terms.ilog2() as i32 / 2;
        self.fraction += weights.fraction;
    }

    /// What follows on dense values.
    fn tail(&mut self) {
        let needs = usize::from(self.layers.is_empty());
        for _ in 0..needs + *self.random.choice(&[0, 1, 2, 3, 5]).unwrap() {
            match self.random.u8(..10) {
                0..4 => self.dense(),
                4 => self.affine(),
                5 => self.softmax(),
                6 => self.reshape(),
                _ => self.each(),
            }
        }
        if self.is_mean {
            self.quantize(12);
        }
    }

    fn dense(&mut self) {
        if self.random.bool() {
            self.quantize(12);
        }
        let mut shape = self.shape.keras();
        let inputs = shape.pop().unwrap();
        let (rows, outputs) = (shape.iter().product::<usize>(), self.random.usize(1..=6));
        let weights = self.coefficients(inputs * outputs);
        self.grew(inputs, &weights);
        let bias = self.random.bool().then(|| self.coefficients_near(outputs));
        shape.push(outputs);
        self.push(Shape::Dense(shape), Op::Dense(Dense { rows, inputs, outputs, weights, bias }));
    }

    fn affine(&mut self) {
        let channels = *self.shape.keras().last().unwrap();
        let scale = self.coefficients(channels);
        self.grew(1, &scale);
        let offset = self.coefficients_near(channels);
        self.same(Op::Affine { scale, offset });
    }

    fn reshape(&mut self) {
        let elements = self.shape.len();
        let sizes: Vec<_> = (1..=elements).filter(|size| elements.is_multiple_of(*size)).collect();
        let last = *self.random.choice(&sizes).unwrap();
        let shape = if self.random.bool() { vec![elements] } else { vec![elements / last, last] };
        self.push(Shape::Dense(shape), Op::Reshape);
    }

    /// A softmax, which wants a flat value that is not large.
    fn softmax(&mut self) {
        if self.shape.len() > 32 {
            return;
        }
        if self.shape.keras().len() > 1 {
            self.push(Shape::Dense(vec![self.shape.len()]), Op::Reshape);
        }
        let is_stable = self.random.u8(..3) > 0;
        if is_stable {
            if self.is_mean || self.random.bool() {
                self.quantize(10);
            }
            self.same(Op::MaxMinus);
        }
        self.quantize(7);
        let scale = self.random.f32() + 0.25;
        let function = Function::Exp { scale: if is_stable { -scale } else { scale } };
        let output = self.of_table(0..=3, 9);
        self.same(Op::Lookup(Lookup { function, output }));
        let sum = self.of_table(1..=5, 8);
        let reciprocal = Lookup { function: Function::Reciprocal, output: self.of_table(-1..=2, 8) };
        self.same(Op::Normalize { sum, reciprocal });
        (self.integer, self.fraction) = (1, 12);
    }

    /// One format without a sign.
    fn of_table(&mut self, integer: std::ops::RangeInclusive<i32>, most_bits: i32) -> Quantizer {
        let (i, width) = (self.random.i32(integer), self.random.i32(1..=most_bits));
        let format = QuantizerFormat::live(0, i, width - i);
        Quantizer::uniform(format, Rounding::HalfUp, Overflow::Saturate, 1)
    }
}

/// Values with as few bits behind the point as they allow.
fn trimmed(values: Vec<i64>, fraction: i32) -> Coefficients {
    match values.iter().fold(0, |all, value| all | value) {
        0 => Coefficients { values, fraction: 0 },
        all => {
            let zeros = all.trailing_zeros();
            Coefficients { values: values.iter().map(|value| value >> zeros).collect(), fraction: fraction - zeros as i32 }
        }
    }
}
