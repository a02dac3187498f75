//! The server's listeners, and what each of them serves.

use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::listen::{Listener, Shutdown};
use crate::serve::ServeError;
use crate::tls::{Handshakes, Resolver, acceptor, acceptor_with_tls12};
use crate::{ApiState, Config, app};

/// Is what the server listens on.
pub(crate) struct Listeners {
    https: Listener,
    http: Option<Listener>,
    /// For clients of the enrolment protocols that know no newer TLS than 1.2.
    old: Option<Listener>,
}

impl Listeners {
    /// Listens, and accepts nobody yet.
    ///
    /// # Errors
    /// [`ServeError`] for an address that cannot be had.
    pub(crate) async fn bind(
        config: &Config,
        resolver: &Arc<Resolver>,
    ) -> Result<Self, ServeError> {
        let start = |acceptor: Result<_, _>| {
            let acceptor = acceptor.map_err(ServeError::Tls)?;
            Handshakes::start(acceptor).map_err(ServeError::System)
        };
        let https = bind(config.https, Some(start(acceptor(Arc::clone(resolver)))?)).await?;
        let http = match config.http {
            Some(address) => Some(bind(address, None).await?),
            None => None,
        };
        let old = match config.enrolment_tls12 {
            Some(address) => {
                tracing::warn!(%address, "TLS 1.2 is on for the enrolment protocols");
                let handshakes = start(acceptor_with_tls12(Arc::clone(resolver)))?;
                Some(bind(address, Some(handshakes)).await?)
            }
            None => None,
        };
        Ok(Self { https, http, old })
    }

    /// Gives the ports with TLS.
    pub(crate) fn tls_ports(&self) -> Vec<u16> {
        let all = std::iter::once(&self.https).chain(&self.old);
        all.map(|listener| listener.address().port()).collect()
    }

    /// Prints the line that whoever started the server waits for.
    ///
    /// # Errors
    /// What the system said.
    pub(crate) fn say_ready(&self) -> std::io::Result<()> {
        let mut line = format!("ready https={}", self.https.address());
        if let Some(http) = &self.http {
            line.push_str(&format!(" http={}", http.address()));
        }
        if let Some(old) = &self.old {
            line.push_str(&format!(" enrolment_tls12={}", old.address()));
        }
        let mut out = std::io::stdout().lock();
        writeln!(out, "{line}")?;
        out.flush()
    }

    /// Serves until the server ends.
    pub(crate) async fn run(self, state: &ApiState, ends: &Shutdown) {
        let secure = self.https.run(app::https(state.clone()), ends.clone());
        let plain = async {
            if let Some(http) = self.http {
                http.run(app::http(state.clone()), ends.clone()).await;
            }
        };
        let old = async {
            if let Some(old) = self.old {
                old.run(app::enrolment(state.clone()), ends.clone()).await;
            }
        };
        tokio::join!(secure, plain, old);
    }
}

async fn bind(address: SocketAddr, tls: Option<Handshakes>) -> Result<Listener, ServeError> {
    Listener::bind(address, tls).await.map_err(|source| ServeError::Listen { address, source })
}
