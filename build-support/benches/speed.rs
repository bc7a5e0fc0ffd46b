//! How long each stage takes: `cargo bench -p sparsehls-build --bench speed`. docs/speed.md says what the numbers mean.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bench;

use bench::{Golden, MODELS, generate, golden, load, made_up, model};
use divan::{Bencher, counter::ItemsCount};
use sparsehls_build::{data, engine::Engine, reference::Reference};

/// Events of one run of an engine.
const EVENTS: usize = 200;

fn main() {
    divan::main();
}

#[divan::bench(args = MODELS)]
fn read_and_infer(bencher: Bencher<'_, '_>, name: &str) {
    let model = model(name);
    bencher.bench(|| load(&model));
}

#[divan::bench(args = MODELS)]
fn emit(bencher: Bencher<'_, '_>, name: &str) {
    let golden = golden(name);
    bencher.bench(|| golden.project());
}

/// Formats and emission of made-up networks: it has to grow as their weights do, eight times from size to size.
#[divan::bench(args = [32, 64, 128, 256], sample_count = 10)]
fn generation_by_size(bencher: Bencher<'_, '_>, size: usize) {
    let network = made_up(size);
    bencher.counter(ItemsCount::new(size.pow(3) / 64 * 10)).bench(|| generate(&network));
}

#[divan::bench(args = MODELS, sample_count = 10)]
fn compile_csim(bencher: Bencher<'_, '_>, name: &str) {
    let golden = golden(name);
    bencher
        .with_inputs(|| tempfile::tempdir().unwrap())
        .bench_refs(|directory| golden.csim(directory.path()).program().to_owned());
}

#[divan::bench(args = MODELS)]
fn csim(bencher: Bencher<'_, '_>, name: &str) {
    let directory = tempfile::tempdir().unwrap();
    let golden = golden(name);
    let events = golden.events(EVENTS);
    let csim = golden.csim(directory.path());
    let mut process = csim.start().unwrap();
    bencher.counter(ItemsCount::new(EVENTS)).bench_local(|| process.run(&events).unwrap());
}

#[divan::bench(args = MODELS)]
fn reference(bencher: Bencher<'_, '_>, name: &str) {
    let Golden { network, inputs, .. } = golden(name);
    let reference = Reference::new(&network);
    let events = inputs.first(EVENTS);
    bencher.counter(ItemsCount::new(EVENTS)).bench_local(|| reference.run_each(&events));
}

/// From floats to mantissas.
#[divan::bench(args = MODELS)]
fn input_grid(bencher: Bencher<'_, '_>, name: &str) {
    let model = model(name);
    let network = load(&model);
    let golden = data::read_golden(&model.source.with_extension("golden.npz")).unwrap();
    let values = &golden.x.values[..EVENTS * network.input_len().get()];
    bencher.counter(ItemsCount::new(EVENTS)).bench_local(|| network.input.mantissas(values));
}
