//! Files that appear whole or not at all, and are touched only when they change.

mod stream;
mod unfinished;

use std::{
    ffi::OsStr,
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use tempfile::TempDir;
use walkdir::{DirEntry, WalkDir};

use self::stream::Stream;
pub use self::unfinished::Unfinished;
use crate::{
    error::{Code, Error, Result},
    process::Cancel,
};

/// What a name of ours begins with until it is complete.
const TEMPORARY: &str = ".sparsehls-";

/// Writes the file `path`, which the user has named, through a temporary file beside it: it appears whole or not at all, and its
/// data are on the disk before it has its name. It has the permissions of the file that it replaces, or those that the umask
/// leaves a new file. A device or a pipe is written to as it is. No folder is made.
///
/// # Errors
/// [`crate::Code::Io`].
pub fn write_atomically(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result {
    let mut file = Atomic::create(path, &Cancel::default())?;
    file.write(write)?;
    file.finish()
}

/// As [`write_atomically`], for a file of our own: what is there must be a file too.
///
/// # Errors
/// [`crate::Code::Io`].
pub fn write_own(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result {
    require_plain(path)?;
    write_atomically(path, write)
}

/// A file that is being written beside its place, or a device or pipe.
#[derive(Debug)]
pub struct Atomic {
    path: PathBuf,
    to: To,
}

#[derive(Debug)]
enum To {
    /// A temporary file, and what it is to replace.
    Beside(BufWriter<tempfile::NamedTempFile>, PathBuf, Unfinished),
    Stream(BufWriter<Stream>),
}

impl Atomic {
    /// Begins the file `path`. `cancel` ends waiting for a reader of a pipe.
    pub(crate) fn create(path: &Path, cancel: &Cancel) -> Result<Self> {
        let failed = |error: &io::Error| Error::io("write", path, error);
        let to = match fs::metadata(path) {
            Ok(there) if there.is_file() => Self::beside(fs::canonicalize(path).map_err(|error| failed(&error))?, path)?,
            Ok(there) if there.is_dir() => return Err(failed(&io::ErrorKind::IsADirectory.into())),
            Ok(_) => To::Stream(BufWriter::new(Stream::open(path, cancel).map_err(|error| failed(&error))?)),
            Err(_) if path.is_symlink() => {
                let message = "could not write: it is a symbolic link to a file that is not there";
                return Err(Error::new(Code::Io, message).file(path).help("remove the link, or give another name"));
            }
            Err(_) => Self::beside(path.to_owned(), path)?,
        };
        Ok(Self { path: path.to_owned(), to })
    }

    fn beside(place: PathBuf, path: &Path) -> Result<To> {
        let folder = place.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let unfinished = Unfinished::begin();
        let file = temporary_file(folder).map_err(|error| {
            if error.kind() == io::ErrorKind::NotFound {
                let message = format!("could not write: there is no folder `{}`", folder.display());
                return Error::new(Code::Io, message).file(path).help("make the folder first, or choose another");
            }
            Error::io("write", path, &error)
        })?;
        Ok(To::Beside(BufWriter::new(file), place, unfinished))
    }

    /// Writes a part of it.
    pub(crate) fn write(&mut self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result {
        let result = match &mut self.to {
            To::Beside(file, ..) => write(file),
            To::Stream(stream) => write(stream),
        };
        result.map_err(|error| Error::io("write", &self.path, &error))
    }

    /// Puts it in its place.
    pub(crate) fn finish(self) -> Result {
        let finish = || match self.to {
            To::Beside(file, place, _unfinished) => {
                let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
                // What it replaces may be secret, or shared.
                if let Ok(old) = fs::metadata(&place) {
                    file.as_file().set_permissions(old.permissions())?;
                }
                file.as_file().sync_all()?;
                file.persist(&place).map(drop).map_err(|error| error.error)
            }
            To::Stream(mut stream) => stream.flush(),
        };
        finish().map_err(|error| Error::io("write", &self.path, &error))
    }
}

/// A temporary file as the umask has new files; by itself it would be private to its owner.
fn temporary_file(directory: &Path) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(TEMPORARY);
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(directory)
}

/// Writes `contents` to our own file `path` unless that is what it holds already; returns whether it wrote.
pub(crate) fn write_if_changed(path: &Path, contents: &[u8]) -> Result<bool> {
    if read_own(path)?.is_some_and(|old| old == contents) {
        return Ok(false);
    }
    write_atomically(path, |file| file.write_all(contents))?;
    Ok(true)
}

/// What our own file `path` holds; nothing if it is not there.
///
/// # Errors
/// [`crate::Code::Io`], also if it is no file: a symbolic link leads out of the folder, and a pipe may be silent for ever.
pub fn read_own(path: &Path) -> Result<Option<Vec<u8>>> {
    if !require_plain(path)? {
        return Ok(None);
    }
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        // Another build may have removed it.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io("read", path, &error)),
    }
}

/// Requires that our own file `path` is a file, or nothing yet; says whether it is there.
///
/// # Errors
/// [`crate::Code::Io`].
pub(crate) fn require_plain(path: &Path) -> Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(there) if there.is_file() => Ok(true),
        Ok(there) => Err(not_ours(path, there.file_type(), "file")),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(false),
        Err(error) => Err(Error::io("read", path, &error)),
    }
}

