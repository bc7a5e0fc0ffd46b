//! How values go through a process: which arrays there are, and what happens in a step.

use super::{layer::Names, ports::Ports};
use crate::{
    lower::{Design, Interface, Layer, Process, Work},
    ops::{Arrival, Kernel, Layout, ValueId},
};

/// The steps of a process as a layer in it sees them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Flow {
    /// Steps of the loop; with one there is none.
    pub steps: usize,
    /// Slots of a step, if the process is about slots.
    pub lanes: usize,
}

impl Flow {
    /// The flow of the layers of a process; none has slots if `layers` are absorbed ones.
    pub(super) fn of(design: &Design, process: &Process) -> Self {
        let kernel = process.layers.first().and_then(|at| kernel_of(&design.layers[*at]));
        Self { steps: process.steps, lanes: kernel.map_or(1, |kernel| lanes(kernel, process.steps)) }
    }

    /// The name of what a step has of the array `name`.
    pub(super) fn own(self, name: &str) -> String {
        if self.steps > 1 { format!("{name}_share") } else { name.to_owned() }
    }

    /// The number of the step.
    pub(super) fn step(self) -> &'static str {
        if self.steps > 1 { "step" } else { "0" }
    }
}

/// What the steps of a kernel divide, the innermost first: each has so many turns.
#[derive(Debug, Clone, Copy)]
pub(super) struct Turns {
    pub inner: usize,
    pub middle: usize,
    pub outer: usize,
}

impl Turns {
    pub(super) fn of(kernel: &Kernel) -> Self {
        let turns = |inner, middle, outer| Self { inner, middle, outer };
        match kernel {
            Kernel::Conv2d(conv) => turns(
                conv.shape.channels / conv.channels_per_cycle,
                conv.filters / conv.filters_per_cycle,
                conv.shape.slots.div_ceil(conv.pixels_per_cycle),
            ),
            Kernel::Dense(dense) => turns(dense.inputs / dense.inputs_per_cycle, 1, dense.outputs / dense.outputs_per_cycle),
            Kernel::LookUpDense(dense) => {
                turns(dense.outputs / dense.outputs_per_cycle, 1, dense.shape.slots.div_ceil(dense.pixels_per_cycle))
            }
            _ => turns(1, 1, 1),
        }
    }

    /// Whether only the outermost is divided, or nothing: the step says it all.
    fn is_plain(self) -> bool {
        self.inner * self.middle == 1
    }

    /// Where the kernel of the layer `id` is: the innermost first.
    pub(super) fn places(self, id: &str, flow: Flow) -> [String; 3] {
        let place = |count: usize, what: &str| match () {
            () if count == 1 || flow.steps == 1 => "0".to_owned(),
            () if self.is_plain() || self.inner == flow.steps => "step".to_owned(),
            () => format!("{id}_turn.{what}"),
        };
        [place(self.inner, "inner"), place(self.middle, "middle"), place(self.outer, "outer")]
    }

    /// Whether it takes counters to say so.
    fn is_counted(self, flow: Flow) -> bool {
        flow.steps > 1 && !self.is_plain() && self.inner != flow.steps
    }
}

pub(super) fn kernel_of(layer: &Layer) -> Option<&Kernel> {
    match &layer.work {
        Work::Kernel(kernel) => Some(kernel),
        Work::Absorbed { .. } => None,
    }
}

/// Slots of a step of `kernel`.
fn lanes(kernel: &Kernel, steps: usize) -> usize {
    match kernel {
        Kernel::InputReduce(reduce) => match reduce.arrival {
            Arrival::Whole { pixels_per_cycle, .. } if steps > 1 => pixels_per_cycle,
            _ => reduce.shape.slots,
        },
        Kernel::SparseQuantize(quantize) if steps > 1 => quantize.pixels_per_cycle,
        Kernel::Conv2d(conv) => conv.pixels_per_cycle,
        Kernel::Pooling2d(pooling) => pooling.pixels_per_cycle,
        Kernel::Flatten(flatten) => flatten.pixels_per_cycle,
        Kernel::LookUpDense(dense) => dense.pixels_per_cycle,
        _ => 1,
    }
}

