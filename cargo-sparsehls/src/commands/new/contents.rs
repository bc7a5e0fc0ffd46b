//! What a firmware package gets: its model, and the files around it.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use sparsehls_build::{
    Code, Error, Firmware, Note, Result,
    backend::{self, Templates},
    manifest,
};

use super::{dependency::Dependency, missing::Missing, recipes::Recipe};
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
    /// Keys with formats that are given.
    pub formats: Vec<(&'static str, String)>,
    /// Keys that the model needs and that are not given.
    pub missing: Vec<Missing>,
    /// Whether there is a golden file.
    pub golden: bool,
    /// Where `sparsehls-build` comes from.
    pub dependency: Dependency,
    example: bool,
    files: Files,
}

impl Contents {
    /// What the flags choose; `path` is the package's Cargo.toml.
    ///
    /// # Errors
    /// Whatever is wrong with the model or its golden file, but for keys that can be filled in later.
    pub fn new(common: &Common, args: &ContentsArgs, package: &str, path: &Path, dependency: Dependency) -> Result<Self> {
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
        let formats = [
            ("input", input),
            ("weights-precision", args.weights_precision.clone()),
            ("result-precision", args.result_precision.clone()),
        ];
        let mut contents = Self {
            package: package.to_owned(),
            formats: formats.into_iter().filter_map(|(key, format)| Some((key, format?))).collect(),
            missing: Vec::new(),
            golden: golden.is_some(),
            dependency,
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
            table.extend(self.formats.iter().map(|(key, format)| ((*key).to_owned(), format.clone().into())));
        }
        json!({ "models": { self.model.clone(): table } })
    }

    /// Reads the user's model as a build would.
    fn check(&mut self, args: &ContentsArgs, path: &Path) -> Result {
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
        for mut model in manifest::models(&package)? {
            let firmware = loop {
                match Firmware::load(&package.name, model.clone(), PathBuf::new()) {
                    Ok(firmware) => break firmware,
                    Err(errors) => self.missing.push(Missing::of(errors.first, &mut model)?),
                }
            };
            firmware.golden()?;
        }
        Ok(())
    }

    /// What is to be known, and to be done, about the package.
    pub fn notes(&self) -> Vec<(Note, String)> {
        let missing = self.missing.iter().map(|missing| (Note::MissingKeys, missing.note(self.golden)));
        self.dependency.note().into_iter().chain(missing).collect()
    }

    /// What comes next.
    pub fn next(&self) -> String {
        let then = if self.missing.is_empty() { "" } else { "then " };
        if self.golden {
            return format!("{then}run `cargo test` there to compile the simulation and to compare it with the golden file");
        }
        let file = self.golden_file();
        format!(
            "{then}run `cargo test` there to compile the simulation and to compare it with the exact reference. To compare it with \
             Keras too, save events with `np.savez_compressed(\"{file}\", x=inputs, y=model.predict(inputs))`, and add \
             `golden = \"{file}\"` to the model in Cargo.toml"
        )
    }

    /// The full names of the keys that are missing.
    pub fn missing_keys(&self) -> Vec<String> {
        self.missing.iter().map(|missing| format!("package.metadata.sparsehls.models.{}.{}", self.model, missing.key)).collect()
    }

    /// All files of a package in `folder` but the Cargo.toml; `crate_name` is what Rust calls its library.
    ///
    /// # Errors
    /// [`Code::ManifestUnreadable`] for one above `folder`.
    pub fn package(&self, crate_name: &str, folder: &Path) -> Result<Files> {
        let templates = Templates::new()?;
        let recipe = Recipe::new(&self.dependency, folder)?;
        let values = backend::serde(json!({
            "name": self.package,
            "crate": crate_name,
            "model": self.model,
            "golden": self.golden.then(|| self.golden_file()),
            "example": self.example,
            "golden_file": self.golden_file(),
            "install": self.dependency.install(),
            "alone": self.dependency.alone(),
            "below": recipe.is_misplaced(),
        }));
        let mut files = self.files.clone();
        for (file, template) in FILES {
            let text = templates.render(template, &values)?;
            files.insert(file.into(), format!("{}\n", text.trim_end()).into_bytes());
        }
        Ok(files)
    }

    /// The recipes for CI of a package in `folder`, and where they go: the root of the workspace, or the package.
    ///
    /// # Errors
    /// [`Code::ManifestUnreadable`] for one above `folder`.
    pub fn recipes(&self, folder: &Path) -> Result<(PathBuf, Files)> {
        let recipe = Recipe::new(&self.dependency, folder)?;
        Ok((recipe.root().to_owned(), recipe.files()))
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
