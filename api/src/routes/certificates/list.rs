//! `GET /certificates`

use axum::Json;
use axum::extract::State;
use ca::Authority;
use model::{CertificateState, ProfileName};
use serde::Deserialize;
use store::certificates::{self, Cursor, Filter, NameFilter};
use utoipa::IntoParams;
use x509::Serial;

use crate::auth::{Authorized, permission::ReadCertificates};
use crate::extract::QueryOf;
use crate::openapi::Problems;
use crate::problem::Problem;
use crate::resource::{CertificateSummary, Page, Time};
use crate::routes::{find_issuer, limit};

/// Which certificates; all conditions must hold.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct CertificateQuery {
    /// In this state: valid, held, revoked or expired.
    #[param(value_type = Option<String>)]
    state: Option<CertificateState>,
    /// From this profile.
    #[param(value_type = Option<String>)]
    profile: Option<ProfileName>,
    /// By the issuer of this name.
    issuer: Option<String>,
    /// With exactly this alternative or common name; case counts for nothing.
    name: Option<String>,
    /// With a name that ends so, as in `.corp.example`.
    name_suffix: Option<String>,
    /// With this serial number, in hexadecimal.
    serial: Option<String>,
    /// Whose validity ends before this time.
    #[param(value_type = Option<String>, format = DateTime)]
    expires_before: Option<Time>,
    /// Whose validity ends at this time or later.
    #[param(value_type = Option<String>, format = DateTime)]
    expires_after: Option<Time>,
    /// Where to go on: `next` of the page before.
    cursor: Option<String>,
    /// Entries of the page: 1 to 1000, 100 if it is not given.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u16>,
}

/// Lists certificates.
///
/// By name if one is asked for, else soonest expiry first if valid or expired ones or times are
/// asked for, else newest first.
#[utoipa::path(
    get, path = "/certificates", operation_id = "listCertificates", tag = "certificates",
    security(("token" = [])), extensions(("x-permission" = json!("certificates:read"))),
    params(CertificateQuery),
    responses((status = 200, description = "A page", body = Page<CertificateSummary>), Problems)
)]
pub async fn list(
    _: Authorized<ReadCertificates>,
    State(authority): State<Authority>,
    QueryOf(query): QueryOf<CertificateQuery>,
) -> Result<Json<Page<CertificateSummary>>, Problem> {
    let cursor: Option<Cursor> = match &query.cursor {
        Some(text) => Some(text.parse().map_err(cursor_malformed)?),
        None => None,
    };
    let limit = limit(query.limit)?;
    let filter = filter(&authority, query)?;
    let now = authority.now();
    let page = certificates::list(authority.store(), &filter, now, cursor.as_ref(), limit).await?;
    let issuers = authority.issuers();
    let items = page.items.iter();
    Ok(Json(Page {
        items: items
            .map(|certificate| CertificateSummary::new(certificate, &issuers, now))
            .collect(),
        next: page.next.map(|cursor| cursor.to_string()),
    }))
}

fn cursor_malformed(error: certificates::CursorError) -> Problem {
    Problem::malformed("cursor-malformed", error.to_string())
}

fn filter(authority: &Authority, query: CertificateQuery) -> Result<Filter, Problem> {
    let issuer = query.issuer.as_deref();
    let issuer = issuer.map(|name| find_issuer(authority, name)).transpose()?;
    let serial = match query.serial.as_deref().map(Serial::from_hex) {
        Some(Ok(serial)) => Some(serial),
        Some(Err(error)) => {
            return Err(Problem::malformed("serial-malformed", error.to_string()));
        }
        None => None,
    };
    let name = match (query.name, query.name_suffix) {
        (Some(_), Some(_)) => {
            return Err(Problem::malformed("query-malformed", "one of name and name_suffix"));
        }
        (Some(name), None) => Some(NameFilter::Exact(name)),
        (None, Some(suffix)) => Some(NameFilter::Suffix(suffix)),
        (None, None) => None,
    };
    Ok(Filter {
        state: query.state,
        profile: query.profile,
        issuer: issuer.map(|issuer| issuer.id),
        name,
        expires_before: query.expires_before.map(|time| time.0),
        expires_after: query.expires_after.map(|time| time.0),
        serial,
    })
}
