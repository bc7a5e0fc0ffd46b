//! Markup that cannot be wrong: every element is closed, and every text is escaped on its way in.

use std::fmt::Display;

/// A piece of markup.
#[derive(Debug, Clone, Default)]
pub struct Html(String);

/// An attribute: its name, and its value as text.
pub type Attribute<'a> = (&'static str, &'a dyn Display);

impl Html {
    /// Nothing.
    pub const NONE: Self = Self(String::new());

    /// Markup of ours: a style sheet, a head.
    pub fn ours(markup: &'static str) -> Self {
        Self(markup.to_owned())
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// How many bytes it has.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Adds what follows.
    pub fn push(&mut self, more: impl Into<Self>) {
        self.0 += &more.into().0;
    }
}

impl From<&str> for Html {
    fn from(text: &str) -> Self {
        Self(escaped(text))
    }
}

impl From<String> for Html {
    fn from(text: String) -> Self {
        text.as_str().into()
    }
}

impl From<&String> for Html {
    fn from(text: &String) -> Self {
        text.as_str().into()
    }
}

impl From<Vec<Self>> for Html {
    fn from(parts: Vec<Self>) -> Self {
        parts.into_iter().collect()
    }
}

impl<const N: usize> From<[Self; N]> for Html {
    fn from(parts: [Self; N]) -> Self {
        parts.into_iter().collect()
    }
}

impl FromIterator<Self> for Html {
    fn from_iter<T: IntoIterator<Item = Self>>(parts: T) -> Self {
        let mut all = Self::NONE;
        parts.into_iter().for_each(|part| all.push(part));
        all
    }
}

/// An element with attributes and what is in it.
pub fn element(name: &'static str, attributes: &[Attribute<'_>], inside: impl Into<Html>) -> Html {
    let mut html = format!("<{name}");
    for (attribute, value) in attributes {
        html += &format!(" {attribute}=\"{}\"", escaped(&value.to_string()));
    }
    Html(html + ">" + &inside.into().0 + "</" + name + ">")
}

/// An element without attributes.
pub fn plain(name: &'static str, inside: impl Into<Html>) -> Html {
    element(name, &[], inside)
}

/// Text that is text, in an element and in an attribute. Characters that a document may not have are replaced.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\'' => out += "&#39;",
            '\n' | '\t' => out.push(c),
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_text_wherever_it_stands() {
        let hostile = "</td><script>alert('1')</script>&\"\0\u{7f}";
        let html = element("td", &[("title", &hostile)], hostile);
        let text = "&lt;/td&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;&quot;\u{fffd}\u{fffd}";
        assert_eq!(html.as_str(), format!("<td title=\"{text}\">{text}</td>"));
    }
}
