//! What the benchmarks work on: trained models, and made-up networks of any size.

#![allow(dead_code, missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)] // each benchmark uses its part

#[path = "../../tests/common/mod.rs"]
mod common;

use std::path::{Path, PathBuf};

use sparsehls_build::{
    Firmware, Mantissas,
    backend::{Project, hls::csim::Csim},
    data,
    fixed::Format,
    formats::FixedNetwork,
    keras::KerasModel,
    manifest::{Knob, Model},
    network::{
        Coefficients, Conv2d, Dense, Layer, Network, Op, Origin, Pooling2d, PoolingMode, Quantizer, Relu, Shape, SparseShape,
    },
    plan::Plan,
};

/// The example models, and `small` of this folder.
pub const MODELS: [&str; 3] = ["small", "digits", "tracks"];

/// A model with its golden events.
pub struct Golden {
    pub model: Model,
    pub network: FixedNetwork,
    pub inputs: Mantissas,
}

/// The manifest's entry of a model.
pub fn model(name: &str) -> Model {
    let input = if name == "tracks" { "ufixed<8,1>" } else { "ufixed<5,1>" };
    let folder = if name == "small" { "benches/models" } else { "../example-firmware/models" };
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder).join(format!("{name}.keras"));
    let knobs = common::knobs([(Knob::Interval, 1)]);
    Model { name: name.into(), knobs, ..common::model(&source, Format::parse(input).unwrap()) }
}

/// Reading, formats and plan.
pub fn load(model: &Model) -> FixedNetwork {
    let network = Network::new(&KerasModel::read(&model.source).unwrap(), model).unwrap();
    let network = FixedNetwork::infer(network, model).unwrap();
    Plan::new(&network, model, sparsehls_build::cost::area).unwrap();
    network
}

/// The model `name` with its golden events.
pub fn golden(name: &str) -> Golden {
    let model = model(name);
    let network = load(&model);
    let golden = data::read_golden(&model.source.with_extension("golden.npz")).unwrap();
    let (inputs, _) = data::to_mantissas(&golden.x, &network);
    Golden { model, network, inputs }
}

impl Golden {
    /// The first events.
    pub fn events(&self, count: usize) -> Mantissas {
        self.inputs.first(count)
    }

    /// The text of its project.
    pub fn project(&self) -> Project {
        common::project("bench", &self.model, &self.network, &self.events(1)).unwrap()
    }

    /// Its compiled simulation, with the project in `directory`.
    pub fn csim<'a>(&'a self, directory: &'a Path) -> Csim<'a> {
        common::csim(&self.model, &self.network, &self.events(1), directory).unwrap()
    }
}

/// A network on images of `size` x `size` pixels with a budget of `size` pixels: a 3 x 3 convolution to `size / 4`
/// filters, a 4 x 4 pooling, and a dense layer over all of it. It has `size^3 / 64 * 10` weights and a bit.
pub fn made_up(size: usize) -> (Model, Network) {
    let filters = size / 4;
    let sparse = |side: usize, channels: usize| Shape::Sparse(SparseShape { slots: size, height: side, width: side, channels });
    let weights = |count: usize| Coefficients { values: (0..count as i64).map(|at| (at * 37) % 31 - 15).collect(), fraction: 3 };
    let format = Format { signed: false, width: 6, fraction: 4 };
    let flat = (size / 4) * (size / 4) * filters;
    let quantizer = |rank| Op::Quantize(Quantizer::of_format(format, rank));
    let conv = Conv2d { kernel: [3, 3], channels: 1, filters, weights: weights(9 * filters) };
    let pooling = Pooling2d { mode: PoolingMode::Max, pool: [4, 4] };
    let dense = Dense { rows: 1, inputs: flat, outputs: 10, weights: weights(flat * 10), bias: None };
    let ops = [
        ("reduce", sparse(size, 1), Op::InputReduce { threshold: Some(0.1) }),
        ("iq", sparse(size, 1), quantizer(3)),
        ("conv", sparse(size, filters), Op::SparseConv2d(conv)),
        ("bias", sparse(size, filters), Op::SparseBias(weights(filters))),
        ("relu", sparse(size, filters), Op::Relu(Relu::default())),
        ("pool", sparse(size / 4, filters), Op::SparsePooling2d(pooling)),
        ("flatten", Shape::Dense(vec![flat]), Op::SparseFlatten),
        ("dense_iq", Shape::Dense(vec![flat]), quantizer(1)),
        ("dense", Shape::Dense(vec![10]), Op::Dense(dense)),
    ];
    let layer = |(name, shape, op): (&str, Shape, Op)| {
        let name = name.to_owned();
        Layer {
            name: name.clone(),
            keras_name: name.clone(),
            keras_class: "MadeUp".into(),
            id: name,
            shape,
            origin: Origin::Model,
            op,
        }
    };
    let layers = ops.into_iter().map(layer).collect();
    (common::model(Path::new("made_up.keras"), format), Network { input_shape: vec![size, size, 1], layers, tolerance: 0.0 })
}

/// Formats and emission of a made-up network; the number of characters written.
pub fn generate((model, network): &(Model, Network)) -> usize {
    let network = FixedNetwork::infer(network.clone(), model).unwrap();
    let none = network.inputs(Vec::new());
    let project = Firmware::plan("bench", network, model.clone(), PathBuf::new()).unwrap().project(&none).unwrap();
    project.files.values().map(String::len).sum()
}
