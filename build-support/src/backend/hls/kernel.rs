//! The calls of the kernels of `hls_lib/kernels`: their configuration and their constants.

use std::ops::Range;

use super::{
    flow::{Flow, Turns},
    layer::{LayerText, Names, QuotientText, Weights},
    masks::Masks,
    types::{constant, constant_of, fixed, long, mantissa, native, overflow_mode, rounding_mode, rounding_to, typed, unsigned},
};
use crate::{
    lower::{Design, Layer},
    network::{Coefficients, SparseShape},
    ops::{
        AffineKernel, Arrival, BiasKernel, By, Condition, Conv2dKernel, DenseKernel, Elements, FlattenKernel, Form, FormatChoice,
        IndexedTable, Kernel, LimitedReluKernel, LookUpKernel, LookupKernel, MaxMinusKernel, NormalizeKernel, Pool,
        PoolingKernel, QuantizeKernel, Quotient, ReduceKernel, SparseQuantizeKernel, Sums, rounds_by_mask,
    },
};

/// Writes what a layer's kernel needs into its text.
pub struct Writer<'a> {
    pub design: &'a Design,
    pub names: &'a Names<'a>,
    pub layer: &'a Layer,
    /// The steps of its process.
    pub flow: Flow,
    pub text: LayerText,
    pub weights: &'a mut Vec<Weights>,
}

