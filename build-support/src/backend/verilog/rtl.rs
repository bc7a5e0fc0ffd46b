//! Modules as text.

use std::{collections::BTreeSet, fmt::Write as _};

use super::{
    Rtl,
    labels::{self, Names},
    wiring::{Module, Tap, Wiring, ports},
    words::{self, Word},
};
use crate::{
    circuit::{Net, Node, Op},
    error::Result,
    fixed::Format,
};

/// A line of a port list.
struct Pin {
    direction: &'static str,
    kind: &'static str,
    width: u32,
    name: String,
}

/// One module, on its way to text.
pub(super) struct Text<'a> {
    rtl: &'a Rtl<'a>,
    wiring: &'a Wiring<'a>,
    module: &'a Module,
    names: &'a Names,
    /// Letters of the widest range.
    widest: usize,
    /// What registers without a reset get in a cycle.
    data: String,
    /// What registers with a reset get in a cycle, and what a reset gives them.
    control: String,
    reset: String,
}

/// Every module, those of layers first.
pub(super) fn text(rtl: &Rtl<'_>, wiring: &Wiring<'_>) -> Result<String> {
    let names = labels::all(rtl, wiring);
    let mut text = String::new();
    let mut pins = Vec::new();
    for (at, layer) in rtl.layers.iter().enumerate() {
        let module = Text::new(rtl, wiring, &wiring.modules[at], &names[at]);
        if module.module.nets.is_empty() {
            pins.push(None);
            continue;
        }
        let (own, body) = module.layer()?;
        let name = labels::module(rtl.model, layer.id);
        let _ = write!(text, "\n// {}{}\n{}{body}endmodule\n", layer.title, about(wiring, at), head(&name, &own));
        pins.push(Some(own));
    }
    Ok(text
        + &tables(rtl, wiring)
        + "\n"
        + &Text::new(rtl, wiring, &wiring.modules[rtl.layers.len()], &names[rtl.layers.len()]).top(&pins, &names)?)
}

/// A module for each table that is read.
fn tables(rtl: &Rtl<'_>, wiring: &Wiring<'_>) -> String {
    let nets = wiring.modules.iter().flat_map(|module| &module.nets);
    let used = nets.filter_map(|net| if let Op::Table(at) = rtl.circuit.node(*net).op { Some(at) } else { None });
    let used: BTreeSet<_> = used.collect();
    let text = |at| format!("\n{}", words::look_up(&labels::table(rtl.model, at), &rtl.circuit.tables()[at]));
    used.into_iter().map(text).collect()
}

/// `: stages 3 to 5, 120 bits of registers`
fn about(wiring: &Wiring<'_>, at: usize) -> String {
    let stages = match wiring.stages(at) {
        Some((first, last)) if first != last => format!("stages {first} to {last}"),
        Some((only, _)) => format!("stage {only}"),
        None => "nothing".to_owned(),
    };
    format!(": {stages}, {} bits of registers", wiring.register_bits(at))
}

fn head(name: &str, pins: &[Pin]) -> String {
    let range = |pin: &Pin| words::range(pin.width);
    let widest = pins.iter().map(|pin| range(pin).len()).max().unwrap_or(0);
    let kinds = pins.iter().map(|pin| pin.kind.len()).max().unwrap_or(0);
    let line = |pin: &Pin| {
        let range = range(pin);
        format!("    {:<6} {:<kinds$} {range:>widest$} {}", pin.direction, pin.kind, pin.name)
    };
    format!("module {name} (\n{}\n);\n", pins.iter().map(line).collect::<Vec<_>>().join(",\n"))
}

fn paragraph(title: &str, lines: &str) -> String {
    if lines.is_empty() { String::new() } else { format!("\n    // {title}\n{lines}") }
}

impl<'a> Text<'a> {
    fn new(rtl: &'a Rtl<'a>, wiring: &'a Wiring<'a>, module: &'a Module, names: &'a Names) -> Self {
        let taken = module.takes.iter().chain(&module.gives).map(|tap| tap.net);
        let elements = module.elements.iter().filter_map(|at| rtl.circuit.inputs().get(at + 1)).map(|port| port.net);
        let nets = module.nets.iter().copied().chain(taken).chain(elements);
        let widest = nets.map(|net| words::range(rtl.circuit.width(net)).len()).max().unwrap_or(0);
        Self { rtl, wiring, module, names, widest, data: String::new(), control: String::new(), reset: String::new() }
    }

