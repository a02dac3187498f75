//! The store's functions, each on both engines.

mod acme;
mod adopted;
mod certificates;
mod issued;
mod issuers;
mod list;
mod open;
mod sample;
mod schema;
mod small;
mod tls;
mod write;

use crate::testing;
use crate::{DatabaseUrl, Store};

/// Makes of one body two tests, `sqlite` and `postgresql`, in a module of its name.
macro_rules! both_engines {
    ($($(#[$doc:meta])* async fn $name:ident($store:ident: Store) $body:block)*) => {$(
        $(#[$doc])*
        mod $name {
            use super::*;

            async fn body($store: Store) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                let (store, _folder) = crate::tests::sqlite().await;
                body(store.clone()).await;
                store.close().await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgresql() {
                let Some(url) = crate::testing::fresh_postgres().await else { return };
                let store = crate::testing::open(&url).await;
                body(store.clone()).await;
                store.close().await;
            }
        }
    )*};
}
pub(crate) use both_engines;

/// Opens a SQLite file that goes with the folder.
async fn sqlite() -> (Store, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let url = DatabaseUrl::sqlite_file(folder.path().join("chancery.db"));
    (testing::open(&url).await, folder)
}
