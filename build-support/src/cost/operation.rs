//! Area and delay of one operation on UltraScale+.

use serde::Serialize;

/// One kind of operation on values of some width.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// Sum or difference of two variables.
    Add {
        /// Bits of the result.
        width: u32,
    },
    /// `<` of two variables, or of a variable and a constant.
    Compare {
        /// Bits of each operand.
        width: u32,
    },
    /// Equality of two variables.
    Equal {
        /// Bits of each operand.
        width: u32,
    },
    /// Any function of `width` bits to one bit, such as equality with a constant.
    Decode {
        /// Bits that go in.
        width: u32,
    },
    /// Chooses one of `inputs` values by a binary index.
    Select {
        /// Values to choose from.
        inputs: u32,
        /// Bits of each value.
        width: u32,
    },
    /// OR of `inputs` values, each gated by a bit of its own (choice by a one-hot code).
    GatedOr {
        /// Values to choose from.
        inputs: u32,
        /// Bits of each value.
        width: u32,
    },
    /// Bitwise logic of up to three inputs a bit, one of them shared: masking, ReLU.
    Gate {
        /// Bits of the result.
        width: u32,
    },
    /// Read of a constant table by a binary index.
    Table {
        /// Entries of the table.
        entries: u32,
        /// Bits of an entry.
        width: u32,
    },
    /// Product of two variables.
    Multiply {
        /// Bits of one operand.
        a: u32,
        /// Bits of the other.
        b: u32,
    },
    /// Product with a constant.
    MultiplyConstant {
        /// Non-zero digits of the constant's canonical signed-digit form.
        digits: u32,
        /// Bits of the result.
        width: u32,
    },
}

/// Operands of a product that are both at least this wide (bits) go to a DSP.
const DSP_OPERAND: u32 = 11;
/// Inputs of a LUT.
const LUT_INPUTS: f64 = 6.0;
/// Delay of a LUT with the net behind it, ns.
const LUT_DELAY: f64 = 0.45;
/// Delay of a CARRY8 within a chain, ns.
const CARRY8_DELAY: f64 = 0.06;
/// Delay of an F7, F8 or F9 multiplexer, ns.
const WIDE_MUX_DELAY: f64 = 0.1;
/// Delay of a product in a DSP, ns.
const DSP_DELAY: f64 = 3.5;

impl Operation {
    /// LUTs after logic synthesis.
    pub fn luts(self) -> f64 {
        match self {
            Self::Add { width } => f64::from(width),
            Self::Compare { width } => f64::from(width) / 2.0,
            Self::Equal { width } => tree_luts(2.0 * f64::from(width)),
            Self::Decode { width } => tree_luts(f64::from(width)),
            Self::Select { inputs, width } => select_luts(inputs) * f64::from(width),
            Self::GatedOr { inputs, width } => tree_luts(2.0 * f64::from(inputs)) * f64::from(width),
            Self::Gate { width } => f64::from(width) / 2.0,
            Self::Table { entries, width } => table_luts(entries) * f64::from(width),
            Self::Multiply { .. } if self.dsps() > 0 => 0.0,
            Self::Multiply { a, b } => f64::from(a) * f64::from(b) / 2.0 + f64::from(a.max(b)),
            Self::MultiplyConstant { digits, width } => f64::from(digits.saturating_sub(1)) * f64::from(width),
        }
    }

    /// DSP blocks: only a wide product of two variables takes any. A block multiplies 27 by 18 bits, both signed
    /// (UG579).
    pub fn dsps(self) -> u32 {
        match self {
            Self::Multiply { a, b } if a.min(b) >= DSP_OPERAND => a.max(b).div_ceil(26).saturating_mul(a.min(b).div_ceil(17)),
            _ => 0,
        }
    }

    /// Bits of constants that the operation reads.
    pub fn table_bits(self) -> u64 {
        match self {
            Self::Table { entries, width } => u64::from(entries).saturating_mul(u64::from(width)),
            _ => 0,
        }
    }

    /// Delay in ns, logic and nets, speed grade -2.
    pub fn delay(self) -> f64 {
        match self {
            Self::Add { width } => carry_delay(width),
            Self::Compare { width } => carry_delay(width.div_ceil(2)),
            Self::Equal { width } => tree_delay(2.0 * f64::from(width)),
            Self::Decode { width } => tree_delay(f64::from(width)),
            Self::Select { inputs, .. } => select_delay(inputs),
            Self::GatedOr { inputs, .. } => tree_delay(2.0 * f64::from(inputs)),
            Self::Gate { .. } => LUT_DELAY,
            Self::Table { entries, .. } => select_delay(entries.div_ceil(64)),
            Self::Multiply { .. } if self.dsps() > 0 => DSP_DELAY,
            Self::Multiply { a, b } => log2(f64::from(a.min(b))) * carry_delay(a.max(b)),
            Self::MultiplyConstant { digits, width } => log2(f64::from(digits)) * carry_delay(width),
        }
    }
}

/// Levels of a tree of two-input operations over `inputs`.
fn log2(inputs: f64) -> f64 {
    inputs.max(1.0).log2().ceil()
}

/// LUTs of a one-bit function that can be split into a tree, over `inputs` bits: each LUT takes six bits and gives one.
fn tree_luts(inputs: f64) -> f64 {
    if inputs <= 1.0 { 0.0 } else { ((inputs - 1.0) / (LUT_INPUTS - 1.0)).max(1.0) }
}

fn tree_delay(inputs: f64) -> f64 {
    LUT_DELAY * inputs.max(1.0).log(LUT_INPUTS).ceil().max(1.0)
}

fn carry_delay(width: u32) -> f64 {
    LUT_DELAY + CARRY8_DELAY * f64::from(width.div_ceil(8))
}

/// LUTs of a multiplexer for one bit: a LUT chooses among four; F7, F8 and F9 join eight of them without more LUTs.
fn select_luts(inputs: u32) -> f64 {
    match inputs {
        0 | 1 => 0.0,
        2..=32 => (f64::from(inputs) / 4.0).max(0.5),
        _ => f64::from(inputs) / 4.0 + select_luts(inputs.div_ceil(32)),
    }
}

fn select_delay(inputs: u32) -> f64 {
    match inputs {
        0 | 1 => LUT_DELAY,
        2..=4 => LUT_DELAY,
        5..=32 => LUT_DELAY + WIDE_MUX_DELAY * (log2(f64::from(inputs)) - 2.0),
        _ => select_delay(32) + select_delay(inputs.div_ceil(32)),
    }
}

/// LUTs of one bit of a table: 64 entries a LUT, then a multiplexer.
fn table_luts(entries: u32) -> f64 {
    let leaves = entries.div_ceil(64);
    f64::from(leaves) + if leaves > 8 { select_luts(leaves.div_ceil(8)) } else { 0.0 }
}
