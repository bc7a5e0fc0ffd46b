//! How each layer is built in hardware.
//!
//! The bits do not depend on it, only latency, interval and area. What the manifest leaves open is chosen by the cost
//! model.

use std::{num::NonZeroUsize, ops::Range};

use crate::{
    error::{Code, Error, Result},
    formats::{FixedLayer, FixedNetwork},
    manifest::{Counts, Hls, Interface, Knob, Language, LayerOptions, Model, Pipeline, ResetLevel, Target, Variant, Verilog},
    network::{Dense, Shape},
    ops::{Extent, FixedDense, FixedOp, FixedReduce, LayerPlan},
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
    /// Whether it enters row by row.
    pub by_rows: bool,
    /// If so, how many rows a step takes; the last step may get fewer.
    pub rows: usize,
    /// One for each op of the network.
    pub layers: Vec<LayerPlan>,
}

/// What a step has to do, as far as knobs say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Given {
    slots: Option<usize>,
    filters: Option<usize>,
    channels: Option<usize>,
}

/// What a step has to do so that there are at most `interval` steps. A size that `given` has is kept, even if more
/// steps come of it. Where it has none, the slots are divided over the steps; an op that has only one (a dense layer)
/// divides its outputs, and if that is not enough its inputs too.
fn within(full: Extent, interval: usize, given: Given) -> Extent {
    if given == Given::default() && full.slots == 1 {
        let filters = divisor_for(full.filters, interval);
        let channels = divisor_for(full.channels, interval / (full.filters / filters));
        return Extent { slots: 1, filters, channels };
    }
    let (filters, channels) = (given.filters.unwrap_or(full.filters), given.channels.unwrap_or(full.channels));
    let others = (full.filters / filters) * (full.channels / channels);
    let slots = given.slots.unwrap_or_else(|| full.slots.div_ceil((interval / others).max(1)));
    Extent { slots, filters, channels }
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
        let (interface, by_rows, rows) = (planner.interface()?, planner.by_rows()?, planner.rows()?);
        planner.words(interface, by_rows)?;
        let mut layers: Vec<LayerPlan> = Vec::with_capacity(network.layers.len());
        for at in 0..network.layers.len() {
            layers.push(planner.layer(at)?);
        }
        planner.absorb(&mut layers)?;
        Ok(Self { pipeline: model.pipeline, interface, by_rows, rows, layers })
    }

    /// Runs of ops that become one process of a dataflow region: the ops of a Keras layer as long as each is done in one
    /// step. An op with several steps is a loop and begins a run, to which ops belong that go over the slots of each step,
    /// one by one. A quantizer goes to the run before, of which the next process then gets fewer bits. One run with everything
    /// for a function pipeline.
    pub fn processes(&self, network: &FixedNetwork) -> Vec<Range<usize>> {
        let mut runs: Vec<Range<usize>> = Vec::new();
        for (at, (fixed, plan)) in network.layers.iter().zip(&self.layers).enumerate() {
            let joins = runs.last().is_some_and(|run| {
                let main = run.clone().find(|at| !self.layers[*at].absorbed).unwrap_or(run.start);
                let same_layer = network.layers[main].layer.keras_name == fixed.layer.keras_name;
                let single = self.layers[run.clone()].iter().all(|plan| plan.steps == 1) && plan.steps == 1;
                let follows = single || self.goes_over_steps(network, run, fixed, plan);
                let is_of_it = same_layer || matches!(fixed.layer.op, FixedOp::Quantize(_)) && !plan.absorbed;
                self.pipeline == Pipeline::Function || self.layers[run.end - 1].absorbed || is_of_it && follows
            });
            match runs.last_mut() {
                Some(run) if joins => run.end = at + 1,
                _ => runs.push(at..at + 1),
            }
        }
        runs
    }

    /// Whether an op can do its work on what each step of the loop `run` gives.
    fn goes_over_steps(&self, network: &FixedNetwork, run: &Range<usize>, fixed: &FixedLayer, own: &LayerPlan) -> bool {
        let (first, plan) = (&network.layers[run.start], &self.layers[run.start]);
        let Shape::Sparse(shape) = &fixed.layer.shape else { return false };
        let gives_slots = match &first.layer.op {
            FixedOp::InputReduce(_) | FixedOp::SparseConv2d(_) | FixedOp::SparsePooling2d(_) | FixedOp::Quantize(_) => {
                plan.steps == shape.slots.div_ceil(plan.pixels_per_cycle)
            }
            _ => false,
        };
        let by_slots =
            matches!(fixed.layer.op, FixedOp::SparseBias(_) | FixedOp::Relu(_) | FixedOp::Quantize(_) | FixedOp::Lookup(_));
        let alike = own.steps == 1 || own.steps == plan.steps && own.pixels_per_cycle == plan.pixels_per_cycle;
        plan.steps > 1 && gives_slots && by_slots && alike
    }

    /// Cycles from one event to the next: those of the op with most steps.
    pub fn initiation_interval(&self) -> usize {
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
            let refuse = |key: &str, what: &str| {
                let class = ops().next().map_or("layer that the firmware does not have", |fixed| &fixed.layer.keras_class);
                Err(self
                    .error(Some(name), key, format!("`{name}` is a {class}, for which there is no {what}"))
                    .help("docs/manifest.md says which layers take which knobs"))
            };
            if let Some(variant) = options.variant
                && !ops().any(|fixed| fixed.about().variants.contains(&variant))
            {
                return refuse(Variant::KEY, "such variant");
            }
            for knob in options.knobs.given() {
                if !ops().any(|fixed| fixed.about().knobs.contains(&knob)) {
                    return refuse(knob.key(), &format!("`{}`", knob.key()));
                }
            }
        }
        Ok(())
    }

    /// The reduction that the network begins with, if it does.
    fn reduction(&self) -> Option<&FixedReduce> {
        match self.network.layers.first().map(|fixed| &fixed.layer.op) {
            Some(FixedOp::InputReduce(reduce)) => Some(reduce),
            _ => None,
        }
    }

    /// How the image enters: as the manifest says, else in rows where Verilog can have them, as detectors deliver them.
    fn interface(&self) -> Result<Interface> {
        let reduces_first = self.reduction().is_some();
        match self.model.interface {
            Some(Interface::Row) if !reduces_first => Err(self
                .error(None, Interface::KEY, "only an InputReduce layer can take an image row by row".into())
                .help("make InputReduce the first layer, or use interface = \"partition\"")),
            Some(given @ (Interface::Packed | Interface::Stream)) if self.model.target.language == Language::Verilog => {
                let message = format!("interface = \"{}\" is for HLS; with Verilog an image is always words", given.name());
                Err(self
                    .error(None, Interface::KEY, message)
                    .help("use interface = \"row\" or \"partition\", and axi-stream = true for a wrapper with AXI-Stream ports"))
            }
            Some(given) => Ok(given),
            None if reduces_first && self.model.target.language == Language::Verilog => Ok(Interface::Row),
            None => Ok(Interface::Partition),
        }
    }

    /// Whether the image enters row by row: packed, if it does not fit into one word; as a stream, if a reduction takes it.
    fn by_rows(&self) -> Result<bool> {
        let image = self.network.input_len().get().saturating_mul(self.network.input.format.width.max(1) as usize);
        Ok(match self.interface()? {
            Interface::Row => true,
            Interface::Partition => false,
            Interface::Packed => self.reduction().is_some() && image > Interface::WORD,
            Interface::Stream => self.reduction().is_some(),
        })
    }

    /// Whether the words of `interface` are as wide as tools take them.
    fn words(&self, interface: Interface, by_rows: bool) -> Result {
        if interface == Interface::Partition || self.model.target.language == Language::Verilog {
            return Ok(());
        }
        let rows = if by_rows { self.reduction().map_or(1, |reduce| reduce.pixels.height) } else { 1 };
        let input = (self.network.input_len().get() / rows).saturating_mul(self.network.input.format.width.max(1) as usize);
        let output = self.network.output_len().get().saturating_mul(self.network.output().width.max(1) as usize);
        let what = if by_rows { "a row of the image" } else { "the image" };
        let refuse = |what: &str, bits: usize| {
            let message = format!("{what} has {bits} bits, and a word has at most {}", Interface::WORD);
            Err(self.error(None, Interface::KEY, message).help("use interface = \"partition\", or a narrower `input`"))
        };
        match () {
            () if input > Interface::WORD => refuse(what, input),
            () if interface != Interface::Row && output > Interface::WORD => refuse("what comes out", output),
            () if interface == Interface::Stream && self.model.hls.reset_level == Some(ResetLevel::High) => {
                let message = "with AXI-Stream ports the tool makes a reset that is on at 0".into();
                Err(self.error(None, Hls::RESET_LEVEL, message).help("remove `reset-level`, or set it to \"low\""))
            }
            () => Ok(()),
        }
    }

    /// How many rows of the image a step takes.
    fn rows(&self) -> Result<usize> {
        let Some(rows) = self.model.verilog.rows.map(NonZeroUsize::get) else { return Ok(1) };
        let refuse = |message: String, help: String| Err(self.error(None, Verilog::ROWS, message).help(help));
        match (self.by_rows()?, self.reduction()) {
            (true, Some(reduce)) if rows <= reduce.pixels.height => Ok(rows),
            (true, Some(reduce)) => {
                let height = reduce.pixels.height;
                refuse(format!("`rows` is {rows}, but the image has {height}"), format!("give a number from 1 to {height}"))
            }
            _ => {
                let message = "`rows` is for images that enter by rows, and this one enters at once".into();
                refuse(message, "remove `rows`, or use interface = \"row\" with an InputReduce as the first layer".into())
            }
        }
    }

    fn layer(&self, at: usize) -> Result<LayerPlan> {
        let fixed = &self.network.layers[at];
        let (full, options) = (fixed.about().extent, self.options(fixed));
        let one_step = full.in_steps_of(full);
        if let (0, true, Some(reduce)) = (at, self.by_rows()?, self.reduction()) {
            if let Some(key) = options.hardware_keys().next() {
                return Err(self
                    .error(
                        Some(&fixed.layer.keras_name),
                        key,
                        format!("with interface = \"{}\" the reduction takes a row a cycle", self.interface()?.name()),
                    )
                    .help(format!("remove `{key}`")));
            }
            return Ok(LayerPlan { steps: reduce.pixels.height.div_ceil(self.rows()?), ..one_step });
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
        let interval = options.knobs.get(Knob::Interval).or(self.model.knobs.get(Knob::Interval));
        let interval = interval.map_or(1, NonZeroUsize::get);
        let given = self.given(&self.network.layers[at], full)?;
        let divided = plan(within(full, interval, given));
        if given != Given::default() || full == Extent::ONE {
            return Ok(divided);
        }
        // Steps make constants variables, which can cost more than they save, and each is a cycle of latency.
        let parallel = plan(full);
        let area = |plan: &LayerPlan| self.area(at..at + 1, std::slice::from_ref(plan));
        let saves = area(&parallel).saturating_sub(area(&divided)) > AREA_OF_A_STEP * divided.steps as u64;
        Ok(if saves { divided } else { parallel })
    }

    /// What the layer's own knobs or the model's say about a step. Several ops can be of one Keras layer, such as a
    /// convolution and the flatten at the network's end: each has the knobs that it takes.
    fn given(&self, fixed: &FixedLayer, full: Extent) -> Result<Given> {
        let mut given = Given::default();
        for &knob in fixed.about().knobs {
            match knob.counts() {
                Counts::Steps => {}
                Counts::Slots => given.slots = self.part(fixed, knob, full.slots)?,
                Counts::Filters => given.filters = self.part(fixed, knob, full.filters)?,
                Counts::Channels => given.channels = self.part(fixed, knob, full.channels)?,
            }
        }
        Ok(given)
    }

    /// How much of a size of `full` a knob wants in a step: one of the layer must fit, one of the model is cut down.
    fn part(&self, fixed: &FixedLayer, knob: Knob, full: usize) -> Result<Option<usize>> {
        if let Some(own) = self.options(fixed).knobs.get(knob) {
            return self.own_part(&fixed.layer.keras_name, knob, own.get(), full).map(Some);
        }
        let shared = self.model.knobs.get(knob).map(|shared| shared.get().min(full));
        let divides = |part: &usize| !knob.counts().divides() || full.is_multiple_of(*part);
        Ok(shared.and_then(|most| (1..=most).rev().find(divides)))
    }

    fn own_part(&self, layer: &str, knob: Knob, own: usize, full: usize) -> Result<usize> {
        let key = knob.key();
        if own > full {
            return Err(self
                .error(Some(layer), key, format!("`{key}` is {own}, but `{layer}` has {full}"))
                .help(format!("give a number from 1 to {full}")));
        }
        if knob.counts().divides() && !full.is_multiple_of(own) {
            let divisors: Vec<_> = (1..=full).filter(|part| full.is_multiple_of(*part)).map(|part| part.to_string()).collect();
            return Err(self
                .error(Some(layer), key, format!("`{key}` is {own}, which does not divide {full}"))
                .help(format!("give one of {}", divisors.join(", "))));
        }
        Ok(own)
    }

    fn conv_variant(&self, at: usize, plan: &LayerPlan, wanted: Option<Variant>) -> Option<Variant> {
        let op = &self.network.layers[at].layer.op;
        if !matches!(op, FixedOp::SparseConv2d(_)) {
            return None;
        }
        wanted.filter(|variant| op.rules().about().variants.contains(variant)).or_else(|| {
            let with = |variant| LayerPlan { variant: Some(variant), ..*plan };
            let area = |variant| self.area(at..at + 1, &[with(variant)]);
            let gather = area(Variant::Gather) < area(Variant::Pairwise);
            Some(if gather { Variant::Gather } else { Variant::Pairwise })
        })
    }

    /// Chooses how every flatten is done: by itself, together with the quantizer behind it, or by a dense layer that looks up
    /// weights.
    fn absorb(&self, layers: &mut [LayerPlan]) -> Result {
        for at in 0..layers.len() {
            let fixed = &self.network.layers[at];
            if !matches!(fixed.layer.op, FixedOp::SparseFlatten(_)) {
                continue;
            }
            let (wanted, dense) = (self.options(fixed).variant, dense_after(self.network, at));
            let mut ways = Vec::new();
            if wanted != Some(Variant::LookUp) {
                ways.extend(self.scatters(at, layers));
            }
            match dense {
                Some(dense) if wanted != Some(Variant::Scatter) => ways.push(self.looks_up(dense, at, layers)?),
                None if wanted == Some(Variant::LookUp) => {
                    let name = fixed.layer.keras_name.as_str();
                    return Err(self
                        .error(Some(name), Variant::KEY, format!("`{name}` is not followed by a dense layer of one row"))
                        .help("only the weights of a dense layer can be looked up; use variant = \"scatter\""));
                }
                _ => {}
            }
            // They are compared up to where the longest of them ends.
            let end = dense.map_or(at + 2, |(dense, _)| dense + 1).min(layers.len());
            let whole = |way: Vec<LayerPlan>| [&way[..], &layers[at + way.len()..end]].concat();
            let best = ways.into_iter().map(whole).min_by_key(|way| self.area(at..end, way));
            if let Some(best) = best {
                layers[at..end].copy_from_slice(&best);
            }
        }
        Ok(())
    }

    /// A flatten that puts its pixels into the image, and that with the quantizer behind it, which then works on slots. Not in a
    /// circuit: where each element has a format that is known, it has no logic for bits that nothing needs.
    fn scatters(&self, flatten: usize, layers: &[LayerPlan]) -> Vec<Vec<LayerPlan>> {
        let own = LayerPlan { variant: Some(Variant::Scatter), ..layers[flatten] };
        let quantizes = matches!(self.network.layers.get(flatten + 1).map(|fixed| &fixed.layer.op), Some(FixedOp::Quantize(_)));
        let can = quantizes && self.model.target.language != Language::Verilog;
        [vec![own]].into_iter().chain(can.then(|| vec![LayerPlan { absorbed: true, ..own }, own])).collect()
    }

    /// A flatten that is done by the dense layer, with the quantizer that may be between them.
    fn looks_up(&self, dense: (usize, &Dense), flatten: usize, layers: &[LayerPlan]) -> Result<Vec<LayerPlan>> {
        let mut plans: Vec<_> = layers[flatten..dense.0].iter().map(|plan| LayerPlan { absorbed: true, ..*plan }).collect();
        plans.push(self.look_up(dense, flatten, layers)?);
        Ok(plans)
    }

    /// The plan of the dense layer if it looks its weights up by position: a step takes as many slots as one of the flatten
    /// would have, and adds the rows of weights that belong to them.
    fn look_up(&self, (dense, op): (usize, &Dense), flatten: usize, layers: &[LayerPlan]) -> Result<LayerPlan> {
        let filters = self.part(&self.network.layers[dense], Knob::Filters, op.outputs)?.unwrap_or(op.outputs);
        let (slots, pixels) = (self.network.layers[flatten].about().extent.slots, layers[flatten].pixels_per_cycle);
        Ok(LayerPlan {
            variant: Some(Variant::LookUp),
            pixels_per_cycle: pixels,
            filters_per_cycle: filters,
            channels_per_cycle: 1,
            steps: slots.div_ceil(pixels) * (op.outputs / filters),
            absorbed: false,
        })
    }
}

