//! What the fuzzers share: the targets, the limits on each input, and mutations of configurations that stay JSON.

pub mod json;
pub mod limits;
pub mod targets;

/// A mutator for inputs whose configuration begins behind a head, whose length `head` gives: mostly it stays JSON, else
/// libFuzzer does as it likes.
pub fn mutate(data: &mut [u8], size: usize, max_size: usize, seed: u32, head: fn(&[u8]) -> usize) -> usize {
    let start = head(&data[..size]);
    if !seed.is_multiple_of(4)
        && let Some(text) = json::mutate(&data[start..size], max_size - start, seed / 4)
    {
        data[start..start + text.len()].copy_from_slice(&text);
        return start + text.len();
    }
    libfuzzer_sys::fuzzer_mutate(data, size, max_size)
}
