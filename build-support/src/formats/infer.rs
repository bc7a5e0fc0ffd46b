//! One rule per op.

use std::collections::HashMap;

use super::{Active, FixedLayer, MAX_WIDTH, Table, Values, sums};
use crate::{
    error::{Code, Error, Result},
    fixed::{Format, Interval, Overflow, QuantizerFormat},
    network::{Coefficients, Conv2d, Dense, Layer, Lookup, Network, Op, Pooling2d, PoolingMode, Quantizer, Relu, Shape},
};

/// The largest table, in entries.
pub const MAX_TABLE: i128 = 1 << 16;

/// Infers the formats of every layer, for an input in `input`.
pub fn layers(network: &Network, input: Format) -> Result<Vec<FixedLayer>> {
    let mut shape = Shape::Dense(network.input_shape.clone());
    let elements = network.input_shape.iter().product();
    let mut values = Values { fraction: input.fraction, divisor: 1, intervals: vec![input.interval(); elements], active: None };
    let mut out = Vec::with_capacity(network.layers.len());
    for layer in &network.layers {
        let fixed = infer(layer, shape, values).map_err(|error| error.layer(&layer.name))?;
        shape = layer.shape.clone();
        values = fixed.output.clone();
        out.push(fixed);
    }
    match network.layers.last() {
        Some(last) if values.divisor != 1 => Err(inexact(last, values.divisor)),
        _ => Ok(out),
    }
}

fn inexact(layer: &Layer, divisor: u64) -> Error {
    Error::new(Code::InexactOutput, format!("the output is a mean, a multiple of 1/{divisor}, which no fixed-point format holds"))
        .layer(&layer.name)
        .help("end the network with a quantizer, or pool over a power of two of pixels")
}

fn infer(layer: &Layer, input_shape: Shape, input: Values) -> Result<FixedLayer> {
    let plain = |output| Ok((output, None, None));
    let (output, accumulator, table) = match &layer.op {
        Op::InputReduce { threshold } => plain(input_reduce(&input, &input_shape, *threshold)),
        Op::Quantize(quantizer) => plain(quantize(&input, &input_shape, quantizer)?),
        Op::SparseConv2d(conv) => {
            let (output, accumulator) = conv2d(&input, &input_shape, conv);
            Ok((output, Some(accumulator), None))
        }
        Op::SparseBias(bias) => plain(sparse_bias(&input, bias)?),
        Op::SparsePooling2d(pooling) => {
            let (output, accumulator) = pool(&input, &input_shape, pooling);
            Ok((output, accumulator, None))
        }
        Op::SparseFlatten => plain(flatten(&input, &input_shape)),
        Op::Relu(options) => plain(relu(&input, options)?),
        Op::Affine { scale, offset } => plain(affine(&input, scale, offset)?),
        Op::Dense(op) => {
            let (output, accumulator) = dense(&input, op)?;
            Ok((output, Some(accumulator), None))
        }
        Op::MaxMinus => plain(max_minus(&input)),
        Op::Lookup(lookup) => {
            let (output, table) = tabulate(&input, &input_shape, lookup)?;
            Ok((output, None, Some(table)))
        }
        Op::Normalize { sum, reciprocal } => {
            let (output, sum, table) = normalize(&input, sum, reciprocal)?;
            Ok((output, Some(sum), Some(table)))
        }
        Op::Reshape => plain(input.clone()),
    }?;
    if output.divisor >= 1 << 24 {
        return Err(Error::new(Code::FormatTooWide, format!("this mean has the divisor {}", output.divisor))
            .help("put a quantizer between means that follow each other"));
    }
    for format in [Some(output.format()), accumulator].into_iter().flatten() {
        check_width(format)?;
    }
    Ok(FixedLayer { layer: layer.clone(), input_shape, input, output, accumulator, table })
}

