//! The ports of the top function.

use serde::Serialize;

use crate::{
    error::{Error, Result},
    fixed::Format,
    lower::{Design, Interface},
    manifest::{self, HlsTool},
};

/// How image and outputs go through the ports.
#[derive(Debug, Clone)]
pub(super) struct Ports {
    kind: manifest::Interface,
    tool: HlsTool,
    input: Side,
    output: Side,
}

/// A port or many of one kind.
#[derive(Debug, Clone, Copy)]
struct Side {
    format: Format,
    /// Values of an event.
    values: usize,
    /// Words of an event, if it comes in words.
    words: usize,
}

impl Side {
    /// Bits of a value.
    fn width(self) -> usize {
        self.format.width.max(1) as usize
    }

    /// Values of a word.
    fn per_word(self) -> usize {
        self.values / self.words.max(1)
    }

    /// Bits of a word.
    fn bits(self) -> usize {
        self.per_word() * self.width()
    }

    /// Bits of TDATA.
    fn bytes(self) -> usize {
        self.bits().next_multiple_of(8)
    }
}

/// What the templates say of the ports.
#[derive(Debug, Serialize)]
pub(super) struct PortsText {
    /// The declarations of the two parameters.
    pub input: String,
    pub output: String,
    /// What is said of them in the top function.
    pragmas: Vec<String>,
    /// A type for each port that has one of its own.
    types: Vec<String>,
    /// The kernel header that reads and writes it.
    pub header: Option<&'static str>,
    /// Bits of the widest word, if there are words.
    widest: Option<usize>,
    /// What people have to know to wire it, for comments.
    order: Vec<String>,
    bench: Bench,
}

/// How the test bench and the bridge fill and read the ports: variables `in` and `out`.
#[derive(Debug, Serialize)]
struct Bench {
    input: String,
    /// The bits of value `i` of a word; if there are several, of word `word`.
    put: String,
    /// How many words, and the values of each.
    words: usize,
    per_word: usize,
    /// Before the call.
    finish: Vec<String>,
    argument: &'static str,
    output: String,
    /// After the call.
    begin: Vec<String>,
    /// The bits of output `i`.
    get: String,
    /// A condition that must hold, if there is one.
    whole: Option<&'static str>,
}

impl Ports {
    /// The parameters. Neither is a word of Verilog or VHDL, so that the tool leaves them as they are.
    pub(super) const INPUT: &'static str = "x_in";
    pub(super) const OUTPUT: &'static str = "y_out";

    pub(super) fn of(design: &Design, kind: manifest::Interface, tool: HlsTool) -> Self {
        let side = |value, words| {
            let value = design.value(value);
            Side { format: value.format, values: value.size(), words }
        };
        let words = match design.interface {
            Interface::Rows { values, .. } => design.value(design.input).size() / values.max(1),
            Interface::Whole => 1,
        };
        Self { kind, tool, input: side(design.input, words), output: side(design.output, 1) }
    }

    /// Arrays in place of ports, for a trace.
    pub(super) fn arrays(&self) -> Self {
        let kind = if self.input.words > 1 { manifest::Interface::Row } else { manifest::Interface::Partition };
        Self { kind, ..self.clone() }
    }

    /// The statement that gets all of the image.
    pub(super) fn receive(&self, size: usize, name: &str) -> String {
        let port = Self::INPUT;
        match self.kind {
            manifest::Interface::Partition | manifest::Interface::Row => {
                format!("sparsehls::read_ports<{size}>({port}, {name});")
            }
            manifest::Interface::Packed => format!("sparsehls::read_word<input_t, {size}>({port}, {name});"),
            manifest::Interface::Stream => format!("sparsehls::read_beat<input_t, {size}>({port}, {name});"),
        }
    }

    /// The statement that gives all outputs.
    pub(super) fn send(&self, size: usize, name: &str) -> String {
        let port = Self::OUTPUT;
        match self.kind {
            manifest::Interface::Partition | manifest::Interface::Row => {
                format!("sparsehls::write_ports<{size}>({name}, {port});")
            }
            manifest::Interface::Packed => format!("sparsehls::write_word<output_t, {size}>({name}, {port});"),
            manifest::Interface::Stream => format!("sparsehls::write_beat<output_t, {size}>({name}, {port});"),
        }
    }

    /// The declaration of the first parameter.
    pub(super) fn input(&self) -> String {
        let Side { values, words, .. } = self.input;
        match self.kind {
            manifest::Interface::Partition => format!("const input_t x_in[{values}]"),
            manifest::Interface::Row => format!("const input_t x_in[{words}][{}]", self.input.per_word()),
            manifest::Interface::Packed if words > 1 => format!("const x_in_t x_in[{words}]"),
            manifest::Interface::Packed => "x_in_t x_in".into(),
            manifest::Interface::Stream => "hls::stream<x_in_t>& x_in".into(),
        }
    }

