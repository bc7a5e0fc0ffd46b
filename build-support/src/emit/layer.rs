//! What the templates say about a layer.

use serde::Serialize;

use super::quotient::Quotient;
use crate::{
    error::Result,
    fixed::{Format, Interval, Overflow, QuantizerFormat},
    formats::FixedNetwork,
    manifest::{Interface, Variant},
    names,
    network::{Coefficients, Quantizer, Relu, Shape, SparseShape},
    ops::{
        FixedConv2d, FixedDense, FixedLayer, FixedLookup, FixedNormalize, FixedOp, FixedPooling2d, FixedQuantizer, FixedReduce,
        Pooled, Table, Threshold, Values,
    },
    plan::{LayerPlan, Plan},
};

/// A named constant or type.
#[derive(Debug, Serialize)]
pub struct Named {
    name: &'static str,
    value: String,
    #[serde(rename = "type")]
    type_: String,
}

/// The division of a mean.
#[derive(Debug, Serialize)]
pub struct QuotientText {
    divisor: u64,
    #[serde(rename = "type")]
    type_: String,
    constants: Vec<Named>,
    types: Vec<Named>,
}

/// A layer as the templates see it.
#[derive(Debug, Default, Serialize)]
pub struct LayerText {
    pub id: String,
    title: String,
    notes: Vec<String>,
    #[serde(rename = "type")]
    type_: String,
    range: String,
    shape: String,
    pub size: usize,
    pub hash_type: Option<String>,
    pub hash_size: usize,
    /// The kernel and the header it is in.
    kernel: &'static str,
    pub header: &'static str,
    arguments: Vec<String>,
    constants: Vec<Named>,
    types: Vec<Named>,
    /// Type of what goes in.
    pub from: String,
    sparse: bool,
    width: usize,
    channels: usize,
    /// The comparison that makes a pixel active.
    active: Option<String>,
    /// Where the index of a format comes from: `one`, `channel` or `element`.
    format_of: Option<&'static str>,
    /// For each format the type that rounds to it, or nothing if the result is 0.
    casts: Option<Vec<Option<String>>>,
    /// Whether any format looks at the value.
    reads: bool,
    quotient: Option<QuotientText>,
    /// A later layer does this one's work; only its types and its quantizer are needed.
    pub absorbed: bool,
}

/// An array of constants: a file under `weights/`.
#[derive(Debug, Serialize)]
pub struct Weights {
    pub name: String,
    title: String,
    note: String,
    #[serde(rename = "type")]
    type_: &'static str,
    /// The length of a row of an array with two dimensions: a variable row then chooses among rows, not among values.
    row: Option<usize>,
    pub values: Vec<i64>,
}

/// The texts of all layers, and their constants.
pub fn texts(network: &FixedNetwork, plan: &Plan) -> Result<(Vec<LayerText>, Vec<Weights>)> {
    let mut weights = Vec::new();
    let mut layers: Vec<LayerText> = Vec::new();
    let mut before = Before { id: "input".into(), source: None };
    let last = network.layers.len().saturating_sub(1);
    for (at, (fixed, own)) in network.layers.iter().zip(&plan.layers).enumerate() {
        let previous = layers.last().map_or_else(|| "input_t".into(), |text| format!("{}_t", text.id));
        let by_rows = at == 0 && plan.interface == Interface::Row;
        // Slots are in row-major order until a pooling makes cells of them.
        let pooled = network.layers[..at].iter().any(|fixed| matches!(fixed.layer.op, FixedOp::SparsePooling2d(_)));
        let quantizes = |text: &&LayerText| text.absorbed && text.casts.is_some();
        let quantized_by = layers.last().filter(quantizes).map(|text| text.id.as_str());
        let mut writer = Writer {
            fixed,
            plan: own,
            by_rows,
            ordered: !pooled,
            quantized_by,
            text: LayerText::default(),
            weights: &mut weights,
        };
        let text = writer.layer(&before, previous, at == last).map_err(|error| error.layer(&fixed.layer.name))?;
        if own.absorbed {
            if let FixedOp::SparseFlatten(pixels) = fixed.layer.op {
                before.source = Some(pixels);
            }
        } else {
            before = Before { id: text.id.clone(), source: None };
        }
        layers.push(text);
    }
    Ok((layers, weights))
}

