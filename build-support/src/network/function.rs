//! Functions of one variable.

/// A function that a table can hold, as Keras computes it in float32.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Function {
    /// `exp(scale · x)`.
    Exp {
        /// The factor, negative in a stable softmax.
        scale: f32,
    },
    /// `1 / (x + 1e-7)`, as `QSoftmax` has it.
    Reciprocal,
    /// `1 / (1 + exp(-x))`.
    Sigmoid,
    /// Hyperbolic tangent.
    Tanh,
    /// `x / 6 + 1/2`, clipped to 0 and 1.
    HardSigmoid,
    /// `x`, clipped to -1 and 1.
    HardTanh,
    /// `log(1 + exp(x))`.
    Softplus,
    /// `x / (1 + |x|)`.
    Softsign,
    /// `x` above 0, `exp(x) - 1` below.
    Elu,
    /// `x · sigmoid(x)`.
    Silu,
    /// `max(0, x)`.
    Relu,
    /// `x`.
    Linear,
}

/// Names in Keras.
const NAMES: [(&str, Function); 13] = [
    ("sigmoid", Function::Sigmoid),
    ("tanh", Function::Tanh),
    ("hard_sigmoid", Function::HardSigmoid),
    ("hard_tanh", Function::HardTanh),
    ("softplus", Function::Softplus),
    ("softsign", Function::Softsign),
    ("elu", Function::Elu),
    ("silu", Function::Silu),
    ("swish", Function::Silu),
    ("exponential", Function::Exp { scale: 1.0 }),
    ("exp", Function::Exp { scale: 1.0 }),
    ("relu", Function::Relu),
    ("linear", Function::Linear),
];

// Where TensorFlow 2.21's float32 functions on CPU reach their limit; the correctly rounded ones do so later. Found by
// bisection with Keras 3.15 (`tests/keras/differential.py` compares). A quantizer that truncates sees the difference.
const TANH_IS_ONE: f32 = 7.907_389_6;
const SIGMOID_IS_ONE: f32 = 16.635_532;
const SOFTPLUS_IS_LINEAR: f32 = 13.942_385;

impl Function {
    /// The function that Keras calls `name`.
    pub(crate) fn from_keras(name: &str) -> Option<Self> {
        NAMES.iter().find(|(known, _)| *known == name).map(|(_, function)| *function)
    }

    /// The names [`Self::from_keras`] knows.
    pub(crate) fn names() -> Vec<&'static str> {
        NAMES.iter().map(|(name, _)| *name).collect()
    }

    /// The values that the function can have, if they are bounded.
    pub(crate) fn range(self) -> Option<(f64, f64)> {
        match self {
            Self::Sigmoid | Self::HardSigmoid => Some((0.0, 1.0)),
            Self::Tanh | Self::HardTanh | Self::Softsign => Some((-1.0, 1.0)),
            Self::Exp { .. } | Self::Reciprocal | Self::Softplus | Self::Elu | Self::Silu | Self::Relu | Self::Linear => None,
        }
    }

    /// The function in float32.
    ///
    /// Transcendental functions are taken in double precision and rounded once; TensorFlow's can differ from that in
    /// the last bit, which a table entry notices only if it lies within 2^-23 of a rounding boundary.
    pub(crate) fn float32(self, x: f32) -> f32 {
        let wide = f64::from(x);
        match self {
            Self::Exp { scale } => f64::from(x * scale).exp() as f32,
            Self::Reciprocal => 1.0 / (x + 1e-7),
            Self::Sigmoid if x >= SIGMOID_IS_ONE => 1.0,
            Self::Sigmoid => (1.0 / (1.0 + (-wide).exp())) as f32,
            Self::Tanh if x.abs() >= TANH_IS_ONE => x.signum(),
            Self::Tanh => wide.tanh() as f32,
            Self::HardSigmoid => (x / 6.0 + 0.5).clamp(0.0, 1.0),
            Self::HardTanh => x.clamp(-1.0, 1.0),
            Self::Softplus if x > SOFTPLUS_IS_LINEAR => x,
            Self::Softplus => wide.exp().ln_1p() as f32,
            Self::Softsign => x / (x.abs() + 1.0),
            Self::Elu => {
                if x > 0.0 {
                    x
                } else {
                    wide.exp_m1() as f32
                }
            }
            Self::Silu => {
                let sigmoid = Self::Sigmoid.float32(x);
                // TensorFlow flushes what is too small for a normal float32.
                if sigmoid < f32::MIN_POSITIVE { 0.0 } else { x * sigmoid }
            }
            Self::Relu => x.max(0.0),
            Self::Linear => x,
        }
    }

    /// What the function is called in comments and messages.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Exp { scale: 1.0 } => "exponential",
            Self::Exp { .. } => "exp",
            Self::Reciprocal => "reciprocal",
            Self::Sigmoid => "sigmoid",
            Self::Tanh => "tanh",
            Self::HardSigmoid => "hard_sigmoid",
            Self::HardTanh => "hard_tanh",
            Self::Softplus => "softplus",
            Self::Softsign => "softsign",
            Self::Elu => "elu",
            Self::Silu => "silu",
            Self::Relu => "relu",
            Self::Linear => "linear",
        }
    }
}
