//! Events aimed at an end of an interval: what would raise or lower a value most if the network were linear.

use crate::{
    fixed::MantissaRange,
    formats::FixedNetwork,
    network::{Conv2d, Dense, Shape, SparseShape},
    ops::{FixedLayer, FixedOp, FixedPooling2d, FixedQuantizer, FixedReduce, Pooled},
};

/// An event in which the value `at` of what layer `layer` gives is as large as can be, or as small. Values are counted as Keras shapes
/// them. `base` has the inputs on which nothing depends.
pub(super) fn event(extremes: &Extremes<'_>, layer: usize, at: usize, rises: bool, base: &[i64]) -> Vec<i64> {
    let layers = &extremes.network.layers[..=layer];
    let mut wishes = vec![0.0; layers[layer].layer.shape.keras().iter().product()];
    wishes[at] = if rises { 1.0 } else { -1.0 };
    let wishes = layers.iter().rev().fold(wishes, |wishes, fixed| before(fixed, wishes));
    extremes.grant(&wishes, origin(layers, at), base)
}

/// The pixel of the image that has to be active for a value of a sparse layer to be there.
fn origin(layers: &[FixedLayer], at: usize) -> Option<usize> {
    let image = layers.last()?.layer.shape.sparse()?;
    let cell = at / image.channels;
    let place = [cell / image.width, cell % image.width];
    let windows = layers.iter().filter_map(|fixed| match &fixed.layer.op {
        FixedOp::SparsePooling2d(op) => Some(op.pool),
        _ => None,
    });
    let [row, column] = windows.fold(place, |place, pool| [place[0] * pool[0], place[1] * pool[1]]);
    let first = layers.iter().find_map(|fixed| fixed.layer.shape.sparse())?;
    Some(row * first.width + column)
}

/// What the wishes for the output of a layer are for its input.
fn before(fixed: &FixedLayer, wishes: Vec<f64>) -> Vec<f64> {
    match (&fixed.layer.op, &fixed.input_shape) {
        (FixedOp::SparseConv2d(op), Shape::Sparse(image)) => convolution(&op.conv, *image, &wishes),
        (FixedOp::SparsePooling2d(op), Shape::Sparse(image)) => pooling(op, *image, &wishes),
        (FixedOp::Dense(op), _) => dense(&op.dense, &wishes),
        (FixedOp::Affine(op), _) => {
            let scales = op.scale.values.iter().cycle();
            wishes.iter().zip(scales).map(|(wish, scale)| wish * *scale as f64).collect()
        }
        (FixedOp::Lookup(op), _) => {
            let rises = |class: u16| {
                let entries = &op.table.entries[usize::from(class)];
                if entries.first() <= entries.last() { 1.0 } else { -1.0 }
            };
            wishes.iter().zip(&op.classes).map(|(wish, class)| wish * rises(*class)).collect()
        }
        (FixedOp::MaxMinus(_), _) => {
            // The one that is to be the largest.
            let largest = (0..wishes.len()).min_by(|a, b| wishes[*a].total_cmp(&wishes[*b])).unwrap_or(0);
            let total: f64 = wishes.iter().sum();
            let own = |(at, wish): (usize, &f64)| if at == largest { total - wish } else { -wish };
            wishes.iter().enumerate().map(own).collect()
        }
        _ => wishes,
    }
}

fn convolution(conv: &Conv2d, image: SparseShape, wishes: &[f64]) -> Vec<f64> {
    let Conv2d { kernel: [rows, columns], channels, filters, weights } = conv;
    let SparseShape { height, width, .. } = image;
    let mut result = vec![0.0; height * width * channels];
    for (pixel, wishes) in wishes.chunks(*filters).enumerate().filter(|(_, wishes)| wishes.iter().any(|wish| *wish != 0.0)) {
        for (row, column) in (0..*rows).flat_map(|row| (0..*columns).map(move |column| (row, column))) {
            let at =
                |at: usize, tap: usize, size: usize, end: usize| (at + tap).checked_sub((size - 1) / 2).filter(|at| *at < end);
            let place = at(pixel / width, row, *rows, height).zip(at(pixel % width, column, *columns, width));
            let Some((y, x)) = place else { continue };
            let taps = &weights.values[(row * columns + column) * channels * filters..];
            for (result, taps) in result[(y * width + x) * channels..].iter_mut().zip(taps.chunks(*filters)).take(*channels) {
                *result += wishes.iter().zip(taps).map(|(wish, weight)| wish * *weight as f64).sum::<f64>();
            }
        }
    }
    result
}

fn pooling(op: &FixedPooling2d, image: SparseShape, wishes: &[f64]) -> Vec<f64> {
    let [rows, columns] = op.pool;
    let SparseShape { width, channels, .. } = image;
    let mut result = vec![0.0; image.image_len()];
    for (at, wish) in wishes.iter().enumerate().filter(|(_, wish)| **wish != 0.0) {
        let (cell, channel) = (at / channels, at % channels);
        let (top, left) = (cell / op.cells.width * rows, cell % op.cells.width * columns);
        // To raise a maximum one pixel does.
        let all = op.pooled != Pooled::Max || *wish < 0.0;
        for (row, column) in
            (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column))).take(if all { rows * columns } else { 1 })
        {
            result[((top + row) * width + left + column) * channels + channel] = *wish;
        }
    }
    result
}

