//! The report of co-simulation, `TOP_cosim.rpt`: one table with a row for each language.

use std::{fmt, path::Path};

use serde::{Deserialize, Serialize};

use super::{read, table, unreadable};
use crate::error::Result;

/// What the simulated RTL did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Cosim {
    /// Whether the test bench was content.
    pub passed: bool,
    /// The tool's word for it: `Pass`, `Fail`.
    pub status: String,
    /// Largest latency, in cycles.
    pub latency_cycles: Option<u64>,
    /// Smallest latency, in cycles.
    pub latency_cycles_best: Option<u64>,
    /// Largest initiation interval, in cycles; unknown if there was one event only.
    pub interval_cycles: Option<u64>,
    /// Cycles of the whole run.
    pub total_cycles: Option<u64>,
}

impl Cosim {
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
        // RTL, status, latency min/avg/max, interval min/avg/max and, since 2022, the total.
        let simulated = |cells: &Vec<&str>| {
            cells.len() >= 8 && matches!(cells[0].trim(), "Verilog" | "VHDL") && !matches!(cells[1], "NA" | "")
        };
        let row = table::rows(text).find(simulated).ok_or("no language was simulated")?;
        Ok(Self {
            passed: row[1] == "Pass",
            status: row[1].to_owned(),
            latency_cycles_best: table::number(row[2]),
            latency_cycles: table::number(row[4]),
            interval_cycles: table::number(row[7]),
            total_cycles: row.get(8).and_then(|cell| table::number(cell)),
        })
    }
}

impl fmt::Display for Cosim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (latency, interval) = (super::or_unknown(self.latency_cycles), super::or_unknown(self.interval_cycles));
        write!(f, "{}; latency {latency} and interval {interval} cycles", self.status)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: &str = "Report time       : Tue Sep  2 10:00:00 2025.\nSolution          : solution1.\n\n\
        +----------+----------+-------+-------+\n|   RTL    |  Status  |     Latency     |    Interval     |\n\
        |          |          | min | avg | max | min | avg | max | |\n\
        |      VHDL|        NA|   NA|   NA|   NA|   NA|   NA|   NA|   NA|\n\
        |   Verilog|      Pass|   28|   29|   30|    5|    5|    6|  190|\n+--------+\n";

    #[test]
    fn the_largest_latency_and_interval_count() {
        let read = Cosim::parse(REPORT).unwrap();
        assert!(read.passed);
        assert_eq!((read.latency_cycles_best, read.latency_cycles), (Some(28), Some(30)));
        assert_eq!((read.interval_cycles, read.total_cycles), (Some(6), Some(190)));
        // As Vivado HLS writes it: without the total.
        let old = Cosim::parse(&REPORT.replace("|  190|", "|").replace("|   NA|\n", "|\n")).unwrap();
        assert_eq!((old.latency_cycles, old.total_cycles), (Some(30), None));
        let one = Cosim::parse(&REPORT.replace("    5|    5|    6|", "NA|NA|NA|")).unwrap();
        assert_eq!((one.latency_cycles, one.interval_cycles), (Some(30), None));
        assert!(!Cosim::parse(&REPORT.replace("Pass", "Fail")).unwrap().passed);
    }

    #[test]
    fn no_part_of_a_report_passes_for_a_report() {
        let row = REPORT.find("|  190|").unwrap() + "|  190|".len();
        for end in 0..row - "  190|".len() {
            assert!(Cosim::parse(&REPORT[..end]).is_err(), "{}", &REPORT[..end]);
        }
        assert!(Cosim::parse(&REPORT.replace("      Pass", "        NA")).is_err());
    }
}
