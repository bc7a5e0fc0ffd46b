//! Remembers that a csim has passed its checks, so that a build in which nothing changed does not run them again.
//!
//! The key is made from contents: what the csim was made from, the golden file, and this
//! program, whose interpreter is the other side of the comparison. Nothing but a pass is remembered.

use std::{
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

use sparsehls_build::{Result, check::Comparison, files, fingerprint::Fingerprint, formats::GridReport};

/// What the checks found; no event differed.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Checked {
    /// Events on which csim and reference agree.
    pub events: usize,
    /// Golden events on which Keras agrees too.
    pub golden: usize,
    /// Golden events that differ from Keras within what float32 rounding explains.
    pub within_float32: usize,
    /// The largest difference in these.
    pub float32_difference: f64,
    /// What happened to the golden inputs.
    pub grid: GridReport,
}

impl Checked {
    /// The same as a comparison: that of csim and reference, with what differs from Keras within float32.
    pub fn comparison(&self) -> Comparison {
        let Self { events, within_float32, float32_difference, .. } = *self;
        Comparison { events, within_float32, float32_difference, ..Comparison::default() }
    }
}

/// The folder in the project's.
const FOLDER: &str = "csim";

/// Where a pass is remembered, and of what.
pub struct Stamp {
    directory: PathBuf,
    path: PathBuf,
    key: u64,
}

impl Stamp {
    /// For the csim in the project's folder `directory`, which was `made_from` this, and the golden file; `None` if something cannot be read, and then nothing is
    /// remembered.
    pub fn new(directory: &Path, made_from: u64, golden: Option<&Path>) -> Option<Self> {
        let myself = fs::metadata(std::env::current_exe().ok()?).ok()?;
        let age = myself.modified().ok()?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
        let golden = golden.map(fs::read).transpose().ok()?;
        let mut fingerprint = Fingerprint::default();
        fingerprint.add_bytes(&made_from.to_le_bytes());
        fingerprint.add(env!("CARGO_PKG_VERSION"));
        fingerprint.add_bytes(&myself.len().to_le_bytes());
        fingerprint.add_bytes(&age.as_nanos().to_le_bytes());
        // Last: without a golden file nothing follows, with an empty one its length does.
        golden.iter().for_each(|golden| fingerprint.add_bytes(golden));
        let (directory, path) = (directory.to_owned(), directory.join(FOLDER).join("checked"));
        Some(Self { directory, path, key: fingerprint.short() })
    }

    /// What the checks found, if they have passed for exactly this.
    ///
    /// # Errors
    /// [`sparsehls_build::Code::Io`], also if something that is no file is in its place.
    pub fn read(&self) -> Result<Option<Checked>> {
        Ok(files::read_own(&self.path)?.and_then(|bytes| self.parse(bytes)))
    }

    fn parse(&self, bytes: Vec<u8>) -> Option<Checked> {
        let text = String::from_utf8(bytes).ok()?;
        let (text, digest) = text.strip_suffix('\n')?.rsplit_once(' ')?;
        if digest != digest_of(text) {
            return None;
        }
        let numbers: Vec<u64> = text.split_whitespace().map(str::parse).collect::<Result<_, _>>().ok()?;
        let [key, events, golden, within, difference, values, off_grid, out_of_range, not_finite, activity_changed] = numbers[..]
        else {
            return None;
        };
        (key == self.key).then_some(Checked {
            events: events as usize,
            golden: golden as usize,
            within_float32: within as usize,
            float32_difference: f64::from_bits(difference),
            grid: GridReport { values, off_grid, out_of_range, not_finite, activity_changed },
        })
    }

    /// Remembers a pass. If that fails, the next build checks again, and nothing is lost but time.
    pub fn write(&self, checked: &Checked) {
        let Checked { events, golden, within_float32, float32_difference, grid } = checked;
        let GridReport { values, off_grid, out_of_range, not_finite, activity_changed } = grid;
        let difference = float32_difference.to_bits();
        let text = format!(
            "{} {events} {golden} {within_float32} {difference} {values} {off_grid} {out_of_range} {not_finite} \
             {activity_changed}",
            self.key
        );
        let write = || {
            files::make_folder(&self.directory, Path::new(FOLDER))?;
            files::write_own(&self.path, |file| writeln!(file, "{text} {}", digest_of(&text)))
        };
        let _ = write();
    }
}

/// The numbers are believed only if they are those that were written.
fn digest_of(numbers: &str) -> String {
    let mut digest = Fingerprint::default();
    digest.add(numbers);
    digest.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_contents_have_been_checked() {
        let folder = tempfile::tempdir().unwrap();
        let golden = folder.path().join("golden.npz");
        fs::write(&golden, "events").unwrap();
        let stamp = |made_from, golden: Option<&Path>| Stamp::new(folder.path(), made_from, golden).unwrap();
        let read = |made_from, golden: Option<&Path>| stamp(made_from, golden).read().unwrap();
        assert_eq!(read(1, Some(&golden)), None);
        let grid = GridReport { values: 9, off_grid: 1, ..GridReport::default() };
        let checked = Checked { events: 3, golden: 2, within_float32: 1, float32_difference: 7.4e-6, grid };
        stamp(1, Some(&golden)).write(&checked);
        assert_eq!(read(1, Some(&golden)), Some(checked));
        assert_eq!(read(2, Some(&golden)), None);
        assert_eq!(read(1, None), None);
        fs::write(&golden, "others").unwrap();
        assert_eq!(read(1, Some(&golden)), None);
        fs::write(folder.path().join("csim/checked"), "12 3").unwrap();
        assert_eq!(read(1, Some(&golden)), None);
    }
}
