//! Where a package gets `sparsehls-build` from, and its CI the tool: both must be there on other machines too.

use std::{
    fs,
    path::{Component, Path, PathBuf},
    process::Command,
};

use serde::Serialize;
use sparsehls_build::{Code, Error, Note, Result, terminal::printable};
use toml_edit::{DocumentMut, InlineTable, Item, Value};

use super::workspace;
use crate::args::ContentsArgs;

/// Where this tool was compiled.
const BUILT_IN: &str = env!("CARGO_MANIFEST_DIR");
/// The released version that fits this tool.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Where `sparsehls-build` comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dependency {
    /// A registry, in the version of this tool.
    Released,
    /// A repository that other machines reach.
    Git(Git),
    /// A clone in the same workspace or repository: both go to another machine together.
    Together {
        /// The crate.
        path: PathBuf,
        /// The same from the package.
        relative: PathBuf,
        /// The clone's own repository, if it lies in the package's as another one, and whether that knows it as a submodule.
        nested: Option<(PathBuf, bool)>,
    },
    /// A clone elsewhere, which is on this machine only.
    Apart {
        /// The crate.
        path: PathBuf,
        /// The repository that the clone is of.
        origin: Option<Git>,
    },
}

/// What a package says that is tied to this machine.
#[derive(Debug, Serialize)]
pub struct Alone {
    path: String,
    value: String,
    flags: String,
}

/// A repository, and a commit in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Git {
    /// The repository.
    pub url: String,
    /// The commit; without one the newest.
    pub rev: Option<String>,
}

impl Git {
    fn new(url: &str, rev: Option<&str>) -> Option<Self> {
        Some(Self { url: check_url(url).ok()?, rev: rev.map(check_rev).transpose().ok()? })
    }

    /// What chooses it on the command line of `new`, and of `cargo install`.
    pub fn flags(&self) -> String {
        let rev = self.rev.as_ref().map(|rev| format!(" --rev {rev}")).unwrap_or_default();
        format!("--git {}{rev}", self.url)
    }

    /// The repository and the commit of a clone, if other machines reach it. That git is missing is no error.
    fn of_clone(folder: &Path) -> Option<Self> {
        let git = |arguments: &[&str]| {
            let mut command = Command::new("git");
            command.arg("-C").arg(folder).args(arguments);
            // A hook of git sets them to another repository.
            for variable in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"] {
                command.env_remove(variable);
            }
            let output = command.output().ok().filter(|output| output.status.success())?;
            String::from_utf8(output.stdout).ok()
        };
        // A copy in a repository that does not have its files is no clone of that one.
        let commit = git(&["rev-parse", "--verify", "--quiet", "HEAD:./Cargo.toml"]).and_then(|_| git(&["rev-parse", "HEAD"]))?;
        let origin = git(&["config", "--get", "remote.origin.url"])?;
        let url = public(origin.trim())?;
        Self::new(&url, Some(commit.trim()))
    }
}

/// The value of `--git`. It goes into Cargo.toml, words of a shell and YAML: nothing in it may be special there.
///
/// # Errors
/// What is wrong with it.
pub fn check_url(url: &str) -> Result<String, String> {
    let plain = |text: &str, more: &str| text.chars().all(|c| c.is_alphanumeric() || more.contains(c));
    let parts = url.split_once("://").filter(|(scheme, rest)| !scheme.is_empty() && !rest.is_empty());
    if parts.is_none_or(|(scheme, _)| !plain(scheme, "+")) || !plain(url, "-._~:/@+%,=") {
        return Err("cargo takes https://HOST/PATH, ssh://USER@HOST/PATH or file:///PATH, with other characters as in %20".into());
    }
    Ok(url.to_owned())
}

/// The value of `--rev`.
///
/// # Errors
/// What is wrong with it.
pub fn check_rev(rev: &str) -> Result<String, String> {
    let plain = rev.chars().all(|c| c.is_ascii_alphanumeric() || "-._/".contains(c));
    if !plain || !rev.starts_with(|c: char| c.is_ascii_alphanumeric()) || rev.contains("..") {
        return Err("give the hash of a commit, or a tag".into());
    }
    Ok(rev.to_owned())
}

