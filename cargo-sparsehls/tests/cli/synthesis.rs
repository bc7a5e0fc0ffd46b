//! The vendor's tool, played by shell scripts on PATH that check how they are called, on every machine with a shell;
//! `tools.rs` has stand-ins that also run the Tcl. No real tool has run here.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use serde_json::Value;

use crate::firmware::{Firmware, Run, net, path_with, reasons};

/// Writes the report where the tool would.
const REPORT: &str = r#"
folder=net_prj/solution1/syn/report
mkdir -p $folder
cat > $folder/net_csynth.xml <<'END'
<?xml version="1.0"?>
<profile>
  <PerformanceEstimates>
    <SummaryOfTimingAnalysis><unit>ns</unit><EstimatedClockPeriod>3.65</EstimatedClockPeriod></SummaryOfTimingAnalysis>
    <SummaryOfOverallLatency>
      <Best-caseLatency>12</Best-caseLatency><Average-caseLatency>20</Average-caseLatency>
      <Worst-caseLatency>30</Worst-caseLatency><Interval-min>4</Interval-min><Interval-max>5</Interval-max>
    </SummaryOfOverallLatency>
  </PerformanceEstimates>
  <AreaEstimates>
    <Resources><BRAM_18K>2</BRAM_18K><DSP>7</DSP><FF>3000</FF><LUT>40000</LUT><URAM>0</URAM></Resources>
  </AreaEstimates>
</profile>
END
"#;

/// A package that has been built, and a folder for stand-ins.
struct Bench {
    firmware: Firmware,
    tools: tempfile::TempDir,
}

impl Bench {
    fn new(more: &str) -> Self {
        let firmware = Firmware::of("dense-only");
        firmware.manifest(&format!("{}{more}", net("dense-only")));
        let bench = Self { firmware, tools: tempfile::tempdir().unwrap() };
        assert_eq!(bench.firmware.run(&["build", "-q", "--synth", "skip"]).code, 0);
        bench
    }

    /// Installs the stand-in `name`, which must be called with exactly `arguments` in a project, and then does `body`.
    fn tool(&self, name: &str, arguments: &str, body: &str) {
        install(self.tools.path(), name, arguments, body);
    }

    fn build(&self, arguments: &[&str]) -> (Run, Vec<Value>) {
        let mut command = self.firmware.command(&["build", "--synth", "require"]);
        command.args(arguments).env("PATH", path_with(self.tools.path()));
        self.firmware.finish_json(command)
    }

    fn options(&self) -> String {
        fs::read_to_string(self.firmware.path("target/sparsehls/firmware/net/build_opt.tcl")).unwrap()
    }
}

