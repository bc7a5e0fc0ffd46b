//! [`Build`]: what a firmware package's `build.rs` calls.

use std::path::{Path, PathBuf};

use crate::{
    Golden, check,
    csim::{self, Csim},
    data,
    emit::{self, Project},
    error::{Code, Error, Result},
    files,
    formats::FixedNetwork,
    manifest::{self, Model, Package},
};

/// Compiles the models of a firmware package inside its build script.
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
/// Everything is written under `OUT_DIR`:
///
/// ```text
/// OUT_DIR/sparsehls.rs                the bindings, one module for each model
/// OUT_DIR/sparsehls/MODEL/            the HLS project
/// OUT_DIR/libsparsehls_PKG_MODEL.a    the simulation, compiled for the target
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
        let package = manifest::of_build_script(Path::new(&variable("CARGO_MANIFEST_DIR")?))?;
        let models = manifest::models(&package)?;
        Ok(Self { package, models, out_dir: variable("OUT_DIR")?.into() })
    }

    /// Generates and compiles every model, checks it against the reference and its golden file, and writes the
    /// bindings. A cross-compiled simulation cannot run here; then only the reference is compared with the golden file.
    /// On docs.rs, where there is no C++ compiler, the simulation is left out.
    ///
    /// # Errors
    /// Whatever is wrong with a model, its files or the compiler; [`Code::OutputsDiffer`] if a check fails.
    pub fn compile(&self) -> Result {
        self.print_inputs();
        let linked = std::env::var_os("DOCS_RS").is_none();
        let mut networks = Vec::new();
        for model in &self.models {
            networks.push((model, self.model(model, linked)?));
        }
        let networks: Vec<_> = networks.iter().map(|(model, network)| (*model, network)).collect();
        let bindings = emit::bindings(&self.package.name, &networks, linked)?;
        files::write_if_changed(&self.out_dir.join("sparsehls.rs"), bindings.as_bytes()).map(drop)
    }

    /// Tells cargo what a rebuild depends on; `cc` adds the variables of the compiler.
    fn print_inputs(&self) {
        let manifests = [&self.package.manifest, &self.package.workspace_manifest];
        let models = self.models.iter().flat_map(|model| [Some(&model.source), model.golden.as_ref()]).flatten();
        let mut files: Vec<_> = manifests.into_iter().chain(models).collect();
        files.sort();
        files.dedup();
        for file in files {
            println!("cargo::rerun-if-changed={}", file.display());
        }
        println!("cargo::rerun-if-env-changed=DOCS_RS");
    }

    fn model(&self, model: &Model, linked: bool) -> Result<FixedNetwork> {
        let network = crate::load(model)?;
        let golden = Golden::of(model, &network)?;
        let directory = self.out_dir.join("sparsehls").join(&model.name);
        crate::generate(&self.package.name, model, &network, golden.as_ref(), &directory)?;
        let csim = if linked { self.library(model, &network, &directory)? } else { None };
        prove(model, &network, golden.as_ref(), csim.as_ref())?;
        Ok(network)
    }

    /// Compiles the simulation into a static library, and into a program where the target is the host.
    fn library(&self, model: &Model, network: &FixedNetwork, directory: &Path) -> Result<Option<Csim>> {
        csim::Compiler::find()?;
        let name = emit::symbol(&self.package.name, &model.name);
        let mut build = cc::Build::new();
        build.cpp(true).opt_level(2).warnings(false).flag_if_supported("-Wno-unknown-pragmas");
        for flag in csim::VECTORS {
            build.flag_if_supported(flag);
        }
        build.flag_if_supported(csim::standard(model.target.backend)).include(directory).include(directory.join("csim/ap_types"));
        build.files(Project::sources(&model.name).map(|source| directory.join(source)));
        build.try_compile(&name).map_err(|error| {
            Error::new(Code::CompileFailed, format!("the C++ compiler refused the generated project: {error}"))
                .file(directory)
                .help("is the compiler complete? it needs C++11, and for --target a cross compiler")
        })?;
        if variable("TARGET")? != variable("HOST")? {
            return Ok(None);
        }
        Csim::link(&self.out_dir.join(format!("lib{name}.a")), directory, network).map(Some)
    }
}

/// A variable that cargo sets for build scripts.
fn variable(name: &str) -> Result<String> {
    std::env::var(name).map_err(|error| {
        Error::new(Code::Io, format!("the variable {name} cannot be read: {error}"))
            .help("call this from a build script, which cargo runs")
    })
}

/// Simulation against reference, and reference against Keras.
fn prove(model: &Model, network: &FixedNetwork, golden: Option<&Golden>, csim: Option<&Csim>) -> Result {
    let inputs = golden.map_or(&[][..], |golden| &golden.inputs);
    if let Some(csim) = csim {
        check::self_check(network, csim, inputs)?.require_equal(&model.name, "the simulation", "the reference")?;
    }
    let Some(golden) = golden else { return Ok(()) };
    let outputs = crate::reference::Reference::new(network).run_all(inputs);
    let floats = data::to_floats(&outputs, network);
    let result = check::compare(&floats, &golden.outputs, network.output_len(), network.tolerance);
    result.require_equal(&model.name, "the network", "Keras").map_err(|error| error.key(format!("{}.golden", model.key())))
}
