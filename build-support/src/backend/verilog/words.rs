//! Expressions of Verilog for words whose widths are known.
//!
//! Everything is as wide as what it is assigned to, and is extended in so many words, so that nothing depends on what Verilog
//! would make of operands of different widths and signs.

use super::labels;
use crate::{
    circuit::{Circuit, Net, Op},
    error::{Error, Result},
    fixed::{Format, MantissaRange},
};

/// A word that can be read: a name, or a constant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Word {
    /// A net or a register.
    Named {
        /// Its name.
        name: String,
        /// Its bits.
        width: u32,
        /// Whether the highest one is a sign.
        signed: bool,
    },
    /// Always the same.
    Constant(i128),
}

impl Word {
    /// Bits from `low` on, `width` of them, of the word with as many copies of its sign as that takes.
    pub(super) fn part(&self, low: u32, width: u32) -> String {
        let (name, own, signed) = match self {
            Self::Constant(value) => return literal(value >> low.min(127), width),
            Self::Named { name, width, signed } => (name, *width, *signed),
        };
        let taken = own.saturating_sub(low).min(width);
        let inner = match taken {
            0 => None,
            _ if taken == own => Some(name.clone()),
            1 => Some(format!("{name}[{low}]")),
            _ => Some(format!("{name}[{}:{low}]", low + taken - 1)),
        };
        let sign = if own == 1 { name.clone() } else { format!("{name}[{}]", own - 1) };
        let more = width - taken;
        match (inner, signed) {
            (Some(inner), _) if more == 0 => inner,
            (Some(inner), false) => format!("{{{more}'d0, {inner}}}"),
            (Some(inner), true) => format!("{{{}, {inner}}}", copies(more, &sign)),
            (None, false) => format!("{more}'d0"),
            (None, true) => copies(more, &sign),
        }
    }

    fn extended(&self, width: u32) -> String {
        self.part(0, width)
    }

    /// The least number of bits that hold it as a number with a sign.
    fn signed_width(&self) -> u32 {
        match self {
            Self::Named { width, signed, .. } => width + u32::from(!signed),
            Self::Constant(value) => signed_bits(*value),
        }
    }

    fn is_signed(&self) -> bool {
        match self {
            Self::Named { signed, .. } => *signed,
            Self::Constant(value) => *value < 0,
        }
    }
}

fn copies(count: u32, bit: &str) -> String {
    if count == 1 { bit.to_owned() } else { format!("{{{count}{{{bit}}}}}") }
}

fn signed_bits(value: i128) -> u32 {
    129 - if value < 0 { value.leading_ones() } else { value.leading_zeros() }
}

/// `value` modulo `2^width`, as so many bits.
pub(super) fn literal(value: i128, width: u32) -> String {
    let bits = if width < 128 { value & ((1 << width) - 1) } else { value };
    // What is negative or long is easier to read by digit.
    if bits == value && width <= 32 { format!("{width}'d{bits}") } else { format!("{width}'h{bits:x}") }
}

/// `[7:0] `, or nothing for a bit.
pub(super) fn range(width: u32) -> String {
    if width == 1 { String::new() } else { format!("[{}:0]", width - 1) }
}