/// Makes the folder `below` in our own folder `root`, unless it is there. What leads to it must be folders, not links.
///
/// # Errors
/// [`crate::Code::Io`].
pub fn make_folder(root: &Path, below: &Path) -> Result {
    fs::create_dir_all(root).map_err(|error| Error::io("create", root, &error))?;
    let mut folder = root.to_owned();
    for name in below {
        folder.push(name);
        match fs::create_dir(&folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(Error::io("create", &folder, &error)),
            _ => {}
        }
        let there = fs::symlink_metadata(&folder).map_err(|error| Error::io("read", &folder, &error))?;
        if !there.is_dir() {
            return Err(not_ours(&folder, there.file_type(), "folder"));
        }
    }
    Ok(())
}

/// Whether there is the folder `below` in our own folder `root`. What leads to it must be folders, not links.
///
/// # Errors
/// [`crate::Code::Io`].
pub(crate) fn has_folder(root: &Path, below: &Path) -> Result<bool> {
    let mut folder = root.to_owned();
    for name in below {
        folder.push(name);
        match fs::symlink_metadata(&folder) {
            Ok(there) if there.is_dir() => {}
            Ok(there) => return Err(not_ours(&folder, there.file_type(), "folder")),
            Err(_) => return Ok(false),
        }
    }
    Ok(true)
}

fn not_ours(path: &Path, found: fs::FileType, wanted: &str) -> Error {
    let found = match () {
        () if found.is_symlink() => "a symbolic link",
        () if found.is_dir() => "a folder",
        () if found.is_file() => "a file",
        () => "a pipe or a device",
    };
    Error::new(Code::Io, format!("{found} is where a {wanted} of the project belongs, and is not followed, read or replaced"))
        .file(path)
        .help("if you do not need it there remove it, or run `cargo sparsehls clean`; then build again")
}

/// Whether `file` is the one that is called `path` now.
#[cfg(unix)]
pub(crate) fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let identity = |metadata: io::Result<fs::Metadata>| metadata.ok().map(|metadata| (metadata.dev(), metadata.ino()));
    identity(file.metadata()).is_some_and(|one| identity(fs::symlink_metadata(path)) == Some(one))
}

/// Elsewhere a file that is open keeps its name.
#[cfg(not(unix))]
pub(crate) fn is_at(_: &File, path: &Path) -> bool {
    path.exists()
}

/// A folder in `folder` for what is not complete yet.
pub(crate) fn temporary_folder(folder: &Path) -> Result<TempDir> {
    let create = || tempfile::Builder::new().prefix(TEMPORARY).tempdir_in(folder);
    fs::create_dir_all(folder).and_then(|()| create()).map_err(|error| Error::io("create a folder in", folder, &error))
}

/// What is in `folder` itself, by name; nothing if it is not there. Symbolic links are not followed.
///
/// # Errors
/// [`Code::Io`] with the path that could not be read.
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
            Err(error) if error.io_error().is_some_and(|error| error.kind() == io::ErrorKind::NotFound) => {}
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

/// The files PREFIX HASH SUFFIX in `folder` except `keep`: others of the same kind. Removes what interrupted builds have left
/// behind, if it can be removed.
pub(crate) fn older(folder: &Path, prefix: &str, suffix: &str, keep: &str) -> Vec<PathBuf> {
    let mut older = Vec::new();
    for entry in entries(folder).unwrap_or_default() {
        let file = entry.file_name().to_string_lossy();
        if is_temporary(entry.file_name()) && is_old(&entry) {
            let _ = fs::remove_dir_all(entry.path()).or_else(|_| fs::remove_file(entry.path()));
        }
        let hash = file.strip_prefix(prefix).and_then(|rest| rest.strip_suffix(suffix));
        let ours = hash.is_some_and(|hash| hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()));
        if ours && file != keep {
            older.push(entry.into_path());
        }
    }
    older
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
