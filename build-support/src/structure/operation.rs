//! Area and delay of one operation on UltraScale+.
//!
//! Facts of the architecture (UG574): a LUT has six inputs and one output, or five inputs and two outputs; a carry chain
//! adds one bit a LUT in blocks of eight (CARRY8); F7, F8 and F9 multiplexers join up to eight LUTs of a slice without
//! more LUTs. Figures that are fitted instead name `docs/cost-model.md`.

use serde::{Deserialize, Serialize};

/// One kind of operation on values of some width.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// Sum or difference of two variables.
    Add {
        /// Bits of the result.
        width: u32,
    },
    /// Sum of `inputs` variables in a tree.
    Sum {
        /// Values to add.
        inputs: u32,
        /// Bits of each value; sums grow by a bit a level.
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
    /// OR of `inputs` values, each gated by a bit of its own: choice by a one-hot code.
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
    /// Read of a constant table by a binary index. HLS registers the index, so it takes a cycle.
    Table {
        /// Entries of the table.
        entries: u32,
        /// Bits of an entry.
        width: u32,
    },
    /// Choice among constants by a binary index, as logic and not as a memory.
    Constants {
        /// Constants to choose from.
        entries: u32,
        /// Bits of a constant.
        width: u32,
    },
    /// Rounding to one of several formats by its index, as an addition and a mask that belong to the format.
    Mask {
        /// Formats to choose from.
        formats: u32,
        /// Bits of the result.
        width: u32,
    },
    /// Rounding to one of several formats by its index, each by itself, and a choice among the results.
    Round {
        /// Formats to choose from.
        formats: u32,
        /// Bits of the result.
        width: u32,
    },
    /// Product of two variables.
    Multiply {
        /// Bits of one operand.
        a: u32,
        /// Bits of the other.
        b: u32,
    },
    /// Product with a constant. Products that are only added up cost less as one [`Operation::Sum`] over all digits.
    MultiplyConstant {
        /// Non-zero digits of the constant's canonical signed-digit form.
        digits: u32,
        /// Bits of the result.
        width: u32,
    },
}

/// Bits of the wider operand from which a product goes to a DSP. In the instance tables of the published reports all
/// products up to 10 x 10 bits are in LUTs, all from 13 x 11 and 16 x 5 on in DSPs; between is nothing.
const DSP_WIDER: u32 = 11;
/// Bits of the narrower operand from which it does so: the narrowest in these tables.
const DSP_NARROWER: u32 = 4;
/// Digits from which a constant is multiplied with; fewer are at most one addition. Derived: in the published dense
/// layers the multipliers of each width are as many as the weights of three digits and more.
pub(crate) const MULTIPLIED_DIGITS: u32 = 3;
/// Signed operands of a DSP48E2, bits (UG579).
const DSP_WIDE: u32 = 27;
/// The narrower operand of a DSP48E2, bits (UG579).
const DSP_NARROW: u32 = 18;
/// Inputs of a LUT.
const LUT_INPUTS: u32 = 6;
/// Values that a LUT-only multiplexer level chooses from: four of data and two of index.
const LUT_SELECT: f64 = 4.0;
/// Bits of a table that is a block RAM: more than this, with its entries filled up to a power of two. In the published
/// reports tables up to 2048 bits are in LUTs and all from 3072 bits on in block RAMs.
const LUT_TABLE_BITS: u64 = 2048;
/// Entries of a block RAM and the bits of each, for the widths that it has with two ports (UG573).
const BRAM_SHAPES: [(u64, u32); 5] = [(1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1)];
/// Entries of a table bit in one LUT.
const LUT_ENTRIES: u32 = 64;
/// LUTs that F7, F8 and F9 multiplexers join.
const JOINED_LUTS: u32 = 8;
/// Delay of a LUT and the net behind it, ns. Fitted on the estimated clock of the published input reductions.
const LUT_DELAY: f64 = 0.305;
/// Delay of a carry chain without its bits, ns. Fitted likewise.
const CARRY_DELAY: f64 = 0.64;
/// Delay of a bit in a carry chain, ns. Fitted likewise.
const CARRY_BIT_DELAY: f64 = 0.0085;
/// Delay of an F7, F8 or F9 multiplexer with its net, ns.
const WIDE_MUX_DELAY: f64 = 0.1;
/// Delay of a product in LUTs, ns. Fitted on the latency of published convolutions.
const MULTIPLY_DELAY: f64 = 1.5;
/// Delay of a product in a DSP, ns. Fitted likewise.
const DSP_DELAY: f64 = 2.1;
/// Delay of a table behind its index register, ns. Fitted likewise.
const TABLE_DELAY: f64 = 1.2;
/// LUTs that HLS adds to the width of an adder or a comparator in its estimate; read off the published reports.
const HLS_CARRY_LUTS: f64 = 7.0;
/// LUTs in the HLS estimate of a product, per pair of operand bits; read off the published reports: 40 for 8 × 8 bits,
/// 62 for 10 × 10.
const HLS_MULTIPLY: f64 = 0.62;

