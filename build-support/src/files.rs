//! Files that appear whole or not at all, and are touched only when they change.

use std::{
    fs,
    io::{BufWriter, Write},
    path::Path,
};

use crate::error::{Error, Result};

/// Writes `path` through a temporary file beside it.
pub fn write_atomically(path: &Path, write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) -> Result {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let attempt = || {
        fs::create_dir_all(directory)?;
        let mut file = tempfile::Builder::new().prefix(".sparsehls-").tempfile_in(directory)?;
        let mut buffered = BufWriter::new(&mut file);
        write(&mut buffered)?;
        buffered.flush()?;
        drop(buffered);
        permit_reading(file.as_file())?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    };
    attempt().map_err(|error: std::io::Error| Error::io("write", path, &error))
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
    write_atomically(path, |file| file.write_all(contents))?;
    Ok(true)
}
