//! What a circuit means, token by token: an evaluator of single values that knows what it does not know.

use sparsehls_build::circuit::{Circuit, Node, Op};

/// What goes in in a clock cycle.
#[derive(Debug, Clone)]
pub struct Cycle {
    pub reset: bool,
    pub enable: bool,
    /// Of every port, `in_valid` first.
    pub values: Vec<i128>,
}

type Known = Option<i128>;

pub struct Meaning<'a> {
    circuit: &'a Circuit,
    states: Vec<Known>,
}

impl<'a> Meaning<'a> {
    pub fn new(circuit: &'a Circuit) -> Self {
        Self { circuit, states: vec![None; circuit.states().len()] }
    }

    /// What comes out in each cycle, as far as that is known: nothing is before the first reset, nor of a token that was on its
    /// way in a reset.
    pub fn outputs(mut self, cycles: &[Cycle], latency: u32) -> Vec<Option<Vec<Known>>> {
        let (mut tokens, mut first, mut found): (Vec<Vec<Known>>, usize, Vec<_>) = (Vec::new(), usize::MAX, Vec::new());
        for cycle in cycles {
            if cycle.reset {
                first = tokens.len() + usize::from(cycle.enable);
                for (known, state) in self.states.iter_mut().zip(self.circuit.states()) {
                    *known = state.is_control.then_some(state.initial);
                }
            }
            // A cycle without an enable shows the token that enters next, which has left nothing yet.
            let before = self.states.clone();
            let outputs = self.token(&cycle.values);
            if !cycle.enable || cycle.reset {
                self.states = before;
            }
            let shown = (tokens.len() as i64) - i64::from(latency);
            tokens.push(outputs);
            let shown = usize::try_from(shown).ok().filter(|shown| *shown >= first && !cycle.reset);
            found.push(shown.map(|shown| tokens[shown].clone()));
            if !cycle.enable {
                tokens.pop();
            }
        }
        found
    }

    fn token(&mut self, inputs: &[i128]) -> Vec<Known> {
        let mut values: Vec<Known> = Vec::new();
        let mut ports = inputs.iter();
        for node in self.circuit.nodes() {
            let args: Vec<Known> = node.args.iter().map(|arg| values[arg.index()]).collect();
            let value = match node.op {
                Op::Input => ports.next().copied(),
                Op::State(at) => self.states[at],
                _ => of(self.circuit, node, &args),
            };
            if let Some(value) = value {
                assert!((node.range.lo..=node.range.hi).contains(&value), "{node:?} of {args:?} is {value}");
            }
            values.push(value);
        }
        let states = self.circuit.states().iter().zip(&self.states).map(|(state, old)| {
            let enable = state.enable.map_or(Some(1), |enable| values[enable.index()]);
            match enable {
                None => None,
                Some(0) => *old,
                Some(_) => state.next.and_then(|next| values[next.index()]),
            }
        });
        self.states = states.collect();
        self.circuit.outputs().iter().map(|port| values[port.net.index()]).collect()
    }
}

fn of(circuit: &Circuit, node: &Node, args: &[Known]) -> Known {
    match (&node.op, args) {
        (Op::Gate, [Some(0), _]) => return Some(0),
        (Op::Gate, [Some(1), a]) => return *a,
        (Op::Select, [Some(c), a, b]) => return if *c == 1 { *a } else { *b },
        (Op::Pick, [Some(index), words @ ..]) => return words[*index as usize],
        (Op::OneOf, pairs) => {
            let conditions: Option<Vec<i128>> = pairs.iter().step_by(2).copied().collect();
            let set: Vec<_> = conditions?.iter().enumerate().filter(|(_, c)| **c == 1).map(|(at, _)| at).collect();
            assert!(set.len() < 2);
            return set.first().map_or(Some(0), |at| pairs[2 * at + 1]);
        }
        _ => {}
    }
    let all: Option<Vec<i128>> = args.iter().copied().collect();
    let all = all?;
    let modulo = |x: i128, width: u32| x.rem_euclid(1 << width);
    Some(match (&node.op, &all[..]) {
        (Op::Constant, []) => node.range.lo,
        (Op::Add, [a, b]) => a + b,
        (Op::Subtract, [a, b]) => a - b,
        (Op::AddOrSubtract, [a, b, minus]) => a + b * (1 - 2 * minus),
        (Op::Multiply, [a, b]) => a * b,
        (Op::ShiftLeft(bits), [a]) => a * (1 << bits),
        (Op::ShiftRight(bits), [a]) => a.div_euclid(1 << bits),
        (Op::Less, [a, b]) => i128::from(a < b),
        (Op::Equal, [a, b]) => i128::from(a == b),
        (Op::Not, [a]) => 1 - a,
        (Op::And, all) => all.iter().copied().reduce(|x, y| x & y).unwrap(),
        (Op::Or, all) => all.iter().copied().reduce(|x, y| x | y).unwrap(),
        (Op::Table(at), [index]) => circuit.tables()[*at][usize::try_from(*index).unwrap()],
        (Op::Bits { low, width }, [a]) => modulo(a.div_euclid(1 << low), *width),
        (Op::Signed { width }, [a]) => modulo(a + (1 << (width - 1)), *width) - (1 << (width - 1)),
        (Op::Join(widths), words) => words.iter().zip(widths).fold(0, |all, (word, width)| (all << width) + word),
        (Op::Narrow, [a]) => *a,
        other => panic!("{other:?}"),
    })
}
