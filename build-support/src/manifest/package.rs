//! The packages that `cargo metadata` knows, and which of them a command works on.

mod alone;

use std::{
    collections::BTreeMap,
    io::ErrorKind,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde::Deserialize;
use serde_json::Value;

use super::table::Table;
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

/// Where projects go, instead of the target directory.
pub(super) const OUT_DIR: &str = "out-dir";

impl Package {
    /// The folder that `out-dir` names, of the package or else of the workspace; relative to the manifest that has the key.
    ///
    /// # Errors
    /// [`Code::InvalidValue`].
    pub fn out_dir(&self) -> Result<Option<PathBuf>> {
        for (metadata, of, manifest) in
            [(&self.metadata, "package", &self.manifest), (&self.workspace_metadata, "workspace", &self.workspace_manifest)]
        {
            let table = Table::new(metadata.as_ref(), &format!("{of}.metadata.sparsehls"), manifest)?;
            if let Some(folder) = table.string(OUT_DIR)? {
                if folder.is_empty() {
                    return Err(table
                        .error(Code::InvalidValue, OUT_DIR, format!("`{OUT_DIR}` is empty"))
                        .help("name a folder, for example `out-dir = \"firmware\"`"));
                }
                return Ok(Some(manifest.parent().unwrap_or(Path::new("")).join(folder)));
            }
        }
        Ok(None)
    }
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
    /// `--features`, which selected packages must have.
    pub features: Vec<String>,
    /// What cargo gets besides: `--locked`, `--offline`, `--frozen`.
    pub flags: Vec<&'static str>,
    /// What reads TOML where there is no cargo. Without it there has to be one.
    pub parse: Option<Parse>,
}

/// What makes JSON of TOML, or says why not.
pub type Parse = fn(&str) -> Result<Value, String>;

impl Selection {
    /// The selected packages. Without `-p` and `--workspace`: the package of the current folder, or in a folder that
    /// is no package all members of the workspace that declare models.
    ///
    /// # Errors
    /// [`Code::FileNotFound`], [`Code::ManifestUnreadable`], [`Code::PackageNotFound`], [`Code::NoModels`],
    /// [`Code::UnknownFeature`].
    pub fn packages(&self) -> Result<Vec<Package>> {
        let metadata = self.metadata()?;
        let selected = self.select(&metadata)?;
        self.check_features(&metadata, &selected).map(|()| selected)
    }

    fn select(&self, metadata: &Metadata) -> Result<Vec<Package>> {
        let all = packages(metadata)?;
        if !self.packages.is_empty() {
            return self.packages.iter().map(|name| named(&all, name)).collect();
        }
        // `cargo metadata --no-deps` does not say which package the folder belongs to.
        let nearest = self.nearest_manifest();
        if let (false, Some(here)) = (self.workspace, all.iter().find(|package| package.manifest.canonicalize().ok() == nearest))
        {
            return Ok(vec![here.clone()]);
        }
        let workspace_manifest = metadata.workspace_root.join("Cargo.toml");
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

    /// What cargo says of the workspace.
    fn metadata(&self) -> Result<Metadata> {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.args(["metadata", "--format-version", "1", "--no-deps"]).args(&self.flags);
        if let Some(path) = &self.manifest_path {
            if !path.is_file() {
                return Err(Error::new(Code::FileNotFound, "there is no manifest here")
                    .file(path)
                    .help("give the path of a Cargo.toml to --manifest-path"));
            }
            command.arg("--manifest-path").arg(path);
        }
        let failed = |why: &str| {
            let error = Error::new(Code::ManifestUnreadable, format!("cargo could not read the manifest: {why}"));
            let error = error.help("run this in a cargo package, or give --manifest-path");
            match &self.manifest_path {
                Some(path) => error.file(path),
                None => error,
            }
        };
        let output = command.stdin(Stdio::null()).output();
        let is_missing = |error: &std::io::Error| error.kind() == ErrorKind::NotFound;
        if let (Some(parse), true) = (self.parse, output.as_ref().is_err_and(is_missing)) {
            let manifest = self.nearest_manifest().ok_or_else(|| failed("there is no Cargo.toml here or above"))?;
            return alone::metadata(&manifest, parse);
        }
        let output = output.map_err(|error| failed(&format!("`{}`: {error}", command.get_program().to_string_lossy())))?;
        if !output.status.success() {
            return Err(failed(String::from_utf8_lossy(&output.stderr).trim().trim_start_matches("error: ")));
        }
        serde_json::from_slice(&output.stdout).map_err(|error| failed(&format!("it says what is no metadata: {error}")))
    }

    /// Every feature that is asked for must be one of a selected package, as in cargo.
    fn check_features(&self, metadata: &Metadata, selected: &[Package]) -> Result {
        let is_selected = |member: &&Member| selected.iter().any(|package| package.manifest == member.manifest_path);
        let of = |member: &Member| member.features.keys().map(|name| format!("{}/{name}", member.name)).collect::<Vec<_>>();
        let known: Vec<String> = metadata.packages.iter().filter(is_selected).flat_map(of).collect();
        let is_known = |wanted: &&String| {
            known.iter().any(|name| name == *wanted || name.split_once('/').is_some_and(|(_, name)| name == *wanted))
        };
        let Some(unknown) = self.features.iter().find(|wanted| !is_known(wanted)) else { return Ok(()) };
        let list = if known.is_empty() { "there are none".to_owned() } else { format!("there are {}", known.join(", ")) };
        Err(Error::new(Code::UnknownFeature, format!("no selected package has the feature `{unknown}`")).help(list))
    }
}

/// What `cargo metadata --no-deps` says, as far as it matters here.
#[derive(Deserialize)]
struct Metadata {
    /// The members of the workspace, and only they.
    packages: Vec<Member>,
    workspace_root: PathBuf,
    target_directory: PathBuf,
    #[serde(default)]
    metadata: Value,
}

#[derive(Deserialize)]
struct Member {
    name: String,
    manifest_path: PathBuf,
    #[serde(default)]
    metadata: Value,
    #[serde(default)]
    features: BTreeMap<String, Value>,
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
    let members = metadata.packages.iter().map(|package| {
        let manifest = &package.manifest_path;
        let nowhere = || Error::internal(format!("the manifest `{}` is in no folder", manifest.display()));
        Ok(Package {
            name: package.name.clone(),
            manifest: manifest.clone(),
            directory: manifest.parent().ok_or_else(nowhere)?.to_owned(),
            metadata: of(&package.metadata),
            workspace_metadata: of(&metadata.metadata),
            workspace_manifest: metadata.workspace_root.join("Cargo.toml"),
            target_directory: metadata.target_directory.clone(),
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
