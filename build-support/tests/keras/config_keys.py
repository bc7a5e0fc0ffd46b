#!/usr/bin/env python3
"""Every key that Keras, HGQ2 and sparsepixels write into the config of a layer that we read, in the installed versions.

    cargo run -p sparsehls-build --example config_keys > keys.json
    python config_keys.py keys.json          # the table against the installed versions
    python config_keys.py --versions keys.json    # against every version that docs/layers.md claims; pip fetches them
    python config_keys.py --list             # what the installed versions write, as JSON

The table of the crate (`network/keys.rs`) says what becomes of every key. This makes layers of every supported class,
with the options that add keys, saves models with them, reads the configs that were written, and fails on a class, a
module, a registered name or a key that the table lacks. What the table has and no version writes fails too, so that
it cannot grow stale.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

# Oldest and newest of each, and those between that changed something; Keras, HGQ2, sparsepixels.
VERSIONS = [
    ("3.10.0", "0.1.5", "0.2.3"),
    ("3.11.3", "0.1.7", "0.3.0"),
    ("3.12.4", "0.1.8", "0.3.1"),
    ("3.13.2", "0.1.9", "0.3.2"),
    ("3.14.1", "0.2.0", "0.3.2"),
    ("3.15.1", "0.2.0", "0.3.2"),
]


def quantizer_configs(QuantizerConfig):
    """A config of every type and place, and of the options that are null by default. (Float quantizers cannot be built.)"""
    for q_type in ("kbi", "kif"):
        for place in ("weight", "bias", "table", "datalane"):
            yield QuantizerConfig(q_type, place, heterogeneous_axis=())
    yield QuantizerConfig("dummy")
    yield QuantizerConfig("kif", "datalane", scaler=2.0, affine=(1.0, 0.0))
    try:
        yield QuantizerConfig("kif", "datalane", qnoise_factor=0.5)
    except (TypeError, ValueError):  # not in 0.1.5
        pass


# A term of the loss that every layer can have.
LOSS = {"activity_regularizer": "l2"}


def dense_layers(keras, hgq):
    """Layers that work on a flat input, with the options that add keys."""
    layers = keras.layers
    yield layers.Dense(4, kernel_regularizer="l2", kernel_constraint="non_neg", **LOSS)
    yield layers.BatchNormalization(**LOSS)
    yield layers.ReLU(max_value=6.0, negative_slope=0.25, threshold=0.5, **LOSS)
    yield layers.Activation("relu", **LOSS)
    yield layers.Softmax(**LOSS)
    yield layers.Dropout(0.5, seed=1, **LOSS)
    yield layers.GaussianNoise(0.5, seed=1, **LOSS)
    yield layers.Reshape((2, -1), **LOSS)
    yield layers.Flatten(**LOSS)
    yield hgq.QDense(4, activation="relu", enable_oq=True, **LOSS)
    yield hgq.QBatchNormDense(4, **LOSS)
    yield hgq.QBatchNormalization(enable_oq=True, **LOSS)
    yield hgq.QSoftmax(enable_iq=True, enable_oq=True, **LOSS)
    yield hgq.QUnaryFunctionLUT("tanh", **LOSS)


def save(keras, folder):
    """Saves models with every supported class, and gives their configs."""
    import hgq.layers
    import numpy
    import sparsepixels.layers as sparse
    from hgq.quantizer import Quantizer, QuantizerConfig

    old = "n_max_pixels" in sparse.InputReduce.__init__.__code__.co_varnames
    budget = {"n_max_pixels" if old else "n": 4, "threshold": 0.5}
    models = []
    flat = list(dense_layers(keras, hgq.layers))
    flat += [Quantizer(config, **LOSS) for config in quantizer_configs(QuantizerConfig)]
    for layer in flat:
        image = keras.Input((6,))
        models.append(keras.Model(image, layer(image)))
        models.append(keras.Sequential([keras.Input((6,)), layer]))
    pools = [sparse.AveragePooling2DSparse] + ([sparse.MaxPooling2DSparse] if hasattr(sparse, "MaxPooling2DSparse") else [])
    for pool in pools:
        image = keras.Input((6, 6, 1))
        x, mask = sparse.InputReduce(**budget, **LOSS)(image)
        x = sparse.QConv2DSparse(2, 3, padding="same", activation="relu", enable_oq=True, **LOSS)((x, mask))
        x, mask = pool(2, **LOSS)((x, mask))
        models.append(keras.Model(image, keras.layers.Flatten()(x)))
    image = keras.Input((6, 6, 1))
    models.append(keras.Model(image, keras.layers.SpatialDropout2D(0.5, seed=1)(image)))
    models.append(keras.Sequential([image, keras.Sequential([keras.layers.Flatten()])]))  # its entry has a key more
    learned = keras.layers.Dense(4)
    lora = keras.Model(image, learned(image))
    learned.enable_lora(2)
    models.append(lora)
    for at, model in enumerate(models):
        path = Path(folder) / f"{at}.keras"
        model(numpy.zeros((1, *model.input_shape[1:]), "float32"))
        model.save(path)
        with zipfile.ZipFile(path) as archive:
            yield json.loads(archive.read("config.json"))


# Layers that a layer holds as a bare config, by the key it stands under.
WRAPPED = {"conv_config": ["QConv2D"], "pool_config": ["AveragePooling2D", "MaxPooling2D"]}


def collect(found, config):
    """Notes the class, identity and keys of a serialized object and of everything in it that the table covers."""
    inner = config["config"]
    if config["class_name"] in ("Functional", "Sequential"):
        for entry in inner["layers"]:
            note(found, "entry of a layer", None, None, entry)
            collect(found, entry)
        note(found, config["class_name"], config["module"], config["registered_name"], [key for key in inner if key != "layers"])
        return
    note(found, config["class_name"], config["module"], config["registered_name"], inner)
    for key, value in inner.items():
        if key in WRAPPED:
            for name in WRAPPED[key]:
                if name.startswith("Q") or name.split("Pooling")[0] == config["class_name"].split("Pooling")[0]:
                    note(found, name, None, None, value)
            for part in value.values():
                quantizer(found, part)
        quantizer(found, value)


def quantizer(found, value):
    """Notes a quantizer's config."""
    if isinstance(value, dict) and value.get("class_name") == "QuantizerConfig":
        note(found, "QuantizerConfig", value["module"], value["registered_name"], value["config"])


