//! Vivado's own reports: utilization (by hierarchy, or of the whole device) and timing, after synthesis or after
//! implementation.

use std::{fmt, path::Path};

use serde::{Deserialize, Serialize};

use super::{Resources, read, table, unreadable};
use crate::error::Result;

/// What Vivado found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Vivado {
    /// Utilization.
    #[serde(flatten)]
    pub utilization: Utilization,
    /// Timing.
    pub timing: Timing,
}

impl Vivado {
    /// Reads both reports.
    ///
    /// # Errors
    /// [`crate::Code::SynthesisFailed`] if one is missing or cannot be used.
    pub(crate) fn read(utilization: &Path, timing: &Path) -> Result<Self> {
        let found = Utilization::parse(&read(utilization)?).map_err(|why| unreadable(utilization, &why))?;
        let summary = Timing::parse(&read(timing)?).map_err(|why| unreadable(timing, &why))?;
        let stage = found.state.as_deref().and_then(Stage::of);
        Ok(Self { utilization: found, timing: Timing { stage, ..summary } })
    }
}

/// `report_utilization`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Utilization {
    /// Version of Vivado.
    pub version: Option<String>,
    /// How far the design was: `Synthesized`, `Optimized`, `Routed`, ...
    pub state: Option<String>,
    /// The whole design.
    #[serde(flatten)]
    pub resources: Resources,
    /// The instances in it, if the report is one by hierarchy.
    pub instances: Vec<Instance>,
}

/// One row of the hierarchy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Instance {
    /// Name of the instance.
    pub name: String,
    /// Module it is an instance of.
    pub module: String,
    /// How deep it lies; 1 is directly in the top.
    pub depth: usize,
    /// What it takes.
    #[serde(flatten)]
    pub resources: Resources,
}

impl Utilization {
    /// Reads the text of a report.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut report = if text.contains("Utilization by Hierarchy") { Self::by_hierarchy(text)? } else { Self::flat(text)? };
        let header = |name: &str| {
            let mut lines = text.lines().filter_map(|line| line.strip_prefix('|')?.trim().strip_prefix(name)?.split_once(':'));
            lines.find(|(rest, _)| rest.trim().is_empty()).map(|(_, value)| value.trim().to_owned())
        };
        report.version = header("Tool Version").and_then(|text| crate::toolchain::version_in(&text));
        report.state = header("Design State");
        Ok(report)
    }

    fn by_hierarchy(text: &str) -> Result<Self, String> {
        let mut rows = table::rows(text).skip_while(|cells| cells[0].trim() != "Instance");
        let columns = rows.next().ok_or("it has no table of instances")?;
        let at = |names: &[&str]| columns.iter().position(|column| names.contains(column));
        let (lut, ff) = (at(&["Total LUTs"]), at(&["FFs"]));
        let (dsp, uram) = (at(&["DSP Blocks", "DSP48 Blocks"]), at(&["URAM"]));
        let (ramb36, ramb18) = (at(&["RAMB36"]), at(&["RAMB18"]));
        if lut.is_none() || ff.is_none() {
            return Err("its table has no columns Total LUTs and FFs".to_owned());
        }
        let instance = |cells: Vec<&str>| {
            let count = |at: Option<usize>| table::number::<u64>(cells.get(at?)?);
            let bram18 = count(ramb18).map(|halves| halves.saturating_add(count(ramb36).unwrap_or(0).saturating_mul(2)));
            let resources = Resources { lut: count(lut), ff: count(ff), dsp: count(dsp), bram18, uram: count(uram) };
            let name = cells[0].trim_start();
            // One space before the top, two more for each level.
            let depth = (cells[0].len() - name.len()).saturating_sub(1) / 2;
            Instance { name: name.to_owned(), module: cells.get(1).copied().unwrap_or_default().to_owned(), depth, resources }
        };
        let mut all = rows.take_while(|cells| cells.len() == columns.len()).map(instance);
        let top = all.next().filter(|top| top.resources.lut.is_some()).ok_or("its table of instances is empty")?;
        // `(name)` is what is in an instance but in none of those below it.
        Ok(Self {
            resources: top.resources,
            instances: all.filter(|row| !row.name.starts_with('(')).collect(),
            ..Self::default()
        })
    }

    fn flat(text: &str) -> Result<Self, String> {
        let rows: Vec<_> = table::rows(text).collect();
        let used = |names: &[&str]| {
            let row = rows.iter().find(|cells| names.contains(&cells[0].trim().trim_end_matches('*')))?;
            table::number::<f64>(row.get(1)?)
        };
        let count = |names: &[&str]| used(names).map(|number| number as u64);
        let resources = Resources {
            lut: count(&["CLB LUTs", "Slice LUTs"]),
            ff: count(&["CLB Registers", "Slice Registers", "Register as Flip Flop"]),
            dsp: count(&["DSPs", "DSP Slices"]),
            // A tile is two blocks of 18 kb; half a tile is one.
            bram18: used(&["Block RAM Tile"]).map(|tiles| (tiles * 2.0) as u64),
            uram: count(&["URAM"]),
        };
        if resources.lut.is_none() || resources.ff.is_none() {
            return Err("it says neither how many LUTs nor how many registers there are".to_owned());
        }
        Ok(Self { resources, ..Self::default() })
    }
}

