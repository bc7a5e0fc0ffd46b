//! How many files a tool may have open: co-simulation has one for each port.

/// More than any tool needs, and not so many that closing all of them takes long.
#[cfg(unix)]
const ENOUGH: u64 = 1 << 16;

/// Raises the limit of this process, which what it starts inherits, as far as it may. The usual 1024 are fewer than the ports
/// of a large design.
#[cfg(unix)]
pub(super) fn raise() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let most = limit.maximum.map_or(ENOUGH, |maximum| maximum.min(ENOUGH));
    if limit.current.is_some_and(|current| current < most) {
        // Where that is refused the tool may still have enough.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(most), ..limit });
    }
}

/// Elsewhere there is no such limit.
#[cfg(not(unix))]
pub(super) fn raise() {}
