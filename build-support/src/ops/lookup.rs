//! A function of one variable as a table.

use super::{
    Extent, LayerPlan, Rules, Values,
    parts::{Gives, Parts, narrow},
};
use crate::{
    error::{Code, Error, Result},
    fixed::{Format, Interval, QuantizerFormat},
    manifest::{Knob, Variant},
    network::{Coefficients, Lookup, Shape, SparseShape},
    structure::Operation,
};

/// The largest table, in entries.
pub const MAX_TABLE: i128 = 1 << 16;

/// A look-up.
#[derive(Debug, Clone)]
pub struct FixedLookup {
    /// The function and the quantizer of its result.
    pub lookup: Lookup,
    /// For every element of the value, as Keras shapes it: which of the quantizer's formats is its.
    pub classes: Vec<u16>,
    /// The results.
    pub table: Table,
}

/// A table of mantissas for the input mantissas from `first` on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// The format of what the table is indexed with.
    pub input: Format,
    /// The input mantissa of entry 0.
    pub first: i64,
    /// For each format of the result, all entries, at the output's fraction.
    pub entries: Vec<Vec<i64>>,
}

impl Table {
    /// The entry for the input mantissa `x`, with the format of index `class`.
    pub fn at(&self, class: u16, x: i64) -> i64 {
        self.entries[usize::from(class)][(x - self.first) as usize]
    }
}

/// Evaluates `lookup` at every mantissa that can come in.
pub fn fix(lookup: &Lookup, shape: &Shape, input: &Values) -> Result<(FixedLookup, Values)> {
    let mut range = input.interval();
    if matches!(shape, Shape::Sparse(_)) || input.active.is_some() {
        range = range.hull(Interval::ZERO);
    }
    let entries = range.hi - range.lo + 1;
    if entries > MAX_TABLE || input.divisor != 1 {
        return Err(Error::new(
            Code::UnsupportedOption,
            format!("the table of this function would have {entries} entries; {MAX_TABLE} are the most"),
        )
        .help("quantize what goes into the function to 16 bits or fewer"));
    }
    let quantizer = &lookup.output;
    let fraction = quantizer.formats.iter().filter_map(|q| q.fraction()).max().unwrap_or(0);
    let value = |format: &QuantizerFormat, mantissa: i128| {
        let x = (mantissa as f64 * 2f64.powi(-input.fraction)) as f32;
        let y = format.quantize_weight(lookup.function.float32(x), quantizer.rounding, quantizer.overflow)?;
        y.checked_mul(1i64.checked_shl((fraction - format.fraction().unwrap_or(fraction)) as u32)?)
    };
    let columns =
        quantizer.formats.iter().map(|format| (range.lo..=range.hi).map(|m| value(format, m)).collect::<Option<Vec<i64>>>());
    let columns = columns.collect::<Option<Vec<_>>>().ok_or_else(|| {
        Error::new(Code::BitsOutOfRange, "a value of this function's table does not fit its quantizer")
            .help("use overflow_mode=\"SAT\" for the table, and fewer than 62 bits")
    })?;
    let hull = |column: &Vec<i64>, x: Interval| {
        let part = &column[(x.lo - range.lo) as usize..=(x.hi - range.lo) as usize];
        let (lo, hi) = part.iter().fold((i64::MAX, i64::MIN), |(lo, hi), &y| (lo.min(y), hi.max(y)));
        Interval { lo: lo.into(), hi: hi.into() }
    };
    let classes = quantizer.expand(&shape.keras());
    let intervals = match shape {
        Shape::Sparse(SparseShape { channels, .. }) => {
            let mut hulls = vec![Interval::ZERO; *channels];
            for (at, &class) in classes.iter().enumerate() {
                let c = at % channels;
                hulls[c] = hulls[c].hull(hull(&columns[usize::from(class)], input.intervals[c]));
            }
            hulls
        }
        Shape::Dense(_) => {
            classes.iter().zip(&input.intervals).map(|(&class, &x)| hull(&columns[usize::from(class)], x)).collect()
        }
    };
    let output = Values { fraction, divisor: 1, intervals, active: input.active };
    let table = Table { input: Format::holding(range, input.fraction), first: range.lo as i64, entries: columns };
    Ok((FixedLookup { lookup: lookup.clone(), classes, table }, output))
}

impl Rules for FixedLookup {
    fn extent(&self) -> Extent {
        Extent::ONE
    }

    fn knobs(&self) -> &'static [Knob] {
        &[]
    }

    fn variants(&self) -> &'static [Variant] {
        &[]
    }

    fn accumulator(&self) -> Option<Format> {
        None
    }

    fn weights(&self) -> Option<&Coefficients> {
        None
    }

    fn gives(&self, _: &LayerPlan) -> Gives {
        Gives::All
    }

    fn parts(&self, p: &mut Parts<'_>) {
        let (Self { lookup, table, .. }, values) = (self, p.values());
        let width = p.fixed.output.format().width;
        let dense = matches!(p.fixed.layer.shape, Shape::Dense(_));
        let formats = if dense { 1 } else { lookup.output.formats.len() };
        let entries = table.entries.first().map_or(0, Vec::len) * formats;
        let read = Operation::Table { entries: narrow(entries), width };
        p.add("table", read, values, 1, values * width as usize);
    }
}
