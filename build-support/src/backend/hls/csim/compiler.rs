//! The C++ compiler, and what it makes of a project.

use std::{
    ffi::OsString,
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    sync::OnceLock,
    time::Duration,
};

use tempfile::TempDir;

use super::{
    super::{add_sources, sources},
    program::{Place, Program},
};
use crate::{
    backend::Generated,
    error::{Code, Error, Result},
    files,
    fingerprint::Fingerprint,
    lock,
    manifest::{HlsTool, Language},
    process::{Answer, Cancel, Question},
};

/// How long a compiler may think about its version, and how much it may say of it.
const VERSION: Duration = Duration::from_secs(30);
const VERSION_BYTES: usize = 64_000;
/// What it may say of the generated text.
const COMPILER_BYTES: usize = 64 << 20;

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
    /// [`Code::NoCompiler`], [`Code::Interrupted`].
    pub fn find(cancel: &Cancel) -> Result<Self> {
        // Asking takes longer than all the rest of a build in which nothing has changed.
        static FOUND: OnceLock<Compiler> = OnceLock::new();
        if let Some(found) = FOUND.get() {
            return Ok(found.clone());
        }
        let found = Self::search(cancel)?;
        Ok(FOUND.get_or_init(|| found).clone())
    }

    fn search(cancel: &Cancel) -> Result<Self> {
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
        Self::of(&build, [host, host], cancel)
    }

    /// The compiler that `build` would use on this host for this target; it is asked for its version.
    ///
    /// # Errors
    /// As [`Self::find`].
    pub(crate) fn of(build: &cc::Build, [host, target]: [&str; 2], cancel: &Cancel) -> Result<Self> {
        // `cc` waits for what it asks, however long it takes.
        if let Some(named) = named(host, target)
            && let Err(error @ (Unusable::Silent(_) | Unusable::Interrupted)) = ask_version(&named, cancel)
        {
            return Err(error.into());
        }
        let tool = build.try_get_compiler().map_err(|error| Unusable::Missing(error.to_string()))?;
        let command = tool.to_command();
        let mut command: Vec<OsString> =
            std::iter::once(command.get_program()).chain(command.get_args()).map(OsString::from).collect();
        if tool.is_like_gnu() {
            command.extend(VECTORS.map(OsString::from));
        }
        let version = ask_version(&command[..1], cancel)?;
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

/// Why there is no compiler to work with.
enum Unusable {
    Missing(String),
    /// It does not answer within the bounds.
    Silent(String),
    Interrupted,
}

impl From<Unusable> for Error {
    fn from(why: Unusable) -> Self {
        let why = match why {
            Unusable::Missing(why) | Unusable::Silent(why) => why,
            Unusable::Interrupted => return interrupted(),
        };
        Self::new(Code::NoCompiler, format!("there is no C++ compiler to compile the simulation with: {why}"))
            .help("install one (`apt install g++`, `dnf install gcc-c++`, `xcode-select --install`), or set CXX to its path")
    }
}

pub(crate) fn interrupted() -> Error {
    Error::new(Code::Interrupted, "the compile of the simulation was interrupted; the C++ compiler and all it started were ended")
        .help("run the same command again")
}

/// The command that the variables name which `cc` reads, or else the usual one where that is known.
fn named(host: &str, target: &str) -> Option<Vec<OsString>> {
    let kind = if host == target { "HOST" } else { "TARGET" };
    let names =
        [format!("CXX_{target}"), format!("CXX_{}", target.replace(['-', '.'], "_")), format!("{kind}_CXX"), "CXX".into()];
    let set = names.iter().find_map(|name| std::env::var_os(name).filter(|value| !value.is_empty()));
    let Some(named) = set else { return (cfg!(unix) && host == target).then(|| vec!["c++".into()]) };
    match named.to_str() {
        // With a wrapper before it, or arguments behind it.
        Some(words) if !Path::new(words).exists() => Some(words.split_whitespace().map(OsString::from).collect()),
        _ => Some(vec![named]),
    }
}

/// The first line of what a compiler says of itself.
fn ask_version(command: &[OsString], cancel: &Cancel) -> Result<String, Unusable> {
    let shown = format!("{} --version", command.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" "));
    let asked: Vec<OsString> = command.iter().cloned().chain(["--version".into()]).collect();
    let question =
        Question { command: &asked, directory: None, stdin: Vec::new(), stderr: false, timeout: VERSION, most: VERSION_BYTES };
    match question.ask(cancel) {
        Ok(Answer::Said(status, text)) if status.success() => {
            Ok(String::from_utf8_lossy(&text).lines().next().unwrap_or_default().to_owned())
        }
        Ok(Answer::Said(status, _)) => Err(Unusable::Missing(format!("`{shown}` ends with {status}"))),
        Ok(Answer::TimedOut) => Err(Unusable::Silent(format!("`{shown}` takes longer than {} s", VERSION.as_secs()))),
        Ok(Answer::TooMuch) => Err(Unusable::Silent(format!("`{shown}` says more than {} kB", VERSION_BYTES / 1000))),
        Ok(Answer::Cancelled) => Err(Unusable::Interrupted),
        Err(error) => {
            let name = command[0].to_string_lossy();
            Err(Unusable::Missing(match error.kind() {
                ErrorKind::NotFound => format!("`{name}` is not found"),
                _ => format!("`{name}` cannot be run ({error})"),
            }))
        }
    }
}

