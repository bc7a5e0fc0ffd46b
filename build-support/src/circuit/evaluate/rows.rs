//! What a node makes of rows of its arguments: a loop for each kind of node, over slices.

use super::{NO_ENTRY, TWO_SET};

/// What is done to rows, which are given by their places.
#[derive(Debug, Clone)]
pub(super) enum Work {
    Add(u32, u32),
    Subtract(u32, u32),
    AddOrSubtract(u32, u32, u32),
    Multiply(u32, u32),
    ShiftLeft(u32, u32),
    ShiftRight(u32, u32),
    Less(u32, u32),
    Equal(u32, u32),
    Not(u32),
    And(Vec<u32>),
    Or(Vec<u32>),
    Gate(u32, u32),
    OneOf(Vec<(u32, u32)>),
    Select(u32, u32, u32),
    Pick(u32, Vec<u32>),
    Table(u32, usize),
    Bits(u32, u32, i64),
    Signed(u32, u32),
    /// Rows, each with the bits by which what stands before it is shifted.
    Join(Vec<(u32, u32)>),
}

fn one(to: &mut [i64], a: &[i64], f: impl Fn(i64) -> i64) {
    for (to, a) in to.iter_mut().zip(a) {
        *to = f(*a);
    }
}

fn two(to: &mut [i64], a: &[i64], b: &[i64], f: impl Fn(i64, i64) -> i64) {
    for ((to, a), b) in to.iter_mut().zip(a).zip(b) {
        *to = f(*a, *b);
    }
}

/// Changes a row by another.
fn by(to: &mut [i64], a: &[i64], f: impl Fn(i64, i64) -> i64) {
    for (to, a) in to.iter_mut().zip(a) {
        *to = f(*to, *a);
    }
}

/// What a state keeps: `next` where `enable` is 1.
pub(super) fn leave(state: &mut [i64], enable: &[i64], next: &[i64]) {
    for ((state, enable), next) in state.iter_mut().zip(enable).zip(next) {
        *state ^= (*state ^ next) & -enable;
    }
}

/// A value that is not between `lo` and `hi`.
pub(super) fn outside(row: &[i64], lo: i64, hi: i64) -> Option<i64> {
    let is_outside = |x: i64| (x < lo) | (x > hi);
    // Without a way out, several at once.
    if row.iter().fold(false, |any, x| any | is_outside(*x)) { row.iter().copied().find(|x| is_outside(*x)) } else { None }
}

/// Computes `to`; or gives a value and what is wrong with it.
pub(super) fn compute(
    work: &Work,
    rows: &[Vec<i64>],
    tables: &[Vec<i128>],
    to: &mut [i64],
    scratch: &mut [i64],
) -> Result<(), (i64, &'static str)> {
    let row = |at: &u32| rows[*at as usize].as_slice();
    match work {
        Work::Add(a, b) => two(to, row(a), row(b), i64::wrapping_add),
        Work::Subtract(a, b) => two(to, row(a), row(b), i64::wrapping_sub),
        Work::AddOrSubtract(a, b, minus) => {
            two(to, row(b), row(minus), |b, minus| (b ^ -minus).wrapping_add(minus));
            by(to, row(a), i64::wrapping_add);
        }
        Work::Multiply(a, b) => two(to, row(a), row(b), i64::wrapping_mul),
        Work::ShiftLeft(a, bits) => one(to, row(a), |a| a << bits),
        Work::ShiftRight(a, bits) => one(to, row(a), |a| a >> bits),
        Work::Less(a, b) => two(to, row(a), row(b), |a, b| i64::from(a < b)),
        Work::Equal(a, b) => two(to, row(a), row(b), |a, b| i64::from(a == b)),
        Work::Not(a) => one(to, row(a), |a| a ^ 1),
        Work::And(args) => fold(to, args, row, |all, a| all & a),
        Work::Or(args) => fold(to, args, row, |all, a| all | a),
        Work::Gate(c, a) => two(to, row(c), row(a), |c, a| -c & a),
        Work::OneOf(pairs) => return one_of(to, pairs, row, scratch),
        Work::Select(c, a, b) => {
            to.copy_from_slice(row(b));
            leave(to, row(c), row(a));
        }
        Work::Pick(index, words) => {
            let Some((last, words)) = words.split_last() else { return Ok(()) };
            to.copy_from_slice(row(last));
            for (at, word) in words.iter().enumerate() {
                for ((to, index), word) in to.iter_mut().zip(row(index)).zip(row(word)) {
                    *to = if *index == at as i64 { *word } else { *to };
                }
            }
        }
        Work::Table(index, table) => return look_up(to, row(index), &tables[*table]),
        Work::Bits(a, low, ones) => one(to, row(a), |a| a >> low & ones),
        Work::Signed(a, bits) => one(to, row(a), |a| a << bits >> bits),
        Work::Join(words) => {
            to.fill(0);
            words.iter().for_each(|(word, bits)| by(to, row(word), |to, word| to << bits | word));
        }
    }
    Ok(())
}

fn fold<'a>(to: &mut [i64], args: &[u32], row: impl Fn(&u32) -> &'a [i64], f: impl Fn(i64, i64) -> i64 + Copy) {
    match args {
        [a, b, others @ ..] => {
            two(to, row(a), row(b), f);
            others.iter().for_each(|arg| by(to, row(arg), f));
        }
        [only] => to.copy_from_slice(row(only)),
        [] => {}
    }
}

fn one_of<'a>(
    to: &mut [i64],
    pairs: &[(u32, u32)],
    row: impl Fn(&u32) -> &'a [i64],
    set: &mut [i64],
) -> Result<(), (i64, &'static str)> {
    to.fill(0);
    set.fill(0);
    for (condition, word) in pairs {
        for (((to, set), condition), word) in to.iter_mut().zip(set.iter_mut()).zip(row(condition)).zip(row(word)) {
            let gated = -condition & word;
            *to |= gated;
            *set += i64::from(gated != 0);
        }
    }
    match outside(set, 0, 1) {
        Some(found) => Err((found, TWO_SET)),
        None => Ok(()),
    }
}

fn look_up(to: &mut [i64], index: &[i64], table: &[i128]) -> Result<(), (i64, &'static str)> {
    for (to, index) in to.iter_mut().zip(index) {
        match usize::try_from(*index).ok().and_then(|at| table.get(at)) {
            Some(entry) => *to = *entry as i64,
            None => return Err((*index, NO_ENTRY)),
        }
    }
    Ok(())
}
