//! When to end: SIGTERM, SIGINT, or a parent that is gone.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

/// Waits for a reason to end; made before `ready` is said, so that no signal is missed.
#[derive(Debug)]
pub struct End {
    terminate: Signal,
    interrupt: Signal,
    /// Told when standard input ends.
    parent: Option<oneshot::Receiver<()>>,
}

impl End {
    /// Catches the signals, and watches standard input where a parent holds it open and may die
    /// without a word.
    ///
    /// # Errors
    /// The system's, if it refuses.
    pub fn watch(parent_pipe: bool) -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            parent: parent_pipe.then(watch_parent).transpose()?,
        })
    }

    /// Waits, and logs the reason.
    pub async fn wait(mut self) {
        tokio::select! {
            _ = self.terminate.recv() => tracing::info!(signal = "SIGTERM", "ending"),
            _ = self.interrupt.recv() => tracing::info!(signal = "SIGINT", "ending"),
            () = gone(self.parent) => tracing::info!("the parent is gone, ending"),
        }
    }
}

/// Reads standard input to its end in a thread of its own; what comes is of no interest.
fn watch_parent() -> io::Result<oneshot::Receiver<()>> {
    let (tell, told) = oneshot::channel();
    std::thread::Builder::new().name("parent".to_owned()).spawn(move || {
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        // Nobody listens any more if the process is ending already.
        let _ = tell.send(());
    })?;
    Ok(told)
}

async fn gone(parent: Option<oneshot::Receiver<()>>) {
    let Some(told) = parent else {
        return std::future::pending().await;
    };
    if told.await.is_err() {
        std::future::pending().await
    }
}
