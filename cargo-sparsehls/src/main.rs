//! `cargo sparsehls`: from a trained sparse CNN to FPGA firmware.
//!
//! This crate parses arguments, prints, and turns errors into exit codes; the work is in `sparsehls-build`.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod args;
mod checked;
mod commands;
mod explore;
mod interrupt;
mod junit;
mod message;
mod output;
mod page;
mod plot;
mod progress;
mod report;
mod shell;
#[cfg(test)]
#[path = "../../build-support/tests/common/skip.rs"]
mod skip;
mod summary;
mod toml;
mod words;

use std::{process::ExitCode, time::Instant};

use clap::{CommandFactory, FromArgMatches};

use crate::{
    args::{Cargo, Command},
    interrupt::Interrupt,
    output::Output,
};

fn main() -> ExitCode {
    let start = Instant::now();
    // Cargo calls `cargo-sparsehls sparsehls …`; people may call `cargo-sparsehls …`.
    let mut arguments: Vec<_> = std::env::args_os().collect();
    if arguments.get(1).is_none_or(|first| first != "sparsehls") {
        arguments.insert(1, "sparsehls".into());
    }
    let Cargo::Sparsehls { command, common } = parse(arguments);
    let mut output = Output::new(&common);
    if let Err(error) = Interrupt::install(&common) {
        output.error(&error);
        return ExitCode::from(error.code().exit() as u8);
    }
    let result = match &command {
        Command::Explore(args) => commands::explore::run(&common, args, &mut output),
        Command::New(args) => commands::new::new(&common, args, &mut output),
        Command::Init(args) => commands::new::init(&common, args, &mut output),
        Command::Check(args) => commands::check::run(&common, args, &mut output),
        Command::Build(args) => commands::build::run(&common, args, &mut output),
        Command::Verify(args) => commands::verify::run(&common, args, &mut output),
        Command::Predict(args) => commands::predict::run(&common, args, &mut output),
        Command::Profile(args) => commands::profile::run(&common, args, &mut output),
        Command::Trace(args) => commands::trace::run(&common, args, &mut output),
        Command::Report(args) => commands::report::run(&common, args, &mut output),
        Command::Doctor(args) => commands::doctor::run(args, &output),
        Command::Explain { code } => commands::explain::run(code.as_deref(), &output),
        Command::Clean(args) => commands::clean::run(&common, args, &mut output),
        Command::Completions { shell } => return ended(shell::print(*shell).err(), &output),
        Command::Man { folder } => return ended(shell::man(folder.as_deref(), &output).err(), &output),
    };
    let exit = match result {
        Ok(()) => sparsehls_build::Exit::Done,
        Err(error) => {
            output.error(&error);
            error.code().exit()
        }
    };
    output.finished(exit, start.elapsed());
    ExitCode::from(exit as u8)
}

/// Reads the command line. Its help and its errors have the colours that cargo's have.
fn parse(arguments: Vec<std::ffi::OsString>) -> Cargo {
    let color = match args::cargo_term("COLOR").as_deref() {
        Some("always") => clap::ColorChoice::Always,
        Some("never") => clap::ColorChoice::Never,
        _ => clap::ColorChoice::Auto,
    };
    let matches = Cargo::command().color(color).get_matches_from(arguments);
    Cargo::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
}

/// The end of a command whose output is read by a shell.
fn ended(error: Option<sparsehls_build::Error>, output: &Output) -> ExitCode {
    let Some(error) = error else { return ExitCode::SUCCESS };
    output.error(&error);
    ExitCode::from(error.code().exit() as u8)
}
