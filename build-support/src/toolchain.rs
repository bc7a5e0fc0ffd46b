//! Stage 8: the vendor's tools.

use serde::Serialize;

/// Which steps a vendor tool runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Steps {
    /// The vendor's own C simulation.
    pub csim: bool,
    /// C synthesis.
    pub synth: bool,
    /// Co-simulation of C and RTL.
    pub cosim: bool,
    /// Export as an IP.
    pub export: bool,
    /// Logic synthesis with Vivado.
    pub vsynth: bool,
}

impl Default for Steps {
    fn default() -> Self {
        Self { csim: false, synth: true, cosim: false, export: false, vsynth: false }
    }
}

/// The steps as 0 and 1, for `build_opt.tcl`.
#[derive(Debug, Serialize)]
pub struct StepFlags {
    csim: u8,
    synth: u8,
    cosim: u8,
    export: u8,
    vsynth: u8,
}

impl Steps {
    /// The steps as 0 and 1.
    pub fn flags(self) -> StepFlags {
        let Self { csim, synth, cosim, export, vsynth } = self;
        StepFlags { csim: csim.into(), synth: synth.into(), cosim: cosim.into(), export: export.into(), vsynth: vsynth.into() }
    }
}
