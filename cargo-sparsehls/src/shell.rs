//! What shells and `man` get, from the same definitions as the command line: completions and manual pages.

use std::{
    fs,
    io::{ErrorKind, Write},
    path::Path,
};

use clap::{Args, Command, Subcommand};
use clap_complete::Shell;
use sparsehls_build::{Code, Error, Result, files};

use crate::{
    args::{self, Common},
    output::Output,
};

/// The program, as shells know it.
const NAME: &str = "cargo-sparsehls";

/// `cargo-sparsehls` as a program of its own, which says that it is called as `bin_name`. As a subcommand of cargo it would have
/// names in it that begin with cargo's.
fn command(bin_name: &str) -> Command {
    let command = Command::new(NAME).bin_name(bin_name.to_owned()).display_name(NAME).version(env!("CARGO_PKG_VERSION"));
    let command = args::Command::augment_subcommands(Common::augment_args(command));
    // The documentation of the types has come with them.
    command.about(args::LONG.lines().next().unwrap_or_default()).long_about(args::LONG)
}

/// Prints completions for `shell`. For `cargo` itself there are some already, which stay: what is added behind takes only
/// `cargo sparsehls`.
///
/// # Errors
/// [`Code::Io`].
pub fn print(shell: Shell) -> Result {
    // clap writes no bash that works for a name with a hyphen (4.6: the parts of the script call it differently).
    let name = if shell == Shell::Bash { "sparsehls" } else { NAME };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command(name), name, &mut script);
    let more = match shell {
        Shell::Bash => include_str!("shell/cargo.bash"),
        Shell::Zsh => include_str!("shell/cargo.zsh"),
        Shell::Fish => include_str!("shell/cargo.fish"),
        _ => "",
    };
    script.extend(more.bytes());
    write_out(&script)
}

/// Writes the manual pages of all commands into `folder`, or the first page to standard output.
///
/// # Errors
/// [`Code::Io`].
pub fn man(folder: Option<&Path>, output: &Output) -> Result {
    let mut command = command("cargo sparsehls").disable_help_subcommand(true);
    command.build();
    let Some(folder) = folder else { return write_out(&page(&command)?) };
    fs::create_dir_all(folder).map_err(|error| Error::io("create", folder, &error))?;
    let all: Vec<_> = std::iter::once(&command).chain(command.get_subcommands()).collect();
    for command in &all {
        let name = command.get_display_name().unwrap_or(NAME);
        let page = page(command)?;
        files::write_atomically(&folder.join(format!("{name}.1")), |file| file.write_all(&page))?;
    }
    output.status("Wrote", &format!("{} manual pages to {}", all.len(), folder.display()));
    Ok(())
}

fn page(command: &Command) -> Result<Vec<u8>> {
    let mut page = Vec::new();
    let man = clap_mangen::Man::new(command.clone())
        .manual("cargo sparsehls")
        .source(format!("cargo-sparsehls {}", env!("CARGO_PKG_VERSION")));
    man.render(&mut page).map_err(|error| Error::internal(format!("a manual page: {error}")))?;
    Ok(page)
}

/// Writes to standard output. Whoever reads may have read enough: `| head` is no error.
fn write_out(bytes: &[u8]) -> Result {
    let mut stdout = std::io::stdout();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Error::new(Code::Io, format!("could not write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}