/// The dense layer that works on the flattened image at `at`, and where it is, if only a quantizer is between them.
fn dense_after(network: &FixedNetwork, at: usize) -> Option<(usize, &Dense)> {
    let op = |at: usize| network.layers.get(at).map(|fixed| &fixed.layer.op);
    let next = if matches!(op(at + 1), Some(FixedOp::Quantize(_))) { at + 2 } else { at + 1 };
    match op(next) {
        Some(FixedOp::Dense(FixedDense { dense, .. })) if dense.rows == 1 => Some((next, dense)),
        _ => None,
    }
}

/// The smallest divisor of `full` that needs no more than `steps` turns; all of it if every other needs more.
fn divisor_for(full: usize, steps: usize) -> usize {
    (1..full).find(|part| full.is_multiple_of(*part) && full / part <= steps).unwrap_or(full)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        fixed::Format,
        network::{Coefficients, Conv2d, SparseShape},
        ops::{FixedConv2d, FixedFlatten, FixedPooling2d, FixedReduce, Pooled},
    };

    /// An op for each row of the guide's table of knobs, and the first class in that row.
    fn rows() -> [(&'static str, FixedOp); 5] {
        let weights = || Coefficients { values: vec![1], fraction: 0 };
        let pixels = SparseShape { slots: 1, height: 1, width: 1, channels: 1 };
        let accumulator = Format { signed: false, width: 1, fraction: 0 };
        let conv = Conv2d { kernel: [1, 1], channels: 1, filters: 1, weights: weights() };
        let dense = Dense { rows: 1, inputs: 1, outputs: 1, weights: weights(), bias: None };
        let pooling = FixedPooling2d { pool: [1, 1], pooled: Pooled::Max, pixels, cells: pixels };
        [
            ("InputReduce", FixedOp::InputReduce(FixedReduce { threshold: None, pixels })),
            ("QConv2DSparse", FixedOp::SparseConv2d(FixedConv2d { conv, pixels, accumulator })),
            ("AveragePooling2DSparse", FixedOp::SparsePooling2d(pooling)),
            ("Flatten", FixedOp::SparseFlatten(FixedFlatten { pixels })),
            ("QDense", FixedOp::Dense(FixedDense { dense, accumulator })),
        ]
    }

    #[test]
    fn every_knob_and_every_variant_is_for_some_layer() {
        for knob in Knob::ALL {
            assert!(rows().iter().any(|(_, op)| op.rules().about().knobs.contains(&knob)), "{knob:?}");
        }
        for variant in Variant::ALL {
            assert!(rows().iter().any(|(_, op)| op.rules().about().variants.contains(variant)), "{variant:?}");
        }
    }

    #[test]
    fn the_guide_lists_the_knobs_that_each_layer_takes() {
        let Some(guide) = crate::guide("manifest.md") else { return };
        let table: Vec<_> = guide
            .split("| layer | knobs |")
            .nth(1)
            .unwrap()
            .lines()
            .skip(2)
            .take_while(|line| line.starts_with('|'))
            .map(|line| line.trim_matches(['|', ' ']).split_once(" | ").unwrap())
            .collect();
        assert_eq!(table.len(), rows().len());
        for ((classes, listed), (class, op)) in table.into_iter().zip(rows()) {
            assert!(classes.starts_with(&format!("`{class}`")), "{classes}");
            let variant = (!op.rules().about().variants.is_empty()).then_some(Variant::KEY);
            let known: Vec<_> =
                op.rules().about().knobs.iter().map(|knob| knob.key()).chain(variant).map(|key| format!("`{key}`")).collect();
            assert_eq!(listed, known.join(", "), "{class}");
            let twice =
                |knob: &&Knob| op.rules().about().knobs.iter().filter(|other| other.counts() == knob.counts()).count() > 1;
            assert_eq!(op.rules().about().knobs.iter().find(twice), None, "{class}: one knob for each size");
        }
    }
}
