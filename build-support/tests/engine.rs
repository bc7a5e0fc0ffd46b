//! Engines give the same bits, however many events they get, and the same values after every layer.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use sparsehls_build::{
    Code, Error, Mantissas, Result, data,
    engine::{self, Engine, Session},
    formats::FixedNetwork,
    reference::{Reference, Value},
};

#[test]
fn both_engines_give_the_same_outputs_and_layers() {
    let source = common::folder().join("whole-net-032.keras");
    let arrays = data::read_npz(&source.with_extension("npz")).unwrap();
    let (model, network) = common::load(&source, &arrays["x"]).unwrap();
    let (inputs, _) = data::to_mantissas(&arrays["x"], &network);
    let directory = tempfile::tempdir().unwrap();
    let (reference, csim) = (Reference::new(&network), common::csim(&model, &network, &inputs, directory.path()).unwrap());
    for events in [0, 1, 2, 3, 7, inputs.events()] {
        let inputs = inputs.first(events);
        let one_by_one = network.outputs(inputs.iter().flat_map(|event| reference.run(event)).collect());
        for engine in [&reference as &dyn Engine, &csim] {
            assert_eq!(engine::run(engine, &inputs).unwrap(), one_by_one, "{} events with {}", events, engine.name());
        }
    }
    let event = inputs.iter().next().unwrap();
    let (wanted, found) = (reference.trace(event).unwrap(), csim.trace(event).unwrap());
    assert_eq!((wanted.len(), found.len()), (network.layers.len(), network.layers.len()));
    assert_eq!(wanted.last().unwrap().as_ref().unwrap().elements(), reference.run(event));
    assert!(found.iter().flatten().count() > 3);
    for ((wanted, found), fixed) in wanted.iter().zip(&found).zip(&network.layers) {
        assert!(found.is_none() || found == wanted, "{}: {found:?} where the reference has {wanted:?}", fixed.layer.name);
    }
}

/// An engine that cannot compute.
#[derive(Debug)]
struct Broken<'a>(&'a FixedNetwork);

impl Engine for Broken<'_> {
    fn name(&self) -> &'static str {
        "broken"
    }

    fn network(&self) -> &FixedNetwork {
        self.0
    }

    fn start(&self) -> Result<Box<dyn Session + '_>> {
        Ok(Box::new(Broken(self.0)))
    }

    fn trace(&self, _: &[i64]) -> Result<Vec<Option<Value>>> {
        Ok(Vec::new())
    }
}

impl Session for Broken<'_> {
    fn run(&mut self, _: &Mantissas) -> Result<Mantissas> {
        Err(Error::new(Code::CsimFailed, "as it should"))
    }
}

#[test]
fn an_engine_that_fails_is_an_error_and_no_part_of_its_outputs() {
    let source = common::folder().join("dense-only.keras");
    let arrays = data::read_npz(&source.with_extension("npz")).unwrap();
    let (_, network) = common::load(&source, &arrays["x"]).unwrap();
    let (inputs, _) = data::to_mantissas(&arrays["x"], &network);
    let error = engine::run(&Broken(&network), &inputs).unwrap_err();
    assert_eq!((error.code(), error.message()), (Code::CsimFailed, "as it should"));
}
