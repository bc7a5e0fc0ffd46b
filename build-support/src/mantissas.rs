//! [`Mantissas`]: what goes into an engine, and what comes out.

use std::{num::NonZeroUsize, slice::ChunksExact};

use crate::fixed::Format;

/// The mantissas of events, one event after another; each event has the same number of values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mantissas {
    values: Vec<i64>,
    per_event: NonZeroUsize,
    format: Format,
}

impl Mantissas {
    /// Events of `per_event` values in `format`.
    ///
    /// # Panics
    /// If `values` are not whole events.
    pub fn new(values: Vec<i64>, per_event: NonZeroUsize, format: Format) -> Self {
        assert!(values.len().is_multiple_of(per_event.get()), "{} values are no events of {per_event}", values.len());
        Self { values, per_event, format }
    }

    /// The number of events.
    pub fn events(&self) -> usize {
        self.values.len() / self.per_event
    }

    /// Whether there are no events.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// All values, one event after another.
    pub fn values(&self) -> &[i64] {
        &self.values
    }

    /// The format of the values.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Values of one event.
    pub fn per_event(&self) -> NonZeroUsize {
        self.per_event
    }

    /// The events, one by one.
    pub fn iter(&self) -> ChunksExact<'_, i64> {
        self.values.chunks_exact(self.per_event.get())
    }

    /// The first events, `most` at most.
    #[must_use]
    pub fn first(&self, most: usize) -> Self {
        let end = most.min(self.events()) * self.per_event.get();
        Self { values: self.values[..end].to_vec(), ..*self }
    }

    /// All events, `events` at a time.
    pub fn chunks(&self, events: NonZeroUsize) -> impl Iterator<Item = Self> {
        let chunks = self.values.chunks(events.get().saturating_mul(self.per_event.get()));
        chunks.map(|values| Self { values: values.to_vec(), ..*self })
    }

    /// Appends more events of the same kind.
    ///
    /// # Panics
    /// If they have another size or format.
    pub fn append(&mut self, mut more: Self) {
        assert_eq!((self.per_event, self.format), (more.per_event, more.format), "events of one kind");
        self.values.append(&mut more.values);
    }

    /// The numbers that the mantissas stand for; float32 holds all that Keras can hold.
    pub fn to_floats(&self) -> Vec<f32> {
        self.values.iter().map(|mantissa| self.format.float(*mantissa)).collect()
    }
}

impl<'a> IntoIterator for &'a Mantissas {
    type Item = &'a [i64];
    type IntoIter = ChunksExact<'a, i64>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(values: &[i64]) -> Mantissas {
        Mantissas::new(values.to_vec(), NonZeroUsize::new(2).unwrap(), Format { signed: true, width: 8, fraction: 1 })
    }

    #[test]
    fn parts_are_whole_events() {
        let all = events(&[1, 2, 3, 4, 5, 6]);
        assert_eq!((all.events(), all.iter().collect::<Vec<_>>()), (3, vec![&[1, 2][..], &[3, 4], &[5, 6]]));
        assert_eq!((all.first(2), all.first(9)), (events(&[1, 2, 3, 4]), all.clone()));
        for size in 1..5 {
            let mut joined = events(&[]);
            all.chunks(NonZeroUsize::new(size).unwrap()).for_each(|chunk| joined.append(chunk));
            assert_eq!(joined, all);
        }
        assert_eq!(events(&[3, -1]).to_floats(), [1.5, -0.5]);
    }

    #[test]
    #[should_panic(expected = "3 values are no events of 2")]
    fn a_part_of_an_event_is_no_event() {
        let _ = events(&[1, 2, 3]);
    }
}
