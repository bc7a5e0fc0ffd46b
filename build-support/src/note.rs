//! What is said without being an error, each kind by a name: `cargo sparsehls explain NAME` says more.

use std::fmt;

macro_rules! notes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal;)+) => {
        /// Names a kind of note, or of warning in a build by cargo.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Note { $($(#[doc = $doc])+ $variant,)+ }

        impl Note {
            /// Every note.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The kebab-case name.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }
        }
    };
}

notes! {
    /// Values of a file are not on the input grid.
    InputOffGrid = "input-off-grid";
    /// Events differ from Keras by what its own float32 may have rounded.
    Float32Rounding = "float32-rounding";
    /// The bound on what float32 rounds excuses nothing.
    BoundSaysNothing = "bound-says-nothing";
    /// A step of the tools was left out.
    StepSkipped = "step-skipped";
    /// A tool does not meet the clock.
    TimingNotMet = "timing-not-met";
    /// HLS did not keep an interval that was planned.
    IntervalMissed = "interval-missed";
    /// HLS has much to compile.
    ManyInstructions = "many-instructions";
    /// The installed version of a tool has a known fault.
    ToolFault = "tool-fault";
    /// A tool is installed and cannot be run.
    BrokenTool = "broken-tool";
    /// A variable of the vendor names a folder without tools.
    BrokenVariable = "broken-variable";
    /// The design takes much of the part, or more than it has.
    PartFull = "part-full";
    /// What the part has is not known.
    PartUnknown = "part-unknown";
    /// A limit is of something that is not estimated.
    LimitNotEstimated = "limit-not-estimated";
    /// The results of a long synthesis lie where `cargo clean` removes them.
    ResultsInTarget = "results-in-target";
    /// The bindings are there, and the simulation behind them is not.
    NotSimulated = "not-simulated";
    /// There is no shared library of a model.
    NoLibrary = "no-library";
    /// A model needs keys that cannot be guessed.
    MissingKeys = "missing-keys";
    /// A package names a folder of this machine.
    AbsolutePath = "absolute-path";
    /// A package has no commit of what it is built with.
    NoRevision = "no-revision";
    /// What a package is built with is a repository inside of its own.
    NestedRepository = "nested-repository";
    /// Recipes for CI were there before.
    RecipesKept = "recipes-kept";
    /// The manifest named `sparsehls-build` before.
    DependencyKept = "dependency-kept";
    /// A build script that was there has to call ours.
    BuildScript = "build-script";
    /// The crate forbids unsafe code, which the bindings have.
    ForbidsUnsafe = "forbids-unsafe";
    /// A package became a member of a workspace.
    WorkspaceMember = "workspace-member";
    /// What to do next.
    NextStep = "next-step";
}

/// As it stands behind a note.
impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}]", self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::Note;

    #[test]
    fn the_guide_has_a_section_for_every_note() {
        let Some(guide) = crate::guide("errors.md") else { return };
        let notes = guide.split("\n# Notes\n").nth(1).unwrap();
        let mut sections: Vec<_> = notes.lines().filter_map(|line| line.strip_prefix("## ")).collect();
        let mut names: Vec<_> = Note::ALL.iter().map(|note| note.name()).collect();
        sections.sort_unstable();
        names.sort_unstable();
        assert_eq!(sections, names);
    }
}
