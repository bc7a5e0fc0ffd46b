//! Fingerprints of contents: what was made from the same contents need not be made again.
//!
//! They stand in names of files and in files, so they are the same on every machine, with every version of Rust and of this
//! crate; the standard library's hasher promises none of that. SipHash-1-3, as rustc itself takes it for such things:
//! 128 bits tell contents apart, and nobody attacks a cache of their own.

use std::{ffi::OsStr, fmt};

use siphasher::sip128::{Hasher128, SipHasher13};

/// A fingerprint of the items added so far. Each goes in with its length, so the next one cannot continue it.
#[derive(Debug, Clone, Default)]
pub struct Fingerprint(SipHasher13);

impl Fingerprint {
    /// Adds a name, an argument, a path.
    pub fn add(&mut self, item: impl AsRef<OsStr>) {
        self.add_bytes(item.as_ref().as_encoded_bytes());
    }

    /// Adds contents.
    pub fn add_bytes(&mut self, bytes: &[u8]) {
        use std::hash::Hasher;
        self.0.write(&(bytes.len() as u64).to_le_bytes());
        self.0.write(bytes);
    }

    /// Adds a list with its length, so that an item of it cannot pass for one of the next list.
    pub(crate) fn add_all(&mut self, items: impl IntoIterator<Item = impl AsRef<OsStr>>) {
        let items: Vec<_> = items.into_iter().collect();
        self.add_bytes(&(items.len() as u64).to_le_bytes());
        items.iter().for_each(|item| self.add(item));
    }

    /// Half of it, for the name of a file: 64 bits.
    pub fn short(&self) -> u64 {
        self.0.finish128().h1
    }
}

/// All of it: 32 hexadecimal digits.
impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0.finish128().as_u128())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(items: &[&str]) -> Fingerprint {
        let mut fingerprint = Fingerprint::default();
        items.iter().for_each(|item| fingerprint.add(item));
        fingerprint
    }

    /// A change here makes every build of every user start anew.
    #[test]
    fn a_fingerprint_never_changes() {
        assert_eq!(of(&[]).to_string(), "b91c5ed031fb33032134935d61d9b40d");
        assert_eq!(of(&["firmware/net.cpp"]).to_string(), "7e2792023a69b93f6376e29e850b322e");
        assert_eq!(format!("{:016x}", of(&["firmware/net.cpp"]).short()), "6376e29e850b322e");
    }

    #[test]
    fn items_and_lists_do_not_run_into_each_other() {
        assert_ne!(of(&["ab", "c"]).to_string(), of(&["a", "bc"]).to_string());
        let lists = |first: &[&str], second: &[&str]| {
            let mut fingerprint = Fingerprint::default();
            fingerprint.add_all(first);
            fingerprint.add_all(second);
            fingerprint.to_string()
        };
        assert_ne!(lists(&["a"], &["b", "c"]), lists(&["a", "b"], &["c"]));
    }
}
