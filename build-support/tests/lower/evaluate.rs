//! A design computed from its numbers alone, on wide integers. Nothing here knows the network that it was made of: what a
//! backend has to know is in the design. Every number is held against the bits that the design gives it.

use sparsehls_build::{
    fixed::{Format, Overflow, Rounding},
    lower::{Design, Work},
    network::SparseShape,
    ops::{
        AffineKernel, BiasKernel, By, Condition, Conv2dKernel, DenseKernel, FlattenKernel, FormatChoice, IndexedTable, Kernel,
        Layout, LimitedReluKernel, LookUpKernel, NormalizeKernel, Pool, PoolingKernel, QuantizeKernel, Quotient, ReduceKernel,
        Sums, Value as Kind,
    },
};

/// A value of one event: its elements and, if it is sparse, the row and column of each slot, from 1; (0, 0) is an empty one.
#[derive(Debug, Clone)]
struct Value {
    elements: Vec<i128>,
    slots: Vec<[usize; 2]>,
}

/// The outputs of one event.
pub fn run(design: &Design, input: &[i64]) -> Vec<i64> {
    let mut values: Vec<Option<Value>> = vec![None; design.values.len()];
    let input = Value { elements: input.iter().copied().map(i128::from).collect(), slots: Vec::new() };
    values[design.input.0] = Some(input);
    for at in design.processes.iter().flat_map(|process| &process.layers) {
        let layer = &design.layers[*at];
        let Work::Kernel(kernel) = &layer.work else { panic!("{} has no kernel", layer.id) };
        let around = Around { design, input: design.value(layer.reads), output: design.value(layer.writes) };
        let result = around.kernel(kernel, values[layer.reads.0].as_ref().expect("written before it is read"));
        check(&result, around.output, &layer.id);
        values[layer.writes.0] = Some(result);
    }
    let output = values[design.output.0].take().expect("the output is written");
    output.elements.iter().map(|x| i64::try_from(*x).unwrap()).collect()
}

/// Every element is in its range and its format, and every coordinate in its bits.
fn check(value: &Value, kind: &Kind, layer: &str) {
    let sparse = match &kind.layout {
        Layout::Sparse(layout) => Some(layout),
        Layout::Dense(_) => None,
    };
    assert_eq!(
        (value.elements.len(), value.slots.len()),
        (kind.size(), sparse.map_or(0, |layout| layout.shape.slots)),
        "{layer}"
    );
    for (at, x) in value.elements.iter().enumerate() {
        holds(kind.format, *x);
        match sparse.map(|layout| layout.shape.channels) {
            Some(channels) if value.slots[at / channels] == [0, 0] => assert_eq!(*x, 0, "{layer}: an empty slot"),
            channels => {
                let range = kind.ranges[channels.map_or(at, |channels| at % channels) % kind.ranges.len()];
                assert!((range.lo..=range.hi).contains(x), "{layer}: {x} is not in {range:?}");
            }
        }
    }
    let Some(layout) = sparse else { return };
    value.slots.iter().flatten().for_each(|coordinate| fits(layout.coordinate_bits, *coordinate));
    let active: Vec<_> = value.slots.iter().take_while(|slot| slot[0] != 0).collect();
    let is_ordered = active.is_sorted() && value.slots[active.len()..].iter().all(|slot| slot[0] == 0);
    assert!(is_ordered || !layout.is_ordered, "{layer}: slots out of order");
}

/// `x`, which `format` holds.
fn holds(format: Format, x: i128) -> i128 {
    let range = format.range();
    assert!((range.lo..=range.hi).contains(&x), "{format:?} does not hold {x}");
    x
}

fn fits(bits: u32, x: usize) {
    assert!(x < 1 << bits, "{bits} bits do not hold {x}");
}

/// Rounds `x` with `from` fraction bits to `format`.
fn round(x: i128, from: i32, format: Format, rounding: Rounding, overflow: Overflow) -> i128 {
    let rounded = match format.fraction - from {
        finer @ 0.. => x << finer,
        coarser => rounding.divide(x, 1 << -coarser),
    };
    let range = format.range();
    match overflow {
        Overflow::Wrap => (rounded - range.lo).rem_euclid(range.hi - range.lo + 1) + range.lo,
        Overflow::Saturate => rounded.clamp(range.lo, range.hi),
        Overflow::SaturateSymmetric => rounded.clamp(if format.signed { -range.hi } else { 0 }, range.hi),
    }
}

/// `x` with other fraction bits, which loses nothing.
fn moved(x: i128, from: i32, to: i32) -> i128 {
    if to >= from {
        return x << (to - from);
    }
    assert_eq!(x >> (from - to) << (from - to), x, "bits are lost");
    x >> (from - to)
}