/// Writes the statements of a process.
struct Body<'a> {
    design: &'a Design,
    names: &'a Names<'a>,
    ports: &'a Ports,
    flow: Flow,
    layers: Vec<&'a Layer>,
    lines: Vec<String>,
    depth: usize,
}

/// What is put around the layers of a process.
pub(super) struct Around<'a> {
    /// What it reads.
    pub takes: &'a [ValueId],
    /// What it gives.
    pub gives: &'a [ValueId],
    /// The label of its loop.
    pub label: String,
}

/// The statements of a process of these layers; `calls` has one for each layer of the design.
pub(super) fn lines(
    design: &Design,
    names: &Names<'_>,
    ports: &Ports,
    flow: Flow,
    layers: &[usize],
    calls: &[Vec<String>],
    around: &Around<'_>,
) -> Vec<String> {
    let own = layers.iter().map(|at| &design.layers[*at]).collect();
    let mut body = Body { design, names, ports, flow, layers: own, lines: Vec::new(), depth: 1 };
    body.holds(around.takes);
    body.states();
    if flow.steps > 1 {
        body.results(around.gives);
        body.open(&around.label);
    }
    body.receive(around.takes);
    for at in layers {
        body.layer(&design.layers[*at], &calls[*at]);
    }
    body.send(around.gives);
    if flow.steps > 1 {
        body.close();
    }
    body.lines
}

