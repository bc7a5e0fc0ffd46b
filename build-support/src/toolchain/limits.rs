//! The manifest's limits, compared with what the tools found.

use serde::Serialize;

use super::Report;
use crate::{
    error::{Code, Error, Result},
    manifest::Limits,
};

/// One limit and what stands against it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Row {
    /// The key in the manifest.
    pub name: &'static str,
    /// What was found; unknown if the tool does not say.
    pub found: Option<u64>,
    /// Which step found it.
    pub source: &'static str,
    /// The limit.
    pub limit: u64,
}

impl Row {
    /// Whether the limit is kept. What is not known is not kept: a gate must not open on silence.
    pub fn kept(&self) -> bool {
        self.found.is_some_and(|found| found <= self.limit)
    }
}

/// Every limit with what was found. The step nearest to the hardware counts: Vivado for resources and co-simulation for
/// cycles if they were among the steps, else C synthesis. Empty if nothing was found that a limit could stand against.
pub fn table(report: &Report, limits: &Limits) -> Vec<Row> {
    let Some(csynth) = &report.csynth else { return Vec::new() };
    let estimate = &csynth.estimate;
    let cycles = |simulated: Option<u64>, estimated: Option<u64>| match simulated {
        Some(_) => (simulated, "cosim"),
        None => (estimated, "synth"),
    };
    let latency = cycles(report.cosim.as_ref().and_then(|cosim| cosim.latency_cycles), estimate.latency_cycles);
    let interval = cycles(report.cosim.as_ref().and_then(|cosim| cosim.interval_cycles), estimate.interval_cycles);
    let (resources, source) =
        report.vivado.as_ref().map_or((estimate.resources, "synth"), |vivado| (vivado.utilization.resources, "vsynth"));
    let rows = [
        ("latency-cycles", latency, limits.latency_cycles),
        ("interval-cycles", interval, limits.interval_cycles),
        ("lut", (resources.lut, source), limits.lut),
        ("ff", (resources.ff, source), limits.ff),
        ("dsp", (resources.dsp, source), limits.dsp),
        ("bram18", (resources.bram18, source), limits.bram18),
        ("uram", (resources.uram, source), limits.uram),
    ];
    rows.into_iter().filter_map(|(name, (found, source), limit)| Some(Row { name, found, source, limit: limit? })).collect()
}

/// Requires that every limit is kept.
///
/// # Errors
/// [`Code::LimitExceeded`] with a table of all that is over.
pub fn check(rows: &[Row]) -> Result {
    let over: Vec<_> = rows.iter().filter(|row| !row.kept()).collect();
    if over.is_empty() {
        return Ok(());
    }
    let mut text = format!("synthesis exceeds {} of {} limits\n", over.len(), rows.len());
    text += &format!("    {:<16} {:>10} {:>10} {:>10}  from", "limit", "found", "allowed", "over by");
    for Row { name, found, source, limit } in over {
        let excess = found.map_or("?".to_owned(), |found| found.saturating_sub(*limit).to_string());
        text += &format!("\n    {name:<16} {:>10} {limit:>10} {excess:>10}  {source}", super::reports::or_unknown(*found));
    }
    Err(Error::new(Code::LimitExceeded, text).help("raise the limits, or make the network smaller"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::toolchain::{Cosim, Csynth, Estimate, Resources, Timing, Utilization, Vivado};

    fn report() -> Report {
        let resources = Resources { lut: Some(100), ff: Some(50), dsp: Some(3), bram18: None, uram: Some(0) };
        let estimate = Estimate { latency_cycles: Some(30), interval_cycles: Some(5), resources, ..Estimate::default() };
        Report { csynth: Some(Csynth { estimate, ..Csynth::default() }), ..Report::default() }
    }

    #[test]
    fn a_table_shows_everything_that_is_over() {
        let limits = Limits { latency_cycles: Some(29), lut: Some(90), ff: Some(50), ..Limits::default() };
        let error = check(&table(&report(), &limits)).unwrap_err();
        assert_eq!(
            error.message().lines().collect::<Vec<_>>(),
            [
                "synthesis exceeds 2 of 3 limits",
                "    limit                 found    allowed    over by  from",
                "    latency-cycles           30         29          1  synth",
                "    lut                     100         90         10  synth",
            ]
        );
        let kept = Limits { latency_cycles: Some(30), interval_cycles: Some(5), uram: Some(0), ..Limits::default() };
        assert!(check(&table(&report(), &kept)).is_ok());
    }

    #[test]
    fn what_is_not_known_keeps_no_limit() {
        let limits = Limits { bram18: Some(u64::MAX), ..Limits::default() };
        let error = check(&table(&report(), &limits)).unwrap_err();
        assert!(error.message().contains("bram18              unknown"), "{error}");
        assert!(table(&Report::default(), &limits).is_empty(), "without a report there is nothing to compare");
    }

    #[test]
    fn what_is_nearest_to_the_hardware_counts() {
        let limits = Limits { latency_cycles: Some(30), interval_cycles: Some(4), lut: Some(40), ..Limits::default() };
        let mut report = report();
        report.cosim = Some(Cosim {
            passed: true,
            status: "Pass".into(),
            latency_cycles: Some(31),
            latency_cycles_best: None,
            interval_cycles: None,
            total_cycles: None,
        });
        report.vivado = Some(Vivado {
            utilization: Utilization { resources: Resources { lut: Some(40), ..Resources::default() }, ..Utilization::default() },
            timing: Timing { met: true, wns: None, tns: None, whs: None, failing_endpoints: None },
        });
        let rows = table(&report, &limits);
        let found: Vec<_> = rows.iter().map(|row| (row.name, row.found, row.source, row.kept())).collect();
        assert_eq!(
            found,
            [
                ("latency-cycles", Some(31), "cosim", false),
                ("interval-cycles", Some(5), "synth", false),
                ("lut", Some(40), "vsynth", true)
            ]
        );
    }
}
