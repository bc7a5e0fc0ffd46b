#!/usr/bin/env python3
"""The differential test over options: one small network for every option of every class, global setting and way to call.

    python options.py                # all; needs what differential.py needs
    python options.py qdense relu    # those whose names begin so
    python options.py --keep DIR     # leaves the models and the package there

Each is saved by real Keras, which also computes the outputs. The tool must refuse it with a code that says that something
in the file is not supported and a message that names the layer, or agree on every event. What the guide says is
supported must be built, too (`ok`); where a refusal is right (`no`) agreeing is right as well, and so is a Keras that
makes no such model.
"""

import argparse
import collections
import contextlib
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import keras  # noqa: E402
import numpy as np  # noqa: E402
import randomize  # noqa: E402
from hgq.layers import QBatchNormalization, QBatchNormDense, QDense, QSoftmax, QUnaryFunctionLUT  # noqa: E402
from hgq.quantizer import Quantizer  # noqa: E402
from hgq.quantizer.config import HardTanhConfig  # noqa: E402
from hgq.quantizer.internal import DefaultBitwidthMapper  # noqa: E402
from networks import Net, config  # noqa: E402
from randomize import ALIVE, TABLES  # noqa: E402
from sparsepixels.layers import (  # noqa: E402
    AveragePooling2DSparse,
    InputReduce,
    MaxPooling2DSparse,
    QConv2DSparse,
    RemoveDilatedPixels,
)

ROOT = Path(__file__).resolve().parents[3]
PROCESSES = 2
EVENTS = 32
GRID = (1, 2, 3)
IMAGE, FLAT = (6, 5, 2), (6,)
FLOATS = 0.02  # the widest tolerance
REFUSALS = ("unsupported-", "weights-")
REFUSALS += ("missing-key", "input-format", "inexact-output", "format-too-wide", "bits-out-of-range", "invalid-config")
WEIGHTS = {"weights-precision": "fixed<10,4>"}
LAYERS = keras.layers


@dataclass
class Option:
    """One network; `expect` is ok or no."""

    name: str
    build: object  # a function of a Net, which may give a model
    shape: tuple
    expect: str
    keys: dict  # of the manifest
    ranges: dict
    after: object  # last changes to the model
    settings: object  # a context around everything


OPTIONS: dict[str, Option] = {}


def option(expect, name, build, shape=IMAGE, keys=None, ranges=ALIVE, after=None, settings=contextlib.nullcontext):
    assert name not in OPTIONS, name
    OPTIONS[name] = Option(name, build, shape, expect, keys or {}, ranges, after, settings)


def plain(expect, name, make, end=True, **how):
    """`make` gives a layer, which stands on a quantized flat value."""

    def build(net):
        net.add(Quantizer(config("kif", overflow_mode="SAT")), make())
        if end:
            net.dense(3)

    option(expect, name, build, **{"shape": FLAT} | how)


def image(expect, name, add, **how):
    """`add` adds sparse layers to a Net, between a reduction and a Flatten."""
    option(expect, name, lambda net: (net.reduce(12), add(net), net.flatten()) and None, **how)


# --- what every layer has -----------------------------------------------------------------------------------------------

COMMON = {
    "name": {"name": "some.name-1"},
    "untrainable": {"trainable": False},
    "dtype": {"dtype": "float32"},
    "policy": {"dtype": keras.DTypePolicy("float32")},
    "regularized": {"activity_regularizer": "l2"},
}
WRONG_POLICIES = {
    "float16": {"dtype": "float16"},
    "float64": {"dtype": "float64"},
    "mixed": {"dtype": keras.DTypePolicy("mixed_bfloat16")},
}
FLAT_CLASSES = {
    "qdense": lambda **k: QDense(4, **k),
    "qbatchnormdense": lambda **k: QBatchNormDense(4, **k),
    "qbatchnorm": lambda **k: QBatchNormalization(**k),
    "dense": lambda **k: LAYERS.Dense(4, **k),
    "batchnorm": lambda **k: LAYERS.BatchNormalization(**k),
    "relu": lambda **k: LAYERS.ReLU(**k),
    "activation": lambda **k: LAYERS.Activation("relu", **k),
    "dropout": lambda **k: LAYERS.Dropout(0.5, **k),
    "noise": lambda **k: LAYERS.GaussianNoise(0.5, **k),
    "quantizer": lambda **k: Quantizer(config("kif"), **k),
    "reshape": lambda **k: LAYERS.Reshape((2, 3), **k),
    "flatten": lambda **k: LAYERS.Flatten(**k),
    "lut": lambda **k: QUnaryFunctionLUT("tanh", **k),
}


def is_plain(name):
    return name in ("dense", "batchnorm")


def simple_weights(model, _rng):
    """Weights of plain layers that their format holds, and a normalization that float32 does not round."""
    for layer in model._flatten_layers():
        if type(layer) is LAYERS.BatchNormalization:
            size = layer.moving_mean.shape
            layer.moving_variance.assign(np.full(size, np.float32(0.25) - np.float32(layer.epsilon)))
            layer.moving_mean.assign(np.linspace(-2, 2, size[0]).round())
            for variable, value in ((layer.gamma, 0.75), (layer.beta, -1.25)):
                if variable is not None:
                    variable.assign(np.full(size, np.float32(value)))
        elif type(layer) is LAYERS.Dense:
            for variable in layer.variables:
                variable.assign(np.clip(np.round(np.asarray(variable) * 16) / 16, -4, 4))


