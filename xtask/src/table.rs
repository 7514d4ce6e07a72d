//! Aligned columns on a terminal.

use std::fmt::{self, Write as _};

/// Rows under a heading. The first column is text, set left; the others are figures, set right.
#[derive(Debug)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

// === impl Table ===

impl Table {
    pub(crate) fn new(heading: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { rows: vec![heading.into_iter().map(Into::into).collect()] }
    }

    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// The same as a table of Markdown's.
    pub(crate) fn markdown(&self) -> String {
        let mut lines: Vec<String> =
            self.rows.iter().map(|row| format!("| {} |\n", row.join(" | "))).collect();
        let columns = self.rows.first().map_or(0, Vec::len);
        let sides: Vec<&str> = (0..columns).map(|column| if column == 0 { "---" } else { "--:" }).collect();
        lines.insert(lines.len().min(1), format!("|{}|\n", sides.join("|")));
        lines.concat()
    }

    fn widths(&self) -> Vec<usize> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        (0..columns)
            .map(|column| {
                let cells = self.rows.iter().filter_map(|row| row.get(column));
                cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
            })
            .collect()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths = self.widths();
        for row in &self.rows {
            let mut line = String::new();
            for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
                if column == 0 {
                    write!(line, "  {cell:<width$}")?;
                } else {
                    write!(line, "  {cell:>width$}")?;
                }
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Table;

    #[test]
    fn names_are_set_left_and_figures_right() {
        let mut table = Table::new(["", "ms"]);
        table.row(["floor".to_owned(), "2.0".to_owned()]);
        table.row(["this".to_owned(), "12.5".to_owned()]);

        assert_eq!(table.to_string(), "           ms\n  floor   2.0\n  this   12.5\n");
        assert_eq!(table.markdown(), "|  | ms |\n|---|--:|\n| floor | 2.0 |\n| this | 12.5 |\n");
    }
}
