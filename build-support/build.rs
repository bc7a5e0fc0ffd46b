//! Passes on the target for which this crate is compiled: that is the machine on which the csim of the command line runs.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-env=SPARSEHLS_HOST={}", std::env::var("TARGET").unwrap_or_default());
}
