//! Nothing in a model file is skipped: every key of every class is used, without effect, or refused.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use sparsehls_build::{
    Code, Error,
    keras::{KerasModel, config_keys},
    network::Network,
};

/// Builds the network of a fixture after `change` to the config of the layer at `at`; the errors, if there are any.
fn errors(name: &str, at: usize, change: impl FnOnce(&mut Map<String, Value>)) -> Vec<Error> {
    let path = common::folder().join(format!("{name}.keras"));
    let mut keras = KerasModel::read(&path).unwrap();
    change(&mut keras.layers[at].config);
    Network::build(&keras, &common::model(&path, common::grid(&common::unit_grid())))
        .map_or_else(|errors| errors.into_vec(), |_| Vec::new())
}

/// A fixture for every class of the table that has layers: its name, where such a layer stands, and the class.
fn examples() -> Vec<(String, usize, String)> {
    let classes: BTreeSet<_> = config_keys().as_object().unwrap().keys().cloned().collect();
    let mut found = std::collections::BTreeMap::new();
    for (name, _, case) in common::cases().into_iter().filter(|(_, _, case)| !case.refused) {
        for (at, (_, class)) in case.layers.iter().enumerate() {
            if classes.contains(class) {
                found.entry(class.clone()).or_insert((name.clone(), at));
            }
        }
    }
    found.into_iter().map(|(class, (name, at))| (name, at, class)).collect()
}

/// The configs inside of a layer's: of the layer that it wraps, and of its quantizers.
fn inner(config: &Map<String, Value>) -> Vec<Vec<String>> {
    let mut paths = vec![Vec::new()];
    for (key, value) in config {
        if key == "conv_config" || key == "pool_config" {
            paths.push(vec![key.clone()]);
            paths.extend(quantizers(value.as_object().unwrap()).map(|path| [vec![key.clone()], path].concat()));
        }
    }
    paths.extend(quantizers(config));
    paths
}

fn quantizers(config: &Map<String, Value>) -> impl Iterator<Item = Vec<String>> {
    let is_quantizer = |(_, value): &(&String, &Value)| value["class_name"] == "QuantizerConfig";
    config.iter().filter(is_quantizer).map(|(key, _)| vec![key.clone(), "config".into()])
}

fn reach<'a>(config: &'a mut Map<String, Value>, path: &[String]) -> &'a mut Map<String, Value> {
    path.iter().fold(config, |config, key| config[key].as_object_mut().unwrap())
}

#[test]
fn a_key_that_nobody_knows_is_refused_everywhere() {
    let examples = examples();
    let mut places = 0;
    for (name, at, class) in &examples {
        let keras = KerasModel::read(&common::folder().join(format!("{name}.keras"))).unwrap();
        for path in inner(&keras.layers[*at].config) {
            for value in [json!(null), json!(true), json!({ "alpha": 2 })] {
                let errors = errors(name, *at, |config| drop(reach(config, &path).insert("alpha".into(), value.clone())));
                let said = errors.iter().any(|error| {
                    error.code() == Code::UnsupportedOption
                        && error.message().contains(&format!("`alpha = {value}`"))
                        && error.layer_name() == Some(&keras.layers[*at].name)
                });
                assert!(said, "{name}: {class} {path:?} with alpha = {value}: {errors:?}");
                places += 1;
            }
        }
    }
    assert!(examples.len() >= 17 && places > 100, "{} classes, {places} places", examples.len());
}