    /// The declaration of the second.
    pub(super) fn output(&self) -> String {
        match self.kind {
            manifest::Interface::Partition | manifest::Interface::Row => format!("output_t y_out[{}]", self.output.values),
            manifest::Interface::Packed => "y_out_t& y_out".into(),
            manifest::Interface::Stream => "hls::stream<y_out_t>& y_out".into(),
        }
    }

    pub(super) fn text(&self, control: manifest::BlockControl) -> PortsText {
        let mut pragmas = self.pragmas();
        pragmas.push(format!("INTERFACE ap_ctrl_{} port=return", control.name()));
        let is_words = matches!(self.kind, manifest::Interface::Packed | manifest::Interface::Stream);
        let widest = self.input.bytes().max(self.output.bytes());
        PortsText {
            input: self.input(),
            output: self.output(),
            pragmas,
            types: self.types(),
            header: match self.kind {
                manifest::Interface::Partition | manifest::Interface::Row => None,
                manifest::Interface::Packed => Some("packed.h"),
                manifest::Interface::Stream => Some("axi_stream.h"),
            },
            widest: is_words.then_some(widest),
            order: self.order(),
            bench: self.bench(),
        }
    }

    fn pragmas(&self) -> Vec<String> {
        let lines: &[&str] = match self.kind {
            manifest::Interface::Partition => &[
                "ARRAY_PARTITION variable=x_in complete",
                "ARRAY_PARTITION variable=y_out complete",
                "INTERFACE ap_vld port=x_in,y_out",
            ],
            manifest::Interface::Row => &[
                "ARRAY_RESHAPE variable=x_in complete dim=2",
                "ARRAY_PARTITION variable=y_out complete",
                "INTERFACE ap_fifo port=x_in",
                "INTERFACE ap_vld port=y_out",
            ],
            manifest::Interface::Packed if self.input.words > 1 => {
                &["INTERFACE ap_fifo port=x_in", "INTERFACE ap_vld port=y_out"]
            }
            manifest::Interface::Packed => &["INTERFACE ap_vld port=x_in,y_out"],
            manifest::Interface::Stream => &["INTERFACE axis port=x_in", "INTERFACE axis port=y_out"],
        };
        lines.iter().map(|line| (*line).to_owned()).collect()
    }

    fn types(&self) -> Vec<String> {
        let sides = [(Self::INPUT, self.input), (Self::OUTPUT, self.output)];
        let side = |(port, side): (&str, Side)| match self.kind {
            manifest::Interface::Partition | manifest::Interface::Row => None,
            manifest::Interface::Packed => Some(format!("typedef ap_uint<{}> {port}_t;", side.bits())),
            // What is not there cannot have 0 bits in Vivado HLS.
            manifest::Interface::Stream => {
                let others = match self.tool {
                    HlsTool::Vitis => "0, 0, 0",
                    HlsTool::Vivado => "1, 1, 1",
                };
                Some(format!("typedef ap_axiu<{}, {others}> {port}_t;", side.bytes()))
            }
        };
        sides.into_iter().filter_map(side).collect()
    }

    fn order(&self) -> Vec<String> {
        let word = |port: &str, side: Side, what: &str| {
            let (per, width) = (side.per_word(), side.width());
            let place = if per == 1 { "which is" } else { "value i of a word in bits i *" };
            let bits = if per == 1 { format!("{width} bits") } else { format!("{width} to i * {width} + {}", width - 1) };
            format!("{port}: {what}; {per} value{} in a word, {place} {bits}", if per == 1 { "" } else { "s" })
        };
        let words = |side: Side| match side.words {
            1 => "a word an event".to_owned(),
            words => format!("{words} words an event, a row of the image each, from the top"),
        };
        let beats = |side: Side| format!("AXI-Stream, {}, TDATA of {} bits, TLAST with the last", words(side), side.bytes());
        match self.kind {
            manifest::Interface::Partition => vec![
                "x_in: a port for each value, in row-major order, channels last".into(),
                "y_out: a port for each value".into(),
            ],
            manifest::Interface::Row => {
                vec![word(Self::INPUT, self.input, &words(self.input)), "y_out: a port for each value".into()]
            }
            manifest::Interface::Packed => {
                vec![word(Self::INPUT, self.input, &words(self.input)), word(Self::OUTPUT, self.output, &words(self.output))]
            }
            manifest::Interface::Stream => {
                vec![word(Self::INPUT, self.input, &beats(self.input)), word(Self::OUTPUT, self.output, &beats(self.output))]
            }
        }
    }

