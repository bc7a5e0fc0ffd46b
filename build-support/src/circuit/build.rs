//! Building a circuit, node by node: what is constant folds, what is there already is taken.

use super::{Circuit, LIMIT, Net, Node, Op, Port, State};
use crate::fixed::{Format, MantissaRange};

const BIT: MantissaRange = MantissaRange { lo: 0, hi: 1 };

/// Inputs of a gate that one LUT holds.
const GATE_INPUTS: usize = 6;

/// Pairs of a gated or that one LUT holds.
const GATED_PAIRS: usize = 3;

impl Circuit {
    /// From here on nodes belong to this layer.
    pub fn enter(&mut self, layer: usize) {
        self.layer = layer;
    }

    /// Names a net that has no name yet, for people who read the text. `name` is an identifier.
    pub fn label(&mut self, net: Net, name: impl Into<String>) -> Net {
        if self.constant_of(net).is_none() {
            self.names.entry(net).or_insert_with(|| name.into());
        }
        net
    }

    fn push(&mut self, op: Op, args: Vec<Net>, range: MantissaRange) -> Net {
        let net = Net(self.nodes.len() as u32);
        if range.lo < -LIMIT || range.hi > LIMIT {
            self.too_wide.get_or_insert(self.layer);
        }
        let range = MantissaRange { lo: range.lo.clamp(-LIMIT, LIMIT), hi: range.hi.clamp(-LIMIT, LIMIT) };
        self.nodes.push(Node { op, args, range, layer: self.layer });
        net
    }

    /// A node that depends on nothing but its arguments.
    fn node_of(&mut self, op: Op, args: Vec<Net>, range: MantissaRange) -> Net {
        if range.lo == range.hi {
            return self.constant(range.lo);
        }
        let key = (op, args, range);
        if let Some(net) = self.known.get(&key) {
            return *net;
        }
        let net = self.push(key.0.clone(), key.1.clone(), range);
        self.known.insert(key, net);
        net
    }

    /// Always `value`.
    pub fn constant(&mut self, value: i128) -> Net {
        let key = (Op::Constant, Vec::new(), MantissaRange { lo: value, hi: value });
        if let Some(net) = self.known.get(&key) {
            return *net;
        }
        let net = self.push(Op::Constant, Vec::new(), key.2);
        self.known.insert(key, net);
        net
    }

    /// A port for a number that can be all of `range`.
    pub fn input(&mut self, name: impl Into<String>, range: MantissaRange) -> Net {
        let net = self.push(Op::Input, Vec::new(), range);
        self.inputs.push(Port { name: name.into(), net });
        net
    }

    /// A port that carries `net` out.
    pub fn output(&mut self, name: impl Into<String>, net: Net) {
        self.outputs.push(Port { name: name.into(), net });
    }

    /// `a + b`
    pub fn add(&mut self, a: Net, b: Net) -> Net {
        let (x, y) = (self.range(a), self.range(b));
        match (self.constant_of(a), self.constant_of(b)) {
            (Some(0), _) => b,
            (_, Some(0)) => a,
            _ => {
                let args = if a < b { vec![a, b] } else { vec![b, a] };
                self.node_of(Op::Add, args, MantissaRange { lo: x.lo.saturating_add(y.lo), hi: x.hi.saturating_add(y.hi) })
            }
        }
    }

    /// `a - b`
    pub fn subtract(&mut self, a: Net, b: Net) -> Net {
        let (x, y) = (self.range(a), self.range(b));
        match self.constant_of(b) {
            Some(0) => a,
            _ if a == b => self.constant(0),
            _ => {
                let range = MantissaRange { lo: x.lo.saturating_sub(y.hi), hi: x.hi.saturating_sub(y.lo) };
                self.node_of(Op::Subtract, vec![a, b], range)
            }
        }
    }