#[test]
fn a_policy_other_than_float32_is_refused_everywhere() {
    let policies = [
        (json!("float16"), "float16"),
        (
            json!({ "module": "keras", "class_name": "DTypePolicy", "config": { "name": "mixed_bfloat16" }, "registered_name": null }),
            "mixed_bfloat16",
        ),
        (
            json!({ "module": "keras.dtype_policies", "class_name": "QuantizedDTypePolicy", "config": { "mode": "int8", "source_name": "float32" } }),
            "int8",
        ),
        (
            json!({ "module": "mine", "class_name": "DTypePolicy", "config": { "name": "float32" }, "registered_name": "mine>DTypePolicy" }),
            "DTypePolicy",
        ),
        (json!({ "module": "keras.dtype_policies", "class_name": "DTypePolicyMap", "config": {} }), "DTypePolicyMap"),
        (json!("int8"), "int8"),
        (json!(null), "null"),
    ];
    for (name, at, class) in &examples() {
        let keras = KerasModel::read(&common::folder().join(format!("{name}.keras"))).unwrap();
        let paths: Vec<_> =
            inner(&keras.layers[*at].config).into_iter().filter(|path| path.last().is_none_or(|key| key != "config")).collect();
        for (policy, word) in &policies {
            for path in &paths {
                let errors = errors(name, *at, |config| reach(config, path)["dtype"] = policy.clone());
                let said = errors.iter().any(|error| error.message().contains("dtype policy") && error.message().contains(word));
                assert!(said, "{name}: {class} {path:?} with {policy}: {errors:?}");
            }
        }
    }
}

#[test]
fn a_key_that_every_version_writes_must_be_there() {
    for (name, at, class) in &examples() {
        let errors = errors(name, *at, |config| drop(config.remove("dtype")));
        assert!(
            errors.iter().any(|error| error.code() == Code::InvalidConfig && error.message().contains("`dtype`")),
            "{class}: {errors:?}"
        );
    }
}

#[test]
fn a_layer_is_what_its_module_and_registered_name_say() {
    let path = |name: &str| common::folder().join(format!("{name}.keras"));
    for (name, at, class) in &examples() {
        for (module, registered) in [
            (None, Some(format!("mine>{class}"))),
            (Some("mine".to_owned()), Some(class.clone())),
            (Some("mine".to_owned()), None),
            (None, None),
            (Some("keras.layers".to_owned()), Some(format!("mine>{class}"))),
        ] {
            let mut keras = KerasModel::read(&path(name)).unwrap();
            (keras.layers[*at].module, keras.layers[*at].registered) = (module.clone(), registered.clone());
            let errors =
                Network::build(&keras, &common::model(&path(name), common::grid(&common::unit_grid()))).unwrap_err().into_vec();
            let said = errors
                .iter()
                .find(|error| error.code() == Code::UnsupportedLayer)
                .unwrap_or_else(|| panic!("{class}: {errors:?}"));
            if let Some(registered) = registered.filter(|registered| registered.contains('>')) {
                assert!(said.message().contains(&registered), "{said}");
            }
        }
    }
}

#[test]
fn what_beside_its_tensors_a_layer_is_called_with_is_looked_at() {
    let path = common::folder().join("flatten-dense.keras");
    let build = |value: Value| {
        let mut keras = KerasModel::read(&path).unwrap();
        keras.layers.last_mut().unwrap().arguments.insert("training".into(), value);
        Network::new(&keras, &common::model(&path, common::grid(&common::unit_grid())))
    };
    assert!(build(json!(true)).is_err_and(|error| error.message().contains("`training = true`")));
    assert!(build(json!(false)).is_ok() && build(json!(null)).is_ok());
}

/// As [`errors`], with a change to the whole model.
fn errors_of(name: &str, change: impl FnOnce(&mut KerasModel)) -> Vec<String> {
    let path = common::folder().join(format!("{name}.keras"));
    let mut keras = KerasModel::read(&path).unwrap();
    change(&mut keras);
    let built = Network::build(&keras, &common::model(&path, common::grid(&common::unit_grid())));
    let errors = built.map_or_else(|errors| errors.into_vec(), |_| Vec::new());
    errors.iter().map(|error| format!("{error}")).collect()
}

#[test]
fn flags_must_be_flags() {
    for (name, at, class) in &examples() {
        let keras = KerasModel::read(&common::folder().join(format!("{name}.keras"))).unwrap();
        for path in inner(&keras.layers[*at].config) {
            for key in ["trainable", "is_weight", "enable_ebops"] {
                let mut config = keras.layers[*at].config.clone();
                if !reach(&mut config, &path).contains_key(key) {
                    continue;
                }
                let errors = errors(name, *at, |config| drop(reach(config, &path).insert(key.into(), json!(0))));
                let said = errors.iter().any(|error| error.message().contains(&format!("`{key}`")));
                assert!(said, "{name}: {class} {path:?} with {key} = 0: {errors:?}");
            }
        }
    }
}

