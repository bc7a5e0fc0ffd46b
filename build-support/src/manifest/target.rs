//! Device, clock and tools.

use std::time::Duration;

use serde::Serialize;

use super::{Problems, choices::named, nearest, table::Table};
use crate::error::{Code, Result};

named! {
    /// Which generation of the vendor's tool a project is written for.
    HlsTool {
        /// Vitis HLS, 2020.2 and later (C++14).
        Vitis = "vitis",
        /// Vivado HLS, up to 2020.1 (C++11).
        Vivado = "vivado",
    }
}

/// What hardware is written in: the key `backend`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// C++ for high-level synthesis with this tool.
    Hls(HlsTool),
    /// Verilog, for every synthesizer.
    Verilog,
}

impl Language {
    /// Every one.
    pub const ALL: &'static [Self] = &[Self::Hls(HlsTool::Vitis), Self::Hls(HlsTool::Vivado), Self::Verilog];

    /// The name in the manifest.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hls(tool) => tool.name(),
            Self::Verilog => "verilog",
        }
    }
}

/// Device and clock.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// What the hardware is written in.
    pub language: Language,
    /// The vendor's name of the device.
    pub part: String,
    /// Clock period in ns.
    pub clock_period: f64,
    /// Clock uncertainty, in percent of the period.
    pub clock_uncertainty: f64,
    /// What stands before the tool's command, for a batch cluster.
    pub launcher: Vec<String>,
    /// How long a tool may run.
    pub tool_timeout: Option<Duration>,
    /// How long the C++ compiler may take for the csim, and that for an answer.
    pub csim_timeout: Duration,
}

/// The csim of a large network compiles for minutes; what takes an hour does not end.
const CSIM_TIMEOUT: Duration = Duration::from_secs(3600);

/// The keys of a target.
pub(super) const KEYS: [&str; 7] =
    ["backend", "part", "clock-period", "clock-uncertainty", "launcher", "tool-timeout", "csim-timeout"];

pub(super) fn read(tables: &[Table], wrong: &mut Problems) -> Target {
    Target {
        language: wrong
            .take(nearest(tables, |t| t.choice("backend", Language::ALL, Language::name)))
            .unwrap_or(Language::Hls(HlsTool::Vitis)),
        part: wrong.take(nearest(tables, part)).unwrap_or_else(|| "xcu250-figd2104-2L-e".into()),
        clock_period: wrong.take(nearest(tables, |t| t.number_between("clock-period", "ns", 0.1, 1000.0))).unwrap_or(5.0),
        clock_uncertainty: wrong.take(nearest(tables, uncertainty)).unwrap_or(27.0),
        launcher: wrong.take(nearest(tables, |t| t.words("launcher"))).unwrap_or_default(),
        tool_timeout: minutes(tables, "tool-timeout", wrong),
        csim_timeout: minutes(tables, "csim-timeout", wrong).unwrap_or(CSIM_TIMEOUT),
    }
}

fn minutes(tables: &[Table], key: &str, wrong: &mut Problems) -> Option<Duration> {
    let minutes = wrong.take(nearest(tables, |t| t.number_between(key, "minutes", 0.01, 1e6)));
    minutes.map(|minutes| Duration::from_secs_f64(minutes * 60.0))
}

/// More than any vendor's names have.
const LONGEST_PART: usize = 100;

/// A part goes into Tcl, so it may only hold what part names hold.
fn part(table: &Table) -> Result<Option<String>> {
    let Some(part) = table.string("part")? else { return Ok(None) };
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':' | '/');
    if part.is_empty() || part.len() > LONGEST_PART || !part.chars().all(fits) {
        return Err(table.error(Code::InvalidValue, "part", format!("{part:?} is not the name of a device")).help(
            "a part name has up to 100 letters, digits, `-`, `_`, `.`, `:` and `/`, for example \"xcu250-figd2104-2L-e\"",
        ));
    }
    Ok(Some(part))
}

fn uncertainty(table: &Table) -> Result<Option<f64>> {
    let Some(text) = table.string("clock-uncertainty")? else { return Ok(None) };
    let percent = text.strip_suffix('%').and_then(|number| number.trim().parse::<f64>().ok());
    match percent {
        Some(percent) if (0.0..100.0).contains(&percent) => Ok(Some(percent)),
        _ => Err(table
            .error(Code::InvalidValue, "clock-uncertainty", format!("{text:?} is not a percentage below 100 %"))
            .help("write it as a string with its unit, for example \"27%\"")),
    }
}
