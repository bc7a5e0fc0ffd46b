//! Keys that only the HLS backends know. With Verilog they would be without effect, so they are refused there.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{Interface, Language, Problems, choices::named, nearest, table::Table};
use crate::error::{Code, Error, Result};

named! {
    /// What Vivado does of an IP that is exported.
    ExportFlow {
        /// Nothing.
        None = "none",
        /// Logic synthesis.
        Syn = "syn",
        /// Place and route too.
        Impl = "impl",
    }
}

named! {
    /// The handshake that starts the top function.
    BlockControl {
        /// `ap_start`, `ap_done`, `ap_idle`, `ap_ready`.
        Hs = "hs",
        /// None: it runs as data come.
        None = "none",
        /// As the first, and `ap_continue`, with which whoever follows can hold it.
        Chain = "chain",
    }
}

named! {
    /// When a reset is on.
    ResetLevel {
        /// At 0, as AXI has it.
        Low = "low",
        /// At 1.
        High = "high",
    }
}

/// What only HLS has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hls {
    /// The handshake around the top function.
    pub block_control: BlockControl,
    /// When a reset is on; what the interface asks for if it is not given.
    pub reset_level: Option<ResetLevel>,
    /// Scripts that the project runs before its steps, when all is set up.
    pub tcl: Vec<PathBuf>,
    /// What the IP is called.
    pub ip: Ip,
}

/// What an exported IP is called in the vendor's catalog, and how far it is taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ip {
    /// Who makes it.
    pub vendor: String,
    /// The library that it belongs to.
    pub library: String,
    /// Its version.
    pub version: String,
    /// Its name for people; the model's if it is not given.
    pub name: Option<String>,
    /// What Vivado does of it.
    pub flow: ExportFlow,
}

impl Default for Ip {
    fn default() -> Self {
        let [vendor, library, version] = ["sparsehls", "hls", "1.0.0"].map(str::to_owned);
        Self { vendor, library, version, name: None, flow: ExportFlow::None }
    }
}

impl Default for Hls {
    fn default() -> Self {
        Self { block_control: BlockControl::Hs, reset_level: None, tcl: Vec::new(), ip: Ip::default() }
    }
}

impl Hls {
    const BLOCK_CONTROL: &'static str = "block-control";
    /// The key that gives [`reset_level`](Self::reset_level).
    pub(crate) const RESET_LEVEL: &'static str = "reset-level";
    /// The key that gives [`tcl`](Self::tcl).
    pub(crate) const TCL: &'static str = "tcl";
    const VENDOR: &'static str = "ip-vendor";
    const LIBRARY: &'static str = "ip-library";
    const VERSION: &'static str = "ip-version";
    const NAME: &'static str = "ip-name";
    const FLOW: &'static str = "export-flow";

