use fastrand::Rng;

use super::*;
use crate::{
    circuit::testing::{Tokens, random},
    error::Code,
    fixed::MantissaRange,
};

const BIT: MantissaRange = MantissaRange { lo: 0, hi: 1 };

#[test]
fn rows_are_what_one_value_at_a_time_gives() {
    let (mut wide, mut seen) = (0, 0);
    for seed in 0..400 {
        let mut rng = Rng::with_seed(seed);
        let size = rng.usize(3..250);
        let circuit = random(&mut rng, size);
        let lanes = rng.usize(1..6);
        let looked_at: Vec<_> = circuit.nets().filter(|_| rng.u8(0..8) == 0).collect();
        let program = Program::new(&circuit, &looked_at);
        let mut evaluation = Evaluation::new(&circuit, &program, lanes);
        let mut alone = vec![Tokens::new(&circuit); lanes];
        for _ in 0..12 {
            for (lane, tokens) in alone.iter_mut().enumerate() {
                let inputs = tokens.inputs(&mut rng);
                inputs.iter().for_each(|(net, value)| evaluation.set(*net, lane, *value).unwrap());
                tokens.token(&inputs);
            }
            evaluation.compute().unwrap();
            for (lane, tokens) in alone.iter().enumerate() {
                for net in looked_at.iter().copied().chain(circuit.outputs().iter().map(|port| port.net)) {
                    assert_eq!(evaluation.get(net, lane), tokens.value(net), "{net:?} of circuit {seed}");
                    wide += usize::from(circuit.width(net) > 64);
                    seen += 1;
                }
            }
            evaluation.advance();
        }
    }
    assert!(wide > 1000 && seen > 50_000, "{wide} of {seen}");
}

/// What is wrong with a circuit for these inputs.
fn fault(build: impl Fn(&mut Circuit) -> Net, inputs: &[i128]) -> Error {
    let mut circuit = Circuit::default();
    circuit.enter(1);
    let net = build(&mut circuit);
    circuit.label(net, "sum");
    circuit.output("out", net);
    let program = Program::new(&circuit, &[]);
    let mut evaluation = Evaluation::new(&circuit, &program, 3);
    for (port, value) in circuit.inputs().iter().zip(inputs) {
        evaluation.set(port.net, 2, *value).unwrap();
    }
    evaluation.compute().unwrap_err().error(&circuit, &["first", "second"])
}

#[test]
fn what_a_circuit_takes_for_granted_is_checked() {
    for hi in [9, 1 << 80] {
        let word = MantissaRange { lo: 0, hi };
        let error = fault(
            |circuit| {
                let [a, b] = ["a", "b"].map(|name| circuit.input(name, word));
                let sum = circuit.add(a, b);
                circuit.narrow(sum, MantissaRange { lo: 0, hi: 9 })
            },
            &[4, 6],
        );
        assert_eq!((error.code(), error.layer_name()), (Code::Internal, Some("second")));
        assert!(error.message().contains("10 is not in the range of `sum` (0 to 9)"), "{error}");
        let error = fault(
            |circuit| {
                let conditions = ["a", "b", "c"].map(|name| circuit.input(name, BIT));
                let words = ["x", "y", "z"].map(|name| circuit.input(name, word));
                circuit.one_of(&[0, 1, 2].map(|at| (conditions[at], words[at])))
            },
            &[1, 0, 1, 3, 0, 5],
        );
        assert!(error.message().contains("in the circuit 2 is the number of words that are chosen at once"), "{error}");
    }
    let error = fault(
        |circuit| {
            let index = circuit.input("index", MantissaRange { lo: 0, hi: 9 });
            circuit.look_up(&[4, 5, 6], index)
        },
        &[3],
    );
    assert!(error.message().contains("3 is no index of the table of `sum`"), "{error}");
}

#[test]
fn an_input_outside_of_its_range_is_refused() {
    let mut circuit = Circuit::default();
    let input = circuit.input("in_data_0", MantissaRange { lo: -4, hi: 3 });
    circuit.output("out", input);
    let program = Program::new(&circuit, &[]);
    let mut evaluation = Evaluation::new(&circuit, &program, 1);
    assert!(evaluation.set(input, 0, -4).is_ok());
    assert_eq!(evaluation.set(input, 0, 4).unwrap_err().code(), Code::Internal);
}

#[test]
fn rows_are_used_again() {
    let mut circuit = Circuit::default();
    let start = circuit.input("in_data_0", MantissaRange { lo: 0, hi: 1000 });
    let mut net = start;
    for _ in 0..1000 {
        let sum = circuit.add(net, start);
        net = circuit.bits(sum, 0, 9);
    }
    circuit.output("out", net);
    assert!(Program::new(&circuit, &[]).rows <= 4);
}
