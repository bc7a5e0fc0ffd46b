"""The fixture networks: one small network for each line of the layer semantics.

A case is a function that stacks layers on a `Net`. The decorator says the image shape, the input grid (k, i, f), which
sparsepixels it needs and, where a case exists to provoke something, a check that it was provoked.
"""

from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np
from hgq.config import LayerConfigScope
from hgq.layers import QBatchNormalization, QBatchNormDense, QDense, QSoftmax, QUnaryFunctionLUT
from hgq.quantizer import Quantizer
from hgq.quantizer.config import QuantizerConfig
from hgq.utils import trace_minmax
from randomize import ALIVE, RANGES, TABLES
from sparsepixels.layers import AveragePooling2DSparse, InputReduce, MaxPooling2DSparse, QConv2DSparse

ROUNDINGS = ("TRN", "RND", "RND_CONV", "TRN_ZERO", "RND_ZERO", "RND_MIN_INF", "RND_INF", "S_RND", "S_RND_CONV")
OVERFLOWS = ("WRAP", "SAT", "SAT_SYM")
UNSIGNED, SIGNED, COARSE = (0, 3, 3), (1, 2, 3), (0, 2, 1)


@dataclass
class Case:
    """One fixture."""

    name: str
    build: Callable
    shape: tuple
    grid: tuple
    sparsepixels: str
    ranges: dict
    after: Callable | None  # (model, rng, x): last changes to the variables
    check: Callable | None  # (outputs by layer name): what the case must provoke
    events: int
    as_keras_wrote_it: bool
    rename: dict  # layer names to change in the saved file
    refused: bool  # a model to refuse: saved, never run
    note: str


CASES: dict[str, Case] = {}


def case(
    name,
    shape=(8, 8, 1),
    grid=UNSIGNED,
    sparsepixels="0.3.2",
    ranges=RANGES,
    after=None,
    check=None,
    events=48,
    as_keras_wrote_it=False,
    rename=None,
    refused=False,
):
    """Registers a network under the name of its fixture."""

    def register(build):
        assert name not in CASES, name
        CASES[name] = Case(
            name=name,
            build=build,
            shape=shape,
            grid=grid,
            sparsepixels=sparsepixels,
            ranges=ranges,
            after=after,
            check=check,
            events=events,
            as_keras_wrote_it=as_keras_wrote_it,
            rename=rename or {},
            refused=refused,
            note=(build.__doc__ or "").strip(),
        )
        return build

    return register


def config(q_type="default", place="datalane", **kwargs):
    """A quantizer configuration."""
    return QuantizerConfig(q_type, place, **kwargs)


class Net:
    """A network under construction; every method adds one layer."""

    def __init__(self, shape, name="image"):
        self.input = self.x = keras.Input(shape, name=name)
        self.mask = None

    def reduce(self, n, threshold=0.0, old=False, **kwargs):
        """InputReduce, in the old spelling for sparsepixels 0.2."""
        size = {"n_max_pixels": n} if old else {"n": n}
        self.x, self.mask = InputReduce(**size, threshold=threshold, **kwargs)(self.x)
        return self

    def conv(self, filters, kernel, oq=None, **kwargs):
        """QConv2DSparse; `oq` switches the output quantizer on."""
        if oq is not None:
            kwargs |= {"enable_oq": True, "oq_conf": oq}
        # Not passing `name=None`: the layer would hand it to HGQ, which refuses.
        self.x = QConv2DSparse(filters, kernel, padding="same", **kwargs)((self.x, self.mask))
        return self

    def avg(self, pool, **kwargs):
        self.x, self.mask = AveragePooling2DSparse(pool, **kwargs)((self.x, self.mask))
        return self

    def max(self, pool, **kwargs):
        self.x, self.mask = MaxPooling2DSparse(pool, **kwargs)((self.x, self.mask))
        return self

    def add(self, *layers):
        """Layers that take and give one tensor."""
        for layer in layers:
            self.x = layer(self.x)
        return self

    def flatten(self):
        return self.add(keras.layers.Flatten())

    def dense(self, units, **kwargs):
        return self.add(QDense(units, **kwargs))

    def model(self, name="network"):
        return keras.Model(self.input, self.x, name=name)


def layers_of(model, kind):
    return [layer for layer in model.layers if type(layer).__name__ == kind]


def active(outputs, name):
    """The keep mask of a layer, without its channel axis."""
    return outputs[name][1][..., 0] > 0


# --- InputReduce -------------------------------------------------------------------------------------------------------


@case("reduce-basic", shape=(6, 6, 1), check=lambda o: (active(o, "input_reduce").sum((1, 2)) == 9).any())
def _(net):
    """As the package makes it: threshold and budget learnable, not yet learned."""
    net.reduce(9).flatten()


@case("reduce-multichannel-background", shape=(7, 6, 3), grid=SIGNED)
def _(net):
    """Channel 0 decides; the other channels are not zero in the background, and must vanish there."""
    net.reduce(10, 0.5).conv(2, 3).flatten()


