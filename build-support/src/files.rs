//! Files that appear whole or not at all, and are touched only when they change.

use std::{
    ffi::OsStr,
    fs,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

use tempfile::TempDir;
use walkdir::{DirEntry, WalkDir};

use crate::error::{Error, Result};

/// What a name of ours begins with until it is complete.
const TEMPORARY: &str = ".sparsehls-";

/// Writes `path` through a temporary file beside it. It has the permissions of the file that it replaces, or those that the
/// umask leaves a new file.
///
/// # Errors
/// [`crate::Code::Io`].
pub fn write_atomically(path: &Path, write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) -> Result {
    let mut file = Atomic::create(path)?;
    file.write(write)?;
    file.finish()
}

/// A file that is being written beside its place.
#[derive(Debug)]
pub struct Atomic {
    path: PathBuf,
    file: BufWriter<tempfile::NamedTempFile>,
}

impl Atomic {
    /// Begins the file `path`.
    pub(crate) fn create(path: &Path) -> Result<Self> {
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let create = || {
            fs::create_dir_all(directory)?;
            temporary_file(directory)
        };
        let file = create().map_err(|error| Error::io("write", path, &error))?;
        Ok(Self { path: path.to_owned(), file: BufWriter::new(file) })
    }

    /// Writes a part of it.
    pub(crate) fn write(&mut self, write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) -> Result {
        write(&mut self.file).map_err(|error| Error::io("write", &self.path, &error))
    }

    /// Puts it in its place.
    pub(crate) fn finish(self) -> Result {
        let finish = || {
            let file = self.file.into_inner().map_err(std::io::IntoInnerError::into_error)?;
            // What it replaces may be secret, or shared.
            if let Ok(old) = fs::metadata(&self.path) {
                file.as_file().set_permissions(old.permissions())?;
            }
            file.persist(&self.path).map(drop).map_err(|error| error.error)
        };
        finish().map_err(|error| Error::io("write", &self.path, &error))
    }
}

/// A temporary file as the umask has new files; by itself it would be private to its owner.
fn temporary_file(directory: &Path) -> std::io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(TEMPORARY);
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(directory)
}

/// Writes `contents` to `path` unless that is what it holds already; returns whether it wrote.
pub(crate) fn write_if_changed(path: &Path, contents: &[u8]) -> Result<bool> {
    if fs::read(path).is_ok_and(|old| old == contents) {
        return Ok(false);
    }
    let mut file = Atomic::create(path)?;
    file.write(|file| file.write_all(contents))?;
    file.finish()?;
    Ok(true)
}

/// A folder in `folder` for what is not complete yet.
pub(crate) fn temporary_folder(folder: &Path) -> Result<TempDir> {
    let create = || tempfile::Builder::new().prefix(TEMPORARY).tempdir_in(folder);
    fs::create_dir_all(folder).and_then(|()| create()).map_err(|error| Error::io("create a folder in", folder, &error))
}

/// What is in `folder` itself, by name; nothing if it is not there. Symbolic links are not followed.
///
/// # Errors
/// [`Code::Io`](crate::error::Code::Io) with the path that could not be read.
pub fn entries(folder: &Path) -> Result<Vec<DirEntry>> {
    walk(WalkDir::new(folder).min_depth(1).max_depth(1), folder)
}

/// The files below `folder`, folder by folder in the order of their names. Symbolic links are not followed, and what is not
/// complete yet is left out.
///
/// # Errors
/// As [`entries`].
pub(crate) fn files_below(folder: &Path) -> Result<Vec<DirEntry>> {
    let entries = walk(WalkDir::new(folder).min_depth(1), folder)?;
    let is_complete = |entry: &DirEntry| {
        let below = entry.path().strip_prefix(folder).unwrap_or(entry.path());
        !below.iter().any(is_temporary)
    };
    Ok(entries.into_iter().filter(|entry| !entry.file_type().is_dir() && is_complete(entry)).collect())
}

fn walk(walk: WalkDir, folder: &Path) -> Result<Vec<DirEntry>> {
    let mut entries = Vec::new();
    for entry in walk.sort_by_file_name() {
        match entry {
            Ok(entry) => entries.push(entry),
            // Another build may be removing what is here.
            Err(error) if error.io_error().is_some_and(|error| error.kind() == std::io::ErrorKind::NotFound) => {}
            Err(error) => {
                let path = error.path().unwrap_or(folder).to_owned();
                return Err(Error::io("read", &path, &error.into()));
            }
        }
    }
    Ok(entries)
}

/// Whether this is the name of something that is not complete yet.
pub(crate) fn is_temporary(name: &OsStr) -> bool {
    name.to_string_lossy().starts_with(TEMPORARY)
}

/// Removes the files PREFIX HASH SUFFIX in `folder` except `keep`: earlier ones are of no use any more. Also what
/// interrupted builds have left behind. What cannot be removed stays.
pub(crate) fn remove_older(folder: &Path, prefix: &str, suffix: &str, keep: &str) {
    for entry in entries(folder).unwrap_or_default() {
        let file = entry.file_name().to_string_lossy();
        if is_temporary(entry.file_name()) && is_old(&entry) {
            let _ = fs::remove_dir_all(entry.path()).or_else(|_| fs::remove_file(entry.path()));
        }
        let hash = file.strip_prefix(prefix).and_then(|rest| rest.strip_suffix(suffix));
        let ours = hash.is_some_and(|hash| hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()));
        if ours && file != keep {
            let _ = fs::remove_file(entry.path()); // another build may have been faster
        }
    }
}

/// Whether nothing has touched the entry for an hour: what an interrupted compile leaves, not one at work.
fn is_old(entry: &DirEntry) -> bool {
    let age = entry.metadata().ok().and_then(|metadata| metadata.modified().ok()).and_then(|time| time.elapsed().ok());
    age.is_some_and(|age| age.as_secs() > 3600)
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_file_has_the_permissions_of_the_one_it_replaces_or_those_of_new_files() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("Cargo.toml");
        let write = |text: &str| write_atomically(&path, |file| file.write_all(text.as_bytes())).unwrap();
        let mode_of = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let mode = || mode_of(&path);
        write("first");
        let plain = folder.path().join("plain");
        fs::write(&plain, "").unwrap();
        assert_eq!(mode(), mode_of(&plain), "as the umask has it");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        write("second");
        assert_eq!((mode(), fs::read_to_string(&path).unwrap()), (0o600, "second".to_owned()));
    }
}
