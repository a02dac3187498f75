//! What is answered when there is nothing to serve.

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
        let (status, text) = match self {
            Self::NotFound => (StatusCode::NOT_FOUND, "there is nothing here\n"),
            Self::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "try again later\n"),
            Self::MediaType => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "an OCSP request is application/ocsp-request\n",
            ),
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