fn divide(q: &Quotient, x: i128) -> i128 {
    let shifted = (holds(q.shifted, x << q.left)) >> q.right;
    let lost = shifted << q.right != x << q.left;
    let numerator = u128::try_from(holds(q.shifted, shifted + q.offset)).unwrap();
    assert!(numerator < 1 << q.numerator_bits && q.multiplier < 1 << q.multiplier_bits);
    let product = numerator * q.multiplier;
    assert!(product < 1 << q.product_bits);
    let whole = product >> q.shift;
    let rest = lost || whole * u128::from(q.divisor) != numerator;
    holds(q.format, 2 * (whole as i128 - q.offset_quotient) + i128::from(rest))
}

/// The index of the format of an element: of a channel of a pixel of an image of this width and these channels, if it is one.
fn chosen(choice: &FormatChoice, at: usize, pixel: Option<([usize; 2], SparseShape)>) -> usize {
    let index = match (&choice.by, pixel) {
        (By::Nothing, _) => 0,
        (By::Channel(indices), Some((_, shape))) => indices[at % shape.channels],
        (By::Pixel(indices), Some(([row, column], shape))) => {
            indices[((row - 1) * shape.width + column - 1) * shape.channels + at % shape.channels]
        }
        (By::Element(indices), None) => indices[at],
        (by, _) => panic!("{by:?} of another layout"),
    };
    fits(choice.index_bits, index.into());
    index.into()
}

fn read(table: &IndexedTable, format: usize, x: i128) -> i128 {
    let index = usize::try_from(x - i128::from(table.first)).expect("a value below the first entry");
    fits(table.index_bits, index);
    assert!(format < table.formats && index < table.entries);
    table.values[format * table.entries + index].into()
}

/// The mantissas with the sum of `terms`, one after another, shifted and with a bias.
fn sum(sums: &Sums, output: usize, terms: impl Iterator<Item = i128>) -> i128 {
    let total = terms.fold(0, |sum, term| holds(sums.accumulator, sum + term));
    let shifted = holds(sums.accumulator, total << sums.shift);
    holds(sums.accumulator, shifted + i128::from(sums.biases.values[output]))
}

/// A kernel's values.
struct Around<'a> {
    design: &'a Design,
    input: &'a Kind,
    output: &'a Kind,
}