impl Operation {
    /// LUTs after logic synthesis.
    ///
    /// - Sums: a LUT a bit; a tree is made of adders with three inputs, which also take a LUT a bit.
    /// - `Compare`: a LUT feeds two bits into the carry chain.
    /// - `Equal`, `Decode`, `GatedOr`: trees of LUTs with six inputs.
    /// - `Select`: a LUT chooses one bit among four; two LUT outputs choose among two.
    /// - `Gate`: both outputs of a LUT.
    /// - `Table`: 64 entries a LUT and bit, then a multiplexer; none if it is in block RAM.
    /// - `Round`: an addition; each bit of the half and of the mask is a function of the format's index. HLS reports one
    ///   rounding for each format and a choice among them, which logic synthesis sees to be one function.
    /// - `Multiply`: one LUT for each pair of bits.
    pub fn luts(self) -> f64 {
        match self {
            _ if self.dsps() > 0 || self.bram18() > 0 => 0.0,
            Self::Add { width } => f64::from(width),
            Self::Sum { inputs, width } => additions(inputs) / 2.0 * sum_width(width),
            Self::Compare { width } | Self::Gate { width } => f64::from(width) / 2.0,
            Self::Equal { width } => tree_luts(2.0 * f64::from(width)),
            Self::Decode { width } => tree_luts(f64::from(width)),
            Self::Select { inputs, width } => select_luts(inputs) * f64::from(width),
            Self::GatedOr { inputs, width } => tree_luts(2.0 * f64::from(inputs)) * f64::from(width),
            Self::Table { entries, width } | Self::Constants { entries, width } => table_luts(entries) * f64::from(width),
            Self::Round { formats, width } | Self::Mask { formats, width } => {
                (1.0 + 2.0 * tree_luts(log2(formats).into()).max(1.0)) * f64::from(width)
            }
            Self::Multiply { a, b } => f64::from(a) * f64::from(b),
            Self::MultiplyConstant { digits, width } => (additions(digits) / 2.0).ceil() * f64::from(width),
        }
    }

    /// LUTs in the estimate of Vitis HLS, which are far more than logic synthesis makes of them. Read off the operator
    /// tables of published reports (2023.1).
    pub(crate) fn hls_luts(self) -> f64 {
        match self {
            _ if self.dsps() > 0 || self.bram18() > 0 => 0.0,
            Self::Add { width } | Self::Compare { width } | Self::Equal { width } | Self::Decode { width } => hls_carry(width),
            Self::Sum { inputs, width } => additions(inputs) * (sum_width(width) + HLS_CARRY_LUTS),
            Self::Select { inputs, width } => additions(inputs) * f64::from(width),
            Self::GatedOr { inputs, width } => (2.0 * f64::from(inputs) - 1.0).max(0.0) * f64::from(width.max(2)),
            Self::Gate { width } => f64::from(width.max(2)),
            Self::Table { entries, width } | Self::Constants { entries, width } => {
                f64::from(entries.div_ceil(LUT_ENTRIES)) * f64::from(width) / 2.0
            }
            Self::Round { formats, width } => f64::from(formats) * hls_carry(width) + additions(formats) * f64::from(width),
            // The half and the bits that are kept are constants to choose from.
            Self::Mask { formats, width } => {
                hls_carry(width) + f64::from(width) * (1.0 + f64::from(formats.div_ceil(LUT_ENTRIES)))
            }
            Self::Multiply { a, b } => HLS_MULTIPLY * f64::from(a) * f64::from(b),
            Self::MultiplyConstant { digits, width } => additions(digits) * hls_carry(width),
        }
    }

