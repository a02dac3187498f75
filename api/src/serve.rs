//! The composition root: from the configuration to the end of the process.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use acme::{AcmeParts, AcmeState, Bases, NonceError};
use ca::{Authority, AuthorityParts, IssueError, RingLink, Rings};
use daemon::End;
use model::{AuditAction, Clock, NewAuditEvent, RingName};
use signer_client::{ClientOptions, HandshakeSigner, SignerClient, Sockets};
use store::{OpenError, Store, audit};
use tokio::task::JoinSet;
use tokio::time::timeout;
use x509::GeneralName;

use crate::auth::{BootstrapError, Tokens, bootstrap};
use crate::config::ConfigError;
use crate::listen::shutdown;
use crate::listeners::Listeners;
use crate::problem::chain;
use crate::tls::{Renewal, Resolver, Way};
use crate::{ApiState, Config, Meters, SystemClock};

/// How long a start waits for what the signer's journal tells.
const RECOVERY: Duration = Duration::from_secs(10);
/// How long a start waits for the server's own certificate.
const OWN_CERTIFICATE: Duration = Duration::from_secs(5);
/// How long a handshake waits for the signer: as long as a busy machine or a cloud service takes, and
/// no longer, since handshakes have few threads.
const SIGNING: Duration = Duration::from_millis(500);

