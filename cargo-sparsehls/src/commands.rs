//! One module for each command, and what they share.

pub mod build;
pub mod check;
pub mod clean;
pub mod doctor;
pub mod explain;
pub mod explore;
pub mod new;
pub mod predict;
pub mod profile;
pub mod report;
pub mod trace;
pub mod verify;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use sparsehls_build::{
    Code, Error, Errors, Firmware, Note, Result, Simulation,
    backend::{Compiled, SharedLibrary},
    check::Comparison,
    files,
    formats::{FixedNetwork, GridReport},
    lock,
    manifest::{self, Model, Package},
    parts::{self, Demand},
    toolchain::Cancel,
};

use crate::{
    args::Common,
    interrupt::Interrupt,
    message::{Message, Project},
    output::Output,
};

/// Reads a model.
pub fn read(common: &Common, package: &Package, model: Model) -> Result<Firmware, Errors> {
    let directory = output_directory(common, package)?.join(&model.name);
    Firmware::load(&package.name, model, directory)
}

/// The golden file of the manifest, which is needed `what`; `remedy` says what to do if there is none.
pub fn golden_file<'a>(firmware: &'a Firmware, what: &str, remedy: &str) -> Result<&'a Path> {
    let model = &firmware.model;
    model.golden.as_deref().ok_or_else(|| {
        Error::new(Code::MissingKey, format!("model `{}` has no golden file {what}", model.name))
            .file(&model.manifest)
            .key(format!("{}.golden", model.key()))
            .help(remedy)
    })
}

/// Brings the project and what simulates it up to date, and tells programs where the project is.
pub fn compile<'a>(firmware: &'a Firmware, interrupt: &Interrupt, output: &Output) -> Result<Simulation<'a>> {
    simulate(firmware, interrupt, output, || tell(firmware, output), |_, _, _| Ok(())).map(|(simulation, ())| simulation)
}

fn tell(firmware: &Firmware, output: &Output) {
    output.json(&Message::Project(Project {
        model: firmware.model.name.clone(),
        backend: firmware.backend.name().to_owned(),
        path: firmware.directory.display().to_string(),
    }));
}

/// The same, and a library of it. There is none of what answers wrongly, and without a compiler none of a circuit.
pub fn compile_with_library<'a>(
    firmware: &'a Firmware,
    interrupt: &Interrupt,
    output: &Output,
) -> Result<(Simulation<'a>, Option<SharedLibrary>)> {
    let name = &firmware.model.name;
    let written = || tell(firmware, output);
    let made = simulate(firmware, interrupt, output, written, |simulation, cancel, waiting| {
        if simulation.answer.first.is_some() {
            return Ok(None);
        }
        match firmware.library(simulation, cancel, waiting) {
            // What is simulated may do without one.
            Err(error) if matches!(error.code(), Code::NoCompiler | Code::CompileFailed) => {
                output.note(Note::NoLibrary, &format!("{name}: no shared library is made: {}", error.message()));
                Ok(None)
            }
            other => other.map(Some),
        }
    });
    // One that an earlier build has left is of something else.
    if !matches!(&made, Ok((_, Some(_)))) && !made.as_ref().is_err_and(|error| error.code() == Code::Interrupted) {
        firmware.remove_library()?;
    }
    made
}

/// Brings a project and what simulates it up to date; `written` is called between the two, and `then` makes what else is to be
/// made of it. A signal ends what is started.
fn simulate<'a, T>(
    firmware: &'a Firmware,
    interrupt: &Interrupt,
    output: &Output,
    written: impl FnOnce(),
    then: impl FnOnce(&Simulation<'a>, &Cancel, &dyn Fn(Duration)) -> Result<T>,
) -> Result<(Simulation<'a>, T)> {
    let model = &firmware.model;
    let live = output.live(&model.name);
    interrupt.guard(|cancel| {
        let waiting = |elapsed| live.show(lock::WAITING, elapsed);
        let generated = firmware.generate(firmware.bench_events()?.as_ref(), cancel, &waiting)?;
        written();
        let mut simulation = firmware.compile(generated)?;
        let Compiled { engine, is_new, .. } = &simulation.compiled;
        output.detail(if *is_new { "Compiled" } else { "Fresh" }, &format!("{} of {}", engine.name(), model.name));
        let then = then(&simulation, cancel, &waiting)?;
        // What it was linked from lies in a folder that a signal would leave behind later.
        simulation.compiled.object = None;
        Ok((simulation, then))
    })
}

/// The models the flags choose, unread, with their packages.
pub fn chosen(common: &Common) -> Result<Vec<(Package, Model)>> {
    let read = |(package, model): (Package, Result<Model, Errors>)| Ok((package, model.map_err(|errors| errors.first)?));
    chosen_each(common)?.into_iter().map(read).collect()
}