impl Body<'_> {
    fn line(&mut self, text: impl AsRef<str>) {
        self.lines.push(format!("{}{}", "    ".repeat(self.depth), text.as_ref()));
    }

    fn array(&mut self, type_: &str, name: &str, dims: &[usize]) {
        let dims: String = dims.iter().map(|size| format!("[{size}]")).collect();
        self.line(format!("{type_} {name}{dims};"));
        self.lines.push(format!("#pragma HLS ARRAY_PARTITION variable={name} complete dim=0"));
    }

    /// The layer that a process begins with decides how what comes in is held.
    fn first(&self) -> Option<&Kernel> {
        self.layers.first().and_then(|layer| kernel_of(layer))
    }

    fn is_by_rows(&self) -> bool {
        matches!(self.first(), Some(Kernel::InputReduce(reduce)) if matches!(reduce.arrival, Arrival::Rows { .. }))
    }

    fn holds(&mut self, takes: &[ValueId]) {
        if self.is_by_rows() {
            return;
        }
        for &value in takes {
            let (features, hash) = self.held(value);
            self.array(&self.names.of_type(value), self.names.of_value(value), &features);
            if let (Some(dims), Some(origin)) = (hash, self.names.origin(value)) {
                self.array(&format!("{origin}_hash_t"), &format!("{origin}_hash"), &dims);
            }
        }
    }

    /// The dimensions in which a value is held, and its hash: over what steps read there is one for the steps.
    fn held(&self, value: ValueId) -> (Vec<usize>, Option<Vec<usize>>) {
        let Flow { steps, lanes } = self.flow;
        let size = self.design.value(value).size();
        let Layout::Sparse(layout) = self.design.value(value).layout else {
            return match self.first() {
                Some(Kernel::InputReduce(reduce)) => {
                    (vec![reduce.shape.height, reduce.shape.width * reduce.shape.channels], None)
                }
                Some(Kernel::Dense(dense)) if steps > 1 => {
                    (vec![dense.rows, dense.inputs / dense.inputs_per_cycle, dense.inputs_per_cycle], None)
                }
                _ => (vec![size], None),
            };
        };
        let by_step = |of_slot: usize| vec![steps_of(self.flow, layout.shape.slots), lanes * of_slot];
        let whole = |of_slot: usize| vec![layout.shape.slots * of_slot];
        match self.first() {
            _ if steps == 1 => (whole(layout.shape.channels), Some(whole(2))),
            Some(Kernel::Pooling2d(_)) => (whole(layout.shape.channels), Some(whole(2))),
            Some(Kernel::Conv2d(_)) => (whole(layout.shape.channels), Some(by_step(2))),
            _ => (by_step(layout.shape.channels), Some(by_step(2))),
        }
    }

    /// What kernels keep from step to step.
    fn states(&mut self) {
        for layer in self.layers.clone() {
            let Some(kernel) = kernel_of(layer) else { continue };
            let (id, flow) = (&layer.id, self.flow);
            let own = |what: &str| format!("{id}_{what}");
            let of_config = |what: &str| format!("{id}_config::{what}");
            match kernel {
                Kernel::InputReduce(reduce) => match reduce.arrival {
                    Arrival::Rows { .. } => self.line(format!("{} {};", of_config("taken_t"), own("taken"))),
                    Arrival::Whole { .. } => {
                        self.array("ap_uint<1>", &own("active"), &[reduce.shape.height, reduce.shape.width]);
                        self.array(&of_config("count_t"), &own("counts"), &[reduce.shape.height]);
                    }
                },
                Kernel::Conv2d(conv) => {
                    let sums = conv.pixels_per_cycle * conv.filters_per_cycle;
                    self.array(&of_config("accumulator_t"), &own("partial"), &[sums]);
                }
                Kernel::Pooling2d(pooling) => {
                    let lanes = pooling.pixels_per_cycle;
                    self.array(&own("hash_t"), &own("cells"), &[pooling.shape.slots.div_ceil(lanes), lanes * 2]);
                }
                Kernel::LookUpDense(dense) => {
                    let per = dense.outputs_per_cycle;
                    self.array(&of_config("accumulator_t"), &own("sums"), &[dense.outputs / per, per]);
                }
                Kernel::Dense(dense) => {
                    self.array(&of_config("accumulator_t"), &own("partial"), &[dense.rows * dense.outputs_per_cycle]);
                }
                _ => {}
            }
            let turns = Turns::of(kernel);
            if turns.is_counted(flow) {
                let Turns { inner, middle, .. } = turns;
                self.line(format!("sparsehls::Turn<{inner}, {middle}> {} = {{0, 0, 0}};", own("turn")));
            }
        }
    }

    /// Where steps put what the process gives.
    fn results(&mut self, gives: &[ValueId]) {
        let Flow { steps, lanes } = self.flow;
        for &value in gives {
            let name = self.names.of_value(value).to_owned();
            let Some(layer) = self.layers.iter().find(|layer| layer.writes == value) else { continue };
            let channels = match self.design.value(value).layout {
                Layout::Sparse(layout) => layout.shape.channels,
                Layout::Dense(_) => 0,
            };
            let size = self.design.value(value).size();
            let dims = match kernel_of(layer) {
                Some(Kernel::InputReduce(reduce)) if matches!(reduce.arrival, Arrival::Rows { .. }) => vec![size],
                Some(Kernel::Flatten(_)) => vec![size],
                Some(Kernel::Conv2d(conv)) if conv.filters_per_cycle < conv.filters => {
                    let per = conv.filters_per_cycle;
                    vec![conv.shape.slots.div_ceil(lanes), lanes, conv.filters / per, per]
                }
                Some(Kernel::Dense(dense)) => {
                    vec![dense.rows, dense.outputs / dense.outputs_per_cycle, dense.outputs_per_cycle]
                }
                Some(Kernel::LookUpDense(dense)) => {
                    vec![dense.outputs / dense.outputs_per_cycle, dense.outputs_per_cycle]
                }
                _ => vec![self.groups(), lanes * channels],
            };
            self.array(&self.names.of_type(value), &name, &dims);
            let changes = self.layers.iter().rev().find(|layer| kernel_of(layer).is_some_and(changes_hash));
            if let (Some(layer), Layout::Sparse(layout)) = (changes, &self.design.value(value).layout) {
                let dims = if self.is_by_rows() { vec![layout.shape.slots * 2] } else { vec![steps, lanes * 2] };
                self.array(&format!("{}_hash_t", layer.id), &format!("{}_hash", layer.id), &dims);
            }
        }
    }

    /// Steps of the loop, those of the slots alone.
    fn groups(&self) -> usize {
        let turns = self.first().map(Turns::of);
        turns.map_or(self.flow.steps, |turns| self.flow.steps / (turns.inner * turns.middle))
    }

    /// Which group of slots it is.
    fn group(&self) -> String {
        let (Some(kernel), Some(layer)) = (self.first(), self.layers.first()) else { return "step".into() };
        match kernel {
            Kernel::Conv2d(_) | Kernel::LookUpDense(_) => {
                let [_, _, outer] = Turns::of(kernel).places(&layer.id, self.flow);
                outer
            }
            _ => "step".into(),
        }
    }

    fn open(&mut self, label: &str) {
        let steps = self.flow.steps;
        self.lines.push(format!("{label}:"));
        self.line(format!("for (int step = 0; step < {steps}; ++step) {{"));
        self.lines.push("#pragma HLS PIPELINE II=1 rewind".into());
        self.depth += 1;
        for layer in self.layers.clone() {
            if kernel_of(layer).is_some_and(|kernel| Turns::of(kernel).is_counted(self.flow)) {
                self.line(format!("{}_turn.next(step);", layer.id));
            }
        }
    }

    fn close(&mut self) {
        self.depth -= 1;
        self.line("}");
    }

    /// Runs of statements that only one step has.
    fn only(&mut self, condition: &str, statements: Vec<String>) {
        if statements.is_empty() {
            return;
        }
        if self.flow.steps > 1 {
            self.line(format!("if ({condition}) {{"));
            self.depth += 1;
        }
        for statement in statements {
            self.line(statement);
        }
        if self.flow.steps > 1 {
            self.depth -= 1;
            self.line("}");
        }
    }

    fn receive(&mut self, takes: &[ValueId]) {
        let mut all = Vec::new();
        for &value in takes {
            let name = self.names.of_value(value).to_owned();
            let size = self.design.value(value).size();
            if value == self.design.input {
                if let (true, Interface::Rows { values, .. }) = (self.is_by_rows(), self.design.interface) {
                    self.array(&self.names.of_type(value), &name, &[values]);
                    self.line(format!("sparsehls::read_row({}, {}, {name});", Ports::INPUT, self.flow.step()));
                    continue;
                }
                all.push(self.ports.receive(size, &name));
                continue;
            }
            all.push(format!("sparsehls::receive<{size}>({name}_stream, {name});"));
            if let (Some(origin), Layout::Sparse(layout)) = (self.names.origin(value), &self.design.value(value).layout) {
                all.push(format!("sparsehls::receive<{}>({name}_hash_stream, {origin}_hash);", layout.shape.slots * 2));
            }
        }
        self.only("step == 0", all);
        if self.flow.steps > 1 {
            takes.iter().for_each(|value| self.take(*value));
        }
    }

    /// The step's share of what is held.
    fn take(&mut self, value: ValueId) {
        let (name, type_) = (self.names.of_value(value).to_owned(), self.names.of_type(value));
        let (Some(kernel), Some(layer)) = (self.layers.first().and_then(|layer| kernel_of(layer)), self.layers.first()) else {
            return;
        };
        let lanes = self.flow.lanes;
        if let Kernel::Dense(dense) = kernel {
            let [input, ..] = Turns::of(kernel).places(&layer.id, self.flow);
            self.array(&type_, &format!("{name}_share"), &[dense.rows * dense.inputs_per_cycle]);
            self.line(format!("sparsehls::take({name}, {input}, {name}_share);"));
        }
        let Layout::Sparse(layout) = &self.design.value(value).layout else { return };
        let whole = matches!(kernel, Kernel::Conv2d(_) | Kernel::Pooling2d(_));
        let group = self.group();
        if !whole {
            self.array(&type_, &format!("{name}_share"), &[lanes * layout.shape.channels]);
            self.line(format!("sparsehls::take({name}, {group}, {name}_share);"));
        }
        if let (false, Some(origin)) = (matches!(kernel, Kernel::Pooling2d(_)), self.names.origin(value).map(str::to_owned)) {
            self.array(&format!("{origin}_hash_t"), &format!("{origin}_hash_share"), &[lanes * 2]);
            self.line(format!("sparsehls::take({origin}_hash, {group}, {origin}_hash_share);"));
        }
    }

    /// The arrays that a layer writes, and its call.
    fn layer(&mut self, layer: &Layer, call: &[String]) {
        let Some(kernel) = kernel_of(layer) else { return };
        let Flow { steps, lanes } = self.flow;
        let (value, id) = (self.design.value(layer.writes), layer.id.as_str());
        let type_ = self.names.of_type(layer.writes);
        let is_rows = self.is_by_rows() && changes_hash(kernel);
        let comments = call.len().saturating_sub(1);
        for line in &call[..comments] {
            self.line(line);
        }
        match (steps > 1, kernel, &value.layout) {
            (false, ..) => self.array(&type_, self.names.of_value(layer.writes), &[value.size()]),
            // They write into what they give.
            (true, Kernel::Flatten(_), _) => {}
            (true, Kernel::InputReduce(_), _) if is_rows => {}
            (true, Kernel::Conv2d(conv), _) => self.array(&type_, &format!("{id}_share"), &[lanes * conv.filters_per_cycle]),
            (true, Kernel::Dense(dense), _) => {
                self.array(&type_, &format!("{id}_share"), &[dense.rows * dense.outputs_per_cycle]);
            }
            (true, Kernel::LookUpDense(dense), _) => self.array(&type_, &format!("{id}_share"), &[dense.outputs_per_cycle]),
            (true, _, Layout::Sparse(layout)) => self.array(&type_, &format!("{id}_share"), &[lanes * layout.shape.channels]),
            (true, _, Layout::Dense(_)) => self.array(&type_, &format!("{id}_share"), &[value.size()]),
        }
        if let (true, false, Layout::Sparse(layout)) = (changes_hash(kernel), is_rows && steps > 1, &value.layout) {
            let slots = if steps > 1 { lanes } else { layout.shape.slots };
            self.array(&format!("{id}_hash_t"), &self.flow.own(&format!("{id}_hash")), &[slots * 2]);
        }
        if let Some(statement) = call.last() {
            self.line(statement);
        }
    }

    fn send(&mut self, gives: &[ValueId]) {
        let mut all = Vec::new();
        for &value in gives {
            if self.flow.steps > 1 {
                self.place(value);
            }
            let name = self.names.of_value(value).to_owned();
            let size = self.design.value(value).size();
            if value == self.design.output {
                all.push(self.ports.send(size, &name));
                continue;
            }
            all.push(format!("sparsehls::send<{size}>({name}, {name}_stream);"));
            if let (Some(origin), Layout::Sparse(layout)) = (self.names.origin(value), &self.design.value(value).layout) {
                all.push(format!("sparsehls::send<{}>({origin}_hash, {name}_hash_stream);", layout.shape.slots * 2));
            }
        }
        self.only(&format!("step == {}", self.flow.steps - 1), all);
    }

    /// Puts a step's share where it belongs.
    fn place(&mut self, value: ValueId) {
        let name = self.names.of_value(value).to_owned();
        let Some(layer) = self.layers.iter().copied().find(|layer| layer.writes == value) else { return };
        let Some(kernel) = kernel_of(layer) else { return };
        let [inner, middle, outer] = Turns::of(kernel).places(&layer.id, self.flow);
        let at = match kernel {
            Kernel::Flatten(_) => return,
            Kernel::InputReduce(_) if self.is_by_rows() => return,
            Kernel::Conv2d(conv) if conv.filters_per_cycle < conv.filters => format!("{outer}, {middle}"),
            Kernel::Dense(_) => outer,
            Kernel::LookUpDense(_) => inner,
            _ => self.group(),
        };
        self.line(format!("sparsehls::place({name}_share, {at}, {name});"));
        if let Some(layer) = self.layers.iter().copied().rev().find(|layer| kernel_of(layer).is_some_and(changes_hash)) {
            self.line(format!("sparsehls::place({0}_hash_share, step, {0}_hash);", layer.id));
        }
    }
}

fn steps_of(flow: Flow, slots: usize) -> usize {
    slots.div_ceil(flow.lanes)
}

/// Whether a kernel writes a hash of its own.
pub(super) fn changes_hash(kernel: &Kernel) -> bool {
    matches!(kernel, Kernel::InputReduce(_) | Kernel::Pooling2d(_))
}
