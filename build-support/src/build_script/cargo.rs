//! What a build script hears from cargo and tells it.

use std::{
    fmt::{Arguments, Display},
    io::Write,
    path::PathBuf,
};

use crate::{
    error::{Code, Error, Result},
    manifest::{Model, Package, Synth},
    note::Note,
    terminal::brief,
};

/// A variable that cargo sets for build scripts.
pub fn variable(name: &str) -> Result<String> {
    std::env::var(name).map_err(|error| {
        Error::new(Code::Io, format!("the environment variable {name} cannot be read: {error}"))
            .help("call this from a build script, which cargo runs")
    })
}

/// Tells what a rebuild depends on; `cc` adds the variables of the compiler.
pub fn inputs(package: &Package, models: &[Model], synth: Synth) {
    let manifests = [&package.manifest, &package.workspace_manifest];
    let models = models.iter().flat_map(|model| [Some(&model.source), model.golden.as_ref()]).flatten();
    let mut files: Vec<_> = manifests.into_iter().chain(models).collect();
    files.sort();
    files.dedup();
    for file in files {
        say(format_args!("rerun-if-changed={}", file.display()));
    }
    say(format_args!("rerun-if-env-changed=DOCS_RS"));
    if synth != Synth::Skip {
        for variable in ["PATH", "XILINX_HLS", "XILINX_VITIS", "XILINX_VIVADO"] {
            say(format_args!("rerun-if-env-changed={variable}"));
        }
    }
}

/// Makes cargo notice when a program is installed: a folder changes when something is put into it.
pub fn watch_programs() {
    say(format_args!("rerun-if-env-changed=PATH"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> =
        std::env::split_paths(&path).filter(|folder| folder.is_absolute() && folder.is_dir()).collect();
    folders.sort();
    folders.dedup();
    for folder in folders {
        say(format_args!("rerun-if-changed={}", folder.display()));
    }
}

/// The variables of the C++ compiler that the crate `cc` reads. It would name them itself, with a line on each value, which
/// cargo shows before the error of a build script that fails.
pub fn compiler_variables(host: &str, target: &str) {
    let kind = if host == target { "HOST" } else { "TARGET" };
    for name in ["CXX", "CXXFLAGS", "AR", "ARFLAGS"] {
        say(format_args!("rerun-if-env-changed={name}"));
        say(format_args!("rerun-if-env-changed={kind}_{name}"));
        say(format_args!("rerun-if-env-changed={name}_{target}"));
        say(format_args!("rerun-if-env-changed={name}_{}", target.replace(['-', '.'], "_")));
    }
    for name in ["CROSS_COMPILE", "CRATE_CC_NO_DEFAULTS", "CC_FORCE_DISABLE", "CC_SHELL_ESCAPED_FLAGS", "SDKROOT"] {
        say(format_args!("rerun-if-env-changed={name}"));
    }
}

/// Where the linker finds the libraries; their names stand in the bindings.
pub fn link_search(folder: impl Display) {
    say(format_args!("rustc-link-search=native={folder}"));
}

/// A warning that cargo shows.
pub fn warning(name: Note, text: &str) {
    say(format_args!("warning={} {name}", brief(text).replace('\n', " ")));
}

/// A line that cargo keeps with the build script's output and shows with `-vv`.
pub fn note(text: &str) {
    let _ = writeln!(std::io::stdout(), "note: {}", brief(text).replace('\n', " "));
}

/// One line for cargo. If cargo has gone, nobody is left to be told.
fn say(line: Arguments<'_>) {
    let _ = writeln!(std::io::stdout(), "cargo::{line}");
}
