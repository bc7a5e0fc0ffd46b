//! Ranges of sums over pixels of which only some can be active at once.

use crate::fixed::MantissaRange;

/// The hull of the sums of up to `count` of `terms`, each of which may be left out.
pub(crate) fn some_of(terms: &[MantissaRange], count: usize) -> MantissaRange {
    let best = |key: fn(&MantissaRange) -> i128| {
        let mut gains: Vec<i128> = terms.iter().map(key).filter(|gain| *gain > 0).collect();
        if gains.len() > count {
            gains.select_nth_unstable_by(count, |a, b| b.cmp(a));
            gains.truncate(count);
        }
        gains.iter().sum::<i128>()
    };
    MantissaRange { lo: -best(|term| -term.lo), hi: best(|term| term.hi) }
}

/// The (first, one past last) kernel rows that can be inside an image of `size` rows, for every output row whose
/// range is not inside another's.
pub(crate) fn reachable(size: usize, kernel: usize) -> Vec<(usize, usize)> {
    let pad = (kernel - 1) / 2;
    let range = |out: usize| (pad.saturating_sub(out), (size + pad - out).min(kernel));
    let all: Vec<_> =
        (0..size.min(2 * kernel)).map(|out| if size > 2 * kernel { range(out.min(pad)) } else { range(out) }).collect();
    let inside = |a: &(usize, usize), b: &(usize, usize)| b.0 <= a.0 && a.1 <= b.1 && a != b;
    let mut kept: Vec<_> = all.iter().filter(|a| !all.iter().any(|b| inside(a, b))).copied().collect();
    kept.dedup();
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_terms_bound_a_sum() {
        let terms = [(-3, 1), (-1, 5), (2, 4), (-7, -6)].map(|(lo, hi)| MantissaRange { lo, hi });
        assert_eq!(some_of(&terms, 2), MantissaRange { lo: -10, hi: 9 });
        assert_eq!(some_of(&terms, 9), MantissaRange { lo: -11, hi: 10 });
        assert_eq!(some_of(&terms, 0), MantissaRange::ZERO);
    }

    #[test]
    fn kernel_rows_inside_the_image() {
        assert_eq!(reachable(28, 3), [(0, 3)]);
        assert_eq!(reachable(2, 3), [(1, 3), (0, 2)]);
        assert_eq!(reachable(1, 4), [(1, 2)]);
        for (size, kernel) in [(5usize, 13usize), (7, 2), (1, 1), (9, 9), (30, 13), (3, 4)] {
            let pad = (kernel - 1) / 2;
            let window = |out: usize| -> Vec<usize> {
                (0..kernel).filter(|k| (out + k).checked_sub(pad).is_some_and(|row| row < size)).collect()
            };
            for out in 0..size {
                let rows = window(out);
                let covered = reachable(size, kernel).iter().any(|(a, b)| rows.iter().all(|row| (a..b).contains(&row)));
                assert!(covered, "size {size}, kernel {kernel}, row {out}");
            }
            for (a, b) in reachable(size, kernel) {
                assert!((0..size).any(|out| window(out) == (a..b).collect::<Vec<_>>()), "size {size}, kernel {kernel}");
            }
        }
    }
}
