//! `cargo sparsehls clean`.

use sparsehls_build::{Error, Result};

use super::output_directory;
use crate::{args::Common, output::Output};

/// Removes the output folders of the selected packages, or of the selected models.
pub fn run(common: &Common, output: &mut Output) -> Result {
    for package in common.selection().packages()? {
        let all = output_directory(common, &package);
        let folders = if common.model.is_empty() {
            vec![all]
        } else {
            super::chosen(common)?.iter().map(|(_, model)| all.join(&model.name)).collect()
        };
        for folder in folders.iter().filter(|folder| folder.exists()) {
            std::fs::remove_dir_all(folder).map_err(|error| Error::io("remove", folder, &error))?;
            output.status("Removed", &folder.display().to_string());
        }
    }
    Ok(())
}
