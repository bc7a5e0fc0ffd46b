//! What yosys leaves: the cells of the netlist (`stat -width -json`), and the longest path through them (`ltp`).

use std::{collections::BTreeMap, fmt, path::Path};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Resources, read, unreadable};
use crate::error::Result;

/// The netlist, counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Yosys {
    /// Version of yosys.
    pub version: Option<String>,
    /// The device, as the manifest names it.
    pub part: String,
    /// Look-up tables. On AMD's parts one with 7 inputs is two of 6, one with 8 is four; on an ECP5 a carry cell takes two.
    pub lut: u64,
    /// Flip-flops.
    pub ff: u64,
    /// Multipliers of the device.
    pub dsp: u64,
    /// Block RAMs: of 18 kb, on an iCE40 of 4 kb.
    pub bram: u64,
    /// Ultra RAMs.
    pub uram: u64,
    /// Cells on the longest path between flip-flops.
    pub levels: u64,
}

impl Yosys {
    /// Reads both reports; they do not name the part.
    ///
    /// # Errors
    /// [`crate::Code::SynthesisFailed`] if one is missing or cannot be used.
    pub(crate) fn read(cells: &Path, levels: &Path, part: &str) -> Result<Self> {
        let counted = Self::parse(&read(cells)?, part).map_err(|why| unreadable(cells, &why))?;
        let levels = Self::parse_levels(&read(levels)?).map_err(|why| unreadable(levels, &why))?;
        Ok(Self { levels, ..counted })
    }

    /// The counts as every tool has them.
    pub(crate) fn resources(&self) -> Resources {
        let Self { lut, ff, dsp, bram, uram, .. } = *self;
        Resources { lut: Some(lut), ff: Some(ff), dsp: Some(dsp), bram18: Some(bram), uram: Some(uram) }
    }

    /// Counts the cells of a netlist.
    ///
    /// # Errors
    /// Why the report cannot be used.
    pub fn parse(text: &str, part: &str) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Report {
            creator: Option<String>,
            design: BTreeMap<String, Value>,
        }
        // A line of the log may stand before it.
        let start = text.find('{').ok_or("it is no JSON")?;
        let Report { creator, mut design } = serde_json::from_str(&text[start..]).map_err(|error| error.to_string())?;
        let cells = design.remove("num_cells_by_type").ok_or("it has no cells by type")?;
        let cells: BTreeMap<String, u64> = serde_json::from_value(cells).map_err(|error| error.to_string())?;
        let version = creator.as_deref().and_then(crate::toolchain::open_version_in);
        let mut all = Self { version, part: part.to_owned(), lut: 0, ff: 0, dsp: 0, bram: 0, uram: 0, levels: 0 };
        for (cell, count) in cells {
            all.add(&cell, count)?;
        }
        Ok(all)
    }

    /// Reads the length of the longest path.
    ///
    /// # Errors
    /// Why the report cannot be used.
    pub fn parse_levels(text: &str) -> Result<u64, String> {
        let line = text.lines().find(|line| line.starts_with("Longest topological path in ")).ok_or("it has no longest path")?;
        let length = line.rsplit_once("(length=").and_then(|(_, rest)| super::number::<i64>(rest.strip_suffix("):")?));
        // Nothing stands between the flip-flops: -1.
        length.map(|length| length.max(0).unsigned_abs()).ok_or_else(|| "its longest path has no length".to_owned())
    }

    /// Adds `count` cells of a type.
    fn add(&mut self, cell: &str, count: u64) -> Result<(), String> {
        let (sum, each) = match cell {
            "$lut_7" => (&mut self.lut, 2),
            "$lut_8" => (&mut self.lut, 4),
            "LUT4" | "SB_LUT4" | "$lut_1" | "$lut_2" | "$lut_3" | "$lut_4" | "$lut_5" | "$lut_6" => (&mut self.lut, 1),
            "CCU2C" => (&mut self.lut, 2),
            "RAMB36E1" | "RAMB36E2" => (&mut self.bram, 2),
            "RAMB18E1" | "RAMB18E2" | "DP16KD" | "PDPW16KD" => (&mut self.bram, 1),
            "URAM288" => (&mut self.uram, 1),
            "TRELLIS_FF" => (&mut self.ff, 1),
            _ if cell.starts_with("SB_RAM40_4K") => (&mut self.bram, 1),
            _ if ["FDRE", "FDSE", "FDCE", "FDPE", "SB_DFF"].iter().any(|name| cell.starts_with(name)) => (&mut self.ff, 1),
            _ if ["DSP48", "MULT18X18", "MULT9X9", "SB_MAC16"].iter().any(|name| cell.starts_with(name)) => (&mut self.dsp, 1),
            // Carries and multiplexers between LUTs take none; `$scopeinfo` is a note.
            "CARRY4" | "CARRY8" | "MUXF7" | "MUXF8" | "MUXF9" | "SB_CARRY" | "PFUMX" | "L6MUX21" | "GSR" | "$scopeinfo" => {
                return Ok(());
            }
            other => return Err(format!("it has {count} cells of the unknown type `{other}`")),
        };
        *sum = count.checked_mul(each).and_then(|more| sum.checked_add(more)).ok_or("it counts more cells than there can be")?;
        Ok(())
    }
}

