//! [`Firmware`]: a model from its file to its hardware, the one sequence for the build script and the command line.

mod golden;
mod library;
mod proof;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

pub use self::{
    golden::{Golden, GoldenFile},
    proof::Proof,
};
use crate::{
    backend::{self, Backend, Bench, Compiled, Generated, Project},
    check::{self, Comparison},
    cost::NetworkEstimate,
    data,
    engine::{self, Engine},
    error::{Code, Error, Errors, Result},
    float32,
    formats::FixedNetwork,
    lower::Design,
    manifest::{self, Model},
    mantissas::Mantissas,
    plan::Plan,
    reference::Reference,
    toolchain::{Cancel, Choice, How, Job, Progress, Report, Steps, limits},
};

/// Events that are made up for a test bench, and values that all its events may have together.
const MADE_UP: usize = 12;
const BENCH_VALUES: usize = 1 << 24;

/// What [`Firmware::compile`] makes.
#[derive(Debug)]
pub struct Simulation<'a> {
    /// What computes events.
    pub compiled: Compiled<'a>,
    /// Its first answer, against the reference.
    pub answer: Comparison,
    /// The text that it is made of.
    pub project: Project,
}

/// Limits of what is estimated, and the names of the others.
pub type EstimatedLimits = (Vec<limits::Row>, Vec<&'static str>);

/// A model of a package that has been read and planned. What comes next, in this order: [`generate`](Self::generate),
/// [`compile`](Self::compile), [`prove`](Self::prove), [`job`](Self::job).
#[derive(Debug, Clone)]
pub struct Firmware {
    /// The name of the package that declares the model.
    pub package: String,
    /// What the manifest says of the model.
    pub model: Model,
    /// What it computes, with an exact format for every value.
    pub network: FixedNetwork,
    /// How every layer is built.
    pub plan: Plan,
    /// What it is written in.
    pub backend: &'static dyn Backend,
    /// Where its project goes.
    pub directory: PathBuf,
}

impl Firmware {
    /// Reads a model, infers its formats and plans its layers.
    ///
    /// # Errors
    /// Everything that can be wrong with the model: what is wrong with each layer, or else the first value that has no
    /// format, or the first knob that does not fit. Errors name the model's file.
    pub fn load(package: &str, model: Model, directory: PathBuf) -> Result<Self, Errors> {
        let source = model.source.clone();
        let read = || Ok(Self::plan(package, FixedNetwork::read(&model)?, model, directory)?);
        read().map_err(|errors: Errors| errors.map(|error| error.file(&source)))
    }

    /// Plans the layers of a network.
    ///
    /// # Errors
    /// As [`backend::plan`].
    pub fn plan(package: &str, network: FixedNetwork, model: Model, directory: PathBuf) -> Result<Self> {
        let plan = backend::plan(&network, &model)?;
        let backend = backend::of(&model.target);
        Ok(Self { package: package.to_owned(), model, network, plan, backend, directory })
    }

    /// The manifest's golden file, if it names one.
    ///
    /// # Errors
    /// [`Code::FileNotFound`], [`Code::InvalidData`] if the shapes of its arrays do not fit; the error names the key.
    pub fn golden(&self) -> Result<Option<GoldenFile<'_>>> {
        GoldenFile::of(&self.model, &self.network)
    }

    /// The golden events that [`generate`](Self::generate) needs.
    ///
    /// # Errors
    /// As [`Self::golden`], and those of reading the events.
    pub fn bench_events(&self) -> Result<Option<Golden>> {
        self.golden()?.map(|golden| golden.first(self.most_bench_events())).transpose()
    }

    /// Events that a test bench may have besides made-up ones: as many as its backend wants, but large ones are few.
    fn most_bench_events(&self) -> usize {
        self.backend.bench_events(&self.network).min(self.affordable_events())
    }

    /// Events of a test bench that take no more memory than they should.
    fn affordable_events(&self) -> usize {
        (BENCH_VALUES / (self.network.input_len().get() + self.network.output_len().get())).max(2)
    }

    /// The project, whose test bench gets the events `inputs`.
    ///
    /// # Errors
    /// As [`Design::new`].
    pub fn project(&self, inputs: &Mantissas) -> Result<Project> {
        self.emit(inputs, inputs.events())
    }

    /// The same, if only the first are `made_up`.
    fn emit(&self, inputs: &Mantissas, made_up: usize) -> Result<Project> {
        let outputs = engine::run(&Reference::new(&self.network), inputs)?;
        let design = Design::new(&self.network, &self.plan)?;
        self.backend.emit(&self.package, &self.model, &design, Bench { inputs, outputs: &outputs, made_up })
    }

    /// Brings the project in its folder up to date. The test bench gets made-up events and the first of the golden set. Where
    /// another build is at work in the folder it waits, which `waiting` is told; `cancel` ends that, and what is started for the
    /// project later.
    ///
    /// # Errors
    /// As [`Self::project`] and [`Project::publish`].
    pub fn generate(&self, golden: Option<&Golden>, cancel: &Cancel, waiting: &dyn Fn(Duration)) -> Result<Generated<'_>> {
        let made_up = MADE_UP.min(self.affordable_events());
        let mut events = check::made_up(&self.network, made_up);
        if let Some(golden) = golden {
            events.append(golden.inputs.first(self.most_bench_events()));
        }
        let project = self.emit(&events, made_up)?;
        project.publish(&self.directory, cancel, waiting)?;
        let (directory, model, network, cancel) = (&*self.directory, &self.model, &self.network, cancel.clone());
        Ok(Generated { project, directory, model, network, anew: false, cancel })
    }

    /// Makes an engine of what was generated. A program is asked a first question: if it does not answer what the reference does,
    /// what was kept is not used and it is made anew, once. A disk may have lost it, or a compiler may have failed without a word.
    ///
    /// # Errors
    /// As [`Backend::compile`], and what keeps the new one from answering. That its answer differs is none.
    pub fn compile<'a>(&self, generated: Generated<'a>) -> Result<Simulation<'a>> {
        let project = Project { core: None, ..generated.project.clone() };
        if generated.project.core.is_some() {
            let compiled = self.backend.compile(generated)?;
            return Ok(Simulation { compiled, answer: Comparison::default(), project });
        }
        let Generated { directory, model, network, .. } = generated;
        let cancel = generated.cancel.clone();
        let compiled = self.backend.compile(generated)?;
        let (compiled, answer) = match self.ask(&*compiled.engine) {
            Ok(answer) if answer.first.is_none() => (compiled, answer),
            Err(error) if error.code() == Code::Interrupted => return Err(error),
            _ => {
                drop(compiled);
                let anew = Generated { project: project.clone(), directory, model, network, anew: true, cancel };
                let compiled = self.backend.compile(anew)?;
                let answer = self.ask(&*compiled.engine).map_err(|error| error.and("it was compiled anew, and does so again"))?;
                (compiled, answer)
            }
        };
        Ok(Simulation { compiled, answer, project })
    }

    /// Asks an engine for the outputs of a few made-up events.
    fn ask(&self, engine: &dyn Engine) -> Result<Comparison> {
        let events = check::made_up(&self.network, MADE_UP.min(self.affordable_events()));
        let found = engine.start()?.run(&events)?;
        Ok(check::same(&found, &engine::run(&Reference::new(&self.network), &events)?))
    }

    /// Compares the simulation with the reference, and both with Keras, where there is a simulation and there are golden
    /// events. [`Proof::require`] makes an error of a difference.
    ///
    /// # Errors
    /// As [`engine::run`], and those of reading the golden file.
    pub fn prove(&self, simulation: Option<&dyn Engine>, golden: Option<&GoldenFile<'_>>) -> Result<Proof> {
        Proof::new(&self.network, simulation, golden)
    }

    /// What it costs, built as planned.
    ///
    /// # Errors
    /// As [`Backend::estimate`].
    pub fn estimate(&self) -> Result<NetworkEstimate> {
        self.backend.estimate(&self.network, &self.plan, &self.model.target)
    }

    /// The steps for a build that was asked for `asked`, or did not say; see [`Choice::new`].
    ///
    /// # Errors
    /// As [`Choice::new`].
    pub fn choose(&self, asked: Option<Steps>, how: How) -> Result<Choice> {
        let luts = || Ok(self.estimate()?.total.luts);
        Choice::new(&self.model, asked, how, luts)
    }

    /// The run of the tools on what lies in the project's folder.
    pub fn job<'a>(&'a self, steps: Steps, cancel: &'a Cancel, progress: &'a dyn Fn(Progress<'_>)) -> Job<'a> {
        Job { model: &self.model, directory: &self.directory, steps, cancel, progress }
    }

    /// Requires what the tools found to be within the manifest's limits.
    ///
    /// # Errors
    /// [`Code::LimitExceeded`].
    pub fn require_limits(&self, report: &Report) -> Result {
        self.require_rows(&limits::table(report, &self.model.limits))
    }

    /// The limits that an estimate can be held against, and the names of the others.
    ///
    /// # Errors
    /// As [`Self::estimate`].
    pub fn estimated_limits(&self) -> Result<EstimatedLimits> {
        Ok(limits::estimated(&self.estimate()?.total, &self.model.limits))
    }

    /// Requires that these limits are kept.
    ///
    /// # Errors
    /// [`Code::LimitExceeded`].
    pub fn require_rows(&self, rows: &[limits::Row]) -> Result {
        limits::check(rows).map_err(|error| error.file(&self.model.manifest).key(format!("{}.limits", self.model.key())))
    }
}

