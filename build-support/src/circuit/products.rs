//! Products of a word with a constant that is looked up.
//!
//! A constant is written with digits from -2 to 2 to base 4. What is looked up are the digits: each takes of the word itself, or
//! twice the word, or nothing, and adds or subtracts that, which one LUT for each bit of a sum does. A multiplier would make such
//! digits of the constant again.

use super::{
    Circuit, Net,
    trees::{Sign, Term},
};

/// The signed digits of `constant` to base 4, the least first: as few that are not zero as can be.
fn digits(constant: i128) -> Vec<i8> {
    let after = |digit: i128| -> Vec<i8> {
        let rest = digits((constant - digit) / 4);
        [digit as i8].into_iter().chain(rest).collect()
    };
    match constant.rem_euclid(4) {
        _ if constant == 0 => Vec::new(),
        0 => after(0),
        1 => after(1),
        3 => after(-1),
        _ if constant.abs() == 2 => vec![constant as i8],
        _ => {
            let (up, down) = (after(2), after(-2));
            let weight = |digits: &[i8]| (digits.len(), digits.iter().filter(|digit| **digit != 0).count());
            if weight(&up) <= weight(&down) { up } else { down }
        }
    }
}

/// A place of the digits of several constants.
struct Place {
    /// The bits by which it is shifted.
    shift: u32,
    /// The digit of each constant.
    digits: Vec<i8>,
}

/// The places in which any of `constants` has a digit, if they are aligned at `shift`.
fn places(constants: &[i128], shift: u32) -> Vec<Place> {
    let all: Vec<_> = constants.iter().map(|constant| digits(constant >> shift)).collect();
    let longest = all.iter().map(Vec::len).max().unwrap_or(0);
    let place = |at: usize| Place {
        shift: shift + 2 * at as u32,
        digits: all.iter().map(|digits| digits.get(at).copied().unwrap_or(0)).collect(),
    };
    (0..longest).map(place).filter(|place| place.digits.iter().any(|digit| *digit != 0)).collect()
}

impl Circuit {
    /// The terms of `x` times the entry of `table` that `index` names.
    pub(super) fn looked_up_product(&mut self, table: &[i128], index: Net, x: Net) -> Vec<Term> {
        let Some(shift) = table.iter().filter(|entry| **entry != 0).map(|entry| entry.trailing_zeros()).min() else {
            return Vec::new();
        };
        if self.constant_of(index).is_some() || table.iter().all(|entry| *entry == table[0]) {
            let constant = self.look_up(table, index);
            let constant = self.range(constant).lo;
            return self.product(x, constant).into_iter().map(Term::from).collect();
        }
        // One bit to the right the same constants may have fewer digits.
        let places =
            [Some(shift), shift.checked_sub(1)].into_iter().flatten().map(|shift| places(table, shift)).min_by_key(Vec::len);
        let places = places.unwrap_or_default();
        let (width, weight) =
            (self.width(x), table.iter().map(|entry| 128 - entry.unsigned_abs().leading_zeros()).max().unwrap_or(0));
        // A narrow word may have fewer digits than the constants.
        if places.len() as u32 * 2 > width.max(4) + 4 && weight > width {
            let constant = self.look_up(table, index);
            return vec![Term { net: self.multiply(constant, x), sign: Sign::Plus }];
        }
        places.iter().map(|place| self.digit(place, index, x)).collect()
    }

    fn digit(&mut self, place: &Place, index: Net, x: Net) -> Term {
        let mut flag = |is_set: fn(i8) -> bool| {
            let table: Vec<_> = place.digits.iter().map(|digit| is_set(*digit).into()).collect();
            self.look_up(&table, index)
        };
        let (one, two) = (flag(|digit| digit.abs() == 1), flag(|digit| digit.abs() == 2));
        let is_positive = place.digits.iter().all(|digit| *digit >= 0);
        let sign = match place.digits.iter().all(|digit| *digit <= 0) {
            true => Sign::Minus,
            false if is_positive => Sign::Plus,
            false => Sign::By(flag(|digit| digit < 0)),
        };
        let double = self.shift_left(x, 1);
        let term = self.one_of(&[(one, x), (two, double)]);
        Term { net: self.shift_left(term, place.shift), sign }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_add_up_and_are_few() {
        for constant in -3000..3000 {
            let digits = digits(constant);
            assert!(digits.iter().all(|digit| (-2..=2).contains(digit)), "{constant}: {digits:?}");
            assert_eq!(digits.iter().rev().fold(0, |sum, digit| sum * 4 + i128::from(*digit)), constant);
            let bits = 128 - constant.unsigned_abs().leading_zeros() as usize;
            assert!(digits.len() <= bits / 2 + 1, "{constant}: {digits:?}");
        }
    }

    #[test]
    fn constants_have_digits_in_no_more_places_than_they_need() {
        let places = |constants: &[i128], shift| places(constants, shift).iter().map(|place| place.shift).collect::<Vec<_>>();
        assert_eq!(places(&[-28, -8, 0, 4, 12, 24, 40], 2), [2, 4]);
        assert_eq!(places(&[0, 0], 0), [0; 0]);
        assert_eq!(places(&[-28, -8, 15], 0), [0, 2, 4]);
    }
}
