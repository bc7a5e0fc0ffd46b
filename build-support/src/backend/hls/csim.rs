//! The generated C++, compiled for this machine and run.
//!
//! The simulation is a program that turns mantissas on its standard input into mantissas on its standard output, so a
//! fault in it can neither crash the compiler nor leave anything behind.

mod compiler;

use std::{
    io::{Read, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

pub(crate) use self::compiler::VECTORS;
pub use self::compiler::{Compiler, standard};
use crate::{
    backend::Generated,
    engine::{Engine, Session},
    error::{Code, Error, Result},
    formats::FixedNetwork,
    mantissas::Mantissas,
    network::Shape,
    ops::FixedLayer,
    reference::{Pixels, Value},
};

/// A compiled simulation.
#[derive(Debug)]
pub struct Csim<'a> {
    generated: Generated<'a>,
    pub(super) program: Program,
}

/// A compiled program.
#[derive(Debug)]
pub(super) struct Program {
    path: PathBuf,
    /// The fingerprint of the files, the compiler and the flags.
    pub made_from: u64,
    /// Whether it was compiled now.
    pub is_new: bool,
}

impl<'a> Csim<'a> {
    /// Compiles a project unless that has been done for the same files, compiler and flags.
    ///
    /// # Errors
    /// [`Code::NoCompiler`], [`Code::CompileFailed`], [`Code::Io`].
    pub fn compile(generated: Generated<'a>) -> Result<Self> {
        let name = &generated.model.name;
        let program = compiler::compile(&generated, name, &[super::source(name), "csim/main.cpp".into()])?;
        Ok(Self { generated, program })
    }

    /// Links the simulation that `library` holds into a program: what a build script does to check what it has compiled.
    /// The file name of `library` says what it was made from, and its function is called `symbol`.
    ///
    /// # Errors
    /// As [`Self::compile`].
    pub(crate) fn link(compiler: &Compiler, library: &Path, symbol: &str, generated: Generated<'a>) -> Result<Self> {
        let mut fingerprint = compiler.fingerprint();
        fingerprint.add_all(library.file_name());
        let program = compiler::kept_or_linked(compiler, generated.directory, "check", &fingerprint, |command| {
            command.arg(format!("-DSPARSEHLS_SYMBOL={symbol}")).arg("csim/main.cpp").arg(library);
        })?;
        Ok(Self { generated, program })
    }

    /// The program.
    pub fn program(&self) -> &Path {
        &self.program.path
    }
}

impl Engine for Csim<'_> {
    fn name(&self) -> &'static str {
        "csim"
    }

    fn network(&self) -> &FixedNetwork {
        self.generated.network
    }

    fn start(&self) -> Result<Box<dyn Session + '_>> {
        let mut command = Command::new(&self.program.path);
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let child = child.map_err(|error| failed(&self.program.path, &error))?;
        Ok(Box::new(Process { csim: self, child }))
    }

    /// By a program of its own, compiled on demand.
    fn trace(&self, event: &[i64]) -> Result<Vec<Option<Value>>> {
        let name = format!("{}-trace", self.generated.model.name);
        let Program { path: program, .. } = compiler::compile(&self.generated, &name, &["csim/trace.cpp".into()])?;
        let text: String = event.iter().map(|mantissa| format!("{mantissa}\n")).collect();
        let none: [&str; 0] = [];
        let run = duct::cmd(&program, none).stdin_bytes(text).stdout_capture().run();
        let output = run.map_err(|error| failed(&program, &error))?;
        let output = String::from_utf8_lossy(&output.stdout);
        let mut lines = output.lines();
        let mut next = || lines.next().ok_or_else(|| failed(&program, &"it printed fewer layers than there are"));
        self.network().layers.iter().map(|fixed| value(fixed, &mut next)).collect()
    }
}

/// A layer's value, from the lines that the tracing program prints of it.
fn value<'a>(fixed: &FixedLayer, mut next: impl FnMut() -> Result<&'a str>) -> Result<Option<Value>> {
    let numbers = |line: &str| line.split_whitespace().filter_map(|word| word.parse::<i64>().ok()).collect::<Vec<_>>();
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
    let features = slots.iter().flat_map(|slot| values[slot * image.channels..(slot + 1) * image.channels].to_vec()).collect();
    Ok(Some(Value::Sparse(Pixels { image, positions, features })))
}

fn failed(program: &Path, why: &dyn std::fmt::Display) -> Error {
    Error::new(Code::CsimFailed, format!("the compiled simulation did not run: {why}"))
        .file(program)
        .help("remove the file and build again; if that does not help, please report it with the model")
}

/// A running simulation. It waits for events until it is dropped.
#[derive(Debug)]
struct Process<'a> {
    csim: &'a Csim<'a>,
    child: Child,
}

impl Session for Process<'_> {
    fn run(&mut self, inputs: &Mantissas) -> Result<Mantissas> {
        let csim = self.csim;
        let outputs = self.exchange(inputs).map_err(|error| failed(&csim.program.path, &self.why(&error)))?;
        Ok(csim.network().outputs(outputs))
    }
}

impl Process<'_> {
    /// The program reads all events before it writes the first result, so neither side waits for the other.
    fn exchange(&mut self, inputs: &Mantissas) -> std::io::Result<Vec<i64>> {
        let (Some(stdin), Some(stdout)) = (&mut self.child.stdin, &mut self.child.stdout) else {
            return Err(std::io::Error::other("it has ended before"));
        };
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
        let mut results = vec![0; events * self.csim.network().output_len().get() * size_of::<i64>()];
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