for _class, _make in FLAT_CLASSES.items():
    _how = {"keys": WEIGHTS, "after": simple_weights} if is_plain(_class) else {}
    for _name, _keys in COMMON.items():
        plain("ok", f"{_class} {_name}", lambda make=_make, keys=_keys: make(**keys), **_how)
    for _name, _keys in WRONG_POLICIES.items():
        plain("no", f"{_class} {_name}", lambda make=_make, keys=_keys: make(**keys), **_how)
for _name, _keys in (COMMON | WRONG_POLICIES).items():
    _right = "no" if _name in WRONG_POLICIES else "ok"
    plain(_right, f"softmax {_name}", lambda keys=_keys: LAYERS.Softmax(**keys), end=False)
    plain(_right, f"qsoftmax {_name}", lambda keys=_keys: QSoftmax(**keys), end=False, ranges=TABLES)
    option(_right, f"reduce {_name}", lambda net, keys=_keys: net.reduce(9, **keys).flatten() and None)
    _made = "no" if _name in ("untrainable", "regularized") else _right
    image(_made, f"spatialdropout {_name}", lambda net, keys=_keys: net.add(LAYERS.SpatialDropout2D(0.5, **keys)))
    image(_right, f"conv {_name}", lambda net, keys=_keys: net.conv(2, 3, **keys))
    image(_right, f"avg {_name}", lambda net, keys=_keys: net.avg(2, **keys))
    image(_right, f"max {_name}", lambda net, keys=_keys: net.max(2, **keys))

TRAINING = {
    "kernel_initializer": "ones",
    "bias_initializer": keras.initializers.RandomNormal(seed=3),
    "kernel_regularizer": keras.regularizers.L1L2(0.1, 0.1),
    "bias_regularizer": "l1",
    "kernel_constraint": keras.constraints.MaxNorm(2),
    "bias_constraint": "non_neg",
}
HGQ_KEYS = {
    "ebops": {"enable_ebops": True, "ebops_factor": 2.0, "beta0": 1e-3},
    "no ebops": {"enable_ebops": False},
    "beta0": {"beta0": keras.initializers.Constant(1e-4)},
    "no iq": {"enable_iq": False},
    "oq": {"enable_oq": True},
    "oq_conf": {"enable_oq": True, "oq_conf": config("kbi", overflow_mode="SAT")},
    "unused confs": {"enable_iq": False, "iq_conf": config("kif", scaler=2.0), "oq_conf": config("kif", affine=(2.0, 1.0))},
}

# --- classes on a flat value --------------------------------------------------------------------------------------------

for _class in ("qdense", "qbatchnormdense", "dense"):
    _make = FLAT_CLASSES[_class]
    _how = {"keys": WEIGHTS, "after": simple_weights} if is_plain(_class) else {}
    for _name, _value in TRAINING.items():
        plain("ok", f"{_class} {_name}", lambda make=_make, k=_name, v=_value: make(**{k: v}), **_how)
    plain("ok", f"{_class} activation function", lambda make=_make: make(activation=keras.activations.relu), **_how)
    plain("no", f"{_class} activation layer", lambda make=_make: make(activation=LAYERS.ReLU()), **_how)
    for _name in ("relu", "relu6", "linear", None):
        plain("ok", f"{_class} {_name}", lambda make=_make, a=_name: make(activation=a), **_how)
    if _class != "qbatchnormdense":
        plain("ok", f"{_class} no bias", lambda make=_make: make(use_bias=False), **_how)
for _class in ("qdense", "qbatchnormdense", "qbatchnorm", "lut"):
    _make = FLAT_CLASSES[_class]
    for _name, _keys in HGQ_KEYS.items():
        # A float function wants a quantizer of its own or of the next layer, which all have here.
        if (_class, _name) != ("lut", "unused confs"):  # it has an output quantizer by default
            plain("ok", f"{_class} {_name}", lambda make=_make, keys=_keys: make(**keys))
    if _class != "lut":
        plain("no", f"{_class} dummy kq", lambda make=_make: make(kq_conf=config("dummy")))
        plain("no", f"{_class} dummy bq", lambda make=_make: make(bq_conf=config("dummy")))
    plain("ok", f"{_class} dummy iq", lambda make=_make: make(iq_conf=config("dummy")))
    plain(
        "no" if _class == "lut" else "ok",
        f"{_class} dummy oq",
        lambda make=_make: make(enable_oq=True, oq_conf=config("dummy")),
    )
for _factor in (-1, 1, 3):
    plain("ok", f"qdense parallel {_factor}", lambda f=_factor: QDense(4, parallelization_factor=f))

for _class, _make in (("qbatchnorm", QBatchNormalization), ("batchnorm", LAYERS.BatchNormalization)):
    _how = {"keys": WEIGHTS, "after": simple_weights} if is_plain(_class) else {}
    for _axis in (-1, 1):
        plain("ok", f"{_class} axis {_axis}", lambda make=_make, a=_axis: make(axis=a), **_how)
    for _name, _keys in {
        "no center": {"center": False},
        "no scale": {"scale": False},
        "neither": {"scale": False, "center": False},
        "epsilon": {"epsilon": 0.01},
        "momentum": {"momentum": 0.5, "synchronized": True},
        "training": {"beta_initializer": "ones", "gamma_regularizer": "l2", "beta_constraint": "non_neg"},
        "moving": {"moving_mean_initializer": "ones", "moving_variance_initializer": "zeros"},
    }.items():
        plain("ok", f"{_class} {_name}", lambda make=_make, keys=_keys: make(**keys), **_how)
    for _axis in (1, 2, -1, -2, 3):
        _right = "ok" if _axis in (2, -1) else "no"
        option(
            _right,
            f"{_class} rows axis {_axis}",
            lambda net, make=_make, a=_axis: (
                net.add(LAYERS.Reshape((2, 3)), Quantizer(config("kif")), make(axis=a), LAYERS.Flatten(), QDense(3)) and None
            ),
            shape=FLAT,
            **_how,
        )
