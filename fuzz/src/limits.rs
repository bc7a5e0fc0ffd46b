//! The limits on one input: 512 MB at any time and 2 s of CPU time. Both are counted here, exactly, and not sampled: what a
//! loaded machine does to the clock is no finding.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    io::Write,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use crate::targets::Target;

/// Bytes that an input may have allocated at a time.
const MEMORY: usize = 512 << 20;
/// CPU time that an input may take, over all threads.
const TIME: Duration = Duration::from_secs(2);

/// Bytes that are allocated now.
static NOW: AtomicUsize = AtomicUsize::new(0);
/// How many may be.
static LIMIT: AtomicUsize = AtomicUsize::new(usize::MAX);

struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

fn taken(size: usize) {
    if NOW.fetch_add(size, Ordering::Relaxed).saturating_add(size) > LIMIT.load(Ordering::Relaxed) {
        // Whoever writes the message may allocate.
        LIMIT.store(usize::MAX, Ordering::Relaxed);
        let _ = writeln!(std::io::stderr(), "more than {} MiB at a time; the last piece has {size} bytes", MEMORY >> 20);
        std::process::abort();
    }
}

// Safety: all four hand on to `System` what they were given.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        taken(layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        taken(layout.size());
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Ordering::Relaxed);
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // Both exist while it moves.
        taken(size);
        let moved = unsafe { System.realloc(pointer, layout, size) };
        NOW.fetch_sub(layout.size(), Ordering::Relaxed);
        moved
    }
}

/// CPU time of this process.
fn cpu() -> Duration {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // Safety: `now` is there to be written to.
    let result = unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut now) };
    assert_eq!(result, 0, "Linux has a clock for each process");
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

/// Runs a target within the limits; ends the process if it breaks one.
pub fn limited(target: Target, data: &[u8]) {
    LIMIT.store(NOW.load(Ordering::Relaxed).saturating_add(MEMORY), Ordering::Relaxed);
    let start = cpu();
    target(data);
    let took = cpu() - start;
    LIMIT.store(usize::MAX, Ordering::Relaxed);
    assert!(took <= TIME, "it takes {took:?} of CPU time");
}
