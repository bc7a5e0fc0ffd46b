//! Which steps a build runs.

use super::{Step, Steps, flow};
use crate::{
    error::{Code, Error, Result},
    manifest::{Language, Model},
};

/// The largest design, in estimated LUTs, on which a step of Verilog runs without having been asked for; nothing for one that
/// never does. yosys takes 5 s for 1,000 LUT, and the C++ compiler a fraction of that for Verilator's program.
fn cheap(step: Step) -> Option<u64> {
    match step {
        Step::Sim => Some(100_000),
        Step::Synth => Some(50_000),
        _ => None,
    }
}

/// The steps of a build, and what was left out of those that it could have.
#[derive(Debug, Clone)]
pub struct Choice {
    /// What runs.
    pub steps: Steps,
    /// What does not, and why.
    pub left_out: Vec<LeftOut>,
}

/// A step that does not run.
#[derive(Debug, Clone)]
pub struct LeftOut {
    /// Which.
    pub step: Step,
    /// Why.
    pub why: Error,
}

/// How many of the steps run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// All; a missing tool is for the run to say.
    All,
    /// Those whose tools are installed.
    Installed,
    /// Of those the ones that take no longer than the rest of a build: nobody has asked for them.
    Quick,
}

/// The steps that run if nobody says which.
pub fn default_steps(language: Language) -> Steps {
    match language {
        Language::Hls(_) => Steps::default(),
        Language::Verilog => Step::VERILOG.into_iter().filter(|step| cheap(*step).is_some()).collect(),
    }
}

impl Choice {
    /// The steps for a build that was asked for `asked`, or did not say. A design of `luts` LUTs may be long work.
    ///
    /// # Errors
    /// [`Code::NoSuchStep`] for a step of another backend; [`Code::InvalidValue`] for a part that a step which was asked
    /// for does not work on.
    pub fn new(model: &Model, asked: Option<Steps>, how: How, luts: impl FnOnce() -> Result<u64>) -> Result<Self> {
        let language = model.target.language;
        let steps = asked.unwrap_or_else(|| default_steps(language));
        check(language, steps)?;
        if asked.is_some() || how == How::All {
            flow::all(language).into_iter().filter(|flow| does(*flow, steps)).try_for_each(|flow| flow.require_part(model))?;
        }
        if how == How::All {
            return Ok(Self { steps, left_out: Vec::new() });
        }
        let is_quick = how == How::Quick;
        let luts = (is_quick && language == Language::Verilog).then(luts).transpose()?;
        let mut chosen = Self { steps: Steps::NONE, left_out: Vec::new() };
        for step in steps.iter() {
            let allowed = match language {
                // What is not there is said first: with nothing to start there is nothing to ask for.
                Language::Hls(_) => usable(model, step).and_then(|()| if is_quick { Err(long(step)) } else { Ok(()) }),
                Language::Verilog => luts.map_or(Ok(()), |luts| small_enough(step, luts)).and_then(|()| usable(model, step)),
            };
            match allowed {
                Ok(()) => chosen.steps = chosen.steps.iter().chain([step]).collect(),
                Err(why) => chosen.left_out.push(LeftOut { step, why }),
            }
        }
        Ok(chosen)
    }
}

/// Whether `flow` does one of `steps`, or what they need.
fn does(flow: flow::Flow, steps: Steps) -> bool {
    steps.with_needed().iter().any(|step| flow.steps().has(step))
}

/// Refuses steps of another language.
fn check(language: Language, steps: Steps) -> Result {
    let own = flow::steps_of(language);
    let Some(foreign) = steps.iter().find(|step| !own.has(*step)) else { return Ok(()) };
    let message = format!("there is no step `{}` with backend = \"{}\"", foreign.name(), language.name());
    Err(Error::new(Code::NoSuchStep, message).help(format!("its steps are {}", own.names().join(", "))))
}

/// Requires that the tool for a step is there and knows the part. For HLS that is the HLS tool: a build that wants more of
/// Vivado than is there fails, as what was asked for is half done without it.
fn usable(model: &Model, step: Step) -> Result {
    let flows = flow::all(model.target.language);
    let needed = |flow: &flow::Flow| match flow {
        flow::Flow::Hls(_) => true,
        flow::Flow::Vsynth | flow::Flow::Impl => false,
        flow => does(*flow, Steps::from_iter([step])),
    };
    flows.into_iter().filter(needed).try_for_each(|flow| flow.require_part(model).and_then(|()| flow.require()))
}

/// Refuses a step that may take hours.
fn long(step: Step) -> Error {
    let why = format!("`{}` may take hours, and nobody has asked for it; {ASK}", step.name());
    Error::new(Code::InvalidValue, why)
}

/// How to ask for a step.
const ASK: &str = "`--synth auto` runs it";

/// Refuses a step that is not cheap for a design of `luts` LUTs.
fn small_enough(step: Step, luts: u64) -> Result {
    let most = cheap(step).unwrap_or(0);
    if luts <= most {
        return Ok(());
    }
    let message = format!("an estimated {luts} LUT are more than the {most} for which it runs without being asked for; {ASK}");
    Err(Error::new(Code::InvalidValue, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_of_another_language_is_refused_with_a_list_of_its_own() {
        let refused = |language, step| check(language, Steps::from_iter([step])).map_err(|error| error.to_string());
        for step in Step::ALL {
            let (hls, verilog) = (Language::Hls(crate::manifest::HlsTool::Vitis), Language::Verilog);
            assert_eq!(refused(hls, step).is_ok(), Step::HLS.contains(&step), "{step:?}");
            assert_eq!(refused(verilog, step).is_ok(), Step::VERILOG.contains(&step), "{step:?}");
        }
        let said = refused(Language::Verilog, Step::Cosim).unwrap_err();
        assert!(said.starts_with("there is no step `cosim` with backend = \"verilog\""), "{said}");
        assert!(said.contains("its steps are sim, synth, pnr, vivado"), "{said}");
    }

    #[test]
    fn what_is_large_is_not_done_unasked() {
        assert_eq!(default_steps(Language::Verilog).names(), ["sim", "synth"]);
        let unasked = |luts| Step::VERILOG.map(|step| small_enough(step, luts).is_ok());
        assert_eq!(unasked(50_000), [true, true, false, false]);
        assert_eq!(unasked(50_001), [true, false, false, false]);
        assert_eq!(unasked(100_001), [false; 4]);
    }
}
