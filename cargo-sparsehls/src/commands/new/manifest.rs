//! The Cargo.toml of a firmware package, edited without disturbing comments and order.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use sparsehls_build::{Code, Error, Result};
use toml_edit::{DocumentMut, Item, Table, TableLike, TomlError};

use super::contents::Contents;

const PROFILE: &str = "
# Without debug information the tests' dependencies are those of the build script, and all is compiled once, and sooner.
[profile.dev.package.\"*\"]
debug = false
";

/// A Cargo.toml.
#[derive(Debug)]
pub struct Manifest {
    document: DocumentMut,
    path: PathBuf,
}

impl fmt::Display for Manifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.document.fmt(f)
    }
}

impl Manifest {
    /// That of a new package; `root` says whether it is in no workspace, and so has profiles.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn new(name: &str, root: bool, path: &Path) -> Result<Self> {
        let text = format!(
            r#"[package]
name = "{name}"
version = "0.1.0"
edition = "2024"
rust-version = "{}"
publish = false

# The firmware itself depends on nothing: this writes and compiles it, and reads golden files in tests.
[build-dependencies]

[dev-dependencies]

[package.metadata.sparsehls]
backend = "vitis"               # or "vivado", "verilog"
part = "xcu250-figd2104-2L-e"
clock-period = 5.0              # ns
{}"#,
            env!("CARGO_PKG_RUST_VERSION"),
            if root { PROFILE } else { "" }
        );
        Self::parse(&text, path)
    }

    /// That of a package that is there; `path` is for messages.
    ///
    /// # Errors
    /// [`Code::ManifestUnreadable`].
    pub fn parse(text: &str, path: &Path) -> Result<Self> {
        let document = text.parse().map_err(|error: TomlError| {
            let why = error.to_string();
            Error::new(Code::ManifestUnreadable, format!("the manifest is not valid TOML: {}", why.trim_end()))
                .file(path)
                .help("cargo cannot read it either; correct it first")
        })?;
        Ok(Self { document, path: path.to_owned() })
    }

    /// The package's name.
    ///
    /// # Errors
    /// [`Code::ManifestUnreadable`] if there is none.
    pub fn name(&self) -> Result<String> {
        let name = self.document.get("package").and_then(|package| package.get("name")).and_then(Item::as_str);
        name.map(str::to_owned).ok_or_else(|| {
            Error::new(Code::ManifestUnreadable, "the manifest has no package with a name")
                .file(&self.path)
                .key("package.name")
                .help("models belong to packages: run this in the folder of a member of the workspace, or use `new`")
        })
    }

    /// What Rust calls the package's library.
    ///
    /// # Errors
    /// As [`Self::name`].
    pub fn crate_name(&self) -> Result<String> {
        let library = self.document.get("lib").and_then(|library| library.get("name")).and_then(Item::as_str);
        Ok(library.map_or(self.name()?, str::to_owned).replace('-', "_"))
    }

    /// Whether `[lints.rust]` forbids unsafe code.
    pub fn forbids_unsafe(&self) -> bool {
        let rust = self.document.get("lints").and_then(|lints| lints.get("rust"));
        let level = rust.and_then(|rust| rust.get("unsafe_code"));
        let level = level.and_then(|level| level.as_str().or_else(|| level.get("level")?.as_str()));
        level == Some("forbid")
    }

    /// The root of the package's library, if it has one.
    pub fn library_root(&self) -> &str {
        self.document.get("lib").and_then(|library| library.get("path")).and_then(Item::as_str).unwrap_or("src/lib.rs")
    }

    /// Adds the model and what it needs. What is there already stays as it is.
    ///
    /// # Errors
    /// [`Code::AlreadyExists`] if the model is declared, [`Code::ManifestUnreadable`] if something is no table.
    pub fn add(&mut self, contents: &Contents) -> Result {
        let path = self.path.clone();
        // The test reads the golden file.
        let dependencies = [Some("build-dependencies"), contents.golden.then_some("dev-dependencies")];
        for section in dependencies.into_iter().flatten() {
            let table = table(self.document.as_table_mut(), section, &path)?;
            if !table.contains_key("sparsehls-build") {
                table.insert("sparsehls-build", contents.dependency.value().into());
            }
        }
        let package = table(self.document.as_table_mut(), "package", &path)?;
        let metadata = table(package, "metadata", &path)?;
        let ours = table(metadata, "sparsehls", &path)?;
        let models = table(ours, "models", &path)?;
        if models.contains_key(&contents.model) {
            return Err(Error::new(Code::AlreadyExists, format!("the model `{}` is declared already", contents.model))
                .file(&path)
                .key(format!("package.metadata.sparsehls.models.{}", contents.model))
                .help("give the new one another name with --model NAME"));
        }
        let model = table(models, &contents.model, &path)?;
        model.insert("source", toml_edit::value(contents.source()));
        if contents.golden {
            model.insert("golden", toml_edit::value(contents.golden_file()));
        }
        for (key, value) in &contents.formats {
            model.insert(key, toml_edit::value(value));
        }
        let lines: String = contents.missing.iter().map(|missing| format!("\n{}", missing.line())).collect();
        if let Some(last) = self.model(&contents.model).and_then(|model| model.iter_mut().last()?.1.as_value_mut()) {
            last.decor_mut().set_suffix(lines);
        }
        Ok(())
    }

    /// The table of a model, unless it is written on one line: no comment has a place in there.
    fn model(&mut self, name: &str) -> Option<&mut Table> {
        let path = ["package", "metadata", "sparsehls", "models", name];
        path.iter().try_fold(self.document.as_table_mut(), |table, key| table.get_mut(key)?.as_table_mut())
    }

    /// What the manifest says already about `sparsehls-build`.
    pub fn dependency(&self) -> Option<&Item> {
        self.document.get("build-dependencies")?.get("sparsehls-build")
    }
}

/// The table `key`, made if it is not there; its header is printed only if it has keys of its own.
fn table<'a>(parent: &'a mut dyn TableLike, key: &str, path: &Path) -> Result<&'a mut dyn TableLike> {
    let empty = || {
        let mut table = Table::new();
        table.set_implicit(true);
        Item::Table(table)
    };
    parent.entry(key).or_insert_with(empty).as_table_like_mut().ok_or_else(|| {
        Error::new(Code::ManifestUnreadable, format!("`{key}` is not a table"))
            .file(path)
            .key(key)
            .help("correct the manifest first")
    })
}

/// A package's name becomes a crate, a folder and a part of a C++ symbol.
///
/// # Errors
/// [`Code::InvalidName`].
pub fn check_name(name: &str) -> Result {
    // Names of Rust's own crates, and of folders that cargo makes in `target`.
    const TAKEN: [&str; 11] = [
        "test",
        "core",
        "std",
        "alloc",
        "proc_macro",
        "proc-macro",
        "sparsehls-build",
        "build",
        "deps",
        "examples",
        "incremental",
    ];
    let plain = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
        && name.len() <= 64;
    if plain && !TAKEN.contains(&name) && !is_keyword(name) {
        return Ok(());
    }
    Err(Error::new(Code::InvalidName, format!("{name:?} cannot name a package"))
        .help("give --name NAME with ASCII letters, digits, `-` and `_`, beginning with a letter, and no keyword of Rust"))
}

fn is_keyword(name: &str) -> bool {
    const KEYWORDS: &str = "abstract as async await become box break const continue crate do dyn else enum extern false \
        final fn for gen if impl in let loop macro match mod move mut override priv pub ref return self Self static struct \
        super trait true try type typeof unsafe unsized use virtual where while yield";
    KEYWORDS.split_whitespace().any(|word| word == name)
}
