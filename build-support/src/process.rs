//! Processes that end: by themselves, or because they take too long or the user wants to stop, and then with everything that
//! they started if the caller handles signals. [`Process`] has its output in a file, which is watched; `ask` gives what
//! a short one says, and `Talk` is a conversation.

mod ask;
mod talk;

pub(crate) use self::{
    ask::{Answer, Question},
    talk::{Ended, Talk},
};
use std::{
    ffi::OsString,
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::Path,
    process::{Child, ExitStatus},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

/// How often a process is looked at.
const TICK: Duration = Duration::from_millis(100);
/// How long a process may take to end itself before it is killed. Less than what CI gives us before it kills us.
const GRACE: Duration = Duration::from_secs(5);

/// A request that running tools end. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Cancel {
    flag: Arc<AtomicBool>,
    by_signals: bool,
}

impl Cancel {
    /// For a program whose signal handlers set [`Self::flag`]. Only its tools get a process group of their own: from that
    /// of the terminal Ctrl-C ends a tool together with a program that handles no signals, as a build script.
    pub fn by_signals() -> Self {
        Self { by_signals: true, ..Self::default() }
    }

    /// The flag itself, for a signal handler.
    pub fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.flag)
    }

    /// Whether the request was made.
    pub fn is_asked(&self) -> bool {
        self.flag.load(Ordering::Relaxed)
    }

    /// Whether signal handlers make the request.
    pub(crate) fn is_by_signals(&self) -> bool {
        self.by_signals
    }
}

/// What to run.
pub struct Process<'a> {
    /// Program and arguments.
    pub command: &'a [OsString],
    /// The folder to run it in.
    pub directory: &'a Path,
    /// The file that gets all output.
    pub log: &'a Path,
    /// How long at most.
    pub timeout: Option<Duration>,
    /// Its standard input; nothing by default.
    pub stdin: Option<File>,
    /// Whether it gets a process group of its own, which is ended as a whole. Signals of the terminal do not reach it
    /// there, so the caller must handle them.
    pub own_group: bool,
}

/// How it came to its end.
#[derive(Debug, Clone, Copy)]
pub enum Outcome {
    /// By itself.
    Exited(ExitStatus),
    /// It took longer than this and was ended.
    TimedOut(Duration),
    /// It was asked to end.
    Cancelled,
}

impl Process<'_> {
    /// Runs the process to its end. `watch` gets each new line of the log (an empty one when there is none) and the
    /// elapsed time.
    ///
    /// # Errors
    /// If it cannot be started.
    pub(crate) fn run(self, cancel: &Cancel, watch: &mut dyn FnMut(&str, Duration)) -> io::Result<Outcome> {
        let log = File::create(self.log)?;
        let (program, arguments) = self.command.split_first().ok_or(io::ErrorKind::InvalidInput)?;
        let expression = duct::cmd(program, arguments).dir(self.directory).stderr_to_stdout().stdout_file(log);
        let expression = match self.stdin {
            Some(file) => expression.stdin_file(file),
            None => expression.stdin_null(),
        };
        let expression = expression.unchecked();
        let handle = if self.own_group { expression.before_spawn(own_group).start()? } else { expression.start()? };
        drop(expression);
        let group = Group::of(handle.pids().first().copied(), self.own_group);
        let (start, mut tail) = (Instant::now(), Tail::new(self.log)?);
        watch("", start.elapsed());
        loop {
            let status = handle.wait_timeout(TICK)?.map(|output| output.status);
            // Once it has ended everything is read.
            tail.lines(if status.is_some() { BEHIND } else { AT_ONCE }, &mut |line| watch(line, start.elapsed()));
            watch("", start.elapsed());
            if let Some(status) = status {
                if !status.success() {
                    // What a crash leaves running would go on writing into the project.
                    group.end(&mut &handle);
                }
                return Ok(if cancel.is_asked() { Outcome::Cancelled } else { Outcome::Exited(status) });
            }
            let late = self.timeout.filter(|timeout| start.elapsed() >= *timeout);
            if late.is_some() || cancel.is_asked() {
                group.end(&mut &handle);
                tail.lines(BEHIND, &mut |line| watch(line, start.elapsed()));
                return Ok(late.map_or(Outcome::Cancelled, Outcome::TimedOut));
            }
        }
    }
}

