//! One model's run of the tools: which steps are still to do, the tools one after the other, and what they left.
//!
//! A run that fails, is interrupted or is killed leaves no step marked as done that has not ended well, so the same
//! command resumes where it stopped.

use std::{
    cell::Cell,
    ffi::OsString,
    fs::File,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    Cancel, Report, Simulation, Step, Steps,
    find::launcher,
    flow::{self, Command, Flow},
    known::known,
    open_files, remarks,
    state::{Project, State},
};
use crate::{
    backend::{self, hls},
    error::{Code, Error, Result},
    files, lock,
    manifest::{Language, Model},
    process::{Outcome, Process},
};

/// Steps to run on the project of one model.
pub struct Job<'a> {
    /// The model.
    pub model: &'a Model,
    /// Its project.
    pub directory: &'a Path,
    /// The chosen steps.
    pub steps: Steps,
    /// Asks the tool to end.
    pub cancel: &'a Cancel,
    /// Is told the progress several times a second.
    pub progress: &'a dyn Fn(Progress<'_>),
}

impl std::fmt::Debug for Job<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Job").field("directory", &self.directory).field("steps", &self.steps).finish_non_exhaustive()
    }
}

/// How far a run has come.
#[derive(Debug, Clone, Copy)]
pub struct Progress<'a> {
    /// In a few words: the step that runs, or what is waited for.
    pub phase: &'a str,
    /// The time since the tool was started.
    pub elapsed: Duration,
}

/// What a job has done.
#[derive(Debug, Clone)]
pub struct Done {
    /// What the chosen steps found, and C synthesis if they need it.
    pub report: Report,
    /// Steps that ran now.
    pub ran: Steps,
    /// Steps that had been done before.
    pub kept: Steps,
}

/// What stands of earlier runs.
#[derive(Debug, Clone)]
pub struct Found {
    /// What the steps found that are done for the project as it is.
    pub report: Report,
    /// Those steps.
    pub current: Steps,
    /// Steps that were done for another content, or whose reports have gone.
    pub stale: Steps,
}

/// A flow with its processes, and what identifies its tools for people and in the state.
struct Identified {
    flow: Flow,
    commands: Vec<Command>,
    tools: String,
    identity: String,
}

impl Identified {
    fn new(flow: Flow, project: &Project<'_>, cancel: &Cancel) -> Result<Self> {
        let tools = flow.find(cancel)?;
        let commands = flow.commands(project, &tools)?;
        // The version counts, not the place; without a version the place has to do.
        let name = |tool: &super::Tool| {
            let version = tool.version(cancel).unwrap_or_else(|| tool.path.display().to_string());
            format!("{} {version}", tool.program.name())
        };
        let tools = tools.iter().map(name).collect::<Vec<_>>().join(", ");
        let arguments = commands.iter().flat_map(|command| &command.arguments).map(|word| word.to_string_lossy());
        let identity = std::iter::once(tools.as_str().into()).chain(arguments).collect::<Vec<_>>().join(" ");
        Ok(Self { flow, commands, tools, identity })
    }

    /// Those of `steps` that this flow does.
    fn of(&self, steps: Steps) -> Steps {
        steps.filter(|step| self.flow.steps().has(step))
    }
}

