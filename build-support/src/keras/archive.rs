//! The zip around a model, read with bounds: a small file must not unpack to fill the memory.

use std::{fs::File, io::Read, path::Path};

use zip::{ZipArchive, result::ZipError};

use crate::{
    budget,
    error::{Code, Error, Result},
};

/// The largest `config.json` accepted, in bytes; a network of a few hundred layers has under 2 MB.
pub(crate) const MAX_CONFIG: u64 = 8 << 20;
/// The largest `model.weights.h5` accepted, in bytes; 256 MiB are 10^7 weights with their quantizers.
pub(crate) const MAX_WEIGHTS: u64 = 256 << 20;

/// What `model.weights.h5` may unpack to in any case, in bytes. Keras does not pack it, so beyond that it is no more than half as
/// large again as its file.
pub(crate) const MIN_WEIGHTS: u64 = 16 << 20;

/// The largest `metadata.json` that is looked at, in bytes; it has the version and a date.
const MAX_METADATA: u64 = 64 << 10;

/// The members that matter.
pub struct Members {
    pub config: Vec<u8>,
    pub weights: Vec<u8>,
    /// The most elements that a variable in it may have.
    pub most_elements: u64,
    /// Only the version of Keras is read from it; it may be missing.
    metadata: Vec<u8>,
}

impl Members {
    /// The version of the Keras that wrote the file.
    pub(crate) fn version(&self) -> Option<String> {
        let metadata: serde_json::Value = serde_json::from_slice(&self.metadata).ok()?;
        Some(metadata["keras_version"].as_str()?.chars().take(20).collect())
    }
}

pub(crate) fn read(path: &Path) -> Result<Members> {
    // A pipe or a device would block, or never end.
    if path.exists() && !path.is_file() {
        return Err(not_keras("it is not a file"));
    }
    let file = File::open(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Error::new(Code::FileNotFound, "the model file does not exist")
            .help("check `source`; it is relative to the Cargo.toml that names it"),
        _ => Error::io("open the model", path, &error),
    })?;
    let size = file.metadata().map_or(0, |metadata| metadata.len());
    let mut archive = match ZipArchive::new(file) {
        Ok(archive) => archive,
        Err(_) if is_hdf5(path) => {
            return Err(not_keras("it is an HDF5 file, as Keras 2 and `model.save(\"model.h5\")` write it"));
        }
        Err(error) => return Err(not_keras(&format!("it is not a zip archive ({error})"))),
    };
    Ok(Members {
        config: member(&mut archive, "config.json", MAX_CONFIG)?,
        weights: member(&mut archive, "model.weights.h5", size.saturating_add(size / 2).clamp(MIN_WEIGHTS, MAX_WEIGHTS))?,
        most_elements: budget::most_weights(size),
        metadata: member(&mut archive, "metadata.json", MAX_METADATA).unwrap_or_default(),
    })
}

fn is_hdf5(path: &Path) -> bool {
    let mut magic = [0; 4];
    File::open(path).and_then(|mut file| file.read_exact(&mut magic)).is_ok_and(|()| magic == *b"\x89HDF")
}

fn not_keras(why: &str) -> Error {
    Error::new(Code::NotAKerasFile, format!("this is not a .keras file: {why}"))
        .help("save the model with Keras 3: `model.save(\"model.keras\")`")
}

fn member(archive: &mut ZipArchive<File>, name: &str, limit: u64) -> Result<Vec<u8>> {
    let broken = |why: &dyn std::fmt::Display| not_keras(&format!("its member `{name}` cannot be read ({why})"));
    let member = archive.by_name(name).map_err(|error| match error {
        ZipError::FileNotFound => not_keras(&format!("it has no member `{name}`")),
        other => broken(&other),
    })?;
    let mut bytes = Vec::new();
    // The size in the archive's directory can lie, so it is the unpacking that is bounded.
    member.take(limit + 1).read_to_end(&mut bytes).map_err(|error| broken(&error))?;
    if bytes.len() as u64 > limit {
        return Err(Error::new(Code::ModelTooLarge, format!("`{name}` unpacks to more than {} MiB", limit >> 20))
            .help("no network for an FPGA is that large; is this the right file?"));
    }
    Ok(bytes)
}
