#!/usr/bin/env python3
"""The live differential test: random networks in real Keras against `cargo sparsehls verify`, all backends and engines.

    python differential.py --networks 60 --events 200 --seed 1        # seed 0: one from the clock
    python differential.py --seed 1 --only 17                         # one network of that run again

Needs the packages of requirements.txt and a built tool: --tool, or $SPARSEHLS_TOOL, or target/debug/cargo-sparsehls.

`recipes.py` draws networks as plain data, `knobs.py` how they are built. Each becomes a model of a throw-away firmware
package, and every output of every event must be what Keras computed: to the bit, unless the network ends in a float
function, for which the tool states a tolerance. A network that fails is made smaller as long as it still fails, and written as a golden case.

Every other network that is not large is built as Verilog too, where there are simulators: every event goes through the text of
the core, back to back and with gaps, with latency and interval as stated, and no tool has a warning for it.

Whom to blame: Keras computes in float32, which holds 24 bits. So every layer is recomputed in float64 (exact.py), and a
network on which Keras itself rounded is drawn again with fewer bits (`prepare`); one that disagrees with even the fewest
bits fails, as then exact.py and Keras differ in meaning. What float32 cannot hold at all is not drawn: a mean over no
power of two that goes into another mean or into products before a quantizer. TensorFlow's tanh, exp, ... may be an ulp
off the nearest float32 and a quantizer may round the two apart; a network that fails with Keras' outputs but passes with
those of correctly rounded functions is reported on a line of its own, as neither passed nor failed.
"""

import argparse
import collections
import copy
import json
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import exact  # noqa: E402
import keras  # noqa: E402
import knobs  # noqa: E402
import make_fixtures  # noqa: E402
import numpy as np  # noqa: E402
import recipes  # noqa: E402

ROOT = Path(__file__).resolve().parents[3]
BACKENDS = ("vitis", "vivado", "verilog")
SIMULATED = "verilog in simulators"  # a backend too
LEAST_SIMULATED = 20  # of DEFAULT_NETWORKS
MOST_LINES = 12_000  # Verilator and a C++ compiler take half a minute for more
DEFAULT_NETWORKS = 60
REQUIRED = recipes.REQUIRED | knobs.REQUIRED
CHUNK = 10  # networks of one package
PROCESSES = 2
NARROWEST = 6  # bits taken away at most
SHRINKING = 150  # seconds for one network
FLOAT_KINDS = ("QSoftmax", "QUnaryFunctionLUT")
PLAIN = SimpleNamespace(as_keras_wrote_it=False, rename={})  # what make_fixtures.save asks of a case


class NotComparable(Exception):
    """The network cannot be judged."""


# --- Keras -------------------------------------------------------------------------------------------------------------


def run(model, x):
    """The outputs of every layer but the input, as lists of arrays by layer name, and the model's output."""
    layers = [layer for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)]
    tensors = [(layer, tensor) for layer in layers for tensor in keras.tree.flatten(layer.output)]
    values = keras.Model(model.inputs, [tensor for _, tensor in tensors])(x, training=False)
    found = {layer.name: [] for layer in layers}
    for (layer, _), value in zip(tensors, keras.tree.flatten(values), strict=True):
        found[layer.name].append(np.asarray(value))
    return found, found[layers[-1].name][0].reshape(len(x), -1)


def attempt(recipe):
    """One network with its outputs, proved exact."""
    model, x = recipes.make(recipe)
    outputs, y = run(model, x)
    if not np.isfinite(y).all():
        raise exact.Inexact("the outputs are not finite")
    approximate, rounded = exact.verify([*getattr(model, "_functional", model).layers], x, outputs)
    return SimpleNamespace(model=model, x=x, y=y, outputs=outputs, approximate=approximate, rounded=rounded, recipe=recipe)


def prepare(recipe):
    """The network with fewer bits where Keras rounds, and with live ones where next to nothing comes out.

    Changes the recipe; returns the network and what happened on the way.
    """
    notes = []
    while True:
        try:
            network = attempt(recipe)
        except exact.Inexact as inexact:
            notes.append("float table" if str(inexact).startswith(FLOAT_KINDS) else "rounded")
            recipe["narrow"] = recipe.get("narrow", 0) + 1
            if recipe["narrow"] > NARROWEST:
                raise NotComparable(f"Keras and exact.py differ with the fewest bits too: {inexact}") from inexact
            continue
        if len(network.x) > 16 and len(np.unique(network.y, axis=0)) < 4 and not recipe.get("alive"):
            notes.append("silent")
            recipe["alive"] = True
            continue
        return network, notes


