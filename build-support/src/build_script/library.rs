//! The simulation as a static library for the target.

use std::{
    ffi::OsString,
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
};

use super::cargo;
use crate::{
    backend::{
        Generated,
        hls::{
            self,
            csim::{self, Compiler, Csim, Library},
        },
    },
    error::{Code, Error, Result},
    files,
    fingerprint::Fingerprint,
    process::Cancel,
};

/// Compiles the libraries of a package.
#[derive(Debug)]
pub struct Libraries {
    build: cc::Build,
    compiler: Compiler,
    flags: Vec<String>,
    out_dir: PathBuf,
}

impl Libraries {
    /// Finds the compiler for the target, and tells cargo which variables it depends on.
    ///
    /// # Errors
    /// [`Code::NoCompiler`].
    pub fn new(out_dir: &Path, flags: &[String]) -> Result<Self> {
        fs::create_dir_all(out_dir).map_err(|error| Error::io("create", out_dir, &error))?;
        let mut build = cc::Build::new();
        // The simulation uses nothing of the C++ standard library, so nothing needs to be linked.
        build.cargo_metadata(false).cpp(true).cpp_link_stdlib(None).opt_level(2).debug(false).warnings(false).out_dir(out_dir);
        for flag in csim::VECTORS {
            build.flag_if_supported(flag);
        }
        build.flag_if_supported("-Wno-unknown-pragmas").flag_if_supported("-fno-exceptions").flag_if_supported("-fno-rtti");
        for flag in flags {
            build.flag(flag);
        }
        let (host, target) = (cargo::variable("HOST")?, cargo::variable("TARGET")?);
        cargo::compiler_variables(&host, &target);
        let compiler = Compiler::of(&build, [&host, &target], &Cancel::default())?;
        cargo::link_search(out_dir.display());
        Ok(Self { build, compiler, flags: flags.to_vec(), out_dir: out_dir.to_owned() })
    }

    /// Compiles a model's library, unless there is a whole one from the same files, compiler and flags. What is compiled is the
    /// text that was generated, in a private folder.
    ///
    /// # Errors
    /// [`Code::CompileFailed`], [`Code::Io`].
    pub fn compile(&self, package: &str, generated: &Generated<'_>) -> Result<Library> {
        let Generated { project, model, .. } = generated;
        let symbol = hls::symbol(package, &model.name);
        let standard = csim::standard(model.target.language)?;
        let mut fingerprint = self.compiler.fingerprint();
        fingerprint.add_all(&self.flags);
        fingerprint.add(standard);
        hls::add_sources(project, &mut fingerprint);
        // The name says what the library was made from, and it appears only when it is complete. Two versions of a
        // package in one program have libraries of different names.
        let name = format!("{symbol}_{:016x}", fingerprint.short());
        let path = self.out_dir.join(format!("lib{name}.a"));
        if let Some(digest) = kept(&path)? {
            return Ok(Library { name, path, digest });
        }
        let temporary = files::temporary_folder(&self.out_dir)?;
        csim::write_sources(generated, temporary.path())?;
        let made = self.archive(&symbol, &name, standard, temporary.path(), generated)?;
        let digest = publish(&made, &path)?;
        for older in files::older(&self.out_dir, &format!("lib{symbol}_"), ".a", &format!("lib{name}.a")) {
            let _ = fs::remove_file(seal(&older));
            let _ = fs::remove_file(older);
        }
        Ok(Library { name, path, digest })
    }

    /// Compiles what lies in `folder` into an archive there. The compiler is ours to end if it takes too long; `cc` would wait.
    fn archive(&self, symbol: &str, name: &str, standard: &str, folder: &Path, generated: &Generated<'_>) -> Result<PathBuf> {
        let failed = |error: cc::Error| {
            let why = format!("the library of the simulation could not be made: {error}");
            Error::new(Code::CompileFailed, why).file(generated.directory).help("is the compiler complete, with its `ar`?")
        };
        let mut build = self.build.clone();
        build.out_dir(folder).include(".").include("csim/ap_types").flag_if_supported(standard);
        build.define("SPARSEHLS_SYMBOL", name).define("SPARSEHLS_ABORT", None);
        let command = build.try_get_compiler().map_err(failed)?.to_command();
        let mut command: Vec<OsString> =
            std::iter::once(command.get_program()).chain(command.get_args()).map(OsString::from).collect();
        let object = folder.join("bridge.o");
        command.extend(["-c".into(), "-o".into(), object.clone().into(), hls::source(&generated.model.name).into()]);
        csim::run_compiler(&command, folder, generated)?;
        build.object(object).try_compile(symbol).map_err(failed)?;
        Ok(folder.join(format!("lib{symbol}.a")))
    }

    /// The library as a program, if this machine can run it.
    ///
    /// # Errors
    /// As [`Self::compile`].
    pub fn program<'a>(&self, library: &Library, generated: Generated<'a>) -> Result<Option<Csim<'a>>> {
        if cargo::variable("TARGET")? != cargo::variable("HOST")? {
            return Ok(None);
        }
        Csim::link(&self.compiler, library, generated).map(Some)
    }
}

/// Where the digest of a library stands: an archive has no room for one.
fn seal(library: &Path) -> PathBuf {
    library.with_extension("digest")
}

/// The digest of the library at `path`, if it is as it was when it was put there.
fn kept(path: &Path) -> Result<Option<String>> {
    let Some(bytes) = files::read_own(path)? else { return Ok(None) };
    let (digest, said) = (digest(&bytes, path), files::read_own(&seal(path))?);
    Ok(said.is_some_and(|said| said == digest.as_bytes()).then_some(digest))
}

/// Puts the library `made` into its place, on the disk before it has its name, and says what its digest is.
fn publish(made: &Path, path: &Path) -> Result<String> {
    let read = || {
        let mut file = File::open(made)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        file.sync_all().map(|()| bytes)
    };
    let digest = digest(&read().map_err(|error| Error::io("read", made, &error))?, path);
    fs::rename(made, path).map_err(|error| Error::io("create", path, &error))?;
    files::write_own(&seal(path), |file| file.write_all(digest.as_bytes()))?;
    Ok(digest)
}

fn digest(bytes: &[u8], path: &Path) -> String {
    let mut digest = Fingerprint::default();
    digest.add(path.file_name().unwrap_or_default());
    digest.add_bytes(bytes);
    digest.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_that_has_changed_is_not_taken() {
        let folder = tempfile::tempdir().unwrap();
        let (made, path) = (folder.path().join("made"), folder.path().join("libnet.a"));
        assert_eq!(kept(&path).unwrap(), None);
        fs::write(&made, "an archive").unwrap();
        let digest = publish(&made, &path).unwrap();
        assert_eq!(kept(&path).unwrap(), Some(digest.clone()));
        for damaged in ["an archivf", "an archiv", ""] {
            fs::write(&path, damaged).unwrap();
            assert_eq!(kept(&path).unwrap(), None, "{damaged}");
        }
        fs::write(&path, "an archive").unwrap();
        for damaged in ["", &digest[1..], &digest.replace('a', "b")] {
            fs::write(seal(&path), damaged).unwrap();
            assert_eq!(kept(&path).unwrap(), None, "{damaged}");
        }
        // Nor is one of another name.
        let other = folder.path().join("libother.a");
        fs::copy(&path, &other).unwrap();
        fs::write(seal(&other), digest).unwrap();
        assert_eq!(kept(&other).unwrap(), None);
    }
}
