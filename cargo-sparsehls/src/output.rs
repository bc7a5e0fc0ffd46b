//! What is printed: text for people, or one JSON object a line for programs.
//!
//! With `--message-format json` standard output holds JSON only and text goes to standard error.

use std::{
    io::{IsTerminal, Write},
    time::Duration,
};

use serde::Serialize;
use serde_json::{Value, json};
use sparsehls_build::{Error, Exit};

use crate::args::{Color, Common, MessageFormat};

/// Where messages go.
pub struct Output {
    json: bool,
    quiet: bool,
    verbose: bool,
    color: bool,
}

const BOLD_GREEN: &str = "1;32";
const BOLD_RED: &str = "1;31";
const BOLD_YELLOW: &str = "1;33";

impl Output {
    /// As the flags say.
    pub fn new(common: &Common) -> Self {
        let json = common.message_format == MessageFormat::Json;
        let terminal = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Self {
            json,
            quiet: common.quiet,
            verbose: common.verbose,
            color: match common.color {
                Color::Auto => terminal,
                Color::Always => true,
                Color::Never => false,
            },
        }
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.color { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// Whether `-v` was given.
    pub fn is_verbose(&self) -> bool {
        self.verbose
    }

    /// Whether only errors are printed.
    pub fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Text that must not be overlooked.
    pub fn alarm(&self, text: &str) -> String {
        self.paint(BOLD_RED, text)
    }

    /// A line of progress in cargo's manner, on standard error.
    pub fn status(&self, verb: &str, text: &str) {
        self.line(BOLD_GREEN, verb, text);
    }

    /// A line of progress that only `-v` shows.
    pub fn detail(&self, verb: &str, text: &str) {
        if self.verbose {
            self.line(BOLD_GREEN, verb, text);
        }
    }

    /// Something to know about that is no error.
    pub fn note(&self, text: &str) {
        self.line(BOLD_YELLOW, "Note", text);
    }

    fn line(&self, color: &str, verb: &str, text: &str) {
        if !self.quiet {
            // Nothing is left to do if standard error is closed.
            let _ = writeln!(std::io::stderr(), "{} {text}", self.paint(color, &format!("{verb:>12}")));
        }
    }

    /// A result: text on standard output, or on standard error when that holds JSON.
    pub fn text(&self, text: &str) {
        let _ = match (self.json, self.quiet) {
            (_, true) => Ok(()),
            (true, _) => writeln!(std::io::stderr(), "{text}"),
            (false, _) => writeln!(std::io::stdout(), "{text}"),
        };
    }

    /// A JSON line of kind `reason` for `model`; `data` is an object.
    pub fn json(&self, reason: &str, model: Option<&str>, data: impl Serialize) {
        if !self.json {
            return;
        }
        let mut line = json!({ "reason": reason });
        if let (Some(object), Some(model)) = (line.as_object_mut(), model) {
            object.insert("model".into(), model.into());
        }
        if let (Some(object), Ok(Value::Object(data))) = (line.as_object_mut(), serde_json::to_value(data)) {
            object.extend(data);
        }
        let _ = writeln!(std::io::stdout(), "{line}");
    }

    /// An error, in both forms.
    pub fn error(&self, error: &Error) {
        self.json(
            "error",
            None,
            json!({
                "code": error.code().name(),
                "message": error.message(),
                "help": error.help_text(),
                "file": error.file_path().map(|path| path.display().to_string()),
                "key": error.key_path(),
                "layer": error.layer_name(),
            }),
        );
        let _ = writeln!(std::io::stderr(), "{}: {error}", self.paint(BOLD_RED, "error"));
    }

    /// The last line.
    pub fn finished(&self, exit: Exit, elapsed: Duration) {
        let seconds = (elapsed.as_secs_f64() * 1000.0).round() / 1000.0;
        self.json("finished", None, json!({ "success": exit == Exit::Done, "seconds": seconds }));
        if exit == Exit::Done {
            self.status("Finished", &format!("in {seconds:.2} s"));
        }
    }
}
