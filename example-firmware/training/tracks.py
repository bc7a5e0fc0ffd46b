"""Train `models/tracks.keras`: one track or two from a common vertex, in 63 x 63 images of a liquid-argon chamber.

The events are simulated here, in the manner of a wire plane: particles enter from the left, a track leaves a charge every
few pixels along a straight line, each charge follows a Landau-like (Moyal) distribution, and noise fires pixels
anywhere, mostly with small charges. Background is one track; signal is two tracks that leave one vertex at an angle.
Both classes draw the number of charges and their spacing from the same distributions, so that neither counting nor the
length of a track gives the answer away. Charges are 8-bit ADC counts, given to the network as charge / 128: exact in
ufixed<8,1>.

The network has the geometry of the neutrino model of arXiv:2512.06208: at most 20 active pixels, 7 x 7 convolutions with
one and then three filters around a 7 x 7 average pooling, and a linear output (a logit: positive means two tracks).

    pip install -r requirements.txt
    python tracks.py
"""

import common
import keras
import numpy as np
from common import MinMax
from hgq.layers import QDense
from hgq.quantizer.config import QuantizerConfig
from sparsepixels.layers import AveragePooling2DSparse, InputReduce, QConv2DSparse
from sparsepixels.utils import SparseTrainingMonitor

SEED = 2
SIDE = 63
BUDGET = 20
THRESHOLD = 20 / 128  # ADC counts of noise are mostly below 20, those of a track above
TRAIN, TEST = 24000, 1000
EPOCHS = 20
BATCH = 160


def charges(rng, count):
    """Energy lost by a particle in `count` places: the logarithm of a squared normal deviate is Moyal-distributed."""
    return 60 - 12 * np.log(rng.standard_normal(count) ** 2)


def deposit(image, rows, columns, charge):
    """Add the charges that fall inside the image."""
    rows, columns = np.round(rows).astype(int), np.round(columns).astype(int)
    inside = (rows >= 0) & (rows < SIDE) & (columns >= 0) & (columns < SIDE)
    np.add.at(image, (rows[inside], columns[inside]), charge[inside])


def track(image, rng, row, column, angle, count):
    """A straight track that leaves (row, column) at an angle to the beam, with `count` charges along it."""
    spacing = rng.uniform(1.2, 4.0)
    distance = np.cumsum(spacing * rng.uniform(0.6, 1.4, count))
    deposit(image, row + distance * np.sin(angle), column + distance * np.cos(angle), charges(rng, count))


def event(rng, signal):
    image = np.zeros((SIDE, SIDE))
    row, column = rng.uniform(20, 43), rng.uniform(4, 20)
    count = rng.integers(10, 21)
    if signal:
        opening = rng.uniform(0.3, 1.5)
        middle = rng.uniform(-0.4, 0.4)
        first = rng.integers(count // 2 - 1, count // 2 + 2)
        track(image, rng, row, column, middle - opening / 2, first)
        track(image, rng, row, column, middle + opening / 2, count - first)
    else:
        track(image, rng, row, column, rng.uniform(-1.0, 1.0), count)
    noise = rng.poisson(12)
    deposit(image, *rng.uniform(0, SIDE - 1, (2, noise)), rng.exponential(8, noise))
    return np.clip(np.round(image), 0, 255) / 128


def data(rng, events):
    labels = rng.integers(0, 2, events)
    return np.stack([event(rng, label) for label in labels])[..., None].astype(np.float32), labels


def network():
    with common.bit_widths(beta0=3e-6):
        image = keras.Input((SIDE, SIDE, 1), name="image")
        x, keep = InputReduce(n=BUDGET, threshold=THRESHOLD, learn_n=False, learn_threshold=False, name="reduce")(image)
        x = QConv2DSparse(1, 7, padding="same", activation="relu", name="conv1",
                          kernel_initializer=keras.initializers.RandomUniform(0, 1))([x, keep])
        x, keep = AveragePooling2DSparse(7, name="pool1")([x, keep])
        # A mean over 49 pixels of which a few are active is small: it needs a finer grid than the rest.
        fine = QuantizerConfig("kif", "datalane", i0=2, f0=8, ic=MinMax(-12, 12), fc=MinMax(-8, 10))
        x = QConv2DSparse(3, 7, padding="same", activation="relu", name="conv2", iq_conf=fine)([x, keep])
        x = keras.layers.Flatten(name="flatten")(x)
        x = QDense(16, activation="relu", name="dense1")(x)
        y = QDense(1, name="dense2")(x)
    return keras.Model(image, y, name="tracks")


def main():
    common.setup(SEED)
    rng = np.random.default_rng(SEED)
    x, labels = data(rng, TRAIN)
    x_test, labels_test = data(rng, TEST)
    model = network()
    model.compile(
        keras.optimizers.Adam(common.cosine(5e-3, EPOCHS * -(-len(x) // BATCH))),
        keras.losses.BinaryCrossentropy(from_logits=True), metrics=[keras.metrics.BinaryAccuracy(threshold=0.0)],
        jit_compile=False)
    model.fit(x, labels, BATCH, EPOCHS, callbacks=[SparseTrainingMonitor()], verbose=2)
    common.calibrate(model, x)
    y = common.write(model, "tracks", x_test, labels_test)[:, 0]
    ranked = y[labels_test == 1][:, None] - y[labels_test == 0]
    print(f"AUC {np.mean(ranked > 0) + np.mean(ranked == 0) / 2:.4f}")
    print(f"test accuracy {np.mean((y > 0) == labels_test):.2%} of {len(y)} events, in {common.elapsed()}")


if __name__ == "__main__":
    main()
