//! Loading the golden fixtures.

#![allow(dead_code)] // each test uses its part

pub mod draw;
pub mod names;
pub mod program;
pub mod skip;

use std::{
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use sparsehls_build::{
    Firmware, Mantissas,
    backend::{self, Generated, Project, hls::csim::Csim},
    check::{self, Comparison},
    data,
    engine::{self, Engine},
    fixed::Format,
    formats::{FixedLayer, FixedNetwork},
    keras::KerasModel,
    manifest::{
        Counts, Hls, HlsTool, Interface, Knob, Knobs, Language, LayerOptions, Limits, Model, Output, Pipeline, Precision, Target,
        Verilog,
    },
    network::Network,
    reference::Reference,
    toolchain::Cancel,
};

/// What `cases.json` says of a fixture.
#[derive(Debug, serde::Deserialize)]
pub struct Case {
    /// Whether it must be refused.
    pub refused: bool,
    /// Whether Keras's outputs are exact.
    #[serde(default)]
    pub exact: bool,
    /// (name, class) of its layers.
    #[serde(default)]
    pub layers: Vec<(String, String)>,
    /// Layers with float functions.
    #[serde(default)]
    pub approximate: Vec<String>,
    /// Layers whose values float32 itself rounds.
    #[serde(default)]
    pub rounded: Vec<String>,
}

impl Case {
    /// How far a layer's values may be from Keras's, relative to values above 1.
    pub fn tolerance(&self, layer: &str, fixed: &FixedLayer, network: &FixedNetwork) -> f64 {
        let is_in = |list: &[String]| list.iter().any(|name| name == layer);
        match () {
            // A float function is computed together with the quantizer that follows, which is compared.
            () if is_in(&self.approximate) && network.tolerance == 0.0 => f64::INFINITY,
            () if is_in(&self.approximate) => network.tolerance,
            () if is_in(&self.rounded) || fixed.output.divisor != 1 => 1e-6,
            () => 0.0,
        }
    }
}

/// Whether a layer of this class always computes something; an Activation can be linear.
pub fn has_ops(class: &str) -> bool {
    !matches!(class, "InputLayer" | "Dropout" | "Activation")
}

/// Whether what takes minutes runs, too.
pub fn is_all() -> bool {
    std::env::var_os("SPARSEHLS_ALL").is_some()
}

/// Any input events: for models that are refused before events matter.
pub fn unit_grid() -> data::Array {
    data::Array { shape: vec![1], values: vec![1.0] }
}

/// Where the fixtures are.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

/// The fixtures that are not refused.
pub fn fixtures() -> Vec<PathBuf> {
    cases().into_iter().filter(|(_, _, case)| !case.refused).map(|(_, path, _)| path).collect()
}

/// All cases: name, `.keras` file, expectations.
pub fn cases() -> Vec<(String, PathBuf, Case)> {
    let text = std::fs::read_to_string(folder().join("cases.json")).unwrap();
    let cases: std::collections::BTreeMap<String, Case> = serde_json::from_str(&text).unwrap();
    cases.into_iter().map(|(name, case)| (name.clone(), folder().join(format!("{name}.keras")), case)).collect()
}

/// Runs `check` on every sixteenth fixture that is not refused, on all cores, and gives what failed; a compiler takes a
/// second or two for each. SPARSEHLS_ALL=1 takes all of them, and CI does.
pub fn for_fixtures(check: impl Fn(&str, &Path, &Case) -> Result<(), String> + Sync) -> Vec<String> {
    for_every(if is_all() { 1 } else { 16 }, "SPARSEHLS_ALL=1", check)
}

/// The same for every `step`th fixture; `all` sets the switch that takes all of them.
pub fn for_every(step: usize, all: &str, check: impl Fn(&str, &Path, &Case) -> Result<(), String> + Sync) -> Vec<String> {
    let chosen: Vec<_> = cases().into_iter().filter(|(_, _, case)| !case.refused).step_by(step).collect();
    if step > 1 {
        skip::skipped(&format!("all but one fixture of {step}; {all} takes all"));
    }
    let (next, failures) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some((name, source, case)) = chosen.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(error) = check(name, source, case) {
                        failures.lock().unwrap().push(format!("{name}: {error}"));
                    }
                }
            });
        }
    });
    failures.into_inner().unwrap()
}

/// The narrowest signed format that holds all of `x`: the fixtures' inputs are on grids of their own.
pub fn grid(x: &data::Array) -> Format {
    let on_grid = |f: i32| x.values.iter().all(|v| (v * 2f64.powi(f)).fract() == 0.0);
    let fraction = (-20..30).find(|&f| on_grid(f)).expect("inputs on some grid");
    let largest = x.values.iter().fold(1.0, |m: f64, v| m.max(v.abs())) * 2f64.powi(fraction);
    Format { signed: true, width: largest.log2().floor() as u32 + 2, fraction }
}