/// Mantissas are kept in 64-bit integers with a sign.
fn check_width(format: Format) -> Result {
    if format.width + u32::from(!format.signed) <= MAX_WIDTH && format.fraction.abs() <= 64 {
        return Ok(());
    }
    Err(Error::new(Code::FormatTooWide, format!("this layer needs {format}; {MAX_WIDTH} bits, sign included, are the most"))
        .help("give the layer an input quantizer, or fewer bits in training"))
}

/// The active pixels, which can be slots in a sparse value: at most one per position.
fn max_active(shape: &Shape) -> usize {
    match shape {
        Shape::Sparse { slots, height, width, .. } => (*slots).min(height * width),
        Shape::Dense(_) => 0,
    }
}

fn channels(shape: &Shape) -> usize {
    match shape {
        Shape::Sparse { channels, .. } => *channels,
        Shape::Dense(shape) => shape.last().copied().unwrap_or(1),
    }
}

fn input_reduce(input: &Values, shape: &Shape, threshold: Option<f32>) -> Values {
    let mut intervals = input.intervals[..channels(shape)].to_vec();
    if let Some(threshold) = threshold {
        // Only pixels above the threshold get in; if no pixel can, the interval is that of an empty slot.
        let floor = threshold_mantissa(threshold, input.fraction);
        let first = &mut intervals[0];
        *first = if floor >= first.hi { Interval::ZERO } else { Interval { lo: first.lo.max(floor + 1), hi: first.hi } };
    }
    Values { intervals, active: None, ..*input }
}

/// `floor(threshold * 2^fraction)`: an integer mantissa is above it exactly when the value is above the threshold.
pub fn threshold_mantissa(threshold: f32, fraction: i32) -> i128 {
    // A float32 times a power of two is exact in double precision; `as` saturates far beyond any 64-bit mantissa.
    (f64::from(threshold) * 2f64.powi(fraction)).floor() as i128
}

fn quantize(input: &Values, shape: &Shape, quantizer: &Quantizer) -> Result<Values> {
    if let Some(f) = quantizer.formats.iter().filter_map(|q| q.fraction()).find(|f| f - input.fraction >= 62) {
        return Err(Error::new(
            Code::BitsOutOfRange,
            format!("a quantizer with {f} fraction bits gets values with {}", input.fraction),
        )
        .help("constrain the quantizer's fraction bits in training, for example `fc=MinMax(-24, 24)`"));
    }
    let classes = quantizer.expand(&shape.keras());
    // A sparse value has one interval for a channel, wherever the pixel is.
    let interval_at = |at: usize| input.intervals[if matches!(shape, Shape::Sparse { .. }) { at % channels(shape) } else { at }];
    let mut results = HashMap::new();
    for (at, &class) in classes.iter().enumerate() {
        results.entry((interval_at(at), class)).or_insert_with(|| element(input, interval_at(at), quantizer, class));
    }
    let fraction = results.values().filter_map(|(_, _, kept)| *kept).max().unwrap_or(0);
    let quantized = |(at, class): (usize, &u16)| {
        let (interval, f, _) = results[&(interval_at(at), *class)];
        at_fraction(interval, f.unwrap_or(fraction), fraction)
    };
    let intervals = match shape {
        Shape::Sparse { channels, .. } => {
            let mut hulls: Vec<Option<Interval>> = vec![None; *channels];
            for (at, class) in classes.iter().enumerate() {
                let interval = quantized((at, class));
                let hull = &mut hulls[at % channels];
                *hull = Some(hull.map_or(interval, |hull| hull.hull(interval)));
            }
            hulls.into_iter().map(|hull| hull.unwrap_or(Interval::ZERO)).collect()
        }
        Shape::Dense(_) => classes.iter().enumerate().map(quantized).collect(),
    };
    Ok(Values { fraction, divisor: 1, intervals, active: input.active })
}

