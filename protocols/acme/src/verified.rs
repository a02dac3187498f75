//! Requests whose JWS was verified (RFC 8555 §6.2 to §6.5), as extractors: an endpoint that takes
//! one cannot run without.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode, Uri};
use model::{AcmeAccountState, AcmeErrorKind};
use serde::de::DeserializeOwned;

use crate::accounts::Known;
use crate::base::Base;
use crate::jose::{Jwk, Jws, SignatureAlgorithm, object};
use crate::problem::{Problem, chain};
use crate::state::AcmeState;

/// What stands in a payload.
pub(crate) trait Payload: Sized {
    fn read(octets: &[u8]) -> Result<Self, Problem>;
}

/// POST-as-GET (RFC 8555 §6.3): no octets at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Nothing;

impl Payload for Nothing {
    fn read(octets: &[u8]) -> Result<Self, Problem> {
        if octets.is_empty() {
            return Ok(Self);
        }
        Err(Problem::malformed("this is read by POST-as-GET, with an empty payload"))
    }
}

/// A JSON object; members that nobody knows are passed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned> Payload for Body<T> {
    fn read(octets: &[u8]) -> Result<Self, Problem> {
        object(octets)
            .map(Self)
            .map_err(|error| Problem::malformed(format!("the payload is unusable: {error}")))
    }
}

/// An object, or POST-as-GET.
impl<T: DeserializeOwned> Payload for Option<T> {
    fn read(octets: &[u8]) -> Result<Self, Problem> {
        if octets.is_empty() {
            return Ok(None);
        }
        let Body(body) = Body::read(octets)?;
        Ok(Some(body))
    }
}

/// Is a request of an account that may act.
pub(crate) struct Verified<P> {
    pub(crate) account: Arc<Known>,
    pub(crate) payload: P,
    pub(crate) base: Base,
    /// The URL that the JWS was made for.
    pub(crate) url: String,
    pub(crate) headers: HeaderMap,
    pub(crate) uri: Uri,
}

/// Is a request that brings its own key.
pub(crate) struct SelfSigned<P> {
    pub(crate) key: Jwk,
    pub(crate) payload: P,
    pub(crate) base: Base,
    pub(crate) url: String,
    pub(crate) applicant: Option<crate::limit::Applicant>,
}

/// Is a request of either kind: for revocation (RFC 8555 §7.6).
pub(crate) enum Either<P> {
    Account(Verified<P>),
    Key(SelfSigned<P>),
}

/// What both kinds begin with.
struct Received {
    headers: HeaderMap,
    uri: Uri,
    applicant: Option<crate::limit::Applicant>,
    base: Base,
    url: String,
    jws: Jws,
    algorithm: SignatureAlgorithm,
}

