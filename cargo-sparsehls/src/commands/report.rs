//! `cargo sparsehls report`.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use sparsehls_build::{Code, Error, Result};

use super::{check_extension, chosen, load, note_grid, output_directory, profile::profile, write_given};
use crate::{
    args::{Common, ReportArgs},
    interrupt::Interrupt,
    message::{Message, Report},
    output::Output,
    page,
    report::{Earlier, Gathered, Wanted, gather},
    summary,
};

/// Gathers a report on every chosen model, and shows it.
pub fn run(common: &Common, args: &ReportArgs, output: &mut Output) -> Result {
    if let Some(path) = &args.html {
        check_extension(path, "html", "--html", "the page is HTML, which browsers show")?;
    }
    let page = page_path(common, args)?;
    let (reports, differences) = gather_all(common, args, output)?;
    match &page {
        Some(path) => write(path, &reports, output)?,
        None => reports.iter().for_each(|report| output.text(&summary::of(report))),
    }
    if let Some(path) = page.as_ref().filter(|_| args.open) {
        open(path)?;
    }
    // The last one ends the command, which prints it.
    let mut differences = differences.into_iter().rev();
    let last = differences.next();
    differences.rev().for_each(|error| output.error(&error));
    last.map_or(Ok(()), Err)
}

/// The reports, which are also printed as JSON, and the differences that they tell of.
fn gather_all(common: &Common, args: &ReportArgs, output: &Output) -> Result<(Vec<Report>, Vec<Error>)> {
    let earlier = args.against.as_deref().map(Earlier::read).transpose()?;
    let data_set = args.input.as_deref();
    let wanted = Wanted { front: !args.no_explore, events: args.events, data_set, earlier: earlier.as_ref() };
    let interrupt = Interrupt::installed()?;
    let (mut reports, mut differences) = (Vec::new(), Vec::new());
    for firmware in load(common)? {
        let count = |firmware: &_| profile(firmware, data_set, output);
        let Gathered { report, grid, difference } = gather(&firmware, &wanted, count, interrupt, output)?;
        note_grid(output, &firmware.model.name, &firmware.network, grid);
        output.json(&Message::Report(report.clone()));
        reports.push(*report);
        differences.extend(difference.err());
    }
    Ok((reports, differences))
}

/// Where the page goes, if there is to be one.
fn page_path(common: &Common, args: &ReportArgs) -> Result<Option<PathBuf>> {
    if args.html.is_some() || !args.open {
        return Ok(args.html.clone());
    }
    let first = chosen(common)?.into_iter().next();
    first.map(|(package, _)| Ok(output_directory(common, &package)?.join("report.html"))).transpose()
}

fn write(path: &Path, reports: &[Report], output: &Output) -> Result {
    write_given(path, &page::of(reports))?;
    output.status("Wrote", &format!("the report to {}", path.display()));
    Ok(())
}

/// Shows the page with `$BROWSER`, or with what the system opens files with. It is not waited for.
fn open(page: &Path) -> Result {
    let system = if cfg!(target_os = "macos") {
        "open"
    } else if cfg!(windows) {
        "explorer"
    } else {
        "xdg-open"
    };
    let chosen = std::env::var_os("BROWSER").filter(|browser| !browser.is_empty());
    let program = chosen.unwrap_or_else(|| OsString::from(system));
    let started = Command::new(&program).arg(page).stdin(Stdio::null()).stdout(Stdio::null()).spawn();
    started.map(drop).map_err(|error| {
        Error::new(Code::Io, format!("{} could not be started: {error}", Path::new(&program).display()))
            .file(page)
            .help("the page is written: open it in a browser, or set BROWSER to one")
    })
}