/// What the node of `net`, which is no table, makes of `words`, its arguments.
pub(super) fn expression(circuit: &Circuit, net: Net, words: &[Word]) -> Result<String> {
    let node = circuit.node(net);
    let width = node.width();
    let all = |glue: &str| words.iter().map(|word| word.extended(width)).collect::<Vec<_>>().join(glue);
    Ok(match (&node.op, words) {
        (Op::Add, [_, _]) => all(" + "),
        (Op::Subtract, [Word::Constant(0), b]) => format!("-{}", b.extended(width)),
        (Op::Subtract, [_, _]) => all(" - "),
        (Op::AddOrSubtract, [a, b, minus]) => {
            format!("{}({}, {}, {})", labels::add_or_subtract(width), a.extended(width), b.extended(width), minus.extended(1))
        }
        (Op::Multiply, [a, b]) => product(a, b, width),
        (Op::ShiftLeft(bits), [a]) if *bits < width => format!("{{{}, {bits}'d0}}", a.extended(width - bits)),
        (Op::ShiftRight(bits), [a]) => a.part(*bits, width),
        (Op::Less, [a, b]) => less(a, b),
        (Op::Equal, [a, b]) => equal(a, b),
        (Op::Not, [a]) => format!("~{}", a.extended(1)),
        (Op::And, [_, ..]) => all(" & "),
        (Op::Or, [_, ..]) => all(" | "),
        (Op::Gate, [c, a]) if width == 1 => format!("{} & {}", c.extended(1), a.extended(1)),
        (Op::Gate, [c, a]) => format!("{} ? {} : {width}'d0", c.extended(1), a.extended(width)),
        (Op::OneOf, pairs) if pairs.len().is_multiple_of(2) => {
            let gated = |pair: &[Word]| format!("({} & {})", copies(width, &pair[0].extended(1)), pair[1].extended(width));
            pairs.chunks_exact(2).map(gated).collect::<Vec<_>>().join(" | ")
        }
        (Op::Select, [c, a, b]) => format!("{} ? {} : {}", c.extended(1), a.extended(width), b.extended(width)),
        (Op::Pick, [index, words @ ..]) => pick(index, words, width),
        (Op::Bits { low, .. }, [a]) => a.part(*low, width),
        (Op::Signed { .. } | Op::Narrow, [a]) => a.extended(width),
        (Op::Join(widths), words) if widths.len() == words.len() => join(words, widths, width),
        (op, words) => return Err(Error::internal(format!("{op:?} of {} words", words.len()))),
    })
}

/// Of up to four words that which two bits choose; of one that is not there nobody asks.
fn pick(index: &Word, words: &[Word], width: u32) -> String {
    let of_two = |words: &[Word]| match words {
        [only] => only.extended(width),
        words => format!("{} ? {} : {}", index.part(0, 1), words[1].extended(width), words[0].extended(width)),
    };
    match words {
        [a, b, others @ ..] if !others.is_empty() => {
            let others = of_two(others);
            let others = if others.contains('?') { format!("({others})") } else { others };
            format!("{} ? {others} : ({})", index.part(1, 1), of_two(&[a.clone(), b.clone()]))
        }
        words => of_two(words),
    }
}

/// Both are as wide as the product: synthesizers take back what is nothing but copies of a sign.
fn product(a: &Word, b: &Word, width: u32) -> String {
    let (x, y) = (a.extended(width), b.extended(width));
    if a.is_signed() || b.is_signed() { format!("$signed({x}) * $signed({y})") } else { format!("{x} * {y}") }
}

fn less(a: &Word, b: &Word) -> String {
    let width = common(a, b);
    let (x, y) = (a.extended(width), b.extended(width));
    if a.is_signed() || b.is_signed() { format!("$signed({x}) < $signed({y})") } else { format!("{x} < {y}") }
}

fn equal(a: &Word, b: &Word) -> String {
    let width = common(a, b);
    format!("{} == {}", a.extended(width), b.extended(width))
}

/// The least width that holds both as numbers of one kind.
fn common(a: &Word, b: &Word) -> u32 {
    let width = a.signed_width().max(b.signed_width());
    if a.is_signed() || b.is_signed() { width } else { (width - 1).max(1) }
}

/// Words beside each other in `width` bits, of which those that can be no 1 are left out or added on top.
fn join(words: &[Word], widths: &[u32], width: u32) -> String {
    let (mut left, mut parts) = (width, Vec::new());
    for (word, own) in words.iter().zip(widths).rev() {
        let taken = left.min(*own);
        left -= taken;
        if taken > 0 {
            parts.push(word.extended(taken));
        }
    }
    if left > 0 {
        parts.push(format!("{left}'d0"));
    }
    parts.reverse();
    if let [only] = &parts[..] { only.clone() } else { format!("{{{}}}", parts.join(", ")) }
}

