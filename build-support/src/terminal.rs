//! Text of others on a terminal: names of layers, values of a manifest, what tools have said.
//!
//! It may hold anything: what steers a terminal, what turns the direction of the rest of a line, 10,000 characters. All that
//! people read goes through here, and only here; programs get the truth, as JSON.

use std::{fmt::Write as _, path::Path};

/// The longest word of a message, in characters; of a longer one only the beginning is shown.
const WORD: usize = 200;
/// The longest line of a message.
const LINE: usize = 2000;
/// The most lines of a message.
const LINES: usize = 200;
/// The longest name in a table or a list.
const NAME: usize = 60;
/// The longest path: longer ones are no paths on any system.
const PATH: usize = 4096;

/// What turns the direction of text, has no width, or is no character: the first and the last of each range.
const UNSEEN: [(char, char); 11] = [
    ('\u{ad}', '\u{ad}'),
    ('\u{61c}', '\u{61c}'),
    ('\u{180e}', '\u{180e}'),
    ('\u{200b}', '\u{200f}'),
    ('\u{2028}', '\u{202e}'),
    ('\u{2060}', '\u{206f}'),
    ('\u{fdd0}', '\u{fdef}'),
    ('\u{feff}', '\u{feff}'),
    ('\u{fff0}', '\u{fffb}'),
    ('\u{fffe}', '\u{ffff}'),
    ('\u{e0000}', '\u{10ffff}'),
];

/// Characters that stand over the one before them.
const COMBINING: [(char, char); 6] = [
    ('\u{300}', '\u{36f}'),
    ('\u{1ab0}', '\u{1aff}'),
    ('\u{1dc0}', '\u{1dff}'),
    ('\u{20d0}', '\u{20ff}'),
    ('\u{fe00}', '\u{fe0f}'),
    ('\u{fe20}', '\u{fe2f}'),
];

/// Characters that take two columns.
const WIDE: [(char, char); 9] = [
    ('\u{1100}', '\u{115f}'),
    ('\u{2e80}', '\u{303e}'),
    ('\u{3041}', '\u{a4cf}'),
    ('\u{ac00}', '\u{d7a3}'),
    ('\u{f900}', '\u{faff}'),
    ('\u{fe30}', '\u{fe6f}'),
    ('\u{ff00}', '\u{ff60}'),
    ('\u{ffe0}', '\u{ffe6}'),
    ('\u{1f300}', '\u{3fffd}'),
];

fn is_in(ranges: &[(char, char)], c: char) -> bool {
    ranges.iter().any(|(first, last)| (*first..=*last).contains(&c))
}

/// Whether `c` does something to the text around it, or shows nothing, so that it is written as an escape.
pub fn steers(c: char) -> bool {
    c.is_control() || is_in(&UNSEEN, c)
}

/// `text` with the characters escaped that steer a terminal or turn the direction of what follows; line ends stay.
pub fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if steers(c) && c != '\n' { shown.extend(c.escape_default()) } else { shown.push(c) }
    }
    shown
}

/// As [`printable`], for a message: words, lines and the whole are cut where nobody would read on.
pub fn brief(text: &str) -> String {
    let mut shown = Vec::new();
    let mut lines = text.split('\n');
    for line in lines.by_ref().take(LINES) {
        let words: Vec<_> = line.split(' ').map(|word| cut(word, WORD)).collect();
        shown.push(cut(&printable(&words.join(" ")), LINE));
    }
    let more = lines.count();
    if more > 0 {
        shown.push(format!("… {more} more lines"));
    }
    shown.join("\n")
}

/// As [`printable`], for a path: no system has longer ones.
pub fn path(path: &Path) -> String {
    cut(&printable(&path.display().to_string()), PATH)
}

/// As [`printable`], for a name in a table or a list: on one line, and cut.
pub fn name(text: &str) -> String {
    cut(&printable(text).replace('\n', "\\n"), NAME)
}

/// The beginning of `text` if it has more than `most` characters, and how many those are.
fn cut(text: &str, most: usize) -> String {
    let Some((end, _)) = text.char_indices().nth(most) else { return text.to_owned() };
    let end = text[..end].char_indices().nth(most * 3 / 4).map_or(end, |(end, _)| end);
    let mut shown = text[..end].to_owned();
    let _ = write!(shown, "… ({} characters)", text.chars().count());
    shown
}

/// Columns that `text` takes.
pub fn width(text: &str) -> usize {
    let of = |c| if is_in(&COMBINING, c) { 0 } else { 1 + usize::from(is_in(&WIDE, c)) };
    text.chars().map(of).sum()
}

/// `text` with blanks behind it, up to `columns`.
pub fn padded(text: &str, columns: usize) -> String {
    format!("{text}{:1$}", "", columns.saturating_sub(width(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_steers_the_terminal() {
        let hostile = "a\u{1b}[31mred\u{1b}]0;t\u{7}\0\u{9b}\u{7f}\u{202e}\u{2066}\u{200b}\u{feff}\u{fdd0}\u{e0041}\r\tb\nc";
        for shown in [printable(hostile), brief(hostile), name(hostile)] {
            assert!(shown.chars().all(|c| c == '\n' || !steers(c)), "{shown:?}");
            assert!(shown.starts_with("a\\u{1b}[31mred\\u{1b}]0;t\\u{7}\\u{0}\\u{9b}"), "{shown}");
        }
        assert!(!name(hostile).contains('\n'));
        assert_eq!(printable("größer — 64×64 “µs” ▪ 日本\n"), "größer — 64×64 “µs” ▪ 日本\n");
        // Every character: an escape, or itself.
        for c in (0..=0x0010_ffff).filter_map(char::from_u32) {
            assert_eq!(printable(&c.to_string()) == c.to_string(), !steers(c) || c == '\n');
        }
    }

    #[test]
    fn what_nobody_would_read_is_cut() {
        let long = "x".repeat(10_000);
        assert_eq!(name(&long), format!("{}… (10000 characters)", &long[..45]));
        assert_eq!(name(&long[..60]), &long[..60]);
        let message = brief(&format!("the layer `{long}` is wrong\n{}", "word ".repeat(50_000)));
        assert!(message.starts_with("the layer `xxx") && message.contains(" is wrong\nword word"), "{message}");
        assert!(message.len() < 2500, "{}", message.len());
        let lines = brief(&"line\n".repeat(1000));
        assert_eq!((lines.lines().count(), lines.lines().last()), (201, Some("… 801 more lines")));
        assert!(path(Path::new(&"x/".repeat(50_000))).len() < 4200);
        // Escapes are many characters, and are cut too.
        assert!(brief(&"\u{202e}".repeat(100_000)).len() < 2500);
    }

    #[test]
    fn columns_are_what_a_terminal_shows() {
        for (text, columns) in [("abc", 3), ("größe", 5), ("e\u{301}", 1), ("日本", 4), ("64×64", 5)] {
            assert_eq!((width(text), width(&padded(text, 7))), (columns, 7), "{text}");
        }
        assert_eq!(padded("abc", 2), "abc");
    }
}
