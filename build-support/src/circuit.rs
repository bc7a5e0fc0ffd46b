//! A circuit: words, what makes each of them of others, and what is kept from one clock cycle to the next.
//!
//! Meaning comes without time. A *token* enters at each clock cycle; every net has one value for each token, and a *state* has
//! the value that an earlier token left. Whether a token carries data is data too (`valid`). When a net has its value is the
//! business of [`Schedule`](schedule::Schedule), which puts pipeline registers between nets and changes no value.
//!
//! Every net has the range of the integers that it can be, from which its width follows. Constants fold, equal nodes are one.

mod build;
pub mod core;
pub mod cost;
pub mod engine;
pub mod evaluate;
mod idle;
mod kernels;
mod products;
pub mod schedule;
pub mod stream;
pub mod tech;
#[cfg(test)]
mod testing;
mod trees;

use std::collections::HashMap;

use self::trees::by_index;

use crate::{
    error::{Code, Error, Result},
    fixed::{Format, MantissaRange},
};

/// What a node has beyond this magnitude is too wide to be a word.
pub(crate) const LIMIT: i128 = 1 << 120;

/// Names a net of a [`Circuit`], and the node that drives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Net(u32);

impl Net {
    /// Its place in [`Circuit::nodes`].
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// What a node makes of its arguments. Bits are those of two's complement, of any width.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Op {
    /// A port of the circuit: what comes in with a token.
    Input,
    /// Always the same, the low end of the range.
    Constant,
    /// What the tokens before have left; the number is a place in [`Circuit::states`].
    State(usize),
    /// `a + b`
    Add,
    /// `a - b`
    Subtract,
    /// `c ? a - b : a + b` of (a, b, c): one carry chain
    AddOrSubtract,
    /// `a * b`
    Multiply,
    /// `a << n`
    ShiftLeft(u32),
    /// `a >> n`, rounded down
    ShiftRight(u32),
    /// `a < b`, 0 or 1
    Less,
    /// `a == b`, 0 or 1
    Equal,
    /// `1 - a` of a bit
    Not,
    /// All bits of words that are not negative
    And,
    /// The same
    Or,
    /// `c ? a : 0` of (c, a)
    Gate,
    /// Of pairs (c, a), of which at most one has a c that is 1 and an a that is not 0: that a, which is not negative; or else 0
    OneOf,
    /// `c ? a : b` of (c, a, b)
    Select,
    /// Word number i of up to four, of (i, word 0, word 1, ...)
    Pick,
    /// An entry of a table of [`Circuit::tables`], by the index a
    Table(usize),
    /// So many bits of a from `low` on, without a sign
    Bits {
        /// The least.
        low: u32,
        /// How many.
        width: u32,
    },
    /// The low bits of a as a number with a sign: it wraps around
    Signed {
        /// How many.
        width: u32,
    },
    /// Words that are not negative beside each other, with these widths, the first one on top
    Join(Vec<u32>),
    /// `a`, which is known to lie in the range
    Narrow,
}

/// A node and the net that it drives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// What it does.
    pub op: Op,
    /// What it reads.
    pub args: Vec<Net>,
    /// What it can be.
    pub range: MantissaRange,
    /// The layer that it belongs to, as a place in the design's layers; what is beside all layers has the one after the last.
    pub layer: usize,
}

impl Node {
    /// Bits of the word, and whether it has a sign.
    pub fn format(&self) -> Format {
        Format::holding(self.range, 0)
    }

    /// Its bits; a constant 0 has one.
    pub fn width(&self) -> u32 {
        self.format().width.max(1)
    }

    /// Its value, if it is always the same.
    pub fn constant(&self) -> Option<i128> {
        matches!(self.op, Op::Constant).then_some(self.range.lo)
    }
}

/// What is kept from one token to the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// The net with what the tokens before have left.
    pub net: Net,
    /// What this token leaves; a state that is read must have it.
    pub next: Option<Net>,
    /// Whether this token leaves anything; every one does if there is none.
    pub enable: Option<Net>,
    /// What it is before the first token.
    pub initial: i128,
    /// Whether a reset brings that back: it says when data are valid.
    pub is_control: bool,
}

