//! [`Hls`]: C++ for the vendor's high-level synthesis.
//!
//! Everything is text from a template; what is computed here is what the templates say. Output is deterministic, byte
//! for byte.

pub mod csim;
pub mod library;

mod flow;
mod kernel;
mod layer;
mod masks;
mod ports;
mod process;
mod stack;
mod types;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    io::Read,
    path::{Path, PathBuf},
};

use minijinja::context;

use self::{csim::Csim, layer::Weights, library::Shared, ports::Ports};
use super::{
    Backend, Bench, Compiled, Generated, Project,
    text::{Templates, serde, summary},
};
use crate::{
    cost::{self, NetworkEstimate},
    error::{Code, Error, Result},
    fingerprint::Fingerprint,
    fixed::Format,
    formats::FixedNetwork,
    lower::{self, Design},
    manifest::{HlsTool, Interface, Ip, Model, Pipeline, ResetLevel, Target},
    mantissas::Mantissas,
    names,
    plan::Plan,
    planned::Planned,
    steps::{Step, Steps},
};

/// The C symbol of a model's bridge. A package's models differ in their names, but two packages may each have a model
/// of the same name, and both may end up in one program.
pub fn symbol(package: &str, model: &str) -> String {
    format!("sparsehls_{}_{model}", names::identifier(package))
}

/// C++ for a generation of the vendor's tool.
#[derive(Debug, Clone, Copy)]
pub struct Hls(pub HlsTool);

/// The folders of a project that hold nothing but its files.
const FOLDERS: [&str; 5] = ["firmware", "firmware/weights", "firmware/kernels", "csim/ap_types", HOOKS];

/// The folder of the user's own scripts.
const HOOKS: &str = "tcl";

/// A script of the user's is smaller than this.
const MAX_HOOK: u64 = 1 << 20;

/// Golden events that the test bench of a project gets: each takes minutes of cosimulation.
const BENCH_EVENTS: usize = 20;

/// Which steps the tool is to run.
pub(crate) const ORDERS: &str = "build_opt.tcl";

impl Backend for Hls {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    /// A function pipeline unrolls every loop, so nothing can be done in turns there.
    fn validate(&self, model: &Model, network: &FixedNetwork, plan: &Plan) -> Result {
        if plan.rows != 1 {
            return Err(Error::internal("several rows a cycle, which the manifest refuses with HLS"));
        }
        if plan.pipeline == Pipeline::Dataflow {
            return Ok(());
        }
        let Some(at) = plan.layers.iter().position(|plan| plan.steps > 1) else { return Ok(()) };
        let (layer, steps) = (&network.layers[at].layer.keras_name, plan.layers[at].steps);
        let message = format!("a function pipeline unrolls every loop, but `{layer}` takes {steps} steps");
        Err(Error::new(Code::InvalidValue, message)
            .file(&model.manifest)
            .key(format!("{}.{}", model.key(), Pipeline::KEY))
            .help("use pipeline = \"dataflow\", or remove `interval`, the `-per-cycle` keys and interface = \"row\""))
    }

    fn bench_events(&self, _: &FixedNetwork) -> usize {
        BENCH_EVENTS
    }

    fn estimate(&self, network: &FixedNetwork, plan: &Plan, target: &Target) -> Result<NetworkEstimate> {
        Ok(cost::network(network, plan, target))
    }

