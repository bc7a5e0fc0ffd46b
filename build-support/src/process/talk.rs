//! A program that is talked to through its standard streams, and ended if an answer takes too long or the user wants to stop.

use std::{
    io::{self, Read, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use super::{Cancel, Group, TICK, own_group};

/// How long a program may take to end when there is nothing more to read for it.
const END: Duration = Duration::from_secs(2);

/// Why a program was ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// An answer took too long.
    TimedOut,
    /// The user wants to stop.
    Cancelled,
}

/// A running program, and the thread that looks after it.
#[derive(Debug)]
pub struct Talk {
    stdin: Option<ChildStdin>,
    stdout: Option<ChildStdout>,
    timeout: Duration,
    watched: Arc<Watched>,
}

#[derive(Debug)]
struct Watched {
    child: Mutex<Child>,
    group: Group,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Until when there has to be an answer.
    until: Option<Instant>,
    ended: Option<Ended>,
    over: bool,
}

impl Talk {
    /// Starts a program, whose answers may take `timeout` each.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start(mut command: Command, timeout: Duration, cancel: &Cancel) -> io::Result<Self> {
        let own = cancel.is_by_signals();
        if own {
            own_group(&mut command)?;
        }
        let mut child = spawn(command.stdin(Stdio::piped()).stdout(Stdio::piped()))?;
        let (stdin, stdout, group) = (child.stdin.take(), child.stdout.take(), Group::of(Some(child.id()), own));
        let watched = Watched { child: Mutex::new(child), group, state: Mutex::default(), changed: Condvar::new() };
        let talk = Self { stdin, stdout, timeout, watched: Arc::new(watched) };
        let (watched, cancel) = (Arc::clone(&talk.watched), cancel.clone());
        thread::spawn(move || watched.look_after(&cancel));
        Ok(talk)
    }

    /// Says `question` and reads an answer of this length.
    ///
    /// # Errors
    /// If the program has ended, or was ended.
    pub fn exchange(&mut self, question: &[u8], answer: &mut [u8]) -> io::Result<()> {
        let (Some(stdin), Some(stdout)) = (&mut self.stdin, &mut self.stdout) else {
            return Err(io::Error::other("it has ended before"));
        };
        self.watched.state().until = Some(Instant::now() + self.timeout);
        let result = stdin.write_all(question).and_then(|()| stdout.read_exact(answer));
        self.watched.state().until = None;
        result
    }

    /// Why it was ended, if it was.
    pub fn ended(&self) -> Option<Ended> {
        self.watched.state().ended
    }

    /// How it ended by itself: that says more than the pipe that broke.
    pub fn why(&mut self, error: &io::Error) -> String {
        drop(self.stdin.take());
        match self.watched.wait() {
            Some(status) => format!("it ended with {status}"),
            None => error.to_string(),
        }
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        // It ends when there is no more input.
        drop(self.stdin.take());
        self.watched.wait();
        self.watched.state().over = true;
        self.watched.changed.notify_all();
    }
}

impl Watched {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn child(&self) -> MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the program if that has to be; ends itself with the program.
    fn look_after(&self, cancel: &Cancel) {
        let mut state = self.state();
        while !state.over {
            let late = state.until.is_some_and(|until| Instant::now() >= until);
            if late || cancel.is_asked() {
                state.ended = Some(if late { Ended::TimedOut } else { Ended::Cancelled });
                drop(state);
                return self.group.end(&mut *self.child());
            }
            state = self.changed.wait_timeout(state, TICK).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits for the end of a program that has nothing more to read. If it does not come the program is ended.
    fn wait(&self) -> Option<std::process::ExitStatus> {
        let start = Instant::now();
        loop {
            let mut child = self.child();
            if let Ok(Some(status)) = child.try_wait() {
                return Some(status);
            }
            if start.elapsed() >= END {
                self.group.end(&mut *child);
                return child.wait().ok();
            }
            drop(child);
            thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Starts a program that may just have been written: a thread that forked in between holds the file for an instant more, and the
/// system runs no program that is open for writing.
fn spawn(command: &mut Command) -> io::Result<Child> {
    let start = Instant::now();
    loop {
        match command.spawn() {
            Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy && start.elapsed() < Duration::from_secs(5) => {
                thread::sleep(Duration::from_millis(1));
            }
            other => return other,
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn talk(script: &str, cancel: &Cancel) -> Talk {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        Talk::start(command, Duration::from_millis(500), cancel).unwrap()
    }

    fn ask(talk: &mut Talk, question: &str) -> io::Result<String> {
        let mut answer = [0; 4];
        talk.exchange(question.as_bytes(), &mut answer).map(|()| String::from_utf8_lossy(&answer).into_owned())
    }

    #[test]
    fn a_conversation_goes_on_until_the_program_ends_or_is_ended() {
        for cancel in [Cancel::default(), Cancel::by_signals()] {
            let mut cat = talk("exec cat", &cancel);
            assert_eq!(ask(&mut cat, "once").unwrap(), "once");
            assert_eq!(ask(&mut cat, "more").unwrap(), "more");
            assert_eq!(cat.ended(), None);

            let mut short = talk("head -c 4; exit 7", &cancel);
            assert_eq!(ask(&mut short, "once").unwrap(), "once");
            let error = ask(&mut short, "more").unwrap_err();
            assert!(short.why(&error).contains('7'));

            let start = Instant::now();
            let mut silent = talk("exec sleep 1000", &cancel);
            assert!(ask(&mut silent, "once").is_err());
            assert_eq!(silent.ended(), Some(Ended::TimedOut));
            drop(silent);
            drop(talk("exec sleep 1000", &cancel));
            assert!(start.elapsed() < Duration::from_secs(6));

            cancel.flag().store(true, std::sync::atomic::Ordering::Relaxed);
            let mut silent = talk("exec sleep 1000", &cancel);
            assert!(ask(&mut silent, "once").is_err());
            assert_eq!(silent.ended(), Some(Ended::Cancelled));
        }
    }
}
