//! A server's application with a token for each role.

use std::path::Path;
use std::sync::Arc;

use acme::{AcmeParts, AcmeState, Bases, Settings};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::response::Response;
use ca::ceremony::{BootstrapPlan, bootstrap};
use ca::{Authority, AuthorityParts, PublicUrls};
use chancery_server::auth::{TokenSecret, Tokens};
use chancery_server::{ApiState, Meters, app};
use http::{Method, Request, StatusCode};
use kit::{KitClock, Plan, Ring};
use model::{ApiToken, Clock, Id, Role};
use serde_json::Value;
use signer::Clock as _;
use signer_client::{ClientOptions, SignerClient, Sockets};
use store::testing::TestClock;
use store::{DatabaseUrl, Store};
use tower::ServiceExt as _;

/// An application, with or without a signer.
pub struct Bench {
    pub ring: Option<Ring>,
    pub state: ApiState,
    pub store: Store,
    pub app: Router,
    tokens: Vec<(Role, String, Id<ApiToken>)>,
}

/// The ring's clock as the server sees it: one machine has one clock.
struct Shared(Arc<KitClock>);

impl Clock for Shared {
    fn unix_millis(&self) -> u64 {
        u64::try_from(self.0.wall_ms()).expect("after 1970")
    }
}

fn urls() -> PublicUrls {
    PublicUrls::new("http://pki.corp.example").expect("a base")
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: http::HeaderMap,
    pub body: Vec<u8>,
}

impl Bench {
    /// Makes one whose signer is not there.
    pub async fn new() -> Self {
        let nowhere = std::path::Path::new("/nonexistent");
        Self::over(None, nowhere, Arc::new(TestClock::default())).await
    }

    /// Makes one with the real signer core in this process, its first hierarchy made.
    pub async fn with_signer() -> Self {
        let ring = Ring::locked(Plan::default());
        ring.unlock().expect("the credential unlocks");
        let run = ring.run_dir();
        let operator = SignerClient::connect(Sockets::of_operator(&run), ClientOptions::default());
        let plan = BootstrapPlan::new("Corp", Vec::new(), urls());
        let made = bootstrap(&operator.into(), &plan, ring.clock.now()).await;
        made.expect("the first hierarchy");
        let clock = Arc::new(Shared(Arc::clone(&ring.clock)));
        let bench = Self::over(Some(ring), &run, clock).await;
        let authority = &bench.state.authority;
        authority.recover().await.expect("the journal is read");
        authority.reload_issuers().await.expect("the keys are read");
        bench
    }

    /// Makes one with the same signer and an empty database.
    pub async fn with_another_store(&self) -> Self {
        let ring = self.ring.as_ref().expect("a ring");
        let clock = Arc::new(Shared(Arc::clone(&ring.clock)));
        Self::over(None, &ring.run_dir(), clock).await
    }

    async fn over(ring: Option<Ring>, run: &Path, clock: Arc<dyn Clock>) -> Self {
        let store = Store::open(&DatabaseUrl::memory(), Arc::clone(&clock)).await;
        let store = store.expect("a database");
        let parts = AuthorityParts {
            store: store.clone(),
            rings: SignerClient::connect(Sockets::of_server(run), ClientOptions::default()).into(),
            clock: clock.clone(),
            urls: urls(),
        };
        let authority = Authority::open(parts).await.expect("an authority");
        let acme = AcmeState::open(AcmeParts {
            authority: authority.clone(),
            settings: Settings::new(),
            bases: Bases::new(["https://localhost".to_owned()]),
            validator: None,
        });
        let state = ApiState {
            acme: acme.await.expect("an ACME server"),
            authority,
            tokens: Tokens::new(store.clone(), clock),
            meters: Meters::install(),
            readiness: Arc::default(),
        };
        let mut tokens = Vec::new();
        for role in Role::ALL {
            let secret = TokenSecret::draw().expect("randomness");
            let token = ApiToken {
                id: Id::generate(state.tokens.clock()),
                name: format!("the-{role}"),
                sha256: secret.sha256(),
                role,
                created_at: state.tokens.now(),
                expires_at: None,
                revoked_at: None,
            };
            tokens.push((role, secret.reveal().to_owned(), token.id));
            state.tokens.create(token, "test").await.expect("a token");
        }
        Self { ring, app: app::https(state.clone()), state, store, tokens }
    }

    /// Gives the token of a role.
    pub fn token(&self, role: Role) -> &str {
        let found = self.tokens.iter().find(|(of, _, _)| *of == role);
        &found.expect("a token for each role").1
    }

    /// Gives the id of a role's token.
    pub fn token_id(&self, role: Role) -> Id<ApiToken> {
        let found = self.tokens.iter().find(|(of, _, _)| *of == role);
        found.expect("a token for each role").2
    }

    /// Sends any request.
    pub async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.app.clone().oneshot(request).await;
        Answer::of(response.expect("routers do not fail")).await
    }

    /// Sends a request as a role, or as nobody.
    pub async fn ask(
        &self,
        role: Option<Role>,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(role) = role {
            request = request.header("authorization", format!("Bearer {}", self.token(role)));
        }
        let body = match body {
            Some(value) => {
                request = request.header("content-type", "application/json");
                Body::from(value.to_string())
            }
            None => Body::empty(),
        };
        self.send(request.body(body).expect("a request")).await
    }

    pub async fn get(&self, role: Role, path: &str) -> Answer {
        self.ask(Some(role), Method::GET, path, None).await
    }

    pub async fn post(&self, role: Role, path: &str, body: Value) -> Answer {
        self.ask(Some(role), Method::POST, path, Some(body)).await
    }
}

impl Answer {
    async fn of(response: Response) -> Self {
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, 1 << 20).await.expect("a body");
        Self { status: parts.status, headers: parts.headers, body: body.to_vec() }
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }

    /// Gives status and rule of a problem, checking its form.
    pub fn problem(&self) -> (u16, String) {
        assert_eq!(
            self.headers.get("content-type").map(|media| media.as_bytes()),
            Some(&b"application/problem+json"[..]),
            "{}",
            String::from_utf8_lossy(&self.body)
        );
        let body = self.json();
        let rule = body["rule"].as_str().expect("a rule").to_owned();
        assert_eq!(body["type"], format!("urn:chancery:problem:{rule}"));
        assert_eq!(body["status"], self.status.as_u16());
        let id = self.headers.get("x-request-id").expect("an id");
        assert_eq!(body["request_id"].as_str().map(str::as_bytes), Some(id.as_bytes()));
        (self.status.as_u16(), rule)
    }
}
