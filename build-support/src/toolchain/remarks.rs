//! The lines of an HLS tool's log that matter after it ended well: they are kept in a file, since the next run writes the log anew.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read},
    path::Path,
};

use crate::{error::Result, files};

/// Where they are kept in a project.
pub(super) const FILE: &str = "remarks.txt";

/// More of them than anybody reads.
const MOST: usize = 200;

/// Codes of messages that say what became of loops, unrolling and sizes: pipelining results, violations of an interval, rewind,
/// designs that are large, wide ports, indices that are extended, loops that are not unrolled.
const CODES: [&str; 17] = [
    "HLS 200-1470",
    "HLS 200-880",
    "HLS 200-885",
    "HLS 200-875",
    "HLS 200-951",
    "HLS 200-952",
    "HLS 200-953",
    "HLS 200-954",
    "HLS 200-955",
    "HLS 200-956",
    "HLS 200-957",
    "HLS 200-958",
    "HLS 200-959",
    "HLS 200-1995",
    "HLS 214-292",
    "HLS 214-358",
    "XFORM 203-504",
];

/// The code in a line, if it is one of those.
fn code(line: &str) -> Option<&'static str> {
    let inner = line.split_once('[')?.1.split_once(']')?.0;
    CODES.into_iter().find(|code| *code == inner)
}

/// Keeps what matters in `log` for later; each line once.
///
/// # Errors
/// [`crate::Code::Io`].
pub(super) fn keep(log: &Path, directory: &Path) -> Result {
    let mut kept: Vec<String> = Vec::new();
    if let Ok(file) = File::open(log) {
        let mut lines = BufReader::new(file.take(1 << 28)).split(b'\n');
        while let (Some(Ok(bytes)), true) = (lines.next(), kept.len() < MOST) {
            let line: String = String::from_utf8_lossy(&bytes).trim_end().chars().take(500).collect();
            if code(&line).is_some() && !kept.contains(&line) {
                kept.push(line);
            }
        }
    }
    let text: String = kept.iter().map(|line| format!("{line}\n")).collect();
    files::write_if_changed(&directory.join(FILE), text.as_bytes()).map(drop)
}

/// What was kept.
pub(super) fn read(directory: &Path) -> Vec<String> {
    let Ok(bytes) = std::fs::read(directory.join(FILE)) else { return Vec::new() };
    String::from_utf8_lossy(&bytes).lines().take(MOST).map(str::to_owned).collect()
}

/// The most instructions that the design had in any phase of the compilation.
pub(super) fn instructions(remarks: &[String]) -> Option<u64> {
    let counts = remarks.iter().filter(|line| code(line) == Some("HLS 200-1995")).filter_map(|line| {
        let number = line.split("There were ").nth(1)?.split(" instructions").next()?;
        number.replace(',', "").parse().ok()
    });
    counts.max()
}

/// The first line that says why `process` has another interval than planned: its code, and in words what it means.
pub(super) fn reason(remarks: &[String], process: &str) -> Option<String> {
    let names = |line: &str| line.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).any(|word| is_of(word, process));
    let lines = remarks.iter().filter(|line| names(line));
    lines.filter_map(|line| Some(format!("{} ({})", meaning(code(line)?)?, code(line)?))).next()
}

/// Whether a module of the tool is made of a process: the function itself, a template of it, or a loop taken out of it.
pub(super) fn is_of(module: &str, process: &str) -> bool {
    module.strip_prefix(process).is_some_and(|rest| rest.is_empty() || rest == "_s" || rest.starts_with("_Pipeline"))
}

fn meaning(code: &str) -> Option<&'static str> {
    Some(match code {
        "HLS 200-880" => "a value is needed before it is there",
        "HLS 200-885" => "a memory has too few ports",
        "HLS 200-875" => "an operation takes too long for the interval",
        "XFORM 203-504" => "a loop was not unrolled",
        rewind if rewind.starts_with("HLS 200-95") => "rewind was not applied",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first two as published logs of Vitis HLS have them; those about rewind as the vendor's list of messages names them.
    const LOG: &str = "INFO: [HLS 200-10] Analyzing design file 'fir.cpp' ...\n\
        INFO: [HLS 200-1995] There were 4,087 instructions in the design after the 'Compile/Link' phase of compilation.\n\
        WARNING: [HLS 200-1995] There were 166,825 instructions in the design after the 'Unroll/Inline' phase of compilation.\n\
        WARNING: [HLS 200-957] Cannot apply rewind in module 'conv1_process' (loop 'steps').\n\
        WARNING: [HLS 200-880] The II Violation in module 'conv2_process_Pipeline_L2' (loop 'L2'): Unable to enforce\n\
        WARNING: [HLS 200-957] Cannot apply rewind in module 'conv1_process' (loop 'steps').\n";

    #[test]
    fn what_matters_is_kept_and_understood() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("hls.log");
        std::fs::write(&log, LOG).unwrap();
        keep(&log, folder.path()).unwrap();
        std::fs::write(&log, "another run").unwrap();
        let remarks = read(folder.path());
        assert_eq!(remarks.len(), 4, "{remarks:?}");
        assert_eq!(instructions(&remarks), Some(166_825));
        assert_eq!(reason(&remarks, "conv1_process").as_deref(), Some("rewind was not applied (HLS 200-957)"));
        assert_eq!(reason(&remarks, "conv2_process").as_deref(), Some("a value is needed before it is there (HLS 200-880)"));
        assert_eq!((reason(&remarks, "conv"), reason(&remarks, "conv1_process_2")), (None, None));
        keep(&folder.path().join("none"), folder.path()).unwrap();
        assert_eq!((read(folder.path()).len(), instructions(&[])), (0, None));
    }
}