/// What a kernel reads.
struct Before {
    /// The last layer that has a kernel.
    id: String,
    /// Its sparse shape, if layers between it and this one are absorbed.
    source: Option<SparseShape>,
}

fn constant(name: &'static str, value: impl ToString) -> Named {
    Named { name, value: value.to_string(), type_: "int".into() }
}

fn typed(name: &'static str, type_: impl Into<String>) -> Named {
    Named { name, value: String::new(), type_: type_.into() }
}

/// `ap_int<W>` for mantissas of `format`.
fn mantissa_type(format: Format) -> String {
    format!("{}<{}>", if format.signed { "ap_int" } else { "ap_uint" }, format.width)
}

/// `ap_uint<W>` for 0 to `largest`.
fn unsigned(largest: usize) -> String {
    format!("ap_uint<{}>", (usize::BITS - largest.leading_zeros()).max(1))
}

/// The smallest integer type of C++ that holds all of `values`.
fn native(values: &[i64]) -> &'static str {
    let fits = |bits: u32| values.iter().all(|v| (-(1i128 << (bits - 1))..1 << (bits - 1)).contains(&i128::from(*v)));
    match () {
        () if fits(8) => "signed char",
        () if fits(16) => "short",
        () if fits(32) => "int",
        () => "long long",
    }
}

struct Writer<'a> {
    fixed: &'a FixedLayer,
    plan: &'a LayerPlan,
    /// Whether this is an input reduction that gets the image row by row.
    by_rows: bool,
    /// Whether the slots are in row-major order.
    ordered: bool,
    /// The absorbed quantizer before this.
    quantized_by: Option<&'a str>,
    text: LayerText,
    weights: &'a mut Vec<Weights>,
}

