//! How each layer is built in hardware.
//!
//! The bits do not depend on it, only latency, interval and area. What the manifest leaves open is chosen by the cost
//! model.

use std::ops::Range;

use serde::Serialize;

use crate::{
    error::{Code, Error, Result},
    formats::{FixedLayer, FixedNetwork},
    manifest::{Interface, LayerOptions, Model, Pipeline, Target, Variant},
    network::{Op, Shape},
};

/// A layer is only done in steps if each of them saves at least this area, in LUT.
const AREA_OF_A_STEP: u64 = 100;

/// How a network is built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// How layers overlap.
    pub pipeline: Pipeline,
    /// How the image enters.
    pub interface: Interface,
    /// One for each op of the network.
    pub layers: Vec<LayerPlan>,
}

/// How an op is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct LayerPlan {
    /// Which implementation, where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variant: Option<Variant>,
    /// Slots in a step: filled by an input reduction, worked on by the others.
    pub pixels_per_cycle: usize,
    /// Filters, or outputs of a dense layer, in a step.
    pub filters_per_cycle: usize,
    /// Channels, or inputs of a dense layer, in a step.
    pub channels_per_cycle: usize,
    /// Steps for one event; a pipelined kernel takes one a cycle.
    pub steps: usize,
    /// Whether this op is done by a later one: the parts of a look-up of weights.
    pub absorbed: bool,
}

/// What an op could do at once: slots, filters, channels. 1 where there is nothing to divide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Extent {
    pixels: usize,
    filters: usize,
    channels: usize,
}

impl Extent {
    /// The plan that does `part` of this in each step.
    fn in_steps_of(self, part: Self) -> LayerPlan {
        LayerPlan {
            variant: None,
            pixels_per_cycle: part.pixels,
            filters_per_cycle: part.filters,
            channels_per_cycle: part.channels,
            steps: self.pixels.div_ceil(part.pixels) * (self.filters / part.filters) * (self.channels / part.channels),
            absorbed: false,
        }
    }

    /// What a step has to do so that there are at most `interval` of them: what is given, and of the rest pixels in
    /// turns. A dense layer has no pixels: its outputs, then its inputs come in turns.
    fn within(self, interval: usize, given: [Option<usize>; 3]) -> Self {
        let [pixels, filters, channels] = given;
        if given == [None; 3] && self.pixels == 1 {
            let filters = divisor_for(self.filters, interval);
            let channels = divisor_for(self.channels, interval / (self.filters / filters));
            return Self { pixels: 1, filters, channels };
        }
        let (filters, channels) = (filters.unwrap_or(self.filters), channels.unwrap_or(self.channels));
        let others = (self.filters / filters) * (self.channels / channels);
        let pixels = pixels.unwrap_or_else(|| self.pixels.div_ceil((interval / others).max(1)));
        Self { pixels, filters, channels }
    }
}

fn extent(fixed: &FixedLayer) -> Extent {
    let slots = match fixed.input_shape {
        Shape::Sparse { slots, .. } => slots,
        Shape::Dense(_) => 1,
    };
    let one = Extent { pixels: 1, filters: 1, channels: 1 };
    match (&fixed.layer.op, &fixed.layer.shape) {
        (Op::InputReduce { .. }, Shape::Sparse { slots, .. }) => Extent { pixels: *slots, ..one },
        (Op::SparseConv2d(conv), _) => Extent { pixels: slots, filters: conv.filters, channels: conv.channels },
        (Op::SparsePooling2d(_) | Op::SparseFlatten, _) => Extent { pixels: slots, ..one },
        (Op::Quantize(_), Shape::Sparse { .. }) => Extent { pixels: slots, ..one },
        (Op::Dense(dense), _) => Extent { filters: dense.outputs, channels: dense.inputs, ..one },
        _ => one,
    }
}

/// Says what the ops of a network in a range cost if they are built as planned, in one number to compare choices with.
pub type AreaOracle = fn(&FixedNetwork, Range<usize>, &[LayerPlan], &Target) -> u64;

impl Plan {
    /// Plans `network` as the manifest wants it. What that leaves open is chosen by `area`.
    ///
    /// # Errors
    /// [`Code::InvalidValue`] if a knob does not fit its layer.
    pub fn new(network: &FixedNetwork, model: &Model, area: AreaOracle) -> Result<Self> {
        let planner = Planner { network, model, area };
        planner.check_keys()?;
        planner.check_interface()?;
        let mut layers: Vec<LayerPlan> = Vec::with_capacity(network.layers.len());
        for at in 0..network.layers.len() {
            layers.push(planner.layer(at)?);
        }
        planner.absorb(&mut layers)?;
        let plan = Self { pipeline: model.pipeline, interface: model.interface, layers };
        planner.check_pipeline(&plan)?;
        Ok(plan)
    }

