//! The simulation as a static library for the target.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::cargo;
use crate::{
    backend::{
        Generated,
        hls::{
            self,
            csim::{self, Compiler, Csim},
        },
    },
    error::{Code, Error, Result},
    files,
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
        build.cpp(true).cpp_link_stdlib(None).opt_level(2).debug(false).warnings(false).out_dir(out_dir);
        for flag in csim::VECTORS {
            build.flag_if_supported(flag);
        }
        build.flag_if_supported("-Wno-unknown-pragmas").flag_if_supported("-fno-exceptions").flag_if_supported("-fno-rtti");
        for flag in flags {
            build.flag(flag);
        }
        let (host, target) = (cargo::variable("HOST")?, cargo::variable("TARGET")?);
        let compiler = Compiler::of(&build, [&host, &target], &Cancel::default())?;
        // Asked for only because cc then names its variables; if there is none, compiling says so.
        let _ = build.try_get_archiver();
        build.cargo_metadata(false);
        cargo::link_search(out_dir.display());
        Ok(Self { build, compiler, flags: flags.to_vec(), out_dir: out_dir.to_owned() })
    }

    /// Compiles a model's library, unless there is one from the same files, compiler and flags. Returns its name for the
    /// linker, which is also that of its function.
    ///
    /// # Errors
    /// [`Code::CompileFailed`], [`Code::Io`].
    pub fn compile(&self, package: &str, generated: &Generated<'_>) -> Result<String> {
        let Generated { project, model, directory, .. } = generated;
        let symbol = hls::symbol(package, &model.name);
        let standard = csim::standard(model.target.language)?;
        let mut fingerprint = self.compiler.fingerprint();
        fingerprint.add_all(&self.flags);
        fingerprint.add(standard);
        hls::add_sources(project, &mut fingerprint);
        // The name says what the library was made from, and it appears only when it is complete. Two versions of a
        // package in one program have libraries of different names.
        let name = format!("{symbol}_{:016x}", fingerprint.short());
        let library = self.path(&name);
        if library.is_file() {
            return Ok(name);
        }
        let temporary = files::temporary_folder(&self.out_dir)?;
        let mut build = self.build.clone();
        build.out_dir(temporary.path()).include(directory).include(directory.join("csim/ap_types")).flag_if_supported(standard);
        build.define("SPARSEHLS_SYMBOL", &*name).file(directory.join(hls::source(&model.name)));
        build.try_compile(&symbol).map_err(|error| {
            Error::new(Code::CompileFailed, format!("the C++ compiler refused the generated project: {error}"))
                .file(directory)
                .help("is the compiler complete? it needs C++11, and for --target a cross compiler")
        })?;
        fs::rename(temporary.path().join(format!("lib{symbol}.a")), &library)
            .map_err(|error| Error::io("create", &library, &error))?;
        for older in files::older(&self.out_dir, &format!("lib{symbol}_"), ".a", &format!("lib{name}.a")) {
            let _ = fs::remove_file(older);
        }
        Ok(name)
    }

    /// The library as a program, if this machine can run it.
    ///
    /// # Errors
    /// As [`Self::compile`].
    pub fn program<'a>(&self, library: &str, generated: Generated<'a>) -> Result<Option<Csim<'a>>> {
        if cargo::variable("TARGET")? != cargo::variable("HOST")? {
            return Ok(None);
        }
        Csim::link(&self.compiler, &self.path(library), library, generated).map(Some)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.out_dir.join(format!("lib{name}.a"))
    }
}
