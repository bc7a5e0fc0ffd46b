//! The manifest's limits, compared with what the tools found.

use super::{Cosim, Estimate, Report, Resources, Simulation};
use crate::{
    error::{Code, Error, Result},
    manifest::{Limit, Limits},
    structure,
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

/// Every limit that something was found for. The step nearest to the hardware counts: of HLS Vivado for resources and
/// co-simulation for cycles if they were among the steps, else C synthesis; of Verilog Vivado or else yosys for resources,
/// and the simulation for cycles.
pub fn table(report: &Report, limits: &Limits) -> Vec<Row> {
    let row = |(bounded, most): (&Limit, &u64)| {
        let (found, source) = found(report, *bounded)?;
        Some(Row { name: bounded.name(), found, source, limit: *most })
    };
    limits.most.iter().filter_map(row).collect()
}

/// What stands against a limit, and the step that found it; nothing if none looked for it.
fn found(report: &Report, limit: Limit) -> Option<(Option<u64>, &'static str)> {
    let cycles =
        |simulated: fn(&Simulation) -> u64, cosim: fn(&Cosim) -> Option<u64>, estimated: fn(&Estimate) -> Option<u64>| {
            let simulated = report.simulation.as_ref().map(|found| (Some(simulated(found)), "sim"));
            // Unknown if there was one event only.
            let cosim = || report.cosim.as_ref().and_then(cosim).map(|found| (Some(found), "cosim"));
            simulated.or_else(cosim).or_else(|| report.csynth.as_ref().map(|csynth| (estimated(&csynth.estimate), "synth")))
        };
    let resources = |of: fn(&Resources) -> Option<u64>| resources(report).map(|(all, source)| (of(&all), source));
    match limit {
        Limit::LatencyCycles => cycles(|sim| sim.latency_cycles, |cosim| cosim.latency_cycles, |found| found.latency_cycles),
        Limit::IntervalCycles => cycles(|sim| sim.interval_cycles, |cosim| cosim.interval_cycles, |found| found.interval_cycles),
        Limit::Lut => resources(|all| all.lut),
        Limit::Ff => resources(|all| all.ff),
        Limit::Dsp => resources(|all| all.dsp),
        Limit::Bram18 => resources(|all| all.bram18),
        Limit::Uram => resources(|all| all.uram),
        Limit::IntervalsMissed => {
            let missed = report.intervals.iter().filter(|interval| !interval.kept).count() as u64;
            report.csynth.as_ref().map(|_| (Some(missed).filter(|_| !report.intervals.is_empty()), "synth"))
        }
    }
}

fn resources(report: &Report) -> Option<(Resources, &'static str)> {
    let Report { vivado, implementation, yosys, csynth, .. } = report;
    let implemented = implementation.as_ref().map(|vivado| (vivado.utilization.resources, "impl"));
    let of_vivado = if csynth.is_some() { "vsynth" } else { "vivado" };
    let vivado = vivado.as_ref().map(|vivado| (vivado.utilization.resources, of_vivado));
    let yosys = || yosys.as_ref().map(|yosys| (yosys.resources(), "synth"));
    implemented.or(vivado).or_else(yosys).or_else(|| csynth.as_ref().map(|csynth| (csynth.estimate.resources, "synth")))
}

/// Every limit of something that is estimated, and those of the rest by their names.
pub fn estimated(estimate: &structure::Estimate, limits: &Limits) -> (Vec<Row>, Vec<&'static str>) {
    let (mut rows, mut rest) = (Vec::new(), Vec::new());
    for (bounded, most) in &limits.most {
        let found = match bounded {
            Limit::LatencyCycles => estimate.latency,
            Limit::IntervalCycles => estimate.initiation_interval,
            Limit::Lut => estimate.luts,
            Limit::Ff => estimate.ffs,
            Limit::Dsp => estimate.dsps,
            Limit::Bram18 => estimate.bram18,
            Limit::Uram | Limit::IntervalsMissed => {
                rest.push(bounded.name());
                continue;
            }
        };
        rows.push(Row { name: bounded.name(), found: Some(found), source: ESTIMATE, limit: *most });
    }
    (rows, rest)
}

/// What stands in place of a step where none has looked.
const ESTIMATE: &str = "estimate";

/// Requires that every limit is kept.
///
/// # Errors
/// [`Code::LimitExceeded`] with a table of all that is over.
pub(crate) fn check(rows: &[Row]) -> Result {
    let over: Vec<_> = rows.iter().filter(|row| !row.kept()).collect();
    if over.is_empty() {
        return Ok(());
    }
    let what = if over.iter().all(|row| row.source == ESTIMATE) { "the estimate" } else { "synthesis" };
    let mut text = format!("{what} exceeds {} of {} limits\n", over.len(), rows.len());
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
    use crate::toolchain::{Csynth, Timing, Utilization, Vivado, Yosys};

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
    fn verilog_is_held_against_what_its_steps_looked_for() {
        let limits = Limits::from([(Limit::LatencyCycles, 114), (Limit::Lut, 900), (Limit::Bram18, 1)]);
        let found = |report: &Report| {
            table(report, &limits).iter().map(|row| (row.name, row.found, row.source, row.kept())).collect::<Vec<_>>()
        };
        let simulation = Simulation { events: 9, events_different: 0, latency_cycles: 115, interval_cycles: 63 };
        let mut report = Report { simulation: Some(simulation), ..Report::default() };
        assert_eq!(found(&report), [("latency-cycles", Some(115), "sim", false)], "nobody looked for LUTs");
        let (version, part) = (None, String::new());
        report.yosys = Some(Yosys { version, part, lut: 800, ff: 1, dsp: 0, bram: 2, uram: 0, levels: 3 });
        assert_eq!(found(&report)[1..], [("lut", Some(800), "synth", true), ("bram18", Some(2), "synth", false)]);
        report.vivado = Some(Vivado {
            utilization: Utilization {
                resources: Resources { lut: Some(901), ..Resources::default() },
                ..Utilization::default()
            },
            timing: Timing { stage: None, met: true, wns: None, tns: None, whs: None, failing_endpoints: None },
        });
        assert_eq!(found(&report)[1..], [("lut", Some(901), "vivado", false), ("bram18", None, "vivado", false)]);
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
            timing: Timing { stage: None, met: true, wns: None, tns: None, whs: None, failing_endpoints: None },
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
