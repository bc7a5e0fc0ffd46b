//! A device or a pipe that the user has named: it is written to, and waited for no longer than the user wants.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    path::Path,
    thread,
    time::Duration,
};

use crate::process::Cancel;

/// How long to wait before a pipe that has no reader, or is full, is tried again.
const PAUSE: Duration = Duration::from_millis(1);

/// An open device or pipe.
#[derive(Debug)]
pub struct Stream {
    file: File,
    cancel: Cancel,
}

impl Stream {
    /// Opens it; of a pipe it waits for the reader.
    pub fn open(path: &Path, cancel: &Cancel) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.write(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
        loop {
            match options.open(path) {
                Err(error) if has_no_reader(&error, path) => pause(cancel)?,
                file => return Ok(Self { file: file?, cancel: cancel.clone() }),
            }
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match self.file.write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => pause(&self.cancel)?,
                other => return other,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn pause(cancel: &Cancel) -> io::Result<()> {
    if cancel.is_asked() {
        return Err(io::Error::other("it was interrupted"));
    }
    thread::sleep(PAUSE);
    Ok(())
}

/// Whether a pipe could not be opened because nobody reads it yet.
#[cfg(unix)]
fn has_no_reader(error: &io::Error, path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt;
    error.raw_os_error() == Some(rustix::io::Errno::NXIO.raw_os_error())
        && path.metadata().is_ok_and(|there| there.file_type().is_fifo())
}

#[cfg(not(unix))]
fn has_no_reader(_: &io::Error, _: &Path) -> bool {
    false
}
