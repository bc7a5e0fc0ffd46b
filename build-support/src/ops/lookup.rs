//! A function of one variable as a table.

use super::{
    About, Elements, Extent, FormatChoice, Kernel, LayerPlan, Rules, Site, Values,
    parts::{Gives, Parts, narrow},
    quantize,
};
use crate::{
    budget::{MAX_ENTRIES, too_large},
    error::{Code, Error, Result},
    fixed::{Format, MantissaRange, QuantizerFormat, bits_for},
    network::{Function, Lookup, Shape, SparseShape},
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
    pub(crate) fn at(&self, class: u16, x: i64) -> i64 {
        self.entries[usize::from(class)][(x - self.first) as usize]
    }
}

/// Evaluates `lookup` at every mantissa that can come in.
pub(crate) fn fix(lookup: &Lookup, shape: &Shape, input: &Values) -> Result<(FixedLookup, Values)> {
    let mut range = input.range();
    if matches!(shape, Shape::Sparse(_)) || input.active.is_some() {
        range = range.hull(MantissaRange::ZERO);
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
    let size = entries as usize * quantizer.formats.len();
    if size > MAX_ENTRIES {
        return Err(too_large(
            "the tables of this function, one for each format of its quantizer, have too many entries",
            size,
            MAX_ENTRIES,
        ));
    }
    let columns =
        quantizer.formats.iter().map(|format| (range.lo..=range.hi).map(|m| value(format, m)).collect::<Option<Vec<i64>>>());
    let columns = columns.collect::<Option<Vec<_>>>().ok_or_else(|| {
        Error::new(Code::BitsOutOfRange, "a value of this function's table does not fit its quantizer")
            .help("use overflow_mode=\"SAT\" for the table, and fewer than 62 bits")
    })?;
    let hull = |column: &Vec<i64>, x: MantissaRange| {
        let part = &column[(x.lo - range.lo) as usize..=(x.hi - range.lo) as usize];
        let (lo, hi) = part.iter().fold((i64::MAX, i64::MIN), |(lo, hi), &y| (lo.min(y), hi.max(y)));
        MantissaRange { lo: lo.into(), hi: hi.into() }
    };
    let classes = quantizer.expand(&shape.keras());
    let ranges = match shape {
        Shape::Sparse(SparseShape { channels, .. }) => {
            let mut hulls = vec![MantissaRange::ZERO; *channels];
            for (at, &class) in classes.iter().enumerate() {
                let c = at % channels;
                hulls[c] = hulls[c].hull(hull(&columns[usize::from(class)], input.ranges[c]));
            }
            hulls
        }
        Shape::Dense(_) => {
            let period = quantize::period(quantizer, shape, input)?;
            let classes = classes.iter().take(period).enumerate();
            classes.map(|(at, &class)| hull(&columns[usize::from(class)], input.range_at(at))).collect()
        }
    };
    // Only if it leaves zero as it is, what is not active stays zero.
    let keeps_zero = (range.lo..=range.hi).contains(&0) && columns.iter().all(|column| column[(-range.lo) as usize] == 0);
    let output = Values { fraction, divisor: 1, ranges, active: input.active.filter(|_| keeps_zero) };
    let table = Table { input: Format::holding(range, input.fraction), first: range.lo as i64, entries: columns };
    Ok((FixedLookup { lookup: lookup.clone(), classes, table }, output))
}

impl Rules for FixedLookup {
    fn about(&self) -> About<'_> {
        About { extent: Extent::ONE, knobs: &[], variants: &[], accumulator: None, weights: None, moves: false, reorders: false }
    }

    fn gives(&self, _: &LayerPlan) -> Gives {
        Gives::All
    }

    fn lower(&self, site: Site<'_>) -> Result<Kernel> {
        LookupKernel::new(self, site).map(Kernel::Lookup)
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

/// See [`Kernel::Lookup`].
#[derive(Debug, Clone, PartialEq)]
pub struct LookupKernel {
    /// What it goes over.
    pub elements: Elements,
    /// What the table holds.
    pub function: Function,
    /// Which of the table's formats an element has.
    pub choice: FormatChoice,
    /// The function's values.
    pub table: IndexedTable,
}

/// A table of mantissas, indexed with a mantissa.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexedTable {
    /// The mantissa that has entry 0.
    pub first: i64,
    /// Entries of a format.
    pub entries: usize,
    /// Bits of the index of an entry.
    pub index_bits: u32,
    /// Formats, each of which has all entries.
    pub formats: usize,
    /// The entries, (format, entry), with the binary point of the result.
    pub values: Vec<i64>,
}

impl IndexedTable {
    pub(super) fn new(table: &Table) -> Result<Self> {
        let entries = table.entries.first().map_or(0, Vec::len);
        if entries == 0 {
            return Err(Error::internal("a table without entries"));
        }
        Ok(Self {
            first: table.first,
            entries,
            index_bits: bits_for(entries - 1),
            formats: table.entries.len(),
            values: table.entries.concat(),
        })
    }
}

impl LookupKernel {
    pub(super) fn new(op: &FixedLookup, site: Site<'_>) -> Result<Self> {
        let FixedLookup { lookup, classes, table } = op;
        Ok(Self {
            elements: site.input.elements(),
            function: lookup.function,
            choice: FormatChoice::new(&lookup.output, classes, site.input),
            table: IndexedTable::new(table)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Code, network::Quantizer, ops::Active};

    #[test]
    fn pixels_that_are_not_active_count_behind_a_function_that_makes_something_of_zero() {
        let active = Some(Active { pixels: 1, channels: 2 });
        let input = Values { fraction: 1, divisor: 1, ranges: vec![MantissaRange { lo: -3, hi: 3 }; 4], active };
        let output = Quantizer::of_format(Format { signed: true, width: 6, fraction: 3 }, 1);
        let behind = |function| {
            let lookup = Lookup { function, output: output.clone() };
            fix(&lookup, &Shape::Dense(vec![4]), &input).unwrap().1.active.is_some()
        };
        assert!(behind(Function::Tanh) && behind(Function::Elu));
        assert!(!behind(Function::Sigmoid) && !behind(Function::Exp { scale: 1.0 }));
    }

    #[test]
    fn an_index_has_the_bits_of_the_last_entry() {
        let table = |entries: usize| {
            let input = Format { signed: false, width: 16, fraction: 0 };
            IndexedTable::new(&Table { input, first: -3, entries: vec![vec![1; entries], vec![2; entries]] })
        };
        let bits = |entries| table(entries).unwrap().index_bits;
        assert_eq!([1, 2, 3, 256, 257, 1 << 16].map(bits), [1, 1, 2, 8, 9, 16]);
        let three = table(3).unwrap();
        assert_eq!((three.first, three.entries, three.formats), (-3, 3, 2));
        assert_eq!(three.values, [1, 1, 1, 2, 2, 2]);
        assert_eq!(table(0).unwrap_err().code(), Code::Internal);
    }
}