    fn emit(&self, package: &str, model: &Model, design: &Design, bench: Bench<'_>) -> Result<Project> {
        let made_by = format!(
            "Made by cargo-sparsehls {} from {}; do not edit.",
            env!("CARGO_PKG_VERSION"),
            names::comment(&model.source.file_name().unwrap_or_default().to_string_lossy())
        );
        let templates = Templates::new()?;
        let hooks = hooks(model)?;
        let (layers, weights) = layer::texts(design);
        let (input, output) = (design.value(design.input), design.value(design.output));
        let mut kernels: BTreeSet<&str> = layers.iter().flat_map(|layer| layer.headers.iter().copied()).collect();
        let shape = layer::describe(&input.layout);
        let stack = stack::large(design);
        let ports = Ports::of(design, model.interface.unwrap_or(Interface::Partition), self.0);
        let port_text = ports.text(model.hls.block_control);
        let reset = model.hls.reset(model.interface);
        kernels.extend(port_text.header);
        kernels.extend((port_text.header == Some("axi_stream.h")).then_some("packed.h"));
        let shared = context! {
            stack,
            made_by => serde(&made_by),
            kernels => serde(&kernels),
            layers => serde(&layers),
            output => serde(output.format),
            output_type => types::fixed(output.format),
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
                    lower::Interface::Rows { values, rows: _ } => Some(values),
                    lower::Interface::Whole => None,
                },
            },
            processes => serde(process::texts(design, &layers, &ports)),
            traced => serde(process::traced(design, &layers, &ports.arrays())),
            ports => serde(&port_text),
            block_control => model.hls.block_control.name(),
            reset_level => reset.name(),
            interval => design.initiation_interval,
            pipeline => serde(design.pipeline),
            backend => serde(self.0),
            part => serde(&model.target.part),
            clock_period => model.target.clock_period,
            clock_uncertainty => model.target.clock_uncertainty,
            clock => "ap_clk",
            hooks => serde(hooks.iter().map(|(path, _)| path).collect::<Vec<_>>()),
            ip => serde(Ip { name: model.hls.ip.name.clone().or_else(|| Some(model.name.clone())), ..model.hls.ip.clone() }),
            cflags => match self.0 { HlsTool::Vitis => "-std=c++14", HlsTool::Vivado => "-std=c++0x" },
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
            (ORDERS.into(), "build_opt.tcl"),
            ("export.tcl".into(), "export.tcl"),
            ("vivado_synth.tcl".into(), "vivado_synth.tcl"),
            ("vivado_impl.tcl".into(), "vivado_impl.tcl"),
            ("vivado.xdc".into(), "vivado.xdc"),
            ("Makefile".into(), "Makefile"),
            ("README.md".into(), "hls_readme.md"),
        ] {
            files.insert(path, templates.render(template, &shared)?);
        }
        if stack.is_some() {
            files.insert("csim/stack.h".into(), templates.render("csim_stack.h", &shared)?);
        }
        files.extend(hooks);
        files.insert(Planned::FILE.into(), process::planned(design).text()?);
        files.insert(format!("firmware/{name}.json"), description(model, design, &ports, reset)?);
        for weights in &weights {
            files.insert(format!("firmware/weights/{}.h", weights.name), weights_file(&templates, &made_by, name, weights)?);
        }
        for (header, text) in sparsehls_hls_lib::KERNELS {
            if matches!(*header, "common.h" | "handover.h") || kernels.contains(header) {
                files.insert(format!("firmware/kernels/{header}"), (*text).to_owned());
            }
        }
        for (header, text) in sparsehls_hls_lib::AP_TYPES {
            files.insert(format!("csim/ap_types/{header}"), (*text).to_owned());
        }
        files.insert("tb_data/input.dat".into(), lines(bench.inputs));
        files.insert("tb_data/expected.dat".into(), lines(bench.outputs));
        Ok(Project { files, folders: &FOLDERS, orders: Some(ORDERS), core: None })
    }

    fn compile<'a>(&self, generated: Generated<'a>) -> Result<Compiled<'a>> {
        let mut csim = Csim::compile(generated)?;
        let (made_from, is_new, object) = (csim.program.digest, csim.program.is_new, csim.object.take());
        Ok(Compiled { engine: Box::new(csim), made_from, is_new, object })
    }

    fn library<'a>(&self, package: &str, generated: &'a Generated<'a>, folder: &Path) -> Result<Shared<'a>> {
        Shared::new(package, generated, folder)
    }
}

/// `firmware/<model>.json`: what a program wants to know of the core.
fn description(model: &Model, design: &Design, ports: &Ports, reset: ResetLevel) -> Result<String> {
    let rows = serde_json::json!({
        "name": model.name,
        "made-by": format!("cargo-sparsehls {}", env!("CARGO_PKG_VERSION")),
        "backend": model.target.language.name(),
        "part": model.target.part,
        "clock-period": model.target.clock_period,
        "interval-cycles": design.initiation_interval,
        "interface": model.interface.unwrap_or(Interface::Partition).name(),
        "block-control": model.hls.block_control.name(),
        "reset-level": reset.name(),
        "ports": ports.description()?,
    });
    let text = serde_json::to_string_pretty(&rows);
    text.map(|text| text + "\n").map_err(|error| Error::internal(format!("a description that is no JSON: {error}")))
}

/// The C++ source of the csim, without its `main`; it includes all others.
pub(crate) fn source(name: &str) -> PathBuf {
    format!("{name}_bridge.cpp").into()
}

/// The files from which the csim is compiled, directly or because another includes them.
fn sources(project: &Project) -> impl Iterator<Item = (&String, &String)> {
    let is_other = |path: &str| matches!(path, "Makefile" | "README.md" | "vivado.xdc") || path.ends_with(".json");
    let is_source = move |path: &str| {
        !path.ends_with(".tcl") && !path.starts_with("tb_data/") && !path.ends_with("_test.cpp") && !is_other(path)
    };
    project.files.iter().filter(move |(path, _)| is_source(path))
}

/// Adds [`sources`].
pub(crate) fn add_sources(project: &Project, fingerprint: &mut Fingerprint) {
    for (path, contents) in sources(project) {
        fingerprint.add(path);
        fingerprint.add(contents);
    }
}

/// The scripts of the manifest, by the places in the project that they are copied to. They keep their names as far as these
/// are plain, behind a number.
fn hooks(model: &Model) -> Result<Vec<(String, String)>> {
    let read = |(at, path): (usize, &PathBuf)| {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let plain: String = stem.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).take(64).collect();
        Ok((format!("{HOOKS}/{}_{plain}.tcl", at + 1), hook(model, path)?))
    };
    model.hls.tcl.iter().enumerate().map(read).collect()
}

fn hook(model: &Model, path: &Path) -> Result<String> {
    let refuse = |code, why: String| {
        let error = Error::new(code, format!("the Tcl script `{}` {why}", path.display()));
        error.file(&model.manifest).key(format!("{}.tcl", model.key())).help("check the path, which is relative to Cargo.toml")
    };
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(|error| refuse(Code::FileNotFound, format!("cannot be opened: {error}")))?;
    file.take(MAX_HOOK + 1)
        .read_to_string(&mut text)
        .map_err(|error| refuse(Code::InvalidValue, format!("cannot be read: {error}")))?;
    if text.len() as u64 > MAX_HOOK {
        return Err(refuse(Code::InvalidValue, "is larger than 1 MiB".into()));
    }
    Ok(text)
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

fn weights_file(templates: &Templates, made_by: &str, model: &str, weights: &Weights) -> Result<String> {
    templates.render("weights.h", &context! { made_by => serde(made_by), guard => model.to_uppercase(), ..serde(weights) })
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
