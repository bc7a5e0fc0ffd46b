"""Train `small.keras`, the network of the 28 x 28 rows in docs/speed.md.

28 x 28 pixels of which 30 are kept, one 3 x 3 convolution to 3 filters, a 2 x 2 mean, and a dense layer to 10 outputs:
the size for which the time of hls4ml's sparsepixels kernels was measured. The data are those of the example `digits`.

    pip install -r ../../../example-firmware/training/requirements.txt
    python small.py
"""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2] / "example-firmware/training"))

import common
import digits
import keras
import numpy as np
from hgq.config import LayerConfigScope, QuantizerConfigScope
from hgq.layers import QDense
from sparsepixels.layers import AveragePooling2DSparse, InputReduce, QConv2DSparse

EVENTS = 200


def network():
    with (
        QuantizerConfigScope(place="all", default_q_type="kbi", overflow_mode="SAT_SYM"),
        QuantizerConfigScope(place="datalane", default_q_type="kif", overflow_mode="WRAP"),
        LayerConfigScope(enable_ebops=True, enable_iq=True, beta0=1e-6),
    ):
        image = keras.Input((28, 28, 1), name="image")
        x, keep = InputReduce(n=30, threshold=0.1, learn_n=False, learn_threshold=False, name="reduce")(image)
        x = QConv2DSparse(3, 3, padding="same", activation="relu", name="conv1")([x, keep])
        x, keep = AveragePooling2DSparse(2, name="pool1")([x, keep])
        x = keras.layers.Flatten(name="flatten")(x)
        return keras.Model(image, QDense(10, name="dense1")(x), name="small")


def main():
    common.setup(digits.SEED)
    x, labels, x_test, labels_test = digits.data()
    model = network()
    model.compile(keras.optimizers.Adam(3e-3), keras.losses.SparseCategoricalCrossentropy(from_logits=True),
                  metrics=["accuracy"], jit_compile=False)
    model.fit(x, labels, 256, 20, verbose=2)
    common.calibrate(model, x)
    common.MODELS = HERE
    y = common.write(model, "small", x_test[:EVENTS], labels_test[:EVENTS])
    print(f"accuracy {np.mean(y.argmax(1) == labels_test[:EVENTS]):.1%}")


if __name__ == "__main__":
    main()