def second_opinion(network):
    """The model's output if every float function gave the nearest float32."""
    values = {}
    for layer in getattr(network.model, "_functional", network.model).layers:
        if layer.name not in network.outputs:
            values[layer.name] = [(network.x.astype(np.float64), 1)]
            continue
        history = [tensor._keras_history for tensor in layer._inbound_nodes[0].arguments.keras_tensors]
        inputs = [values[source.operation.name][source.tensor_index] for source in history]
        values[layer.name] = exact.evaluate(layer, inputs, floats=True)
        if values[layer.name] is None:
            return None
        last = values[layer.name][0]
    return (last[0] / last[1]).astype(np.float32).reshape(len(network.x), -1)


def save(network, stem, everything=False):
    """`stem`.keras and `stem`.npz, the latter as make_fixtures.py writes it if `everything` is wanted."""
    make_fixtures.save(network.model, stem.with_name(stem.name + ".keras"), PLAIN)
    grid, is_exact = np.array(network.recipe["grid"], np.int32), np.array(not network.approximate, np.int32)
    content = {"x": network.x, "y": network.y, "grid": grid, "exact": is_exact}
    if everything:
        for name, values in network.outputs.items():
            content[f"layer:{name}"] = values[0]
            if len(values) == 2:
                content[f"layer:{name}:mask"] = values[1]
    make_fixtures.save_arrays(stem.with_name(stem.name + ".npz"), content)


# --- the tool ----------------------------------------------------------------------------------------------------------


def toml(keys):
    return "".join(f"{key} = {json.dumps(value)}\n" for key, value in keys.items())


def write_package(folder, name, backend, models):
    """A firmware package with the models of `describe`."""
    lines = [
        f'[package]\nname = "{name}"\nversion = "0.0.0"\nedition = "2021"\n\n[workspace]\n',
        f'[package.metadata.sparsehls]\nbackend = "{backend}"\n',
    ]
    for model in models:
        sign, integer, fraction = model.grid
        keys, own = model.knobs
        if backend == "verilog":
            keys = model.verilog_keys
        table = f"[package.metadata.sparsehls.models.{model.name}"
        lines.append(
            f"{table}]\n"
            f'source = "{model.stem}.keras"\ngolden = "{model.stem}.npz"\n'
            f'input = "{"" if sign else "u"}fixed<{sign + integer + fraction},{sign + integer}>"\n'
            f"{toml(keys)}"
        )
        # JSON's strings are strings of TOML too.
        lines += [f"{table}.layers.{json.dumps(layer)}]\n{toml(options)}" for layer, options in own.items()]
    (folder / "src").mkdir(parents=True, exist_ok=True)
    (folder / "src/lib.rs").touch()
    (folder / "Cargo.toml").write_text("\n".join(lines))


def call_tool(tool, package, *options, command=("verify", "--engine", "both")):
    """The JSON lines of a command, and the text beside them."""
    command = [tool, "sparsehls", *command, "--message-format", "json"]
    command += ["--manifest-path", package / "Cargo.toml", "--target-dir", package.parent / "target", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1200, check=False)
    lines = []
    for line in done.stdout.splitlines():
        try:
            lines.append(json.loads(line))
        except ValueError:
            lines.append({"reason": "error", "code": "not-json", "message": f"not a JSON line: {line[:200]}"})
    if not lines:
        lines.append({"reason": "error", "code": "silent", "message": f"exit {done.returncode}: {done.stderr[-1000:]}"})
    return lines, done.stderr, done.returncode


