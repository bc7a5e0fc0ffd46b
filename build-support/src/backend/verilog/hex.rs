//! Events as words that `$readmemh` reads.

use crate::mantissas::Mantissas;

/// A line for each word of `elements` mantissas; the last word of an event is filled up with zeros.
pub(super) fn words(events: &Mantissas, elements: usize) -> String {
    let width = events.format().width.max(1);
    let mut text = String::new();
    for word in events.iter().flat_map(|event| event.chunks(elements)) {
        // Most of an image is zero, and zeros at the front of a number are not needed.
        let used = word.len() - word.iter().rev().take_while(|value| **value == 0).count();
        push(&mut text, &word[..used], width);
        text.push('\n');
    }
    text
}

/// The number in which the lowest bits are the first mantissa.
fn push(text: &mut String, mantissas: &[i64], width: u32) {
    let (mut digits, mut rest, mut bits) = (Vec::with_capacity(mantissas.len() * width as usize / 4 + 2), 0u128, 0);
    for mantissa in mantissas {
        rest |= u128::from(*mantissa as u64 & (u64::MAX >> (64 - width))) << bits;
        bits += width;
        while bits >= 4 {
            digits.push(b"0123456789abcdef"[(rest & 15) as usize]);
            rest >>= 4;
            bits -= 4;
        }
    }
    digits.push(b"0123456789abcdef"[(rest & 15) as usize]);
    while digits.len() > 1 && digits.last() == Some(&b'0') {
        digits.pop();
    }
    text.extend(digits.into_iter().rev().map(char::from));
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::*;
    use crate::fixed::Format;

    #[test]
    fn a_word_has_its_first_element_in_its_lowest_bits() {
        let events = |values: &[i64], signed, width| {
            Mantissas::new(values.to_vec(), NonZeroUsize::new(4).unwrap(), Format { signed, width, fraction: 0 })
        };
        assert_eq!(words(&events(&[1, 2, 3, 4], false, 4), 4), "4321\n");
        assert_eq!(words(&events(&[1, 2, 3, 4, 0, 0, 0, 0], false, 4), 3), "321\n4\n0\n0\n");
        assert_eq!(words(&events(&[-1, 0, -1, 1], true, 3), 4), "3c7\n".replace("3c7", &format!("{:x}", 0b001_111_000_111)));
        assert_eq!(words(&events(&[-2, 1, 0, 0], true, 63), 2), format!("{:x}\n0\n", (1u128 << 63) | ((1 << 63) - 2)));
    }
}
