"""Recomputes a network in float64 from the written semantics, to prove that Keras itself was exact.

A fixture is worth something only if Keras' float32 arithmetic did not round on the way. This module evaluates every layer
without Keras and demands the same numbers. A mean over a pool that is not a power of two is carried as numerator and
denominator, as float32 cannot hold it; the next quantizer must still come out the same.
"""

import numpy as np
from hgq.quantizer.internal.fixed_point_quantizer import FixedPointQuantizerKIF

ROUND = {
    "TRN": np.floor,
    "RND": lambda x: np.floor(x + 0.5),
    "RND_CONV": np.round,
    "TRN_ZERO": np.trunc,
    "RND_ZERO": lambda x: np.sign(x) * np.ceil(np.abs(x) - 0.5),
    "RND_MIN_INF": lambda x: np.ceil(x - 0.5),
    "RND_INF": lambda x: np.sign(x) * np.floor(np.abs(x) + 0.5),
}


class Inexact(AssertionError):
    """Keras' float32 result differs from the exact one."""


def array(variable):
    return np.asarray(variable).astype(np.float64)


def bit_widths(inner):
    """k, i, f of a quantizer: the variables rounded half to even, and f = b - i where b is stored."""
    k, i = array(inner._k), np.round(array(inner._i))
    f = np.round(array(inner._f)) if isinstance(inner, FixedPointQuantizerKIF) else np.round(array(inner._b)) - i
    return k, i, f


def quantize(x, wrapper):
    """One quantizer, element by element."""
    if wrapper.config.q_type == "dummy":
        return x
    inner = wrapper.quantizer
    k, i, f = bit_widths(inner)
    mode, overflow = inner.round_mode.removeprefix("S_"), inner.overflow_mode
    rounded = ROUND[mode](x * 2.0**f) * 2.0**-f
    if inner._is_weight and overflow == "WRAP" and inner.trainable:
        if isinstance(inner, FixedPointQuantizerKIF) or mode == "RND":
            return rounded
    dead = k + i + f <= 0
    i = np.maximum(i, -f)
    top = 2.0**i - 2.0**-f
    if overflow == "WRAP":
        y = (rounded + k * 2.0**i) % 2.0 ** (i + k) - k * 2.0**i
    else:
        bottom = -k * (top if overflow == "SAT_SYM" else 2.0**i)
        y = ROUND[mode](np.where(x > top, top, np.where(x < bottom, bottom, x)) * 2.0**f) * 2.0**-f
    return np.where(dead, 0.0, y)


def convolve(x, kernel):
    """A 'same' convolution of stride one."""
    rows, columns = kernel.shape[:2]
    height, width = x.shape[1:3]
    above, left = (rows - 1) // 2, (columns - 1) // 2
    padded = np.pad(x, ((0, 0), (above, rows - 1 - above), (left, columns - 1 - left), (0, 0)))
    return sum(
        padded[:, r : r + height, c : c + width] @ kernel[r, c] for r in range(rows) for c in range(columns)
    )


def windows(x, pool):
    """Full windows only: (events, cells down, cells across, pixels in a cell, channels)."""
    rows, columns = pool
    events, height, width, channels = x.shape
    down, across = height // rows, width // columns
    x = x[:, : down * rows, : across * columns].reshape(events, down, rows, across, columns, channels)
    return x.transpose(0, 1, 3, 2, 4, 5).reshape(events, down, across, rows * columns, channels)


def relu(layer, x):
    y = np.maximum(x, 0) + layer.negative_slope * np.minimum(x, 0)
    return y if layer.max_value is None else np.minimum(y, layer.max_value)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


EXACT_FUNCTIONS = ("linear", "relu", "relu6")
FUNCTIONS = {
    "linear": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "tanh": np.tanh,
    "sigmoid": sigmoid,
    "softmax": softmax,
    "hard_sigmoid": lambda x: np.clip(x / 6 + 0.5, 0, 1),
    "hard_tanh": lambda x: np.clip(x, -1, 1),
    "softplus": lambda x: np.logaddexp(x, 0),
    "softsign": lambda x: x / (1 + np.abs(x)),
    "elu": lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
    "silu": lambda x: x * sigmoid(x),
    "exponential": np.exp,
}


def nearest(x):
    """Rounded to float32, once."""
    return x.astype(np.float32).astype(np.float64)


def activate(name, x, den, floats):
    """An activation of x / den as (numerator, denominator); None for a float function, unless `floats` are wanted."""
    if name == "relu6":
        return np.clip(x, 0, 6 * den), den
    if name in EXACT_FUNCTIONS:
        return FUNCTIONS[name](x), den
    return (nearest(FUNCTIONS[name](nearest(x / den))), 1) if floats else None


def reduce_pixels(layer, x):
    """Keeps the first n active pixels."""
    score = x[..., 0].reshape(len(x), -1)
    if hasattr(layer, "n_init"):  # 0.3.2
        threshold = np.float32(layer.threshold_w if layer.learn_threshold else layer.threshold_init)
        n = np.round(np.float32(layer.n_init) * np.float32(layer.n_frac)) if layer.learn_n else layer.n_init
        active = score > threshold
    else:
        n = layer.n_max_pixels
        active = score != 0 if layer.threshold is None else score > np.float32(layer.threshold)
    keep = (active & (active.cumsum(axis=1) <= n)).reshape(*x.shape[:3], 1).astype(np.float64)
    return x * keep, keep