/// What is read of a log between two looks at the time and at Ctrl-C: a tool may write faster than we read.
const AT_ONCE: u64 = 1 << 20;
/// How far we may be behind; what is older is not looked at any more.
const BEHIND: u64 = 4 << 20;
/// What is still looked at after falling behind, and of a line.
const LATEST: u64 = 1 << 16;

/// New lines of a growing file.
struct Tail {
    file: File,
    position: u64,
    rest: Vec<u8>,
    /// Whether the line at `position` has lost its beginning.
    cut: bool,
}

impl Tail {
    fn new(path: &Path) -> io::Result<Self> {
        Ok(Self { file: File::open(path)?, position: 0, rest: Vec::new(), cut: false })
    }

    /// Gives the complete lines among the next `most` bytes that were added. What cannot be read now is read the next
    /// time.
    fn lines(&mut self, most: u64, give: &mut dyn FnMut(&str)) {
        self.catch_up();
        let end = self.position + most;
        let mut buffer = [0; LATEST as usize];
        while self.position < end
            && let Ok(count @ 1..) = self.file.read(&mut buffer)
        {
            self.position += count as u64;
            for part in buffer[..count].split_inclusive(|byte| *byte == b'\n') {
                self.rest.extend(part);
                if part.ends_with(b"\n") {
                    if !std::mem::take(&mut self.cut) {
                        give(String::from_utf8_lossy(&self.rest).trim_end());
                    }
                    self.rest.clear();
                }
            }
            // A progress bar that never ends its line is no line.
            self.rest.truncate(LATEST as usize);
        }
    }

    /// Goes to where reading goes on: behind what was read, or near the end if too much has been added since.
    fn catch_up(&mut self) {
        let length = self.file.metadata().map_or(0, |metadata| metadata.len());
        if length.saturating_sub(self.position) > BEHIND {
            self.position = length - LATEST;
            self.rest.clear();
            self.cut = true;
        }
        let _ = self.file.seek(SeekFrom::Start(self.position));
    }
}

/// A group of its own: a signal to it reaches the tool and everything it started, and Ctrl-C in the terminal reaches only
/// us, who then end the group in order.
#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "duct wants a result")]
fn own_group(command: &mut std::process::Command) -> io::Result<()> {
    std::os::unix::process::CommandExt::process_group(command, 0);
    Ok(())
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "duct wants a result")]
fn own_group(_: &mut std::process::Command) -> io::Result<()> {
    Ok(())
}

/// A process that has been started and not yet been waited for.
trait Leader {
    /// Whether it runs.
    fn runs(&mut self) -> bool;

    /// Kills it.
    fn kill(&mut self);
}

impl Leader for &duct::Handle {
    fn runs(&mut self) -> bool {
        self.try_wait().is_ok_and(|output| output.is_none())
    }

    fn kill(&mut self) {
        let _ = duct::Handle::kill(self);
    }
}

impl Leader for Child {
    fn runs(&mut self) -> bool {
        self.try_wait().is_ok_and(|status| status.is_none())
    }

    fn kill(&mut self) {
        let _ = Self::kill(self);
    }
}

/// A process, and the group that it leads if it has one of its own.
#[cfg(unix)]
#[derive(Debug, Clone, Copy)]
struct Group {
    leader: Option<rustix::process::Pid>,
    own: bool,
}

#[cfg(unix)]
impl Group {
    fn of(pid: Option<u32>, own: bool) -> Self {
        Self { leader: pid.and_then(|pid| i32::try_from(pid).ok()).and_then(rustix::process::Pid::from_raw), own }
    }

