//! The two schemas are one: same tables, columns, types, nullability, keys and indexes.

use std::collections::{BTreeMap, BTreeSet};

use crate::engine::Statement;
use crate::{Store, testing};

/// A column's type, as both engines say it, and whether it may be NULL.
type Columns = BTreeMap<(String, String), (String, bool)>;

async fn columns(store: &Store, sql: &'static str) -> Columns {
    let rows = store.rows(Statement::new("schema", sql)).await.unwrap();
    rows.iter()
        .map(|row| {
            let key = (row.text("tbl").unwrap(), row.text("col").unwrap());
            let kind = match row.text("kind").unwrap().to_lowercase().as_str() {
                "blob" | "bytea" => "bytes",
                "integer" | "bigint" => "bigint",
                "text" => "text",
                other => panic!("{key:?} has type {other}"),
            };
            (key, (kind.to_owned(), row.flag("nullable").unwrap()))
        })
        .collect()
}

/// Each index as its table, columns, and whether it is unique or partial; names differ.
async fn indexes(store: &Store, sql: &'static str) -> BTreeSet<(String, String, bool, bool)> {
    let rows = store.rows(Statement::new("schema", sql)).await.unwrap();
    rows.iter()
        .map(|row| {
            (
                row.text("tbl").unwrap(),
                row.text("cols").unwrap(),
                row.flag("is_unique").unwrap(),
                row.flag("is_partial").unwrap(),
            )
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_engines_have_the_same_schema() {
    let Some(url) = testing::fresh_postgres().await else {
        return;
    };
    let postgres = testing::open(&url).await;
    let (sqlite, _folder) = super::sqlite().await;

    let of_postgres = columns(
        &postgres,
        "SELECT table_name::text AS tbl, column_name::text AS col, data_type::text AS kind,
             CASE is_nullable WHEN 'YES' THEN 1::bigint ELSE 0::bigint END AS nullable
         FROM information_schema.columns WHERE table_schema = 'public'",
    )
    .await;
    let of_sqlite = columns(
        &sqlite,
        "SELECT m.name AS tbl, c.name AS col, c.type AS kind, 1 - c.\"notnull\" AS nullable
         FROM sqlite_master m CROSS JOIN pragma_table_info(m.name) c WHERE m.type = 'table'",
    )
    .await;
    assert!(of_sqlite.len() > 80, "{of_sqlite:?}");
    assert_eq!(of_sqlite, of_postgres);

    let of_postgres = indexes(
        &postgres,
        "SELECT t.relname::text AS tbl, i.indisunique::int::bigint AS is_unique,
             (i.indpred IS NOT NULL)::int::bigint AS is_partial,
             (SELECT string_agg(a.attname::text, ',' ORDER BY k.place)
              FROM unnest(i.indkey) WITH ORDINALITY k(number, place)
              JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.number) AS cols
         FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid
         JOIN pg_namespace n ON n.oid = t.relnamespace WHERE n.nspname = 'public'",
    )
    .await;
    let mut of_sqlite = indexes(
        &sqlite,
        "SELECT m.name AS tbl, l.\"unique\" AS is_unique, l.partial AS is_partial,
             (SELECT group_concat(name, ',') FROM (
                  SELECT x.name FROM pragma_index_info(l.name) x ORDER BY x.seqno)) AS cols
         FROM sqlite_master m CROSS JOIN pragma_index_list(m.name) l WHERE m.type = 'table'",
    )
    .await;
    // SQLite's integer primary keys are the tables themselves and have no index.
    for (table, column) in
        [("certificates", "seq"), ("audit_events", "seq"), ("schema_migrations", "version")]
    {
        of_sqlite.insert((table.to_owned(), column.to_owned(), true, false));
    }
    assert_eq!(of_sqlite, of_postgres);
    postgres.close().await;
    sqlite.close().await;
}
