//! Certificate status, CA certificates and the log over plain HTTP: what relying parties fetch.
//!
//! RFC 5280 §4.2.1.13 and §4.2.2.1 (CRLs and CA certificates), RFC 6960 Appendix A and RFC 5019
//! (OCSP). Plain HTTP is right here: everything is signed, and TLS would need the very status
//! that is fetched.

mod ca_certificate;
mod caching;
mod crl;
mod http_date;
mod log;
mod ocsp;
mod problem;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use ca::Authority;

/// The largest OCSP request, in octets; what x509 parses at most.
const MAX_REQUEST: usize = 16 * 1024;

/// What these routes use.
#[derive(Clone)]
pub struct StatusState {
    /// Answers.
    pub authority: Authority,
}

/// Returns the routes below `/.well-known/pki/`.
pub fn routes(state: StatusState) -> Router {
    Router::new()
        .route("/.well-known/pki/crl/{file}", get(crl::fetch))
        .route("/.well-known/pki/ca/{file}", get(ca_certificate::fetch))
        .route("/.well-known/pki/log/{log}/checkpoint", get(log::checkpoint).post(log::show))
        .route("/.well-known/pki/log/{log}/checkpoint/cosigned", get(log::cosigned))
        .route("/.well-known/pki/log/{log}/tile/{*place}", get(log::tile))
        .route("/.well-known/pki/log/{log}/proof/inclusion", get(log::inclusion))
        .route("/.well-known/pki/log/{log}/proof/consistency", get(log::consistency))
        .route("/.well-known/pki/ocsp/{issuer}", post(ocsp::by_post))
        .route("/.well-known/pki/ocsp/{issuer}/{*request}", get(ocsp::by_get))
        .layer(DefaultBodyLimit::max(MAX_REQUEST))
        .with_state(state)
}
