//! Where a word stands in a value, and what depends on that: tables over positions.

use std::collections::HashMap;

use crate::{
    circuit::{Circuit, Net},
    error::{Error, Result},
    fixed::bits_for,
    network::SparseShape,
    ops::{By, FormatChoice},
};

/// Where a word stands in a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// An element of a dense value.
    Element(usize),
    /// A channel of a pixel in a slot. A feature of an empty slot is zero.
    Pixel {
        /// From 1; 0 in an empty slot.
        row: Net,
        /// From 1; 0 in an empty slot.
        column: Net,
        /// Which feature.
        channel: usize,
        /// The value.
        shape: SparseShape,
    },
    /// A channel of a pixel on its way to its place in a flat image.
    Position {
        /// Row-major from 1; 0 if there is no pixel, whose features are zero.
        position: Net,
        /// Which feature.
        channel: usize,
        /// The value.
        shape: SparseShape,
    },
}

/// Things by position, each of which is one of a few.
#[derive(Debug)]
pub(super) struct Spread {
    /// Which thing it is, by row and column.
    rows: Vec<Vec<u16>>,
    /// The row and the column, from 1, if it depends on them.
    words: Option<(Net, Option<Net>)>,
}

impl Spread {
    /// The formats that the element at `place` can have.
    pub(super) fn new(choice: &FormatChoice, place: &Place) -> Result<Self> {
        let one = |class: Option<&u16>| {
            let class = class.ok_or_else(|| Error::internal("a format for an element that is not there"))?;
            Ok(Self { rows: vec![vec![*class]], words: None })
        };
        match (&choice.by, *place) {
            (By::Nothing, _) => one(Some(&0)),
            (By::Channel(classes), Place::Pixel { channel, .. }) => one(classes.get(channel)),
            (By::Element(classes), Place::Element(at)) => one(classes.get(at)),
            (By::Pixel(classes), Place::Pixel { row, column, channel, shape }) => {
                let image: Vec<u16> = classes.iter().skip(channel).step_by(shape.channels).copied().collect();
                let rows = image.chunks(shape.width).map(<[u16]>::to_vec).collect();
                Ok(Self { rows, words: Some((row, Some(column))) })
            }
            (By::Element(classes), Place::Position { position, channel, shape }) => {
                let image = classes.iter().skip(channel).step_by(shape.channels);
                Ok(Self { rows: image.map(|class| vec![*class]).collect(), words: Some((position, None)) })
            }
            (by, place) => Err(Error::internal(format!("formats by {} at {place:?}", kind(by)))),
        }
    }

    /// Every thing that there is.
    pub(super) fn things(&self) -> Vec<u16> {
        let mut things = self.rows.concat();
        things.sort_unstable();
        things.dedup();
        things
    }

    /// The same with the `number` of each thing, of which those with equal numbers are one.
    pub(super) fn numbered(&self, number: impl Fn(u16) -> usize) -> Numbered {
        let row = |row: &Vec<u16>| row.iter().map(|thing| number(*thing)).collect();
        Numbered { rows: self.rows.iter().map(row).collect(), words: self.words }
    }
}

fn kind(by: &By) -> &'static str {
    match by {
        By::Nothing => "nothing",
        By::Channel(_) => "channel",
        By::Pixel(_) => "pixel",
        By::Element(_) => "element",
    }
}

/// Numbers by position.
#[derive(Debug)]
pub(super) struct Numbered {
    rows: Vec<Vec<usize>>,
    words: Option<(Net, Option<Net>)>,
}

/// A number by position, as an index of tables.
#[derive(Debug)]
pub(super) struct Chosen {
    /// The number for each value of the index.
    numbers: Vec<usize>,
    index: Net,
}

/// LUTs of a bit of a table.
fn luts(index_bits: u32) -> u64 {
    if index_bits <= 6 { 1 } else { (4 << (index_bits - 6).min(40)) / 3 }
}

impl Numbered {
    /// With other numbers, of which some may be equal.
    pub(super) fn mapped(&self, number: impl Fn(usize) -> usize) -> Self {
        let row = |row: &Vec<usize>| row.iter().map(|old| number(*old)).collect();
        Self { rows: self.rows.iter().map(row).collect(), words: self.words }
    }