    /// Runs of ops that become one process of a dataflow region: the ops of a Keras layer as long as each is done in one
    /// step; an op with several steps stands alone, since it is a loop. One run with everything for a function pipeline.
    pub fn processes(&self, network: &FixedNetwork) -> Vec<Range<usize>> {
        let mut runs: Vec<Range<usize>> = Vec::new();
        for (at, (fixed, plan)) in network.layers.iter().zip(&self.layers).enumerate() {
            let joins = runs.last().is_some_and(|run| {
                let before = &network.layers[run.end - 1];
                let same_layer = before.layer.keras_name == fixed.layer.keras_name;
                let single = self.layers[run.clone()].iter().all(|plan| plan.steps == 1) && plan.steps == 1;
                self.pipeline == Pipeline::Function || self.layers[run.end - 1].absorbed || same_layer && single
            });
            match runs.last_mut() {
                Some(run) if joins => run.end = at + 1,
                _ => runs.push(at..at + 1),
            }
        }
        runs
    }

    /// Cycles from one event to the next: those of the op with most steps.
    pub fn interval(&self) -> usize {
        self.layers.iter().map(|plan| plan.steps).max().unwrap_or(1)
    }
}

struct Planner<'a> {
    network: &'a FixedNetwork,
    model: &'a Model,
    area: AreaOracle,
}