    fn bench(&self) -> Bench {
        let Side { values, words, .. } = self.input;
        let per = self.input.per_word();
        let range = |side: Side, at: &str| format!(".range(({at} + 1) * {0} - 1, ({at}) * {0})", side.width());
        let of_word = if words > 1 { "[word]" } else { "[0]" };
        let own = ".range(input_t::width - 1, 0)";
        let (input, put, finish, argument) = match self.kind {
            manifest::Interface::Partition => (format!("input_t in[{values}]"), format!("in[i]{own}"), Vec::new(), "in"),
            manifest::Interface::Row => (format!("input_t in[{words}][{per}]"), format!("in{of_word}[i]{own}"), Vec::new(), "in"),
            manifest::Interface::Packed => (
                format!("x_in_t in[{words}]"),
                format!("in{of_word}{}", range(self.input, "i")),
                Vec::new(),
                if words > 1 { "in" } else { "in[0]" },
            ),
            manifest::Interface::Stream => (
                format!("x_in_t in[{words}]"),
                format!("in{of_word}.data{}", range(self.input, "i")),
                vec![
                    "hls::stream<x_in_t> beats;".into(),
                    format!("for (int beat = 0; beat < {words}; ++beat) {{"),
                    "    in[beat].keep = -1;".into(),
                    "    in[beat].strb = -1;".into(),
                    format!("    in[beat].last = beat == {} ? 1 : 0;", words - 1),
                    "    beats.write(in[beat]);".into(),
                    "}".into(),
                ],
                "beats",
            ),
        };
        let bits = |word: &str| format!("ap_uint<output_t::width>({word}{}.to_uint64())", range(self.output, "i"));
        let (output, begin, get, whole) = match self.kind {
            manifest::Interface::Partition | manifest::Interface::Row => {
                let get = "out[i].range(output_t::width - 1, 0)".to_owned();
                (format!("output_t out[{}]", self.output.values), Vec::new(), get, None)
            }
            manifest::Interface::Packed => ("y_out_t out".into(), Vec::new(), bits("out"), None),
            manifest::Interface::Stream => (
                "hls::stream<y_out_t> out".into(),
                vec!["const y_out_t result = out.read();".into()],
                bits("result.data"),
                Some("result.last == 1 && out.empty() && beats.empty()"),
            ),
        };
        Bench { input, put, words, per_word: per, finish, argument, output, begin, get, whole }
    }

    /// What a program wants to know of the ports.
    pub(super) fn description(&self) -> Result<serde_json::Value> {
        let protocol = |is_input: bool| match self.kind {
            manifest::Interface::Partition => "ap_vld",
            manifest::Interface::Row | manifest::Interface::Packed if is_input && self.input.words > 1 => "ap_fifo",
            manifest::Interface::Row | manifest::Interface::Packed => "ap_vld",
            manifest::Interface::Stream => "axis",
        };
        let is_one_each = |is_input: bool| match self.kind {
            manifest::Interface::Partition => true,
            manifest::Interface::Row => !is_input,
            manifest::Interface::Packed | manifest::Interface::Stream => false,
        };
        let port = |name: &'static str, direction: &'static str, side: Side, is_input: bool| {
            let per = if is_one_each(is_input) { 1 } else { side.per_word() };
            let element = |at: usize| ElementText { element: at, offset: at * side.width(), width: side.width() };
            PortText {
                name,
                direction,
                protocol: protocol(is_input),
                ports: if is_one_each(is_input) { side.values } else { 1 },
                words_per_event: if is_one_each(is_input) { 1 } else { side.words },
                width: match (self.kind, is_one_each(is_input)) {
                    (_, true) => side.width(),
                    (manifest::Interface::Stream, _) => side.bytes(),
                    _ => side.bits(),
                },
                format: side.format.to_string(),
                values_per_word: (0..per).map(element).collect(),
            }
        };
        let ports = [port(Self::INPUT, "in", self.input, true), port(Self::OUTPUT, "out", self.output, false)];
        serde_json::to_value(ports).map_err(|error| Error::internal(format!("ports that are no JSON: {error}")))
    }
}

/// A port, or as many as there are values.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct PortText {
    name: &'static str,
    direction: &'static str,
    protocol: &'static str,
    ports: usize,
    words_per_event: usize,
    width: usize,
    format: String,
    values_per_word: Vec<ElementText>,
}

/// Where a value of a word is.
#[derive(Serialize)]
struct ElementText {
    element: usize,
    offset: usize,
    width: usize,
}
