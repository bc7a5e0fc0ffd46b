//! The input reduction: an image → its first active pixels.

use super::Site;
use crate::{
    fixed::{Format, bits_for},
    network::SparseShape,
    ops::{FixedReduce, Threshold},
};

/// See [`Kernel::InputReduce`](super::Kernel::InputReduce).
#[derive(Debug, Clone, PartialEq)]
pub struct InputReduce {
    /// The slots that are filled, the image, and its channels.
    pub shape: SparseShape,
    /// Which pixels are active.
    pub active: Active,
    /// Bits of a number of pixels in the image.
    pub count_bits: u32,
    /// Bits of a number of pixels in a row.
    pub rank_bits: u32,
    /// Bits of a column.
    pub column_bits: u32,
    /// How the image comes.
    pub arrival: Arrival,
}

/// Which pixels are active, by their first channel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Active {
    /// Those that are not 0.
    NotZero,
    /// Those above a threshold.
    Above {
        /// The threshold in the model.
        threshold: f32,
        /// The least mantissa above it that the input can have; `None` if it can have none, so that no pixel is active.
        least: Option<i128>,
    },
}

/// How an image comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// All of it at once.
    Whole {
        /// Slots that are filled in a step.
        pixels_per_cycle: usize,
        /// Bits of a row.
        row_bits: u32,
    },
    /// A row a cycle.
    Rows {
        /// Bits of a number of slots.
        taken_bits: u32,
        /// The mantissa of a pixel.
        feature: Format,
    },
}

impl InputReduce {
    pub(super) fn new(reduce: &FixedReduce, site: Site<'_>) -> Self {
        let (shape, range) = (reduce.pixels, site.input.range());
        let active = reduce.threshold.map_or(Active::NotZero, |Threshold { value, floor }| Active::Above {
            threshold: value,
            least: (floor < range.hi).then(|| (floor + 1).max(range.lo)),
        });
        let arrival = if site.by_rows {
            Arrival::Rows { taken_bits: bits_for(shape.slots), feature: site.input.format }
        } else {
            Arrival::Whole { pixels_per_cycle: site.plan.pixels_per_cycle, row_bits: bits_for(shape.height) }
        };
        Self {
            shape,
            active,
            count_bits: bits_for(shape.height * shape.width),
            rank_bits: bits_for(shape.width),
            column_bits: bits_for(shape.width),
            arrival,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lower::testing::{dense, site, sparse, unsigned};

    fn lower(threshold: Option<f32>, range: (i128, i128), by_rows: bool) -> InputReduce {
        let (input, output) = (dense(&[range], 2), sparse(&[range], 2));
        let shape = SparseShape { slots: 20, height: 63, width: 64, channels: 1 };
        let threshold = threshold.map(|value| Threshold::new(value, 2));
        InputReduce::new(&FixedReduce { threshold, pixels: shape }, Site { by_rows, ..site(&input, &output) })
    }

    #[test]
    fn counts_hold_what_they_count() {
        let whole = lower(None, (0, 7), false);
        // 63 * 64 = 4032 pixels, 64 in a row, whose columns count to 64 as well; 63 rows.
        assert_eq!((whole.count_bits, whole.rank_bits, whole.column_bits), (12, 7, 7));
        assert_eq!(whole.arrival, Arrival::Whole { pixels_per_cycle: 1, row_bits: 6 });
        assert_eq!(lower(None, (0, 7), true).arrival, Arrival::Rows { taken_bits: 5, feature: unsigned(3, 2) });
    }

    #[test]
    fn a_threshold_is_the_least_mantissa_above_it() {
        let least = |threshold, range| match lower(Some(threshold), range, false).active {
            Active::Above { least, .. } => least,
            Active::NotZero => panic!("a threshold is lost"),
        };
        // Steps of a quarter: 0.5 is 2, and what is above begins at 3; 0.6 is 2.4, which begins there too.
        assert_eq!((least(0.5, (0, 7)), least(0.6, (0, 7)), least(0.49, (0, 7))), (Some(3), Some(3), Some(2)));
        assert_eq!((least(-0.25, (-8, 7)), least(-9.0, (-8, 7)), least(-9.0, (0, 7))), (Some(0), Some(-8), Some(0)));
        assert_eq!((least(1.5, (0, 7)), least(1.75, (0, 7)), least(f32::MAX, (0, 7))), (Some(7), None, None));
        assert_eq!(lower(None, (0, 7), false).active, Active::NotZero);
    }
}
