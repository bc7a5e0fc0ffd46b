//! What the templates say about a layer.

use serde::Serialize;

use super::{
    flow::{Flow, changes_hash, kernel_of},
    kernel::Writer,
    masks::Masks,
    types::{Named, fixed, unsigned},
};
use crate::{
    backend::text,
    lower::{Design, Layer, Work},
    names,
    ops::{Kernel, Layout, LookUpKernel, ValueId},
};

/// The division of a mean.
#[derive(Debug, Serialize)]
pub struct QuotientText {
    pub divisor: u64,
    #[serde(rename = "type")]
    pub type_: String,
    pub constants: Vec<Named>,
    pub types: Vec<Named>,
}

/// A layer as the templates see it.
#[derive(Debug, Default, Serialize)]
pub struct LayerText {
    pub id: String,
    pub title: String,
    pub notes: Vec<String>,
    #[serde(rename = "type")]
    type_: String,
    range: String,
    shape: String,
    pub size: usize,
    pub hash_type: Option<String>,
    /// The kernel that it calls; none if it is absorbed.
    pub kernel: Option<&'static str>,
    /// The headers with what it needs.
    pub headers: Vec<&'static str>,
    pub arguments: Vec<String>,
    pub constants: Vec<Named>,
    pub types: Vec<Named>,
    /// Type of what goes in.
    from: String,
    /// Whether what goes in is sparse, and then its sizes.
    pub sparse: bool,
    width: usize,
    channels: usize,
    /// The comparison that makes a pixel active.
    pub active: Option<String>,
    /// Where the index of a format comes from: `one`, `channel` or `element`.
    pub format_of: Option<&'static str>,
    /// For each format the type that rounds to it, or nothing if the result is 0.
    pub casts: Option<Vec<Option<String>>>,
    /// The same formats as constants, where an addition and a mask do.
    pub masks: Option<Masks>,
    /// Whether any format looks at the value.
    pub reads: bool,
    pub quotient: Option<QuotientText>,
    /// A later layer does this one's work; only its types and its quantizer are needed.
    absorbed: bool,
}

/// An array of constants: a file under `weights/`.
#[derive(Debug, Serialize)]
pub struct Weights {
    pub name: String,
    pub title: String,
    pub note: String,
    #[serde(rename = "type")]
    pub type_: &'static str,
    /// Its dimensions, as they follow its name.
    dims: String,
    /// Its values in braces.
    lines: Vec<String>,
}

/// Characters of a line of numbers.
const LINE: usize = 110;

impl Weights {
    /// An array whose dimensions behind the first are `inner`.
    pub fn new(name: String, title: String, note: String, type_: &'static str, inner: &[usize], values: &[i64]) -> Self {
        let first = values.len() / inner.iter().product::<usize>().max(1);
        let dims: String = std::iter::once(first).chain(inner.iter().copied()).map(|size| format!("[{size}]")).collect();
        let widest = values.iter().map(|value| value.to_string().len()).max().unwrap_or(1);
        let mut lines = Vec::new();
        braces(values, inner, LINE / (widest + 2), 1, &mut lines);
        Self { name, title, note, type_, dims, lines }
    }
}

/// Numbers in lines, in braces for each dimension behind the first.
fn braces(values: &[i64], inner: &[usize], columns: usize, depth: usize, lines: &mut Vec<String>) {
    let space = "    ".repeat(depth);
    let numbers = |values: &[i64]| values.iter().map(i64::to_string).collect::<Vec<_>>().join(", ");
    let Some((_, deeper)) = inner.split_first() else {
        let rows: Vec<_> = values.chunks(columns.max(1)).map(|row| format!("{space}{}", numbers(row))).collect();
        lines.extend(rows.join(",\n").lines().map(str::to_owned));
        return;
    };
    let size = inner.iter().product::<usize>().max(1);
    let count = values.len() / size;
    for (at, row) in values.chunks(size).enumerate() {
        let comma = if at + 1 < count { "," } else { "" };
        if deeper.is_empty() && row.len() <= columns {
            lines.push(format!("{space}{{{}}}{comma}", numbers(row)));
        } else if size == 1 {
            lines.push(format!("{space}{}{}{}{comma}", "{".repeat(inner.len()), numbers(row), "}".repeat(inner.len())));
        } else {
            lines.push(format!("{space}{{"));
            braces(row, deeper, columns, depth + 1, lines);
            lines.push(format!("{space}}}{comma}"));
        }
    }
}

