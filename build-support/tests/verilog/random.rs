//! Random circuits, random schedules of them, and what goes in.

use sparsehls_build::{
    circuit::{
        Circuit, Net, Op,
        schedule::{Copies, Schedule, Timing},
        tech::Technology,
    },
    fixed::MantissaRange,
};

use crate::tokens::Cycle;

/// A linear congruential generator; its high bits are good enough.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 24
    }

    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// One time of `of`.
    pub fn chance(&mut self, of: usize) -> bool {
        self.below(of) == 0
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }

    fn range(&mut self, most: usize) -> MantissaRange {
        let bits = 1 + self.below(most) as u32;
        if self.chance(2) { unsigned(bits) } else { signed(bits) }
    }

    fn value(&mut self, range: MantissaRange) -> i128 {
        let size = range.hi - range.lo + 1;
        let far = i128::from(self.next()) << 40 | i128::from(self.next());
        match self.below(8) {
            0 => range.lo,
            1 => range.hi,
            _ => range.lo + far % size,
        }
    }
}

fn unsigned(bits: u32) -> MantissaRange {
    MantissaRange { lo: 0, hi: (1 << bits) - 1 }
}

fn signed(bits: u32) -> MantissaRange {
    MantissaRange { lo: -(1 << (bits - 1)), hi: (1 << (bits - 1)) - 1 }
}

const NAMES: [&str; 12] =
    ["x", "x", "x_d1", "x_d1_c1", "wire", "signal", "clk", "ce", "in_data", "conv_x", "out_valid", "look_up_x"];

/// No word is wider.
const WIDEST: u32 = 70;

struct Builder<'a> {
    c: Circuit,
    random: &'a mut Random,
    words: Vec<Net>,
    bits: Vec<Net>,
    /// Bits that are made of nothing but `in_valid` and control states, and are 0 if nothing goes on.
    quiet: Vec<Net>,
    counters: Vec<Net>,
}

/// A circuit of all ops in `layers` layers, with states of both kinds that feed back.
pub fn circuit(random: &mut Random, layers: usize) -> Circuit {
    let mut b = Builder { c: Circuit::default(), random, words: vec![], bits: vec![], quiet: vec![], counters: vec![] };
    b.c.enter(layers);
    let valid = b.c.input("in_valid", unsigned(1));
    b.quiet.push(valid);
    b.bits.push(valid);
    for at in 0..1 + b.random.below(3) {
        let range = b.random.range(20);
        let word = b.c.input(format!("in_data_{at}"), range);
        b.words.push(word);
    }
    let constant = i128::from(b.random.next() % 1000) - 500;
    let constant = b.c.constant(constant);
    b.words.push(constant);
    for _ in 0..b.random.below(4) {
        b.control();
    }
    let states: Vec<_> = (0..b.random.below(5)).map(|_| b.state()).collect();
    b.words.extend(&states);
    for _ in 0..5 + b.random.below(50) {
        let layer = b.random.below(layers + 1);
        b.c.enter(layer);
        let net = b.op();
        let net = b.cut(net);
        if b.random.chance(3) {
            let name = b.random.of(&NAMES);
            b.c.label(net, name);
        }
        if b.c.width(net) == 1 && b.c.range(net).lo == 0 {
            b.bits.push(net);
        }
        b.words.push(net);
    }
    for state in states {
        b.leave(state);
    }
    let valid = b.random.of(&b.quiet.clone());
    b.c.output("out_valid", valid);
    for at in 0..1 + b.random.below(4) {
        let last = b.words.len() - 1;
        let word = b.words[if b.random.chance(2) { last - at.min(last) } else { b.random.below(last + 1) }];
        b.c.output(format!("out_data_{at}"), word);
    }
    b.c.finish().unwrap();
    b.c
}

