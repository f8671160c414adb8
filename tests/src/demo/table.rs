// SPDX-License-Identifier: Apache-2.0
//! Tables of text, columns as wide as their longest cell.

/// The rows below each other. The first one is the head and is underlined; a column of which
/// `right` is true is aligned to the right. The last column is never padded.
#[must_use]
pub fn render(rows: &[Vec<String>], right: &[bool]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        })
        .collect();
    let mut text = String::new();
    for (index, row) in rows.iter().enumerate() {
        text.push_str(&line(row, &widths, right));
        if index == 0 {
            let rules: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
            text.push_str(&line(&rules, &widths, right));
        }
    }
    text
}

fn line(row: &[String], widths: &[usize], right: &[bool]) -> String {
    let mut text = String::new();
    for (column, cell) in row.iter().enumerate() {
        let width = widths.get(column).copied().unwrap_or(0);
        if right.get(column).copied().unwrap_or(false) {
            text.push_str(&format!("  {cell:>width$}"));
        } else {
            text.push_str(&format!("  {cell:<width$}"));
        }
    }
    format!("{}\n", text.trim_end())
}

/// A row of a table.
#[must_use]
pub fn row<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.map(str::to_owned).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let rows = [
            row(["stage", "seconds", ""]),
            row(["deployment", "61.2", "write_image"]),
            row(["größe", "1234.5"]),
        ];
        assert_eq!(
            render(&rows, &[false, true]),
            "  stage       seconds\n  ----------  -------  -----------\n  deployment     61.2  write_image\n  größe        1234.5\n"
        );
        assert_eq!(render(&[], &[]), "");
    }
}
