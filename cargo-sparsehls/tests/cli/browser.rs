//! A page in real Chromium without a window: what it says, what axe says of it, how wide and how fast it is.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::skip::skipped;

/// Chromium, and axe-core if it is there.
pub struct Browser {
    program: PathBuf,
    axe: Option<String>,
}

/// What is put behind a page: it collects what is wrong, and leaves it as the text of an element.
const PROBE: &str = r#"
(async () => {
  const found = { errors, title: document.title, text: document.body.innerText };
  found.wider = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  found.loaded = performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd;
  found.dark = matchMedia('(prefers-color-scheme: dark)').matches;
  found.paper = getComputedStyle(document.body).backgroundColor;
  if (window.axe) {
    const result = await axe.run(document, { resultTypes: ['violations'] });
    found.violations = result.violations.map(v => v.id + ': ' + v.nodes.slice(0, 3).map(n => n.html.slice(0, 200)).join(' | '));
  }
  const out = document.createElement('pre');
  out.id = 'probe';
  out.textContent = 'PROBE' + btoa(unescape(encodeURIComponent(JSON.stringify(found)))) + 'EBORP';
  document.body.append(out);
})();
"#;

/// Whether all pages are looked at in all ways: half of that takes half a minute.
pub fn is_thorough() -> bool {
    std::env::var_os("SPARSEHLS_SLOW").is_some()
}

impl Browser {
    /// Chromium, if it is installed.
    pub fn find() -> Option<Self> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let names = ["chromium", "chromium-browser", "google-chrome"];
        let mut places = std::env::split_paths(&path).flat_map(|folder| names.map(|name| folder.join(name)));
        let Some(program) = places.find(|program| program.is_file()) else {
            skipped("no chromium on PATH: the page of a report is not looked at in a browser");
            return None;
        };
        let axe = std::env::var_os("SPARSEHLS_AXE").and_then(|path| fs::read_to_string(path).ok());
        if !is_thorough() {
            skipped("the page of digits, pages as wide as a tablet, and wide ones by day: SPARSEHLS_SLOW is not set");
        }
        if axe.is_none() {
            skipped("SPARSEHLS_AXE is no axe.min.js of axe-core (npm): nothing says whether the page is accessible");
        }
        Some(Self { program, axe })
    }

    /// Looks at a page at three widths, and in the dark; `never` must not be its title.
    pub fn look_at(&self, page: &Path, name: &str, never: &[&str]) {
        let views = [(390, false), (1440, true), (820, false), (1440, false)];
        for (width, dark) in &views[..if is_thorough() { 4 } else { 2 }] {
            let (width, dark) = (*width, *dark);
            let what = format!("{name} at {width}{}", if dark { ", dark" } else { "" });
            let found = self.probe(page, width, dark);
            assert_eq!(found["errors"], serde_json::json!([]), "{what}: no message on the console");
            assert!(found["wider"].as_i64().unwrap() <= 0, "{what}: {} pixels wider than the window", found["wider"]);
            // A second is what people should wait; this machine may be busy.
            assert!(found["loaded"].as_f64().unwrap() < 5_000.0, "{what}: {} ms", found["loaded"]);
            assert_eq!(found["dark"], dark);
            assert_eq!(found["paper"] == "rgb(255, 255, 255)", !dark, "{what}: {}", found["paper"]);
            assert!(never.iter().all(|title| found["title"] != *title), "{what}: {}", found["title"]);
            assert!(found["text"].as_str().unwrap().contains("Agreement with Keras"), "{what}");
            assert_eq!(found["violations"].is_array(), self.axe.is_some());
            assert!(found["violations"].as_array().is_none_or(Vec::is_empty), "{what}: {:#}", found["violations"]);
            self.take(page, &format!("{name}-{width}{}.png", if dark { "-dark" } else { "" }), width, dark);
        }
    }

    fn command(&self, width: u32, height: u32, dark: bool) -> Command {
        let mut command = Command::new(&self.program);
        command.args(["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--disable-dev-shm-usage"]);
        command.arg(format!("--window-size={width},{height}"));
        // 0 is dark, 1 is light.
        command.arg(format!("--blink-settings=preferredColorScheme={}", u8::from(!dark)));
        command
    }

    /// The page with the probe in it; its own policy lets no script run, which is looked at first.
    fn probe(&self, page: &Path, width: u32, dark: bool) -> Value {
        let text = fs::read_to_string(page).unwrap();
        let policy = "default-src 'none'; style-src 'unsafe-inline'";
        assert!(text.contains(policy));
        let open = text.replace(policy, "");
        let (head, body) = open.split_once("<style>").unwrap();
        let early = "<script>var errors=[];addEventListener('error',e=>errors.push(String(e.message||e.target.src)),true);\
            for(const k of ['error','warn'])console[k]=m=>errors.push(String(m))</script><style>";
        let axe =
            self.axe.as_ref().map_or(String::new(), |axe| format!("<script>{}</script>", axe.replace("</script", "<\\/script")));
        let body = body.replace("</body>", &format!("{axe}<script>{PROBE}</script></body>"));
        let probed = page.with_extension("probe.html");
        fs::write(&probed, format!("{head}{early}{body}")).unwrap();
        let start = Instant::now();
        let mut command = self.command(width, 900, dark);
        command.args(["--virtual-time-budget=20000", "--dump-dom"]).arg(&probed);
        let output = command.output().unwrap();
        assert!(start.elapsed() < Duration::from_secs(300));
        let dom = String::from_utf8_lossy(&output.stdout);
        let found = dom.split("PROBE").last().and_then(|text| text.split("EBORP").next()).unwrap_or_default();
        let bytes = decoded(found);
        serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
    }

    /// A picture of the page as it is, policy and all, into the folder that `SPARSEHLS_SHOTS` names. The browser's own messages
    /// must not tell of anything that the page has done.
    fn take(&self, page: &Path, name: &str, width: u32, dark: bool) {
        let folder = std::env::var_os("SPARSEHLS_SHOTS").map_or_else(|| page.parent().unwrap().to_owned(), PathBuf::from);
        let shot = folder.join(name);
        let mut command = self.command(width, 4000, dark);
        command.args(["--enable-logging=stderr", "--log-level=0"]).arg(format!("--screenshot={}", shot.display())).arg(page);
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!said.contains("CONSOLE"), "{name}: {said}");
        assert!(fs::metadata(&shot).is_ok_and(|shot| shot.len() > 10_000), "{name}: {said}");
    }
}

/// Base 64.
fn decoded(text: &str) -> Vec<u8> {
    let value = |c: u8| match c {
        b'A'..=b'Z' => c - b'A',
        b'a'..=b'z' => c - b'a' + 26,
        b'0'..=b'9' => c - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let digits: Vec<u32> = text.bytes().filter(|c| *c != b'=').map(|c| u32::from(value(c))).collect();
    let group = |digits: &[u32]| {
        let bits = digits.iter().fold(0, |bits, digit| bits << 6 | digit) << (6 * (4 - digits.len()));
        bits.to_be_bytes()[1..digits.len()].to_vec()
    };
    digits.chunks(4).flat_map(group).collect()
}