/// Compares `found`, outputs of a package's model for the events of `golden`, with Keras. This is what the golden test of a
/// package asks if not all outputs are the same. The package is the one in the folder `package`.
///
/// # Errors
/// Whatever is wrong with the manifest or the model; [`Code::InvalidData`] if shapes do not fit.
pub fn compare_golden(package: impl AsRef<Path>, model: &str, golden: data::Golden, found: &[f32]) -> Result<check::Comparison> {
    let package = manifest::of_build_script(package.as_ref())?;
    let models = manifest::models(&package)?;
    let model = models
        .into_iter()
        .find(|declared| declared.name == model)
        .ok_or_else(|| Error::new(Code::ModelNotDeclared, format!("no model `{model}` is declared")).file(&package.manifest))?;
    let firmware = Firmware::load(&package.name, model, PathBuf::new()).map_err(|errors| errors.first)?;
    let golden = Golden::new(golden, &firmware.network)?;
    if found.len() != golden.outputs.len() {
        let message = format!("{} outputs were found, and Keras has {}", found.len(), golden.outputs.len());
        return Err(Error::new(Code::InvalidData, message).help("give the outputs of all events, one after another"));
    }
    check::all_with_keras(&float32::Float32::new(&firmware.network), &golden.inputs, found, &golden.outputs)
}
