//! The value of a layer, out of the tokens in which it comes.

use super::mantissa;
use crate::{
    circuit::{
        Net,
        evaluate::Evaluation,
        stream::{Flow, Pixels as Words, Slot, Stream},
    },
    error::{Error, Result},
    formats::FixedLayer,
    network::Shape,
    reference::{Pixels, Value},
};

/// What has come of the value of a layer.
pub(super) struct Collector<'a> {
    fixed: &'a FixedLayer,
    stream: &'a Stream,
    /// Elements, or the words of slots, in order; nothing where nothing has come.
    words: Vec<Option<Vec<i64>>>,
    /// Of a value that changes while it comes: which slots stay.
    stays: Vec<bool>,
}

impl<'a> Collector<'a> {
    /// Nothing yet of what `fixed` gives.
    pub fn new(fixed: &'a FixedLayer, stream: &'a Stream) -> Self {
        let places = match (&fixed.layer.shape, stream) {
            (Shape::Sparse(image), Stream::Pixels(_)) => image.slots,
            _ => 1,
        };
        Self { fixed, stream, words: vec![None; places], stays: vec![false; places] }
    }

    /// What has to be looked at.
    pub fn nets(&self) -> Vec<Net> {
        match self.stream {
            Stream::Elements(elements) => elements.values.iter().copied().chain([elements.valid]).collect(),
            Stream::Pixels(pixels) => {
                let updates = pixels.updates.iter().flat_map(|updates| updates.writes.iter().flatten().chain(&updates.stays));
                let control = match &pixels.flow {
                    Flow::Whole(valid) => vec![*valid],
                    Flow::Turns(turns) => vec![turns.act, turns.turn, turns.last],
                };
                pixels.slots.iter().flat_map(Slot::words).chain(control).chain(updates.copied()).collect()
            }
        }
    }

    /// Takes what has come in a token.
    pub fn look(&mut self, evaluation: &Evaluation<'_>) -> Result {
        let is_set = |net: Net| evaluation.get(net, 0) == 1;
        let read = |nets: &[Net]| nets.iter().map(|net| mantissa(evaluation.get(*net, 0))).collect::<Result<Vec<_>>>();
        match self.stream {
            Stream::Elements(elements) if is_set(elements.valid) => self.take(0, read(&elements.values)?),
            Stream::Pixels(Words { slots, flow: Flow::Turns(turns), updates: Some(updates), .. }) => {
                if is_set(turns.act) {
                    let turn = usize::try_from(evaluation.get(turns.turn, 0)).map_err(|_| self.wrong("has no turn"))?;
                    let words = slots.iter().map(|slot| read(&slot.words())).collect::<Result<Vec<_>>>()?;
                    let is_set = |nets: &[Net]| nets.iter().map(|net| is_set(*net)).collect::<Vec<_>>();
                    let writes: Vec<_> = updates.writes.iter().map(|writes| is_set(writes)).collect();
                    self.update(turn, &words, &writes, &is_set(&updates.stays));
                }
                if is_set(turns.last) {
                    self.settle(slots.first().map_or(0, |slot| slot.words().len()));
                }
                Ok(())
            }
            Stream::Pixels(Words { slots, flow, .. }) => {
                let turn = match flow {
                    Flow::Whole(valid) => is_set(*valid).then_some(0),
                    Flow::Turns(turns) if is_set(turns.act) => usize::try_from(evaluation.get(turns.turn, 0)).ok(),
                    Flow::Turns(_) => None,
                };
                let Some(turn) = turn else { return Ok(()) };
                for (lane, slot) in slots.iter().enumerate() {
                    let at = turn * slots.len() + lane;
                    // Lanes of the last turn may be more than there are slots left.
                    if at < self.words.len() {
                        self.take(at, read(&slot.words())?)?;
                    }
                }
                Ok(())
            }
            Stream::Elements(_) => Ok(()),
        }
    }

    /// Puts the lanes of a turn where they go.
    fn update(&mut self, turn: usize, lanes: &[Vec<i64>], writes: &[Vec<bool>], stays: &[bool]) {
        for (lane, (words, stays)) in lanes.iter().zip(stays).enumerate() {
            for (slot, _) in self.words.iter_mut().zip(&writes[lane]).filter(|(_, writes)| **writes) {
                *slot = Some(words.clone());
            }
            if let Some(slot) = self.stays.get_mut(turn * lanes.len() + lane) {
                *slot = *stays;
            }
        }
    }

    /// Empties the slots that do not stay.
    fn settle(&mut self, length: usize) {
        for (slot, _) in self.words.iter_mut().zip(&self.stays).filter(|(_, stays)| !**stays) {
            *slot = Some(vec![0; length]);
        }
    }

    fn take(&mut self, at: usize, words: Vec<i64>) -> Result {
        match self.words[at].replace(words) {
            None => Ok(()),
            Some(_) => Err(self.wrong("comes twice")),
        }
    }

    fn wrong(&self, what: &str) -> Error {
        Error::internal(format!("what the circuit gives for a layer {what}")).layer(&self.fixed.layer.name)
    }

    /// The value, of which everything must have come, and all be as the layer says it is.
    pub fn value(self) -> Result<Value> {
        let Some(words) = self.words.iter().cloned().collect::<Option<Vec<_>>>() else {
            return Err(self.wrong("does not come"));
        };
        let value = match &self.fixed.layer.shape {
            Shape::Dense(_) => Value::Dense(words.into_iter().flatten().collect()),
            Shape::Sparse(image) => {
                let mut pixels = Pixels { image: *image, positions: Vec::new(), features: Vec::new() };
                for word in &words {
                    let [features @ .., row, column] = &word[..] else { return Err(self.wrong("is no pixel")) };
                    let at = |from_1: i64, size: usize| u32::try_from(from_1 - 1).ok().filter(|at| (*at as usize) < size);
                    if *row == 0 {
                        continue;
                    }
                    let position = at(*row, image.height).zip(at(*column, image.width));
                    let Some((row, column)) = position else { return Err(self.wrong("is a pixel outside of the image")) };
                    pixels.positions.push([row, column]);
                    pixels.features.extend_from_slice(features);
                }
                Value::Sparse(pixels)
            }
        };
        let ranges = &self.fixed.output.ranges;
        let fits = |(at, x): (usize, &i64)| {
            let range = ranges[at % ranges.len().max(1)];
            (range.lo..=range.hi).contains(&i128::from(*x))
        };
        if value.elements().iter().enumerate().all(fits) { Ok(value) } else { Err(self.wrong("is not in its range")) }
    }
}