def judge(lines, text, network):
    """What is wrong with a model in the tool's answer: (kind, message) or None. Missing lines are wrong."""
    mine = [line for line in lines if line["reason"] == "verify" and line["model"] == network.name]
    for line in mine:
        # Keras did not round here, so float32 explains nothing.
        if line["events-different"] != 0 or line["within-float32"] != 0 or line["events"] != network.events:
            return f"{line['engine']} differs", f"{line['events-different']} of {line['events']} events: {line.get('first')}"
        # What has to be exact has no tolerance, and no tolerance is wide.
        if line["tolerance"] > (0.02 if network.float_end else 0.0):
            return "tolerance", f"a tolerance of {line['tolerance']}"
    if f"{network.name}: " in text and " input values " in text:
        noted = [line for line in text.splitlines() if f"{network.name}: " in line and " input values " in line]
        if noted:
            return "grid", noted[0].strip()
    if sorted(line["engine"] for line in mine) not in (["csim", "reference"], ["circuit", "reference"]):
        errors = [line for line in lines if line["reason"] == "error"]
        if errors:
            return f"error {errors[0].get('code')}", f"{errors[0].get('message')} (layer {errors[0].get('layer')})"
        return "missing", f"no result: {lines[-1]}"
    return None


# What must have nothing to say about a core, and exit with 0.
LINTS = {
    "verilator": ["--lint-only", "-Wall", "--top-module", "NAME", "rtl/NAME.v"],
    "iverilog": ["-g2001", "-Wall", "-o", "sim/NAME_tb", "sim/NAME_tb.v", "rtl/NAME.v"],
    "yosys": ["-q", "-p", "read_verilog rtl/NAME.v; hierarchy -check -top NAME; proc; check -assert"],
}


def simulate(tool, package, network):
    """Sends every event of a network through the Verilog, unless that is large. What is wrong: (kind, message) or None."""
    project = package.parent / "target/sparsehls" / package.name / network.name
    lines, text, status = call_tool(tool, package, "--model", network.name, command=("build", "--synth", "skip"))
    if status:
        return "generation", f"exit status {status}: {lines[-1]} {text[-1000:]}"
    if len((project / f"rtl/{network.name}.v").read_text().splitlines()) > MOST_LINES:
        return None
    build = ("build", "--synth", "require", "--steps", "sim")
    lines, text, status = call_tool(tool, package, "--model", network.name, command=build)
    mine = [line for line in lines if line["reason"] == "simulation"]
    if status or len(mine) != 1:
        return "simulation", f"exit status {status}: {text[-1000:]}"
    # Those in front of the golden ones are not counted.
    if mine[0]["events"] != network.events or mine[0]["events-different"] != 0:
        return "simulation", f"{mine[0]}"
    for program, arguments in LINTS.items():
        if shutil.which(program) is None:
            continue
        command = [program, *(argument.replace("NAME", network.name) for argument in arguments)]
        done = subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=600, check=False)
        if done.returncode or (done.stdout + done.stderr).strip():
            return f"{program} complains", (done.stdout + done.stderr)[:1000]
    network.simulated = "done"
    return None


def ends_in_floats(recipe):
    last = recipe["layers"][-1]
    functions = (*recipes.LAST_FUNCTIONS, "softmax")
    inside = last["op"] in ("activation", "dense", "bndense") and last.get("activation") in functions and not last.get("oq")
    return inside or last["op"] == "softmax"


def check_batch(tool, folder, networks, backends=BACKENDS):
    """Runs the tool over saved networks. {network name: (backend, kind, message)} of what failed."""
    failures = {}
    for backend in backends:
        if backend == SIMULATED:
            package = folder / "simulated"
            write_package(package, package.name, "verilog", networks)
            wrong = {network.name: simulate(tool, package, network) for network in networks if network.simulated}
            failures |= {name: (backend, *problem) for name, problem in wrong.items() if problem and name not in failures}
            continue
        package = folder / backend
        write_package(package, f"differential-{backend}", backend, networks)
        lines, text, status = call_tool(tool, package)
        wrong = {network.name: judge(lines, text, network) for network in networks}
        for network in networks:
            if wrong[network.name] and len(networks) > 1:
                # An error ends the run of a package; the others have to be looked at one by one.
                wrong[network.name] = judge(*call_tool(tool, package, "--model", network.name)[:2], network)
        if not any(wrong.values()) and len(networks) == 1 and status:
            wrong[networks[0].name] = ("status", f"exit status {status}: {text[-500:]}")
        for name, problem in wrong.items():
            if problem:
                failures.setdefault(name, (backend, *problem))
    return failures