    /// Asks the group to end, and kills what does not. In the caller's group that is the process alone.
    fn end(self, process: &mut impl Leader) {
        use rustix::process::Signal;
        // The id of a process that has been waited for may be another's by now; that of a group with members is not.
        if !self.own && !process.runs() {
            return;
        }
        self.signal(Signal::TERM);
        let (start, mut killed) = (Instant::now(), false);
        // The leader counts as a member until it has been waited for.
        while process.runs() || self.has_members() {
            if !killed && start.elapsed() >= GRACE {
                if self.own {
                    self.signal(Signal::KILL);
                }
                // The leader by itself, should it have left its group.
                process.kill();
                killed = true;
            }
            // A member that outlives SIGKILL is a zombie: in a container without an init nobody waits for orphans.
            if start.elapsed() >= GRACE + Duration::from_secs(1) {
                return;
            }
            std::thread::sleep(TICK / 5);
        }
    }

    fn signal(self, signal: rustix::process::Signal) {
        use rustix::process::{kill_process, kill_process_group};
        let send = if self.own { kill_process_group } else { kill_process };
        let _ = self.leader.map(|leader| send(leader, signal));
    }

    fn has_members(self) -> bool {
        self.own && self.leader.is_some_and(|leader| rustix::process::test_kill_process_group(leader).is_ok())
    }
}

/// Elsewhere only the process itself is ended.
#[cfg(not(unix))]
#[derive(Debug, Clone, Copy)]
struct Group;

#[cfg(not(unix))]
impl Group {
    fn of(_: Option<u32>, _: bool) -> Self {
        Self
    }

