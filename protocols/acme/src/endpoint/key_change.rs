//! POST keyChange (RFC 8555 §7.3.5).

use axum::extract::{FromRequest as _, Request, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::Value;
use store::acme::accounts;

use crate::flow::account::roll_over;
use crate::jose::{Jwk, Jws, SignatureAlgorithm, object};
use crate::problem::Problem;
use crate::resource::{Answer, account};
use crate::state::AcmeState;
use crate::verified::{Body, Verified};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Inner {
    account: String,
    old_key: Value,
}

/// Gives an account another key: the old one signs the request, the new one what is in it.
pub(crate) async fn act(
    State(state): State<AcmeState>,
    request: Request,
) -> Result<Answer, Problem> {
    let asked = Verified::<Body<Value>>::from_request(request, &state).await?;
    let Body(inner) = &asked.payload;
    let inner = Jws::read_inner(inner)?;
    let algorithm = SignatureAlgorithm::read(&inner.header.alg)?;
    if inner.header.nonce.is_some() {
        return Err(Problem::malformed("the inner JWS has no `nonce`"));
    }
    if inner.header.url.as_deref() != Some(&*asked.url) {
        return Err(Problem::malformed("the inner JWS has the `url` of the outer one"));
    }
    let jwk = inner.header.jwk.as_ref();
    let jwk = jwk.ok_or_else(|| Problem::malformed("the inner JWS has the new key as `jwk`"))?;
    let key = Jwk::read(jwk)?;
    key.verify(algorithm, inner.signed(), &inner.signature)?;
    let said: Inner = object(&inner.payload)
        .map_err(|error| Problem::malformed(format!("the inner payload is unusable: {error}")))?;
    let known = &asked.account;
    if said.account != asked.base.account(known.account.id)
        && state.bases.account_id(&said.account) != Some(known.account.id)
    {
        return Err(Problem::malformed("the inner payload names another account"));
    }
    if Jwk::read(&said.old_key)? != known.key {
        return Err(Problem::malformed("the inner payload's oldKey is not the account's"));
    }
    let taken = accounts::find_by_thumbprint(state.store(), &key.thumbprint()).await?;
    if let Some(taken) = taken {
        return Err(Problem::malformed("the new key has an account already")
            .with_status(StatusCode::CONFLICT)
            .at(asked.base.account(taken.id)));
    }
    roll_over(&state, &known.account, &key).await?;
    Ok(Answer::ok(account(&known.account, &asked.base)))
}