/// What one format makes of an interval: the mantissas at its own fraction bits, these, and how many of them matter.
fn element(input: &Values, interval: Interval, quantizer: &Quantizer, class: u16) -> (Interval, Option<i32>, Option<i32>) {
    let format = quantizer.formats[usize::from(class)];
    let quantize = |format: QuantizerFormat| {
        format.quantize_interval(interval, input.fraction, input.divisor, quantizer.rounding, quantizer.overflow)
    };
    let result = quantize(format);
    // What is always 0 has no bits, whatever its format: a traced quantizer of a silent position may say i = -23, f = 27.
    let kept = format.fraction().filter(|_| result != Interval::ZERO).map(|f| {
        let saturates = quantizer.overflow != Overflow::Wrap && result != quantize(QuantizerFormat::RoundOnly { f });
        // A finer quantizer does not make a coarse value finer, but its largest value is fine.
        if input.divisor == 1 && !saturates { f.min(input.fraction) } else { f }
    });
    (result, format.fraction(), kept)
}

/// Brings mantissas from one fraction to another; going to fewer bits drops zeros only.
fn at_fraction(interval: Interval, from: i32, to: i32) -> Interval {
    if to >= from {
        interval.shifted((to - from) as u32)
    } else {
        Interval { lo: interval.lo >> (from - to), hi: interval.hi >> (from - to) }
    }
}

fn conv2d(input: &Values, shape: &Shape, conv: &Conv2d) -> (Values, Format) {
    let Shape::Sparse { height, width, .. } = *shape else { return (input.clone(), input.format()) };
    let [rows, columns] = conv.kernel;
    let center = [(rows - 1) / 2, (columns - 1) / 2];
    let others = max_active(shape).saturating_sub(1);
    let fraction = input.fraction + conv.weights.fraction;
    let (mut intervals, mut sums_hull) = (Vec::with_capacity(conv.filters), Interval::ZERO);
    for filter in 0..conv.filters {
        let term = |row: usize, column: usize| {
            (0..conv.channels).fold(Interval::ZERO, |sum, channel| {
                let at = ((row * columns + column) * conv.channels + channel) * conv.filters + filter;
                sum.plus(input.intervals[channel].times(conv.weights.values[at].into()))
            })
        };
        // The pixel itself is there; of the others, as many as there are other slots.
        let own = term(center[0], center[1]);
        let mut hull: Option<Interval> = None;
        for (top, bottom) in sums::reachable(height, rows) {
            for (left, right) in sums::reachable(width, columns) {
                let around = (top..bottom).flat_map(|row| (left..right).map(move |column| (row, column)));
                let terms: Vec<_> = around.filter(|at| [at.0, at.1] != center).map(|(row, column)| term(row, column)).collect();
                let rest = sums::some_of(&terms, others);
                sums_hull = sums_hull.hull(rest.plus(own.hull(Interval::ZERO)));
                hull = Some(hull.map_or(own.plus(rest), |hull| hull.hull(own.plus(rest))));
            }
        }
        intervals.push(hull.unwrap_or(Interval::ZERO));
    }
    (Values { fraction, divisor: input.divisor, intervals, active: None }, Format::holding(sums_hull, fraction))
}

/// The fraction that two addends share, and the shifts that bring them there.
fn align(a: i32, b: i32) -> Result<(i32, u32, u32)> {
    let fraction = a.max(b);
    let (a, b) = ((fraction - a) as u32, (fraction - b) as u32);
    if a.max(b) > 62 {
        return Err(Error::new(Code::FormatTooWide, format!("a sum of values whose binary points are {} bits apart", a.max(b)))
            .help("give the layer an input quantizer, or fewer bits in training"));
    }
    Ok((fraction, a, b))
}

fn sparse_bias(input: &Values, bias: &Coefficients) -> Result<Values> {
    let (fraction, shift_x, shift_b) = align(input.fraction, bias.fraction)?;
    let add = |(x, &b): (&Interval, &i64)| {
        let x = x.shifted(shift_x);
        let b = (i128::from(b) << shift_b) * i128::from(input.divisor);
        // The bias goes to values that are not zero only; zero stays zero.
        let parts = [(x.lo, x.hi.min(-1)), (x.lo.max(1), x.hi)].into_iter().filter(|(lo, hi)| lo <= hi);
        let zero = (x.lo <= 0 && x.hi >= 0).then_some(Interval::ZERO);
        let parts = parts.map(|(lo, hi)| Interval { lo: lo + b, hi: hi + b });
        parts.chain(zero).reduce(Interval::hull).unwrap_or(Interval::ZERO)
    };
    let intervals = input.intervals.iter().zip(&bias.values).map(add).collect();
    Ok(Values { fraction, intervals, ..input.clone() })
}

