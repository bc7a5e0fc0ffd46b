//! Who reads which net, and how much later than it is made: what registers there are, and what the ports of modules are.

use std::collections::{BTreeMap, BTreeSet};

use super::Rtl;
use crate::{
    circuit::{Circuit, Net, Op, Port, schedule::Schedule},
    error::{Error, Result},
};

/// A net as it is some clock cycles after it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Tap {
    /// The net.
    pub net: Net,
    /// Registers between.
    pub delay: u32,
    /// Which copy of the last register.
    pub copy: u32,
}

/// What a module holds and what goes in and out.
#[derive(Debug, Clone, Default)]
pub(super) struct Module {
    /// The nets that it makes, in order of their stages.
    pub nets: Vec<Net>,
    /// What others make.
    pub takes: BTreeSet<Tap>,
    /// What others read.
    pub gives: BTreeSet<Tap>,
    /// Elements of the input word that it reads as they come in.
    pub elements: BTreeSet<usize>,
}

/// Nets in modules.
#[derive(Debug)]
pub(super) struct Wiring<'a> {
    /// A module for each layer, then the top.
    pub modules: Vec<Module>,
    /// The most registers behind each net.
    pub delays: Vec<u32>,
    /// For nets that say when there are data: what they are when there are none.
    pub idle: Vec<Option<i128>>,
    /// The port of the input word that each net is an element of.
    pub element: BTreeMap<Net, usize>,
    circuit: &'a Circuit,
    schedule: &'a Schedule,
}

impl<'a> Wiring<'a> {
    pub(super) fn new(rtl: &Rtl<'a>) -> Result<Self> {
        let circuit = rtl.circuit;
        let (_, elements) = ports(circuit.inputs(), "in_valid")?;
        let mut wiring = Self {
            modules: vec![Module::default(); rtl.layers.len() + 1],
            delays: vec![0; circuit.nodes().len()],
            idle: circuit.idle()?,
            element: elements.iter().enumerate().map(|(at, port)| (port.net, at)).collect(),
            circuit,
            schedule: rtl.schedule,
        };
        if rtl.schedule.stage.len() != circuit.nodes().len() {
            return Err(Error::internal("a schedule for another circuit"));
        }
        let live = circuit.live();
        for net in circuit.nets().filter(|net| live[net.index()]) {
            wiring.add(net)?;
        }
        let top = rtl.layers.len();
        for port in circuit.outputs() {
            let delayed = wiring.tap(port.net, rtl.schedule.last, port.net)?;
            wiring.read(top, Tap { copy: 0, ..delayed });
        }
        for module in &mut wiring.modules {
            module.nets.sort_by_key(|net| (rtl.schedule.stage[net.index()], *net));
        }
        Ok(wiring)
    }

    /// The module that makes a net. What comes in belongs to the top, and what is always the same to nobody.
    fn home(&self, net: Net) -> usize {
        let top = self.modules.len() - 1;
        if self.circuit.node(net).op == Op::Input { top } else { self.circuit.node(net).layer.min(top) }
    }

    fn add(&mut self, net: Net) -> Result {
        let (node, home) = (self.circuit.node(net), self.home(net));
        if node.op == Op::Constant || self.element.contains_key(&net) {
            return Ok(());
        }
        self.modules[home].nets.push(net);
        let kept = match node.op {
            Op::State(at) => Some(&self.circuit.states()[at]),
            _ => None,
        };
        let kept = kept.into_iter().flat_map(|state| state.next.iter().chain(&state.enable));
        for read in node.args.iter().chain(kept) {
            let tap = self.tap(*read, self.stage(net), net)?;
            self.read(home, tap);
        }
        Ok(())
    }

    /// A module reads a net.
    fn read(&mut self, reader: usize, tap: Tap) {
        let Tap { net, delay, .. } = tap;
        if self.circuit.constant_of(net).is_some() {
            return;
        }
        let (home, most) = (self.home(net), &mut self.delays[net.index()]);
        *most = delay.max(*most);
        // Each module takes what it needs out of the input word; registers behind that are the top's.
        let element = self.element.get(&net).copied();
        if let Some(element) = element {
            self.modules[if delay > 0 { home } else { reader }].elements.insert(element);
        }
        if home != reader && (element.is_none() || delay > 0) {
            self.modules[home].gives.insert(tap);
            self.modules[reader].takes.insert(tap);
        }
    }

    /// `net` as `reader` reads it in a stage. Of what is always the same there is only one.
    pub(super) fn tap(&self, net: Net, stage: u32, reader: Net) -> Result<Tap> {
        if self.circuit.constant_of(net).is_some() {
            return Ok(Tap { net, delay: 0, copy: 0 });
        }
        let delay = stage.checked_sub(self.stage(net));
        let delay = delay.ok_or_else(|| Error::internal(format!("net {} is read before it is made", net.index())))?;
        Ok(Tap { net, delay, copy: self.schedule.copies.read_by(net, reader) })
    }

    /// The stage of a net.
    pub(super) fn stage(&self, net: Net) -> u32 {
        self.schedule.stage[net.index()]
    }

    /// The first and the last stage of a module; none if nothing is in it.
    pub(super) fn stages(&self, module: usize) -> Option<(u32, u32)> {
        let nets = &self.modules[module].nets;
        Some((self.stage(*nets.first()?), self.stage(*nets.last()?)))
    }

    /// Bits of all registers of a module.
    pub(super) fn register_bits(&self, module: usize) -> u64 {
        let taps = self.modules[module].nets.iter().flat_map(|net| self.taps(*net));
        taps.filter(|tap| self.is_register(*tap)).map(|tap| u64::from(self.circuit.width(tap.net))).sum()
    }

    /// Whether it is a register that drives this, and not a net of logic.
    pub(super) fn is_register(&self, tap: Tap) -> bool {
        tap.delay > 0 || matches!(self.circuit.node(tap.net).op, Op::State(_))
    }

    /// Everything that there is of a net: itself, and the registers behind it.
    pub(super) fn taps(&self, net: Net) -> Vec<Tap> {
        let copies =
            |delay| (0..self.schedule.copies.count(net, self.stage(net) + delay)).map(move |copy| Tap { net, delay, copy });
        (0..=self.delays[net.index()]).flat_map(copies).collect()
    }
}

/// The first port, which has this name, and the others.
pub(super) fn ports<'a>(ports: &'a [Port], valid: &str) -> Result<(Net, &'a [Port])> {
    match ports {
        [first, others @ ..] if first.name == valid => Ok((first.net, others)),
        _ => Err(Error::internal(format!("a circuit whose first port is not `{valid}`"))),
    }
}