def describe(network, name, stem):
    """What the checking needs of a network, without Keras objects."""
    drawn = knobs.draw(network.recipe, network.model)
    return SimpleNamespace(
        name=name,
        stem=stem,
        grid=network.recipe["grid"],
        knobs=drawn,
        verilog_keys=knobs.of_verilog(drawn[0], network.recipe),
        simulated=shutil.which("verilator") is not None,
        events=len(network.x),
        float_end=ends_in_floats(network.recipe),
    )


def check_one(tool, network, backends=BACKENDS):
    """The failure of one network, or None."""
    with tempfile.TemporaryDirectory(prefix="differential-") as folder:
        folder = Path(folder)
        save(network, folder / "network")
        return check_batch(tool, folder, [describe(network, "network", folder / "network")], backends).get("network")


# --- many networks -----------------------------------------------------------------------------------------------------


def test_chunk(job):
    """Tests some networks; a job is (tool, seed, events, indices). One result for each, as plain data."""
    tool, seed, events, indices = job
    results, networks = {}, []
    with tempfile.TemporaryDirectory(prefix="differential-") as folder:
        folder = Path(folder)
        for index in indices:
            recipe = recipes.draw(seed, index, events) | {"knobs": [seed, index] if index % 8 else None}
            results[index] = {"index": index, "recipe": recipe, "covered": [], "notes": [], "failure": None}
            try:
                network, results[index]["notes"] = prepare(recipe)
                name = f"n{index:05}"
                save(network, folder / name)
            except Exception as error:
                results[index]["failure"] = ["keras", type(error).__name__, str(error)[:1000]]
                continue
            networks.append(describe(network, name, folder / name))
            covered = recipes.covered(recipe, network.model, network.x) | knobs.covered(*networks[-1].knobs)
            results[index]["covered"] = sorted(covered)
        failures = check_batch(tool, folder, networks, (*BACKENDS, SIMULATED)) if networks else {}
        for network in networks:
            if network.simulated == "done":
                results[int(network.name[1:])]["notes"].append("simulated")
        for name, failure in failures.items():
            results[int(name[1:])]["failure"] = list(failure)
    return list(results.values())


def all_results(tool, seed, events, indices):
    """Results as they come, from several processes where that is worth it."""
    chunks = [(tool, seed, events, indices[at : at + CHUNK]) for at in range(0, len(indices), CHUNK)]
    if len(chunks) == 1:
        yield from test_chunk(chunks[0])
        return
    with multiprocessing.get_context("spawn").Pool(PROCESSES) as pool:
        for results in pool.imap_unordered(test_chunk, chunks):
            yield from results


# --- a network that fails ----------------------------------------------------------------------------------------------