impl Received {
    async fn read(request: Request, state: &AcmeState) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let media = parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        // RFC 8555 §6.2: exactly this one, though a parameter does no harm.
        let bare = media.and_then(|media| media.split(';').next()).unwrap_or_default();
        if !bare.trim().eq_ignore_ascii_case("application/jose+json") {
            return Err(Problem::malformed("a request has the type application/jose+json")
                .with_status(StatusCode::UNSUPPORTED_MEDIA_TYPE));
        }
        let base = state.bases.of_request(&parts).ok_or_else(|| {
            Problem::unauthorized("this server does not answer under the name of the request")
        })?;
        // What the limits of bodies hang on, and no copy of the whole head.
        let applicant = parts.extensions.get().copied();
        let uri = parts.uri;
        let url = base.request(&uri);
        let mut request = Request::new(body);
        *request.extensions_mut() = std::mem::take(&mut parts.extensions);
        let octets = Bytes::from_request(request, &()).await.map_err(|rejected| {
            Problem::malformed(rejected.body_text()).with_status(rejected.status())
        })?;
        let jws = Jws::read(&octets)?;
        let algorithm = SignatureAlgorithm::read(&jws.header.alg)?;
        match jws.header.url.as_deref() {
            Some(signed) if signed == url => {}
            Some(_) => {
                return Err(Problem::unauthorized(
                    "the JWS was made for another URL (RFC 8555 §6.4)",
                ));
            }
            None => return Err(Problem::malformed("the protected header has no `url`")),
        }
        if jws.header.nonce.is_none() {
            return Err(Problem::new(
                AcmeErrorKind::BadNonce,
                "the protected header has no `nonce`",
            ));
        }
        Ok(Self { headers: parts.headers, uri, applicant, base, url, jws, algorithm })
    }

    /// Verifies signature and nonce, in this order: only who signs can use a nonce up.
    async fn verify(&self, state: &AcmeState, key: &Jwk) -> Result<(), Problem> {
        key.verify(self.algorithm, self.jws.signed(), &self.jws.signature)?;
        let nonce = self.jws.header.nonce.as_deref().unwrap_or_default();
        let good = state.nonces.redeem(nonce, state.now()).await;
        let good = good.map_err(|error| Problem::unavailable(&error))?;
        if good && !state.chaos.refuses_nonce() {
            return Ok(());
        }
        Err(Problem::new(
            AcmeErrorKind::BadNonce,
            "the nonce was used before, is old or was not issued here",
        ))
    }

    async fn account<P: Payload>(self, state: &AcmeState) -> Result<Verified<P>, Problem> {
        let kid = self.jws.header.kid.as_deref().unwrap_or_default();
        let id = state.bases.account_id(kid).ok_or_else(|| {
            Problem::new(AcmeErrorKind::AccountDoesNotExist, "`kid` is no account's URL")
        })?;
        let known = state.accounts.get(state.store(), id).await?.ok_or_else(|| {
            Problem::new(AcmeErrorKind::AccountDoesNotExist, "there is no such account")
        })?;
        self.verify(state, &known.key).await?;
        // RFC 8555 §7.3.6.
        if known.account.state != AcmeAccountState::Valid {
            let why = format!("the account is {}", known.account.state.as_str());
            return Err(Problem::unauthorized(why).with_status(StatusCode::UNAUTHORIZED));
        }
        Ok(Verified {
            payload: P::read(&self.jws.payload)?,
            account: known,
            base: self.base,
            url: self.url,
            uri: self.uri,
            headers: self.headers,
        })
    }

    async fn own_key<P: Payload>(self, state: &AcmeState) -> Result<SelfSigned<P>, Problem> {
        let jwk = self.jws.header.jwk.as_ref();
        let jwk = jwk.ok_or_else(|| Problem::malformed("this request brings its key as `jwk`"))?;
        let key = Jwk::read(jwk)?;
        self.verify(state, &key).await?;
        Ok(SelfSigned {
            payload: P::read(&self.jws.payload)?,
            key,
            base: self.base,
            url: self.url,
            applicant: self.applicant,
        })
    }
}

impl<P: Payload> FromRequest<AcmeState> for Verified<P> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &AcmeState) -> Result<Self, Problem> {
        let received = Received::read(request, state).await?;
        if received.jws.header.kid.is_none() {
            return Err(Problem::malformed("this request names its account by `kid`"));
        }
        received.account(state).await
    }
}

impl<P: Payload> FromRequest<AcmeState> for SelfSigned<P> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &AcmeState) -> Result<Self, Problem> {
        Received::read(request, state).await?.own_key(state).await
    }
}

impl<P: Payload> FromRequest<AcmeState> for Either<P> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &AcmeState) -> Result<Self, Problem> {
        let received = Received::read(request, state).await?;
        if received.jws.header.kid.is_some() {
            received.account(state).await.map(Self::Account)
        } else {
            received.own_key(state).await.map(Self::Key)
        }
    }
}

/// Writes a failure of the store that a request can do nothing about.
pub(crate) fn log_only(what: &str, error: &dyn std::error::Error) {
    tracing::warn!(error = chain(error), "{what}");
}
