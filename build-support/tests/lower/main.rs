//! Designs of the golden fixtures: what is written is read by whom it should be, and the numbers are all that is needed.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../common/mod.rs"]
mod common;
mod evaluate;

use std::collections::BTreeSet;

use sparsehls_build::{
    Code, check, cost, data,
    formats::FixedNetwork,
    lower::{Design, Interface, Work},
    manifest::{self, LayerOptions, Model, Pipeline, Variant},
    ops::{By, Kernel, Layout},
    plan::Plan,
    reference::Reference,
};

fn load(fixture: &str) -> (Model, FixedNetwork) {
    let source = common::folder().join(format!("{fixture}.keras"));
    common::load(&source, &data::read_npz(&source.with_extension("npz")).unwrap()["x"]).unwrap()
}

fn design(model: &Model, network: &FixedNetwork) -> Design {
    Design::new(network, &Plan::new(network, model, cost::area).unwrap()).unwrap()
}

/// Every value is written once, by the time it is read, and all processes together hand on what is read.
fn check_wiring(design: &Design) {
    let mut written = BTreeSet::from([design.input]);
    for process in &design.processes {
        let before = written.clone();
        for at in &process.layers {
            let layer = &design.layers[*at];
            assert!(matches!(layer.work, Work::Kernel(_)), "{} is absorbed", layer.id);
            assert!(written.contains(&layer.reads), "{} reads what nothing has written", layer.id);
            assert!(written.insert(layer.writes), "{} writes what is written", layer.id);
        }
        assert!(process.takes.iter().all(|value| before.contains(value)));
        let own: BTreeSet<_> = written.difference(&before).copied().collect();
        let named: BTreeSet<_> = process.gives.iter().chain(&process.inner).copied().collect();
        assert_eq!(own, named, "every value that a process writes is for others or for itself");
        assert_eq!(own.len(), process.gives.len() + process.inner.len());
    }
    assert!(written.contains(&design.output));
    let in_processes: usize = design.processes.iter().map(|process| process.layers.len()).sum();
    let has_kernel = design.layers.iter().filter(|layer| matches!(layer.work, Work::Kernel(_))).count();
    assert_eq!(in_processes, has_kernel, "every kernel is in a process");
    let given: Vec<_> = design.processes.iter().flat_map(|process| process.gives.clone()).collect();
    let taken: BTreeSet<_> = design.processes.iter().flat_map(|process| process.takes.clone()).collect();
    assert!(given.iter().all(|value| *value == design.output || taken.contains(value)));
}

/// What a kernel says of its table of formats fits the value that it is for.
fn check_choices(design: &Design) {
    for layer in &design.layers {
        let Work::Kernel(kernel) = &layer.work else { continue };
        let choice = match kernel {
            Kernel::SparseQuantize(quantize) => &quantize.quantizer.choice,
            Kernel::DenseQuantize(quantizer) => &quantizer.choice,
            Kernel::Lookup(lookup) => &lookup.choice,
            _ => continue,
        };
        let fits = match (&choice.by, &design.value(layer.reads).layout) {
            (By::Nothing, _) => choice.index_bits == 1,
            (By::Channel(indices), Layout::Sparse(layout)) => indices.len() == layout.shape.channels,
            (By::Pixel(indices), Layout::Sparse(layout)) => indices.len() == layout.shape.image_len(),
            (By::Element(indices), Layout::Dense(_)) => indices.len() == design.value(layer.reads).size(),
            _ => false,
        };
        assert!(fits, "{}: {choice:?}", layer.id);
    }
}

#[test]
fn what_is_read_has_been_written() {
    let failures = common::for_every(1, "", |name, source, _| {
        let arrays = data::read_npz(&source.with_extension("npz")).unwrap();
        let (mut model, network) = common::load(source, &arrays["x"]).unwrap();
        for seed in 0..4 {
            if seed > 0 {
                let own = name.bytes().fold(seed, |hash: u64, byte| hash.wrapping_mul(31).wrapping_add(byte.into()));
                common::draw_knobs(&mut model, &network, own);
            }
            let design = design(&model, &network);
            check_wiring(&design);
            check_choices(&design);
            assert!(model.pipeline == Pipeline::Dataflow || design.processes.len() == 1);
        }
        Ok(())
    });
    assert_eq!(failures, [""; 0]);
}

/// A design says all: what it computes is what the network does, and every sum fits where the design has it.
#[test]
fn the_numbers_of_a_design_are_enough_to_compute_it() {
    let failures = common::for_every(1, "", |name, source, _| {
        let arrays = data::read_npz(&source.with_extension("npz")).unwrap();
        let (mut model, network) = common::load(source, &arrays["x"]).unwrap();
        let mut events = check::made_up(&network, 3);
        events.append(data::to_mantissas(&arrays["x"], &network).0.first(3));
        let reference = Reference::new(&network);
        for seed in 0..3 {
            if seed > 0 {
                let own = name.bytes().fold(seed, |hash: u64, byte| hash.wrapping_mul(31).wrapping_add(byte.into()));
                common::draw_knobs(&mut model, &network, own);
            }
            let design = design(&model, &network);
            for event in &events {
                if evaluate::run(&design, event) != reference.run(event) {
                    return Err(format!("other outputs with the knobs of seed {seed}"));
                }
            }
        }
        Ok(())
    });
    assert_eq!(failures, [""; 0]);
}

