//! The intervals that were planned, and what became of them.

use serde::{Deserialize, Serialize};

use super::{Csynth, Module};
use crate::{planned::Planned, toolchain::remarks};

/// Cycles that the tool adds to the interval of a dataflow region: in all published projects it is that of the slowest process
/// and this.
const HAND_OVER: u64 = 1;

/// A planned interval, and what C synthesis made of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Interval {
    /// The process, or the top function.
    pub process: String,
    /// Cycles from one event to the next that were planned.
    pub planned: u64,
    /// Those that the tool reports; unknown if it does not list the process.
    pub achieved: Option<u64>,
    /// Whether it held, but for the cycle that the tool adds.
    pub kept: bool,
    /// Why it did not, if that is known.
    pub why: Option<String>,
}

/// What became of `planned` in `csynth`: a row for the top function, and one for each process below it.
pub(super) fn held(planned: &Planned, top: &str, csynth: &Csynth, remarks: &[String]) -> Vec<Interval> {
    let interval = |process: &str, steps: usize, achieved: Option<u64>, why: &dyn Fn() -> Option<String>| {
        let planned = steps as u64;
        let kept = achieved.is_some_and(|achieved| achieved <= planned.saturating_add(HAND_OVER));
        let why = if kept || achieved.is_none() { None } else { why() };
        Interval { process: process.to_owned(), planned, achieved, kept, why }
    };
    let mut rows = vec![interval(top, planned.interval, csynth.estimate.interval_cycles, &|| None)];
    if planned.processes.len() < 2 {
        return rows;
    }
    for process in &planned.processes {
        let module = csynth.modules.iter().find(|module| remarks::is_of(&module.name, &process.name));
        let steps = if process.steps > 1 { process.steps } else { planned.interval };
        let achieved = module.and_then(|module| module.estimate.interval_cycles);
        let why = || remarks::reason(remarks, &process.name).or_else(|| module.and_then(|module| of_module(module, csynth)));
        rows.push(interval(&process.name, steps, achieved, &why));
    }
    rows
}

/// What the report itself says: loops with another interval than 1, and pipelines without rewind.
fn of_module(module: &Module, csynth: &Csynth) -> Option<String> {
    let mut loops = csynth.loops.iter().filter(|own| own.module == module.name);
    if let Some((own, cycles)) = loops.find_map(|own| Some((own, own.interval.filter(|cycles| *cycles > 1)?))) {
        return Some(format!("a step of the loop {} takes {cycles} cycles", own.name));
    }
    let pipeline = module.pipeline.as_deref()?;
    (pipeline.contains("loop") && !pipeline.contains("rewind")).then(|| "rewind was not applied".to_owned())
}

/// One line: that all is well, or what is not.
pub(super) fn describe(rows: &[Interval]) -> Vec<String> {
    let broken: Vec<_> = rows.iter().filter(|row| !row.kept && row.achieved.is_some()).map(Interval::to_string).collect();
    let unknown = rows.iter().filter(|row| row.achieved.is_none()).count();
    let mut lines = broken;
    if lines.is_empty() && unknown == 0 && !rows.is_empty() {
        let planned = rows[0].planned;
        lines.push(format!("the planned interval of {planned} held in every process"));
    }
    if unknown > 0 {
        lines.push(format!("of {unknown} of {} planned intervals the report says nothing", rows.len()));
    }
    lines
}

impl std::fmt::Display for Interval {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { process, planned, achieved, why, .. } = self;
        write!(f, "{process}: planned {planned}, achieved {}", super::or_unknown(*achieved))?;
        why.as_ref().map_or(Ok(()), |why| write!(f, ": {why}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        planned::PlannedProcess,
        toolchain::{Estimate, Loop},
    };

    fn module(name: &str, interval: Option<u64>, pipeline: &str) -> Module {
        let estimate = Estimate { interval_cycles: interval, ..Estimate::default() };
        Module { name: name.into(), estimate, pipeline: Some(pipeline.into()) }
    }

    #[test]
    fn the_process_that_broke_it_is_named() {
        let process = |name: &str, steps| PlannedProcess { name: name.into(), steps };
        let planned =
            Planned { interval: 5, processes: vec![process("a", 5), process("b", 1), process("c", 4), process("d", 5)] };
        let mut csynth = Csynth {
            estimate: Estimate { interval_cycles: Some(20), ..Estimate::default() },
            modules: vec![
                module("a_s", Some(6), "loop rewind stp"),
                module("b", Some(5), "yes"),
                module("c", Some(19), "loop stp"),
            ],
            ..Csynth::default()
        };
        let said = |csynth: &Csynth, remarks: &[String]| describe(&held(&planned, "net", csynth, remarks));
        let rewind = vec!["WARNING: [HLS 200-957] Cannot apply rewind in module 'c' (loop 'steps').".to_owned()];
        let top = "net: planned 5, achieved 20";
        let nothing = "of 1 of 5 planned intervals the report says nothing";
        let because = |why: &str| vec![top.to_owned(), format!("c: planned 4, achieved 19: {why}"), nothing.to_owned()];
        assert_eq!(said(&csynth, &rewind), because("rewind was not applied (HLS 200-957)"));
        assert_eq!(said(&csynth, &[]), because("rewind was not applied"));
        let slow = Loop {
            module: "c".into(),
            name: "steps".into(),
            trip_count: Some(4),
            interval: Some(4),
            depth: Some(3),
            latency_cycles: None,
        };
        csynth.loops.push(slow);
        assert_eq!(said(&csynth, &[]), because("a step of the loop steps takes 4 cycles"));
        csynth.estimate.interval_cycles = Some(6);
        csynth.modules[2].estimate.interval_cycles = Some(4);
        csynth.modules.push(module("d_Pipeline_steps", Some(5), "loop rewind stp"));
        assert_eq!(said(&csynth, &[]), ["the planned interval of 5 held in every process"]);
    }
}
