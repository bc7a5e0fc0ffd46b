//! An image that comes in rows, one or several a cycle. Each row is compacted to a list of its active pixels, the lists of the
//! rows of a word are put behind each other, and the result goes behind what earlier words have left in the slots.

use super::{
    Word, at_most, bits,
    compact::{Item, compact},
    is_active,
};
use crate::{
    circuit::{
        Circuit, Net,
        stream::{Elements, Flow, Pixels, Slot},
    },
    error::{Error, Result},
    fixed::MantissaRange,
    ops::ReduceKernel,
};

/// Pixels in order, without a gap: how many there are, up to the most that anyone needs, and that many words. What is behind
/// the last one does not matter.
struct List {
    count: Net,
    words: Vec<Word>,
}

/// Words of `rows` rows come when `valid` is 1: their elements, row-major. Words begin with the first row of an image; rows of the
/// last word that are below it are ignored. The slots are there in the token of the last word.
///
/// Cost of a row of W pixels and N slots: 3 multiplexers of four for each of about W pixels and all their bits, the counts, and
/// a multiplexer of two in front of every bit of a slot.
pub(in crate::circuit) fn rows(
    c: &mut Circuit,
    kernel: &ReduceKernel,
    image: &Elements,
    rows: usize,
    early: &mut Early<'_>,
) -> Result<Pixels> {
    let (valid, elements) = (image.valid, &image.values);
    let shape = kernel.shape;
    let words = shape.height.div_ceil(rows);
    let word = c.control(MantissaRange { lo: 0, hi: words as i128 - 1 }, 0);
    let (is_first, is_last) = (c.is(word, 0), c.is(word, words as i128 - 1));
    let one = c.constant(1);
    let next = c.add(word, one);
    let goes_on = c.not(is_last);
    let next = c.gate(goes_on, next);
    let next = c.narrow(next, MantissaRange { lo: 0, hi: words as i128 - 1 });
    c.leave_if(word, valid, next);
    let first_row = c.times(word, rows as i128);
    let mut lists = Vec::with_capacity(rows);
    for (row, line) in elements.chunks(shape.width * shape.channels).enumerate() {
        let below = if (words - 1) * rows + row < shape.height { c.constant(0) } else { is_last };
        let inside = c.not(below);
        let own = c.constant(row as i128 + 1);
        let number = c.add(first_row, own);
        let number = c.gate(inside, number);
        let number = c.narrow(number, MantissaRange { lo: 0, hi: shape.height as i128 });
        let line = Line { elements: line, row, rows, inside, number };
        lists.push(line.list(c, kernel, early)?);
    }
    let Some(list) = join(c, lists, shape.slots) else { return Err(Error::internal("an image without rows")) };
    Ok(fill(c, kernel, &list, &When { valid, is_first, is_last, first_row }))
}

/// What becomes of the feature of a pixel, active or not, before it is put into a slot: of (feature, row, column, channel), which
/// count from 1 and from 0.
pub(in crate::circuit) type Early<'a> = dyn FnMut(&mut Circuit, Net, Net, usize, usize) -> Result<Net> + 'a;

/// When a list comes, and where it is in the image.
struct When {
    valid: Net,
    is_first: Net,
    is_last: Net,
    /// The row of the first row of a word.
    first_row: Net,
}

/// A row of a word.
struct Line<'a> {
    elements: &'a [Net],
    /// Which one of the word, and of how many.
    row: usize,
    rows: usize,
    /// Whether it is in the image: those of the last word that are below it are not.
    inside: Net,
    /// Its number in the image, from 1.
    number: Net,
}

impl Line<'_> {
    /// Its active pixels, as a list.
    fn list(&self, c: &mut Circuit, kernel: &ReduceKernel, early: &mut Early<'_>) -> Result<List> {
        let pixels: Vec<&[Net]> = self.elements.chunks(kernel.shape.channels).collect();
        let active: Vec<_> = pixels
            .iter()
            .map(|pixel| {
                let active = is_active(c, kernel, pixel);
                c.all([active, self.inside])
            })
            .collect();
        let mut items = Vec::with_capacity(pixels.len());
        for (at, (pixel, active)) in pixels.iter().zip(&active).enumerate() {
            let features = pixel.iter().enumerate().map(|(channel, x)| early(c, *x, self.number, at, channel));
            items.push(Item { active: *active, words: features.collect::<Result<_>>()? });
        }
        let (width, most) = (c.constant(pixels.len() as i128), kernel.shape.slots.min(pixels.len()));
        let (moved, idle) = compact(c, items, most);
        let count = c.subtract(width, idle);
        let count = c.narrow(count, MantissaRange { lo: 0, hi: pixels.len() as i128 });
        let mut words: Vec<Word> =
            moved.into_iter().map(|pixel| pixel.words.into_iter().chain([pixel.place]).collect()).collect();
        if self.rows > 1 {
            let row = c.constant(self.row as i128);
            words.iter_mut().for_each(|word| word.push(row));
        }
        Ok(List { count: at_most(c, count, most), words })
    }
}

