//! What the tools leave behind, in one typed structure. Reports are untrusted text: what is missing or not a number is
//! unknown, and what is needed but unknown is an error.

mod cosim;
mod csynth;
mod export;
mod intervals;
mod pnr;
mod simulation;
mod table;
mod vivado;
mod xml;
mod yosys;

use std::{fmt, io::Read, path::Path};

use serde::{Deserialize, Serialize};

pub use self::{
    cosim::Cosim,
    csynth::{Csynth, Estimate, Loop, Module},
    export::{Export, ExportRun},
    intervals::Interval,
    pnr::{Pnr, Used},
    simulation::Simulation,
    vivado::{Instance, Stage, Timing, Utilization, Vivado},
    yosys::Yosys,
};
use super::{Step, Steps, remarks, state::Project};
use crate::{
    error::{Code, Error, Result},
    manifest::Language,
    parts::Demand,
    planned::Planned,
};

/// Larger than any report.
const MAX_SIZE: u64 = 256 << 20;

/// What one model's runs have found. In JSON the estimates of C synthesis stand at the top.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Report {
    /// C synthesis.
    #[serde(flatten)]
    pub csynth: Option<Csynth>,
    /// What became of the planned intervals in C synthesis.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub intervals: Vec<Interval>,
    /// The most instructions that the design had while HLS compiled it, if the log says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instructions: Option<u64>,
    /// The lines of the log of C synthesis that matter.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<String>,
    /// Co-simulation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cosim: Option<Cosim>,
    /// The exported IP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub export: Option<Export>,
    /// Logic synthesis of HLS, or all that Vivado does of Verilog.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vivado: Option<Vivado>,
    /// What HLS made, placed and routed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub implementation: Option<Vivado>,
    /// The simulated Verilog.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub simulation: Option<Simulation>,
    /// Logic synthesis of Verilog.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub yosys: Option<Yosys>,
    /// Place and route of Verilog.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pnr: Option<Pnr>,
}

/// What a design takes of a device; `None` where the tool does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Resources {
    /// Look-up tables.
    pub lut: Option<u64>,
    /// Flip-flops.
    pub ff: Option<u64>,
    /// DSP slices.
    pub dsp: Option<u64>,
    /// Block RAMs of 18 kb.
    pub bram18: Option<u64>,
    /// Ultra RAMs.
    pub uram: Option<u64>,
}

impl Report {
    /// Reads what `steps` leave in a project.
    ///
    /// # Errors
    /// [`Code::SynthesisFailed`] if a report is missing, cannot be used, or says that co-simulation failed.
    /// [`Code::OutputsDiffer`] if the simulated Verilog gave something else than the reference.
    pub(crate) fn read(project: &Project<'_>, steps: Steps) -> Result<Self> {
        match project.target.language {
            Language::Hls(_) => Self::read_hls(project, steps),
            Language::Verilog => Self::read_verilog(project, steps),
        }
    }

    fn read_verilog(project: &Project<'_>, steps: Steps) -> Result<Self> {
        let path = |name: &str| project.directory.join(name);
        let target = project.target;
        let mut report = Self::default();
        if steps.has(Step::Sim) {
            let path = path(Project::SIMULATION);
            let simulation = Simulation::read(&path)?;
            if simulation.events_different > 0 {
                return Err(Error::new(Code::OutputsDiffer, format!("simulation and reference: {simulation}")).file(&path).help(
                    "the log in the project's folder has the events; this is a bug in cargo-sparsehls or in the simulator",
                ));
            }
            report.simulation = Some(simulation);
        }
        if steps.has(Step::Synth) {
            report.yosys = Some(Yosys::read(&path("synth/stat.json"), &path("synth/levels.txt"), &target.part)?);
        }
        if steps.has(Step::Pnr) {
            report.pnr = Some(Pnr::read(&path("synth/pnr.json"), target.mhz())?);
        }
        if steps.has(Step::Vivado) {
            report.vivado = Some(Vivado::read(&path("vivado/utilization.rpt"), &path("vivado/timing.rpt"))?);
        }
        Ok(report)
    }

    fn read_hls(project: &Project<'_>, steps: Steps) -> Result<Self> {
        let Project { directory, top, .. } = *project;
        let mut report = Self::default();
        let solution = directory.join(format!("{top}_prj/solution1"));
        if steps.has(Step::Synth) {
            let mut csynth = Csynth::read(&solution.join(format!("syn/report/{top}_csynth.xml")))?;
            csynth.modules.retain(|module| module.name != top);
            report.remarks = remarks::read(directory);
            report.instructions = remarks::instructions(&report.remarks);
            if let Some(planned) = Planned::read(directory) {
                report.intervals = intervals::held(&planned, top, &csynth, &report.remarks);
            }
            report.csynth = Some(csynth);
        }
        if steps.has(Step::Cosim) {
            let path = solution.join(format!("sim/report/{top}_cosim.rpt"));
            let cosim = Cosim::read(&path)?;
            if !cosim.passed {
                return Err(failed(&format!("co-simulation ended with `{}`", cosim.status), &path));
            }
            report.cosim = Some(cosim);
        }
        if steps.has(Step::Export) {
            report.export = Some(Export::read(&solution.join("impl"), top)?);
        }
        if steps.has(Step::Vsynth) {
            let path = |name: &str| directory.join(name);
            report.vivado = Some(Vivado::read(&path("vivado_synth.rpt"), &path("vivado_timing.rpt"))?);
        }
        if steps.has(Step::Impl) {
            let path = |name: &str| directory.join(name);
            report.implementation = Some(Vivado::read(&path("vivado_impl.rpt"), &path("vivado_impl_timing.rpt"))?);
        }
        Ok(report)
    }

