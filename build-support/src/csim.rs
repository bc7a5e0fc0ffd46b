//! The generated C++, compiled for this machine and run.
//!
//! The simulation is a program that turns mantissas on its standard input into mantissas on its standard output, so a
//! fault in it can neither crash the compiler nor leave anything behind.

use std::{
    ffi::OsString,
    fs,
    io::{ErrorKind, Read, Write},
    num::NonZeroUsize,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use crate::{
    emit::Project,
    error::{Code, Error, Result},
    files,
    fingerprint::Fingerprint,
    fixed::Format,
    formats::{FixedLayer, FixedNetwork},
    manifest::{HlsTool, Model},
    mantissas::Mantissas,
    network::Shape,
    parallel,
    reference::{Pixels, Value},
};

/// A compiled simulation.
#[derive(Debug, Clone)]
pub struct Csim {
    program: PathBuf,
    /// Output values of one event.
    outputs: NonZeroUsize,
    output_format: Format,
}

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

/// The language standard that a tool parses.
pub fn standard(tool: HlsTool) -> &'static str {
    match tool {
        HlsTool::Vitis => "-std=c++14",
        HlsTool::Vivado => "-std=c++11",
    }
}

impl Csim {
    /// Compiles the project in `directory` unless that has been done for the same files, compiler and flags. Returns
    /// the simulation and whether it was compiled now.
    ///
    /// # Errors
    /// [`Code::NoCompiler`], [`Code::CompileFailed`], [`Code::Io`].
    pub fn compile(
        project: &Project,
        directory: &Path,
        name: &str,
        tool: HlsTool,
        network: &FixedNetwork,
    ) -> Result<(Self, bool)> {
        let sources = [Project::source(name), "csim/main.cpp".into()];
        let (program, new) = compile_program(project, directory, name, tool, &sources)?;
        Ok((Self::new(program, network), new))
    }

    /// Links the simulation that `library` holds into a program: what a build script does to check what it has compiled.
    /// The file name of `library` says what it was made from, and its function is called `symbol`.
    ///
    /// # Errors
    /// As [`Self::compile`].
    pub(crate) fn link(
        compiler: &Compiler,
        library: &Path,
        symbol: &str,
        directory: &Path,
        network: &FixedNetwork,
    ) -> Result<Self> {
        let mut fingerprint = compiler.fingerprint();
        fingerprint.add_all(library.file_name());
        let (program, _) = kept_or_linked(compiler, directory, "check", &fingerprint, |command| {
            command.arg(format!("-DSPARSEHLS_SYMBOL={symbol}")).arg("csim/main.cpp").arg(library);
        })?;
        Ok(Self::new(program, network))
    }

    fn new(program: PathBuf, network: &FixedNetwork) -> Self {
        Self { program, outputs: network.output_len(), output_format: network.output() }
    }

    /// The program.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Runs the simulation on events, on all cores.
    ///
    /// # Errors
    /// [`Code::CsimFailed`].
    pub fn run(&self, inputs: &Mantissas) -> Result<Mantissas> {
        let workers = parallel::workers().clamp(1, inputs.events().max(1));
        let share = NonZeroUsize::new(inputs.events().div_ceil(workers)).unwrap_or(NonZeroUsize::MIN);
        let mut chunks = inputs.chunks(share);
        let mut outputs = Mantissas::new(Vec::new(), self.outputs, self.output_format);
        let start = |_| {
            let mut process = self.start()?;
            Ok(move |chunk: Mantissas| process.run(&chunk))
        };
        let workers = (0..workers).map(start).collect::<Result<_>>()?;
        parallel::in_order(
            workers,
            || Ok(chunks.next()),
            |part: Mantissas| {
                outputs.append(part);
                Ok(())
            },
        )?;
        Ok(outputs)
    }

    /// Starts a process of the simulation.
    ///
    /// # Errors
    /// [`Code::CsimFailed`].
    pub fn start(&self) -> Result<Process<'_>> {
        let mut command = Command::new(&self.program);
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        child.map(|child| Process { csim: self, child }).map_err(|error| self.failed(&error))
    }

    fn failed(&self, why: &dyn std::fmt::Display) -> Error {
        Error::new(Code::CsimFailed, format!("the compiled simulation did not run: {why}"))
            .file(&self.program)
            .help("remove the file and build again; if that does not help, please report it with the model")
    }
}

/// A running simulation. It waits for events until it is dropped.
#[derive(Debug)]
pub struct Process<'a> {
    csim: &'a Csim,
    child: Child,
}

