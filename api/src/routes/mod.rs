//! The routes of `/api/v1`, one endpoint a file, and those beside it.

mod acme;
mod audit;
mod certificates;
mod health;
mod issuers;
mod journal;
mod profiles;
mod reconciliation;
mod tokens;

pub use health::{health, probes};

use ca::Authority;
use model::Issuer;
use utoipa_axum::router::OpenApiRouter;

use crate::problem::Problem;
use crate::state::ApiState;

/// Entries of a page if the client does not say.
const PAGE: u16 = 100;
/// Entries of a page at most.
const LARGEST_PAGE: u16 = 1000;

/// Gives the routes below `/api/v1`.
pub fn api() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .merge(certificates::routes())
        .merge(issuers::routes())
        .merge(profiles::routes())
        .merge(tokens::routes())
        .merge(acme::routes())
        .merge(audit::routes())
        .merge(journal::routes())
        .merge(reconciliation::routes())
        .merge(health::openapi())
}

/// Checks how many entries a page shall have.
fn limit(asked: Option<u16>) -> Result<u16, Problem> {
    let limit = asked.unwrap_or(PAGE);
    if (1..=LARGEST_PAGE).contains(&limit) {
        Ok(limit)
    } else {
        let detail = format!("limit is 1 to {LARGEST_PAGE}");
        Err(Problem::malformed("limit-out-of-range", detail))
    }
}

/// Finds an issuer by its name, for a filter.
fn find_issuer(authority: &Authority, name: &str) -> Result<Issuer, Problem> {
    let issuers = authority.issuers();
    let found = issuers.iter().find(|issuer| issuer.name.as_str() == name);
    found
        .cloned()
        .ok_or_else(|| Problem::malformed("issuer-unknown", format!("there is no issuer `{name}`")))
}