    fn end(self, process: &mut impl Leader) {
        process.kill();
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn shell(script: &str, timeout: Option<Duration>, cancel: &Cancel) -> (Outcome, Vec<String>, tempfile::TempDir) {
        shell_in(true, script, timeout, cancel)
    }

    fn shell_in(
        own_group: bool,
        script: &str,
        timeout: Option<Duration>,
        cancel: &Cancel,
    ) -> (Outcome, Vec<String>, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let command: Vec<OsString> = ["sh", "-c", script].map(Into::into).into();
        let mut lines = Vec::new();
        let log = folder.path().join("log");
        let process = Process { command: &command, directory: folder.path(), log: &log, timeout, stdin: None, own_group };
        let ended = process
            .run(cancel, &mut |line, _| {
                if line == "stop" {
                    cancel.flag.store(true, Ordering::Relaxed);
                }
                lines.extend((!line.is_empty()).then(|| line.to_owned()));
            })
            .unwrap();
        (ended, lines, folder)
    }

    /// Whether the process whose id stands in `file` has gone; a zombie that nobody waits for has.
    fn has_gone(folder: &Path, file: &str) -> bool {
        let pid = std::fs::read_to_string(folder.join(file)).unwrap();
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
        stat.is_empty() || stat.contains(") Z ")
    }

    #[test]
    fn both_streams_are_watched_line_by_line() {
        let (ended, lines, folder) = shell("echo one; echo two >&2; printf three", None, &Cancel::default());
        assert!(matches!(ended, Outcome::Exited(status) if status.success()));
        assert_eq!(lines, ["one", "two"], "a line is complete or none");
        assert_eq!(std::fs::read_to_string(folder.path().join("log")).unwrap(), "one\ntwo\nthree");
    }

    #[test]
    fn what_never_stops_writing_is_ended_too() {
        // The limit is there for the disk of whoever breaks this.
        let flood = "ulimit -f 2000000; exec yes";
        let (ended, lines, _folder) = shell(flood, Some(Duration::from_millis(200)), &Cancel::default());
        assert!(matches!(ended, Outcome::TimedOut(_)), "{ended:?}");
        assert!(lines.iter().all(|line| line == "y"), "lines are whole");
        let cancel = Cancel::default();
        let ended = std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(200));
                cancel.flag.store(true, Ordering::Relaxed);
            });
            shell(flood, None, &cancel).0
        });
        assert!(matches!(ended, Outcome::Cancelled), "{ended:?}");
    }

    #[test]
    fn who_falls_behind_goes_on_with_the_latest_whole_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        std::fs::write(&path, "begun").unwrap();
        let mut tail = Tail::new(&path).unwrap();
        let lines = |tail: &mut Tail, most| {
            let mut lines = Vec::new();
            tail.lines(most, &mut |line| lines.push(line.to_owned()));
            lines
        };
        assert!(lines(&mut tail, AT_ONCE).is_empty());
        let long: String = (0..600_000).map(|number| format!("{number:07}\n")).collect();
        std::fs::write(&path, format!("begun\n{long}")).unwrap();
        let latest = lines(&mut tail, AT_ONCE);
        assert_eq!((latest.len(), latest.last().unwrap().as_str()), ((1 << 13) - 1, "0599999"));
        assert!(latest.iter().all(|line| line.len() == 7), "{:?}", latest[0]);
        std::fs::write(&path, format!("begun\n{long}{}", &long[..3 << 20])).unwrap();
        assert_eq!(lines(&mut tail, AT_ONCE).len(), 1 << 17, "a part at a time");
        assert_eq!(lines(&mut tail, BEHIND).len(), 1 << 18, "then the rest");
    }

    #[test]
    fn a_timeout_ends_the_children_too() {
        let script = "sleep 1000 & echo $! > child; wait";
        let (ended, _, folder) = shell(script, Some(Duration::from_secs(3)), &Cancel::default());
        assert!(matches!(ended, Outcome::TimedOut(_)), "{ended:?}");
        assert!(has_gone(folder.path(), "child"));
    }

    #[test]
    fn only_with_a_group_of_its_own_it_leaves_that_of_the_caller() {
        let own = rustix::process::getpgrp().as_raw_nonzero().to_string();
        for own_group in [false, true] {
            let (_, lines, _folder) = shell_in(own_group, "cut -d' ' -f5 /proc/$$/stat", None, &Cancel::default());
            assert_eq!(lines[0].trim() != own, own_group, "{lines:?}, {own}");
        }
    }

    #[test]
    fn in_the_callers_group_only_the_process_itself_is_ended() {
        let script = "sleep 20 & echo $! > child; echo $$ > itself; wait";
        let (ended, _, folder) = shell_in(false, script, Some(Duration::from_secs(3)), &Cancel::default());
        assert!(matches!(ended, Outcome::TimedOut(_)), "{ended:?}");
        assert!(has_gone(folder.path(), "itself") && !has_gone(folder.path(), "child"));
        let deaf = "trap '' TERM; echo $$ > itself; echo stop; while :; do sleep 1; done";
        let (ended, _, folder) = shell_in(false, deaf, None, &Cancel::default());
        assert!(matches!(ended, Outcome::Cancelled), "{ended:?}");
        assert!(has_gone(folder.path(), "itself"));
        let (ended, ..) = shell_in(false, "exit 3", None, &Cancel::default());
        assert!(matches!(ended, Outcome::Exited(status) if status.code() == Some(3)), "{ended:?}");
    }

    #[test]
    fn a_request_to_end_reaches_children_of_a_leader_that_has_crashed() {
        let (ended, _, folder) = shell("sleep 1000 & echo $! > child; kill -9 $$", None, &Cancel::default());
        assert!(matches!(ended, Outcome::Exited(status) if !status.success()), "{ended:?}");
        assert!(has_gone(folder.path(), "child"));
        let (ended, ..) = shell("echo stop; sleep 1000", None, &Cancel::default());
        assert!(matches!(ended, Outcome::Cancelled), "{ended:?}");
    }

    #[test]
    fn what_does_not_listen_is_killed() {
        let itself = "trap '' TERM; echo $$ > child; echo stop; while :; do sleep 1; done";
        // And a child that does not, whose parent has gone by then.
        let child = "sh -c 'trap \"\" TERM; echo $$ > child; echo stop; while :; do sleep 1; done' & wait";
        for script in [itself, child] {
            let (ended, _, folder) = shell(script, None, &Cancel::default());
            assert!(matches!(ended, Outcome::Cancelled), "{ended:?}");
            assert!(has_gone(folder.path(), "child"), "{script}");
        }
    }
}
