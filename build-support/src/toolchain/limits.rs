//! The manifest's limits, compared with what the tools found.

use super::Report;
use crate::{
    error::{Code, Error, Result},
    manifest::{Limit, Limits},
};

/// One limit and what stands against it.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    let row = |(bounded, most): (&Limit, &u64)| {
        let (found, source) = match bounded {
            Limit::LatencyCycles => latency,
            Limit::IntervalCycles => interval,
            Limit::Lut => (resources.lut, source),
            Limit::Ff => (resources.ff, source),
            Limit::Dsp => (resources.dsp, source),
            Limit::Bram18 => (resources.bram18, source),
            Limit::Uram => (resources.uram, source),
        };
        Row { name: bounded.name(), found, source, limit: *most }
    };
    limits.iter().map(row).collect()
}

/// Requires that every limit is kept.
///
/// # Errors
/// [`Code::LimitExceeded`] with a table of all that is over.
pub(crate) fn check(rows: &[Row]) -> Result {
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
        let limits = Limits::from([(Limit::LatencyCycles, 29), (Limit::Lut, 90), (Limit::Ff, 50)]);
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
        let kept = Limits::from([(Limit::LatencyCycles, 30), (Limit::IntervalCycles, 5), (Limit::Uram, 0)]);
        assert!(check(&table(&report(), &kept)).is_ok());
    }

    #[test]
    fn what_is_not_known_keeps_no_limit() {
        let limits = Limits::from([(Limit::Bram18, u64::MAX)]);
        let error = check(&table(&report(), &limits)).unwrap_err();
        assert!(error.message().contains("bram18              unknown"), "{error}");
        assert!(table(&Report::default(), &limits).is_empty(), "without a report there is nothing to compare");
    }

    #[test]
    fn what_is_nearest_to_the_hardware_counts() {
        let limits = Limits::from([(Limit::LatencyCycles, 30), (Limit::IntervalCycles, 4), (Limit::Lut, 40)]);
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
