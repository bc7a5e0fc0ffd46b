"""Networks that must be refused, each by a true sentence: what they compute is not what a reader might take them for."""

import keras
from hgq.layers import QBatchNormalization, QDense
from networks import case, config
from randomize import ALIVE
from sparsepixels.layers import InputReduce, QConv2DSparse


def refuse(name, shape=(6, 6, 2)):
    """Registers a network that a compiler for sparse fixed-point networks should refuse, or support exactly."""
    return case(f"refuse-{name}", shape=shape, ranges=ALIVE, refused=True)


@refuse("scaler")
def _(net):
    """A quantizer with a scale factor."""
    net.reduce(12).conv(2, 3, iq_conf=config("kif", scaler=1.5)).flatten()


@refuse("affine")
def _(net):
    """A quantizer with an affine map behind it."""
    net.reduce(12).conv(2, 3, name="first").flatten().dense(3, iq_conf=config("kif", affine=(0.25, 0.5)))


@refuse("wrap-sm")
def _(net):
    """The reflecting overflow mode WRAP_SM."""
    net.reduce(12).conv(2, 3, iq_conf=config("kif", overflow_mode="WRAP_SM")).flatten()


@refuse("dummy-weights")
def _(net):
    """Weights that are plain floats."""
    net.reduce(12).conv(2, 3, kq_conf=config("dummy")).flatten()


@refuse("strides")
def _(net):
    """A stride that the mask cannot follow; Keras saves it, and fails when it is called."""
    net.reduce(12).conv(2, 3, strides=2).flatten()


@refuse("dilation")
def _(net):
    net.reduce(12).conv(2, 3, dilation_rate=2).flatten()


@refuse("groups")
def _(net):
    net.reduce(12).conv(2, 3, groups=2).flatten()


@refuse("pool-overlapping")
def _(net):
    net.reduce(12).avg(3, strides=1).conv(2, 3).flatten()


@refuse("pool-same")
def _(net):
    net.reduce(12).max(4, padding="same").conv(2, 3).flatten()


@refuse("sigmoid-on-sparse")
def _(net):
    """sigmoid(0) is not zero."""
    net.reduce(12).conv(2, 3).add(keras.layers.Activation("sigmoid")).conv(2, 3).flatten()


@refuse("softmax-on-sparse")
def _(net):
    net.reduce(12).conv(2, 3).add(keras.layers.Softmax()).flatten()


@refuse("relu-threshold")
def _(net):
    """A ReLU with slope and threshold is not zero at zero."""
    net.reduce(12).conv(2, 3).add(keras.layers.ReLU(negative_slope=0.5, threshold=1.0)).flatten()


@refuse("dense-on-sparse")
def _(net):
    """A dense layer on the channels of a sparse tensor: its bias fills the background."""
    net.reduce(12).conv(2, 3).dense(3).flatten()


@refuse("unquantized-dense")
def _(net):
    """A plain Keras layer without a precision."""
    net.reduce(12).flatten().add(keras.layers.Dense(3))


@refuse("dense-convolution")
def _(net):
    """A layer outside the supported set."""
    net.reduce(12).add(keras.layers.Conv2D(2, 3)).flatten()


@refuse("shared-layer")
def _(net):
    """One layer called twice."""
    net.reduce(12)
    conv = QConv2DSparse(2, 3, padding="same")
    net.add(lambda x: conv((conv((x, net.mask)), net.mask))).flatten()


@refuse("branches")
def _(net):
    """Two branches that meet again."""
    net.reduce(12)
    one, two = (QConv2DSparse(2, 3, padding="same")((net.x, net.mask)) for _ in range(2))
    net.x = keras.layers.Add()([one, two])
    net.flatten()


@refuse("two-outputs")
def _(net):
    net.reduce(12).conv(2, 3).flatten()
    return keras.Model(net.input, [QDense(2)(net.x), QDense(3)(net.x)], name="network")


@refuse("mask-as-output")
def _(net):
    """The keep mask leaves the network."""
    net.reduce(12)
    return keras.Model(net.input, [net.x, net.mask], name="network")


@refuse("wrong-mask")
def _(net):
    """A convolution with the mask of another reduction."""
    image = net.input
    net.reduce(12)
    _, other = InputReduce(3, threshold=1.0)(image)
    net.mask = other
    net.conv(2, 3).flatten()


@refuse("unknown-image-size", shape=(None, None, 1))
def _(net):
    """An image size left open; only channel-wise quantizers can be built."""
    channel = {"heterogeneous_axis": (3,), "homogeneous_axis": None}
    net.reduce(12).conv(2, 3, iq_conf=config("kif", **channel), parallelization_factor=1)


@refuse("nested-model")
def _(net):
    """A model used as a layer."""
    inner = keras.Sequential([keras.Input((72,)), QDense(4, activation="relu")], name="inner")
    net.reduce(12).flatten().add(inner).dense(3)


# --- keys of a layer's config, and how it is called --------------------------------------------------------------------


@refuse("flatten-channels-first")
def _(net):
    """The order of a flattened image is another one."""
    net.reduce(12).conv(2, 3).add(keras.layers.Flatten(data_format="channels_first")).dense(3)