/// The address of a remote as cargo takes it, without a password; nothing if it is a folder of this machine.
fn public(remote: &str) -> Option<String> {
    let Some((scheme, rest)) = remote.split_once("://") else {
        // `user@host:path`, as ssh has it. A `/` before the colon makes it a path.
        let (host, path) = remote.split_once(':').filter(|(host, _)| !host.contains('/') && host.len() > 1)?;
        return Some(format!("ssh://{host}/{}", path.trim_start_matches('/')));
    };
    match scheme {
        "http" | "https" => {
            let (host, path) = rest.split_once('/')?;
            Some(format!("{scheme}://{}/{path}", host.rsplit_once('@').map_or(host, |(_, host)| host)))
        }
        "ssh" | "git" => Some(remote.to_owned()),
        _ => None,
    }
}

impl Dependency {
    /// What the flags choose, or else what this tool was built from; `folder` is the package's.
    ///
    /// # Errors
    /// [`Code::FileNotFound`] if there is no clone.
    pub fn choose(args: &ContentsArgs, folder: &Path) -> Result<Self> {
        if let Some(url) = &args.git {
            return Ok(Self::Git(Git { url: url.clone(), rev: args.rev.clone() }));
        }
        if let Some(given) = &args.path {
            let found = crate_in(given).ok_or_else(|| {
                Error::new(Code::FileNotFound, "there is no crate sparsehls-build here")
                    .file(given)
                    .help("give the folder of a clone of cargo-sparsehls to --path")
            })?;
            return Self::clone_at(&found, folder);
        }
        let built_in = Path::new(BUILT_IN);
        if lies_below(built_in, &["registry", "src"]) {
            return Ok(Self::Released);
        }
        if lies_below(built_in, &["git", "checkouts"])
            && let Some(git) = installed_from()
        {
            return Ok(Self::Git(git));
        }
        let clone = built_in.parent().unwrap_or(built_in);
        let found = crate_in(clone).ok_or_else(|| {
            Error::new(Code::FileNotFound, "the clone that this tool was built from is not here any more")
                .file(clone)
                .help("say where the package gets sparsehls-build: --git URL --rev REV, or --path DIR for a clone")
        })?;
        Self::clone_at(&found, folder)
    }

    /// The crate at `path`, for the package in `folder`.
    fn clone_at(path: &Path, folder: &Path) -> Result<Self> {
        let package = real(folder);
        let apart = || Self::Apart { path: path.to_owned(), origin: Git::of_clone(path) };
        let Some(root) = common_root(&package, path)? else { return Ok(apart()) };
        let own = repository(path).filter(|own| *own != root && own.starts_with(&root));
        let nested = own.map(|own| (between(&package, &own), is_submodule(&own, &root)));
        Ok(Self::Together { path: path.to_owned(), relative: between(&package, path), nested })
    }

    /// That which a manifest in `folder` has already; nothing if it is none of these.
    pub fn of_manifest(item: &Item, folder: &Path) -> Option<Self> {
        if item.get("workspace").and_then(Item::as_bool) == Some(true) {
            let (manifest, document) = workspace::around(folder).ok()??;
            let shared = document.get("workspace")?.get("dependencies")?.get("sparsehls-build")?;
            return Self::described(shared, manifest.parent()?, folder);
        }
        Self::described(item, folder, folder)
    }

    /// What `item` says, with paths from `base`.
    fn described(item: &Item, base: &Path, folder: &Path) -> Option<Self> {
        let text = |key| item.get(key).and_then(Item::as_str);
        if let Some(url) = text("git") {
            return Git::new(url, text("rev").or(text("tag"))).map(Self::Git);
        }
        match text("path") {
            Some(path) => Self::clone_at(&base.join(path).canonicalize().ok()?, folder).ok(),
            None => item.as_str().or(text("version")).map(|_| Self::Released),
        }
    }

    /// What Cargo.toml says.
    pub fn value(&self) -> Value {
        let mut table = InlineTable::new();
        match self {
            Self::Released => return VERSION.into(),
            Self::Git(git) => {
                table.insert("git", git.url.as_str().into());
                if let Some(rev) = &git.rev {
                    table.insert("rev", rev.as_str().into());
                }
            }
            Self::Together { relative: path, .. } | Self::Apart { path, .. } => {
                table.insert("path", path.to_string_lossy().into_owned().into());
            }
        }
        table.into()
    }

    /// The command that installs this very tool, in a package's folder.
    pub fn install(&self) -> String {
        let from = match self {
            Self::Released => format!("cargo-sparsehls@{VERSION}"),
            Self::Git(git) | Self::Apart { origin: Some(git), .. } => format!("{} cargo-sparsehls", git.flags()),
            Self::Together { relative: path, .. } | Self::Apart { path, origin: None } => {
                format!("--path {}", quoted(&path.with_file_name("cargo-sparsehls").to_string_lossy()))
            }
        };
        format!("cargo install --locked {from}")
    }

