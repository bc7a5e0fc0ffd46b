//! NumPy files: events for `predict` and `verify`, and golden sets.
//!
//! The header of a `.npy` file is a small Python dictionary with three fixed keys. It is read here by hand: the crates
//! that do it bring a Python-literal parser with a grammar compiler into every user's build (npyz adds 20 crates).

mod events;
mod npy;

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufReader, Read, Write},
    path::Path,
};

pub use self::events::{Events, Source};
use crate::{
    error::{Code, Error, Result},
    formats::{FixedNetwork, GridReport},
    mantissas::Mantissas,
    process::Cancel,
};

/// The largest array that is unpacked to a disk, in bytes.
const MAX_BYTES: u64 = 8 << 30;

/// The most values of all arrays that are read from a file as a whole. Each takes 8 bytes; what streams has no such bound.
const MAX_VALUES: u64 = 1 << 25;

/// The most bytes that one byte of a compressed archive can stand for.
const MOST_UNPACKED: u64 = 1032;

/// An array of numbers, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// Its shape; the first axis counts events.
    pub shape: Vec<usize>,
    /// Its values.
    pub values: Vec<f64>,
}

impl Array {
    /// The number of events.
    pub fn events(&self) -> usize {
        self.shape.first().copied().unwrap_or(0)
    }
}

/// A set of events and what Keras makes of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Golden {
    /// Inputs, (events, …).
    pub x: Array,
    /// Outputs, (events, outputs).
    pub y: Array,
}

/// Reads a `.npy` file.
///
/// # Errors
/// [`Code::FileNotFound`], [`Code::Io`], [`Code::InvalidData`].
pub fn read_npy(path: &Path) -> Result<Array> {
    let file = open(path)?;
    // A pipe does not tell how much is in it.
    let size = file.metadata().ok().filter(|metadata| metadata.is_file()).map_or(u64::MAX, |metadata| metadata.len());
    npy::read(&mut BufReader::new(file), size, &mut { MAX_VALUES }).map_err(|error| error.file(path))
}

/// Reads the arrays `x` and `y` of a `.npz` file.
///
/// # Errors
/// As [`read_npy`].
pub fn read_golden(path: &Path) -> Result<Golden> {
    let (mut archive, mut left) = (archive(path)?, MAX_VALUES);
    // Before any value is in memory.
    let [x, y] = ["x", "y"].map(|name| events_of(&mut archive, name, path));
    let (x, y) = (x?, y?);
    if x != y {
        let message = format!("`x` has {x} events, `y` has {y}");
        return Err(Error::new(Code::InvalidData, message).file(path).help("both arrays need the same events"));
    }
    Ok(Golden { x: member(&mut archive, "x", path, &mut left)?, y: member(&mut archive, "y", path, &mut left)? })
}

/// How many events an array says that it has.
fn events_of(archive: &mut zip::ZipArchive<File>, name: &str, path: &Path) -> Result<usize> {
    let header = npy::header(&mut member_of(archive, name, path)?).map_err(|error| error.file(path))?;
    Ok(header.shape.first().copied().unwrap_or(0))
}

/// Reads all arrays of a `.npz` file by name.
///
/// # Errors
/// As [`read_npy`].
pub fn read_npz(path: &Path) -> Result<BTreeMap<String, Array>> {
    let (mut archive, mut left) = (archive(path)?, MAX_VALUES);
    let names: Vec<String> = archive.file_names().filter_map(|name| Some(name.strip_suffix(".npy")?.to_owned())).collect();
    names.into_iter().map(|name| Ok((name.clone(), member(&mut archive, &name, path, &mut left)?))).collect()
}

fn archive(path: &Path) -> Result<zip::ZipArchive<File>> {
    zip::ZipArchive::new(open(path)?).map_err(|error| {
        Error::new(Code::InvalidData, format!("this is not an .npz file: {error}"))
            .file(path)
            .help("write it with `numpy.savez_compressed(path, x=inputs, y=outputs)`")
    })
}

fn member_of<'a>(archive: &'a mut zip::ZipArchive<File>, name: &str, path: &Path) -> Result<zip::read::ZipFile<'a, File>> {
    let help = "write it with `numpy.savez_compressed(path, x=inputs, y=outputs)`";
    let file = format!("{name}.npy");
    if archive.index_for_name(&file).is_none() {
        let message = format!("the file has no array `{name}`; {}", what_is_there(archive));
        return Err(Error::new(Code::InvalidData, message).file(path).help(help));
    }
    archive.by_name(&file).map_err(|error| {
        Error::new(Code::InvalidData, format!("the array `{name}` cannot be read: {error}")).file(path).help(help)
    })
}

/// The arrays of an archive, in words.
fn what_is_there(archive: &zip::ZipArchive<File>) -> String {
    const SHOWN: usize = 10;
    let mut names = archive.file_names().filter_map(|name| Some(format!("`{}`", name.strip_suffix(".npy")?)));
    let shown: Vec<String> = names.by_ref().take(SHOWN).collect();
    match (shown.as_slice(), names.count()) {
        ([], _) => "it holds no array".to_owned(),
        (_, 0) => format!("it has {}", shown.join(", ")),
        (_, more) => format!("it has {} and {more} more", shown.join(", ")),
    }
}

