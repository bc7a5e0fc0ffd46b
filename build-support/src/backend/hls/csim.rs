//! The generated C++, compiled for this machine and run.
//!
//! The simulation is a program that turns mantissas on its standard input into mantissas on its standard output, so a
//! fault in it can neither crash the compiler nor leave anything behind.

mod compiler;
mod program;

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use self::compiler::Recipe;
pub use self::compiler::{Compiler, Object, standard};
pub(crate) use self::{
    compiler::{VECTORS, interrupted, run_compiler, write_sources},
    program::{Place, Program},
};
use crate::{
    backend::Generated,
    engine::{Engine, Session},
    error::{Code, Error, Result},
    formats::FixedNetwork,
    mantissas::Mantissas,
    network::Shape,
    ops::FixedLayer,
    process::{Answer, Ended, Question, Talk},
    reference::{Pixels, Value},
};

/// What the program that traces may print.
const TRACE_BYTES: usize = 1 << 30;

/// The simulation as a static library.
#[derive(Debug)]
pub(crate) struct Library {
    /// Its name for the linker, which is also that of its function. It says what the library was made from.
    pub name: String,
    /// Its file.
    pub path: PathBuf,
    /// A digest of that.
    pub digest: String,
}

/// A compiled simulation.
#[derive(Debug)]
pub struct Csim<'a> {
    generated: Generated<'a>,
    pub(super) program: Program,
    /// What it was linked from, if it was compiled now.
    pub(super) object: Option<Object>,
}

impl<'a> Csim<'a> {
    /// Compiles a project unless that has been done for the same files, compiler and flags.
    ///
    /// # Errors
    /// [`Code::NoCompiler`], [`Code::CompileFailed`], [`Code::Io`].
    pub fn compile(generated: Generated<'a>) -> Result<Self> {
        let (program, object) = compiler::simulation(&generated)?;
        Ok(Self { generated, program, object })
    }

    /// Links a library into a program: what a build script does to check what it has compiled.
    ///
    /// # Errors
    /// As [`Self::compile`].
    pub(crate) fn link(compiler: &Compiler, library: &Library, generated: Generated<'a>) -> Result<Self> {
        let Library { name, path, digest } = library;
        let mut all = compiler.fingerprint();
        all.add(name);
        all.add(digest);
        let recipe = Recipe { name: "check", text: all.short(), all };
        let program = compiler::kept_or_linked(compiler, &generated, &recipe, |command| {
            command.extend([format!("-DSPARSEHLS_SYMBOL={name}").into(), "csim/main.cpp".into(), path.into()]);
        })?;
        Ok(Self { generated, program, object: None })
    }

    /// The program.
    pub fn program(&self) -> &Path {
        &self.program.path
    }

    /// Why the program was ended.
    fn ended(&self, why: Ended) -> Error {
        match why {
            Ended::TimedOut => self.generated.too_long(Code::CsimFailed, "an answer of the compiled simulation"),
            Ended::Cancelled => {
                Error::new(Code::Interrupted, "the simulation was interrupted").help("run the same command again")
            }
        }
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
        let Generated { model, cancel, .. } = &self.generated;
        let talk = Talk::start(Command::new(&self.program.path), model.target.csim_timeout, cancel);
        let talk = talk.map_err(|error| failed(&self.program.path, &error))?;
        Ok(Box::new(Process { csim: self, talk }))
    }

    /// By a program of its own, compiled on demand.
    fn trace(&self, event: &[i64]) -> Result<Vec<Option<Value>>> {
        let Generated { model, cancel, .. } = &self.generated;
        let name = format!("{}-trace", model.name);
        let program = compiler::compile(&self.generated, &name, "csim/trace.cpp")?;
        let text: String = event.iter().map(|mantissa| format!("{mantissa}\n")).collect();
        let (command, timeout) = ([program.path.clone().into()], model.target.csim_timeout);
        let question =
            Question { command: &command, directory: None, stdin: text.into(), stderr: false, timeout, most: TRACE_BYTES };
        let program = &*program.path;
        let said = match question.ask(cancel).map_err(|error| failed(program, &error))? {
            Answer::Said(status, said) if status.success() => said,
            Answer::Said(status, _) => return Err(failed(program, &format!("it ended with {status}"))),
            Answer::TimedOut => return Err(self.ended(Ended::TimedOut)),
            Answer::TooMuch => return Err(failed(program, &"it printed more than any layers need")),
            Answer::Cancelled => return Err(self.ended(Ended::Cancelled)),
        };
        let output = String::from_utf8_lossy(&said);
        let mut lines = output.lines();
        let mut next = || lines.next().ok_or_else(|| failed(program, &"it printed fewer layers than there are"));
        self.network().layers.iter().map(|fixed| value(fixed, program, &mut next)).collect()
    }
}