    /// `minus ? a - b : a + b`
    pub fn add_or_subtract(&mut self, a: Net, b: Net, minus: Net) -> Net {
        match (self.constant_of(minus), self.constant_of(b)) {
            (Some(0), _) => return self.add(a, b),
            (Some(_), _) => return self.subtract(a, b),
            (_, Some(0)) => return a,
            _ => {}
        }
        let (x, y) = (self.range(a), self.range(b));
        let either = y.hull(MantissaRange { lo: -y.hi, hi: -y.lo });
        let range = MantissaRange { lo: x.lo.saturating_add(either.lo), hi: x.hi.saturating_add(either.hi) };
        self.node_of(Op::AddOrSubtract, vec![a, b, minus], range)
    }

    /// `-a`
    pub fn negative(&mut self, a: Net) -> Net {
        let zero = self.constant(0);
        self.subtract(zero, a)
    }

    /// `a * b`
    pub fn multiply(&mut self, a: Net, b: Net) -> Net {
        match (self.constant_of(a), self.constant_of(b)) {
            (Some(constant), _) => return self.times(b, constant),
            (_, Some(constant)) => return self.times(a, constant),
            _ => {}
        }
        let (x, y) = (self.range(a), self.range(b));
        let corners = [(x.lo, y.lo), (x.lo, y.hi), (x.hi, y.lo), (x.hi, y.hi)].map(|(x, y)| x.saturating_mul(y));
        let range = corners.into_iter().map(|c| MantissaRange { lo: c, hi: c }).reduce(MantissaRange::hull);
        let args = if a < b { vec![a, b] } else { vec![b, a] };
        self.node_of(Op::Multiply, args, range.unwrap_or(MantissaRange::ZERO))
    }

    /// `a << bits`
    pub fn shift_left(&mut self, a: Net, bits: u32) -> Net {
        if bits == 0 {
            return a;
        }
        let range = self.range(a);
        let moved = |x: i128| x.saturating_mul(1i128.checked_shl(bits.min(126)).unwrap_or(i128::MAX));
        self.node_of(Op::ShiftLeft(bits), vec![a], MantissaRange { lo: moved(range.lo), hi: moved(range.hi) })
    }

    /// `a >> bits`, rounded down
    pub fn shift_right(&mut self, a: Net, bits: u32) -> Net {
        if bits == 0 {
            return a;
        }
        let (range, bits) = (self.range(a), bits.min(127));
        self.node_of(Op::ShiftRight(bits), vec![a], MantissaRange { lo: range.lo >> bits, hi: range.hi >> bits })
    }

    /// `a << bits`, or `a >> -bits`
    pub fn shift(&mut self, a: Net, bits: i32) -> Net {
        if bits < 0 { self.shift_right(a, bits.unsigned_abs()) } else { self.shift_left(a, bits.unsigned_abs()) }
    }

    /// Whether `a < b`
    pub fn less(&mut self, a: Net, b: Net) -> Net {
        let (x, y) = (self.range(a), self.range(b));
        if x.hi < y.lo {
            self.constant(1)
        } else if x.lo >= y.hi {
            self.constant(0)
        } else if let (Some((condition, inner)), Some(0)) = (self.gated(a), self.constant_of(b)) {
            // What is known of the word in front of a gate is known sooner.
            let less = self.less(inner, b);
            self.all([condition, less])
        } else {
            self.node_of(Op::Less, vec![a, b], BIT)
        }
    }

    /// The condition and the word of a gate.
    fn gated(&self, a: Net) -> Option<(Net, Net)> {
        match self.node(a) {
            Node { op: Op::Gate, args, .. } => Some((args[0], args[1])),
            Node { op: Op::Narrow, args, .. } => self.gated(args[0]),
            _ => None,
        }
    }

    /// Whether `a >= b`
    pub fn at_least(&mut self, a: Net, b: Net) -> Net {
        let less = self.less(a, b);
        self.not(less)
    }

    /// Whether `a == b`
    pub fn equal(&mut self, a: Net, b: Net) -> Net {
        let (x, y) = (self.range(a), self.range(b));
        if a == b || x == y && x.lo == x.hi {
            self.constant(1)
        } else if x.hi < y.lo || y.hi < x.lo {
            self.constant(0)
        } else {
            let args = if a < b { vec![a, b] } else { vec![b, a] };
            self.node_of(Op::Equal, args, BIT)
        }
    }