    /// DSP blocks, as HLS decides.
    pub fn dsps(self) -> u32 {
        match self {
            Self::Multiply { a, b } if a.max(b) >= DSP_WIDER && a.min(b) >= DSP_NARROWER => {
                a.max(b).div_ceil(DSP_WIDE).saturating_mul(a.min(b).div_ceil(DSP_NARROW))
            }
            _ => 0,
        }
    }

    /// The product of `value` bits with a constant of `constant` bits and `digits`: a DSP like that of two variables if
    /// HLS takes one for it, else shifted copies of the value.
    pub(crate) fn times_constant(value: u32, constant: u32, digits: u32) -> Self {
        let product = Self::Multiply { a: value, b: constant };
        if digits >= MULTIPLIED_DIGITS && product.dsps() > 0 {
            return product;
        }
        Self::MultiplyConstant { digits, width: value.saturating_add(constant) }
    }

    /// Block RAMs of 18 kb that a table takes for two reads in a cycle. Constants to choose from are none: our arrays of
    /// weights are partitioned completely.
    pub(crate) fn bram18(self) -> u32 {
        let Self::Table { entries, width } = self else { return 0 };
        let filled = u64::from(entries).next_power_of_two();
        if filled.saturating_mul(width.into()) <= LUT_TABLE_BITS {
            return 0;
        }
        let blocks = |(deep, wide): (u64, u32)| u64::from(entries).div_ceil(deep).saturating_mul(width.div_ceil(wide).into());
        BRAM_SHAPES.map(blocks).into_iter().min().map_or(0, |blocks| u32::try_from(blocks).unwrap_or(u32::MAX))
    }

    /// Bits of the values that are left behind `level` levels of a tree of additions; nothing if it is no such tree.
    pub(super) fn bits_behind(self, level: u32) -> Option<u64> {
        let Self::Sum { inputs, width } = self else { return None };
        let level = level.min(log2(inputs));
        Some(u64::from(inputs).div_ceil(1 << level) * (u64::from(width) + u64::from(level)))
    }

    /// Bits of constants that the operation reads.
    pub(crate) fn table_bits(self) -> u64 {
        match self {
            Self::Table { entries, width } | Self::Constants { entries, width } => {
                u64::from(entries).saturating_mul(u64::from(width))
            }
            _ => 0,
        }
    }

    /// Delay in ns, logic and nets, speed grade -2, as HLS schedules it.
    pub(crate) fn delay(self) -> f64 {
        let (levels, delay) = self.levels();
        f64::from(levels) * delay
    }

    /// Levels of the operation and the delay of each, in ns: a pipeline register can stand between them.
    pub(super) fn levels(self) -> (u32, f64) {
        match self {
            _ if self.dsps() > 0 => (1, DSP_DELAY),
            Self::Add { width } | Self::Compare { width } => (1, carry_delay(width)),
            Self::Sum { inputs, width } => (log2(inputs), LUT_DELAY + carry_delay(width.saturating_add(SUM_GROWTH))),
            Self::Equal { width } => (tree_levels(width.saturating_mul(2)), LUT_DELAY),
            Self::Decode { width } => (tree_levels(width), LUT_DELAY),
            Self::Select { inputs, .. } => select_levels(inputs),
            Self::GatedOr { inputs, .. } => (tree_levels(inputs.saturating_mul(2)), LUT_DELAY),
            Self::Gate { .. } => (1, LUT_DELAY),
            Self::Table { .. } => (1, TABLE_DELAY),
            Self::Constants { entries, .. } => select_levels(entries.div_ceil(LUT_ENTRIES / 4)),
            Self::Round { width, .. } | Self::Mask { width, .. } => (1, 2.0 * LUT_DELAY + carry_delay(width)),
            Self::Multiply { .. } => (1, MULTIPLY_DELAY),
            Self::MultiplyConstant { digits, width } => (log2(digits), carry_delay(width)),
        }
    }

