//! The network as a shared library with a C header, for programs in any language.
//!
//! It is linked from the object file of the csim, and answers once, before it has its name.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use minijinja::context;

use super::{
    super::{
        Generated,
        text::{Templates, describe, serde, summary},
    },
    csim::{self, Compiler, Object, Place},
    symbol,
};
use crate::{
    error::{Code, Error, Result},
    files,
    fixed::{Format, Overflow, QuantizerFormat, Rounding},
    formats::{AddsHalf, FixedNetwork, InputGrid, Rest},
    lock,
    manifest::Model,
    mantissas::Mantissas,
    network::Quantizer,
    process::{Answer, Question},
};

/// Changes if a function of the libraries does.
const ABI: u32 = 1;

/// A shared library that is up to date.
#[derive(Debug)]
pub struct SharedLibrary {
    /// Its file.
    pub path: PathBuf,
    /// The C header beside it.
    pub header: PathBuf,
    /// Whether it was made now.
    pub is_new: bool,
}

impl SharedLibrary {
    /// Takes that of a model away, which is in `folder`: it is of something else, or not to be used.
    ///
    /// # Errors
    /// [`Code::Io`].
    pub fn remove(model: &Model, folder: &Path) -> Result {
        let path = folder.join(file(model));
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::io("remove", &path, &error)),
            _ => Ok(()),
        }
    }
}

/// What a library is asked before it is put in its place, and what it must answer.
#[derive(Debug)]
pub struct Questions {
    /// Inputs of events as floats.
    pub floats: Vec<f32>,
    /// Their mantissas.
    pub on_grid: Mantissas,
    /// Their results.
    pub of_floats: Vec<f32>,
    /// Inputs of as many events as mantissas.
    pub inputs: Mantissas,
    /// The results of these.
    pub outputs: Mantissas,
}

impl Questions {
    /// As the program that asks reads them.
    fn asked(&self) -> Vec<u8> {
        let mut bytes = (self.inputs.events() as u64).to_ne_bytes().to_vec();
        bytes.extend(self.floats.iter().flat_map(|x| x.to_ne_bytes()));
        bytes.extend(self.inputs.values().iter().flat_map(|x| x.to_ne_bytes()));
        bytes
    }

    /// What it must write.
    fn answers(&self) -> Vec<u8> {
        let mut bytes: Vec<u8> = self.of_floats.iter().flat_map(|y| y.to_ne_bytes()).collect();
        bytes.extend(self.on_grid.values().iter().chain(self.outputs.values()).flat_map(|y| y.to_ne_bytes()));
        bytes
    }

    /// What a byte of the answers is of.
    fn place(&self, at: usize) -> String {
        let floats = size_of_val(&*self.of_floats);
        let grid = floats + size_of_val(self.on_grid.values());
        match at {
            _ if at < floats => format!("result {} of the events as floats", at / size_of::<f32>()),
            _ if at < grid => format!("the mantissa of input {}", (at - floats) / size_of::<i64>()),
            _ => format!("result {} of the events as mantissas", (at - grid) / size_of::<i64>()),
        }
    }
}

/// What a shared library is made of, and where it belongs.
#[derive(Debug)]
pub struct Shared<'a> {
    generated: &'a Generated<'a>,
    compiler: Compiler,
    symbol: String,
    /// Its header, its own source, and what asks it, each with its name.
    texts: [(String, String); 3],
    place: Place,
    path: PathBuf,
}

/// What asks the library.
const CHECK: &str = "library_check.cpp";
const SOURCE: &str = "library.cpp";

impl<'a> Shared<'a> {
    /// The library of a project in `folder`.
    ///
    /// # Errors
    /// [`Code::NoCompiler`].
    pub(super) fn new(package: &str, generated: &'a Generated<'a>, folder: &Path) -> Result<Self> {
        let compiler = Compiler::find(&generated.cancel)?;
        let Generated { project, model, network, .. } = generated;
        let texts = texts(model, network)?;
        let mut all = compiler.fingerprint();
        all.add(csim::standard(model.target.language)?);
        super::add_sources(project, &mut all);
        texts.iter().for_each(|(_, text)| all.add(text));
        let file = file(model);
        let (path, place) = (folder.join(&file), Place::named(folder, file, all.short()));
        Ok(Self { generated, compiler, symbol: symbol(package, &model.name), texts, place, path })
    }

    /// The library, if it is there and whole.
    ///
    /// # Errors
    /// [`Code::Io`].
    pub fn kept(&self) -> Result<Option<SharedLibrary>> {
        let kept = self.place.kept()?;
        kept.map(|_| self.with_header(false)).transpose()
    }

