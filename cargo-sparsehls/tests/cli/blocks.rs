//! Every command block of the pages, run where the page has the reader run it. What does not run here is listed.
//!
//! A block is `sh` (one script) or `console` (commands behind `$ `, and lines that they print). Remarks that nobody sees say more:
//! `<!-- in FOLDER -->` where it runs, `<!-- file NAME -->` that it is a file, `<!-- metadata -->` that it goes into the manifest. `needs=` behind the fence's word says what a
//! machine may lack. A page begins in an empty folder, and goes on where its last block was.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

use crate::{
    firmware::{path_with, path_without_tools},
    markdown::{Block, Page, pages, repository},
    skip::skipped,
    stand_in,
};

/// What no test machine has, or may do.
const ELSEWHERE: [(&str, &str); 4] = [
    ("cluster", "a batch cluster"),
    ("install", "it installs software"),
    ("minutes", "it takes minutes; other tests run these tools"),
    ("repository", "it works on the whole repository, as CI does"),
];
/// Pages that a test of their own runs.
const OWN: [&str; 1] = ["docs/ecp5.md"];
/// What the training of the guide writes.
const TRAINED: [&str; 2] = ["slope.keras", "slope.golden.npz"];
/// A line that only a shell reads begins like this.
const COMMANDS: [&str; 13] =
    ["$ ", "cargo ", "apt ", "pip ", "python ", "python3 ", "make", "vitis", "vivado", "iverilog", "rustup ", "export ", "PATH="];

/// Who reads the pages one after the other, and types what they say.
struct Reader {
    folder: TempDir,
    /// The page's own folder.
    home: PathBuf,
    /// Where the last command was.
    at: PathBuf,
    run: usize,
    left: Vec<String>,
}

/// Puts into a folder what the training of the guide leaves there.
fn train(folder: &Path) {
    let files = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/guide");
    for name in TRAINED {
        fs::copy(files.join(name), folder.join(name)).unwrap();
    }
}

fn is_slow() -> bool {
    std::env::var_os("SPARSEHLS_SLOW").is_some()
}

/// The Python of an environment with Keras, HGQ2 and sparsepixels.
pub fn keras() -> Option<std::ffi::OsString> {
    std::env::var_os("SPARSEHLS_PYTHON")
}

fn is_installed(program: &str) -> bool {
    Command::new("sh").args(["-c", &format!("command -v {program}")]).output().unwrap().status.success()
}

/// Why a block cannot run here.
fn lack(needs: &str) -> Option<String> {
    if let Some((_, what)) = ELSEWHERE.iter().find(|(word, _)| *word == needs) {
        return Some((*what).to_owned());
    }
    match needs {
        "keras" => None,
        "vitis" => (!is_installed("tclsh")).then(|| "tclsh, for the stand-ins".to_owned()),
        programs => programs.split('+').find(|program| !is_installed(program)).map(str::to_owned),
    }
}

/// A line as far as it is the same on every machine: what is zero stays zero, another number is any number.
fn words(line: &str) -> String {
    let mut words = String::new();
    let mut rest = line;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let number = &rest[start..];
        let end = number.find(|c: char| !c.is_ascii_digit() && !matches!(c, '.' | ':')).unwrap_or(number.len());
        words.push_str(&rest[..start]);
        words.push(if number[..end].chars().all(|c| matches!(c, '0' | '.' | ':')) { '0' } else { '9' });
        rest = &number[end..];
    }
    words.push_str(rest);
    words.split_whitespace().collect::<Vec<_>>().join(" ").replace(['▪', '#'], "")
}

/// Whether a line that was printed is what the page has, in which `...` stands for anything.
fn is_shown(shown: &str, printed: &str) -> bool {
    let (shown, printed) = (words(shown), words(printed));
    let mut parts = shown.split("...");
    let Some(mut rest) = printed.strip_prefix(parts.next().unwrap_or_default().trim_end()) else { return false };
    let mut is_open = false;
    for part in parts {
        let Some(at) = rest.find(part.trim()) else { return false };
        rest = &rest[at + part.trim().len()..];
        is_open = part.trim().is_empty();
    }
    is_open || rest.trim().is_empty()
}