impl Job<'_> {
    /// Requires every tool that the job needs, before hours are spent, and a part that they know.
    ///
    /// # Errors
    /// [`Code::ToolMissing`], [`Code::InvalidValue`].
    pub fn require_tools(&self) -> Result {
        for flow in self.flows() {
            flow.require_part(self.model)?;
            flow.require()?;
        }
        self.launcher().map(drop)
    }

    /// What does the chosen steps and those they need, in order.
    fn flows(&self) -> Vec<Flow> {
        let wanted = self.steps.with_needed();
        let mut flows = flow::all(self.model.target.language);
        flows.retain(|flow| wanted.iter().any(|step| flow.steps().has(step)));
        flows
    }

    /// What is known to go wrong with a tool that does the chosen steps.
    ///
    /// # Errors
    /// [`Code::ToolMissing`].
    pub fn known_faults(&self) -> Result<Vec<String>> {
        let mut faults = Vec::new();
        for flow in self.flows() {
            for tool in flow.find(self.cancel)? {
                let Some(version) = tool.version(self.cancel) else { continue };
                let of_version = known(tool.program, &version).into_iter().filter(|known| known.is_fault);
                let matters = of_version.filter(|known| self.steps.has(Step::Export) || !known.what.starts_with("export"));
                faults
                    .extend(matters.map(|known| format!("{} {version}: {} ({})", tool.program.name(), known.what, known.source)));
            }
        }
        Ok(faults)
    }

    /// What the last simulation of the Verilog counted, if it counted.
    pub fn simulation(&self) -> Option<Simulation> {
        let report = self.directory.join(Project::SIMULATION);
        files::require_plain(&report).ok().filter(|there| *there).and_then(|_| Simulation::read(&report).ok())
    }

    /// What the runs up to now have found for this project; nothing is run, and no tool need be there.
    ///
    /// # Errors
    /// [`Code::Io`] if what is remembered of them is there and is no regular file.
    pub fn found(&self) -> Result<Found> {
        let project = self.project();
        let (done, mut stale) = State::load(self.directory)?.standing(&project);
        let readable = |step: &Step| Report::read(&project, Steps::from_iter([*step])).is_ok();
        let current = done.filter(|step| readable(&step));
        stale = stale.iter().chain(done.filter(|step| !current.has(step)).iter()).collect();
        Ok(Found { report: Report::read(&project, current).unwrap_or_default(), current, stale })
    }

    fn launcher(&self) -> Result<Vec<OsString>> {
        let key = format!("{}.launcher", self.model.key());
        launcher(&self.model.target.launcher, &self.model.manifest).map_err(|error| error.key(key))
    }

    /// Runs the chosen steps, and those they need, unless they are done.
    ///
    /// # Errors
    /// [`Code::ToolMissing`]; [`Code::SynthesisFailed`] with the tool's first errors; [`Code::OutputsDiffer`];
    /// [`Code::Interrupted`]; [`Code::Io`].
    pub fn run(&self) -> Result<Done> {
        self.run_on(None)
    }

    /// As [`run`](Self::run), on this text, which is brought to the folder again if another build has written there.
    ///
    /// # Errors
    /// As [`run`](Self::run), and [`backend::Project::write`].
    pub fn run_on(&self, text: Option<&backend::Project>) -> Result<Done> {
        self.require_tools()?;
        let wanted = self.steps.with_needed();
        let project = self.project();
        let tools = self.flows().into_iter().map(|flow| Identified::new(flow, &project, self.cancel));
        let tools = tools.collect::<Result<Vec<_>>>()?;
        let lock = self.lock()?;
        if self.cancel.is_asked() {
            return Err(self.interrupted(Steps::NONE));
        }
        let result = text.map_or(Ok(()), |text| text.write(self.directory)).and_then(|()| self.run_alone(wanted, &tools, &lock));
        // A process that a tool has left behind may still hold the file; the run is over all the same. Not so where a tool
        // was ended without its children: they hold the lock as long as they may write into the project.
        if result.is_ok() || self.cancel.is_by_signals() {
            let _ = lock.unlock();
        }
        result
    }

    /// Waits until no other build works on this project.
    fn lock(&self) -> Result<File> {
        let waiting = |elapsed| (self.progress)(Progress { phase: lock::WAITING, elapsed });
        lock::lock(self.directory, self.cancel, &waiting).map_err(|error| match error.code() {
            Code::Interrupted => self.interrupted(Steps::NONE),
            _ => error,
        })
    }

    fn project(&self) -> Project<'_> {
        Project { directory: self.directory, top: &self.model.name, target: &self.model.target }
    }

    /// Runs those of `wanted` that are not done; `tools` are for all of them, in the order in which they run.
    fn run_alone(&self, wanted: Steps, tools: &[Identified], lock: &File) -> Result<Done> {
        let project = self.project();
        let mut state = State::load(self.directory)?;
        let is_done = |tool: &Identified, step: &Step| state.has(*step, &project, &tool.identity);
        let fresh: Steps = tools.iter().flat_map(|tool| tool.of(wanted).iter().filter(|step| is_done(tool, step))).collect();
        let mut todo = wanted.filter(|step| !fresh.has(step) || step.needs_synth() && !fresh.has(Step::Synth));
        if Report::read(&project, wanted.filter(|step| !todo.has(step))).is_err() {
            // Done by a version of this crate that read less of the reports.
            todo = wanted;
        }
        let kept = wanted.filter(|step| !todo.has(step));
        if todo != Steps::NONE {
            // Synthesis begins anew, and with what it leaves goes what other steps made of it.
            let stale = Step::ALL.into_iter().filter(|step| todo.has(*step) || todo.has(Step::Synth) && step.needs_synth());
            let stale: Steps = stale.collect();
            state.forget(stale);
            state.save(self.directory)?;
            project.remove_outputs(stale)?;
            if let Language::Hls(_) = self.model.target.language {
                let options = hls::build_options(todo)?;
                files::write_if_changed(&self.directory.join(hls::ORDERS), options.as_bytes())?;
            }
            for tool in tools.iter().filter(|tool| tool.of(todo) != Steps::NONE) {
                self.run_tool(tool, tool.of(todo), &mut state, lock)?;
            }
            for tool in tools {
                for step in tool.of(kept).iter() {
                    // The tool may have added to the reports of steps that it did not repeat.
                    state.add(step, &project, &tool.identity)?;
                }
            }
            state.save(self.directory)?;
        }
        Ok(Done { report: Report::read(&project, wanted)?, ran: todo, kept })
    }

    /// Runs the processes of a flow for `steps`, and keeps in the state what has ended well.
    fn run_tool(&self, identified: &Identified, steps: Steps, state: &mut State, lock: &File) -> Result {
        let Identified { identity, commands, flow, .. } = identified;
        let project = self.project();
        for folder in flow.folders() {
            files::make_folder(self.directory, Path::new(folder))?;
        }
        let inputs = |step| project.inputs(step, identity).ok();
        let before: Vec<_> = steps.iter().map(inputs).collect();
        let seen = Cell::new(Steps::NONE);
        let mut verdict = Ok(());
        for command in commands {
            let log = self.directory.join(command.log);
            let ended = self.watch(identified, command, steps, lock, &seen)?;
            if before != steps.iter().map(inputs).collect::<Vec<_>>() {
                return Err(failed("the project changed while the tool ran: another build has written it", &log)
                    .help("build again; give builds of different versions their own --target-dir"));
            }
            verdict = self.verdict(command, ended, &log);
            if verdict.is_err() {
                break;
            }
        }
        if let (Flow::Sim, Err(why)) = (flow, &verdict)
            && let Err(differs) = Report::read(&project, steps)
            && differs.code() == Code::OutputsDiffer
            && why.code() != Code::Interrupted
        {
            let said = Findings::read(&self.directory.join("sim.log")).text();
            return Err(differs.and(&said));
        }
        // If the tool ended well all its steps are done, else only those that its script reported as done.
        if steps.has(Step::Synth) && matches!(flow, Flow::Hls(_)) {
            remarks::keep(&self.directory.join("hls.log"), self.directory)?;
        }
        let ended_well = if verdict.is_ok() { steps } else { steps.filter(|step| seen.get().has(step)) };
        let mut unread = Ok(());
        for step in ended_well.iter() {
            match Report::read(&project, Steps::from_iter([step])) {
                Ok(_) => state.add(step, &project, identity)?,
                Err(error) if matches!(flow, Flow::Hls(_)) && !seen.get().has(step) => {
                    unread = unread.and(Err(unsaid(step, &self.directory.join("hls.log"), &error)));
                }
                Err(error) => unread = unread.and(Err(error)),
            }
        }
        state.save(self.directory)?;
        match verdict {
            Err(error) if error.code() == Code::Interrupted => Err(self.interrupted(seen.get())),
            other => other.and(unread),
        }
    }

    /// Runs a process and reports its progress; `seen` collects the steps that the script reports as done.
    fn watch(
        &self,
        identified: &Identified,
        process: &Command,
        steps: Steps,
        lock: &File,
        seen: &Cell<Steps>,
    ) -> Result<Outcome> {
        let log = &self.directory.join(process.log);
        let mut command = self.launcher()?;
        command.push(process.program.clone().into());
        command.extend(process.arguments.iter().cloned());
        let timeout = self.model.target.tool_timeout;
        files::require_plain(log)?;
        let stdin = lock.try_clone().map_err(|error| Error::io("hand on", log, &error))?;
        let own_group = self.cancel.is_by_signals();
        open_files::raise();
        let process = Process { command: &command, directory: self.directory, log, timeout, stdin: Some(stdin), own_group };
        // Only the HLS tool has several steps, and says which it begins.
        let mut phase = match identified.flow {
            Flow::Hls(_) => format!("starting {}", identified.tools),
            _ => steps.names().join(", "),
        };
        let watch = &mut |line: &str, elapsed: Duration| {
            match line.strip_prefix("sparsehls: ").map(|rest| rest.split_once(' ').unwrap_or((rest, ""))) {
                Some((name, "")) if steps.names().contains(&name) => phase = name.to_owned(),
                Some((name, "done")) => {
                    let done = Step::ALL.into_iter().filter(|step| step.name() == name);
                    seen.set(seen.get().iter().chain(done).collect());
                }
                _ => {}
            }
            (self.progress)(Progress { phase: &phase, elapsed });
        };
        process.run(self.cancel, watch).map_err(|error| {
            let program = PathBuf::from(&command[0]);
            failed(&format!("{} could not be run: {error}", program.display()), log)
        })
    }

    /// Whether the tool ended well.
    fn verdict(&self, command: &Command, ended: Outcome, log: &Path) -> Result {
        let program = command.program.display();
        let findings = Findings::read(log);
        let why = match ended {
            Outcome::Cancelled => return Err(self.interrupted(Steps::NONE)),
            Outcome::Exited(status) if status.success() && findings.script_failed.is_none() => return Ok(()),
            Outcome::Exited(status) => format!("ended with {status}"),
            Outcome::TimedOut(limit) => {
                let minutes = limit.as_secs_f64() / 60.0;
                let text = format!("{program} was ended: it took longer than the {minutes} minutes of `tool-timeout`");
                return Err(failed(&text, log).key(format!("{}.tool-timeout", self.model.key())));
            }
        };
        let mut text = findings.text();
        if text.contains("HLS 200-1715") {
            let more = front_end_errors(self.directory, &self.model.name);
            text = [vec![text], more].concat().join("\n");
        }
        Err(failed(&format!("{program} {why}\n{text}"), log))
    }

    fn interrupted(&self, done: Steps) -> Error {
        let done = if done == Steps::NONE { "no step".to_owned() } else { done.names().join(", ") };
        Error::new(
            Code::Interrupted,
            format!("the synthesis of {} was interrupted; finished in this run: {done}", self.model.name),
        )
        .file(self.directory)
        .help("run the same command again: it resumes with the first step that is not finished")
    }
}

