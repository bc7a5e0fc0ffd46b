//! Where a kernel stands, and the arithmetic on bits and constants that lowerings share.

use super::{LayerPlan, Value};
use crate::{
    error::{Code, Error, Result},
    fixed::{Format, MAX_WIDTH, MantissaRange},
    network::Coefficients,
};

/// Where an op stands: what its kernel depends on beside the op itself.
#[derive(Debug, Clone, Copy)]
pub struct Site<'a> {
    /// What goes in.
    pub input: &'a Value,
    /// What comes out.
    pub output: &'a Value,
    /// How it is built.
    pub plan: &'a LayerPlan,
    /// Whether the input comes row by row.
    pub by_rows: bool,
}

/// The bits by which what has `to` fraction bits is finer than what has `from`.
pub(super) fn finer(from: i32, to: i32) -> Result<u32> {
    u32::try_from(to - from).map_err(|_| Error::internal(format!("{to} fraction bits for what has {from}")))
}

/// `constants` with the binary point of a value, and multiplied by what that is still to be divided by: what can be added to
/// its mantissas.
pub(super) fn aligned(constants: &Coefficients, value: &Value) -> Result<Coefficients> {
    let (shift, fraction) = (finer(constants.fraction, value.format.fraction)?, value.format.fraction);
    let align = |constant: &i64| i64::try_from(only(*constant).shifted(shift).times(value.divisor.into()).lo);
    let values = constants.values.iter().map(align).collect::<Result<_, _>>();
    let values = values.map_err(|_| {
        Error::new(Code::FormatTooWide, format!("a constant with {fraction} fraction bits needs more than {MAX_WIDTH} bits"))
            .help("give the layer an input quantizer, or fewer bits in training")
    })?;
    Ok(Coefficients { values, fraction })
}

/// One mantissa.
pub(super) fn only(mantissa: i64) -> MantissaRange {
    MantissaRange { lo: mantissa.into(), hi: mantissa.into() }
}

/// The hull of some constants and 0.
pub(super) fn range_of(constants: &Coefficients) -> MantissaRange {
    constants.values.iter().map(|constant| only(*constant)).fold(MantissaRange::ZERO, MantissaRange::hull)
}

/// A format with a sign and `spare` bits more than the widest of some needs.
pub(super) fn signed(widths: impl IntoIterator<Item = u32>, spare: u32, fraction: i32) -> Format {
    Format { signed: true, width: widths.into_iter().fold(1, u32::max) + spare, fraction }
}