#[test]
fn an_axis_is_the_last_one_or_refused() {
    for (axis, right) in
        [(json!(-1), true), (json!([-1]), true), (json!([-1, 1]), false), (json!("x"), false), (json!(null), false)]
    {
        let errors = errors_of("batchnorm", |keras| {
            let layer = keras.layers.iter_mut().find(|layer| layer.class == "QBatchNormalization").unwrap();
            layer.config["axis"] = axis.clone();
        });
        assert_eq!(errors.is_empty(), right, "{axis}: {errors:?}");
    }
}

#[test]
fn a_padding_in_capitals_is_the_padding() {
    let padding = |value: &str| {
        errors_of("max-pool-2", |keras| {
            let layer = keras.layers.iter_mut().find(|layer| layer.class == "MaxPooling2DSparse").unwrap();
            layer.config["pool_config"]["padding"] = value.into();
        })
    };
    assert!(padding("VALID").is_empty());
    assert!(!padding("SAME").is_empty());
}

/// What is said of a ReLU behind a convolution that is of another class and called with other tensors.
fn said_of(module: &str, registered: &str, class: &str, with_mask: Option<usize>) -> String {
    let errors = errors_of("relu-layer", |keras| {
        let mask = keras.layers.iter().find(|layer| layer.class == "QConv2DSparse").unwrap().inputs[1].clone();
        let layer = keras.layers.iter_mut().find(|layer| layer.class == "ReLU").unwrap();
        (layer.module, layer.registered, layer.class) = (Some(module.into()), Some(registered.into()), class.into());
        layer.inputs.extend(with_mask.map(|index| sparsehls_build::keras::TensorRef { index, ..mask }));
    });
    errors.into_iter().next().unwrap()
}

#[test]
fn what_joins_values_and_what_is_an_operation() {
    let own = said_of("mine", "mine>Magic", "Magic", Some(1));
    assert!(own.contains("layers of class `mine>Magic` are not supported"), "a value and its mask are no branches: {own}");
    assert!(said_of("mine", "mine>Magic", "Magic", Some(0)).contains("branches are not supported"));
    assert!(said_of("keras.layers", "Multiply", "Multiply", Some(1)).contains("branches are not supported"));
    assert!(said_of("keras.src.models.functional", "Functional", "Functional", Some(1)).contains("a model inside of the model"));
    assert!(said_of("sparsepixels.layers", "RemoveDilatedPixels", "RemoveDilatedPixels", Some(1)).contains("leave it out"));
    let operation = said_of("keras.src.activations.activations", "ReLU", "ReLU", None);
    assert!(operation.contains("the operation `keras.src.activations.activations.ReLU` between the layers"), "{operation}");
}

#[test]
fn an_error_about_the_end_or_a_connection_names_the_layer() {
    let missing = errors_of("relu-layer", |keras| {
        let flatten = keras.layers.iter_mut().find(|layer| layer.class == "Flatten").unwrap();
        flatten.inputs[0].layer = "nowhere".into();
    });
    assert!(missing[0].contains("\"nowhere\"") && missing[0].contains("layer: flatten"), "{missing:?}");
    let number = errors_of("relu-layer", |keras| keras.outputs[0].index = 5);
    assert!(number[0].contains("tensor 5") && number[0].contains("layer: flatten"), "{number:?}");
    let unbounded = errors_of("activation-relu", |keras| {
        let at = keras.layers.iter().rposition(|layer| layer.class == "QConv2DSparse").unwrap();
        keras.layers[at].config["activation"] = "elu".into();
    });
    assert!(unbounded[0].contains("no bound") && unbounded[0].contains("layer: "), "{unbounded:?}");
}