/// A layer's value, from the lines that the tracing program prints of it. They must be that many numbers, and hashes of pixels
/// in the image: a trace that shows something else than the program has computed would mislead.
fn value<'a>(fixed: &FixedLayer, program: &Path, mut next: impl FnMut() -> Result<&'a str>) -> Result<Option<Value>> {
    let wrong = || failed(program, &format!("what it printed of layer `{}` is no value of that layer", fixed.layer.name));
    let numbers = |line: &str, count: usize| {
        let numbers: Option<Vec<i64>> = line.split_whitespace().map(|word| word.parse().ok()).collect();
        numbers.filter(|numbers| numbers.len() == count).ok_or_else(wrong)
    };
    let line = next()?;
    if line == "-" {
        return Ok(None);
    }
    let values = numbers(line, fixed.layer.shape.len())?;
    let Shape::Sparse(image) = fixed.layer.shape else { return Ok(Some(Value::Dense(values))) };
    let hashes = numbers(next()?, 2 * image.slots)?;
    let mut pixels = Pixels { image, positions: Vec::new(), features: Vec::new() };
    let slots = hashes.chunks_exact(2).zip(values.chunks_exact(image.channels));
    for (hash, features) in slots.filter(|(hash, _)| hash[0] > 0) {
        let at = |axis: usize, size: usize| {
            let at = u32::try_from(hash[axis] - 1).ok();
            at.filter(|at| (*at as usize) < size).ok_or_else(wrong)
        };
        pixels.positions.push([at(0, image.height)?, at(1, image.width)?]);
        pixels.features.extend_from_slice(features);
    }
    Ok(Some(Value::Sparse(pixels)))
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
    talk: Talk,
}

impl Session for Process<'_> {
    fn run(&mut self, inputs: &Mantissas) -> Result<Mantissas> {
        let csim = self.csim;
        let outputs = self.exchange(inputs).map_err(|error| match self.talk.ended() {
            Some(why) => csim.ended(why),
            None => failed(&csim.program.path, &self.talk.why(&error)),
        })?;
        Ok(csim.network().outputs(outputs))
    }
}

impl Process<'_> {
    /// The program reads all events before it writes the first result, so neither side waits for the other.
    fn exchange(&mut self, inputs: &Mantissas) -> std::io::Result<Vec<i64>> {
        let (events, values) = (inputs.events(), inputs.values().iter());
        let mut bytes = (events as u64).to_ne_bytes().to_vec();
        // The lowest bytes of the mantissas, as many as the input's format needs.
        match inputs.format().bytes() {
            1 => bytes.extend(values.map(|&value| value as u8)),
            2 => bytes.extend(values.flat_map(|&value| (value as u16).to_ne_bytes())),
            4 => bytes.extend(values.flat_map(|&value| (value as u32).to_ne_bytes())),
            _ => bytes.extend(values.flat_map(|value| value.to_ne_bytes())),
        }
        let mut results = vec![0; events * self.csim.network().output_len().get() * size_of::<i64>()];
        self.talk.exchange(&bytes, &mut results)?;
        Ok(results.as_chunks().0.iter().map(|bytes| i64::from_ne_bytes(*bytes)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        fixed::MantissaRange,
        network::{Layer, Origin, SparseShape},
        ops::{FixedOp, FixedReduce, Values},
    };

    /// Two slots of an image of 3 x 4 pixels with two channels.
    fn layer() -> FixedLayer {
        let pixels = SparseShape { slots: 2, height: 3, width: 4, channels: 2 };
        let values = Values { fraction: 0, divisor: 1, ranges: vec![MantissaRange { lo: 0, hi: 9 }; 2], active: None };
        let name = || "reduce".to_owned();
        let layer = Layer {
            name: name(),
            keras_name: name(),
            keras_class: name(),
            id: name(),
            shape: Shape::Sparse(pixels),
            origin: Origin::Model,
            op: FixedOp::InputReduce(FixedReduce { threshold: None, pixels }),
        };
        let input_shape = Shape::Dense(vec![3, 4, 2]);
        FixedLayer { layer, kind: "sparse-input-reduce", input_shape, input: values.clone(), output: values }
    }

    fn read(lines: &[&'static str]) -> Result<Option<Value>> {
        let mut lines = lines.iter();
        value(&layer(), Path::new("net-trace"), || Ok(lines.next().copied().unwrap()))
    }

    #[test]
    fn what_is_printed_of_a_layer_must_be_a_value_of_it() {
        let Some(Value::Sparse(pixels)) = read(&["5 6 0 0 ", "3 4 0 0 "]).unwrap() else { panic!("a sparse value") };
        assert_eq!((pixels.positions, pixels.features), (vec![[2, 3]], vec![5, 6]));
        assert_eq!(read(&["-"]).unwrap(), None);
        for lines in [
            ["5 6 0", "3 4 0 0"],
            ["5 6 0 x", "3 4 0 0"],
            ["5 6 0 0", "3 4 0"],
            ["5 6 0 0", "4 1 0 0"],
            ["5 6 0 0", "3 5 0 0"],
            ["5 6 0 0", "3 0 0 0"],
        ] {
            let error = read(&lines).unwrap_err();
            assert_eq!(error.code(), Code::CsimFailed, "{lines:?}");
            assert!(error.message().contains("no value of that layer"), "{error}");
        }
    }
}