impl Planner<'_> {
    /// The main op of a Keras layer takes its knobs; the ops beside it have none.
    fn options(&self, fixed: &FixedLayer) -> LayerOptions {
        self.model.layers.get(&fixed.layer.keras_name).copied().unwrap_or_default()
    }

    fn error(&self, layer: Option<&str>, key: &str, message: String) -> Error {
        let place = layer.map(|layer| format!(".layers.{layer}")).unwrap_or_default();
        Error::new(Code::InvalidValue, message).file(&self.model.manifest).key(format!("{}{place}.{key}", self.model.key()))
    }

    /// Every knob stands at a layer that has it; that the layers exist was checked when the network was built.
    fn check_keys(&self) -> Result {
        for (name, options) in &self.model.layers {
            let ops = || self.network.layers.iter().filter(|fixed| fixed.layer.keras_name == *name);
            for key in options.knobs() {
                if !ops().any(|fixed| takes(fixed, key, options.variant)) {
                    let class = ops().next().map_or("layer that the firmware does not have", |fixed| &fixed.layer.keras_class);
                    let what = if key == "variant" { "such variant".to_owned() } else { format!("`{key}`") };
                    return Err(self
                        .error(Some(name), key, format!("`{name}` is a {class}, for which there is no {what}"))
                        .help("docs/manifest.md says which layers take which knobs"));
                }
            }
        }
        Ok(())
    }

    fn check_interface(&self) -> Result {
        let reduces_first = matches!(self.network.layers.first().map(|fixed| &fixed.layer.op), Some(Op::InputReduce { .. }));
        if self.model.interface == Interface::Row && !reduces_first {
            return Err(self
                .error(None, "interface", "only an InputReduce layer can take an image row by row".into())
                .help("make InputReduce the first layer, or use interface = \"partition\""));
        }
        Ok(())
    }

    fn layer(&self, at: usize) -> Result<LayerPlan> {
        let fixed = &self.network.layers[at];
        let (full, options) = (extent(fixed), self.options(fixed));
        let one_step = full.in_steps_of(full);
        if self.model.interface == Interface::Row && at == 0 {
            let height = self.network.input_shape.first().copied().unwrap_or(1);
            if let Some(key) = options.knobs().into_iter().next() {
                return Err(self
                    .error(
                        Some(&fixed.layer.keras_name),
                        key,
                        "with interface = \"row\" the reduction takes a row a cycle".into(),
                    )
                    .help(format!("remove `{key}`")));
            }
            return Ok(LayerPlan { steps: height, ..one_step });
        }
        if full == (Extent { pixels: 1, filters: 1, channels: 1 }) {
            return Ok(one_step);
        }
        self.divide(at, full, &options)
    }

    fn area(&self, ops: Range<usize>, plans: &[LayerPlan]) -> u64 {
        (self.area)(self.network, ops, plans, &self.model.target)
    }

    /// How much is done in a step: what the knobs say, or else what the interval allows if that saves area.
    fn divide(&self, at: usize, full: Extent, options: &LayerOptions) -> Result<LayerPlan> {
        let plan = |part: Extent| {
            let plan = full.in_steps_of(part);
            LayerPlan { variant: self.conv_variant(at, &plan, options.variant), ..plan }
        };
        let interval = options.parallel.interval.or(self.model.parallel.interval).unwrap_or(1);
        let interval = usize::try_from(interval).unwrap_or(usize::MAX).max(1);
        let given = self.given(&self.network.layers[at], full, options)?;
        let divided = plan(full.within(interval, given));
        if given != [None; 3] {
            return Ok(divided);
        }
        // Steps make constants variables, which can cost more than they save, and each is a cycle of latency.
        let parallel = plan(full);
        let area = |plan: &LayerPlan| self.area(at..at + 1, std::slice::from_ref(plan));
        let saves = area(&parallel).saturating_sub(area(&divided)) > AREA_OF_A_STEP * divided.steps as u64;
        Ok(if saves { divided } else { parallel })
    }

    /// Pixels, filters and channels in a step, as far as the layer's own knobs or the model's say.
    fn given(&self, fixed: &FixedLayer, full: Extent, options: &LayerOptions) -> Result<[Option<usize>; 3]> {
        // A quantizer belongs to another layer, whose knobs are not meant for it; but it has as much time.
        if matches!(fixed.layer.op, Op::Quantize(_)) {
            return Ok([None; 3]);
        }
        let (own, shared) = (&options.parallel, &self.model.parallel);
        // Several ops can be of one Keras layer, such as a convolution and the flatten at the network's end.
        let part = |key: &str, own: Option<u64>, shared: Option<u64>, full: usize, divides: bool| {
            let takes = takes(fixed, key, None);
            self.part(&fixed.layer.keras_name, key, own.filter(|_| takes), shared.filter(|_| takes), full, divides)
        };
        let pixels = match fixed.layer.op {
            Op::InputReduce { .. } => part("slots-per-cycle", own.slots, shared.slots, full.pixels, false)?,
            _ => part("pixels-per-cycle", own.pixels, shared.pixels, full.pixels, false)?,
        };
        let filters = part("filters-per-cycle", own.filters, shared.filters, full.filters, true)?;
        let channels = part("channels-per-cycle", own.channels, shared.channels, full.channels, true)?;
        Ok([pixels, filters, channels])
    }

    /// A knob of a layer is checked against the layer's size; one of the model is cut down to it.
    fn part(
        &self,
        layer: &str,
        key: &str,
        own: Option<u64>,
        shared: Option<u64>,
        full: usize,
        divides: bool,
    ) -> Result<Option<usize>> {
        let Some(own) = own else {
            let shared = shared.map(|value| usize::try_from(value).unwrap_or(full).clamp(1, full));
            return Ok(shared.map(|value| {
                if divides { (1..=value).rev().find(|part| full.is_multiple_of(*part)).unwrap_or(1) } else { value }
            }));
        };
        let value = usize::try_from(own).unwrap_or(usize::MAX);
        if value == 0 || value > full {
            return Err(self
                .error(Some(layer), key, format!("`{key}` is {own}, but `{layer}` has {full}"))
                .help(format!("give a number from 1 to {full}")));
        }
        if divides && !full.is_multiple_of(value) {
            let divisors: Vec<_> = (1..=full).filter(|part| full.is_multiple_of(*part)).map(|part| part.to_string()).collect();
            return Err(self
                .error(Some(layer), key, format!("`{key}` is {own}, which does not divide {full}"))
                .help(format!("give one of {}", divisors.join(", "))));
        }
        Ok(Some(value))
    }

    fn conv_variant(&self, at: usize, plan: &LayerPlan, wanted: Option<Variant>) -> Option<Variant> {
        if !matches!(self.network.layers[at].layer.op, Op::SparseConv2d(_)) {
            return None;
        }
        wanted.filter(|variant| matches!(variant, Variant::Pairwise | Variant::Gather)).or_else(|| {
            let with = |variant| LayerPlan { variant: Some(variant), ..*plan };
            let area = |variant| self.area(at..at + 1, &[with(variant)]);
            let gather = area(Variant::Gather) < area(Variant::Pairwise);
            Some(if gather { Variant::Gather } else { Variant::Pairwise })
        })
    }

    /// Chooses between scatter and look-up of weights for every flatten that a dense layer follows.
    fn absorb(&self, layers: &mut [LayerPlan]) -> Result {
        for at in 0..layers.len() {
            let fixed = &self.network.layers[at];
            if !matches!(fixed.layer.op, Op::SparseFlatten) {
                continue;
            }
            let wanted = self.options(fixed).variant;
            let Some(dense) = dense_after(self.network, at) else {
                if wanted == Some(Variant::LookUp) {
                    let name = fixed.layer.keras_name.as_str();
                    return Err(self
                        .error(Some(name), "variant", format!("`{name}` is not followed by a dense layer of one row"))
                        .help("only the weights of a dense layer can be looked up; use variant = \"scatter\""));
                }
                layers[at].variant = Some(Variant::Scatter);
                continue;
            };
            let looked_up = self.look_up(at, dense, layers)?;
            let scatter = self.area(at..dense + 1, &layers[at..=dense]);
            let mut candidate = layers[at..=dense].to_vec();
            candidate.iter_mut().for_each(|plan| *plan = LayerPlan { absorbed: true, ..*plan });
            candidate[dense - at] = looked_up;
            let look_up = self.area(at..dense + 1, &candidate);
            if wanted == Some(Variant::LookUp) || wanted.is_none() && look_up < scatter {
                layers[at..=dense].copy_from_slice(&candidate);
            } else {
                layers[at].variant = Some(Variant::Scatter);
            }
        }
        Ok(())
    }

    /// The dense layer's plan if it looks its weights up: in turns of slots, as the flatten would take them.
    fn look_up(&self, flatten: usize, dense: usize, layers: &[LayerPlan]) -> Result<LayerPlan> {
        let fixed = &self.network.layers[dense];
        let Op::Dense(op) = &fixed.layer.op else { return Ok(layers[dense]) };
        let own = self.options(fixed).parallel;
        let filters = self
            .part(&fixed.layer.keras_name, "filters-per-cycle", own.filters, self.model.parallel.filters, op.outputs, true)?
            .unwrap_or(op.outputs);
        let (slots, pixels) = (extent(&self.network.layers[flatten]).pixels, layers[flatten].pixels_per_cycle);
        Ok(LayerPlan {
            variant: Some(Variant::LookUp),
            pixels_per_cycle: pixels,
            filters_per_cycle: filters,
            channels_per_cycle: 1,
            steps: slots.div_ceil(pixels) * (op.outputs / filters),
            absorbed: false,
        })
    }

    /// A function pipeline unrolls every loop, so nothing can be done in turns there.
    fn check_pipeline(&self, plan: &Plan) -> Result {
        if plan.pipeline == Pipeline::Dataflow {
            return Ok(());
        }
        let Some(at) = plan.layers.iter().position(|plan| plan.steps > 1) else { return Ok(()) };
        let layer = &self.network.layers[at].layer.keras_name;
        Err(self
            .error(
                None,
                "pipeline",
                format!("a function pipeline unrolls every loop, but `{layer}` takes {} steps", plan.layers[at].steps),
            )
            .help("use pipeline = \"dataflow\", or remove `interval`, the `-per-cycle` keys and interface = \"row\""))
    }
}

