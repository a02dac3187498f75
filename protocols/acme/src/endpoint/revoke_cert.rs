//! POST revokeCert (RFC 8555 §7.6).

use axum::extract::{FromRequest as _, Request, State};
use axum::http::StatusCode;

use crate::flow::revoke::{Revocation, Revoker, revoke};
use crate::problem::Problem;
use crate::state::AcmeState;
use crate::verified::{Body, Either};

/// Revokes for an account, or for whoever has the certificate's key.
pub(crate) async fn act(
    State(state): State<AcmeState>,
    request: Request,
) -> Result<StatusCode, Problem> {
    match Either::<Body<Revocation>>::from_request(request, &state).await? {
        Either::Account(asked) => {
            let by = Revoker::Account(&asked.account.account);
            revoke(&state, &asked.payload.0, &by).await?;
        }
        Either::Key(asked) => {
            revoke(&state, &asked.payload.0, &Revoker::Key(&asked.key)).await?;
        }
    }
    Ok(StatusCode::OK)
}