def variants(recipe):
    """Smaller recipes, the boldest first. Most will not even be valid networks."""

    def change(what):
        smaller = copy.deepcopy(recipe)
        if what(smaller) is not False and smaller != recipe:
            return smaller
        return None

    def drop(at):
        return lambda r: r["layers"].pop(at)

    def put(path, value):
        def apply(r):
            for key in path[:-1]:
                r = r[key]
            if path[-1] not in r:
                return False
            r[path[-1]] = value
            return None

        return apply

    def only(at):
        return lambda r: r.update(layers=[*r["layers"][:at]])

    changes = [only(at) for at in range(2, len(recipe["layers"]))]
    changes += [drop(at) for at in reversed(range(len(recipe["layers"])))]
    changes += [put(["special"], "plain"), put(["knobs"], None)]
    shape = recipe["shape"]
    for at, size in enumerate(shape):
        changes += [put(["shape", at], smaller) for smaller in sorted({1, size // 2, size - 1} - {0, size})]
    for at, entry in enumerate(recipe["layers"]):
        here = ["layers", at]
        if entry["op"] == "reshape" and len(entry["shape"]) > 1:
            changes += [put([*here, "shape"], [-1])]
        for key, values in {
            "filters": (1, 2),
            "units": (1, 2),
            "kernel": ([1, 1], [2, 2], [3, 3]),
            "pool": ([1, 1], [2, 2]),
            "n": (1, 2, 4, 8),
            "activation": ("linear", "relu"),
            "oq": (None,),
            "bias": (False,),
            "bits": ("alive", "small"),
            "learn_n": (False,),
            "learn_threshold": (False,),
            "frozen": (False,),
            "name": (None,),
        }.items():
            if key in entry:
                old = entry[key]
                bigger = (lambda value, old: not isinstance(old, int) or value < old) if key in ("filters", "units", "n") else None
                changes += [put([*here, key], value) for value in values if bigger is None or bigger(value, old)]
        for key in ("iq", "oq", "kq", "bq", "config"):
            if entry.get(key) and entry[key]["type"] != "dummy":
                simple = {"axes": "homogeneous", "round": "RND", "overflow": "SAT", "type": "kif", "trainable": True}
                changes += [put([*here, key, what], value) for what, value in simple.items()]
    return [smaller for smaller in map(change, changes) if smaller]


def fit(recipe):
    """Sizes that follow from others: a Reshape whose input became smaller."""
    for entry in recipe["layers"]:
        if entry["op"] == "reshape" and len(entry["shape"]) == 1:
            entry["shape"] = [-1]
    return recipe


def shrink(tool, network, failure):
    """The smallest network found that fails in the same way."""
    deadline = time.monotonic() + SHRINKING

    def failing(recipe):
        try:
            candidate = attempt(fit(recipe))
        except Exception:  # a recipe that makes no sense any more
            return None
        found = check_one(tool, candidate, [failure[0]])
        same = found and found[1] == failure[1]
        return (candidate, found) if same else None

    events = list(range(len(network.x)))
    if "keep" not in network.recipe:
        # First all events but a few, by halves.
        chosen = events
        while len(chosen) > 1 and time.monotonic() < deadline:
            halves = [chosen[: len(chosen) // 2], chosen[len(chosen) // 2 :]]
            for half in halves:
                better = failing(copy.deepcopy(network.recipe) | {"keep": half})
                if better:
                    (network, failure), chosen = better, half
                    break
            else:
                break
    again = True
    while again and time.monotonic() < deadline:
        again = False
        for smaller in variants(network.recipe):
            if time.monotonic() > deadline:
                break
            better = failing(smaller)
            if better:
                network, failure = better
                again = True
                break
    return network, failure


def is_float_tie(tool, network):
    """Whether the tool agrees with a Keras whose float functions are correctly rounded."""
    y = second_opinion(network)
    if y is None or np.array_equal(y, network.y):
        return False
    return check_one(tool, SimpleNamespace(**vars(network) | {"y": y})) is None


def is_refusal(failure):
    """Whether the tool says that it will not build this network, for a reason that depends on what was drawn."""
    reasons = ("the table of this function would have", "without being quantized")
    return failure[1] == "error unsupported-option" and any(reason in failure[2] for reason in reasons)


def summary(network):
    lines = [f"    input {network.recipe['shape']} on the grid (k, i, f) = {tuple(network.recipe['grid'])}"]
    lines.append(f"    knobs {knobs.draw(network.recipe, network.model)}")
    for entry in network.recipe["layers"]:
        options = {}
        for key, value in entry.items():
            if key in ("op", "seed", "name", "frozen") or value is None:
                continue
            if isinstance(value, dict):
                value = value["type"] + "".join(f" {value[k]}" for k in ("round", "overflow", "axes") if k in value)
            options[key] = value
        lines.append(f"    {entry['op']:10} {', '.join(f'{key}={value}' for key, value in options.items())}")
    return "\n".join(lines)


def keep(network, stem, note):
    """Writes a golden case; returns its entry for cases.json."""
    stem.parent.mkdir(parents=True, exist_ok=True)
    save(network, stem, everything=True)
    return {
        stem.name: {
            "sparsepixels": "0.3.2",
            "about": note,
            "shape": network.recipe["shape"],
            "refused": False,
            "layers": [[layer.name, type(layer).__name__] for layer in network.model.layers],
            "grid": network.recipe["grid"],
            "exact": not network.approximate,
            "approximate": network.approximate,
            "rounded": network.rounded,
        }
    }


def explain(options, result):
    """Reports a failure, shrinks and keeps it. True if it is TensorFlow's float functions' fault."""
    index, failure = result["index"], result["failure"]
    print(f"\nnetwork {index} of seed {options.seed}: {failure[0]}: {failure[1]}: {failure[2]}")
    print(f"  reproduce: python differential.py --seed {options.seed} --events {options.events} --only {index}")
    stem = options.keep / f"differential-{options.seed}-{index}"
    options.keep.mkdir(parents=True, exist_ok=True)
    stem.with_name(f"{stem.name}.recipe.json").write_text(json.dumps(result["recipe"], indent=1))
    if failure[0] == "keras":
        return False
    network = attempt(result["recipe"])
    print(f"  as drawn:\n{summary(network)}", flush=True)
    if failure[1].endswith("differs") and is_float_tie(options.tool, network):
        keep(network, stem, "Keras' float function is not the nearest float32, and a quantizer rounds the two apart.")
        print(f"  a float function of TensorFlow at a rounding boundary: the tool agrees with the nearest floats; {stem}.keras")
        return True
    if not options.no_shrink:
        network, failure = shrink(options.tool, network, failure)
        print(f"  made smaller, {len(network.x)} events: {failure[0]}: {failure[1]}: {failure[2]}\n{summary(network)}")
    entry = keep(network, stem, f"Found by differential.py, seed {options.seed}, network {index}: {failure[1]}.")
    print(f"  kept: {stem}.keras and .npz; as a golden case: cp {stem}.keras {stem}.npz tests/fixtures/, and in cases.json")
    print(f"  {json.dumps(entry)[1:-1]}", flush=True)
    return False


# --- the whole run -----------------------------------------------------------------------------------------------------


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--networks", type=int, default=DEFAULT_NETWORKS)
    parser.add_argument("--events", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0, help="0 (default): from the clock")
    parser.add_argument("--tool", default=os.environ.get("SPARSEHLS_TOOL", ROOT / "target/debug/cargo-sparsehls"))
    parser.add_argument("--keep", type=Path, default=Path("differential-failures"), help="where failing networks go")
    parser.add_argument("--only", type=int, help="this network only")
    parser.add_argument("--no-shrink", action="store_true", help="keep failing networks as they are")
    options = parser.parse_args()
    options.seed = options.seed or int(time.time()) % 1_000_000
    options.keep, options.tool = options.keep.resolve(), str(Path(options.tool).resolve())
    if options.events < 16:
        parser.error("--events must be at least 16")
    if shutil.which(options.tool) is None:
        parser.error(f"no tool at {options.tool}: build it, or give --tool")
    return options


def main():
    options = arguments()
    start = time.monotonic()
    indices = [options.only] if options.only is not None else list(range(options.networks))
    if shutil.which("verilator") is None:
        print("skipped: networks in simulators: there is no verilator", flush=True)
    print(f"seed {options.seed}: {len(indices)} networks, {options.events} events each, {' and '.join(BACKENDS)}", flush=True)
    counts, notes, passed, failed, ties, refused, done = collections.Counter(), collections.Counter(), 0, 0, 0, 0, 0
    for result in all_results(options.tool, options.seed, options.events, indices):
        done += 1
        counts.update(result["covered"])
        notes.update(set(result["notes"]))
        if result["failure"] is None:
            passed += 1
        elif is_refusal(result["failure"]):
            refused += 1
        elif explain(options, result):
            ties += 1
        else:
            failed += 1
        if done % CHUNK == 0:
            print(f"  {done} networks after {time.monotonic() - start:.0f} s", flush=True)

    print("\nnetworks in which each occurred:")
    for name in sorted(counts.keys() | REQUIRED):
        print(f"  {name:42} {counts[name]:5}")
    print(f"\n{notes['rounded']} networks drawn again with fewer bits, as float32 rounded")
    print(f"{notes['float table']} networks drawn again as a table of Keras is not that of the nearest floats, or rounded")
    print(f"{notes['simulated']} networks simulated as Verilog, without a warning of any tool")
    print(f"{notes['silent']} networks drawn again with live bits, as next to nothing came out")
    print(f"{ties} networks differ by a float function of TensorFlow at a rounding boundary, and count neither way")
    print(f"{refused} networks refused: the table of a function too large, or its float values used without a quantizer")
    whole = options.only is None and options.networks >= DEFAULT_NETWORKS
    missing = sorted(name for name in REQUIRED if not counts[name])
    uncovered = bool(missing) and whole
    if uncovered:
        print(f"never occurred: {', '.join(missing)}")
    few = whole and shutil.which("verilator") is not None and notes["simulated"] < LEAST_SIMULATED
    if few:
        print(f"fewer than {LEAST_SIMULATED} networks were simulated as Verilog")
    print(f"seed {options.seed}, {time.monotonic() - start:.0f} s")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or uncovered or few else 0


if __name__ == "__main__":
    sys.exit(main())
