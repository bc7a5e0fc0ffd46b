//! Kernels that work on each word by itself, and kernels for dense values.

use crate::{
    circuit::{
        Circuit, Net,
        kernels::{
            Around, Place,
            dense::dense as fully_connected,
            elementwise::{affine, bias, limited_relu, lookup, relu},
            quantize::quantize,
            softmax::{max_minus, normalize},
        },
        stream::Elements,
    },
    error::{Error, Result},
    fixed::MantissaRange,
    ops::{Kernel, Layout},
};

/// What a kernel makes of the word `x` at `place`.
pub(super) fn word(c: &mut Circuit, kernel: &Kernel, around: &Around<'_>, x: Net, place: &Place) -> Result<Net> {
    let at = match *place {
        Place::Element(at) => at,
        Place::Pixel { channel, .. } | Place::Position { channel, .. } => channel,
    };
    let y = match kernel {
        Kernel::SparseQuantize(kernel) => quantize(c, &kernel.quantizer, around, x, place)?,
        Kernel::DenseQuantize(kernel) => quantize(c, kernel, around, x, place)?,
        Kernel::SparseBias(kernel) => bias(c, kernel, x, at)?,
        Kernel::Affine(kernel) => affine(c, kernel, x, at % kernel.scales.values.len().max(1))?,
        Kernel::Relu(_) => relu(c, x),
        Kernel::LimitedRelu(kernel) => limited_relu(c, kernel, x),
        Kernel::Lookup(kernel) => lookup(c, kernel, x, place)?,
        Kernel::Copy { .. } => x,
        _ => return Err(Error::internal("a kernel that does not work on words")),
    };
    let range = around.output.range_at(at);
    // An empty slot has a zero, whatever its channel can be.
    let is_sparse = matches!(around.output.layout, Layout::Sparse(_));
    Ok(c.fitted(y, if is_sparse { range.hull(MantissaRange::ZERO) } else { range }))
}

/// What a kernel makes of a dense value.
pub(super) fn dense(c: &mut Circuit, kernel: &Kernel, around: &Around<'_>, x: Elements) -> Result<Elements> {
    match kernel {
        Kernel::DenseQuantize(_)
        | Kernel::Affine(_)
        | Kernel::Relu(_)
        | Kernel::LimitedRelu(_)
        | Kernel::Lookup(_)
        | Kernel::Copy { .. } => {
            let values = x.values.iter().enumerate().map(|(at, x)| word(c, kernel, around, *x, &Place::Element(at)));
            Ok(Elements { values: values.collect::<Result<_>>()?, valid: x.valid })
        }
        Kernel::Dense(kernel) => fully_connected(c, kernel, around, &x),
        Kernel::MaxMinus(_) => Ok(Elements { values: max_minus(c, &x.values), ..x }),
        Kernel::Normalize(kernel) => Ok(Elements { values: normalize(c, kernel, &x.values), ..x }),
        _ => Err(Error::internal("a kernel for sparse values gets a dense one")),
    }
}
