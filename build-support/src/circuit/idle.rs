//! What nets are while nothing is going on.

use super::{Circuit, Net, Node, Op, evaluate::scalar};
use crate::error::{Error, Result};

/// A value, and the nets that it depends on.
type Value = (i128, Vec<Net>);

impl Circuit {
    /// For each net on which it depends that control states stay what they are, and the first output 0, while no data come in
    /// and nothing is left to do: its value then. Wherever such a net goes through registers, a reset has to bring that value
    /// back, or what was on its way would still arrive.
    ///
    /// # Errors
    /// [`Internal`](crate::Code::Internal) if a control state does not stay what it is, whatever the data are.
    pub fn idle(&self) -> Result<Vec<Option<i128>>> {
        let valid = self.inputs.first().map(|port| port.net);
        let mut values: Vec<Option<i128>> = Vec::with_capacity(self.nodes.len());
        for (net, node) in self.nets().zip(&self.nodes) {
            values.push(match node.op {
                Op::Input => (Some(net) == valid).then_some(0),
                Op::State(at) => self.states[at].is_control.then_some(self.states[at].initial),
                _ => {
                    let value = self.idle_value(node, &values).map_err(|(found, what)| {
                        Error::internal(format!("while nothing goes on {found} {what} of net n{}", net.index()))
                    })?;
                    value.map(|(value, _)| value)
                }
            });
        }
        let mut open = self.roots(&values)?;
        let mut idle = vec![None; self.nodes.len()];
        while let Some(net) = open.pop() {
            if idle[net.index()].is_some() {
                continue;
            }
            idle[net.index()] = values[net.index()];
            if let Ok(Some((_, reasons))) = self.idle_value(self.node(net), &values) {
                open.extend(reasons);
            }
        }
        Ok(idle)
    }

    /// The value of a node for what is known of its arguments, if that is enough, and those on which it depends.
    fn idle_value(&self, node: &Node, values: &[Option<i128>]) -> Result<Option<Value>, (i128, &'static str)> {
        let of = |net: &Net| values[net.index()];
        let all = || node.args.iter().map(of).collect::<Option<Vec<i128>>>();
        Ok(match (&node.op, &node.args[..]) {
            (Op::Input | Op::State(_), _) => None,
            (Op::Gate, [c, _]) if of(c) == Some(0) => Some((0, vec![*c])),
            (Op::Select, [c, a, b]) => of(c).and_then(|condition| {
                let chosen = if condition == 1 { a } else { b };
                of(chosen).map(|value| (value, vec![*c, *chosen]))
            }),
            (Op::And, args) if args.iter().any(|arg| of(arg) == Some(0)) => {
                Some((0, args.iter().copied().filter(|arg| of(arg) == Some(0)).take(1).collect()))
            }
            (Op::OneOf, pairs) if pairs.iter().step_by(2).all(|c| of(c) == Some(0)) => {
                Some((0, pairs.iter().step_by(2).copied().collect()))
            }
            _ => match all() {
                Some(args) => Some((scalar::compute(node, &args, &self.tables)?, node.args.clone())),
                None => None,
            },
        })
    }

    /// What must have its idle value: that by which control states are left alone, and the first output.
    fn roots(&self, values: &[Option<i128>]) -> Result<Vec<Net>> {
        let live = self.live();
        let mut roots: Vec<Net> = self.outputs.iter().take(1).map(|port| port.net).collect();
        for state in self.states.iter().filter(|state| state.is_control && live[state.net.index()]) {
            if let Some(enable) = state.enable.filter(|enable| values[enable.index()] == Some(0)) {
                roots.push(enable);
            } else if let Some(next) = state.next.filter(|next| values[next.index()] == Some(state.initial)) {
                roots.push(next);
            } else {
                let name = self.name(state.net).map_or_else(|| format!("n{}", state.net.index()), str::to_owned);
                return Err(Error::internal(format!("the control state `{name}` does not stay as it is while nothing goes on")));
            }
            roots.push(state.net);
        }
        Ok(roots)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixed::MantissaRange;

    const BIT: MantissaRange = MantissaRange { lo: 0, hi: 1 };

    #[test]
    fn only_what_keeps_control_states_has_an_idle_value() {
        let mut c = Circuit::default();
        let (valid, data) = (c.input("in_valid", BIT), c.input("in_data_0", BIT));
        let first = c.control(BIT, 1);
        let not = c.not(first);
        c.leave_if(first, valid, not);
        let (sum, begins) = (c.control(MantissaRange { lo: 0, hi: 7 }, 0), c.all([first, valid]));
        let (more, unused) = (c.add(sum, data), c.all([not, data]));
        let more = c.bits(more, 0, 3);
        let next = c.gate(begins, more);
        c.leave(sum, next);
        c.output("out_valid", begins);
        c.output("out_data_0", unused);
        c.output("out_data_1", sum);
        let idle = c.idle().unwrap();
        let found = [valid, data, first, not, begins, more, next, sum, unused].map(|net| idle[net.index()]);
        assert_eq!(found, [Some(0), None, Some(1), None, Some(0), None, Some(0), Some(0), None]);
    }

    #[test]
    fn a_control_state_must_stay() {
        for by_data in [false, true] {
            let mut c = Circuit::default();
            let (_, data) = (c.input("in_valid", BIT), c.input("in_data_0", BIT));
            let toggle = c.control(BIT, 0);
            let not = c.not(toggle);
            c.leave(toggle, if by_data { data } else { not });
            c.output("out_valid", toggle);
            assert!(c.idle().unwrap_err().message().contains("does not stay"));
        }
    }
}
