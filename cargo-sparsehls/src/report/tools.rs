//! What tools found in a project, beside what was estimated.

use sparsehls_build::{
    Firmware, Result,
    structure::Estimate,
    toolchain::{self, Cancel, Found, Resources, Steps, limits},
};

use crate::message::{
    Limit,
    report::{Compared, Tools},
};

/// What stands of earlier builds; no tool is run.
pub fn found(firmware: &Firmware, estimate: &Estimate) -> Result<Tools> {
    let Found { report, current, stale } = firmware.job(Steps::NONE, &Cancel::default(), &|_| {}).found()?;
    let names = |steps: Steps| steps.names().into_iter().map(str::to_owned).collect();
    Ok(Tools {
        done: names(current),
        out_of_date: names(stale),
        compared: compared(&report, estimate, firmware.model.target.clock_period),
        limits: limits::table(&report, &firmware.model.limits).iter().map(Limit::from).collect(),
        report: Some(report).filter(|report| !report.is_empty()),
    })
}

/// Collects the rows of a step.
struct Rows<'a> {
    estimate: &'a Estimate,
    period: f64,
    rows: Vec<Compared>,
}

impl Rows<'_> {
    fn add(&mut self, step: &str, quantity: &str, estimated: f64, found: Option<f64>) {
        let Some(found) = found else { return };
        let percent = (estimated != 0.0).then(|| 100.0 * (found - estimated) / estimated);
        self.rows.push(Compared { quantity: quantity.to_owned(), step: step.to_owned(), estimated, found, percent });
    }

    fn resources(&mut self, step: &str, luts: u64, found: Resources) {
        let Estimate { ffs, dsps, bram18, .. } = *self.estimate;
        for (quantity, estimated, found) in
            [("lut", luts, found.lut), ("ff", ffs, found.ff), ("dsp", dsps, found.dsp), ("bram18", bram18, found.bram18)]
        {
            self.add(step, quantity, estimated as f64, found.map(|found| found as f64));
        }
    }

    fn cycles(&mut self, step: &str, latency: Option<u64>, interval: Option<u64>) {
        let Estimate { latency: estimated, initiation_interval, .. } = *self.estimate;
        self.add(step, "latency-cycles", estimated as f64, latency.map(|cycles| cycles as f64));
        self.add(step, "interval-cycles", initiation_interval as f64, interval.map(|cycles| cycles as f64));
    }

    fn period(&mut self, step: &str, found: Option<f64>) {
        self.add(step, "clock-period", self.period, found);
    }
}

/// Every number that a step found and that was estimated, in the order of the steps.
fn compared(report: &toolchain::Report, estimate: &Estimate, period: f64) -> Vec<Compared> {
    let toolchain::Report { csynth, cosim, export, vivado, simulation, yosys, pnr, implementation, .. } = report;
    let mut rows = Rows { estimate, period, rows: Vec::new() };
    if let Some(csynth) = csynth {
        rows.resources("synth", estimate.hls_luts, csynth.estimate.resources);
        rows.cycles("synth", csynth.estimate.latency_cycles, csynth.estimate.interval_cycles);
        rows.period("synth", csynth.estimate.clock_period);
    }
    if let Some(cosim) = cosim {
        rows.cycles("cosim", cosim.latency_cycles, cosim.interval_cycles);
    }
    if let Some(run) = export.as_ref().and_then(|export| export.run.as_ref()) {
        rows.resources("export", estimate.luts, run.resources);
        rows.period("export", run.clock_period);
    }
    if let Some(simulation) = simulation {
        rows.cycles("sim", Some(simulation.latency_cycles), Some(simulation.interval_cycles));
    }
    if let Some(yosys) = yosys {
        let (lut, ff, dsp, bram18) = (Some(yosys.lut), Some(yosys.ff), Some(yosys.dsp), Some(yosys.bram));
        rows.resources("synth", estimate.luts, Resources { lut, ff, dsp, bram18, uram: None });
        if let Some(levels) = estimate.levels {
            rows.add("synth", "levels", levels.into(), Some(yosys.levels as f64));
        }
    }
    if let Some(pnr) = pnr {
        rows.period("pnr", pnr.fmax_mhz.map(|mhz| 1000.0 / mhz));
    }
    if let Some(vivado) = vivado {
        let step = if csynth.is_some() { "vsynth" } else { "vivado" };
        rows.resources(step, estimate.luts, vivado.utilization.resources);
        rows.period(step, vivado.timing.wns.map(|slack| period - slack));
    }
    if let Some(routed) = implementation {
        rows.resources("impl", estimate.luts, routed.utilization.resources);
        rows.period("impl", routed.timing.wns.map(|slack| period - slack));
    }
    rows.rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use sparsehls_build::toolchain::{Csynth, Timing, Utilization, Vivado};

    #[test]
    fn each_number_stands_beside_its_own_estimate() {
        let estimate = Estimate { luts: 100, hls_luts: 400, ffs: 0, latency: 20, initiation_interval: 4, ..Estimate::default() };
        let resources = Resources { lut: Some(300), ff: Some(9), ..Resources::default() };
        let csynth = toolchain::Estimate { latency_cycles: Some(25), resources, ..toolchain::Estimate::default() };
        let timing = Timing { met: false, wns: Some(-0.5), tns: None, whs: None, failing_endpoints: None, stage: None };
        let utilization =
            Utilization { resources: Resources { lut: Some(110), ..Resources::default() }, ..Utilization::default() };
        let report = toolchain::Report {
            csynth: Some(Csynth { estimate: csynth, ..Csynth::default() }),
            vivado: Some(Vivado { utilization, timing }),
            ..toolchain::Report::default()
        };
        let rows = compared(&report, &estimate, 5.0);
        let rows: Vec<_> = rows.iter().map(|row| (&*row.step, &*row.quantity, row.estimated, row.found, row.percent)).collect();
        assert_eq!(
            rows,
            [
                ("synth", "lut", 400.0, 300.0, Some(-25.0)),
                ("synth", "ff", 0.0, 9.0, None),
                ("synth", "latency-cycles", 20.0, 25.0, Some(25.0)),
                ("vsynth", "lut", 100.0, 110.0, Some(10.0)),
                ("vsynth", "clock-period", 5.0, 5.5, Some(10.0)),
            ]
        );
    }
}
