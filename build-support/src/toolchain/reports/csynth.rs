//! The report of C synthesis: `*_csynth.xml` and `csynth.xml` of Vivado HLS 2020.1 and Vitis HLS 2023.1.

use std::{fmt, path::Path};

use serde::{Deserialize, Serialize};

use super::{Resources, read, unreadable, xml::Node};
use crate::error::Result;

/// What C synthesis estimates for the top function.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Csynth {
    /// Version of the tool that wrote the report.
    pub version: Option<String>,
    /// The device.
    pub part: Option<String>,
    /// Clock period that was asked for, in ns.
    pub target_clock_period: Option<f64>,
    /// What it estimates.
    #[serde(flatten)]
    pub estimate: Estimate,
    /// What the device has.
    pub available: Resources,
    /// Every loop that is listed, of all functions.
    #[serde(default)]
    pub loops: Vec<Loop>,
    /// The functions below the top, if the report lists them.
    pub modules: Vec<Module>,
}

/// Time and area of one function. A latency is unknown (`undef`) if a loop has no fixed trip count.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Estimate {
    /// Estimated clock period in ns.
    pub clock_period: Option<f64>,
    /// Worst latency in cycles.
    pub latency_cycles: Option<u64>,
    /// Best latency in cycles.
    pub latency_cycles_best: Option<u64>,
    /// Worst initiation interval in cycles.
    pub interval_cycles: Option<u64>,
    /// What it takes of the device.
    #[serde(flatten)]
    pub resources: Resources,
}

/// A loop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Loop {
    /// The function that it stands in.
    pub module: String,
    /// Its label.
    pub name: String,
    /// How often its body runs.
    pub trip_count: Option<u64>,
    /// Cycles from one run of the body to the next; unknown if it is not pipelined.
    pub interval: Option<u64>,
    /// Cycles that the body takes.
    pub depth: Option<u64>,
    /// Cycles that all of it takes.
    pub latency_cycles: Option<u64>,
}

/// One function of the design.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Module {
    /// The tool's name for it.
    pub name: String,
    /// Time and area.
    #[serde(flatten)]
    pub estimate: Estimate,
    /// How it is pipelined, in the tool's words: `no`, `yes`, `dataflow`, `loop rewind stp`.
    #[serde(default)]
    pub pipeline: Option<String>,
}

impl Csynth {
    /// Reads the report of the top function, and the modules from it or from `csynth.xml` beside it.
    ///
    /// # Errors
    /// [`crate::Code::SynthesisFailed`] if the tool left no report, or one that cannot be used.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let mut report = Self::parse(&read(path)?).map_err(|why| unreadable(path, &why))?;
        let all = path.with_file_name("csynth.xml");
        if report.modules.is_empty() && all.is_file() {
            let node = Node::parse(&read(&all)?).map_err(|why| unreadable(&all, &why))?;
            report.modules = modules(&node);
            if report.loops.is_empty() {
                report.loops = all_loops(&node);
            }
        }
        Ok(report)
    }

    /// Reads the text of a report.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub fn parse(text: &str) -> Result<Self, String> {
        let node = Node::parse(text)?;
        for part in ["PerformanceEstimates/SummaryOfOverallLatency", "AreaEstimates/Resources"] {
            if node.find(part).is_none() {
                return Err(format!("it has no {part}"));
            }
        }
        let estimate = estimate(&node);
        if estimate.resources.lut.is_none() || estimate.resources.ff.is_none() {
            return Err("it does not say how many LUTs and FFs there are".to_owned());
        }
        Ok(Self {
            version: node.text("ReportVersion/Version"),
            part: node.text("UserAssignments/Part"),
            target_clock_period: node.number("UserAssignments/TargetClockPeriod"),
            estimate,
            available: node.find("AreaEstimates/AvailableResources").map(resources).unwrap_or_default(),
            loops: all_loops(&node),
            modules: modules(&node),
        })
    }
}

fn estimate(node: &Node) -> Estimate {
    const LATENCY: &str = "PerformanceEstimates/SummaryOfOverallLatency";
    let cycles = |name: &str| node.number(&format!("{LATENCY}/{name}"));
    Estimate {
        clock_period: node.number("PerformanceEstimates/SummaryOfTimingAnalysis/EstimatedClockPeriod"),
        latency_cycles: cycles("Worst-caseLatency"),
        latency_cycles_best: cycles("Best-caseLatency"),
        // A report of a single module has only one interval.
        interval_cycles: cycles("Interval-max").or_else(|| cycles("PipelineInitiationInterval")),
        resources: node.find("AreaEstimates/Resources").map(resources).unwrap_or_default(),
    }
}

