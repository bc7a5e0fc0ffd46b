//! How a test says that it, or a part of it, does not run here: one line for each, also when all tests pass.

use std::io::Write;

/// Says why. Straight to standard error: of a test that passes, the test harness swallows what `eprintln!` prints.
pub fn skipped(why: &str) {
    let thread = std::thread::current();
    // In one piece: other tests write at the same time. Nothing is left to do if standard error is closed.
    let line = format!("skipped: {}: {why}\n", thread.name().unwrap_or("a test"));
    let _ = std::io::stderr().write_all(line.as_bytes());
}
