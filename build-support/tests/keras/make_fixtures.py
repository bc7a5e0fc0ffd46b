#!/usr/bin/env python3
"""Writes the golden fixtures: small models saved by real Keras, with images and the outputs of every layer.

    python3.11 -m venv new && new/bin/pip install -r requirements.txt
    new/bin/python make_fixtures.py                  # every case of sparsepixels 0.3.2
    python3.11 -m venv old && old/bin/pip install -r <(sed s/==0.3.2/==0.2.3/ requirements.txt)
    old/bin/python make_fixtures.py                  # the cases of sparsepixels 0.2.3

Arguments are names of cases, or beginnings of names; without any, all cases that fit the installed sparsepixels are
written. The same environment writes the same bytes.

Each case gives `<case>.keras` and `<case>.npz`. The arrays of the latter:

    x               (events, H, W, C) float32, on the grid
    y               (events, outputs) float32, the model's output flattened
    grid            (k, i, f) of the grid: x lies in [-k 2^i, 2^i) in steps of 2^-f
    exact           1 if y is exact, 0 if a float function (softmax, tanh) made it approximate
    layer:<name>    the output of every layer but the input; layer:<name>:mask its keep mask, where it has one

`cases.json` lists all cases, with what each is for; which layers are `approximate` (float functions: compare with a
tolerance, and whatever follows them); and which are `rounded` (means that no float32 holds: Keras gives the nearest, or
nearly; what follows them is exact again). Cases called `refuse-...` are models to refuse, and have no arrays.

Every case is recomputed in float64 without Keras (exact.py); one that Keras itself rounds is not written.
"""

import hashlib
import io
import json
import os
import re
import sys
import zipfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import exact  # noqa: E402
import h5py  # noqa: E402
import keras  # noqa: E402
import networks  # noqa: E402
import numpy as np  # noqa: E402
import randomize  # noqa: E402
import refused  # noqa: E402, F401: registers its networks
import tensorflow  # noqa: E402

tensorflow.config.threading.set_intra_op_parallelism_threads(1)  # the case that trains would depend on it
tensorflow.config.threading.set_inter_op_parallelism_threads(1)

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"
LARGEST = 60_000  # bytes of both files together
THE_DATE = (2026, 1, 1, 0, 0, 0)


def build(case):
    """The network with its random weights and bits, and its images."""
    keras.backend.clear_session()
    seed = int.from_bytes(hashlib.sha256(case.name.encode()).digest()[:4], "little")
    keras.utils.set_random_seed(seed)
    rng = np.random.default_rng(seed)
    net = networks.Net(case.shape)
    model = case.build(net)
    if not isinstance(model, keras.Model):
        model = net.model()
    randomize.randomize_weights(model, rng)
    randomize.randomize_bits(model, rng, case.ranges)
    x = None if case.refused else randomize.images(rng, case.shape, case.grid, case.events)
    if case.after:
        case.after(model, rng, x)
    return model, x


def run(model, x):
    """The outputs of every layer but the input, as lists of arrays by layer name, and the model's output."""
    layers = [layer for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)]
    outputs = [layer.output if isinstance(layer.output, (list, tuple)) else [layer.output] for layer in layers]
    probe = keras.Model(model.inputs, [list(tensors) for tensors in outputs])
    values = probe([x], training=False)
    found = {layer.name: [np.asarray(v) for v in vs] for layer, vs in zip(layers, values, strict=True)}
    y = np.asarray(keras.tree.flatten(model.predict(x, verbose=0))[0])
    assert np.array_equal(y, found[model.outputs[0]._keras_history.operation.name][0]), "predict and the layers differ"
    return found, y.reshape(len(x), -1)


def save(model, path, case):
    """Saves without what changes from run to run (dates, addresses of objects); compressed unless told otherwise."""
    model.save(path)
    with zipfile.ZipFile(path) as archive:
        members = [(member.filename, archive.read(member)) for member in archive.infolist()]
    packed = io.BytesIO()
    method = zipfile.ZIP_STORED if case.as_keras_wrote_it else zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(packed, "w", method, compresslevel=9) as archive:
        for name, data in members:
            if name == "metadata.json":
                data = json.dumps(json.loads(data) | {"date_saved": "2026-01-01@00:00:00"}).encode()
            if name == "config.json":
                data = rename_layers(number_shared_objects(data.decode()), case.rename).encode()
            if name == "model.weights.h5" and case.rename:
                data = rename_groups(data, case.rename)
            archive.writestr(zipfile.ZipInfo(name, THE_DATE), data, method)
    path.write_bytes(packed.getvalue())


