//! The tables of commands and flags in the guide are written from the definitions: `SPARSEHLS_WRITE_GUIDE=1` writes them anew.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use clap::{Arg, ArgAction, Command, CommandFactory};

use super::Cargo;

/// The pages with tables between `<!-- flags COMMAND -->` and `<!-- /flags -->`; `common` are the flags of every command.
const PAGES: [&str; 2] = ["commands.md", "report.md"];

fn page(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(name)
}

/// Text of a cell: what tables and Markdown would take for something else is escaped.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;").replace('\n', " ")
}

/// What stands in a table behind a flag, without the default that the help has in brackets, and that default.
fn help(arg: &Arg) -> (String, Option<String>) {
    let text = arg.get_help().map(ToString::to_string).unwrap_or_default();
    match text.split_once(" [default: ") {
        Some((before, default)) => (before.to_owned(), Some(default.trim_end_matches(']').to_owned())),
        None => (text, None),
    }
}

fn name(arg: &Arg) -> String {
    let takes = matches!(arg.get_action(), ArgAction::Set | ArgAction::Append);
    let values = arg.get_value_names().unwrap_or_default().iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    match (arg.get_short(), arg.get_long()) {
        (_, None) if arg.is_required_set() => values,
        (_, None) => format!("[{values}]"),
        (short, Some(long)) => {
            let short = short.map(|short| format!("-{short}, ")).unwrap_or_default();
            format!("{short}--{long}{}", if takes { format!(" {values}") } else { String::new() })
        }
    }
}

fn row(arg: &Arg) -> String {
    let (mut text, default) = help(arg);
    if arg.is_required_set() && arg.get_long().is_some() {
        text.push_str("; required");
    }
    let values: Vec<_> = arg.get_possible_values().into_iter().filter(|value| !value.is_hide_set()).collect();
    if matches!(arg.get_action(), ArgAction::Set | ArgAction::Append) && !values.is_empty() {
        let value = |value: &clap::builder::PossibleValue| match value.get_help() {
            Some(help) => format!("`{}` ({})", value.get_name(), cell(&help.to_string())),
            None => format!("`{}`", value.get_name()),
        };
        let values: Vec<_> = values.iter().map(value).collect();
        text = format!("{}. Values: {}", cell(&text), values.join(", "));
    } else {
        text = cell(&text);
    }
    let given = arg.get_default_values().first().filter(|_| matches!(arg.get_action(), ArgAction::Set));
    let given = given.map(|value| format!("`{}`", value.to_string_lossy()));
    let default = given.or(default.map(|default| cell(&default)));
    let default = default.map(|default| format!(". Default: {default}")).unwrap_or_default();
    format!("| `{}` | {text}{default} |\n", name(arg))
}

fn table<'a>(arguments: impl Iterator<Item = &'a Arg>) -> String {
    let rows: String = arguments.map(row).collect();
    format!("\n| flag | meaning |\n| --- | --- |\n{rows}\n")
}

/// The arguments of a command that are its own.
fn own(command: &Command) -> impl Iterator<Item = &Arg> {
    command.get_arguments().filter(|arg| !arg.is_global_set() && !matches!(arg.get_id().as_str(), "help" | "version"))
}

/// What stands between the marks of a table; none if there is nothing to say.
fn written(tool: &Command, mark: &str) -> Option<String> {
    if mark == "commands" {
        let rows = tool.get_subcommands().filter(|command| !command.is_hide_set()).map(|command| {
            let positional: Vec<_> = own(command).filter(|arg| arg.is_positional()).map(name).collect();
            let usage = std::iter::once(command.get_name().to_owned()).chain(positional).collect::<Vec<_>>().join(" ");
            let about = command.get_about().map(ToString::to_string).unwrap_or_default();
            format!("| `{usage}` | {} |\n", cell(&about))
        });
        return Some(format!("\n| command | what it does |\n| --- | --- |\n{}\n", rows.collect::<String>()));
    }
    if mark == "common" {
        return Some(table(tool.get_arguments().filter(|arg| arg.is_global_set())));
    }
    let command = tool.find_subcommand(mark).unwrap_or_else(|| panic!("there is no command `{mark}`"));
    own(command).next().map(|_| table(own(command)))
}

/// The page with its tables as they should be; the marks that it has go to `seen`.
fn renewed(text: &str, tool: &Command, seen: &mut BTreeSet<String>) -> String {
    let mut pieces = text.split("<!-- flags ");
    let mut renewed = pieces.next().unwrap().to_owned();
    for piece in pieces {
        let (mark, rest) = piece.split_once(" -->\n").unwrap();
        let (_, after) = rest.split_once("<!-- /flags -->").unwrap_or_else(|| panic!("the table of {mark} has no end"));
        let table = written(tool, mark).unwrap_or_else(|| panic!("`{mark}` has no flags"));
        renewed.push_str(&format!("<!-- flags {mark} -->\n{table}<!-- /flags -->{after}"));
        assert!(seen.insert(mark.to_owned()), "two tables of {mark}");
    }
    renewed
}

#[test]
fn the_tables_of_the_guide_are_the_definitions() {
    let mut cargo = Cargo::command();
    cargo.build();
    let tool = cargo.find_subcommand("sparsehls").unwrap();
    let mut seen = BTreeSet::new();
    for name in PAGES {
        let Ok(text) = fs::read_to_string(page(name)) else {
            return crate::skip::skipped("the pages of docs are not there");
        };
        let renewed = renewed(&text, tool, &mut seen);
        if std::env::var_os("SPARSEHLS_WRITE_GUIDE").is_some() {
            fs::write(page(name), &renewed).unwrap();
        } else {
            assert!(
                text == renewed,
                "docs/{name} is not what the definitions say; SPARSEHLS_WRITE_GUIDE=1 writes it anew:\n{renewed}"
            );
        }
    }
    let with_flags = tool.get_subcommands().filter(|command| !command.is_hide_set() && own(command).next().is_some());
    let mut wanted: BTreeSet<_> = with_flags.map(|command| command.get_name().to_owned()).collect();
    // clap's own command has an argument that needs no table.
    wanted.remove("help");
    wanted.extend(["commands".to_owned(), "common".to_owned()]);
    assert_eq!(seen, wanted, "every command with flags has its table");
}
