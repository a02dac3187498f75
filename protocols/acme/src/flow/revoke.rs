//! Revocation (RFC 8555 §7.6).

use ca::{IssueError, RevokeRequest};
use model::{
    AcmeAccount, AcmeErrorKind, AcmeIdentifier, CertificateStatus, IssuedCertificate, UnixTime,
};
use serde::Deserialize;
use store::acme::{authorizations, orders};
use x509::{Certificate, CrlReason};

use super::account::actor;
use super::certificate_id;
use crate::jose::{Jwk, decode};
use crate::problem::Problem;
use crate::state::AcmeState;

/// What a client wants revoked.
#[derive(Debug, Deserialize)]
pub(crate) struct Revocation {
    certificate: String,
    reason: Option<serde_json::Value>,
}

/// Who wants it.
pub(crate) enum Revoker<'a> {
    /// An account.
    Account(&'a AcmeAccount),
    /// A key.
    Key(&'a Jwk),
}

/// Revokes.
pub(crate) async fn revoke(
    state: &AcmeState,
    wanted: &Revocation,
    by: &Revoker<'_>,
) -> Result<(), Problem> {
    let reason = read_reason(wanted.reason.as_ref())?;
    let der = decode("the certificate", &wanted.certificate)?;
    let (row, certificate) = certificate_id::find_by_der(state, &der).await?;
    let by = match by {
        Revoker::Account(account) => {
            check_account(state, account, &row, &certificate).await?;
            actor(account.id)
        }
        Revoker::Key(key) => {
            if key.spki() != certificate.tbs().public_key.spki().as_bytes() {
                let why = "the request is signed by neither an account nor the certificate's key";
                return Err(Problem::unauthorized(why));
            }
            "acme:certificate-key".to_owned()
        }
    };
    if matches!(row.status, CertificateStatus::Revoked { .. }) {
        return Err(Problem::new(AcmeErrorKind::AlreadyRevoked, "the certificate is revoked"));
    }
    let request = RevokeRequest { id: row.id, reason, invalidity: None, by };
    match state.authority.revoke(request).await {
        Ok(_) => Ok(()),
        Err(error @ IssueError::Refused(_)) => match error.rule() {
            "already-revoked" => {
                Err(Problem::new(AcmeErrorKind::AlreadyRevoked, "the certificate is revoked"))
            }
            _ => Err(Problem::new(AcmeErrorKind::BadRevocationReason, error.to_string())),
        },
        Err(error) => Err(error.into()),
    }
}

/// RFC 5280 §5.3.1: any reason but removeFromCRL, which revokes nothing.
fn read_reason(reason: Option<&serde_json::Value>) -> Result<CrlReason, Problem> {
    let Some(reason) = reason else {
        return Ok(CrlReason::Unspecified);
    };
    let bad = || {
        let why = "the reason is one of RFC 5280 §5.3.1 that revokes: 0 to 6, 9 or 10";
        Problem::new(AcmeErrorKind::BadRevocationReason, why)
    };
    let code = reason.as_u64().and_then(|code| u8::try_from(code).ok()).ok_or_else(bad)?;
    let reason = CrlReason::from_code(code).ok_or_else(bad)?;
    if reason == CrlReason::RemoveFromCrl { Err(bad()) } else { Ok(reason) }
}

/// RFC 8555 §7.6: the account that it was issued to, or one that has authorizations for all names.
async fn check_account(
    state: &AcmeState,
    account: &AcmeAccount,
    row: &IssuedCertificate,
    certificate: &Certificate,
) -> Result<(), Problem> {
    if orders::account_of(state.store(), row.id).await? == Some(account.id) {
        return Ok(());
    }
    let refused = || {
        Problem::unauthorized(
            "the certificate is another's, and the account has no authorization \
                               for all of its names",
        )
    };
    let names = certificate.tbs().extensions.subject_alt_name().unwrap_or_default();
    if names.is_empty() {
        return Err(refused());
    }
    let now = state.now();
    for name in names {
        let identifier = AcmeIdentifier::of_general_name(name).ok_or_else(refused)?;
        let span = (UnixTime(0), now);
        let proof =
            authorizations::newest_proof(state.store(), account.id, &identifier, span).await?;
        // Trust is no authorization: it would let every account revoke every certificate.
        if proof.is_none_or(|(proof, _)| proof.method.is_none()) {
            return Err(refused());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_those_that_revoke() {
        let read = |text: &str| {
            let value = serde_json::from_str(text).expect("JSON");
            read_reason(Some(&value)).map_err(|problem| problem.kind())
        };
        assert_eq!(read_reason(None).ok(), Some(CrlReason::Unspecified));
        for (text, reason) in [
            ("0", CrlReason::Unspecified),
            ("1", CrlReason::KeyCompromise),
            ("10", CrlReason::AaCompromise),
        ] {
            assert_eq!(read(text), Ok(reason));
        }
        for text in ["7", "8", "11", "256", "-1", "1.5", "\"1\"", "null"] {
            assert_eq!(read(text), Err(AcmeErrorKind::BadRevocationReason), "{text}");
        }
    }
}