@case("reduce-threshold-on-grid", shape=(7, 7, 2), grid=SIGNED)
def _(net):
    """A threshold that is itself a pixel value: equal is not above."""
    net.reduce(12, 0.375, learn_n=False, learn_threshold=False).flatten()


@case("reduce-threshold-between", shape=(7, 7, 1), grid=SIGNED)
def _(net):
    """A threshold that no fixed-point format holds."""
    net.reduce(12, 0.3, learn_n=False, learn_threshold=False).flatten()


@case(
    "reduce-threshold-negative",
    shape=(6, 7, 2),
    grid=SIGNED,
    check=lambda o: ((o["input_reduce"][0][..., 0] == 0) & active(o, "input_reduce")).any(),
)
def _(net):
    """A negative threshold makes zero pixels active: the empty image is full."""
    net.reduce(20, -0.5, learn_n=False, learn_threshold=False).conv(2, (3, 3)).flatten()


def learned(threshold, n_frac):
    def after(model, _rng, _x):
        layer = layers_of(model, "InputReduce")[0]
        if layer.learn_threshold:
            layer.threshold_w.assign(np.float32(threshold))
        if layer.learn_n:
            layer.n_frac.assign(np.float32(n_frac))

    return after


@case("reduce-learned", after=learned(0.6, 0.85), check=lambda o: active(o, "input_reduce").sum((1, 2)).max() == 8)
def _(net):
    """The budget is 10 x 0.85 = 8.5, which rounds half to even: 8. The learned threshold differs from the config's."""
    net.reduce(10, 0.1).flatten()


@case("reduce-learned-up", after=learned(0.1, 1.15), check=lambda o: active(o, "input_reduce").sum((1, 2)).max() == 12)
def _(net):
    """The budget is 10 x 1.15 = 11.5, which rounds half to even: 12."""
    net.reduce(10, 0.1, beta_maskedE=0.0).flatten()


@case("reduce-learned-n-only", after=learned(0.0, 0.5), check=lambda o: active(o, "input_reduce").sum((1, 2)).max() == 2)
def _(net):
    """Only the budget is learned: 5 x 0.5 = 2.5 rounds to 2."""
    net.reduce(5, 0.2, learn_threshold=False).flatten()


@case("reduce-learned-threshold-only", shape=(6, 6, 2), after=learned(1.125, 0.0))
def _(net):
    """Only the threshold is learned, and it lies on the grid."""
    net.reduce(7, 0.2, learn_n=False).flatten()


@case("reduce-fixed", shape=(6, 9, 1), as_keras_wrote_it=True)
def _(net):
    """Nothing learnable; the file as Keras wrote it, an uncompressed zip."""
    net.reduce(11, 0.7, learn_n=False, learn_threshold=False, beta_maskedE=0.0).flatten()


@case("reduce-budget-one", shape=(6, 6, 2), check=lambda o: active(o, "input_reduce").sum((1, 2)).max() == 1)
def _(net):
    """A budget of a single pixel."""
    net.reduce(1, learn_n=False).conv(2, 3).flatten()


@case("reduce-budget-whole-image", shape=(6, 6, 1), check=lambda o: active(o, "input_reduce").all((1, 2)).any())
def _(net):
    """A budget that never runs out, larger than the image."""
    net.reduce(40, learn_n=False).conv(2, 3, activation="relu").flatten()


@case("reduce-023-threshold", shape=(7, 7, 2), grid=SIGNED, sparsepixels="0.2.3", as_keras_wrote_it=True)
def _(net):
    net.reduce(12, 0.375, old=True).flatten()


@case(
    "reduce-023-null-threshold",
    shape=(7, 7, 2),
    grid=SIGNED,
    sparsepixels="0.2.3",
    check=lambda o: ((o["input_reduce"][0][..., 0] < 0) & active(o, "input_reduce")).any(),
)
def _(net):
    """threshold=None: active where channel 0 is not zero, negative pixels too."""
    net.reduce(12, None, old=True).conv(2, 3).flatten()


# --- QConv2DSparse -----------------------------------------------------------------------------------------------------


@case("conv-even-kernel", shape=(8, 7, 2), grid=COARSE)
def _(net):
    """Even kernels pad less before than after."""
    net.reduce(14).conv(3, (2, 4)).conv(2, (4, 2), activation="relu").flatten()


@case("conv-nonsquare", shape=(8, 9, 1))
def _(net):
    net.reduce(14).conv(3, (3, 5)).conv(2, (5, 1)).flatten()


@case("conv-large", shape=(9, 9, 1), grid=COARSE)
def _(net):
    """A kernel larger than the image."""
    net.reduce(12).conv(2, (13, 13)).flatten()


@case("conv-1x1", shape=(7, 7, 2))
def _(net):
    net.reduce(14).conv(4, (1, 1), activation="relu").conv(2, 1).flatten()


@case("conv-nonsquare-image", shape=(7, 11, 1))
def _(net):
    net.reduce(14).conv(3, (3, 3), activation="relu").conv(2, (3, 3)).flatten()


