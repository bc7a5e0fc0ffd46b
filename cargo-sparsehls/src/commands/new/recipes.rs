//! The recipes for CI, with what a package needs there: the tool it was made with, and its place in the repository.

use std::path::{Path, PathBuf};

use sparsehls_build::Result;

use super::{
    contents::Files,
    dependency::{self, Dependency, Git},
};

/// How the recipes install the tool.
const INSTALL: &str = "cargo install --locked --git \"$SPARSEHLS_SOURCE\" cargo-sparsehls";
/// Where the recipes say what is installed.
const SOURCE: &str = "  SPARSEHLS_SOURCE:";
/// How GitHub fetches the repository.
const CHECKOUT: &str = "- uses: actions/checkout@v4";

/// What a package puts into a recipe.
#[derive(Debug)]
pub struct Recipe {
    /// Words at the top.
    comments: Vec<&'static str>,
    /// What stands in place of the line that says where the tool is from; nothing leaves it as it is.
    source: Option<Vec<(&'static str, String)>>,
    install: &'static str,
    /// Where they are written.
    root: PathBuf,
    /// The Cargo.toml from the top of the repository, unless it is there.
    below: Option<String>,
    /// Whether they are not written at the top of the repository.
    misplaced: bool,
    submodules: bool,
}

impl Recipe {
    /// That of a package in `folder`.
    ///
    /// # Errors
    /// [`Code::ManifestUnreadable`](sparsehls_build::Code::ManifestUnreadable) for one above `folder`.
    pub fn new(dependency: &Dependency, folder: &Path) -> Result<Self> {
        let package = dependency::real(folder);
        let top = dependency::top(&package)?;
        let from_top = |folder: &Path| dependency::between(&top, folder).to_string_lossy().into_owned();
        let (install, source) = match dependency {
            Dependency::Released => {
                let version = env!("CARGO_PKG_VERSION").to_owned();
                ("cargo install --locked \"cargo-sparsehls@$SPARSEHLS_VERSION\"", Some(vec![("SPARSEHLS_VERSION", version)]))
            }
            Dependency::Git(Git { url, rev: Some(rev) })
            | Dependency::Apart { origin: Some(Git { url, rev: Some(rev) }), .. } => (
                "cargo install --locked --git \"$SPARSEHLS_SOURCE\" --rev \"$SPARSEHLS_REV\" cargo-sparsehls",
                Some(vec![("SPARSEHLS_SOURCE", url.clone()), ("SPARSEHLS_REV", rev.clone())]),
            ),
            Dependency::Git(git) => (INSTALL, Some(vec![("SPARSEHLS_SOURCE", git.url.clone())])),
            Dependency::Together { path, .. } => {
                let tool = path.with_file_name("cargo-sparsehls");
                ("cargo install --locked --path \"$SPARSEHLS_SOURCE\"", Some(vec![("SPARSEHLS_SOURCE", from_top(&tool))]))
            }
            Dependency::Apart { .. } => (INSTALL, None),
        };
        let below = (top != package).then(|| from_top(&package.join("Cargo.toml")));
        let mut comments = Vec::new();
        if dependency.alone().is_some() {
            comments.push("# This fails as it is: Cargo.toml has a path of one machine. README.md says what to put there.");
        }
        let root = dependency::workspace_root(&package)?.unwrap_or_else(|| package.clone());
        let misplaced = root != top;
        if misplaced {
            comments.push("# It is read only at the top of a repository: move it to the same place there.");
        }
        let submodules = matches!(dependency, Dependency::Together { nested: Some(_), .. });
        Ok(Self { comments, source, install, root, below, misplaced, submodules })
    }

    /// Whether the recipes must be moved to be read.
    pub fn is_misplaced(&self) -> bool {
        self.misplaced
    }

    /// Where they go: the root of the workspace, or the package.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The recipes, by their paths.
    pub fn files(&self) -> Files {
        let text = |(file, text): &(&str, &str)| ((*file).into(), self.text(text).into_bytes());
        sparsehls_templates::CI.iter().map(text).collect()
    }

    fn text(&self, recipe: &str) -> String {
        let mut text: String = self.comments.iter().map(|line| format!("{line}\n")).collect();
        for line in recipe.lines() {
            let line = line.replace(INSTALL, self.install);
            if line.starts_with(SOURCE) {
                text += &self.variables(&line);
                continue;
            }
            let line = if self.below.is_some() {
                line.replace("cargo sparsehls build", "cargo sparsehls build --manifest-path \"$SPARSEHLS_MANIFEST\"")
                    .replace("cargo test", "cargo test --manifest-path \"$SPARSEHLS_MANIFEST\"")
            } else {
                line
            };
            text += &line;
            text += "\n";
            if self.submodules && line.trim() == CHECKOUT {
                text += "        with:\n          submodules: true\n";
            }
        }
        text
    }

    /// The lines of the variables; `source` is that of the recipe.
    fn variables(&self, source: &str) -> String {
        // What JSON has for a text is one for YAML too.
        let line = |name: &str, value: &str| format!("  {name}: {}\n", serde_json::Value::from(value));
        let mut text = match &self.source {
            Some(variables) => variables.iter().map(|(name, value)| line(name, value)).collect(),
            None => format!("{source}\n"),
        };
        if let Some(manifest) = &self.below {
            text += &line("SPARSEHLS_MANIFEST", manifest);
            text += "  CARGO_TARGET_DIR: target\n";
        }
        if self.submodules {
            // GitHub does not know it, and has a step for it.
            text += "  GIT_SUBMODULE_STRATEGY: normal\n";
        }
        text
    }
}
