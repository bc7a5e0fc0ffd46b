#!/usr/bin/env python3
"""Floats that are not on the input grid, against real Keras: random first quantizers, with the grid inferred and stated.

    python floats.py --networks 54 --events 64 --seed 1        # seed 0: one from the clock
    python floats.py --seed 1 --only 17                        # one network of that run again

Needs what differential.py needs. The networks are small, as it is their first quantizer that matters: every rounding and
overflow mode in turn, one format or one for each position, with weights behind it or bare. The events are what detectors
and scripts deliver: continuous values, values next to ties and thresholds, tiny, far out of range, scaled by 1/255, as
arrays of float32, float64, float16 and integers.

1. With an inferred grid an event may differ from Keras only if a pixel changed between active and inactive, which is
   worked out here with NumPy from the threshold and the format that `check` prints, or within float32. What the tool
   counts must be what is counted here.
2. With the `input` of the data, and with one that is too coarse. Whatever remedy the tool prints is tried: an `input` in
   the manifest, or the line of NumPy on the data before Keras gets them; then no event may differ.
"""

import argparse
import collections
import json
import multiprocessing
import os
import re
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import differential  # first: it silences TensorFlow before it is loaded
import exact
import numpy as np
import recipes
from networks import OVERFLOWS, ROUNDINGS

KINDS = ("conv", "quantizer", "bare", "dense", "flat")
ARRAYS = ("float32", "float64", "float32", "float16", "int16", "float32", "uint8")
THRESHOLDS = (0.0, 0.1, -0.3, 0.25, 0.0, 1 / 255)
BY_SIGN = ("TRN_ZERO", "RND_ZERO", "RND_INF")
WIDEST = 32


# --- networks and events -----------------------------------------------------------------------------------------------


