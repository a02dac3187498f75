//! Everything that one test needs: a ring, an authority, the server on a port, a validator.

use std::net::SocketAddr;
use std::sync::Arc;

use acme::{AcmeParts, AcmeState, Bases, Settings, routes};
use ca::ceremony::{BootstrapPlan, bootstrap};
use ca::{Authority, AuthorityParts, PublicUrls};
use kit::{KitClock, Plan, Ring, SubjectKey};
use model::{Clock, Profile, ProfileName};
use serde_json::{Value, json};
use signer::Clock as _;
use signer_client::{ClientOptions, SignerClient, Sockets};
use store::{DatabaseUrl, Store, profiles};
use x509::{CsrDer, Extension, ExtensionValue, GeneralName, Name};

use crate::client::{Client, Key, Reply, b64};
use crate::validator::{Served, respond, validate};

pub struct Shared(pub Arc<KitClock>);

impl Clock for Shared {
    fn unix_millis(&self) -> u64 {
        u64::try_from(self.0.wall_ms()).expect("after 1970")
    }
}

pub struct Bench {
    pub ring: Ring,
    pub store: Store,
    pub authority: Authority,
    pub acme: AcmeState,
    pub address: SocketAddr,
    pub served: Served,
    _folder: tempfile::TempDir,
}

/// A profile for tests: what is not said is as in the built-in `acme`.
pub fn profile(san: &str, acme: &str) -> String {
    format!(
        "version = 1\nvalidity = \"90d\"\nmax_validity = \"90d\"\nkey_kinds = [\"p-256\", \
         \"rsa-2048\"]\nextended_key_usage = [\"serverAuth\"]\n[san]\n{san}\n[acme]\n{acme}\n"
    )
}

impl Bench {
    pub async fn start() -> Self {
        Self::with(Settings::new()).await
    }

    pub async fn with(settings: Settings) -> Self {
        Self::on(settings, &DatabaseUrl::memory()).await
    }

    pub async fn on(settings: Settings, url: &DatabaseUrl) -> Self {
        let ring = Ring::locked(Plan::default());
        ring.unlock().expect("the credential unlocks");
        let run = ring.run_dir();
        let connect = |sockets| SignerClient::connect(sockets, ClientOptions::default());
        let urls = PublicUrls::new("http://pki.corp.example").expect("a base");
        let operator = connect(Sockets::of_operator(&run));
        let plan = BootstrapPlan::new("Corp", vec![], urls.clone());
        bootstrap(&operator.into(), &plan, ring.clock.now()).await.expect("a hierarchy");
        let clock = || Shared(Arc::clone(&ring.clock));
        let store = Store::open(url, clock()).await.expect("a database");
        let parts = AuthorityParts {
            store: store.clone(),
            rings: connect(Sockets::of_server(&run)).into(),
            clock: Arc::new(clock()),
            urls,
        };
        let authority = Authority::open(parts).await.expect("it opens");
        authority.recover().await.expect("the journal is taken over");
        let folder = tempfile::tempdir().expect("a folder");
        let (web, served) = respond().await;
        let records = connect(Sockets::of_everyone(&run));
        let validator = validate(folder.path(), web, Arc::clone(&served), records);
        let (acme, address) = serve(&authority, settings, Some(validator)).await;
        Self { ring, store, authority, acme, address, served, _folder: folder }
    }

    /// Adds a profile.
    pub async fn profile(&self, name: &str, body: String) {
        let row = Profile {
            name: ProfileName::new(name).expect("a name"),
            digest: x509::sha256(body.as_bytes()),
            body,
            revision: 1,
            builtin: false,
            enabled: true,
            updated_at: self.authority.now(),
        };
        let write =
            self.store.write(move |tx| Box::pin(async move { profiles::insert(tx, &row).await }));
        write.await.expect("a profile");
        self.authority.reload_profiles().await.expect("profiles");
        assert!(self.authority.find_profile(&ProfileName::new(name).expect("a name")).is_some());
    }

    /// A client with an account.
    pub async fn client(&self) -> Client {
        let mut client = Client::new(self.address, Key::p256());
        client.register().await.expect(201);
        client
    }

