"""What both training scripts share: quantizer settings, calibration, the exactness proof, and the files written.

The firmware promises the same bits as Keras. Keras computes in float32, so the promise can only hold where float32
itself makes no rounding error. `prove_exact` shows that it makes none for a trained model, in two ways: by a worst-case
bound on every sum (it must fit in the 24 bits of a float32 mantissa), and by computing the test events again in
float64 with code that shares nothing with Keras.
"""

import os
import time
from contextlib import ExitStack
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import tensorflow as tf
from hgq.config import LayerConfigScope, QuantizerConfigScope
from hgq.constraints import MinMax
from hgq.layers import QDense, QSoftmax
from hgq.utils import trace_minmax
from sparsepixels.layers import AveragePooling2DSparse, InputReduce, MaxPooling2DSparse, QConv2DSparse

MODELS = Path(__file__).resolve().parent.parent / "models"
MANTISSA = 2.0**24  # a float32 holds every integer up to here


def setup(seed):
    """One core and a fixed seed, so that a second run on the same machine gives the same model."""
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    keras.utils.set_random_seed(seed)


def bit_widths(beta0):
    """Per-weight and per-position bit widths, free to shrink to nothing and held small enough to stay exact."""
    scope = ExitStack()
    scope.enter_context(QuantizerConfigScope(place="weight", b0=6, i0=0, bc=MinMax(0, 7), ic=MinMax(-2, 2)))
    scope.enter_context(QuantizerConfigScope(place="bias", b0=6, i0=1, bc=MinMax(0, 8), ic=MinMax(-2, 4)))
    scope.enter_context(QuantizerConfigScope(place="datalane", i0=2, f0=4, ic=MinMax(-12, 12), fc=MinMax(-8, 6)))
    scope.enter_context(LayerConfigScope(beta0=beta0))
    return scope


def cosine(peak, steps):
    """A short warm-up, then a cosine down to almost nothing."""
    warm = steps // 20
    return keras.optimizers.schedules.CosineDecay(peak / 20, steps - warm, 1e-3, warmup_target=peak, warmup_steps=warm)


# The same network again, in float64.


def fixed_point(quantizer):
    """k, i, f of every element, in the quantizer's own shape."""
    k, i, f = (np.asarray(keras.ops.convert_to_numpy(v), np.float64) for v in quantizer.quantizer.kif)
    return k, np.maximum(i, -f), f


def quantize(quantizer, x):
    k, i, f = fixed_point(quantizer)
    mode, overflow = quantizer.quantizer.round_mode, quantizer.quantizer.overflow_mode
    lsb, top = 2.0**-f, 2.0**i
    if overflow == "SAT":
        x = np.clip(x, -k * top, top - lsb)
    elif overflow == "SAT_SYM":
        x = np.clip(x, -k * (top - lsb), top - lsb)
    scaled = x / lsb
    x = {"RND": np.floor(scaled + 0.5), "RND_CONV": np.round(scaled)}[mode] * lsb
    if overflow == "WRAP":
        x = (x + k * top) % (top * (1 + k)) - k * top
    return x