def number_shared_objects(config):
    """Keras writes addresses as `shared_object_id`; counts them in order of appearance instead."""
    numbers = {}

    def number(match):
        return f'"shared_object_id": {numbers.setdefault(match[1], 1 + len(numbers))}'

    return re.sub(r'"shared_object_id": (\d+)', number, config)


def rename_layers(config, names):
    """Changes every string in the configuration that is exactly a layer's name."""

    def walk(value):
        if isinstance(value, dict):
            return {key: walk(item) for key, item in value.items()}
        if isinstance(value, list):
            return [walk(item) for item in value]
        return names.get(value, value) if isinstance(value, str) else value

    return json.dumps(walk(json.loads(config))) if names else config


def rename_groups(data, names):
    """Changes the `name` attributes in the weights: a layer's own, and its parts' (`<layer>_iq`)."""
    file = io.BytesIO(data)
    with h5py.File(file, "r+") as weights:

        def visit(_path, group):
            layer = re.match(r"layer_\d+", group.attrs.get("name", ""))
            if layer:
                group.attrs["name"] = names[layer[0]] + group.attrs["name"][layer.end() :]

        weights.visititems(visit)
    return file.getvalue()


def save_arrays(path, arrays):
    """numpy.savez_compressed, with a fixed date."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, values in arrays.items():
            data = io.BytesIO()
            np.lib.format.write_array(data, np.ascontiguousarray(values), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", THE_DATE), data.getvalue(), zipfile.ZIP_DEFLATED)


def make(case):
    """Builds, proves and writes one case; returns its entry for cases.json."""
    model, x = build(case)
    archive, arrays = FIXTURES / f"{case.name}.keras", FIXTURES / f"{case.name}.npz"
    entry = {"sparsepixels": case.sparsepixels, "about": case.note, "shape": list(case.shape), "refused": case.refused}
    entry["layers"] = [[case.rename.get(layer.name, layer.name), type(layer).__name__] for layer in model.layers]
    if case.refused:
        save(model, archive, case)
        print(f"{case.name:34} {archive.stat().st_size:6} bytes", flush=True)
        return entry

    outputs, y = run(model, x)
    assert np.isfinite(y).all(), "not finite"
    layers = [*getattr(model, "_functional", model).layers]
    approximate, rounded = exact.verify(layers, x, outputs)
    assert len(np.unique(y, axis=0)) > len(x) // 4, f"only {len(np.unique(y, axis=0))} different outputs"
    if case.check:
        assert case.check(outputs), "does not provoke what it is for"
    save(model, archive, case)

    content = {"x": x, "y": y, "grid": np.array(case.grid, np.int32), "exact": np.array(not approximate, np.int32)}
    for name, values in outputs.items():
        name = f"layer:{case.rename.get(name, name)}"
        content[name] = values[0]
        if len(values) == 2:
            content[f"{name}:mask"] = values[1]
    save_arrays(arrays, content)
    size = archive.stat().st_size + arrays.stat().st_size
    assert size < LARGEST, f"{size} bytes"
    print(f"{case.name:34} {size:6} bytes  {np.mean(y != 0):4.0%} of y not zero  {approximate} {rounded}", flush=True)
    names = {"approximate": approximate, "rounded": rounded}
    names = {key: [case.rename.get(name, name) for name in value] for key, value in names.items()}
    return entry | {"grid": list(case.grid), "exact": not approximate} | names


def main(wanted):
    FIXTURES.mkdir(exist_ok=True)
    installed = "0.3.2" if hasattr(networks.InputReduce(1, 0.0), "n_init") else "0.2.3"
    index = FIXTURES / "cases.json"
    entries = json.loads(index.read_text()) if index.exists() else {}
    # Cases that differential.py found have a file and no network here; they stay.
    entries = {name: entry for name, entry in entries.items() if name in networks.CASES or (FIXTURES / f"{name}.keras").exists()}
    failed = []
    for case in networks.CASES.values():
        if case.sparsepixels == installed and (not wanted or any(case.name.startswith(w) for w in wanted)):
            try:
                entries[case.name] = make(case)
            except Exception as error:
                failed.append(case.name)
                print(f"{case.name:34} FAILED: {type(error).__name__}: {error}", flush=True)
                if os.environ.get("TRACEBACK"):
                    raise
    index.write_text(json.dumps(dict(sorted(entries.items())), indent=1, ensure_ascii=True) + "\n")
    if failed:
        sys.exit(f"{len(failed)} cases failed: {' '.join(failed)}")


if __name__ == "__main__":
    main(sys.argv[1:])
