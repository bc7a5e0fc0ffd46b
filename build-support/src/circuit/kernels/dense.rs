//! Fully connected layers.

use super::{Around, linear};
use crate::{
    circuit::{
        Circuit, Net,
        stream::{Elements, Turns},
    },
    error::{Error, Result},
    fixed::{Format, MantissaRange},
    ops::DenseKernel,
};

/// The layer, all at once or in turns: inputs in groups, and outputs in groups, each of which takes all groups of inputs.
///
/// Cost: at once, sums of products with constants. In turns, a table of weights and a multiplier for each input and output of a
/// group, registers for inputs that move on and sums that wait, and no choice among them.
pub fn dense(c: &mut Circuit, kernel: &DenseKernel, around: &Around<'_>, input: &Elements) -> Result<Elements> {
    let sizes = [kernel.inputs, kernel.outputs, kernel.inputs_per_cycle, kernel.outputs_per_cycle];
    if sizes.contains(&0) || input.values.len() != kernel.rows * kernel.inputs {
        return Err(Error::internal("a dense layer for other values"));
    }
    let layer = Layer { kernel, around, wait: kernel.sums.shift };
    let groups = [kernel.inputs.div_ceil(kernel.inputs_per_cycle), kernel.outputs.div_ceil(kernel.outputs_per_cycle)];
    if groups == [1, 1] {
        let rows = input.values.chunks(kernel.inputs).enumerate();
        let values = rows.flat_map(|(row, inputs)| layer.at_once(c, row, inputs)).collect();
        return Ok(Elements { values, valid: input.valid });
    }
    Ok(layer.in_turns(c, input, groups))
}

/// A dense layer.
struct Layer<'a> {
    kernel: &'a DenseKernel,
    around: &'a Around<'a>,
    /// Bits that a sum of products is coarser than the result.
    wait: u32,
}

/// Tokens in which a group of inputs is multiplied for a group of outputs.
struct Step {
    turns: Turns,
    busy: Net,
    /// Which group of inputs it is.
    token: Net,
    /// Groups of inputs and of outputs.
    groups: [usize; 2],
}