    fn word(&self, tap: Tap) -> Word {
        let node = self.rtl.circuit.node(tap.net);
        match node.constant() {
            Some(constant) => Word::Constant(constant),
            None => Word::Named { name: self.names.of(tap).to_owned(), width: node.width(), signed: node.format().signed },
        }
    }

    /// `net` as `reader` reads it.
    fn read(&self, net: Net, reader: Net) -> Result<Word> {
        self.wiring.tap(net, self.wiring.stage(reader), reader).map(|tap| self.word(tap))
    }

    /// The ports of a layer's module, and what is in it.
    fn layer(mut self) -> Result<(Vec<Pin>, String)> {
        let body = self.body()?;
        let mut pins = self.shared_pins();
        let pin = |direction, kind, tap: &Tap| {
            let width = self.rtl.circuit.width(tap.net);
            Pin { direction, kind, width, name: self.names.of(*tap).to_owned() }
        };
        pins.extend(self.module.takes.iter().map(|tap| pin("input", "wire", tap)));
        if !self.module.elements.is_empty() {
            pins.push(Pin { direction: "input", kind: "wire", width: self.rtl.input_bits(), name: "in_data".into() });
        }
        let kind = |tap: &Tap| if self.wiring.is_register(*tap) { "reg" } else { "wire" };
        pins.extend(self.module.gives.iter().map(|tap| pin("output", kind(tap), tap)));
        Ok((pins, body))
    }

    /// The clock, the reset and the enable, if there is anything that needs them.
    fn shared_pins(&self) -> Vec<Pin> {
        let needs = [
            ("clk", !self.data.is_empty() || !self.control.is_empty()),
            ("rst", !self.control.is_empty()),
            ("ce", self.rtl.clock_enable && (!self.data.is_empty() || !self.control.is_empty())),
        ];
        let pin = |name: &str| Pin { direction: "input", kind: "wire", width: 1, name: name.into() };
        needs.iter().filter(|(_, needs)| *needs).map(|(name, _)| pin(name)).collect()
    }

    /// Functions, nets and registers.
    fn body(&mut self) -> Result<String> {
        let (mut states, mut stages) = (String::new(), String::new());
        let nets = &self.module.nets;
        for nets in nets.chunk_by(|a, b| self.wiring.stage(*a) == self.wiring.stage(*b)) {
            let mut lines = String::new();
            for net in nets {
                match self.rtl.circuit.node(*net).op {
                    Op::Input => {}
                    Op::State(at) => states += &self.state(*net, at)?,
                    _ => lines += &self.made(*net)?,
                }
                lines += &self.delays(*net);
            }
            stages += &paragraph(&format!("Stage {}", self.wiring.stage(nets[0])), &lines);
        }
        let elements: String = self.module.elements.iter().map(|at| self.element(*at)).collect();
        let before = [("Of the input word", elements), ("What earlier words have left", states)];
        let before: String = before.iter().map(|(title, lines)| paragraph(title, lines)).collect();
        Ok(self.functions() + &before + &stages + &self.always())
    }

    fn functions(&self) -> String {
        let sums = self.module.nets.iter().map(|net| self.rtl.circuit.node(*net)).filter(|node| node.op == Op::AddOrSubtract);
        let widths: BTreeSet<_> = sums.map(Node::width).collect();
        widths.into_iter().map(words::add_or_subtract).collect()
    }

    /// What drives a net.
    fn made(&self, net: Net) -> Result<String> {
        let node = self.rtl.circuit.node(net);
        let (own, tables) = (Tap { net, delay: 0, copy: 0 }, self.rtl.circuit.tables());
        let args: Vec<_> = node.args.iter().map(|arg| self.read(*arg, net)).collect::<Result<_>>()?;
        if let (Op::Table(at), [index]) = (&node.op, &args[..]) {
            let (name, index) = (self.names.of(own), index.part(0, words::index_bits(tables[*at].len())));
            let (module, instance) = (labels::table(self.rtl.model, *at), labels::look_up(name));
            let line = format!("    {module} {instance} (.index({index}), .entry({name}));\n");
            return Ok(self.line("wire", own, None) + &line);
        }
        Ok(self.line("wire", own, Some(&words::expression(self.rtl.circuit, net, &args)?)))
    }