fn resources(node: &Node) -> Resources {
    Resources {
        lut: node.number("LUT"),
        ff: node.number("FF"),
        // Vivado HLS says DSP48E.
        dsp: node.number("DSP").or_else(|| node.number("DSP48E")),
        bram18: node.number("BRAM_18K"),
        uram: node.number("URAM"),
    }
}

fn listed(node: &Node) -> impl Iterator<Item = (String, &Node)> {
    let all = node.find("ModuleInformation").into_iter().flat_map(|all| all.all("Module"));
    all.filter_map(|module| Some((module.text("Name")?, module)))
}

fn modules(node: &Node) -> Vec<Module> {
    let module = |(name, module): (String, &Node)| {
        let pipeline = module.text("PerformanceEstimates/PipelineType");
        Module { name, estimate: estimate(module), pipeline }
    };
    listed(node).map(module).collect()
}

/// The loops of the top function, and those of the modules that are listed.
fn all_loops(node: &Node) -> Vec<Loop> {
    let top = node.text("UserAssignments/TopModelName").unwrap_or_default();
    let mut all = Vec::new();
    for (name, module) in std::iter::once((top, node)).chain(listed(node)) {
        let summary = module.find("PerformanceEstimates/SummaryOfLoopLatency");
        summary.into_iter().for_each(|summary| loops(summary, &name, &mut all));
    }
    all
}

/// The loops below `node`: an element that is called after its loop, with those inside of it.
fn loops(node: &Node, module: &str, all: &mut Vec<Loop>) {
    const OF_A_LOOP: [&str; 3] = ["TripCount", "Latency", "PipelineII"];
    for child in node.children().iter().filter(|child| OF_A_LOOP.iter().any(|name| child.find(name).is_some())) {
        // A number that depends on data is a range.
        let number = |name: &str| child.number(name).or_else(|| child.number(&format!("{name}/range/max")));
        all.push(Loop {
            module: module.to_owned(),
            name: child.text("Name").unwrap_or_else(|| child.name().to_owned()),
            trip_count: number("TripCount"),
            interval: number("PipelineII"),
            depth: number("PipelineDepth"),
            latency_cycles: number("Latency"),
        });
        loops(child, module, all);
    }
}

