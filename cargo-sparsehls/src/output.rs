//! What is printed: text for people, or one JSON object a line for programs.
//!
//! With `--message-format json` standard output holds JSON only and text goes to standard error.

use std::{
    cell::RefCell,
    io::{Stderr, Write},
    time::Duration,
};

use anstream::{AutoStream, ColorChoice, stream::RawStream};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use sparsehls_build::{Error, Exit, Note, terminal};

use crate::{
    args::{Color, Common, MessageFormat},
    message::{Finished, Message},
};

/// Where messages go.
pub struct Output {
    json: bool,
    quiet: bool,
    verbose: bool,
    /// Whether standard error and standard output are coloured: one may be a file, and the other a terminal.
    stderr: ColorChoice,
    stdout: ColorChoice,
    /// Lines that are drawn anew while tools run; nothing is drawn unless standard error is a terminal.
    live: MultiProgress,
}

const GOOD: &str = "\x1b[1;32m";
const BAD: &str = "\x1b[1;31m";
const NOTE: &str = "\x1b[1;33m";
const PLAIN: &str = "\x1b[0m";
/// What stands for [`BAD`] and [`PLAIN`] in a text until it is printed. They are no characters, and a name has none of them.
const ALARM: [char; 2] = ['\u{fdd0}', '\u{fdd1}'];

impl Output {
    /// As the flags say.
    pub fn new(common: &Common) -> Self {
        Self {
            json: common.message_format == MessageFormat::Json,
            quiet: common.is_quiet(),
            verbose: common.is_verbose(),
            stderr: choice(&std::io::stderr(), common.color()),
            stdout: choice(&std::io::stdout(), common.color()),
            live: if common.is_quiet() {
                MultiProgress::with_draw_target(ProgressDrawTarget::hidden())
            } else {
                MultiProgress::new()
            },
        }
    }

    /// Standard error, which drops colours that are not wanted.
    fn stderr(&self) -> AutoStream<Stderr> {
        AutoStream::new(std::io::stderr(), self.stderr)
    }

    /// Whether `-v` was given.
    pub fn is_verbose(&self) -> bool {
        self.verbose
    }

    /// Whether only errors are printed.
    pub fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// A line of progress in cargo's manner, on standard error.
    pub fn status(&self, verb: &str, text: &str) {
        self.line(GOOD, verb, text);
    }

    /// A line of progress that only `-v` shows.
    pub fn detail(&self, verb: &str, text: &str) {
        if self.verbose {
            self.line(GOOD, verb, text);
        }
    }

    /// Something to know about that is no error.
    pub fn note(&self, name: Note, text: &str) {
        self.named(NOTE, "Note", text, Some(name));
    }

    /// Something that was left out.
    pub fn skipped(&self, text: &str) {
        self.named(GOOD, "Skipped", text, Some(Note::StepSkipped));
    }

    fn line(&self, style: &str, verb: &str, text: &str) {
        self.named(style, verb, text, None);
    }

    /// A line, with the name that `explain` takes behind it.
    fn named(&self, style: &str, verb: &str, text: &str, name: Option<Note>) {
        if !self.quiet {
            // Nothing is left to do if standard error is closed.
            let (text, name) = (terminal::brief(text), name.map(|name| format!(" {name}")).unwrap_or_default());
            let _ = self.live.suspend(|| writeln!(self.stderr(), "{style}{verb:>12}{PLAIN} {text}{name}"));
        }
    }

    /// A status line for something that takes long.
    pub fn live(&self, name: &str) -> Live<'_> {
        let bar = (!self.live.is_hidden()).then(|| self.live.add(ProgressBar::no_length()));
        if let Some(bar) = &bar {
            bar.set_style(
                ProgressStyle::default_spinner().template("{msg}").unwrap_or_else(|_| ProgressStyle::default_spinner()),
            );
        }
        Live { output: self, name: name.to_owned(), bar, phase: RefCell::default() }
    }

    /// A result: text on standard output, or on standard error when that holds JSON.
    pub fn text(&self, text: &str) {
        let text = shown(text);
        let _ = self.live.suspend(|| match (self.json, self.quiet) {
            (_, true) => Ok(()),
            (true, _) => writeln!(self.stderr(), "{text}"),
            (false, _) => writeln!(AutoStream::new(std::io::stdout(), self.stdout), "{text}"),
        });
    }

    /// A line for programs.
    pub fn json(&self, message: &Message) {
        if self.json {
            let line = message.line();
            let _ = self.live.suspend(|| writeln!(std::io::stdout(), "{line}"));
        }
    }

    /// An error, in both forms.
    pub fn error(&self, error: &Error) {
        self.json(&Message::Error(error.into()));
        let _ = self.live.suspend(|| writeln!(self.stderr(), "{BAD}error{PLAIN}: {error}"));
    }

    /// The last line.
    pub fn finished(&self, exit: Exit, elapsed: Duration) {
        let seconds = (elapsed.as_secs_f64() * 1000.0).round() / 1000.0;
        self.json(&Message::Finished(Finished { success: exit == Exit::Done, seconds }));
        if exit == Exit::Done {
            self.status("Finished", &format!("in {seconds:.2} s"));
        }
    }
}