fn pool(input: &Values, shape: &Shape, pooling: &Pooling2d) -> (Values, Option<Format>) {
    let size = pooling.pool[0] * pooling.pool[1];
    let together = size.min(max_active(shape));
    match pooling.mode {
        PoolingMode::Average => {
            let count = together as i128;
            let sum = |x: &Interval| Interval {
                lo: if x.lo < 0 { x.lo * count } else { x.lo },
                hi: if x.hi > 0 { x.hi * count } else { x.hi },
            };
            let intervals: Vec<_> = input.intervals.iter().map(sum).collect();
            let hull = intervals.iter().copied().fold(Interval::ZERO, Interval::hull);
            let twos = size.trailing_zeros();
            let divisor = input.divisor.saturating_mul((size >> twos) as u64);
            let accumulator = Format::holding(hull, input.fraction);
            (Values { fraction: input.fraction + twos as i32, divisor, intervals, active: None }, Some(accumulator))
        }
        PoolingMode::Max => {
            let full = together == size;
            let max = |x: &Interval| match (full, size) {
                (_, 1) => *x,
                (true, _) => Interval { lo: x.lo, hi: x.hi.max(0) },
                (false, _) => x.relu(),
            };
            (Values { intervals: input.intervals.iter().map(max).collect(), ..input.clone() }, None)
        }
    }
}

fn flatten(input: &Values, shape: &Shape) -> Values {
    let Shape::Sparse { height, width, channels, .. } = *shape else { return input.clone() };
    let intervals = (0..height * width * channels).map(|at| input.intervals[at % channels].hull(Interval::ZERO)).collect();
    Values { intervals, active: Some(Active { pixels: max_active(shape), channels }), ..input.clone() }
}