/// How far a design was when its timing was reported. What is met before it is placed need not be met on the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Nothing has a place; the delays of nets are guessed.
    Synthesis,
    /// Everything has a place; the delays of nets are estimated.
    Placement,
    /// As on the device.
    Route,
}

impl Stage {
    /// The stage of a `Design State`: `Synthesized`, `Optimized`, `Fully Placed`, `Physopt postRoute`, `Routed`, ...
    fn of(state: &str) -> Option<Self> {
        let state = state.to_ascii_lowercase();
        let has = |word: &str| state.contains(word);
        match () {
            () if has("rout") && !has("partial") => Some(Self::Route),
            () if has("place") => Some(Self::Placement),
            () if has("synth") || has("optimized") => Some(Self::Synthesis),
            () => None,
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Synthesis => "after synthesis, before placement",
            Self::Placement => "after placement, before route",
            Self::Route => "after route",
        })
    }
}

/// The summary of `report_timing_summary`. Slacks in ns; negative ones are violations.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Timing {
    /// At which stage this is so; unknown if the report does not say.
    pub stage: Option<Stage>,
    /// Whether every constraint is met.
    pub met: bool,
    /// Worst negative slack of setup; unknown if no path was constrained.
    pub wns: Option<f64>,
    /// Total negative slack of setup.
    pub tns: Option<f64>,
    /// Worst slack of hold.
    pub whs: Option<f64>,
    /// Endpoints that fail setup.
    pub failing_endpoints: Option<u64>,
}

impl Timing {
    /// Reads the text of a report.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut lines = text.lines().skip_while(|line| !(line.contains("WNS(ns)") && line.contains("TNS(ns)")));
        let _titles = lines.next().ok_or("it has no design timing summary")?;
        let values = lines.nth(1).ok_or("its design timing summary has no values")?;
        let cells: Vec<_> = values.split_whitespace().collect();
        if cells.len() < 8 {
            return Err("its design timing summary is cut off".to_owned());
        }
        let slack = |at: usize| table::number::<f64>(cells[at]).filter(|slack| slack.is_finite());
        let (wns, whs) = (slack(0), slack(4));
        let verdict = lines.map(str::trim).find_map(|line| match line {
            "All user specified timing constraints are met." => Some(true),
            "Timing constraints are not met." => Some(false),
            _ => None,
        });
        // Without a sentence the slacks decide; what is not known is not met.
        let met = verdict.unwrap_or_else(|| wns.is_some_and(|slack| slack >= 0.0) && whs.is_none_or(|slack| slack >= 0.0));
        Ok(Self { stage: None, met, wns, tns: slack(1), whs, failing_endpoints: table::number(cells[2]) })
    }
}

