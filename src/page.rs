//! Text for the eye that stands in lines and columns: what plans are printed as.

use std::fmt::Write as _;

/// A row of a table.
pub(crate) struct Row {
    /// The sign before it.
    pub(crate) mark: char,
    /// Its cells, of which the last one takes what it needs.
    pub(crate) cells: Vec<String>,
}

/// A page that grows line by line.
#[derive(Default)]
pub(crate) struct Page {
    /// The lines, each ended by `\n`.
    pub(crate) text: String,
}

impl Page {
    /// Adds a line.
    pub(crate) fn line(&mut self, line: &str) {
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    /// Adds the warnings, if there are any.
    pub(crate) fn warnings(&mut self, warnings: &[String]) {
        if !warnings.is_empty() {
            self.line("\nWarnings");
        }
        for warning in warnings {
            self.line(&format!("  ! {warning}"));
        }
    }

    /// Adds rows with their cells in columns. A column that is empty in each of them takes no room.
    pub(crate) fn rows(&mut self, rows: &[Row]) {
        let columns = rows
            .iter()
            .map(|row| row.cells.len())
            .max()
            .unwrap_or_default();
        let width = |column: usize| {
            let cells = rows.iter().filter_map(|row| row.cells.get(column));
            cells
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or_default()
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for row in rows {
            let mut line = format!("  {} ", row.mark);
            for (column, cell) in row.cells.iter().enumerate() {
                if widths[column] == 0 {
                    continue;
                }
                let padding = widths[column] - cell.chars().count();
                write!(line, "{cell}{}  ", " ".repeat(padding))
                    .expect("writing to a String cannot fail");
            }
            self.line(&line);
        }
    }
}