fn dense(input: &Values, op: &Dense) -> Result<(Values, Format)> {
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
    Ok((Values { fraction, divisor: input.divisor, intervals, active: None }, Format::holding(hull, fraction)))
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

fn relu(input: &Values, options: &Relu) -> Result<Values> {
    let limit = options.limit.unwrap_or((0, input.fraction));
    let (fraction, shift_x, shift_limit) = align(input.fraction + options.slope.unwrap_or(0) as i32, limit.1)?;
    let shift = shift_x + options.slope.unwrap_or(0);
    let limit = options.limit.map(|(limit, _)| (i128::from(limit) << shift_limit) * i128::from(input.divisor));
    let value = |x: i128| match (x < 0, options.slope) {
        (true, Some(slope)) => (x << shift) >> slope,
        (true, None) => 0,
        (false, _) => (x << shift).min(limit.unwrap_or(i128::MAX)),
    };
    let intervals = input.intervals.iter().map(|x| Interval { lo: value(x.lo), hi: value(x.hi) }).collect();
    Ok(Values { fraction, intervals, ..input.clone() })
}

fn affine(input: &Values, scale: &Coefficients, offset: &Coefficients) -> Result<Values> {
    let (fraction, shift_product, shift_offset) = align(input.fraction + scale.fraction, offset.fraction)?;
    let value = |(at, x): (usize, &Interval)| {
        let channel = at % scale.values.len();
        let offset = (i128::from(offset.values[channel]) << shift_offset) * i128::from(input.divisor);
        let product = x.times(scale.values[channel].into()).shifted(shift_product);
        product.plus(Interval { lo: offset, hi: offset })
    };
    let intervals = input.intervals.iter().enumerate().map(value).collect();
    Ok(Values { fraction, intervals, active: None, ..input.clone() })
}

fn max_minus(input: &Values) -> Values {
    let max = input.intervals.iter().map(|x| x.hi).max().unwrap_or(0);
    let intervals = input.intervals.iter().map(|x| Interval { lo: 0, hi: max - x.lo }).collect();
    Values { intervals, active: None, ..input.clone() }
}

/// Evaluates `lookup` at every mantissa that can come in.
fn tabulate(input: &Values, shape: &Shape, lookup: &Lookup) -> Result<(Values, Table)> {
    let mut range = input.interval();
    if matches!(shape, Shape::Sparse { .. }) || input.active.is_some() {
        range = range.hull(Interval::ZERO);
    }
    let entries = range.hi - range.lo + 1;
    if entries > MAX_TABLE || input.divisor != 1 {
        return Err(Error::new(
            Code::UnsupportedOption,
            format!("the table of this function would have {entries} entries; {MAX_TABLE} are the most"),
        )
        .help("quantize what goes into the function to 16 bits or fewer"));
    }
    let quantizer = &lookup.output;
    let fraction = quantizer.formats.iter().filter_map(|q| q.fraction()).max().unwrap_or(0);
    let value = |format: &QuantizerFormat, mantissa: i128| {
        let x = (mantissa as f64 * 2f64.powi(-input.fraction)) as f32;
        let y = format.quantize_weight(lookup.function.float32(x), quantizer.rounding, quantizer.overflow)?;
        y.checked_mul(1i64.checked_shl((fraction - format.fraction().unwrap_or(fraction)) as u32)?)
    };
    let columns =
        quantizer.formats.iter().map(|format| (range.lo..=range.hi).map(|m| value(format, m)).collect::<Option<Vec<i64>>>());
    let columns = columns.collect::<Option<Vec<_>>>().ok_or_else(|| {
        Error::new(Code::BitsOutOfRange, "a value of this function's table does not fit its quantizer")
            .help("use overflow_mode=\"SAT\" for the table, and fewer than 62 bits")
    })?;
    let hull = |column: &Vec<i64>, x: Interval| {
        let part = &column[(x.lo - range.lo) as usize..=(x.hi - range.lo) as usize];
        let (lo, hi) = part.iter().fold((i64::MAX, i64::MIN), |(lo, hi), &y| (lo.min(y), hi.max(y)));
        Interval { lo: lo.into(), hi: hi.into() }
    };
    let classes = quantizer.expand(&shape.keras());
    let intervals = match shape {
        Shape::Sparse { channels, .. } => {
            let mut hulls = vec![Interval::ZERO; *channels];
            for (at, &class) in classes.iter().enumerate() {
                let c = at % channels;
                hulls[c] = hulls[c].hull(hull(&columns[usize::from(class)], input.intervals[c]));
            }
            hulls
        }
        Shape::Dense(_) => {
            classes.iter().zip(&input.intervals).map(|(&class, &x)| hull(&columns[usize::from(class)], x)).collect()
        }
    };
    let output = Values { fraction, divisor: 1, intervals, active: input.active };
    Ok((output, Table { input: Format::holding(range, input.fraction), first: range.lo as i64, entries: columns }))
}

fn normalize(input: &Values, sum: &Quantizer, reciprocal: &Lookup) -> Result<(Values, Format, Table)> {
    let total = input.intervals.iter().copied().fold(Interval::ZERO, Interval::plus);
    let partial = sums::some_of(&input.intervals, input.intervals.len());
    let shape = Shape::Dense(vec![1]);
    let total = Values { intervals: vec![total], active: None, ..input.clone() };
    let (inverse, table) = tabulate(&quantize(&total, &shape, sum)?, &shape, reciprocal)?;
    let r = inverse.intervals[0];
    let product = |x: &Interval| x.times(r.lo).hull(x.times(r.hi));
    let intervals = input.intervals.iter().map(product).collect();
    let output = Values { fraction: input.fraction + inverse.fraction, divisor: input.divisor, intervals, active: None };
    Ok((output, Format::holding(partial, input.fraction), table))
}
