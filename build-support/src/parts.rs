//! What the vendors' parts have: LUTs, flip-flops, DSPs, RAMs, from the table `data/parts.csv`, which names its sources.
//!
//! A part that is not in the table is not known, and nothing is assumed of it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The table: a row for each die.
const TABLE: &str = include_str!("../data/parts.csv");

/// The part of a device, in percent, above which placing and routing it gets hard.
pub const FULL: f64 = 70.0;

/// What a part has; `None` where that is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    /// Look-up tables.
    pub lut: u64,
    /// Flip-flops.
    pub ff: u64,
    /// DSP slices.
    pub dsp: u64,
    /// Block RAMs of 18 kb.
    pub bram18: Option<u64>,
    /// Ultra RAMs.
    pub uram: u64,
    /// Where the numbers are from.
    pub source: &'static str,
}

/// What a design takes of a part; `None` where that is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Demand {
    /// Look-up tables.
    pub lut: Option<u64>,
    /// Flip-flops.
    pub ff: Option<u64>,
    /// DSP slices.
    pub dsp: Option<u64>,
    /// Block RAMs of 18 kb.
    pub bram18: Option<u64>,
    /// Ultra RAMs.
    pub uram: Option<u64>,
}

/// What of a part a design takes, in percent, to a tenth; `None` where something is not known, or the part has none.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Percent {
    /// Look-up tables.
    pub lut: Option<f64>,
    /// Flip-flops.
    pub ff: Option<f64>,
    /// DSP slices.
    pub dsp: Option<f64>,
    /// Block RAMs of 18 kb.
    pub bram18: Option<f64>,
    /// Ultra RAMs.
    pub uram: Option<f64>,
}

/// What the part with this name has, as the vendor writes it: device, package and speed grade (`xcku5p-ffvb676-2-e`), or the
/// device alone. `None` if it is not in the table.
pub fn capacity(part: &str) -> Option<Capacity> {
    let part = part.to_ascii_lowercase();
    // The same dies for cars (`xa`) and defence (`xq`).
    let part = ["xa", "xq"].iter().find_map(|grade| part.strip_prefix(grade)).map_or(part.clone(), |rest| format!("xc{rest}"));
    rows().find_map(|(devices, capacity)| devices.split(' ').any(|device| is_of(&part, device)).then_some(capacity))
}

/// The rows of the table: names of devices, and what they have.
fn rows() -> impl Iterator<Item = (&'static str, Capacity)> {
    TABLE.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let cells: Vec<_> = line.split(", ").collect();
        let [devices, lut, ff, dsp, bram18, uram, source] = cells[..] else { return None };
        let number = |cell: &str| cell.parse().ok();
        let capacity = Capacity {
            lut: number(lut)?,
            ff: number(ff)?,
            dsp: number(dsp)?,
            bram18: number(bram18),
            uram: number(uram)?,
            source,
        };
        Some((devices, capacity))
    })
}

/// Whether `part` is `device`, alone or followed by a package and a speed grade.
fn is_of(part: &str, device: &str) -> bool {
    let Some(rest) = part.strip_prefix(device) else { return false };
    if rest.is_empty() {
        return true;
    }
    let mut fields = rest.trim_start_matches('-').split('-');
    let dash = rest.starts_with('-');
    fields.next().is_some_and(|field| is_package(field, dash)) && fields.all(is_grade)
}

/// `ffvb676`, `csg324`; of Lattice `8bg381c`, with the speed grade in front. It follows on a device of the 7 series without a dash.
fn is_package(field: &str, dash: bool) -> bool {
    let field = if dash { field.trim_start_matches(['6', '7', '8']) } else { field };
    let digits = field.trim_start_matches(|c: char| c.is_ascii_lowercase());
    let letters = field.len() - digits.len();
    let rest = digits.trim_start_matches(|c: char| c.is_ascii_digit());
    (2..=5).contains(&letters) && (2..=4).contains(&(digits.len() - rest.len())) && matches!(rest, "" | "c" | "i" | "a")
}