@case("conv-no-bias", shape=(8, 8, 1))
def _(net):
    net.reduce(14).conv(3, 3, use_bias=False).conv(2, 3, use_bias=False, activation="relu").flatten()


@case("conv-no-iq", shape=(7, 7, 1), grid=COARSE)
def _(net):
    """The second convolution takes the first one's sums as they are, and has no ebops variables."""
    net.reduce(12).conv(2, 3, activation="relu", kq_conf=config("kbi", "weight", b0=2))
    with LayerConfigScope(enable_iq=False):
        net.conv(2, (2, 3))
    net.flatten()


@case("conv-no-iq-first", shape=(7, 7, 2), grid=COARSE)
def _(net):
    """No input quantizer at all: the input format must be given."""
    net.reduce(12).conv(3, 3, enable_iq=False).flatten()


def oq_silences(outputs):
    """Some active pixel has all filters zero although its neighbourhood is not."""
    return (active(outputs, "input_reduce") & (outputs["first"][0] == 0).all(-1)).any()


@case("conv-oq", shape=(7, 7, 1), check=oq_silences)
def _(net):
    """The output quantizer comes before the bias: where it rounds a sum to zero, no bias is added."""
    net.reduce(12)
    net.conv(3, 3, name="first", oq=config("kif", overflow_mode="SAT", round_mode="TRN_ZERO"))
    net.conv(2, 3, oq=config("kbi", overflow_mode="WRAP"), activation="relu").flatten()


def zero_sum_bias(model, rng, _x):
    """Kernels that cancel between neighbours, and biases that are certainly not zero."""
    conv = model.get_layer("first")
    kernel = np.zeros(conv.conv.kernel.shape, np.float32)
    kernel[1, 1], kernel[1, 2] = 1, -1
    conv.conv.kernel.assign(kernel)
    fix_bits(conv.conv.kq, k=1, i=1, f=2)
    fix_bits(conv._bq, k=1, i=1, f=3)
    fix_bits(conv.conv.iq, k=0, i=3, f=3)
    conv.sparse_bias.assign(np.float32([0.75, -1.25]))


def fix_bits(wrapper, k, i, f):
    """The same bits for every element of a quantizer."""
    inner = wrapper.quantizer
    inner._k.assign(np.full(inner._k.shape, k, np.uint8))
    inner._i.assign(np.full(inner._i.shape, i, np.float32))
    fraction = inner._f if hasattr(inner, "_f") else inner._b
    fraction.assign(np.full(fraction.shape, f if hasattr(inner, "_f") else i + f, np.float32))


@case(
    "conv-zero-sum",
    shape=(6, 6, 1),
    after=zero_sum_bias,
    check=lambda o: (active(o, "input_reduce") & (o["first"][0] == 0).all(-1)).sum() > 25,
)
def _(net):
    """Sums that are exactly zero at active pixels: no bias there."""
    net.reduce(40, learn_n=False).conv(2, 3, name="first").flatten()


def mostly_negative(model, _rng, _x):
    """A kernel and a bias that leave little after the ReLU, and a second kernel that spreads what is left."""
    first, second = model.get_layer("first"), model.get_layer("second")
    kernel = np.full(first.conv.kernel.shape, -0.5, np.float32)
    kernel[1, 1] = 1.5
    first.conv.kernel.assign(kernel)
    first.sparse_bias.assign(np.full(first.sparse_bias.shape, -1.0, np.float32))
    for wrapper in (first.conv.kq, first._bq, second.conv.kq, second._bq):
        fix_bits(wrapper, k=1, i=2, f=2)
    fix_bits(first.conv.iq, k=0, i=3, f=2)
    fix_bits(second.conv.iq, k=0, i=4, f=1)


def silent_pixels_revive(outputs):
    on = active(outputs, "input_reduce")
    silent = on & (outputs["first"][0] == 0).all(-1)
    revived = silent & (outputs["second"][0] != 0).any(-1)
    return silent.sum() > 0.3 * on.sum() and revived.sum() > 50


@case("conv-silent-pixels", shape=(8, 8, 1), after=mostly_negative, check=silent_pixels_revive)
def _(net):
    """Active pixels that a ReLU makes all zero still receive the next convolution."""
    net.reduce(24, learn_n=False).conv(2, 3, name="first", activation="relu").conv(2, 3, name="second").flatten()


@case(
    "conv-silent-then-pool",
    shape=(8, 8, 1),
    after=mostly_negative,
    check=lambda o: (active(o, "average_pooling2d_sparse") & (o["average_pooling2d_sparse"][0] == 0).all(-1)).any(),
)
def _(net):
    """A cell whose active pixels are all silent is still an active cell, and a later convolution writes to it."""
    net.reduce(24, learn_n=False).conv(2, 3, name="first", activation="relu").avg(2)
    net.conv(2, 3, name="second").flatten()


@case(
    "conv-negative-features",
    shape=(7, 7, 2),
    grid=SIGNED,
    ranges=ALIVE,
    check=lambda o: (o["input_reduce"][0] < 0).any() and (o["q_conv2d_sparse"][0] < 0).any(),
)
def _(net):
    net.reduce(14, -10.0, learn_n=False, learn_threshold=False).conv(2, 3).conv(2, 3).flatten()