for _name, _keys in {
    "no scale": {"scale": False},
    "epsilon": {"epsilon": 0.1},
    "no scale, no ebops": {"scale": False, "enable_ebops": False},
    "momentum": {"momentum": 0.5, "synchronized": True, "moving_mean_initializer": "ones"},
}.items():
    plain("ok", f"qbatchnormdense {_name}", lambda keys=_keys: QBatchNormDense(4, **keys))
plain("ok", "batchnorm renorm", lambda: LAYERS.BatchNormalization(renorm=False), keys=WEIGHTS, after=simple_weights)
plain("no", "batchnorm renorm on", lambda: LAYERS.BatchNormalization(renorm=True), keys=WEIGHTS, after=simple_weights)
plain("no", "dense no precision", lambda: LAYERS.Dense(4))
plain("no", "dense lora", lambda: LAYERS.Dense(4, lora_rank=2), keys=WEIGHTS)

for _name, _right, _keys in (
    ("all zero", "ok", {"max_value": None, "negative_slope": 0.0, "threshold": 0.0}),
    ("max", "ok", {"max_value": 1.5}),
    ("max int", "ok", {"max_value": 2}),
    ("max 0", "ok", {"max_value": 0}),
    ("max 0.3", "ok", {"max_value": 0.3}),
    ("slope", "ok", {"negative_slope": 0.25}),
    ("slope 1", "ok", {"negative_slope": 1}),
    ("slope and max", "ok", {"negative_slope": 0.5, "max_value": 1.0}),
    ("slope 0.3", "no", {"negative_slope": 0.3}),
    ("slope 2", "no", {"negative_slope": 2.0}),
    ("threshold", "no", {"threshold": 0.5}),
    ("threshold int 0", "ok", {"threshold": 0}),
    ("max negative", "no", {"max_value": -1.0}),
):
    plain(_right, f"relu {_name}", lambda keys=_keys: LAYERS.ReLU(**keys), end=False)
    image(_right, f"relu sparse {_name}", lambda net, keys=_keys: net.conv(2, 3).add(LAYERS.ReLU(**keys)))

ACTIVATIONS = [
    name for name, made in vars(keras.activations).items() if callable(made) and name == getattr(made, "__name__", "")
]
ACTIVATIONS = [name for name in ACTIVATIONS if name not in ("get", "serialize", "deserialize")]
ACTIVATIONS += ["swish", "exp", "hard_swish", "ReLU", "Relu", "mish", "leakyrelu"]
NAMED = "linear relu relu6 sigmoid tanh hard_sigmoid hard_tanh softplus softsign elu silu swish exponential exp".split()
for _name in dict.fromkeys(ACTIVATIONS):
    _known = _name in NAMED and _name != "exp"  # `exp` is the name of a function inside of HGQ2

    def _float(net, name=_name):
        net.add(Quantizer(config("kif", overflow_mode="SAT")), LAYERS.Activation(name), Quantizer(config("kif", "table")))

    _right = "ok" if _known else "no"
    option(_right, f"activation {_name}", _float, shape=FLAT)
    plain(_right if _name != "relu6" else "no", f"lut {_name}", lambda n=_name: QUnaryFunctionLUT(n), end=False, ranges=TABLES)
    image(
        _right if _name in ("linear", "relu", "relu6") else "no",
        f"conv {_name}",
        lambda net, n=_name: net.conv(2, 3, activation=n),
    )
for _name, _keys in {
    "no iq": {"enable_iq": False},
    "homogeneous": {"allow_heterogeneous_input": False, "allow_heterogeneous_table": False},
    "unsigned": {"override_oq_k0_to_0": True},
    "confs": {"iq_conf": config("kif", overflow_mode="SAT_SYM"), "oq_conf": config("kif", "table", round_mode="TRN")},
}.items():
    plain("ok", f"lut options {_name}", lambda keys=_keys: QUnaryFunctionLUT("sigmoid", **keys), end=False)
plain("ok", "lut no oq", lambda: QUnaryFunctionLUT("tanh", enable_oq=False))

for _axis, _right in ((-1, "ok"), (1, "ok"), ([-1], "no"), (0, "no")):
    plain(_right, f"softmax axis {_axis}", lambda a=_axis: LAYERS.Softmax(axis=a), end=False)