impl Builder<'_> {
    /// The first states are read more often than others.
    fn word(&mut self) -> Net {
        if self.random.chance(4) {
            let first = self.words.len().min(5);
            return self.words[self.random.below(first)];
        }
        self.random.of(&self.words)
    }

    fn bit(&mut self) -> Net {
        if self.random.chance(3) {
            let word = self.word();
            let bit = self.random.below(self.c.width(word) as usize) as u32;
            return self.c.bit(word, bit);
        }
        self.random.of(&self.bits)
    }

    fn positive(&mut self, most: u32) -> Net {
        let word = self.word();
        let width = 1 + self.random.below(most as usize) as u32;
        self.c.bits(word, 0, width)
    }

    fn cut(&mut self, net: Net) -> Net {
        if self.c.width(net) <= WIDEST {
            return net;
        }
        if self.random.chance(2) { self.c.bits(net, 3, WIDEST) } else { self.c.signed(net, WIDEST) }
    }

    /// A counter of words, or a bit that is late; both keep still while nothing comes in.
    fn control(&mut self) {
        let layer = self.random.below(4);
        self.c.enter(layer);
        let enable = self.random.of(&self.quiet);
        if self.random.chance(2) {
            let late = self.c.control(unsigned(1), 0);
            self.c.leave(late, enable);
            self.quiet.push(late);
            self.bits.push(late);
            return;
        }
        let last = 1 + self.random.below(6) as i128;
        let initial = self.random.below(last as usize + 1) as i128;
        let count = self.c.control(MantissaRange { lo: 0, hi: last }, initial);
        let (one, zero) = (self.c.constant(1), self.c.constant(0));
        let (more, at_end) = (self.c.add(count, one), self.c.is(count, last));
        let next = self.c.select(at_end, zero, more);
        let next = self.c.narrow(next, MantissaRange { lo: 0, hi: last });
        self.c.leave_if(count, enable, next);
        let quiet = self.c.all([enable, at_end]);
        self.quiet.push(quiet);
        self.bits.extend([at_end, quiet]);
        self.counters.push(count);
        self.words.push(count);
    }

    fn state(&mut self) -> Net {
        let layer = self.random.below(4);
        self.c.enter(layer);
        let range = self.random.range(30);
        self.c.state(range)
    }

    fn leave(&mut self, state: Net) {
        let (word, range) = (self.word(), self.c.range(state));
        let width = self.c.width(state);
        let next = if range.lo < 0 { self.c.signed(word, width) } else { self.c.bits(word, 0, width) };
        match self.random.below(3) {
            0 => self.c.leave(state, next),
            _ => {
                let enable = self.bit();
                let enable = if self.c.constant_of(enable).is_some() { self.quiet[0] } else { enable };
                self.c.leave_if(state, enable, next);
            }
        }
    }

    fn op(&mut self) -> Net {
        let (a, b, bit) = (self.word(), self.word(), self.bit());
        match self.random.below(23) {
            0 => self.c.add(a, b),
            1 => self.c.subtract(a, b),
            2 => self.c.negative(a),
            3 if self.c.width(a) + self.c.width(b) < 120 => self.c.multiply(a, b),
            4 => {
                let bits = self.random.below(9) as u32;
                self.c.shift_left(a, bits)
            }
            5 => {
                let bits = self.random.below(30) as u32;
                self.c.shift_right(a, bits)
            }
            6 => self.c.less(a, b),
            7 => self.c.equal(a, b),
            8 => self.c.not(bit),
            9 => {
                let (x, y) = (self.positive(20), self.positive(20));
                if self.random.chance(2) { self.c.mask(x, y) } else { self.c.any([x, y]) }
            }
            10 => {
                let bits: Vec<_> = (0..2 + self.random.below(8)).map(|_| self.bit()).collect();
                if self.random.chance(2) { self.c.all(bits) } else { self.c.any(bits) }
            }
            11 => self.c.gate(bit, a),
            12 => self.one_of(),
            13 => self.c.select(bit, a, b),
            14 => self.look_up(),
            15 => {
                let (low, width) = (self.random.below(20) as u32, 1 + self.random.below(30) as u32);
                self.c.bits(a, low, width)
            }
            16 => {
                let width = 1 + self.random.below(30) as u32;
                self.c.signed(a, width)
            }
            17 => {
                let words: Vec<_> = (0..2 + self.random.below(3)).map(|_| self.positive(10)).collect();
                let widths = words.iter().map(|word| self.c.width(*word) + self.random.below(3) as u32);
                let words: Vec<_> = words.iter().copied().zip(widths.collect::<Vec<_>>()).collect();
                self.c.join(&words)
            }
            18 => self.c.positive(a),
            19 => self.c.larger(a, b),
            20 => {
                let index = self.positive(2);
                let words: Vec<_> = (0..=self.c.range(index).hi).map(|_| self.word()).collect();
                self.c.pick(index, &words)
            }
            21 => self.c.add_or_subtract(a, b, bit),
            _ => self.read_by_many(bit),
        }
    }

    fn one_of(&mut self) -> Net {
        let index = self.positive(4);
        let pairs: Vec<_> = (0..1 + self.random.below(7))
            .map(|at| (self.c.is(index, at as i128), if self.random.chance(2) { self.word() } else { self.positive(12) }))
            .collect();
        self.c.one_of(&pairs)
    }

    fn read_by_many(&mut self, bit: Net) -> Net {
        let words = (0..40).map(|at| {
            let (word, at) = (self.positive(6), self.c.constant(at));
            let word = self.c.add(word, at);
            self.c.gate(bit, word)
        });
        let words: Vec<_> = words.collect();
        self.c.sum(&words)
    }

    fn look_up(&mut self) -> Net {
        let index =
            if self.random.chance(2) { self.positive(6) } else { self.counters.first().copied().unwrap_or_else(|| self.bit()) };
        let range = self.random.range(40);
        let table: Vec<_> = (0..=self.c.range(index).hi).map(|_| self.random.value(range)).collect();
        self.c.look_up(&table, index)
    }
}