/// What the flag says, or else the stream and the environment: a terminal, `NO_COLOR`, `CLICOLOR`, `CLICOLOR_FORCE`.
fn choice(stream: &impl RawStream, color: Color) -> ColorChoice {
    match color {
        Color::Auto => AutoStream::choice(stream),
        Color::Always => ColorChoice::Always,
        Color::Never => ColorChoice::Never,
    }
}

/// `text` in lines of 80 columns, which begin with `indent` blanks from the second on. A longer word stays whole.
pub fn wrapped(text: &str, indent: usize) -> String {
    let (mut lines, mut column) = (String::new(), 0);
    let (blanks, words) = text.split_at(text.len() - text.trim_start().len());
    // What stands in `` is one word: it is there to be copied.
    let mut quoted = false;
    let is_end = |c: char| {
        quoted ^= c == '`';
        c == ' ' && !quoted
    };
    for word in words.split(is_end) {
        let width = terminal::width(word);
        if column == 0 {
            lines += blanks;
            column = blanks.len() + width;
        } else if column + 1 + width > COLUMNS {
            lines += &format!("\n{:indent$}", "");
            column = indent + width;
        } else {
            lines.push(' ');
            column += 1 + width;
        }
        lines += word;
    }
    lines
}

/// Columns that every terminal has.
pub const COLUMNS: usize = 80;

/// Words in a result that must not be overlooked.
pub fn alarm(text: &str) -> String {
    let [begin, end] = ALARM;
    format!("{begin}{text}{end}")
}

/// A result as a terminal may get it: all that is ours is the colour of an alarm.
fn shown(text: &str) -> String {
    let [begin, end] = ALARM;
    let alarms = text.split(begin).enumerate().map(|(at, part)| {
        let style = if at > 0 { BAD } else { "" };
        format!("{style}{}", part.split(end).map(terminal::printable).collect::<Vec<_>>().join(PLAIN))
    });
    alarms.collect()
}

/// What goes on with one model: on a terminal a line that is drawn anew, elsewhere a line for each phase.
pub struct Live<'a> {
    output: &'a Output,
    name: String,
    bar: Option<ProgressBar>,
    phase: RefCell<String>,
}

impl Live<'_> {
    /// Shows the phase and how long it all has taken.
    pub fn show(&self, phase: &str, elapsed: Duration) {
        let new = *self.phase.borrow() != phase;
        if new {
            phase.clone_into(&mut self.phase.borrow_mut());
        }
        match &self.bar {
            Some(bar) => {
                let (style, plain) = if self.output.stderr == ColorChoice::Never { ("", "") } else { (GOOD, PLAIN) };
                bar.set_message(format!("{style}     Running{plain} {}: {phase}, {}", self.name, clock(elapsed)));
                bar.tick();
            }
            None if new => self.output.status("Running", &format!("{}: {phase}", self.name)),
            None => {}
        }
    }
}

impl Drop for Live<'_> {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// `1:02:03` or `2:03`.
pub fn clock(elapsed: Duration) -> String {
    let seconds = elapsed.as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_alarms_have_a_colour() {
        let text = format!("a\u{1b}[31m: {}, {}\n", alarm("first difference"), alarm("b\u{7}"));
        assert_eq!(shown(&text), format!("a\\u{{1b}}[31m: {BAD}first difference{PLAIN}, {BAD}b\\u{{7}}{PLAIN}\n"));
    }

    #[test]
    fn lines_are_wrapped_between_words() {
        let text = format!("{:4} {}", "", "four ".repeat(20).trim_end());
        let shown = wrapped(&text, 6);
        assert_eq!(shown.split_whitespace().collect::<Vec<_>>(), text.split_whitespace().collect::<Vec<_>>());
        let lines: Vec<_> = shown.lines().collect();
        assert_eq!((lines.len(), lines[0].len(), lines[1].len()), (2, 79, 30), "{shown}");
        assert!(lines[0].starts_with("     four") && lines[1].starts_with("      four"));
        let long = "x".repeat(100);
        assert_eq!(wrapped(&format!("a {long} b"), 2), format!("a\n  {long}\n  b"));
        assert_eq!(wrapped(&format!("{} `a b`", "x".repeat(75)), 2), format!("{}\n  `a b`", "x".repeat(75)));
    }

    #[test]
    fn elapsed_time_reads_like_a_clock() {
        for (seconds, text) in [(0, "0:00"), (61, "1:01"), (3599, "59:59"), (3600, "1:00:00"), (360_061, "100:01:01")] {
            assert_eq!(clock(Duration::from_secs(seconds)), text);
        }
    }
}