    /// Puts what a challenge wants where the validator looks.
    pub fn provide(&self, client: &Client, challenge: &Value, name: &str) {
        let token = challenge["token"].as_str().expect("a token");
        let authorization = format!("{token}.{}", b64(client.key.thumbprint()));
        let (place, content) = match challenge["type"].as_str() {
            Some("dns-01") => {
                (format!("_acme-challenge.{name}"), b64(x509::sha256(authorization.as_bytes())))
            }
            _ => (format!("/.well-known/acme-challenge/{token}"), authorization),
        };
        self.served.lock().expect("a lock").insert(place, content);
    }

    /// Orders, and meets the first challenge of every authorization: the order is ready then.
    pub async fn ready(&self, client: &Client, url: &str, order: Value) -> (String, Value) {
        let reply = client.post(url, order).await.expect(201);
        let location = reply.location();
        for authorization in reply.json()["authorizations"].as_array().expect("authorizations") {
            self.meet(client, authorization.as_str().expect("a URL")).await;
        }
        let order = client.read(&location).await.expect(200).json();
        assert_eq!(order["status"], "ready", "{order}");
        (location, order)
    }

    /// Meets the first challenge of an authorization.
    pub async fn meet(&self, client: &Client, authorization: &str) -> Reply {
        let found = client.read(authorization).await.expect(200).json();
        let challenge = found["challenges"][0].clone();
        if found["status"] == "pending" {
            let name = found["identifier"]["value"].as_str().expect("a name");
            self.provide(client, &challenge, name);
            client.post(challenge["url"].as_str().expect("a URL"), json!({})).await.expect(200);
        }
        let reply = client.read(authorization).await.expect(200);
        assert_eq!(reply.json()["status"], "valid", "{}", reply.text());
        reply
    }

    /// Issues for names by the default profile; gives the order and the chain.
    pub async fn issue(&self, client: &Client, names: &[&str]) -> (Value, String) {
        let (_, order) = self.ready(client, "/acme/new-order", order_of(names)).await;
        let csr = csr(&SubjectKey::new(), names);
        let finalize = order["finalize"].as_str().expect("a URL");
        let done = client.post(finalize, json!({ "csr": b64(csr.as_bytes()) })).await;
        let done = done.expect(200).json();
        assert_eq!(done["status"], "valid", "{done}");
        let chain = client.read(done["certificate"].as_str().expect("a URL")).await;
        (done, chain.expect(200).text())
    }

    /// Counts what was ever issued; the CAs of the hierarchy stand in the inventory, too.
    pub async fn issued(&self) -> usize {
        let filter = store::certificates::Filter::default();
        let now = self.authority.now();
        let page = store::certificates::list(&self.store, &filter, now, None, 1_000).await;
        let leaf =
            |one: &&model::IssuedCertificate| !matches!(one.profile.as_str(), "unknown" | "sub-ca");
        page.expect("the inventory").items.iter().filter(leaf).count()
    }
}

/// Serves on a port of its own.
pub async fn serve(
    authority: &Authority,
    settings: Settings,
    validator: Option<std::path::PathBuf>,
) -> (AcmeState, SocketAddr) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let parts = AcmeParts {
        authority: authority.clone(),
        settings,
        bases: Bases::new([format!("http://{address}")]),
        validator,
    };
    let acme = AcmeState::open(parts).await.expect("it opens");
    let router = routes(acme.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (acme, address)
}

pub fn order_of(names: &[&str]) -> Value {
    let identifier = |name: &&str| {
        let kind = if name.parse::<std::net::IpAddr>().is_ok() { "ip" } else { "dns" };
        json!({ "type": kind, "value": name })
    };
    json!({ "identifiers": names.iter().map(identifier).collect::<Vec<_>>() })
}

pub fn san(names: &[&str]) -> Extension {
    let name = |name: &&str| match name.parse() {
        Ok(address) => GeneralName::Ip(address),
        Err(_) => GeneralName::Dns((*name).to_owned()),
    };
    let names = names.iter().map(name).collect();
    Extension { critical: false, value: ExtensionValue::SubjectAltName(names) }
}

pub fn csr(key: &SubjectKey, names: &[&str]) -> CsrDer {
    key.request(&Name::empty(), vec![san(names)])
}