def evaluate(layer, inputs, floats=False):
    """Outputs of one layer, each as (numerator, denominator), or None for what float arithmetic can only approximate.

    With `floats` every float function gives the float32 nearest to its value, as no float32 library quite does.
    """
    kind = type(layer).__name__
    (x, den), rest = inputs[0], inputs[1:]
    if kind == "InputReduce":
        kept, keep = reduce_pixels(layer, x)
        return [(kept, 1), (keep, 1)]
    if kind == "QConv2DSparse":
        keep, conv = rest[0][0], layer.conv
        x = x * keep
        if conv.enable_iq:
            x, den = quantize(x / den, conv.iq), 1
        y = convolve(x, quantize(array(conv.kernel), conv.kq))
        if conv.enable_oq:
            y, den = quantize(y / den, conv.oq), 1
        if layer._use_bias:
            y = y + (y != 0) * den * quantize(array(layer.sparse_bias), layer._bq)
        name = layer._activation.__name__ if layer._activation else "linear"
        activated = activate(name, y, den, floats)
        return activated and [(activated[0] * keep, activated[1])]
    if kind == "AveragePooling2DSparse":
        pool = layer.avg_pool.pool_size
        cells = windows(x, pool).sum(axis=3), den * pool[0] * pool[1]
        return [cells, (windows(rest[0][0], pool).max(axis=3), 1)]
    if kind == "MaxPooling2DSparse":
        pool = layer.max_pool.pool_size
        return [(windows(x, pool).max(axis=3), den), (windows(rest[0][0], pool).max(axis=3), 1)]
    if kind == "ReLU" and layer.threshold == 0 and (den == 1 or layer.max_value is None):
        return [(relu(layer, x), den)]
    if kind in ("Activation", "Softmax"):
        activated = activate("softmax" if kind == "Softmax" else layer.activation.__name__, x, den, floats)
        return activated and [activated]
    if kind in ("Flatten", "Reshape"):
        shape = (-1,) if kind == "Flatten" else layer.target_shape
        return [(x.reshape(len(x), *shape), den)]
    if kind in ("Dropout", "SpatialDropout2D", "GaussianNoise"):
        return [(x, den)]
    if kind == "Quantizer":
        return [(quantize(x / den, layer), 1)]
    if kind in ("QDense", "QBatchNormDense"):
        if layer.enable_iq:
            x, den = quantize(x / den, layer.iq), 1
        if kind == "QDense":
            kernel = quantize(array(layer._kernel), layer.kq)
            bias = quantize(array(layer.bias), layer.bq) if layer.use_bias else 0.0
        else:  # the folding is float32 arithmetic before the quantizers, and theirs to define
            kernel, bias = array(layer.qkernel), array(layer.qbias)
        y = x @ kernel + bias * den
        activated = activate(layer.activation.__name__, y, den, floats)
        if activated is None:
            return None
        y, den = activated
        return [(quantize(y / den, layer.oq), 1) if layer.enable_oq else (y, den)]
    if kind == "QBatchNormalization":
        if layer.enable_iq:
            x, den = quantize(x / den, layer.iq), 1
        scale, offset = layer.qscaler_and_qoffset
        y = x * array(scale) + array(offset) * den
        return [(quantize(y / den, layer.oq), 1) if layer.enable_oq else (y, den)]
    if kind == "QUnaryFunctionLUT":
        x = quantize(x / den, layer.iq) if layer.enable_iq else x / den
        y = nearest(FUNCTIONS[layer.activation.__name__](x))
        if not layer.enable_oq:
            return [(y, 1)] if floats else None
        return [(quantize(y, layer.oq), 1)]
    if kind == "QSoftmax":
        x = quantize(x / den, layer.iq) if layer.enable_iq else x / den
        if layer.stable:
            x = quantize(x.max(-1, keepdims=True) - x, layer.exp_table.iq)
        e = quantize(nearest(np.exp((-x if layer.stable else x) * layer.input_scaler)), layer.exp_table.oq)
        total = quantize(e.sum(-1, keepdims=True), layer.inv_table.iq)
        inverse = np.float32(1.0) / (total.astype(np.float32) + np.float32(1e-7))
        y = e * quantize(array(inverse), layer.inv_table.oq)
        return [(quantize(y, layer.oq) if layer.enable_oq else y, 1)]
    return None


def verify(layers, x, keras_outputs):
    """Compares every layer with Keras.

    `keras_outputs[name]` lists the layer's output arrays. Returns two lists of layer names: those that are floating-point
    functions, after which the Keras numbers are carried on, and those whose exact values no float32 holds (means), which
    Keras gives rounded. What follows the latter is still compared exactly.
    """
    values, approximate, rounded = {}, [], []
    for layer in layers:
        found = keras_outputs.get(layer.name)
        if found is None:  # the input layer
            values[layer.name] = [(x.astype(np.float64), 1)]
            continue
        history = [tensor._keras_history for tensor in layer._inbound_nodes[0].arguments.keras_tensors]
        exact = evaluate(layer, [values[source.operation.name][source.tensor_index] for source in history])
        if exact is None:
            approximate.append(layer.name)
            exact = [(array(output), 1) for output in found]
        for (numerator, denominator), output in zip(exact, found, strict=True):
            wrong = (numerator / denominator).astype(np.float32) != output
            if denominator & (denominator - 1):
                rounded.append(layer.name)
                wrong = ~np.isclose(numerator / denominator, output, rtol=1e-6, atol=0)
            if wrong.any():
                at = tuple(int(index) for index in np.argwhere(wrong)[0])
                raise Inexact(
                    f"{type(layer).__name__} {layer.name!r}: {wrong.sum()} of {wrong.size} values differ, first at "
                    f"{at}: Keras {output[at]}, exact {(numerator / denominator)[at]}"
                )
        values[layer.name] = exact
    return approximate, rounded
