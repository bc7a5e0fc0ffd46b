//! Images with as many active pixels as there may be, one more and one less, everywhere, and next to the threshold.

use super::{Kind, SplitMix};
use crate::{
    formats::FixedNetwork,
    network::{Shape, SparseShape},
    ops::FixedOp,
};

/// What makes a pixel of the input active, as far as can be told before the layers that come before the reduction.
struct Painter {
    image: SparseShape,
    random: SplitMix,
    lo: i64,
    hi: i64,
    /// The largest value that is not above the threshold, if there is one.
    floor: Option<i128>,
    /// The least values that make a pixel active, and those that do not.
    on: Vec<i64>,
    off: Vec<i64>,
    /// The window of the first pooling.
    pool: [usize; 2],
}

/// Up to `most` images for a network that begins with a reduction, or else events in which one element is not zero.
pub(super) fn images(network: &FixedNetwork, most: usize) -> Vec<(Kind, Vec<i64>)> {
    let Some(mut painter) = Painter::new(network) else { return single(network, most) };
    let sets = painter.sets(most / 8);
    let few = sets.len().min(most);
    // Of more than are wanted those that lie evenly.
    let chosen = (0..few).map(|at| &sets[at * sets.len() / few]);
    chosen.enumerate().map(|(at, (kind, pixels))| (*kind, painter.paint(*kind, at, pixels))).collect()
}

/// Each element by itself.
fn single(network: &FixedNetwork, most: usize) -> Vec<(Kind, Vec<i64>)> {
    let range = network.input.format.range();
    let values = [range.hi, range.lo, 1, -1].map(|x| x.clamp(range.lo, range.hi) as i64);
    let size = network.input_len().get();
    let few = (4 * size).min(most);
    let event = |at: usize| {
        let at = at * 4 * size / few;
        let mut event = vec![0; size];
        event[at / 4] = values[at % 4];
        (Kind::Places, event)
    };
    (0..few).map(event).collect()
}

impl Painter {
    fn new(network: &FixedNetwork) -> Option<Self> {
        let reduce = network.layers.iter().find_map(|fixed| match (&fixed.layer.op, &fixed.layer.shape) {
            (FixedOp::InputReduce(reduce), Shape::Sparse(image)) => Some((reduce.threshold, *image)),
            _ => None,
        });
        let (threshold, image) = reduce?;
        let pool = network.layers.iter().find_map(|fixed| match &fixed.layer.op {
            FixedOp::SparsePooling2d(op) => Some(op.pool),
            _ => None,
        });
        let range = network.input.format.range();
        let (lo, hi) = (range.lo as i64, range.hi as i64);
        let floor = threshold.map(|threshold| threshold.floor);
        let is_on = |x: i64| floor.map_or(x != 0, |floor| i128::from(x) > floor);
        let at_floor = floor.unwrap_or(0).clamp(range.lo, range.hi) as i64;
        let near = [at_floor, at_floor.saturating_add(1).min(hi), at_floor.saturating_sub(1).max(lo), 0, hi, lo];
        let (on, off): (Vec<i64>, Vec<i64>) = near.into_iter().partition(|x| is_on(*x));
        (!on.is_empty()).then_some(Self {
            image,
            random: SplitMix(0x91ace5),
            lo,
            hi,
            floor,
            on,
            off,
            pool: pool.unwrap_or([1, 1]),
        })
    }

    fn is_on(&self, x: i64) -> bool {
        self.floor.map_or(x != 0, |floor| i128::from(x) > floor)
    }

