//! The pages for people, taken apart: blocks of code, links, headings.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// A page: a file of Markdown, by its path in the repository.
pub struct Page {
    pub name: String,
    pub text: String,
}

/// A block of code between fences.
#[derive(Debug, Default)]
pub struct Block {
    /// The page, and the line of the opening fence.
    pub place: String,
    /// What stands behind the opening fence: `sh`, `console`, `toml`, ...
    pub kind: String,
    /// `needs=...` there.
    pub needs: Option<String>,
    /// The file that it is: `<!-- file NAME -->` stands before it.
    pub file: Option<String>,
    /// The folder that it is about: `<!-- in FOLDER -->` stands before it.
    pub folder: Option<String>,
    /// It replaces what the manifest there says of its models: `<!-- metadata -->` stands before it.
    pub metadata: bool,
    /// It is between `<!-- session -->` and `<!-- /session -->`, which a test of its own runs.
    pub own: bool,
    pub lines: Vec<String>,
}

/// The repository.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

/// What stands at the top of the repository, then the guide.
pub fn pages() -> Vec<Page> {
    let mut names = Vec::new();
    for folder in ["", "docs", "fuzz"] {
        let entries = fs::read_dir(repository().join(folder)).unwrap().map(|entry| entry.unwrap().file_name());
        let mut found: Vec<_> = entries.map(|name| name.into_string().unwrap()).filter(|name| name.ends_with(".md")).collect();
        found.sort();
        names.extend(found.into_iter().map(|name| if folder.is_empty() { name } else { format!("{folder}/{name}") }));
    }
    let read = |name: String| Page { text: fs::read_to_string(repository().join(&name)).unwrap(), name };
    names.into_iter().map(read).collect()
}

impl Page {
    /// Its blocks, from the top.
    pub fn blocks(&self) -> Vec<Block> {
        let mut blocks = Vec::new();
        let mut next = Block::default();
        let (mut open, mut own) = (false, false);
        for (at, line) in self.text.lines().enumerate() {
            match line.strip_prefix("```") {
                Some(_) if open => {
                    open = false;
                    blocks.push(std::mem::take(&mut next));
                }
                Some(info) => {
                    open = true;
                    next.own = own;
                    next.place = format!("{}:{}", self.name, at + 1);
                    let mut words = info.split(',');
                    next.kind = words.next().unwrap_or_default().to_owned();
                    next.needs = words.find_map(|word| word.strip_prefix("needs=")).map(str::to_owned);
                }
                None if open => next.lines.push(line.to_owned()),
                None => {
                    let remark = line.strip_prefix("<!-- ").and_then(|rest| rest.strip_suffix(" -->")).unwrap_or_default();
                    own = remark == "session" || own && remark != "/session";
                    next.metadata |= remark == "metadata";
                    next.file = remark.strip_prefix("file ").map(str::to_owned).or(next.file);
                    next.folder = remark.strip_prefix("in ").map(str::to_owned).or(next.folder);
                }
            }
        }
        assert!(!open, "{}: a block has no end", self.name);
        blocks
    }

    /// Its lines without code: those in fences and those that are indented, with their number.
    pub fn prose(&self) -> impl Iterator<Item = (usize, &str)> {
        let mut open = false;
        self.text.lines().enumerate().filter_map(move |(at, line)| {
            if line.starts_with("```") {
                open = !open;
                return None;
            }
            (!open && !line.starts_with("    ")).then_some((at + 1, line))
        })
    }

    /// Where its links lead, and of which line each is.
    pub fn links(&self) -> Vec<(usize, String)> {
        let mut links = Vec::new();
        for (at, line) in self.prose() {
            let line = without_code(line);
            for start in ["](", "src=\"", "href=\""] {
                let end = if start == "](" { ')' } else { '"' };
                let parts = line.split(start).skip(1);
                links.extend(parts.filter_map(|part| Some((at, part.split_once(end)?.0.to_owned()))));
            }
        }
        links
    }

    /// What a link may name behind a `#`: its headings, as GitHub and mdBook make anchors of them.
    pub fn anchors(&self) -> BTreeSet<String> {
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        let mut anchors = BTreeSet::new();
        for (_, line) in self.prose() {
            let title = line.trim_start_matches('#');
            if title.len() == line.len() || !title.starts_with(' ') {
                continue;
            }
            let anchor = anchor(title.trim());
            let count = seen.entry(anchor.clone()).or_default();
            anchors.insert(if *count == 0 { anchor } else { format!("{anchor}-{count}") });
            *count += 1;
        }
        anchors
    }
}

fn anchor(title: &str) -> String {
    let title = title.to_lowercase();
    let kept = title.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// A line without what stands between backticks.
fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect::<Vec<_>>().join(" ")
}