/// Whether the op is the one of its Keras layer that a knob is for.
fn takes(fixed: &FixedLayer, key: &str, variant: Option<Variant>) -> bool {
    let one_of = |variants: [Variant; 2]| variant.is_some_and(|variant| variants.contains(&variant));
    match (&fixed.layer.op, key) {
        (Op::SparseConv2d(_), "variant") => one_of([Variant::Pairwise, Variant::Gather]),
        (Op::SparseFlatten, "variant") => one_of([Variant::Scatter, Variant::LookUp]),
        (Op::InputReduce { .. }, _) => matches!(key, "slots-per-cycle" | "interval"),
        (Op::SparseConv2d(_), _) => key != "slots-per-cycle",
        (Op::SparsePooling2d(_) | Op::SparseFlatten, _) => matches!(key, "pixels-per-cycle" | "interval"),
        (Op::Dense(_), _) => matches!(key, "filters-per-cycle" | "channels-per-cycle" | "interval"),
        _ => false,
    }
}

/// The dense layer that works on the flattened image at `at`, if only a quantizer is between them.
fn dense_after(network: &FixedNetwork, at: usize) -> Option<usize> {
    let op = |at: usize| network.layers.get(at).map(|fixed| &fixed.layer.op);
    let next = if matches!(op(at + 1), Some(Op::Quantize(_))) { at + 2 } else { at + 1 };
    matches!(op(next), Some(Op::Dense(dense)) if dense.rows == 1).then_some(next)
}

/// The smallest divisor of `full` that needs no more than `steps` turns.
fn divisor_for(full: usize, steps: usize) -> usize {
    (1..=full).find(|part| full.is_multiple_of(*part) && full / part <= steps.max(1)).unwrap_or(full)
}
