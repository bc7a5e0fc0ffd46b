//! Rounding to one of several formats: what is added and which bits stay are looked up by position.

use super::{Target, Work, addend, moved};
use crate::{
    circuit::{
        Circuit, Net,
        kernels::{
            place::{Chosen, Numbered},
            round::limits,
        },
    },
    fixed::{Format, MantissaRange, Overflow, Rounding},
};

/// What is looked up for a format. All but `add` have the binary point of the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    /// Added before the bits behind the binary point go, by the flag of [`addend`].
    add: [i128; 2],
    /// The last bit that stays, with the binary point of what goes in: it is odd if that is 1. 0 if none goes.
    odd: i128,
    /// The bits that stay.
    mask: i128,
    /// The bit that is a sign, of what wraps; it is added before and subtracted behind.
    sign: i128,
    /// The limits.
    limits: [i128; 2],
}

/// The grid that results are on.
#[derive(Clone, Copy)]
struct Grid {
    /// Bits behind its binary point.
    fraction: i32,
    /// What is rounded for any of the formats.
    rounded: MantissaRange,
    /// Bits behind the binary point of the numerator.
    from: i32,
}

impl Grid {
    /// Bits of what is rounded, and a sign.
    fn format(&self) -> Format {
        Format::holding(self.rounded, 0)
    }
}

/// A number of so many ones.
fn ones(bits: i32) -> i128 {
    (1 << bits.clamp(0, 126)) - 1
}

impl Work<'_> {
    /// Rounds to one of `formats`, the number of which is given by the position.
    pub(super) fn by_position(&self, c: &mut Circuit, formats: &[Option<Target>], numbers: &Numbered) -> Net {
        let live: Vec<_> = formats.iter().flatten().copied().collect();
        let finest = live.iter().map(|target| target.format.fraction).max().unwrap_or(0);
        let (x, from) = self.finer(c, finest);
        let grid = self.grid(&live, finest, from);
        let mut rows: Vec<Row> = formats.iter().map(|target| self.row(*target, &live, grid)).collect();
        // A constant sign needs no addition, only to be taken as one.
        let one_sign = common(live.iter().map(|target| self.row(Some(*target), &live, grid).sign));
        if one_sign.is_none() {
            rows.iter_mut().for_each(|row| row.add = row.add.map(|add| add + self.before_division(row.sign, grid)));
        }
        let least = rows.iter().flat_map(|row| row.add).min().unwrap_or(0);
        let offset = self.offset(c, x, least);
        rows.iter_mut().for_each(|row| row.add = row.add.map(|add| add + offset));
        let mut different = rows.clone();
        different.sort_unstable();
        different.dedup();
        let number = |at: usize| different.iter().position(|row| *row == rows[at]).unwrap_or(0);
        let chosen = numbers.mapped(number).chosen(c, &lists(&different, one_sign.is_none()));
        let look_up = LookUp { chosen, rows: different };

        let added = self.added(c, x, &look_up);
        let sum = c.add(x, added);
        let t = self.divide(c, sum, offset);
        let t = c.shift(t, grid.fraction - from);
        let t = self.masked(c, t, &look_up, one_sign, grid);
        let y = match self.kernel.overflow {
            Overflow::Wrap => t,
            _ => {
                let [lo, hi] = [0, 1].map(|end| look_up.of(c, |row| row.limits[end]));
                c.clamped(t, lo, hi)
            }
        };
        let result = live.iter().map(|target| moved(target.result, grid.fraction - target.format.fraction));
        let range = result.fold(MantissaRange::ZERO, MantissaRange::hull);
        let y = c.narrow(y, range);
        c.shift(y, self.to - grid.fraction)
    }

    fn grid(&self, live: &[Target], finest: i32, from: i32) -> Grid {
        // What is finer than the output is so only in zeros.
        let fraction = finest.min(self.to);
        let rounded = live.iter().map(|target| moved(target.rounded, fraction - target.format.fraction));
        Grid { fraction, rounded: rounded.fold(MantissaRange::ZERO, MantissaRange::hull), from }
    }

    fn row(&self, target: Option<Target>, live: &[Target], grid: Grid) -> Row {
        let bits = grid.format();
        let widest = |signed: bool| if signed { 1 << (bits.width - 1) } else { 0 };
        let ends = self.limits_of_all(live, grid);
        let Some(target) = target else {
            // Whatever it is, nothing of it stays.
            let add = live.first().map_or([0, 0], |first| self.row(Some(*first), live, grid).add);
            return Row { add, odd: 0, mask: 0, sign: 0, limits: ends };
        };
        let Target { format, .. } = target;
        let drop = (grid.from - format.fraction).max(0) as u32;
        let add = [false, true].map(|flag| addend(self.kernel.rounding, self.one(drop), flag));
        let odd = if (1..100).contains(&drop) { 1 << drop } else { 0 };
        let coarser = grid.fraction - format.fraction;
        let top = format.width as i32 + coarser;
        let wraps = self.kernel.overflow == Overflow::Wrap && target.overflows();
        let (all, sign) = match (wraps, format.signed) {
            (true, true) => (ones(top), 1i128 << (top - 1).max(0)),
            (true, false) => (ones(top), 0),
            (false, _) => (ones(bits.width as i32), widest(bits.signed)),
        };
        let saturates = self.kernel.overflow != Overflow::Wrap && target.overflows();
        let limits = if saturates { self.limits_of(target, grid) } else { ends };
        Row { add, odd, mask: all & !ones(coarser), sign, limits }
    }

    /// What `target` saturates at.
    fn limits_of(&self, target: Target, grid: Grid) -> [i128; 2] {
        let range = moved(limits(target.format, self.kernel.overflow), grid.fraction - target.format.fraction);
        [range.lo, range.hi]
    }

    /// Limits that nothing exceeds that does not saturate; those of the others where that is enough.
    fn limits_of_all(&self, live: &[Target], grid: Grid) -> [i128; 2] {
        if self.kernel.overflow == Overflow::Wrap {
            return [0, 0];
        }
        let ends = live.iter().map(|target| match target.overflows() {
            true => self.limits_of(*target, grid),
            false => {
                let range = moved(target.rounded, grid.fraction - target.format.fraction);
                [range.lo, range.hi]
            }
        });
        ends.fold([0, 0], |[lo, hi], [other_lo, other_hi]| [lo.min(other_lo), hi.max(other_hi)])
    }

    /// Something of the result as it has to be added before the division.
    fn before_division(&self, x: i128, grid: Grid) -> i128 {
        // What wraps is not finer than what comes in.
        (x << (grid.from - grid.fraction).max(0)) * i128::from(self.divisor)
    }

    /// What rounds.
    fn added(&self, c: &mut Circuit, x: Net, look_up: &LookUp) -> Net {
        let flag = match self.kernel.rounding {
            _ if look_up.rows.iter().all(|row| row.add[0] == row.add[1]) => c.constant(0),
            Rounding::HalfEven => {
                let odd = look_up.of(c, |row| row.odd);
                let low = c.bits(x, 0, 128 - c.range(odd).hi.leading_zeros());
                let odd = c.mask(low, odd);
                let even = c.is(odd, 0);
                c.not(even)
            }
            _ => c.is_negative(x),
        };
        let list = |flag: usize| look_up.rows.iter().map(|row| row.add[flag]).collect::<Vec<_>>();
        match c.constant_of(flag) {
            Some(flag) => look_up.chosen.pick(c, &list(usize::from(flag == 1))),
            None => look_up.chosen.pick_by(c, flag, [&list(0), &list(1)]),
        }
    }

    /// The bits of `t` that stay.
    fn masked(&self, c: &mut Circuit, t: Net, look_up: &LookUp, one_sign: Option<i128>, grid: Grid) -> Net {
        let format = Format::holding(c.range(t).hull(grid.rounded), 0);
        if self.kernel.overflow != Overflow::Wrap {
            // Limits are to come: all bits above those that are rounded away stay.
            let mask = look_up.of(c, |row| if row.mask == 0 { 0 } else { ones(format.width as i32) & !below(row.mask) });
            let bits = c.bits(t, 0, format.width);
            let bits = stays(c, bits, mask, format.width);
            return if format.signed { c.signed(bits, format.width) } else { bits };
        }
        let mask = look_up.of(c, |row| row.mask);
        let width = 128 - c.range(mask).hi.leading_zeros();
        let bits = c.bits(t, 0, width);
        let bits = stays(c, bits, mask, width);
        match one_sign {
            Some(0) => bits,
            Some(sign) => c.signed(bits, 128 - sign.leading_zeros()),
            None => {
                let sign = look_up.of(c, |row| row.sign);
                c.subtract(bits, sign)
            }
        }
    }
}

