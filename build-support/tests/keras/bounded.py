"""Models whose sizes are a problem: large ones that are to be built, and files that claim more than any model has.

Run it in `build-support/tests`, in an environment as the head of make_fixtures.py says: it writes `bounded/`. Files are packed
anew, since Keras does not pack them.
"""

import io
import os
import zipfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import h5py
import keras
import numpy as np
from hgq.config import QuantizerConfig
from sparsepixels.layers import InputReduce, QConv2DSparse


def convolution(height, width, slots, filters):
    """An image of one channel and a convolution, whose value is the model's output."""
    keras.utils.set_random_seed(16)
    image = keras.Input((height, width, 1), name="image")
    x, mask = InputReduce(n=slots, threshold=0.0, learn_n=False, learn_threshold=False, name="reduce")(image)
    bits = lambda place: QuantizerConfig("kbi", place, b0=4, i0=1, homogeneous_axis=None, heterogeneous_axis=())
    x = QConv2DSparse(filters, 3, padding="same", kq_conf=bits("weight"), iq_conf=bits("datalane"), bq_conf=bits("bias"), name="conv")((x, mask))
    return keras.Model(image, x)


def members(model):
    path = "bounded/unpacked.keras"
    model.save(path)
    with zipfile.ZipFile(path) as archive:
        found = {name: archive.read(name) for name in archive.namelist()}
    os.remove(path)
    return found


def pack(name, files):
    with zipfile.ZipFile(f"bounded/{name}.keras", "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path, content in files.items():
            archive.writestr(zipfile.ZipInfo(path, (2000, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED, 9)


def with_kernel(files, change):
    """The files with another dataset in place of the kernel."""
    weights = io.BytesIO(files["model.weights.h5"])
    with h5py.File(weights, "r+") as file:
        found = []
        file.visititems(lambda path, item: found.append(path) if isinstance(item, h5py.Dataset) and item.shape == (3, 3, 1, 2) and path.endswith("conv/vars/0") else None)
        (path,) = found
        group, last = path.rsplit("/", 1)
        del file[path]
        change(file[group], last)
    return {**files, "model.weights.h5": weights.getvalue()}


def main():
    os.makedirs("bounded", exist_ok=True)
    pack("wide", members(convolution(64, 64, 20, 1000)))
    pack("image", members(convolution(256, 256, 256, 64)))
    pack("layers", members(convolution(512, 512, 20, 64)))
    small = members(convolution(7, 7, 5, 2))
    # 2^26 zeros, which take 65 kB.
    pack("many-weights", with_kernel(small, lambda group, name: group.create_dataset(
        name, shape=(1 << 26,), dtype="f4", chunks=(1 << 20,), compression="gzip", compression_opts=9, fillvalue=0.0)))
    # The right shape in one chunk of 2^26 elements.
    def wide_chunk(group, name):
        data = group.create_dataset(name, shape=(3, 3, 1, 2), maxshape=(None, 3, 1, 2), chunks=((1 << 26) // 18, 3, 1, 2), dtype="f4", compression="gzip", compression_opts=9)
        data[...] = 0.5
    pack("wide-chunk", with_kernel(small, wide_chunk))


main()
