//! A network as hardware, in numbers: every value with its format, every layer with what its kernel is made of.
//!
//! Here is all arithmetic on bits, shifts and constants that are brought to a common binary point; a backend makes text of a
//! [`Design`] and computes nothing. There are no names but those of the model, and nothing that only one language knows.

mod affine;
mod bias;
mod conv2d;
mod dense;
mod flatten;
mod input_reduce;
mod kernel;
mod lookup;
mod pooling;
mod process;
mod quantize;
mod quotient;
mod relu;
mod softmax;
mod value;

pub use self::{
    affine::Affine,
    bias::SparseBias,
    conv2d::{Conv2d, Form},
    dense::{Dense, LookUpDense, Sums},
    flatten::Flatten,
    input_reduce::{Active, Arrival, InputReduce},
    kernel::Kernel,
    lookup::{Lookup, Table},
    pooling::{Pool, Pooling2d},
    process::Process,
    quantize::{By, FormatChoice, Quantizer, SparseQuantize},
    quotient::Quotient,
    relu::LimitedRelu,
    softmax::{MaxMinus, Normalize},
    value::{Elements, Layout, SparseLayout, Value, ValueId},
};
use crate::{
    error::{Code, Error, Result},
    fixed::{Format, Interval},
    formats::{FixedNetwork, MAX_WIDTH},
    manifest::{self, Pipeline},
    network::Coefficients,
    ops::LayerPlan,
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
    /// A row of the image a cycle.
    Rows {
        /// Values of a row.
        values: usize,
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
        let mut values = vec![Value::input(network)];
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
            initiation_interval: plan.interval(),
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
        let look_up = LookUpDense::new(&network.layers[first..=at], first, &values[first..=at], &output, own)?;
        (first, Work::Kernel(Kernel::LookUpDense(look_up)))
    } else {
        let by_rows = at == 0 && plan.interface == manifest::Interface::Row;
        let site = Site { input: &values[at], output: &output, plan: own, by_rows };
        (at, Work::Kernel(kernel::lower(fixed, site)?))
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

fn interface(plan: &Plan, layers: &[Layer]) -> Result<Interface> {
    match (plan.interface, layers.first().map(|layer| &layer.work)) {
        (manifest::Interface::Partition, _) => Ok(Interface::Whole),
        (manifest::Interface::Row, Some(Work::Kernel(Kernel::InputReduce(reduce)))) => {
            Ok(Interface::Rows { values: reduce.shape.width * reduce.shape.channels })
        }
        (manifest::Interface::Row, _) => Err(Error::internal("rows of an image go into something else than an input reduction")),
    }
}

/// Where an op stands: what its kernel depends on beside the op itself.
#[derive(Clone, Copy)]
struct Site<'a> {
    input: &'a Value,
    output: &'a Value,
    plan: &'a LayerPlan,
    /// Whether the input comes row by row.
    by_rows: bool,
}

/// The bits by which what has `to` fraction bits is finer than what has `from`.
fn finer(from: i32, to: i32) -> Result<u32> {
    u32::try_from(to - from).map_err(|_| Error::internal(format!("{to} fraction bits for what has {from}")))
}

/// `constants` with the binary point of a value, and multiplied by what that is still to be divided by: what can be added to
/// its mantissas.
fn aligned(constants: &Coefficients, value: &Value) -> Result<Coefficients> {
    let (shift, fraction) = (finer(constants.fraction, value.format.fraction)?, value.format.fraction);
    let align = |constant: &i64| i64::try_from(only(*constant).shifted(shift).times(value.divisor.into()).lo);
    let values = constants.values.iter().map(align).collect::<Result<_, _>>();
    let values = values.map_err(|_| {
        Error::new(Code::FormatTooWide, format!("a constant with {fraction} fraction bits needs more than {MAX_WIDTH} bits"))
            .help("give the layer an input quantizer, or fewer bits in training")
    })?;
    Ok(Coefficients { values, fraction })
}

/// One mantissa.
fn only(mantissa: i64) -> Interval {
    Interval { lo: mantissa.into(), hi: mantissa.into() }
}

/// The hull of some constants and 0.
fn range(constants: &Coefficients) -> Interval {
    constants.values.iter().map(|constant| only(*constant)).fold(Interval::ZERO, Interval::hull)
}

/// A format with a sign and `spare` bits more than the widest of some needs.
fn signed(widths: impl IntoIterator<Item = u32>, spare: u32, fraction: i32) -> Format {
    Format { signed: true, width: widths.into_iter().fold(1, u32::max) + spare, fraction }
}

#[cfg(test)]
mod testing {
    use super::{Layout, Site, SparseLayout, Value};
    use crate::{
        fixed::{Format, Interval, bits_for},
        network::SparseShape,
        ops::LayerPlan,
    };

    /// All at once.
    pub const PLAN: LayerPlan =
        LayerPlan { variant: None, pixels_per_cycle: 1, filters_per_cycle: 1, channels_per_cycle: 1, steps: 1, absorbed: false };

    /// Slots of an image of 28 x 20 pixels.
    pub fn pixels(channels: usize) -> SparseShape {
        SparseShape { slots: 12, height: 28, width: 20, channels }
    }

    fn value(layout: Layout, ranges: &[(i128, i128)], fraction: i32) -> Value {
        let ranges: Vec<_> = ranges.iter().map(|(lo, hi)| Interval { lo: *lo, hi: *hi }).collect();
        let hull = ranges.iter().copied().reduce(Interval::hull).unwrap();
        Value { layout, format: Format::holding(hull, fraction), divisor: 1, ranges }
    }

    /// A flat value, whose elements have these ranges.
    pub fn dense(ranges: &[(i128, i128)], fraction: i32) -> Value {
        value(Layout::Dense(vec![ranges.len()]), ranges, fraction)
    }

    /// [`pixels`], whose channels have these ranges.
    pub fn sparse(ranges: &[(i128, i128)], fraction: i32) -> Value {
        let shape = pixels(ranges.len());
        let layout = SparseLayout { shape, coordinate_bits: bits_for(shape.height), is_ordered: true };
        value(Layout::Sparse(layout), ranges, fraction)
    }

    /// Between two values.
    pub fn site<'a>(input: &'a Value, output: &'a Value) -> Site<'a> {
        Site { input, output, plan: &PLAN, by_rows: false }
    }

    /// With so many bits, and a sign.
    pub fn signed(width: u32, fraction: i32) -> Format {
        Format { signed: true, width, fraction }
    }

    /// With so many bits, and no sign.
    pub fn unsigned(width: u32, fraction: i32) -> Format {
        Format { signed: false, width, fraction }
    }
}
