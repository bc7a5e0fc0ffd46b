//! The lock of a project's folder: whoever changes what lies there, or runs a tool on it, is alone.

use std::{
    fs::{File, TryLockError},
    io,
    path::Path,
    time::{Duration, Instant},
};

use crate::{
    error::{Code, Error, Result},
    files,
    process::Cancel,
};

/// The file in a project's folder whose lock says that someone works there.
const FILE: &str = ".sparsehls-lock";

/// What a build does that waits for the lock.
pub const WAITING: &str = "waiting for another build of this model";

/// Takes the lock of the project in `directory`. A tool has it as its standard input: while it runs the lock is held,
/// even if the build that started it was killed. Who removes the folder has to hold the lock too.
///
/// # Errors
/// If another build or its tool holds it, or the system refuses.
pub fn try_lock(directory: &Path) -> Result<File, TryLockError> {
    let path = directory.join(FILE);
    files::require_plain(&path).map_err(|error| TryLockError::Error(io::Error::other(error.message().to_owned())))?;
    loop {
        let mut options = File::options();
        let file = options.create(true).truncate(false).read(true).write(true).open(&path).map_err(TryLockError::Error)?;
        file.try_lock()?;
        // It may have been removed with the folder, and the lock of a file that is in no folder keeps nobody out.
        if files::is_at(&file, &path) {
            return Ok(file);
        }
    }
}

/// Waits until no other build works on this project; `waiting` is told how long that has taken so far.
///
/// # Errors
/// [`Code::Interrupted`], [`Code::Io`].
pub(crate) fn lock(directory: &Path, cancel: &Cancel, waiting: &dyn Fn(Duration)) -> Result<File> {
    let start = Instant::now();
    loop {
        match try_lock(directory) {
            Ok(file) => return Ok(file),
            Err(TryLockError::WouldBlock) if cancel.is_asked() => {
                let message = "the build was interrupted while it waited for another build of this model";
                return Err(Error::new(Code::Interrupted, message).file(directory).help("run the same command again"));
            }
            Err(TryLockError::WouldBlock) => {
                waiting(start.elapsed());
                std::thread::sleep(Duration::from_millis(100));
            }
            Err(TryLockError::Error(error)) => return Err(Error::io("lock", &directory.join(FILE), &error)),
        }
    }
}

/// Keeps the project in `directory` from being removed while something is compiled there, which several builds may do at a time.
/// Makes the folder; where folders cannot be locked there is no lock.
///
/// # Errors
/// [`Code::Interrupted`], [`Code::Io`].
pub(crate) fn share(directory: &Path, cancel: &Cancel) -> Result<Option<File>> {
    loop {
        files::make_folder(directory, Path::new(""))?;
        let Ok(folder) = File::open(directory) else { return Ok(None) };
        match folder.try_lock_shared() {
            Ok(()) if files::is_at(&folder, directory) => return Ok(Some(folder)),
            // It has just been removed.
            Ok(()) => {}
            Err(TryLockError::WouldBlock) if cancel.is_asked() => {
                let message = "the build was interrupted while it waited for `clean` to end";
                return Err(Error::new(Code::Interrupted, message).file(directory).help("run the same command again"));
            }
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(20)),
            Err(TryLockError::Error(_)) => return Ok(None),
        }
    }
}

/// Keeps compiles out of the project in `directory`, for who removes it; where folders cannot be locked there is no lock.
///
/// # Errors
/// If something is compiled there.
pub fn try_keep_out(directory: &Path) -> Result<Option<File>, TryLockError> {
    let Ok(folder) = File::open(directory) else { return Ok(None) };
    match folder.try_lock() {
        Ok(()) => Ok(Some(folder)),
        Err(TryLockError::WouldBlock) => Err(TryLockError::WouldBlock),
        Err(TryLockError::Error(_)) => Ok(None),
    }
}

/// Gives up the lock of the project in `directory`, and takes its file away: only tools leave one. Who waits for it looks whether
/// the file that it has locked is still in the folder.
pub(crate) fn leave(directory: &Path, lock: File) {
    if cfg!(unix) {
        let _ = std::fs::remove_file(directory.join(FILE));
    }
    drop(lock);
}
