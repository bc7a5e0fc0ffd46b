//! How layers that work in turns divide their pairs of slots.

use crate::{
    lower::{Design, Work},
    ops::{Kernel, Pool},
};

/// How a layer that works in turns divides the pairs of slots that meet each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Way {
    /// The inputs stand still, and in each turn some outputs are finished: the result comes in turns.
    #[default]
    Output,
    /// Every output has an accumulator, and in each turn some inputs are added to all of them: the result is there at once.
    Input,
}

/// The ways, by number of the layer, with which the event goes through the fewest passes of turns: a layer takes up what comes in
/// turns as it comes, if the layer before gives it that way.
pub(super) fn fewest_passes(design: &Design) -> Vec<Way> {
    // What is best, by whether the value behind a layer is there at once: the tokens up to there, and the ways.
    let mut best: [Option<(usize, Vec<Way>)>; 2] = [None, Some((0, Vec::new()))];
    for layer in &design.layers {
        let Work::Kernel(kernel) = &layer.work else {
            best.iter_mut().flatten().for_each(|(_, ways)| ways.push(Way::default()));
            continue;
        };
        let mut next = [None, None];
        for (is_whole, (tokens, ways)) in best.iter().enumerate().filter_map(|(at, known)| Some((at == 1, known.as_ref()?))) {
            for (way, more, is_whole_after) in steps(kernel, is_whole) {
                let candidate: (usize, Vec<Way>) = (tokens + more, ways.iter().copied().chain([way]).collect());
                let slot: &mut Option<(usize, Vec<Way>)> = &mut next[usize::from(is_whole_after)];
                if slot.as_ref().is_none_or(|(tokens, _)| candidate.0 < *tokens) {
                    *slot = Some(candidate);
                }
            }
        }
        best = next;
    }
    let [turns, whole] = best;
    let ends = turns.into_iter().chain(whole);
    ends.min_by_key(|(tokens, _)| *tokens).map(|(_, ways)| ways).unwrap_or_default()
}

/// The ways in which a kernel can go on from a value that is there at once, or not: with the tokens that it adds, and whether what
/// comes out is there at once.
fn steps(kernel: &Kernel, is_whole: bool) -> Vec<(Way, usize, bool)> {
    let (slots, lanes, span, has_by_input) = match kernel {
        Kernel::Conv2d(conv) => {
            let groups = conv.shape.channels / conv.channels_per_cycle * (conv.filters / conv.filters_per_cycle);
            (conv.shape.slots, conv.pixels_per_cycle, groups, conv.form == crate::ops::Form::Pairwise)
        }
        Kernel::Pooling2d(pooling) => {
            let has_by_input = match pooling.pool {
                Pool::Sum { .. } => true,
                Pool::Largest { least, .. } => least >= 0,
            };
            (pooling.shape.slots, pooling.pixels_per_cycle, 1, has_by_input)
        }
        Kernel::Flatten(flatten) => (flatten.shape.slots, flatten.pixels_per_cycle, 1, true),
        Kernel::LookUpDense(dense) => (dense.shape.slots, dense.pixels_per_cycle, dense.outputs / dense.outputs_per_cycle, true),
        _ => return vec![(Way::Output, 0, is_whole)],
    };
    let tokens = slots.div_ceil(lanes) * span;
    if tokens == 1 {
        return vec![(Way::Output, 0, true)];
    }
    // What comes in turns is taken as it comes.
    let by_input = (Way::Input, if is_whole || span > 1 { tokens } else { 0 }, true);
    match kernel {
        Kernel::Flatten(_) | Kernel::LookUpDense(_) => vec![by_input],
        _ if has_by_input => vec![(Way::Output, tokens, false), by_input],
        _ => vec![(Way::Output, tokens, false)],
    }
}