    /// The path that is on this machine only, and what other machines could have in its place.
    pub fn alone(&self) -> Option<Alone> {
        let Self::Apart { path, origin } = self else { return None };
        let git = origin.clone().unwrap_or(Git { url: "URL".into(), rev: Some("REV".into()) });
        Some(Alone {
            path: printable(&path.display().to_string()),
            value: Self::Git(git.clone()).value().to_string(),
            flags: git.flags(),
        })
    }

    /// What is to be known about it at once.
    pub fn note(&self) -> Option<(Note, String)> {
        Some(match self {
            Self::Git(Git { url, .. }) if url.starts_with("file:") => (
                Note::AbsolutePath,
                format!(
                    "{url} is a folder of this machine: elsewhere, and in CI, the package builds only if the same is there; \
                     --git URL takes an address that others reach"
                ),
            ),
            Self::Git(Git { url, rev: None }) => (
                Note::NoRevision,
                format!("without --rev, CI takes the newest commit of {url}, and Cargo.lock keeps another; give --rev REV"),
            ),
            Self::Together { nested: Some((own, false)), .. } => (
                Note::NestedRepository,
                format!(
                    "{} is a repository of its own: make it a submodule, or a clone of the one around it has no sparsehls-build",
                    own.display()
                ),
            ),
            _ => {
                let Alone { path, flags, .. } = self.alone()?;
                let text = format!(
                    "Cargo.toml has the absolute path {path}: the package builds on this machine only, not on another one and \
                     not in CI. Make it with `{flags}` in its place; that commit must have been pushed"
                );
                (Note::AbsolutePath, text)
            }
        })
    }
}

/// The folder of `sparsehls-build` in a clone, or that itself.
fn crate_in(clone: &Path) -> Option<PathBuf> {
    let candidates = [clone.join("build-support"), clone.to_owned()];
    let is_it = |folder: &PathBuf| {
        fs::read_to_string(folder.join("Cargo.toml")).is_ok_and(|text| text.contains("name = \"sparsehls-build\""))
    };
    candidates.into_iter().find(is_it).and_then(|folder| folder.canonicalize().ok())
}

/// Whether the folders `names` follow each other in a path.
fn lies_below(path: &Path, names: &[&str]) -> bool {
    let parts: Vec<_> = path.components().map(Component::as_os_str).collect();
    parts.windows(names.len()).any(|window| window == names)
}

/// What `cargo install` noted beside the program: where it had it from.
fn installed_from() -> Option<Git> {
    let program = std::env::current_exe().ok()?.canonicalize().ok()?;
    let text = fs::read_to_string(program.ancestors().nth(2)?.join(".crates.toml")).ok()?;
    recorded(&text)
}

/// The commit in `"cargo-sparsehls 0.1.0 (git+URL?rev=...#COMMIT)" = ["cargo-sparsehls"]`.
fn recorded(text: &str) -> Option<Git> {
    let document: DocumentMut = text.parse().ok()?;
    let installed = document.get("v1")?.as_table_like()?;
    let prefix = format!("cargo-sparsehls {VERSION} (git+");
    let from = installed.iter().find_map(|(key, _)| key.strip_prefix(&prefix)?.strip_suffix(')'))?;
    let (url, commit) = from.rsplit_once('#')?;
    Git::new(url.split('?').next()?, Some(commit))
}

/// The repository that a folder lies in.
pub fn repository(folder: &Path) -> Option<PathBuf> {
    folder.ancestors().find(|above| above.join(".git").exists()).map(Path::to_owned)
}

/// The root of the workspace around a package.
pub fn workspace_root(package: &Path) -> Result<Option<PathBuf>> {
    Ok(workspace::around(package)?.and_then(|(manifest, _)| manifest.parent().map(Path::to_owned)))
}

/// The repository or workspace that has both folders, or the package if it has the other.
fn common_root(package: &Path, path: &Path) -> Result<Option<PathBuf>> {
    let roots = [repository(package), workspace_root(package)?, Some(package.to_owned())];
    Ok(roots.into_iter().flatten().find(|root| path.starts_with(root)))
}

