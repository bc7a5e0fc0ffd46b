//! A network as hardware, in numbers: every value with its format, every layer with what its kernel is made of.
//!
//! Here is all arithmetic on bits, shifts and constants that are brought to a common binary point; a backend makes text of a
//! [`Design`] and computes nothing. There are no names but those of the model, and nothing that only one language knows.

mod process;

pub use self::process::Process;
use crate::{
    error::{Error, Result},
    formats::{FixedLayer, FixedNetwork},
    manifest::Pipeline,
    ops::{FixedOp, FlattenKernel, Kernel, LayerPlan, Layout, LookUpKernel, Site, Value, ValueId},
    plan::Plan,
};

/// A network as hardware.
#[derive(Debug, Clone)]
pub struct Design {
    /// Every value, the network's input first; a [`ValueId`] is an index into them.
    pub values: Vec<Value>,
    /// The layers, in an order in which every value is written before it is read.
    pub layers: Vec<Layer>,
    /// The layers again, as they are put into loops and pipelines, in order of data flow.
    pub processes: Vec<Process>,
    /// What comes in.
    pub input: ValueId,
    /// How it comes in.
    pub interface: Interface,
    /// What goes out; it is dense.
    pub output: ValueId,
    /// How layers overlap.
    pub pipeline: Pipeline,
    /// Cycles from one event to the next.
    pub initiation_interval: usize,
}

/// How the input comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interface {
    /// All values at once.
    Whole,
    /// Rows of the image, one after the other.
    Rows {
        /// Values of a row.
        values: usize,
        /// Rows a cycle; the last cycle of an image may have fewer.
        rows: usize,
    },
}

/// A layer: what it reads, what it writes, and what is between.
#[derive(Debug, Clone)]
pub struct Layer {
    /// An identifier, unique in the network.
    pub id: String,
    /// What kind of op it is, as reports name it.
    pub kind: &'static str,
    /// The name of the Keras layer that it is a part of. Untrusted text.
    pub keras_name: String,
    /// That layer's class. Untrusted text.
    pub keras_class: String,
    /// What it reads.
    pub reads: ValueId,
    /// What it writes. Nothing holds this value if another layer does the work.
    pub writes: ValueId,
    /// Who does the work.
    pub work: Work,
}

/// Who does a layer's work.
#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "there are few layers, and most have a kernel")]
pub enum Work {
    /// A kernel of its own.
    Kernel(Kernel),
    /// The kernel of a later layer, which has the numbers.
    Absorbed {
        /// Its index in [`Design::layers`].
        by: usize,
    },
}

impl Design {
    /// Lowers `network`, built as `plan` says.
    ///
    /// # Errors
    /// [`FormatTooWide`](crate::Code::FormatTooWide) if a mean is too wide to be divided exactly, or a constant too wide for
    /// the binary point of what it is added to; [`Internal`](crate::Code::Internal) if network and plan do not belong to each
    /// other.
    pub fn new(network: &FixedNetwork, plan: &Plan) -> Result<Self> {
        if network.layers.len() != plan.layers.len() {
            return Err(Error::internal("a plan for another network"));
        }
        let mut values = vec![input(network)];
        let mut layers = Vec::with_capacity(network.layers.len());
        for at in 0..network.layers.len() {
            let (layer, value) = layer(network, plan, &values).map_err(|error| error.layer(&network.layers[at].layer.name))?;
            layers.push(layer);
            values.push(value);
        }
        let output = ValueId(values.len() - 1);
        if matches!(values[output.0].layout, Layout::Sparse(_)) {
            return Err(Error::internal("the network ends with a sparse value"));
        }
        Ok(Self {
            processes: process::all(&layers, output, network, plan)?,
            input: ValueId(0),
            interface: interface(plan, &layers)?,
            output,
            pipeline: plan.pipeline,
            initiation_interval: plan.initiation_interval(),
            values,
            layers,
        })
    }

    /// The value with this id.
    pub fn value(&self, id: ValueId) -> &Value {
        &self.values[id.0]
    }
}

/// The layer after those that gave `values`, and its value. In a chain, layer number n reads value n and writes value n + 1.
fn layer(network: &FixedNetwork, plan: &Plan, values: &[Value]) -> Result<(Layer, Value)> {
    let at = values.len() - 1;
    let (fixed, own) = (&network.layers[at], &plan.layers[at]);
    let output = Value::of(fixed, &values[at])?;
    // The layers from here on are absorbed up to this one.
    let first = plan.layers[..at].iter().rposition(|plan| !plan.absorbed).map_or(0, |kernel| kernel + 1);
    let (reads, work) = if own.absorbed {
        let by = plan.layers[at..].iter().position(|plan| !plan.absorbed);
        let by = by.ok_or_else(|| Error::internal("a layer that no later one absorbs"))?;
        (at, Work::Absorbed { by: at + by })
    } else if first < at {
        (first, Work::Kernel(absorbing(&network.layers[first..=at], first, &values[first..=at], &output, own)?))
    } else {
        let by_rows = at == 0 && plan.by_rows;
        let site = Site { input: &values[at], output: &output, plan: own, by_rows };
        (at, Work::Kernel(fixed.rules().lower(site)?))
    };
    let layer = Layer {
        id: fixed.layer.id.clone(),
        kind: fixed.kind,
        keras_name: fixed.layer.keras_name.clone(),
        keras_class: fixed.layer.keras_class.clone(),
        reads: ValueId(reads),
        writes: ValueId(at + 1),
        work,
    };
    Ok((layer, output))
}

/// One kernel for several ops, of which the first reads the value number `first`.
fn absorbing(ops: &[FixedLayer], first: usize, values: &[Value], output: &Value, plan: &LayerPlan) -> Result<Kernel> {
    match ops.last().map(|fixed| &fixed.layer.op) {
        Some(FixedOp::Quantize(_)) => FlattenKernel::quantizing(ops, values, output, plan).map(Kernel::Flatten),
        _ => LookUpKernel::new(ops, first, values, output, plan).map(Kernel::LookUpDense),
    }
}

fn interface(plan: &Plan, layers: &[Layer]) -> Result<Interface> {
    match (plan.by_rows, layers.first().map(|layer| &layer.work)) {
        (false, _) => Ok(Interface::Whole),
        (true, Some(Work::Kernel(Kernel::InputReduce(reduce)))) => {
            Ok(Interface::Rows { values: reduce.shape.width * reduce.shape.channels, rows: plan.rows })
        }
        (true, _) => Err(Error::internal("rows of an image go into something else than an input reduction")),
    }
}

/// The input of `network`.
fn input(network: &FixedNetwork) -> Value {
    let format = network.input.format;
    let elements = network.input_shape.iter().product();
    let layout = Layout::Dense(network.input_shape.clone());
    Value { layout, format, divisor: 1, ranges: vec![format.range(); elements] }
}