/// What is compiled into a program, and how it is told from others.
pub(super) struct Recipe<'a> {
    /// What begins the name of the program.
    pub name: &'a str,
    /// The fingerprint of its source text. Programs of the same text live side by side.
    pub text: u64,
    /// The fingerprint of all that it is made from.
    pub all: Fingerprint,
}

/// The simulation as an object file, in the private folder that it was compiled in: a program and a library can be made of it.
#[derive(Debug)]
pub struct Object(TempDir);

impl Object {
    /// The object file in its folder.
    const FILE: &str = "csim/bridge.o";
    /// What its compile needs besides. No symbol of it is seen from outside of what it is linked into.
    const FLAGS: [&str; 2] = ["-fvisibility=hidden", "-c"];

    /// Compiles what was generated, in a folder of its own in `folder`.
    pub(crate) fn compile(compiler: &Compiler, generated: &Generated<'_>, folder: &Path) -> Result<Self> {
        let temporary = files::temporary_folder(folder)?;
        write_sources(generated, temporary.path())?;
        compiler.object(generated, temporary.path())?;
        Ok(Self(temporary))
    }

    /// Its file.
    pub(crate) fn path(&self) -> Result<PathBuf> {
        let path = self.0.path().join(Self::FILE);
        std::path::absolute(&path).map_err(|error| Error::io("find", &path, &error))
    }
}

impl Compiler {
    /// Compiles the simulation, whose text lies in `folder`, into an object file there.
    fn object(&self, generated: &Generated<'_>, folder: &Path) -> Result {
        let mut command = self.command.clone();
        command.extend(flags(generated)?.into_iter().chain(Object::FLAGS).map(OsString::from));
        command.extend([super::super::source(&generated.model.name).into(), "-o".into(), Object::FILE.into()]);
        run_compiler(&command, folder, generated)
    }

    /// Runs it in `folder` with these arguments.
    pub(crate) fn run(&self, arguments: Vec<OsString>, folder: &Path, generated: &Generated<'_>) -> Result {
        run_compiler(&[self.command.clone(), arguments].concat(), folder, generated)
    }
}

/// What every file of the C++ is compiled with.
fn flags(generated: &Generated<'_>) -> Result<[&'static str; 4]> {
    Ok([standard(generated.model.target.language)?, "-Wno-unknown-pragmas", "-Icsim/ap_types", "-I."])
}

/// Compiles the simulation, unless that has been done for the same files, compiler and flags; if it is compiled now its object
/// file comes with it.
pub(super) fn simulation(generated: &Generated<'_>) -> Result<(Program, Option<Object>)> {
    let compiler = Compiler::find(&generated.cancel)?;
    let (flags, main) = (flags(generated)?, "csim/main.cpp");
    let recipe = recipe(&compiler, generated, &generated.model.name, &[&flags[..], &Object::FLAGS, &[main]].concat());
    let make = |folder: &Path| {
        compiler.object(generated, folder)?;
        let arguments = flags.into_iter().chain([Object::FILE, main]);
        link(&compiler, generated, folder, arguments.map(OsString::from))
    };
    let (program, folder) = kept_or_made(generated, &recipe, |folder| match make(folder) {
        // An object file may be no good without a word of the compiler.
        Err(error) if error.code() == Code::CompileFailed && folder.join(Object::FILE).exists() => make(folder),
        made => made,
    })?;
    Ok((program, folder.map(Object)))
}