/// A schedule as projects have it, or any.
pub fn schedule(random: &mut Random, circuit: &Circuit) -> Schedule {
    if random.chance(2) {
        return any_schedule(random, circuit);
    }
    let timing = Timing { stage: 1000 + random.below(6000) as u32, technology: random.of(Technology::ALL) };
    Schedule::new(circuit, &timing).unwrap()
}

/// Any stages in which nothing is read before it is made, and all of a loop is in one.
fn any_schedule(random: &mut Random, circuit: &Circuit) -> Schedule {
    let slack: Vec<u32> = circuit.nets().map(|_| if random.chance(4) { random.below(3) as u32 } else { 0 }).collect();
    let reads = |net: Net| {
        let node = circuit.node(net);
        let state = if let Op::State(at) = node.op { Some(&circuit.states()[at]) } else { None };
        let kept = state.into_iter().flat_map(|state| state.next.into_iter().chain(state.enable));
        node.args.iter().copied().chain(kept).collect::<Vec<_>>()
    };
    let is_in_loop: Vec<bool> = circuit.nets().map(|net| reaches(&reads, net, circuit.nodes().len())).collect();
    let mut stage = vec![0; circuit.nodes().len()];
    let mut moved = true;
    while std::mem::take(&mut moved) {
        for net in circuit.nets().filter(|net| circuit.node(*net).op != Op::Input) {
            let own = if is_in_loop[net.index()] { 0 } else { slack[net.index()] };
            let read =
                reads(net).iter().filter(|read| circuit.constant_of(**read).is_none()).map(|read| stage[read.index()]).max();
            let least = read.unwrap_or(0) + own;
            if stage[net.index()] < least {
                stage[net.index()] = least;
                moved = true;
            }
        }
    }
    let last = stage.iter().max().unwrap() + random.below(3) as u32;
    let (live, mut last_read) = (circuit.live(), stage.clone());
    for reader in circuit.nets().filter(|reader| live[reader.index()]) {
        for net in reads(reader) {
            last_read[net.index()] = last_read[net.index()].max(stage[reader.index()]);
        }
    }
    circuit.outputs().iter().for_each(|port| last_read[port.net.index()] = last);
    for net in circuit.nets().filter(|net| circuit.constant_of(*net).is_some()) {
        last_read[net.index()] = stage[net.index()];
    }
    Schedule { last_read, stage, last, copies: Copies::default(), longest: 0 }
}

/// Whether a net is read by itself, by way of others.
fn reaches(reads: &impl Fn(Net) -> Vec<Net>, net: Net, nets: usize) -> bool {
    let (mut seen, mut open) = (vec![false; nets], reads(net));
    while let Some(next) = open.pop() {
        if next == net {
            return true;
        }
        if !std::mem::replace(&mut seen[next.index()], true) {
            open.extend(reads(next));
        }
    }
    false
}

/// Cycles that begin with a reset, with more of them in between, gaps and stalls.
pub fn cycles(random: &mut Random, circuit: &Circuit, clock_enable: bool, count: usize) -> Vec<Cycle> {
    let (resets, gaps, stalls) = (random.chance(2), random.chance(2), clock_enable && random.chance(2));
    let mut left = 2;
    (0..count)
        .map(|_| {
            if resets && random.chance(40) {
                left = 1 + random.below(2);
            }
            let reset = left > 0;
            left -= usize::from(reset);
            let mut values: Vec<_> = circuit.inputs().iter().map(|port| random.value(circuit.range(port.net))).collect();
            values[0] = i128::from(!gaps || random.chance(2));
            Cycle { reset, enable: !stalls || random.chance(2), values }
        })
        .collect()
}