/// A module that looks up an entry of `table`, with a line for each. An index beyond the end gives the last.
///
/// Not a function: Verilator would write out the choice wherever one is called, and here it makes an array.
pub(super) fn look_up(name: &str, table: &[i128]) -> String {
    let hull = |range: MantissaRange, x: &i128| MantissaRange { lo: range.lo.min(*x), hi: range.hi.max(*x) };
    let start = table.first().map_or(MantissaRange::ZERO, |first| MantissaRange { lo: *first, hi: *first });
    let width = Format::holding(table.iter().fold(start, hull), 0).width.max(1);
    let bits = index_bits(table.len());
    let ranges = [range(bits), range(width)];
    let widest = ranges.iter().map(String::len).max().unwrap_or(0);
    let mut text = format!(
        "module {name} (\n    input  wire {:>widest$} index,\n    output reg  {:>widest$} entry\n);\n    always @* begin\n        \
         case (index)\n",
        ranges[0], ranges[1]
    );
    let digits = format!("{bits}'d{}:", table.len() - 1).len().max("default:".len());
    for (at, entry) in table.iter().enumerate() {
        let index = if at + 1 == table.len() { "default:".to_owned() } else { format!("{bits}'d{at}:") };
        text += &format!("            {index:<digits$} entry = {};\n", literal(*entry, width));
    }
    text + "        endcase\n    end\nendmodule\n"
}

/// The text of the function that adds or subtracts words of so many bits. A bit below the words carries into them.
pub(super) fn add_or_subtract(width: u32) -> String {
    let (name, own, more) = (labels::add_or_subtract(width), range(width), range(width + 1));
    let space = |range: &str| if range.is_empty() { String::new() } else { format!("{range} ") };
    format!(
        "    function {0}{name};\n        input {0}a;\n        input {0}b;\n        input minus;\n        reg   {more} sum;\n        \
         begin\n            sum = {{a, minus}} + {{b ^ {{{width}{{minus}}}}, minus}};\n            {name} = sum[{width}:1];\n        \
         end\n    endfunction\n",
        space(&own)
    )
}

/// Bits of the index of a table.
pub(super) fn index_bits(entries: usize) -> u32 {
    (usize::BITS - entries.saturating_sub(1).leading_zeros()).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_words() {
        let word = |width, signed| Word::Named { name: "x".into(), width, signed };
        for (word, low, width, text) in [
            (word(8, false), 0, 8, "x"),
            (word(8, false), 0, 9, "{1'd0, x}"),
            (word(8, true), 0, 9, "{x[7], x}"),
            (word(8, true), 0, 12, "{{4{x[7]}}, x}"),
            (word(8, true), 6, 4, "{{2{x[7]}}, x[7:6]}"),
            (word(8, false), 3, 1, "x[3]"),
            (word(8, false), 3, 2, "x[4:3]"),
            (word(8, false), 8, 2, "2'd0"),
            (word(8, true), 9, 2, "{2{x[7]}}"),
            (word(1, true), 0, 3, "{{2{x}}, x}"),
            (word(1, false), 0, 1, "x"),
            (Word::Constant(-2), 0, 4, "4'he"),
            (Word::Constant(-2), 1, 4, "4'hf"),
            (Word::Constant(5), 0, 4, "4'd5"),
            (Word::Constant(5), 0, 40, "40'h5"),
        ] {
            assert_eq!(word.part(low, width), text, "{word:?} {low} {width}");
        }
    }

    #[test]
    fn a_table_has_a_line_for_each_entry() {
        let text = "module t (\n    input  wire [1:0] index,\n    output reg  [3:0] entry\n);\n    always @* begin\n        case \
                    (index)\n            2'd0:    entry = 4'd7;\n            2'd1:    entry = 4'hf;\n            default: entry = \
                    4'h8;\n        endcase\n    end\nendmodule\n";
        assert_eq!(look_up("t", &[7, -1, -8]), text);
        assert_eq!([1, 2, 3, 4, 5, 256, 257].map(index_bits), [1, 1, 2, 2, 3, 8, 9]);
    }
}
