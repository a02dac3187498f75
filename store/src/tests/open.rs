use std::os::unix::fs::PermissionsExt;

use super::both_engines;
use super::sample::{certificate, new_issued, stored_issuer};
use crate::engine::Statement;
use crate::testing::{self, TestClock};
use crate::{DatabaseUrl, OpenError, Store, StoreError, certificates, issuers};

/// Marks the database as one of a program that is a schema ahead.
async fn make_newer(store: &Store) {
    let sql = "INSERT INTO schema_migrations (version, applied_at) VALUES ($1, 0)";
    let mark = Statement::new("schema_migrations", sql).int(Store::schema_version() + 1);
    store.write(move |tx| Box::pin(async move { tx.execute(mark).await.map(drop) })).await.unwrap();
}

async fn newer_is_refused(url: &DatabaseUrl) {
    let store = testing::open(url).await;
    make_newer(&store).await;
    store.close().await;
    let supported = Store::schema_version();
    let Err(refused) = Store::open(url, TestClock::default()).await else { panic!("it opened") };
    assert!(
        matches!(refused, OpenError::SchemaNewer { found, supported: s }
            if found == supported + 1 && s == supported),
        "{refused:?}"
    );
    let said = refused.to_string();
    let expected = format!(
        "the database has schema {}, this program knows schemas up to {supported}",
        supported + 1
    );
    assert!(said.contains(&expected), "{said}");
}