#[test]
fn a_dense_layer_that_looks_up_its_weights_has_the_work_of_those_before_it() {
    let (mut model, network) = load("flatten-dense");
    model.layers.insert("flatten".into(), LayerOptions { variant: Some(Variant::LookUp), ..LayerOptions::default() });
    let design = design(&model, &network);
    let at = design.layers.iter().position(|layer| matches!(layer.work, Work::Kernel(Kernel::LookUpDense(_)))).unwrap();
    let (layer, before) = (&design.layers[at], &design.layers[..at]);
    let absorbed: Vec<_> = before.iter().filter(|layer| matches!(layer.work, Work::Absorbed { by } if by == at)).collect();
    assert!(!absorbed.is_empty());
    assert_eq!(layer.reads, absorbed[0].reads, "it reads what the flatten would have read");
    let Work::Kernel(Kernel::LookUpDense(dense)) = &layer.work else { unreachable!() };
    assert_eq!(dense.multiplied, absorbed.last().unwrap().writes);
    assert_eq!(dense.quantizer.is_some(), absorbed.len() == 2);
    assert!(matches!(design.value(layer.reads).layout, Layout::Sparse(_)));
}

#[test]
fn a_flatten_that_quantizes_works_on_slots() {
    let (mut model, network) = load("flatten-dense");
    model.layers.insert("flatten".into(), LayerOptions { variant: Some(Variant::Scatter), ..LayerOptions::default() });
    let design = design(&model, &network);
    let at = design.layers.iter().position(|layer| matches!(layer.work, Work::Kernel(Kernel::Flatten(_)))).unwrap();
    let (layer, flatten) = (&design.layers[at], &design.layers[at - 1]);
    assert_eq!((layer.kind, flatten.kind), ("quantizer", "sparse-flatten"));
    assert!(matches!(flatten.work, Work::Absorbed { by } if by == at), "nothing holds the image before it is quantized");
    assert_eq!(layer.reads, flatten.reads);
    let Work::Kernel(Kernel::Flatten(kernel)) = &layer.work else { unreachable!() };
    assert!(kernel.quantizer.is_some());
    assert!(matches!(design.value(layer.reads).layout, Layout::Sparse(_)));
}

#[test]
fn slots_are_in_order_up_to_the_first_pooling() {
    let (model, network) = load("whole-net-032");
    let design = design(&model, &network);
    let pooling = design.layers.iter().position(|layer| layer.kind == "sparse-pooling2d").unwrap();
    for (at, layer) in design.layers.iter().enumerate() {
        if let Layout::Sparse(layout) = &design.value(layer.writes).layout {
            assert_eq!(layout.is_ordered, at < pooling, "{}", layer.id);
        }
    }
    assert!(pooling > 0 && design.layers[..pooling].iter().any(|layer| layer.kind == "sparse-conv2d"));
}

#[test]
fn rows_are_as_wide_as_the_image() {
    let (mut model, network) = load("whole-net-032");
    assert_eq!(design(&model, &network).interface, Interface::Whole);
    model.interface = Some(manifest::Interface::Row);
    let [_, width, channels] = network.input_shape[..] else { panic!("an image") };
    assert_eq!(design(&model, &network).interface, Interface::Rows { values: width * channels, rows: 1 });
    model.target.language = manifest::Language::Verilog;
    (model.interface, model.verilog.rows) = (None, std::num::NonZeroUsize::new(3));
    assert_eq!(design(&model, &network).interface, Interface::Rows { values: width * channels, rows: 3 });
}

#[test]
fn a_plan_of_another_network_is_an_internal_error() {
    let (model, network) = load("whole-net-032");
    let plan = Plan::new(&network, &model, cost::area).unwrap();
    let lower = |change: &dyn Fn(&mut Plan)| {
        let mut plan = plan.clone();
        change(&mut plan);
        Design::new(&network, &plan).map(|_| ()).map_err(|error| error.code())
    };
    assert_eq!(lower(&|_| ()), Ok(()));
    assert_eq!(lower(&|plan| plan.layers.truncate(1)), Err(Code::Internal));
    // Nothing is left to do the work of the last layer, or of one that no kernel takes over.
    assert_eq!(lower(&|plan| plan.layers.last_mut().unwrap().absorbed = true), Err(Code::Internal));
    assert_eq!(lower(&|plan| plan.layers[1].absorbed = true), Err(Code::Internal));
    assert_eq!(lower(&|plan| plan.layers.iter_mut().for_each(|layer| layer.variant = None)), Err(Code::Internal));
}