fn failed(why: &str, log: &Path) -> Error {
    Error::new(Code::SynthesisFailed, why).file(log).help("the file has everything the tool said")
}

/// What is wrong with a tool that ended as if all were well, and neither said that a step is done nor left its report: a wrapper
/// may have hidden that it was killed.
fn unsaid(step: Step, log: &Path, report: &Error) -> Error {
    let name = step.name();
    let why = format!("the tool ended without an error, but it never said that `{name}` was done: {}", report.message());
    failed(&format!("{why}\n{}", Findings::read(log).text()), log)
}

/// Whether a line of a log is an error: of the vendor's tools, yosys and nextpnr; of Verilator; of the C++ compiler that it
/// calls.
fn is_error(line: &str) -> bool {
    // What the C++ compiler, the linker and the system say when they give up, in the middle of a log.
    const GIVEN_UP: [&str; 8] = [
        ": error: ",
        ": fatal error: ",
        "undefined reference to",
        "Too many open files",
        "Cannot allocate memory",
        "std::bad_alloc",
        "Segmentation fault",
        "Out of memory",
    ];
    let is_killed = line.split_whitespace().any(|word| word == "Killed");
    line.starts_with("ERROR") || line.starts_with("%Error") || is_killed || GIVEN_UP.iter().any(|words| line.contains(words))
}