plain("no", "softmax in the middle", LAYERS.Softmax)
plain("ok", "softmax 32", lambda: LAYERS.Activation("softmax"), end=False, shape=(32,))
plain("no", "softmax 33", lambda: LAYERS.Activation("softmax"), end=False, shape=(33,))
for _name, _right, _keys in (
    ("axis -1", "ok", {"axis": -1}),
    ("axis 1", "ok", {"axis": 1}),
    ("axes", "ok", {"axes": (-1,)}),
    ("unstable", "ok", {"stable": False, "enable_iq": True}),
    ("iq", "ok", {"enable_iq": True, "iq_conf": config("kif", overflow_mode="SAT")}),
    ("oq", "ok", {"enable_oq": True}),
    ("oq_conf", "ok", {"enable_oq": True, "oq_conf": config("kif", overflow_mode="SAT")}),
    ("scaler", "ok", {"input_scaler": 0.5}),
    ("scaler 0.3", "ok", {"input_scaler": 0.3}),
    ("scaler int", "ok", {"input_scaler": 2}),
    ("heterogeneous", "ok", {"allow_heterogeneous_table": True}),
    ("no ebops", "ok", {"enable_ebops": False}),
    ("parallel", "ok", {"parallelization_factor": 2}),
    ("tables", "ok", {"exp_oq_conf": config("kif", "table"), "inv_oq_conf": config("kbi", "table")}),
    ("table inputs", "ok", {"exp_iq_conf": config("kbi"), "inv_iq_conf": config("kif", overflow_mode="SAT")}),
    ("dummy exp_iq", "ok", {"exp_iq_conf": config("dummy"), "allow_heterogeneous_table": True, "stable": True}),
    ("scaled table", "no", {"inv_iq_conf": config("kif", scaler=2.0)}),
):
    plain(_right, f"qsoftmax {_name}", lambda keys=_keys: QSoftmax(**keys), end=False, ranges=TABLES)

for _rate in (0, 0.0, 0.9, 0.5):
    plain("ok", f"dropout rate {_rate!r}", lambda r=_rate: LAYERS.Dropout(r))
plain("ok", "dropout noise_shape", lambda: LAYERS.Dropout(0.5, noise_shape=(1, 6), seed=7))
plain("ok", "noise seed", lambda: LAYERS.GaussianNoise(0.0, seed=7))
for _format in ("channels_first", "channels_last"):
    _right = "no" if _format == "channels_first" else "ok"
    image(_right, f"flatten {_format}", lambda net, f=_format: net.conv(2, 3).add(LAYERS.Flatten(data_format=f)))
    image("ok", f"spatialdropout {_format}", lambda net, f=_format: net.add(LAYERS.SpatialDropout2D(0.5, data_format=f)))
for _shape in ((60,), (-1,), (6, 10), (6, -1), (-1, 5, 2), (6, 5, 2), (2, 3, 5, 2)):
    option("ok", f"reshape {_shape}", lambda net, s=_shape: net.reduce(12).conv(2, 3).add(LAYERS.Reshape(s)) and None)
for _shape in ((7,), (-1, -1), (0,), ()):
    option("no", f"reshape {_shape}", lambda net, s=_shape: net.reduce(12).conv(2, 3).add(LAYERS.Reshape(s)) and None)

# --- sparse layers ------------------------------------------------------------------------------------------------------

for _name, _right, _keys in (
    ("fixed", "ok", {"learn_n": False, "learn_threshold": False}),
    ("learn n", "ok", {"learn_threshold": False, "threshold": 0.4}),
    ("learn threshold", "ok", {"learn_n": False}),
    ("penalties", "ok", {"beta_n": 1.0, "beta_maskedE": 2.0, "tau_n": 0.1, "tau_threshold": 1.0}),
    ("no penalties", "ok", {"beta_n": 0, "beta_maskedE": 0}),
    ("negative threshold", "ok", {"threshold": -1, "learn_threshold": False}),
    ("infinite threshold", "no", {"threshold": float("inf"), "learn_threshold": False}),
    ("learned infinite", "no", {"threshold": float("-inf")}),
    ("numbers for flags", "no", {"learn_n": 0, "learn_threshold": 1}),
):
    option(_right, f"reduce {_name}", lambda net, keys=_keys: net.reduce(9, **keys).flatten() and None)
for _n in (1, 30, 1000, 7.9, True):
    option("ok", f"reduce n {_n!r}", lambda net, n=_n: net.reduce(n).flatten() and None)
for _n, _right in ((0, "no"), (-3, "no"), (10**6, "no")):
    fixed = {"learn_n": False, "learn_threshold": False}
    option(_right, f"reduce n {_n!r}", lambda net, n=_n, keys=fixed: net.reduce(n, **keys).flatten() and None)

for _name, _right, _keys in (
    ("SAME", "ok", {"padding": "SAME"}),
    ("valid", "no", {"padding": "valid"}),
    ("strides 1", "ok", {"strides": 1}),
    ("strides (1, 1)", "ok", {"strides": (1, 1)}),
    ("strides [2, 1]", "no", {"strides": [2, 1]}),
    ("dilation 1", "ok", {"dilation_rate": (1, 1)}),
    ("dilation 2", "no", {"dilation_rate": 2}),
    ("groups", "no", {"groups": 2}),
    ("channels_first", "no", {"data_format": "channels_first"}),
    ("channels_last", "ok", {"data_format": "channels_last"}),
    ("no bias", "ok", {"use_bias": False}),
    ("activation function", "ok", {"activation": keras.activations.relu}),
    ("parallel", "ok", {"parallelization_factor": 1}),
    ("dummy kq", "no", {"kq_conf": config("dummy")}),
    ("dummy bq", "no", {"bq_conf": config("dummy")}),
    ("dummy iq", "ok", {"iq_conf": config("dummy")}),
    ("scaled bq", "no", {"bq_conf": config("kif", "bias", scaler=2.0)}),
    ("one kbi", "ok", {"kq_conf": config("kbi", "weight", heterogeneous_axis=()), "bq_conf": config("kbi", "bias")}),
    *((name, "ok", keys) for name, keys in HGQ_KEYS.items() if name != "unused confs"),
    *((key, "ok", {key: value}) for key, value in TRAINING.items()),
):
    _keys = {"padding": "same"} | _keys
    image(
        _right,
        f"conv options {_name}",
        lambda net, keys=_keys: net.add(lambda x: QConv2DSparse(2, 3, **keys)((x, net.mask))),
    )