def note(found, name, module, registered, keys):
    known = found.setdefault(name, {"identities": [], "keys": []})
    if [module, registered] not in known["identities"]:
        known["identities"].append([module, registered])
    known["keys"] += [key for key in keys if key not in known["keys"]]


def installed():
    """What the installed versions write."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
    import keras

    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for config in save(keras, folder):
            collect(found, config)
    return found


def of_version(versions, folder):
    """What these versions write: only their own files are installed, beside the environment's TensorFlow."""
    keras, hgq, sparsepixels = versions
    packages = [f"keras=={keras}", f"hgq2=={hgq}", f"sparsepixels=={sparsepixels}"]
    target = Path(folder) / "-".join(versions)
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", target, *packages], check=True)
    run = subprocess.run(
        [sys.executable, __file__, "--list"], env=os.environ | {"PYTHONPATH": str(target)}, check=True, stdout=subprocess.PIPE
    )
    return json.loads(run.stdout)


def missing(table, found, versions):
    """What is written and the table lacks."""
    for name, written in found.items():
        row = table.get(name)
        if row is None:
            yield f"{versions}: class {name} is not in the table"
            continue
        for module, registered in written["identities"]:
            if [module, registered] not in row["identities"]:
                yield f"{versions}: {name} is written as {module}, registered as {registered}"
        for key in written["keys"]:
            if key not in row["keys"]:
                yield f"{versions}: {name} has the key {key}, which the table lacks"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", nargs="?", help="the table as JSON")
    parser.add_argument("--versions", action="store_true", help="every version that is claimed, not the installed ones")
    parser.add_argument("--list", action="store_true", help="print what the installed versions write")
    arguments = parser.parse_args()
    if arguments.list:
        json.dump(installed(), sys.stdout, indent=1)
        return 0
    table = json.loads(Path(arguments.table).read_text())
    complaints, all_found = [], {}
    with tempfile.TemporaryDirectory() as folder:
        for versions in VERSIONS if arguments.versions else ["installed"]:
            found = of_version(versions, folder) if arguments.versions else installed()
            complaints += missing(table, found, versions)
            for name, written in found.items():
                note(all_found, name, None, None, written["keys"])
    if arguments.versions:
        for name, row in table.items():
            written = all_found.get(name, {"keys": []})["keys"]
            complaints += [f"no version writes {name}.{key}" for key in row["keys"] if key not in written]
    print("\n".join(complaints))
    keys = sum(len(row["keys"]) for row in table.values())
    print(f"{len(table)} classes, {keys} keys, {len(VERSIONS) if arguments.versions else 1} sets of versions")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
