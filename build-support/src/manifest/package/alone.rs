//! A Cargo.toml that stands alone, read without cargo: on a machine that has no Rust a model can be built all the same.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::{Member, Metadata, Parse};
use crate::error::{Code, Error, Result};

/// What cargo would say of the Cargo.toml `manifest`, if no other has to do with it.
///
/// # Errors
/// [`Code::ManifestUnreadable`].
pub(super) fn metadata(manifest: &Path, parse: Parse) -> Result<Metadata> {
    let broken =
        |why: String| Error::new(Code::ManifestUnreadable, format!("this manifest cannot be read: {why}")).file(manifest);
    let text = fs::read_to_string(manifest).map_err(|error| broken(error.to_string()))?;
    let value = parse(&text).map_err(broken)?;
    let folder = manifest.parent().ok_or_else(|| Error::internal("a Cargo.toml in no folder"))?;
    let needs = |why: String| unreadable(manifest, &format!("{why}, which takes cargo"));
    match value.get("workspace") {
        Some(workspace) if workspace.get("members").is_some() => return Err(needs("it is a workspace with members".into())),
        Some(_) => {}
        None => {
            if let Some(above) = folder.ancestors().skip(1).map(|folder| folder.join("Cargo.toml")).find(|path| path.is_file()) {
                return Err(needs(format!("it may belong to the workspace of `{}`", above.display())));
            }
        }
    }
    let package = value.get("package").unwrap_or(&Value::Null);
    if package.get("workspace").is_some() {
        return Err(needs("it belongs to another folder's workspace".into()));
    }
    let name = package.get("name").and_then(Value::as_str).ok_or_else(|| unreadable(manifest, "it has no `package.name`"))?;
    // Folders are named after it.
    if name.is_empty() || !name.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_')) {
        return Err(broken(format!("`package.name` is {name:?}, which is no name: letters, digits, `-` and `_`")));
    }
    let metadata = |of: &Value| of.get("metadata").cloned().unwrap_or_default();
    let features = value.get("features").and_then(Value::as_object).into_iter().flatten();
    let member = Member {
        name: name.to_owned(),
        manifest_path: manifest.to_owned(),
        metadata: metadata(package),
        features: features.map(|(name, needs)| (name.clone(), needs.clone())).collect(),
    };
    Ok(Metadata {
        packages: vec![member],
        workspace_root: folder.to_owned(),
        target_directory: target_directory(folder),
        metadata: metadata(value.get("workspace").unwrap_or(&Value::Null)),
    })
}

/// As cargo says it, but for what stands in its configuration.
fn target_directory(folder: &Path) -> PathBuf {
    let named =
        ["CARGO_TARGET_DIR", "CARGO_BUILD_TARGET_DIR"].iter().find_map(std::env::var_os).filter(|named| !named.is_empty());
    named.map_or_else(|| folder.join("target"), |named| std::path::absolute(&named).unwrap_or_else(|_| named.into()))
}

fn unreadable(manifest: &Path, why: &str) -> Error {
    Error::new(Code::ManifestUnreadable, format!("there is no cargo here, and without it this manifest cannot be read: {why}"))
        .file(manifest)
        .help("install Rust (https://rustup.rs), or give an empty table `[workspace]` to a Cargo.toml that stands alone")
}
