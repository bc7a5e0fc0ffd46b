//! Work on files that must not end halfway: a program that is asked to end waits for it, and lets none begin any more.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

/// How many are at work.
static AT_WORK: Mutex<usize> = Mutex::new(0);

/// How often it is looked whether they have ended.
const TICK: Duration = Duration::from_millis(5);

/// While there is one [`Unfinished::settle`] waits.
#[derive(Debug)]
#[must_use = "the work ends when it is dropped"]
pub struct Unfinished(());

impl Unfinished {
    /// Begins work; where the program is about to end, this never returns.
    pub fn begin() -> Self {
        *at_work() += 1;
        Self(())
    }

    /// Waits until nothing is at work, but no longer than `most`. From then on nothing begins: the program has to end.
    pub fn settle(most: Duration) {
        let start = Instant::now();
        loop {
            let count = at_work();
            if *count == 0 || start.elapsed() >= most {
                return std::mem::forget(count);
            }
            drop(count);
            thread::sleep(TICK);
        }
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        *at_work() -= 1;
    }
}

fn at_work() -> MutexGuard<'static, usize> {
    AT_WORK.lock().unwrap_or_else(PoisonError::into_inner)
}