for _size in (1, 2, (2, 3), [3, 1], (6, 5), (7, 7), 13):
    image("ok", f"conv kernel {_size}", lambda net, s=_size: net.conv(2, s))
image("ok", "conv filters 1", lambda net: net.conv(1, 3))
image(
    "no",
    "conv named arguments, valid padding",
    lambda net: net.add(lambda x: QConv2DSparse(filters=2, kernel_size=1)((x, net.mask))),
)

for _pool in ("avg", "max"):
    _class = {"avg": AveragePooling2DSparse, "max": MaxPooling2DSparse}[_pool]
    for _name, _right, _keys in (
        ("int", "ok", {"pool_size": 2}),
        ("tuple", "ok", {"pool_size": (2, 1)}),
        ("list", "ok", {"pool_size": [1, 4]}),
        ("default", "no" if _pool == "avg" else "ok", {}),
        ("strides None", "ok", {"pool_size": 2, "strides": None}),
        ("strides equal", "ok", {"pool_size": (2, 4), "strides": [2, 4]}),
        ("strides int", "ok", {"pool_size": (2, 2), "strides": 2}),
        ("strides other", "no", {"pool_size": 2, "strides": 1}),
        ("strides one other", "no", {"pool_size": 2, "strides": (2, 1)}),
        ("VALID", "ok", {"pool_size": 2, "padding": "VALID"}),
        ("same", "no", {"pool_size": 4, "padding": "same"}),
        ("channels_first", "no", {"pool_size": 2, "data_format": "channels_first"}),
        ("channels_last", "ok", {"pool_size": 2, "data_format": "channels_last"}),
        ("too large", "no", {"pool_size": 7}),
        ("whole", "no" if _pool == "avg" else "ok", {"pool_size": (6, 5)}),
    ):

        def _add(net, make=_class, keys=_keys):
            net.conv(2, 3)
            net.x, net.mask = make(**keys)((net.x, net.mask))

        image(_right, f"{_pool} {_name}", _add)
image("no", "avg no quantizer behind", lambda net: net.conv(2, 3).avg(3))

# --- quantizers ---------------------------------------------------------------------------------------------------------

for _type in ("kif", "kbi"):
    _bits = {"kif": {"f0": 3}, "kbi": {"b0": 5}}[_type]
    for _name, _right, _keys in (
        ("scaler", "no", {"scaler": 2.0}),
        ("scaler 1", "no", {"scaler": 1}),
        ("affine", "no", {"affine": (1.0, 0.5)}),
        ("affine identity", "no", {"affine": (1, 0)}),
        ("noise", "ok", {"qnoise_factor": 0.5}),
        ("noise 0", "ok", {"qnoise_factor": 0}),
        *((f"{mode}", "ok", {"round_mode": mode}) for mode in ("rnd", "trn", "rnd_conv", "Trn_Zero", "s_rnd", "S_RND_CONV")),
        *((f"{mode}", "ok", {"overflow_mode": mode}) for mode in ("wrap", "sat", "Sat_Sym")),
        ("wrap_sm", "no", {"overflow_mode": "wrap_sm"}),
        ("sym", "no", {"overflow_mode": "SYM"}),
        ("k0 initializer", "ok", {"k0": keras.initializers.Constant(1)}),
        ("k0 False", "ok", {"k0": False}),
        ("initializers", "ok", {"i0": keras.initializers.Constant(2)} | {k: keras.initializers.Constant(3) for k in _bits}),
        ("initial bits", "ok", {"i0": -1} | _bits),
        ("constraints", "ok", {"ic": None, "ir": None}),
        ("decay", "ok", {"i_decay_speed": -1}),
        ("frozen", "ok", {"trainable": False}),
        ("frozen wrap", "ok", {"trainable": False, "overflow_mode": "WRAP"}),
        ("as weight", "ok", {"is_weight": True}),
        ("as weight, wrap", "ok", {"is_weight": True, "overflow_mode": "WRAP"}),
        ("as weight, wrap, trn", "ok", {"is_weight": True, "overflow_mode": "WRAP", "round_mode": "TRN"}),
        ("not as weight", "ok", {"is_weight": False, "overflow_mode": "WRAP"}),
        ("mapper", "ok", {"bw_mapper": DefaultBitwidthMapper(heterogeneous_axis=(-1,))}),
        ("homogeneous ()", "ok", {"homogeneous_axis": ()}),
        ("homogeneous (0,)", "ok", {"homogeneous_axis": (0,)}),
        ("homogeneous (0, -1)", "ok", {"homogeneous_axis": (0, -1)}),
        ("homogeneous list", "ok", {"homogeneous_axis": [0, 1]}),
        ("heterogeneous ()", "ok", {"heterogeneous_axis": ()}),
        ("heterogeneous (-1,)", "ok", {"heterogeneous_axis": (-1,)}),
        ("heterogeneous (1,)", "ok", {"heterogeneous_axis": (1,)}),
        ("heterogeneous (-2,)", "ok", {"heterogeneous_axis": (-2,)}),
        ("heterogeneous (-1, -2)", "ok", {"heterogeneous_axis": [-1, -2]}),
    ):
        _batch = _name in (
            "homogeneous ()",
            "heterogeneous (-2,)",
            "heterogeneous (-1, -2)",
        )  # that of a flat value is the batch
        plain("no" if _batch else _right, f"{_type} {_name}", lambda t=_type, k=_keys: Quantizer(config(t, **k)), end=False)
        plain(
            _right, f"{_type} weight {_name}", lambda t=_type, k=_keys: QDense(4, kq_conf=config(t, "weight", **k)), end=False
        )
        image(
            "no" if _name == "homogeneous ()" else _right,
            f"{_type} image {_name}",
            lambda net, t=_type, k=_keys: net.conv(2, 3, iq_conf=config(t, **k)),
        )
