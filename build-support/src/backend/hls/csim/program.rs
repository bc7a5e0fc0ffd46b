//! A compiled program in its place, which is believed only if it is whole: behind the program stands a line that says what text
//! it is made from, and a digest of all that is before it. Nothing is run that does not have it.
//!
//! Who uses a program holds its file, so that no other build removes it.

use std::{
    fs::{self, File},
    io::{Read, Seek, Write},
    path::{Path, PathBuf},
};

use super::compiler::Recipe;
use crate::{
    error::{Error, Result},
    files,
    fingerprint::Fingerprint,
};

/// What begins the line behind a program. Systems ignore what stands behind their programs.
const MARK: &str = "\nsparsehls ";
/// Bytes of that line.
const SEAL: usize = MARK.len() + 16 + 1 + 32 + 1;

/// A compiled program.
#[derive(Debug)]
pub(crate) struct Program {
    /// Where it is.
    pub path: PathBuf,
    /// A fingerprint of it, and of what it was made from.
    pub digest: u64,
    /// Whether it was compiled now.
    pub is_new: bool,
    /// Keeps others from removing it.
    _held: File,
}

/// Where a program belongs.
#[derive(Debug)]
pub(crate) struct Place {
    folder: PathBuf,
    /// What begins its name, and those of its predecessors; nothing if they all have the same.
    prefix: Option<String>,
    file: String,
    text: u64,
}

impl Place {
    /// The place of what `recipe` makes, for the project in `directory`. The name says what it is made from.
    pub(super) fn new(directory: &Path, recipe: &Recipe<'_>) -> Self {
        let prefix = format!("{}-", recipe.name);
        let file = format!("{prefix}{:016x}{}", recipe.all.short(), std::env::consts::EXE_SUFFIX);
        Self { folder: directory.join("csim"), prefix: Some(prefix), file, text: recipe.text }
    }

    /// The place `file` in `folder` of what is made from `all`, and always has that name.
    pub fn named(folder: &Path, file: String, all: u64) -> Self {
        Self { folder: folder.to_owned(), prefix: None, file, text: all }
    }

    /// The folder that it is in.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The program, if it is there and whole.
    ///
    /// # Errors
    /// [`Io`](crate::Code::Io), also if something that is no file is in its place.
    pub fn kept(&self) -> Result<Option<Program>> {
        let path = self.folder.join(&self.file);
        if !files::require_plain(&path)? {
            return Ok(None);
        }
        let Ok(mut held) = File::open(&path) else { return Ok(None) };
        // Without locks, as some network file systems are, nothing is ever removed.
        let _ = held.lock_shared();
        if !files::is_at(&held, &path) {
            return Ok(None);
        }
        let seal = read(&mut held).and_then(|bytes| Seal::of(&bytes, &self.file)).filter(|seal| seal.text == self.text);
        Ok(seal.map(|seal| Program { path, digest: seal.digest, is_new: false, _held: held }))
    }

    /// Puts `program` into its place, whole, on the disk, and held. One that another build has put there meanwhile stays, as that
    /// may be holding it, and is taken; if `anew` it is replaced. What was made of other texts goes, unless it is used.
    ///
    /// # Errors
    /// [`Io`](crate::Code::Io).
    pub fn publish(&self, program: &Path, anew: bool) -> Result<Program> {
        let path = self.folder.join(&self.file);
        let failed = |error: std::io::Error| Error::io("create", &path, &error);
        let (digest, held) = self.seal(program).map_err(failed)?;
        // A link does not replace what is there.
        if anew || fs::hard_link(program, &path).is_err() {
            if !anew && let Some(kept) = self.kept()? {
                return Ok(Program { is_new: true, ..kept });
            }
            fs::rename(program, &path).map_err(failed)?;
        }
        if let Some(prefix) = &self.prefix {
            for other in files::older(&self.folder, prefix, std::env::consts::EXE_SUFFIX, &self.file) {
                self.remove(&other);
            }
        }
        Ok(Program { path, digest, is_new: true, _held: held })
    }

    /// Writes the line behind a program, and gives its digest and the file, held.
    fn seal(&self, program: &Path) -> std::io::Result<(u64, File)> {
        let mut file = File::options().read(true).append(true).open(program)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let digest = digest(&bytes, self.text, &self.file);
        file.write_all(format!("{MARK}{:016x} {digest}\n", self.text).as_bytes())?;
        file.sync_all()?;
        // No longer open for writing, as the system would not run it.
        let held = File::open(program)?;
        let _ = held.lock_shared();
        Ok((digest.short(), held))
    }

    /// Removes a program of another text that nobody uses, or what is no program. Those of the same text stay: they differ in their flags
    /// or their compiler.
    fn remove(&self, path: &Path) {
        let Ok(true) = files::require_plain(path) else { return };
        let Ok(mut file) = File::open(path) else { return };
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if file.try_lock().is_ok()
            && files::is_at(&file, path)
            && read(&mut file).and_then(|bytes| Seal::of(&bytes, &name)).is_none_or(|seal| seal.text != self.text)
        {
            let _ = fs::remove_file(path);
        }
    }
}

fn read(file: &mut File) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    file.rewind().and_then(|()| file.read_to_end(&mut bytes)).is_ok().then_some(bytes)
}

/// What the line behind a whole program says.
struct Seal {
    text: u64,
    digest: u64,
}

impl Seal {
    /// That of the file called `name`, if all of it is as it was when it was written.
    fn of(bytes: &[u8], name: &str) -> Option<Self> {
        let (program, line) = bytes.split_at_checked(bytes.len().checked_sub(SEAL)?)?;
        let (text, found) = std::str::from_utf8(line).ok()?.strip_prefix(MARK)?.strip_suffix('\n')?.split_once(' ')?;
        let text = u64::from_str_radix(text, 16).ok()?;
        let digest = digest(program, text, name);
        let is_whole = digest.to_string() == found && line == format!("{MARK}{text:016x} {found}\n").as_bytes();
        is_whole.then(|| Self { text, digest: digest.short() })
    }
}

fn digest(program: &[u8], text: u64, name: &str) -> Fingerprint {
    let mut digest = Fingerprint::default();
    digest.add(name);
    digest.add_bytes(&text.to_le_bytes());
    digest.add_bytes(program);
    digest
}
