//! Blocks that circuits are made of, each as a circuit of its own.

use sparsehls_build::{
    circuit::{Circuit, Net},
    fixed::{Format, MantissaRange},
};

/// Makes the outputs of a block.
type Build = Box<dyn Fn(&mut Words) -> Vec<Net>>;

/// A block: its name, and what makes its outputs.
pub struct Block {
    pub name: String,
    build: Build,
}

/// Bits of an element of the ports.
pub const ELEMENT: u32 = 24;

/// Words for a block: parts of the elements that come in.
pub struct Words {
    pub c: Circuit,
    valid: Net,
    count: usize,
}

impl Words {
    /// One more word without a sign.
    fn unsigned(&mut self, width: u32) -> Net {
        let range = MantissaRange { lo: 0, hi: (1 << ELEMENT) - 1 };
        let input = self.c.input(format!("in_data_{}", self.count), range);
        self.count += 1;
        self.c.bits(input, 0, width)
    }

    /// One more with a sign.
    fn signed(&mut self, width: u32) -> Net {
        let word = self.unsigned(width);
        self.c.signed(word, width)
    }

    fn many(&mut self, count: usize, width: u32) -> Vec<Net> {
        (0..count).map(|_| self.unsigned(width)).collect()
    }
}

impl Block {
    /// The block with the ports of a core.
    pub fn circuit(&self) -> Circuit {
        let mut c = Circuit::default();
        let valid = c.input("in_valid", MantissaRange { lo: 0, hi: 1 });
        let mut words = Words { c, valid, count: 0 };
        let outputs = (self.build)(&mut words);
        let mut c = words.c;
        c.output("out_valid", valid);
        for (at, net) in outputs.into_iter().enumerate() {
            c.output(format!("out_data_{at}"), net);
        }
        c.finish().unwrap();
        c
    }

    /// What holds an output.
    pub fn output(circuit: &Circuit) -> Format {
        let ranges = circuit.outputs()[1..].iter().map(|port| circuit.range(port.net));
        let range = ranges.fold(MantissaRange { lo: 0, hi: 0 }, MantissaRange::hull);
        let bits = |x: i128| 128 - x.leading_zeros();
        let signed = range.lo < 0;
        let width = bits(range.hi).max(if signed { bits(-1 - range.lo) } else { 0 }) + u32::from(signed);
        Format { signed, width: width.max(1), fraction: 0 }
    }
}

/// Numbers that look like weights.
fn weights(count: usize, bits: u32, seed: u64) -> Vec<i128> {
    let mut rng = fastrand::Rng::with_seed(seed);
    (0..count).map(|_| i128::from(rng.i32(-(1 << (bits - 1))..1 << (bits - 1)))).collect()
}