    /// The keys.
    pub(super) const KEYS: [&'static str; 8] =
        [Self::BLOCK_CONTROL, Self::RESET_LEVEL, Self::TCL, Self::VENDOR, Self::LIBRARY, Self::VERSION, Self::NAME, Self::FLOW];

    /// When a reset is on: with AXI-Stream the tool makes it low whatever is asked for.
    pub(crate) fn reset(&self, interface: Option<Interface>) -> ResetLevel {
        let usual = if interface == Some(Interface::Stream) { ResetLevel::Low } else { ResetLevel::High };
        self.reset_level.unwrap_or(usual)
    }
}

/// Reads them; scripts are looked for in `directory`.
pub(super) fn read(tables: &[Table], directory: &Path, language: Language, wrong: &mut Problems) -> Hls {
    if language == Language::Verilog {
        wrong.0.extend(tables.iter().flat_map(refuse));
        return Hls::default();
    }
    let mut text = |key, check: Check| wrong.take(nearest(tables, |table| checked(table, key, check)));
    let given = [(Hls::VENDOR, VENDOR), (Hls::LIBRARY, LIBRARY), (Hls::VERSION, VERSION), (Hls::NAME, NAME)];
    let [vendor, library, version, name] = given.map(|(key, check)| text(key, check));
    let default = Ip::default();
    let ip = Ip {
        vendor: vendor.unwrap_or(default.vendor),
        library: library.unwrap_or(default.library),
        version: version.unwrap_or(default.version),
        name,
        flow: wrong
            .take(nearest(tables, |table| table.choice(Hls::FLOW, ExportFlow::ALL, ExportFlow::name)))
            .unwrap_or(default.flow),
    };
    let block_control =
        wrong.take(nearest(tables, |table| table.choice(Hls::BLOCK_CONTROL, BlockControl::ALL, BlockControl::name)));
    let reset_level = wrong.take(nearest(tables, |table| table.choice(Hls::RESET_LEVEL, ResetLevel::ALL, ResetLevel::name)));
    let tcl: Vec<_> = wrong.take(nearest(tables, |table| table.words(Hls::TCL))).unwrap_or_default();
    let tcl = tcl.into_iter().map(|path| directory.join(path)).collect();
    Hls { block_control: block_control.unwrap_or(BlockControl::Hs), reset_level, tcl, ip }
}

fn refuse(table: &Table) -> impl Iterator<Item = Error> {
    let keys: Vec<_> = table.keys().filter(|key| Hls::KEYS.contains(key)).map(str::to_owned).collect();
    keys.into_iter().map(move |key| {
        let message = format!("`{key}` is for HLS, and this model's backend is \"verilog\"");
        table.error(Code::InvalidValue, &key, message).help(format!("remove `{key}`, or set backend = \"vitis\""))
    })
}

/// Whether a text will do, and what will.
type Check = (fn(&str) -> bool, &'static str);

// They go into Tcl, and into names that the vendor's catalog makes file names of.
const VENDOR: Check = (|text| is_name(text, "._-"), "letters, digits, `.`, `_` and `-`, a letter first, for example \"cern.ch\"");
const LIBRARY: Check = (|text| is_name(text, "_"), "letters, digits and `_`, a letter first, for example \"trigger\"");
const VERSION: Check = (is_version, "two or three numbers with dots, for example \"1.0.0\"");
const NAME: Check = (is_title, "1 to 100 letters, digits, spaces and `.,:+-_()/`, for example \"Track finder\"");

fn is_name(text: &str, more: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || more.contains(c);
    text.len() <= 64 && text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.chars().all(fits)
}

fn is_version(text: &str) -> bool {
    let parts: Vec<_> = text.split('.').collect();
    let number = |part: &&str| (1..=5).contains(&part.len()) && part.chars().all(|c| c.is_ascii_digit());
    (2..=3).contains(&parts.len()) && parts.iter().all(number)
}

fn is_title(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || " .,:+-_()/".contains(c);
    (1..=100).contains(&text.len()) && text.trim() == text && text.chars().all(fits)
}

fn checked(table: &Table, key: &str, (fits, what): Check) -> Result<Option<String>> {
    let Some(text) = table.string(key)? else { return Ok(None) };
    if fits(&text) {
        return Ok(Some(text));
    }
    Err(table.error(Code::InvalidValue, key, format!("`{key}` cannot be {text:?}")).help(format!("use {what}")))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::manifest::HlsTool;

    fn of(own: Value, shared: Value, language: Language) -> (Hls, Vec<String>) {
        let tables = [own, shared].map(|json| Table::new(Some(&json), "sparsehls", "Cargo.toml".as_ref()).unwrap());
        let mut wrong = Problems::default();
        let hls = read(&tables, Path::new("/fw"), language, &mut wrong);
        (hls, wrong.0.iter().map(|error| error.message().to_owned()).collect())
    }

    #[test]
    fn the_nearest_table_decides() {
        let own = json!({ "tcl": ["a.tcl", "scripts/b.tcl"], "ip-version": "2.1", "ip-name": "Track finder (8 bit)" });
        let shared = json!({ "tcl": ["c.tcl"], "ip-vendor": "cern.ch", "ip-version": "1.0.0", "export-flow": "impl" });
        let (hls, wrong) = of(own, shared, Language::Hls(HlsTool::Vitis));
        assert_eq!(wrong, [""; 0]);
        assert_eq!(hls.tcl, [Path::new("/fw/a.tcl"), Path::new("/fw/scripts/b.tcl")]);
        let name = Some("Track finder (8 bit)".to_owned());
        let expected = Ip { vendor: "cern.ch".into(), version: "2.1".into(), name, flow: ExportFlow::Impl, ..Ip::default() };
        assert_eq!(hls.ip, expected);
        assert_eq!(of(json!({}), json!({}), Language::Hls(HlsTool::Vivado)), (Hls::default(), Vec::new()));
    }

    #[test]
    fn what_would_be_tcl_is_refused() {
        for text in ["", "a b", "1a", "a;b", "[exit]", "$x", "a\"b", "a{", "ü", "a\nb"] {
            for key in ["ip-vendor", "ip-library", "ip-version"] {
                let (_, wrong) = of(json!({ key: text }), json!({}), Language::Hls(HlsTool::Vitis));
                assert_eq!(wrong, [format!("`{key}` cannot be {text:?}")]);
            }
        }
        for text in ["", " a", "a]", "a$b", "a\\b", "a\"b", "a{b", "a;b", "a\nb", "é"] {
            let (_, wrong) = of(json!({ "ip-name": text }), json!({}), Language::Hls(HlsTool::Vitis));
            assert_eq!(wrong, [format!("`ip-name` cannot be {text:?}")]);
        }
        for text in ["1", "1.", "1.0.0.0", "1.a", "v1.0", "1.0.0-rc1", "123456.1"] {
            assert!(!is_version(text), "{text}");
        }
    }

    #[test]
    fn verilog_refuses_them_wherever_they_stand() {
        let (read, wrong) = of(json!({ "tcl": [] }), json!({ "ip-vendor": "a" }), Language::Verilog);
        assert_eq!(read, Hls::default());
        let said = |key: &str| format!("`{key}` is for HLS, and this model's backend is \"verilog\"");
        assert_eq!(wrong, [said("tcl"), said("ip-vendor")]);
    }
}
