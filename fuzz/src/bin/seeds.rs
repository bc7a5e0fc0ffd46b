//! Writes what the fuzzers begin with besides the corpus, made of the repository's fixtures: `seeds FOLDER`.

use std::{
    fs,
    io::{self, Read},
    path::Path,
};

use sparsehls_fuzz::targets::{MODELS, fixture, members};

fn main() -> io::Result<()> {
    let folder = std::env::args().nth(1).expect("seeds FOLDER");
    let write = |target: &str, name: &str, bytes: &[u8]| {
        let folder = Path::new(&folder).join(target);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(name), bytes)
    };
    let joined = |head: &[u8], bytes: &[u8]| [head, bytes].concat();
    for (at, name) in MODELS.iter().enumerate() {
        let members = members(name);
        write("config", name, &joined(&[at as u8], &members.config))?;
        write("hdf5", name, &joined(&[at as u8], &members.weights))?;
        // Two weights become 1.5 and 0.
        let changes = [at as u8, 2, 10, 0, 0, 0, 0xc0, 0x3f, 100, 0, 0, 0, 0, 0];
        write("model", name, &joined(&changes, &members.config))?;
    }
    let fixtures = fs::read_dir(fixture("x").parent().expect("a folder"))?.collect::<io::Result<Vec<_>>>()?;
    for path in fixtures.iter().map(|entry| entry.path()) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let small = || fs::read(&path).map(|bytes| Some(bytes).filter(|bytes| bytes.len() < 5000));
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("keras") => {
                if let Some(bytes) = small()? {
                    write("archive", &name, &bytes)?;
                }
            }
            Some("npz") => {
                if let Some(bytes) = small()? {
                    write("arrays", &name, &joined(&[1], &bytes))?;
                    write("arrays", &format!("{name}.x"), &joined(&[0], &unpacked(&path)?))?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// The array `x` of a `.npz` file.
fn unpacked(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    zip::ZipArchive::new(fs::File::open(path)?)?.by_name("x.npy")?.read_to_end(&mut bytes)?;
    Ok(bytes)
}