@refuse("dummy-quantizer-with-scaler")
def _(net):
    """A quantizer that does not quantize, but scales."""
    net.reduce(12).conv(2, 3, iq_conf=config("dummy", affine=(2.0, 0.0))).flatten()


@refuse("dropout-in-training")
def _(net):
    """A dropout that is called with training=True drops at inference too."""
    net.reduce(12).flatten().dense(4).add(lambda x: keras.layers.Dropout(0.5)(x, training=True)).dense(3)


@refuse("lora")
def _(net):
    """A dense layer with a low-rank update beside its kernel."""
    dense = keras.layers.Dense(3)
    net.reduce(12).flatten().add(dense)
    dense.enable_lora(2)


# --- dtype policies ----------------------------------------------------------------------------------------------------


def policy(name):
    """Registers a network whose dense layer has the dtype policy `name`."""

    @refuse(f"policy-{name}")
    def _(net):
        net.reduce(12).conv(2, 3).flatten().add(keras.layers.Dense(4, dtype=name), QDense(3, dtype="float32"))


for name in ("mixed_float16", "mixed_bfloat16", "float16", "bfloat16", "float64"):
    policy(name)


def quantized(mode):
    """Registers a network whose dense layer was quantized by Keras."""

    @refuse(f"quantized-{mode}")
    def _(net):
        net.reduce(12).flatten().add(keras.layers.Dense(4))
        model = net.model()
        model.layers[-1].quantize(mode)
        return model


for mode in ("int8", "int4", "float8"):
    quantized(mode)


@refuse("policy-of-the-convolution")
def _(net):
    """The policy stands in the config of the convolution inside."""
    net.reduce(12).conv(2, 3, dtype="float64").flatten()


# --- what a class or a function is -------------------------------------------------------------------------------------


@keras.saving.register_keras_serializable("mine")
class ReLU(keras.layers.Layer):
    """Has the name of a class of Keras, and computes something else."""

    def call(self, x):
        return keras.ops.relu(x) * 2


@keras.saving.register_keras_serializable("mine")
def relu(x):
    """Has the name of a function of Keras, and computes something else."""
    return keras.ops.relu(x) * 2


class Flatten(keras.layers.Flatten):
    """Not registered: only its module tells it from the class of Keras."""


@keras.saving.register_keras_serializable("mine")
class Net(keras.Model):
    """A model whose graph is in its Python code alone."""

    def __init__(self):
        super().__init__()
        self.flat, self.dense = keras.layers.Flatten(), QDense(3)

    def call(self, x):
        return self.dense(self.flat(x))


@refuse("own-class-of-a-known-name")
def _(net):
    net.reduce(12).flatten().dense(4).add(ReLU()).dense(3)


@refuse("own-function-of-a-known-name")
def _(net):
    net.reduce(12).flatten().dense(4, activation=relu).dense(3)


@refuse("own-class-not-registered")
def _(net):
    net.reduce(12).conv(2, 3).add(Flatten()).dense(3)


@refuse("activation-is-a-layer")
def _(net):
    """A layer in the place of a function has options of its own."""
    net.reduce(12).flatten().dense(4, activation=keras.layers.ReLU(max_value=0.5)).dense(3)


@refuse("subclassed-model")
def _(net):
    model = Net()
    model(keras.ops.zeros((1, *net.input.shape[1:])))
    return model


# --- graphs ------------------------------------------------------------------------------------------------------------


@refuse("skip-connection")
def _(net):
    """A residual connection in the dense tail: every layer is on the way from the input to the output."""
    net.reduce(12).flatten().dense(4, activation="relu")
    before = net.x
    net.dense(4)
    net.add(lambda x: keras.layers.Add()([before, x])).dense(3)


@refuse("sum-of-tensors")
def _(net):
    """The same written as a sum of tensors, which is an operation and no layer."""
    net.reduce(12).flatten().dense(4, activation="relu")
    before = net.x
    net.dense(4)
    net.add(lambda x: before + x).dense(3)


@refuse("two-inputs")
def _(net):
    other = keras.Input((3,), name="other")
    net.reduce(12).flatten()
    net.x = keras.layers.Concatenate()([net.x, other])
    net.dense(3)
    return keras.Model([net.input, other], net.x, name="network")


@refuse("batchnorm-on-sparse")
def _(net):
    """A batch normalization behind a convolution."""
    net.reduce(12).conv(2, 3).add(keras.layers.BatchNormalization()).flatten().dense(3)


@refuse("quantized-batchnorm-on-sparse")
def _(net):
    net.reduce(12).conv(2, 3).add(QBatchNormalization()).flatten().dense(3)


@refuse("softmax-of-many-classes")
def _(net):
    """A float softmax over more classes than its tables take."""
    net.reduce(12).flatten().dense(40).add(keras.layers.Softmax())


@refuse("many-things")
def _(net):
    """Several layers are wrong: all are to be reported."""
    net.reduce(12).conv(2, 3, dilation_rate=2).add(keras.layers.Flatten(data_format="channels_first"))
    net.dense(4, activation="gelu").add(keras.layers.LeakyReLU()).dense(3)
