//! A model from its file to its project: what the build script, the commands and the tests have in common.

use std::path::Path;

use crate::{
    check, cost, data, emit,
    error::{Code, Error, Errors, Result},
    float32, formats, keras, manifest, network, plan, reference,
};

/// Reads a model and infers its formats.
///
/// # Errors
/// Everything that can be wrong with the model; the error names its file.
pub fn load(model: &manifest::Model) -> Result<formats::FixedNetwork> {
    load_or_errors(model).map_err(|errors| errors.first)
}

/// As [`load`], but gives all that is wrong.
///
/// # Errors
/// As [`load`]: what is wrong with each layer, or else the first value that has no format, or the first knob that does
/// not fit.
pub fn load_or_errors(model: &manifest::Model) -> Result<formats::FixedNetwork, Errors> {
    let read = || -> Result<formats::FixedNetwork, Errors> {
        let keras = keras::KerasModel::read(&model.source)?;
        let network = network::Network::build(&keras, model)?;
        let network = formats::FixedNetwork::infer(network, model)?;
        // A knob that does not fit is an error for every command, not only where it is used.
        plan::Plan::new(&network, model, cost::area)?;
        Ok(network)
    };
    read().map_err(|errors| errors.map(|error| error.file(&model.source)))
}

/// Golden events that the test bench of a project gets.
pub const BENCH_EVENTS: usize = 20;

/// Writes the HLS project of a model into `directory`. The test bench gets made-up events and the first of
/// the golden set.
///
/// # Errors
/// As [`emit::project`] and [`emit::Project::write`].
pub fn generate(
    package: &str,
    model: &manifest::Model,
    network: &formats::FixedNetwork,
    golden: Option<&Golden>,
    directory: &Path,
) -> Result<emit::Project> {
    const MADE_UP: usize = 12;
    let mut events = check::made_up(network, MADE_UP);
    if let Some(golden) = golden {
        events.extend(golden.inputs.iter().take(BENCH_EVENTS * network.input_len()));
    }
    let project = project(package, model, network, &events)?;
    project.write(directory)?;
    Ok(project)
}

/// The HLS project of a model, whose test bench gets the events `inputs` (mantissas, one event after another).
///
/// # Errors
/// As [`plan::Plan::new`] and [`emit::project`].
pub fn project(package: &str, model: &manifest::Model, network: &formats::FixedNetwork, inputs: &[i64]) -> Result<emit::Project> {
    let plan = plan::Plan::new(network, model, cost::area)?;
    let outputs = reference::Reference::new(network).run_all(inputs);
    emit::project(package, model, network, &plan, emit::Bench { inputs, outputs: &outputs })
}

/// The events of a manifest's golden file, on the input grid.
#[derive(Debug, Clone)]
pub struct Golden {
    /// Input mantissas, one event after another.
    pub inputs: Vec<i64>,
    /// What Keras computed.
    pub outputs: Vec<f64>,
    /// What happened to inputs that were not on the grid.
    pub grid: formats::GridReport,
}

impl Golden {
    /// Reads the golden file of `model`, if it names one.
    ///
    /// # Errors
    /// [`Code::FileNotFound`], [`Code::InvalidData`]; the error names the key.
    pub fn of(model: &manifest::Model, network: &formats::FixedNetwork) -> Result<Option<Self>> {
        let Some(path) = &model.golden else { return Ok(None) };
        let read = || Self::new(data::read_golden(path)?, network).map_err(|error| error.file(path));
        read().map(Some).map_err(|error| error.key(format!("{}.golden", model.key())))
    }

    /// As [`Self::of`], but no more than the first `events`.
    ///
    /// # Errors
    /// As [`Self::of`].
    pub fn first(model: &manifest::Model, network: &formats::FixedNetwork, events: usize) -> Result<Option<Self>> {
        let Some(path) = &model.golden else { return Ok(None) };
        let read = || {
            let (mut x, mut y) = (data::Source::in_archive(path, "x")?, data::Source::in_archive(path, "y")?);
            let (mut x, mut y) = (x.events()?, y.events()?);
            data::check_shape(x.shape(), network)?;
            data::check_outputs(x.count(), y.shape(), network)?;
            let first = |array: &mut data::Events<'_>| {
                let shape = [&[events.min(array.count())], &array.shape()[1..]].concat();
                array.read(events).map(|values| data::Array { shape, values })
            };
            Self::new(data::Golden { x: first(&mut x)?, y: first(&mut y)? }, network)
        };
        let read = || read().map_err(|error| error.file(path));
        read().map(Some).map_err(|error| error.key(format!("{}.golden", model.key())))
    }

    /// Brings events to the input grid.
    ///
    /// # Errors
    /// [`Code::InvalidData`] if shapes do not fit the network.
    pub fn new(golden: data::Golden, network: &formats::FixedNetwork) -> Result<Self> {
        data::check_events(&golden.x, network)?;
        data::check_outputs(golden.x.events(), &golden.y.shape, network)?;
        let (inputs, grid) = data::to_mantissas(&golden.x, network);
        Ok(Self { inputs, outputs: golden.y.values, grid })
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
        .iter()
        .find(|declared| declared.name == model)
        .ok_or_else(|| Error::new(Code::ModelNotDeclared, format!("no model `{model}` is declared")).file(&package.manifest))?;
    let network = load(model)?;
    let golden = Golden::new(golden, &network)?;
    if found.len() != golden.outputs.len() {
        let message = format!("{} outputs were found, and Keras has {}", found.len(), golden.outputs.len());
        return Err(Error::new(Code::InvalidData, message).help("give the outputs of all events, one after another"));
    }
    check::all_with_keras(&float32::Float32::new(&network), &golden.inputs, found, &golden.outputs)
}
