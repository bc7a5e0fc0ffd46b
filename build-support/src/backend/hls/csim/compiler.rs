//! The C++ compiler, and what it makes of a project.

use std::{
    ffi::OsString,
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    process::Command,
};

use super::{super::add_sources, Program};
use crate::{
    backend::Generated,
    error::{Code, Error, Result},
    files,
    fingerprint::Fingerprint,
    manifest::{HlsTool, Language},
};

/// The C++ compiler of this machine.
#[derive(Debug, Clone)]
pub struct Compiler {
    command: Vec<OsString>,
    version: String,
}

/// What of gcc's -O3 the kernels need: their loops become vectors, which clang does anyway. The rest of -O3 gains little
/// (docs/speed.md). And what must be off: when GCC 12.2 joins statements to vectors it makes wrong code of the
/// input reduction (found by the test of `explore`; the sanitizers see nothing undefined, and Clang, lower levels and GCC
/// without it agree with the reference).
pub(crate) const VECTORS: [&str; 3] = ["-ftree-loop-vectorize", "-fvect-cost-model=dynamic", "-fno-tree-slp-vectorize"];

impl Compiler {
    /// Its command and version, to which is added what it compiles.
    pub(crate) fn fingerprint(&self) -> Fingerprint {
        let mut fingerprint = Fingerprint::default();
        fingerprint.add_all(&self.command);
        fingerprint.add(&self.version);
        fingerprint
    }

    /// Finds the compiler: `CXX`, or else the usual one.
    ///
    /// # Errors
    /// [`Code::NoCompiler`].
    pub fn find() -> Result<Self> {
        let host = env!("SPARSEHLS_HOST");
        let mut build = cc::Build::new();
        build
            .cpp(true)
            .host(host)
            .target(host)
            .opt_level(2)
            .debug(false)
            .cargo_metadata(false)
            .cargo_warnings(false)
            .out_dir(std::env::temp_dir());
        Self::of(&build)
    }

    /// The compiler that `build` would use; it is asked for its version.
    ///
    /// # Errors
    /// [`Code::NoCompiler`].
    pub(crate) fn of(build: &cc::Build) -> Result<Self> {
        let missing = |why: String| {
            Error::new(Code::NoCompiler, format!("there is no C++ compiler to compile the simulation with: {why}"))
                .help("install one (`apt install g++`, `dnf install gcc-c++`, `xcode-select --install`), or set CXX to its path")
        };
        let tool = build.try_get_compiler().map_err(|error| missing(error.to_string()))?;
        let command = tool.to_command();
        let mut command: Vec<OsString> =
            std::iter::once(command.get_program()).chain(command.get_args()).map(OsString::from).collect();
        if tool.is_like_gnu() {
            command.extend(VECTORS.map(OsString::from));
        }
        let output = Command::new(&command[0]).arg("--version").output().map_err(|error| {
            let name = command[0].to_string_lossy();
            missing(match error.kind() {
                ErrorKind::NotFound => format!("`{name}` is not found"),
                _ => format!("`{name}` cannot be run ({error})"),
            })
        })?;
        if !output.status.success() {
            return Err(missing(format!("`{} --version` ends with {}", command[0].to_string_lossy(), output.status)));
        }
        let version = String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().to_owned();
        Ok(Self { command, version })
    }

    /// The first line of `--version`.
    pub fn version(&self) -> &str {
        &self.version
    }
}

/// The standard of C++ that the tool of a project parses.
///
/// # Errors
/// [`Code::Internal`] if the project is in another language.
pub fn standard(language: Language) -> Result<&'static str> {
    match language {
        Language::Hls(HlsTool::Vitis) => Ok("-std=c++14"),
        Language::Hls(HlsTool::Vivado) => Ok("-std=c++11"),
        Language::Verilog => Err(Error::internal("a csim of C++ for a project that is written in Verilog")),
    }
}

/// Compiles `sources` of a project into the program `name`, unless that has been done for the same files, compiler and flags.
pub(super) fn compile(generated: &Generated<'_>, name: &str, sources: &[PathBuf]) -> Result<Program> {
    let Generated { project, directory, model, .. } = generated;
    let compiler = Compiler::find()?;
    let flags = [standard(model.target.language)?, "-Wno-unknown-pragmas", "-Icsim/ap_types", "-I."];
    let mut fingerprint = compiler.fingerprint();
    fingerprint.add_all(flags);
    fingerprint.add_all(sources);
    add_sources(project, &mut fingerprint);
    kept_or_linked(&compiler, directory, name, &fingerprint, |command| {
        command.args(flags).args(sources);
    })
}

/// The program `csim/NAME-FINGERPRINT` below `directory`, compiled with these arguments unless it is there.
pub(super) fn kept_or_linked(
    compiler: &Compiler,
    directory: &Path,
    name: &str,
    fingerprint: &Fingerprint,
    arguments: impl FnOnce(&mut Command),
) -> Result<Program> {
    let folder = directory.join("csim");
    let made_from = fingerprint.short();
    // The name says what the program was made from, and it appears only when it is complete: no stamp can be stale.
    let file = format!("{name}-{made_from:016x}{}", std::env::consts::EXE_SUFFIX);
    let path = folder.join(&file);
    if path.is_file() {
        return Ok(Program { path, made_from, is_new: false });
    }
    let temporary = files::temporary_folder(&folder)?;
    let program = temporary.path().join("csim");
    run_compiler(compiler, directory, |command| {
        arguments(command);
        command.args(["-pthread", "-o"]).arg(&program)
    })?;
    fs::rename(&program, &path).map_err(|error| Error::io("create", &path, &error))?;
    files::remove_older(&folder, &format!("{name}-"), std::env::consts::EXE_SUFFIX, &file);
    Ok(Program { path, made_from, is_new: true })
}

/// Runs the compiler in `directory`.
fn run_compiler(compiler: &Compiler, directory: &Path, arguments: impl FnOnce(&mut Command) -> &mut Command) -> Result {
    let mut command = Command::new(&compiler.command[0]);
    command.args(&compiler.command[1..]).current_dir(directory);
    arguments(&mut command);
    let failed =
        |why: String| Error::new(Code::CompileFailed, why).file(directory).help("is the compiler complete? it needs C++11");
    let output = command.output().map_err(|error| failed(format!("the C++ compiler could not be run: {error}")))?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let first: Vec<&str> = text.lines().filter(|line| line.contains("error")).take(5).collect();
    Err(failed(format!("the C++ compiler refused the generated project ({}):\n{}", output.status, first.join("\n"))))
}
