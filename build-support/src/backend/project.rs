//! [`Project`]: text of files, and how it gets into a folder.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use crate::{
    circuit::core::Core,
    error::{Error, Result},
    files, lock,
    process::Cancel,
};

/// The files of a project, by their path in the project's folder.
#[derive(Debug, Clone)]
pub struct Project {
    /// Contents by path; the path uses `/`.
    pub files: BTreeMap<String, String>,
    /// Folders that are the project's own: nothing else stays there.
    pub folders: &'static [&'static str],
    /// The file that says what a tool is to do, if there is one. It is written once; then it belongs to whoever runs the
    /// tool: a person by hand, or a build that runs it at this moment.
    pub orders: Option<&'static str>,
    /// The circuit that the text was made from, if it was made from one.
    pub core: Option<Arc<Core>>,
}

impl Project {
    /// Brings `directory` to hold exactly these files where the project owns the folder: files that are up to date are
    /// not touched, and what an earlier version of the model left in its folders is removed. Who writes where others may write
    /// too holds the folder's lock.
    ///
    /// # Errors
    /// [`Code::Io`](crate::Code::Io), also if something that is neither a file nor a folder is in the way.
    pub fn write(&self, directory: &Path) -> Result {
        self.all_folders().into_iter().try_for_each(|folder| files::make_folder(directory, folder))?;
        for (path, contents) in &self.files {
            let full = directory.join(path);
            if self.orders != Some(path) || !files::require_plain(&full)? {
                files::write_if_changed(&full, contents.as_bytes())?;
            }
        }
        self.folders.iter().try_for_each(|folder| self.remove_stale_files(directory, folder))
    }

    /// As [`write`](Self::write), alone: while other builds, or tools that they run, are at work in the folder it waits. A folder
    /// that is up to date is left alone.
    ///
    /// # Errors
    /// As [`write`](Self::write); [`Code::Interrupted`](crate::Code::Interrupted).
    pub fn publish(&self, directory: &Path, cancel: &Cancel, waiting: &dyn Fn(Duration)) -> Result {
        if self.is_in(directory)? {
            return Ok(());
        }
        fs::create_dir_all(directory).map_err(|error| Error::io("create", directory, &error))?;
        let alone = lock::lock(directory, cancel, waiting)?;
        let written = self.write(directory);
        lock::leave(directory, alone);
        written
    }

    /// Whether `directory` holds exactly these files.
    fn is_in(&self, directory: &Path) -> Result<bool> {
        for folder in self.all_folders() {
            if !files::has_folder(directory, folder)? {
                return Ok(false);
            }
        }
        for (path, contents) in &self.files {
            let there = files::read_own(&directory.join(path))?;
            if there.is_none_or(|there| self.orders != Some(path) && there != contents.as_bytes()) {
                return Ok(false);
            }
        }
        for folder in self.folders {
            if !self.stale_files(directory, folder)?.is_empty() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The folders that its files are in.
    fn all_folders(&self) -> Vec<&Path> {
        let mut folders: Vec<_> = self.files.keys().filter_map(|path| Path::new(path).parent()).collect();
        folders.dedup();
        folders
    }

    /// What is in a folder that is the project's, and not of this version of it.
    fn stale_files(&self, directory: &Path, folder: &str) -> Result<Vec<PathBuf>> {
        let mut entries = files::entries(&directory.join(folder))?;
        entries.retain(|entry| {
            let name = entry.file_name().to_string_lossy();
            let is_ours = self.files.contains_key(&format!("{folder}/{name}"));
            // Another build may be writing what is temporary.
            !is_ours && !files::is_temporary(entry.file_name()) && !entry.file_type().is_dir()
        });
        Ok(entries.into_iter().map(walkdir::DirEntry::into_path).collect())
    }

    /// Removes what an earlier version of the model left in a folder that is the project's.
    fn remove_stale_files(&self, directory: &Path, folder: &str) -> Result {
        for path in self.stale_files(directory, folder)? {
            match fs::remove_file(&path) {
                // Another build of the same model was faster.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                result => result.map_err(|error| Error::io("remove", &path, &error))?,
            }
        }
        Ok(())
    }
}
