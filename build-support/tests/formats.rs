//! Formats are safe and tight: every value stays in its interval, and the ends of the interval do occur.
//!
//! For each op the test builds the inputs that must reach the ends, out of the definition of the op and not of the rule
//! in `formats`, and runs the reference interpreter on them.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use sparsehls_build::{
    Code,
    fixed::{Dyadic, Format, MantissaRange, Overflow, QuantizerFormat, Rounding},
    formats::FixedNetwork,
    network::{
        Coefficients, Conv2d, Dense, Layer, Network, Op, Origin, Pooling2d, PoolingMode, Quantizer, Relu, Shape, SparseShape,
    },
    reference::Reference,
};

/// Splitmix64, so that a failure can be repeated.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn range(&mut self, lo: i64, hi: i64) -> i64 {
        lo + (self.next() % (hi - lo + 1) as u64) as i64
    }

    fn mantissas(&mut self, count: usize) -> Coefficients {
        let values = (0..count).map(|_| self.range(-9, 9)).collect();
        Coefficients { values, fraction: self.range(-1, 4) as i32 }
    }
}

fn network(input_shape: Vec<usize>, ops: Vec<(Shape, Op)>) -> Network {
    let layer = |(at, (shape, op))| Layer {
        name: format!("op{at}"),
        keras_name: format!("op{at}"),
        keras_class: "Test".into(),
        id: format!("op{at}"),
        shape,
        origin: Origin::Model,
        op,
    };
    Network { input_shape, layers: ops.into_iter().enumerate().map(layer).collect(), tolerance: 0.0 }
}

fn infer(network: Network, input: Format) -> FixedNetwork {
    FixedNetwork::infer(network, &common::model("test.keras".as_ref(), input)).unwrap()
}

/// The hull of what the last op gave for each channel (or element), over all events; empty slots count as nothing.
fn reached(network: &FixedNetwork, events: &[Vec<i64>]) -> Vec<Option<MantissaRange>> {
    let last = network.layers.last().unwrap();
    let count = last.output.ranges.len();
    let mut hulls: Vec<Option<MantissaRange>> = vec![None; count];
    let reference = Reference::new(network);
    for event in events {
        let mut values = Vec::new();
        reference.run_observed(event, |_, value| {
            values = value.elements().to_vec();
        });
        for (at, value) in values.iter().enumerate() {
            let point = MantissaRange { lo: (*value).into(), hi: (*value).into() };
            let hull = &mut hulls[at % count];
            *hull = Some(hull.map_or(point, |hull| hull.hull(point)));
        }
    }
    hulls
}

fn assert_tight(network: &FixedNetwork, events: &[Vec<i64>], seed: u64) {
    let last = network.layers.last().unwrap();
    let found = reached(network, events);
    for (at, (found, inferred)) in found.iter().zip(&last.output.ranges).enumerate() {
        assert_eq!(found.as_ref(), Some(inferred), "seed {seed}, {} channel {at}", last.kind);
    }
    let format = last.output.format();
    let hull = last.output.range();
    let narrower = Format { width: format.width - 1, ..format };
    if hull != MantissaRange::ZERO {
        let all = narrower.width == 0 || hull.lo < narrower.range().lo || hull.hi > narrower.range().hi;
        assert!(all, "seed {seed}: {hull:?} would fit into one bit less than {format}");
    }
}

/// A random image format and shape, and the sparse shape after its reduction.
fn image(random: &mut Random) -> (Format, [usize; 3], Shape) {
    let signed = random.range(0, 1) == 1;
    let format = Format { signed, width: random.range(2, 5) as u32, fraction: random.range(-2, 4) as i32 };
    let [height, width, channels] = [random.range(1, 6), random.range(1, 6), random.range(1, 2)].map(|size| size as usize);
    let slots = random.range(1, 12).min((height * width) as i64) as usize;
    (format, [height, width, channels], Shape::Sparse(SparseShape { slots, height, width, channels }))
}

/// What an active pixel's channels can be: above 0 in channel 0, anything in the others.
fn pixel_ranges(format: Format, channels: usize) -> Vec<MantissaRange> {
    let mut ranges = vec![format.range(); channels];
    ranges[0].lo = 1;
    ranges
}

