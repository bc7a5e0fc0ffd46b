"""Random networks as plain data, and the Keras models that such data describes.

A recipe is a dictionary of JSON values. Everything random that is not in it (weights, bits, images) comes from the seeds
in it, one for each layer: a layer that is dropped does not change the others. What must occur often enough in a run of
60 networks is dealt out in turn rather than drawn; see `Deal`.
"""

import keras
import numpy as np
from hgq.layers import QBatchNormalization, QBatchNormDense, QDense, QSoftmax, QUnaryFunctionLUT
from hgq.quantizer import Quantizer
from hgq.utils import trace_minmax
from networks import OVERFLOWS, ROUNDINGS, Net, config
from randomize import ALIVE, RANGES, TABLES, images, randomize_bits, randomize_weights

WIDE = {
    "datalane": {"i": (0, 4), "f": (2, 8), "b": (4, 10)},
    "weight": {"i": (-1, 2), "f": (2, 7), "b": (3, 8)},
    "bias": {"i": (-1, 3), "f": (1, 8), "b": (2, 9)},
    "table": {"i": (0, 2), "f": (4, 8), "b": (6, 9)},
}
# Sums that a table can take as its argument.
SMALL = {
    "datalane": {"i": (0, 1), "f": (1, 3), "b": (2, 4)},
    "weight": {"i": (-1, 0), "f": (1, 3), "b": (1, 3)},
    "bias": {"i": (-1, 1), "f": (0, 3), "b": (1, 4)},
    "table": {"i": (0, 1), "f": (3, 6), "b": (3, 7)},
}
BITS = {"random": RANGES, "alive": ALIVE, "wide": WIDE, "small": SMALL, "tables": TABLES}

KERNELS = ((3, 3), (1, 1), (2, 2), (3, 5), (13, 13), (4, 2), (5, 1), (7, 7), (2, 3), (1, 4), (11, 12), (6, 6), (3, 3))
POOLS = ((2, 2), (3, 3), (2, 1), (2, 3), (1, 3), (4, 2), (1, 1), (3, 2))
PLANS = (
    ("conv", "conv"),
    ("conv", "avg"),
    ("conv", "max", "conv"),
    ("avg", "conv"),
    ("conv", "avg", "conv"),
    ("max", "conv"),
    ("conv", "conv", "conv"),
    ("conv",),
    ("conv", "max"),
    ("avg", "max", "conv"),
    ("conv", "avg", "max"),
)
ENDS = (
    *("sparse", "dense", "softmax", "bn", "lut", "qsoftmax", "bndense", "rows", "function-end", "dense-oq"),
    *("function-quantized", "flatten"),
)
SPECIALS = ("traced", "plain", "frozen-layer", "no-ebops", "frozen-model", "frozen-quantizers", "odd-names")
FORMS = ("sequential", "functional", "late")
REDUCTIONS = ("learned", "fixed", "learned-n", "learned-threshold")
THRESHOLDS = ("on-grid", "off-grid", "zero", "negative", "negative-on-grid")
BUDGETS = ("some", "one", "some", "all", "some")
BETWEEN = (
    *("relu", "dropout", "quantizer", "relu6", "relu-limit", "lut", "relu-slope", "linear", "spatial-dropout", "noise"),
    *("activation-relu", "function"),
)
SPARSE_FUNCTIONS = ("tanh", "softsign", "elu", "silu", "hard_tanh")  # f(0) = 0
FUNCTIONS = (*SPARSE_FUNCTIONS, "sigmoid", "softplus", "exponential", "hard_sigmoid")
LAST_FUNCTIONS = ("sigmoid", "tanh", "hard_sigmoid", "hard_tanh")  # those with a bound as floats
AXES = {
    "element": {},
    "homogeneous": {"heterogeneous_axis": [], "homogeneous_axis": None},
    "channel": {"heterogeneous_axis": [-1], "homogeneous_axis": None},
    "row": {"heterogeneous_axis": [1], "homogeneous_axis": None},
    "column": {"heterogeneous_axis": [2], "homogeneous_axis": None},
}
NAMES = ("class", "2nd-conv.layer", "a.-_b", "template", "int", "0", "A_B", "a_b", "weights", "input", "output", "x.y")
NAMES += ("main", "ap_fixed", "std", "in", "a-b", "self", "nnet", "config")

