//! Acts that go on to their end though the client goes away.

use std::future::Future;

use tracing::Instrument as _;

use crate::problem::{Problem, internal};

/// Runs an act in a task of its own: a client that hangs up, or a timeout, must not leave a signed
/// certificate without its row and its idempotency key. What is lost all the same, by a crash,
/// the journal brings back.
///
/// # Errors
/// The act's own, or a [`Problem`] if it panicked.
pub async fn detached<T, E>(
    act: impl Future<Output = Result<T, E>> + Send + 'static,
) -> Result<T, Problem>
where
    T: Send + 'static,
    E: Into<Problem> + Send + 'static,
{
    match tokio::spawn(act.in_current_span()).await {
        Ok(outcome) => outcome.map_err(Into::into),
        Err(error) => Err(internal(&error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::sync::oneshot;
    use tokio::time::timeout;

    #[tokio::test]
    async fn goes_on_when_nobody_waits() {
        let (go, wait) = oneshot::channel::<()>();
        let (done, heard) = oneshot::channel();
        let act = detached(async move {
            let _ = wait.await;
            let _ = done.send(());
            Ok::<_, Problem>(())
        });
        assert!(timeout(Duration::from_millis(10), act).await.is_err());
        go.send(()).expect("it waits");
        heard.await.expect("it went on");
    }

    #[tokio::test]
    async fn a_panic_is_our_own_fault() {
        let act = detached::<(), Problem>(async { panic!("of the test") });
        assert_eq!(act.await.expect_err("a problem").rule(), "internal");
    }
}
