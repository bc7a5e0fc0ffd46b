//! XML as a tree of names and texts. A report is untrusted: sizes and depth are bounded, nothing is required of its order,
//! and what a tool adds in a later version does no harm.

use quick_xml::{Reader, events::Event};

/// Deeper than any report.
const MAX_DEPTH: usize = 64;

/// An element.
#[derive(Debug, Default)]
pub struct Node {
    name: String,
    text: String,
    children: Vec<Node>,
}

impl Node {
    /// Reads a document; gives its root.
    ///
    /// # Errors
    /// Why it is no well-formed document.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut reader = Reader::from_str(text);
        // The outermost node stands for the document.
        let mut open = vec![Self::default()];
        loop {
            match reader.read_event().map_err(|error| error.to_string())? {
                Event::Start(start) if open.len() <= MAX_DEPTH => open.push(Self::named(start.name().as_ref())),
                Event::Start(_) => return Err(format!("elements are nested more than {MAX_DEPTH} deep")),
                Event::Empty(start) => adopt(&mut open, Self::named(start.name().as_ref()))?,
                Event::End(_) => {
                    let child = open.pop().ok_or("an element ends that has not begun")?;
                    adopt(&mut open, child)?;
                }
                Event::Text(text) => {
                    if let Some(node) = open.last_mut() {
                        node.text.push_str(text.trim());
                    }
                }
                Event::Eof => break,
                _ => {}
            }
        }
        let [document] = open.as_mut_slice() else { return Err("it ends in the middle of an element".to_owned()) };
        document.children.pop().ok_or_else(|| "it has no element".to_owned())
    }

    fn named(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    /// The first element along `path`.
    pub fn find(&self, path: &str) -> Option<&Self> {
        path.split('/').try_fold(self, |node, name| node.all(name).next())
    }

    /// What it is called.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// All its children.
    pub(crate) fn children(&self) -> &[Self] {
        &self.children
    }

    /// The children called `name`.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The text along `path`, unless it is empty.
    pub(crate) fn text(&self, path: &str) -> Option<String> {
        self.find(path).map(|node| node.text.clone()).filter(|text| !text.is_empty())
    }

    /// The number along `path`. The tools write `undef`, `-`, `?` or `NA` where they know none.
    pub(crate) fn number<T: std::str::FromStr>(&self, path: &str) -> Option<T> {
        super::number(&self.text(path)?)
    }
}

fn adopt(open: &mut [Node], child: Node) -> Result<(), String> {
    open.last_mut().ok_or("an element ends that has not begun")?.children.push(child);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::Node;

    #[test]
    fn a_tree_is_read_and_what_is_not_known_is_none() {
        let node = Node::parse("<?xml version='1.0'?><a><b> 7 </b><b>undef</b><c/><d><e>x&amp;y</e></d></a>").unwrap();
        assert_eq!((node.name.as_str(), node.number::<u64>("b"), node.all("b").count()), ("a", Some(7), 2));
        assert_eq!((node.text("c"), node.text("d/e/f"), node.number::<u64>("d/e")), (None, None, None));
    }

    #[test]
    fn what_is_no_document_is_refused() {
        let deep = "<a>".repeat(100_000);
        for text in ["", "no", "<a><b></a>", "<a>", "<a></a", "<a b=", &deep] {
            assert!(Node::parse(text).is_err(), "{text:.20}");
        }
    }
}
