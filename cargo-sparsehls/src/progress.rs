//! How far a long run is, on a terminal: events done, how many a second, the time left.

use std::{
    fmt::Write,
    time::{Duration, Instant},
};

use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use crate::output::Output;

/// Shorter runs need no rate.
const LONG: Duration = Duration::from_secs(2);

/// A line that is drawn over until the run ends.
pub struct Progress {
    bar: ProgressBar,
    verb: &'static str,
    start: Instant,
    events: u64,
}

impl Progress {
    /// For `events` events; nothing is drawn where standard error is not a terminal.
    pub fn new(output: &Output, verb: &'static str, events: usize) -> Self {
        let target = if output.is_quiet() { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let style = ProgressStyle::with_template("{prefix:>12} {human_pos} of {human_len} events, {rate} a second, {eta} left");
        let bar = ProgressBar::with_draw_target(Some(events as u64), target);
        if let Ok(style) = style {
            bar.set_style(style.with_key("rate", |state: &ProgressState, text: &mut dyn Write| {
                let _ = write!(text, "{}", HumanCount(state.per_sec() as u64));
            }));
        }
        bar.set_prefix(verb);
        Self { bar, verb, start: Instant::now(), events: events as u64 }
    }

    /// So many more events are done.
    pub fn add(&self, events: usize) {
        self.bar.inc(events as u64);
    }

    /// Takes the line away and, after a long run, says how long it took.
    pub fn finish(self, output: &Output) {
        self.bar.finish_and_clear();
        let elapsed = self.start.elapsed();
        let text = format!("{} events in {:.1} s, {:.0} a second", self.events, elapsed.as_secs_f64(), self.rate(elapsed));
        if elapsed > LONG {
            output.status(self.verb, &text);
        } else {
            output.detail(self.verb, &text);
        }
    }

    fn rate(&self, elapsed: Duration) -> f64 {
        self.events as f64 / elapsed.as_secs_f64().max(1e-9)
    }
}