for _place in ("weight", "bias", "table", "datalane"):
    _axes = {"homogeneous_axis": (0,)}
    plain("ok", f"place {_place}", lambda p=_place, a=_axes: Quantizer(config("default", p, **a)), end=False)
plain("ok", "dummy", lambda: Quantizer(config("dummy")))
plain("no", "dummy scaled", lambda: Quantizer(config("dummy", scaler=2.0)))
plain("no", "dummy affine", lambda: Quantizer(config("dummy", affine=(2.0, 0.0))))
plain("no", "hard tanh config", lambda: QDense(4, iq_conf=HardTanhConfig()))

# --- ways to call -------------------------------------------------------------------------------------------------------


def flat_net(net):
    return net.reduce(12).conv(2, 3, activation="relu").flatten()


def called(name, right, call, **how):
    """`call` is a function of a flat value."""
    option(right, f"call {name}", lambda net: flat_net(net).add(call).dense(3) and None, **how)


called("training=False", "ok", lambda x: QDense(4)(x, training=False))
called("training=None", "ok", lambda x: QDense(4)(x, training=None))
called("dense training=True", "no", lambda x: QDense(4)(x, training=True))
called("dropout training=True", "no", lambda x: LAYERS.Dropout(0.5)(x, training=True))
called("batchnorm training=True", "no", lambda x: QBatchNormalization()(x, training=True))
called("inputs=", "ok", lambda x: LAYERS.ReLU()(inputs=x))
called("mask=None", "ok", lambda x: QDense(4)(x, mask=None) if "mask" in QDense.call.__code__.co_varnames else QDense(4)(x))
called("softmax mask", "no", lambda x: LAYERS.Softmax()(x, mask=x))
called("twice", "no", lambda x, d=None: (d := QDense(60))(d(x)))
called("operation *", "no", lambda x: x * 2)
called("operation +", "no", lambda x: x + 1)
called("operation slice", "no", lambda x: x[..., 0:2])
called("operation relu", "no", keras.ops.relu)
called("operation reshape", "no", lambda x: keras.ops.reshape(x, (-1, 60)))
called("activation function", "no", keras.activations.relu)
called("lambda", "no", lambda x: LAYERS.Lambda(lambda v: v)(x))
called("rescaling", "no", lambda x: LAYERS.Rescaling(0.5)(x))
called("identity", "no", lambda x: LAYERS.Identity()(x))
called("masking", "no", lambda x: LAYERS.Masking()(x[:, None])[:, 0])
called("nested", "no", lambda x: keras.Sequential([QDense(3)])(x))
called("residual", "no", lambda x: LAYERS.Add()([x, QDense(60)(x)]))
called("concatenate itself", "no", lambda x: LAYERS.Concatenate()([x, x]))
called("remove dilated", "no", lambda x: RemoveDilatedPixels()((x, x)))
image("ok", "call conv list", lambda net: net.add(lambda x: QConv2DSparse(2, 3, padding="same")([x, net.mask])))
image("ok", "call conv inputs=", lambda net: net.add(lambda x: QConv2DSparse(2, 3, padding="same")(inputs=(x, net.mask))))
image(
    "no", "call conv training", lambda net: net.add(lambda x: QConv2DSparse(2, 3, padding="same")((x, net.mask), training=True))
)
image(
    "ok",
    "call conv not training",
    lambda net: net.add(lambda x: QConv2DSparse(2, 3, padding="same")((x, net.mask), training=False)),
)
image(
    "no",
    "call conv mask first",
    lambda net: net.add(lambda x: QConv2DSparse(2, 3, padding="same")((net.mask, x))),
    shape=(6, 5, 1),
)
image(
    "no", "call conv mask for value", lambda net: net.add(lambda x: QConv2DSparse(2, 3, padding="same")((net.mask, net.mask)))
)
image("no", "call mask flattened", lambda net: net.add(lambda _: net.mask))
image("no", "call reduce on reduced", lambda net: net.reduce(4))
image("no", "call conv own mask", lambda net: net.add(lambda x: QConv2DSparse(2, 3, padding="same")((x, x[..., :1]))))


def unused_branch(net):
    flat_net(net)
    LAYERS.Conv2D(3, 3)(net.input)
    keep = QDense(2)(net.x)
    net.dense(3)
    del keep


def shared_output(net, outputs):
    flat_net(net).dense(3)
    return keras.Model(net.input, outputs(net.x), name="network")