def windows(x, ph, pw):
    """Split into pooling windows: (events, H / ph, W / pw, ph * pw, C); what does not fill a window is dropped."""
    n, h, w, c = x.shape
    x = x[:, : h // ph * ph, : w // pw * pw].reshape(n, h // ph, ph, w // pw, pw, c)
    return x.transpose(0, 1, 3, 2, 4, 5).reshape(n, h // ph, w // pw, ph * pw, c)


def convolve(x, kernel):
    kh, kw = kernel.shape[:2]
    top, left = (kh - 1) // 2, (kw - 1) // 2
    padded = np.pad(x, ((0, 0), (top, kh - 1 - top), (left, kw - 1 - left), (0, 0)))
    h, w = x.shape[1:3]
    return sum(padded[:, a : a + h, b : b + w] @ kernel[a, b] for a in range(kh) for b in range(kw))


def activate(layer, x):
    function = getattr(layer, "_activation", None) or getattr(layer, "activation", None)
    if function is None or function is keras.activations.linear:
        return x
    assert function is keras.activations.relu, function
    return np.maximum(x, 0.0)


def softmax(layer, x):
    """Returns the output and the sum that is looked up in the table of inverses."""
    exp, inverse = layer.exp_table, layer.inv_table
    distance = quantize(exp.iq, x.max(-1, keepdims=True) - x)
    powers = quantize(exp.oq, np.exp(-distance))
    total = quantize(inverse.iq, powers.sum(-1, keepdims=True))
    return powers * quantize(inverse.oq, 1.0 / (total + keras.config.epsilon())), total


def forward64(model, x):
    """The output of every layer, by name, computed in float64 from the quantized weights."""
    x, keep, outputs = x.astype(np.float64), None, {}
    for layer in model.layers[1:]:
        if isinstance(layer, InputReduce):
            hit = x[..., 0] > np.float32(layer.threshold)
            rank = hit.reshape(len(x), -1).cumsum(1).reshape(hit.shape)
            keep = (hit & (rank <= layer.n_max_pixels))[..., None]
            x = x * keep
        elif isinstance(layer, QConv2DSparse):
            kernel = quantize(layer.conv.kq, np.asarray(layer.conv.kernel, np.float64))
            bias = quantize(layer._bq, np.asarray(layer.sparse_bias, np.float64))
            x = convolve(quantize(layer.conv.iq, x * keep), kernel) * keep
            x = activate(layer, x + bias * (x != 0))
        elif isinstance(layer, AveragePooling2DSparse):
            x = windows(x, *layer.avg_pool.pool_size).mean(3)
            keep = windows(keep, *layer.avg_pool.pool_size).any(3)
        elif isinstance(layer, MaxPooling2DSparse):
            x = windows(x, *layer.max_pool.pool_size).max(3)
            keep = windows(keep, *layer.max_pool.pool_size).any(3)
        elif isinstance(layer, keras.layers.Flatten):
            x = x.reshape(len(x), -1)
        elif isinstance(layer, QDense):
            kernel = quantize(layer.kq, np.asarray(layer.kernel, np.float64))
            bias = quantize(layer.bq, np.asarray(layer.bias, np.float64))
            x = activate(layer, quantize(layer.iq, x) @ kernel + bias)
        elif isinstance(layer, QSoftmax):
            x, _ = softmax(layer, x)
        else:
            raise TypeError(layer)
        outputs[layer.name] = x
    return outputs


# The proof.


def fraction_bits(x):
    """The number of fractional bits each value needs (a zero needs none)."""
    mantissa, exponent = np.frexp(np.abs(x))
    whole = (mantissa * 2.0**53).astype(np.int64)
    trailing = np.log2(np.where(whole == 0, 1, whole & -whole))
    return np.where(x == 0, -np.inf, 53 - exponent - trailing)


def worst_sum(quantizer, kernel, bias):
    """(largest magnitude, fractional bits) that a sum of products can reach, over all outputs.

    The input may be anything its quantizer can give; a convolution takes the envelope over positions.
    """
    k, i, f = fixed_point(quantizer)
    alive = k + i + f > 0
    reach = np.where(alive, 2.0**i - (1 - k) * 2.0**-f, 0.0)
    fine = np.where(alive, f, -np.inf)
    over = tuple(range(reach.ndim - 1))
    reach, fine = reach.max(over), fine.max(over)
    matrix = kernel.reshape(-1, len(bias))
    repeat = len(matrix) // len(reach)
    bound = np.tile(reach, repeat) @ np.abs(matrix) + np.abs(bias)
    bits = (np.tile(fine, repeat)[:, None] + fraction_bits(matrix)).max(0)
    bits = np.maximum(bits, fraction_bits(bias))
    used = np.isfinite(bits)
    assert np.all(bound[used] * 2.0 ** bits[used] < MANTISSA), f"{quantizer.name}: a sum needs more than 24 bits"
    return (bound[used].max(), bits[used].max()) if used.any() else (0.0, 0.0)


def bound_sums(model):
    """Assert that no sum can outgrow a float32 mantissa; returns the bits the widest one needs, by layer."""
    bound, bits, needed = 0.0, 0.0, {}
    for layer in model.layers[1:]:
        if isinstance(layer, QConv2DSparse):
            kernel = quantize(layer.conv.kq, np.asarray(layer.conv.kernel, np.float64))
            bias = quantize(layer._bq, np.asarray(layer.sparse_bias, np.float64))
            bound, bits = worst_sum(layer.conv.iq, kernel, bias)
        elif isinstance(layer, QDense):
            kernel = quantize(layer.kq, np.asarray(layer.kernel, np.float64))
            bias = quantize(layer.bq, np.asarray(layer.bias, np.float64))
            bound, bits = worst_sum(layer.iq, kernel, bias)
        elif isinstance(layer, AveragePooling2DSparse):
            bound *= np.prod(layer.avg_pool.pool_size)  # the sum, before it is divided
        elif isinstance(layer, QSoftmax):
            bound *= 2  # the largest logit minus the smallest
        else:
            continue
        assert bound * 2.0**bits < MANTISSA, f"{layer.name}: a sum needs more than 24 bits"
        needed[layer.name] = int(np.ceil(np.log2(max(bound * 2.0**bits, 1))))
        if isinstance(layer, AveragePooling2DSparse):
            bound /= np.prod(layer.avg_pool.pool_size)
    return needed


def prove_exact(model, x, y):
    """Assert that float32 Keras made no rounding error on these events, nor can on others."""
    needed = bound_sums(model)
    tensors = [t.output[0] if isinstance(t.output, (list, tuple)) else t.output for t in model.layers[1:]]
    keras32 = keras.Model(model.inputs, tensors)
    keras32.compile(jit_compile=False)
    keras32 = dict(zip([t.name for t in model.layers[1:]], keras32.predict(x, batch_size=256, verbose=0)))
    ours = forward64(model, x)
    for layer in model.layers[1:]:
        got, want = keras32[layer.name], ours[layer.name]
        area = np.prod(layer.avg_pool.pool_size) if isinstance(layer, AveragePooling2DSparse) else 1
        if area & (area - 1):
            # The quotient has no finite binary expansion; the next layer's quantizer makes it exact again, and the
            # next layer's output is compared.
            assert np.allclose(got, want, rtol=1e-6, atol=0), layer.name
        else:
            assert np.array_equal(got, want), f"{layer.name}: off by {np.abs(got - want).max()}"
    assert np.array_equal(y, ours[model.layers[-1].name])
    print("float32 is exact; bits of the widest sum:", needed)


# What a person wants to know, and the files.


def calibrate(model, x):
    """Give every wrapping quantizer the integer bits that the training events need."""
    trace_minmax(model, x, batch_size=512)


def quantizers(model):
    """(name, quantizer, the weights it quantizes or None) of everything that is quantized."""
    for layer in model.layers:
        if isinstance(layer, QConv2DSparse):
            rows = [("input", layer.conv.iq, None), ("kernel", layer.conv.kq, layer.conv.kernel),
                    ("bias", layer._bq, layer.sparse_bias)]
        elif isinstance(layer, QDense):
            rows = [("input", layer.iq, None), ("kernel", layer.kq, layer.kernel), ("bias", layer.bq, layer.bias)]
        elif isinstance(layer, QSoftmax):
            rows = [("exp in", layer.exp_table.iq, None), ("exp out", layer.exp_table.oq, None),
                    ("inv in", layer.inv_table.iq, None), ("inv out", layer.inv_table.oq, None)]
        else:
            continue
        yield from ((f"{layer.name} {name}", quantizer, weights) for name, quantizer, weights in rows)


def summary(model):
    """Of each quantizer: its elements, those that can only be 0 (or, of weights, are), and the formats of the rest."""
    print(f"{'quantizer':16}{'elements':>9}{'zeros':>7}   rest: {'width':15}{'i':9}f")
    for name, q, weights in quantizers(model):
        k, i, f = fixed_point(q)
        on = k + i + f > 0 if weights is None else quantize(q, np.asarray(weights, np.float64)) != 0
        row = f"{name:16}{on.size:9}{(~on).sum():7}   "
        if on.any():
            width, i, f = (v[on] for v in np.broadcast_arrays(k + i + f, i, f))
            low_to_high = lambda v: f"{v.min():.0f}..{v.max():.0f}"
            row += f"      {low_to_high(width) + f' ({width.mean():.1f})':15}{low_to_high(i):9}{low_to_high(f)}"
        print(row)


def reduction(model, x):
    layer = next(t for t in model.layers if isinstance(t, InputReduce))
    active = (x[..., 0] > np.float32(layer.threshold)).sum((1, 2))
    print(f"budget {layer.n_max_pixels}, threshold {layer.threshold!r}; active pixels per test event "
          f"{active.min()}..{active.max()}, mean {active.mean():.1f}; {np.mean(active > layer.n_max_pixels):.1%} over budget")


def write(model, name, x, labels):
    """models/<name>.keras and the Keras outputs that the firmware must reproduce, models/<name>.golden.npz."""
    MODELS.mkdir(exist_ok=True)
    model.compile(jit_compile=False)
    y = model.predict(x, batch_size=256, verbose=0)
    prove_exact(model, x, y)
    summary(model)
    reduction(model, x)
    model.save(MODELS / f"{name}.keras")
    np.savez_compressed(MODELS / f"{name}.golden.npz", x=x.astype(np.float32), y=y, labels=labels.astype(np.int64))
    for file in (f"{name}.keras", f"{name}.golden.npz"):
        print(f"{file}: {(MODELS / file).stat().st_size / 1000:.0f} kB")
    return y


START = time.perf_counter()


def elapsed():
    return f"{time.perf_counter() - START:.0f} s"
