#![no_main]

use sparsehls_fuzz::{limits::limited, targets};

libfuzzer_sys::fuzz_target!(|data: &[u8]| limited(targets::config, data));

libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    sparsehls_fuzz::mutate(data, size, max_size, seed, targets::config_head)
});
