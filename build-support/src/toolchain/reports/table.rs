//! Tables drawn with `|`, as the tools print them.

/// The cells of every row that begins with `|`, without the lines between. A first cell keeps its leading spaces: Vivado
/// indents what lies deeper in the hierarchy.
pub(crate) fn rows(text: &str) -> impl Iterator<Item = Vec<&str>> {
    text.lines().filter_map(|line| {
        let inner = line.trim().strip_prefix('|')?.strip_suffix('|')?;
        let mut cells: Vec<_> = inner.split('|').map(str::trim).collect();
        if let (Some(first), Some(raw)) = (cells.first_mut(), inner.split('|').next()) {
            *first = raw.trim_end();
        }
        Some(cells)
    })
}

/// The number a cell begins with: `12`, `12(3.4%)`, `0.5`. Nothing for `NA`, `-`, `?`, `undef` or a text.
pub(crate) fn number<T: std::str::FromStr>(cell: &str) -> Option<T> {
    super::number(cell.trim().split(['(', ' ', '%']).next()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_and_numbers_are_read() {
        let text = "+---+\n|  a | 1 |\n+---+\n| b|2(3.4%)|\nno row\n| cut off | 1";
        assert_eq!(rows(text).collect::<Vec<_>>(), [vec!["  a", "1"], vec![" b", "2(3.4%)"]]);
        assert_eq!((number::<u64>("2(3.4%)"), number::<u64>("NA"), number::<f64>(" -0.5 ")), (Some(2), None, Some(-0.5)));
        assert_eq!(number::<u64>("99999999999999999999"), None);
    }
}