/// A port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    /// Its name.
    pub name: String,
    /// What it carries.
    pub net: Net,
}

/// A circuit.
#[derive(Debug, Clone, Default)]
pub struct Circuit {
    nodes: Vec<Node>,
    states: Vec<State>,
    tables: Vec<Vec<i128>>,
    inputs: Vec<Port>,
    outputs: Vec<Port>,
    names: HashMap<Net, String>,
    known: HashMap<(Op, Vec<Net>, MantissaRange), Net>,
    table_of: HashMap<Vec<i128>, usize>,
    layer: usize,
    too_wide: Option<usize>,
}

impl Circuit {
    /// Every node; what one reads stands before it, but for what a state leaves.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Every state.
    pub fn states(&self) -> &[State] {
        &self.states
    }

    /// Every table.
    pub fn tables(&self) -> &[Vec<i128>] {
        &self.tables
    }

    /// The ports that go in, in their order.
    pub fn inputs(&self) -> &[Port] {
        &self.inputs
    }

    /// The ports that come out, in their order.
    pub fn outputs(&self) -> &[Port] {
        &self.outputs
    }

    /// What a net is for, as people would call it within its layer: an identifier, not necessarily unique.
    pub fn name(&self, net: Net) -> Option<&str> {
        self.names.get(&net).map(String::as_str)
    }

    /// The node that drives `net`.
    pub fn node(&self, net: Net) -> &Node {
        &self.nodes[net.index()]
    }

    /// What `net` can be.
    pub fn range(&self, net: Net) -> MantissaRange {
        self.node(net).range
    }

    /// Bits of `net`.
    pub fn width(&self, net: Net) -> u32 {
        self.node(net).width()
    }

    /// The value of `net`, if it is always the same.
    pub fn constant_of(&self, net: Net) -> Option<i128> {
        self.node(net).constant()
    }

    /// Puts another node in the place of one: for tests that ask who notices. What it reads has to stand before it.
    pub fn replace(&mut self, net: Net, node: Node) {
        self.nodes[net.index()] = node;
    }

    /// Changes an entry of a table, for the same tests.
    pub fn replace_entry(&mut self, table: usize, entry: usize, value: i128) {
        self.tables[table][entry] = value;
    }

    /// Changes a state, for the same tests.
    pub fn replace_state(&mut self, at: usize, state: State) {
        self.states[at] = state;
    }

    /// Every net.
    pub fn nets(&self) -> impl DoubleEndedIterator<Item = Net> + use<> {
        (0..self.nodes.len() as u32).map(Net)
    }

    /// Whether each net is needed for an output.
    pub fn live(&self) -> Vec<bool> {
        self.needed(self.outputs.iter().map(|port| port.net))
    }

    /// Whether each net is needed for one of `wanted`.
    fn needed(&self, wanted: impl Iterator<Item = Net>) -> Vec<bool> {
        let mut live = vec![false; self.nodes.len()];
        let mut open: Vec<Net> = wanted.collect();
        while let Some(net) = open.pop() {
            if std::mem::replace(&mut live[net.index()], true) {
                continue;
            }
            open.extend(&self.node(net).args);
            if let Op::State(at) = self.node(net).op {
                open.extend(self.states[at].next.into_iter().chain(self.states[at].enable));
            }
        }
        live
    }

    /// Says that all is built.
    ///
    /// # Errors
    /// [`Code::FormatTooWide`] if a word is too wide; [`Internal`](Code::Internal) if a state is read that nothing writes, or a word
    /// has no value.
    pub fn finish(&self) -> Result {
        if let Some(layer) = self.too_wide {
            let message = format!("a value inside layer number {} needs more than 120 bits", layer + 1);
            return Err(
                Error::new(Code::FormatTooWide, message).help("give the layer an input quantizer, or fewer bits in training")
            );
        }
        let live = self.live();
        match self.states.iter().find(|state| live[state.net.index()] && state.next.is_none()) {
            Some(state) => Err(Error::internal(format!("nothing writes the state n{}", state.net.0))),
            None => Ok(()),
        }
    }
}