    /// Links the library, from `object` if that is at hand, asks it, and puts it in its place.
    ///
    /// # Errors
    /// [`Code::CompileFailed`], [`Code::OutputsDiffer`], [`Code::Interrupted`], [`Code::Io`].
    pub fn make(&self, object: Option<&Object>, questions: &Questions) -> Result<SharedLibrary> {
        let generated = self.generated;
        // `clean` does not take the folder away from under the compiler.
        let _at_work = lock::share(self.place.folder().parent().unwrap_or(generated.directory), &generated.cancel)?;
        files::make_folder(self.place.folder(), Path::new(""))?;
        let folder = files::temporary_folder(self.place.folder())?;
        for (name, text) in &self.texts {
            let path = folder.path().join(name);
            fs::write(&path, text).map_err(|error| Error::io("write", &path, &error))?;
        }
        let compiled = object.is_none().then(|| Object::compile(&self.compiler, generated, self.place.folder())).transpose()?;
        let object = object.or(compiled.as_ref()).ok_or_else(|| Error::internal("a library without an object file"))?;
        self.link(object, folder.path())?;
        self.ask(folder.path(), questions)?;
        // One of something else stands in its place.
        self.place.publish(&folder.path().join(self.file()), true)?;
        self.with_header(true)
    }

    fn file(&self) -> &str {
        self.path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
    }

    fn with_header(&self, is_new: bool) -> Result<SharedLibrary> {
        let (name, text) = &self.texts[0];
        let header = self.place.folder().join(name);
        files::write_if_changed(&header, text.as_bytes())?;
        Ok(SharedLibrary { path: self.path.clone(), header, is_new })
    }

    fn link(&self, object: &Object, folder: &Path) -> Result {
        let file = self.file();
        // The library names itself, so that a program that is linked with it finds it by that; and nothing of C++ is needed.
        let names: &[String] = match std::env::consts::OS {
            "linux" => &["-static-libgcc".into(), "-Wl,--as-needed".into(), format!("-Wl,-soname,{file}")],
            "macos" => &[format!("-Wl,-install_name,@rpath/{file}")],
            _ => &[],
        };
        let define = format!("-DSPARSEHLS_SYMBOL={}", self.symbol);
        let flags = ["-std=c++11", "-fvisibility=hidden", "-fno-exceptions", "-I.", &define, "-shared", "-pthread"];
        let mut arguments: Vec<OsString> = flags.iter().map(OsString::from).collect();
        arguments.extend(names.iter().map(OsString::from));
        arguments.extend([SOURCE.into(), object.path()?.into(), "-o".into(), file.into()]);
        self.compiler.run(arguments, folder, self.generated)
    }

    /// The library must answer as the reference does, to a program that loads it.
    fn ask(&self, folder: &Path, questions: &Questions) -> Result {
        let Generated { model, cancel, .. } = self.generated;
        let mut arguments: Vec<OsString> = ["-std=c++11", "-I.", CHECK, "-o", "check"].map(OsString::from).into();
        arguments.extend(cfg!(target_os = "linux").then(|| "-ldl".into()));
        self.compiler.run(arguments, folder, self.generated)?;
        let absolute = |name: &str| {
            let path = folder.join(name);
            std::path::absolute(&path).map(OsString::from).map_err(|error| Error::io("find", &path, &error))
        };
        let (command, wanted) = ([absolute("check")?, absolute(self.file())?], questions.answers());
        let question = Question {
            command: &command,
            directory: None,
            stdin: questions.asked(),
            // Others write there too, such as a loader about a preload that is missing.
            stderr: false,
            timeout: model.target.csim_timeout,
            most: wanted.len() + 64_000,
        };
        let failed = |why: String| Error::new(Code::CsimFailed, why).file(&self.path).help("is the C++ compiler complete?");
        match question.ask(cancel).map_err(|error| failed(format!("the shared library could not be asked: {error}")))? {
            Answer::Said(status, found) if status.success() => self.compare(questions, &found, &wanted),
            Answer::Said(status, said) => {
                let said = String::from_utf8_lossy(&said);
                Err(failed(format!("the shared library could not be asked ({status}): {}", said.trim())))
            }
            Answer::TooMuch => Err(failed("the shared library answered more than it was asked".into())),
            Answer::TimedOut => Err(self.generated.too_long(Code::CsimFailed, "an answer of the shared library")),
            Answer::Cancelled => Err(csim::interrupted()),
        }
    }

    fn compare(&self, questions: &Questions, found: &[u8], wanted: &[u8]) -> Result {
        if found == wanted {
            return Ok(());
        }
        let first = found.iter().zip(wanted).position(|(found, wanted)| found != wanted).unwrap_or(found.len().min(wanted.len()));
        let place = questions.place(first);
        let message = format!("{}: the shared library differs from the reference, first in {place}", self.generated.model.name);
        Err(Error::new(Code::OutputsDiffer, message)
            .file(&self.path)
            .help("this is a bug in cargo-sparsehls or in the C++ compiler; please report it with the model"))
    }
}

