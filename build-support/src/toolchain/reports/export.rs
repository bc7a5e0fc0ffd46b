//! What the export leaves: an IP, and a report if the tool also ran Vivado on it.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Resources, failed, read, unreadable, xml::Node};
use crate::{error::Result, files};

/// An exported IP.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Export {
    /// The archive or `component.xml` of the IP, below the solution.
    pub ip: PathBuf,
    /// What Vivado made of it, if the export ran Vivado (`export_design -flow syn` or `impl`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<ExportRun>,
}

/// Vivado's result, as the HLS tool sums it up in `TOP_export.xml`, `export_syn.xml` or `export_impl.xml`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ExportRun {
    /// `syn` or `impl`, if the report says so.
    pub kind: Option<String>,
    /// Clock period that was asked for, in ns.
    pub target_clock_period: Option<f64>,
    /// Clock period that was reached, in ns.
    pub clock_period: Option<f64>,
    /// What it takes of the device.
    #[serde(flatten)]
    pub resources: Resources,
}

impl Export {
    /// Looks at what stands below `implementation`, the folder `impl` of a solution.
    ///
    /// # Errors
    /// [`crate::Code::SynthesisFailed`] if there is no IP, or a report that cannot be used.
    pub(crate) fn read(implementation: &Path, top: &str) -> Result<Self> {
        let ip = find_ip(implementation).ok_or_else(|| failed("the tool exported no IP", implementation))?;
        let report = |name: &str| {
            let path = implementation.join("report/verilog").join(name);
            path.is_file().then(|| ExportRun::parse(&read(&path)?).map_err(|why| unreadable(&path, &why)))
        };
        let names = ["export_impl.xml".to_owned(), "export_syn.xml".to_owned(), format!("{top}_export.xml")];
        Ok(Self { ip, run: names.iter().find_map(|name| report(name)).transpose()? })
    }
}

/// The IP of every generation: `ip/*.zip`, `ip/component.xml`, `export.zip`.
fn find_ip(implementation: &Path) -> Option<PathBuf> {
    let in_folder = |folder: &Path, extension: &str| {
        let paths = files::entries(folder).ok()?.into_iter().map(|entry| entry.into_path());
        paths.into_iter().find(|path| path.extension().is_some_and(|found| found == extension))
    };
    let component = implementation.join("ip/component.xml");
    in_folder(&implementation.join("ip"), "zip")
        .or_else(|| component.is_file().then_some(component))
        .or_else(|| in_folder(implementation, "zip"))
}

impl ExportRun {
    /// Reads the text of a report.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub fn parse(text: &str) -> Result<Self, String> {
        let node = Node::parse(text)?;
        let area = node.find("AreaReport/Resources").ok_or("it has no AreaReport/Resources")?;
        Ok(Self {
            kind: node.text("RunData/RUN_TYPE"),
            target_clock_period: node.number("TimingReport/TargetClockPeriod"),
            clock_period: node.number("TimingReport/AchievedClockPeriod"),
            resources: Resources {
                lut: area.number("LUT"),
                ff: area.number("FF"),
                dsp: area.number("DSP"),
                bram18: area.number("BRAM"),
                uram: area.number("URAM"),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Code;

    const REPORT: &str = "<profile><RunData><RUN_TYPE>impl</RUN_TYPE></RunData><AreaReport><Resources><SLICE>10</SLICE>\
        <LUT>34</LUT><FF>56</FF><DSP>7</DSP><BRAM>8</BRAM></Resources></AreaReport><TimingReport>\
        <TargetClockPeriod>5.000</TargetClockPeriod><AchievedClockPeriod>4.321</AchievedClockPeriod></TimingReport></profile>";

    #[test]
    fn an_ip_is_found_where_each_generation_puts_it() {
        for file in ["ip/xilinx_com_hls_net_1_0.zip", "ip/component.xml", "export.zip"] {
            let folder = tempfile::tempdir().unwrap();
            assert_eq!(Export::read(folder.path(), "net").unwrap_err().code(), Code::SynthesisFailed);
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, "").unwrap();
            assert_eq!(Export::read(folder.path(), "net").unwrap(), Export { ip: path, run: None });
            for report in ["net_export.xml", "export_impl.xml"] {
                let path = folder.path().join("report/verilog").join(report);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(&path, REPORT).unwrap();
                let run = Export::read(folder.path(), "net").unwrap().run.unwrap();
                assert_eq!((run.kind.as_deref(), run.clock_period, run.resources.lut), (Some("impl"), Some(4.321), Some(34)));
                std::fs::write(&path, &REPORT[..150]).unwrap();
                assert!(Export::read(folder.path(), "net").is_err(), "half a report");
                std::fs::remove_file(&path).unwrap();
            }
        }
    }
}
