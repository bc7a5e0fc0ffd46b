//! `cargo sparsehls new` and `cargo sparsehls init`.
//!
//! Everything is decided, read and checked before the first file is written. `new` writes into a temporary folder beside
//! the one to make, and renames it; `init` writes what is missing, and the Cargo.toml last.

mod contents;
pub mod dependency;
mod manifest;
mod missing;
mod recipes;
mod workspace;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use sparsehls_build::{Code, Error, Note, Result, files};

use self::{
    contents::{Contents, Files},
    dependency::Dependency,
    manifest::Manifest,
};
use crate::{
    args::{Common, ContentsArgs, InitArgs, NewArgs, Vcs},
    message::{Created, Message},
    output::Output,
};

/// Makes a firmware package in a folder of its own.
pub fn new(common: &Common, args: &NewArgs, output: &mut Output) -> Result {
    let folder = absolute(&args.folder)?;
    if folder.exists() {
        return Err(Error::new(Code::AlreadyExists, "there is something here already")
            .file(folder)
            .help("choose another name, or make the package in this folder a firmware package with `cargo sparsehls init`"));
    }
    let (contents, files) = package(common, &args.contents, &folder)?;
    let parent = folder.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(parent).map_err(|error| Error::io("create", parent, &error))?;
    let _unfinished = files::Unfinished::begin();
    let temporary = tempfile::Builder::new().prefix(".sparsehls-").tempdir_in(parent);
    let temporary = temporary.map_err(|error| Error::io("create a folder in", parent, &error))?;
    // The temporary folder is private to its owner; what is in it need not be.
    let complete = temporary.path().join("package");
    write(&complete, &files)?;
    fs::rename(&complete, &folder).map_err(|error| Error::io("create", &folder, &error))?;
    around(&contents, files, args.contents.vcs, &folder, output)
}

/// What belongs to a new package and is not in it: the workspace, the recipes, the repository.
fn around(contents: &Contents, mut files: Files, vcs: Option<Vcs>, folder: &Path, output: &Output) -> Result {
    let notes = write_recipes(contents, &mut files, folder)?;
    join_workspace(folder, output)?;
    if vcs.is_none_or(|vcs| vcs == Vcs::Git) {
        make_repository(folder, vcs.is_some())?;
    }
    created(output, contents, folder, &files, &notes);
    Ok(())
}

/// Writes the recipes for CI where CI looks for them; what is there stays. They are added to `files`, as seen from the package.
fn write_recipes(contents: &Contents, files: &mut Files, folder: &Path) -> Result<Vec<(Note, String)>> {
    let (root, mut recipes) = contents.recipes(folder)?;
    let mut notes = Vec::new();
    recipes.retain(|file, text| match fs::read(root.join(file)) {
        Err(_) => true,
        Ok(there) => {
            if there != *text {
                notes.push((Note::RecipesKept, format!("{} is there already, and stays as it is", root.join(file).display())));
            }
            false
        }
    });
    write(&root, &recipes)?;
    let up = dependency::between(&dependency::real(folder), &root);
    files.extend(recipes.into_iter().map(|(file, text)| (up.join(file), text)));
    Ok(notes)
}

/// Makes the folder a repository, as cargo does it, unless one is around it. A workspace without one would be cut in two.
fn make_repository(folder: &Path, asked: bool) -> Result {
    let is_there = dependency::repository(folder).is_some() || folder.ancestors().any(|above| above.join(".hg").exists());
    if is_there || !asked && workspace::around(folder)?.is_some() {
        return Ok(());
    }
    let made = Command::new("git").args(["init", "--quiet"]).arg(folder).stdin(Stdio::null()).output();
    match made {
        Ok(output) if output.status.success() => Ok(()),
        // Nobody asked for it.
        _ if !asked => Ok(()),
        Ok(output) => {
            let why = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            Err(Error::new(Code::Io, format!("git could not make a repository: {why}"))
                .file(folder)
                .help("leave it out with `--vcs none`"))
        }
        Err(error) => Err(Error::io("make a repository with `git`", folder, &error)),
    }
}