impl fmt::Display for Csynth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Estimate { clock_period, latency_cycles, interval_cycles, resources, .. } = &self.estimate;
        let (latency, interval) = (super::or_unknown(*latency_cycles), super::or_unknown(*interval_cycles));
        write!(f, "latency {latency} and interval {interval} cycles")?;
        if let Some(period) = clock_period {
            write!(f, " at {period} ns")?;
        }
        write!(f, "; {resources}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Code, toolchain::reports::tests::vendor_files};

    fn report(dsp: &str, worst: &str) -> String {
        format!(
            "<profile><PerformanceEstimates><SummaryOfTimingAnalysis><unit>ns</unit><EstimatedClockPeriod>3.65\
             </EstimatedClockPeriod></SummaryOfTimingAnalysis><SummaryOfOverallLatency><Best-caseLatency>7</Best-caseLatency>\
             <Worst-caseLatency>{worst}</Worst-caseLatency><Interval-min>1</Interval-min><Interval-max>5</Interval-max>\
             </SummaryOfOverallLatency></PerformanceEstimates><AreaEstimates><Resources><BRAM_18K>1</BRAM_18K><{dsp}>2</{dsp}>\
             <FF>3</FF><LUT>4</LUT><URAM>-</URAM></Resources></AreaEstimates>{MODULES}</profile>"
        )
    }

    const MODULES: &str = "<ModuleInformation><Module><Name>conv</Name><PerformanceEstimates><SummaryOfOverallLatency>\
        <Worst-caseLatency>undef</Worst-caseLatency><PipelineInitiationInterval>2</PipelineInitiationInterval>\
        </SummaryOfOverallLatency></PerformanceEstimates><AreaEstimates><Resources><LUT>9</LUT><FF>?</FF></Resources>\
        </AreaEstimates></Module><Module/></ModuleInformation>";

    #[test]
    fn both_tools_reports_are_read_and_the_worst_case_counts() {
        for dsp in ["DSP", "DSP48E"] {
            let Estimate { latency_cycles, latency_cycles_best, interval_cycles, resources, .. } =
                Csynth::parse(&report(dsp, "30")).unwrap().estimate;
            assert_eq!((latency_cycles, latency_cycles_best, interval_cycles), (Some(30), Some(7), Some(5)));
            assert_eq!((resources.dsp, resources.lut, resources.uram), (Some(2), Some(4), None));
        }
    }

    #[test]
    fn what_the_tool_does_not_know_is_none() {
        for worst in ["undef", "-", "?", "", "-3", "1e99"] {
            let read = Csynth::parse(&report("DSP", worst)).unwrap();
            assert_eq!(read.estimate.latency_cycles, None, "{worst}");
            assert!(read.to_string().starts_with("latency unknown and interval 5 cycles"), "{read}");
        }
        let modules = Csynth::parse(&report("DSP", "30")).unwrap().modules;
        assert_eq!((modules.len(), modules[0].name.as_str()), (1, "conv"), "a module without a name is none");
        let Estimate { latency_cycles, interval_cycles, resources, .. } = modules[0].estimate;
        assert_eq!((latency_cycles, interval_cycles, resources.lut, resources.ff), (None, Some(2), Some(9), None));
    }

    #[test]
    fn loops_are_read_with_what_they_achieved() {
        let summary = "<SummaryOfLoopLatency><steps><Name>steps</Name><TripCount>5</TripCount><Latency>7</Latency>\
            <PipelineII>1</PipelineII><PipelineDepth>3</PipelineDepth></steps><outer><TripCount><range><min>1</min><max>4</max>\
            </range></TripCount><Latency>40</Latency><inner><TripCount>9</TripCount><PipelineII>2</PipelineII></inner></outer>\
            </SummaryOfLoopLatency>";
        let pipeline = "<PipelineType>loop rewind stp</PipelineType>";
        let conv = MODULES.replace("<PerformanceEstimates>", &format!("<PerformanceEstimates>{pipeline}{summary}"));
        let read = Csynth::parse(&report("DSP", "30").replace(MODULES, &conv)).unwrap();
        assert_eq!(read.modules[0].pipeline.as_deref(), Some("loop rewind stp"));
        let found: Vec<_> =
            read.loops.iter().map(|l| (l.module.as_str(), l.name.as_str(), l.trip_count, l.interval, l.depth)).collect();
        let expected = [
            ("conv", "steps", Some(5), Some(1), Some(3)),
            ("conv", "outer", Some(4), None, None),
            ("conv", "inner", Some(9), Some(2), None),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn modules_are_found_in_the_report_of_the_whole_design() {
        let folder = tempfile::tempdir().unwrap();
        let top = folder.path().join("net_csynth.xml");
        std::fs::write(&top, report("DSP", "30").replace(MODULES, "")).unwrap();
        assert!(Csynth::read(&top).unwrap().modules.is_empty());
        std::fs::write(folder.path().join("csynth.xml"), report("DSP", "30")).unwrap();
        assert_eq!(Csynth::read(&top).unwrap().modules[0].name, "conv");
        std::fs::write(folder.path().join("csynth.xml"), "<profile>").unwrap();
        assert_eq!(Csynth::read(&top).unwrap_err().code(), Code::SynthesisFailed, "half a report is none");
    }

    #[test]
    fn no_part_of_a_report_passes_for_a_report() {
        let whole = report("DSP", "30");
        for end in 0..whole.len() {
            assert!(Csynth::parse(&whole[..end]).is_err(), "{end} of {} bytes", whole.len());
        }
        let missing = Path::new("/nonexistent/net_csynth.xml");
        assert_eq!(Csynth::read(missing).unwrap_err().code(), Code::SynthesisFailed);
        for (from, to) in [("<LUT>4</LUT>", ""), ("<FF>3</FF>", "<FF>undef</FF>"), ("AreaEstimates", "Area")] {
            assert!(Csynth::parse(&whole.replace(MODULES, "").replace(from, to)).is_err(), "{from}");
        }
    }

    #[test]
    fn real_reports_are_read() {
        let Some(folder) = vendor_files() else { return };
        let vitis = Csynth::read(&folder.join("vitis-2023.1-neutrino-8b-sparse-l_csynth.xml")).unwrap();
        let Estimate { latency_cycles, interval_cycles, clock_period, resources, .. } = vitis.estimate;
        assert_eq!((latency_cycles, interval_cycles, clock_period), (Some(133), Some(84), Some(4.545)));
        assert_eq!((resources.dsp, resources.lut, resources.bram18), (Some(60), Some(983_091), Some(1)));
        assert_eq!((vitis.version.as_deref(), vitis.part.as_deref()), (Some("2023.1"), Some("xcu250-figd2104-2L-e")));
        assert_eq!((vitis.target_clock_period, vitis.available.lut), (Some(5.0), Some(1_728_000)));
        let vivado = Csynth::read(&folder.join("vivado-2020.1-neutrino-8b-full_csynth.xml")).unwrap();
        let Resources { lut, ff, dsp, bram18, uram } = vivado.estimate.resources;
        assert_eq!((lut, ff, dsp, bram18, uram), (Some(167_449), Some(25_356), Some(3), Some(44), Some(0)));
        assert_eq!((vivado.version.as_deref(), vivado.available.dsp), (Some("2020.1"), Some(12_288)));
    }
}