    /// Whether the operation starts behind a register.
    pub(super) fn is_synchronous(self) -> bool {
        matches!(self, Self::Table { .. })
    }
}

/// Additions in a sum of `inputs` values.
fn additions(inputs: u32) -> f64 {
    f64::from(inputs.saturating_sub(1))
}

/// Bits that the sums in a tree are wider than its inputs, in the mean: half of them one bit, a quarter two, ...
const SUM_GROWTH: u32 = 2;

fn sum_width(width: u32) -> f64 {
    f64::from(width) + f64::from(SUM_GROWTH)
}

/// Levels of a tree of two-input operations over `inputs`.
fn log2(inputs: u32) -> u32 {
    u32::BITS - inputs.saturating_sub(1).leading_zeros()
}

/// LUTs of a one-bit function over `inputs` bits that splits into a tree: each LUT takes six bits and gives one.
fn tree_luts(inputs: f64) -> f64 {
    if inputs <= 1.0 { 0.0 } else { ((inputs - 1.0) / f64::from(LUT_INPUTS - 1)).max(1.0) }
}

/// Levels of that tree.
fn tree_levels(inputs: u32) -> u32 {
    let (mut levels, mut left) = (1, inputs.div_ceil(LUT_INPUTS));
    while left > 1 {
        (levels, left) = (levels + 1, left.div_ceil(LUT_INPUTS));
    }
    levels
}

fn carry_delay(width: u32) -> f64 {
    CARRY_DELAY + CARRY_BIT_DELAY * f64::from(width)
}

fn hls_carry(width: u32) -> f64 {
    f64::from(width) + HLS_CARRY_LUTS
}

/// Values that one level of LUTs and wide multiplexers chooses from.
const SELECT_LEVEL: u32 = 4 * JOINED_LUTS;

/// LUTs of a multiplexer for one bit.
fn select_luts(inputs: u32) -> f64 {
    match inputs {
        0 | 1 => 0.0,
        2..=SELECT_LEVEL => f64::from(inputs) / LUT_SELECT,
        _ => f64::from(inputs) / LUT_SELECT + select_luts(inputs.div_ceil(SELECT_LEVEL)),
    }
}

/// Levels of a multiplexer and the delay of each, ns.
fn select_levels(inputs: u32) -> (u32, f64) {
    let wide = f64::from(log2(inputs.min(SELECT_LEVEL)).saturating_sub(2));
    let (mut levels, mut left) = (1, inputs.div_ceil(SELECT_LEVEL));
    while left > 1 {
        (levels, left) = (levels + 1, left.div_ceil(SELECT_LEVEL));
    }
    (levels, LUT_DELAY + WIDE_MUX_DELAY * wide)
}

/// LUTs of one bit of a table.
fn table_luts(entries: u32) -> f64 {
    let leaves = entries.div_ceil(LUT_ENTRIES);
    f64::from(leaves) + if leaves > JOINED_LUTS { select_luts(leaves.div_ceil(JOINED_LUTS)) } else { 0.0 }
}