/// `2`, `2l`, `2lv`, `1m`, `e`, `i`, `s`.
fn is_grade(field: &str) -> bool {
    let temperature = field.strip_prefix(['1', '2', '3']).unwrap_or(field);
    field.len() <= 3 && !field.is_empty() && temperature.chars().all(|c| c.is_ascii_lowercase())
}

impl Capacity {
    /// What of it a design takes.
    pub fn percent(&self, demand: &Demand) -> Percent {
        let of = |used: Option<u64>, all: Option<u64>| {
            let all = all.filter(|all| *all > 0)?;
            Some((used? as f64 * 1000.0 / all as f64).round() / 10.0)
        };
        Percent {
            lut: of(demand.lut, Some(self.lut)),
            ff: of(demand.ff, Some(self.ff)),
            dsp: of(demand.dsp, Some(self.dsp)),
            bram18: of(demand.bram18, self.bram18),
            uram: of(demand.uram, Some(self.uram)),
        }
    }

    /// What a design takes more of than there is, though the part has none: it has no percentage.
    fn lacks(&self, demand: &Demand) -> Vec<&'static str> {
        let all =
            [(demand.dsp, Some(self.dsp), "DSP"), (demand.bram18, self.bram18, "BRAM"), (demand.uram, Some(self.uram), "URAM")];
        all.iter().filter(|(used, all, _)| *all == Some(0) && *used > Some(0)).map(|(.., name)| *name).collect()
    }
}

impl Percent {
    /// The largest of them.
    pub fn largest(&self) -> f64 {
        self.named().into_iter().filter_map(|(percent, _)| percent).fold(0.0, f64::max)
    }

    fn named(&self) -> [(Option<f64>, &'static str); 5] {
        [(self.lut, "LUT"), (self.ff, "FF"), (self.dsp, "DSP"), (self.bram18, "BRAM"), (self.uram, "URAM")]
    }
}

/// `5.6 % of the LUT, 5.8 % of the FF`; what is not used is left out.
impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shares = self.named().into_iter().filter_map(|(percent, name)| Some((percent?, name)));
        let used: Vec<_> =
            shares.filter(|(percent, _)| *percent > 0.0).map(|(percent, name)| format!("{percent} % of the {name}")).collect();
        f.write_str(if used.is_empty() { "0 %" } else { "" })?;
        f.write_str(&used.join(", "))
    }
}

/// What of a part a design takes, as a sentence, and what is too much. A part that is not known is said to be unknown.
pub fn describe(part: &str, demand: &Demand) -> (String, Vec<String>) {
    let Some(capacity) = capacity(part) else {
        return (format!("the capacity of {part} is not known"), Vec::new());
    };
    let percent = capacity.percent(demand);
    let mut warnings: Vec<_> = percent.named().into_iter().filter_map(|(percent, name)| warning(percent?, name, part)).collect();
    warnings.extend(capacity.lacks(demand).iter().map(|name| format!("{part} has no {name}, and the design takes some")));
    (format!("{percent} of {part}"), warnings)
}

