//! Names from model files and manifests, made into identifiers.
//!
//! A layer may be called `class`, `2nd-dense.layer` or `"; exec rm`. Names are data: they reach generated text only as
//! an identifier from here, or inside a comment through [`comment`].

mod reserved;

use std::collections::HashSet;

pub(crate) use self::reserved::is_word_of_hardware;
pub use self::reserved::{is_reserved, meaning};

/// The nearest identifier for a layer; not necessarily unique.
pub(crate) fn of_layer(name: &str) -> String {
    not_reserved(identifier(name), "layer")
}

/// The nearest name that a model may have.
pub(crate) fn of_model(name: &str) -> String {
    not_reserved(identifier(name), "model")
}

/// `name`, or if that is a word, or begins like the names of a library, what it names after or before it.
fn not_reserved(name: String, what: &str) -> String {
    if !is_reserved(&name) {
        return name;
    }
    let longer = format!("{name}_{what}");
    if is_reserved(&longer) { format!("{what}_{name}") } else { longer }
}

/// The nearest identifier: letters in lower case, digits, and single underscores between them, as VHDL asks for.
pub(crate) fn identifier(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars().take(48) {
        let c = if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
        if !(c == '_' && out.ends_with('_')) {
            out.push(c);
        }
    }
    let out = out.trim_matches('_');
    let out = if out.starts_with(|c: char| c.is_ascii_lowercase()) { out.to_owned() } else { format!("layer_{out}") };
    out.trim_end_matches('_').to_owned()
}

/// Gives every name an identifier that no other has, nor any identifier made from another by a suffix.
#[derive(Debug, Default)]
pub struct Identifiers {
    taken: HashSet<String>,
}

impl Identifiers {
    /// What generated code appends to a layer's identifier.
    pub(crate) const SUFFIXES: [&'static str; 22] = [
        "",
        "_t",
        "_config",
        "_hash",
        "_hash_t",
        "_weights",
        "_biases",
        "_table",
        "_process",
        "_quotient_config",
        "_stream",
        "_hash_stream",
        "_share",
        "_hash_share",
        "_steps",
        "_turn",
        "_partial",
        "_cells",
        "_active",
        "_counts",
        "_taken",
        "_sums",
    ];

    /// Reserves `name` as it stands.
    pub(crate) fn reserve(&mut self, name: &str) {
        self.taken.insert(name.to_owned());
    }

    /// A free identifier for `name`: itself if it can be, else with a counter.
    pub(crate) fn assign(&mut self, name: &str) -> String {
        let base = of_layer(name);
        let mut candidate = base.clone();
        let mut count = 1;
        while Self::SUFFIXES.iter().any(|suffix| self.is_taken(&format!("{candidate}{suffix}"))) {
            count += 1;
            candidate = format!("{base}_{count}");
        }
        self.taken.extend(Self::SUFFIXES.iter().map(|suffix| format!("{candidate}{suffix}")));
        candidate
    }

    fn is_taken(&self, name: &str) -> bool {
        self.taken.contains(name) || is_reserved(name)
    }
}

/// `name` as it can stand in a one-line comment of any language: printable ASCII without backslashes (which would
/// continue a C++ line comment), trigraphs or comment ends.
pub(crate) fn comment(name: &str) -> String {
    let safe = |c: char| c.is_ascii_graphic() && !matches!(c, '\\' | '*' | '?' | '`' | '[' | ']' | '$') || c == ' ';
    let text: String =
        name.chars().take(120).map(|c| if safe(c) { c.to_string() } else { format!("<{:x}>", c as u32) }).collect();
    if text == name { text } else { format!("{text} (escaped)") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_names_become_plain_identifiers() {
        for name in [
            "class",
            "2nd-dense.layer",
            "\"; exec rm",
            "",
            "日本",
            "a\nb",
            "__x",
            "AP_TRN",
            "ap",
            "main",
            "x\\",
            "_",
            &"y".repeat(900),
        ] {
            for made in [of_layer(name), of_model(name)] {
                assert!(made.starts_with(|c: char| c.is_ascii_lowercase()), "{name:?} -> {made:?}");
                assert!(made.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'), "{made:?}");
                assert!(!made.contains("__") && !made.ends_with('_') && !is_reserved(&made) && made.len() < 64);
            }
        }
    }

    #[test]
    fn identifiers_do_not_collide_through_suffixes() {
        let mut names = Identifiers::default();
        names.reserve("digits");
        let given = ["a", "A", "a_t", "digits", "a!", "size", "wchar", "ap", "sinf", "com1", "int"];
        let made: Vec<_> = given.iter().map(|name| names.assign(name)).collect();
        assert_eq!(
            made,
            [
                "a",
                "a_2",
                "a_t_2",
                "digits_2",
                "a_3",
                "size_2",
                "wchar_layer",
                "layer_ap",
                "sinf_layer",
                "com1_layer",
                "int_layer"
            ]
        );
    }

    #[test]
    fn comments_stay_on_their_line_and_in_their_comment() {
        for name in ["a\nint main", "*/ evil /*", "end\\", "??/", "[exec rm]", "\u{2028}x"] {
            let made = comment(name);
            assert!(made.is_ascii() && !made.contains(['\n', '\r', '\\', '*', '?', '[', '$']), "{made:?}");
        }
    }
}
