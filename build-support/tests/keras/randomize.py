"""Random weights, random bit widths for every element of every quantizer, and images that provoke the corner cases."""

import numpy as np
from hgq.quantizer import Quantizer
from hgq.quantizer.internal.fixed_point_quantizer import FixedPointQuantizerKIF

# (lowest, highest) per variable, by where a quantizer sits. With these every sum of a small network fits the 24 bits of
# a float32; exact.py proves it for what is written.
RANGES = {
    "datalane": {"i": (-1, 3), "f": (-1, 5), "b": (0, 6)},
    "weight": {"i": (-2, 1), "f": (-1, 4), "b": (0, 5)},
    "bias": {"i": (-1, 3), "f": (-1, 4), "b": (0, 6)},
    "table": {"i": (0, 2), "f": (2, 6), "b": (4, 8)},
}

# The same without dead elements, for networks that must carry a signal to the end.
ALIVE = {
    "datalane": {"i": (1, 3), "f": (0, 4), "b": (3, 7)},
    "weight": {"i": (0, 1), "f": (1, 4), "b": (2, 5)},
    "bias": {"i": (0, 2), "f": (0, 4), "b": (2, 6)},
    "table": {"i": (1, 2), "f": (3, 6), "b": (6, 8)},
}

# Wide inputs and fine tables, so that a softmax made of tables tells its inputs apart.
TABLES = ALIVE | {
    "datalane": {"i": (2, 4), "f": (2, 5), "b": (5, 9)},
    "table": {"i": (1, 1), "f": (5, 8), "b": (7, 9)},
}

# Added to some of the stored variables: they are rounded half to even on use, so halves and near-halves matter.
OFFSETS = np.array([0.5, -0.5, 0.3, -0.3, 0.49, -0.49], np.float32)


def quantizers(model):
    """Every HGQ quantizer in the model, wrapped ones included, in a fixed order; dummies have nothing to set."""
    found = (layer for layer in model._flatten_layers() if isinstance(layer, Quantizer))
    return [layer for layer in found if layer.config.q_type in ("kif", "kbi")]


def randomize_bits(model, rng, ranges=RANGES):
    """Gives every element of every quantizer its own sign, integer and fractional bits."""

    def draw(variable, low, high):
        shape = tuple(variable.shape)
        whole = rng.integers(low, high + 1, shape).astype(np.float32)
        variable.assign(whole + rng.choice(OFFSETS, shape) * (rng.random(shape) < 0.4))

    for wrapper in quantizers(model):
        inner, limits = wrapper.quantizer, ranges[wrapper.config.place]
        if wrapper.config.place != "table":
            inner._k.assign((rng.random(tuple(inner._k.shape)) < 0.8).astype(np.uint8))
        draw(inner._i, *limits["i"])
        if isinstance(inner, FixedPointQuantizerKIF):
            draw(inner._f, *limits["f"])
        else:
            draw(inner._b, *limits["b"])


def randomize_weights(model, rng):
    """Kernels and biases around one, some of them exactly zero; batch-normalization statistics that do something."""
    for layer in model._flatten_layers():
        for variable in layer._trainable_variables + layer._non_trainable_variables:
            shape = tuple(variable.shape)
            if variable.name in ("kernel", "bias", "sparse_bias"):
                values = rng.normal(0, 1, shape) * (rng.random(shape) < 0.9)
            elif variable.name in ("bn_gamma", "gamma"):
                values = rng.normal(1, 0.5, shape)
            elif variable.name in ("bn_beta", "moving_mean") or (variable.name == "beta" and shape):
                values = rng.normal(0, 1, shape)
            elif variable.name == "moving_variance":
                values = rng.uniform(0.2, 3, shape)
            else:
                continue
            variable.assign(values.astype(np.float32))


def images(rng, shape, grid, events):
    """Images on the grid (k, i, f). The first are corner cases, the rest random from nearly empty to full."""
    sign, integer, fraction = grid
    step = 2.0**-fraction
    low, high = -sign * 2 ** (integer + fraction), 2 ** (integer + fraction) - 1
    height, width, channels = shape

    def values(size):
        return rng.integers(low, high + 1, size)

    x = np.zeros((events, *shape), np.int64)
    x[1] = high
    x[2] = values(shape)
    x[2][x[2] == 0] = 1  # every pixel active
    x[3, 0, 0] = high
    x[4, height - 1, width - 1] = high
    x[5, 0, width - 1] = values(channels)
    x[6, height - 1, 0] = 1
    x[7] = low
    x[8] = np.where(np.indices(shape).sum(axis=0) % 2, high, low)
    x[9, height // 2, width // 2] = values(channels)
    x[10, :, 0] = high  # one column, then one row
    x[11, height // 2] = values((width, channels))
    for event, density in enumerate(np.linspace(0.02, 1.0, events - 12), start=12):
        pixels = rng.random((height, width, 1)) < density
        x[event] = values(shape) * pixels
        if event % 3 == 0:  # background in every channel but the one that decides
            x[event, :, :, 1:] = values((height, width, channels - 1))
        if event % 4 == 0:  # small values, near the usual thresholds
            x[event, :, :, 0] = rng.integers(max(low, -3), 8, (height, width)) * pixels[:, :, 0]
    return (x * step).astype(np.float32)
