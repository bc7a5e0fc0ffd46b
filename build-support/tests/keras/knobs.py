"""Random knobs of the manifest for a network: how it is built in hardware, which must not change a bit."""

import numpy as np
import recipes

# Every knob and variant that a run must have drawn.
REQUIRED = {
    *(f"knob {kind}" for kind in ("interval", "slots-per-cycle", "pixels-per-cycle", "filters-per-cycle")),
    *(f"knob {kind}" for kind in ("channels-per-cycle", "row", "function", "layer filters-per-cycle", "none")),
    *(f"variant {kind}" for kind in ("pairwise", "gather", "scatter", "look-up")),
}
SHARED = {"slots-per-cycle": 9, "pixels-per-cycle": 9, "filters-per-cycle": 4, "channels-per-cycle": 4}
DENSE = ("QDense", "QBatchNormDense", "Dense")


def draw(recipe, model):
    """Keys of the model's table, and of its layers' tables by name. No seed in the recipe: no knobs."""
    seed = recipe.get("knobs")
    if seed is None:
        return {}, {}
    # The table of a float function can come between flatten and dense layer, so that no weights can be looked up.
    tables = any(entry.get("activation") in recipes.SPARSE_FUNCTIONS for entry in recipe["layers"])
    rng = np.random.default_rng(seed)
    layers = [layer for layer in model.layers if type(layer).__name__ != "InputLayer"]
    classes = [type(layer).__name__ for layer in layers]
    if rng.random() < 0.15:
        return {"pipeline": "function"}, draw_variants(rng, layers, classes, tables)
    keys = {}
    if classes[0] == "InputReduce" and rng.random() < 0.4:
        keys["interface"] = "row"
    if rng.random() < 0.5:
        keys["interval"] = int(rng.integers(1, 13))
    for key, largest in SHARED.items():
        if rng.random() < 0.3:
            keys[key] = int(rng.integers(1, largest + 1))
    own = draw_variants(rng, layers, classes, tables)
    for layer, kind in zip(layers, classes, strict=True):
        if kind == "QConv2DSparse" and rng.random() < 0.4:
            filters = layer.output.shape[-1]
            divisors = [part for part in range(1, filters + 1) if filters % part == 0]
            own.setdefault(layer.name, {})["filters-per-cycle"] = int(rng.choice(divisors))
    return keys, own


def of_verilog(keys, recipe):
    """The keys that a model of Verilog has instead: images enter by rows or at once, and there is one pipeline."""
    keys = {key: value for key, value in keys.items() if key != "pipeline"}
    if recipe.get("knobs") is None or recipe["layers"][0]["op"] != "reduce":
        return keys
    rng = np.random.default_rng([*recipe["knobs"], 1])
    if "interface" not in keys and rng.random() < 0.4:
        return keys | {"interface": "partition"}
    if rng.random() < 0.5:
        return keys | {"rows": int(rng.integers(1, recipe["shape"][0] + 1))}
    return keys


def draw_variants(rng, layers, classes, tables):
    """Implementations of the layers that have several."""
    own, sparse = {}, False
    for at, (layer, kind) in enumerate(zip(layers, classes, strict=True)):
        sparse = sparse or kind == "InputReduce"
        if kind == "QConv2DSparse" and rng.random() < 0.8:
            own[layer.name] = {"variant": str(rng.choice(["pairwise", "gather"]))}
        if kind == "Flatten" and sparse:
            followed = not tables and classes[at + 1 : at + 2] and classes[at + 1] in DENSE
            own[layer.name] = {"variant": str(rng.choice(["scatter", "look-up"])) if followed else "scatter"}
        if kind in ("Flatten", "Reshape"):
            sparse = False
    return own


def covered(keys, own):
    """What of REQUIRED was drawn."""
    found = {f"knob {value if isinstance(value, str) else key}" for key, value in keys.items()}
    for options in own.values():
        found |= {f"variant {value}" if key == "variant" else f"knob layer {key}" for key, value in options.items()}
    return found or {"knob none"}
