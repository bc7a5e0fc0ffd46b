//! The report of C synthesis, `*_csynth.xml` of Vivado HLS 2020.1 and Vitis HLS 2023.1.

use std::{fmt, path::Path};

use serde::{Deserialize, Serialize};

use crate::{
    error::{Code, Error, Result},
    manifest::Limits,
};

/// What C synthesis found for the top function.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct SynthesisReport {
    /// Estimated clock period in ns.
    pub clock_period: f64,
    /// Worst latency in cycles.
    pub latency_cycles: u64,
    /// Worst initiation interval in cycles.
    pub interval_cycles: u64,
    /// Look-up tables.
    pub lut: u64,
    /// Flip-flops.
    pub ff: u64,
    /// DSP slices.
    pub dsp: u64,
    /// Block RAMs of 18 kb.
    pub bram18: u64,
    /// Ultra RAMs.
    pub uram: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Profile {
    performance_estimates: PerformanceEstimates,
    area_estimates: AreaEstimates,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PerformanceEstimates {
    summary_of_timing_analysis: Timing,
    summary_of_overall_latency: Latency,
}

#[derive(Deserialize)]
struct Timing {
    #[serde(rename = "EstimatedClockPeriod")]
    estimated_clock_period: f64,
}

#[derive(Deserialize)]
struct Latency {
    #[serde(rename = "Worst-caseLatency")]
    worst: u64,
    #[serde(rename = "Interval-max")]
    interval: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AreaEstimates {
    resources: Resources,
}

#[derive(Deserialize)]
struct Resources {
    #[serde(rename = "BRAM_18K", default)]
    bram18: u64,
    /// Called DSP48E by Vivado HLS.
    #[serde(rename = "DSP", alias = "DSP48E", default)]
    dsp: u64,
    #[serde(rename = "FF")]
    ff: u64,
    #[serde(rename = "LUT")]
    lut: u64,
    #[serde(rename = "URAM", default)]
    uram: u64,
}

impl SynthesisReport {
    /// Reads a report.
    ///
    /// # Errors
    /// [`Code::SynthesisFailed`] if the tool left no report, or one that cannot be read.
    pub fn read(path: &Path) -> Result<Self> {
        let failed = |why: String| {
            Error::new(Code::SynthesisFailed, why).file(path).help("hls.log beside the project has everything the tool said")
        };
        let text = std::fs::read_to_string(path).map_err(|error| failed(format!("the tool left no report: {error}")))?;
        let profile: Profile =
            quick_xml::de::from_str(&text).map_err(|error| failed(format!("the report cannot be read: {error}")))?;
        let Profile { performance_estimates: performance, area_estimates: AreaEstimates { resources } } = profile;
        Ok(Self {
            clock_period: performance.summary_of_timing_analysis.estimated_clock_period,
            latency_cycles: performance.summary_of_overall_latency.worst,
            interval_cycles: performance.summary_of_overall_latency.interval,
            lut: resources.lut,
            ff: resources.ff,
            dsp: resources.dsp,
            bram18: resources.bram18,
            uram: resources.uram,
        })
    }

    /// Compares the report with the manifest's limits.
    ///
    /// # Errors
    /// [`Code::LimitExceeded`] with all that is over.
    pub fn check(&self, limits: &Limits) -> Result {
        let pairs = [
            ("latency-cycles", self.latency_cycles, limits.latency_cycles),
            ("interval-cycles", self.interval_cycles, limits.interval_cycles),
            ("lut", self.lut, limits.lut),
            ("ff", self.ff, limits.ff),
            ("dsp", self.dsp, limits.dsp),
            ("bram18", self.bram18, limits.bram18),
            ("uram", self.uram, limits.uram),
        ];
        let over = pairs
            .into_iter()
            .filter_map(|(name, found, limit)| limit.filter(|limit| found > *limit).map(|limit| (name, found, limit)));
        let over: Vec<_> = over.map(|(name, found, limit)| format!("{name} {found}, limit {limit}")).collect();
        if over.is_empty() {
            return Ok(());
        }
        Err(Error::new(Code::LimitExceeded, format!("synthesis exceeds the limits: {}", over.join("; ")))
            .help("raise the limits, or make the network smaller"))
    }
}

impl fmt::Display for SynthesisReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { clock_period, latency_cycles, interval_cycles, lut, ff, dsp, bram18, uram } = self;
        write!(f, "latency {latency_cycles} and interval {interval_cycles} cycles at {clock_period} ns; ")?;
        write!(f, "{lut} LUT, {ff} FF, {dsp} DSP, {bram18} BRAM18, {uram} URAM")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(dsp: &str, worst: u64) -> String {
        format!(
            "<profile><PerformanceEstimates><SummaryOfTimingAnalysis><unit>ns</unit><EstimatedClockPeriod>3.65\
             </EstimatedClockPeriod></SummaryOfTimingAnalysis><SummaryOfOverallLatency><Best-caseLatency>7</Best-caseLatency>\
             <Worst-caseLatency>{worst}</Worst-caseLatency><Interval-min>1</Interval-min><Interval-max>5</Interval-max>\
             </SummaryOfOverallLatency></PerformanceEstimates><AreaEstimates><Resources><BRAM_18K>1</BRAM_18K><{dsp}>2</{dsp}>\
             <FF>3</FF><LUT>4</LUT><URAM>0</URAM></Resources></AreaEstimates></profile>"
        )
    }

    fn parse(text: &str) -> Result<SynthesisReport> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        SynthesisReport::read(file.path())
    }

    #[test]
    fn both_tools_reports_are_read_and_the_worst_case_counts() {
        for dsp in ["DSP", "DSP48E"] {
            let parsed = parse(&report(dsp, 30)).unwrap();
            assert_eq!((parsed.latency_cycles, parsed.interval_cycles, parsed.dsp, parsed.lut), (30, 5, 2, 4));
        }
        for broken in ["", "<profile>", &report("DSP", 30)[..200]] {
            assert_eq!(parse(broken).unwrap_err().code(), Code::SynthesisFailed);
        }
    }

    #[test]
    fn limits_name_everything_that_is_over() {
        let parsed = parse(&report("DSP", 30)).unwrap();
        assert!(parsed.check(&Limits { latency_cycles: Some(30), ..Limits::default() }).is_ok());
        let error =
            parsed.check(&Limits { latency_cycles: Some(29), lut: Some(3), ff: Some(3), ..Limits::default() }).unwrap_err();
        assert_eq!(error.message(), "synthesis exceeds the limits: latency-cycles 30, limit 29; lut 4, limit 3");
    }

    #[test]
    fn real_reports_are_read() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/csynth");
        if !folder.is_dir() {
            eprintln!("skipped: {} is not there", folder.display());
            return;
        }
        let vitis = SynthesisReport::read(&folder.join("vitis-2023.1-neutrino-8b-sparse-l_csynth.xml")).unwrap();
        assert_eq!((vitis.latency_cycles, vitis.interval_cycles, vitis.dsp, vitis.lut), (133, 84, 60, 983_091));
        let vivado = SynthesisReport::read(&folder.join("vivado-2020.1-neutrino-8b-full_csynth.xml")).unwrap();
        assert_eq!((vivado.dsp, vivado.lut, vivado.bram18), (3, 167_449, 44));
    }
}
