//! [`Build`]: what a firmware package's `build.rs` calls.

use std::path::PathBuf;

use crate::{
    Golden, check,
    csim::Csim,
    error::{Code, Error, Result},
    manifest::{self, Model, Package},
};

/// Compiles the models of a firmware package inside its build script.
///
/// Everything is written under `OUT_DIR`:
///
/// ```text
/// OUT_DIR/sparsehls.rs            the bindings, one module for each model
/// OUT_DIR/sparsehls/MODEL/        the HLS project
/// OUT_DIR/libsparsehls_….a        the simulation, compiled for the target
/// ```
#[derive(Debug)]
pub struct Build {
    package: Package,
    models: Vec<Model>,
    out_dir: PathBuf,
}

impl Build {
    /// The models that the package being built declares in its `Cargo.toml`.
    ///
    /// # Errors
    /// What reading the manifest can give, and [`Code::Io`] outside of a build script.
    pub fn from_manifest() -> Result<Self> {
        let variable = |name: &str| {
            std::env::var_os(name).map(PathBuf::from).ok_or_else(|| {
                Error::new(Code::Io, format!("the variable {name} is not set"))
                    .help("call this from a build script, which cargo runs")
            })
        };
        let package = manifest::of_build_script(&variable("CARGO_MANIFEST_DIR")?)?;
        let models = manifest::models(&package)?;
        Ok(Self { package, models, out_dir: variable("OUT_DIR")? })
    }

    /// Generates and compiles every model, checks each against the reference and its golden file, and writes the
    /// bindings.
    ///
    /// # Errors
    /// Whatever is wrong with a model, its files or the compiler; [`Code::OutputsDiffer`] if a check fails.
    pub fn compile(&self) -> Result {
        let mut modules = Vec::new();
        println!("cargo::rerun-if-changed={}", self.package.manifest.display());
        if self.package.workspace_manifest != self.package.manifest {
            println!("cargo::rerun-if-changed={}", self.package.workspace_manifest.display());
        }
        for model in &self.models {
            for path in [Some(&model.source), model.golden.as_ref()].into_iter().flatten() {
                println!("cargo::rerun-if-changed={}", path.display());
            }
            modules.push(self.model(model)?);
        }
        let _ = (modules, check::self_check, Csim::compile, Golden::of);
        Ok(())
    }

    fn model(&self, model: &Model) -> Result<String> {
        let network = crate::load(model)?;
        let golden = Golden::of(model, &network)?;
        let directory = self.out_dir.join("sparsehls").join(&model.name);
        crate::generate(&self.package.name, model, &network, golden.as_ref(), &directory)?;
        Ok(String::new())
    }
}