fn warning(percent: f64, name: &str, part: &str) -> Option<String> {
    if percent > 100.0 {
        return Some(format!("{percent} % of the {name} of {part}: it does not fit; take a larger interval or a larger part"));
    }
    (percent > FULL).then(|| {
        format!(
            "{percent} % of the {name} of {part} is more than {FULL} %: place and route may fail; take a larger interval or part"
        )
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_row_is_read_and_is_plausible() {
        let lines = TABLE.lines().filter(|line| !line.starts_with('#')).count();
        let rows: Vec<_> = rows().collect();
        assert_eq!(rows.len(), lines, "each row has seven cells");
        assert!(rows.len() > 100);
        let names: Vec<_> = rows.iter().flat_map(|(devices, _)| devices.split(' ')).collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "each device once");
        for (devices, capacity) in &rows {
            let per_lut = if devices.starts_with("xc") { 2 } else { 1 };
            assert_eq!(capacity.ff, capacity.lut * per_lut, "{devices}");
            assert!(capacity.bram18.is_none_or(|blocks| blocks > 0 && blocks < capacity.lut), "{devices}");
            assert!(capacity.dsp < capacity.lut / 20 && !capacity.source.is_empty(), "{devices}");
            for device in devices.split(' ') {
                assert_eq!(super::capacity(device), Some(*capacity), "{device} is found as itself");
            }
        }
    }

    #[test]
    fn a_part_is_a_device_a_package_and_a_grade() {
        let lut = |part| capacity(part).map(|capacity| capacity.lut);
        for (part, expected) in [
            ("xcu250-figd2104-2L-e", 1_728_000),
            ("XCVU13P-fhga2104-3-e", 1_728_000),
            ("xcku5p-ffvb676-2-e", 216_960),
            ("xcku115-flva1517-2-e", 663_360),
            ("xcku11p-ffva1156-1-i", 298_560),
            ("xczu7ev-ffvc1156-2-e", 230_400),
            ("xqzu5ev-ffrb900-1M-m", 117_120),
            ("xazu3eg-sbva484-1-i", 70_560),
            ("xck26-sfvc784-2LV-c", 117_120),
            ("xc7a35tcpg236-1", 20_800),
            ("xa7a35tcpg236-1I", 20_800),
            ("xc7a35ticsg324-1L", 20_800),
            ("xc7vx690tffg1761-2", 433_200),
            ("XC7Z020-CLG400-1", 53_200),
            ("xcvc1902-vsva2197-2MP-e-S", 899_840),
            ("LFE5U-85F-8BG381C", 83_640),
            ("LFE5UM5G-45F-8BG554I", 43_848),
            ("iCE40HX8K-CT256", 7_680),
            ("ice40up5k-sg48", 5_280),
        ] {
            assert_eq!(lut(part), Some(expected), "{part}");
        }
        for part in [
            "",
            "xc",
            "xcku5",
            "xcku5pp-ffvb676-2-e",
            "xcku5p-",
            "xcku5p-676",
            "xcku5p-ffvb676-9-e",
            "xcku5p-ffvb676-2-e-what",
            "xc7a35",
            "LFE5U-12F-8BG381C",
            "LFE5U-85FX",
            "10AX115N2F45E1SG",
            "MPF300T-1FCG1152I",
            "xc7vx1140tflg1926-1",
            "xcku5p é",
        ] {
            assert_eq!(capacity(part), None, "{part}");
        }
    }

    #[test]
    fn what_is_too_much_is_said_and_what_is_unknown_too() {
        let demand = |lut, dsp, uram| Demand { lut: Some(lut), ff: Some(0), dsp: Some(dsp), bram18: None, uram: Some(uram) };
        let part = "xcku5p-ffvb676-2-e";
        let (text, warnings) = describe(part, &demand(151_872, 1, 0));
        assert_eq!(
            (text.as_str(), warnings.len()),
            ("70 % of the LUT, 0.1 % of the DSP of xcku5p-ffvb676-2-e", 0),
            "70 % is not above"
        );
        let (_, warnings) = describe(part, &demand(152_200, 1_900, 0));
        let [luts, dsps] = &warnings[..] else { panic!("{warnings:?}") };
        assert!(luts.starts_with("70.2 % of the LUT of xcku5p") && luts.contains("is more than 70 %"), "{luts}");
        assert!(dsps.starts_with("104.2 % of the DSP") && dsps.contains("does not fit"), "{dsps}");
        let (text, warnings) = describe("ice40hx8k-ct256", &demand(0, 2, 0));
        assert_eq!(
            (text.as_str(), &warnings[..]),
            ("0 % of ice40hx8k-ct256", &["ice40hx8k-ct256 has no DSP, and the design takes some".to_owned()][..])
        );
        assert_eq!(describe("p", &demand(1, 1, 1)), ("the capacity of p is not known".to_owned(), Vec::new()));
    }
}