/// As [`chosen`], where each model can have errors of its own in the manifest. What is wrong outside of their tables
/// stands for all models of the package.
fn chosen_each(common: &Common) -> Result<Vec<(Package, Result<Model, Errors>)>> {
    let mut chosen = Vec::new();
    let mut known = Vec::new();
    let mut is_complete = true;
    for package in common.selection().packages()? {
        let models = match manifest::each_model(&package) {
            Ok(models) => models,
            Err(errors) => {
                chosen.push((package, Err(errors)));
                is_complete = false;
                continue;
            }
        };
        for (name, model) in models {
            if common.model.is_empty() || common.model.contains(&name) {
                chosen.push((package.clone(), model));
            }
            known.push(name);
        }
    }
    match common.model.iter().find(|name| !known.contains(name)) {
        Some(unknown) if is_complete => Err(Error::new(Code::ModelNotDeclared, format!("no model `{unknown}` is declared"))
            .help(format!("declared models: {}", known.join(", ")))),
        _ => Ok(chosen),
    }
}

/// Reads the models the flags choose.
pub fn load(common: &Common) -> Result<Vec<Firmware>> {
    chosen(common)?.into_iter().map(|(package, model)| read(common, &package, model).map_err(|errors| errors.first)).collect()
}

/// Reads the models the flags choose, each with all that is wrong with it.
pub fn load_each(common: &Common) -> Result<Vec<Result<Firmware, Errors>>> {
    let read = |(package, model): (Package, Result<Model, Errors>)| read(common, &package, model?);
    Ok(chosen_each(common)?.into_iter().map(read).collect())
}

/// Where everything of a package goes. What the command line says comes before the manifest.
pub fn output_directory(common: &Common, package: &Package) -> Result<PathBuf> {
    let folder = out_dir(common, package)?
        .unwrap_or_else(|| common.target_dir.as_ref().unwrap_or(&package.target_directory).join("sparsehls"));
    Ok(std::path::absolute(&folder).unwrap_or(folder).join(&package.name))
}

/// The folder for projects, if it is none of the target directory's.
pub fn out_dir(common: &Common, package: &Package) -> Result<Option<PathBuf>> {
    match (&common.out_dir, &common.target_dir) {
        (None, None) => package.out_dir(),
        (given, _) => Ok(given.clone()),
    }
}

/// Reads the one model the flags choose.
pub fn load_one(common: &Common) -> Result<Firmware> {
    let mut models = chosen(common)?;
    if models.len() != 1 {
        let names: Vec<_> = models.iter().map(|(_, model)| model.name.as_str()).collect();
        return Err(Error::new(
            Code::ModelAmbiguous,
            format!("this command works on one model, and there are {} models: {}", names.len(), names.join(", ")),
        )
        .help("choose one with --model NAME"));
    }
    let (package, model) = models.remove(0);
    read(common, &package, model).map_err(|errors| errors.first)
}

/// The file of the flag `flag` must be called after what is written into it, `what`.
pub fn check_extension(path: &Path, extension: &str, flag: &str, what: &str) -> Result {
    if path.extension().is_some_and(|found| found.eq_ignore_ascii_case(extension)) {
        return Ok(());
    }
    let better = path.with_extension(extension);
    Err(Error::new(Code::InvalidName, format!("{what}, and the name of the file does not end with `.{extension}`"))
        .file(path)
        .help(format!("use `{flag} {}`", better.display())))
}

/// Writes a file that a flag names.
pub fn write_given(path: &Path, text: &str) -> Result {
    // A folder that is not there is a slip of the pen more often than a wish for one.
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::metadata(folder).map_err(|error| Error::io("write", path, &error))?;
    // Written through a link, as every other program does it.
    let path = &std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    files::write_atomically(path, |file| file.write_all(text.as_bytes()))
}

/// Says what happened to inputs that are not on the grid.
pub fn note_grid(output: &Output, name: &str, network: &FixedNetwork, report: GridReport) {
    for sentence in report.sentences(&network.input) {
        output.note(Note::InputOffGrid, &format!("{name}: {sentence}"));
    }
}

/// Says what Keras's own float32 may have done.
pub fn note_float32(output: &Output, name: &str, comparison: &Comparison) {
    comparison.notes().iter().for_each(|(note, text)| output.note(*note, &format!("{name}: {text}")));
}

/// Says what a design takes of its part; before the share stands `prefix`.
pub fn note_part(output: &Output, prefix: &str, name: &str, part: &str, demand: &Demand) {
    let (share, warnings) = parts::describe(part, demand);
    match parts::capacity(part) {
        Some(_) => output.text(&format!("{prefix}{share}")),
        None => output.text(&format!("{prefix}{share} {}", Note::PartUnknown)),
    }
    warnings.iter().for_each(|warning| output.note(Note::PartFull, &format!("{name}: {warning}")));
}