impl std::fmt::Display for Operation {
    /// `8-bit add`, `20:1 select of 8 bits`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Add { width } => write!(f, "{width}-bit add"),
            Self::Sum { inputs, width } => write!(f, "sum of {inputs} values of {width} bits"),
            Self::Compare { width } => write!(f, "{width}-bit compare"),
            Self::Equal { width } => write!(f, "{width}-bit equal"),
            Self::Decode { width } => write!(f, "{width}-bit decode"),
            Self::Select { inputs, width } => write!(f, "{inputs}:1 select of {width} bits"),
            Self::GatedOr { inputs, width } => write!(f, "{inputs}:1 gated or of {width} bits"),
            Self::Gate { width } => write!(f, "{width}-bit gate"),
            Self::Table { entries, width } => write!(f, "{entries} x {width}-bit table"),
            Self::Constants { entries, width } => write!(f, "choice of {entries} {width}-bit constants"),
            Self::Round { formats, width } => write!(f, "{width}-bit rounding to {formats} formats"),
            Self::Mask { formats, width } => write!(f, "{width}-bit add and mask for {formats} formats"),
            Self::Multiply { a, b } => write!(f, "{a} x {b}-bit multiply"),
            Self::MultiplyConstant { digits, width } => write!(f, "{width}-bit multiply by a constant of {digits} digits"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn areas_follow_the_architecture() {
        let luts = [
            (Operation::Add { width: 12 }, 12.0),
            // Two additions a bit in a LUT: three values of 8 bits are an adder of 10.
            (Operation::Sum { inputs: 3, width: 8 }, 10.0),
            (Operation::Sum { inputs: 1, width: 8 }, 0.0),
            // Six inputs are a LUT, eleven are two.
            (Operation::Decode { width: 6 }, 1.0),
            (Operation::Decode { width: 11 }, 2.0),
            // A LUT chooses among four, two halves of one among two, eight LUTs with their multiplexers among 32.
            (Operation::Select { inputs: 4, width: 3 }, 3.0),
            (Operation::Select { inputs: 2, width: 4 }, 2.0),
            (Operation::Select { inputs: 32, width: 1 }, 8.0),
            (Operation::Select { inputs: 128, width: 1 }, 33.0),
            (Operation::Table { entries: 64, width: 8 }, 8.0),
            (Operation::Table { entries: 65, width: 8 }, 16.0),
            (Operation::Round { formats: 15, width: 6 }, 18.0),
            (Operation::Multiply { a: 8, b: 8 }, 64.0),
            (Operation::MultiplyConstant { digits: 1, width: 20 }, 0.0),
            (Operation::MultiplyConstant { digits: 3, width: 20 }, 20.0),
        ];
        for (operation, expected) in luts {
            assert_eq!(operation.luts(), expected, "{operation:?}");
        }
    }

    /// The instance tables of the published reports.
    #[test]
    fn wide_products_go_to_dsps() {
        let dsps = |a, b| Operation::Multiply { a, b }.dsps();
        assert_eq!([(8, 8), (10, 7), (10, 10)].map(|(a, b)| dsps(a, b)), [0; 3]);
        assert_eq!([(13, 11), (16, 5), (5, 16), (16, 15), (18, 17), (24, 9)].map(|(a, b)| dsps(a, b)), [1; 6]);
        assert_eq!(dsps(16, 3), 0, "no product is that narrow there");
        assert_eq!(dsps(30, 20), 4);
        assert_eq!(Operation::Multiply { a: 16, b: 16 }.luts(), 0.0);
    }

    /// yosys makes 19 LUTs of the choice among 15 roundings of 8 bits to 6 that the kernel writes.
    #[test]
    fn a_format_by_position_is_one_rounding_and_not_one_for_each_format() {
        let round = |formats| Operation::Round { formats, width: 6 };
        assert_eq!([3, 15].map(|formats| round(formats).luts()), [18.0; 2]);
        assert_eq!(round(15).hls_luts(), 15.0 * 13.0 + 14.0 * 6.0);
        let mask = Operation::Mask { formats: 15, width: 6 };
        assert_eq!((mask.luts(), mask.hls_luts()), (18.0, 13.0 + 2.0 * 6.0));
    }

    #[test]
    fn constants_of_three_digits_are_multiplied_with_like_variables() {
        let dsps = |value, constant, digits| Operation::times_constant(value, constant, digits).dsps();
        assert_eq!([1, 2, 3, 6].map(|digits| dsps(16, 9, digits)), [0, 0, 1, 1]);
        assert_eq!(dsps(8, 8, 4), 0, "products of 8 bits are in LUTs");
        assert_eq!(Operation::times_constant(16, 9, 2), Operation::MultiplyConstant { digits: 2, width: 25 });
    }

    /// The memory tables of the published reports: 147 words of 12 bits are in block RAM, 243 of 8 are not.
    #[test]
    fn large_tables_are_block_rams() {
        let bram18 = |entries, width| Operation::Table { entries, width }.bram18();
        let in_luts = [(243, 8), (225, 8), (100, 15), (150, 8), (81, 15)];
        assert_eq!(in_luts.map(|(entries, width)| bram18(entries, width)), [0; 5]);
        let in_one = [(147, 12), (150, 15), (243, 13), (1024, 10), (1024, 18), (2048, 9)];
        assert_eq!(in_one.map(|(entries, width)| bram18(entries, width)), [1; 6]);
        assert_eq!([bram18(1025, 18), bram18(4096, 18), bram18(16384, 4)], [2, 4, 4]);
        assert_eq!(Operation::Constants { entries: 4096, width: 16 }.bram18(), 0);
        assert_eq!(Operation::Table { entries: 1024, width: 18 }.luts(), 0.0);
    }

    /// The tables of published reports: `sparse_conv` with 10 slots, 8 bits and 10 bits.
    #[test]
    fn the_hls_estimate_is_the_one_in_the_reports() {
        assert_eq!(Operation::Add { width: 8 }.hls_luts(), 15.0);
        assert_eq!(Operation::Compare { width: 6 }.hls_luts(), 13.0);
        assert_eq!(Operation::Select { inputs: 2, width: 8 }.hls_luts(), 8.0);
        assert_eq!(Operation::Gate { width: 1 }.hls_luts(), 2.0);
        assert_eq!(Operation::Multiply { a: 8, b: 8 }.hls_luts().round(), 40.0);
        assert_eq!(Operation::Multiply { a: 10, b: 10 }.hls_luts().round(), 62.0);
    }

    /// Three levels of the published input reduction, each a comparison and a choice, are the estimated clock: 3.039 ns
    /// with 8 bits, 3.252 ns with 16.
    #[test]
    fn delays_are_those_of_the_published_input_reduction() {
        for (width, published) in [(8, 3.039), (16, 3.252)] {
            let level = Operation::Compare { width }.delay() + Operation::Gate { width }.delay();
            assert!((3.0 * level - published).abs() < 0.02, "{width} bits: {}", 3.0 * level);
        }
    }

    #[test]
    fn nothing_is_negative_or_infinite() {
        for width in [0, 1, 2, 64, 128, u32::MAX] {
            for other in [0, 1, 3, 1_000_000_000, u32::MAX] {
                for operation in all(width, other) {
                    let numbers = [operation.luts(), operation.hls_luts(), operation.delay()];
                    assert!(numbers.iter().all(|number| number.is_finite() && *number >= 0.0), "{operation:?}: {numbers:?}");
                    let _ = (operation.dsps(), operation.bram18(), operation.table_bits(), operation.bits_behind(other));
                }
            }
        }
    }

    fn all(width: u32, other: u32) -> [Operation; 14] {
        [
            Operation::Add { width },
            Operation::Sum { inputs: other, width },
            Operation::Compare { width },
            Operation::Equal { width },
            Operation::Decode { width },
            Operation::Select { inputs: other, width },
            Operation::GatedOr { inputs: other, width },
            Operation::Gate { width },
            Operation::Table { entries: other, width },
            Operation::Multiply { a: width, b: other },
            Operation::MultiplyConstant { digits: other, width },
            Operation::times_constant(width, other, 3),
            Operation::Round { formats: other, width },
            Operation::Mask { formats: other, width },
        ]
    }
}
