//! POST-as-GET certificate (RFC 8555 §7.4.2, §9.1).

use std::sync::Arc;

use axum::extract::{FromRequest as _, Path, Request, State};
use axum::http::header::{ACCEPT, CONTENT_TYPE, LINK};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use model::{Id, IssuedCertificate};
use store::acme::orders;
use store::{StoreError, certificates};
use x509::{CertificateDer, pem};

use crate::problem::Problem;
use crate::state::{AcmeState, Download};
use crate::verified::{Nothing, Verified};

const PEM: &str = "application/pem-certificate-chain";
const DER: &str = "application/pkix-cert";

/// Chains that there are: without the root, and with it.
const CHAINS: usize = 2;

/// Reads a certificate with the path above it, without the root.
pub(crate) async fn fetch(
    State(state): State<AcmeState>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    read(&state, &id, 0, request).await
}

/// Reads a certificate with another path above it.
pub(crate) async fn alternate(
    State(state): State<AcmeState>,
    Path((id, chain)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Problem> {
    let number = chain.parse::<usize>().ok().filter(|chain| (1..CHAINS).contains(chain));
    let number = number.filter(|number| number.to_string() == chain);
    read(&state, &id, number.ok_or_else(|| Problem::not_found("chain"))?, request).await
}

async fn read(
    state: &AcmeState,
    id: &str,
    chain: usize,
    request: Request,
) -> Result<Response, Problem> {
    let asked = Verified::<Nothing>::from_request(request, state).await?;
    let missing = || Problem::not_found("certificate");
    let id = id.parse().map_err(|_| missing())?;
    let found = find(state, id).await?.filter(|found| found.account == asked.account.account.id);
    let certificate = found.ok_or_else(missing)?;
    let form = accepted(&asked.headers)?;
    let mut response = match form {
        PEM => {
            let mut path = state.authority.path(certificate.issuer);
            // The root is trusted or it is not: sending it changes nothing, so it stands in the
            // alternate chain only, for clients that install it.
            if chain == 0 && path.len() > 1 {
                path.pop();
            }
            let text = chain_of(&certificate.der, &path);
            (StatusCode::OK, [(CONTENT_TYPE, HeaderValue::from_static(PEM))], text).into_response()
        }
        _ => {
            let der = certificate.der.as_bytes().to_vec();
            (StatusCode::OK, [(CONTENT_TYPE, HeaderValue::from_static(DER))], der).into_response()
        }
    };
    let mut link = |url: String, relation: &str| {
        if let Ok(value) = HeaderValue::try_from(format!("<{url}>;rel=\"{relation}\"")) {
            response.headers_mut().append(LINK, value);
        }
    };
    // RFC 8555 §7.4.2: every chain links to the others.
    for other in (0..CHAINS).filter(|other| *other != chain) {
        link(asked.base.certificate(id, (other > 0).then_some(other)), "alternate");
    }
    // With the leaf alone. Beside a whole chain clients take it for a further part of the chain, and
    // ask for it by POST-as-GET (Caddy).
    if form == DER {
        let issuers = state.authority.issuers();
        if let Some(issuer) = issuers.iter().find(|issuer| issuer.id == certificate.issuer) {
            link(state.authority.urls().ca_certificate(&issuer.name), "up");
        }
    }
    Ok(response)
}

/// Finds a certificate and the account that it was issued to.
async fn find(
    state: &AcmeState,
    id: Id<IssuedCertificate>,
) -> Result<Option<Arc<Download>>, StoreError> {
    if let Some(kept) = state.certificates.get(&id) {
        return Ok(Some(kept));
    }
    let Some(account) = orders::account_of(state.store(), id).await? else {
        return Ok(None);
    };
    let found = certificates::get(state.store(), id).await?;
    Ok(found
        .map(|IssuedCertificate { issuer, der, .. }| Arc::new(Download { account, issuer, der })))
}

fn chain_of(certificate: &CertificateDer, path: &[CertificateDer]) -> String {
    let all = std::iter::once(certificate).chain(path);
    all.map(|der| pem::encode("CERTIFICATE", der.as_bytes())).collect()
}

/// Chooses the form; a client that says nothing gets PEM (RFC 8555 §7.4.2).
fn accepted(headers: &HeaderMap) -> Result<&'static str, Problem> {
    let ranges = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let ranges: Vec<&str> = ranges.flat_map(|value| value.split(',')).map(str::trim).collect();
    if ranges.is_empty() {
        return Ok(PEM);
    }
    let quality = |range: &str| {
        let q = range.split(';').find_map(|part| part.trim().strip_prefix("q="));
        q.map_or(1.0, |q| q.parse::<f32>().unwrap_or(0.0))
    };
    let takes = |media: &str| {
        let matching = |range: &&&str| {
            let name = range.split(';').next().unwrap_or_default().trim();
            name.eq_ignore_ascii_case(media) || name == "application/*" || name == "*/*"
        };
        ranges.iter().filter(matching).map(|range| quality(range)).fold(0.0, f32::max)
    };
    let (pem, der) = (takes(PEM), takes(DER));
    if pem <= 0.0 && der <= 0.0 {
        let why = format!("there are {PEM} and {DER}");
        return Err(Problem::malformed(why).with_status(StatusCode::NOT_ACCEPTABLE));
    }
    Ok(if der > pem { DER } else { PEM })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_wanted_form_is_chosen() {
        for (accept, expected) in [
            (None, Some(PEM)),
            (Some("*/*"), Some(PEM)),
            (Some("application/pem-certificate-chain"), Some(PEM)),
            (Some("application/pkix-cert"), Some(DER)),
            (Some("application/pkix-cert, */*;q=0.5"), Some(DER)),
            (Some("application/pkix-cert;q=0.2, application/pem-certificate-chain"), Some(PEM)),
            (Some("text/html"), None),
            (Some("*/*;q=0"), None),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(accept) = accept {
                headers.insert(ACCEPT, HeaderValue::from_static(accept));
            }
            assert_eq!(accepted(&headers).ok(), expected, "{accept:?}");
        }
    }
}
