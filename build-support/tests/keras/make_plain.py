"""Writes ../fixtures/plain.keras and plain.npz: layers of Keras itself, which take their precision from the manifest.

The weights are multiples of 1/4, and the statistics of the batch normalization are such that its scale and offset are
multiples of 1/8: so nothing is lost in `fixed<8,5>`, and Keras's outputs can be compared bit for bit. Run: python make_plain.py
"""

from pathlib import Path

import keras
import numpy as np

OUT = Path(__file__).parent.parent / "fixtures"


def grid(rng, shape, steps=4):
    return (rng.integers(-steps, steps + 1, shape) / steps).astype(np.float32)


def main():
    rng = np.random.default_rng(7)
    image = keras.Input((4, 3, 1), name="image")
    x = keras.layers.Flatten(name="flat")(image)
    x = keras.layers.Dense(6, activation="relu", name="hidden")(x)
    x = keras.layers.BatchNormalization(epsilon=0.25, name="norm")(x)
    x = keras.layers.Dense(4, use_bias=False, name="narrow")(x)
    model = keras.Model(image, keras.layers.Dense(3, name="out")(x))
    for name in ("hidden", "narrow", "out"):
        layer = model.get_layer(name)
        layer.set_weights([grid(rng, w.shape) for w in layer.get_weights()])
    # variance + epsilon = 1/4 or 4, so 1 / sqrt is 2 or 1/2.
    variance = np.where(rng.random(6) < 0.5, 0.0, 3.75).astype(np.float32)
    model.get_layer("norm").set_weights([grid(rng, 6, 2), grid(rng, 6), grid(rng, 6, 2), variance])
    inputs = (rng.integers(0, 8, (64, 4, 3, 1)) / 4).astype(np.float32)
    inputs[0], inputs[1] = 0, 7 / 4
    model.save(OUT / "plain.keras")
    np.savez_compressed(OUT / "plain.npz", x=inputs, y=np.asarray(model(inputs)))


if __name__ == "__main__":
    main()
