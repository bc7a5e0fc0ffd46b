//! The sparse ops, on lists of active pixels.

use super::Pixels;
use crate::{
    network::{Coefficients, Conv2d, SparseShape},
    ops::{FixedLayer, FixedPooling2d, FixedReduce, Pooled},
};

/// Pixels that are looked at together.
const BLOCK: usize = 32;

/// Hands each active pixel of an image to `take`, where it lies and its channels, until that returns false.
pub(crate) fn active(reduce: &FixedReduce, image: &[i64], mut take: impl FnMut(usize, &[i64]) -> bool) {
    let channels = reduce.pixels.channels;
    let floor = reduce.threshold.map(|threshold| threshold.floor);
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

pub(crate) fn input_reduce(reduce: &FixedReduce, input: &[i64]) -> Pixels {
    let image = reduce.pixels;
    let SparseShape { slots, width, channels, .. } = image;
    let (mut positions, mut features) = (Vec::with_capacity(slots), Vec::with_capacity(slots * channels));
    active(reduce, input, |at, pixel| {
        positions.push([(at / width) as u32, (at % width) as u32]);
        features.extend_from_slice(pixel);
        positions.len() < slots
    });
    Pixels { image, positions, features }
}

pub(crate) fn conv2d(conv: &Conv2d, pixels: Pixels) -> Pixels {
    let Conv2d { kernel, channels, filters, weights } = conv;
    let Pixels { image, positions, features } = pixels;
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
    Pixels { image: SparseShape { channels: *filters, ..image }, positions, features: sums }
}

pub(crate) fn bias(fixed: &FixedLayer, bias: &Coefficients, features: &mut [i64]) {
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

pub(crate) fn pool(pooling: &FixedPooling2d, pixels: &Pixels) -> Pixels {
    let SparseShape { height, width, channels, .. } = pooling.cells;
    let mut cells: Vec<[u32; 2]> = Vec::new();
    let mut members: Vec<Vec<&[i64]>> = Vec::new();
    let mut index = vec![usize::MAX; height * width]; // which of `cells` a cell is
    for (position, pixel) in pixels.positions.iter().zip(pixels.features.chunks(channels)) {
        let cell = [position[0] / pooling.pool[0] as u32, position[1] / pooling.pool[1] as u32];
        if cell[0] as usize >= height || cell[1] as usize >= width {
            continue; // in a partial window at the edge
        }
        let at = &mut index[cell[0] as usize * width + cell[1] as usize];
        if *at == usize::MAX {
            *at = cells.len();
            cells.push(cell);
            members.push(Vec::new());
        }
        members[*at].push(pixel);
    }
    let pooled = members.iter().flat_map(|pixels| {
        // Absent pixels count as 0.
        let absent = (pixels.len() < pooling.window()).then_some(0);
        (0..channels).map(move |channel| {
            let values = pixels.iter().map(|pixel| pixel[channel]);
            match pooling.pooled {
                // The division is in the output's fraction and divisor.
                Pooled::Average { .. } => values.sum(),
                Pooled::Max => values.chain(absent).fold(i64::MIN, i64::max),
            }
        })
    });
    Pixels { image: pooling.cells, features: pooled.collect(), positions: cells }
}