option("ok", "model unused branch", unused_branch)
option("ok", "model list", lambda net: shared_output(net, lambda x: [x]))
option("ok", "model dict", lambda net: shared_output(net, lambda x: {"y": x}))
option("no", "model output twice", lambda net: shared_output(net, lambda x: [x, x]))
option("no", "model two outputs", lambda net: shared_output(net, lambda x: [x, QDense(2)(x)]))
option("ok", "model input list", lambda net: keras.Model([net.input], flat_net(net).dense(3).x))
option("ok", "model input dict", lambda net: keras.Model({"a": net.input}, flat_net(net).dense(3).x))
option("no", "model input unused", lambda net: keras.Model([net.input, keras.Input((3,))], flat_net(net).dense(3).x))
option("no", "model nothing", lambda net: keras.Model(net.input, net.input))
option(
    "ok",
    "model batch size",
    lambda net: keras.Model(inp := keras.Input(batch_shape=(EVENTS, *FLAT)), QDense(3)(inp)),
    shape=FLAT,
)
option("no", "model int input", lambda net: keras.Model(inp := keras.Input(FLAT, dtype="int32"), QDense(3)(inp)), shape=FLAT)
option(
    "ok", "model frozen", lambda net: flat_net(net).dense(3) and None, after=lambda model, _: setattr(model, "trainable", False)
)
option("ok", "model compiled", lambda net: flat_net(net).dense(3) and None, after=lambda model, _: model.compile("sgd", "mse"))


def sequential(expect, name, *make, **how):
    option(expect, f"sequential {name}", lambda net: keras.Sequential([m() for m in make]), **{"shape": FLAT} | how)


sequential("ok", "input", lambda: keras.Input(FLAT), lambda: QDense(4), lambda: LAYERS.ReLU(), lambda: QDense(3))
sequential("ok", "late", lambda: QDense(4), lambda: LAYERS.Dropout(0.5), lambda: QDense(3))
sequential("ok", "input_shape", lambda: LAYERS.Flatten(input_shape=IMAGE), lambda: QDense(3), shape=IMAGE)
sequential("no", "nested", lambda: keras.Sequential([QDense(4)]), lambda: QDense(3))
sequential("no", "sparse", lambda: keras.Input(IMAGE), lambda: InputReduce(9), lambda: LAYERS.Flatten(), shape=IMAGE)

# --- global settings ----------------------------------------------------------------------------------------------------


def setting(expect, name, change, restore, **how):
    @contextlib.contextmanager
    def settings():
        change()
        try:
            yield
        finally:
            restore()

    option(expect, f"setting {name}", lambda net: flat_net(net).dense(3) and None, settings=settings, **how)


for _policy in ("float32", "mixed_float16", "mixed_bfloat16", "float16", "bfloat16", "float64"):
    setting(
        "ok" if _policy == "float32" else "no",
        f"policy {_policy}",
        lambda p=_policy: keras.config.set_dtype_policy(p),
        lambda: keras.config.set_dtype_policy("float32"),
    )
for _floatx in ("float16", "bfloat16", "float64"):
    setting("no", f"floatx {_floatx}", lambda f=_floatx: keras.config.set_floatx(f), lambda: keras.config.set_floatx("float32"))
setting(
    "no",  # the convolution of HGQ2 wants the channels in front then
    "channels_first",
    lambda: keras.config.set_image_data_format("channels_first"),
    lambda: keras.config.set_image_data_format("channels_last"),
)
setting("ok", "epsilon", lambda: keras.config.set_epsilon(1e-3), lambda: keras.config.set_epsilon(1e-7))


# --- running ------------------------------------------------------------------------------------------------------------


def stem(name):
    """What the files of an option are called, and the model in the manifest."""
    return f"m{list(OPTIONS).index(name):03}"


def events(rng, shape):
    """Events on the grid."""
    if len(shape) == 3:
        return randomize.images(rng, shape, GRID, EVENTS)
    sign, integer, fraction = GRID
    low, high = -sign * 2 ** (integer + fraction), 2 ** (integer + fraction)
    x = rng.integers(low, high, (EVENTS, *shape)) * 2.0**-fraction
    x[0], x[1] = 0, high * 2.0**-fraction - 2.0**-fraction
    return x.astype(np.float32)


def make(job):
    """Builds, runs and saves one option; what Keras says against it, or None."""
    name, folder = job
    chosen = OPTIONS[name]
    keras.backend.clear_session(free_memory=False)  # names begin anew; collecting garbage takes as long as all else
    keras.utils.set_random_seed(7)
    rng = np.random.default_rng(7)
    path = Path(folder) / stem(name)
    with chosen.settings():
        try:
            net = Net(chosen.shape)
            model = chosen.build(net)
            if not isinstance(model, keras.Model):
                model = net.model()
            x = events(rng, chosen.shape)
            if not model.built:
                model(x, training=False)  # a Sequential model learns its shape from it
            randomize.randomize_weights(model, rng)
            randomize.randomize_bits(model, rng, chosen.ranges)
            if chosen.after:
                chosen.after(model, rng)
            y = np.asarray(keras.tree.flatten(model(_like(model, x), training=False))[0])
            model.save(path.with_suffix(".keras"))
        except Exception as error:  # whatever Keras raises
            return name, f"{type(error).__name__}: {error}"
    np.savez(path.with_suffix(".npz"), x=x, y=y.astype(np.float32).reshape(EVENTS, -1))
    return name, None


def _like(model, x):
    """`x` as the model takes it: other inputs get zeros."""
    wanted = getattr(model, "_inputs_struct", None)
    if wanted is None:
        return x
    first = [True]

    def give(tensor):
        if first[0]:
            first[0] = False
            return x
        return np.zeros((len(x), *tensor.shape[1:]), np.float32)

    return keras.tree.map_structure(give, wanted)