/// What the front end of the HLS tool says of sources that it cannot read: its log has the code alone (HLS 200-1715).
fn front_end_errors(directory: &Path, top: &str) -> Vec<String> {
    let folder = directory.join(format!("{top}_prj/solution1/.autopilot/db"));
    let mut logs: Vec<_> = files::entries(&folder).unwrap_or_default().into_iter().map(|entry| entry.into_path()).collect();
    logs.retain(|path| path.to_string_lossy().ends_with("clang.err.log"));
    logs.sort();
    logs.iter().flat_map(|log| Findings::read(log).errors).take(Findings::LINES).collect()
}

/// What a log says about a failure.
#[derive(Default)]
struct Findings {
    /// The first lines that are errors.
    errors: Vec<String>,
    /// The line with which the script reports that a step failed.
    script_failed: Option<String>,
    /// The last lines.
    last: Vec<String>,
}

impl Findings {
    const LINES: usize = 5;

    fn read(log: &Path) -> Self {
        let mut findings = Self::default();
        let Ok(file) = File::open(log) else { return findings };
        let mut lines = BufReader::new(file.take(1 << 28)).split(b'\n');
        while let Some(Ok(bytes)) = lines.next() {
            let line = String::from_utf8_lossy(&bytes).trim_end().chars().take(500).collect::<String>();
            if line.starts_with("sparsehls:") && line.contains(" failed") {
                findings.script_failed.get_or_insert(line);
            } else if is_error(&line) && findings.errors.len() < Self::LINES {
                findings.errors.push(line);
            } else if !line.is_empty() {
                findings.last.push(line);
                if findings.last.len() > Self::LINES {
                    findings.last.remove(0);
                }
            }
        }
        findings
    }

    /// The first errors, or else the last lines: a crash writes no error.
    fn text(self) -> String {
        let found: Vec<_> = self.errors.into_iter().chain(self.script_failed).collect();
        let lines = if found.is_empty() { self.last } else { found };
        if lines.is_empty() { "it said nothing".to_owned() } else { lines.join("\n") }
    }
}
