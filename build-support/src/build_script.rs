//! [`Build`]: what a firmware package's `build.rs` calls.

mod cargo;
mod library;

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Map, Value};

use self::library::Libraries;
use crate::{
    backend::{self, Bindings, Generated},
    check::Comparison,
    engine::Engine,
    error::{Code, Error, Result},
    files,
    firmware::{Firmware, GoldenFile},
    manifest::{self, Language, LimitsOn, Model, Package, Synth},
    note::Note,
    toolchain::{Cancel, How, LeftOut, Steps},
};

/// Compiles the models of a firmware package inside its build script.
///
/// The smallest build script takes everything from the package's `Cargo.toml`:
///
/// ```no_run
/// // build.rs
/// fn main() -> sparsehls_build::Result {
///     sparsehls_build::Build::from_manifest()?.compile()
/// }
/// ```
///
/// ```ignore
/// // src/lib.rs
/// include!(concat!(env!("OUT_DIR"), "/sparsehls.rs"));
/// ```
///
/// What the methods set comes before what the manifest says:
///
/// ```no_run
/// // build.rs
/// use sparsehls_build::{Build, Synth};
///
/// fn main() -> sparsehls_build::Result {
///     let mut build = Build::from_manifest()?;
///     // A model that is made elsewhere, with the format that the detector delivers.
///     build.model("tracks", "/data/models/tracks.keras").input("tracks", "ufixed<8,1>");
///     // Checked only where the large file is at hand.
///     let golden = "/data/models/tracks.golden.npz";
///     if std::path::Path::new(golden).exists() {
///         build.golden("tracks", golden);
///     }
///     // On the machine that has the vendor's tool, a limit that is exceeded ends the build.
///     if std::env::var_os("CI_SYNTH").is_some() {
///         build.synth(Synth::Require);
///     }
///     println!("cargo::rerun-if-changed={golden}");
///     println!("cargo::rerun-if-env-changed=CI_SYNTH");
///     build.compile()
/// }
/// ```
///
/// # What it writes
///
/// Everything is written under `OUT_DIR`:
///
/// ```text
/// OUT_DIR/sparsehls.rs                     the bindings, one module for each model
/// OUT_DIR/sparsehls/MODEL/                 the HLS project
/// OUT_DIR/sparsehls/MODEL/csim/check-HASH  the program that compared the simulation with the reference
/// OUT_DIR/libsparsehls_PKG_MODEL_HASH.a    the simulation, compiled for the target; beside it its digest
/// ```
///
/// With `backend = "verilog"` the project is Verilog, and `cpp` in it has the same network as C++: that is what the bindings
/// link. The circuit and the C++ are both compared with the reference.
///
/// Files appear whole, and what is compiled carries in its name what it was compiled from. A build that is killed leaves
/// nothing that a later one could take for complete.
///
/// # When it runs again
///
/// Cargo runs the build script again if the `Cargo.toml` of the package or of the workspace, a model, a golden file or
/// a variable of the C++ compiler (`CXX`, `CXXFLAGS` and what else the crate [`cc`] reads) changes, and if this crate
/// does. The C++ is compiled again only if it, the compiler or its flags changed.
///
/// # Without a C++ compiler
///
/// `cargo check`, rust-analyzer and docs.rs work on machines without a C++ compiler: the bindings then have the same
/// items, `SIMULATED` is false in them, and their functions say at run time that the simulation is missing. Ask for an
/// error instead with [`csim(true)`](Self::csim).
#[derive(Debug, Clone)]
#[must_use = "nothing happens until `compile` is called"]
pub struct Build {
    package: Package,
    only: Option<Vec<String>>,
    out_dir: Option<PathBuf>,
    csim: Option<bool>,
    flags: Vec<String>,
    synth: Synth,
    no_std: bool,
}

impl Build {
    /// The models that the package being built declares in its `Cargo.toml`; it need not declare any if
    /// [`model`](Self::model) adds some.
    ///
    /// # Errors
    /// [`Code::ManifestUnreadable`], and [`Code::Io`] outside of a build script.
    pub fn from_manifest() -> Result<Self> {
        let package = manifest::of_build_script(Path::new(&cargo::variable("CARGO_MANIFEST_DIR")?))?;
        Ok(Self { package, only: None, out_dir: None, csim: None, flags: Vec::new(), synth: Synth::Skip, no_std: false })
    }

    /// Adds the model `name`, or takes another file for it; a relative path begins at the package's folder.
    pub fn model(&mut self, name: &str, source: impl AsRef<Path>) -> &mut Self {
        self.set(name, "source", source.as_ref().to_string_lossy())
    }