    /// Whether `a` is this constant
    pub fn is(&mut self, a: Net, value: i128) -> Net {
        let constant = self.constant(value);
        match self.gated(a) {
            Some((condition, inner)) if value == 0 && self.constant_of(a).is_none() => {
                let is_zero = self.equal(inner, constant);
                let is_shut = self.not(condition);
                self.any([is_shut, is_zero])
            }
            _ => self.equal(a, constant),
        }
    }

    /// `1 - a` of a bit
    pub fn not(&mut self, a: Net) -> Net {
        if let Some(constant) = self.constant_of(a) {
            return self.constant(1 - constant);
        }
        match self.node(a) {
            Node { op: Op::Not, args, .. } => args[0],
            _ => self.node_of(Op::Not, vec![a], BIT),
        }
    }

    /// Whether all of these bits are 1
    pub fn all(&mut self, bits: impl IntoIterator<Item = Net>) -> Net {
        let mut left: Vec<Net> = Vec::new();
        for bit in bits {
            match self.constant_of(bit) {
                Some(0) => return bit,
                Some(_) => {}
                None if left.contains(&bit) => {}
                None => left.push(bit),
            }
        }
        self.gates(Op::And, left).unwrap_or_else(|| self.constant(1))
    }

    /// The or of words that are not negative; of bits, whether any is 1
    pub fn any(&mut self, words: impl IntoIterator<Item = Net>) -> Net {
        let mut left: Vec<Net> = Vec::new();
        for word in words {
            if self.constant_of(word) != Some(0) && !left.contains(&word) {
                left.push(word);
            }
        }
        self.gates(Op::Or, left).unwrap_or_else(|| self.constant(0))
    }

    /// A tree of gates; none for nothing.
    fn gates(&mut self, op: Op, mut left: Vec<Net>) -> Option<Net> {
        while left.len() > 1 {
            let level = left.chunks(GATE_INPUTS).map(<[Net]>::to_vec).collect::<Vec<_>>();
            left = level.into_iter().map(|args| self.gate_of(&op, args)).collect();
        }
        left.pop()
    }

    fn gate_of(&mut self, op: &Op, args: Vec<Net>) -> Net {
        if let [only] = args[..] {
            return only;
        }
        let widest = args.iter().map(|arg| self.range(*arg).hi).max().unwrap_or(0);
        self.node_of(op.clone(), args, MantissaRange { lo: 0, hi: all_ones(widest) })
    }

    /// The bits that two words have in common, which are not negative
    pub fn mask(&mut self, a: Net, b: Net) -> Net {
        let hi = all_ones(self.range(a).hi.min(self.range(b).hi));
        self.node_of(Op::And, if a < b { vec![a, b] } else { vec![b, a] }, MantissaRange { lo: 0, hi })
    }

    /// `condition ? a : 0`
    pub fn gate(&mut self, condition: Net, a: Net) -> Net {
        match (self.constant_of(condition), self.constant_of(a)) {
            (Some(0), _) | (_, Some(0)) => self.constant(0),
            (Some(_), _) => a,
            (None, Some(1)) => condition,
            _ => {
                let range = self.range(a).hull(MantissaRange::ZERO);
                self.node_of(Op::Gate, vec![condition, a], range)
            }
        }
    }

    /// `condition ? a : b`
    pub fn select(&mut self, condition: Net, a: Net, b: Net) -> Net {
        match self.constant_of(condition) {
            Some(0) => return b,
            Some(_) => return a,
            None if a == b => return a,
            None => {}
        }
        if self.constant_of(b) == Some(0) {
            return self.gate(condition, a);
        }
        let range = self.range(a).hull(self.range(b));
        self.node_of(Op::Select, vec![condition, a, b], range)
    }