/// What the values of a design are called: each as the layer that writes it.
#[derive(Debug)]
pub struct Names<'a> {
    values: Vec<&'a str>,
    /// The layer that made the hash of a sparse value.
    origins: Vec<Option<&'a str>>,
}

impl<'a> Names<'a> {
    pub fn of(design: &'a Design) -> Self {
        let mut names = Self { values: vec!["input"; design.values.len()], origins: vec![None; design.values.len()] };
        for layer in &design.layers {
            names.values[layer.writes.0] = &layer.id;
            let origin = if kernel_of(layer).is_some_and(changes_hash) { Some(&*layer.id) } else { names.origins[layer.reads.0] };
            let is_sparse = matches!(design.value(layer.writes).layout, Layout::Sparse(_));
            names.origins[layer.writes.0] = origin.filter(|_| is_sparse);
        }
        names
    }

    /// The name of a value.
    pub fn of_value(&self, value: ValueId) -> &'a str {
        self.values[value.0]
    }

    /// The layer that wrote the hash of a sparse value; those after it have left it as it was.
    pub fn origin(&self, value: ValueId) -> Option<&'a str> {
        self.origins[value.0]
    }

    /// The name of its type.
    pub fn of_type(&self, value: ValueId) -> String {
        format!("{}_t", self.of_value(value))
    }
}

/// The texts of all layers, and their constants.
pub fn texts(design: &Design) -> (Vec<LayerText>, Vec<Weights>) {
    let names = Names::of(design);
    let mut weights = Vec::new();
    let mut layers = Vec::new();
    for (at, layer) in design.layers.iter().enumerate() {
        let process = design.processes.iter().find(|process| process.layers.contains(&at));
        let flow = process.map_or(Flow { steps: 1, lanes: 1 }, |process| Flow::of(design, process));
        let mut writer = Writer { design, names: &names, layer, flow, text: text(design, &names, layer), weights: &mut weights };
        match &layer.work {
            Work::Kernel(kernel) => writer.kernel(kernel),
            Work::Absorbed { by } => {
                if let Work::Kernel(Kernel::LookUpDense(LookUpKernel { quantizer: Some(quantizer), multiplied, .. })) =
                    &design.layers[*by].work
                    && *multiplied == layer.writes
                {
                    writer.absorbed_quantizer(quantizer);
                }
            }
        }
        layers.push(writer.text);
    }
    (layers, weights)
}

/// What the text of a layer says of the values around it.
fn text(design: &Design, names: &Names<'_>, layer: &Layer) -> LayerText {
    let (input, output) = (design.value(layer.reads), design.value(layer.writes));
    let (id, range) = (layer.id.clone(), output.range());
    let divided = if output.divisor == 1 { String::new() } else { format!(", to be divided by {}", output.divisor) };
    let mut text = LayerText {
        title: format!(
            "{id}: {} of the {} {}",
            layer.kind,
            names::comment(&layer.keras_class),
            names::comment(&layer.keras_name)
        ),
        type_: fixed(output.format),
        range: format!("mantissas {} to {}{divided}", range.lo, range.hi),
        shape: describe(&output.layout),
        size: output.size(),
        from: names.of_type(layer.reads),
        absorbed: matches!(layer.work, Work::Absorbed { .. }),
        ..LayerText::default()
    };
    if let Layout::Sparse(layout) = &input.layout {
        text.sparse = true;
        text.width = layout.shape.width;
        text.channels = layout.shape.channels;
    }
    if let (Layout::Sparse(layout), true) = (&output.layout, kernel_of(layer).is_some_and(changes_hash)) {
        text.hash_type = Some(unsigned(layout.coordinate_bits));
    }
    text.id = id;
    text
}

impl LayerText {
    /// Comments, and the call of its kernel; nothing if another layer does its work.
    pub fn call(&self) -> Vec<String> {
        let Some(kernel) = self.kernel else { return Vec::new() };
        vec![
            format!("// {}", self.title),
            format!("// {}, {}", self.shape, self.type_),
            format!("sparsehls::{kernel}<{}_config>({});", self.id, self.arguments.join(", ")),
        ]
    }

    /// Whether it has values of its own.
    pub fn has_kernel(&self) -> bool {
        self.kernel.is_some()
    }
}

/// A shape as people read it.
pub fn describe(layout: &Layout) -> String {
    match layout {
        Layout::Sparse(layout) => {
            let shape = layout.shape;
            format!("{} slots x {} of {} x {}", shape.slots, shape.channels, shape.height, shape.width)
        }
        Layout::Dense(shape) => text::describe(shape),
    }
}
