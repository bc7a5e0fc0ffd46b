//! The steps of the tools, and what each needs: projects name them, and the toolchain runs them.

use serde::Serialize;

/// One step. Which there are depends on the backend; `synth` is of every one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// HLS: the vendor's own C simulation.
    Csim,
    /// Verilog: simulation of the RTL with Verilator.
    Sim,
    /// HLS: C synthesis. Verilog: logic synthesis with yosys.
    Synth,
    /// HLS: co-simulation of C and RTL.
    Cosim,
    /// HLS: export as an IP.
    Export,
    /// HLS: logic synthesis with Vivado.
    Vsynth,
    /// HLS: Vivado, from logic synthesis to route.
    Impl,
    /// Verilog: place and route with nextpnr.
    Pnr,
    /// Verilog: Vivado, from synthesis to route.
    Vivado,
}

impl Step {
    /// Every step, in the order in which they run.
    pub const ALL: [Self; 9] =
        [Self::Csim, Self::Sim, Self::Synth, Self::Cosim, Self::Export, Self::Vsynth, Self::Impl, Self::Pnr, Self::Vivado];

    /// The steps of HLS projects.
    pub const HLS: [Self; 6] = [Self::Csim, Self::Synth, Self::Cosim, Self::Export, Self::Vsynth, Self::Impl];

    /// The steps of Verilog projects.
    pub const VERILOG: [Self; 4] = [Self::Sim, Self::Synth, Self::Pnr, Self::Vivado];

    /// The name in `--steps`, in the scripts and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Csim => "csim",
            Self::Sim => "sim",
            Self::Synth => "synth",
            Self::Cosim => "cosim",
            Self::Export => "export",
            Self::Vsynth => "vsynth",
            Self::Impl => "impl",
            Self::Pnr => "pnr",
            Self::Vivado => "vivado",
        }
    }

    /// Whether the step works on what `synth` leaves.
    pub fn needs_synth(self) -> bool {
        matches!(self, Self::Cosim | Self::Export | Self::Vsynth | Self::Impl | Self::Pnr)
    }
}

/// A set of steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Steps(u16);

/// Synthesis alone.
impl Default for Steps {
    fn default() -> Self {
        Self::from_iter([Step::Synth])
    }
}

impl FromIterator<Step> for Steps {
    fn from_iter<T: IntoIterator<Item = Step>>(steps: T) -> Self {
        Self(steps.into_iter().fold(0, |bits, step| bits | 1 << step as u8))
    }
}

impl Steps {
    /// No step.
    pub const NONE: Self = Self(0);

    /// Whether `step` is among them.
    pub fn has(self, step: Step) -> bool {
        self.0 & (1 << step as u8) != 0
    }

    /// The steps, in the order in which they run.
    pub(crate) fn iter(self) -> impl Iterator<Item = Step> {
        Step::ALL.into_iter().filter(move |step| self.has(*step))
    }

    /// The steps for which `keep` holds.
    #[must_use]
    pub fn filter(self, keep: impl Fn(Step) -> bool) -> Self {
        self.iter().filter(|step| keep(*step)).collect()
    }

    /// These steps and synthesis, if one of them needs it.
    #[must_use]
    pub fn with_needed(self) -> Self {
        if self.iter().any(Step::needs_synth) { self.iter().chain([Step::Synth]).collect() } else { self }
    }

    /// Their names.
    pub fn names(self) -> Vec<&'static str> {
        self.iter().map(Step::name).collect()
    }

    /// The steps as 0 and 1, for `build_opt.tcl`; `reset` empties the project first.
    pub(crate) fn flags(self, reset: bool) -> StepFlags {
        let flag = |step| u8::from(self.has(step));
        StepFlags {
            reset: reset.into(),
            csim: flag(Step::Csim),
            synth: flag(Step::Synth),
            cosim: flag(Step::Cosim),
            export: flag(Step::Export),
            vsynth: flag(Step::Vsynth),
            implementation: flag(Step::Impl),
        }
    }
}

/// The steps of HLS as 0 and 1, and whether the project is emptied first.
#[derive(Debug, Serialize)]
pub(crate) struct StepFlags {
    reset: u8,
    csim: u8,
    synth: u8,
    cosim: u8,
    export: u8,
    vsynth: u8,
    implementation: u8,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_step_needs_comes_with_it() {
        let with = |steps: &[Step]| steps.iter().copied().collect::<Steps>().with_needed().names();
        assert_eq!(with(&[]), [""; 0]);
        for step in [Step::Csim, Step::Sim, Step::Vivado] {
            assert_eq!(with(&[step]), [step.name()]);
        }
        for step in [Step::Cosim, Step::Export, Step::Vsynth, Step::Impl, Step::Pnr] {
            assert_eq!(with(&[step]), ["synth", step.name()]);
        }
        assert_eq!(Steps::default().names(), ["synth"]);
        assert_eq!(Step::ALL.into_iter().collect::<Steps>().names().len(), Step::ALL.len(), "each has a bit of its own");
    }
}
