//! Text templates (minijinja) of everything that cargo-sparsehls generates. Those that begin with `new_`, and the recipes
//! for CI, are for the firmware packages that `cargo sparsehls new` makes.
//!
//! They are embedded so that they travel with the published crate; in the repository they are files under `files/`,
//! named after what they become.

#![forbid(unsafe_code)]

/// A template: its name and its text.
pub type Template = (&'static str, &'static str);

macro_rules! templates {
    ($($name:literal)+) => {
        &[$(($name, include_str!(concat!("../files/", $name))),)+]
    };
}

/// Every template.
pub const TEMPLATES: &[Template] = templates!(
    "bindings.rs" "bridge.cpp" "build_opt.tcl" "build_prj.tcl" "csim_main.cpp" "csim_stack.h" "csim_trace.cpp" "defines.h"
    "export.tcl" "hls_readme.md" "library.cpp" "library.h" "library_check.cpp" "Makefile" "model.cpp" "model.h" "new_build.rs" "new_gitignore" "new_golden.rs" "new_lib.rs"
    "new_main.rs" "new_readme.md" "parameters.h" "pnr.v"
    "pnr.ys" "project.tcl" "test.cpp" "verilog.sdc" "verilog.xdc" "verilog_axis.v" "verilog_axis_tb.v" "verilog_instance.v"
    "verilog_instance.vhd" "verilog_main.cpp" "verilog_quartus.tcl" "verilog_tb.v" "verilog_vivado.tcl" "vivado.xdc" "vivado_impl.tcl"
    "vivado_synth.tcl" "weights.h" "yosys.ys");

/// Recipes for CI: where a firmware repository keeps them, and their text. They are no minijinja templates: they can be
/// used as they are, and GitHub has braces of its own. `cargo sparsehls new` changes the lines that depend on a package.
pub const CI: &[Template] = &[
    (".github/workflows/firmware.yml", include_str!("../files/ci/github.yml")),
    (".gitlab-ci.yml", include_str!("../files/ci/gitlab.yml")),
];