REQUIRED = {
    *(f"layer {kind}" for kind in "InputReduce QConv2DSparse AveragePooling2DSparse MaxPooling2DSparse Flatten".split()),
    *(f"layer {kind}" for kind in "Reshape QDense QBatchNormDense QBatchNormalization ReLU Activation Dropout".split()),
    *(f"layer {kind}" for kind in "Quantizer QSoftmax Softmax QUnaryFunctionLUT SpatialDropout2D GaussianNoise".split()),
    *(f"mode {rounding} {overflow}" for rounding in ROUNDINGS for overflow in OVERFLOWS),
    *(f"weights wrap {kind}" for kind in ("kif RND", "kif other", "kbi RND", "kbi other")),
    *(f"type {kind}" for kind in ("kif", "kbi", "dummy")),
    *(f"axes {axes}" for axes in AXES),
    *(f"kernel {kind}" for kind in ("1x1", "even", "not square", "larger than the image", "over 11x11")),
    *(f"conv {what}" for what in ("bias", "no bias", "iq", "no iq", "oq", "no oq")),
    *(f"conv activation {name}" for name in ("linear", "relu", "relu6", "float function")),
    *(f"pool {kind}" for kind in ("not square", "3x3", "1x1", "partial windows", "mean over no power of two")),
    *(f"reduce {kind}" for kind in REDUCTIONS),
    *(f"threshold {kind}" for kind in ("on the grid", "off the grid", "negative")),
    *(f"budget {kind}" for kind in ("one", "all pixels", "some")),
    *(f"image {kind}" for kind in ("not square", "1 channel", "2 channels", "3 channels")),
    *(f"end {kind}" for kind in ENDS),
    *(f"model {kind}" for kind in FORMS),
    *(f"special {kind}" for kind in SPECIALS),
    *(f"events {kind}" for kind in ("empty", "full", "one pixel", "over budget", "extremes")),
}


