//! The files of an HLS project.
//!
//! Everything is text from a template; what is computed here is what the templates say. Output is deterministic, byte
//! for byte.

pub mod csim;

mod kernel;
mod layer;
mod process;
mod types;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    path::{Path, PathBuf},
};

use minijinja::{Environment, Value, context, value::Serde};
use serde::Serialize;

use self::layer::Weights;
use crate::{
    error::{Code, Error, Result},
    files,
    fingerprint::Fingerprint,
    fixed::Format,
    lower::{Design, Interface},
    manifest::{HlsTool, Model},
    mantissas::Mantissas,
    steps::{Step, Steps},
};

/// The files of a project, by their path in the project's folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Project {
    /// Contents by path; the path uses `/`.
    pub files: BTreeMap<String, String>,
}

/// The C symbol of a model's bridge. A package's models differ in their names, but two packages may each have a model
/// of the same name, and both may end up in one program.
pub fn symbol(package: &str, model: &str) -> String {
    format!("sparsehls_{}_{model}", crate::names::identifier(package))
}

/// What the test bench of a project gets.
#[derive(Debug, Clone, Copy)]
pub struct Bench<'a> {
    /// What goes in.
    pub inputs: &'a Mantissas,
    /// What must come out.
    pub outputs: &'a Mantissas,
}

/// Writes out the project of `design` for `model` of `package`.
///
/// # Errors
/// [`Code::Io`], which cannot happen with the embedded templates.
pub fn project(package: &str, model: &Model, design: &Design, bench: Bench<'_>) -> Result<Project> {
    let made_by = format!(
        "Made by cargo-sparsehls {} from {}; do not edit.",
        env!("CARGO_PKG_VERSION"),
        crate::names::comment(&model.source.file_name().unwrap_or_default().to_string_lossy())
    );
    let templates = Templates::new()?;
    let (layers, weights) = layer::texts(design);
    let (input, output) = (design.value(design.input), design.value(design.output));
    let kernels: BTreeSet<&str> = layers.iter().filter_map(|layer| layer.header).collect();
    let shape = layer::describe(&input.layout);
    let shared = context! {
        made_by => serde(&made_by),
        kernels => serde(&kernels),
        layers => serde(&layers),
        output => serde(output.format),
        name => serde(&model.name),
        guard => model.name.to_uppercase(),
        summary => summary(&model.name, &shape, input.format, output.size(), output.format),
        symbol => symbol(package, &model.name),
        weights => serde(weights.iter().map(|weights| &weights.name).collect::<Vec<_>>()),
        input => context! {
            type => types::fixed(input.format),
            word => word(input.format),
            size => input.size(),
            shape => shape,
            // A row a cycle, or all at once.
            row => match design.interface {
                Interface::Rows { values } => Some(values),
                Interface::Whole => None,
            },
        },
        processes => serde(process::texts(design)),
        interval => design.initiation_interval,
        pipeline => serde(design.pipeline),
        backend => serde(model.target.tool),
        part => serde(&model.target.part),
        clock_period => model.target.clock_period,
        clock_uncertainty => model.target.clock_uncertainty,
        cflags => match model.target.tool { HlsTool::Vitis => "-std=c++14", HlsTool::Vivado => "-std=c++0x" },
        steps => serde(Steps::default().flags(false)),
        test_events => bench.inputs.events(),
    };
    let name = &model.name;
    let mut files = BTreeMap::new();
    for (path, template) in [
        (format!("firmware/{name}.cpp"), "model.cpp"),
        (format!("firmware/{name}.h"), "model.h"),
        ("firmware/defines.h".into(), "defines.h"),
        ("firmware/parameters.h".into(), "parameters.h"),
        (format!("{name}_test.cpp"), "test.cpp"),
        (format!("{name}_bridge.cpp"), "bridge.cpp"),
        ("csim/main.cpp".into(), "csim_main.cpp"),
        ("csim/trace.cpp".into(), "csim_trace.cpp"),
        ("project.tcl".into(), "project.tcl"),
        ("build_prj.tcl".into(), "build_prj.tcl"),
        ("build_opt.tcl".into(), "build_opt.tcl"),
        ("vivado_synth.tcl".into(), "vivado_synth.tcl"),
    ] {
        files.insert(path, templates.render(template, &shared)?);
    }
    for weights in &weights {
        files.insert(format!("firmware/weights/{}.h", weights.name), weights_file(&templates, &made_by, name, weights)?);
    }
    for (header, text) in sparsehls_hls_lib::KERNELS {
        if *header == "common.h" || kernels.contains(header) {
            files.insert(format!("firmware/kernels/{header}"), (*text).to_owned());
        }
    }
    for (header, text) in sparsehls_hls_lib::AP_TYPES {
        files.insert(format!("csim/ap_types/{header}"), (*text).to_owned());
    }
    files.insert("tb_data/input.dat".into(), lines(bench.inputs));
    files.insert("tb_data/expected.dat".into(), lines(bench.outputs));
    Ok(Project { files })
}

/// The integer of C++ that an input's mantissa travels in.
fn word(format: Format) -> &'static str {
    match (format.bytes(), format.signed) {
        (1, true) => "signed char",
        (1, false) => "unsigned char",
        (2, true) => "short",
        (2, false) => "unsigned short",
        (4, true) => "int",
        (4, false) => "unsigned",
        _ => "long long",
    }
}

