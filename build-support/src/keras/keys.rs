//! Every class that is read, and every key of its config: the one place that says what becomes of them.
//!
//! A layer is what its module and registered name say. A key is read, changes nothing at inference, or is refused, and so
//! is one that stands in no list: nothing in a file is skipped because nobody looked. `tests/keras/config_keys.py` holds
//! the lists against what the packages write.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::{KerasLayer, hints};
use crate::error::{Code, Error, Result};

/// What becomes of a key.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Use {
    /// The network is built from it.
    Read,
    /// Changes nothing at inference, whatever its value.
    Harmless,
    /// Changes nothing with these values, written as JSON; any other is refused, with this remedy.
    Only(&'static [&'static str], &'static str),
    /// As `Read`, and true or false.
    Flag,
    /// A dtype policy, which must be float32.
    Policy,
    /// The config of a layer inside, of this class.
    Layer(&'static str),
    /// The config of a quantizer, or null.
    Quantizer,
}

/// A key, and whether every version writes it.
#[derive(Debug, Clone, Copy)]
struct Key {
    name: &'static str,
    usage: Use,
    always: bool,
}

const fn key(name: &'static str, usage: Use) -> Key {
    Key { name, usage, always: true }
}

const fn read(name: &'static str) -> Key {
    key(name, Use::Read)
}

const fn flag(name: &'static str) -> Key {
    key(name, Use::Flag)
}

const fn harmless(name: &'static str) -> Key {
    key(name, Use::Harmless)
}

const fn only(name: &'static str, values: &'static [&'static str], remedy: &'static str) -> Key {
    key(name, Use::Only(values, remedy))
}

const fn quantizer(name: &'static str) -> Key {
    key(name, Use::Quantizer)
}

/// A key that some versions do not write; without it they do what the values allowed here do.
const fn sometimes(mut key: Key) -> Key {
    key.always = false;
    key
}

/// A class and its keys.
#[derive(Debug)]
pub struct Class {
    name: &'static str,
    module: &'static str,
    /// How Keras registers the class, in every version; a class of Keras itself has no such name.
    registered: &'static [&'static str],
    keys: &'static [&'static [Key]],
}

const LAYER: &[Key] = &[
    read("name"),
    flag("trainable"),
    key("dtype", Use::Policy),
    // A term of the loss; every layer can have one, but those that wrap another.
    sometimes(harmless("activity_regularizer")),
];
/// The layers of sparsepixels that hand everything on to the layer that they wrap.
const WRAPPER: &[Key] = &[read("name"), flag("trainable"), key("dtype", Use::Policy)];

const FLOAT: &str = "call `quantize` and `enable_lora` on no layer; sparse networks are quantized by HGQ2";
const LAST: &str = "use data_format=\"channels_last\"";

/// How weights begin and what holds them in training.
const KERNEL: &[Key] = &[
    harmless("kernel_initializer"),
    harmless("bias_initializer"),
    harmless("kernel_regularizer"),
    harmless("bias_regularizer"),
    harmless("kernel_constraint"),
    harmless("bias_constraint"),
];

const DENSE: &[Key] =
    &[read("units"), read("activation"), read("use_bias"), sometimes(only("quantization_config", &["null"], FLOAT))];

const NORMALIZATION: &[Key] = &[
    read("axis"),
    read("epsilon"),
    read("center"),
    read("scale"),
    harmless("momentum"),
    harmless("beta_initializer"),
    harmless("gamma_initializer"),
    harmless("moving_mean_initializer"),
    harmless("moving_variance_initializer"),
    harmless("beta_regularizer"),
    harmless("gamma_regularizer"),
    harmless("beta_constraint"),
    harmless("gamma_constraint"),
    harmless("synchronized"),
    sometimes(only("renorm", &["false"], "use a batch normalization with renorm=False")),
    sometimes(harmless("renorm_clipping")),
    sometimes(harmless("renorm_momentum")),
];

/// What all layers of HGQ2 have. EBOPs are a cost that training counts.
const HGQ: &[Key] = &[
    read("enable_iq"),
    read("enable_oq"),
    quantizer("iq_conf"),
    quantizer("oq_conf"),
    // Read where `ebops` stands between other variables.
    flag("enable_ebops"),
    sometimes(harmless("ebops_factor")),
    harmless("beta0"),
];

