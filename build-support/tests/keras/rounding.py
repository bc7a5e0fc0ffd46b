#!/usr/bin/env python3
"""The bound on float32 rounding against real Keras: random networks with so many bits that Keras itself rounds.

    python rounding.py --networks 40 --events 100 --seed 1        # seed 0: one from the clock
    python rounding.py --seed 1 --only 17                         # one network of that run again

Needs what differential.py needs, and draws networks as it does, but with more bits than float32 holds: in weights, values
and inputs, with and without quantizers between the layers and at the end. `cargo sparsehls verify` must find every
difference within its bound (no event different but for a bound that says nothing, and few of these), and the bound must be worth something: in the median over the networks
the largest bound is at most 100 times the largest difference. Enough networks must differ at all.

Left out is what rounds for another reason: the folding of a QBatchNormDense, and the float functions of TensorFlow that
tables hold. What the tool refuses (64 bits, too large a table) is counted.
"""

import argparse
import collections
import itertools
import json
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
import warnings
from pathlib import Path

import differential  # first: it silences TensorFlow before it is loaded
import numpy as np
import recipes

WORST_RATIO = 100
LEVELS = 7
ENDS = ("softmax", "function-end")  # with a tolerance, of which float32 is a small part
REFUSED = ("format-too-wide", "bits-out-of-range", "weights-value", "unsupported-option", "inexact-output")


def ranges(level):
    """Bits from just over what float32 holds to far too many."""
    return {
        "datalane": {"i": (1, 4), "f": (5 + level, 9 + 2 * level), "b": (7 + level, 12 + 2 * level)},
        "weight": {"i": (0, 1), "f": (5 + level, 9 + level), "b": (6 + level, 10 + level)},
        "bias": {"i": (0, 2), "f": (4 + level, 9 + 2 * level), "b": (5 + level, 10 + 2 * level)},
        "table": recipes.WIDE["table"],
    }


recipes.BITS |= {f"rounding-{level}": ranges(level) for level in range(LEVELS)}


def draw(seed, index, events):
    """A network of differential.py with more bits, and without what this test leaves out."""
    usable = (recipes.draw(seed, at, events) for at in itertools.count(index, 10_000))
    recipe = next(filter(is_usable, usable)) | {"knobs": None}
    rng = np.random.default_rng([seed, index, 24])
    for entry in recipe["layers"]:
        if "bits" in entry:
            entry["bits"] = f"rounding-{index % LEVELS}"
    if rng.random() < 0.5:
        sign, integer, fraction = recipe["grid"]
        recipe["grid"] = [sign, integer, fraction + int(rng.integers(1, 24 - sign - integer - fraction + 1))]
    return recipe


def is_usable(recipe):
    """Whether the network has no float functions but one at its end, and no folding in float arithmetic."""
    entries = recipe["layers"][:-1] if recipe["end"] in ENDS else recipe["layers"]
    functions = any(entry.get("activation") in recipes.FUNCTIONS for entry in entries)
    return not functions and not any(entry["op"] in ("lut", "qsoftmax", "bndense") for entry in recipe["layers"])


def test(job):
    """One network: what became of it, as plain data."""
    tool, seed, events, index, keep = job
    warnings.simplefilter("ignore")
    recipe = draw(seed, index, events)
    with tempfile.TemporaryDirectory(prefix="rounding-") as folder:
        folder = Path(folder)
        model, x = recipes.make(recipe)
        outputs, y = differential.run(model, x)
        network = differential.SimpleNamespace(model=model, x=x, y=y, outputs=outputs, approximate=[], recipe=recipe)
        differential.save(network, folder / "network")
        described = differential.describe(network, "network", folder / "network")
        differential.write_package(folder / "package", "rounding", "vitis", [described])
        lines, _, _ = differential.call_tool(tool, folder / "package", command=("verify", "--engine", "reference"))
    line = next((line for line in lines if line["reason"] == "verify"), None)
    if line is None:
        error = next((line for line in lines if line["reason"] == "error"), lines[-1])
        return {"index": index, "kind": "refused" if error.get("code") in REFUSED else "failed", "line": error}
    if keep:
        differential.save(network, keep / f"rounding-{seed}-{index}", everything=True)
    # A bound that says nothing excuses nothing; what it allows is not outside of it.
    outside = line["events-different"] - line.get("useless-bound", {"events": 0})["events"]
    kind = "failed" if outside else "useless" if line["events-different"] else "rounded" if line["within-float32"] else "same"
    oq = recipe["layers"][-1].get("oq") or recipe["layers"][-1]["op"] == "quantizer"
    return {"index": index, "kind": kind, "line": line, "end": recipe["end"] + (" quantized" if oq else "")}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--networks", type=int, default=40)
    parser.add_argument("--events", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0, help="0 (default): from the clock")
    parser.add_argument("--tool", default=os.environ.get("SPARSEHLS_TOOL", differential.ROOT / "target/debug/cargo-sparsehls"))
    parser.add_argument("--only", type=int, help="this network only")
    parser.add_argument("--keep", type=Path, help="write the networks with all values of Keras into this folder")
    options = parser.parse_args()
    options.seed = options.seed or int(time.time()) % 1_000_000
    options.tool = str(Path(options.tool).resolve())
    return options


def main():
    options = arguments()
    start = time.monotonic()
    indices = [options.only] if options.only is not None else range(options.networks)
    jobs = [(options.tool, options.seed, options.events, index, options.keep) for index in indices]
    with multiprocessing.get_context("spawn").Pool(differential.PROCESSES) as pool:
        results = list(pool.imap_unordered(test, jobs, chunksize=2))
    counts = collections.Counter(result["kind"] for result in results)
    ratios = []
    for result in sorted(results, key=lambda result: result["index"]):
        if result["kind"] == "rounded":
            line = result["line"]
            ratios.append(line["float32-bound"] / line["float32-difference"])
            print(
                f"  {result['index']:4} {result['end']:22} {line['within-float32']:4} of {line['events']} events, at most "
                f"{line['float32-difference']:.1e}, bound {line['float32-bound']:.1e}: {ratios[-1]:.1f} times"
            )
        else:
            shown = {key: value for key, value in result["line"].items() if key in ("code", "message", "layer", "first", "useless-bound")}
            print(f"  {result['index']:4} {result['kind']} {json.dumps(shown) if result['kind'] != 'same' else ''}")
            if result["kind"] == "failed":
                print(f"       {json.dumps(result['line'])}")
                print(f"       reproduce: python rounding.py --seed {options.seed} --events {options.events} --only {result['index']}")
    median = statistics.median(ratios) if ratios else float("inf")
    print(f"seed {options.seed}, {time.monotonic() - start:.0f} s: {dict(counts)}")
    print(f"bound / largest difference: median {median:.1f}, worst {max(ratios, default=0):.1f}, of {len(ratios)} networks")
    if options.only is not None:
        return 1 if counts["failed"] else 0
    enough = counts["rounded"] >= options.networks // 4
    if not enough:
        print("too few networks rounded")
    useful = counts["useless"] <= options.networks // 20
    if not useful:
        print("too many bounds say nothing")
    return 1 if counts["failed"] or not enough or not useful or median > WORST_RATIO else 0


if __name__ == "__main__":
    sys.exit(main())