/// Makes a package a firmware package, or makes one in a folder without a package.
pub fn init(common: &Common, args: &InitArgs, output: &mut Output) -> Result {
    let folder = absolute(&args.folder)?;
    let path = folder.join("Cargo.toml");
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return init_empty(common, args, &folder, output),
        Err(error) => return Err(Error::io("read", &path, &error)),
    };
    let mut manifest = Manifest::parse(&text, &path)?;
    let name = manifest.name()?;
    if args.contents.name.as_ref().is_some_and(|wanted| *wanted != name) {
        return Err(Error::new(Code::InvalidName, format!("the package here is called `{name}`"))
            .file(path)
            .help("leave out --name"));
    }
    let there = manifest.dependency().map(|there| Dependency::of_manifest(there, &folder));
    let chosen = match there.clone().flatten() {
        Some(dependency) => dependency,
        None => Dependency::choose(&args.contents, &folder)?,
    };
    let contents = Contents::new(common, &args.contents, &name, &path, chosen)?;
    manifest.add(&contents)?;
    let (mut files, mut notes) = missing(&contents, &manifest, &folder)?;
    if !args.readme {
        files.remove(Path::new("README.md"));
    }
    if there.is_some() && (args.contents.git.is_some() || args.contents.path.is_some()) {
        notes.push((Note::DependencyKept, "Cargo.toml names sparsehls-build already, and that stays as it is".to_owned()));
    }
    let _unfinished = files::Unfinished::begin();
    write(&folder, &files)?;
    if args.ci {
        notes.extend(write_recipes(&contents, &mut files, &folder)?);
    }
    // Last: it names the others.
    write(&folder, &Files::from([("Cargo.toml".into(), manifest.to_string().into_bytes())]))?;
    created(output, &contents, &folder, &files, &notes);
    Ok(())
}

/// A package where there is none yet; files that are there stay.
fn init_empty(common: &Common, args: &InitArgs, folder: &Path, output: &Output) -> Result {
    let (contents, mut files) = package(common, &args.contents, folder)?;
    leave_what_is_there(&mut files, folder)?;
    let _unfinished = files::Unfinished::begin();
    write(folder, &files)?;
    around(&contents, files, args.contents.vcs, folder, output)
}

fn join_workspace(folder: &Path, output: &Output) -> Result {
    if let Some(root) = workspace::add(folder)? {
        output.note(Note::WorkspaceMember, &format!("added the package to the workspace of {}", root.display()));
    }
    Ok(())
}

/// Files that exist are not written again. A model that exists must be the one that was checked.
fn leave_what_is_there(files: &mut Files, folder: &Path) -> Result {
    for (file, contents) in files.iter().filter(|(file, _)| file.starts_with("models")) {
        let path = folder.join(file);
        if path.exists() && fs::read(&path).is_ok_and(|there| there != *contents) {
            return Err(Error::new(Code::AlreadyExists, "another file is here already, and its contents differ")
                .file(path)
                .help("give the model another name with --model NAME, or move the file away"));
        }
    }
    files.retain(|file, _| !folder.join(file).exists());
    Ok(())
}

/// A whole package, checked.
fn package(common: &Common, args: &ContentsArgs, folder: &Path) -> Result<(Contents, Files)> {
    let name = name(args, folder)?;
    let path = folder.join("Cargo.toml");
    let contents = Contents::new(common, args, &name, &path, Dependency::choose(args, folder)?)?;
    let mut manifest = Manifest::new(&name, workspace::around(folder)?.is_none(), &path)?;
    manifest.add(&contents)?;
    let mut files = contents.package(&manifest.crate_name()?, folder)?;
    files.insert("Cargo.toml".into(), manifest.to_string().into_bytes());
    Ok((contents, files))
}