impl Layer<'_> {
    /// The part of a bias that is added to sums of products, and what is put behind their last bit.
    fn bias(&self, output: usize) -> (i128, i128) {
        let bias = self.kernel.sums.biases.values.get(output).copied().map_or(0, i128::from);
        (bias >> self.wait, bias & ((1 << self.wait) - 1))
    }

    fn weight(&self, input: usize, output: usize) -> i64 {
        let Self { kernel, .. } = self;
        if input >= kernel.inputs || output >= kernel.outputs {
            return 0;
        }
        kernel.sums.weights.values.get(input * kernel.outputs + output).copied().unwrap_or(0)
    }

    fn at_once(&self, c: &mut Circuit, row: usize, inputs: &[Net]) -> Vec<Net> {
        let offsets: Vec<_> = (0..self.kernel.outputs).map(|output| self.bias(output).0).collect();
        let sums = linear::sums(c, inputs, &self.kernel.sums.weights.values, &offsets);
        sums.into_iter().enumerate().map(|(output, sum)| self.result(c, row, output, sum)).collect()
    }

    /// The result of a sum.
    fn result(&self, c: &mut Circuit, row: usize, output: usize, sum: Net) -> Net {
        let result = appended(c, sum, self.bias(output).1, self.wait);
        c.fitted(result, self.around.output.range_at(row * self.kernel.outputs + output))
    }

    fn in_turns(&self, c: &mut Circuit, input: &Elements, groups: [usize; 2]) -> Elements {
        let kernel = self.kernel;
        let (turns, busy, token) = c.turns(input.valid, groups[1], groups[0]);
        let step = Step { turns, busy, token, groups };
        let mut values = Vec::new();
        for (row, inputs) in input.values.chunks(kernel.inputs).enumerate() {
            let heads = self.heads(c, input.valid, inputs, &step);
            let ranges: Vec<_> = inputs.iter().map(|net| c.range(*net)).collect();
            let sums: Vec<_> = (0..kernel.outputs_per_cycle).map(|lane| self.lane(c, &heads, &ranges, lane, &step)).collect();
            let sums = if groups[1] == 1 { sums } else { c.collect(&turns, &sums, kernel.outputs) };
            let results = sums.iter().take(kernel.outputs).enumerate().map(|(output, sum)| self.result(c, row, output, *sum));
            values.extend(results);
        }
        Elements { values, valid: turns.last }
    }

    /// The inputs of a group, in its tokens. When nothing is going on they are 0, or those of the first group.
    fn heads(&self, c: &mut Circuit, valid: Net, inputs: &[Net], step: &Step) -> Vec<Net> {
        let lanes = self.kernel.inputs_per_cycle;
        if step.groups[0] == 1 {
            return inputs.iter().map(|net| c.hold(valid, *net)).collect();
        }
        if step.groups[1] == 1 {
            return c.shifter((valid, step.busy), true, inputs, lanes);
        }
        // What has been in front goes to the end, and is in front again behind the last turn.
        let zero = c.constant(0);
        let mut words = inputs.to_vec();
        words.resize(step.groups[0] * lanes, zero);
        let range = |at: usize| words.iter().skip(at % lanes).step_by(lanes).map(|word| c.range(*word));
        let ranges: Vec<_> = (0..words.len()).map(|at| range(at).fold(MantissaRange::ZERO, MantissaRange::hull)).collect();
        let states: Vec<_> = ranges.into_iter().map(|range| c.state(range)).collect();
        let now: Vec<_> = words.iter().zip(&states).map(|(word, state)| c.select(valid, *word, *state)).collect();
        for (at, state) in states.iter().enumerate() {
            c.leave_if(*state, step.busy, now[(at + lanes) % now.len()]);
        }
        now[..lanes].to_vec()
    }

    /// The sum of a lane's output, in the last token of its turn.
    fn lane(&self, c: &mut Circuit, heads: &[Net], ranges: &[MantissaRange], lane: usize, step: &Step) -> Net {
        let kernel = self.kernel;
        let outputs: Vec<_> = (0..step.groups[1]).map(|group| group * kernel.outputs_per_cycle + lane).collect();
        let products: Vec<_> = heads
            .iter()
            .enumerate()
            .flat_map(|(at, head)| {
                let inputs = (0..step.groups[0]).map(|group| group * kernel.inputs_per_cycle + at);
                let inputs: Vec<_> = inputs.collect();
                let weight = |output: &usize| inputs.iter().map(|input| self.weight(*input, *output).into()).collect();
                let table: Vec<Vec<i128>> = outputs.iter().map(weight).collect();
                let (entries, index) = step.table(c, &table);
                c.looked_up_product(&entries, index, *head)
            })
            .collect();
        let biases: Vec<_> = outputs.iter().map(|output| vec![self.bias(*output).0]).collect();
        let bias = step.look_up_turn(c, &biases.concat());
        let sum = c.sum_of(&products);
        if step.groups[0] == 1 {
            let sum = c.add(sum, bias);
            return c.narrow(sum, self.partial(ranges, &outputs));
        }
        let range = self.partial(ranges, &outputs);
        let total = c.state(range);
        let is_first = c.is(step.token, 0);
        let before = c.select(is_first, bias, total);
        let next = c.add(before, sum);
        let next = c.narrow(next, range);
        c.leave(total, next);
        next
    }

    /// The range of all parts of sums of some outputs, with their biases, and of no inputs at all.
    fn partial(&self, ranges: &[MantissaRange], outputs: &[usize]) -> MantissaRange {
        let part = |output: &usize| {
            let bias = self.bias(*output).0;
            let product =
                |(at, range): (usize, &MantissaRange)| range.times(self.weight(at, *output).into()).hull(MantissaRange::ZERO);
            let products = ranges.iter().enumerate().map(product);
            products.fold(MantissaRange { lo: bias, hi: bias }, MantissaRange::plus)
        };
        let all = outputs.iter().map(part).reduce(MantissaRange::hull).unwrap_or(MantissaRange::ZERO);
        // What is held of it belongs to the design: pixels that are not active at once are not in it.
        let held = self.kernel.sums.accumulator.range();
        MantissaRange { lo: all.lo.max(held.lo >> self.wait), hi: all.hi.min(held.hi >> self.wait) }
    }
}

