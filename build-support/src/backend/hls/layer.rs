//! What the templates say about a layer.

use serde::Serialize;

use super::{
    kernel::Writer,
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
    pub hash_size: usize,
    /// The kernel that it calls; none if it is absorbed.
    pub kernel: Option<&'static str>,
    /// The header with what it needs.
    pub header: Option<&'static str>,
    pub arguments: Vec<String>,
    pub constants: Vec<Named>,
    pub types: Vec<Named>,
    /// Type of what goes in.
    from: String,
    /// Whether what goes in is sparse, and then its sizes.
    sparse: bool,
    width: usize,
    channels: usize,
    /// The comparison that makes a pixel active.
    pub active: Option<String>,
    /// Where the index of a format comes from: `one`, `channel` or `element`.
    pub format_of: Option<&'static str>,
    /// For each format the type that rounds to it, or nothing if the result is 0.
    pub casts: Option<Vec<Option<String>>>,
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
    /// The length of a row of an array with two dimensions: a variable row then chooses among rows, not among values.
    pub row: Option<usize>,
    pub values: Vec<i64>,
}

/// What the values of a design are called: each as the layer that writes it.
#[derive(Debug)]
pub struct Names<'a>(Vec<&'a str>);

impl<'a> Names<'a> {
    pub fn of(design: &'a Design) -> Self {
        let mut names = vec!["input"; design.values.len()];
        for layer in &design.layers {
            names[layer.writes.0] = &layer.id;
        }
        Self(names)
    }

    /// The name of a value.
    pub fn of_value(&self, value: ValueId) -> &'a str {
        self.0[value.0]
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
    for layer in &design.layers {
        let mut writer = Writer { design, names: &names, layer, text: text(design, &names, layer), weights: &mut weights };
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
    text.arguments.push(names.of_value(layer.reads).to_owned());
    if let Layout::Sparse(layout) = &input.layout {
        text.sparse = true;
        text.width = layout.shape.width;
        text.channels = layout.shape.channels;
        text.arguments.push(format!("{}_hash", names.of_value(layer.reads)));
    }
    text.arguments.push(if layer.writes == design.output { "output".into() } else { id.clone() });
    if let Layout::Sparse(layout) = &output.layout {
        text.hash_type = Some(unsigned(layout.coordinate_bits));
        text.hash_size = layout.shape.slots * 2;
        text.arguments.push(format!("{id}_hash"));
    }
    text.id = id;
    text
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