    /// A declaration, or an assignment if a port declares it.
    fn line(&self, kind: &str, tap: Tap, text: Option<&str>) -> String {
        let (name, range, widest) = (self.names.of(tap), words::range(self.rtl.circuit.width(tap.net)), self.widest);
        let is_port = self.module.gives.contains(&tap) && !self.is_top();
        let keep = if tap.copy > 0 { "(* keep = \"true\", dont_merge *) " } else { "" };
        match (is_port, text) {
            (true, Some(text)) => format!("    assign {:>widest$}{name} = {text};\n", ""),
            (true, None) => String::new(),
            (false, Some(text)) => format!("    {kind:<4} {range:>widest$} {name} = {text};\n"),
            (false, None) => format!("    {keep}{kind:<4} {range:>widest$} {name};\n"),
        }
    }

    fn is_top(&self) -> bool {
        self.wiring.modules.last().is_some_and(|top| std::ptr::eq(top, self.module))
    }

    /// A state: its registers, and what they get.
    fn state(&mut self, net: Net, at: usize) -> Result<String> {
        let state = &self.rtl.circuit.states()[at];
        let Some(next) = state.next else { return Ok(String::new()) };
        let (next, width) = (self.read(next, net)?.part(0, self.rtl.circuit.width(net)), self.rtl.circuit.width(net));
        let enable = match state.enable {
            Some(enable) => format!("if ({}) ", self.read(enable, net)?.part(0, 1)),
            None => String::new(),
        };
        let mut text = String::new();
        for tap in self.wiring.taps(net).into_iter().filter(|tap| tap.delay == 0) {
            text += &self.line("reg", tap, None);
            let name = self.names.of(tap).to_owned();
            self.register(&name, &enable, &next, state.is_control.then(|| words::literal(state.initial, width)));
        }
        Ok(text)
    }

    /// The registers behind a net.
    fn delays(&mut self, net: Net) -> String {
        let mut text = String::new();
        let width = self.rtl.circuit.width(net);
        let idle = self.wiring.idle[net.index()].map(|idle| words::literal(idle, width));
        for tap in self.wiring.taps(net).into_iter().filter(|tap| tap.delay > 0) {
            text += &self.line("reg", tap, None);
            let before = Tap { delay: tap.delay - 1, copy: 0, ..tap };
            let (name, before) = (self.names.of(tap).to_owned(), self.names.of(before).to_owned());
            self.register(&name, "", &before, idle.clone());
        }
        text
    }

    fn register(&mut self, name: &str, enable: &str, next: &str, reset: Option<String>) {
        let (lines, deep) = match reset {
            Some(reset) => {
                let _ = writeln!(self.reset, "            {name} <= {reset};");
                (&mut self.control, 12)
            }
            None if self.rtl.clock_enable => (&mut self.data, 12),
            None => (&mut self.data, 8),
        };
        let _ = writeln!(lines, "{:deep$}{enable}{name} <= {next};", "");
    }

    fn always(&self) -> String {
        let mut text = String::new();
        if !self.data.is_empty() && self.rtl.clock_enable {
            let _ = write!(text, "\n    always @(posedge clk) begin\n        if (ce) begin\n{}        end\n    end\n", self.data);
        } else if !self.data.is_empty() {
            let _ = write!(text, "\n    always @(posedge clk) begin\n{}    end\n", self.data);
        }
        if !self.control.is_empty() {
            let moves = if self.rtl.clock_enable { "else if (ce)" } else { "else" };
            text += "\n    always @(posedge clk) begin\n        if (rst) begin\n";
            let _ = write!(text, "{}        end {moves} begin\n{}        end\n    end\n", self.reset, self.control);
        }
        text
    }

    /// An element of the input word.
    fn element(&self, at: usize) -> String {
        let Some(port) = self.rtl.circuit.inputs().get(at + 1) else { return String::new() };
        let word = Word::Named { name: "in_data".into(), width: self.rtl.input_bits(), signed: false };
        let tap = Tap { net: port.net, delay: 0, copy: 0 };
        let part = word.part(at as u32 * self.rtl.input.width.max(1), self.rtl.circuit.width(port.net));
        self.line("wire", tap, Some(&part))
    }