impl Around<'_> {
    fn kernel(&self, kernel: &Kernel, x: &Value) -> Value {
        let dense = |elements| Value { elements, slots: Vec::new() };
        match kernel {
            Kernel::InputReduce(reduce) => input_reduce(reduce, x),
            Kernel::SparseQuantize(quantize) => {
                self.each(x, Some(quantize.shape), |x, at, pixel| self.quantize(&quantize.quantizer, x, at, pixel))
            }
            Kernel::DenseQuantize(quantizer) => self.each(x, None, |x, at, pixel| self.quantize(quantizer, x, at, pixel)),
            Kernel::Conv2d(conv) => conv2d(conv, x),
            Kernel::SparseBias(bias) => self.each(x, Some(bias.shape), |x, at, _| sparse_bias(bias, x, at)),
            Kernel::Pooling2d(pooling) => pooling2d(pooling, x),
            Kernel::Flatten(flatten) => dense(self.flat(flatten, x)),
            Kernel::LookUpDense(op) => dense(self.look_up_dense(op, x)),
            Kernel::Dense(op) => dense(fully_connected(op, &x.elements)),
            Kernel::Affine(affine) => self.each(x, None, |x, at, _| scaled(affine, x, at)),
            Kernel::Relu(_) => self.each(x, self.shape(), |x, _, _| x.max(0)),
            Kernel::LimitedRelu(relu) => self.each(x, self.shape(), |x, _, _| limited(relu, x)),
            Kernel::MaxMinus(op) => {
                let largest = x.elements.iter().max().unwrap();
                self.each(x, None, |x, _, _| holds(op.difference, largest - x))
            }
            Kernel::Lookup(lookup) => {
                self.each(x, self.shape(), |x, at, pixel| read(&lookup.table, chosen(&lookup.choice, at, pixel), x))
            }
            Kernel::Normalize(op) => dense(self.normalize(op, &x.elements)),
            Kernel::Copy { elements } => {
                assert_eq!(x.elements.len(), *elements);
                x.clone()
            }
        }
    }

    /// The shape of a sparse input.
    fn shape(&self) -> Option<SparseShape> {
        match &self.input.layout {
            Layout::Sparse(layout) => Some(layout.shape),
            Layout::Dense(_) => None,
        }
    }

    /// Applies `f` to every element, with its pixel if the value is sparse; those of empty slots stay zero.
    fn each(
        &self,
        x: &Value,
        shape: Option<SparseShape>,
        f: impl Fn(i128, usize, Option<([usize; 2], SparseShape)>) -> i128,
    ) -> Value {
        assert_eq!(shape, self.shape(), "a kernel for another value");
        let element = |(at, feature): (usize, &i128)| match shape {
            None => f(*feature, at, None),
            Some(shape) => match x.slots[at / shape.channels] {
                [0, 0] => 0,
                pixel => f(*feature, at, Some((pixel, shape))),
            },
        };
        Value { elements: x.elements.iter().enumerate().map(element).collect(), slots: x.slots.clone() }
    }

    fn quantize(&self, quantizer: &QuantizeKernel, x: i128, at: usize, pixel: Option<([usize; 2], SparseShape)>) -> i128 {
        self.quantized(quantizer, x, self.input, self.output, chosen(&quantizer.choice, at, pixel))
    }

    /// What becomes of `x` of `input` as an element of `output`, with one of the formats.
    fn quantized(&self, quantizer: &QuantizeKernel, x: i128, input: &Kind, output: &Kind, format: usize) -> i128 {
        let Some(format) = quantizer.formats[format] else { return 0 };
        let (x, from) = match &quantizer.quotient {
            Some(quotient) => (divide(quotient, x), quotient.format.fraction),
            None => {
                assert_eq!(input.divisor, 1, "a mean that nothing divides");
                (x, input.format.fraction)
            }
        };
        moved(round(x, from, format, quantizer.rounding, quantizer.overflow), format.fraction, output.format.fraction)
    }

    fn flat(&self, flatten: &FlattenKernel, x: &Value) -> Vec<i128> {
        let channels = flatten.shape.channels;
        let mut image = vec![0; flatten.shape.image_len()];
        for (slot, pixel) in x.slots.iter().zip(x.elements.chunks(channels)) {
            let Some(position) = position(*slot, flatten.shape, flatten.position_bits) else { continue };
            for (channel, x) in pixel.iter().enumerate() {
                let element = position * channels + channel;
                fits(flatten.element_bits, element);
                image[element] = match &flatten.quantizer {
                    Some(quantizer) => self.quantize(quantizer, *x, element, None),
                    None => *x,
                };
            }
        }
        image.into_iter().map(|x| holds(flatten.element, x)).collect()
    }

    fn look_up_dense(&self, op: &LookUpKernel, x: &Value) -> Vec<i128> {
        let multiplied = self.design.value(op.multiplied);
        let channels = op.shape.channels;
        let element = |at: usize| {
            let position = position(x.slots[at / channels], op.shape, op.position_bits)?;
            let element = position * channels + at % channels;
            fits(op.element_bits, element);
            let x = match &op.quantizer {
                Some(quantizer) => {
                    let format = chosen(&quantizer.choice, element, None);
                    self.quantized(quantizer, x.elements[at], self.input, multiplied, format)
                }
                None => x.elements[at],
            };
            Some((element, holds(multiplied.format, x)))
        };
        let elements: Vec<_> = (0..x.elements.len()).filter_map(element).collect();
        let weight = |element: usize, output: usize| i128::from(op.sums.weights.values[element * op.outputs + output]);
        let terms = |output| elements.iter().map(move |(element, x)| weight(*element, output) * x);
        (0..op.outputs).map(|output| sum(&op.sums, output, terms(output))).collect()
    }

    fn normalize(&self, op: &NormalizeKernel, x: &[i128]) -> Vec<i128> {
        let total = x.iter().fold(0, |sum, x| holds(op.accumulator, sum + x));
        let rounded = round(total, op.accumulator.fraction, op.rounded, op.rounding, op.overflow);
        let index = holds(op.index, moved(rounded, op.rounded.fraction, op.index.fraction));
        let reciprocal = holds(op.reciprocal, read(&op.table, 0, index));
        assert_eq!(self.input.format.fraction + op.reciprocal.fraction, self.output.format.fraction);
        x.iter().map(|x| holds(op.product, x * reciprocal)).collect()
    }
}

fn input_reduce(reduce: &ReduceKernel, image: &Value) -> Value {
    let SparseShape { slots, height, width, channels } = reduce.shape;
    let is_active = |pixel: &[i128]| match reduce.active {
        Condition::NotZero => pixel[0] != 0,
        Condition::Above { least, .. } => least.is_some_and(|least| pixel[0] >= least),
    };
    let (mut elements, mut filled) = (Vec::new(), Vec::new());
    for (at, pixel) in image.elements.chunks(channels).enumerate().filter(|(_, pixel)| is_active(pixel)).take(slots) {
        elements.extend_from_slice(pixel);
        filled.push([at / width + 1, at % width + 1]);
    }
    fits(reduce.count_bits, height * width);
    fits(reduce.rank_bits, width);
    fits(reduce.column_bits, width);
    elements.resize(slots * channels, 0);
    filled.resize(slots, [0, 0]);
    Value { elements, slots: filled }
}

