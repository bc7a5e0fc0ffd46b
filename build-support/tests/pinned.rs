//! The text of whole projects, pinned: a change of the generator that is not meant to change hardware changes nothing here.
//!
//! `SPARSEHLS_PIN=1 cargo test -p sparsehls-build --test pinned` writes the files in `pinned/` anew; read their diff.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::{fmt::Write as _, fs, path::Path};

use sparsehls_build::{
    check, data,
    formats::FixedNetwork,
    keras::KerasModel,
    manifest::{BlockControl, HlsTool, Interface, Knob, Language, LayerOptions, Model, Pipeline, Variant},
    network::Network,
};

/// What a pinned project is made of.
struct Pin {
    name: &'static str,
    fixture: &'static str,
    set: fn(&mut Model),
}

const PINS: [Pin; 13] = [
    Pin { name: "vitis-dataflow", fixture: "whole-net-032", set: |_| {} },
    Pin {
        name: "vivado-function",
        fixture: "whole-net-032",
        set: |model| {
            model.target.language = Language::Hls(HlsTool::Vivado);
            model.pipeline = Pipeline::Function;
        },
    },
    Pin {
        name: "vitis-rows-in-steps",
        fixture: "whole-net-032",
        set: |model| {
            model.interface = Some(Interface::Row);
            model.knobs = common::knobs([(Knob::Interval, 5)]);
        },
    },
    Pin {
        name: "vivado-rows",
        fixture: "avg-pool-3",
        set: |model| {
            model.target.language = Language::Hls(HlsTool::Vivado);
            model.interface = Some(Interface::Row);
        },
    },
    Pin { name: "vitis-position-quantizer", fixture: "conv-position-iq", set: |_| {} },
    Pin {
        name: "vitis-position-quantizer-knobs",
        fixture: "conv-position-iq",
        set: |model| {
            let knobs = common::knobs([(Knob::Pixels, 3)]);
            let options = LayerOptions { variant: Some(Variant::Pairwise), knobs, ..LayerOptions::default() };
            model.layers.insert("q_conv2d_sparse".into(), options);
        },
    },
    Pin {
        name: "vivado-float-softmax",
        fixture: "softmax-layer",
        set: |model| model.target.language = Language::Hls(HlsTool::Vivado),
    },
    Pin { name: "vitis-softmax-tables", fixture: "qsoftmax-heterogeneous", set: |model| model.pipeline = Pipeline::Function },
    Pin {
        name: "vitis-look-up",
        fixture: "flatten-dense",
        set: |model| {
            model.knobs = common::knobs([(Knob::Interval, 4)]);
            model.layers.insert("flatten".into(), LayerOptions { variant: Some(Variant::LookUp), ..LayerOptions::default() });
        },
    },
    Pin {
        name: "vitis-flatten-quantizer",
        fixture: "flatten-dense",
        set: |model| {
            model.knobs = common::knobs([(Knob::Interval, 4)]);
            model.layers.insert("flatten".into(), LayerOptions { variant: Some(Variant::Scatter), ..LayerOptions::default() });
        },
    },
    Pin {
        name: "vitis-packed",
        fixture: "conv-position-iq",
        set: |model| {
            model.interface = Some(Interface::Packed);
            model.hls.block_control = BlockControl::Chain;
        },
    },
    Pin {
        name: "vivado-stream",
        fixture: "conv-position-iq",
        set: |model| {
            model.target.language = Language::Hls(HlsTool::Vivado);
            model.interface = Some(Interface::Stream);
            model.hls.block_control = BlockControl::None;
        },
    },
    Pin { name: "vivado-dense-tail", fixture: "batchnorm", set: |model| model.target.language = Language::Hls(HlsTool::Vivado) },
];

/// The files of the project but for the headers that are the same in every one, of which the names are there.
fn text(pin: &Pin) -> String {
    let source = common::folder().join(format!("{}.keras", pin.fixture));
    let x = &data::read_npz(&source.with_extension("npz")).unwrap()["x"];
    let mut model = common::model(&source, common::grid(x));
    // All in one step where nothing else is set, which is not the default of each.
    model.knobs = common::knobs([(Knob::Interval, 1)]);
    (pin.set)(&mut model);
    let network = Network::new(&KerasModel::read(&source).unwrap(), &model).unwrap();
    let network = FixedNetwork::infer(network, &model).unwrap();
    let project = common::project("pinned", &model, &network, &check::made_up(&network, 3)).unwrap();
    let mut text = String::new();
    for (path, contents) in &project.files {
        let is_shared = path.starts_with("firmware/kernels/") || path.starts_with("csim/ap_types/");
        let _ = writeln!(text, "=== {path}\n{}", if is_shared { "" } else { contents });
    }
    text
}

#[test]
fn the_text_of_whole_projects_is_as_it_was() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pinned");
    let mut changed = Vec::new();
    for pin in &PINS {
        let (path, found) = (folder.join(format!("{}.txt", pin.name)), text(pin));
        if std::env::var_os("SPARSEHLS_PIN").is_some() {
            fs::create_dir_all(&folder).unwrap();
            fs::write(&path, &found).unwrap();
        }
        let pinned = fs::read_to_string(&path).unwrap_or_default();
        let first = found.lines().zip(pinned.lines()).position(|(found, pinned)| found != pinned);
        if found != pinned {
            let line = first.unwrap_or_else(|| found.lines().count().min(pinned.lines().count()));
            let show = |text: &str| text.lines().nth(line).unwrap_or("(end)").to_owned();
            changed.push(format!("{}.txt, line {}:\n  {}\n  was {}", pin.name, line + 1, show(&found), show(&pinned)));
        }
    }
    assert!(changed.is_empty(), "{}\nSPARSEHLS_PIN=1 writes them anew", changed.join("\n"));
}