async fn opens_again(url: &DatabaseUrl) {
    let first = testing::open(url).await;
    let issuer = stored_issuer(&first, "one").await;
    first.close().await;
    let second = testing::open(url).await;
    assert_eq!(issuers::list(&second).await.unwrap(), [issuer]);
    second.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_refuses_a_newer_schema() {
    let folder = tempfile::tempdir().unwrap();
    newer_is_refused(&DatabaseUrl::sqlite_file(folder.path().join("c.db"))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgresql_refuses_a_newer_schema() {
    let Some(url) = testing::fresh_postgres().await else {
        return;
    };
    newer_is_refused(&url).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_keeps_what_it_has() {
    let folder = tempfile::tempdir().unwrap();
    opens_again(&DatabaseUrl::sqlite_file(folder.path().join("c.db"))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgresql_keeps_what_it_has() {
    let Some(url) = testing::fresh_postgres().await else {
        return;
    };
    opens_again(&url).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn postgresql_is_migrated_once_by_many_servers() {
    let Some(url) = testing::fresh_postgres().await else {
        return;
    };
    let opens: Vec<_> = (0..4)
        .map(|_| {
            let url = url.clone();
            tokio::spawn(async move { testing::open(&url).await })
        })
        .collect();
    for open in opens {
        open.await.unwrap().close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgresql_connections_that_ended_are_replaced() {
    let Some(url) = testing::fresh_postgres().await else {
        return;
    };
    let (store, other) = (testing::open(&url).await, testing::open(&url).await);
    let issuer = stored_issuer(&store, "one").await;
    store.record_issued(new_issued(certificate(issuer.id, 1))).await.unwrap();
    let sql = "SELECT COUNT(pg_terminate_backend(pid)) AS ended FROM pg_stat_activity
               WHERE datname = current_database() AND pid <> pg_backend_pid()";
    let ended = other.rows(Statement::new("pg_stat_activity", sql)).await.unwrap();
    assert!(ended[0].int("ended").unwrap() >= 2);
    assert_eq!(issuers::get(&store, issuer.id).await.unwrap().as_ref(), Some(&issuer));
    store.record_issued(new_issued(certificate(issuer.id, 2))).await.unwrap();
    store.close().await;
    other.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_files_are_the_owners_and_synced_at_every_commit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("made").join("c.db");
    let store = testing::open(&DatabaseUrl::sqlite_file(&path)).await;
    stored_issuer(&store, "one").await;
    for file in ["c.db", "c.db-wal", "c.db-shm"] {
        let mode = std::fs::metadata(path.with_file_name(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    let settings = store
        .write(|tx| {
            Box::pin(async move {
                let mut found = Vec::new();
                for sql in ["PRAGMA synchronous", "PRAGMA foreign_keys"] {
                    let rows = tx.rows(Statement::new("pragma", sql)).await?;
                    found.push(rows[0].int(&sql["PRAGMA ".len()..])?);
                }
                Ok(found)
            })
        })
        .await;
    // synchronous = FULL is 2.
    assert_eq!(settings.unwrap(), [2, 1]);
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_of_sqlite_cannot_write() {
    let (store, _folder) = super::sqlite().await;
    let sneaky = Statement::new("leases", "INSERT INTO leases VALUES ('a', 'b', 1)");
    assert!(matches!(store.rows(sneaky).await, Err(StoreError::Unavailable(_))));
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_takes_long_keeps_no_look_up_waiting() {
    let (store, _folder) = super::sqlite().await;
    let issuer = stored_issuer(&store, "one").await;
    let sql = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 1000000)
               SELECT MAX(x) AS x FROM c";
    let walks: Vec<_> = (0..8)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { store.rows(Statement::new("none", sql)).await })
        })
        .collect();
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    for _ in 0..100 {
        assert_eq!(issuers::get(&store, issuer.id).await.unwrap().as_ref(), Some(&issuer));
    }
    // Twice as many as there are connections for them: half of them were not even begun.
    assert!(walks.iter().any(|walk| !walk.is_finished()));
    for walk in walks {
        assert_eq!(walk.await.unwrap().unwrap()[0].int("x").unwrap(), 1_000_000);
    }
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_in_memory_works_and_is_its_own() {
    let store = testing::open(&"sqlite::memory:".parse().unwrap()).await;
    let issuer = stored_issuer(&store, "one").await;
    let new = certificate(issuer.id, 1);
    store.record_issued(new_issued(new.clone())).await.unwrap();
    assert_eq!(certificates::get(&store, new.id).await.unwrap(), Some(new));
    let other = testing::open(&DatabaseUrl::memory()).await;
    assert_eq!(issuers::list(&other).await.unwrap(), []);
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_is_copied_while_it_is_open() {
    let (store, folder) = super::sqlite().await;
    let issuer = stored_issuer(&store, "one").await;
    let copy = folder.path().join("copy.db");
    store.copy_to(&copy).await.unwrap();
    stored_issuer(&store, "two").await;
    assert!(matches!(store.copy_to(&copy).await, Err(StoreError::Unavailable(_))));
    let copied = testing::open(&DatabaseUrl::sqlite_file(&copy)).await;
    assert_eq!(issuers::list(&copied).await.unwrap(), [issuer]);
    copied.close().await;
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_opened_says_why() {
    let url = DatabaseUrl::sqlite_file("/proc/no/such/folder/c.db");
    let refused = Store::open(&url, TestClock::default()).await.err().unwrap();
    assert!(
        matches!(&refused, OpenError::File { path, .. } if path == "/proc/no/such/folder/c.db")
    );
    let url: DatabaseUrl = "postgres://u:secret@localhost:1/x".parse().unwrap();
    let refused = Store::open(&url, TestClock::default()).await.err().unwrap();
    assert!(matches!(refused, OpenError::Unavailable(_)), "{refused:?}");
    assert!(!format!("{refused:?}").contains("secret"));
}

both_engines! {
    async fn rows_that_cannot_be_are_called_corrupt(store: Store) {
        let issuer = stored_issuer(&store, "one").await;
        let new = certificate(issuer.id, 1);
        store.record_issued(new_issued(new.clone())).await.unwrap();
        for (sql, said) in [
            ("UPDATE certificates SET status = 2", "reason"),
            ("UPDATE certificates SET status = 0, spki_sha256 = serial", "spki_sha256"),
            ("UPDATE certificates SET profile = 'No Name'", "profile"),
        ] {
            let spoil = Statement::new("certificates", sql);
            let spoil = store.write(move |tx| Box::pin(async move { tx.execute(spoil).await }));
            assert_eq!(spoil.await.unwrap(), 1);
            match certificates::get(&store, new.id).await {
                Err(StoreError::Corrupt { table: "certificates", why }) => {
                    assert!(why.starts_with(said), "{why}");
                }
                other => panic!("{other:?}"),
            }
        }
    }
}