fn install(folder: &Path, name: &str, arguments: &str, body: &str) {
    let script = format!(
        "#!/bin/sh\nset -e\n\
         case \"$*\" in -version|--version) echo 'v2023.2 (64-bit)'; exit 0;; esac\n\
         [ \"$*\" = '{arguments}' ] || {{ echo \"ERROR: called with $*\"; exit 9; }}\n\
         for file in build_prj.tcl build_opt.tcl project.tcl vivado_synth.tcl net_test.cpp firmware/net.cpp; do\n\
         [ -f $file ] || {{ echo \"ERROR: $file is not here\"; exit 8; }}\ndone\n{body}\n"
    );
    let path = folder.join(name);
    fs::write(&path, script).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// The lines about synthesis.
fn synthesis(lines: &[Value]) -> Vec<&Value> {
    lines.iter().filter(|line| line["reason"] == "synthesis").collect()
}

fn error(lines: &[Value]) -> &Value {
    let errors: Vec<_> = lines.iter().filter(|line| line["reason"] == "error").collect();
    assert_eq!(errors.len(), 1, "{lines:?}");
    errors[0]
}

#[test]
fn synthesis_that_goes_well_is_reported() {
    let bench = Bench::new("limits = { latency-cycles = 30, interval-cycles = 5, lut = 40000, dsp = 7 }\n");
    bench.tool("vitis_hls", "-f build_prj.tcl", REPORT);
    let (run, lines) = bench.build(&[]);
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(reasons(&lines), ["project", "self-check", "synthesis", "finished"]);
    let line = &lines[2];
    assert_eq!((&line["model"], &line["status"]), (&"net".into(), &"done".into()));
    let report = &line["report"];
    for (key, value) in [("latency-cycles", 30), ("interval-cycles", 5), ("lut", 40000), ("ff", 3000), ("dsp", 7), ("bram18", 2)]
    {
        assert_eq!(report[key], value, "{key}: the worst case counts");
    }
    assert_eq!(report["clock-period"], 3.65);
    assert!(bench.options().contains("synth   1"), "{}", bench.options());

    // The newer way of calling goes first; another tool is a reason to run again.
    bench.tool("vitis-run", "--mode hls --tcl build_prj.tcl", &format!("echo newer\n{REPORT}"));
    let (run, lines) = bench.build(&[]);
    assert_eq!((run.code, &lines[2]["ran"]), (0, &serde_json::json!(["synth"])), "{run:?}");
    let log = fs::read_to_string(bench.firmware.path("target/sparsehls/firmware/net/hls.log")).unwrap();
    assert_eq!(log, "newer\n");
}

#[test]
fn a_tool_below_the_vendors_variable_is_found() {
    let bench = Bench::new("");
    fs::create_dir(bench.tools.path().join("bin")).unwrap();
    install(&bench.tools.path().join("bin"), "vitis_hls", "-f build_prj.tcl", REPORT);
    for variable in ["XILINX_HLS", "XILINX_VITIS", "XILINX_VIVADO"] {
        let mut command = bench.firmware.command(&["build", "--synth", "require"]);
        command.env(variable, bench.tools.path());
        assert_eq!(bench.firmware.finish(command).code, 0, "{variable}");
    }
}

#[test]
fn each_backend_has_its_own_tool() {
    let bench = Bench::new("backend = \"vivado\"\n");
    bench.tool("vitis_hls", "-f build_prj.tcl", REPORT);
    let (run, lines) = bench.build(&[]);
    assert_eq!((run.code, &error(&lines)["code"]), (3, &"tool-missing".into()));
    bench.tool("vivado_hls", "-f build_prj.tcl", &REPORT.replace("DSP>", "DSP48E>"));
    let (run, lines) = bench.build(&[]);
    assert_eq!((run.code, &synthesis(&lines)[0]["report"]["dsp"]), (0, &7.into()), "{run:?}");
}

#[test]
fn a_limit_that_is_exceeded_ends_with_5() {
    let bench = Bench::new("limits = { latency-cycles = 29, lut = 39999, ff = 3000 }\n");
    bench.tool("vitis_hls", "-f build_prj.tcl", REPORT);
    let (run, lines) = bench.build(&[]);
    assert_eq!((run.code, &error(&lines)["code"]), (5, &"limit-exceeded".into()), "{run:?}");
    let message = error(&lines)["message"].as_str().unwrap();
    for line in
        ["synthesis exceeds 2 of 3 limits", "latency-cycles           30         29", "lut                   40000      39999"]
    {
        assert!(message.contains(line), "{message}");
    }
    assert_eq!(error(&lines)["key"], "package.metadata.sparsehls.models.net.limits");
    let found: Vec<_> = synthesis(&lines).iter().map(|line| (&line["status"], &line["report"]["lut"])).collect();
    assert_eq!(found, [(&"done".into(), &40000.into())], "synthesis is done and reported all the same");
}

#[test]
fn a_tool_that_fails_ends_with_5_and_its_first_errors() {
    let bench = Bench::new("");
    // A report of an earlier run must not pass for the one of a run that fails.
    bench.tool("vitis_hls", "-f build_prj.tcl", REPORT);
    assert_eq!(bench.build(&[]).0.code, 0);
    bench.firmware.manifest(&format!("{}clock-period = 4.0\n", net("dense-only")));
    let bodies = [
        ("echo INFO: fine; echo 'ERROR: [HLS 200-70] no licence' >&2; exit 1", "ERROR: [HLS 200-70] no licence"),
        ("echo 'sparsehls: synth failed: bad pragma' >&2; exit 1", "sparsehls: synth failed: bad pragma"),
        ("kill -9 $$", "signal"),
        ("exit 0", "the tool left no report"),
        ("mkdir -p net_prj/solution1/syn/report; echo '<profile><Perf' > net_prj/solution1/syn/report/net_csynth.xml", "report"),
        ("mkdir -p net_prj/solution1/syn/report; : > net_prj/solution1/syn/report/net_csynth.xml", "report"),
        (": undefined latency\nX='<Worst-caseLatency>undef</Worst-caseLatency>'", "report"),
    ];
    for (body, message) in bodies {
        bench.tool("vitis_hls", "-f build_prj.tcl", body);
        let (run, lines) = bench.build(&[]);
        assert_eq!((run.code, &error(&lines)["code"]), (5, &"synthesis-failed".into()), "{body}: {run:?}");
        assert!(error(&lines)["message"].as_str().unwrap().contains(message), "{body}: {lines:?}");
        let status: Vec<_> = synthesis(&lines).iter().map(|line| line["status"].clone()).collect();
        assert_eq!(status, ["failed"], "{body}");
        assert!(run.stderr.contains(message), "{body}: {run:?}");
    }
}

#[test]
fn a_missing_tool_is_a_note_unless_it_is_required() {
    let firmware = Firmware::of("dense-only");
    let run = firmware.run(&["build"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.stderr.contains("Skipped synthesis of net: found neither `vitis-run` nor `vitis_hls` on PATH"), "{run:?}");
    let (_, lines) = firmware.json(&["build", "--synth", "skip"]);
    assert_eq!(synthesis(&lines)[0]["why"], "--synth skip");
}