/// Every block.
pub fn all() -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut block = |name: String, build: Build| blocks.push(Block { name, build });
    for width in [4, 8, 12, 20] {
        block(
            format!("add-{width}"),
            Box::new(move |w| {
                let (a, b) = (w.unsigned(width), w.unsigned(width));
                vec![w.c.add(a, b)]
            }),
        );
        block(
            format!("subtract-{width}"),
            Box::new(move |w| {
                let (a, b) = (w.signed(width), w.signed(width));
                vec![w.c.subtract(a, b)]
            }),
        );
        block(
            format!("less-{width}"),
            Box::new(move |w| {
                let (a, b) = (w.unsigned(width), w.unsigned(width));
                vec![w.c.less(a, b)]
            }),
        );
        block(
            format!("equal-{width}"),
            Box::new(move |w| {
                let (a, b) = (w.unsigned(width), w.unsigned(width));
                vec![w.c.equal(a, b)]
            }),
        );
        block(
            format!("larger-{width}"),
            Box::new(move |w| {
                let (a, b) = (w.unsigned(width), w.unsigned(width));
                vec![w.c.larger(a, b)]
            }),
        );
        block(
            format!("relu-{width}"),
            Box::new(move |w| {
                let a = w.signed(width);
                vec![w.c.positive(a)]
            }),
        );
    }
    for (width, value) in [(6, 21), (8, 100), (12, 1000)] {
        block(
            format!("less-than-constant-{width}"),
            Box::new(move |w| {
                let a = w.unsigned(width);
                let b = w.c.constant(value);
                vec![w.c.less(a, b)]
            }),
        );
    }
    for (a, b) in [(4, 4), (6, 5), (8, 6), (8, 8), (12, 8), (12, 12)] {
        block(
            format!("multiply-{a}-{b}"),
            Box::new(move |w| {
                let (a, b) = (w.signed(a), w.unsigned(b));
                vec![w.c.multiply(a, b)]
            }),
        );
    }
    for (width, value) in [(8, 77), (8, 13), (12, 1365), (10, 251)] {
        block(
            format!("times-{value}-{width}"),
            Box::new(move |w| {
                let a = w.unsigned(width);
                vec![w.c.times(a, value)]
            }),
        );
    }
    for (count, width) in [(4, 8), (8, 8), (16, 8), (20, 12)] {
        block(
            format!("sum-{count}-{width}"),
            Box::new(move |w| {
                let words = w.many(count, width);
                vec![w.c.sum(&words)]
            }),
        );
    }
    for (count, width) in [(8, 6), (20, 6), (20, 12)] {
        block(
            format!("one-of-{count}-{width}"),
            Box::new(move |w| {
                let index = w.unsigned(5);
                let words = w.many(count, width);
                let conditions: Vec<_> = (0..count).map(|at| w.c.is(index, at as i128)).collect();
                vec![w.c.one_of(&conditions.into_iter().zip(words).collect::<Vec<_>>())]
            }),
        );
        block(
            format!("gated-sum-{count}-{width}"),
            Box::new(move |w| {
                let (words, conditions) = (w.many(count, width), w.many(count, 1));
                let gated: Vec<_> = words.iter().zip(conditions).map(|(word, condition)| w.c.gate(condition, *word)).collect();
                vec![w.c.sum(&gated)]
            }),
        );
    }
    for (index, width) in [(4, 6), (5, 8), (6, 6), (7, 6), (8, 8), (10, 4), (12, 6)] {
        block(
            format!("table-{index}-{width}"),
            Box::new(move |w| {
                let index_net = w.unsigned(index);
                vec![w.c.look_up(&weights(1 << index, width, index.into()), index_net)]
            }),
        );
    }
    for (count, width) in [(4, 8), (4, 12)] {
        block(
            format!("pick-{count}-{width}"),
            Box::new(move |w| {
                let index = w.unsigned(2);
                let words = w.many(count, width);
                vec![w.c.pick(index, &words)]
            }),
        );
    }
    for width in [6, 12] {
        block(
            format!("select-{width}"),
            Box::new(move |w| {
                let (condition, a, b) = (w.unsigned(1), w.unsigned(width), w.unsigned(width));
                vec![w.c.select(condition, a, b)]
            }),
        );
        block(
            format!("hold-{width}"),
            Box::new(move |w| {
                let (a, valid) = (w.unsigned(width), w.valid);
                vec![w.c.hold(valid, a)]
            }),
        );
        block(
            format!("accumulate-{width}"),
            Box::new(move |w| {
                let a = w.unsigned(width);
                let sum = w.c.state(MantissaRange { lo: 0, hi: (1 << (width + 4)) - 1 });
                let next = w.c.add(sum, a);
                let next = w.c.bits(next, 0, width + 4);
                let valid = w.valid;
                w.c.leave_if(sum, valid, next);
                vec![sum]
            }),
        );
    }
    for count in [16, 63] {
        block(
            format!("prefix-counts-{count}"),
            Box::new(move |w| {
                let bits = w.many(count, 1);
                w.c.prefix_counts(&bits)
            }),
        );
        block(
            format!("all-{count}"),
            Box::new(move |w| {
                let bits = w.many(count, 1);
                vec![w.c.all(bits)]
            }),
        );
    }
    for (count, width, bits) in [(8, 6, 6), (16, 8, 6), (32, 7, 5)] {
        block(
            format!("dot-{count}-{width}-{bits}"),
            Box::new(move |w| {
                let words = w.many(count, width);
                let weights = weights(count, bits, 7);
                let terms: Vec<_> = words.iter().zip(weights).flat_map(|(word, weight)| w.c.product(*word, weight)).collect();
                vec![w.c.signed_sum(&terms)]
            }),
        );
    }
    for (count, lanes) in [(20, 1), (20, 4)] {
        block(
            format!("shifter-{count}-{lanes}"),
            Box::new(move |w| {
                let (words, moves, valid) = (w.many(count, 8), w.unsigned(1), w.valid);
                w.c.shifter((valid, moves), false, &words, lanes)
            }),
        );
    }
    for slots in [6, 20] {
        // An output of a convolution: pairs of coordinates, weights that are looked up, products and their sum.
        block(
            format!("pairs-{slots}"),
            Box::new(move |w| {
                let (row, column) = (w.unsigned(6), w.unsigned(6));
                let terms: Vec<_> = (0..slots)
                    .map(|_| {
                        let (r, c, x) = (w.unsigned(6), w.unsigned(6), w.unsigned(6));
                        let (r, c) = (w.c.subtract(r, row), w.c.subtract(c, column));
                        let inside = [r, c].map(|at| {
                            let above = w.c.shift_right(at, 3);
                            w.c.is(above, 0)
                        });
                        let inside = w.c.all(inside);
                        let (r, c) = (w.c.bits(r, 0, 3), w.c.bits(c, 0, 3));
                        let tap = w.c.join(&[(r, 3), (c, 3)]);
                        let weight = w.c.look_up(&weights(64, 5, 3), tap);
                        let x = w.c.gate(inside, x);
                        w.c.multiply(weight, x)
                    })
                    .collect();
                vec![w.c.sum(&terms)]
            }),
        );
        // Cells of a pooling: who is in the same one, and the sum of these.
        block(
            format!("cells-{slots}"),
            Box::new(move |w| {
                let own = w.unsigned(8);
                let terms: Vec<_> = (0..slots)
                    .map(|_| {
                        let (cell, x) = (w.unsigned(8), w.unsigned(8));
                        let same = w.c.equal(cell, own);
                        w.c.gate(same, x)
                    })
                    .collect();
                vec![w.c.sum(&terms)]
            }),
        );
    }
    // A quantizer by position: rounding and mask from tables.
    block(
        "quantize-by-position".into(),
        Box::new(|w| {
            let (x, at) = (w.unsigned(12), w.unsigned(8));
            let positive = |seed| weights(256, 6, seed).iter().map(|x| x & 63).collect::<Vec<_>>();
            let (half, mask) = (w.c.look_up(&positive(1), at), w.c.look_up(&positive(2), at));
            let sum = w.c.add(x, half);
            let sum = w.c.shift_right(sum, 3);
            vec![w.c.mask(sum, mask)]
        }),
    );
    blocks
}
