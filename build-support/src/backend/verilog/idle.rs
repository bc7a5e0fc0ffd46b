//! What nets are when nothing is going on.

use crate::{
    circuit::{Circuit, Net, Node, Op},
    error::{Error, Result},
};

/// For each net that is made of control states and `valid` alone: its value while no data come in and nothing is left to do.
pub(super) fn values(circuit: &Circuit, valid: Net) -> Result<Vec<Option<i128>>> {
    let mut idle: Vec<Option<i128>> = Vec::with_capacity(circuit.nodes().len());
    for (net, node) in circuit.nets().zip(circuit.nodes()) {
        let args: Option<Vec<i128>> = node.args.iter().map(|arg| idle[arg.index()]).collect();
        idle.push(match (&node.op, args) {
            (Op::Input, _) => (net == valid).then_some(0),
            (Op::State(at), _) => circuit.states()[*at].is_control.then_some(circuit.states()[*at].initial),
            (_, Some(args)) => Some(value(circuit, node, &args)?),
            (_, None) => None,
        });
    }
    Ok(idle)
}

/// What a node makes of the values of its arguments.
fn value(circuit: &Circuit, node: &Node, args: &[i128]) -> Result<i128> {
    let wrong = || Error::internal(format!("{:?} of {} words, or an index beyond its table", node.op, args.len()));
    Ok(match (&node.op, args) {
        (Op::Constant, []) => node.range.lo,
        (Op::Add, [a, b]) => a + b,
        (Op::Subtract, [a, b]) => a - b,
        (Op::Multiply, [a, b]) => a * b,
        (Op::ShiftLeft(bits), [a]) => a << bits,
        (Op::ShiftRight(bits), [a]) => a >> bits,
        (Op::Less, [a, b]) => i128::from(a < b),
        (Op::Equal, [a, b]) => i128::from(a == b),
        (Op::Not, [a]) => 1 - a,
        (Op::And, all) => all.iter().fold(-1, |x, y| x & y),
        (Op::Or, all) => all.iter().fold(0, |x, y| x | y),
        (Op::Gate, [c, a]) => c * a,
        (Op::OneOf, pairs) => pairs.chunks_exact(2).map(|pair| pair[0] * pair[1]).fold(0, |x, y| x | y),
        (Op::Select, [c, a, b]) => {
            if *c == 1 {
                *a
            } else {
                *b
            }
        }
        (Op::Table(at), [index]) => {
            let index = usize::try_from(*index).map_err(|_| wrong())?;
            *circuit.tables()[*at].get(index).ok_or_else(wrong)?
        }
        (Op::Bits { low, width }, [a]) => low_bits(a >> low, *width),
        (Op::Signed { width }, [a]) => {
            let half = 1i128 << (width - 1);
            low_bits(a + half, *width) - half
        }
        (Op::Join(widths), words) => words.iter().zip(widths).fold(0, |all, (word, width)| all << width | word),
        (Op::Narrow, [a]) => *a,
        _ => return Err(wrong()),
    })
}

fn low_bits(x: i128, width: u32) -> i128 {
    if width < 127 { x & ((1 << width) - 1) } else { x }
}
