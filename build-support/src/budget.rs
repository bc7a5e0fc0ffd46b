//! What a model may take, so that memory follows from sizes that are known before anything is made of them.
//!
//! Sizes stand in a model's file, which may claim anything. Each bound here is on numbers that the file has, and is looked at
//! before something of that size is allocated. `docs/layers.md` has them for users.

use crate::error::{Code, Error, Result};

/// The most values that one layer may give for one event; of an image with inactive pixels all count.
pub(crate) const MAX_LAYER: usize = 1 << 23;
/// The most values that all layers may give for one event.
pub(crate) const MAX_VALUES: usize = 1 << 25;
/// The most weights, biases and formats of quantizers that a model may have in any case; see [`most_weights`].
pub(crate) const MIN_WEIGHTS: u64 = 1 << 21;
/// The most weights that any model may have.
pub(crate) const MAX_WEIGHTS: u64 = 1 << 26;
/// The most different ranges of values in all layers.
pub(crate) const MAX_RANGES: usize = 1 << 19;
/// The most entries that the tables of a layer may have together.
pub(crate) const MAX_ENTRIES: usize = 1 << 20;

/// The most LUTs that a circuit may be estimated to have before it is built: more than any FPGA has.
pub(crate) const MAX_LUTS: u64 = 1 << 22;
/// The most operations that a circuit may have.
pub(crate) const MAX_NODES: usize = 1 << 20;

/// The most elements that the variables of a model may have if its file has `bytes`: a float32 that Keras wrote takes four, so a
/// file that claims more of them than a third is not what Keras wrote.
pub(crate) fn most_weights(bytes: u64) -> u64 {
    (bytes / 3).clamp(MIN_WEIGHTS, MAX_WEIGHTS)
}

/// An error: `what`, of which there are `size`, where `most` are allowed.
pub(crate) fn too_large(what: &str, size: impl std::fmt::Display, most: impl std::fmt::Display) -> Error {
    Error::new(Code::TooLarge, format!("{what}: {size}; {most} are the most")).help(
        "a network of this size fits no FPGA; make the image, the filters or the layers smaller, or is this the right file?",
    )
}

/// What is left of a bound.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Budget {
    what: &'static str,
    most: u64,
    used: u64,
}

impl Budget {
    /// All of `most`; `what` is counted.
    pub(crate) fn new(what: &'static str, most: u64) -> Self {
        Self { what, most, used: 0 }
    }

    /// Takes the product of `sizes` from it.
    ///
    /// # Errors
    /// [`Code::TooLarge`] if there is not so much left.
    pub(crate) fn take(&mut self, sizes: &[usize]) -> Result {
        let product = sizes.iter().try_fold(1u64, |product, &size| product.checked_mul(size as u64));
        let used = product.and_then(|product| self.used.checked_add(product)).filter(|used| *used <= self.most);
        let shape = || sizes.iter().map(usize::to_string).collect::<Vec<_>>().join(" × ");
        self.used = used.ok_or_else(|| {
            let more = if self.used > 0 { format!("{} and {} more", self.used, shape()) } else { shape() };
            too_large(self.what, more, self.most)
        })?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_spent_to_the_last() {
        let mut budget = Budget::new("the model has too many weights", 10);
        budget.take(&[2, 3]).unwrap();
        budget.take(&[]).unwrap();
        let error = budget.take(&[2, 2]).unwrap_err();
        assert_eq!(error.message(), "the model has too many weights: 7 and 2 × 2 more; 10 are the most");
        budget.take(&[3]).unwrap();
        assert_eq!(budget.take(&[usize::MAX, usize::MAX]).unwrap_err().code(), Code::TooLarge);
        budget.take(&[0, usize::MAX]).unwrap();
    }

    #[test]
    fn a_file_of_keras_has_room_for_its_weights() {
        assert_eq!([0, 6_291_456, 30_000_000, u64::MAX].map(most_weights), [2_097_152, 2_097_152, 10_000_000, 67_108_864]);
    }
}