fn dense(dense: &Dense, wishes: &[f64]) -> Vec<f64> {
    let rows = wishes.chunks(dense.outputs);
    let input = |wishes: &[f64], weights: &[i64]| wishes.iter().zip(weights).map(|(wish, weight)| wish * *weight as f64).sum();
    rows.flat_map(|wishes| dense.weights.values.chunks(dense.outputs).map(move |weights| input(wishes, weights))).collect()
}

/// What input makes a value as small or as large as can be, by what the first quantizer does with it: it may wrap around.
pub(super) struct Extremes<'a> {
    network: &'a FixedNetwork,
    reduce: Option<FixedReduce>,
    quantizer: Option<(&'a FixedLayer, &'a FixedQuantizer)>,
    /// For each of the quantizer's formats.
    any: Vec<[i64; 2]>,
    /// The same of the values that make a pixel active.
    active: Vec<[i64; 2]>,
}

impl<'a> Extremes<'a> {
    pub fn new(network: &'a FixedNetwork) -> Self {
        let reduce = network.layers.iter().find_map(|fixed| match &fixed.layer.op {
            FixedOp::InputReduce(reduce) => Some(*reduce),
            _ => None,
        });
        // It sees the values of the input.
        let quantizer = network.layers.iter().find(|fixed| !matches!(fixed.layer.op, FixedOp::InputReduce(_)));
        let quantizer = quantizer.and_then(|fixed| match &fixed.layer.op {
            FixedOp::Quantize(op) => Some((fixed, op)),
            _ => None,
        });
        let mut extremes = Self { network, reduce, quantizer, any: Vec::new(), active: Vec::new() };
        let candidates = candidates(network.input.format.range());
        let active: Vec<i64> = candidates.iter().copied().filter(|x| extremes.is_on(*x)).collect();
        for class in 0..quantizer.map_or(1, |(_, op)| op.quantizer.formats.len()) {
            extremes.any.push(extremes.ends(&candidates, class));
            extremes.active.push(extremes.ends(&active, class));
        }
        extremes
    }

    fn is_on(&self, x: i64) -> bool {
        match self.reduce.and_then(|reduce| reduce.threshold) {
            Some(threshold) => i128::from(x) > threshold.floor,
            None => x != 0,
        }
    }

    fn ends(&self, candidates: &[i64], class: usize) -> [i64; 2] {
        let value = |x: &i64| match self.quantizer {
            Some((fixed, FixedQuantizer { quantizer, .. })) => quantizer.formats[class].quantize(
                (*x).into(),
                fixed.input.fraction,
                fixed.input.divisor,
                quantizer.rounding,
                quantizer.overflow,
            ),
            None => (*x).into(),
        };
        let least = candidates.iter().min_by_key(|x| value(x));
        let largest = candidates.iter().max_by_key(|x| value(x));
        [least, largest].map(|x| x.copied().unwrap_or(0))
    }

    /// The value of element `at` of the input that grants a wish.
    fn best(&self, at: usize, wish: f64) -> i64 {
        let class = self.quantizer.map_or(0, |(_, op)| op.classes[at].into());
        let is_first = self.reduce.is_some_and(|reduce| at.is_multiple_of(reduce.pixels.channels));
        let ends = if is_first { &self.active } else { &self.any };
        ends[class][usize::from(wish >= 0.0)]
    }

    /// The values that grant wishes. Where an image is reduced the pixels that gain most are active, as many as are kept, and
    /// `origin` in any case.
    fn grant(&self, wishes: &[f64], origin: Option<usize>, base: &[i64]) -> Vec<i64> {
        let Some(FixedReduce { pixels, threshold }) = self.reduce else {
            let value = |(at, (wish, base)): (usize, (&f64, &i64))| if *wish == 0.0 { *base } else { self.best(at, *wish) };
            return wishes.iter().zip(base).enumerate().map(value).collect();
        };
        let gain = |(pixel, wishes): (usize, &[f64])| {
            let own = |(channel, wish): (usize, &f64)| wish * self.best(pixel * pixels.channels + channel, *wish) as f64;
            (pixel, wishes.iter().enumerate().map(own).sum())
        };
        let gains = wishes.chunks(pixels.channels).enumerate().map(gain);
        let mut gains: Vec<(usize, f64)> = gains.filter(|(pixel, gain)| *gain > 0.0 && Some(*pixel) != origin).collect();
        gains.sort_by(|a, b| b.1.total_cmp(&a.1));
        let range = self.network.input.format.range();
        let off = threshold.map_or(0, |threshold| threshold.floor.clamp(range.lo, 0) as i64);
        let mut event = vec![0; base.len()];
        event.iter_mut().step_by(pixels.channels).for_each(|first| *first = off);
        for pixel in origin.into_iter().chain(gains.into_iter().map(|(pixel, _)| pixel)).take(pixels.slots) {
            for at in pixel * pixels.channels..(pixel + 1) * pixels.channels {
                event[at] = self.best(at, wishes[at]);
            }
        }
        event
    }
}

/// All values of a small range, and of a large one those beside the powers of two.
fn candidates(range: MantissaRange) -> Vec<i64> {
    if range.hi - range.lo < 1024 {
        return (range.lo..=range.hi).map(|x| x as i64).collect();
    }
    let around = (0..63).flat_map(|bits| [1i128 << bits, -(1i128 << bits)]).flat_map(|x| [x - 1, x, x + 1]);
    around.chain([range.lo, range.hi]).filter(|x| (range.lo..=range.hi).contains(x)).map(|x| x as i64).collect()
}
