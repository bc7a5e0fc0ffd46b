//! The Tcl of a project under real `tclsh`, with the vendor's commands replaced by ones that write down how they are
//! called. That the vendor's interpreter takes the same calls is not tested here.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use sparsehls_build::{
    check, data, emit,
    manifest::{Backend, Model},
    toolchain::Steps,
};

/// Every vendor command the scripts may call; each prints its name and its arguments as one Tcl list.
const STUBS: &str = r#"
foreach name {
    open_project set_top add_files open_solution set_part create_clock set_clock_uncertainty csim_design csynth_design
    cosim_design export_design synth_design opt_design report_utilization report_timing_summary get_ports
} {
    proc $name args "puts \[linsert \$args 0 call $name\]; fail_if_asked $name; return $name"
}
proc fail_if_asked {name} {
    if {[info exists ::env(FAIL)] && $::env(FAIL) eq $name} { error "the stub of $name fails" }
}
set script [lindex $argv 0]
set argv {}
source $script
"#;

struct Project {
    directory: tempfile::TempDir,
}

impl Project {
    fn new(change: impl FnOnce(&mut Model)) -> Self {
        let source = common::fixtures().into_iter().find(|path| path.file_stem().unwrap() == "dense-only").unwrap();
        let x = data::read_golden(&source.with_extension("npz")).unwrap().x;
        let (mut model, network) = common::load(&source, &x).unwrap();
        change(&mut model);
        let project = emit::project("tcl", &model, &network, &check::made_up(&network, 2)).unwrap();
        let directory = tempfile::tempdir().unwrap();
        project.write(directory.path()).unwrap();
        fs::write(directory.path().join("stubs.tcl"), STUBS).unwrap();
        Self { directory }
    }

    fn select(&self, steps: Steps) {
        fs::write(self.directory.path().join("build_opt.tcl"), emit::build_options(steps).unwrap()).unwrap();
    }

    fn run(&self, script: &str, fail: Option<&str>) -> Output {
        let mut command = Command::new("tclsh");
        // `vitis-run` may start in another folder than the script's; the script must not care where `info script` is.
        command.args(["stubs.tcl", script]).current_dir(self.directory.path()).env_remove("FAIL");
        if let Some(fail) = fail {
            command.env("FAIL", fail);
        }
        command.output().unwrap()
    }

    /// The calls of a run that ends well.
    fn calls(&self, script: &str) -> Vec<String> {
        let output = self.run(script, None);
        assert!(output.status.success(), "{output:?}");
        calls(&output)
    }
}

fn calls(output: &Output) -> Vec<String> {
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().filter_map(|line| line.strip_prefix("call ")).map(str::to_owned).collect()
}

fn tclsh_is_missing() -> bool {
    let missing = Command::new("tclsh").arg("/dev/null").output().is_err();
    if missing {
        eprintln!("SKIPPED: tclsh is not installed");
    }
    missing
}

#[test]
fn the_project_is_set_up_as_the_manifest_says() {
    if tclsh_is_missing() {
        return;
    }
    let project = Project::new(|model| {
        model.target.part = "xcvu13p-flga2577-2-e".into();
        model.target.clock_period = 2.5;
        model.target.clock_uncertainty = 12.5;
    });
    let setup = [
        "open_project fixture_prj",
        "set_top fixture",
        "add_files firmware/fixture.cpp -cflags -std=c++14",
        "add_files -tb fixture_test.cpp -cflags -std=c++14",
        "add_files -tb tb_data",
        "open_solution solution1",
        "set_part xcvu13p-flga2577-2-e",
        "create_clock -period 2.5 -name default",
        "set_clock_uncertainty 12.5% default",
    ];
    let found = project.calls("build_prj.tcl");
    assert_eq!(found, [&setup[..], &["csynth_design"]].concat(), "the default is C synthesis");
    for file in ["firmware/fixture.cpp", "fixture_test.cpp", "tb_data"] {
        assert!(project.directory.path().join(file).exists(), "{file}");
    }

    let found = Project::new(|model| model.target.backend = Backend::Vivado).calls("build_prj.tcl");
    assert!(found.contains(&"add_files firmware/fixture.cpp -cflags -std=c++0x".to_owned()), "{found:?}");
}

