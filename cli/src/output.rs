//! Tables for people, JSON for programs.

use std::io::Write as _;

use serde_json::Value;

use crate::exit::Outcome;

/// Prints one line or block of text to standard output. Whoever reads it may have enough, as
/// `head` has.
pub fn text(text: &str) -> Outcome {
    let mut out = std::io::stdout().lock();
    let mut write = || -> std::io::Result<()> {
        out.write_all(text.as_bytes())?;
        if !text.ends_with('\n') {
            out.write_all(b"\n")?;
        }
        out.flush()
    };
    match write() {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}

/// Prints JSON, indented.
pub fn json(value: &Value) -> Outcome {
    text(&format!("{value:#}"))
}

/// Prints rows under their headings, columns as wide as they need be.
pub fn table(headings: &[&str], rows: &[Vec<String>]) -> Outcome {
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count())
            .chain(headings.get(column).map(|heading| heading.chars().count()))
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..headings.len()).map(width).collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let padded: Vec<String> =
            cells.zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        padded.join("  ").trim_end().to_owned()
    };
    let mut out = line(&mut headings.iter().copied()) + "\n";
    for row in rows {
        out += &line(&mut row.iter().map(String::as_str));
        out.push('\n');
    }
    text(&out)
}

/// Prints the fields of one object, a line each.
pub fn fields(value: &Value, names: &[&str]) -> Outcome {
    let rows: Vec<Vec<String>> = names
        .iter()
        .filter(|name| value.get(**name).is_some_and(|field| !field.is_null()))
        .map(|name| vec![(*name).to_owned(), cell(&value[*name])])
        .collect();
    let width = rows.iter().map(|row| row[0].chars().count()).max().unwrap_or(0);
    let lines: Vec<String> =
        rows.iter().map(|row| format!("{:<width$}  {}", row[0], row[1])).collect();
    text(&lines.join("\n"))
}

/// Prints a list of objects as a table of some of their fields, or as JSON.
pub fn list(as_json: bool, items: &[Value], columns: &[(&str, &str)]) -> Outcome {
    if as_json {
        return json(&Value::Array(items.to_vec()));
    }
    let headings: Vec<&str> = columns.iter().map(|(heading, _)| *heading).collect();
    let rows: Vec<Vec<String>> = items
        .iter()
        .map(|item| columns.iter().map(|(_, field)| cell(&item[*field])).collect())
        .collect();
    table(&headings, &rows)
}

/// Shows a JSON value in one cell. Control characters from elsewhere never reach a terminal.
fn cell(value: &Value) -> String {
    let text = match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(cell).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    };
    printable(&text).replace('\n', " ")
}

/// Replaces control characters but line ends.
pub fn printable(text: &str) -> String {
    let shown = |c: char| {
        if c.is_control() && c != '\n' { '\u{fffd}' } else { c }
    };
    text.chars().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_hide_control_characters() {
        assert_eq!(cell(&Value::String("a\u{1b}[31mb".into())), "a\u{fffd}[31mb");
        assert_eq!(cell(&serde_json::json!(["a", 1])), "a,1");
    }
}