fn member(archive: &mut zip::ZipArchive<File>, name: &str, path: &Path, left: &mut u64) -> Result<Array> {
    let member = member_of(archive, name, path)?;
    let size = unpacked(&member, path);
    npy::read(&mut BufReader::new(member), size, left).map_err(|error| error.file(path))
}

/// The most bytes that a member of the archive at `path` can unpack to. Its header may claim anything.
fn unpacked(member: &zip::read::ZipFile<'_, File>, path: &Path) -> u64 {
    let packed = path.metadata().map_or(u64::MAX, |metadata| metadata.len()).min(member.compressed_size());
    member.size().min(packed.saturating_mul(MOST_UNPACKED))
}

fn open(path: &Path) -> Result<File> {
    if path.is_dir() {
        return Err(Error::new(Code::InvalidData, "this is a folder, and not a file with events")
            .file(path)
            .help("give one `.npy` or `.npz` file; `numpy.concatenate` joins several"));
    }
    File::open(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            Error::new(Code::FileNotFound, "the data file does not exist").file(path).help("check the path")
        }
        _ => Error::io("open the data file", path, &error),
    })
}

/// Writes a float32 `.npy` file; it appears whole or not at all.
///
/// # Errors
/// [`Code::Io`].
pub fn write_npy(path: &Path, shape: &[usize], values: &[f32]) -> Result {
    let mut writer = NpyWriter::create(path, shape, &Cancel::default())?;
    writer.write(values)?;
    writer.finish()
}

/// A float32 `.npy` file that is written piece by piece; it appears whole, by [`Self::finish`], or not at all.
#[derive(Debug)]
pub struct NpyWriter(crate::files::Atomic);

impl NpyWriter {
    /// Begins the file at `path`, for an array of `shape`. A device or a pipe is written to as it is; `cancel` ends waiting for
    /// its reader.
    ///
    /// # Errors
    /// [`Code::Io`].
    pub fn create(path: &Path, shape: &[usize], cancel: &Cancel) -> Result<Self> {
        let mut file = crate::files::Atomic::create(path, cancel)?;
        file.write(|file| npy::write_header(file, shape))?;
        Ok(Self(file))
    }

    /// Writes the next values.
    ///
    /// # Errors
    /// [`Code::Io`].
    pub fn write(&mut self, values: &[f32]) -> Result {
        self.0.write(|file| npy::write_values(file, values))
    }

    /// Lets the file appear.
    ///
    /// # Errors
    /// [`Code::Io`].
    pub fn finish(self) -> Result {
        self.0.finish()
    }
}

/// Checks that `x` holds events for `network`: (events, …) with the model's input shape, where sizes of 1 may be left
/// out and a flat event is accepted.
///
/// # Errors
/// [`Code::InvalidData`].
pub fn check_events(x: &Array, network: &FixedNetwork) -> Result {
    check_shape(&x.shape, network)
}

/// As [`check_events`], for an array of `shape`.
///
/// # Errors
/// [`Code::InvalidData`].
pub fn check_shape(shape: &[usize], network: &FixedNetwork) -> Result {
    let event: &[usize] = shape.get(1..).unwrap_or_default();
    let squeeze = |shape: &[usize]| shape.iter().copied().filter(|s| *s != 1).collect::<Vec<_>>();
    let fits = squeeze(event) == squeeze(&network.input_shape) || event == [network.input_len().get()];
    if fits && !shape.is_empty() {
        return Ok(());
    }
    let wanted = &network.input_shape;
    Err(Error::new(Code::InvalidData, format!("the events have the shape {event:?}, but the model takes {wanted:?}")).help(
        format!("give an array of the shape (events, {})", wanted.iter().map(usize::to_string).collect::<Vec<_>>().join(", ")),
    ))
}

/// Checks that there are events to compute something of.
///
/// # Errors
/// [`Code::InvalidData`].
pub fn check_any(shape: &[usize]) -> Result {
    match shape.first() {
        Some(0) => Err(Error::new(Code::InvalidData, format!("there are no events: the array has the shape {shape:?}"))
            .help("give an array with one event or more along its first axis")),
        _ => Ok(()),
    }
}

/// Checks that an array of `shape` holds what Keras makes of `events` events.
///
/// # Errors
/// [`Code::InvalidData`].
pub fn check_outputs(events: usize, shape: &[usize], network: &FixedNetwork) -> Result {
    if events == 0 {
        return Err(Error::new(Code::InvalidData, "there are no events").help("a check of nothing would always pass"));
    }
    let outputs = network.output_len().get();
    let product = shape.iter().skip(1).try_fold(1usize, |product, &size| product.checked_mul(size));
    if shape.first() == Some(&events) && product == Some(outputs) {
        return Ok(());
    }
    Err(Error::new(Code::InvalidData, format!("the expected outputs have the shape {shape:?}"))
        .help(format!("the model has {outputs} outputs for each of {events} events")))
}

/// Brings the events of `x` to the input grid.
pub fn to_mantissas(x: &Array, network: &FixedNetwork) -> (Mantissas, GridReport) {
    network.input.mantissas(&x.values)
}
