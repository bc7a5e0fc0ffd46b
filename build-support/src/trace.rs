//! Every layer's values for one event, from both engines and from Keras: where does a bit go wrong?

use std::{collections::BTreeMap, path::Path};

use crate::{
    data,
    engine::Engine,
    error::{Code, Error, Result},
    float32::{self, Float32, Slack},
    formats::{FixedLayer, InputGrid},
    keras::KerasModel,
    manifest::Model,
    reference::Value,
};

/// One layer.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerTrace {
    /// The Keras layer's name, with a suffix for the ops beside its main one.
    pub name: String,
    /// What kind of op it is.
    pub kind: &'static str,
    /// The shape of the values: as Keras has them, a dense image even where the firmware has slots.
    pub shape: Vec<usize>,
    /// Pixels that are active, in a sparse layer.
    pub active: Option<usize>,
    /// Values in the reference.
    pub reference: Vec<f64>,
    /// Values in the simulation, unless a later layer has absorbed this one.
    pub csim: Option<Vec<f64>>,
    /// Values in Keras, where this op is the last of a Keras layer that the dump has.
    pub keras: Option<Vec<f64>>,
    /// How far Keras may be off here: the tolerance of the network, if this is its end.
    pub tolerance: f64,
    /// Values in which Keras differs, by no more than its own float32 may have rounded.
    pub within_float32: usize,
    /// Values of the input that Keras has off the grid, and that are the same on it.
    pub off_grid: usize,
    /// The first value on which they do not agree, the csim's before Keras's.
    pub first_difference: Option<usize>,
    /// Whether it is the csim that differs from the reference, and not Keras.
    pub csim_differs: bool,
}

/// What Keras computed: for each Keras layer NAME an array `layer:NAME` of all events.
#[derive(Debug, Default)]
pub struct Dump {
    arrays: BTreeMap<String, data::Array>,
}

/// How a dump is made, for those who have none.
const RECIPE: &str = "in the Python session that has the model: `layers = [l for l in model.layers if not isinstance(l, keras.layers.InputLayer)]`, \
    then `values = keras.Model(model.input, [l.output[0] if isinstance(l.output, (list, tuple)) else l.output for l in \
    layers])(x)`, then `np.savez_compressed(\"dump.npz\", x=x, **{f\"layer:{l.name}\": np.asarray(v) for l, v in zip(layers, \
    values)})`";

impl Dump {
    /// Reads the dump at `path` of the model.
    ///
    /// # Errors
    /// [`Code::InvalidData`] if it has no arrays of layers, or of layers that the model does not have.
    pub fn read(path: &Path, model: &Model) -> Result<Self> {
        let arrays = data::read_npz(path)?;
        let invalid = |message: String| Error::new(Code::InvalidData, message).file(path);
        let layers = KerasModel::read(&model.source)?.layers;
        // A sparse layer may have its keep mask beside it.
        let name = |array: &str| array.strip_prefix("layer:").map(|name| name.strip_suffix(":mask").unwrap_or(name).to_owned());
        let dumped: Vec<String> = arrays.keys().filter_map(|array| name(array)).collect();
        if dumped.is_empty() {
            let there: Vec<_> = arrays.keys().map(|array| format!("`{array}`")).collect();
            return Err(invalid(format!("there is no array `layer:NAME` here, but {}", there.join(", "))).help(RECIPE));
        }
        if let Some(unknown) = dumped.iter().find(|name| !layers.iter().any(|layer| layer.name == **name)) {
            let names: Vec<_> = layers.iter().map(|layer| layer.name.as_str()).collect();
            return Err(invalid(format!("there is an array for a layer {unknown:?}, which the model does not have"))
                .help(format!("its layers: {}; a dump is made {RECIPE}", names.join(", "))));
        }
        Ok(Self { arrays })
    }

    /// The events that it was made from, if it has them.
    pub fn x(&self) -> Option<&data::Array> {
        self.arrays.get("x")
    }

    /// What Keras has for `event` after `fixed`, of `count` values.
    fn values(&self, fixed: &FixedLayer, event: usize, count: usize) -> Result<Option<Vec<f64>>> {
        let name = format!("layer:{}", fixed.layer.keras_name);
        let Some(array) = self.arrays.get(&name) else { return Ok(None) };
        let of_event: usize = array.shape.iter().skip(1).product();
        if of_event != count {
            return Err(Error::new(
                Code::InvalidData,
                format!("`{name}` has the shape {:?}, which is no {:?} for each event", array.shape, fixed.layer.shape.keras()),
            )
            .layer(&fixed.layer.keras_name)
            .help("make the dump from this model"));
        }
        let values = array.values.get(event * count..(event + 1) * count).ok_or_else(|| {
            Error::new(Code::InvalidData, format!("`{name}` has {} events, and event {event} is asked for", array.events()))
                .layer(&fixed.layer.keras_name)
                .help("--event counts from 0")
        })?;
        Ok(Some(values.to_vec()))
    }
}

