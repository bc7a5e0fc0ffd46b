//! Names from model files and manifests, made into identifiers.
//!
//! A layer may be called `class`, `2nd-dense.layer` or `"; exec rm`. Names are data: they reach generated text only as
//! an identifier from here, or inside a comment through [`comment`].

use std::collections::HashSet;

/// Words that neither a C++ function nor a Rust module may be called.
const RESERVED: &str = "abstract alignas alignof and and_eq as asm async auto await become bitand bitor bool box break \
    case catch char char16_t char32_t class compl const const_cast constexpr continue crate decltype default delete do \
    double dyn dynamic_cast else enum explicit export extern false final float fn for friend gen goto if impl in inline \
    int let long loop macro main match mod move mut mutable namespace new noexcept not not_eq nullptr operator or or_eq \
    override priv private protected pub public ref register reinterpret_cast return self short signed sizeof static \
    static_assert static_cast std struct super switch template this thread_local throw trait true try type typedef \
    typeid typename typeof union unsafe unsigned unsized use using virtual void volatile wchar_t where while xor \
    xor_eq yield sparsehls";

/// Types of the C and C++ libraries, in any header: a layer `size` with the type `size_t` would be one of them.
const LIBRARY_TYPES: &str = "blkcnt_t blksize_t caddr_t char8_t char16_t char32_t clock_t daddr_t dev_t div_t double_t errno_t \
    float_t fpos_t fsid_t gid_t id_t imaxdiv_t ino_t int_t int8_t int16_t int32_t int64_t intmax_t intptr_t key_t ldiv_t \
    lldiv_t locale_t loff_t max_align_t mbstate_t mode_t nlink_t nullptr_t off_t pid_t ptrdiff_t quad_t register_t sigset_t \
    size_t socklen_t ssize_t suseconds_t time_t timer_t u_int8_t u_int16_t u_int32_t u_int64_t u_quad_t uid_t uint_t uint8_t \
    uint16_t uint32_t uint64_t uintmax_t uintptr_t useconds_t wchar_t wctrans_t wctype_t wint_t";

/// Whether `name` is a keyword of C++ or Rust, or a name that generated code uses itself.
pub fn is_reserved(name: &str) -> bool {
    RESERVED.split_whitespace().any(|word| word == name)
}

/// The nearest identifier in lower-case ASCII that is not reserved; not necessarily unique.
pub fn identifier(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars().take(48) {
        let c = if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
        if !(c == '_' && out.ends_with('_')) {
            out.push(c);
        }
    }
    let out = out.trim_matches('_');
    let out = if out.starts_with(|c: char| c.is_ascii_lowercase()) { out.to_owned() } else { format!("layer_{out}") };
    let out = out.trim_end_matches('_');
    if is_reserved(out) { format!("{out}_layer") } else { out.to_owned() }
}

/// Gives every name an identifier that no other has, nor any identifier made from another by a suffix.
#[derive(Debug, Default)]
pub struct Identifiers {
    taken: HashSet<String>,
}

impl Identifiers {
    /// What generated code appends to a layer's identifier.
    pub const SUFFIXES: [&'static str; 10] =
        ["", "_t", "_config", "_hash", "_hash_t", "_weights", "_biases", "_table", "_process", "_quotient_config"];

    /// Reserves `name` as it stands.
    pub fn reserve(&mut self, name: &str) {
        self.taken.insert(name.to_owned());
    }

    /// A free identifier for `name`: itself if it can be, else with a counter.
    pub fn assign(&mut self, name: &str) -> String {
        let base = identifier(name);
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
        self.taken.contains(name) || is_reserved(name) || LIBRARY_TYPES.split_whitespace().any(|word| word == name)
    }
}

/// `name` as it can stand in a one-line comment of any language: printable ASCII without backslashes (which would
/// continue a C++ line comment), trigraphs or comment ends.
pub fn comment(name: &str) -> String {
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
        for name in
            ["class", "2nd-dense.layer", "\"; exec rm", "", "日本", "a\nb", "__x", "AP_TRN", "main", "x\\", &"y".repeat(900)]
        {
            let made = identifier(name);
            assert!(made.starts_with(|c: char| c.is_ascii_lowercase()), "{name:?} -> {made:?}");
            assert!(made.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'), "{made:?}");
            assert!(!made.contains("__") && !is_reserved(&made) && made.len() < 64);
        }
    }

    #[test]
    fn identifiers_do_not_collide_through_suffixes() {
        let mut names = Identifiers::default();
        names.reserve("digits");
        let given = ["a", "A", "a_t", "digits", "a!", "size", "wchar", "int8"];
        let made: Vec<_> = given.iter().map(|name| names.assign(name)).collect();
        assert_eq!(made, ["a", "a_2", "a_t_2", "digits_2", "a_3", "size_2", "wchar_2", "int8_2"]);
    }

    #[test]
    fn comments_stay_on_their_line_and_in_their_comment() {
        for name in ["a\nint main", "*/ evil /*", "end\\", "??/", "[exec rm]", "\u{2028}x"] {
            let made = comment(name);
            assert!(made.is_ascii() && !made.contains(['\n', '\r', '\\', '*', '?', '[', '$']), "{made:?}");
        }
    }
}
