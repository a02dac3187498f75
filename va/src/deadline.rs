//! The time that a validation may take.

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::Failure;

/// When a validation has to be done.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline(Instant);

impl Deadline {
    pub(crate) fn after(time: Duration) -> Self {
        Self(Instant::now() + time)
    }

    /// Waits, at most until the deadline; `what` says in the failure what took too long.
    pub(crate) async fn within<T>(
        self,
        what: impl FnOnce() -> String,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let late = |_| Failure::TimedOut { what: what() };
        timeout_at(self.0, work).await.map_err(late)?
    }

    /// Waits for the DNS, at most until the deadline.
    pub(crate) async fn looking_up<T>(
        self,
        (kind, name): (&'static str, &str),
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let why = "no answer in time";
        let late = |_| Failure::Lookup { name: name.to_owned(), kind, why: why.into() };
        timeout_at(self.0, work).await.map_err(late)?
    }

    /// Shortens it to at most this time from now.
    pub(crate) fn at_most(self, time: Duration) -> Self {
        Self(self.0.min(Instant::now() + time))
    }
}
