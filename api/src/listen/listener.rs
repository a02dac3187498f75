//! A listening socket and its connections.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{sleep, timeout};

use super::Peer;
use super::connection::{Version, serve};
use super::patient::Patient;
use crate::limits;
use crate::tls::Handshakes;

/// How long a listener pauses when the system has no descriptors left.
const EXHAUSTED: Duration = Duration::from_millis(100);

/// Tells that the server ends; every clone hears it.
#[derive(Clone)]
pub struct Shutdown(watch::Receiver<bool>);

/// Makes the pair: send `true` to end.
#[must_use]
pub fn shutdown() -> (watch::Sender<bool>, Shutdown) {
    let (sender, receiver) = watch::channel(false);
    (sender, Shutdown(receiver))
}

impl Shutdown {
    /// Waits until the server ends.
    pub async fn asked(&mut self) {
        // A sender that is gone ends it, too.
        let _ = self.0.wait_for(|ends| *ends).await;
    }
}

/// Is a socket that listens, not yet accepting.
pub struct Listener {
    socket: TcpListener,
    tls: Option<Arc<Handshakes>>,
    address: SocketAddr,
}

impl Listener {
    /// Listens on an address; port 0 takes a free one.
    ///
    /// # Errors
    /// What the system said.
    pub async fn bind(address: SocketAddr, tls: Option<Handshakes>) -> io::Result<Self> {
        let socket = TcpListener::bind(address).await?;
        Ok(Self { address: socket.local_addr()?, socket, tls: tls.map(Arc::new) })
    }

    /// Gives the address that it listens on.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Accepts until the server ends, then waits for the answers that are under way, for a while.
    pub async fn run(self, router: Router, shutdown: Shutdown) {
        let places = Arc::new(Semaphore::new(limits::CONNECTIONS));
        let mut end = shutdown.clone();
        loop {
            let accepted = tokio::select! {
                () = end.asked() => break,
                accepted = self.accept(&places) => accepted,
            };
            let (stream, peer, place) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "no connection could be accepted");
                    sleep(EXHAUSTED).await;
                    continue;
                }
            };
            let (tls, router) = (self.tls.clone(), router.clone());
            tokio::spawn(connect(stream, peer, place, tls, router, shutdown.clone()));
        }
        drop(self.socket);
        let all = u32::try_from(limits::CONNECTIONS).unwrap_or(u32::MAX);
        if timeout(limits::GRACE, places.acquire_many(all)).await.is_err() {
            tracing::warn!("connections are cut off that did not end in time");
        }
    }

    /// Takes a place, then a connection: above the limit clients wait in the system's queue.
    async fn accept(
        &self,
        places: &Arc<Semaphore>,
    ) -> io::Result<(Patient<TcpStream>, Peer, OwnedSemaphorePermit)> {
        let place = Arc::clone(places).acquire_owned().await;
        let place = place.map_err(io::Error::other)?;
        let (stream, peer) = self.socket.accept().await?;
        stream.set_nodelay(true)?;
        Ok((Patient::new(stream, limits::STALL), Peer(peer), place))
    }
}

async fn connect(
    stream: Patient<TcpStream>,
    peer: Peer,
    place: OwnedSemaphorePermit,
    tls: Option<Arc<Handshakes>>,
    router: Router,
    mut shutdown: Shutdown,
) {
    let Some(tls) = tls else {
        serve(stream, peer, (router, Version::Http1), shutdown).await;
        drop(place);
        return;
    };
    let handshake = timeout(limits::HANDSHAKE, tls.accept(stream));
    let shaken = tokio::select! {
        shaken = handshake => shaken,
        () = shutdown.asked() => return,
    };
    match shaken {
        Ok(Ok(stream)) => {
            let version = Version::of(stream.get_ref().1.alpn_protocol());
            serve(stream, peer, (router, version), shutdown).await;
        }
        Ok(Err(error)) => tracing::debug!(peer = %peer.0, %error, "a TLS handshake failed"),
        Err(_) => tracing::debug!(peer = %peer.0, "a TLS handshake took too long"),
    }
    drop(place);
}
