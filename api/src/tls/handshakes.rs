//! Threads of their own for handshakes: each waits for the signer, and must not keep the API.

use std::num::NonZero;
use std::thread::available_parallelism;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::runtime::{Builder, Runtime};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Threads beyond one for each processor: so many handshakes wait for the signer meanwhile.
const WAITING: usize = 2;

/// Shakes hands on its own small runtime.
pub struct Handshakes {
    acceptor: TlsAcceptor,
    /// Taken only when it is dropped.
    runtime: Option<Runtime>,
}

impl Handshakes {
    /// Starts the threads.
    ///
    /// # Errors
    /// What the system said.
    pub fn start(acceptor: TlsAcceptor) -> std::io::Result<Self> {
        let threads = available_parallelism().map_or(1, NonZero::get) + WAITING;
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads)
            .thread_name("handshakes")
            // For the patience of streams with clients that take nothing.
            .enable_time()
            .build()?;
        Ok(Self { acceptor, runtime: Some(runtime) })
    }

    /// Accepts a client. The stream belongs to the caller's runtime before and after.
    ///
    /// # Errors
    /// What went wrong with the handshake.
    pub async fn accept<S>(&self, stream: S) -> std::io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Some(runtime) = &self.runtime else {
            return Err(std::io::Error::other("the server ends"));
        };
        let mut task = Aborting(runtime.spawn(self.acceptor.accept(stream)));
        (&mut task.0).await.map_err(std::io::Error::other)?
    }
}

/// A task that ends with whoever waits for it.
struct Aborting<T>(tokio::task::JoinHandle<T>);

impl<T> Drop for Aborting<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Drop for Handshakes {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // It is dropped inside another runtime, which must not wait.
            runtime.shutdown_background();
        }
    }
}