#[test]
fn the_selected_steps_run_in_order_and_no_others() {
    if tclsh_is_missing() {
        return;
    }
    let project = Project::new(|_| {});
    let all = ["csim_design", "csynth_design", "cosim_design -trace_level none", "export_design -format ip_catalog"];
    for mask in 0..32u8 {
        let has = |bit: u8| mask & (1 << bit) != 0;
        project.select(Steps { csim: has(0), synth: has(1), cosim: has(2), export: has(3), vsynth: has(4) });
        let found = project.calls("build_prj.tcl");
        let expected: Vec<_> = (0..4u8).filter(|bit| has(*bit)).map(|bit| all[usize::from(bit)]).collect();
        assert_eq!(found[9..], expected, "{mask:05b}");
    }
}

#[test]
fn a_step_that_fails_ends_the_script_with_an_error() {
    if tclsh_is_missing() {
        return;
    }
    let project = Project::new(|_| {});
    project.select(Steps { csim: true, synth: true, cosim: true, export: true, vsynth: false });
    let steps = ["csim_design", "csynth_design", "cosim_design", "export_design"];
    for (at, command) in steps.into_iter().enumerate() {
        let output = project.run("build_prj.tcl", Some(command));
        assert!(!output.status.success(), "{command}");
        assert_eq!(calls(&output)[9..].len(), at + 1, "nothing runs after {command}");
        let (name, said) = (["csim", "synth", "cosim", "export"][at], String::from_utf8_lossy(&output.stderr));
        assert_eq!(said.trim(), format!("sparsehls: {name} failed: the stub of {command} fails"));
    }
    for command in ["open_project", "set_top", "add_files", "open_solution", "set_part", "create_clock"] {
        let output = project.run("build_prj.tcl", Some(command));
        assert!(!output.status.success(), "{command}: {output:?}");
        assert!(!calls(&output).iter().any(|call| call.starts_with("csynth")), "{command}");
    }
}

#[test]
fn a_project_can_be_started_anew() {
    if tclsh_is_missing() {
        return;
    }
    let project = Project::new(|_| {});
    let options = project.directory.path().join("build_opt.tcl");
    let text = fs::read_to_string(&options).unwrap();
    fs::write(&options, text.replace("reset   0", "reset   1")).unwrap();
    let found = project.calls("build_prj.tcl");
    assert!(found.contains(&"open_project -reset fixture_prj".to_owned()), "{found:?}");
    assert!(found.contains(&"open_solution -reset solution1".to_owned()), "{found:?}");
}

#[test]
fn the_scripts_find_their_files_from_another_folder() {
    if tclsh_is_missing() {
        return;
    }
    let project = Project::new(|_| {});
    let elsewhere = tempfile::tempdir().unwrap();
    let here: &Path = project.directory.path();
    let script = here.join("build_prj.tcl");
    let output = Command::new("tclsh").arg(here.join("stubs.tcl")).arg(script).current_dir(elsewhere.path()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    // The tool itself is always started in the project's folder; only what the script sources is found by its own place.
    assert!(calls(&output).contains(&"csynth_design".to_owned()));
}

#[test]
fn logic_synthesis_works_on_what_c_synthesis_left() {
    if tclsh_is_missing() {
        return;
    }
    let project = Project::new(|model| model.target.clock_period = 3.0);
    let expected = [
        "add_files fixture_prj/solution1/syn/verilog",
        "synth_design -top fixture -part p -mode out_of_context",
        "get_ports ap_clk",
        "create_clock -period 3.0 -name ap_clk get_ports",
        "opt_design",
        "report_utilization -hierarchical -file vivado_synth.rpt",
        "report_timing_summary -file vivado_timing.rpt",
    ];
    let expected: Vec<_> = expected.iter().map(|call| (*call).to_owned()).collect();
    assert_eq!(project.calls("vivado_synth.tcl"), expected);
    for call in ["add_files", "synth_design", "opt_design", "report_utilization"] {
        assert!(!project.run("vivado_synth.tcl", Some(call)).status.success(), "{call}");
    }
}

#[test]
fn what_is_set_is_what_is_read() {
    if tclsh_is_missing() {
        return;
    }
    // Every part the manifest accepts must survive as one Tcl word.
    let project = Project::new(|model| model.target.part = "xilinx.com:zcu102/part-0_1.2".into());
    let found = project.calls("build_prj.tcl");
    assert!(found.contains(&"set_part xilinx.com:zcu102/part-0_1.2".to_owned()), "{found:?}");
}