/// The zeros below the last bit of `mask`, as ones.
fn below(mask: i128) -> i128 {
    (mask & -mask) - 1
}

/// `bits` where `mask` is 1
fn stays(c: &mut Circuit, bits: Net, mask: Net, width: u32) -> Net {
    if c.constant_of(mask) == Some(ones(width as i32)) { bits } else { c.mask(bits, mask) }
}

/// What all have in common.
fn common(mut things: impl Iterator<Item = i128>) -> Option<i128> {
    let first = things.next().unwrap_or(0);
    things.all(|thing| thing == first).then_some(first)
}

/// What is looked up.
fn lists(rows: &[Row], has_signs: bool) -> Vec<Vec<i128>> {
    let list = |of: fn(&Row) -> i128| rows.iter().map(of).collect::<Vec<_>>();
    let mut lists = vec![list(|row| row.add[0]), list(|row| row.add[1]), list(|row| row.mask)];
    lists.extend([list(|row| row.limits[0]), list(|row| row.limits[1])]);
    if has_signs {
        lists.push(list(|row| row.sign));
    }
    lists
}

/// The rows, by position.
struct LookUp {
    chosen: Chosen,
    rows: Vec<Row>,
}

impl LookUp {
    fn of(&self, c: &mut Circuit, value: impl Fn(&Row) -> i128) -> Net {
        let list: Vec<_> = self.rows.iter().map(value).collect();
        self.chosen.pick(c, &list)
    }
}