/// Traces one event, given as mantissas, through the reference and `engine`; `event` is its number in the dump, if there is
/// one.
///
/// # Errors
/// As [`Engine::trace`]; [`Code::InvalidData`] if the dump does not fit.
pub fn trace(engine: &dyn Engine, mantissas: &[i64], dump: Option<&Dump>, event: usize) -> Result<Vec<LayerTrace>> {
    let network = engine.network();
    let simulated = engine.trace(mantissas)?;
    let (layers, found) = (network.layers.len(), simulated.len());
    if found != layers {
        return Err(Error::internal(format!("{} gave the values of {found} layers of {layers}", engine.name())));
    }
    let mut traces = Vec::with_capacity(network.layers.len());
    let mut simulated = simulated.into_iter();
    Float32::new(network).bounds_observed(mantissas, |fixed, value, slack| {
        let csim = simulated.next().flatten();
        let ends = network.layers.iter().rfind(|other| other.layer.keras_name == fixed.layer.keras_name);
        let ends = ends.is_some_and(|last| last.layer.id == fixed.layer.id);
        let count = value.to_dense().len();
        let keras = dump.filter(|_| ends).map_or(Ok(None), |dump| dump.values(fixed, event, count));
        // The last layer may have tables in place of a float function.
        let is_last = network.layers.last().is_some_and(|last| last.layer.id == fixed.layer.id);
        let tolerance = if is_last { network.tolerance } else { 0.0 };
        // Before the first quantizer Keras still has the floats of the input.
        let grid = (traces.len() < network.untouched()).then_some(&network.input);
        traces.push(keras.map(|keras| layer(fixed, (value, slack), csim.as_ref(), (keras, grid), tolerance)));
    });
    traces.into_iter().collect()
}

fn layer(
    fixed: &FixedLayer,
    (reference, slack): (&Value, &[Slack]),
    csim: Option<&Value>,
    (keras, grid): (Option<Vec<f64>>, Option<&InputGrid>),
    tolerance: f64,
) -> LayerTrace {
    let unit = 2f64.powi(-fixed.output.fraction) / fixed.output.divisor as f64;
    let floats = |value: &Value| -> Vec<f64> { value.to_dense().iter().map(|mantissa| *mantissa as f64 * unit).collect() };
    let (reference_values, csim_values) = (floats(reference), csim.map(floats));
    let slack = float32::to_dense(slack, reference);
    // A mean that float32 cannot hold is compared as far as float32 goes.
    let relative = if fixed.output.divisor == 1 { 0.0 } else { 1e-6 };
    let count = reference_values.len();
    let in_csim = csim_values.as_ref().and_then(|csim| (0..count).find(|&at| csim[at] != reference_values[at]));
    let on_grid = keras.as_ref().zip(grid).map(|(keras, grid)| grid.mantissas(keras).0);
    let is_on_grid = |at: usize, exact: f64| on_grid.as_ref().is_some_and(|on_grid| on_grid.values()[at] as f64 * unit == exact);
    let (mut in_keras, mut within_float32, mut off_grid) = (None, 0, 0);
    for (at, (&keras, &exact)) in keras.iter().flatten().zip(&reference_values).enumerate() {
        let difference = keras - exact;
        let allowed = tolerance.max(relative * keras.abs());
        if difference.abs() <= allowed {
            continue;
        }
        if is_on_grid(at, exact) {
            off_grid += 1;
            continue;
        }
        let (down, up) = (slack[at].below * unit + allowed, slack[at].above * unit + allowed);
        if !slack[at].is_zero() && -down <= difference && difference <= up {
            within_float32 += 1;
        } else {
            in_keras = in_keras.or(Some(at));
        }
    }
    LayerTrace {
        name: fixed.layer.name.clone(),
        kind: fixed.kind,
        shape: fixed.layer.shape.keras(),
        active: match reference {
            Value::Sparse(pixels) => Some(pixels.positions.len()),
            Value::Dense(_) => None,
        },
        reference: reference_values,
        csim: csim_values,
        keras,
        tolerance,
        within_float32,
        off_grid,
        first_difference: in_csim.or(in_keras),
        csim_differs: in_csim.is_some(),
    }
}