impl fmt::Display for Vivado {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; timing {}", self.utilization.resources, if self.timing.met { "met" } else { "not met" })?;
        self.timing.wns.map_or(Ok(()), |wns| write!(f, " (worst slack {wns} ns)"))?;
        self.timing.stage.map_or(Ok(()), |stage| write!(f, " {stage}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::toolchain::reports::tests::vendor_files;

    const FLAT: &str = "| Tool Version : Vivado v.2020.1 (lin64) Build 2902540\n| Design State : Routed\n\n1. CLB Logic\n\
        +---+\n|  Site Type | Used | Fixed | Available | Util% |\n| CLB LUTs* | 1234 | 0 | 117120 | 1.05 |\n\
        | CLB Registers | 5678 | 0 | 234240 | 2.42 |\n| Block RAM Tile | 12.5 | 0 | 144 | 8.33 |\n| DSPs | 7 | 0 | 9 | 1 |\n";

    const TIMING: &str = "| Design Timing Summary\n| ---------------------\n----\n\n    WNS(ns)      TNS(ns)  TNS Failing Endpoints  \
        TNS Total Endpoints      WHS(ns)      THS(ns)  THS Failing Endpoints  THS Total Endpoints     WPWS(ns)\n    -------      \
        -------  ---------------------  -------------------      -------\n     -0.333      -13.146                     57                  \
        973        0.082        0.000                      0                  973        2.225\n\n\nTiming constraints are not met.\n";

    #[test]
    fn the_utilization_of_a_device_is_read() {
        let Utilization { version, state, resources, instances } = Utilization::parse(FLAT).unwrap();
        assert_eq!((version.as_deref(), state.as_deref()), (Some("2020.1"), Some("Routed")));
        assert_eq!((resources.lut, resources.ff, resources.bram18), (Some(1234), Some(5678), Some(25)));
        assert_eq!((resources.dsp, resources.uram, instances.len()), (Some(7), None, 0));
        assert!(Utilization::parse("").is_err());
        assert!(Utilization::parse(&FLAT.replace("CLB Registers", "Other")).is_err());
    }

    #[test]
    fn the_stage_is_that_of_the_design() {
        for (state, stage) in [
            ("Synthesized", Some(Stage::Synthesis)),
            ("Optimized", Some(Stage::Synthesis)),
            ("Fully Placed", Some(Stage::Placement)),
            ("Physopt postPlace", Some(Stage::Placement)),
            ("Routed", Some(Stage::Route)),
            ("Physopt postRoute", Some(Stage::Route)),
            ("Fully Routed", Some(Stage::Route)),
            ("Partially Routed", None),
            ("", None),
        ] {
            assert_eq!(Stage::of(state), stage, "{state}");
        }
    }

    #[test]
    fn timing_is_met_only_if_the_report_says_so() {
        let timing = Timing::parse(TIMING).unwrap();
        assert_eq!((timing.met, timing.wns, timing.tns), (false, Some(-0.333), Some(-13.146)));
        assert_eq!((timing.whs, timing.failing_endpoints), (Some(0.082), Some(57)));
        let met = TIMING.replace("-0.333", "0.333").replace("Timing constraints", "Some timing constraints");
        assert!(Timing::parse(&met).unwrap().met, "no sentence: the slacks decide");
        let unknown = Timing::parse(&met.replace("0.333", "NA")).unwrap();
        assert_eq!((unknown.met, unknown.wns), (false, None));
        let all = TIMING.replace("Timing constraints are not met.", "All user specified timing constraints are met.");
        assert!(Timing::parse(&all).unwrap().met);
        let row = TIMING.find("973        2.225").unwrap();
        for end in 0..row {
            assert!(Timing::parse(&TIMING[..end]).is_err(), "{end}");
        }
    }

    #[test]
    fn real_utilization_is_read_with_every_row() {
        let Some(folder) = vendor_files() else { return };
        let text = std::fs::read_to_string(folder.join("vivado-neutrino-8b-sparse-l_synth.rpt")).unwrap();
        let report = Utilization::parse(&text).unwrap();
        assert_eq!((report.version.as_deref(), report.state.as_deref()), (Some("2023.1"), Some("Optimized")));
        let Resources { lut, ff, dsp, bram18, uram } = report.resources;
        assert_eq!((lut, ff, dsp, bram18, uram), (Some(362_637), Some(110_212), Some(60), Some(78), Some(0)));
        let drawn = text.lines().filter(|line| line.starts_with("|   ")).count();
        // Not counted: the titles, the top, and what is in the top itself.
        assert_eq!(report.instances.len(), drawn - 2, "all rows but the titles and `(myhls)`");
        let dense =
            report.instances.iter().find(|row| row.name.starts_with("dense_latency") && row.resources.lut == Some(45_792));
        let dense = dense.unwrap();
        assert_eq!((dense.depth, dense.resources.ff), (1, Some(17_609)));
        assert!(dense.module.starts_with("myhls_dense_latency"), "{dense:?}");
        for end in (0..text.find("+---").unwrap() + 900).step_by(7) {
            let _ = Utilization::parse(&text[..end]);
        }
    }
}