    /// Word number `index` of up to four; beyond the last it does not matter.
    pub fn pick(&mut self, index: Net, words: &[Net]) -> Net {
        let last = self.range(index).hi;
        let words = &words[..words.len().min(4).min(usize::try_from(last).unwrap_or(0) + 1)];
        match *words {
            [] => self.constant(0),
            [only] => only,
            [first, ref others @ ..] if others.iter().all(|word| *word == first) => first,
            [a, b] if last == 1 => self.select(index, b, a),
            [a, ..] => {
                let range = words.iter().map(|word| self.range(*word)).fold(self.range(a), MantissaRange::hull);
                self.node_of(Op::Pick, [index].iter().chain(words).copied().collect(), range)
            }
        }
    }

    /// Of pairs (condition, word), of which at most one condition is 1 at a time, that word; 0 if none is.
    pub fn one_of(&mut self, pairs: &[(Net, Net)]) -> Net {
        let range = pairs.iter().map(|(_, a)| self.range(*a)).fold(MantissaRange::ZERO, MantissaRange::hull);
        let width = Format::holding(range, 0).width;
        let mut left = Vec::new();
        for (condition, a) in pairs {
            if self.constant_of(*condition) != Some(0) && self.constant_of(*a) != Some(0) {
                left.push((*condition, if range.lo < 0 { self.bits(*a, 0, width) } else { *a }));
            }
        }
        let level = left.chunks(GATED_PAIRS).map(<[_]>::to_vec).collect::<Vec<_>>();
        let words: Vec<_> = level.into_iter().map(|pairs| self.pairs(&pairs)).collect();
        let word = self.any(words);
        let word = if range.lo < 0 { self.signed(word, width) } else { word };
        self.narrow(word, range)
    }

    fn pairs(&mut self, pairs: &[(Net, Net)]) -> Net {
        if let [(condition, a)] = *pairs {
            return self.gate(condition, a);
        }
        let hi = pairs.iter().map(|(_, a)| self.range(*a).hi).max().unwrap_or(0);
        self.node_of(Op::OneOf, pairs.iter().flat_map(|(c, a)| [*c, *a]).collect(), MantissaRange { lo: 0, hi })
    }

    /// The entry of `table` that `index` names, which is not negative. Entries beyond the end are not reached.
    pub fn look_up(&mut self, table: &[i128], index: Net) -> Net {
        let last = self.range(index).hi;
        let used = usize::try_from(last).ok().filter(|last| *last < table.len()).map_or(table, |last| &table[..=last]);
        let (lo, hi) = used.iter().fold((i128::MAX, i128::MIN), |(lo, hi), x| (lo.min(*x), hi.max(*x)));
        if let Some(constant) = self.constant_of(index).and_then(|at| used.get(usize::try_from(at).ok()?)) {
            return self.constant(*constant);
        }
        let at = match self.table_of.get(used) {
            Some(at) => *at,
            None => {
                self.tables.push(used.to_vec());
                self.table_of.insert(used.to_vec(), self.tables.len() - 1);
                self.tables.len() - 1
            }
        };
        self.node_of(Op::Table(at), vec![index], MantissaRange { lo, hi })
    }

    /// `width` bits of `a` from `low` on, without a sign
    pub fn bits(&mut self, a: Net, low: u32, width: u32) -> Net {
        let range = self.range(a);
        let ones = all_ones((1i128 << width.min(126)) - 1);
        if let Some(constant) = self.constant_of(a) {
            return self.constant((constant >> low.min(127)) & ones);
        }
        if low == 0 && range.lo >= 0 && range.hi <= ones {
            return a;
        }
        let hi = if range.lo >= 0 { ones.min(range.hi >> low.min(127)) } else { ones };
        self.node_of(Op::Bits { low, width }, vec![a], MantissaRange { lo: 0, hi })
    }

    /// Bit number `bit` of `a`
    pub fn bit(&mut self, a: Net, bit: u32) -> Net {
        self.bits(a, bit, 1)
    }

