//! INSERT statements of many rows.

use std::collections::HashMap;
use std::sync::Arc;

use crate::engine::{Engine, Statement, placeholders};

/// The row counts that statements exist for; a prepared statement each, so there are few, and the
/// gaps are small, so that a group of any size needs few statements.
const SIZES: [usize; 14] = [128, 96, 64, 48, 32, 24, 16, 12, 8, 6, 4, 3, 2, 1];

/// Is an INSERT into one table, without its value lists.
pub(crate) struct Insert {
    pub(crate) table: &'static str,
    /// The column names, with commas.
    pub(crate) columns: &'static str,
    /// What follows the values.
    pub(crate) tail: &'static str,
}

/// Holds the texts of the statements that were needed so far.
pub(crate) struct Texts {
    engine: Engine,
    texts: HashMap<(&'static str, usize), Arc<str>>,
}

impl Texts {
    pub(crate) fn new(engine: Engine) -> Self {
        Self { engine, texts: HashMap::new() }
    }

    /// Gives the statement that inserts that many rows, without its arguments.
    pub(crate) fn statement(&mut self, insert: &Insert, rows: usize) -> Statement {
        let Insert { table, columns, tail } = insert;
        let width = columns.split(',').count();
        let engine = self.engine;
        let text = self.texts.entry((table, rows)).or_insert_with(|| {
            let values = placeholders(engine, rows, width);
            format!("INSERT INTO {table} ({columns}) VALUES {values} {tail}").into()
        });
        Statement::built(table, Arc::clone(text))
    }
}

/// Cuts rows into pieces that statements exist for, the largest first.
pub(crate) fn pieces<T>(mut rows: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let size = SIZES.into_iter().find(|size| *size <= rows.len())?;
        let (piece, rest) = rows.split_at(size);
        rows = rest;
        Some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_cover_all_rows_in_order_and_are_few() {
        for count in 0..=256_usize {
            let rows: Vec<usize> = (0..count).collect();
            let cut: Vec<&[usize]> = pieces(&rows).collect();
            assert_eq!(cut.concat(), rows);
            assert!(cut.len() <= 5, "{count} rows in {} pieces", cut.len());
        }
    }
}