    /// The golden file of the model `name`: arrays `x` and `y` from Keras, which every build is checked against.
    pub fn golden(&mut self, name: &str, file: impl AsRef<Path>) -> &mut Self {
        self.set(name, "golden", file.as_ref().to_string_lossy())
    }

    /// The input format of the model `name`, for example `ufixed<8,1>`.
    pub fn input(&mut self, name: &str, format: &str) -> &mut Self {
        self.set(name, "input", format)
    }

    /// Builds only these models. Cargo features of the firmware package can choose them.
    pub fn only<N: Into<String>>(&mut self, names: impl IntoIterator<Item = N>) -> &mut Self {
        self.only = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// The folder to write to. [default: `OUT_DIR`]
    pub fn out_dir(&mut self, directory: impl Into<PathBuf>) -> &mut Self {
        self.out_dir = Some(directory.into());
        self
    }

    /// Whether the simulation is compiled and linked: `true` makes a missing C++ compiler an error, `false` leaves the
    /// simulation out. [default: if there is a compiler, and not on docs.rs]
    pub fn csim(&mut self, on: bool) -> &mut Self {
        self.csim = Some(on);
        self
    }

    /// A further flag for the C++ compiler, after those of `CXXFLAGS`.
    pub fn flag(&mut self, flag: impl Into<String>) -> &mut Self {
        self.flags.push(flag.into());
        self
    }

    /// Whether the vendor's tool synthesizes the projects, and the `limits` of the manifest are checked. It may take
    /// hours, so the key `synth` of the manifest, which is for `cargo sparsehls build`, is not looked at here.
    /// [default: [`Synth::Skip`]]
    pub fn synth(&mut self, when: Synth) -> &mut Self {
        self.synth = when;
        self
    }

    /// Leaves out of the bindings what needs an allocator: the batch functions. [default: `false`]
    pub fn no_std(&mut self, on: bool) -> &mut Self {
        self.no_std = on;
        self
    }

    /// Sets a key of a model's table as if it stood in the manifest, so that it is checked in the same place. A manifest
    /// that is wrong stays as it is, for the error that says so.
    fn set(&mut self, model: &str, key: &str, value: impl Into<String>) -> &mut Self {
        let empty = || Value::from(Map::new());
        let metadata = self.package.metadata.get_or_insert_with(empty);
        if let Some(models) = metadata.as_object_mut().map(|all| all.entry("models").or_insert_with(empty))
            && let Some(table) = models.as_object_mut().map(|models| models.entry(model).or_insert_with(empty))
            && let Some(table) = table.as_object_mut()
        {
            table.insert(key.into(), value.into().into());
        }
        self
    }

    /// Generates and compiles every model, checks it against the reference and its golden file, and writes the
    /// bindings. A cross-compiled simulation cannot run here; then only the reference is compared with the golden file.
    ///
    /// # Errors
    /// Whatever is wrong with the manifest, a model, its files or the compiler; [`Code::OutputsDiffer`] if a check
    /// fails; with [`synth`](Self::synth) also [`Code::ToolMissing`], [`Code::SynthesisFailed`],
    /// [`Code::LimitExceeded`].
    pub fn compile(&self) -> Result {
        let out_dir = self.out_dir.clone().map_or_else(|| cargo::variable("OUT_DIR").map(PathBuf::from), Ok)?;
        let models = self.models()?;
        cargo::inputs(&self.package, &models, self.synth);
        let (libraries, left_out) = match self.libraries(&out_dir)? {
            Ok(libraries) => (Some(libraries), None),
            Err(why) => (None, Some(why)),
        };
        let built = models.into_iter().map(|model| self.build(model, &out_dir, libraries.as_ref()));
        let built = built.collect::<Result<Vec<_>>>()?;
        let modules: Vec<_> =
            built.iter().map(|(firmware, library)| (&firmware.model, &firmware.network, library.as_deref())).collect();
        let options = Bindings { left_out, no_std: self.no_std };
        let bindings = backend::bindings(&modules, &options)?;
        fs::create_dir_all(&out_dir).map_err(|error| Error::io("create", &out_dir, &error))?;
        files::write_if_changed(&out_dir.join("sparsehls.rs"), bindings.as_bytes()).map(drop)
    }

    /// The chosen models.
    fn models(&self) -> Result<Vec<Model>> {
        let mut models = manifest::models(&self.package)?;
        let Some(only) = &self.only else { return Ok(models) };
        if let Some(unknown) = only.iter().find(|name| !models.iter().any(|model| model.name == **name)) {
            let known: Vec<_> = models.iter().map(|model| model.name.as_str()).collect();
            return Err(Error::new(Code::ModelNotDeclared, format!("no model `{unknown}` is declared"))
                .file(&self.package.manifest)
                .help(format!("declared models: {}", known.join(", "))));
        }
        models.retain(|model| only.contains(&model.name));
        Ok(models)
    }

    /// What compiles the simulations, or why they are left out.
    fn libraries(&self, out_dir: &Path) -> Result<Result<Libraries, String>> {
        let docs = std::env::var_os("DOCS_RS").is_some();
        match self.csim {
            Some(false) => return Ok(Err("the build script asked for that with csim(false)".into())),
            None if docs => return Ok(Err("DOCS_RS is set".into())),
            _ => {}
        }
        match Libraries::new(out_dir, &self.flags) {
            Err(error) if error.code() == Code::NoCompiler && self.csim.is_none() => {
                cargo::watch_programs();
                cargo::warning(Note::NotSimulated, &format!("{}; the bindings say so when they are called", error.message()));
                Ok(Err(error.message().to_owned()))
            }
            other => other.map(Ok),
        }
    }

    /// Brings one model up to date; returns it, and the name of its library.
    fn build(&self, model: Model, out_dir: &Path, libraries: Option<&Libraries>) -> Result<(Firmware, Option<String>)> {
        let directory = out_dir.join("sparsehls").join(&model.name);
        let firmware = Firmware::load(&self.package.name, model, directory).map_err(|errors| errors.first)?;
        if firmware.model.limits.on == LimitsOn::Estimate {
            firmware.require_rows(&firmware.estimated_limits()?.0)?;
        }
        let golden = firmware.golden()?;
        let library = match firmware.model.target.language {
            Language::Hls(_) => simulate(&firmware, golden.as_ref(), libraries)?,
            Language::Verilog => {
                let compiled = firmware.backend.compile(generate(&firmware)?)?;
                firmware.prove(Some(&*compiled.engine), golden.as_ref())?.require(&firmware)?;
                simulate(&firmware.in_cpp()?, golden.as_ref(), libraries)?
            }
        };
        self.synthesize(&firmware)?;
        Ok((firmware, library))
    }

    fn synthesize(&self, firmware: &Firmware) -> Result {
        if self.synth == Synth::Skip {
            return Ok(());
        }
        let name = &firmware.model.name;
        let how = if self.synth == Synth::Require { How::All } else { How::Installed };
        let choice = firmware.choose(None, how)?;
        if choice.steps == Steps::NONE {
            let why = choice.left_out.first().map_or("", |left_out| left_out.why.message());
            cargo::warning(Note::StepSkipped, &format!("synthesis of {name} is skipped: {why}"));
            return Ok(());
        }
        for LeftOut { step, why } in &choice.left_out {
            cargo::warning(Note::StepSkipped, &format!("the step {} of {name} is skipped: {}", step.name(), why.message()));
        }
        // No handler of signals: the tool stays in our process group, where Ctrl-C of `cargo build` reaches it too.
        let done = firmware.job(choice.steps, &Cancel::default(), &|_| {}).run()?;
        firmware.require_limits(&done.report)
    }
}

/// No handler of signals: what is started stays in our process group, where Ctrl-C of `cargo build` reaches it too.
fn generate(firmware: &Firmware) -> Result<Generated<'_>> {
    firmware.generate(firmware.bench_events()?.as_ref(), &Cancel::default(), &|_| {})
}

/// Brings the C++ of a model up to date, and compares it with the reference and its golden file; returns the name of its
/// library.
fn simulate(firmware: &Firmware, golden: Option<&GoldenFile<'_>>, libraries: Option<&Libraries>) -> Result<Option<String>> {
    let generated = generate(firmware)?;
    let library = libraries.map(|libraries| libraries.compile(&firmware.package, &generated)).transpose()?;
    let simulation = match (libraries, &library) {
        (Some(libraries), Some(library)) => libraries.program(library, generated)?,
        _ => None,
    };
    let proof = firmware.prove(simulation.as_ref().map(|csim| csim as &dyn Engine), golden)?;
    proof.require(firmware)?;
    for text in proof.keras.iter().flat_map(Comparison::of_float32) {
        cargo::note(&format!("{}: {text}", firmware.model.name));
    }
    Ok(library.map(|library| library.name))
}