impl Reader {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), home: PathBuf::new(), at: PathBuf::new(), run: 0, left: Vec::new() }
    }

    fn root(&self) -> PathBuf {
        self.folder.path().canonicalize().unwrap()
    }

    /// Reads a page, in an empty folder.
    fn read(&mut self, page: &Page) {
        self.home = self.root().join("pages").join(page.name.replace('/', "-"));
        fs::create_dir_all(&self.home).unwrap();
        self.at = self.home.clone();
        for block in page.blocks().iter().filter(|block| !block.own) {
            self.block(block);
        }
    }

    /// Goes to the page's own folder, or to one that all pages are about: the first who goes there makes it.
    fn enter(&mut self, folder: &str) {
        if folder == "home" {
            return self.at = self.home.clone();
        }
        self.at = self.root().join(folder);
        let first = folder.split('/').next().unwrap();
        let top = self.root().join(first);
        if !top.exists() {
            match first {
                "cargo-sparsehls" => clone(&top),
                "slope-verilog" => {
                    self.package(first);
                    let manifest = top.join("Cargo.toml");
                    let text = fs::read_to_string(&manifest).unwrap();
                    fs::write(manifest, text.replace("backend = \"vitis\"", "backend = \"verilog\"")).unwrap();
                }
                name if name.starts_with("slope") => self.package(name),
                name => panic!("no page is about a folder {name}"),
            }
        }
        if !self.at.exists() {
            assert_eq!(self.shell("cargo sparsehls build --synth skip", &top, None).0, 0);
        }
        assert!(self.at.is_dir(), "there is no folder {folder}");
    }

    /// A package with the model that the guide trains.
    fn package(&self, name: &str) {
        train(&self.root());
        let model = "--model slope --source slope.keras --golden slope.golden.npz --input 'ufixed<4,0>'";
        let (code, said, _) = self.shell(&format!("cargo sparsehls new {name} {model}"), &self.root(), None);
        assert_eq!(code, 0, "{said}");
    }

    /// Has the package say other things of its models.
    fn metadata(&self, lines: &[String]) {
        let path = self.at.join("Cargo.toml");
        let text = fs::read_to_string(&path).unwrap();
        let start = text.find("[package.metadata.sparsehls]").unwrap();
        let end = text.find("# Without debug information").unwrap();
        fs::write(path, format!("{}{}\n\n{}", &text[..start], lines.join("\n"), &text[end..])).unwrap();
    }

    /// Exit code and output of a command, and the folder in which it ended.
    fn shell(&self, command: &str, at: &Path, needs: Option<&str>) -> (i32, String, PathBuf) {
        let cargo =
            "cargo() { case \"$1\" in sparsehls) \"$TOOL\" \"$@\";; *) CARGO_TARGET_DIR=\"$CRATES\" \"$CARGO\" \"$@\";; esac; }";
        let python = "python() { \"$SPARSEHLS_PYTHON\" \"$@\"; }";
        let script = format!("exec 2>&1\nset -eo pipefail\n{cargo}\n{python}\ntrap 'pwd >\"$WHERE\"' EXIT\n{command}\n");
        let mut shell = Command::new("bash");
        shell.args(["-c", &script]).current_dir(at).env("TOOL", env!("CARGO_BIN_EXE_cargo-sparsehls"));
        shell.env("CARGO", std::env::var_os("CARGO").unwrap_or_else(|| env!("CARGO").into()));
        shell.env("CRATES", Path::new(env!("CARGO_TARGET_TMPDIR")).join("crates"));
        let place = self.root().join(".where");
        shell.env("WHERE", &place).env("CARGO_NET_OFFLINE", "true").env("LC_ALL", "C.UTF-8");
        for variable in ["CARGO_TARGET_DIR", "CARGO_BUILD_TARGET_DIR", "XILINX_HLS", "XILINX_VITIS", "XILINX_VIVADO", "RUSTFLAGS"]
        {
            shell.env_remove(variable);
        }
        match needs {
            None | Some("keras") => drop(shell.env("PATH", path_without_tools())),
            Some("vitis") => drop(shell.env("PATH", path_with(&stand_in::folder()))),
            Some(_) => {}
        }
        let output = shell.output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        let at = fs::read_to_string(place).unwrap();
        (output.status.code().unwrap_or(-1), said, at.trim_end().into())
    }

    /// Runs a command and finds what the page shows of it.
    fn command(&mut self, block: &Block, command: &str, shown: &[String]) {
        let other = |part: &str| part.trim_start().starts_with("cargo ") && !part.trim_start().starts_with("cargo sparsehls");
        if !is_slow() && command.split("&&").any(other) {
            self.left.push(format!("{}: SPARSEHLS_SLOW is not set: `{command}`", block.place));
            return;
        }
        if block.needs.as_deref() == Some("keras") && keras().is_none() {
            self.left.push(format!("{}: SPARSEHLS_PYTHON is not set; what it would train is there: `{command}`", block.place));
            return train(&self.at);
        }
        let (code, said, at) = self.shell(command, &self.at, block.needs.as_deref());
        assert_eq!(code, 0, "{}: `{command}` failed:\n{said}", block.place);
        self.at = at;
        self.run += 1;
        for line in shown.iter().filter(|line| line.trim() != "...") {
            let is_there = said.lines().any(|printed| is_shown(line, printed));
            assert!(is_there, "{}: `{command}`: the page has\n{line}\nbut this was printed:\n{said}", block.place);
        }
    }

    fn block(&mut self, block: &Block) {
        if let Some(folder) = &block.folder {
            self.enter(folder);
        }
        if block.metadata {
            return self.metadata(&block.lines);
        }
        if let Some(name) = &block.file {
            return fs::write(self.at.join(name), block.lines.join("\n") + "\n").unwrap();
        }
        let commands = match block.kind.as_str() {
            "sh" => vec![(block.lines.join("\n"), Vec::new())],
            "console" => session(block),
            _ => return,
        };
        if let Some(what) = block.needs.as_deref().and_then(lack) {
            let first = commands.first().and_then(|(command, _)| command.lines().next()).unwrap_or_default();
            self.left.push(format!("{}: {what}: `{first}` ({} lines)", block.place, block.lines.len()));
            return;
        }
        for (command, shown) in commands {
            self.command(block, &command, &shown);
        }
    }
}