const HGQ_WEIGHTS: &[Key] = &[quantizer("kq_conf"), quantizer("bq_conf"), sometimes(harmless("parallelization_factor"))];

const POOLING: &[Key] = &[
    read("pool_size"),
    read("strides"),
    // Keras takes either spelling, and writes what it was given.
    only("padding", &["\"valid\"", "\"VALID\""], "use padding=\"valid\"; partial windows at the edge are dropped"),
    only("data_format", &["\"channels_last\""], LAST),
];

/// Layer classes that are read, in the order the guide lists them.
const CLASSES: &[Class] = &[
    Class {
        name: "InputLayer",
        module: "keras.layers",
        registered: &[],
        keys: &[&[
            read("name"),
            read("batch_shape"),
            key("dtype", Use::Policy),
            only("sparse", &["false", "null"], "use a dense input"),
            only("ragged", &["false", "null"], "use an input of a fixed shape"),
            sometimes(only("optional", &["false"], "use an input that is not optional")),
        ]],
    },
    Class {
        name: "InputReduce",
        module: "sparsepixels.layers",
        registered: &["InputReduce"],
        keys: &[
            LAYER,
            &[
                read("threshold"),
                // 0.2.x has the first, 0.3.x the others.
                sometimes(read("n_max_pixels")),
                sometimes(read("n")),
                sometimes(read("learn_n")),
                sometimes(read("learn_threshold")),
                sometimes(harmless("beta_n")),
                sometimes(harmless("beta_maskedE")),
                sometimes(harmless("tau_n")),
                sometimes(harmless("tau_threshold")),
            ],
        ],
    },
    Class {
        name: "QConv2DSparse",
        module: "sparsepixels.layers",
        registered: &["QConv2DSparse"],
        keys: &[
            WRAPPER,
            &[key("conv_config", Use::Layer("QConv2D")), read("use_bias"), quantizer("bq_conf"), read("activation")],
        ],
    },
    Class {
        name: "AveragePooling2DSparse",
        module: "sparsepixels.layers",
        registered: &["AveragePooling2DSparse"],
        keys: &[WRAPPER, &[key("pool_config", Use::Layer("AveragePooling2D"))]],
    },
    Class {
        name: "MaxPooling2DSparse",
        module: "sparsepixels.layers",
        registered: &["MaxPooling2DSparse"],
        keys: &[WRAPPER, &[key("pool_config", Use::Layer("MaxPooling2D"))]],
    },
    Class {
        name: "Flatten",
        module: "keras.layers",
        registered: &[],
        keys: &[LAYER, &[only("data_format", &["\"channels_last\""], LAST)]],
    },
    Class { name: "Reshape", module: "keras.layers", registered: &[], keys: &[LAYER, &[read("target_shape")]] },
    Class {
        name: "QDense",
        module: "hgq.layers.core.dense",
        registered: &["hgq>QDense"],
        keys: &[LAYER, DENSE, KERNEL, HGQ, HGQ_WEIGHTS],
    },
    Class {
        name: "QBatchNormDense",
        module: "hgq.layers.core.dense",
        registered: &["hgq>QBatchNormDense"],
        keys: &[
            LAYER,
            DENSE,
            KERNEL,
            HGQ,
            HGQ_WEIGHTS,
            &[
                read("scale"),
                read("epsilon"),
                harmless("momentum"),
                harmless("bn_gamma_initializer"),
                harmless("moving_mean_initializer"),
                harmless("moving_variance_initializer"),
                harmless("bn_gamma_regularizer"),
                harmless("bn_gamma_constraint"),
                harmless("synchronized"),
            ],
        ],
    },
    Class {
        name: "QBatchNormalization",
        module: "hgq.layers.batch_normalization",
        registered: &["hgq>QBatchNormalization"],
        keys: &[LAYER, NORMALIZATION, HGQ, &[quantizer("kq_conf"), quantizer("bq_conf")]],
    },
    Class {
        name: "Dense",
        module: "keras.layers",
        registered: &[],
        keys: &[
            LAYER,
            DENSE,
            KERNEL,
            &[sometimes(only("lora_rank", &["null"], FLOAT)), sometimes(only("lora_alpha", &["null"], FLOAT))],
        ],
    },
    Class { name: "BatchNormalization", module: "keras.layers", registered: &[], keys: &[LAYER, NORMALIZATION] },
    Class {
        name: "ReLU",
        module: "keras.layers",
        registered: &[],
        keys: &[
            LAYER,
            &[
                read("max_value"),
                read("negative_slope"),
                only("threshold", &["0.0", "0", "null"], "use a ReLU without a threshold"),
            ],
        ],
    },
    Class { name: "Activation", module: "keras.layers", registered: &[], keys: &[LAYER, &[read("activation")]] },
    Class {
        name: "Dropout",
        module: "keras.layers",
        registered: &[],
        keys: &[LAYER, &[harmless("rate"), harmless("seed"), harmless("noise_shape")]],
    },
    Class {
        name: "Quantizer",
        module: "hgq.quantizer.quantizer",
        registered: &["hgq>Quantizer", "Quantizer"],
        keys: &[LAYER, &[quantizer("config")]],
    },
    Class {
        name: "QSoftmax",
        module: "hgq.layers.softmax",
        registered: &["hgq>QSoftmax"],
        keys: &[
            LAYER,
            HGQ,
            &[
                read("axes"),
                read("stable"),
                read("input_scaler"),
                quantizer("exp_iq_conf"),
                quantizer("exp_oq_conf"),
                quantizer("inv_iq_conf"),
                quantizer("inv_oq_conf"),
                harmless("allow_heterogeneous_table"),
                harmless("parallelization_factor"),
            ],
        ],
    },
    Class { name: "Softmax", module: "keras.layers", registered: &[], keys: &[LAYER, &[read("axis")]] },
    Class {
        name: "QUnaryFunctionLUT",
        module: "hgq.layers.activation",
        registered: &["hgq>QUnaryFunctionLUT"],
        keys: &[LAYER, HGQ, &[read("activation"), harmless("allow_heterogeneous_table"), harmless("allow_heterogeneous_input")]],
    },
    Class {
        name: "SpatialDropout2D",
        module: "keras.layers",
        registered: &[],
        keys: &[&[read("name"), key("dtype", Use::Policy), harmless("rate"), harmless("seed"), harmless("data_format")]],
    },
    Class {
        name: "GaussianNoise",
        module: "keras.layers",
        registered: &[],
        keys: &[LAYER, &[harmless("stddev"), harmless("seed")]],
    },
];