impl Step {
    /// A table that says what `table` does, (group of outputs, group of inputs), and its index.
    fn table(&self, c: &mut Circuit, table: &[Vec<i128>]) -> (Vec<i128>, Net) {
        let turn = self.turns.turn;
        if self.groups[0] == 1 {
            return (table.concat(), turn);
        }
        let width = c.width(self.token);
        let padded = |row: &Vec<i128>| row.iter().copied().chain(std::iter::repeat(0)).take(1 << width).collect::<Vec<_>>();
        let entries = table.iter().flat_map(padded).collect();
        match self.groups[1] {
            1 => (entries, self.token),
            _ => (entries, c.join(&[(turn, c.width(turn)), (self.token, width)])),
        }
    }

    /// What `list` says of the group of outputs.
    fn look_up_turn(&self, c: &mut Circuit, list: &[i128]) -> Net {
        match list.iter().all(|entry| *entry == list[0]) {
            true => c.constant(list[0]),
            false => c.look_up(list, self.turns.turn),
        }
    }
}

/// `x` with `bits` bits more behind its last one
fn appended(c: &mut Circuit, x: Net, low: i128, bits: u32) -> Net {
    let shifted = c.shift_left(x, bits);
    if low == 0 || c.constant_of(x).is_some() {
        let low = c.constant(low);
        return c.add(shifted, low);
    }
    let range = c.range(shifted);
    let format = Format::holding(range, 0);
    let (width, low) = (c.width(x), c.constant(low));
    let high = c.bits(x, 0, width);
    let joined = c.join(&[(high, width), (low, bits)]);
    let low = c.range(low).lo;
    if !format.signed {
        return joined;
    }
    let signed = c.signed(joined, width + bits);
    c.narrow(signed, MantissaRange { lo: range.lo + low, hi: range.hi + low })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        circuit::kernels::testing::{Random, Running, value_of},
        network::{Coefficients, Dense},
        ops::{FixedDense, Kernel, LayerPlan, Layout, Rules, Site, Value, Values, dense::fix},
    };

    struct Case {
        kernel: DenseKernel,
        input: Value,
        output: Value,
    }

    /// A dense layer of a few small constants, built in groups of these sizes.
    fn case(random: &mut Random, groups: [usize; 2]) -> Case {
        let [rows, inputs, outputs] = [2, 7, 5].map(|most| random.between(1, most) as usize);
        let ranges = (0..rows * inputs).map(|_| random.range(5)).collect();
        let input = Values { fraction: random.between(0, 4) as i32, divisor: 1, ranges, active: None };
        let mut constants = |count: usize, fraction: i32| {
            let values = (0..count).map(|_| random.of(&[0, 0, 1, 1, -1, 3, -5, 7, 12, -100, 21, -170])).collect();
            Coefficients { values, fraction }
        };
        let weights = constants(inputs * outputs, 3);
        let bias = constants(outputs, input.fraction + 5);
        let bias = Some(bias).filter(|_| random.between(0, 3) > 0);
        let dense = Dense { rows, inputs, outputs, weights, bias };
        let (op, result): (FixedDense, Values) = fix(&dense, &input).unwrap();
        let (input, output) = (of(&input), of(&result));
        let plan = LayerPlan {
            variant: None,
            pixels_per_cycle: 1,
            filters_per_cycle: outputs.div_ceil(groups[1]),
            channels_per_cycle: inputs.div_ceil(groups[0]),
            steps: 1,
            absorbed: false,
        };
        let Kernel::Dense(kernel) = op.lower(Site { input: &input, output: &output, plan: &plan, by_rows: false }).unwrap()
        else {
            unreachable!("a dense layer is one kernel")
        };
        Case { kernel, input, output }
    }

    fn of(values: &Values) -> Value {
        value_of(Layout::Dense(vec![values.ranges.len()]), values)
    }

    impl Case {
        fn expected(&self, x: &[i128]) -> Vec<i128> {
            let DenseKernel { inputs, outputs, sums, .. } = &self.kernel;
            let weight = |input: usize, output: usize| i128::from(sums.weights.values[input * outputs + output]);
            let output = |row: &[i128], output: usize| {
                let sum: i128 = row.iter().enumerate().map(|(input, x)| x * weight(input, output)).sum();
                (sum << sums.shift) + i128::from(sums.biases.values[output])
            };
            x.chunks(*inputs).flat_map(|row| (0..*outputs).map(move |at| output(row, at))).collect()
        }

        /// Runs events one after another, with so many tokens between them.
        fn check(&self, random: &mut Random) {
            let mut c = Circuit::default();
            let valid = c.input("valid", MantissaRange { lo: 0, hi: 1 });
            let range = |range: &MantissaRange| range.hull(MantissaRange::ZERO);
            let values = self.input.ranges.iter().map(|x| c.input("x", range(x))).collect();
            let around = Around { input: &self.input, output: &self.output };
            let output = dense(&mut c, &self.kernel, &around, &Elements { values, valid }).unwrap();
            let ports = output.values.iter().chain([&output.valid]);
            ports.for_each(|net| c.output("y", *net));
            for (at, net) in output.values.iter().enumerate() {
                let narrowest = Format::holding(self.output.ranges[at], 0).width;
                let width = Format::holding(c.range(*net), 0).width;
                assert!(width <= narrowest.max(2) + 1, "{width} bits for {narrowest}: {:?}", self.kernel);
            }
            let DenseKernel { inputs, outputs, inputs_per_cycle, outputs_per_cycle, .. } = self.kernel;
            let steps = inputs.div_ceil(inputs_per_cycle) * outputs.div_ceil(outputs_per_cycle);
            let mut running = Running::new(&c);
            let (mut given, mut expected) = (Vec::new(), Vec::new());
            let nothing = vec![0; self.input.ranges.len()];
            for event in 0..4 {
                let x: Vec<_> = self.input.ranges.iter().map(|range| random.between(range.lo, range.hi)).collect();
                expected.push(self.expected(&x));
                let wait =
                    if event == 3 { 3 * steps } else { steps + random.between(0, 1) as usize * random.between(0, 9) as usize };
                for token in 0..wait {
                    let word = if token == 0 { &x } else { &nothing };
                    let values = running.token(&[&[i128::from(token == 0)], word.as_slice()].concat());
                    if values[output.valid.index()] == 1 {
                        given.push(output.values.iter().map(|net| values[net.index()]).collect::<Vec<_>>());
                    }
                }
            }
            assert_eq!(given, expected, "{:?}", self.kernel);
        }
    }

    #[test]
    fn at_once_and_in_turns_it_is_the_same_sum() {
        for seed in 0..600 {
            let mut random = Random::new(seed);
            let groups = [1, 3, 1, 2, 7][seed as usize % 5];
            let groups = [groups, random.of(&[1, 1, 2, 3, 5])];
            case(&mut random, groups).check(&mut random);
        }
    }

    /// Additions and subtractions of words.
    fn adders(c: &Circuit) -> usize {
        use crate::circuit::Op;
        c.nodes().iter().filter(|node| matches!(node.op, Op::Add | Op::Subtract)).count()
    }

    #[test]
    fn sums_share_what_they_have_in_common() {
        let count = |inputs: usize, weights: &[i64], offsets: &[i128]| {
            let mut c = Circuit::default();
            let x: Vec<_> = (0..inputs).map(|_| c.input("x", MantissaRange { lo: 0, hi: 63 })).collect();
            let sums = linear::sums(&mut c, &x, weights, offsets);
            sums.iter().for_each(|sum| c.output("y", *sum));
            adders(&c)
        };
        // 5x and 20x are one product; x + y and 4x + 4y are one sum; 5x + 5y is one of x + y.
        assert_eq!(count(1, &[5, 20, -5], &[0, 0, 0]), 2, "a product and what is less than 0");
        assert_eq!(count(2, &[1, 4, 1, 4], &[0, 0]), 1);
        assert_eq!(count(1, &[85], &[0]), 2, "5x and 80x");
        assert_eq!(count(2, &[5, 5], &[0]), 2);
        assert_eq!(count(2, &[1, 1, -1, 1], &[0, 0]), 2, "a sum and a difference have nothing in common");
        assert_eq!(count(3, &[1, 1, 1, 1, 1, 1], &[0, 1]), 3);
    }
}