class Deal:
    """Draws one recipe. What `turn` gives comes in turn over the networks of a run, each run beginning elsewhere."""

    def __init__(self, seed, index, events):
        self.rng = np.random.default_rng([seed, index])
        self.start = np.random.default_rng(seed).integers(0, 1000, 20).tolist()
        self.index, self.turns = index, 0
        self.layers = []
        self.divided = False  # a mean over no power of two that no quantizer has rounded yet
        self.floats = False  # a float function that no quantizer has rounded yet
        self.raw = 0  # layers since the last quantizer
        special = self.turn(SPECIALS)
        dense = index % 9 == 4
        self.recipe = {
            "seed": int(self.rng.integers(1 << 31)),
            "form": FORMS[(index // 9 + self.start[1]) % 3] if dense else "functional",
            "special": special,
            "end": self.turn(ENDS),
            "events": events,
            "grid": self.grid(),
            "shape": self.image(dense),
            "layers": self.layers,
        }
        if not dense:
            self.sparse()
        else:
            self.shape = list(self.recipe["shape"])
        self.tail(dense)
        for at, entry in enumerate(self.layers):
            entry["seed"] = int(self.rng.integers(1 << 31))
            entry["name"] = NAMES[(at + index) % len(NAMES)] if special == "odd-names" else None
            entry["frozen"] = special == "frozen-layer" and self.chance(0.6)

    def chance(self, p):
        return bool(self.rng.random() < p)

    def pick(self, options):
        return options[int(self.rng.integers(len(options)))]

    def number(self, low, high):
        return int(self.rng.integers(low, high + 1))

    def turn(self, options, stride=1):
        self.turns += 1
        return options[(self.index // stride + self.start[self.turns]) % len(options)]

    def grid(self):
        bits, fraction = self.number(3, 8), self.number(-1, 6)
        return [self.number(0, 1), bits - fraction, fraction]

    def image(self, dense):
        if dense and self.chance(0.4):
            return [self.number(4, 40)]
        while True:
            height, width = self.number(3, 13), self.number(3, 13)
            if height * width <= 110:
                return [height, width, self.turn_channels()]

    def turn_channels(self):
        return 1 + (self.index + self.start[0]) % 3

    def add(self, op, **options):
        self.layers.append({"op": op, **options})

    def bits(self):
        return self.pick(("random", "random", "alive", "alive", "alive", "wide", "wide"))

    def quantizer(self, place="datalane", rank=1, dummy=False, argument=False):
        """A quantizer for a value of `rank` axes without the batch's; an `argument` is one that a table takes.

        Tracing gives a kbi element that never saw data 23 fraction bits or more: too many entries for a table.
        """
        frozen = self.recipe["special"] == "frozen-quantizers" and self.chance(0.6)
        if dummy and self.chance(0.12):
            return {"type": "dummy", "place": place}
        axes = ["element", "element", "homogeneous", "channel"]
        if place == "datalane":
            axes += ["row"] * (rank >= 2) + ["column"] * (rank >= 3)
        overflows = (*OVERFLOWS, "WRAP") if place == "weight" else OVERFLOWS
        kinds = ("kif", "kif") if argument and self.recipe["special"] == "traced" else ("kif", "kbi")
        return {
            "type": self.pick(kinds),
            "place": place,
            "round": self.pick((*ROUNDINGS, "RND")),
            "overflow": self.pick(overflows),
            "axes": self.pick(axes),
            "trainable": not frozen,
        }

    def input_quantizer(self, rank):
        """`iq` of a layer with weights; None now and then, where float32 and 64 bits allow it."""
        needed = self.divided or self.floats or self.raw > 0
        iq = None if not needed and self.chance(0.15) else self.quantizer(rank=rank, dummy=not needed)
        if iq is None or iq["type"] == "dummy":
            self.raw += 1
        else:
            self.divided, self.floats, self.raw = False, False, 0
        return iq

    def quantize(self, bits=None, argument=False):
        self.add("quantizer", config=self.quantizer(rank=len(self.shape), argument=argument), bits=bits or self.bits())
        self.divided, self.floats, self.raw = False, False, 0

    # --- the sparse part

    def sparse(self):
        self.shape = list(self.recipe["shape"])
        self.reduce()
        for op in self.turn(PLANS):
            self.conv() if op == "conv" else self.pool(op)
            if self.chance(0.5):
                self.between()

    def reduce(self):
        height, width, _ = self.shape
        step = 2.0 ** -self.recipe["grid"][2]
        kind, threshold, budget = self.turn(REDUCTIONS), self.turn(THRESHOLDS), self.turn(BUDGETS)
        value = {
            "zero": 0.0,
            "on-grid": step * self.number(1, 3),
            "off-grid": step * (self.number(0, 2) + 0.3),
            "negative": -step * (self.number(0, 3) + 0.4),
            "negative-on-grid": -step * self.number(1, 3),
        }[threshold]
        pixels = height * width
        n = {"one": 1, "all": min(pixels, 64) + 2 * (pixels <= 64), "some": self.number(2, max(3, min(40, pixels // 2)))}[budget]
        initial = self.number(max(1, n // 2), n + 3)
        self.add(
            "reduce",
            n=initial if kind in ("learned", "learned-n") else n,
            n_frac=n / initial + float(self.rng.uniform(-0.4, 0.4)) / initial,
            threshold=value,
            learn_n=kind in ("learned", "learned-n"),
            learn_threshold=kind in ("learned", "learned-threshold"),
        )

    def conv(self):
        first = not any(entry["op"] == "conv" for entry in self.layers)
        kernel = self.turn(KERNELS) if first else self.pick(KERNELS)
        iq = self.input_quantizer(3)
        activation = self.turn(("linear", "relu", "function", "relu", "relu6", "linear")) if first else None
        activation = activation or self.pick(("linear", "relu", "relu", "linear", "relu6"))
        function = activation == "function"
        oq = self.quantizer(rank=3, argument=function) if function or self.chance(0.25) else None
        self.raw = 0 if oq else self.raw
        self.shape[2] = self.number(1, 4 if max(kernel) < 9 else 2)
        self.add(
            "conv",
            filters=self.shape[2],
            kernel=list(kernel),
            bias=self.chance(0.7),
            activation=self.pick(SPARSE_FUNCTIONS) if function else activation,
            iq=iq,
            oq=oq,
            kq=self.quantizer("weight", argument=function),
            bq=self.quantizer("bias", argument=function),
            bits="small" if function else self.bits(),
        )
        self.floats = function

    def pool(self, op):
        if self.floats:
            self.quantize()
        fitting = [pool for pool in POOLS if pool[0] <= self.shape[0] and pool[1] <= self.shape[1]]
        wanted = self.turn(POOLS)
        pool = wanted if wanted in fitting else self.pick(fitting)
        if op == "avg":
            # Keras rounds such a mean to float32, and a mean of means would see that: known, and not drawn.
            if self.divided:
                self.quantize()
            self.divided = pool[0] * pool[1] % 3 == 0
        self.add("pool", mode=op, pool=list(pool))
        self.shape[0] //= pool[0]
        self.shape[1] //= pool[1]

    def between(self):
        """One layer that keeps the shape."""
        if self.floats:
            return self.quantize()
        kind = self.turn(BETWEEN) if self.turns < 15 else self.pick(BETWEEN)
        if kind == "relu-limit" and self.divided:
            kind = "relu"
        if kind == "relu":
            self.add("relu")
        elif kind == "relu-limit":
            self.add("relu", max_value=self.pick((0.5, 1.5, 2.75, 6.0)))
        elif kind == "relu-slope":
            self.add("relu", negative_slope=self.pick((0.5, 0.25, 0.0625)))
        elif kind in ("dropout", "spatial-dropout", "noise"):
            self.add(kind)
        elif kind == "quantizer":
            self.quantize()
        elif kind == "lut":
            self.lut(self.pick((*SPARSE_FUNCTIONS, "relu")))
        elif kind == "function":
            self.quantize("alive", argument=True)
            self.add("activation", activation=self.pick(SPARSE_FUNCTIONS))
            self.quantize()
        else:
            self.add("activation", activation=kind.removeprefix("activation-"))

    def lut(self, function):
        rank = len(self.shape)
        iq = self.quantizer(rank=rank, argument=True)
        self.add("lut", activation=function, iq=iq, oq=self.quantizer("table", rank), bits="alive")
        self.divided, self.floats, self.raw = False, False, 0

    # --- the dense part

    def dense(self, op="dense", units=None, activation=None, oq=False, bits=None):
        if bits == "small" and self.shape[-1] > 16:
            self.dense()  # fewer terms, for sums that a table can take
        rank = len(self.shape)
        options = {"scale": self.chance(0.7)} if op == "bndense" else {"bias": self.chance(0.7)}
        options["iq"] = self.quantizer(rank=rank, argument=True) if bits == "small" else self.input_quantizer(rank)
        self.shape[-1] = units or self.number(2, 7)
        self.add(
            op,
            units=self.shape[-1],
            activation=activation or self.pick(("linear", "relu", "relu", "relu6")),
            oq=self.quantizer(rank=rank) if oq else None,
            kq=self.quantizer("weight", argument=bits == "small"),
            bq=self.quantizer("bias", argument=bits == "small"),
            bits=bits or self.bits(),
            **options,
        )
        self.divided, self.floats, self.raw = False, False, 0 if oq else self.raw

    def tail(self, dense):
        end = self.recipe["end"]
        if dense and end in ("sparse", "flatten"):
            end = self.recipe["end"] = "dense"
        if end == "sparse":
            if self.divided or self.floats:
                self.quantize()
            return
        self.flatten(end)
        if end == "flatten":
            if self.divided or self.floats:
                self.quantize()
            return
        if self.chance(0.5) or end in ("bn", "bndense", "lut"):
            self.dense(oq=self.chance(0.2))
        if self.chance(0.25):
            self.add(self.pick(("dropout", "relu", "noise")))
        if self.chance(0.2):
            self.quantize()
        if end in ("dense", "rows"):
            self.dense(activation="linear")
        elif end == "dense-oq":
            if self.chance(0.5):
                self.dense(oq=True)
            else:
                self.dense(oq=True, activation=self.pick(FUNCTIONS), bits="small")
        elif end == "bndense":
            self.dense("bndense")
        elif end == "bn":
            self.add(
                "bn",
                **{"center": self.chance(0.7), "scale": self.chance(0.7), "iq": self.input_quantizer(len(self.shape))},
                **{"kq": self.quantizer("weight"), "bq": self.quantizer("bias"), "bits": self.bits()},
            )
            if self.chance(0.5):
                self.dense()
        elif end == "lut":
            self.lut(self.turn(FUNCTIONS, 12) if not dense else self.pick(FUNCTIONS))
            if self.chance(0.4):
                self.dense()
        elif end == "qsoftmax":
            self.dense(units=self.number(2, 6), activation="linear")
            stable = self.chance(0.7)
            iq = self.quantizer(argument=True) if not stable or self.chance(0.5) else None
            own = {name: self.quantizer(argument=True) for name in ("exp_iq", "inv_iq")}
            self.add(
                "qsoftmax",
                **{"stable": stable, "iq": iq, "scaler": self.pick((1.0, 1.0, 0.5, 0.75)), "bits": "tables", **own},
                heterogeneous=self.chance(0.3),
            )
        elif end == "softmax":
            how = self.turn(("layer", "activation", "dense"), 12)
            self.dense(units=self.number(2, 8), activation="softmax" if how == "dense" else "linear")
            if how == "layer":
                self.add("softmax")
            elif how == "activation":
                self.add("activation", activation="softmax")
        elif end == "function-end":
            function = self.turn(LAST_FUNCTIONS, 12)
            inside = self.chance(0.5)
            self.dense(activation=function if inside else "linear")
            if not inside:
                self.add("activation", activation=function)
        elif end == "function-quantized":
            self.dense(activation="linear", bits="small")
            self.add("activation", activation=self.turn(FUNCTIONS, 12))
            self.floats = True
            self.quantize() if self.chance(0.6) else self.dense()

    def flatten(self, end):
        elements = int(np.prod(self.shape))
        rows = next((rows for rows in (4, 3, 2, 5, 7) if elements % rows == 0), 1)
        if end == "rows" or (end in ("dense", "lut", "dense-oq", "bn") and self.chance(0.2)):
            self.shape = [rows, elements // rows]
            self.add("reshape", shape=list(self.shape))
        elif len(self.shape) == 1:
            pass
        elif self.chance(0.25):
            self.add("reshape", shape=[self.pick((-1, elements))])
            self.shape = [elements]
        else:
            self.add("flatten")
            self.shape = [elements]


def draw(seed, index, events):
    """Network `index` of the run with this seed."""
    return Deal(seed, index, events).recipe


# --- from recipe to model ----------------------------------------------------------------------------------------------


def quantizer_config(entry):
    if entry["type"] == "dummy":
        return config("dummy")
    axes = dict(AXES[entry["axes"]])
    return config(
        entry["type"],
        entry["place"],
        round_mode=entry["round"],
        overflow_mode=entry["overflow"],
        trainable=entry["trainable"],
        **axes,
    )


def weighted(entry, recipe):
    """Options that layers with quantizers share."""
    options = {f"{name}_conf": quantizer_config(entry[name]) for name in ("kq", "bq", "iq") if entry.get(name)}
    if entry.get("iq") is None:
        options["enable_iq"] = False
    if entry.get("oq"):
        options |= {"enable_oq": True, "oq_conf": quantizer_config(entry["oq"])}
    if recipe["special"] == "no-ebops":
        options["enable_ebops"] = False
    return options


def keras_layer(entry, recipe):
    """A layer that takes one tensor."""
    op = entry["op"]
    named = {"name": entry["name"]} if entry["name"] else {}
    match op:
        case "relu":
            return keras.layers.ReLU(**{key: entry[key] for key in ("max_value", "negative_slope") if key in entry}, **named)
        case "activation":
            return keras.layers.Activation(entry["activation"], **named)
        case "softmax":
            return keras.layers.Softmax(**named)
        case "dropout":
            return keras.layers.Dropout(0.3, seed=1, **named)
        case "spatial-dropout":
            return keras.layers.SpatialDropout2D(0.3, seed=1, **named)
        case "noise":
            return keras.layers.GaussianNoise(0.3, seed=1, **named)
        case "quantizer":
            return Quantizer(quantizer_config(entry["config"]), **named)
        case "flatten":
            return keras.layers.Flatten(**named)
        case "reshape":
            return keras.layers.Reshape(entry["shape"], **named)
    options = weighted(entry, recipe) | named
    match op:
        case "lut":
            return QUnaryFunctionLUT(entry["activation"], **options)
        case "dense":
            return QDense(entry["units"], use_bias=entry["bias"], activation=entry["activation"], **options)
        case "bndense":
            return QBatchNormDense(entry["units"], scale=entry["scale"], activation=entry["activation"], **options)
        case "bn":
            return QBatchNormalization(center=entry["center"], scale=entry["scale"], **options)
        case "qsoftmax":
            options |= {"enable_iq": entry["iq"] is not None}
            return QSoftmax(
                stable=entry["stable"],
                input_scaler=entry["scaler"],
                allow_heterogeneous_table=entry["heterogeneous"],
                exp_iq_conf=quantizer_config(entry["exp_iq"]),
                inv_iq_conf=quantizer_config(entry["inv_iq"]),
                **options,
            )
    raise ValueError(op)


def stack(recipe):
    """The model, and the Keras layer of each entry."""
    entries, shape = recipe["layers"], recipe["shape"]
    if recipe["form"] != "functional":
        layers = [keras_layer(entry, recipe) for entry in entries]
        first = [keras.Input(shape)] if recipe["form"] == "sequential" else []
        model = keras.Sequential([*first, *layers], name="network")
        if not first:
            model.build((None, *shape))
        return model, layers
    net, layers = Net(shape), []
    for entry in entries:
        named = {"name": entry["name"]} if entry["name"] else {}
        match entry["op"]:
            case "reduce":
                learn = {key: entry[key] for key in ("learn_n", "learn_threshold")}
                net.reduce(entry["n"], entry["threshold"] if not entry["learn_threshold"] else 0.125, **learn, **named)
            case "conv":
                activation = None if entry["activation"] == "linear" else entry["activation"]
                options = weighted(entry, recipe) | named
                net.conv(entry["filters"], entry["kernel"], use_bias=entry["bias"], activation=activation, **options)
            case "pool":
                (net.avg if entry["mode"] == "avg" else net.max)(entry["pool"], **named)
            case _:
                net.add(keras_layer(entry, recipe))
        layers.append(net.x._keras_history.operation)
    return net.model(), layers


def narrowed(ranges, level):
    """The same with `level` bits fewer at most, so that sums fit a float32."""
    shorten = {"i": 0, "f": level, "b": level}
    return {
        place: {key: (low, max(low, high - shorten[key])) for key, (low, high) in limits.items()}
        for place, limits in ranges.items()
    }


def make(recipe):
    """The model with its weights and bits, and the events."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(recipe["seed"])
    model, layers = stack(recipe)
    for entry, layer in zip(recipe["layers"], layers, strict=True):
        rng = np.random.default_rng([recipe["seed"], entry["seed"]])
        ranges = BITS["alive" if recipe.get("alive") and entry.get("bits") == "random" else entry.get("bits", "alive")]
        randomize_weights(layer, rng)
        randomize_bits(layer, rng, narrowed(ranges, recipe.get("narrow", 0)))
        if entry["op"] == "reduce":
            if entry["learn_threshold"]:
                layer.threshold_w.assign(np.float32(entry["threshold"]))
            if entry["learn_n"]:
                layer.n_frac.assign(np.float32(entry["n_frac"]))
    x = events(recipe)
    if recipe["special"] == "traced":
        trace_minmax(model, x[::2], verbose=False)
    for entry, layer in zip(recipe["layers"], layers, strict=True):
        if entry["frozen"]:
            layer.trainable = False
    if recipe["special"] == "frozen-model":
        model.trainable = False
    return model, x


def events(recipe):
    shape = recipe["shape"]
    image = shape if len(shape) == 3 else [1, shape[0], 1]
    rng = np.random.default_rng([recipe["seed"], 1])
    x = images(rng, image, recipe["grid"], max(recipe["events"], 16)).reshape(-1, *shape)
    return x[recipe["keep"]] if "keep" in recipe else x[: recipe["events"]]


# --- what a run covers -------------------------------------------------------------------------------------------------


def quantizers_of(entry):
    return [entry[key] for key in ("iq", "oq", "kq", "bq", "config", "exp_iq", "inv_iq") if entry.get(key)]


def covered(recipe, model, x):
    """The categories of REQUIRED that a network belongs to, and others worth counting."""
    found = {f"model {recipe['form']}", f"special {recipe['special']}", f"end {recipe['end']}"}
    found |= {f"layer {type(layer).__name__}" for layer in model.layers}
    for entry in recipe["layers"]:
        for quantizer in quantizers_of(entry):
            found.add(f"type {quantizer['type']}")
            if quantizer["type"] == "dummy":
                continue
            found |= {f"mode {quantizer['round']} {quantizer['overflow']}", f"axes {quantizer['axes']}"}
            if quantizer["place"] == "weight" and quantizer["overflow"] == "WRAP":
                found.add(f"weights wrap {quantizer['type']} {'RND' if quantizer['round'] == 'RND' else 'other'}")
        if "activation" in entry:
            found.add(f"function {entry['activation']}")
    shape = list(recipe["shape"])
    if len(shape) == 3:
        found.add(f"image {shape[2]} channel{'s' * (shape[2] > 1)}")
        found |= {"image not square"} if shape[0] != shape[1] else set()
    for entry in recipe["layers"]:
        if entry["op"] == "reduce":
            found |= covered_reduction(entry, recipe, x)
        if entry["op"] == "conv":
            found |= covered_convolution(entry, shape)
        if entry["op"] == "pool":
            rows, columns = entry["pool"]
            found |= {
                *(["pool not square"] if rows != columns else []),
                *([f"pool {rows}x{columns}"] if rows == columns else []),
                *(["pool partial windows"] if shape[0] % rows or shape[1] % columns else []),
                *(["pool mean over no power of two"] if entry["mode"] == "avg" and rows * columns % 3 == 0 else []),
            }
            shape = [shape[0] // rows, shape[1] // columns, shape[2]]
    return found


def covered_reduction(entry, recipe, x):
    learned = [name for name in ("n", "threshold") if entry[f"learn_{name}"]]
    kind = {0: "fixed", 1: f"learned-{learned[0]}" if learned else "", 2: "learned"}[len(learned)]
    pixels = recipe["shape"][0] * recipe["shape"][1]
    n = int(np.round(np.float32(entry["n"]) * np.float32(entry["n_frac"]))) if entry["learn_n"] else entry["n"]
    threshold = float(np.float32(entry["threshold"]))
    on_grid = threshold * 2.0 ** recipe["grid"][2] % 1 == 0
    active = (x[..., 0] > threshold).reshape(len(x), -1).sum(axis=1)
    sign, integer, fraction = recipe["grid"]
    return {
        f"reduce {kind}",
        f"threshold {'on' if on_grid else 'off'} the grid",
        f"budget {'one' if n == 1 else 'all pixels' if n >= pixels else 'some'}",
        *(["threshold negative"] if threshold < 0 else []),
        *(["events empty"] if (active == 0).any() else []),
        *(["events full"] if (active == pixels).any() else []),
        *(["events one pixel"] if (active == 1).any() else []),
        *(["events over budget"] if (active > n).any() else []),
        *(["events extremes"] if (x == 2.0**integer - 2.0**-fraction).any() and (x == -sign * 2.0**integer).any() else []),
    }


def covered_convolution(entry, shape):
    rows, columns = entry["kernel"]
    activation = entry["activation"]
    return {
        f"conv {'bias' if entry['bias'] else 'no bias'}",
        f"conv {'iq' if entry['iq'] else 'no iq'}",
        f"conv {'oq' if entry['oq'] else 'no oq'}",
        f"conv activation {'float function' if activation in SPARSE_FUNCTIONS else activation}",
        *(["kernel 1x1"] if rows == columns == 1 else []),
        *(["kernel even"] if rows % 2 == 0 or columns % 2 == 0 else []),
        *(["kernel not square"] if rows != columns else []),
        *(["kernel larger than the image"] if rows > shape[0] or columns > shape[1] else []),
        *(["kernel over 11x11"] if rows * columns > 121 else []),
    }
