//! The network of a model as a shared library.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use super::{Firmware, Simulation};
use crate::{
    backend::{Compiled, Generated, Questions, SharedLibrary},
    check,
    engine::{self, Engine},
    error::Result,
    manifest::{HlsTool, Language, Verilog},
    reference::Reference,
    toolchain::Cancel,
};

/// What is added to a float to take it off its grid, in steps of that.
const OFF: [f64; 8] = [0.0, 0.5, 0.25, -0.75, 1e6, -1e9, 0.499_999_97, 1e-3];
/// What every grid takes as 0, and what it reduces.
const HARD: [f32; 6] = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e-42, f32::MAX, f32::MIN];

impl Firmware {
    /// Brings the shared library of a model up to date, in the folder `lib` of its project. It is made of the C++ that was
    /// simulated; a circuit has the same network as C++ beside it, which is compared with the reference as it is.
    ///
    /// # Errors
    /// As [`Backend::library`](crate::backend::Backend::library), and what keeps it from being made or from its answers.
    pub fn library(&self, simulation: &Simulation<'_>, cancel: &Cancel, waiting: &dyn Fn(Duration)) -> Result<SharedLibrary> {
        let folder = self.library_folder();
        if self.model.target.language == Language::Verilog {
            return self.in_cpp()?.library_of_cpp(&folder, cancel, waiting);
        }
        let Simulation { compiled: Compiled { object, .. }, project, .. } = simulation;
        let (project, directory, cancel) = (project.clone(), &*self.directory, cancel.clone());
        let generated = Generated { project, directory, model: &self.model, network: &self.network, anew: false, cancel };
        let shared = self.backend.library(&self.package, &generated, &folder)?;
        match shared.kept()? {
            Some(kept) => Ok(kept),
            None => shared.make(object.as_ref(), &self.questions()?),
        }
    }

    fn library_folder(&self) -> PathBuf {
        self.directory.join("lib")
    }

    /// Takes the shared library away that an earlier build has left.
    ///
    /// # Errors
    /// [`Code::Io`](crate::error::Code::Io).
    pub fn remove_library(&self) -> Result {
        SharedLibrary::remove(&self.model, &self.library_folder())
    }

    /// That of a circuit: the C++ has to pass what a csim has to.
    fn library_of_cpp(&self, folder: &Path, cancel: &Cancel, waiting: &dyn Fn(Duration)) -> Result<SharedLibrary> {
        let generated = self.generate(None, cancel, waiting)?;
        let shared = self.backend.library(&self.package, &generated, folder)?;
        if let Some(kept) = shared.kept()? {
            return Ok(kept);
        }
        let Simulation { compiled, .. } = self.compile(generated.clone())?;
        self.prove(Some(&*compiled.engine), self.golden()?.as_ref())?.require(self)?;
        shared.make(compiled.object.as_ref(), &self.questions()?)
    }

    /// The same network as C++, which is what a program can link: its bits are those of the circuit, as both are compared with
    /// the reference.
    pub(crate) fn in_cpp(&self) -> Result<Self> {
        let mut model = self.model.clone();
        model.target.language = Language::Hls(HlsTool::Vitis);
        (model.interface, model.verilog) = (None, Verilog::default());
        Self::plan(&self.package, self.network.clone(), model, self.directory.join("cpp"))
    }

    /// A few made-up events, as mantissas and as floats, most of which are off the input grid.
    fn questions(&self) -> Result<Questions> {
        let network = &self.network;
        let inputs = check::made_up(network, super::MADE_UP.min(self.affordable_events()));
        let step = 2f64.powi(-network.input.format.fraction);
        let float = |(at, mantissa): (usize, &i64)| match at % 61 {
            60 => HARD[at / 61 % HARD.len()],
            _ => ((*mantissa as f64 + OFF[at % OFF.len()]) * step) as f32,
        };
        let floats: Vec<f32> = inputs.values().iter().enumerate().map(float).collect();
        let wide: Vec<f64> = floats.iter().map(|x| f64::from(*x)).collect();
        let (on_grid, _) = network.input.mantissas(&wide);
        let reference = Reference::new(network);
        let answers = |inputs| engine::run(&reference as &dyn Engine, inputs);
        let (of_floats, outputs) = (answers(&on_grid)?.to_floats(), answers(&inputs)?);
        Ok(Questions { floats, on_grid, of_floats, inputs, outputs })
    }
}