    /// The top module: the layers, what lies between, and the ports.
    fn top(mut self, pins: &[Option<Vec<Pin>>], names: &[Names]) -> Result<String> {
        let gives = self.wiring.modules[..self.rtl.layers.len()].iter().flat_map(|module| &module.gives);
        let wires: String = gives.map(|tap| self.line("wire", *tap, None)).collect();
        let wires = paragraph("From layer to layer", &wires);
        let mut body = self.body()?;
        let late: Vec<Net> = self.wiring.element.keys().copied().filter(|net| self.wiring.delays[net.index()] > 0).collect();
        if !late.is_empty() {
            (self.data, self.control, self.reset) = Default::default();
            let registers: String = late.iter().map(|net| self.delays(*net)).collect();
            let _ = write!(body, "\n    // Elements that are read later\n{registers}{}", self.always());
        }
        let mut text = head(self.rtl.model, &self.ports()) + &wires + &body;
        for (at, layer) in self.rtl.layers.iter().enumerate() {
            if let Some(pins) = &pins[at] {
                let _ = write!(text, "\n    {} {} (\n", labels::module(self.rtl.model, layer.id), layer.id);
                text += &self.connections(at, pins, &names[at]);
                text += "    );\n";
            }
        }
        Ok(text + &self.outputs()? + "endmodule\n")
    }

    fn connections(&self, at: usize, pins: &[Pin], inner: &Names) -> String {
        let module = &self.wiring.modules[at];
        let taps = module.takes.iter().chain(&module.gives);
        let outer: std::collections::HashMap<_, _> = taps.map(|tap| (inner.of(*tap), self.names.of(*tap))).collect();
        let widest = pins.iter().map(|pin| pin.name.len()).max().unwrap_or(0);
        let line = |pin: &Pin| {
            let signal = outer.get(pin.name.as_str()).copied().unwrap_or(&pin.name);
            format!("        .{:<widest$} ({signal})", pin.name)
        };
        pins.iter().map(line).collect::<Vec<_>>().join(",\n") + "\n"
    }

    fn ports(&self) -> Vec<Pin> {
        let pin = |direction, width, name: &str| Pin { direction, kind: "wire", width, name: name.into() };
        let enable = self.rtl.clock_enable.then(|| pin("input", 1, "ce"));
        let mut pins = vec![pin("input", 1, "clk"), pin("input", 1, "rst")];
        pins.extend(enable);
        pins.push(pin("input", 1, "in_valid"));
        pins.push(pin("input", self.rtl.input_bits(), "in_data"));
        pins.push(pin("output", 1, "out_valid"));
        pins.push(pin("output", self.rtl.output_bits(), "out_data"));
        pins
    }

    fn outputs(&self) -> Result<String> {
        let last = self.rtl.schedule.last;
        let (valid, elements) = ports(self.rtl.circuit.outputs(), "out_valid")?;
        let read = |net: Net| self.wiring.tap(net, last, net).map(|tap| self.word(Tap { copy: 0, ..tap }));
        let mut text = format!("\n    assign out_valid = {};\n", read(valid)?.part(0, 1));
        let width = self.rtl.output.width.max(1);
        for (at, port) in elements.iter().enumerate() {
            let low = at as u32 * width;
            let place = if self.rtl.output_bits() == 1 {
                String::new()
            } else if width == 1 {
                format!("[{low}]")
            } else {
                format!("[{}:{low}]", low + width - 1)
            };
            let _ = writeln!(text, "    assign out_data{place} = {};", read(port.net)?.part(0, width));
        }
        Ok(text)
    }
}

impl Rtl<'_> {
    /// Bits of an input word.
    pub fn input_bits(&self) -> u32 {
        bits(self.input, self.circuit.inputs().len())
    }

    /// Bits of an output word.
    pub fn output_bits(&self) -> u32 {
        bits(self.output, self.circuit.outputs().len())
    }

    /// The whole file. It depends on nothing but what is given here.
    ///
    /// # Errors
    /// [`Internal`](crate::Code::Internal) if circuit and schedule do not belong to each other, or the circuit has other ports
    /// than those of a [`Core`](crate::circuit::core::Core).
    pub fn text(&self) -> Result<String> {
        let wiring = Wiring::new(self)?;
        let lines: String = self.about.iter().map(|line| format!("// {line}").trim_end().to_owned() + "\n").collect();
        Ok(lines + LINT + &text(self, &wiring)?)
    }
}

/// What `verilator -Wall` would say of text that is as it is meant to be.
const LINT: &str = "\n\
    // A file holds all modules of a model:\n\
    /* verilator lint_off DECLFILENAME */\n\
    // A net has all bits of its value, also those that nothing reads:\n\
    /* verilator lint_off UNUSED */\n";

fn bits(format: Format, ports: usize) -> u32 {
    format.width.max(1) * (ports.max(2) as u32 - 1)
}
