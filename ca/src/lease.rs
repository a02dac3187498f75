//! Work that one server of a database does at a time: under a lease that is renewed while the
//! work lasts. A server that is killed holds the others up for one short lease, however long the
//! work takes.

use std::sync::Arc;
use std::time::Duration;

use model::{Clock, Id};
use store::{Store, StoreError, leases};

/// How long a lease lasts that is not renewed, in seconds.
const LASTS: u32 = 6;
/// How often it is renewed.
const RENEWED: Duration = Duration::from_secs(2);

/// What a lease's holder is an id of.
struct Process;

/// The leases of this process.
pub(crate) struct Leases {
    store: Store,
    clock: Arc<dyn Clock>,
    holder: String,
    renewed: Duration,
}

impl Leases {
    /// Opens. A database in a file has one server: what a predecessor held that was killed is
    /// over at once.
    pub(crate) async fn open(store: Store, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let holder = Id::<Process>::generate(&*clock).to_string();
        if !store.is_shared() {
            let holder = holder.clone();
            let end =
                store.write(|tx| Box::pin(async move { leases::end_others(tx, &holder).await }));
            end.await?;
        }
        Ok(Self { store, clock, holder, renewed: RENEWED })
    }

    /// Names this process where servers share a database.
    pub(crate) fn holder(&self) -> &str {
        &self.holder
    }

    /// Does the work if no other server is at it; none if one is. Work whose lease is lost is
    /// dropped where it waits, as if the process had been killed.
    pub(crate) async fn with<T, E: From<StoreError>>(
        &self,
        name: &str,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<Option<T>, E> {
        if !self.acquire(name).await? {
            return Ok(None);
        }
        let outcome = tokio::select! {
            outcome = work => outcome.map(Some),
            error = self.lose(name) => Err(error.into()),
        };
        self.release(name).await;
        outcome
    }

    async fn acquire(&self, name: &str) -> Result<bool, StoreError> {
        let (name, holder, now) = (name.to_owned(), self.holder.clone(), self.clock.now());
        let acquire = self.store.write(move |tx| {
            Box::pin(async move { leases::try_acquire(tx, &name, &holder, now, LASTS).await })
        });
        acquire.await
    }

    /// Renews the lease until it is another's, or over.
    async fn lose(&self, name: &str) -> StoreError {
        loop {
            tokio::time::sleep(self.renewed).await;
            let (name, holder, now) = (name.to_owned(), self.holder.clone(), self.clock.now());
            let renew = self.store.write(move |tx| {
                Box::pin(async move { leases::renew(tx, &name, &holder, now, LASTS).await })
            });
            match renew.await {
                Err(StoreError::Conflict) => return StoreError::Conflict,
                // A database that is away for a moment may be back before the lease is over.
                Err(error) => tracing::warn!(%error, "a lease is not renewed"),
                Ok(()) => {}
            }
        }
    }

    /// Gives a lease back; if that fails, it ends by itself.
    async fn release(&self, name: &str) {
        let (name, holder) = (name.to_owned(), self.holder.clone());
        let release = self
            .store
            .write(move |tx| Box::pin(async move { leases::release(tx, &name, &holder).await }));
        if let Err(error) = release.await {
            tracing::warn!(%error, "a lease is not given back and will run out");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use tokio::sync::oneshot;
    use tokio::time::sleep;

    use super::*;

    struct Hands(AtomicU64);

    impl Clock for Hands {
        fn unix_millis(&self) -> u64 {
            self.0.load(Ordering::SeqCst)
        }
    }

    impl Hands {
        fn pass(&self, seconds: u64) {
            self.0.fetch_add(seconds * 1_000, Ordering::SeqCst);
        }
    }

    const TICK: Duration = Duration::from_millis(20);

    async fn two() -> (Arc<Hands>, Arc<Leases>, Leases) {
        let clock = Arc::new(Hands(AtomicU64::new(1_800_000_000_000)));
        let url = "sqlite::memory:".parse().expect("a URL");
        let shared: Arc<dyn Clock> = clock.clone();
        let store = Store::open(&url, Arc::clone(&shared)).await.expect("a database");
        let mut one = Leases::open(store.clone(), Arc::clone(&shared)).await.expect("open");
        one.renewed = TICK;
        let other = Leases::open(store, shared).await.expect("open");
        (clock, Arc::new(one), other)
    }

    async fn done() -> Result<(), StoreError> {
        Ok(())
    }

    #[tokio::test]
    async fn long_work_keeps_its_lease_and_gives_it_back() {
        let (clock, one, other) = two().await;
        let (end, ends) = oneshot::channel();
        let (begin, begun) = oneshot::channel();
        let busy = Arc::clone(&one);
        let work = tokio::spawn(async move {
            let work = async {
                begin.send(()).expect("awaited");
                ends.await.expect("sent");
                Ok::<_, StoreError>(7)
            };
            busy.with("crl", work).await
        });
        begun.await.expect("begun");
        for _ in 0..5 {
            clock.pass(u64::from(LASTS) - 1);
            // Some renewals later, the lease lasts from now again.
            sleep(TICK * 5).await;
            assert!(matches!(other.with("crl", done()).await, Ok(None)));
        }
        assert!(matches!(other.with("else", done()).await, Ok(Some(()))), "another lease");
        end.send(()).expect("awaited");
        assert!(matches!(work.await.expect("it ends"), Ok(Some(7))));
        assert!(matches!(other.with("crl", done()).await, Ok(Some(()))), "it was given back");
    }

    #[tokio::test]
    async fn a_lease_that_nobody_renews_is_over_soon_and_work_without_one_is_dropped() {
        let (clock, one, other) = two().await;
        assert!(one.acquire("crl").await.expect("asked"), "as if it had been killed then");
        clock.pass(u64::from(LASTS) - 1);
        assert!(matches!(other.with("crl", done()).await, Ok(None)));
        clock.pass(1);
        // While the other one works, the first comes too late for its own.
        let taken = other.with("crl", async {
            let late = one.lose("crl").await;
            assert!(matches!(late, StoreError::Conflict), "{late}");
            Ok::<_, StoreError>(())
        });
        assert!(matches!(taken.await, Ok(Some(()))));
        let mut held = false;
        let work = async {
            held = true;
            clock.pass(u64::from(LASTS));
            std::future::pending::<Result<(), StoreError>>().await
        };
        assert!(matches!(one.with("crl", work).await, Err(StoreError::Conflict)));
        assert!(held);
    }

    #[tokio::test]
    async fn a_server_with_a_database_of_its_own_waits_for_nobody() {
        let (clock, one, other) = two().await;
        assert!(one.acquire("crl").await.expect("asked"), "as if it had been killed then");
        assert!(matches!(other.with("crl", done()).await, Ok(None)));
        let shared: Arc<dyn Clock> = clock;
        let next = Leases::open(one.store.clone(), shared).await.expect("open");
        assert!(matches!(next.with("crl", done()).await, Ok(Some(()))));
    }
}