impl Writer<'_> {
    fn layer(&mut self, before: &Before, previous: String, last: bool) -> Result<LayerText> {
        let FixedLayer { layer, input_shape, output, .. } = self.fixed;
        let id = layer.id.clone();
        let interval = output.interval();
        let divided = if output.divisor == 1 { String::new() } else { format!(", to be divided by {}", output.divisor) };
        self.text = LayerText {
            title: format!(
                "{}: {} of the {} {}",
                id,
                self.fixed.kind,
                names::comment(&layer.keras_class),
                names::comment(&layer.keras_name)
            ),
            type_: output.format().cpp(),
            range: format!("mantissas {} to {}{divided}", interval.lo, interval.hi),
            shape: describe(&layer.shape),
            size: layer.shape.len(),
            from: previous.clone(),
            absorbed: self.plan.absorbed,
            sparse: matches!(input_shape, Shape::Sparse(_)),
            ..LayerText::default()
        };
        if let Shape::Sparse(SparseShape { slots, height, width, .. }) = layer.shape {
            self.text.hash_type = Some(unsigned(height.max(width)));
            self.text.hash_size = slots * 2;
        }
        if let Shape::Sparse(SparseShape { width, channels, .. }) = *input_shape {
            self.text.width = width;
            self.text.channels = channels;
        }
        self.text.arguments.push(before.id.clone());
        if self.text.sparse || before.source.is_some() {
            self.text.arguments.push(format!("{}_hash", before.id));
        }
        self.text.arguments.push(if last { "output".into() } else { id.clone() });
        if self.text.hash_type.is_some() {
            self.text.arguments.push(format!("{id}_hash"));
        }
        self.text.id = id;
        match (&self.fixed.layer.op, &before.source) {
            (FixedOp::Dense(op), Some(source)) if !self.plan.absorbed => self.look_up(op, *source, before, &previous),
            _ => self.op()?,
        }
        Ok(std::mem::take(&mut self.text))
    }

    fn op(&mut self) -> Result {
        let (sparse, values) = (self.text.sparse, self.fixed.layer.shape.len());
        let sizes = match self.fixed.input_shape {
            Shape::Sparse(SparseShape { slots, channels, .. }) => vec![constant("slots", slots), constant("channels", channels)],
            Shape::Dense(_) => vec![constant("values", values)],
        };
        let pick = |dense, of_sparse| if sparse { of_sparse } else { dense };
        self.text.constants = sizes;
        match &self.fixed.layer.op {
            FixedOp::InputReduce(reduce) => self.input_reduce(reduce),
            FixedOp::Quantize(op) => {
                self.kernel(pick("dense_quantize", "sparse_quantize"), "quantize.h");
                if sparse {
                    self.text.constants.push(constant("pixels_per_cycle", self.plan.pixels_per_cycle));
                }
                self.quantize(op)?;
            }
            FixedOp::SparseConv2d(conv) => self.conv2d(conv),
            FixedOp::SparseBias(bias) => self.sparse_bias(bias),
            FixedOp::SparsePooling2d(pooling) => self.pool(pooling),
            FixedOp::SparseFlatten(pixels) => self.flatten(*pixels),
            FixedOp::Relu(options) => self.relu(options),
            FixedOp::Affine { scale, offset } => self.affine(scale, offset),
            FixedOp::Dense(op) => self.dense(op, None),
            FixedOp::MaxMinus => {
                self.kernel("max_minus", "lookup.h");
                let width = self.fixed.input.format().width.max(self.fixed.output.format().width) + 2;
                self.text.types.push(typed("difference_t", format!("ap_int<{width}>")));
            }
            FixedOp::Lookup(lookup) => self.lookup(lookup),
            FixedOp::Normalize(op) => self.normalize(op),
            FixedOp::Reshape => self.kernel("dense_copy", "dense.h"),
        }
        Ok(())
    }

    fn kernel(&mut self, name: &'static str, header: &'static str) {
        self.text.kernel = name;
        self.text.header = header;
    }

    /// Adds an array of constants named after the layer and passes it to the kernel.
    fn array(&mut self, suffix: &str, values: Vec<i64>, note: String) {
        self.rows(suffix, None, values, note);
    }

    /// The same in rows of a length, if one is given.
    fn rows(&mut self, suffix: &str, row: Option<usize>, values: Vec<i64>, note: String) {
        let name = self.table(suffix, row, values, note);
        self.text.arguments.push(name);
    }

    fn table(&mut self, suffix: &str, row: Option<usize>, values: Vec<i64>, note: String) -> String {
        let name = format!("{}{suffix}", self.text.id);
        let title = self.text.title.clone();
        self.weights.push(Weights { name: name.clone(), title, note, type_: native(&values), row, values });
        name
    }

    fn input_reduce(&mut self, reduce: &FixedReduce) {
        let SparseShape { slots, height, width, channels } = reduce.pixels;
        let kernel = if self.by_rows { "sparse_input_reduce_rows" } else { "sparse_input_reduce" };
        self.kernel(kernel, "sparse_input_reduce.h");
        self.text.constants = [("slots", slots), ("height", height), ("width", width), ("channels", channels)]
            .map(|(name, value)| constant(name, value))
            .into();
        self.text.types = vec![
            typed("count_t", unsigned(height * width)),
            typed("rank_t", unsigned(width)),
            typed("column_t", unsigned(width)),
        ];
        if self.by_rows {
            self.text.types.push(typed("taken_t", unsigned(slots)));
            self.text.types.push(typed("feature_t", mantissa_type(self.fixed.input.format())));
        } else {
            self.text.constants.push(constant("pixels_per_cycle", self.plan.pixels_per_cycle));
            self.text.types.push(typed("row_t", unsigned(height)));
        }
        let all = self.fixed.input.interval();
        self.text.active = Some(match reduce.threshold {
            Some(Threshold { floor, .. }) => {
                // Never a negative number beside an unsigned one: C++ may compare both as unsigned.
                if floor >= all.hi { format!("> {}", all.hi) } else { format!(">= {}", (floor + 1).max(all.lo)) }
            }
            None => "!= 0".into(),
        });
        let condition = reduce.threshold.map_or("not 0".into(), |threshold| format!("above {}", threshold.value));
        self.text.notes.push(format!("A pixel is active where its first channel is {condition}; the first {slots} are kept."));
    }

    fn quantize(&mut self, op: &FixedQuantizer) -> Result {
        let quantizer = &op.quantizer;
        self.text.format_of = Some(self.format_of(quantizer, &op.classes));
        let out = self.fixed.output.format();
        let casts: Vec<_> = quantizer.formats.iter().map(|format| cast(*format, quantizer, out)).collect();
        self.text.reads = casts.iter().any(Option::is_some);
        let mode = format!("{} {}", quantizer.rounding.ap_name(), quantizer.overflow.ap_name());
        self.text.notes.push(format!("{} format{}, {mode}", casts.len(), if casts.len() == 1 { "" } else { "s" }));
        self.text.casts = Some(casts);
        let input = &self.fixed.input;
        let finest = quantizer.formats.iter().filter_map(QuantizerFormat::fraction).max();
        if let (true, Some(finest)) = (input.divisor != 1, finest) {
            self.text.quotient = Some(quotient(&Quotient::new(input.interval(), input.fraction, input.divisor, finest)?));
        }
        Ok(())
    }

    /// Where the format of an element comes from; adds the table of formats if one is needed.
    fn format_of(&mut self, quantizer: &Quantizer, classes: &[u16]) -> &'static str {
        if quantizer.is_uniform() {
            self.text.types.push(typed("format_t", unsigned(0)));
            return "one";
        }
        self.text.types.push(typed("format_t", unsigned(quantizer.formats.len() - 1)));
        let channels = self.text.channels;
        let by_channel = self.text.sparse && classes.chunks(channels).all(|pixel| *pixel == classes[..channels]);
        let count = if by_channel { channels } else { classes.len() };
        let values: Vec<_> = classes[..count].iter().map(|class| i64::from(*class)).collect();
        let axes = match (by_channel, self.text.sparse) {
            (true, _) => "[channel]",
            (false, true) => "[row][column][channel]",
            (false, false) => "[element]",
        };
        self.table("_table", None, values, format!("The index of the format, {axes}."));
        if by_channel { "channel" } else { "element" }
    }

    fn conv2d(&mut self, FixedConv2d { conv, pixels, accumulator }: &FixedConv2d) {
        let SparseShape { height, width, .. } = *pixels;
        self.kernel("sparse_conv2d", "sparse_conv2d.h");
        let [rows, columns] = conv.kernel;
        self.text.constants.extend([
            constant("filters", conv.filters),
            constant("kernel_height", rows),
            constant("kernel_width", columns),
            constant("taps", rows * columns),
            constant("pixels_per_cycle", self.plan.pixels_per_cycle),
            constant("filters_per_cycle", self.plan.filters_per_cycle),
            constant("channels_per_cycle", self.plan.channels_per_cycle),
            Named { name: "ordered", value: self.ordered.to_string(), type_: "bool".into() },
        ]);
        let form = if self.plan.variant == Some(Variant::Gather) { "sparsehls::Gather" } else { "sparsehls::Pairwise" };
        let largest = (height.max(width) + rows.max(columns)) as i128;
        let difference = Format::holding(Interval { lo: -largest, hi: largest }, 0);
        self.text.types = vec![
            typed("form", form),
            typed("difference_t", mantissa_type(difference)),
            typed("tap_t", unsigned(rows * columns - 1)),
            typed("feature_t", mantissa_type(self.fixed.input.format())),
            typed("weight_t", mantissa_type(conv.weights.format())),
            typed("accumulator_t", mantissa_type(*accumulator)),
        ];
        self.text.notes.push(format!("{rows} x {columns} kernel, {} channels to {} filters", conv.channels, conv.filters));
        let note = weights_note("[kernel row, kernel column][channel, filter]", &conv.weights);
        self.rows("_weights", Some(conv.channels * conv.filters), conv.weights.values.clone(), note);
    }

    fn sparse_bias(&mut self, bias: &Coefficients) {
        self.kernel("sparse_bias", "sparse_conv2d.h");
        let Values { fraction, divisor, .. } = self.fixed.output;
        let shift = fraction - self.fixed.input.fraction;
        self.text.constants.push(constant("shift", shift));
        let shifted = self.fixed.input.interval().shifted(shift as u32).hull(self.fixed.output.interval());
        let values: Vec<i64> = bias.values.iter().map(|b| (b << (fraction - bias.fraction)) * divisor as i64).collect();
        let biases = values.iter().fold(Interval::ZERO, |all, b| all.hull(Interval { lo: (*b).into(), hi: (*b).into() }));
        let width = Format::holding(shifted.hull(biases), 0).width + 1;
        self.text.types.push(typed("accumulator_t", format!("ap_int<{width}>")));
        self.array("_biases", values, format!("[channel]; mantissas with {fraction} fraction bits."));
    }

    fn pool(&mut self, pooling: &FixedPooling2d) {
        let SparseShape { slots, height, width, .. } = pooling.cells;
        let [rows, columns] = pooling.pool;
        for (name, value) in [("pool_height", rows), ("pool_width", columns), ("out_height", height), ("out_width", width)] {
            self.text.constants.push(constant(name, value));
        }
        self.text.constants.push(constant("pixels_per_cycle", self.plan.pixels_per_cycle));
        self.kernel("sparse_pooling2d", "sparse_pooling2d.h");
        match pooling.pooled {
            Pooled::Average { accumulator } => {
                self.text.types.push(typed("mode", "sparsehls::PoolingAverage"));
                self.text.types.push(typed("accumulator_t", mantissa_type(accumulator)));
                let Values { divisor, .. } = self.fixed.output;
                if divisor != 1 {
                    self.text.notes.push(format!("The values are sums; the quantizer that follows divides by {divisor}."));
                }
            }
            Pooled::Max => {
                self.text.types.push(typed("mode", "sparsehls::PoolingMax"));
                self.text.types.push(typed("count_t", unsigned(slots)));
                let least = match self.fixed.input.interval().lo {
                    lo if lo == i128::from(i64::MIN) => format!("{} - 1", i64::MIN + 1), // C++ has no such literal
                    lo => lo.to_string(),
                };
                self.text.constants.push(Named { name: "least", value: least, type_: "long long".into() });
            }
        }
        self.text.notes.push(format!("{rows} x {columns} windows, {height} x {width} cells"));
    }

    fn flatten(&mut self, SparseShape { height, width, .. }: SparseShape) {
        self.kernel("sparse_flatten", "sparse_flatten.h");
        self.text.constants.extend([constant("height", height), constant("width", width)]);
        self.text.constants.push(constant("pixels_per_cycle", self.plan.pixels_per_cycle));
        self.text.types.push(typed("position_t", unsigned(height * width)));
        self.text.types.push(typed("value_t", mantissa_type(self.fixed.output.format())));
    }

    /// A dense layer that looks up the weights of the active pixels: flatten and quantizer are in it.
    fn look_up(&mut self, fixed: &FixedDense, source: SparseShape, before: &Before, previous: &str) {
        let SparseShape { slots, height, width, channels } = source;
        let op = &fixed.dense;
        self.dense(fixed, Some(channels * op.outputs));
        self.kernel("sparse_flatten_dense", "sparse_flatten.h");
        let fraction = self.fixed.output.fraction;
        let shift = fraction - self.fixed.input.fraction - op.weights.fraction;
        self.text.constants = [
            ("slots", slots),
            ("channels", channels),
            ("height", height),
            ("width", width),
            ("filters", op.outputs),
            ("pixels_per_cycle", self.plan.pixels_per_cycle),
            ("filters_per_cycle", self.plan.filters_per_cycle),
        ]
        .map(|(name, value)| constant(name, value))
        .into();
        self.text.constants.push(constant("shift", shift));
        // Without a quantizer the values go on as the flatten would have given them.
        let quantizer = match self.quantized_by {
            Some(id) => format!("::{id}_config"),
            None => format!("sparsehls::Unquantized< ::{previous}>"),
        };
        self.text.types.extend([
            typed("position_t", unsigned(height * width)),
            typed("element_t", unsigned(op.inputs.saturating_sub(1))),
            typed("quantizer_t", quantizer),
            typed("quantized_t", format!("::{previous}")),
        ]);
        self.text.notes.push(format!("In place of a dense image it looks up the weights of the pixels of {}.", before.id));
    }

    /// The weights are in rows of a length, if one is given.
    fn dense(&mut self, FixedDense { dense: op, accumulator }: &FixedDense, row: Option<usize>) {
        self.kernel("dense", "dense.h");
        let fraction = self.fixed.output.fraction;
        let shift = fraction - self.fixed.input.fraction - op.weights.fraction;
        self.text.constants = vec![
            constant("rows", op.rows),
            constant("inputs", op.inputs),
            constant("outputs", op.outputs),
            constant("inputs_per_cycle", self.plan.channels_per_cycle),
            constant("outputs_per_cycle", self.plan.filters_per_cycle),
            constant("shift", shift),
        ];
        let accumulator = mantissa_type(*accumulator);
        self.text.types = vec![typed("weight_t", mantissa_type(op.weights.format())), typed("accumulator_t", accumulator)];
        let zeros = op.weights.values.iter().filter(|w| **w == 0).count();
        self.text.notes.push(format!(
            "{} inputs, {} outputs; {zeros} of {} weights are zero",
            op.inputs,
            op.outputs,
            op.weights.values.len()
        ));
        self.rows("_weights", row, op.weights.values.clone(), weights_note("[input, output]", &op.weights));
        let scale = |b: &Coefficients| {
            b.values.iter().map(|v| (v << (fraction - b.fraction)) * self.fixed.input.divisor as i64).collect()
        };
        let biases = op.bias.as_ref().map_or_else(|| vec![0; op.outputs], scale);
        self.array("_biases", biases, format!("[output]; mantissas with {fraction} fraction bits."));
    }

    fn relu(&mut self, options: &Relu) {
        let kernel = match (*options == Relu::default(), self.text.sparse) {
            (true, false) => "dense_relu",
            (true, true) => "sparse_relu",
            (false, false) => "dense_limited_relu",
            (false, true) => "sparse_limited_relu",
        };
        self.kernel(kernel, "dense.h");
        if *options == Relu::default() {
            return;
        }
        let Values { fraction, divisor, .. } = self.fixed.output;
        let shift = fraction - self.fixed.input.fraction;
        let wide = self.fixed.input.interval().shifted(shift as u32).hull(self.fixed.output.interval());
        let width = Format::holding(wide, 0).width + 2;
        let limit = options.limit.map_or(wide.hi, |limit| (limit.at(fraction) * i128::from(divisor)).min(wide.hi));
        self.text.constants.push(constant("shift", shift));
        self.text.constants.push(constant("slope", options.slope.map_or(-1, |slope| slope as i32)));
        self.text.constants.push(Named { name: "limit", value: format!("{limit}LL"), type_: "long long".into() });
        self.text.types.push(typed("wide_t", format!("ap_int<{width}>")));
    }

    fn affine(&mut self, scale: &Coefficients, offset: &Coefficients) {
        self.kernel("dense_affine", "dense.h");
        let Values { fraction, divisor, .. } = self.fixed.output;
        let shift = fraction - self.fixed.input.fraction - scale.fraction;
        let offsets: Vec<i64> = offset.values.iter().map(|v| (v << (fraction - offset.fraction)) * divisor as i64).collect();
        let all =
            |values: &[i64]| values.iter().fold(Interval::ZERO, |all, v| all.hull(Interval { lo: (*v).into(), hi: (*v).into() }));
        let product = self.fixed.input.format().width + scale.format().width + shift as u32;
        let width = product.max(Format::holding(all(&offsets), 0).width).max(self.fixed.output.format().width) + 2;
        self.text.constants.extend([constant("channels", scale.values.len()), constant("shift", shift)]);
        self.text.types =
            vec![typed("weight_t", mantissa_type(scale.format())), typed("accumulator_t", format!("ap_int<{width}>"))];
        self.array("_weights", scale.values.clone(), weights_note("[channel]", scale));
        self.array("_biases", offsets, format!("[channel]; mantissas with {fraction} fraction bits."));
    }

    fn entries(&mut self, table: &Table, function: &str) {
        self.text.constants.push(constant("first", table.first));
        let entries = table.entries.first().map_or(0, Vec::len);
        self.text.constants.push(constant("entries", entries));
        self.text.types.push(typed("entry_t", unsigned(entries.saturating_sub(1))));
        self.text.constants.push(constant("formats", table.entries.len()));
        let note = format!("[format][argument]: {function} of the mantissas from {} on.", table.first);
        self.array("_weights", table.entries.concat(), note);
    }

    fn lookup(&mut self, FixedLookup { lookup, classes, table }: &FixedLookup) {
        let kernel = if self.text.sparse { "sparse_lookup" } else { "dense_lookup" };
        self.kernel(kernel, "lookup.h");
        self.text.format_of = Some(self.format_of(&lookup.output, classes));
        self.entries(table, lookup.function.name());
    }

    fn normalize(&mut self, FixedNormalize { sum, accumulator, reciprocal: table }: &FixedNormalize) {
        self.kernel("normalize", "lookup.h");
        let reciprocals =
            table.entries.concat().iter().fold(Interval::ZERO, |all, r| all.hull(Interval { lo: (*r).into(), hi: (*r).into() }));
        let reciprocal = Format::holding(reciprocals, 0);
        let rounded = cast(sum.formats[0], sum, table.input).unwrap_or_else(|| table.input.cpp());
        let product = reciprocal.width + self.fixed.input.format().width + 1;
        self.text.types = vec![
            typed("accumulator_t", mantissa_type(*accumulator)),
            typed("sum_t", accumulator.cpp()),
            typed("rounded_t", rounded),
            typed("index_t", table.input.cpp()),
            typed("reciprocal_t", mantissa_type(reciprocal)),
            typed("product_t", format!("ap_int<{product}>")),
        ];
        self.entries(table, "reciprocal");
    }
}

