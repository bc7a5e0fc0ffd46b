//! What a firmware package gets: its model, and the files around it.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use sparsehls_build::{
    Code, Error, Golden, Result,
    emit::{self, Templates},
    manifest,
};

use crate::args::{Common, ContentsArgs};

/// Files of a package, by their path in it.
pub type Files = BTreeMap<PathBuf, Vec<u8>>;

/// A small network with random weights, saved by Keras, and what Keras makes of some events.
const EXAMPLE: &[u8] = include_bytes!("../../../assets/example.keras");
const EXAMPLE_GOLDEN: &[u8] = include_bytes!("../../../assets/example.golden.npz");
const EXAMPLE_INPUT: &str = "ufixed<6,3>";

/// Files made from templates.
const FILES: [(&str, &str); 6] = [
    ("build.rs", "new_build.rs"),
    ("src/lib.rs", "new_lib.rs"),
    ("src/main.rs", "new_main.rs"),
    ("tests/golden.rs", "new_golden.rs"),
    ("README.md", "new_readme.md"),
    (".gitignore", "new_gitignore"),
];

/// The model of a new firmware package, read and checked, and the crate to build it with.
#[derive(Debug)]
pub struct Contents {
    /// Name of the package.
    pub package: String,
    /// Name of the model.
    pub model: String,
    /// Format of the inputs, if it is given.
    pub input: Option<String>,
    /// Whether there is a golden file.
    pub golden: bool,
    /// The folder of `sparsehls-build`, or nothing for crates.io.
    pub path: Option<PathBuf>,
    example: bool,
    files: Files,
}

impl Contents {
    /// What the flags choose; `path` is the package's Cargo.toml.
    ///
    /// # Errors
    /// Whatever is wrong with the model or its golden file.
    pub fn new(common: &Common, args: &ContentsArgs, package: &str, path: &Path) -> Result<Self> {
        let model = model_name(common, args)?;
        let read = |file: &PathBuf| match fs::read(file) {
            Ok(bytes) => Ok(bytes),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Err(Error::new(Code::FileNotFound, "there is no such file").file(file).help("check the path"))
            }
            Err(error) => Err(Error::io("read", file, &error)),
        };
        let (source, golden) = match &args.source {
            Some(source) => (read(source)?, args.golden.as_ref().map(read).transpose()?),
            None => (EXAMPLE.to_vec(), Some(EXAMPLE_GOLDEN.to_vec())),
        };
        let input = args.input.clone().or_else(|| args.source.is_none().then(|| EXAMPLE_INPUT.to_owned()));
        let mut contents = Self {
            package: package.to_owned(),
            input,
            golden: golden.is_some(),
            path: clone(args)?,
            example: args.source.is_none(),
            files: Files::new(),
            model,
        };
        contents.files.insert(contents.source().into(), source);
        contents.files.extend(golden.map(|golden| (contents.golden_file().into(), golden)));
        contents.check(args, path)?;
        Ok(contents)
    }

    /// Where the model goes.
    pub fn source(&self) -> String {
        format!("models/{}.keras", self.model)
    }

    /// Where the golden file goes.
    pub fn golden_file(&self) -> String {
        format!("models/{}.golden.npz", self.model)
    }

    /// The model's table in the manifest, with the paths given.
    fn metadata(&self, source: Value, golden: Value) -> Value {
        let mut table = json!({ "source": source });
        if let Some(table) = table.as_object_mut() {
            table.extend(self.golden.then(|| ("golden".to_owned(), golden)));
            table.extend(self.input.clone().map(|input| ("input".to_owned(), input.into())));
        }
        json!({ "models": { self.model.clone(): table } })
    }

    /// Reads the user's model as a build would.
    fn check(&self, args: &ContentsArgs, path: &Path) -> Result {
        let absolute = |file: &Option<PathBuf>| {
            let file = file.as_deref().map(|file| std::path::absolute(file).unwrap_or_else(|_| file.to_owned()));
            file.map_or(Value::Null, |file| file.to_string_lossy().into_owned().into())
        };
        let package = manifest::Package {
            name: self.package.clone(),
            manifest: path.to_owned(),
            directory: path.parent().unwrap_or(path).to_owned(),
            metadata: Some(self.metadata(absolute(&args.source), absolute(&args.golden))),
            workspace_metadata: None,
            workspace_manifest: path.to_owned(),
            target_directory: PathBuf::new(),
        };
        if args.source.is_none() {
            // The example is ours; what is left to check is the model's name.
            let metadata = self.metadata(self.source().into(), self.golden_file().into());
            return manifest::models(&manifest::Package { metadata: Some(metadata), ..package }).map(drop);
        }
        for model in manifest::models(&package)? {
            let network = sparsehls_build::load(&model)?;
            Golden::of(&model, &network)?;
        }
        Ok(())
    }

    /// All files of a package but the Cargo.toml; `crate_name` is what Rust calls its library.
    ///
    /// # Errors
    /// [`Code::Io`], which cannot happen with the embedded templates.
    pub fn package(&self, crate_name: &str) -> Result<Files> {
        let templates = Templates::new()?;
        let values = emit::serde(json!({
            "name": self.package,
            "crate": crate_name,
            "model": self.model,
            "golden": self.golden.then(|| self.golden_file()),
            "example": self.example,
        }));
        let mut files = self.files.clone();
        for (file, template) in FILES {
            let text = templates.render(template, &values)?;
            files.insert(file.into(), format!("{}\n", text.trim_end()).into_bytes());
        }
        files.extend(sparsehls_templates::CI.iter().map(|(file, text)| (file.into(), text.as_bytes().to_vec())));
        Ok(files)
    }
}

/// `--model`, or else after the file.
fn model_name(common: &Common, args: &ContentsArgs) -> Result<String> {
    match (&common.model[..], &args.source) {
        ([name], _) if name.ends_with(".keras") => {
            Err(Error::new(Code::InvalidValue, format!("`--model {name}` gives the model a name, and this is a file"))
                .help(format!("give the file with `--source {name}`")))
        }
        ([name], _) => Ok(name.clone()),
        ([], None) => Ok("example".to_owned()),
        ([], Some(source)) => Ok(manifest::model_name(&source.file_stem().unwrap_or_default().to_string_lossy())),
        (names, _) => {
            Err(Error::new(Code::ModelAmbiguous, format!("a new package has one model, and there are {} names", names.len()))
                .help("give --model once; add further models to the Cargo.toml"))
        }
    }
}

/// The folder of `sparsehls-build` in the clone that was given, or that this tool was built from.
fn clone(args: &ContentsArgs) -> Result<Option<PathBuf>> {
    const BUILT_FROM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let folder = |clone: &Path| {
        let candidates = [clone.join("build-support"), clone.to_owned()];
        let is_it = |folder: &PathBuf| {
            fs::read_to_string(folder.join("Cargo.toml")).is_ok_and(|text| text.contains("name = \"sparsehls-build\""))
        };
        candidates.into_iter().find(is_it).and_then(|folder| folder.canonicalize().ok())
    };
    let Some(given) = &args.path else { return Ok(folder(Path::new(BUILT_FROM))) };
    folder(given).map(Some).ok_or_else(|| {
        Error::new(Code::FileNotFound, "there is no crate sparsehls-build here")
            .file(given)
            .help("give the folder of a clone of cargo-sparsehls to --path")
    })
}
