//! The one error type: what is wrong, where, why, and what to do about it.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use crate::terminal::{self, brief};

/// What the stages of the pipeline return.
pub type Result<T = (), E = Error> = std::result::Result<T, E>;

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal, $exit:expr;)+) => {
        /// Identifies a kind of error in JSON lines and in the guide's list of errors.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Code { $($(#[doc = $doc])+ $variant,)+ }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The kebab-case name.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// The exit code of a command that ends with this error.
            pub fn exit(self) -> Exit {
                match self { $(Self::$variant => $exit,)+ }
            }
        }
    };
}

/// Exit codes of the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// An error in the model, the manifest or a compile.
    Failed = 1,
    /// Wrong usage.
    Usage = 2,
    /// A required tool is missing.
    ToolMissing = 3,
    /// Outputs differ.
    Differ = 4,
    /// Synthesis failed or a limit was exceeded.
    Synthesis = 5,
    /// Ended by Ctrl-C or another signal, as shells count it.
    Interrupted = 130,
}

codes! {
    /// `cargo metadata` could not read the manifest.
    ManifestUnreadable = "manifest-unreadable", Exit::Failed;
    /// No package with the asked name is in the workspace.
    PackageNotFound = "package-not-found", Exit::Usage;
    /// No model is declared where one was looked for.
    NoModels = "no-models", Exit::Failed;
    /// No model has the name asked for.
    ModelNotDeclared = "model-not-declared", Exit::Usage;
    /// A command works on one model, and several are chosen.
    ModelAmbiguous = "model-ambiguous", Exit::Usage;
    /// `--features` names a feature that no selected package has.
    UnknownFeature = "unknown-feature", Exit::Usage;
    /// A variable has a word that it cannot have.
    InvalidChoice = "invalid-choice", Exit::Usage;
    /// `--steps` names a step that the backend of a model does not have.
    NoSuchStep = "no-such-step", Exit::Usage;
    /// `explore --apply` names a point that is not in the list.
    NoSuchPoint = "no-such-point", Exit::Usage;
    /// `explain` is asked for a code that does not exist.
    NoSuchCode = "no-such-code", Exit::Usage;
    /// A metadata key that does not exist.
    UnknownKey = "unknown-key", Exit::Failed;
    /// A metadata key that must be there is not.
    MissingKey = "missing-key", Exit::Failed;
    /// A metadata value of the wrong type, range or unit.
    InvalidValue = "invalid-value", Exit::Failed;
    /// A file that is named does not exist.
    FileNotFound = "file-not-found", Exit::Failed;
    /// Reading or writing failed.
    Io = "io", Exit::Failed;
    /// What is to be created is there already.
    AlreadyExists = "already-exists", Exit::Failed;
    /// A name that a cargo package, or a file of some kind, cannot have.
    InvalidName = "invalid-name", Exit::Usage;
    /// The model is not a `.keras` archive.
    NotAKerasFile = "not-a-keras-file", Exit::Failed;
    /// A member of the archive, or an array in it, is larger than any model we accept.
    ModelTooLarge = "model-too-large", Exit::Failed;
    /// A network, or a circuit of it, that takes more memory than any that fits an FPGA.
    TooLarge = "too-large", Exit::Failed;
    /// `config.json` is not what Keras writes.
    InvalidConfig = "invalid-config", Exit::Failed;
    /// A weight is missing from `model.weights.h5` or cannot be read.
    WeightsUnreadable = "weights-unreadable", Exit::Failed;
    /// A weight's shape does not fit the configuration.
    WeightsShape = "weights-shape", Exit::Failed;
    /// A weight is NaN, infinite, or too large to be a fixed-point number.
    WeightsValue = "weights-value", Exit::Failed;
    /// A layer class that is not supported.
    UnsupportedLayer = "unsupported-layer", Exit::Failed;
    /// A supported layer with an option that is not.
    UnsupportedOption = "unsupported-option", Exit::Failed;
    /// Layers connected in a way that is not supported.
    UnsupportedGraph = "unsupported-graph", Exit::Failed;
    /// Bit widths that no hardware should have.
    BitsOutOfRange = "bits-out-of-range", Exit::Failed;
    /// A value that needs more than 64 bits.
    FormatTooWide = "format-too-wide", Exit::Failed;
    /// The input's format can neither be inferred nor is it given.
    InputFormat = "input-format", Exit::Failed;
    /// An output that no fixed-point format holds exactly.
    InexactOutput = "inexact-output", Exit::Failed;
    /// A `.npy` or `.npz` file that cannot be used.
    InvalidData = "invalid-data", Exit::Failed;
    /// There is no C++ compiler.
    NoCompiler = "no-compiler", Exit::ToolMissing;
    /// The C++ compiler refused the generated project.
    CompileFailed = "compile-failed", Exit::Failed;
    /// The compiled simulation could not be run.
    CsimFailed = "csim-failed", Exit::Failed;
    /// Outputs of two engines, or of an engine and Keras, differ.
    OutputsDiffer = "outputs-differ", Exit::Differ;
    /// A vendor tool that was asked for is not installed.
    ToolMissing = "tool-missing", Exit::ToolMissing;
    /// The vendor tool ended with an error.
    SynthesisFailed = "synthesis-failed", Exit::Synthesis;
    /// A synthesis report exceeds a limit of the manifest.
    LimitExceeded = "limit-exceeded", Exit::Synthesis;
    /// The user, or CI, ended the command.
    Interrupted = "interrupted", Exit::Interrupted;
    /// Two parts of cargo-sparsehls disagree about something that one of them has checked.
    Internal = "internal", Exit::Failed;
}

