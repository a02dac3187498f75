//! A ring, a database and an authority between them.

use std::sync::Arc;
use std::time::Duration;

use ca::ceremony::{BootstrapPlan, Bootstrapped, Operator, bootstrap};
use ca::{Authority, AuthorityParts, IssueError, IssueRequest, Issued, Jobs, PublicUrls};
use kit::{KitClock, Plan, Ring, SubjectKey};
use model::{Clock, IssuedCertificate, IssuerName, UnixTime};
use signer::Clock as _;
use signer_client::{ClientOptions, SignerClient, Sockets};
use store::{DatabaseUrl, Store};
use x509::{Csr, Extension, ExtensionValue, GeneralName, Name};

/// Where status is found.
pub const URL: &str = "http://pki.corp.example";

/// The ring's clock as the server sees it: one machine has one clock.
pub struct Shared(pub Arc<KitClock>);

impl Clock for Shared {
    fn unix_millis(&self) -> u64 {
        u64::try_from(self.0.wall_ms()).expect("after 1970")
    }
}

/// Everything that one test needs.
pub struct Bench {
    pub ring: Ring,
    pub store: Store,
    pub authority: Authority,
    pub operator: Operator,
    pub made: Bootstrapped,
}

pub fn urls() -> PublicUrls {
    PublicUrls::new(URL).expect("a base")
}

pub fn issuer(name: &str) -> IssuerName {
    IssuerName::new(name).expect("a name")
}

pub fn plan(names: &[&str]) -> BootstrapPlan {
    let names = names.iter().map(ToString::to_string).collect();
    BootstrapPlan::new("Corp", names, urls())
}

pub async fn memory(ring: &Ring) -> Store {
    let url = "sqlite::memory:".parse().expect("a URL");
    Store::open(&url, Shared(Arc::clone(&ring.clock))).await.expect("a database")
}

/// Opens an authority over a ring and a database.
pub async fn open(ring: &Ring, store: &Store) -> Authority {
    let sockets = Sockets::of_server(&ring.run_dir());
    Authority::open(AuthorityParts {
        store: store.clone(),
        rings: SignerClient::connect(sockets, ClientOptions::default()).into(),
        clock: Arc::new(Shared(Arc::clone(&ring.clock))),
        urls: urls(),
    })
    .await
    .expect("the authority opens")
}

impl Bench {
    /// Makes the first hierarchy, for any name, and takes it over.
    pub async fn start() -> Self {
        Self::with_names(&[]).await
    }

    /// The same for some names.
    pub async fn with_names(names: &[&str]) -> Self {
        Self::with(names, None).await
    }

    /// The same on a database, in memory if none is named.
    pub async fn with(names: &[&str], url: Option<DatabaseUrl>) -> Self {
        let ring = Ring::locked(Plan::default());
        ring.unlock().expect("the credential unlocks");
        let sockets = Sockets::of_operator(&ring.run_dir());
        let operator = Operator::from(SignerClient::connect(sockets, ClientOptions::default()));
        let made = bootstrap(&operator, &plan(names), ring.clock.now()).await;
        let made = made.expect("the first hierarchy");
        let store = match url {
            Some(url) => {
                let clock = Shared(Arc::clone(&ring.clock));
                Store::open(&url, clock).await.expect("a database")
            }
            None => memory(&ring).await,
        };
        let authority = open(&ring, &store).await;
        authority.recover().await.expect("the journal is taken over");
        Self { ring, store, authority, operator, made }
    }

    pub fn now(&self) -> UnixTime {
        self.ring.clock.now()
    }

    /// Issues for a DNS name, with a fresh key.
    pub async fn issue(&self, dns: &str) -> Issued {
        self.authority.issue(request(dns)).await.expect("it is issued")
    }

    pub async fn stored(&self, certificate: &IssuedCertificate) -> IssuedCertificate {
        let found = store::certificates::get(&self.store, certificate.id).await;
        found.expect("the database answers").expect("it is there")
    }

    /// Starts the jobs and waits until every issuer has a CRL and a responder.
    pub async fn jobs(&self) -> Jobs {
        let jobs = self.authority.jobs();
        eventually("responders and CRLs", async || {
            let issuers = self.authority.issuers();
            let ready = self.authority.readiness().await;
            let responding = issuers.iter().all(|i| !i.is_issuing || i.responder.is_some());
            (responding && ready.crls.iter().all(|crl| crl.fresh)).then_some(())
        })
        .await;
        jobs
    }
}

/// Waits up to ten seconds.
pub async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    for _ in 0..500 {
        if let Some(found) = look().await {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{what}: not within ten seconds");
}

pub fn san(names: Vec<GeneralName>) -> Extension {
    Extension::non_critical(ExtensionValue::SubjectAltName(names))
}

pub fn csr(key: &SubjectKey, subject: &Name, extensions: Vec<Extension>) -> Csr {
    Csr::parse(key.request(subject, extensions).as_bytes()).expect("a CSR")
}

/// Asks for a TLS server's certificate.
pub fn request(dns: &str) -> IssueRequest {
    request_with(&SubjectKey::new(), dns)
}

pub fn request_with(key: &SubjectKey, dns: &str) -> IssueRequest {
    let names = san(vec![GeneralName::Dns(dns.into())]);
    IssueRequest {
        profile: "tls-server".parse().expect("a name"),
        csr: csr(key, &kit::name(&format!("CN={dns}")), vec![names]),
        subject: None,
        names: None,
        validity: None,
        requested_by: "tester".into(),
        idempotency: None,
        replaces: None,
    }
}

/// Names the rule that a request broke.
pub fn rule<T: std::fmt::Debug>(outcome: Result<T, IssueError>) -> &'static str {
    outcome.expect_err("it is refused").rule()
}
