//! ACME (RFC 8555), with what came after it: addresses (RFC 8738), renewal information (RFC 9773),
//! profiles. docs/divergences/acme.md answers RFC 8555 section by section.
//!
//! A request passes [`verified`], which checks its JWS, and reaches the one endpoint of its path;
//! an endpoint calls one flow. Every error leaves as a [`problem::Problem`]. Validation is another
//! process' work: [`flow::validate`] asks it over a socket.

mod accounts;
mod base;
mod chaos;
mod endpoint;
mod flow;
mod jobs;
mod jose;
mod kept;
mod limit;
mod nonce;
mod plans;
mod problem;
mod resource;
mod settings;
mod state;
mod surround;
mod verified;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{any, get, post};

pub use base::Bases;
pub use flow::external::{ExternalKeyError, NewExternalKey};
pub use jobs::Jobs;
pub use limit::Applicant;
pub use nonce::NonceError;
pub use settings::{Limits, Settings};
pub use state::{AcmeParts, AcmeState};

/// Returns the routes below `/acme/`.
pub fn routes(state: AcmeState) -> Router {
    Router::new()
        .route("/acme/directory", get(endpoint::directory::of_default))
        .route("/acme/profile/{profile}/directory", get(endpoint::directory::of_profile))
        .route("/acme/new-nonce", get(endpoint::new_nonce::fetch))
        .route("/acme/new-account", post(endpoint::new_account::of_default))
        .route("/acme/profile/{profile}/new-account", post(endpoint::new_account::of_profile))
        .route("/acme/account/{id}", post(endpoint::account::act))
        .route("/acme/account/{id}/orders", post(endpoint::orders::list))
        .route("/acme/key-change", post(endpoint::key_change::act))
        .route("/acme/new-order", post(endpoint::new_order::of_default))
        .route("/acme/profile/{profile}/new-order", post(endpoint::new_order::of_profile))
        .route("/acme/order/{id}", post(endpoint::order::fetch))
        .route("/acme/order/{id}/finalize", post(endpoint::finalize::act))
        .route("/acme/authz/{order}/{number}", post(endpoint::authorization::act))
        .route("/acme/chall/{order}/{number}/{method}", post(endpoint::challenge::act))
        .route("/acme/cert/{id}", post(endpoint::certificate::fetch))
        .route("/acme/cert/{id}/{chain}", post(endpoint::certificate::alternate))
        .route("/acme/revoke-cert", post(endpoint::revoke_cert::act))
        .route("/acme/renewal-info/{id}", get(endpoint::renewal_info::fetch))
        .route("/acme", any(problem::no_route))
        .route("/acme/", any(problem::no_route))
        .route("/acme/{*rest}", any(problem::no_route))
        .method_not_allowed_fallback(problem::no_method)
        .layer(from_fn_with_state(state.clone(), surround::surround))
        .with_state(state)
}