@case("conv-position-iq", shape=(7, 7, 2))
def _(net):
    """The input quantizer differs at every position and channel, as it does in trained models."""
    per_position = {"homogeneous_axis": None, "heterogeneous_axis": (1, 2, 3)}
    net.reduce(20, learn_n=False).conv(2, 3, iq_conf=config("kif", **per_position))
    net.conv(2, 3, iq_conf=config("kbi", overflow_mode="SAT", **per_position)).flatten()


@case("conv-homogeneous-iq", shape=(7, 7, 2), ranges=ALIVE)
def _(net):
    """One set of bits for a whole tensor, also for kernels and biases."""
    one = {"homogeneous_axis": None, "heterogeneous_axis": ()}
    net.reduce(14).conv(
        3, 3, iq_conf=config("kif", **one), kq_conf=config("kbi", "weight", **one), bq_conf=config("kbi", "bias", **one)
    )
    net.conv(2, 3, iq_conf=config("kif", homogeneous_axis=(0, 1, 2, 3))).flatten()


@case("conv-channel-iq", shape=(7, 7, 3), ranges=ALIVE)
def _(net):
    """Bits per channel only: input quantizers (1, 1, 1, C), kernels per filter."""
    net.reduce(14).conv(
        3, 3, iq_conf=config("kif", heterogeneous_axis=(3,)), kq_conf=config("kif", "weight", heterogeneous_axis=(3,))
    )
    net.conv(2, 3, iq_conf=config("kbi", heterogeneous_axis=(-1,)), activation="relu").flatten()


@case("conv-row-iq", shape=(6, 8, 2), ranges=ALIVE)
def _(net):
    """Bits per row, then per column."""
    net.reduce(14).conv(2, 3, iq_conf=config("kif", heterogeneous_axis=(1,)))
    net.conv(2, 3, iq_conf=config("kif", heterogeneous_axis=(2,))).flatten()


@case("conv-dummy-quantizers", shape=(6, 6, 1), grid=COARSE, ranges=ALIVE)
def _(net):
    """q_type 'dummy' quantizes nothing. Only the input: a dummy on weights leaves floats."""
    net.reduce(14).conv(2, 3, iq_conf=config("dummy")).flatten()


@case("conv-many", shape=(6, 6, 1), ranges=ALIVE)
def _(net):
    """Group names count per class: q_conv2d_sparse, _1, _2 and q_dense, _1."""
    net.reduce(12)
    for filters in (2, 1, 2):
        net.conv(filters, 3, activation="relu")
    net.flatten().dense(4, activation="relu").dense(3)


@case("conv-wide-bits", shape=(6, 6, 1), ranges=ALIVE, grid=(0, 8, 0))
def _(net):
    """An eight-bit detector image, integer bits only; negative fractions."""
    net.reduce(16, 20.0, learn_n=False, learn_threshold=False)
    net.conv(2, 3, name="first", iq_conf=config("kif", overflow_mode="SAT")).flatten()


@case("conv-activation-relu6", shape=(6, 6, 2), grid=COARSE, ranges=ALIVE)
def _(net):
    """ReLU layers with a ceiling and with a slope, on a sparse tensor."""
    net.reduce(16).conv(2, 3).add(keras.layers.ReLU(max_value=1.5)).conv(2, 3)
    net.add(keras.layers.ReLU(negative_slope=0.25)).flatten()


@case("conv-tanh", shape=(6, 6, 1), ranges=ALIVE)
def _(net):
    """tanh(0) = 0, so it is allowed on a sparse tensor; floats, then quantized again."""
    net.reduce(12).conv(2, 3, activation="tanh").conv(2, 3).flatten()


# --- quantizer modes ---------------------------------------------------------------------------------------------------


def iq_modes(rounding):
    @case(f"iq-modes-{rounding.lower().replace('_', '-')}", shape=(6, 6, 2), grid=(1, 3, 4))
    def _(net):
        """One rounding mode in input, weight, bias and output quantizers, with every overflow mode."""
        net.reduce(20, -20.0, learn_n=False, learn_threshold=False)
        for at, overflow in enumerate(OVERFLOWS):
            q_type = ("kif", "kbi")[at % 2]
            mode = {"round_mode": rounding, "overflow_mode": overflow}
            net.conv(
                2,
                (2, 2),
                iq_conf=config(q_type, **mode),
                kq_conf=config(("kbi", "kif", "kbi")[at], "weight", **mode),
                bq_conf=config(q_type, "bias", **mode),
            )
        net.add(Quantizer(config("kif", round_mode=rounding, overflow_mode="SAT_SYM")))
        net.flatten()

    @case(f"quantizer-chain-{rounding.lower().replace('_', '-')}", shape=(6, 6, 2), grid=(1, 4, 6))
    def _(net):
        """Quantizer layers in a row, from fine to coarse, with every overflow mode."""
        net.reduce(40, -20.0, learn_n=False, learn_threshold=False)
        for q_type, overflow in (("kif", "SAT"), ("kbi", "SAT_SYM"), ("kbi", "WRAP"), ("kif", "WRAP")):
            net.add(Quantizer(config(q_type, round_mode=rounding, overflow_mode=overflow)))
        net.flatten()