impl fmt::Display for Yosys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { part, lut, ff, dsp, bram, levels, .. } = self;
        write!(f, "{lut} LUT, {ff} FF, {dsp} DSP, {bram} BRAM; {levels} levels; {part}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As yosys 0.23 writes it, shortened.
    const CELLS: &str = "{\n   \"creator\": \"Yosys 0.23 (git sha1 7ce5011c24b)\",\n   \"invocation\": \"stat -width -json \",\n   \
        \"modules\": { \"\\\\net\": { \"num_cells\": 9, \"num_cells_by_type\": { \"FDRE\": 9 } } },\n      \"design\": {\n         \
        \"num_cells\": 1231,\n         \"num_cells_by_type\": {\n            \"$lut_2\": 210,\n            \"$lut_6\": 436,\n            \
        \"$lut_7\": 76,\n            \"$lut_8\": 40,\n            \"CARRY4\": 25,\n            \"FDRE\": 238,\n            \
        \"RAMB18E2\": 1,\n            \"RAMB36E2\": 2,\n            \"DSP48E2\": 3\n         }\n      }\n}\n";
    const LEVELS: &str =
        "\n5. Executing LTP pass (find longest path).\n\nLongest topological path in net (length=12):\n    0: \\m1.y [7]\n";

    #[test]
    fn cells_are_counted_as_what_the_device_has() {
        let Yosys { version, part, lut, ff, dsp, bram, .. } = Yosys::parse(CELLS, "xcu250").unwrap();
        assert_eq!((version.as_deref(), part.as_str()), (Some("0.23"), "xcu250"));
        assert_eq!((lut, ff, dsp, bram), (210 + 436 + 2 * 76 + 4 * 40, 238, 3, 5));
        let of = |cells: &str| {
            let text = format!("{{\"design\":{{\"num_cells\":1,\"num_cells_by_type\":{{{cells}}}}}}}");
            Yosys::parse(&text, "p").map(|found| (found.lut, found.ff, found.dsp, found.bram))
        };
        assert_eq!(of(r#""LUT4":7,"CCU2C":3,"PFUMX":2,"TRELLIS_FF":5,"MULT18X18D":1,"DP16KD":4"#), Ok((13, 5, 1, 4)));
        assert_eq!(of(r#""SB_LUT4":7,"SB_CARRY":3,"SB_DFFESR":5,"SB_DFF":1,"SB_MAC16":2,"SB_RAM40_4K":4"#), Ok((7, 6, 2, 4)));
        assert_eq!(of(r#""net_conv1":1"#), Err("it has 1 cells of the unknown type `net_conv1`".into()), "not flattened");
        assert!(of(r#""$lut_8":18446744073709551615"#).is_err() && of(r#""FDRE":-1"#).is_err());
    }

    #[test]
    fn no_part_of_a_report_passes_for_a_report() {
        for end in 0..CELLS.trim_end().len() {
            assert!(Yosys::parse(&CELLS[..end], "p").is_err(), "{end}");
        }
        assert_eq!(Yosys::parse_levels(LEVELS), Ok(12));
        assert_eq!(Yosys::parse_levels(&LEVELS.replace("12", "-1")), Ok(0));
        let whole = LEVELS.find("12):").unwrap() + 4;
        for end in 0..whole {
            assert!(Yosys::parse_levels(&LEVELS[..end]).is_err(), "{end}");
        }
    }
}
