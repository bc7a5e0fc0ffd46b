//! The packages that `cargo metadata` knows, and which of them a command works on.

use std::path::{Path, PathBuf};

use cargo_metadata::{Metadata, MetadataCommand};
use serde_json::Value;

use crate::error::{Code, Error, Result};

/// A firmware package and its metadata.
#[derive(Debug, Clone)]
pub struct Package {
    /// The package's name.
    pub name: String,
    /// Its Cargo.toml.
    pub manifest: PathBuf,
    /// The folder of Cargo.toml; paths in the metadata are relative to it.
    pub directory: PathBuf,
    /// `[package.metadata.sparsehls]`.
    pub metadata: Option<Value>,
    /// `[workspace.metadata.sparsehls]`.
    pub workspace_metadata: Option<Value>,
    /// The Cargo.toml that `[workspace.metadata]` stands in.
    pub workspace_manifest: PathBuf,
    /// Cargo's target directory.
    pub target_directory: PathBuf,
}

/// Which packages a command works on, as cargo's own flags say it.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// `--manifest-path`; by default Cargo.toml here or above.
    pub manifest_path: Option<PathBuf>,
    /// `-p/--package`.
    pub packages: Vec<String>,
    /// `--workspace`.
    pub workspace: bool,
}

impl Selection {
    /// The selected packages. Without `-p` and `--workspace`: the package of the current folder, or in a folder that
    /// is no package all members of the workspace that declare models.
    ///
    /// # Errors
    /// [`Code::FileNotFound`], [`Code::ManifestUnreadable`], [`Code::PackageNotFound`], [`Code::NoModels`].
    pub fn packages(&self) -> Result<Vec<Package>> {
        let metadata = self.metadata()?;
        let all = packages(&metadata)?;
        if !self.packages.is_empty() {
            return self.packages.iter().map(|name| named(&all, name)).collect();
        }
        // `cargo metadata --no-deps` does not say which package the folder belongs to.
        let nearest = self.nearest_manifest();
        if let (false, Some(here)) = (self.workspace, all.iter().find(|package| package.manifest.canonicalize().ok() == nearest))
        {
            return Ok(vec![here.clone()]);
        }
        let workspace_manifest = metadata.workspace_root.as_std_path().join("Cargo.toml");
        let selected: Vec<_> = all.into_iter().filter(|package| package.metadata.is_some()).collect();
        if selected.is_empty() {
            return Err(Error::new(Code::NoModels, "no package of this workspace declares a model")
                .file(workspace_manifest)
                .key("package.metadata.sparsehls.models")
                .help("add a table `[package.metadata.sparsehls.models.NAME]` to the Cargo.toml of a firmware package"));
        }
        Ok(selected)
    }

    /// The manifest given, or the first at or above the current folder.
    fn nearest_manifest(&self) -> Option<PathBuf> {
        if let Some(path) = &self.manifest_path {
            return std::fs::canonicalize(path).ok();
        }
        let here = std::env::current_dir().ok()?;
        here.ancestors().map(|folder| folder.join("Cargo.toml")).find(|path| path.is_file())?.canonicalize().ok()
    }

    fn metadata(&self) -> Result<Metadata> {
        let mut command = MetadataCommand::new();
        command.no_deps();
        if let Some(path) = &self.manifest_path {
            if !path.is_file() {
                return Err(Error::new(Code::FileNotFound, "there is no manifest here")
                    .file(path)
                    .help("give the path of a Cargo.toml to --manifest-path"));
            }
            command.manifest_path(path);
        }
        command.exec().map_err(|error| {
            let text = match error {
                cargo_metadata::Error::CargoMetadata { stderr } => stderr.trim().trim_start_matches("error: ").to_owned(),
                other => other.to_string(),
            };
            let error = Error::new(Code::ManifestUnreadable, format!("cargo could not read the manifest: {text}"));
            let error = error.help("run this in a cargo package, or give --manifest-path");
            match &self.manifest_path {
                Some(path) => error.file(path),
                None => error,
            }
        })
    }
}

/// The package of a build script, from the variables cargo gives it.
///
/// # Errors
/// As [`Selection::packages`].
pub(crate) fn of_build_script(manifest_directory: &Path) -> Result<Package> {
    let manifest = manifest_directory.join("Cargo.toml");
    let selection = Selection { manifest_path: Some(manifest.clone()), ..Selection::default() };
    let all = packages(&selection.metadata()?)?;
    all.into_iter().find(|package| package.manifest == manifest).ok_or_else(|| {
        Error::new(Code::ManifestUnreadable, "cargo metadata does not list the package being built").file(manifest)
    })
}

fn packages(metadata: &Metadata) -> Result<Vec<Package>> {
    let of = |value: &Value| value.get("sparsehls").cloned();
    let members = metadata.workspace_packages().into_iter().map(|package| {
        let manifest = &package.manifest_path;
        let directory = manifest.parent().ok_or_else(|| Error::internal(format!("the manifest `{manifest}` is in no folder")))?;
        Ok(Package {
            name: package.name.to_string(),
            manifest: manifest.into(),
            directory: directory.into(),
            metadata: of(&package.metadata),
            workspace_metadata: of(&metadata.workspace_metadata),
            workspace_manifest: metadata.workspace_root.as_std_path().join("Cargo.toml"),
            target_directory: metadata.target_directory.clone().into(),
        })
    });
    members.collect()
}

fn named(all: &[Package], name: &str) -> Result<Package> {
    all.iter().find(|package| package.name == name).cloned().ok_or_else(|| {
        let names: Vec<_> = all.iter().map(|package| package.name.as_str()).collect();
        Error::new(Code::PackageNotFound, format!("no package `{name}` in this workspace"))
            .help(format!("its packages are: {}", names.join(", ")))
    })
}
