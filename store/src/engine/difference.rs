//! What truly differs between the engines: one named function each.

use std::fmt::Write as _;

use super::{Connection, Statement};
use crate::StoreError;

/// Is the kind of database.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Engine {
    Sqlite,
    Postgres,
}

/// Writes the value lists of an INSERT of many rows: `($1,$2),($3,$4)`.
///
/// SQLite looks a numbered parameter up in a linear list when it is bound, which makes a statement
/// of n parameters cost n²; nameless ones are free of that and PostgreSQL does not know them.
pub(crate) fn placeholders(engine: Engine, rows: usize, columns: usize) -> String {
    let mut text = String::with_capacity(rows * columns * 6);
    for row in 0..rows {
        text.push_str(if row == 0 { "(" } else { ",(" });
        for column in 0..columns {
            if column > 0 {
                text.push(',');
            }
            match engine {
                Engine::Sqlite => text.push('?'),
                Engine::Postgres => {
                    write!(text, "${}", row * columns + column + 1).expect("a String takes all");
                }
            }
        }
        text.push(')');
    }
    text
}

/// Names a column in a condition that shall filter rows but not choose the index.
///
/// SQLite has no statistics here and takes any equality for selective, then sorts all that it
/// finds; its unary plus forbids that. PostgreSQL has statistics and needs no advice.
pub(crate) fn unindexed(engine: Engine, column: &str) -> String {
    match engine {
        Engine::Sqlite => format!("+{column}"),
        Engine::Postgres => column.to_owned(),
    }
}

/// Keeps other servers from migrating at the same time, until the transaction ends.
///
/// SQLite's BEGIN IMMEDIATE did that already; PostgreSQL wants an advisory lock.
pub(crate) async fn lock_migrations(connection: &mut Connection<'_>) -> Result<(), StoreError> {
    const CHANCERY: i64 = 0x6368_616e_6365_7279;
    match connection.engine() {
        Engine::Sqlite => Ok(()),
        Engine::Postgres => {
            let lock = Statement::new("schema_migrations", "SELECT pg_advisory_xact_lock($1)");
            connection.rows(lock.int(CHANCERY)).await.map(drop)
        }
    }
}

/// Lets the transaction's commit not wait for the disk: for what may be lost with the last second.
///
/// SQLite's commits are shared by all who wait, so that one could not be lighter than the others.
pub(crate) async fn relax_durability(connection: &mut Connection<'_>) -> Result<(), StoreError> {
    match connection.engine() {
        Engine::Sqlite => Ok(()),
        Engine::Postgres => {
            let relax = Statement::new("acme_nonces", "SET LOCAL synchronous_commit TO OFF");
            connection.execute(relax).await.map(drop)
        }
    }
}

/// Makes transactions that count what is there and then add to it take turns, by a number.
///
/// SQLite has one writer; PostgreSQL wants an advisory lock, which ends with the transaction.
pub(crate) async fn take_turns(
    connection: &mut Connection<'_>,
    number: i64,
) -> Result<(), StoreError> {
    match connection.engine() {
        Engine::Sqlite => Ok(()),
        Engine::Postgres => {
            let lock = Statement::new("acme_orders", "SELECT pg_advisory_xact_lock($1)");
            connection.rows(lock.int(number)).await.map(drop)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_count_on() {
        assert_eq!(placeholders(Engine::Postgres, 2, 3), "($1,$2,$3),($4,$5,$6)");
        assert_eq!(placeholders(Engine::Sqlite, 2, 3), "(?,?,?),(?,?,?)");
        assert_eq!(placeholders(Engine::Postgres, 1, 1), "($1)");
    }
}
