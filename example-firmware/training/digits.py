"""Train `models/digits.keras`: handwritten digits that may lie anywhere near the middle of a 28 x 28 image.

scikit-learn's 8 x 8 digits (values 0..16) are put on an empty 28 x 28 canvas at a random place, as v / 16, so that every
pixel is exact in ufixed<5,1>. The network learns how many active pixels to keep, the threshold that makes a pixel active,
and a bit width for every weight and every position. The 500 digits of the test are held out: no placement
of theirs is trained on. They are the golden events.

    pip install -r requirements.txt
    python digits.py
"""

import common
import keras
import numpy as np
from common import MinMax
from hgq.layers import QDense, QSoftmax
from hgq.quantizer.config import QuantizerConfig
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sparsepixels.layers import AveragePooling2DSparse, InputReduce, MaxPooling2DSparse, QConv2DSparse
from sparsepixels.utils import SparseTrainingMonitor

SEED = 1
SIDE = 28
OFFSETS = range(7, 14)  # rows and columns where a digit's corner may lie: 7 x 7 places about the middle
TEST = 500
PLACEMENTS = 24
EPOCHS = 60
BATCH = 256


def place(digits, rng):
    canvas = np.zeros((len(digits), SIDE, SIDE, 1), np.float32)
    for image, digit, (row, column) in zip(canvas, digits, rng.choice(OFFSETS, (len(digits), 2))):
        image[row : row + 8, column : column + 8, 0] = digit / 16
    return canvas


def data():
    digits, labels = load_digits(return_X_y=True)
    digits = digits.reshape(-1, 8, 8)
    train, test, train_labels, test_labels = train_test_split(
        digits, labels, test_size=TEST, stratify=labels, random_state=SEED)
    rng = np.random.default_rng(SEED)
    train = np.tile(train, (PLACEMENTS, 1, 1))
    ink = rng.uniform(0.8, 1.25, (len(train), 1, 1))  # training only: the same digit in paler and darker ink
    train = np.clip(np.round(train * ink), 0, 16)
    return place(train, rng), np.tile(train_labels, PLACEMENTS), place(test, rng), test_labels


def table_input(i0, f0):
    """The softmax tables are looked up with a saturating index: a hopeless class stays hopeless."""
    return QuantizerConfig("kif", "datalane", k0=0, i0=i0, f0=f0, overflow_mode="SAT",
                           ic=MinMax(i0, i0), fc=MinMax(3, f0))


def table_output(b0, i0):
    return QuantizerConfig("kbi", "table", k0=0, b0=b0, i0=i0, bc=MinMax(8, b0), ic=MinMax(i0, i0))


def network():
    with common.bit_widths(beta0=1e-6):
        image = keras.Input((SIDE, SIDE, 1), name="image")
        x, keep = InputReduce(n=36, threshold=0.1, beta_n=1e-3, name="reduce")(image)
        x = QConv2DSparse(6, 3, padding="same", activation="relu", name="conv1")([x, keep])
        x, keep = AveragePooling2DSparse(2, name="pool1")([x, keep])
        x = QConv2DSparse(8, 3, padding="same", activation="relu", name="conv2")([x, keep])
        x, keep = MaxPooling2DSparse(2, name="pool2")([x, keep])
        x = keras.layers.Flatten(name="flatten")(x)
        x = QDense(28, activation="relu", name="dense1")(x)
        logits = QDense(10, name="dense2")(x)
        y = QSoftmax(
            exp_iq_conf=table_input(i0=4, f0=5), exp_oq_conf=table_output(b0=10, i0=1),
            inv_iq_conf=table_input(i0=4, f0=6), inv_oq_conf=table_output(b0=10, i0=1), name="softmax")(logits)
    # The logits are trained, since a quantized probability may be exactly 0 and would then give no gradient.
    return keras.Model(image, logits, name="digits_logits"), keras.Model(image, y, name="digits")


def main():
    common.setup(SEED)
    x, labels, x_test, labels_test = data()
    logits, model = network()
    logits.compile(
        keras.optimizers.Adam(common.cosine(5e-3, EPOCHS * -(-len(x) // BATCH))),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"], jit_compile=False)
    logits.fit(x, labels, BATCH, EPOCHS, callbacks=[SparseTrainingMonitor()], verbose=2)
    common.calibrate(model, x)
    y = common.write(model, "digits", x_test, labels_test)
    total = y.sum(1)
    print(f"softmax outputs sum to {total.min():.3f}..{total.max():.3f}, mean {total.mean():.3f}")
    print(f"test accuracy {np.mean(y.argmax(1) == labels_test):.2%} of {len(y)} digits, in {common.elapsed()}")


if __name__ == "__main__":
    main()
