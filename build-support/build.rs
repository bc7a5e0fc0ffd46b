//! Hands on for which machine this crate is compiled: the simulation of the command line runs on it.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-env=SPARSEHLS_HOST={}", std::env::var("TARGET").unwrap_or_default());
}
