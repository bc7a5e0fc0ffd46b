//! Files that appear whole or not at all, and are touched only when they change.

use std::{
    fs,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

use crate::error::{Error, Result};

/// A file that is being written beside its place.
#[derive(Debug)]
pub struct Atomic {
    path: PathBuf,
    file: BufWriter<tempfile::NamedTempFile>,
}

impl Atomic {
    /// Begins the file `path`.
    pub fn create(path: &Path) -> Result<Self> {
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let create = || {
            fs::create_dir_all(directory)?;
            tempfile::Builder::new().prefix(".sparsehls-").tempfile_in(directory)
        };
        let file = create().map_err(|error| Error::io("write", path, &error))?;
        Ok(Self { path: path.to_owned(), file: BufWriter::new(file) })
    }

    /// Writes a part of it.
    pub fn write(&mut self, write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) -> Result {
        write(&mut self.file).map_err(|error| Error::io("write", &self.path, &error))
    }

    /// Puts it in its place.
    pub fn finish(self) -> Result {
        let finish = || {
            let file = self.file.into_inner().map_err(std::io::IntoInnerError::into_error)?;
            permit_reading(file.as_file())?;
            file.persist(&self.path).map(drop).map_err(|error| error.error)
        };
        finish().map_err(|error| Error::io("write", &self.path, &error))
    }
}

/// A temporary file is private to its owner; what we write is not secret.
#[cfg(unix)]
fn permit_reading(file: &fs::File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn permit_reading(_: &fs::File) -> std::io::Result<()> {
    Ok(())
}

/// Writes `contents` to `path` unless that is what it holds already; returns whether it wrote.
pub fn write_if_changed(path: &Path, contents: &[u8]) -> Result<bool> {
    if fs::read(path).is_ok_and(|old| old == contents) {
        return Ok(false);
    }
    let mut file = Atomic::create(path)?;
    file.write(|file| file.write_all(contents))?;
    file.finish()?;
    Ok(true)
}
