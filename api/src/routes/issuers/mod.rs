//! Issuers: wishes for CAs, their CSRs and certificates, their end.

mod adopted;
mod create;
mod csr;
mod import;
mod list;
mod retire;
mod show;

use ca::Authority;
use model::Issuer;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::resource::IssuerBody;
use crate::state::ApiState;

/// Gives the routes below `/api/v1`.
pub fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(create::create, list::list))
        .routes(routes!(show::show))
        .routes(routes!(csr::csr))
        .routes(routes!(import::import))
        .routes(routes!(adopted::adopted))
        .routes(routes!(retire::retire))
}

/// Describes an issuer as it is now.
fn describe(authority: &Authority, issuer: &Issuer) -> IssuerBody {
    let path = authority.path(issuer.id);
    IssuerBody::new(issuer, &path, &authority.issuers(), authority.urls())
}
