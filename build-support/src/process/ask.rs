//! A program that is asked something: what it says is read at once, bounded in bytes and in time.

use std::{
    ffi::OsString,
    io::{self, Read, Write},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, sync_channel},
    thread,
    time::{Duration, Instant},
};

use super::{Cancel, Group, TICK, own_group};

/// How long what a program has said may be on its way when the program has ended: on a busy machine the thread that reads has to wait.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// A program to run, and how much it may say and take.
#[derive(Debug)]
pub struct Question<'a> {
    /// Program and arguments.
    pub command: &'a [OsString],
    /// The folder to run it in, if that matters.
    pub directory: Option<&'a Path>,
    /// What it reads on its standard input.
    pub stdin: Vec<u8>,
    /// Whether what it says on standard error counts too; else nobody reads that.
    pub stderr: bool,
    /// How long it may take.
    pub timeout: Duration,
    /// How many bytes it may say.
    pub most: usize,
}

/// How a question ended.
#[derive(Debug)]
pub enum Answer {
    /// The program ended by itself, and said this.
    Said(ExitStatus, Vec<u8>),
    /// It took longer than it may, and was ended.
    TimedOut,
    /// It said more than it may, and was ended.
    TooMuch,
    /// The user wants to stop.
    Cancelled,
}

impl Question<'_> {
    /// Runs the program to its end.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn ask(self, cancel: &Cancel) -> io::Result<Answer> {
        let (mut child, said) = self.start(cancel)?;
        let group = Group::of(Some(child.id()), cancel.is_by_signals());
        let (start, mut text, mut ended) = (Instant::now(), Vec::new(), None);
        let give_up = |child: &mut Child, why| {
            group.end(child);
            Ok(why)
        };
        loop {
            if cancel.is_asked() {
                return give_up(&mut child, Answer::Cancelled);
            }
            if start.elapsed() >= self.timeout {
                return give_up(&mut child, Answer::TimedOut);
            }
            match said.recv_timeout(TICK) {
                Ok(part) if text.len() + part.len() > self.most => return give_up(&mut child, Answer::TooMuch),
                Ok(part) => text.extend(part),
                Err(RecvTimeoutError::Timeout) if child.try_wait()?.is_none() => {}
                // What it has left running may keep the pipe open; it has said what it had to say.
                Err(RecvTimeoutError::Timeout) if ended.get_or_insert_with(Instant::now).elapsed() >= LAST_WORDS => break,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => match child.try_wait()? {
                    Some(_) => break,
                    None => thread::sleep(Duration::from_millis(1)),
                },
            }
        }
        let status = child.wait()?;
        if !status.success() {
            group.end(&mut child);
        }
        Ok(if cancel.is_asked() { Answer::Cancelled } else { Answer::Said(status, text) })
    }

    /// Starts it, with a thread that reads and, if it has something to read, one that writes.
    fn start(&self, cancel: &Cancel) -> io::Result<(Child, Receiver<Vec<u8>>)> {
        let (program, arguments) = self.command.split_first().ok_or(io::ErrorKind::InvalidInput)?;
        let (mut reader, writer) = io::pipe()?;
        let mut command = Command::new(program);
        command.args(arguments).stdout(writer.try_clone()?);
        command.stderr(if self.stderr { writer.into() } else { Stdio::null() });
        if let Some(directory) = self.directory {
            command.current_dir(directory);
        }
        command.stdin(if self.stdin.is_empty() { Stdio::null() } else { Stdio::piped() });
        if cancel.is_by_signals() {
            own_group(&mut command)?;
        }
        let mut child = command.spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            let text = self.stdin.clone();
            // A program that does not read to the end says so by how it ends.
            thread::spawn(move || stdin.write_all(&text));
        }
        let (to, said) = sync_channel(4);
        thread::spawn(move || {
            let mut buffer = [0; 1 << 14];
            while let Ok(count @ 1..) = reader.read(&mut buffer)
                && to.send(buffer[..count].to_vec()).is_ok()
            {}
        });
        Ok((child, said))
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn ask(script: &str, stdin: &str, cancel: &Cancel) -> Answer {
        let command: Vec<OsString> = ["sh", "-c", script].map(Into::into).into();
        let timeout = Duration::from_secs(2);
        let question = Question { command: &command, directory: None, stdin: stdin.into(), stderr: true, timeout, most: 100_000 };
        question.ask(cancel).unwrap()
    }

    #[test]
    fn what_is_said_on_both_streams_is_the_answer() {
        let answer = ask("cat; echo two >&2; exit 3", "one\n", &Cancel::default());
        let Answer::Said(status, text) = answer else { panic!("{answer:?}") };
        assert_eq!((status.code(), text), (Some(3), b"one\ntwo\n".to_vec()));
        // More than a pipe holds, and nobody reads what is asked.
        let answer = ask("seq 15000; exit 0", &"x".repeat(1 << 20), &Cancel::default());
        let Answer::Said(_, text) = answer else { panic!("{answer:?}") };
        assert!(text.ends_with(b"\n15000\n"));
    }

    #[test]
    fn who_floods_hangs_or_leaves_a_child_with_the_pipe_is_not_waited_for() {
        for cancel in [Cancel::default(), Cancel::by_signals()] {
            let start = Instant::now();
            assert!(matches!(ask("exec yes", "", &cancel), Answer::TooMuch));
            assert!(start.elapsed() < Duration::from_secs(1));
            assert!(matches!(ask("exec sleep 1000", "", &cancel), Answer::TimedOut));
            let start = Instant::now();
            let answer = ask("echo said; sleep 5 2>&1 & exit 0", "", &cancel);
            assert!(matches!(&answer, Answer::Said(_, text) if text == b"said\n"), "{answer:?}");
            assert!(start.elapsed() < Duration::from_secs(2));
            cancel.flag().store(true, std::sync::atomic::Ordering::Relaxed);
            assert!(matches!(ask("exec sleep 1000", "", &cancel), Answer::Cancelled));
        }
    }
}