const NO_BIAS: &str = "give use_bias to the QConv2DSparse, which has a bias of its own";
const ONE: &str = "use 1, and pool to make the image smaller";

/// Layers that stand inside of others, as a bare config: they have no module and no registered name.
const WRAPPED: &[Class] = &[
    Class {
        name: "QConv2D",
        module: "",
        registered: &[],
        keys: &[
            LAYER,
            KERNEL,
            HGQ,
            HGQ_WEIGHTS,
            &[
                read("filters"),
                read("kernel_size"),
                only("strides", &["[1,1]", "1"], ONE),
                only("padding", &["\"same\""], "the active pixels must stay where they are: use padding=\"same\""),
                only("data_format", &["\"channels_last\""], LAST),
                only("dilation_rate", &["[1,1]", "1"], ONE),
                only("groups", &["1"], "use groups=1"),
                only("use_bias", &["false"], NO_BIAS),
                only("activation", &["\"linear\"", "null"], "give the activation to the QConv2DSparse"),
            ],
        ],
    },
    Class { name: "AveragePooling2D", module: "", registered: &[], keys: &[LAYER, POOLING] },
    Class { name: "MaxPooling2D", module: "", registered: &[], keys: &[LAYER, POOLING] },
];

const TRAINABLE_FACTOR: &str = "put the factor into the weights of the next layer, and train with it set to None";