impl Process<'_> {
    /// The outputs of some events.
    ///
    /// # Errors
    /// [`Code::CsimFailed`].
    pub fn run(&mut self, inputs: &Mantissas) -> Result<Mantissas> {
        let csim = self.csim;
        let outputs = self.exchange(inputs).map_err(|error| csim.failed(&self.why(&error)))?;
        Ok(Mantissas::new(outputs, csim.outputs, csim.output_format))
    }

    /// The program reads all events before it writes the first result, so neither side waits for the other.
    fn exchange(&mut self, inputs: &Mantissas) -> std::io::Result<Vec<i64>> {
        let (Some(stdin), Some(stdout)) = (&mut self.child.stdin, &mut self.child.stdout) else { return Ok(Vec::new()) };
        let (events, values) = (inputs.events(), inputs.values().iter());
        let mut bytes = (events as u64).to_ne_bytes().to_vec();
        // The lowest bytes of the mantissas, as many as the input's format needs.
        match inputs.format().bytes() {
            1 => bytes.extend(values.map(|&value| value as u8)),
            2 => bytes.extend(values.flat_map(|&value| (value as u16).to_ne_bytes())),
            4 => bytes.extend(values.flat_map(|&value| (value as u32).to_ne_bytes())),
            _ => bytes.extend(values.flat_map(|value| value.to_ne_bytes())),
        }
        stdin.write_all(&bytes)?;
        let mut results = vec![0; events * self.csim.outputs.get() * size_of::<i64>()];
        stdout.read_exact(&mut results)?;
        Ok(results.as_chunks().0.iter().map(|bytes| i64::from_ne_bytes(*bytes)).collect())
    }

    /// A program that has ended says more by how it ended than by the pipe that broke.
    fn why(&mut self, error: &std::io::Error) -> String {
        drop(self.child.stdin.take());
        match self.child.wait() {
            Ok(status) => format!("it ended with {status}"),
            Err(_) => error.to_string(),
        }
    }
}

impl Drop for Process<'_> {
    fn drop(&mut self) {
        // It ends when there is no more input.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// Every layer's values in the simulation, for one event (mantissas): a program of its own, compiled on demand. Nothing
/// for a layer that a later one has absorbed.
///
/// # Errors
/// As [`Csim::compile`] and [`Csim::run`].
pub fn trace(
    project: &Project,
    directory: &Path,
    model: &Model,
    network: &FixedNetwork,
    event: &[i64],
) -> Result<Vec<Option<Value>>> {
    let name = format!("{}-trace", model.name);
    let (program, _) = compile_program(project, directory, &name, model.target.tool, &["csim/trace.cpp".into()])?;
    let csim = Csim::new(program, network);
    let text: String = event.iter().map(|mantissa| format!("{mantissa}\n")).collect();
    let none: [&str; 0] = [];
    let output = duct::cmd(&csim.program, none).stdin_bytes(text).stdout_capture().run().map_err(|error| csim.failed(&error))?;
    let output = String::from_utf8_lossy(&output.stdout);
    let mut lines = output.lines();
    let mut next = || lines.next().ok_or_else(|| csim.failed(&"it printed fewer layers than there are"));
    let numbers = |line: &str| line.split_whitespace().filter_map(|word| word.parse::<i64>().ok()).collect::<Vec<_>>();
    let value = |fixed: &FixedLayer| {
        let line = next()?;
        if line == "-" {
            return Ok(None);
        }
        let values = numbers(line);
        let Shape::Sparse(image) = fixed.layer.shape else { return Ok(Some(Value::Dense(values))) };
        let hash = numbers(next()?);
        let active = |slot: &usize| hash[slot * 2] > 0;
        let slots: Vec<usize> = (0..hash.len() / 2).filter(active).collect();
        let positions = slots.iter().map(|slot| [hash[slot * 2] as u32 - 1, hash[slot * 2 + 1] as u32 - 1]).collect();
        let features =
            slots.iter().flat_map(|slot| values[slot * image.channels..(slot + 1) * image.channels].to_vec()).collect();
        Ok(Some(Value::Sparse(Pixels { image, positions, features })))
    };
    network.layers.iter().map(value).collect()
}

/// Compiles `sources` of a project into a program, unless that has been done for the same files, compiler and flags.
/// Returns the program and whether it was compiled now.
fn compile_program(
    project: &Project,
    directory: &Path,
    name: &str,
    tool: HlsTool,
    sources: &[PathBuf],
) -> Result<(PathBuf, bool)> {
    let compiler = Compiler::find()?;
    let flags = [standard(tool), "-Wno-unknown-pragmas", "-Icsim/ap_types", "-I."];
    let mut fingerprint = compiler.fingerprint();
    fingerprint.add_all(flags);
    fingerprint.add_all(sources);
    project.add_sources(&mut fingerprint);
    kept_or_linked(&compiler, directory, name, &fingerprint, |command| {
        command.args(flags).args(sources);
    })
}

/// The program `csim/NAME-FINGERPRINT` below `directory`, compiled with these arguments unless it is there. Returns whether it
/// was compiled now.
fn kept_or_linked(
    compiler: &Compiler,
    directory: &Path,
    name: &str,
    fingerprint: &Fingerprint,
    arguments: impl FnOnce(&mut Command),
) -> Result<(PathBuf, bool)> {
    let folder = directory.join("csim");
    // The name says what the program was made from, and it appears only when it is complete: no stamp can be stale.
    let file = format!("{name}-{:016x}{}", fingerprint.short(), std::env::consts::EXE_SUFFIX);
    let kept = folder.join(&file);
    if kept.is_file() {
        return Ok((kept, false));
    }
    let temporary = files::temporary_folder(&folder)?;
    let program = temporary.path().join("csim");
    run_compiler(compiler, directory, |command| {
        arguments(command);
        command.arg("-o").arg(&program)
    })?;
    fs::rename(&program, &kept).map_err(|error| Error::io("create", &kept, &error))?;
    files::remove_older(&folder, &format!("{name}-"), std::env::consts::EXE_SUFFIX, &file);
    Ok((kept, true))
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
