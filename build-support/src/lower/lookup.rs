//! Functions of one variable, as tables.

use super::{Elements, FormatChoice, Site};
use crate::{
    error::{Error, Result},
    fixed::bits_for,
    network::Function,
    ops::{self, FixedLookup},
};

/// See [`Kernel::Lookup`](super::Kernel::Lookup).
#[derive(Debug, Clone, PartialEq)]
pub struct Lookup {
    /// What it goes over.
    pub elements: Elements,
    /// What the table holds.
    pub function: Function,
    /// Which of the table's formats an element has.
    pub choice: FormatChoice,
    /// The function's values.
    pub table: Table,
}

/// A table of mantissas, indexed with a mantissa.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
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

impl Table {
    pub(super) fn new(table: &ops::Table) -> Result<Self> {
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

impl Lookup {
    pub(super) fn new(op: &FixedLookup, site: Site<'_>) -> Result<Self> {
        let FixedLookup { lookup, classes, table } = op;
        Ok(Self {
            elements: site.input.elements(),
            function: lookup.function,
            choice: FormatChoice::new(&lookup.output, classes, site.input),
            table: Table::new(table)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Code, fixed::Format};

    #[test]
    fn an_index_has_the_bits_of_the_last_entry() {
        let table = |entries: usize| {
            let input = Format { signed: false, width: 16, fraction: 0 };
            Table::new(&ops::Table { input, first: -3, entries: vec![vec![1; entries], vec![2; entries]] })
        };
        let bits = |entries| table(entries).unwrap().index_bits;
        assert_eq!([1, 2, 3, 256, 257, 1 << 16].map(bits), [1, 1, 2, 8, 9, 16]);
        let three = table(3).unwrap();
        assert_eq!((three.first, three.entries, three.formats), (-3, 3, 2));
        assert_eq!(three.values, [1, 1, 1, 2, 2, 2]);
        assert_eq!(table(0).unwrap_err().code(), Code::Internal);
    }
}
