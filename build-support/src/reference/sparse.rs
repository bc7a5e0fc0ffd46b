//! The sparse ops, on lists of active pixels.

use super::Value;
use crate::{
    formats::{FixedLayer, threshold_mantissa},
    network::{Coefficients, Conv2d, Pooling2d, PoolingMode, Shape},
};

/// Pixels that are looked at together.
const BLOCK: usize = 32;

/// Hands each active pixel of an image to `take`, where it lies and its channels, until that returns false.
pub fn active(fixed: &FixedLayer, threshold: Option<f32>, image: &[i64], mut take: impl FnMut(usize, &[i64]) -> bool) {
    let channels = match fixed.layer.shape {
        Shape::Sparse { channels, .. } => channels,
        Shape::Dense(_) => 1,
    };
    let floor = threshold.map(|threshold| threshold_mantissa(threshold, fixed.input.fraction));
    // A threshold below all mantissas makes every pixel active.
    let all = floor.is_some_and(|floor| floor < i64::MIN.into());
    let floor = floor.map(|floor| floor.clamp(i64::MIN.into(), i64::MAX.into()) as i64);
    // Most blocks have no active pixel, and that is quickly seen.
    for (at, block) in image.chunks(BLOCK * channels).enumerate() {
        if !all && !may_be_active(block, floor) {
            continue;
        }
        for (pixel, values) in block.chunks_exact(channels).enumerate() {
            let is_active = all || floor.map_or(values[0] != 0, |floor| values[0] > floor);
            if is_active && !take(at * BLOCK + pixel, values) {
                return;
            }
        }
    }
}

/// Whether any value is above `floor`, or not zero. It looks at all of them: a loop without an exit is
/// faster than one that could end early.
fn may_be_active(block: &[i64], floor: Option<i64>) -> bool {
    match floor {
        Some(floor) => block.iter().fold(false, |any, x| any | (*x > floor)),
        None => block.iter().fold(0, |bits, x| bits | x) != 0,
    }
}

pub fn input_reduce(fixed: &FixedLayer, threshold: Option<f32>, image: &[i64]) -> Value {
    let Shape::Sparse { slots, width, channels, .. } = fixed.layer.shape else { return Value::Dense(image.to_vec()) };
    let (mut positions, mut features) = (Vec::with_capacity(slots), Vec::with_capacity(slots * channels));
    active(fixed, threshold, image, |at, pixel| {
        positions.push([(at / width) as u32, (at % width) as u32]);
        features.extend_from_slice(pixel);
        positions.len() < slots
    });
    Value::Sparse { positions, features }
}

pub fn conv2d(conv: &Conv2d, positions: Vec<[u32; 2]>, features: &[i64]) -> Value {
    let Conv2d { kernel, channels, filters, weights } = conv;
    let pad = kernel.map(|size| (size - 1) / 2);
    let mut sums = vec![0i64; positions.len() * filters];
    for (p, out) in positions.iter().zip(sums.chunks_mut(*filters)) {
        for (q, x) in positions.iter().zip(features.chunks(*channels)) {
            // Wraps to a huge number when the pixel lies above or left of the kernel.
            let tap = |axis: usize| (q[axis] as usize + pad[axis]).wrapping_sub(p[axis] as usize);
            let (row, column) = (tap(0), tap(1));
            if row >= kernel[0] || column >= kernel[1] {
                continue;
            }
            let taps = &weights.values[(row * kernel[1] + column) * channels * filters..];
            for (&x, taps) in x.iter().zip(taps.chunks(*filters)) {
                out.iter_mut().zip(taps).for_each(|(sum, weight)| *sum += x * weight);
            }
        }
    }
    Value::Sparse { positions, features: sums }
}

pub fn bias(fixed: &FixedLayer, bias: &Coefficients, features: &mut [i64]) {
    let shift_x = fixed.output.fraction - fixed.input.fraction;
    let shift_b = fixed.output.fraction - bias.fraction;
    for pixel in features.chunks_mut(bias.values.len()) {
        for (x, b) in pixel.iter_mut().zip(&bias.values) {
            if *x != 0 {
                *x = (*x << shift_x) + (b << shift_b) * fixed.input.divisor as i64;
            }
        }
    }
}

pub fn pool(fixed: &FixedLayer, pooling: &Pooling2d, positions: &[[u32; 2]], features: &[i64]) -> Value {
    let Shape::Sparse { height, width, channels, .. } = fixed.layer.shape else {
        return Value::Dense(features.to_vec());
    };
    let mut cells: Vec<[u32; 2]> = Vec::new();
    let mut pixels: Vec<Vec<&[i64]>> = Vec::new();
    let mut index = vec![usize::MAX; height * width]; // which of `cells` a cell is
    for (position, pixel) in positions.iter().zip(features.chunks(channels)) {
        let cell = [position[0] / pooling.pool[0] as u32, position[1] / pooling.pool[1] as u32];
        if cell[0] as usize >= height || cell[1] as usize >= width {
            continue; // in a partial window at the edge
        }
        let at = &mut index[cell[0] as usize * width + cell[1] as usize];
        if *at == usize::MAX {
            *at = cells.len();
            cells.push(cell);
            pixels.push(Vec::new());
        }
        pixels[*at].push(pixel);
    }
    let size = pooling.pool[0] * pooling.pool[1];
    let pooled = pixels.iter().flat_map(|pixels| {
        (0..channels).map(|channel| {
            let values = pixels.iter().map(|pixel| pixel[channel]);
            match pooling.mode {
                // The division is in the output's fraction and divisor.
                PoolingMode::Average => values.sum(),
                PoolingMode::Max if pixels.len() == size => values.max().unwrap_or(0),
                PoolingMode::Max => values.max().unwrap_or(0).max(0),
            }
        })
    });
    let features = pooled.collect();
    Value::Sparse { positions: cells, features }
}

pub fn scatter(positions: &[[u32; 2]], features: &[i64], [height, width]: [usize; 2], channels: usize) -> Vec<i64> {
    let mut image = vec![0; height * width * channels];
    for (position, pixel) in positions.iter().zip(features.chunks(channels)) {
        let at = (position[0] as usize * width + position[1] as usize) * channels;
        image[at..at + channels].copy_from_slice(pixel);
    }
    image
}
