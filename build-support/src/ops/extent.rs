//! How an op is built, and what of it can be divided over steps.

use crate::manifest::Variant;

/// How an op is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LayerPlan {
    /// Which implementation, where there are several.
    pub variant: Option<Variant>,
    /// Slots in a step: filled by an input reduction, worked on by the others.
    pub pixels_per_cycle: usize,
    /// Filters, or outputs of a dense layer, in a step.
    pub filters_per_cycle: usize,
    /// Channels, or inputs of a dense layer, in a step.
    pub channels_per_cycle: usize,
    /// Steps for one event; a pipelined kernel takes one a cycle.
    pub steps: usize,
    /// Whether this op is done by a later one: by a look-up of weights, or by a quantizer that puts slots into an image.
    pub absorbed: bool,
}

/// What an op could do at once. 1 where there is nothing to divide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// Slots of a sparse value.
    pub slots: usize,
    /// Filters, or outputs of a dense layer.
    pub filters: usize,
    /// Channels, or inputs of a dense layer.
    pub channels: usize,
}

impl Extent {
    /// There is nothing to divide.
    pub(crate) const ONE: Self = Self { slots: 1, filters: 1, channels: 1 };

    /// The plan that does `part` of this in each step.
    pub(crate) fn in_steps_of(self, part: Self) -> LayerPlan {
        LayerPlan {
            variant: None,
            pixels_per_cycle: part.slots,
            filters_per_cycle: part.filters,
            channels_per_cycle: part.channels,
            steps: self.slots.div_ceil(part.slots) * (self.filters / part.filters) * (self.channels / part.channels),
            absorbed: false,
        }
    }
}