def draw(seed, index):
    """The recipe of a network; see recipes.py."""
    rng = np.random.default_rng([seed, index, 13])
    start = int(np.random.default_rng(seed).integers(1000))
    kind = KINDS[(index + start) % len(KINDS)]
    mode, overflow = ROUNDINGS[(index + start) % len(ROUNDINGS)], OVERFLOWS[(index // len(ROUNDINGS) + start) % len(OVERFLOWS)]
    quantizer = {
        "type": str(rng.choice(("kif", "kbi"))),
        "place": "datalane",
        "round": mode,
        "overflow": overflow,
        "axes": ("element", "homogeneous", "channel")[int(rng.integers(3))],
        "trainable": True,
    }
    weights = {name: quantizer | {"place": name, "round": "RND", "overflow": "SAT"} for name in ("weight", "bias")}
    shape = [int(rng.integers(3, 7)), int(rng.integers(3, 7)), int(rng.integers(1, 3))]
    sizes = {"kq": weights["weight"], "bq": weights["bias"], "oq": None, "bias": True}
    threshold = THRESHOLDS[int(rng.integers(len(THRESHOLDS)))]
    budget = int(rng.choice((3, shape[0] * shape[1])))
    reduce = {"op": "reduce", "n": budget, "n_frac": 1.0, "threshold": threshold, "learn_n": False}
    reduce |= {"learn_threshold": bool(rng.random() < 0.5)}
    conv = {"op": "conv", "filters": 2, "kernel": [3, 3], "activation": "linear", "bits": "alive", **sizes}
    dense = {"op": "dense", "units": 4, "activation": "linear", "bits": "alive", **sizes}
    bits = str(rng.choice(("alive", "random")))
    first = {"op": "quantizer", "config": quantizer, "bits": bits}
    layers = {
        "conv": [reduce, conv | {"iq": quantizer, "bits": bits}, {"op": "flatten"}],
        "quantizer": [reduce, first, conv | {"iq": None}, {"op": "flatten"}, dense | {"iq": None}],
        "bare": [reduce, first, {"op": "flatten"}],
        "dense": [reduce, {"op": "flatten"}, dense | {"iq": quantizer, "bits": bits}],
        "flat": [{"op": "flatten"}, dense | {"iq": quantizer, "bits": bits}],
    }[kind]
    for entry in layers:
        entry |= {"seed": int(rng.integers(1 << 31)), "name": None, "frozen": False}
    return {
        "seed": int(rng.integers(1 << 31)),
        "form": "functional",
        "special": "plain",
        "kind": kind,
        "quantizer": quantizer,
        "threshold": float(np.float32(threshold)) if kind != "flat" else None,
        "events": 16,
        "grid": [1, 3, 4],
        "shape": shape,
        "layers": layers,
        "array": ARRAYS[int(rng.integers(len(ARRAYS)))],
    }


def first_quantizer(model):
    """The quantizer that the input meets, with the shape of its image or vector."""
    for layer in model.layers:
        if type(layer).__name__ == "Quantizer":
            return layer
        if type(layer).__name__ == "QConv2DSparse" and layer.conv.enable_iq:
            return layer.conv.iq
        if type(layer).__name__ == "QDense" and layer.enable_iq:
            return layer.iq
    raise AssertionError("no quantizer")


def floats(rng, wrapper, recipe, count):
    """Events of float32, most of them next to where something changes."""
    shape = (count, *recipe["shape"])
    _, i, f = (np.broadcast_to(bits, (1, *bits.shape[1:])) for bits in exact.bit_widths(wrapper.quantizer))
    pick = lambda bits: rng.choice(bits.ravel(), shape)  # noqa: E731
    step, end = 2.0 ** -pick(f), 2.0 ** pick(i)
    wide = rng.integers(-40, 41, shape)
    threshold = recipe["threshold"] or 0.0
    near = {
        "continuous": rng.uniform(-1.2, 1.2, shape) * end,
        "positive": rng.random(shape) * end,
        "ties": (wide + 0.5) * step,
        "first ties": rng.choice((-0.5, 0.5), shape) * step,
        "points": wide * step,
        "quarters": (wide + rng.choice((0.25, 0.75), shape)) * step,
        "beyond": rng.normal(0, 1, shape) * end * 2.0 ** rng.integers(1, 8, shape),
        "ends": rng.choice((-1.0, 1.0), shape) * end - rng.choice((0.0, 0.5, 1.0), shape) * step,
        "tiny": rng.choice((-1.0, 1.0), shape) * 2.0 ** rng.integers(-140, -8, shape),
        "scaled": rng.integers(0, 256, shape) / 255,
        "threshold": threshold + rng.integers(-3, 4, shape) * step / 8,
        "integers": wide,
        "zero": np.zeros(shape),
    }
    x = np.choose(rng.integers(0, len(near), shape), list(near.values())).astype(np.float32)
    for _ in range(2):  # the next floats up or down
        toward = np.float32(np.inf) * rng.choice((-1, 1), shape).astype(np.float32)
        x = np.where(rng.random(shape) < 0.3, np.nextafter(x, toward), x)
    # Events of one kind too, and pixels without anything, as in a detector.
    for event, kind in enumerate(near):
        x[event] = near[kind][event]
    x *= (rng.random((*shape[:3], 1)) < rng.choice((0.1, 0.5, 1.0), (count, 1, 1, 1))).astype(np.float32)
    return x


def as_array(rng, x, kind):
    """The events as scripts save them."""
    match kind:
        case "float64":  # with more bits than Keras looks at
            return x.astype(np.float64) * (1 + rng.choice((0, 0, 1e-9, -1e-9), x.shape))
        case "float16":
            return np.clip(x, -6e4, 6e4).astype(np.float16)
        case "int16":
            return np.clip(np.rint(x), -30000, 30000).astype(np.int16)
        case "uint8":
            return np.clip(np.rint(np.abs(x)), 0, 255).astype(np.uint8)
    return x


# --- what the tool has to say ------------------------------------------------------------------------------------------


def parse_format(text):
    """(signed, width, fraction) of `fixed<W,I>`."""
    found = re.fullmatch(r"(u?)fixed<(\d+),(-?\d+)>", text)
    return not found[1], int(found[2]), int(found[2]) - int(found[3])


def limits(text):
    signed, width, _ = parse_format(text)
    return (-(1 << (width - 1)), (1 << (width - 1)) - 1) if signed else (0, (1 << width) - 1)


def expected(x, text, wrapper, recipe, inferred):
    """What the tool must count, worked out anew: values off the grid, out of range, and events by changed pixels."""
    mode, overflow = recipe["quantizer"]["round"].removeprefix("S_"), recipe["quantizer"]["overflow"]
    _, _, fraction = parse_format(text)
    low, high = limits(text)
    taken = x.astype(np.float32)
    taken[np.abs(taken) < np.finfo(np.float32).tiny] = 0  # as TensorFlow takes subnormal numbers
    wide = x.astype(np.float64)
    wide = np.where(inferred | (wide * 2.0**fraction % 1 != 0), taken, wide)
    off = np.floor(wide * 2.0**fraction) != wide * 2.0**fraction
    if inferred:
        # One half, added in float32, makes 1 of the last number before one half.
        half = np.nextafter(taken, np.copysign(np.float32(np.inf), taken))
        adds = {"RND": wide > 0, "RND_MIN_INF": wide < 0, "RND_INF": True}.get(mode, False)
        adds = adds & off & (np.frexp(half)[0] == np.copysign(0.5, half)) & (np.abs(half.astype(np.float64)) * 2.0**fraction <= high)
        wide = np.where(adds, half, wide)
    scaled = wide * 2.0**fraction
    floor = np.floor(scaled)
    odd = inferred and mode not in ("TRN", "RND")
    floor += odd & (floor != scaled) & (floor % 2 == 0)
    out = (floor < low) | (floor > high)
    if odd and mode in BY_SIGN and overflow == "WRAP":
        flat = recipe["kind"] in ("dense", "flat")
        values = (floor * 2.0**-fraction).reshape(len(x), -1) if flat else floor * 2.0**-fraction
        reduced = exact.quantize(values, wrapper).reshape(x.shape) * 2.0**fraction
    elif overflow == "WRAP":
        reduced = (floor - low) % (high - low + 1) + low
    else:
        reduced = np.clip(floor, low, high)
    mantissa = np.where(out, reduced, floor)
    if recipe["threshold"] is None:
        changed = np.zeros(x.shape[:3], bool)
    else:
        in_keras = taken[..., 0] > np.float32(recipe["threshold"])
        changed = in_keras != (mantissa[..., 0] > np.floor(recipe["threshold"] * 2.0**fraction))
    return {
        "values": x.size,
        "off-grid": int(off.sum()),
        "out-of-range": int(out.sum()),
        "not-finite": 0,
        "activity-changed": int(changed.sum()),
    }, changed.any(axis=(1, 2))


class Package:
    """A firmware package with one model."""

    def __init__(self, tool, folder, network):
        self.tool, self.folder = tool, folder
        differential.save(network, folder / "network")
        (folder / "src").mkdir()
        (folder / "src/lib.rs").touch()
        np.savez(folder / "golden.npz", x=network.x, y=network.y)
        self.input(None)

    def input(self, text):
        """Writes the manifest with this `input`."""
        key = f'input = "{text}"\n' if text else ""
        (self.folder / "Cargo.toml").write_text(
            '[package]\nname = "floats"\nversion = "0.0.0"\nedition = "2021"\n\n[workspace]\n\n'
            f'[package.metadata.sparsehls.models.net]\nsource = "network.keras"\ngolden = "golden.npz"\n{key}'
        )

    def run(self, *arguments):
        command = [self.tool, "sparsehls", *arguments, "--message-format", "json"]
        command += ["--manifest-path", self.folder / "Cargo.toml", "--target-dir", self.folder / "target"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        error = next((line for line in lines if line["reason"] == "error"), None)
        return lines, error, done.stderr

    def format(self):
        lines, error, _ = self.run("check")
        if error:
            raise Wrong(f"check: {error['message']}")
        done = subprocess.run(
            [self.tool, "sparsehls", "check", "--manifest-path", self.folder / "Cargo.toml"], capture_output=True, text=True, check=False
        )
        return re.search(r"net: input \S+ of (u?fixed<[-\d,]+>)", done.stdout + done.stderr)[1]

    def verify(self, x, y):
        """The line of `verify`, its error, and all text."""
        np.savez(self.folder / "golden.npz", x=x, y=y)
        lines, error, text = self.run("verify", "--engine", "reference")
        line = next((line for line in lines if line["reason"] == "verify"), None)
        if line is None:
            raise Wrong(f"verify: {error}")
        return line, error, text

    def predict(self, x):
        """The outputs, and what is counted."""
        np.save(self.folder / "x.npy", x)
        lines, error, _ = self.run("predict", "--engine", "reference", "--input", self.folder / "x.npy", "--output", self.folder / "y.npy")
        line = next((line for line in lines if line["reason"] == "predict"), None)
        if line is None:
            raise Wrong(f"predict: {error}")
        return np.load(self.folder / "y.npy"), line["grid"]


class Wrong(AssertionError):
    """The tool and this file do not agree."""


def require(condition, message):
    if not condition:
        raise Wrong(message)


def check_text(text, grid):
    """The sentences about the grid have these numbers."""
    phrases = {
        "off-grid": r"(\d+) of (\d+) input values are not on the input grid",
        "out-of-range": r"(\d+) of (\d+) input values are out of range",
        "activity-changed": r"(\d+) pixels? (?:is|are) active in Keras and not in the firmware",
    }
    for key, phrase in phrases.items():
        found = re.search(phrase, text)
        require(int(found[1] if found else 0) == grid[key], f"{key}: {grid[key]} counted, but the text has {found and found[0]}")
        require(not found or len(found.groups()) < 2 or int(found[2]) == grid["values"], f"{found and found[0]} of {grid['values']}")


def check_grid(package, network, recipe, inferred, counts, name):
    """One manifest: what differs must be explained, what is counted must be right. The help, if any event differs."""
    x, y = network.x, network.y
    text = package.format()
    grid, changed = expected(x, text, first_quantizer(network.model), recipe, inferred)
    found, counted = package.predict(x)
    require(counted == grid, f"{name} {text}: predict counts {counted}, it is {grid}")
    line, error, stderr = package.verify(x, y)
    check_text(error["message"] if error else stderr, grid)
    different = (found != y.reshape(found.shape)).any(axis=1)
    require(line["events-different"] + line["within-float32"] == different.sum(), f"{name} {text}: {line}, predict {different.sum()}")
    unexplained = np.flatnonzero(different & ~changed)
    if inferred:
        at = [int(event) for event in unexplained[:3]]
        require(len(unexplained) <= line["within-float32"], f"{name} {text}: events {at} differ, and no pixel changed: {line}")
    counts[f"{name}: events"] += len(x)
    counts[f"{name}: events that differ"] += line["events-different"]
    counts[f"{name}: events within float32"] += line["within-float32"]
    counts[f"{name}: pixels changed"] += grid["activity-changed"]
    counts[f"{name}: values off the grid"] += grid["off-grid"]
    counts[f"{name}: values out of range"] += grid["out-of-range"]
    return error["help"] if error else None


def check_remedy(package, network, text, counts, name):
    """What the help says, done."""
    x, y = network.x, network.y
    if found := re.search(r'with input = "(u?fixed<[-\d,]+>)" all (\d+) events agree', text):
        require(int(found[2]) == len(x), f"{name}: {text}")
        package.input(found[1])
        counts[f"{name}: remedy is an input"] += 1
        line, _, _ = package.verify(x, y)
    else:
        found = re.search(r"`(x = .*?)`", text)
        require(found, f"{name}: no remedy in {text!r}")
        scope = {"np": np, "x": x}
        exec(found[1], scope)  # noqa: S102
        treated = scope["x"]
        counts[f"{name}: remedy is a line of NumPy"] += 1
        line, _, stderr = package.verify(treated, differential.run(network.model, treated)[1])
        require("input values" not in stderr, f"{name}: {found[1]} leaves values off the grid: {stderr}")
    require(line["events-different"] == 0, f"{name}: the remedy does not help: {text}: {line}")


def own_format(x):
    """The narrowest format of the data, (signed, width, fraction), or None."""
    values = x.astype(np.float64).ravel()
    values = values[values != 0]
    fraction = next((f for f in range(-20, 70) if (values * 2.0**f % 1 == 0).all()), None) if len(values) else None
    if fraction is None:
        return None
    low, high, signed = values.min() * 2.0**fraction, values.max() * 2.0**fraction, bool(values.min() < 0)
    while signed is not None and fraction > -20 and (values * 2.0 ** (fraction - 1) % 1 == 0).all():
        fraction, low, high = fraction - 1, low / 2, high / 2
    width = next(w for w in range(1, 200) if high < 2.0 ** (w - signed) and (not signed or low >= -(2.0 ** (w - 1))))
    return signed, width, fraction


def written(signed, width, fraction):
    return f"{'' if signed else 'u'}fixed<{width},{width - fraction}>"


def test(job):
    """One network: what became of it, as plain data."""
    tool, seed, events, index, keep = job
    warnings.simplefilter("ignore")
    recipe, counts = draw(seed, index), collections.Counter()
    result = {"index": index, "counts": counts, "wrong": None}
    model, _ = recipes.make(recipe)
    wrapper, rng = first_quantizer(model), np.random.default_rng([seed, index, 14])
    x = as_array(rng, floats(rng, wrapper, recipe, max(events, 16)), recipe["array"])
    counts[f"arrays of {recipe['array']}"] += 1
    counts[f"mode {recipe['quantizer']['round']} {recipe['quantizer']['overflow']}"] += 1
    counts[f"kind {recipe['kind']}"] += 1
    with tempfile.TemporaryDirectory(prefix="floats-") as folder:
        _, y = differential.run(model, x)
        network = differential.SimpleNamespace(model=model, x=x, y=y, outputs={}, approximate=[], recipe=recipe)
        package = Package(tool, Path(folder), network)
        try:
            check(package, network, recipe, rng, counts)
        except Wrong as wrong:
            result["wrong"] = str(wrong)
            if keep:
                differential.save(network, keep / f"floats-{seed}-{index}")
    return result


def check(package, network, recipe, rng, counts):
    """All that is asked of one network."""
    if text := check_grid(package, network, recipe, True, counts, "inferred"):
        check_remedy(package, network, text, counts, "inferred")
    # With a format of the user's, the data are those that a detector could deliver: none has more than 20 bits.
    x = np.round(network.x.astype(np.float64) * 2.0**9) / 2.0**9
    network.x = np.clip(x, -900, 900).astype(np.float32)
    own = own_format(network.x)
    if rng.random() < 0.3:  # as doubles that are only nearly on the grid, as Keras takes them
        network.x = network.x * (1 + rng.choice((0, 0, 1e-12, -1e-12), network.x.shape))
    network.y = differential.run(network.model, network.x)[1]
    signed, width, fraction = own or (False, 8, 4)
    package.input(written(signed, width, fraction))
    text = check_grid(package, network, recipe, False, counts, "own input")
    require(text is None, f"own input {written(signed, width, fraction)}: {text}")
    drop = int(rng.integers(1, max(2, width - 2)))
    coarse = written(signed, width - drop, fraction - (drop if rng.random() < 0.7 else 0))
    package.input(coarse)
    if text := check_grid(package, network, recipe, False, counts, "coarse input"):
        check_remedy(package, network, text, counts, "coarse input")
    # Nothing of up to 32 bits holds these, so that it must be the line of NumPy.
    network.x = network.x.astype(np.float32) * np.float32(1 / 3)
    network.x[0, 0, 0, 0] = 3e-9
    network.y = differential.run(network.model, network.x)[1]
    package.input(coarse)
    if text := check_grid(package, network, recipe, False, counts, "odd data"):
        check_remedy(package, network, text, counts, "odd data")
    # A range whose end float32 does not hold, and what is no number.
    network.x[1:, 0, 0, 0] *= 50
    network.x[2, 0, 0, 0] = np.inf
    network.y = differential.run(network.model, network.x)[1]
    package.input(written(True, 32, 27))
    if text := package.verify(network.x, network.y)[1]:
        check_remedy(package, network, text["help"], counts, "wide input")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--networks", type=int, default=54)
    parser.add_argument("--events", type=int, default=64)
    parser.add_argument("--seed", type=int, default=0, help="0 (default): from the clock")
    parser.add_argument("--tool", default=os.environ.get("SPARSEHLS_TOOL", differential.ROOT / "target/debug/cargo-sparsehls"))
    parser.add_argument("--only", type=int, help="this network only")
    parser.add_argument("--keep", type=Path, help="write the networks that fail into this folder")
    options = parser.parse_args()
    options.seed = options.seed or int(time.time()) % 1_000_000
    options.tool = str(Path(options.tool).resolve())
    return options


def main():
    options = arguments()
    start = time.monotonic()
    if options.keep:
        options.keep.mkdir(parents=True, exist_ok=True)
    indices = [options.only] if options.only is not None else range(options.networks)
    jobs = [(options.tool, options.seed, options.events, index, options.keep) for index in indices]
    counts, failed = collections.Counter(), 0
    with multiprocessing.get_context("spawn").Pool(min(differential.PROCESSES, len(jobs))) as pool:
        for result in pool.imap_unordered(test, jobs, chunksize=2):
            counts.update(result["counts"])
            if result["wrong"]:
                failed += 1
                print(f"network {result['index']}: {result['wrong']}")
                print(f"  reproduce: python floats.py --seed {options.seed} --events {options.events} --only {result['index']}", flush=True)
    for name, count in sorted(counts.items()):
        print(f"  {name:42} {count:7}")
    print(f"seed {options.seed}, {time.monotonic() - start:.0f} s: {len(jobs) - failed} networks passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
