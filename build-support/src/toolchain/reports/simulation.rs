//! What the harness around the simulated Verilog counts: `sim/report.json`.

use std::{fmt, path::Path};

use serde::{Deserialize, Serialize};

use super::{read, unreadable};
use crate::error::Result;

/// What the simulated Verilog did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Simulation {
    /// Events that went through.
    pub events: u64,
    /// Events whose outputs are not those of the reference.
    pub events_different: u64,
    /// Cycles from the first word of an event to its output, if its words follow each other without a gap; the harness requires
    /// it of every event.
    pub latency_cycles: u64,
    /// Cycles from one event to the next, back to back.
    pub interval_cycles: u64,
}

impl Simulation {
    /// Reads a report.
    ///
    /// # Errors
    /// [`crate::Code::SynthesisFailed`] if there is none, or one that cannot be used.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        Self::parse(&read(path)?).map_err(|why| unreadable(path, &why))
    }

    /// Reads the text of a report.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub fn parse(text: &str) -> Result<Self, String> {
        let report: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        match report {
            Self { events: 0, .. } => Err("no event went through".into()),
            Self { events, events_different, .. } if events_different > events => Err("more events differ than there are".into()),
            report => Ok(report),
        }
    }
}

impl fmt::Display for Simulation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { events, events_different, latency_cycles, interval_cycles } = self;
        write!(f, "{events_different} of {events} events differ; latency {latency_cycles} and interval {interval_cycles} cycles")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: &str = r#"{"events":1000,"events-different":3,"latency-cycles":115,"interval-cycles":63}"#;

    #[test]
    fn no_part_of_a_report_passes_for_a_report() {
        let read = Simulation::parse(REPORT).unwrap();
        assert_eq!(read.to_string(), "3 of 1000 events differ; latency 115 and interval 63 cycles");
        for end in 0..REPORT.len() {
            assert!(Simulation::parse(&REPORT[..end]).is_err(), "{end}");
        }
        for (from, to) in [("1000", "0"), ("1000", "2"), ("115", "-1"), ("115", "null"), (",\"interval-cycles\":63", "")] {
            assert!(Simulation::parse(&REPORT.replace(from, to)).is_err(), "{from}");
        }
    }
}
