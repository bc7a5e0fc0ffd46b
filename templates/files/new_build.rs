//! Turns the models that Cargo.toml names into simulated firmware.

fn main() -> sparsehls_build::Result {
    sparsehls_build::Build::from_manifest()?.compile()
}