/// Whether `.gitmodules` of `root` names the folder.
fn is_submodule(folder: &Path, root: &Path) -> bool {
    let Ok(relative) = folder.strip_prefix(root) else { return false };
    let text = fs::read_to_string(root.join(".gitmodules")).unwrap_or_default();
    let paths = text.lines().filter_map(|line| line.trim().strip_prefix("path")?.trim_start().strip_prefix('='));
    paths.map(str::trim).any(|path| Path::new(path) == relative)
}

/// A folder without symbolic links as far as it exists; the rest is still to be made.
pub fn real(folder: &Path) -> PathBuf {
    let found = folder.ancestors().find_map(|above| Some((above, above.canonicalize().ok()?)));
    let Some((above, real)) = found else { return folder.to_owned() };
    folder
        .strip_prefix(above)
        .map_or_else(|_| folder.to_owned(), |rest| if rest.as_os_str().is_empty() { real } else { real.join(rest) })
}

/// The way from one folder to another.
pub fn between(from: &Path, to: &Path) -> PathBuf {
    let common = from.components().zip(to.components()).take_while(|(from, to)| from == to).count();
    let up = from.components().skip(common).map(|_| Component::ParentDir);
    up.chain(to.components().skip(common)).collect()
}

/// Where CI finds its recipes and runs them: the top of the repository, or of the workspace, or else the package.
pub fn top(package: &Path) -> Result<PathBuf> {
    if let Some(root) = repository(package) {
        return Ok(root);
    }
    Ok(workspace_root(package)?.unwrap_or_else(|| package.to_owned()))
}

/// A word of a shell.
fn quoted(word: &str) -> String {
    let plain = word.chars().all(|c| c.is_alphanumeric() || "-._/".contains(c));
    if plain { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_cargo_or_a_recipe_would_misread_is_refused() {
        for url in ["https://example.org/a/b.git", "ssh://git@example.org:22/~a/b", "file:///a/b%20c", "https://é.org/b"] {
            assert!(check_url(url).is_ok(), "{url}");
        }
        for url in
            ["", "://a", "https://", "a b", "https://a/b c", "git@a.org:b", "https://a/\n", "https://a/$(b)", "https://a/'b'"]
        {
            assert!(check_url(url).is_err(), "{url:?}");
        }
        for rev in ["0123abcd", "v0.1.0", "refs/pull/1/head"] {
            assert!(check_rev(rev).is_ok(), "{rev}");
        }
        for rev in ["", "-b", "a b", "a..b", "a\"b", "a\n", "${{ a }}"] {
            assert!(check_rev(rev).is_err(), "{rev:?}");
        }
    }

    #[test]
    fn a_remote_is_named_as_cargo_takes_it_and_without_a_password() {
        for (remote, expected) in [
            ("https://example.org/a/b", Some("https://example.org/a/b")),
            ("https://me:secret@example.org/a/b", Some("https://example.org/a/b")),
            ("git@example.org:a/b.git", Some("ssh://git@example.org/a/b.git")),
            ("ssh://git@example.org/a/b", Some("ssh://git@example.org/a/b")),
            ("file:///home/me/b", None),
            ("/home/me/b", None),
            ("../b", None),
            ("/a:b/c", None),
        ] {
            assert_eq!(public(remote).as_deref(), expected, "{remote}");
        }
    }

    #[test]
    fn what_cargo_install_recorded_is_found() {
        let text = format!(
            "[v1]\n\"other 1.0.0 (registry+https://example.org/index)\" = [\"other\"]\n\
             \"cargo-sparsehls {VERSION} (git+https://example.org/a/b?rev=0123#0123abcd)\" = [\"cargo-sparsehls\"]\n"
        );
        assert_eq!(recorded(&text), Git::new("https://example.org/a/b", Some("0123abcd")));
        assert!(recorded(&text).is_some());
        assert_eq!(recorded(&text.replace("git+", "path+")), None);
        let cargo = Path::new("/home/me/.cargo");
        assert!(lies_below(&cargo.join("registry/src/index.crates.io-1/cargo-sparsehls-0.1.0"), &["registry", "src"]));
        assert!(!lies_below(Path::new("/home/me/registry/cargo-sparsehls/src"), &["registry", "src"]));
    }

    #[test]
    fn the_way_between_folders() {
        for (from, to, expected) in [("/a/b", "/a/c/d", "../c/d"), ("/a", "/a/b", "b"), ("/a/b/c", "/a", "../..")] {
            assert_eq!(between(Path::new(from), Path::new(to)), Path::new(expected));
        }
    }
}