for _rounding in ROUNDINGS:
    iq_modes(_rounding)


def kernels_only_rounded(q_type, round_mode, trainable):
    name = f"kq-wrap-{q_type}-{round_mode.lower().replace('_', '-')}" + ("" if trainable else "-frozen")

    @case(name, shape=(6, 6, 1), grid=COARSE)
    def _(net):
        """Weights in WRAP mode: whether they wrap, or are only rounded, hangs on type, rounding and `trainable`."""
        kq = {"overflow_mode": "WRAP", "round_mode": round_mode, "trainable": trainable}
        net.reduce(14).conv(3, 3, kq_conf=config(q_type, "weight", **kq)).flatten()
        net.dense(3, kq_conf=config(q_type, "weight", **kq))


for _q_type in ("kif", "kbi"):
    for _round_mode in ("RND", "RND_CONV", "TRN", "S_RND"):
        kernels_only_rounded(_q_type, _round_mode, True)
    kernels_only_rounded(_q_type, "RND", False)


def freeze_layer(model, _rng, _x):
    model.get_layer("first").trainable = False


@case("kq-wrap-layer-frozen", shape=(6, 6, 1), grid=COARSE, after=freeze_layer)
def _(net):
    """The layer, not the quantizer, is not trainable: its WRAP weights wrap."""
    net.reduce(14).conv(3, 3, name="first", kq_conf=config("kif", "weight", overflow_mode="WRAP")).flatten()


def freeze_model(model, _rng, _x):
    model.trainable = False


@case("kq-wrap-model-frozen", shape=(6, 6, 1), grid=COARSE, after=freeze_model)
def _(net):
    """The whole model is not trainable: WRAP weights wrap."""
    net.reduce(14).conv(3, 3, name="first", kq_conf=config("kbi", "weight", overflow_mode="WRAP")).flatten()


def bias_modes(q_type, overflow):
    @case(f"bias-{q_type}-{overflow.lower().replace('_', '-')}", shape=(6, 6, 1), grid=COARSE)
    def _(net):
        """Bias quantizers of a sparse convolution and of a dense layer."""
        bq = {"overflow_mode": overflow}
        net.reduce(12).conv(4, 3, bq_conf=config(q_type, "bias", **bq)).flatten()
        net.dense(6, bq_conf=config(q_type, "bias", **bq))


for _q_type in ("kif", "kbi"):
    for _overflow in OVERFLOWS:
        bias_modes(_q_type, _overflow)


# --- pooling -----------------------------------------------------------------------------------------------------------


@case("avg-pool-2", shape=(8, 8, 2))
def _(net):
    net.reduce(20).conv(2, 3, activation="relu").avg(2).conv(2, 3).flatten()


@case("avg-pool-3", shape=(9, 9, 1), ranges=ALIVE)
def _(net):
    """A ninth has no finite binary fraction: the exact mean goes into the next quantizer."""
    net.reduce(24).conv(2, 3).avg(3).conv(3, 2).flatten()


@case("avg-pool-2x3", shape=(6, 9, 1), ranges=ALIVE)
def _(net):
    net.reduce(24).conv(2, 3).avg((2, 3)).conv(2, 3).flatten()


@case("avg-pool-partial", shape=(9, 7, 1))
def _(net):
    """Pixels beyond the last full window disappear."""
    net.reduce(30).conv(2, 3).avg(2).conv(2, 3).flatten()


@case("avg-pool-3-partial", shape=(8, 11, 1), ranges=ALIVE)
def _(net):
    net.reduce(30).avg(3).conv(2, 3).flatten()


@case("avg-pool-1", shape=(6, 6, 1))
def _(net):
    """A window of one pixel changes nothing."""
    net.reduce(14).conv(2, 3).avg(1).conv(2, 3).flatten()


@case("avg-pool-49", shape=(14, 14, 1), ranges=ALIVE)
def _(net):
    net.reduce(40).conv(2, 3).avg(7).conv(4, 2).flatten()


@case("avg-pool-whole-image", shape=(6, 5, 2), ranges=ALIVE)
def _(net):
    """One window of 30 pixels: a single cell is left."""
    net.reduce(20).avg((6, 5)).conv(3, 1).flatten()


@case("avg-pool-before-dense", shape=(6, 6, 2), ranges=ALIVE)
def _(net):
    """A mean of nine whose next quantizer is a dense layer's, behind a ReLU and a Flatten."""
    net.reduce(20).conv(2, 3).avg(3).add(keras.layers.ReLU()).flatten().dense(4)


@case("avg-pool-two-chained", shape=(9, 8, 1))
def _(net):
    net.reduce(30).conv(2, 3).avg(2).avg(2).conv(3, 2).flatten()