/// What a build script needs, and one with a `main` of its own that has it.
const CALL: &str = "call `sparsehls_build::Build::from_manifest()?.compile()`";
const BUILD_SCRIPT: &str = "
    fn main() -> Result<(), Box<dyn std::error::Error>> {
        // what it does now
        sparsehls_build::Build::from_manifest()?.compile()?;
        Ok(())
    }
";

/// What `init` writes beside the Cargo.toml: what is not there, and a line in the root of the crate. Also what is left
/// to do by hand.
fn missing(contents: &Contents, manifest: &Manifest, folder: &Path) -> Result<(Files, Vec<(Note, String)>)> {
    const INCLUDE: &str = "include!(concat!(env!(\"OUT_DIR\"), \"/sparsehls.rs\"));";
    let mut files = contents.package(&manifest.crate_name()?, folder)?;
    let mut notes = Vec::new();
    let script = folder.join("build.rs");
    if fs::read_to_string(&script).is_ok_and(|text| !text.contains("sparsehls_build")) {
        notes.push((Note::BuildScript, format!("{CALL} in your build.rs, which stays as it is; it becomes\n{BUILD_SCRIPT}")));
    }
    let library = manifest.library_root();
    let root = [library, "src/main.rs"].into_iter().find(|root| folder.join(root).exists());
    let text = root.and_then(|root| fs::read_to_string(folder.join(root)).ok()).unwrap_or_default();
    if text.contains("forbid(unsafe_code") || manifest.forbids_unsafe() {
        let file = root.unwrap_or("Cargo.toml");
        let why = "the bindings call C++, which is unsafe, and do not compile in it: write `deny` instead of `forbid`";
        notes.push((Note::ForbidsUnsafe, format!("the crate of {file} forbids unsafe code; {why}")));
    }
    leave_what_is_there(&mut files, folder)?;
    // A package with sources of its own gets no further ones, and no test of a library that it does not have.
    if let Some(root) = root {
        files.retain(|file, _| !file.starts_with("src") && (root == library || !file.starts_with("tests")));
        if !text.contains("sparsehls.rs") {
            let line_end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
            files.insert(root.into(), format!("{text}{line_end}\n{INCLUDE}\n").into_bytes());
        }
    }
    Ok((files, notes))
}

/// The name that the package gets.
fn name(args: &ContentsArgs, folder: &Path) -> Result<String> {
    let last = folder.file_name().map(|name| name.to_string_lossy().into_owned());
    let name = args.name.clone().or(last).unwrap_or_default();
    manifest::check_name(&name)?;
    Ok(name)
}

fn absolute(folder: &Path) -> Result<PathBuf> {
    let path = std::path::absolute(folder).map_err(|error| Error::io("find", folder, &error))?;
    // `.` and `..` at the end have no name that a package could get.
    Ok(if folder.file_name().is_none() { path.canonicalize().unwrap_or(path) } else { path })
}

/// Writes files below `folder`, each whole or not at all.
fn write(folder: &Path, files: &Files) -> Result {
    files.iter().try_for_each(|(file, contents)| {
        let path = folder.join(file);
        let parent = path.parent().unwrap_or(folder);
        fs::create_dir_all(parent).map_err(|error| Error::io("create", parent, &error))?;
        files::write_atomically(&path, |to| to.write_all(contents))
    })
}

fn created(output: &Output, contents: &Contents, folder: &Path, files: &Files, notes: &[(Note, String)]) {
    let names: Vec<_> = files.keys().map(|file| file.display().to_string()).collect();
    let name = &contents.package;
    let missing = contents.missing_keys();
    let path = folder.display().to_string();
    output.json(&Message::Created(Created { package: name.clone(), path, files: names, missing }));
    output.status("Created", &format!("firmware package `{name}` in {}", folder.display()));
    contents.notes().iter().chain(notes).for_each(|(name, note)| output.note(*name, note));
    output.note(Note::NextStep, &contents.next());
}