/// The config of a quantizer. The initial bits, and what holds them in training, give way to the variables; so do the
/// axes, which the shape of the variables tells.
const QUANTIZER: Class = Class {
    name: "QuantizerConfig",
    module: "hgq.quantizer.config",
    registered: &["hgq>QuantizerConfig"],
    keys: &[&[
        read("q_type"),
        harmless("place"),
        only("scaler", &["null"], TRAINABLE_FACTOR),
        only("affine", &["null"], TRAINABLE_FACTOR),
        harmless("qnoise_factor"),
        // A quantizer of type "dummy" has none of the following.
        sometimes(read("round_mode")),
        sometimes(read("overflow_mode")),
        sometimes(flag("is_weight")),
        sometimes(flag("trainable")),
        // The class `DefaultBitwidthMapper` is what null stands for.
        sometimes(read("bw_mapper")),
        sometimes(harmless("k0")),
        sometimes(harmless("b0")),
        sometimes(harmless("i0")),
        sometimes(harmless("f0")),
        sometimes(harmless("bc")),
        sometimes(harmless("ic")),
        sometimes(harmless("fc")),
        sometimes(harmless("br")),
        sometimes(harmless("ir")),
        sometimes(harmless("fr")),
        sometimes(harmless("i_decay_speed")),
        sometimes(harmless("homogeneous_axis")),
        sometimes(harmless("heterogeneous_axis")),
    ]],
};

/// The model around the layers.
const MODEL: &[Class] = &[
    Class {
        name: "Functional",
        module: "keras.src.models.functional",
        registered: &["Functional"],
        keys: &[&[read("name"), harmless("trainable"), read("input_layers"), read("output_layers")]],
    },
    Class {
        name: "Sequential",
        module: "keras",
        registered: &[],
        keys: &[&[
            read("name"),
            sometimes(harmless("trainable")),
            key("dtype", Use::Policy),
            sometimes(harmless("build_input_shape")),
        ]],
    },
];

/// What an entry in the list of layers has around the config. `build_config` has shapes, which the weights have too.
pub(crate) const ENTRY: Class = Class {
    name: "entry of a layer",
    module: "",
    registered: &[],
    keys: &[&[
        read("module"),
        read("class_name"),
        read("config"),
        read("registered_name"),
        // A Sequential model has neither.
        sometimes(read("name")),
        sometimes(read("inbound_nodes")),
        sometimes(harmless("build_config")),
        // A model inside of the model, whose class is what is refused.
        sometimes(harmless("compile_config")),
    ]],
};

/// The names of the layer classes that are read.
pub(crate) fn supported() -> impl Iterator<Item = &'static str> {
    CLASSES.iter().map(|class| class.name)
}

impl Class {
    fn keys(&self) -> impl Iterator<Item = &'static Key> {
        self.keys.iter().copied().flatten()
    }

    fn named(name: &str) -> Option<&'static Self> {
        let quantizer: &'static Self = &QUANTIZER;
        CLASSES.iter().chain(WRAPPED).chain(MODEL).chain([quantizer]).find(|class| class.name == name)
    }

    /// Whether a class of this name is ours by its module and the name under which it is registered.
    fn is(&self, module: Option<&str>, registered: Option<&str>) -> bool {
        module == Some(self.module)
            && match registered {
                Some(name) => self.registered.contains(&name),
                None => self.registered.is_empty(),
            }
    }
}

/// Whether the code that reads layers of `class` may read `key`: the table says so.
pub(crate) fn is_read(class: &str, key: &str) -> bool {
    let known = Class::named(class).and_then(|class| class.keys().find(|known| known.name == key));
    known.is_some_and(|key| !matches!(key.usage, Use::Harmless))
}

/// The classes that are read, with the keys of their configs, as JSON: by class `identities`, pairs of a module and a
/// registered name, and `keys`. For checks against what the packages write.
pub fn table() -> Value {
    let (quantizer, entry): (&Class, &Class) = (&QUANTIZER, &ENTRY);
    let row = |class: &Class| {
        let registered: Vec<_> = match class.registered {
            [] => vec![Value::Null],
            names => names.iter().map(|name| Value::from(*name)).collect(),
        };
        let identity = |name: Value| match class.module {
            "" => serde_json::json!([null, null]),
            module => serde_json::json!([module, name]),
        };
        let keys: Vec<_> = class.keys().map(|key| key.name).collect();
        serde_json::json!({ "identities": registered.into_iter().map(identity).collect::<Vec<_>>(), "keys": keys })
    };
    let classes = CLASSES.iter().chain(WRAPPED).chain(MODEL).chain([quantizer, entry]);
    classes.map(|class| (class.name.to_owned(), row(class))).collect::<Map<_, _>>().into()
}

/// Whether `class` is a class that is read, by its name alone.
pub(crate) fn is_known(class: &str) -> bool {
    supported().any(|name| name == class)
}