impl Writer<'_> {
    pub fn kernel(&mut self, kernel: &Kernel) {
        match kernel {
            Kernel::InputReduce(reduce) => self.input_reduce(reduce),
            Kernel::SparseQuantize(quantize) => self.sparse_quantize(quantize),
            Kernel::DenseQuantize(quantizer) => self.dense_quantize(quantizer),
            Kernel::Conv2d(conv) => self.conv2d(conv),
            Kernel::SparseBias(bias) => self.sparse_bias(bias),
            Kernel::Pooling2d(pooling) => self.pooling2d(pooling),
            Kernel::Flatten(flatten) => self.flatten(flatten),
            Kernel::LookUpDense(dense) => self.look_up_dense(dense),
            Kernel::Dense(dense) => self.dense(dense),
            Kernel::Affine(affine) => self.affine(affine),
            Kernel::Relu(elements) => self.relu(*elements),
            Kernel::LimitedRelu(relu) => self.limited_relu(*relu),
            Kernel::MaxMinus(max_minus) => self.max_minus(*max_minus),
            Kernel::Lookup(lookup) => self.lookup(lookup),
            Kernel::Normalize(normalize) => self.normalize(normalize),
            Kernel::Copy { elements } => {
                self.call("dense_copy", "dense.h");
                self.passes_values();
                self.constants([("values", *elements)]);
            }
        }
    }

    /// The kernel and its header.
    fn call(&mut self, name: &'static str, header: &'static str) {
        self.text.kernel = Some(name);
        self.text.headers.push(header);
    }

    fn constants<const N: usize>(&mut self, constants: [(&'static str, usize); N]) {
        self.text.constants.extend(constants.map(|(name, value)| constant(name, value)));
    }

    fn slots(&mut self, shape: SparseShape) {
        self.constants([("slots", shape.slots), ("channels", shape.channels)]);
    }

    /// What a kernel that goes over the slots of a step has to know.
    fn shares(&mut self, shape: SparseShape) {
        let lanes = if self.flow.steps > 1 { self.flow.lanes } else { shape.slots };
        self.constants([("pixels_per_cycle", lanes), ("channels", shape.channels)]);
    }

    fn elements(&mut self, elements: Elements) {
        match elements {
            Elements::Sparse(shape) => self.shares(shape),
            Elements::Dense(count) => self.constants([("values", count)]),
        }
        self.passes_values();
    }

    fn pass<const N: usize>(&mut self, arguments: [String; N]) {
        self.text.arguments.extend(arguments);
    }

    /// The name of what goes in, as it is held.
    fn reads(&self) -> String {
        self.names.of_value(self.layer.reads).to_owned()
    }

    /// What a step has of what goes in.
    fn own(&self) -> String {
        self.flow.own(self.names.of_value(self.layer.reads))
    }

    fn hash(&self) -> String {
        format!("{}_hash", self.names.origin(self.layer.reads).unwrap_or_default())
    }

    fn own_hash(&self) -> String {
        self.flow.own(&self.hash())
    }

    /// What a step has of what comes out.
    fn writes(&self) -> String {
        self.flow.own(self.names.of_value(self.layer.writes))
    }

    fn writes_hash(&self) -> String {
        self.flow.own(&self.state("hash"))
    }

    /// What the kernel keeps from step to step.
    fn state(&self, what: &str) -> String {
        format!("{}_{what}", self.text.id)
    }

    /// What goes in and what comes out, each value by itself.
    fn passes_values(&mut self) {
        self.pass([self.own(), self.writes()]);
    }

    /// Adds an array of constants named after the layer, and passes it to the kernel.
    fn array(&mut self, suffix: &str, inner: &[usize], values: &[i64], note: String) {
        let name = self.table(suffix, inner, values, note);
        self.text.arguments.push(name);
    }

    /// `inner` are the dimensions behind the first.
    fn table(&mut self, suffix: &str, inner: &[usize], values: &[i64], note: String) -> String {
        let name = format!("{}{suffix}", self.text.id);
        let title = self.text.title.clone();
        self.weights.push(Weights::new(name.clone(), title, note, native(values), inner, values));
        name
    }

    fn input_reduce(&mut self, reduce: &ReduceKernel) {
        let SparseShape { slots, height, width, channels } = reduce.shape;
        self.constants([("slots", slots), ("height", height), ("width", width), ("channels", channels)]);
        self.text.types = vec![
            typed("count_t", unsigned(reduce.count_bits)),
            typed("rank_t", unsigned(reduce.rank_bits)),
            typed("column_t", unsigned(reduce.column_bits)),
        ];
        match reduce.arrival {
            Arrival::Rows { taken_bits, feature } => {
                self.call("sparse_input_reduce_rows", "sparse_input_reduce.h");
                let step = self.flow.step().to_owned();
                self.pass([step, self.reads(), self.state("taken"), self.text.id.clone(), self.state("hash")]);
                self.text.types.extend([typed("taken_t", unsigned(taken_bits)), typed("feature_t", mantissa(feature))]);
                self.constants([("row_reach", width.next_power_of_two()), ("slot_reach", 1 << slots.max(1).ilog2())]);
            }
            Arrival::Whole { pixels_per_cycle, row_bits } => {
                self.call("sparse_input_reduce", "sparse_input_reduce.h");
                let (step, feat, hash) = (self.flow.step().to_owned(), self.writes(), self.writes_hash());
                self.pass([step, self.reads(), self.state("active"), self.state("counts"), feat, hash]);
                self.constants([("pixels_per_cycle", pixels_per_cycle)]);
                self.text.types.push(typed("row_t", unsigned(row_bits)));
            }
        }
        let (comparison, condition) = match reduce.active {
            Condition::NotZero => ("!= 0".to_owned(), "not 0".to_owned()),
            Condition::Above { threshold, least } => {
                // Never a negative number beside an unsigned one: C++ may compare both as unsigned.
                let never = || format!("> {}", self.design.value(self.layer.reads).range().hi);
                (least.map_or_else(never, |least| format!(">= {least}")), format!("above {threshold}"))
            }
        };
        self.text.active = Some(comparison);
        self.text.notes.push(format!("A pixel is active where its first channel is {condition}; the first {slots} are kept."));
    }

    fn sparse_quantize(&mut self, quantize: &SparseQuantizeKernel) {
        self.call("sparse_quantize", "quantize.h");
        self.shares(quantize.shape);
        self.pass([self.own(), self.own_hash(), self.writes()]);
        self.quantizer(&quantize.quantizer);
    }

    fn dense_quantize(&mut self, quantizer: &QuantizeKernel) {
        self.call("dense_quantize", "quantize.h");
        self.passes_values();
        self.constants([("values", self.text.size)]);
        self.quantizer(quantizer);
    }

    /// The quantizer that another layer's kernel does as well.
    pub fn absorbed_quantizer(&mut self, quantizer: &QuantizeKernel) {
        self.constants([("values", self.text.size)]);
        self.quantizer(quantizer);
    }

    fn quantizer(&mut self, quantizer: &QuantizeKernel) {
        self.text.headers.push("quantize.h");
        let QuantizeKernel { rounding, overflow, .. } = *quantizer;
        self.choice(&quantizer.choice);
        let cast = |format: &Option<_>| format.map(|format| rounding_to(format, rounding, overflow));
        let casts: Vec<_> = quantizer.formats.iter().map(cast).collect();
        self.text.reads = casts.iter().any(Option::is_some);
        let plural = if casts.len() == 1 { "" } else { "s" };
        let modes = format!("{} {}", rounding_mode(rounding), overflow_mode(overflow));
        self.text.notes.push(format!("{} format{plural}, {modes}", casts.len()));
        if casts.len() > 1 && self.text.reads && rounds_by_mask(rounding, overflow) {
            let [reads, writes] = [self.layer.reads, self.layer.writes].map(|value| self.design.value(value).format);
            let from = quantizer.quotient.as_ref().map_or(reads, |quotient| quotient.format);
            self.text.masks = Masks::new(&quantizer.formats, rounding, from, writes);
        }
        self.text.casts = Some(casts);
        self.text.quotient = quantizer.quotient.as_ref().map(quotient);
    }

    /// Where the format of an element comes from; adds the table of formats if one is needed.
    fn choice(&mut self, choice: &FormatChoice) {
        self.text.types.push(typed("format_t", unsigned(choice.index_bits)));
        let (format_of, axes, indices) = match &choice.by {
            By::Nothing => {
                self.text.format_of = Some("one");
                return;
            }
            By::Channel(indices) => ("channel", "[channel]", indices),
            By::Pixel(indices) => ("element", "[row][column][channel]", indices),
            By::Element(indices) => ("element", "[element]", indices),
        };
        let values: Vec<_> = indices.iter().map(|index| i64::from(*index)).collect();
        self.table("_table", &[], &values, format!("The index of the format, {axes}."));
        self.text.format_of = Some(format_of);
    }

    fn conv2d(&mut self, conv: &Conv2dKernel) {
        let [rows, columns] = conv.kernel;
        self.call("sparse_conv2d", "sparse_conv2d.h");
        self.slots(conv.shape);
        let turns = Turns::of(&Kernel::Conv2d(conv.clone()));
        self.constants([
            ("kernel_height", rows),
            ("kernel_width", columns),
            ("taps", rows * columns),
            ("pixels_per_cycle", conv.pixels_per_cycle),
            ("filters_per_cycle", conv.filters_per_cycle),
            ("channels_per_cycle", conv.channels_per_cycle),
            ("filter_turns", turns.middle),
            ("turns", turns.inner * turns.middle),
        ]);
        let [channel, filter, _] = turns.places(&self.text.id, self.flow);
        self.pass([channel, filter, self.reads(), self.hash(), self.own_hash(), self.state("partial"), self.writes()]);
        self.text.constants.push(constant_of("bool", "ordered", conv.is_ordered));
        let form = match conv.form {
            Form::Pairwise => "sparsehls::Pairwise",
            Form::Gather => "sparsehls::Gather",
        };
        self.text.types = vec![
            typed("form", form),
            typed("difference_t", mantissa(conv.difference)),
            typed("tap_t", unsigned(conv.tap_bits)),
            typed("feature_t", mantissa(conv.feature)),
            typed("weight_t", mantissa(conv.weights.format())),
            typed("accumulator_t", mantissa(conv.accumulator)),
        ];
        let channels = conv.shape.channels;
        self.text.notes.push(format!("{rows} x {columns} kernel, {channels} channels to {} filters", conv.filters));
        let note = note("[kernel row, kernel column][turn][channel, filter]", &conv.weights);
        let (of_channel, per) = (conv.channels_per_cycle, conv.filters_per_cycle);
        let values = divided(&conv.weights.values, [channels, conv.filters], [of_channel, per]);
        self.array("_weights", &[turns.inner * turns.middle, of_channel * per], &values, note);
    }

    fn sparse_bias(&mut self, bias: &BiasKernel) {
        self.call("sparse_bias", "sparse_conv2d.h");
        self.shares(bias.shape);
        self.passes_values();
        self.text.constants.push(constant("shift", bias.shift));
        self.text.types.push(typed("accumulator_t", mantissa(bias.accumulator)));
        self.array("_biases", &[], &bias.biases.values, note("[channel]", &bias.biases));
    }

    fn pooling2d(&mut self, pooling: &PoolingKernel) {
        let ([rows, columns], [height, width]) = (pooling.window, pooling.cells);
        self.call("sparse_pooling2d", "sparse_pooling2d.h");
        self.slots(pooling.shape);
        self.constants([("pool_height", rows), ("pool_width", columns), ("out_height", height), ("out_width", width)]);
        self.constants([("pixels_per_cycle", pooling.pixels_per_cycle)]);
        let (step, feat, hash) = (self.flow.step().to_owned(), self.writes(), self.writes_hash());
        self.pass([step, self.reads(), self.hash(), self.state("cells"), feat, hash]);
        match pooling.pool {
            Pool::Sum { accumulator } => {
                self.text.types.push(typed("mode", "sparsehls::PoolingAverage"));
                self.text.types.push(typed("accumulator_t", mantissa(accumulator)));
                let divisor = self.design.value(self.layer.writes).divisor;
                if divisor != 1 {
                    self.text.notes.push(format!("The values are sums; the quantizer that follows divides by {divisor}."));
                }
            }
            Pool::Largest { count_bits, least } => {
                self.text.types.push(typed("mode", "sparsehls::PoolingMax"));
                self.text.types.push(typed("count_t", unsigned(count_bits)));
                let least = match least {
                    least if least == i128::from(i64::MIN) => format!("{} - 1", i64::MIN + 1), // C++ has no such literal
                    least => least.to_string(),
                };
                self.text.constants.push(constant_of("long long", "least", least));
            }
        }
        self.text.notes.push(format!("{rows} x {columns} windows, {height} x {width} cells"));
    }

    fn flatten(&mut self, flatten: &FlattenKernel) {
        self.call("sparse_flatten", "sparse_flatten.h");
        let SparseShape { height, width, .. } = flatten.shape;
        self.shares(flatten.shape);
        self.constants([("height", height), ("width", width)]);
        let step = self.flow.step().to_owned();
        self.pass([step, self.own(), self.own_hash(), self.names.of_value(self.layer.writes).to_owned()]);
        self.elements_of_image(flatten.position_bits, flatten.element_bits);
        self.text.types.push(typed("value_t", mantissa(flatten.element)));
        let name = self.names.of_value(self.layer.writes);
        self.quantizes(flatten.quantizer.as_ref().map(|_| name), &self.names.of_type(self.layer.writes));
        if let Some(quantizer) = &flatten.quantizer {
            // Its formats are those of the elements of the image.
            self.text.sparse = false;
            self.quantizer(quantizer);
        }
    }

    /// The types of a pixel's position in an image and of the index of its elements.
    fn elements_of_image(&mut self, position_bits: u32, element_bits: u32) {
        self.text.types.extend([typed("position_t", unsigned(position_bits)), typed("element_t", unsigned(element_bits))]);
    }

    /// What rounds features on their way into an image to a value of this type: the quantizer of the layer `of`, if there is one.
    fn quantizes(&mut self, of: Option<&str>, type_: &str) {
        let quantizer = match of {
            Some(layer) => format!("::{layer}_config"),
            None => format!("sparsehls::Unquantized< ::{type_}>"),
        };
        self.text.types.extend([typed("quantizer_t", quantizer), typed("quantized_t", format!("::{type_}"))]);
    }

    /// A dense layer that looks up the weights of the active pixels: flatten and quantizer are in it.
    fn look_up_dense(&mut self, dense: &LookUpKernel) {
        let SparseShape { height, width, channels, .. } = dense.shape;
        self.call("sparse_flatten_dense", "sparse_flatten.h");
        self.constants([
            ("channels", channels),
            ("height", height),
            ("width", width),
            ("pixels_per_cycle", dense.pixels_per_cycle),
            ("filters_per_cycle", dense.outputs_per_cycle),
        ]);
        let turns = Turns::of(&Kernel::LookUpDense(dense.clone()));
        let [turn, _, group] = turns.places(&self.text.id, self.flow);
        self.pass([group, turn, self.own(), self.own_hash(), self.state("sums"), self.writes()]);
        let per = dense.outputs_per_cycle;
        let values = divided(&dense.sums.weights.values, [channels, dense.outputs], [channels, per]);
        self.sums(&dense.sums, height * width * channels, dense.outputs);
        let axes = note("[pixel][turn][channel, output]", &dense.sums.weights);
        self.array("_weights", &[turns.inner, channels * per], &values, axes);
        self.array("_biases", &[per], &dense.sums.biases.values, note("[turn][output]", &dense.sums.biases));
        // Without a quantizer the values go on as the flatten would have given them.
        self.elements_of_image(dense.position_bits, dense.element_bits);
        let of = dense.quantizer.as_ref().map(|_| self.names.of_value(dense.multiplied));
        self.quantizes(of, &self.names.of_type(dense.multiplied));
        let source = self.names.of_value(self.layer.reads);
        self.text.notes.push(format!("In place of a dense image it looks up the weights of the pixels of {source}."));
    }

    fn dense(&mut self, dense: &DenseKernel) {
        self.call("dense", "dense.h");
        self.constants([
            ("rows", dense.rows),
            ("inputs_per_cycle", dense.inputs_per_cycle),
            ("outputs_per_cycle", dense.outputs_per_cycle),
        ]);
        let [input, _, output] = Turns::of(&Kernel::Dense(dense.clone())).places(&self.text.id, self.flow);
        let step = self.flow.step().to_owned();
        self.pass([step, input, output, self.own(), self.state("partial"), self.writes()]);
        self.sums(&dense.sums, dense.inputs, dense.outputs);
        let (inputs, outputs) = (dense.inputs_per_cycle, dense.outputs_per_cycle);
        let values = by_outputs(&dense.sums.weights.values, [dense.inputs, dense.outputs], [inputs, outputs]);
        self.array("_weights", &[inputs * outputs], &values, note("[step][input, output]", &dense.sums.weights));
        self.array("_biases", &[outputs], &dense.sums.biases.values, note("[turn][output]", &dense.sums.biases));
    }

    fn sums(&mut self, sums: &Sums, inputs: usize, outputs: usize) {
        self.text.constants.push(constant("shift", sums.shift));
        self.text.types =
            vec![typed("weight_t", mantissa(sums.weights.format())), typed("accumulator_t", mantissa(sums.accumulator))];
        let (weights, count) = (&sums.weights.values, sums.weights.values.len());
        let zeros = weights.iter().filter(|weight| **weight == 0).count();
        self.text.notes.push(format!("{inputs} inputs, {outputs} outputs; {zeros} of {count} weights are zero"));
    }

    fn relu(&mut self, elements: Elements) {
        let kernel = match elements {
            Elements::Dense(_) => "dense_relu",
            Elements::Sparse(_) => "sparse_relu",
        };
        self.call(kernel, "dense.h");
        self.elements(elements);
    }

    fn limited_relu(&mut self, relu: LimitedReluKernel) {
        let kernel = match relu.elements {
            Elements::Dense(_) => "dense_limited_relu",
            Elements::Sparse(_) => "sparse_limited_relu",
        };
        self.call(kernel, "dense.h");
        self.elements(relu.elements);
        let slope = relu.slope.map_or("-1".to_owned(), |slope| slope.to_string());
        self.text.constants.extend([constant("shift", relu.shift), constant("slope", slope), long("limit", relu.limit)]);
        self.text.types.push(typed("wide_t", mantissa(relu.wide)));
    }

    fn affine(&mut self, affine: &AffineKernel) {
        self.call("dense_affine", "dense.h");
        self.passes_values();
        self.constants([("values", affine.elements), ("channels", affine.scales.values.len())]);
        self.text.constants.push(constant("shift", affine.shift));
        self.text.types =
            vec![typed("weight_t", mantissa(affine.scales.format())), typed("accumulator_t", mantissa(affine.accumulator))];
        self.array("_weights", &[], &affine.scales.values, note("[channel]", &affine.scales));
        self.array("_biases", &[], &affine.offsets.values, note("[channel]", &affine.offsets));
    }

    fn max_minus(&mut self, max_minus: MaxMinusKernel) {
        self.call("max_minus", "lookup.h");
        self.passes_values();
        self.constants([("values", max_minus.elements)]);
        self.text.types.push(typed("difference_t", mantissa(max_minus.difference)));
    }

    fn lookup(&mut self, lookup: &LookupKernel) {
        let kernel = match lookup.elements {
            Elements::Dense(_) => "dense_lookup",
            Elements::Sparse(_) => "sparse_lookup",
        };
        self.call(kernel, "lookup.h");
        match lookup.elements {
            Elements::Dense(_) => self.elements(lookup.elements),
            Elements::Sparse(shape) => {
                self.shares(shape);
                self.pass([self.own(), self.own_hash(), self.writes()]);
            }
        }
        self.choice(&lookup.choice);
        self.entries(&lookup.table, lookup.function.name());
    }

    fn entries(&mut self, table: &IndexedTable, function: &str) {
        self.text.constants.push(constant("first", table.first));
        self.constants([("entries", table.entries), ("formats", table.formats)]);
        self.text.types.push(typed("entry_t", unsigned(table.index_bits)));
        let note = format!("[format][argument]: {function} of the mantissas from {} on.", table.first);
        self.array("_weights", &[], &table.values, note);
    }

    fn normalize(&mut self, normalize: &NormalizeKernel) {
        self.call("normalize", "lookup.h");
        self.passes_values();
        self.constants([("values", normalize.elements)]);
        let rounded = rounding_to(normalize.rounded, normalize.rounding, normalize.overflow);
        self.text.types = vec![
            typed("accumulator_t", mantissa(normalize.accumulator)),
            typed("sum_t", fixed(normalize.accumulator)),
            typed("rounded_t", rounded),
            typed("index_t", fixed(normalize.index)),
            typed("reciprocal_t", mantissa(normalize.reciprocal)),
            typed("product_t", mantissa(normalize.product)),
        ];
        self.entries(&normalize.table, "reciprocal");
    }
}

fn note(axes: &str, constants: &Coefficients) -> String {
    format!("{axes}; mantissas with {} fraction bits.", constants.fraction)
}

/// Matrices of channels and filters, of each of which a turn has a part: turns of filters for each of channels.
fn divided(values: &[i64], [channels, filters]: [usize; 2], [of_channels, of_filters]: [usize; 2]) -> Vec<i64> {
    let mut out = Vec::with_capacity(values.len());
    for matrix in values.chunks(channels * filters) {
        for channel in (0..channels).step_by(of_channels) {
            for filter in (0..filters).step_by(of_filters) {
                out.extend(part(matrix, filters, channel..channel + of_channels, filter..filter + of_filters));
            }
        }
    }
    out
}

/// A matrix of inputs and outputs in the order of steps: turns of inputs for each of outputs.
fn by_outputs(values: &[i64], [inputs, outputs]: [usize; 2], [of_inputs, of_outputs]: [usize; 2]) -> Vec<i64> {
    let mut out = Vec::with_capacity(values.len());
    for output in (0..outputs).step_by(of_outputs) {
        for input in (0..inputs).step_by(of_inputs) {
            out.extend(part(values, outputs, input..input + of_inputs, output..output + of_outputs));
        }
    }
    out
}

fn part(matrix: &[i64], width: usize, rows: Range<usize>, columns: Range<usize>) -> impl Iterator<Item = i64> {
    rows.flat_map(move |row| matrix[row * width + columns.start..row * width + columns.end].iter().copied())
}

fn quotient(q: &Quotient) -> QuotientText {
    QuotientText {
        divisor: q.divisor,
        type_: fixed(q.format),
        constants: vec![
            constant("divisor", q.divisor),
            constant("left", q.left),
            constant("right", q.right),
            constant("shift", q.shift),
            long("offset", q.offset),
            long("offset_quotient", q.offset_quotient),
            long("multiplier", q.multiplier),
        ],
        types: vec![
            typed("shifted_t", mantissa(q.shifted)),
            typed("numerator_t", unsigned(q.numerator_bits)),
            typed("multiplier_t", unsigned(q.multiplier_bits)),
            typed("product_t", unsigned(q.product_bits)),
            typed("quotient_t", fixed(q.format)),
        ],
    }
}
