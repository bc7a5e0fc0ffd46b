//! What is known of versions of the vendor's tools on projects like ours, and from where. Nothing was run by us.

use super::{Program, find::Release};

/// Something that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// What.
    pub what: &'static str,
    /// From where.
    pub source: &'static str,
    /// Whether something goes wrong.
    pub is_fault: bool,
}

/// A row: the programs, the first and the last release, and what is known of them.
type Row = (&'static [Program], Release, Release, Known);

const fn release(year: u32, minor: u32) -> Release {
    Release { year, minor }
}

const FIRST: Release = release(0, 0);
const LAST: Release = release(u32::MAX, 0);

const HLS: &[Program] = &[Program::VitisRun, Program::VitisHls];
const ANY: &[Program] = &[Program::VitisRun, Program::VitisHls, Program::VivadoHls, Program::Vivado];
const WITH_EXPORT: &[Program] = &[Program::VitisHls, Program::VivadoHls];

/// Where nothing is known.
const NOTHING: Known =
    Known { what: "nothing is known of this version on such projects", source: "no reports, no logs", is_fault: false };

const fn works(what: &'static str, source: &'static str) -> Known {
    Known { what, source, is_fault: false }
}

const fn fails(what: &'static str, source: &'static str) -> Known {
    Known { what, source, is_fault: true }
}

const ROWS: [Row; 9] = [
    (
        WITH_EXPORT,
        FIRST,
        release(2021, 2),
        fails(
            "export fails unless the vendor's patch for Y2K22 is installed: the revision is a date that has become too large",
            "AMD, answer record 76960",
        ),
    ),
    (
        &[Program::VitisHls],
        release(2020, 2),
        release(2020, 2),
        fails("arguments of the top function cannot be partitioned, as ours are", "hls4ml, issue 252"),
    ),
    (
        &[Program::VivadoHls],
        FIRST,
        release(2020, 1),
        fails(
            "unrolling may stop in the input reduction and in convolutions (XFORM 203-504); this backend is experimental",
            "hls4ml, issues 59, 904 and 1168",
        ),
    ),
    (
        &[Program::VivadoHls, Program::Vivado],
        release(2020, 1),
        release(2020, 1),
        works("its reports are read: of published projects like ours, every one", "the projects of arXiv:2512.06208"),
    ),
    (
        ANY,
        release(2023, 1),
        release(2023, 1),
        works("its reports are read: of published projects like ours, every one", "the projects of arXiv:2512.06208"),
    ),
    (
        HLS,
        release(2022, 2),
        release(2024, 1),
        works("the scripts are written for it, by its manual; they have not run", "AMD, UG1399"),
    ),
    (
        &[Program::VitisRun],
        FIRST,
        release(2023, 1),
        works("vitis_hls is taken instead, if it is there", "AMD, UG1399 of 2023.2, which is the first to recommend vitis-run"),
    ),
    (
        &[Program::VitisRun],
        release(2025, 1),
        LAST,
        works("the only way to run HLS scripts: there is no vitis_hls any more", "AMD, UG1399 of 2025.1"),
    ),
    (&[Program::Vivado], release(2020, 1), LAST, works("the scripts use commands that its manual has", "AMD, UG835")),
];

/// What is known of this version of a program; nothing of open tools, which run here.
pub fn known(program: Program, version: &str) -> Vec<Known> {
    let Some(release) = Release::of(version).filter(|_| !program.is_open()) else { return Vec::new() };
    let is_of = |row: &&Row| row.0.contains(&program) && (row.1..=row.2).contains(&release);
    let all: Vec<_> = ROWS.iter().filter(is_of).map(|row| row.3).collect();
    if all.is_empty() { vec![NOTHING] } else { all }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(program: Program, version: &str) -> Vec<&'static str> {
        known(program, version).iter().filter(|known| known.is_fault).map(|known| known.source).collect()
    }

    #[test]
    fn what_goes_wrong_is_known_by_version() {
        let y2k22 = "AMD, answer record 76960";
        assert_eq!(faults(Program::VitisHls, "2020.2"), [y2k22, "hls4ml, issue 252"]);
        assert_eq!(faults(Program::VitisHls, "2021.2.1"), [y2k22]);
        assert_eq!(faults(Program::VitisHls, "2022.1"), [""; 0]);
        assert_eq!(faults(Program::VivadoHls, "2020.1"), [y2k22, "hls4ml, issues 59, 904 and 1168"]);
        assert_eq!(faults(Program::Vivado, "2021.1"), [""; 0], "it exports nothing by itself");
        assert_eq!(known(Program::VitisRun, "2024.2"), [NOTHING]);
        assert_eq!(known(Program::VitisHls, "2022.1"), [NOTHING]);
        assert_eq!(known(Program::Yosys, "0.23"), []);
        assert_eq!(known(Program::VitisHls, "unknown"), []);
        assert!(known(Program::VitisHls, "2023.1").iter().any(|known| known.what.starts_with("its reports are read")));
    }

    #[test]
    fn the_guide_has_every_row() {
        let Some(guide) = crate::guide("synthesis.md") else { return };
        let guide = guide.split_whitespace().collect::<Vec<_>>().join(" ");
        for (.., Known { what, source, .. }) in ROWS {
            assert!(guide.contains(&format!("| {what} | {source} |")), "synthesis.md does not say: | {what} | {source} |");
        }
    }
}