    /// The low bits of `a` as a number with a sign: it wraps around
    pub fn signed(&mut self, a: Net, width: u32) -> Net {
        let range = Format { signed: true, width, fraction: 0 }.range();
        let inner = self.range(a);
        if range.lo <= inner.lo && inner.hi <= range.hi {
            return a;
        }
        if let Some(constant) = self.constant_of(a) {
            return self.constant((constant - range.lo).rem_euclid(range.hi - range.lo + 1) + range.lo);
        }
        self.node_of(Op::Signed { width }, vec![a], range)
    }

    /// Words that are not negative beside each other, each with its width, the first one on top
    pub fn join(&mut self, words: &[(Net, u32)]) -> Net {
        if let [(only, _)] = *words {
            return only;
        }
        let hi = words.iter().fold(0i128, |hi, (word, width)| (hi << width) | self.range(*word).hi);
        let lo = words.iter().fold(0i128, |lo, (word, width)| (lo << width) | self.range(*word).lo);
        let (args, widths) = words.iter().copied().unzip();
        self.node_of(Op::Join(widths), args, MantissaRange { lo, hi })
    }

    /// `a`, which is known to lie in `range`: the evaluator holds it against that
    pub fn narrow(&mut self, a: Net, range: MantissaRange) -> Net {
        let inner = self.range(a);
        let range = MantissaRange { lo: range.lo.max(inner.lo), hi: range.hi.min(inner.hi) };
        // A range that nothing is in belongs to a net that is never read: it stays as it is.
        if range == inner || range.lo > range.hi {
            return a;
        }
        self.node_of(Op::Narrow, vec![a], range)
    }

    /// `max(0, a)`
    pub fn positive(&mut self, a: Net) -> Net {
        let range = self.range(a);
        if range.lo >= 0 {
            return a;
        }
        let zero = self.constant(0);
        let negative = self.less(a, zero);
        let not = self.not(negative);
        let gated = self.gate(not, a);
        self.narrow(gated, MantissaRange { lo: 0, hi: range.hi.max(0) })
    }

    /// A state that a reset brings back to `initial`. [`Self::leave`] says what a token leaves.
    pub fn control(&mut self, range: MantissaRange, initial: i128) -> Net {
        self.new_state(range, initial, true)
    }

    /// A state for data.
    pub fn state(&mut self, range: MantissaRange) -> Net {
        self.new_state(range.hull(MantissaRange::ZERO), 0, false)
    }

    fn new_state(&mut self, range: MantissaRange, initial: i128, is_control: bool) -> Net {
        if range.lo == range.hi {
            return self.constant(range.lo);
        }
        let at = self.states.len();
        let net = self.push(Op::State(at), Vec::new(), range);
        self.states.push(State { net, next: None, enable: None, initial, is_control });
        net
    }

    /// Each token leaves `next` in a state.
    pub fn leave(&mut self, state: Net, next: Net) {
        self.leave_if(state, None, next);
    }

    /// A token leaves `next` in a state if `enable` is 1.
    pub fn leave_if(&mut self, state: Net, enable: impl Into<Option<Net>>, next: Net) {
        let Op::State(at) = self.node(state).op else { return };
        let next = self.narrow(next, self.range(state));
        let enable = enable.into().filter(|enable| self.constant_of(*enable) != Some(1));
        self.states[at] = State { next: Some(next), enable, ..self.states[at] };
    }

    /// What `a` was in the last token in which `enable` was 1; that of this token, if it is.
    pub fn hold(&mut self, enable: Net, a: Net) -> Net {
        let state = self.keep(enable, a);
        self.select(enable, a, state)
    }

    /// What `a` was in the last token before this one in which `enable` was 1.
    pub fn keep(&mut self, enable: Net, a: Net) -> Net {
        if self.constant_of(a).is_some() {
            return a;
        }
        let state = self.state(self.range(a));
        self.leave_if(state, enable, a);
        state
    }
}

/// The least number of the form `2^n - 1` that is not below `x`.
fn all_ones(x: i128) -> i128 {
    if x <= 0 { 0 } else { i128::MAX >> (x.leading_zeros() - 1) }
}
