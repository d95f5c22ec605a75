//! Text for a terminal.

use comfy_table::presets;

/// A table without lines, which survives being cut and grepped.
#[derive(Debug)]
pub struct Table(comfy_table::Table);

impl Table {
    /// A table with a header.
    pub fn new(header: &[&str]) -> Self {
        let mut table = comfy_table::Table::new();
        table.load_style(presets::NOTHING).set_header(header);
        Self(table)
    }

    /// A table of names and values.
    pub fn of_properties() -> Self {
        let mut table = comfy_table::Table::new();
        table.load_style(presets::NOTHING);
        Self(table)
    }

    /// Adds a row.
    pub fn row<const N: usize>(&mut self, cells: [&str; N]) {
        self.0.add_row(cells.map(printable));
    }

    /// Adds a row of as many cells as there are columns.
    pub fn cells(&mut self, cells: impl IntoIterator<Item = String>) {
        self.0.add_row(cells.into_iter().map(|cell| printable(&cell)));
    }
}

impl std::fmt::Display for Table {
    /// The table, without the blanks that it would begin and end its lines with.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = self.0.to_string();
        text.lines().try_for_each(|line| writeln!(f, "{}", line.strip_prefix(' ').unwrap_or(line).trim_end()))
    }
}

/// The text with its control characters made visible: what comes out of a file must not drive the terminal.
pub fn printable(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}

/// A number of things: `1 error`, `2 errors`.
pub fn counted(number: usize, one: &str) -> String {
    format!("{number} {one}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_lines_have_no_blanks_around_them() {
        let mut table = Table::new(&["METHOD", "PATH"]);
        table.row(["GET", "/pets"]);
        table.row(["DELETE", "/a"]);
        assert_eq!(table.to_string(), "METHOD  PATH\nGET     /pets\nDELETE  /a\n");
    }

    #[test]
    fn a_file_cannot_drive_the_terminal() {
        assert_eq!(printable("a\u{1b}[2Jb\nü"), "a\\u{1b}[2Jb\\nü");
    }
}
