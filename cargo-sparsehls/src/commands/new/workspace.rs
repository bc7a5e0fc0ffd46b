//! A new package below a workspace becomes a member, as with `cargo new`: cargo refuses it otherwise.

use std::{
    fs,
    path::{Path, PathBuf},
};

use sparsehls_build::{Code, Error, Result};
use toml_edit::{Array, DocumentMut, Item, TomlError};

/// Adds the package in `folder` to the workspace around it, if there is one that does not have it. Returns the manifest
/// that was changed.
///
/// # Errors
/// [`Code::ManifestUnreadable`], [`Code::Io`].
pub fn add(folder: &Path) -> Result<Option<PathBuf>> {
    let Some((path, mut document)) = around(folder)? else { return Ok(None) };
    let root = path.parent().unwrap_or(folder);
    let Ok(relative) = folder.strip_prefix(root) else { return Ok(None) };
    let member = relative.to_string_lossy().replace('\\', "/");
    let Some(workspace) = document.get_mut("workspace").and_then(Item::as_table_like_mut) else { return Ok(None) };
    let lists = |key: &str| {
        let list = workspace.get(key).and_then(Item::as_array);
        list.is_some_and(|list| list.iter().filter_map(|item| item.as_str()).any(|pattern| covers(pattern, &member)))
    };
    if lists("members") || lists("exclude") {
        return Ok(None);
    }
    let members = workspace.entry("members").or_insert_with(|| toml_edit::value(Array::new()));
    let members = members.as_array_mut().ok_or_else(|| unreadable(&path, "`workspace.members` is not a list"))?;
    push(members, &member);
    super::write(root, &super::Files::from([("Cargo.toml".into(), document.to_string().into_bytes())]))?;
    Ok(Some(path))
}

/// The nearest manifest above `folder` that has a workspace.
///
/// # Errors
/// [`Code::ManifestUnreadable`] if one on the way is no TOML.
pub fn around(folder: &Path) -> Result<Option<(PathBuf, DocumentMut)>> {
    for above in folder.ancestors().skip(1) {
        let path = above.join("Cargo.toml");
        let Ok(text) = fs::read_to_string(&path) else { continue };
        let document: DocumentMut = text
            .parse()
            .map_err(|error: TomlError| unreadable(&path, &format!("it is not valid TOML: {}", error.to_string().trim_end())))?;
        if document.contains_key("workspace") {
            return Ok(Some((path, document)));
        }
    }
    Ok(None)
}

fn unreadable(path: &Path, why: &str) -> Error {
    Error::new(Code::ManifestUnreadable, format!("the package cannot be added to the workspace around it: {why}"))
        .file(path)
        .help("correct the manifest, and see that `members` has the package")
}

/// Whether a pattern of `members` or `exclude` covers a path: `*` stands for any part of one name.
fn covers(pattern: &str, path: &str) -> bool {
    let parts =
        |text: &str| text.trim_start_matches("./").trim_end_matches('/').split('/').map(str::to_owned).collect::<Vec<_>>();
    let (pattern, path) = (parts(pattern), parts(path));
    pattern.len() == path.len() && pattern.iter().zip(&path).all(|(pattern, name)| matches(pattern, name))
}

fn matches(pattern: &str, name: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(left) = name.strip_prefix(start) else { return false };
    (0..=left.len()).filter(|at| left.is_char_boundary(*at)).any(|at| matches(rest, &left[at..]))
}

/// Appends to a list, written as its last element is. A comment behind that one stays there.
fn push(list: &mut Array, member: &str) {
    let last = list.iter().last().and_then(|last| last.decor().prefix()?.as_str()).unwrap_or_default().to_owned();
    let behind = list.trailing().as_str().unwrap_or_default().to_owned();
    // In a list on one line the first element has no space before it.
    let start = if last.is_empty() && !list.is_empty() { " " } else { &last };
    let start = if list.trailing_comma() { format!("{}{start}", behind.trim_end()) } else { start.to_owned() };
    list.push(member);
    if let Some(new) = list.iter_mut().last() {
        *new.decor_mut() = toml_edit::Decor::new(start, "");
    }
    if list.trailing_comma() && behind.contains('\n') {
        list.set_trailing("\n");
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn an_element_is_appended_as_the_others_are_written() {
        for (list, expected) in [
            ("[]", "[\"fw\"]"),
            ("[\"a\"]", "[\"a\", \"fw\"]"),
            ("[ \"a\", \"b\" ]", "[ \"a\", \"b\" , \"fw\"]"),
            ("[\n  \"a\",\n  \"b\",\n]", "[\n  \"a\",\n  \"b\",\n  \"fw\",\n]"),
            ("[\n  \"a\", # of a\n]", "[\n  \"a\", # of a\n  \"fw\",\n]"),
        ] {
            let mut document: DocumentMut = format!("x = {list}\n").parse().unwrap();
            push(document["x"].as_array_mut().unwrap(), "fw");
            assert_eq!(document.to_string(), format!("x = {expected}\n"));
        }
    }

    #[test]
    fn patterns_cover_one_name_for_each_star() {
        for (pattern, path, expected) in [
            ("fw", "fw", true),
            ("./fw/", "fw", true),
            ("fw/*", "fw/a", true),
            ("fw/*", "fw/a/b", false),
            ("*", "fw", true),
            ("f*w", "firmware", false),
            ("f*e", "firmware", true),
            ("fw", "other", false),
        ] {
            assert_eq!(covers(pattern, path), expected, "{pattern} {path}");
        }
    }
}