/// Says why the server does not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The database.
    #[error("cannot open the database")]
    Open(#[from] OpenError),
    /// What the CA needs from the database.
    #[error("cannot open the authority")]
    Authority(#[from] IssueError),
    /// What the ACME server needs from the database.
    #[error("cannot open the ACME server")]
    Acme(#[source] NonceError),
    /// The first token.
    #[error(transparent)]
    Bootstrap(#[from] BootstrapError),
    /// TLS.
    #[error("cannot set TLS up")]
    Tls(#[source] rustls::Error),
    /// An address.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// Signals or standard output.
    #[error("the system refuses")]
    System(#[source] std::io::Error),
}

/// Serves until SIGTERM, SIGINT, or the end of `parent`, whose data it does not read.
///
/// The signer need not be there: what needs it answers 503 until it is.
///
/// # Errors
/// [`ServeError`] if it does not come as far as serving.
pub async fn run(config: Config, parent: bool) -> Result<(), ServeError> {
    config.log.start();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let store = Store::open(&config.database.url()?, Arc::clone(&clock)).await?;
    let parts = AuthorityParts {
        store: store.clone(),
        rings: rings(&config),
        clock: Arc::clone(&clock),
        urls: config.urls.clone(),
    };
    let authority = Authority::open(parts).await?;
    let tokens = Tokens::new(store.clone(), Arc::clone(&clock));
    if let Some(how) = &config.bootstrap {
        bootstrap(how, &tokens, &store).await?;
    }
    let outcome = serve(config, parent, authority, tokens).await;
    store.close().await;
    outcome
}

/// Makes the ways to the signers; nothing connects yet.
fn rings(config: &Config) -> Rings {
    let mut links = config.rings.iter().map(|place| RingLink {
        name: place.name.clone(),
        signer: SignerClient::connect(Sockets::of_server(&place.run), ClientOptions::default()),
    });
    let first = links.next().expect("a configuration has a ring");
    Rings::new(first, links).expect("a configuration has no two rings of one name")
}

fn first_run(config: &Config) -> &Path {
    &config.rings.first().expect("a configuration has a ring").run
}

/// Serves with everything that is below it open.
async fn serve(
    config: Config,
    parent: bool,
    authority: Authority,
    tokens: Tokens,
) -> Result<(), ServeError> {
    catch_up(&authority).await;
    let resolver = Arc::new(Resolver::default());
    let listeners = Listeners::bind(&config, &resolver).await?;
    let acme = acme(&config, &authority, &listeners.tls_ports()).await?;
    let state = ApiState {
        authority: authority.clone(),
        tokens,
        meters: Meters::install(),
        readiness: Arc::default(),
        acme,
    };
    let signer = HandshakeSigner::new(first_run(&config).join("issue.sock"), SIGNING);
    let way = Way::new(config.tls.key.clone(), signer);
    let mut renewal = Renewal::take_up(authority.clone(), config.tls.clone(), way, resolver);
    let first = timeout(OWN_CERTIFICATE, renewal.renew_if_due()).await;
    if !renewal.has_certificate() {
        let why = match first {
            Ok(Err(error)) => chain(&error),
            _ => "no answer in time".to_owned(),
        };
        tracing::warn!(why, "TLS handshakes fail until the server has a certificate");
    }
    let (jobs, acme_jobs) = (authority.jobs(), state.acme.jobs());
    let mut background = JoinSet::new();
    background.spawn(renewal.run());
    background.spawn(state.meters.clone().upkeep());
    note_start(&authority).await;
    let reasons = End::watch(parent).map_err(ServeError::System)?;
    listeners.say_ready().map_err(ServeError::System)?;
    let (end, ends) = shutdown();
    let listeners = listeners.run(&state, &ends);
    let until_told = async {
        reasons.wait().await;
        // A receiver is held above.
        let _ = end.send(true);
    };
    tokio::join!(listeners, until_told);
    background.shutdown().await;
    acme_jobs.shutdown().await;
    jobs.shutdown().await;
    Ok(())
}

/// Opens the ACME server: it answers under the server's own names, and those of its proxies.
async fn acme(
    config: &Config,
    authority: &Authority,
    ports: &[u16],
) -> Result<AcmeState, ServeError> {
    let own = config.tls.names.iter().filter_map(|name| match name {
        GeneralName::Dns(name) => Some(name.clone()),
        GeneralName::Ip(IpAddr::V4(address)) => Some(address.to_string()),
        GeneralName::Ip(IpAddr::V6(address)) => Some(format!("[{address}]")),
        _ => None,
    });
    let own = own.flat_map(|host| {
        ports.iter().map(move |port| match port {
            443 => format!("https://{host}"),
            port => format!("https://{host}:{port}"),
        })
    });
    let parts = AcmeParts {
        authority: authority.clone(),
        settings: config.acme.settings.clone(),
        bases: Bases::new(own.chain(config.acme.urls.iter().cloned())),
        validator: config.va_socket.clone(),
    };
    AcmeState::open(parts).await.map_err(ServeError::Acme)
}

/// Takes over what the signers did while this process was not there. What a signer that is away
/// has to tell, the jobs take over later.
async fn catch_up(authority: &Authority) {
    let mut each = JoinSet::new();
    for ring in authority.ring_names() {
        each.spawn(catch_up_with(authority.clone(), ring.clone()));
    }
    each.join_all().await;
    if let Err(error) = authority.reload_issuers().await {
        let error = chain(&error);
        tracing::warn!(error, "the issuers' keys are read later");
    }
}

async fn catch_up_with(authority: Authority, ring: RingName) {
    match timeout(RECOVERY, authority.recover_ring(&ring)).await {
        Ok(Ok(report)) => tracing::info!(
            %ring,
            from = report.from,
            to = report.to,
            certificates = report.certificates,
            changes = report.changes,
            issuers = report.issuers,
            "the journal is taken over"
        ),
        Ok(Err(error)) => {
            let error = chain(&error);
            tracing::warn!(%ring, error, "the journal is taken over later");
        }
        Err(_) => tracing::warn!(%ring, "the journal is long and is taken over while serving"),
    }
}

async fn note_start(authority: &Authority) {
    let event = NewAuditEvent {
        at: authority.now(),
        actor: "system".to_owned(),
        action: AuditAction::ServerStart,
        target: "server".to_owned(),
        detail: format!(r#"{{"version":"{}"}}"#, env!("CARGO_PKG_VERSION")),
        journal: None,
    };
    let write =
        authority.store().write(move |tx| Box::pin(async move { audit::append(tx, &event).await }));
    if let Err(error) = write.await {
        tracing::warn!(%error, "the start is not in the audit log");
    }
}
