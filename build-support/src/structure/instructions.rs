//! How many instructions HLS has to compile for a kernel: after it has unrolled loops, each operation is some of them.

use super::{Operation, Structure};

/// Instructions for each of the operations counted here, in the largest phase of the compilation. Of one published design both are
/// known: 957,000 instructions (63 × 63 pixels, 20 slots, 8 bits; neutrino/model-8b/hls_sparse_l). So it is an order of magnitude.
const EACH: f64 = 12.05;

impl Operation {
    /// Operations on two operands that it is written as.
    pub fn binary(self) -> u64 {
        match self {
            Self::Add { .. } | Self::Compare { .. } | Self::Equal { .. } | Self::Decode { .. } | Self::Gate { .. } => 1,
            Self::Multiply { .. } => 1,
            Self::Sum { inputs, .. } => u64::from(inputs).saturating_sub(1),
            Self::Select { inputs, .. } => inputs.into(),
            Self::GatedOr { inputs, .. } => (2 * u64::from(inputs)).saturating_sub(1),
            // An address and a read.
            Self::Table { .. } | Self::Constants { .. } => 2,
            // An addition, a mask, and the choice of both.
            Self::Mask { formats, .. } => 4 + u64::from(formats),
            // HLS has one rounding for each format, and chooses.
            Self::Round { formats, .. } => 3 * u64::from(formats),
            Self::MultiplyConstant { digits, .. } => digits.max(1).into(),
        }
    }
}

impl Structure {
    /// Instructions of one step, which is all that is unrolled.
    pub fn instructions(&self) -> u64 {
        let operations = self.steps.iter().map(|step| step.operation.binary() as f64 * step.count as f64).sum::<f64>();
        (operations * EACH) as u64
    }
}
