//! What LUTs of each technology make of nodes, as yosys counts them.

use crate::circuit::tech::Technology;

/// Figures that are fitted on what yosys makes of the blocks of `tests/synthesis`; the guide has them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Figures {
    /// Inputs of a LUT.
    pub inputs: u32,
    /// LUTs for a function that has one input more than a LUT, two more and so on, where multiplexers behind LUTs make it.
    wide: &'static [f64],
    /// What one of three gated words takes, in parts of what its gates are.
    pub one_of: f64,
    /// LUTs for each bit of `<`.
    pub less: f64,
    /// The same for each bit that is compared with a constant.
    pub less_than_constant: f64,
    /// LUTs for each pair of bits of a product, in parts of what they are on an UltraScale+.
    pub product: f64,
    /// What a carry chain takes beyond a LUT for each bit.
    pub chain: f64,
    /// How many times the bits of their chains sums of up to two bits take, of up to six, of up to eight words, and others of
    /// several words.
    pub sums: [f64; 4],
}

impl Figures {
    pub fn of(technology: Technology) -> Self {
        let inputs = technology.delays().lut_inputs;
        match technology {
            Technology::Xcup | Technology::Xc7 => Self {
                inputs,
                wide: &[2.0, 4.0],
                one_of: 2.2,
                less: 0.72,
                less_than_constant: 0.4,
                product: 1.0,
                chain: 0.0,
                sums: [0.5, 0.95, 1.4, 1.9],
            },
            Technology::Ecp5 => Self {
                inputs,
                wide: &[2.0, 4.0, 8.0],
                one_of: 2.2,
                less: 2.3,
                less_than_constant: 1.5,
                product: 2.2,
                chain: 2.0,
                sums: [1.0, 1.9, 2.9, 3.6],
            },
            // There are no multiplexers behind its LUTs.
            Technology::Ice40 => Self {
                inputs,
                wide: &[2.0, 3.0, 4.0],
                one_of: 1.4,
                less: 1.8,
                less_than_constant: 1.3,
                product: 1.35,
                chain: 2.0,
                sums: [0.6, 1.1, 1.6, 1.9],
            },
        }
    }

    /// LUTs for a function of so many inputs.
    pub fn wide(&self, inputs: u32) -> f64 {
        if inputs <= self.inputs {
            return 1.0;
        }
        let known = self.wide.get((inputs - self.inputs - 1) as usize).copied();
        known.unwrap_or(f64::from(inputs - 1) / f64::from(self.inputs - 1))
    }

    /// LUTs for a function of so many inputs that is made of smaller ones.
    pub fn gates(&self, inputs: u32) -> f64 {
        (f64::from(inputs - 1) / f64::from(self.inputs - 1)).max(1.0)
    }

    /// LUTs behind each other for a function of so many inputs.
    pub fn levels(&self, inputs: u32) -> u32 {
        let (mut left, mut levels) = (inputs.max(2), 0);
        while left > 1 {
            left = left.div_ceil(self.inputs);
            levels += 1;
        }
        levels
    }

    /// LUTs of a bit of a table with so many entries: those that hold them, and those that choose among four.
    pub fn table(&self, entries: usize) -> f64 {
        let blocks = (entries as f64 / f64::from(1 << self.inputs)).max(1.0);
        if blocks > 4.0 { 1.3 * (blocks + (blocks / 4.0 - 1.0) / 3.0) } else { blocks }
    }

    /// LUTs of sums: of several words they are added three to two, unless they are narrow; those of very few bits go into LUTs of
    /// others.
    pub fn sum(&self, chain_bits: f64, terms: u32, widest: u32) -> f64 {
        let [least, narrow, several, many] = self.sums;
        match terms {
            _ if widest <= 2 => least * chain_bits,
            _ if widest <= 6 => narrow * chain_bits,
            0..=2 => chain_bits + self.chain,
            3..=8 => several * chain_bits,
            _ => many * chain_bits,
        }
    }
}
