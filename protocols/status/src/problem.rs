//! What is answered when there is nothing to serve.

use std::borrow::Cow;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use ca::StatusError;

/// Is why there is nothing to serve.
#[derive(Debug)]
pub(crate) enum Problem {
    /// No such issuer, or nothing of this kind for it.
    NotFound,
    /// Not now.
    Unavailable,
    /// Not the media type of an OCSP request.
    MediaType,
    /// A query that asks nothing.
    Query(String),
    /// A note that proves nothing.
    Note(String),
}

impl From<StatusError> for Problem {
    fn from(error: StatusError) -> Self {
        match error {
            StatusError::UnknownIssuer => Self::NotFound,
            StatusError::NotYet(_) | StatusError::Faulty(_) | StatusError::Store(_) => {
                tracing::warn!(%error, "no status to serve");
                Self::Unavailable
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, text): (_, Cow<'static, str>) = match self {
            Self::NotFound => (StatusCode::NOT_FOUND, "there is nothing here\n".into()),
            Self::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "try again later\n".into()),
            Self::MediaType => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "an OCSP request is application/ocsp-request\n".into(),
            ),
            Self::Query(why) => (StatusCode::BAD_REQUEST, why.into()),
            Self::Note(why) => (StatusCode::UNPROCESSABLE_ENTITY, why.into()),
        };
        let mut response = (status, text).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        }
        response
    }
}
