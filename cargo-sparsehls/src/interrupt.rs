//! Ctrl-C, and the signals with which CI ends a job: while a tool runs or a file is written they end that in order, at any
//! other time they end the command at once.

use std::{
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use signal_hook::{consts, flag};
use sparsehls_build::{Code, Error, Exit, Result, toolchain::Cancel};

#[cfg(unix)]
const SIGNALS: [i32; 3] = [consts::SIGINT, consts::SIGTERM, consts::SIGHUP];
#[cfg(not(unix))]
const SIGNALS: [i32; 2] = [consts::SIGINT, consts::SIGTERM];

/// What signals do.
pub struct Interrupt {
    cancel: Cancel,
    idle: Arc<AtomicBool>,
    running: Mutex<usize>,
}

impl Interrupt {
    /// Takes over the signals for the rest of the command, except those that the caller has set to be ignored: `nohup`
    /// does so with the one of a logout, which then must not end hours of work.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn install() -> Result<Self> {
        Self::register().map_err(|error| Error::new(Code::Io, format!("signals cannot be handled: {error}")))
    }

    fn register() -> io::Result<Self> {
        let (cancel, idle) = (Cancel::by_signals(), Arc::new(AtomicBool::new(true)));
        let ignored = ignored();
        for signal in SIGNALS.into_iter().filter(|signal| ignored >> (signal - 1) & 1 == 0) {
            flag::register_conditional_shutdown(signal, Exit::Interrupted as i32, Arc::clone(&idle))?;
            flag::register(signal, cancel.flag())?;
        }
        Ok(Self { cancel, idle, running: Mutex::new(0) })
    }

    /// Whether the user wants to stop.
    pub fn is_asked(&self) -> bool {
        self.cancel.is_asked()
    }

    /// Runs `work`, which ends soon after the flag it is given is set.
    pub fn guard<T>(&self, work: impl FnOnce(&Cancel) -> T) -> T {
        self.count(|running| *running += 1);
        let result = work(&self.cancel);
        self.count(|running| *running -= 1);
        result
    }

    fn count(&self, change: impl FnOnce(&mut usize)) {
        let mut running = self.running.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        change(&mut running);
        // Once someone asked, the other models end in order too.
        self.idle.store(*running == 0 && !self.is_asked(), Ordering::SeqCst);
    }
}

/// The signals that are ignored now: bit 0 stands for signal 1.
#[cfg(target_os = "linux")]
fn ignored() -> u64 {
    // The file begins with the program's name, which may be anything.
    let status = std::fs::read("/proc/self/status").unwrap_or_default();
    ignored_in(&String::from_utf8_lossy(&status))
}

/// Elsewhere nobody says it without unsafe code.
#[cfg(not(target_os = "linux"))]
fn ignored() -> u64 {
    0
}

/// The mask of ignored signals in a `/proc/PID/status`; none if it is not there.
#[cfg(target_os = "linux")]
fn ignored_in(status: &str) -> u64 {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn ignored_signals_are_read_from_the_status() {
        let status = "Name:\tcargo\nSigBlk:\tffffffffffffffff\nSigIgn:\t0000000000001003\nSigCgt:\t00000001800004e8\n";
        let ignored = ignored_in(status);
        assert_eq!(SIGNALS.map(|signal| ignored >> (signal - 1) & 1), [1, 0, 1], "INT and HUP, not TERM");
        assert_eq!((ignored_in("SigIgn:\tnothing"), ignored_in("")), (0, 0));
        // Rust programs ignore SIGPIPE.
        assert_ne!(super::ignored() & 1 << 12, 0);
    }
}