    /// Where the number of each position is, to be looked up in `lists` that say something of each number.
    ///
    /// Cost: tables of what the lists say by position, or one of the number and small ones of what the lists say, whichever is
    /// less. Equal rows are one row, and so are equal columns.
    pub(super) fn chosen(&self, c: &mut Circuit, lists: &[Vec<i128>]) -> Chosen {
        let zero = c.constant(0);
        let first = self.rows.first().and_then(|row| row.first()).copied().unwrap_or(0);
        let Some((row, column)) = self.words.filter(|_| self.rows.iter().flatten().any(|number| *number != first)) else {
            return Chosen { numbers: vec![first], index: zero };
        };
        let (row, rows) = axis(c, row, &self.rows, column.is_some());
        let (column, columns) = match column {
            Some(column) => axis(c, column, &transposed(&rows), true),
            None => (zero, transposed(&rows)),
        };
        let columns_log = if columns.len() > 1 { c.width(column) } else { 0 };
        let (index, numbers) = if columns_log == 0 {
            (row, columns.concat())
        } else {
            let full = (0..rows.len()).flat_map(|row| (0..1 << columns_log).map(move |column| (row, column)));
            let number = |(row, column): (usize, usize)| columns[column.min(columns.len() - 1)][row];
            (c.join(&[(row, c.width(row)), (column, columns_log)]), full.map(number).collect::<Vec<_>>())
        };
        let direct = Chosen { numbers, index };
        let count = 1 + direct.numbers.iter().copied().max().unwrap_or(0);
        let (whole, own, bits) = (luts(c.width(index)), luts(bits_for(count - 1)), u64::from(bits_for(count - 1)));
        let columns = bit_columns(lists);
        if columns * whole <= bits * whole + columns * own {
            return direct;
        }
        let number = direct.pick(c, &(0..count as i128).collect::<Vec<_>>());
        Chosen { numbers: (0..count).collect(), index: number }
    }
}

impl Chosen {
    /// What `list` says of the number.
    pub(super) fn pick(&self, c: &mut Circuit, list: &[i128]) -> Net {
        let table: Vec<_> = self.numbers.iter().map(|number| list[*number]).collect();
        match table.iter().all(|entry| *entry == table[0]) {
            true => c.constant(table[0]),
            false => c.look_up(&table, self.index),
        }
    }

    /// What the first list says of the number if `flag` is 0, and the second one if it is 1.
    pub(super) fn pick_by(&self, c: &mut Circuit, flag: Net, lists: [&[i128]; 2]) -> Net {
        if lists[0] == lists[1] {
            return self.pick(c, lists[0]);
        }
        let width = if self.numbers.len() > 1 { c.width(self.index) } else { 0 };
        let half = |list: &[i128]| {
            let last = self.numbers.len() - 1;
            (0..1 << width).map(|at: usize| list[self.numbers[at.min(last)]]).collect::<Vec<_>>()
        };
        let table = lists.map(half).concat();
        let index = if width == 0 { flag } else { c.join(&[(flag, 1), (self.index, width)]) };
        c.look_up(&table, index)
    }

    /// What the table of the number says of `index`, which has so many bits.
    pub(super) fn pick_at(&self, c: &mut Circuit, (index, bits): (Net, u32), tables: &[Vec<i128>]) -> Net {
        if self.numbers.len() == 1 {
            return c.look_up(&tables[self.numbers[0]], index);
        }
        let padded = |number: &usize| {
            let table = &tables[*number];
            (0..1 << bits).map(move |at: usize| table.get(at).or(table.last()).copied().unwrap_or(0))
        };
        let table: Vec<_> = self.numbers.iter().flat_map(padded).collect();
        let index = c.join(&[(self.index, c.width(self.index)), (index, bits)]);
        c.look_up(&table, index)
    }
}

/// How many different bits `lists` say of numbers.
fn bit_columns(lists: &[Vec<i128>]) -> u64 {
    let mut columns: Vec<Vec<bool>> = Vec::new();
    for list in lists {
        let changes = list.iter().fold(0, |bits, entry| bits | (entry ^ list[0]));
        for bit in (0..128).filter(|bit| changes >> bit & 1 == 1) {
            columns.push(list.iter().map(|entry| (entry ^ list[0]) >> bit & 1 == 1).collect());
        }
    }
    columns.sort_unstable();
    columns.dedup();
    columns.len() as u64
}

fn transposed(rows: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let width = rows.first().map_or(0, Vec::len);
    (0..width).map(|column| rows.iter().map(|row| row[column]).collect()).collect()
}

/// An index of `lines`, which count from 1, and the lines as it names them; equal lines can be one. Line 0 does not matter.
fn axis(c: &mut Circuit, word: Net, lines: &[Vec<usize>], can_be_one: bool) -> (Net, Vec<Vec<usize>>) {
    let last = usize::try_from(c.range(word).hi).unwrap_or(0);
    let line = |at: usize| &lines[at.saturating_sub(1).min(lines.len() - 1)];
    let mut known: HashMap<&Vec<usize>, usize> = HashMap::new();
    let mut different: Vec<Vec<usize>> = Vec::new();
    let mut table = Vec::new();
    for at in 0..=last {
        let number = *known.entry(line(at)).or_insert_with(|| {
            different.push(line(at).clone());
            different.len() - 1
        });
        table.push(number as i128);
    }
    if different.len() == 1 {
        (c.constant(0), different)
    } else if can_be_one && bits_for(different.len() - 1) < c.width(word) {
        (c.look_up(&table, word), different)
    } else {
        (word, (0..=last).map(|at| line(at).clone()).collect())
    }
}
