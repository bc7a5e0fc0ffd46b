//! [`Planned`]: the intervals that a project promises. The backend writes them, and reports of tools are held against them.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// What was planned.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Planned {
    /// Cycles from one event to the next.
    pub interval: usize,
    /// The processes, in order of data flow; one alone is the top function itself.
    pub processes: Vec<PlannedProcess>,
}

/// A process, which is a function of the project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedProcess {
    /// The function.
    pub name: String,
    /// Steps of its loop, one a cycle; 1 is a pipeline without a loop.
    pub steps: usize,
}

impl Planned {
    /// Its place in a project.
    pub(crate) const FILE: &str = "plan.json";

    /// The text of the file.
    ///
    /// # Errors
    /// [`Code::Internal`](crate::Code::Internal), which cannot happen with numbers and names.
    pub(crate) fn text(&self) -> Result<String> {
        let text = serde_json::to_string_pretty(self).map_err(|error| Error::internal(format!("a plan is no JSON: {error}")))?;
        Ok(text + "\n")
    }

    /// The plan of the project in `directory`; nothing if it has none.
    pub(crate) fn read(directory: &Path) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(directory.join(Self::FILE)).ok()?).ok()
    }
}