def write_package(folder, names):
    """A package with these models."""
    sign, integer, fraction = GRID
    lines = ['[package]\nname = "options"\nversion = "0.0.0"\nedition = "2021"\n\n[workspace]\n']
    for name in names:
        lines.append(
            f'[package.metadata.sparsehls.models.{stem(name)}]\nsource = "{stem(name)}.keras"\ngolden = "{stem(name)}.npz"'
        )
        keys = {"input": f"fixed<{sign + integer + fraction},{sign + integer}>"} | OPTIONS[name].keys
        lines += [f"{key} = {json.dumps(value)}" for key, value in keys.items()]
    (folder / "src").mkdir(exist_ok=True)
    (folder / "src/lib.rs").touch()
    (folder / "Cargo.toml").write_text("\n".join(lines) + "\n")


def call_tool(tool, folder, *arguments):
    """The lines of a command's JSON, the text beside them, and its exit status."""
    command = [tool, "sparsehls", *arguments, "--message-format", "json"]
    command += ["--manifest-path", folder / "Cargo.toml", "--target-dir", folder / "target"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    return SimpleNamespace(
        lines=[json.loads(line) for line in done.stdout.splitlines()], text=done.stderr, status=done.returncode
    )


def layer_names(path):
    """The names of the layers in a file."""
    with zipfile.ZipFile(path.with_suffix(".keras")) as archive:
        root = json.loads(archive.read("config.json"))
    return {entry["config"].get("name") for entry in root["config"].get("layers", [])}


def refusals(tool, folder, names):
    """The errors of every option, from one run of `check`, which gives all of them."""
    write_package(folder, names)
    done = call_tool(tool, folder, "check")
    found = {name: [] for name in names}
    for line in done.lines:
        for name in names if line["reason"] == "error" else ():
            # An error about the manifest names the model in its key.
            if Path(line["file"] or "").stem == stem(name) or f".models.{stem(name)}" in (line["key"] or ""):
                found[name].append(line)
    return found


def wrong_refusal(errors, path):
    """What is wrong with a refusal."""
    names = layer_names(path)
    for error in errors:
        if not error["code"].startswith(REFUSALS):
            return f"code {error['code']}: {error['message']}"
        if error.get("layer") not in names and error["code"] != "unsupported-graph":
            return f"names no layer of the model, but {error.get('layer')!r}: {error['message']}"
    return None


def compare(tool, folder, names):
    """What is wrong with the outputs of the options that are not refused."""
    write_package(folder, names)
    done = call_tool(tool, folder, "verify", "--engine", "reference")
    for name in names:
        answer, problems = done, []
        mine = [line for line in done.lines if line["reason"] == "verify" and line["model"] == stem(name)]
        if not mine:  # an error ended the run before
            answer = call_tool(tool, folder, "verify", "--engine", "reference", "--model", stem(name))
            mine = [line for line in answer.lines if line["reason"] == "verify"]
            problems = [f"{line['code']}: {line['message']}" for line in answer.lines if line["reason"] == "error"]
        for line in mine:
            if line["events"] != EVENTS or line["events-different"]:
                problems.append(f"{line['events-different']} of {line['events']} events differ: {line.get('first')}")
            if line["tolerance"] > FLOATS:
                problems.append(f"a tolerance of {line['tolerance']}")
        if not mine and not problems:
            problems.append(f"no answer: exit {answer.status}, {answer.text[-300:]}")
        yield name, problems


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="beginnings of the names of options")
    parser.add_argument("--tool", type=Path, default=os.environ.get("SPARSEHLS_TOOL", ROOT / "target/debug/cargo-sparsehls"))
    parser.add_argument("--keep", type=Path, help="leave models and package in this folder")
    parser.add_argument("--verbose", action="store_true", help="print every refusal")
    arguments = parser.parse_args()
    names = [name for name in OPTIONS if not arguments.names or name.startswith(tuple(arguments.names))]
    with tempfile.TemporaryDirectory(prefix="options-") as temporary:
        folder = arguments.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        with multiprocessing.get_context("spawn").Pool(PROCESSES) as pool:
            made = dict(pool.imap_unordered(make, [(name, str(folder)) for name in names], chunksize=8))
        bugs, counts = [], collections.Counter()
        for name, problem in made.items():
            counts["not made by Keras"] += problem is not None
            if problem and OPTIONS[name].expect == "ok":
                bugs.append(f"{name}: Keras cannot make it: {problem[:300]}")
            if arguments.verbose and problem:
                print(f"not made {name}: {problem[:200]}")
        exist = [name for name in names if made[name] is None]
        errors = refusals(arguments.tool, folder, exist)
        for name in exist:
            if not errors[name]:
                continue
            counts["refused"] += 1
            first = errors[name][0]
            if arguments.verbose:
                for error in errors[name]:
                    print(
                        f"refused  {name}: [{error['code']}] {error['message']} (layer {error['layer']}; help: {error['help']})"
                    )
            problem = wrong_refusal(errors[name], folder / stem(name))
            if problem:
                bugs.append(f"{name}: {problem}")
            elif OPTIONS[name].expect == "ok":
                bugs.append(f"{name}: refused, and supported as the guide has it: {first['message']} ({first['code']})")
        built = [name for name in exist if not errors[name]]
        for name, problems in compare(arguments.tool, folder, built):
            counts["agreed" if not problems else "wrong"] += 1
            bugs += [f"{name}: {problem}" for problem in problems]
            if arguments.verbose and not problems:
                print(f"agreed   {name} (expected {OPTIONS[name].expect})")
    print("\n".join(bugs))
    print(
        f"{len(names)} options tried: "
        + ", ".join(f"{count} {what}" for what, count in sorted(counts.items()))
        + f"; {len(bugs)} bugs"
    )
    return 1 if bugs else 0


if __name__ == "__main__":
    sys.exit(main())
