#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sparsehls_fuzz::limits::limited(sparsehls_fuzz::targets::reports, data));
