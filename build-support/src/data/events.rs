//! Events of a file, a chunk at a time: a file of any length takes the same memory.

use std::{
    fs::File,
    io::{BufReader, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use super::{
    Error, MAX_BYTES, Result, archive, member_of, npy,
    npy::{Header, invalid},
    open, unpacked,
};

/// Bytes of a block of an array in Fortran order, whose events lie spread over the whole file.
const BLOCK: usize = 16 << 20;

/// A file with an array of events: a `.npy` file, or an array of a `.npz` file.
#[derive(Debug)]
pub struct Source {
    path: PathBuf,
    file: Opened,
}

#[derive(Debug)]
enum Opened {
    Npy(File),
    Npz(zip::ZipArchive<File>, String),
}

impl Source {
    /// Opens a `.npy` file, or the array `member` of what is named `.npz`.
    ///
    /// # Errors
    /// [`FileNotFound`](crate::Code::FileNotFound), [`Io`](crate::Code::Io), [`InvalidData`](crate::Code::InvalidData).
    pub fn open(path: &Path, member: &str) -> Result<Self> {
        let is_npz = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("npz"));
        if is_npz {
            return Self::in_archive(path, member);
        }
        Ok(Self { path: path.to_owned(), file: Opened::Npy(open(path)?) })
    }

    /// Opens the array `member` of a `.npz` file, whatever its name.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn in_archive(path: &Path, member: &str) -> Result<Self> {
        Ok(Self { path: path.to_owned(), file: Opened::Npz(archive(path)?, member.to_owned()) })
    }

    /// Begins to read.
    ///
    /// # Errors
    /// [`InvalidData`](crate::Code::InvalidData), [`Io`](crate::Code::Io).
    pub fn events(&mut self) -> Result<Events<'_>> {
        let path = self.path.clone();
        let events = match &mut self.file {
            Opened::Npy(file) => {
                // A pipe does not tell how much is in it.
                let size = file.metadata().ok().filter(std::fs::Metadata::is_file).map(|metadata| metadata.len());
                let again = size.and_then(|_| file.try_clone().ok());
                Events::new(BufReader::new(file), size, again, path.clone())
            }
            Opened::Npz(archive, name) => {
                let member = member_of(archive, name, &path)?;
                let size = unpacked(&member, &path);
                Events::new(BufReader::new(member), Some(size), None, path.clone())
            }
        };
        events.map_err(|error| error.file(path))
    }
}

/// The events of an array, in order.
#[expect(missing_debug_implementations, reason = "readers of archives have none")]
pub struct Events<'a> {
    path: PathBuf,
    header: Header,
    next: usize,
    layout: Layout<'a>,
    raw: Vec<u8>,
}