/// What is wrong with the entry of a layer around its config.
pub(crate) fn check_entry(entry: &Map<String, Value>) -> Result {
    let mut found = Vec::new();
    check(&ENTRY, "the entry of this layer", entry, &mut found);
    found.into_iter().next().map_or(Ok(()), Err)
}

/// What is wrong with a layer as its entry in the file stands, before anything is built from it.
pub(crate) fn layer_problems(layer: &KerasLayer) -> Vec<Error> {
    match identified(CLASSES, layer) {
        Some(class) => entry_problems(class, layer).into_iter().map(|error| error.layer(&layer.name)).collect(),
        None => vec![hints::unsupported(layer).layer(&layer.name)],
    }
}

/// What is wrong with the model around the layers; `model` is its entry.
pub(crate) fn model_problems(model: &KerasLayer) -> Vec<Error> {
    match identified(MODEL, model) {
        Some(class) => entry_problems(class, model),
        None => vec![hints::own_model(model)],
    }
}

fn identified(classes: &'static [Class], layer: &KerasLayer) -> Option<&'static Class> {
    let class = classes.iter().find(|class| class.name == layer.class)?;
    class.is(layer.module.as_deref(), layer.registered.as_deref()).then_some(class)
}

fn entry_problems(class: &Class, layer: &KerasLayer) -> Vec<Error> {
    let mut found = Vec::new();
    check(class, &layer.class, &layer.config, &mut found);
    found.extend(layer.arguments.iter().filter_map(|(name, value)| argument(layer, name, value)));
    found
}

/// What a layer is called with beside its tensors: `training=True` would switch a dropout on.
fn argument(layer: &KerasLayer, name: &str, value: &Value) -> Option<Error> {
    let is_default = value.is_null() || name == "training" && *value == Value::Bool(false);
    (!is_default).then(|| {
        let message = format!("this {} is called with `{name} = {}`, which is not supported", layer.class, shown(value));
        Error::new(Code::UnsupportedOption, message).help("call the layer with its input alone")
    })
}

/// Holds the keys of `config` against those of `class`; `what` is what the message calls it.
fn check(class: &Class, what: &str, config: &Map<String, Value>, found: &mut Vec<Error>) {
    for (name, value) in config {
        let Some(key) = class.keys().find(|key| key.name == name) else {
            let message = format!("{what} has the key `{name} = {}`, which this version does not know", shown(value));
            found.push(Error::new(Code::UnsupportedOption, message).help(
                "it may change what the layer computes, so it is not skipped; save the model with versions that the guide \
                 (layers.md) lists, or report the key",
            ));
            continue;
        };
        match key.usage {
            Use::Read | Use::Harmless => {}
            Use::Flag => {
                if !value.is_boolean() {
                    found.push(malformed(what, name, "a boolean", value));
                }
            }
            Use::Only(values, remedy) => {
                if !values.contains(&value.to_string().as_str()) {
                    found.push(unsupported(what, name, value, remedy));
                }
            }
            Use::Policy => found.extend(policy(what, value).err()),
            Use::Layer(inner) => match (Class::named(inner), value.as_object()) {
                (Some(inner), Some(config)) => check(inner, what, config, found),
                _ => found.push(malformed(what, name, "an object", value)),
            },
            Use::Quantizer => quantizer_config(what, name, value, found),
        }
    }
    let absent = class.keys().filter(|key| key.always && !config.contains_key(key.name));
    found.extend(absent.map(|key| {
        let message = format!("{what} has no key `{}`, which every version that is read writes", key.name);
        Error::new(Code::InvalidConfig, message).help("save the model again with `model.save(\"model.keras\")`")
    }));
}

fn quantizer_config(what: &str, name: &str, value: &Value, found: &mut Vec<Error>) {
    if value.is_null() {
        return;
    }
    let text = |key: &str| value[key].as_str();
    match value["config"].as_object() {
        Some(config) if text("class_name") == Some(QUANTIZER.name) && QUANTIZER.is(text("module"), text("registered_name")) => {
            // Float quantizers have other keys, and the type is what is wrong with them.
            if matches!(config.get("q_type").and_then(Value::as_str), Some("kbi" | "kif" | "dummy")) {
                check(&QUANTIZER, &format!("quantizer `{name}` of this {what}"), config, found);
            }
        }
        _ => found.push(unsupported(what, name, value, "use a QuantizerConfig of HGQ2")),
    }
}

/// A policy by which a layer computes in float32 and keeps its variables so.
fn policy(what: &str, value: &Value) -> Result {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let class = value["class_name"].as_str().unwrap_or_default();
    let plain = matches!(class, "DTypePolicy" | "FloatDTypePolicy")
        && matches!(value["module"].as_str(), Some("keras" | "keras.dtype_policies"))
        && value["registered_name"].is_null();
    let config = &value["config"];
    let name = text(value)
        .or_else(|| text(&config["name"]))
        .or_else(|| Some(format!("{}_from_{}", config["mode"].as_str()?, config["source_name"].as_str()?)))
        .unwrap_or_else(|| if class.is_empty() { shown(value) } else { class.to_owned() });
    if name == "float32" && (plain || value.is_string()) {
        return Ok(());
    }
    let name = if plain || value.is_string() || class.is_empty() { name } else { format!("{name} ({class})") };
    let message = format!("{what} has the dtype policy `{name}`; only float32 is supported");
    Err(Error::new(Code::UnsupportedOption, message)
        .help("train in float32, `keras.config.set_dtype_policy(\"float32\")`, without `model.quantize`: HGQ2's quantizers make the bits"))
}

/// An [`Code::UnsupportedOption`] error about a key of `what`.
pub(crate) fn unsupported(what: &str, key: &str, value: &Value, remedy: &str) -> Error {
    Error::new(Code::UnsupportedOption, format!("{what} with `{key} = {}` is not supported", shown(value))).help(remedy)
}

/// An [`Code::InvalidConfig`] error about a key of `what`, which should be `wanted`.
pub(crate) fn malformed(what: &str, key: &str, wanted: &str, value: &Value) -> Error {
    let message = format!("`{key}` of this {what} is not {wanted}: {}", shown(value));
    Error::new(Code::InvalidConfig, message)
        .help(format!("make it {wanted} in Python, and save the model again with `model.save(\"model.keras\")`"))
}

/// A value as a message shows it: JSON, cut where it gets long.
pub(crate) fn shown(value: &Value) -> String {
    const LONGEST: usize = 120;
    let text = value.to_string();
    match text.char_indices().nth(LONGEST) {
        None => text,
        Some((at, _)) => {
            let mut cut = text[..at].to_owned();
            let _ = write!(cut, "… ({} characters)", text.chars().count());
            cut
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn all() -> impl Iterator<Item = (&'static str, &'static Key)> {
        let others: [&'static Class; 2] = [&QUANTIZER, &ENTRY];
        let classes = CLASSES.iter().chain(WRAPPED).chain(MODEL).chain(others);
        classes.flat_map(|class| class.keys().map(|key| (class.name, key)))
    }

    #[test]
    fn the_guide_lists_the_supported_classes() {
        let Some(guide) = crate::guide("layers.md") else { return };
        let list = guide.split("supported-classes -->").nth(1).unwrap();
        let listed: Vec<_> = list.lines().filter_map(|line| line.strip_prefix("- `")?.strip_suffix('`')).collect();
        assert_eq!(listed, supported().collect::<Vec<_>>());
    }

    #[test]
    fn the_guide_says_why_a_key_has_no_effect() {
        let Some(guide) = crate::guide("layers.md") else { return };
        let table = guide.split("keys-without-effect -->").nth(1).unwrap();
        let cells = table.lines().filter_map(|line| line.strip_prefix("| `")?.split(" | ").next());
        let listed: BTreeSet<_> = cells.flat_map(|cell| cell.split('`').step_by(2).collect::<Vec<_>>()).collect();
        let without: BTreeSet<_> = all().filter(|(_, key)| key.usage == Use::Harmless).map(|(_, key)| key.name).collect();
        let named: BTreeSet<_> = listed.into_iter().filter(|word| without.contains(word)).collect();
        assert_eq!(named, without);
    }

    #[test]
    fn a_class_has_each_key_once() {
        let mut seen = BTreeSet::new();
        for (class, key) in all() {
            assert!(seen.insert((class, key.name)), "{class}.{} stands twice in the table", key.name);
        }
    }

    #[test]
    fn long_values_are_cut() {
        assert_eq!(shown(&Value::from("é".repeat(10))), format!("\"{}\"", "é".repeat(10)));
        assert!(shown(&Value::from("é".repeat(1000))).chars().count() < 200);
    }
}