@case("avg-pool-3-then-2", shape=(12, 12, 1), ranges=ALIVE)
def _(net):
    """Means of ninths, averaged again: Keras rounds the first mean to a float32."""
    net.reduce(40).avg(3).avg(2).conv(3, 2).flatten()


@case("avg-pool-2-then-3", shape=(12, 12, 1), ranges=ALIVE)
def _(net):
    net.reduce(40).avg(2).avg(3).conv(3, 2).flatten()


@case("avg-pool-then-max", shape=(12, 12, 1), ranges=ALIVE)
def _(net):
    """The largest of some means of nine."""
    net.reduce(40).conv(2, 3).avg(3).max(2).conv(3, 2).flatten()


@case("max-pool-2", shape=(8, 8, 2))
def _(net):
    net.reduce(20).conv(2, 3, activation="relu").max(2).conv(2, 3).flatten()


def negative_kernel(model, _rng, _x):
    conv = model.get_layer("first").conv
    conv.kernel.assign(-np.abs(np.asarray(conv.kernel)))


@case(
    "max-pool-negative",
    shape=(8, 8, 1),
    ranges=ALIVE,
    after=negative_kernel,
    check=lambda o: (o["max_pooling2d_sparse"][0] < 0).any()
    and (active(o, "max_pooling2d_sparse") & (o["max_pooling2d_sparse"][0] == 0).all(-1)).any(),
)
def _(net):
    """A maximum is negative only where the window is full of active pixels: an inactive pixel counts as zero."""
    net.reduce(60, learn_n=False).conv(2, 3, name="first").max(2).conv(2, 3).flatten()


@case("max-pool-partial", shape=(9, 7, 1))
def _(net):
    net.reduce(30).conv(2, 3).max(2).conv(2, 3).flatten()


@case("max-pool-3x2", shape=(9, 8, 1))
def _(net):
    net.reduce(30).conv(2, 3).max((3, 2)).conv(2, 3).flatten()


@case("max-pool-chained", shape=(9, 9, 2))
def _(net):
    net.reduce(30).max(2).max((1, 2)).conv(2, 3).flatten()


@case("pool-first", shape=(8, 8, 2), ranges=ALIVE)
def _(net):
    """Pooling straight after the reduction, and at the very end."""
    net.reduce(30, 0.5).avg(2).conv(2, 3).max(2).flatten()


# --- between the sparse layers -----------------------------------------------------------------------------------------


@case("relu-layer", shape=(7, 7, 1))
def _(net):
    net.reduce(14).conv(2, 3).add(keras.layers.ReLU()).conv(2, 3).flatten()


@case("activation-relu", shape=(7, 7, 1))
def _(net):
    net.reduce(14).conv(2, 3).add(keras.layers.Activation("relu")).avg(2)
    net.add(keras.layers.Activation("linear")).conv(2, 3).flatten()


@case("dropout", shape=(7, 7, 1), ranges=ALIVE)
def _(net):
    net.reduce(14).conv(2, 3).add(keras.layers.Dropout(0.3, seed=1)).conv(2, 3).flatten()
    net.dense(3).add(keras.layers.Dropout(0.5, seed=2))


@case("quantizer-layer", shape=(7, 7, 2))
def _(net):
    """Quantizers as layers: on a sparse tensor, after pooling, and on a dense vector."""
    net.reduce(14).add(Quantizer(config("kif"))).conv(2, 3).avg(2)
    net.add(Quantizer(config("kbi", overflow_mode="SAT_SYM", round_mode="RND_CONV"))).conv(2, 3).flatten()
    net.add(Quantizer(config("kif", overflow_mode="SAT", round_mode="TRN")))


# --- the dense tail ----------------------------------------------------------------------------------------------------


@case("flatten-dense", shape=(7, 7, 1), ranges=ALIVE)
def _(net):
    net.reduce(14).conv(2, 3, activation="relu").flatten().dense(6, activation="relu").dense(3)


@case("flatten-dense-dead-bits", shape=(6, 6, 1))
def _(net):
    """Dense layers with dead elements everywhere."""
    net.reduce(14).conv(2, 3).flatten().dense(8, activation="relu").dense(5)


@case("reshape", shape=(6, 6, 2), ranges=ALIVE)
def _(net):
    """Reshape in place of Flatten, then again between dense layers."""
    net.reduce(14).conv(2, 3).add(keras.layers.Reshape((72,))).dense(6, activation="relu")
    net.add(keras.layers.Reshape((2, 3))).flatten().dense(3)


@case("reshape-grid", shape=(6, 6, 2), ranges=ALIVE)
def _(net):
    """A grid reshaped to a grid at the end of the sparse part; the output has two axes."""
    net.reduce(14).conv(2, 3).add(keras.layers.Reshape((12, 6)))


@case("sparse-end", shape=(6, 6, 1))
def _(net):
    """The model ends in a sparse tensor: the output is the dense grid."""
    net.reduce(14).conv(2, 3)


@case("dense-no-bias", shape=(6, 6, 1), ranges=ALIVE)
def _(net):
    net.reduce(14).flatten().dense(6, use_bias=False, activation="relu").dense(3, use_bias=False)


