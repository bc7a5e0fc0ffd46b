//! Engines give the same bits, however many events they get, and the same values after every layer.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use sparsehls_build::{
    Code, Error, Firmware, Mantissas, Result, check, data,
    engine::{self, Engine, Session},
    formats::FixedNetwork,
    reference::{Reference, Value},
    trace,
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

/// An engine that forgets the last event of whatever it gets, and every layer.
#[derive(Debug)]
struct Forgetful<'a>(Reference<'a>);

impl Engine for Forgetful<'_> {
    fn name(&self) -> &'static str {
        "forgetful"
    }

    fn network(&self) -> &FixedNetwork {
        self.0.network()
    }

    fn start(&self) -> Result<Box<dyn Session + '_>> {
        Ok(Box::new(Forgetful(self.0)))
    }

    fn trace(&self, _: &[i64]) -> Result<Vec<Option<Value>>> {
        Ok(Vec::new())
    }
}

impl Session for Forgetful<'_> {
    fn run(&mut self, inputs: &Mantissas) -> Result<Mantissas> {
        engine::run(&self.0, &inputs.first(inputs.events() - 1))
    }
}

#[test]
fn an_engine_that_gives_less_than_it_should_is_not_believed() {
    let source = common::folder().join("dense-only.keras");
    let arrays = data::read_npz(&source.with_extension("npz")).unwrap();
    let (_, network) = common::load(&source, &arrays["x"]).unwrap();
    let engine = Forgetful(Reference::new(&network));
    let error = check::self_check(&engine).unwrap_err();
    assert_eq!(error.code(), Code::Internal, "{error}");
    let event = vec![0; network.input_len().get()];
    assert_eq!(trace::trace(&engine, &event, None, 0).unwrap_err().code(), Code::Internal);
}

/// The reference, but for one layer: its first value is one more, in every event but the first.
#[derive(Debug)]
struct Wrong<'a> {
    reference: Reference<'a>,
    layer: usize,
}

impl Engine for Wrong<'_> {
    fn name(&self) -> &'static str {
        "wrong"
    }

    fn network(&self) -> &FixedNetwork {
        Reference::network(&self.reference)
    }

    fn start(&self) -> Result<Box<dyn Session + '_>> {
        Ok(Box::new(Wrong { ..*self }))
    }

    fn trace(&self, event: &[i64]) -> Result<Vec<Option<Value>>> {
        let mut values = self.reference.trace(event)?;
        match &mut values[self.layer] {
            Some(Value::Dense(values)) => values[0] += 1,
            other => panic!("{other:?} is not dense"),
        }
        Ok(values)
    }
}

impl Session for Wrong<'_> {
    fn run(&mut self, inputs: &Mantissas) -> Result<Mantissas> {
        let network = Engine::network(self);
        let outputs = engine::run(&self.reference, inputs)?;
        let wrong = outputs.iter().zip(inputs).flat_map(|(outputs, inputs)| {
            let plus = i64::from(inputs.iter().any(|value| *value != 0));
            std::iter::once(outputs[0] + plus).chain(outputs[1..].iter().copied()).collect::<Vec<_>>()
        });
        Ok(network.outputs(wrong.collect()))
    }
}

#[test]
fn an_engine_that_is_wrong_is_found_out_whatever_it_is() {
    let source = common::folder().join("whole-net-032.keras");
    let arrays = data::read_npz(&source.with_extension("npz")).unwrap();
    let (model, network) = common::load(&source, &arrays["x"]).unwrap();
    let firmware = Firmware::plan("fixtures", network, model, std::path::PathBuf::new()).unwrap();
    let reference = Reference::new(&firmware.network);
    let wrong = Wrong { reference, layer: firmware.network.layers.len() - 2 };
    // Events that are all zero are right.
    let found = check::self_check(&wrong).unwrap();
    let is_zero = |event: &[i64]| event.iter().all(|v| *v == 0);
    let inputs = check::Probes::new(&firmware.network, usize::MAX).inputs;
    let zeros = inputs.iter().filter(|event| is_zero(event)).count();
    let first = inputs.iter().position(|event| !is_zero(event)).unwrap();
    assert_eq!((found.events_different, found.first.unwrap().event), (found.events - zeros, first));
    assert_eq!(check::self_check(&reference).unwrap().events_different, 0);
    let error = firmware.prove(Some(&wrong), None).unwrap().require(&firmware).unwrap_err();
    assert_eq!(error.code(), Code::OutputsDiffer);
    assert!(error.message().contains("differs from the reference"), "{}", error.message());
    let (inputs, _) = data::to_mantissas(&arrays["x"], &firmware.network);
    let layers = trace::trace(&wrong, inputs.iter().next().unwrap(), None, 0).unwrap();
    let different: Vec<_> = (0..layers.len()).filter(|at| layers[*at].csim_differs).collect();
    assert_eq!((different, layers[wrong.layer].first_difference), (vec![wrong.layer], Some(0)));
}