#[test]
fn convolutions_reach_the_ends_of_their_intervals() {
    for seed in 0..300 {
        let mut random = Random(seed);
        let (format, [height, width, channels], shape) = image(&mut random);
        let Shape::Sparse(SparseShape { slots, .. }) = shape else { unreachable!() };
        let kernel = [random.range(1, 5) as usize, random.range(1, 5) as usize];
        let filters = random.range(1, 3) as usize;
        let weights = random.mantissas(kernel[0] * kernel[1] * channels * filters);
        let ranges = pixel_ranges(format, channels);
        let weight = |row: usize, column: usize, channel: usize, filter: usize| {
            i128::from(weights.values[((row * kernel[1] + column) * channels + channel) * filters + filter])
        };
        let mut events = Vec::new();
        for filter in 0..filters {
            for (sign, p) in [1, -1].into_iter().flat_map(|sign| (0..height * width).map(move |p| (sign, p))) {
                // For every pixel around p: the channel values that move the sum furthest, and how far.
                let mut pixels = Vec::new();
                for q in 0..height * width {
                    let tap = |q: usize, p: usize, size: usize| (q + (size - 1) / 2).checked_sub(p).filter(|tap| *tap < size);
                    let (Some(row), Some(column)) = (tap(q / width, p / width, kernel[0]), tap(q % width, p % width, kernel[1]))
                    else {
                        continue;
                    };
                    let best: Vec<i128> = (0..channels)
                        .map(|c| if sign * weight(row, column, c, filter) > 0 { ranges[c].hi } else { ranges[c].lo })
                        .collect();
                    let gain: i128 = (0..channels).map(|c| sign * weight(row, column, c, filter) * best[c]).sum();
                    pixels.push((q == p, gain, q, best));
                }
                pixels.sort_by_key(|(own, gain, ..)| (!own, -gain));
                let mut event = vec![0; height * width * channels];
                for (own, gain, q, best) in pixels.into_iter().take(slots) {
                    if own || gain > 0 {
                        best.iter().enumerate().for_each(|(c, x)| event[q * channels + c] = *x as i64);
                    }
                }
                events.push(event);
            }
        }
        let out = Shape::Sparse(SparseShape { slots, height, width, channels: filters });
        let conv = Op::SparseConv2d(Conv2d { kernel, channels, filters, weights: weights.clone() });
        let network =
            network(vec![height, width, channels], vec![(shape, Op::InputReduce { threshold: Some(0.0) }), (out, conv)]);
        assert_tight(&infer(network, format), &events, seed);
    }
}

#[test]
fn pooling_reaches_the_ends_of_its_intervals() {
    for seed in 0..300 {
        let mut random = Random(seed);
        let (format, [height, width, channels], shape) = image(&mut random);
        let Shape::Sparse(SparseShape { slots, .. }) = shape else { unreachable!() };
        let pool = [random.range(1, height as i64) as usize, random.range(1, width as i64) as usize];
        let mode = if seed % 2 == 0 { PoolingMode::Average } else { PoolingMode::Max };
        let ranges = pixel_ranges(format, channels);
        let mut events = Vec::new();
        // One window with any number of pixels, all at one end of their range in each channel.
        for count in 1..=slots.min(pool[0] * pool[1]) {
            for ends in 0..1 << channels {
                let mut event = vec![0; height * width * channels];
                for at in 0..count {
                    let q = at / pool[1] * width + at % pool[1];
                    (0..channels).for_each(|c| {
                        event[q * channels + c] = if ends >> c & 1 == 1 { ranges[c].hi } else { ranges[c].lo } as i64
                    });
                }
                events.push(event);
            }
        }
        let out = Shape::Sparse(SparseShape { slots, height: height / pool[0], width: width / pool[1], channels });
        let op = Op::SparsePooling2d(Pooling2d { mode, pool });
        // A mean that is no fixed-point number needs a quantizer to be a network; the pool is looked at before it.
        let exact = (pool[0] * pool[1]).is_power_of_two() || mode == PoolingMode::Max;
        if exact {
            let network =
                network(vec![height, width, channels], vec![(shape, Op::InputReduce { threshold: Some(0.0) }), (out, op)]);
            assert_tight(&infer(network, format), &events, seed);
        }
    }
}