/// Compiles the file `source` of a project into the program `name`, unless that has been done for the same files, compiler and flags.
pub(super) fn compile(generated: &Generated<'_>, name: &str, source: &str) -> Result<Program> {
    let compiler = Compiler::find(&generated.cancel)?;
    let arguments = [&flags(generated)?[..], &[source]].concat();
    let recipe = recipe(&compiler, generated, name, &arguments);
    kept_or_linked(&compiler, generated, &recipe, |command| command.extend(arguments.iter().map(OsString::from)))
}

fn recipe<'a>(compiler: &Compiler, generated: &Generated<'_>, name: &'a str, arguments: &[&str]) -> Recipe<'a> {
    let mut text = Fingerprint::default();
    add_sources(&generated.project, &mut text);
    let mut all = compiler.fingerprint();
    all.add_all(arguments);
    add_sources(&generated.project, &mut all);
    Recipe { name, text: text.short(), all }
}

/// The program `csim/NAME-FINGERPRINT` in the project's folder, compiled with these arguments unless it is there. What is
/// compiled is the text that was generated, in a folder of its own: the project's may be another build's by now.
pub(super) fn kept_or_linked(
    compiler: &Compiler,
    generated: &Generated<'_>,
    recipe: &Recipe<'_>,
    arguments: impl FnOnce(&mut Vec<OsString>),
) -> Result<Program> {
    let made = kept_or_made(generated, recipe, |folder| {
        let mut all = Vec::new();
        arguments(&mut all);
        link(compiler, generated, folder, all)
    });
    made.map(|(program, _)| program)
}

/// The same, made by `make` in a folder that has the text. That folder comes with a program that is made now.
fn kept_or_made(
    generated: &Generated<'_>,
    recipe: &Recipe<'_>,
    make: impl FnOnce(&Path) -> Result,
) -> Result<(Program, Option<TempDir>)> {
    let place = Place::new(generated.directory, recipe);
    if !generated.anew
        && let Some(program) = place.kept()?
    {
        return Ok((program, None));
    }
    // `clean` does not take the folder away from under the compiler.
    let _at_work = lock::share(generated.directory, &generated.cancel)?;
    files::make_folder(generated.directory, Path::new("csim"))?;
    let temporary = files::temporary_folder(place.folder())?;
    write_sources(generated, temporary.path())?;
    make(temporary.path())?;
    let program = place.publish(&temporary.path().join(PROGRAM), generated.anew)?;
    Ok((program, Some(temporary)))
}

/// Makes a program in `folder`.
fn link(compiler: &Compiler, generated: &Generated<'_>, folder: &Path, arguments: impl IntoIterator<Item = OsString>) -> Result {
    let output = ["-pthread", "-o", PROGRAM].map(OsString::from);
    compiler.run(arguments.into_iter().chain(output).collect(), folder, generated)
}

/// Writes what is compiled into `folder`, which is private.
pub(crate) fn write_sources(generated: &Generated<'_>, folder: &Path) -> Result {
    sources(&generated.project).try_for_each(|(path, text)| {
        files::make_folder(folder, Path::new(path).parent().unwrap_or(Path::new("")))?;
        let path = folder.join(path);
        fs::write(&path, text).map_err(|error| Error::io("write", &path, &error))
    })
}

/// What the compiler makes, in its folder.
const PROGRAM: &str = "csim/program";

/// Runs the compiler in `folder`, no longer than the manifest allows.
pub(crate) fn run_compiler(command: &[OsString], folder: &Path, generated: &Generated<'_>) -> Result {
    let failed = |why: String| {
        Error::new(Code::CompileFailed, why).file(generated.directory).help("is the compiler complete? it needs C++11")
    };
    let timeout = generated.model.target.csim_timeout;
    let question = Question { command, directory: Some(folder), stdin: Vec::new(), stderr: true, timeout, most: COMPILER_BYTES };
    let answer = question.ask(&generated.cancel);
    match answer.map_err(|error| failed(format!("the C++ compiler could not be run: {error}")))? {
        Answer::Said(status, _) if status.success() => Ok(()),
        Answer::Said(status, text) => {
            let text = String::from_utf8_lossy(&text);
            let first: Vec<&str> = text.lines().filter(|line| line.contains("error")).take(5).collect();
            Err(failed(format!("the C++ compiler refused the generated project ({status}):\n{}", first.join("\n"))))
        }
        Answer::TimedOut => Err(generated.too_long(Code::CompileFailed, "the C++ compiler")),
        Answer::TooMuch => Err(failed(format!("the C++ compiler said more than {} MB, and was ended", COMPILER_BYTES >> 20))),
        Answer::Cancelled => Err(interrupted()),
    }
}