    /// Which pixels are to be active, the most telling ones first and last. There are `few` of those that there may be very many of.
    fn sets(&mut self, few: usize) -> Vec<(Kind, Vec<usize>)> {
        let SparseShape { slots, height, width, .. } = self.image;
        let pixels = height * width;
        let by_rows: Vec<usize> = (0..pixels).collect();
        let by_columns: Vec<usize> = by_rows.iter().map(|at| at % height * width + at / height).collect();
        let is_edge = |at: &usize| [0, height - 1].contains(&(at / width)) || [0, width - 1].contains(&(at % width));
        let edge: Vec<usize> = by_rows.iter().copied().filter(is_edge).collect();
        let spread: Vec<usize> = by_rows.iter().copied().filter(|at| at / width % 2 == 0 && at % width % 2 == 0).collect();
        let mut sets = vec![(Kind::Threshold, Vec::new()), (Kind::Threshold, by_rows.clone())];
        let corners = [0, width - 1, (height - 1) * width, pixels - 1];
        sets.extend(corners.map(|at| (Kind::Places, vec![at])));
        for count in [slots.saturating_sub(1), slots, slots + 1, pixels].map(|count| count.min(pixels)) {
            sets.push((Kind::Budget, by_rows[..count].to_vec()));
            sets.push((Kind::Budget, by_rows[pixels - count..].to_vec()));
            sets.push((Kind::Budget, self.some(count)));
        }
        for order in [&edge, &by_columns, &spread, &by_rows] {
            sets.extend(order.chunks(slots.max(1)).map(|pixels| (Kind::Places, pixels.to_vec())));
        }
        // All up to a pixel, all but one, and one alone in its window with all others: what moves up into the place of those that
        // are missing.
        let [rows, columns] = self.pool;
        let window = |at: usize| [at / width / rows, at % width / columns];
        for at in (0..pixels).step_by(pixels.div_ceil(few.max(1))) {
            let but = |is_missing: &dyn Fn(usize) -> bool| by_rows.iter().copied().filter(|at| !is_missing(*at)).collect();
            sets.push((Kind::Budget, by_rows[..=at].to_vec()));
            sets.push((Kind::Budget, but(&|pixel| pixel == at)));
            if self.pool != [1, 1] {
                sets.push((Kind::Places, but(&|pixel| pixel != at && window(pixel) == window(at))));
            }
        }
        sets.extend((0..8).map(|_| (Kind::Threshold, self.some(slots))));
        sets
    }

    /// So many pixels.
    fn some(&mut self, count: usize) -> Vec<usize> {
        let pixels = (self.image.height * self.image.width) as u64;
        let mut chosen: Vec<usize> = (0..count).map(|_| self.random.below(pixels) as usize).collect();
        chosen.sort_unstable();
        chosen.dedup();
        // What was drawn twice is made up for.
        let more: Vec<usize> = (0..pixels as usize).filter(|at| chosen.binary_search(at).is_err()).collect();
        chosen.extend_from_slice(&more[..count - chosen.len()]);
        chosen
    }

    /// An image in which these pixels are active. In one about the threshold every pixel is next to it, and the other channels of
    /// what is not active are not zero.
    fn paint(&mut self, kind: Kind, at: usize, pixels: &[usize]) -> Vec<i64> {
        let SparseShape { channels, .. } = self.image;
        let mut image = vec![0; self.image.image_len()];
        let is_near = kind == Kind::Threshold;
        for pixel in image.chunks_mut(channels) {
            let off = if is_near { self.off.first() } else { self.off.iter().find(|x| **x == 0).or(self.off.first()) };
            pixel[0] = off.copied().unwrap_or(self.lo);
            if is_near {
                pixel[1..].fill(self.hi);
            }
        }
        let (on, hi) = (self.on[0], if self.on.contains(&self.hi) { self.hi } else { self.on[0] });
        for &pixel in pixels {
            let any = self.random.between(self.lo, self.hi);
            for channel in 0..channels {
                let value = match (at % 4, channel) {
                    _ if is_near && channel == 0 => on,
                    (0, _) => hi,
                    (1, 0) => self.on[self.random.below(self.on.len() as u64) as usize],
                    (1, _) => [self.lo, self.hi][self.random.below(2) as usize],
                    (_, 0) if self.is_on(any) => any,
                    (_, 0) => on,
                    _ => self.random.between(self.lo, self.hi),
                };
                image[pixel * channels + channel] = value;
            }
        }
        image
    }
}