    /// What the design takes of the part, by the tool that came furthest.
    pub fn demand(&self) -> Option<Demand> {
        let placed = self.implementation.as_ref().or(self.vivado.as_ref()).map(|vivado| vivado.utilization.resources);
        let mapped = placed.or_else(|| self.yosys.as_ref().map(Yosys::resources));
        let found = mapped.or_else(|| self.csynth.as_ref().map(|csynth| csynth.estimate.resources));
        found.map(|Resources { lut, ff, dsp, bram18, uram }| Demand { lut, ff, dsp, bram18, uram })
    }

    /// Whether no step left anything to report.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// One line for each tool that has something to say.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { csynth, intervals, instructions, remarks: _, cosim, export, vivado, implementation, simulation, yosys, pnr } =
            self;
        let mut lines = Vec::new();
        lines.extend(csynth.as_ref().map(ToString::to_string));
        lines.extend(intervals::describe(intervals));
        lines.extend(instructions.map(|count| format!("at most {count} instructions while it was compiled")));
        lines.extend(cosim.as_ref().map(|cosim| format!("co-simulation: {cosim}")));
        lines.extend(export.as_ref().map(|export| format!("exported: {}", export.ip.display())));
        lines.extend(simulation.as_ref().map(|simulation| format!("simulation: {simulation}")));
        lines.extend(yosys.as_ref().map(|yosys| format!("yosys: {yosys}")));
        lines.extend(pnr.as_ref().map(|pnr| format!("nextpnr: {pnr}")));
        lines.extend(vivado.as_ref().map(|vivado| format!("Vivado: {vivado}")));
        lines.extend(implementation.as_ref().map(|vivado| format!("Vivado, implemented: {vivado}")));
        f.write_str(&lines.join("\n"))
    }
}

impl fmt::Display for Resources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { lut, ff, dsp, bram18, uram } = *self;
        let parts = [(lut, "LUT"), (ff, "FF"), (dsp, "DSP"), (bram18, "BRAM18"), (uram, "URAM")];
        let parts: Vec<_> = parts.iter().map(|(count, name)| format!("{} {name}", or_unknown(*count))).collect();
        f.write_str(&parts.join(", "))
    }
}

/// The number in a text. Rust also reads `nan` and `inf`, which are no measurements.
fn number<T: std::str::FromStr>(text: &str) -> Option<T> {
    text.trim_start_matches('-').starts_with(|c: char| c.is_ascii_digit()).then(|| text.parse().ok())?
}

/// A count, or that there is none.
pub(super) fn or_unknown(count: Option<u64>) -> String {
    count.map_or("unknown".to_owned(), |count| count.to_string())
}

fn failed(why: &str, path: &Path) -> Error {
    Error::new(Code::SynthesisFailed, why).file(path).help("the log in the project's folder has everything the tool said")
}

fn unreadable(path: &Path, why: &str) -> Error {
    failed(&format!("the report cannot be read: {why}"), path)
}

/// The text of a report; bytes that are no text are replaced.
fn read(path: &Path) -> Result<String> {
    let mut bytes = Vec::new();
    let mut file = std::fs::File::open(path).map_err(|error| failed(&format!("the tool left no report: {error}"), path))?;
    file.by_ref().take(MAX_SIZE + 1).read_to_end(&mut bytes).map_err(|error| unreadable(path, &error.to_string()))?;
    if bytes.len() as u64 > MAX_SIZE {
        return Err(unreadable(path, "it is larger than 256 MiB"));
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where the vendor's real reports are; none in a copy of the repository alone.
    pub fn vendor_files() -> Option<std::path::PathBuf> {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let from = std::env::var_os("SPARSEHLS_VENDOR_REPORTS").map(Into::into);
        let mut places = from.into_iter().chain(here.ancestors().map(|folder| folder.join("shared/data/csynth")));
        let found = places.find(|folder| folder.is_dir());
        if found.is_none() {
            crate::skip::skipped("no folder shared/data/csynth beside the repository; SPARSEHLS_VENDOR_REPORTS names another");
        }
        found
    }

    /// Whatever stands in a report, it is read or refused; nothing crashes.
    #[test]
    fn mutilated_reports_do_no_harm() {
        let Some(folder) = vendor_files() else { return };
        let mut state = 1u64;
        let mut random = move |below: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % below.max(1)
        };
        for entry in std::fs::read_dir(folder).unwrap() {
            let mut bytes = std::fs::read(entry.unwrap().path()).unwrap();
            bytes.truncate(12_000);
            for _ in 0..300 {
                let mut changed = bytes.clone();
                for _ in 0..=random(8) {
                    let at = random(changed.len());
                    match random(3) {
                        0 => changed[at] = b"|<>/-?&9 \n\xff("[random(12)],
                        1 => drop(changed.drain(at.max(1)..(at + 1 + random(200)).min(changed.len()).max(1))),
                        _ => changed.truncate(at.max(1)),
                    }
                }
                let text = String::from_utf8_lossy(&changed);
                let _ = Csynth::parse(&text).map(|report| (report.to_string(), serde_json::to_string(&report).unwrap()));
                let _ = (ExportRun::parse(&text), Cosim::parse(&text), Utilization::parse(&text), Timing::parse(&text));
            }
        }
    }

    #[test]
    fn a_number_is_finite_or_unknown() {
        assert_eq!((number::<f64>("-0.5"), number::<u64>("12")), (Some(-0.5), Some(12)));
        for text in ["nan", "inf", "-inf", "", "-", "undef", "+1"] {
            assert_eq!(number::<f64>(text), None, "{text}");
        }
    }
}
