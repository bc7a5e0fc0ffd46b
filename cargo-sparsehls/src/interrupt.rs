//! Ctrl-C, and the signals with which CI ends a job: while a tool runs or predictions are written they end that in order, at any
//! other time they end the command as soon as no file is half written. A sentence says so in any case.

use std::{
    io, process,
    sync::{Mutex, MutexGuard, OnceLock, PoisonError, mpsc},
    thread,
    time::Duration,
};

use signal_hook::{consts, flag};
use sparsehls_build::{Code, Error, Exit, Result, files::Unfinished, toolchain::Cancel};

use crate::{args::Common, output::Output};

#[cfg(unix)]
const SIGNALS: [i32; 3] = [consts::SIGINT, consts::SIGTERM, consts::SIGHUP];
#[cfg(not(unix))]
const SIGNALS: [i32; 2] = [consts::SIGINT, consts::SIGTERM];

/// How often it is looked whether a signal came.
const TICK: Duration = Duration::from_millis(20);
/// How long a file may take that is being written when one comes, and who reads what is said of it.
const GRACE: Duration = Duration::from_secs(5);

/// What signals do.
pub struct Interrupt {
    cancel: Cancel,
    state: Mutex<State>,
}

/// What is at work that ends in order.
#[derive(Default)]
struct State {
    running: usize,
    /// Whether it was asked to end.
    is_ending: bool,
}

static INTERRUPT: OnceLock<Interrupt> = OnceLock::new();

impl Interrupt {
    /// Takes over the signals for the rest of the command, except those that the caller has set to be ignored: `nohup`
    /// does so with the one of a logout, which then must not end hours of work. `common` says how to speak of them.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn install(common: &Common) -> Result<()> {
        let failed = |error: io::Error| Error::new(Code::Io, format!("signals cannot be handled: {error}"));
        let interrupt = INTERRUPT.get_or_init(|| Self { cancel: Cancel::by_signals(), state: Mutex::default() });
        let ignored = ignored();
        for signal in SIGNALS.into_iter().filter(|signal| ignored >> (signal - 1) & 1 == 0) {
            flag::register(signal, interrupt.cancel.flag()).map_err(failed)?;
        }
        let output = Output::new(common);
        thread::Builder::new().name("signals".into()).spawn(move || interrupt.watch(output)).map(drop).map_err(failed)
    }

    /// What was installed.
    ///
    /// # Errors
    /// [`Code::Internal`] before that.
    pub fn installed() -> Result<&'static Self> {
        INTERRUPT.get().ok_or_else(|| Error::internal("signals are not handled yet"))
    }

    /// Whether the user wants to stop.
    pub fn is_asked(&self) -> bool {
        self.cancel.is_asked()
    }

    /// Runs `work`, which ends soon after the flag it is given is set.
    pub fn guard<T>(&self, work: impl FnOnce(&Cancel) -> T) -> T {
        self.state().running += 1;
        let result = work(&self.cancel);
        let mut state = self.state();
        state.running -= 1;
        // Whoever was asked says so, and the other models end in order too.
        state.is_ending |= self.is_asked();
        result
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the command after a signal if nothing is at work that will do so.
    fn watch(&self, output: Output) {
        while !self.is_asked() {
            thread::sleep(TICK);
        }
        let state = self.state();
        if state.running > 0 || state.is_ending {
            return;
        }
        // Nothing begins any more.
        Unfinished::settle(GRACE);
        let (said, all) = mpsc::channel();
        // Standard output may be a pipe that is full, and then nobody hears of it.
        thread::spawn(move || {
            let message = "the command was interrupted; no file is left half written";
            output.error(&Error::new(Code::Interrupted, message).help("run the same command again"));
            let _ = said.send(());
        });
        let _ = all.recv_timeout(GRACE);
        process::exit(Exit::Interrupted as i32);
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