@case("dense-no-iq", shape=(6, 6, 1), ranges=ALIVE, grid=COARSE)
def _(net):
    net.reduce(14).flatten().dense(6, activation="relu").dense(3, enable_iq=False)


@case("dense-oq", shape=(6, 6, 1), ranges=ALIVE)
def _(net):
    """A dense layer's output quantizer comes after the bias and the activation."""
    oq = {"enable_oq": True, "oq_conf": config("kif", overflow_mode="WRAP", round_mode="TRN")}
    net.reduce(14).flatten().dense(6, activation="relu", **oq)
    net.dense(3, enable_oq=True, oq_conf=config("kbi", overflow_mode="SAT"))


@case("dense-homogeneous", shape=(6, 6, 1), ranges=ALIVE)
def _(net):
    """One set of bits for a tensor; then one per output neuron."""
    one = {"homogeneous_axis": None, "heterogeneous_axis": ()}
    net.reduce(14).flatten().dense(
        6, activation="relu", iq_conf=config("kif", **one), kq_conf=config("kbi", "weight", **one)
    )
    net.dense(3, kq_conf=config("kif", "weight", heterogeneous_axis=(1,)), bq_conf=config("kif", "bias", **one))


@case("dense-on-grid", shape=(6, 6, 1), ranges=ALIVE)
def _(net):
    """A dense layer on a tensor with several axes works on the last one."""
    net.reduce(14).conv(2, 3).add(keras.layers.Reshape((12, 6))).dense(3, activation="relu").flatten().dense(2)


@case("batchnorm-dense", shape=(6, 6, 1), ranges=ALIVE)
def _(net):
    """QBatchNormDense as HGQ2 folds it: the statistics are those of its input."""
    net.reduce(14).flatten().add(QBatchNormDense(5, activation="relu"), QBatchNormDense(3, scale=False))


@case("batchnorm", shape=(6, 6, 1), ranges=ALIVE)
def _(net):
    net.reduce(14).flatten().dense(5).add(QBatchNormalization()).dense(3)


@case("batchnorm-no-center", shape=(6, 6, 1), ranges=ALIVE)
def _(net):
    """Without centering HGQ2 uses an offset of one, not zero."""
    net.reduce(14).flatten().dense(5).add(QBatchNormalization(center=False)).dense(3)
    net.add(QBatchNormalization(scale=False))


@case("unary-table", shape=(6, 6, 1), ranges=ALIVE)
def _(net):
    """Table look-ups between quantizers."""
    net.reduce(14).flatten().dense(5).add(QUnaryFunctionLUT("tanh")).dense(4).add(QUnaryFunctionLUT("sigmoid"))


# --- ends --------------------------------------------------------------------------------------------------------------


@case("softmax-activation", shape=(6, 6, 1), ranges=ALIVE)
def _(net):
    net.reduce(14).flatten().dense(5).add(keras.layers.Activation("softmax"))


@case("softmax-layer", shape=(6, 6, 1), ranges=ALIVE)
def _(net):
    net.reduce(14).flatten().dense(5).add(keras.layers.Softmax())


@case("softmax-in-dense", shape=(6, 6, 1), ranges=ALIVE)
def _(net):
    net.reduce(14).flatten().dense(5, activation="softmax")


@case("sigmoid-activation", shape=(6, 6, 1), ranges=ALIVE)
def _(net):
    net.reduce(14).flatten().dense(3).add(keras.layers.Activation("sigmoid"))


@case("tanh-in-dense", shape=(6, 6, 1), ranges=ALIVE)
def _(net):
    net.reduce(14).flatten().dense(3, activation="tanh")


@case("qsoftmax", shape=(6, 6, 1), ranges=TABLES)
def _(net):
    """Two tables with random quantizers; stable: exponentials of the distance to the largest."""
    net.reduce(14).flatten().dense(5).add(QSoftmax())


@case("qsoftmax-iq", shape=(6, 6, 1), ranges=TABLES)
def _(net):
    """With an input quantizer of its own, and a scaled input."""
    net.reduce(14).flatten().dense(5).add(QSoftmax(enable_iq=True, input_scaler=0.5))


@case("qsoftmax-unstable", shape=(6, 6, 1), ranges=TABLES)
def _(net):
    """Exponentials of the values themselves: the exponential table has no input quantizer."""
    net.reduce(14).flatten().dense(4).add(QSoftmax(stable=False, enable_iq=True))


@case("qsoftmax-heterogeneous", shape=(6, 6, 1), ranges=TABLES)
def _(net):
    """Quantizers that differ by class inside the tables."""
    net.reduce(14).flatten().dense(4).add(QSoftmax(allow_heterogeneous_table=True))


# --- whole networks and file shapes ------------------------------------------------------------------------------------


def whole(net, old):
    net.reduce(14, 0.25, old=old, name="reduce")
    net.conv(2, 3, name="first", activation="relu").avg(2, name="pool")
    net.conv(2, (3, 2), name="second").add(keras.layers.ReLU(name="relu")).max(2, name="shrink")
    net.flatten().dense(6, name="hidden", activation="relu").dense(3, name="logits")


