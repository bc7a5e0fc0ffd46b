//! An image that comes in rows, one or several a cycle. Each row is compacted to a list of its active pixels, the lists of the
//! rows of a word are put behind each other, and the result goes behind what earlier words have left in the slots.

use super::{Word, at_most, is_active};
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
        let idle: Vec<_> = active.iter().map(|active| c.not(*active)).collect();
        let before = c.prefix_counts(&idle);
        let zero = c.constant(0);
        let mut items = Vec::with_capacity(pixels.len());
        for (at, pixel) in pixels.iter().enumerate() {
            let features = pixel.iter().enumerate().map(|(channel, x)| early(c, *x, self.number, at, channel));
            let features = features.collect::<Result<_>>()?;
            items.push(Item { active: active[at], shift: if at == 0 { zero } else { before[at - 1] }, features });
        }
        let (width, most) = (c.constant(pixels.len() as i128), kernel.shape.slots.min(pixels.len()));
        let count = before.last().map_or(zero, |idle| c.subtract(width, *idle));
        let count = c.narrow(count, MantissaRange { lo: 0, hi: pixels.len() as i128 });
        let mut words = compact(c, items, most);
        if self.rows > 1 {
            let row = c.constant(self.row as i128);
            words.iter_mut().for_each(|word| word.push(row));
        }
        Ok(List { count: at_most(c, count, most), words })
    }
}

/// A pixel and the places that it moves to the left.
struct Item {
    active: Net,
    shift: Net,
    features: Vec<Net>,
}

/// A pixel between two stages of a compaction.
#[derive(Clone)]
struct Moving {
    active: Net,
    /// How far it moves, in digits to base 4, the least first: all of them, since they say where it came from.
    digits: Vec<Net>,
    features: Vec<Net>,
}

/// Moves each active item to the left, over all idle ones: the first `most` of the result, with the column of each, from 1, behind
/// its features. Items move by one digit of their shift at a time, the least first; no two meet.
fn compact(c: &mut Circuit, items: Vec<Item>, most: usize) -> Vec<Word> {
    let (mut stages, mut reach) = (0, 1);
    while reach < items.len() {
        (stages, reach) = (stages + 1, reach * 4);
    }
    let mut moving: Vec<_> = items
        .into_iter()
        .map(|item| {
            let digits = (0..stages).map(|digit| c.bits(item.shift, 2 * digit, 2)).collect();
            Moving { active: item.active, digits, features: item.features }
        })
        .collect();
    let width = moving.len();
    // What is needed of a stage: what can still move into the first places.
    let mut needed = vec![most; stages as usize + 1];
    for stage in (0..stages as usize).rev() {
        needed[stage] = width.min(needed[stage + 1] + 3 * (1 << (2 * stage)));
    }
    for stage in 0..stages as usize {
        moving = (0..needed[stage + 1].min(width)).map(|at| arrive(c, &moving, at, stage)).collect();
    }
    moving
        .into_iter()
        .enumerate()
        .map(|(at, item)| {
            let digits: Vec<_> = item.digits.iter().rev().map(|digit| (*digit, 2)).collect();
            let shift = if digits.is_empty() { c.constant(0) } else { c.join(&digits) };
            let at = c.constant(at as i128 + 1);
            let column = c.add(shift, at);
            let column = c.bits(column, 0, bits(width + 1));
            item.features.into_iter().chain([column]).collect()
        })
        .collect()
}

/// What is at a place after a stage: one of the four items that can come there.
fn arrive(c: &mut Circuit, moving: &[Moving], at: usize, stage: usize) -> Moving {
    let here = &moving[at];
    let from: Vec<_> = (0..4).map(|digit| at + digit * (1 << (2 * stage))).take_while(|from| *from < moving.len()).collect();
    let comes: Vec<_> = from
        .iter()
        .enumerate()
        .map(|(digit, from)| {
            let moves = c.is(moving[*from].digits[stage], digit as i128);
            c.all([moving[*from].active, moves])
        })
        .collect();
    let with_bit = |bit: usize| comes.iter().enumerate().filter(move |(digit, _)| digit >> bit & 1 == 1).map(|(_, comes)| *comes);
    let low = c.any(with_bit(0).collect::<Vec<_>>());
    let high = c.any(with_bit(1).collect::<Vec<_>>());
    let index = c.join(&[(high, 1), (low, 1)]);
    let mut one_of = |word: &dyn Fn(&Moving) -> Net| {
        let words: Vec<_> = from.iter().map(|from| word(&moving[*from])).collect();
        c.pick(index, &words)
    };
    let features = (0..here.features.len()).map(|feature| one_of(&|item| item.features[feature])).collect();
    let digits = (0..here.digits.len()).map(|digit| one_of(&|item| item.digits[digit])).collect();
    // In parallel to the index: who comes from elsewhere is active, and who is here may leave.
    let active: Vec<_> =
        from.iter().enumerate().map(|(digit, from)| if digit == 0 { comes[0] } else { moving[*from].active }).collect();
    let active = c.pick(index, &active);
    Moving { active, digits, features }
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

/// Bits of a number below `count`
fn bits(count: usize) -> u32 {
    crate::fixed::bits_for(count.saturating_sub(1)).max(1)
}
