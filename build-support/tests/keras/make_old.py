#!/usr/bin/env python3
"""Writes the two files of Keras 2 among the fixtures, which must be refused: `refuse-keras-2` and `refuse-qkeras`.

    python3.11 -m venv old && old/bin/pip install tensorflow-cpu==2.14.1 qkeras==0.9.0 pyparsing \\
        tensorflow-model-optimization "numpy<2"
    old/bin/python make_old.py
"""

from pathlib import Path

import qkeras
from tensorflow import keras

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"
BITS = {"kernel_quantizer": "quantized_bits(4, 0, 1)", "bias_quantizer": "quantized_bits(4, 0, 1)"}

image = keras.Input((6, 6, 1), name="image")
x = qkeras.QConv2D(2, 3, **BITS)(image)
x = qkeras.QActivation("quantized_relu(4)")(x)
x = qkeras.QDense(3, **BITS)(keras.layers.Flatten()(x))
keras.Model(image, x).save(FIXTURES / "refuse-qkeras.keras")
keras.Model(image, keras.layers.Dense(3)(keras.layers.Flatten()(image))).save(FIXTURES / "refuse-keras-2.keras")
