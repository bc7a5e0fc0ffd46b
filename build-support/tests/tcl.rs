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
    backend::hls,
    check, data,
    manifest::{ExportFlow, HlsTool, Language, Model},
    toolchain::{Step, Steps},
};

/// Every vendor command the scripts may call; each prints its name and its arguments as one Tcl list. A command that is not
/// here does not exist, so a script that calls another one ends with an error.
const STUBS: &str = r#"
foreach name {
    open_project set_top add_files open_solution set_part create_clock set_clock_uncertainty csim_design csynth_design
    config_array_partition config_compile config_rtl config_schedule cosim_design export_design read_xdc synth_design opt_design
    place_design phys_opt_design route_design report_utilization report_timing_summary get_ports
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

/// What a folder may be called; every project here lies in one.
const STRANGE: &str = "a b $HOME [exit 7] {c \"d\" 'e' ;# \\ü";

struct Project {
    directory: tempfile::TempDir,
}

impl Project {
    fn new(change: impl FnOnce(&mut Model)) -> Self {
        let source = common::fixtures().into_iter().find(|path| path.file_stem().unwrap() == "dense-only").unwrap();
        let x = data::read_golden(&source.with_extension("npz")).unwrap().x;
        let (mut model, network) = common::load(&source, &x).unwrap();
        change(&mut model);
        let project = common::project("tcl", &model, &network, &check::made_up(&network, 2)).unwrap();
        let directory = tempfile::Builder::new().prefix(STRANGE).tempdir().unwrap();
        project.write(directory.path()).unwrap();
        fs::write(directory.path().join("stubs.tcl"), STUBS).unwrap();
        Self { directory }
    }

    fn select(&self, steps: Steps) {
        fs::write(self.directory.path().join("build_opt.tcl"), hls::build_options(steps).unwrap()).unwrap();
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
        common::skip::skipped("tclsh is not installed (`apt install tcl`)");
    }
    missing
}

/// Calls that set the project up, before any step.
const SETUP: usize = 12;

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
        "config_compile -name_max_length 80",
        "set_part xcvu13p-flga2577-2-e",
        "config_rtl -reset_level high",
        "config_schedule -enable_dsp_full_reg=false",
        "create_clock -period 2.5 -name default",
        "set_clock_uncertainty 12.5% default",
    ];
    let found = project.calls("build_prj.tcl");
    assert_eq!(found, [&setup[..], &["csynth_design"]].concat(), "the default is C synthesis");
    for file in ["firmware/fixture.cpp", "fixture_test.cpp", "tb_data"] {
        assert!(project.directory.path().join(file).exists(), "{file}");
    }

    let found = Project::new(|model| model.target.language = Language::Hls(HlsTool::Vivado)).calls("build_prj.tcl");
    assert!(found.contains(&"add_files firmware/fixture.cpp -cflags -std=c++0x".to_owned()), "{found:?}");
    assert!(found.contains(&"config_array_partition -maximum_size 1000000".to_owned()), "{found:?}");
}

#[test]
fn the_selected_steps_run_in_order_and_no_others() {
    if tclsh_is_missing() {
        return;
    }
    let project = Project::new(|_| {});
    let export = "export_design -format ip_catalog -vendor sparsehls -library hls -version 1.0.0 -display_name fixture";
    let all = ["csim_design", "csynth_design", "cosim_design -trace_level none", export];
    for mask in 0..64u8 {
        let has = |bit: u8| mask & (1 << bit) != 0;
        project.select((0..6u8).filter(|bit| has(*bit)).map(|bit| Step::HLS[usize::from(bit)]).collect());
        let found = project.calls("build_prj.tcl");
        let expected: Vec<_> = (0..4u8).filter(|bit| has(*bit)).map(|bit| all[usize::from(bit)]).collect();
        assert_eq!(found[SETUP..], expected, "{mask:06b}");
    }
}

