//! Ctrl-C, and the signals with which CI ends a job: while a tool runs they end the tool in order, at any other time they
//! end the command at once.

use std::{
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use signal_hook::{consts, flag};
use sparsehls_build::{Exit, toolchain::Cancel};

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
    /// Takes over the signals for the rest of the command.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn install() -> io::Result<Self> {
        let (cancel, idle) = (Cancel::default(), Arc::new(AtomicBool::new(true)));
        for signal in SIGNALS {
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