/// The commands of a console, each with the lines behind it.
pub fn session(block: &Block) -> Vec<(String, Vec<String>)> {
    let mut commands: Vec<(String, Vec<String>)> = Vec::new();
    for line in &block.lines {
        match (line.strip_prefix("$ "), commands.last_mut()) {
            (Some(command), _) => commands.push((command.to_owned(), Vec::new())),
            (None, Some((_, shown))) => shown.push(line.clone()),
            (None, None) => panic!("{}: the first line is no command", block.place),
        }
    }
    commands
}

/// A workspace with the example firmware, as a clone of the repository has it, for what needs no compiler.
fn clone(folder: &Path) {
    let example = repository().join("example-firmware");
    let own = folder.join("example-firmware");
    fs::create_dir_all(own.join("src")).unwrap();
    fs::create_dir(own.join("models")).unwrap();
    for entry in fs::read_dir(example.join("models")).unwrap().map(Result::unwrap) {
        fs::copy(entry.path(), own.join("models").join(entry.file_name())).unwrap();
    }
    let manifest = fs::read_to_string(example.join("Cargo.toml")).unwrap();
    let metadata = &manifest[manifest.find("[package.metadata.sparsehls]").unwrap()..];
    let package = "[package]\nname = \"example-firmware\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n";
    fs::write(own.join("Cargo.toml"), format!("{package}{metadata}")).unwrap();
    fs::write(own.join("src/lib.rs"), "").unwrap();
    fs::write(folder.join("Cargo.toml"), "[workspace]\nmembers = [\"example-firmware\"]\nresolver = \"3\"\n").unwrap();
    // The stand-ins, which pages name by their place.
    let tests = folder.join("cargo-sparsehls/tests");
    fs::create_dir_all(&tests).unwrap();
    std::os::unix::fs::symlink(stand_in::folder().parent().unwrap(), tests.join("stand-in")).unwrap();
}

#[test]
fn every_command_block_of_the_pages_runs() {
    let mut reader = Reader::new();
    for page in pages().iter().filter(|page| !OWN.contains(&page.name.as_str())) {
        reader.read(page);
    }
    reader.left.iter().for_each(|line| skipped(line));
    assert!(reader.run >= 35, "only {} commands ran", reader.run);
}

#[test]
fn every_command_stands_in_a_block_that_runs() {
    for page in pages() {
        let mut open = false;
        for (at, line) in page.text.lines().enumerate() {
            open ^= line.starts_with("```");
            let Some(code) = line.strip_prefix("    ").filter(|_| !open) else { continue };
            let command = COMMANDS.iter().find(|start| code.starts_with(*start));
            assert!(command.is_none(), "{}:{}: a command in an indented block is not run: {line}", page.name, at + 1);
        }
    }
}

#[test]
fn numbers_of_a_page_may_differ_but_not_zero() {
    assert!(is_shown("csim differs in 0 of 500 events", "  csim  differs in 0 of 48 events"));
    assert!(!is_shown("csim differs in 0 of 500 events", "csim differs in 3 of 48 events"));
    assert!(
        is_shown("Generated in /.../digits", "Generated in /tmp/x/digits") && is_shown("Finished in ...", "Finished in 1.2 s")
    );
    assert!(!is_shown("Generated in /.../digits", "Generated in /tmp/digits/y") && !is_shown("a b", "a b c"));
}
