//! A firmware crate in a temporary folder, and cargo run on it, without the network.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{PoisonError, RwLock},
};

use tempfile::TempDir;

/// Whether the slow tests run; says so if they do not.
pub fn slow() -> bool {
    let on = std::env::var_os("SPARSEHLS_SLOW").is_some();
    if !on {
        crate::skip::skipped("SPARSEHLS_SLOW is not set");
    }
    on
}

/// The repository.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Where all crates are built: what they depend on is compiled once.
pub fn shared_target() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("crates")
}

/// Who says that nothing is built again holds this for reading; who touches the tool's own sources, for writing.
pub static SOURCES: RwLock<()> = RwLock::new(());

/// The smallest build script, and what includes its result.
pub const BUILD: &str = "fn main() -> sparsehls_build::Result { sparsehls_build::Build::from_manifest()?.compile() }\n";
pub const INCLUDE: &str = "include!(concat!(env!(\"OUT_DIR\"), \"/sparsehls.rs\"));\n";

/// A firmware crate.
pub struct Firmware {
    directory: TempDir,
    pub folder: PathBuf,
    pub name: String,
    pub target: PathBuf,
}

/// How a command ended.
#[derive(Debug)]
pub struct Run {
    pub success: bool,
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    /// Fails unless the command succeeded.
    pub fn ok(self) -> Self {
        assert!(self.success, "{}\n{}", self.stdout, self.stderr);
        self
    }

    /// Whether the build script ran in this `cargo -v`.
    pub fn ran_script(&self) -> bool {
        self.stderr.contains("build-script-build`")
    }
}

impl Firmware {
    /// A package in the folder `fw` with these models, each a copy of a fixture. Every package of these tests has a name
    /// of its own, as they share a target directory.
    pub fn new(name: &str, models: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let folder = directory.path().canonicalize().unwrap().join("fw");
        let firmware = Self { directory, folder, name: name.to_owned(), target: shared_target() };
        let mut metadata = String::new();
        for (model, fixture) in models {
            firmware.add(model, fixture);
            writeln!(metadata, "[package.metadata.sparsehls.models.{model}]").unwrap();
            writeln!(metadata, "source = \"models/{model}.keras\"\ngolden = \"models/{model}.npz\"").unwrap();
        }
        firmware.manifest(&metadata);
        firmware.write("build.rs", BUILD);
        firmware.write("src/lib.rs", INCLUDE);
        firmware
    }

    /// The folder that everything of this crate is in.
    pub fn outside(&self) -> PathBuf {
        self.directory.path().canonicalize().unwrap()
    }

    /// Copies a fixture and its arrays.
    pub fn add(&self, model: &str, fixture: &str) {
        for extension in ["keras", "npz"] {
            let from = repository().join(format!("build-support/tests/fixtures/{fixture}.{extension}"));
            self.write(&format!("models/{model}.{extension}"), fs::read(from).unwrap());
        }
    }

    /// Writes the Cargo.toml, which ends with `rest`.
    pub fn manifest(&self, rest: &str) {
        let head = format!("[package]\nname = \"{}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n", self.name);
        self.write("Cargo.toml", format!("{head}\n{}\n{rest}", dependency()));
    }

    /// Writes build.rs and src/lib.rs of a further package in a folder of its name; returns the head of its Cargo.toml.
    pub fn member(&self, name: &str) -> String {
        self.write(&format!("{name}/build.rs"), BUILD);
        self.write(&format!("{name}/src/lib.rs"), INCLUDE);
        format!("[package]\nname = \"{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n{}", dependency())
    }

    /// Writes a file of the crate.
    pub fn write(&self, file: &str, contents: impl AsRef<[u8]>) {
        let path = self.folder.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, contents).unwrap();
    }

    /// Cargo, in the crate's folder and without the network.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| env!("CARGO").into()));
        command.args(arguments).current_dir(&self.folder).env("CARGO_TARGET_DIR", &self.target);
        command.env("CARGO_NET_OFFLINE", "true").env("CARGO_TERM_COLOR", "never").env("LC_ALL", "C");
        for variable in ["CXX", "CXXFLAGS", "DOCS_RS", "RUSTFLAGS", "RUSTDOCFLAGS", "XILINX_HLS", "XILINX_VITIS", "XILINX_VIVADO"]
        {
            command.env_remove(variable);
        }
        command
    }

    /// Runs cargo to its end.
    pub fn cargo(&self, arguments: &[&str]) -> Run {
        finish(self.command(arguments))
    }

    /// `OUT_DIR` of the newest build.
    pub fn out_dir(&self) -> PathBuf {
        let builds = self.target.join("debug/build");
        let ours = fs::read_dir(builds).unwrap().flatten().map(|entry| entry.path().join("out"));
        let of_us = |path: &PathBuf| {
            path.parent().unwrap().file_name().unwrap().to_string_lossy().starts_with(&format!("{}-", self.name))
        };
        let written = |path: &PathBuf| path.join("sparsehls.rs").metadata().and_then(|file| file.modified()).ok();
        ours.filter(of_us).filter(|path| written(path).is_some()).max_by_key(written).expect("a build")
    }
}

impl Drop for Firmware {
    fn drop(&mut self) {
        finish(self.command(&["clean", "--quiet", "-p", &self.name]));
    }
}

/// The lines that make a package depend on this repository's crate.
pub fn dependency() -> String {
    format!("[build-dependencies]\nsparsehls-build.path = {:?}\n", repository().join("build-support"))
}

/// `cargo clean -p` takes away what has the name of a target of the package, and new packages all have a test `golden`: nobody
/// else may be about to run his.
static BUILT: RwLock<()> = RwLock::new(());

/// Runs a command to its end.
pub fn finish(mut command: Command) -> Run {
    let is_clean = command.get_args().next().is_some_and(|first| first == "clean");
    let _cleans = is_clean.then(|| BUILT.write().unwrap_or_else(PoisonError::into_inner));
    let _builds = (!is_clean).then(|| BUILT.read().unwrap_or_else(PoisonError::into_inner));
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Run { success: output.status.success(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// Every file below `folder` and what it holds, without what is only temporary.
pub fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut left = vec![folder.to_owned()];
    while let Some(next) = left.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            match path.file_name().unwrap().to_string_lossy() {
                name if name.starts_with(".sparsehls-") || name.starts_with("flag_check") => {}
                _ if path.is_dir() => left.push(path),
                _ => drop(found.insert(path.strip_prefix(folder).unwrap().to_owned(), fs::read(&path).unwrap())),
            }
        }
    }
    found
}