enum Layout<'a> {
    /// C order: one event after another.
    Rows(Box<dyn Read + 'a>),
    /// Fortran order: the first value of all events, then the second.
    Columns(Columns),
    /// The same, before it can be read at any place. It is unpacked once someone has looked at the shape and still wants it.
    Packed(Box<dyn Read + 'a>),
}

impl<'a> Events<'a> {
    /// `source` has `size` bytes, if that is known; `again` is the same file, if it can be read at any place.
    fn new(mut source: impl Read + 'a, size: Option<u64>, again: Option<File>, path: PathBuf) -> Result<Self> {
        let header = npy::header(&mut source)?;
        let fits = |bytes: &u64| size.is_none_or(|size| *bytes <= size.saturating_sub(header.start));
        let bytes = header.bytes().filter(fits);
        let bytes = bytes.ok_or_else(|| invalid("it is shorter than its shape says"))?;
        let layout = match again {
            _ if !header.fortran || bytes == 0 => Layout::Rows(Box::new(source)),
            Some(file) => Layout::Columns(Columns::new(file, header.start)),
            None => Layout::Packed(Box::new(source)),
        };
        Ok(Self { path, header, next: 0, layout, raw: Vec::new() })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The array's shape; the first axis counts events.
    pub fn shape(&self) -> &[usize] {
        &self.header.shape
    }

    /// The number of events.
    pub fn count(&self) -> usize {
        self.header.shape.first().copied().unwrap_or(0)
    }

    /// The next events, `most` at most, row-major; nothing at the end.
    ///
    /// # Errors
    /// [`InvalidData`](crate::Code::InvalidData) if the file is cut off, [`Io`](crate::Code::Io).
    pub fn read(&mut self, most: usize) -> Result<Vec<f64>> {
        let count = most.min(self.count() - self.next);
        if count == 0 {
            return Ok(Vec::new());
        }
        let path = &self.path;
        if let Layout::Packed(source) = &mut self.layout {
            let bytes = self.header.bytes().unwrap_or(u64::MAX);
            self.layout = Layout::Columns(Columns::new(unpack(source, bytes).map_err(|error| error.file(path))?, 0));
        }
        let in_order = match &mut self.layout {
            Layout::Rows(source) => {
                self.raw.resize(count * self.header.event_len() * self.header.size, 0);
                source.read_exact(&mut self.raw).map_err(|error| cut_off(&error).file(path))
            }
            Layout::Columns(columns) => {
                columns.events(&self.header, self.next, count, &mut self.raw).map_err(|error| error.file(path))
            }
            Layout::Packed(_) => Err(Error::internal("an array that is to be read was not unpacked")),
        };
        in_order?;
        self.next += count;
        Ok(npy::decode(&self.header, &mut self.raw))
    }
}

fn cut_off(error: &std::io::Error) -> Error {
    match error.kind() {
        std::io::ErrorKind::UnexpectedEof => invalid("it is shorter than its shape says"),
        _ => invalid(error),
    }
}

/// The data of an array in a temporary file, for an array in Fortran order has to be read all over.
fn unpack(source: impl Read, bytes: u64) -> Result<File> {
    if bytes > MAX_BYTES {
        return Err(invalid("it is larger than 8 GiB and in Fortran order, and not a .npy file on a disk"));
    }
    let copy = || {
        let mut file = tempfile::tempfile()?;
        std::io::copy(&mut source.take(bytes), &mut file).map(|copied| (file, copied))
    };
    let (file, copied) = copy().map_err(|error| invalid(format!("it cannot be unpacked into a temporary file: {error}")))?;
    if copied == bytes { Ok(file) } else { Err(invalid("it is shorter than its shape says")) }
}

/// An array in Fortran order, of which a block of events is in memory.
struct Columns {
    file: File,
    /// Where in the file the array begins.
    start: u64,
    /// Where value `i` of an event, counted row-major, lies among the columns.
    order: Vec<usize>,
    /// Events `first..first + count`, column by column.
    block: Vec<u8>,
    first: usize,
    count: usize,
}

impl Columns {
    fn new(file: File, start: u64) -> Self {
        Self { file, start, order: Vec::new(), block: Vec::new(), first: 0, count: 0 }
    }

    /// Puts the events `first..first + count` into `raw`, row-major.
    fn events(&mut self, header: &Header, first: usize, count: usize, raw: &mut Vec<u8>) -> Result<()> {
        let size = header.size;
        raw.clear();
        for event in first..first + count {
            if event >= self.first + self.count {
                self.load(header, event)?;
            }
            for column in &self.order {
                let at = (column * self.count + event - self.first) * size;
                raw.extend_from_slice(&self.block[at..at + size]);
            }
        }
        Ok(())
    }

    /// Reads the block that begins with event `first`.
    fn load(&mut self, header: &Header, first: usize) -> Result<()> {
        if self.order.is_empty() {
            self.order = npy::fortran_order(&header.shape[1..]);
        }
        let (events, columns, size) = (header.shape[0], self.order.len(), header.size);
        self.first = first;
        self.count = (BLOCK / (columns * size).max(1)).clamp(1, events - first);
        self.block.resize(columns * self.count * size, 0);
        let (file, start) = (&mut self.file, self.start);
        let mut read = |column: usize, part: &mut [u8]| {
            file.seek(SeekFrom::Start(start + ((column * events + first) * size) as u64))?;
            file.read_exact(part)
        };
        let mut parts = self.block.chunks_exact_mut((self.count * size).max(1)).enumerate();
        parts.try_for_each(|(column, part)| read(column, part)).map_err(|error| cut_off(&error))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::Code;

    /// Events (7, 2, 3) of big-endian integers: C order, or Fortran order.
    fn array(fortran: bool) -> Vec<u8> {
        let value = |e: usize, i: usize, j: usize| (e * 6 + i * 3 + j) as i16;
        let mut data = Vec::new();
        match fortran {
            false => (0..42).for_each(|at| data.extend(value(at / 6, at / 3 % 2, at % 3).to_be_bytes())),
            true => (0..42).for_each(|at| data.extend(value(at % 7, at / 7 % 2, at / 14).to_be_bytes())),
        }
        let order = if fortran { "True" } else { "False" };
        let header = format!("{{'descr': '>i2', 'fortran_order': {order}, 'shape': (7, 2, 3), }}\n");
        [b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..], header.as_bytes(), &data].concat()
    }

    fn chunks(source: &mut Source, most: usize) -> Vec<f64> {
        let mut events = source.events().unwrap();
        assert_eq!((events.shape(), events.count()), (&[7, 2, 3][..], 7));
        let mut all = Vec::new();
        loop {
            let chunk = events.read(most).unwrap();
            if chunk.is_empty() {
                return all;
            }
            assert!(chunk.len() <= most * 6);
            all.extend(chunk);
        }
    }

    #[test]
    fn chunks_of_any_size_are_the_array() {
        let folder = tempfile::tempdir().unwrap();
        let expected: Vec<f64> = (0..42).map(f64::from).collect();
        for fortran in [false, true] {
            let npy = folder.path().join("x.npy");
            std::fs::write(&npy, array(fortran)).unwrap();
            let npz = folder.path().join("x.npz");
            let mut zip = zip::ZipWriter::new(File::create(&npz).unwrap());
            zip.start_file("x.npy", zip::write::SimpleFileOptions::default()).unwrap();
            zip.write_all(&array(fortran)).unwrap();
            zip.finish().unwrap();
            for path in [npy, npz] {
                for most in [1, 3, 7, 100] {
                    let mut source = Source::open(&path, "x").unwrap();
                    assert_eq!(chunks(&mut source, most), expected, "{} {fortran} {most}", path.display());
                }
            }
        }
    }

    #[test]
    fn a_file_that_is_cut_off_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.npy");
        for fortran in [false, true] {
            let bytes = array(fortran);
            std::fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
            let mut source = Source::open(&path, "x").unwrap();
            assert_eq!(source.events().err().unwrap().code(), Code::InvalidData);
        }
    }

    /// An archive whose directory and array both claim 2^62 bytes, of which 9 are there.
    #[test]
    fn an_archive_cannot_claim_more_than_it_can_hold() {
        let folder = tempfile::tempdir().unwrap();
        for fortran in ["True", "False"] {
            let path = folder.path().join("x.npz");
            let mut zip = zip::ZipWriter::new(File::create(&path).unwrap());
            let packed = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
            zip.start_file("x.npy", packed.large_file(true)).unwrap();
            let header = format!("{{'descr': '<f8', 'fortran_order': {fortran}, 'shape': (576460752303423488, 1), }}\n");
            let bytes = [b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..], header.as_bytes(), &[0; 9]].concat();
            zip.write_all(&bytes).unwrap();
            zip.finish().unwrap();
            let size = (bytes.len() as u64).to_le_bytes();
            let mut file = std::fs::read(&path).unwrap();
            for at in (0..file.len() - 8).filter(|at| file[*at..at + 8] == size).collect::<Vec<_>>() {
                file[at..at + 8].copy_from_slice(&(1u64 << 62).to_le_bytes());
            }
            std::fs::write(&path, file).unwrap();
            let read = Source::in_archive(&path, "x").and_then(|mut source| source.events().map(drop));
            assert_eq!(read.unwrap_err().code(), Code::InvalidData);
            assert_eq!(crate::data::read_npz(&path).unwrap_err().code(), Code::InvalidData);
        }
    }

    #[test]
    fn an_absurd_shape_takes_no_memory() {
        let header = "{'descr': '<f4', 'fortran_order': True, 'shape': (0, 1000000000000), }\n";
        let bytes = [b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..], header.as_bytes()].concat();
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&bytes).unwrap();
        let mut source = Source::open(file.path(), "x").unwrap();
        assert!(source.events().unwrap().read(10).unwrap().is_empty());
    }
}
