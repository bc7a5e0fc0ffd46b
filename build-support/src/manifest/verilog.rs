//! Keys that only `backend = "verilog"` knows. With another backend they would be without effect, so they are refused there.

use std::num::NonZeroUsize;

use super::{Language, Problems, nearest, table::Table};
use crate::error::Code;

/// What only Verilog has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Verilog {
    /// Rows of the image a clock cycle, with `interface = "row"`; one if it is not given.
    pub rows: Option<NonZeroUsize>,
    /// Whether a wrapper with AXI-Stream ports is written too.
    pub axi_stream: bool,
    /// Whether there is a port `ce`, without which nothing moves.
    pub clock_enable: bool,
}

impl Verilog {
    /// The key that gives [`rows`](Self::rows).
    pub(crate) const ROWS: &'static str = "rows";
    const AXI_STREAM: &'static str = "axi-stream";
    const CLOCK_ENABLE: &'static str = "clock-enable";

    /// The keys.
    pub(super) const KEYS: [&'static str; 3] = [Self::ROWS, Self::AXI_STREAM, Self::CLOCK_ENABLE];
}

pub(super) fn read(tables: &[Table], language: Language, wrong: &mut Problems) -> Verilog {
    if language != Language::Verilog {
        wrong.0.extend(tables.iter().flat_map(|table| refuse(table, language)));
        return Verilog::default();
    }
    let mut flag = |key| wrong.take(nearest(tables, |table| table.flag(key))).unwrap_or(false);
    let (axi_stream, clock_enable) = (flag(Verilog::AXI_STREAM), flag(Verilog::CLOCK_ENABLE));
    Verilog { rows: wrong.take(nearest(tables, |table| table.positive(Verilog::ROWS))), axi_stream, clock_enable }
}

fn refuse(table: &Table, language: Language) -> impl Iterator<Item = crate::error::Error> {
    let keys: Vec<_> = table.keys().filter(|key| Verilog::KEYS.contains(key)).map(str::to_owned).collect();
    keys.into_iter().map(move |key| {
        let message = format!("`{key}` is for backend = \"verilog\", and this model's is \"{}\"", language.name());
        table.error(Code::InvalidValue, &key, message).help(format!("remove `{key}`, or set backend = \"verilog\""))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::manifest::HlsTool;

    fn of(own: serde_json::Value, shared: serde_json::Value, language: Language) -> (Verilog, Vec<String>) {
        let tables = [own, shared].map(|json| Table::new(Some(&json), "sparsehls", "Cargo.toml".as_ref()).unwrap());
        let mut wrong = Problems::default();
        let verilog = read(&tables, language, &mut wrong);
        (verilog, wrong.0.iter().map(|error| error.message().to_owned()).collect())
    }

    #[test]
    fn the_nearest_table_decides() {
        let own = json!({ "axi-stream": false, "rows": 4 });
        let shared = json!({ "axi-stream": true, "clock-enable": true, "rows": 2 });
        let expected = Verilog { rows: NonZeroUsize::new(4), axi_stream: false, clock_enable: true };
        assert_eq!(of(own, shared, Language::Verilog), (expected, Vec::new()));
        let (read, wrong) = of(json!({ "rows": 0, "clock-enable": 1 }), json!({}), Language::Verilog);
        assert_eq!(read, Verilog::default());
        assert_eq!(wrong, ["`clock-enable` must be true or false, not a number", "`rows` is 0"]);
    }

    #[test]
    fn another_language_refuses_them_wherever_they_stand() {
        for tool in HlsTool::ALL {
            let (read, wrong) = of(json!({ "rows": 1 }), json!({ "axi-stream": false }), Language::Hls(*tool));
            assert_eq!(read, Verilog::default());
            let said = |key: &str| format!("`{key}` is for backend = \"verilog\", and this model's is \"{}\"", tool.name());
            assert_eq!(wrong, [said("rows"), said("axi-stream")]);
        }
    }
}
