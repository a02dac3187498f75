//! `GET /readyz`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use ca::{Authority, Readiness, SignerReadiness};
use http::StatusCode;
use http::header::RETRY_AFTER;
use serde::Serialize;
use utoipa::ToSchema;

use crate::readiness::ReadinessCache;
use crate::resource::Time;

/// What works and what does not.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Readiness)]
pub struct ReadinessBody {
    /// Whether certificates can be issued now.
    ready: bool,
    /// Whether the database answers.
    database: bool,
    /// How the first ring's signer is: `ready`, `locked`, `journal-failed`, `keys-unreachable` or
    /// `unavailable`.
    signer: &'static str,
    /// Every ring, the first one first. One that is away leaves the others in service.
    rings: Vec<RingBody>,
    /// How many issuers can issue leaves now.
    issuing: usize,
    /// The CRL of every issuer that is not retired.
    crls: Vec<CrlBody>,
    /// Whether inventory and journal agreed when they were last compared; null before that. It
    /// makes nothing unready.
    reconciled: Option<bool>,
}

/// How a ring is.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RingReadiness)]
pub struct RingBody {
    /// Its name.
    #[schema(example = "default")]
    name: String,
    /// How its signer is: `ready`, `locked`, `journal-failed`, `keys-unreachable` or `unavailable`.
    signer: &'static str,
    /// How many issuers can issue leaves now by its keys.
    issuing: usize,
}

/// How fresh a CRL is.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CrlReadiness)]
pub struct CrlBody {
    /// Whose.
    issuer: String,
    /// Whether its nextUpdate lies ahead.
    fresh: bool,
    /// Its number.
    number: Option<u64>,
    /// The time of its making.
    this_update: Option<Time>,
    /// The time by which the next one is there.
    next_update: Option<Time>,
}

/// Says whether certificates can be issued now, and if not, what is missing.
#[utoipa::path(
    get, path = "/readyz", operation_id = "readyz", tag = "health", security(()),
    responses(
        (status = 200, description = "Ready", body = ReadinessBody),
        (status = 503, description = "Not ready", body = ReadinessBody)
    )
)]
pub async fn readyz(
    State(authority): State<Authority>,
    State(cache): State<Arc<ReadinessCache>>,
) -> Response {
    let readiness = cache.ask(&authority).await;
    let body = Json(ReadinessBody::from(&*readiness));
    if readiness.is_ready() {
        body.into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "2")], body).into_response()
    }
}

impl From<&Readiness> for ReadinessBody {
    fn from(readiness: &Readiness) -> Self {
        let crls = readiness.crls.iter().map(|crl| CrlBody {
            issuer: crl.issuer.to_string(),
            fresh: crl.fresh,
            number: crl.meta.map(|meta| meta.number),
            this_update: crl.meta.map(|meta| Time(meta.this_update)),
            next_update: crl.meta.map(|meta| Time(meta.next_update)),
        });
        let rings = readiness.rings.iter().map(|ring| RingBody {
            name: ring.name.to_string(),
            signer: word(&ring.signer),
            issuing: ring.issuing,
        });
        Self {
            ready: readiness.is_ready(),
            database: readiness.store,
            signer: word(&readiness.signer),
            rings: rings.collect(),
            issuing: readiness.issuing,
            crls: crls.collect(),
            reconciled: readiness.reconciled,
        }
    }
}

fn word(signer: &SignerReadiness) -> &'static str {
    match signer {
        SignerReadiness::Ready => "ready",
        SignerReadiness::Locked => "locked",
        SignerReadiness::JournalFailed => "journal-failed",
        SignerReadiness::KeysUnreachable(_) => "keys-unreachable",
        // Why stands in the log: anybody may ask here.
        SignerReadiness::Unavailable(_) => "unavailable",
    }
}
