//! What nextpnr leaves: the JSON file of its `--report`.

use std::{collections::BTreeMap, fmt, path::Path};

use serde::{Deserialize, Serialize};

use super::{read, unreadable};
use crate::error::Result;

/// The design, placed and routed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Pnr {
    /// The fastest clock that it keeps, in MHz; unknown if no path was timed.
    pub fmax_mhz: Option<f64>,
    /// The clock that was asked for, in MHz.
    pub target_mhz: f64,
    /// What is used of the device, by the names that nextpnr has for it, the wrapper of the core included.
    pub utilization: BTreeMap<String, Used>,
}

/// How much of something is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Used {
    /// How much.
    pub used: u64,
    /// How much there is.
    pub available: u64,
}

impl Pnr {
    /// Reads a report; it need not say which clock was asked for.
    ///
    /// # Errors
    /// [`crate::Code::SynthesisFailed`] if there is none, or one that cannot be used.
    pub(crate) fn read(path: &Path, target_mhz: f64) -> Result<Self> {
        Self::parse(&read(path)?, target_mhz).map_err(|why| unreadable(path, &why))
    }

    /// Reads the text of a report.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub fn parse(text: &str, target_mhz: f64) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Report {
            fmax: BTreeMap<String, Clock>,
            utilization: BTreeMap<String, Used>,
        }
        #[derive(Deserialize)]
        struct Clock {
            achieved: f64,
        }
        let Report { fmax, mut utilization } = serde_json::from_str(text).map_err(|error| error.to_string())?;
        utilization.retain(|_, of| of.used > 0);
        if utilization.is_empty() {
            return Err("nothing of the device is used".into());
        }
        Ok(Self { fmax_mhz: fmax.into_values().map(|clock| clock.achieved).reduce(f64::min), target_mhz, utilization })
    }

    /// Whether the clock that was asked for is kept. What is not known is not.
    pub fn met(&self) -> bool {
        self.fmax_mhz.is_some_and(|fmax| fmax >= self.target_mhz)
    }
}

impl fmt::Display for Pnr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.fmax_mhz {
            Some(fmax) => write!(f, "{fmax:.1} MHz")?,
            None => f.write_str("unknown MHz")?,
        }
        write!(f, " of {:.1} asked for", self.target_mhz)?;
        self.utilization.iter().try_for_each(|(name, Used { used, available })| write!(f, "; {used} of {available} {name}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As nextpnr-ecp5 0.11 writes it, shortened.
    const REPORT: &str = r#"{
      "critical_paths": [{"from": "posedge $glbnet$clk", "path": [], "to": "posedge $glbnet$clk"}],
      "fmax": {"$glbnet$clk": {"achieved": 115.25, "constraint": 200}},
      "utilization": {"DCCA": {"available": 56, "used": 1}, "MULT18X18D": {"available": 156, "used": 0},
                      "TRELLIS_COMB": {"available": 83640, "used": 38530}}
    }"#;

    #[test]
    fn the_slowest_clock_counts() {
        let read = Pnr::parse(REPORT, 200.0).unwrap();
        assert_eq!((read.fmax_mhz, read.met()), (Some(115.25), false));
        assert_eq!(read.to_string(), "115.2 MHz of 200.0 asked for; 1 of 56 DCCA; 38530 of 83640 TRELLIS_COMB");
        let two = REPORT.replace("\"fmax\": {", "\"fmax\": {\"a\": {\"achieved\": 90.0, \"constraint\": 1},");
        assert_eq!(Pnr::parse(&two, 80.0).map(|read| (read.fmax_mhz, read.met())), Ok((Some(90.0), true)));
        let none = REPORT.replace("\"$glbnet$clk\": {\"achieved\": 115.25, \"constraint\": 200}", "");
        assert_eq!(Pnr::parse(&none, 80.0).map(|read| (read.fmax_mhz, read.met())), Ok((None, false)));
    }

    #[test]
    fn no_part_of_a_report_passes_for_a_report() {
        for end in 0..REPORT.len() {
            assert!(Pnr::parse(&REPORT[..end], 1.0).is_err(), "{end}");
        }
        assert!(Pnr::parse(r#"{"fmax":{},"utilization":{}}"#, 1.0).is_err());
    }
}
