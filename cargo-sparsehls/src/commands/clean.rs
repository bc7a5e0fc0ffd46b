//! `cargo sparsehls clean`.

use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
};

use sparsehls_build::{
    Code, Error, Result, files, lock,
    manifest::Model,
    toolchain::{self, Steps},
};

use super::output_directory;
use crate::{
    args::{CleanArgs, Common},
    output::Output,
};

/// Removes the output folders of the selected packages, or of the selected models, unless a build is at work in one. Projects
/// that tools have synthesized stay, unless they are to go too.
pub fn run(common: &Common, args: &CleanArgs, output: &mut Output) -> Result {
    let folders = folders(common)?;
    let (mut locks, mut kept) = (Vec::new(), Vec::new());
    for project in projects(common, &folders)? {
        locks.extend(take_locks(&project)?);
        let steps = toolchain::synthesized(&project)?;
        if !args.all && steps != Steps::NONE {
            output.status("Kept", &format!("{} ({}); `clean --all` removes it too", project.display(), steps.names().join(", ")));
            kept.push(project);
        }
    }
    for folder in &folders {
        if remove(folder, &kept)? {
            output.status("Removed", &folder.display().to_string());
        }
    }
    Ok(())
}

/// Removes a folder, or what is in it besides the folders to be kept. Says whether it has removed anything.
fn remove(folder: &Path, kept: &[PathBuf]) -> Result<bool> {
    if kept.iter().any(|kept| kept == folder) {
        return Ok(false);
    }
    if !kept.iter().any(|kept| kept.starts_with(folder)) {
        return fs::remove_dir_all(folder).map_err(|error| Error::io("remove", folder, &error)).map(|()| true);
    }
    let mut any = false;
    for entry in files::entries(folder)? {
        let path = entry.path();
        if entry.file_type().is_dir() {
            any |= remove(path, kept)?;
        } else {
            fs::remove_file(path).map_err(|error| Error::io("remove", path, &error))?;
            any = true;
        }
    }
    Ok(any)
}

/// What is to be removed, as far as it is there.
fn folders(common: &Common) -> Result<Vec<PathBuf>> {
    let mut folders: Vec<_> = if common.model.is_empty() {
        common.selection().packages()?.iter().map(|package| output_directory(common, package)).collect::<Result<_>>()?
    } else {
        let of = |(package, model): &(_, Model)| Ok(output_directory(common, package)?.join(&model.name));
        super::chosen(common)?.iter().map(of).collect::<Result<_>>()?
    };
    folders.retain(|folder| folder.exists());
    // A package may be given twice, and its locks can be taken once.
    folders.sort();
    folders.dedup();
    Ok(folders)
}

/// The projects in `folders`, also those of models that are not declared any more.
fn projects(common: &Common, folders: &[PathBuf]) -> Result<Vec<PathBuf>> {
    if !common.model.is_empty() {
        return Ok(folders.to_vec());
    }
    let mut projects = Vec::new();
    for folder in folders {
        let entries = files::entries(folder)?;
        projects.extend(entries.into_iter().filter(|entry| entry.file_type().is_dir()).map(|entry| entry.into_path()));
    }
    Ok(projects)
}

/// Keeps builds from compiling and from running a tool in `project`; with its folder would go the lock that keeps a second tool
/// out.
fn take_locks(project: &Path) -> Result<Vec<File>> {
    let unless_busy = |error| match error {
        TryLockError::WouldBlock => Err(at_work(project)),
        // Where there are no locks no build runs a tool.
        TryLockError::Error(error) if error.kind() == io::ErrorKind::Unsupported => Ok(None),
        TryLockError::Error(error) => Err(Error::io("lock", project, &error)),
    };
    let compiles = lock::try_keep_out(project).or_else(unless_busy)?;
    let tools = lock::try_lock(project).map(Some).or_else(unless_busy)?;
    Ok(compiles.into_iter().chain(tools).collect())
}

fn at_work(project: &Path) -> Error {
    let model = project.file_name().unwrap_or_default().to_string_lossy();
    let why = format!("nothing was removed: a build of {model} is at work in its folder, or a tool that it has left running");
    Error::new(Code::Io, why).file(project).help("wait until it has ended, or end it with Ctrl-C where it runs; then clean again")
}
