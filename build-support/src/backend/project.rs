//! [`Project`]: text of files, and how it gets into a folder.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use crate::{
    circuit::core::Core,
    error::{Error, Result},
    files,
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
    /// not touched, and what an earlier version of the model left in its folders is removed.
    ///
    /// # Errors
    /// [`Code::Io`](crate::Code::Io).
    pub fn write(&self, directory: &Path) -> Result {
        for (path, contents) in &self.files {
            let full = directory.join(path);
            if self.orders != Some(path) || !full.exists() {
                files::write_if_changed(&full, contents.as_bytes())?;
            }
        }
        self.folders.iter().try_for_each(|folder| self.remove_stale_files(directory, folder))
    }

    /// Removes what an earlier version of the model left in a folder that is the project's.
    fn remove_stale_files(&self, directory: &Path, folder: &str) -> Result {
        for entry in files::entries(&directory.join(folder))? {
            let name = entry.file_name().to_string_lossy();
            let is_ours = self.files.contains_key(&format!("{folder}/{name}"));
            // Another build may be writing what is temporary.
            if !is_ours && !files::is_temporary(entry.file_name()) && !entry.file_type().is_dir() {
                match std::fs::remove_file(entry.path()) {
                    // Another build of the same model was faster.
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                    result => result.map_err(|error| Error::io("remove", entry.path(), &error))?,
                }
            }
        }
        Ok(())
    }
}