/// A manifest entry for a fixture.
pub fn model(source: &Path, input: Format) -> Model {
    Model {
        name: "fixture".into(),
        source: source.into(),
        golden: None,
        input: Some(input),
        output: Output::Model,
        precision: Precision::default(),
        knobs: Knobs::default(),
        layers: Default::default(),
        pipeline: Pipeline::Dataflow,
        interface: None,
        verilog: Verilog::default(),
        hls: Hls::default(),
        limits: Limits::default(),
        target: Target {
            language: Language::Hls(HlsTool::Vitis),
            part: "p".into(),
            clock_period: 5.0,
            clock_uncertainty: 27.0,
            launcher: Vec::new(),
            tool_timeout: None,
            csim_timeout: std::time::Duration::from_secs(600),
        },
        manifest: "Cargo.toml".into(),
    }
}

/// A fixture with its formats.
pub fn load(source: &Path, x: &data::Array) -> sparsehls_build::Result<(Model, FixedNetwork)> {
    let model = model(source, grid(x));
    let keras = KerasModel::read(source)?;
    let network = Network::new(&keras, &model)?;
    Ok((model.clone(), FixedNetwork::infer(network, &model)?))
}

/// The project of a model of `package`, with these events for its test bench.
pub fn project(package: &str, model: &Model, network: &FixedNetwork, inputs: &Mantissas) -> sparsehls_build::Result<Project> {
    Firmware::plan(package, network.clone(), model.clone(), PathBuf::new())?.project(inputs)
}

/// The compiled simulation of a project in `directory`, with these events for its test bench.
pub fn csim<'a>(
    model: &'a Model,
    network: &'a FixedNetwork,
    inputs: &Mantissas,
    directory: &'a Path,
) -> sparsehls_build::Result<Csim<'a>> {
    let project = project("fixtures", model, network, inputs)?;
    project.write(directory)?;
    Csim::compile(Generated { project, directory, model, network, anew: false, cancel: Cancel::default() })
}

/// Compares the simulation with the reference, on made-up events and on `inputs`.
pub fn self_check(csim: &Csim<'_>, inputs: &Mantissas) -> sparsehls_build::Result<Comparison> {
    let mut result = check::self_check(csim)?;
    let reference = engine::run(&Reference::new(csim.network()), inputs)?;
    result.add(check::same(&engine::run(csim, inputs)?, &reference));
    Ok(result)
}

/// Draws knobs for `model`, the same ones for the same seed. What does not fit is drawn again.
pub fn draw_knobs(model: &mut Model, network: &FixedNetwork, seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    for _ in 0..100 {
        draw_once(model, network, &mut random);
        if backend::plan(network, model).is_ok() {
            return;
        }
    }
    panic!("no knobs fit");
}

fn draw_once(model: &mut Model, network: &FixedNetwork, random: &mut fastrand::Rng) {
    let maybe =
        |random: &mut fastrand::Rng, largest: usize| NonZeroUsize::new(random.usize(1..=largest)).filter(|_| random.u8(..3) == 0);
    for knob in Knob::ALL {
        let largest = match knob.counts() {
            Counts::Steps => 12,
            Counts::Slots => 9,
            Counts::Filters | Counts::Channels => 4,
        };
        model.knobs.set(knob, maybe(random, largest));
    }
    let interfaces = if model.target.language == Language::Verilog { &Interface::ALL[..2] } else { Interface::ALL };
    model.interface = random.choice(interfaces).copied();
    model.pipeline = *random.choice(&[Pipeline::Dataflow, Pipeline::Dataflow, Pipeline::Function]).unwrap();
    if model.target.language == Language::Verilog {
        model.pipeline = Pipeline::Dataflow;
        let is_by_rows = model.interface != Some(Interface::Partition);
        model.verilog.rows = maybe(random, network.input_shape[0]).filter(|_| is_by_rows);
    }
    model.layers.clear();
    for fixed in &network.layers {
        let mut options = LayerOptions::default();
        let full = fixed.about().extent;
        for &knob in fixed.about().knobs {
            let largest = match knob.counts() {
                Counts::Steps => 12,
                Counts::Slots => full.slots,
                Counts::Filters => full.filters,
                Counts::Channels => full.channels,
            };
            let fits = |part: &NonZeroUsize| !knob.counts().divides() || largest.is_multiple_of(part.get());
            options.knobs.set(knob, maybe(random, largest).filter(fits));
        }
        options.variant = random.choice(fixed.about().variants).copied();
        if options != LayerOptions::default() {
            model.layers.insert(fixed.layer.keras_name.clone(), options);
        }
    }
}

/// Knobs with these numbers.
pub fn knobs<const N: usize>(given: [(Knob, usize); N]) -> Knobs {
    let mut knobs = Knobs::default();
    given.into_iter().for_each(|(knob, number)| knobs.set(knob, NonZeroUsize::new(number)));
    knobs
}