/// The text of `build_opt.tcl` for `steps`. C synthesis starts from an empty project: nothing of an earlier version of the
/// model is left in it.
///
/// # Errors
/// [`Code::Io`], which cannot happen with the embedded template.
pub fn build_options(steps: Steps) -> Result<String> {
    let made_by = format!("Made by cargo-sparsehls {}; the steps of the last build.", env!("CARGO_PKG_VERSION"));
    Templates::new()?
        .render("build_opt.tcl", &context! { made_by => serde(made_by), steps => serde(steps.flags(steps.has(Step::Synth))) })
}

impl Project {
    /// Brings `directory` to hold exactly these files where the project owns the folder: files that are up to date are
    /// not touched, and what an earlier version of the model left in `firmware/` is removed.
    ///
    /// # Errors
    /// [`Code::Io`].
    pub fn write(&self, directory: &Path) -> Result {
        for (path, contents) in &self.files {
            let full = directory.join(path);
            // The steps belong to whoever runs a tool: a person by hand, or a build that runs it at this moment.
            if path != "build_opt.tcl" || !full.exists() {
                files::write_if_changed(&full, contents.as_bytes())?;
            }
        }
        for folder in ["firmware", "firmware/weights", "firmware/kernels", "csim/ap_types"] {
            self.remove_stale_files(directory, folder)?;
        }
        Ok(())
    }

    /// Removes what an earlier version of the model left in a folder that is the project's.
    fn remove_stale_files(&self, directory: &Path, folder: &str) -> Result {
        for entry in files::entries(&directory.join(folder))? {
            let name = entry.file_name().to_string_lossy();
            let is_ours = self.files.contains_key(&format!("{folder}/{name}"));
            // Another build may be writing what is temporary.
            if !is_ours && !files::is_temporary(entry.file_name()) && !entry.file_type().is_dir() {
                match std::fs::remove_file(entry.path()) {
                    // Another build of the same model was faster.
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                    result => result.map_err(|error| Error::io("remove", entry.path(), &error))?,
                }
            }
        }
        Ok(())
    }

    /// The C++ source of the simulation, without its `main`; it includes all others.
    pub fn source(name: &str) -> PathBuf {
        format!("{name}_bridge.cpp").into()
    }

    /// Adds the files from which the simulation is compiled, directly or because another includes them.
    pub(crate) fn add_sources(&self, fingerprint: &mut Fingerprint) {
        let is_source = |path: &str| !path.ends_with(".tcl") && !path.starts_with("tb_data/") && !path.ends_with("_test.cpp");
        for (path, contents) in self.files.iter().filter(|(path, _)| is_source(path)) {
            fingerprint.add(path);
            fingerprint.add(contents);
        }
    }
}

/// The templates, parsed.
#[derive(Debug)]
pub struct Templates(Environment<'static>);

impl Templates {
    /// Parses all templates.
    ///
    /// # Errors
    /// [`Code::Io`], which cannot happen with the embedded templates.
    pub fn new() -> Result<Self> {
        let mut environment = Environment::new();
        // Nothing is HTML, and a missing value must not become an empty text.
        environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        environment.set_undefined_behavior(minijinja::UndefinedBehavior::SemiStrict);
        for (name, text) in sparsehls_templates::TEMPLATES {
            environment.add_template(name, text).map_err(|error| broken(&error))?;
        }
        Ok(Self(environment))
    }

    /// Fills in the template `name`.
    ///
    /// # Errors
    /// [`Code::Io`], which cannot happen with the embedded templates.
    pub fn render(&self, name: &str, values: &Value) -> Result<String> {
        let text = self.0.get_template(name).and_then(|template| template.render(values.clone()));
        // The newline at the end of a template is not part of what it gives.
        text.map(|text| text + "\n").map_err(|error| broken(&error))
    }
}

/// Data for a template.
pub fn serde(data: impl Serialize) -> Value {
    Value::from(Serde(data))
}

fn broken(error: &minijinja::Error) -> Error {
    let detail = error.detail().unwrap_or_default();
    let place = format!("{}:{}", error.name().unwrap_or_default(), error.line().unwrap_or_default());
    Error::new(Code::Io, format!("a template of cargo-sparsehls is broken: {error} {detail} ({place})"))
        .help("this is a bug in cargo-sparsehls; please report it with the model")
}

fn weights_file(templates: &Templates, made_by: &str, model: &str, weights: &Weights) -> Result<String> {
    let widest = weights.values.iter().map(|value| value.to_string().len()).max().unwrap_or(1);
    let columns = (110 / (widest + 2)).max(1);
    templates
        .render("weights.h", &context! { made_by => serde(made_by), columns, guard => model.to_uppercase(), ..serde(weights) })
}

/// `28 x 28 x 1`.
pub(super) fn describe(shape: &[usize]) -> String {
    shape.iter().map(usize::to_string).collect::<Vec<_>>().join(" x ")
}

/// `digits: 28 x 28 x 1 values of ufixed<8,1> in, 10 of fixed<12,5> out.`
pub(super) fn summary(name: &str, shape: &str, input: Format, outputs: usize, output: Format) -> String {
    format!("{name}: {shape} values of {input} in, {outputs} of {output} out.")
}

/// Numbers as text, an event a line.
fn lines(events: &Mantissas) -> String {
    let mut text = String::new();
    for line in events {
        for (at, value) in line.iter().enumerate() {
            if at > 0 {
                text.push(' ');
            }
            // Most inputs are zero.
            if *value == 0 {
                text.push('0');
            } else {
                let _ = write!(text, "{value}");
            }
        }
        text.push('\n');
    }
    text
}