@case("whole-net-032", shape=(9, 8, 2), ranges=ALIVE)
def _(net):
    whole(net, old=False)


@case("whole-net-023", shape=(9, 8, 2), ranges=ALIVE, sparsepixels="0.2.3")
def _(net):
    whole(net, old=True)


def compile_and_train(model, rng, x):
    """A few real training steps: the bits move away from their start, and the optimizer's state enters the file."""
    model.compile("adam", "mse")
    model.fit(x, rng.normal(size=(len(x), 3)).astype(np.float32), epochs=3, verbose=0, shuffle=False)


@case("trained", shape=(6, 6, 1), ranges=ALIVE, after=compile_and_train)
def _(net):
    """Compiled and trained: the file also has a compile_config and the optimizer's variables."""
    net.reduce(12, 0.25).conv(2, 3, activation="relu").avg(2).flatten().dense(3)


def trace(model, _rng, x):
    trace_minmax(model, x[::2], verbose=False)


@case("traced", shape=(6, 6, 1), ranges=ALIVE, after=trace)
def _(net):
    """After trace_minmax on half of the events: integer bits of WRAP quantizers fit the data, the others overflow."""
    net.reduce(12).conv(2, 3, activation="relu").avg(2).flatten().dense(4, activation="relu").dense(3)


@case("sequential-dense", shape=(6, 6, 1), ranges=ALIVE)
def _(net):
    """A Sequential model: no inbound_nodes, no InputLayer in the weights."""
    return keras.Sequential(
        [keras.Input(net.input.shape[1:]), keras.layers.Flatten(), QDense(6, activation="relu"), QDense(3)], name="stack"
    )


@case("sequential-late", shape=(6, 6, 1), ranges=ALIVE)
def _(net):
    """A Sequential model that learned its input shape late."""
    model = keras.Sequential([keras.layers.Flatten(), QDense(4, activation="relu"), QDense(3)], name="late")
    model.build((None, *net.input.shape[1:]))
    return model


@case("dense-only", shape=(5, 6, 2), ranges=ALIVE)
def _(net):
    """A Functional model without sparse layers."""
    net.flatten().dense(6, activation="relu").dense(3)


@case("creation-order", shape=(6, 6, 1), ranges=ALIVE)
def _(net):
    """Layers made in the opposite order: group names follow the order in the network."""
    last, middle, first = QDense(3, name="z"), QDense(4, name="y", activation="relu"), QDense(5, name="x")
    net.reduce(12).flatten().add(first, middle, last)


def renamed(names):
    """Layers of these networks get harmless names first, as TensorFlow refuses the others; other backends do not."""
    return {f"layer_{at}": name for at, name in enumerate(names)}


HOSTILE = (
    *("class", '"; exec rm -rf /', "[exec touch x]", "..\\..\\etc", "it's a name", "2nd-dense.layer", "*/ \\"),
    *("${x} $(x) `x`", "ünïcödé ☃", "line\nbreak <b>&amp; //", "2nd_dense_layer"),
)


@case("hostile-names", shape=(6, 6, 1), ranges=ALIVE, rename=renamed(HOSTILE))
def _(net):
    """Names that would hurt if they were pasted into C++, Tcl, HTML or a path; two become one when cleaned."""
    net.reduce(12, name="layer_0").conv(2, 3, name="layer_1", activation="relu").avg(2, name="layer_2")
    net.conv(2, 3, name="layer_3").flatten().add(keras.layers.ReLU(name="layer_4")).dense(4, name="layer_5")
    net.add(keras.layers.ReLU(name="layer_6")).dense(4, name="layer_7", activation="relu")
    net.dense(3, name="layer_8").add(keras.layers.Activation("linear", name="layer_9")).dense(3, name="layer_10")


@case("colliding-names", shape=(6, 6, 1), ranges=ALIVE, rename=renamed(("a b", "a-b", "a.b", "a_b", "A_B", "a__b")))
def _(net):
    """Names that differ only in what an identifier cannot hold, or in case."""
    net.reduce(12, name="layer_0").conv(2, 3, name="layer_1").flatten().dense(4, name="layer_2")
    net.dense(3, name="layer_3").dense(3, name="layer_4").dense(3, name="layer_5")


@case("names-tensorflow-takes", shape=(6, 6, 1), ranges=ALIVE)
def _(net):
    """Odd names that TensorFlow itself accepts: keywords, leading digits, dots, dashes."""
    net.reduce(12, name="class").conv(2, 3, name="2nd-conv.layer").avg(2, name="a.-_b")
    net.conv(2, 3, name="template").flatten().dense(4, name="int", activation="relu").dense(3, name="0")


# --- what is around the graph ------------------------------------------------------------------------------------------


@case("dictionary-around-input-and-output")
def _(net):
    """The one input and the one output stand in dictionaries, as models with names for their data have them."""
    net.reduce(12).conv(2, 3, activation="relu").flatten().dense(3)
    return keras.Model({"image": net.input}, {"scores": [net.x]}, name="network")