/// The name of its file.
fn file(model: &Model) -> String {
    format!("{}{}{}", std::env::consts::DLL_PREFIX, model.name, std::env::consts::DLL_SUFFIX)
}

/// The text of a library's header, of its own source, and of what asks it, each with the name of its file.
///
/// # Errors
/// [`Code::Io`], which cannot happen with the embedded templates.
pub fn texts(model: &Model, network: &FixedNetwork) -> Result<[(String, String); 3]> {
    let (templates, name) = (Templates::new()?, &model.name);
    let (input, output, grid) = (network.input.format, network.output(), &network.input);
    let output_shape = network.layers.last().map_or(network.input_shape.clone(), |last| last.layer.shape.dimensions());
    let is_odd = matches!(grid.rest, Rest::Odd | Rest::OddOrQuantized { .. });
    let values = context! {
        made_by => serde(format!("Made by cargo-sparsehls {}; do not edit.", env!("CARGO_PKG_VERSION"))),
        summary => summary(name, &describe(&network.input_shape), input, network.output_len().get(), output),
        abi => ABI,
        name => serde(name),
        guard => name.to_uppercase(),
        input_shape => serde(&network.input_shape),
        output_shape => serde(output_shape),
        inputs => network.input_len().get(),
        outputs => network.output_len().get(),
        input => format_of(input),
        output => format_of(output),
        input_scale => double(2f64.powi(input.fraction)),
        output_scale => double(2f64.powi(-output.fraction)),
        lowest => integer(input.range().lo),
        highest => integer(input.range().hi),
        tolerance => double(network.tolerance),
        odd => is_odd,
        rest => if is_odd { "rounded to odd" } else { "truncated toward minus infinity" },
        overflow => if grid.overflow == Overflow::Wrap { "wrapped" } else { "saturated" },
        wraps => grid.overflow == Overflow::Wrap,
        adds_half => adds_half(grid),
        by_element => by_element(grid),
    };
    let render = |file: String, template| -> Result<_> { Ok((file, templates.render(template, &values)?)) };
    Ok([
        render(format!("lib{name}.h"), "library.h")?,
        render(SOURCE.into(), "library.cpp")?,
        render(CHECK.into(), "library_check.cpp")?,
    ])
}

fn format_of(format: Format) -> minijinja::Value {
    context! { signed => i32::from(format.signed), width => format.width, fraction => format.fraction }
}

/// To which numbers one half is added, as a condition and `&&`, or nothing.
fn adds_half(grid: &InputGrid) -> Option<&'static str> {
    match grid.adds_half {
        AddsHalf { below_zero: true, above_zero: true } => Some(""),
        AddsHalf { below_zero: true, .. } => Some("x < 0 && "),
        AddsHalf { above_zero: true, .. } => Some("x > 0 && "),
        AddsHalf { .. } => None,
    }
}

/// How values out of range are quantized, where each has a format of its own.
fn by_element(grid: &InputGrid) -> Option<minijinja::Value> {
    let Rest::OddOrQuantized { quantizer, classes } = &grid.rest else { return None };
    Some(context! {
        formats => serde(quantizer.formats.iter().map(|format| quantized(format, grid.format)).collect::<Vec<_>>()),
        classes => serde(if quantizer.is_uniform() { &[][..] } else { classes }),
        rounds_up => rounds_up(quantizer),
    })
}

/// The members of a `Quantized`.
fn quantized(format: &QuantizerFormat, input: Format) -> String {
    let Some(format) = format.format() else { return "false, 0, 0, 0".to_owned() };
    let range = format.range();
    format!("true, {}, {}, {}", integer(range.lo), integer(range.hi), input.fraction - format.fraction)
}

/// When `rest` of `one` is rounded up, by a mode that looks at the sign.
fn rounds_up(quantizer: &Quantizer) -> &'static str {
    match quantizer.rounding {
        Rounding::HalfTowardZero => "2 * rest > one || (2 * rest == one && whole < 0)",
        Rounding::HalfAwayFromZero => "2 * rest > one || (2 * rest == one && whole > 0)",
        // The one other mode that rounds by the sign.
        _ => "rest != 0 && whole < 0",
    }
}

/// An integer of 64 bits; C++ has no literal for the least.
fn integer(value: impl Into<i128>) -> String {
    let value: i128 = value.into();
    if value == i128::from(i64::MIN) { "-9223372036854775807LL - 1".to_owned() } else { format!("{value}LL") }
}

/// A number with all its digits.
fn double(value: f64) -> String {
    format!("{value:?}")
}