/// The lists behind each other, as one of up to `most`; none if there are none.
fn join(c: &mut Circuit, mut lists: Vec<List>, most: usize) -> Option<List> {
    while lists.len() > 1 {
        let mut pairs = lists.into_iter();
        let mut joined = Vec::new();
        while let Some(a) = pairs.next() {
            joined.push(match pairs.next() {
                Some(b) => behind(c, a, &b, most),
                None => a,
            });
        }
        lists = joined;
    }
    lists.pop()
}

/// `b` behind `a`, of which the first `most` are needed.
fn behind(c: &mut Circuit, a: List, b: &List, most: usize) -> List {
    let places = most.min(a.words.len() + b.words.len());
    let moved = to_the_right(c, &b.words, a.count, places);
    let words = moved
        .into_iter()
        .enumerate()
        .map(|(at, moved)| match a.words.get(at) {
            None => moved,
            Some(own) => {
                let at = c.constant(at as i128);
                let is_own = c.less(at, a.count);
                own.iter().zip(moved).map(|(own, moved)| c.select(is_own, *own, moved)).collect()
            }
        })
        .collect();
    let count = c.add(a.count, b.count);
    List { count: at_most(c, count, places), words }
}

/// `words`, `by` places to the right, of which there are `places`. What comes in does not matter.
fn to_the_right(c: &mut Circuit, words: &[Word], by: Net, places: usize) -> Vec<Word> {
    let mut words = words.to_vec();
    let Some(last) = words.last().cloned() else { return words };
    words.resize(places.max(words.len()), last);
    let mut stage = 0;
    while c.range(by).hi >> (2 * stage) > 0 {
        let digit = c.bits(by, 2 * stage, 2);
        let moved = |c: &mut Circuit, at: usize| -> Word {
            let from: Vec<_> = (0..4).map(|digit| at.saturating_sub(digit << (2 * stage))).collect();
            (0..words[at].len())
                .map(|part| c.pick(digit, &from.iter().map(|from| words[*from][part]).collect::<Vec<_>>()))
                .collect()
        };
        words = (0..words.len()).map(|at| moved(c, at)).collect();
        stage += 1;
    }
    words.truncate(places);
    words
}

/// Puts a list into the slots that are still free.
fn fill(c: &mut Circuit, kernel: &ReduceKernel, list: &List, when: &When) -> Pixels {
    let shape = kernel.shape;
    let slots = shape.slots as i128;
    let taken = c.state(MantissaRange { lo: 0, hi: slots });
    let goes_on = c.not(when.is_first);
    let before = c.gate(goes_on, taken);
    let end = c.add(before, list.count);
    let after = at_most(c, end, shape.slots);
    c.leave_if(taken, when.valid, after);
    let moved = to_the_right(c, &list.words, before, shape.slots);
    let starts = c.all([when.valid, when.is_first]);
    let mut filled = Vec::with_capacity(shape.slots);
    for (at, word) in moved.iter().enumerate() {
        let at = c.constant(at as i128);
        let (is_taken, is_in) = (c.less(at, before), c.less(at, end));
        let is_free = c.not(is_taken);
        let comes = c.all([when.valid, is_free, is_in]);
        filled.push(slot(c, kernel, word, when, comes, starts));
    }
    let done = c.all([when.valid, when.is_last]);
    Pixels { slots: filled, flow: Flow::Whole(done), places: Vec::new(), is_settled: true, updates: None }
}

/// A slot as it is with the word of this token, which fills it when `comes` is 1, and else empties it when `starts` is.
fn slot(c: &mut Circuit, kernel: &ReduceKernel, word: &[Net], when: &When, comes: Net, starts: Net) -> Slot {
    let (features, place) = word.split_at(kernel.shape.channels);
    let goes_on = c.not(starts);
    let keep = |c: &mut Circuit, word: Net, range: MantissaRange| {
        let state = c.state(range);
        let kept = c.gate(goes_on, state);
        let now = c.select(comes, word, kept);
        let now = c.narrow(now, range);
        c.leave(state, now);
        now
    };
    let features = features
        .iter()
        .map(|feature| {
            let range = c.range(*feature).hull(MantissaRange::ZERO);
            keep(c, *feature, range)
        })
        .collect();
    let (column, inner) = (place.first().copied(), place.get(1).copied());
    let row = inner.map_or(when.first_row, |inner| c.add(when.first_row, inner));
    let one = c.constant(1);
    let (row, column) = (c.add(row, one), column.unwrap_or(one));
    let mut number = |word: Net, most: usize| {
        // Beyond the last pixel of a list there may be anything.
        let word = c.bits(word, 0, bits(most + 1));
        keep(c, word, MantissaRange { lo: 0, hi: most as i128 })
    };
    Slot { features, row: number(row, kernel.shape.height), column: number(column, kernel.shape.width) }
}