#[test]
fn a_step_that_fails_ends_the_script_with_an_error() {
    if tclsh_is_missing() {
        return;
    }
    let project = Project::new(|_| {});
    project.select(Step::HLS.into_iter().filter(|step| !matches!(step, Step::Vsynth | Step::Impl)).collect());
    let steps = ["csim_design", "csynth_design", "cosim_design", "export_design"];
    for (at, command) in steps.into_iter().enumerate() {
        let output = project.run("build_prj.tcl", Some(command));
        assert!(!output.status.success(), "{command}");
        assert_eq!(calls(&output)[SETUP..].len(), at + 1, "nothing runs after {command}");
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
    let begin = [
        "add_files fixture_prj/solution1/syn/verilog",
        "read_xdc vivado.xdc",
        "synth_design -top fixture -part p -mode out_of_context",
        "opt_design",
    ];
    let end = |name: &str, timing: &str| {
        let utilization = format!("report_utilization -hierarchical -hierarchical_depth 1 -file {name}");
        [utilization, format!("report_timing_summary -file {timing}")]
    };
    let expected = |middle: &[&str], end: [String; 2]| -> Vec<String> {
        begin.iter().chain(middle).map(|call| (*call).to_owned()).chain(end).collect()
    };
    let synthesis = expected(&[], end("vivado_synth.rpt", "vivado_timing.rpt"));
    assert_eq!(project.calls("vivado_synth.tcl"), synthesis);
    let to_route = ["place_design", "phys_opt_design", "route_design"];
    assert_eq!(project.calls("vivado_impl.tcl"), expected(&to_route, end("vivado_impl.rpt", "vivado_impl_timing.rpt")));
    assert_eq!(project.calls("vivado.xdc"), ["get_ports ap_clk", "create_clock -name ap_clk -period 3.0 get_ports"]);
    for call in ["add_files", "read_xdc", "synth_design", "opt_design", "report_utilization"] {
        assert!(!project.run("vivado_synth.tcl", Some(call)).status.success(), "{call}");
    }
    for call in to_route {
        assert!(!project.run("vivado_impl.tcl", Some(call)).status.success(), "{call}");
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

#[test]
fn a_model_may_be_called_like_a_command() {
    if tclsh_is_missing() {
        return;
    }
    let commands = "append eof exec flush foreach format lappend lindex list proc puts set source step unset".split(' ');
    let names = common::names::sample(common::names::candidates(), 100).into_iter().chain(commands.map(str::to_owned));
    for name in names.filter(|name| common::names::accepted(name).is_ok()) {
        let project = Project::new(|model| model.name.clone_from(&name));
        let found = project.calls("build_prj.tcl");
        assert_eq!(found[..2], [format!("open_project {name}_prj"), format!("set_top {name}")]);
        for call in &found[2..4] {
            let file = call.split(' ').find(|word| word.ends_with(".cpp")).unwrap();
            assert!(file.contains(&name) && project.directory.path().join(file).exists(), "{call}");
        }
        assert!(project.calls("vivado_synth.tcl")[2].starts_with(&format!("synth_design -top {name} ")), "{name}");
    }
}

/// A command, its options with their values, and the number of its other arguments.
type Signature = (&'static str, &'static [(&'static str, &'static [&'static str])], usize);

/// What each vendor command takes, as the vendor's manuals have it (UG902, UG1399, UG835).
const SIGNATURES: [Signature; 22] = [
    ("config_array_partition", &[("-maximum_size", &["1000000"])], 0),
    ("config_compile", &[("-name_max_length", &["80"])], 0),
    ("config_rtl", &[("-reset_level", &["high", "low"])], 0),
    ("config_schedule", &[("-enable_dsp_full_reg=false", &[])], 0),
    ("open_project", &[("-reset", &[])], 1),
    ("set_top", &[], 1),
    ("add_files", &[("-tb", &[]), ("-cflags", &["-std=c++14", "-std=c++0x"])], 1),
    ("open_solution", &[("-reset", &[])], 1),
    ("set_part", &[], 1),
    ("create_clock", &[("-period", &["5.0"]), ("-name", &["default", "ap_clk"])], 0),
    ("set_clock_uncertainty", &[], 2),
    ("csim_design", &[], 0),
    ("csynth_design", &[], 0),
    ("cosim_design", &[("-trace_level", &["none"])], 0),
    (
        "export_design",
        &[
            ("-format", &["ip_catalog"]),
            ("-vendor", &["sparsehls"]),
            ("-library", &["hls"]),
            ("-version", &["1.0.0"]),
            ("-display_name", &["fixture"]),
            ("-flow", &["syn", "impl"]),
            ("-rtl", &["verilog"]),
        ],
        0,
    ),
    ("read_xdc", &[], 1),
    ("place_design", &[], 0),
    ("phys_opt_design", &[], 0),
    ("route_design", &[], 0),
    ("synth_design", &[("-top", &["fixture"]), ("-part", &["p"]), ("-mode", &["out_of_context"])], 0),
    ("opt_design", &[], 0),
    ("get_ports", &[], 1),
];

#[test]
fn every_call_has_arguments_that_the_command_takes() {
    if tclsh_is_missing() {
        return;
    }
    for tool in [HlsTool::Vitis, HlsTool::Vivado] {
        let project = Project::new(|model| {
            model.target.language = Language::Hls(tool);
            model.hls.ip.flow = ExportFlow::Impl;
        });
        for steps in [Steps::default(), Step::HLS.into_iter().collect(), Step::HLS[2..4].iter().copied().collect()] {
            project.select(steps);
            let scripts = ["build_prj.tcl", "vivado_synth.tcl", "vivado_impl.tcl", "vivado.xdc"];
            let calls = scripts.map(|script| project.calls(script)).concat();
            for call in calls.iter().filter(|call| !call.starts_with("report_")) {
                let words: Vec<_> = call.split(' ').collect();
                let (_, options, others) = SIGNATURES.iter().find(|(name, ..)| *name == words[0]).expect("a known command");
                let mut words = words[1..].iter();
                let mut rest = 0;
                while let Some(word) = words.next() {
                    match options.iter().find(|(option, _)| option == word) {
                        Some((_, [])) => {}
                        Some((option, values)) => {
                            let value = words.next().expect("a value");
                            assert!(values.contains(value), "{call}: {option} {value}");
                        }
                        None => {
                            assert!(!word.starts_with('-'), "{call}: no option {word}");
                            rest += 1;
                        }
                    }
                }
                // A clock of Vivado also says at which port.
                let more = usize::from(call.starts_with("create_clock") && call.contains("ap_clk"));
                assert_eq!(rest, others + more, "{call}");
            }
        }
    }
}

#[test]
fn the_script_says_where_it_is_and_what_is_done() {
    if tclsh_is_missing() {
        return;
    }
    let project = Project::new(|_| {});
    project.select(Step::HLS.into_iter().collect());
    let said = |fail| {
        let output = project.run("build_prj.tcl", fail);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.lines().filter_map(|line| line.strip_prefix("sparsehls: ")).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(said(None), ["csim", "csim done", "synth", "synth done", "cosim", "cosim done", "export", "export done"]);
    assert_eq!(said(Some("cosim_design")), ["csim", "csim done", "synth", "synth done", "cosim"]);
}

#[test]
fn c_synthesis_starts_from_an_empty_project_and_what_follows_it_does_not() {
    if tclsh_is_missing() {
        return;
    }
    let project = Project::new(|_| {});
    for (steps, reset) in
        [(vec![Step::Synth], true), (vec![Step::Csim, Step::Synth], true), (vec![Step::Cosim, Step::Export], false)]
    {
        project.select(steps.iter().copied().collect());
        let found = project.calls("build_prj.tcl");
        let expected = if reset { "open_project -reset fixture_prj" } else { "open_project fixture_prj" };
        assert_eq!(found[0], expected, "{steps:?}");
    }
}

#[test]
fn options_that_a_person_has_set_stay() {
    let project = Project::new(|_| {});
    let options = project.directory.path().join("build_opt.tcl");
    fs::write(&options, "array set opt {cosim 1}").unwrap();
    let source = common::fixtures().into_iter().find(|path| path.file_stem().unwrap() == "dense-only").unwrap();
    let x = data::read_golden(&source.with_extension("npz")).unwrap().x;
    let (model, network) = common::load(&source, &x).unwrap();
    common::project("tcl", &model, &network, &check::made_up(&network, 2)).unwrap().write(project.directory.path()).unwrap();
    assert_eq!(fs::read_to_string(options).unwrap(), "array set opt {cosim 1}");
}

#[test]
fn scripts_of_the_user_run_when_all_is_set_up_and_nothing_has_run() {
    if tclsh_is_missing() {
        return;
    }
    let scripts = tempfile::tempdir().unwrap();
    let path = |name: &str, text: &str| {
        let path = scripts.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let first = path("my [exit 3] hook.tcl", "puts {call first}\nputs \"call for $project_name at $clock_period ns\"\n");
    let second = path("second.tcl", "set mine 1; puts \"call [file tail [info script]]\"");
    let project = Project::new(|model| model.hls.tcl = vec![first.clone(), second.clone()]);
    let found = project.calls("build_prj.tcl");
    assert_eq!(
        found[SETUP - 1..],
        ["set_clock_uncertainty 27.0% default", "first", "for fixture at 5.0 ns", "2_second.tcl", "csynth_design"]
    );
    assert_eq!(fs::read(project.directory.path().join("tcl/1_my__exit_3__hook.tcl")).unwrap(), fs::read(&first).unwrap());
    // What co-simulation writes is theirs to say.
    fs::write(&second, "set cosim_options {-trace_level all -enable_dataflow_profiling}").unwrap();
    let project = Project::new(|model| model.hls.tcl = vec![second.clone()]);
    project.select(Steps::from_iter([Step::Cosim]));
    assert_eq!(project.calls("build_prj.tcl").last().unwrap(), "cosim_design -trace_level all -enable_dataflow_profiling");
    // Fewer scripts leave none of the old ones.
    fs::write(&second, "error {this is mine}").unwrap();
    let project = Project::new(|model| model.hls.tcl = vec![second.clone()]);
    let output = project.run("build_prj.tcl", None);
    assert!(!output.status.success() && !calls(&output).iter().any(|call| call.starts_with("csynth")), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stderr).trim(), "sparsehls: tcl/1_second.tcl failed: this is mine");
}

#[test]
fn what_an_ip_is_called_is_what_the_manifest_says() {
    if tclsh_is_missing() {
        return;
    }
    let project = Project::new(|model| {
        let ip = &mut model.hls.ip;
        (ip.vendor, ip.library, ip.version) = ("cern.ch".into(), "trigger".into(), "2.1.0".into());
        (ip.name, ip.flow) = (Some("Track finder (8 bit)".into()), ExportFlow::Syn);
    });
    project.select(Steps::from_iter([Step::Export]));
    let expected = "export_design -format ip_catalog -vendor cern.ch -library trigger -version 2.1.0 -display_name \
                    {Track finder (8 bit)} -flow syn -rtl verilog";
    assert_eq!(project.calls("build_prj.tcl").last().unwrap(), expected);
}

/// The Makefile of a project, as a person runs it.
#[test]
fn make_runs_the_test_bench() {
    let missing = |program: &str| Command::new(program).arg("--version").output().is_err();
    if missing("make") || missing("c++") {
        return common::skip::skipped("make or c++ is not installed");
    }
    let project = Project::new(|_| {});
    // Make cannot have spaces and dollars in the names of its files; a person's folder has none.
    let plain = tempfile::tempdir().unwrap();
    let copy = Command::new("cp").arg("-r").arg(project.directory.path()).arg(plain.path().join("project")).status().unwrap();
    assert!(copy.success());
    let make = |arguments: &[&str]| {
        let mut command = Command::new("make");
        command.args(arguments).current_dir(plain.path().join("project")).env_remove("MAKEFLAGS").output().unwrap()
    };
    let output = make(&["CXXFLAGS=-O0"]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && said.contains("2 of 2 events checked, 0 different"), "{output:?}");
    fs::write(plain.path().join("project/tb_data/expected.dat"), "1\n2\n").unwrap();
    assert!(!make(&["CXXFLAGS=-O0"]).status.success(), "a wrong result is an error of make");
    assert!(make(&["clean"]).status.success() && !plain.path().join("project/test_bench").exists());
}