/// An error: a sentence, what to do, and the place.
#[derive(Clone, PartialEq, Eq)]
pub struct Error(Box<Inner>);

#[derive(Clone, PartialEq, Eq)]
struct Inner {
    code: Code,
    message: String,
    help: Option<String>,
    file: Option<PathBuf>,
    key: Option<String>,
    layer: Option<String>,
}

impl Error {
    /// An error of kind `code`; `message` says what is wrong and why.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self(Box::new(Inner { code, message: message.into(), help: None, file: None, key: None, layer: None }))
    }

    /// An [`Code::Io`] error: `what` could not be done to `file`.
    pub fn io(what: &str, file: &Path, source: &std::io::Error) -> Self {
        Self::new(Code::Io, format!("could not {what}: {source}")).file(file)
    }

    /// A [`Code::Internal`] error: `what` is wrong, and no input should be able to make it so.
    pub fn internal(what: impl fmt::Display) -> Self {
        Self::new(Code::Internal, format!("internal error: {what}"))
            .help("this is a bug in cargo-sparsehls; please report it with the model")
    }

    /// Says what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.0.help = Some(help.into());
        self
    }

    /// Adds a sentence to what is wrong.
    #[must_use]
    pub fn and(mut self, sentence: &str) -> Self {
        self.0.message += &format!("\n  {sentence}");
        self
    }

    /// Says what to do, instead of what was said before.
    #[must_use]
    pub fn help_instead(mut self, help: impl Into<String>) -> Self {
        self.0.help = Some(help.into());
        self
    }

    /// Says which file is concerned, unless that is known already.
    #[must_use]
    pub fn file(mut self, file: impl Into<PathBuf>) -> Self {
        self.0.file.get_or_insert(file.into());
        self
    }

    /// Says which metadata key is concerned.
    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.0.key.get_or_insert(key.into());
        self
    }

    /// Says which layer is concerned, unless that is known already.
    #[must_use]
    pub fn layer(mut self, layer: impl Into<String>) -> Self {
        self.0.layer.get_or_insert(layer.into());
        self
    }

    /// What kind of error this is.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// What is wrong.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What to do about it.
    pub fn help_text(&self) -> Option<&str> {
        self.0.help.as_deref()
    }

    /// The file concerned.
    pub fn file_path(&self) -> Option<&Path> {
        self.0.file.as_deref()
    }

    /// The metadata key concerned.
    pub fn key_path(&self) -> Option<&str> {
        self.0.key.as_deref()
    }

    /// The layer concerned.
    pub fn layer_name(&self) -> Option<&str> {
        self.0.layer.as_deref()
    }
}

/// Everything that is wrong with something: at least one error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Errors {
    /// The first, for those who stop there.
    pub first: Error,
    /// The others.
    pub others: Vec<Error>,
}

impl Errors {
    /// All of `errors`, unless there are none.
    pub fn of(errors: impl IntoIterator<Item = Error>) -> Option<Self> {
        let mut errors = errors.into_iter();
        let first = errors.next()?;
        Some(Self { first, others: errors.collect() })
    }

    /// Each with `change` made to it.
    #[must_use]
    pub fn map(self, change: impl Fn(Error) -> Error) -> Self {
        Self { first: change(self.first), others: self.others.into_iter().map(change).collect() }
    }

    /// All of them, in order.
    pub fn into_vec(self) -> Vec<Error> {
        std::iter::once(self.first).chain(self.others).collect()
    }
}

impl From<Error> for Errors {
    fn from(first: Error) -> Self {
        Self { first, others: Vec::new() }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        write!(f, "{}", brief(&inner.message))?;
        if let Some(file) = &inner.file {
            write!(f, "\n  file: {}", terminal::path(file))?;
        }
        if let Some(key) = &inner.key {
            write!(f, "\n  key: {}", brief(key))?;
        }
        if let Some(layer) = &inner.layer {
            write!(f, "\n  layer: {}", brief(layer))?;
        }
        if let Some(help) = &inner.help {
            write!(f, "\n  help: {}", brief(help))?;
        }
        write!(f, "\n  code: {}", inner.code.name())
    }
}

/// The same as `Display`: cargo prints the error of a build script's `main` with `Debug`, and people must be able to
/// read it there.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::{Code, Error};

    #[test]
    fn an_error_goes_where_errors_go() {
        fn goes<E: std::error::Error + Send + Sync + Clone + 'static>() {}
        goes::<Error>();
        assert!(size_of::<Error>() <= size_of::<usize>(), "a result is no larger for it");
    }

    #[test]
    fn the_guide_has_a_section_for_every_code() {
        let Some(guide) = crate::guide("errors.md") else { return };
        // Notes come last.
        let errors = guide.split("\n# ").next().unwrap();
        let mut sections: Vec<_> = errors.lines().filter_map(|line| line.strip_prefix("## ")).collect();
        let mut codes: Vec<_> = Code::ALL.iter().map(|code| code.name()).collect();
        sections.sort_unstable();
        codes.sort_unstable();
        assert_eq!(sections, codes);
    }
}
