//! What a node makes of its arguments, one value at a time.

use super::{NO_ENTRY, OUT_OF_RANGE, TWO_SET};
use crate::circuit::{Node, Op};

/// The value of `node` for these values of what it reads; or what is wrong, and with which value.
pub(in crate::circuit) fn compute(node: &Node, args: &[i128], tables: &[Vec<i128>]) -> Result<i128, (i128, &'static str)> {
    let (a, b, c) = match *args {
        [] => (0, 0, 0),
        [a] => (a, 0, 0),
        [a, b] => (a, b, 0),
        [a, b, c, ..] => (a, b, c),
    };
    let value = match &node.op {
        Op::Input | Op::State(_) => 0,
        Op::Constant => node.range.lo,
        Op::Add => a + b,
        Op::Subtract => a - b,
        Op::AddOrSubtract => {
            if c == 1 {
                a - b
            } else {
                a + b
            }
        }
        Op::Multiply => a * b,
        Op::ShiftLeft(bits) => a.wrapping_shl(*bits),
        Op::ShiftRight(bits) => a >> bits.min(&127),
        Op::Less => (a < b).into(),
        Op::Equal => (a == b).into(),
        Op::Not => 1 - a,
        Op::And => args.iter().fold(-1, |all, x| all & x),
        Op::Or => args.iter().fold(0, |all, x| all | x),
        Op::Gate => a * b,
        Op::OneOf => {
            let gated = args.as_chunks().0.iter().map(|[condition, word]| condition * word).filter(|word| *word != 0);
            let (set, word) = gated.fold((0, 0), |(set, all), word| (set + 1, all | word));
            if set > 1 {
                return Err((set, TWO_SET));
            }
            word
        }
        Op::Select => {
            if a == 1 {
                b
            } else {
                c
            }
        }
        // Beyond the last word it does not matter which.
        Op::Pick => args[(a as usize + 1).min(args.len() - 1)],
        Op::Table(at) => match usize::try_from(a).ok().and_then(|index| tables[*at].get(index)) {
            Some(entry) => *entry,
            None => return Err((a, NO_ENTRY)),
        },
        Op::Bits { low, width } => (a >> low.min(&127)) & !(-1i128).checked_shl(*width).unwrap_or(0),
        Op::Signed { width } => {
            let bits = 128 - width.clamp(&1, &128);
            a << bits >> bits
        }
        Op::Join(widths) => widths.iter().zip(args).fold(0, |word, (width, x)| (word << width) | x),
        Op::Narrow if (node.range.lo..=node.range.hi).contains(&a) => a,
        Op::Narrow => return Err((a, OUT_OF_RANGE)),
    };
    Ok(value)
}