fn conv2d(conv: &Conv2dKernel, x: &Value) -> Value {
    let SparseShape { slots, channels, .. } = conv.shape;
    let tap = |p: usize, q: usize| {
        let axis = |axis: usize| {
            let tap = x.slots[q][axis] as i128 - x.slots[p][axis] as i128 + (conv.kernel[axis] as i128 - 1) / 2;
            usize::try_from(holds(conv.difference, tap)).ok().filter(|tap| *tap < conv.kernel[axis])
        };
        Some(axis(0)? * conv.kernel[1] + axis(1)?)
    };
    let mut elements = vec![0; slots * conv.filters];
    let is_active = |slot: &usize| x.slots[*slot] != [0, 0];
    for p in (0..slots).filter(is_active) {
        for (q, tap) in (0..slots).filter(is_active).filter_map(|q| Some((q, tap(p, q)?))) {
            fits(conv.tap_bits, tap);
            for (channel, filter) in (0..channels).flat_map(|channel| (0..conv.filters).map(move |filter| (channel, filter))) {
                let weight = conv.weights.values[(tap * channels + channel) * conv.filters + filter];
                let product = i128::from(weight) * holds(conv.feature, x.elements[q * channels + channel]);
                let sum = &mut elements[p * conv.filters + filter];
                *sum = holds(conv.accumulator, *sum + product);
            }
        }
    }
    Value { elements, slots: x.slots.clone() }
}

fn sparse_bias(bias: &BiasKernel, x: i128, at: usize) -> i128 {
    let shifted = holds(bias.accumulator, x << bias.shift);
    let constant = holds(bias.accumulator, bias.biases.values[at % bias.shape.channels].into());
    if x == 0 { 0 } else { holds(bias.accumulator, shifted + constant) }
}

fn pooling2d(pooling: &PoolingKernel, x: &Value) -> Value {
    let SparseShape { slots, channels, .. } = pooling.shape;
    let cell = |[row, column]: [usize; 2]| {
        let cell = [row.div_ceil(pooling.window[0]), column.div_ceil(pooling.window[1])];
        (row > 0 && cell[0] <= pooling.cells[0] && cell[1] <= pooling.cells[1]).then_some(cell)
    };
    let cells: Vec<_> = x.slots.iter().map(|slot| cell(*slot)).collect();
    let mut result = Value { elements: vec![0; slots * channels], slots: vec![[0, 0]; slots] };
    for p in 0..slots {
        let Some(cell) = cells[p].filter(|cell| !cells[..p].contains(&Some(*cell))) else { continue };
        let members: Vec<usize> = (p..slots).filter(|q| cells[*q] == Some(cell)).collect();
        result.slots[p] = cell;
        for channel in 0..channels {
            let features = members.iter().map(|q| x.elements[q * channels + channel]);
            result.elements[p * channels + channel] = match pooling.pool {
                Pool::Sum { accumulator } => features.fold(0, |sum, x| holds(accumulator, sum + x)),
                Pool::Largest { count_bits, least } => {
                    fits(count_bits, members.len());
                    let largest = features.inspect(|x| assert!(*x >= least)).fold(least, i128::max);
                    if members.len() < pooling.window[0] * pooling.window[1] { largest.max(0) } else { largest }
                }
            };
        }
    }
    result
}

/// Where a pixel stands in the image, row-major from 0.
fn position([row, column]: [usize; 2], shape: SparseShape, bits: u32) -> Option<usize> {
    let position = row.checked_sub(1)? * shape.width + column;
    fits(bits, position);
    Some(position - 1)
}

fn fully_connected(op: &DenseKernel, x: &[i128]) -> Vec<i128> {
    assert_eq!(x.len(), op.rows * op.inputs);
    let weight = |input: usize, output: usize| i128::from(op.sums.weights.values[input * op.outputs + output]);
    let output = |row: &[i128], output| sum(&op.sums, output, row.iter().enumerate().map(|(input, x)| weight(input, output) * x));
    x.chunks(op.inputs).flat_map(|row| (0..op.outputs).map(move |at| output(row, at))).collect()
}

fn scaled(affine: &AffineKernel, x: i128, at: usize) -> i128 {
    let channel = at % affine.scales.values.len();
    let product = holds(affine.accumulator, i128::from(affine.scales.values[channel]) * x);
    let shifted = holds(affine.accumulator, product << affine.shift);
    let offset = holds(affine.accumulator, affine.offsets.values[channel].into());
    holds(affine.accumulator, shifted + offset)
}

fn limited(relu: &LimitedReluKernel, x: i128) -> i128 {
    let wide = holds(relu.wide, x << relu.shift);
    match relu.slope {
        Some(slope) if wide < 0 => wide >> slope,
        _ => wide.max(0).min(holds(relu.wide, relu.limit)),
    }
}