fn describe(shape: &Shape) -> String {
    match shape {
        Shape::Sparse(SparseShape { slots, height, width, channels }) => {
            format!("{slots} slots x {channels} of {height} x {width}")
        }
        Shape::Dense(shape) => super::describe(shape),
    }
}

fn weights_note(axes: &str, weights: &Coefficients) -> String {
    format!("{axes}; mantissas with {} fraction bits.", weights.fraction)
}

/// The type that rounds to `format`; nothing if the result is always 0. `out` holds all results.
fn cast(format: QuantizerFormat, quantizer: &Quantizer, out: Format) -> Option<String> {
    let target = match format {
        QuantizerFormat::Dead => return None,
        // One bit with a sign holds nothing that is symmetric but 0.
        QuantizerFormat::Live { k: 1, i, f } if i + f == 0 && quantizer.overflow == Overflow::SaturateSymmetric => return None,
        QuantizerFormat::Live { .. } => format.format()?,
        // Wide enough that nothing overflows.
        QuantizerFormat::RoundOnly { f } => Format { signed: true, width: (out.integer() + 1 + f).max(1) as u32, fraction: f },
    };
    let sign = if target.signed { "" } else { "u" };
    let (rounding, overflow) = (quantizer.rounding.ap_name(), quantizer.overflow.ap_name());
    Some(format!("ap_{sign}fixed<{}, {}, {rounding}, {overflow}>", target.width, target.integer()))
}

fn quotient(q: &Quotient) -> QuotientText {
    let numerator = Format::holding(Interval { lo: 0, hi: q.largest }, 0).width;
    let multiplier = 128 - q.multiplier.leading_zeros();
    let long = |name, value: String| Named { name, value: format!("{value}LL"), type_: "long long".into() };
    QuotientText {
        divisor: q.divisor,
        type_: q.format.cpp(),
        constants: vec![
            constant("divisor", q.divisor),
            constant("left", q.left),
            constant("right", q.right),
            constant("shift", q.shift),
            long("offset", q.offset.to_string()),
            long("offset_quotient", (q.offset / i128::from(q.divisor)).to_string()),
            long("multiplier", q.multiplier.to_string()),
        ],
        types: vec![
            typed("shifted_t", format!("ap_int<{}>", q.shifted.width + 1)),
            typed("numerator_t", format!("ap_uint<{numerator}>")),
            typed("multiplier_t", format!("ap_uint<{multiplier}>")),
            typed("product_t", format!("ap_uint<{}>", numerator + multiplier)),
            typed("quotient_t", q.format.cpp()),
        ],
    }
}