#[test]
fn dense_layers_reach_the_ends_of_their_intervals() {
    for seed in 0..300 {
        let mut random = Random(seed);
        let (format, [height, width, channels], shape) = image(&mut random);
        let Shape::Sparse(SparseShape { slots, .. }) = shape else { unreachable!() };
        let (inputs, outputs) = (height * width * channels, random.range(1, 3) as usize);
        let weights = random.mantissas(inputs * outputs);
        let bias = (seed % 3 > 0).then(|| random.mantissas(outputs));
        let ranges = pixel_ranges(format, channels);
        let mut events = Vec::new();
        for (output, sign) in (0..outputs).flat_map(|output| [(output, 1i128), (output, -1)]) {
            let mut pixels: Vec<_> = (0..height * width)
                .map(|q| {
                    let w = |c: usize| sign * i128::from(weights.values[(q * channels + c) * outputs + output]);
                    let best: Vec<i128> = (0..channels).map(|c| if w(c) > 0 { ranges[c].hi } else { ranges[c].lo }).collect();
                    // Channel 0 may not be 0 in an active pixel, but an inactive one has all channels 0.
                    ((0..channels).map(|c| w(c) * best[c]).sum::<i128>(), q, best)
                })
                .collect();
            pixels.sort_by_key(|(gain, ..)| -gain);
            let mut event = vec![0; inputs];
            for (_, q, best) in pixels.into_iter().take(slots).filter(|(gain, ..)| *gain > 0) {
                best.iter().enumerate().for_each(|(c, x)| event[q * channels + c] = *x as i64);
            }
            events.push(event);
        }
        let dense = Op::Dense(Dense { rows: 1, inputs, outputs, weights, bias });
        let ops = vec![
            (shape, Op::InputReduce { threshold: Some(0.0) }),
            (Shape::Dense(vec![inputs]), Op::SparseFlatten),
            (Shape::Dense(vec![outputs]), dense),
        ];
        let fixed = infer(network(vec![height, width, channels], ops), format);
        // After flattening, channel 0 of an active pixel may be thought to be 0 as well, so a channel alone can gain
        // more than its pixel: safe, and not tight where the pixel's first channel counts against it.
        let found = reached(&fixed, &events);
        let inferred = &fixed.layers.last().unwrap().output.ranges;
        for (found, inferred) in found.iter().flatten().zip(inferred) {
            assert!(inferred.lo <= found.lo && found.hi <= inferred.hi, "seed {seed}");
            assert!(channels > 1 || found == inferred, "seed {seed}: {found:?} {inferred:?}");
        }
    }
}

#[test]
fn quantizers_relus_and_biases_reach_the_ends_of_their_intervals() {
    for seed in 0..3000 {
        let mut random = Random(seed);
        let format =
            Format { signed: random.range(0, 1) == 1, width: random.range(1, 6) as u32, fraction: random.range(-3, 5) as i32 };
        let range = format.range();
        let op = match seed % 4 {
            0 => Op::Relu(Relu { limit: None, slope: None }),
            1 => Op::Relu(Relu {
                limit: Some(Dyadic { mantissa: random.range(0, 20), fraction: random.range(0, 4) as i32 }),
                slope: Some(random.range(0, 3) as u32),
            }),
            _ => {
                let (k, i, f) = (random.range(0, 1), random.range(-3, 5), random.range(-3, 5));
                let overflow = [Overflow::Wrap, Overflow::Saturate, Overflow::SaturateSymmetric][random.range(0, 2) as usize];
                let rounding: Rounding = Rounding::ALL[random.range(0, 6) as usize].0;
                Op::Quantize(Quantizer::uniform(QuantizerFormat::live(k as u32, i as i32, f as i32), rounding, overflow, 1))
            }
        };
        let network = infer(network(vec![1], vec![(Shape::Dense(vec![1]), op)]), format);
        let events: Vec<_> = (range.lo..=range.hi).map(|x| vec![x as i64]).collect();
        let found = reached(&network, &events)[0].unwrap();
        assert_eq!(found, network.layers[0].output.ranges[0], "seed {seed}: {:?} of {format}", network.layers[0].layer.op);
    }
}

#[test]
fn the_sum_of_a_sparse_bias_reaches_the_ends_of_its_interval() {
    for seed in 0..500 {
        let mut random = Random(seed);
        let format = Format { signed: true, width: random.range(1, 5) as u32, fraction: random.range(-2, 3) as i32 };
        let range = format.range();
        let sparse = Shape::Sparse(SparseShape { slots: 1, height: 1, width: 1, channels: 2 });
        // The bias of channel 1, which is free to be anything, zero included.
        let ops = vec![(sparse.clone(), Op::InputReduce { threshold: Some(0.0) }), (sparse, Op::SparseBias(random.mantissas(2)))];
        if range.hi < 1 {
            continue;
        }
        let network = infer(network(vec![1, 1, 2], ops), format);
        let events: Vec<_> = (range.lo..=range.hi).map(|x| vec![1, x as i64]).collect();
        assert_eq!(reached(&network, &events)[1].unwrap(), network.layers[1].output.ranges[1], "seed {seed}");
    }
}

#[test]
fn a_value_without_elements_is_no_value() {
    let format = Format { signed: true, width: 4, fraction: 0 };
    let model = common::model("test.keras".as_ref(), format);
    let reshape = |sizes: &[Vec<usize>]| sizes.iter().map(|size| (Shape::Dense(size.clone()), Op::Reshape)).collect::<Vec<_>>();
    for (input, ops, what) in [
        (vec![2, 0], reshape(&[vec![1]]), "the input"),
        (vec![2], reshape(&[vec![0, 3], vec![2]]), "what layer \"op0\" gives"),
        (vec![2], reshape(&[vec![2], vec![0]]), "what layer \"op1\" gives"),
    ] {
        let error = FixedNetwork::infer(network(input, ops), &model).unwrap_err();
        assert_eq!((error.code(), error.message()), (Code::Internal, &*format!("internal error: {what} has no elements")));
    }
}
