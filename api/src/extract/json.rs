//! A JSON body, read from its octets without a detour.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use http::header::CONTENT_TYPE;
use serde::de::DeserializeOwned;

use crate::problem::{Kind, Problem};

/// Is a JSON body (RFC 8259) with its octets; unknown fields are for `T` to refuse.
#[derive(Debug)]
pub struct JsonBody<T> {
    /// What it says.
    pub value: T,
    /// How it says it.
    pub octets: Bytes,
}

impl<S, T> FromRequest<S> for JsonBody<T>
where
    S: Send + Sync,
    T: DeserializeOwned,
{
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let media = request.headers().get(CONTENT_TYPE);
        let is_json = media.is_none_or(|media| is_json(media.as_bytes()));
        let octets = Bytes::from_request(request, state).await?;
        if !is_json {
            return Err(Problem::new(
                Kind::UnsupportedMedia,
                "not-json",
                "the body is application/json",
            ));
        }
        let value = read(&octets)?;
        Ok(Self { value, octets })
    }
}

/// Reads a body; an empty one is an empty object.
fn read<T: DeserializeOwned>(octets: &[u8]) -> Result<T, Problem> {
    let octets: &[u8] = if octets.is_empty() { b"{}" } else { octets };
    // The message tells line, column and field, never the value of a text.
    serde_json::from_slice(octets)
        .map_err(|error| Problem::malformed("json-malformed", error.to_string()))
}

/// Tells whether a media type is JSON; parameters count for nothing.
fn is_json(media: &[u8]) -> bool {
    let essence = media.split(|octet| *octet == b';').next().unwrap_or_default();
    let essence = essence.trim_ascii();
    essence.eq_ignore_ascii_case(b"application/json")
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;

    #[derive(Debug, PartialEq, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        #[serde(default)]
        a: u8,
    }

    async fn extract(media: Option<&str>, body: &str) -> Result<u8, String> {
        let mut request = Request::builder().method("POST");
        if let Some(media) = media {
            request = request.header(CONTENT_TYPE, media);
        }
        let request = request.body(Body::from(body.to_owned())).expect("a request");
        JsonBody::<Sample>::from_request(request, &())
            .await
            .map(|body| body.value.a)
            .map_err(|problem| problem.rule().to_owned())
    }

    #[tokio::test]
    async fn reads_json_and_refuses_the_rest() {
        for (media, body, expected) in [
            (Some("application/json"), r#"{"a":7}"#, Ok(7)),
            (Some("Application/JSON; charset=utf-8"), r#"{"a":7}"#, Ok(7)),
            (None, r#"{"a":7}"#, Ok(7)),
            (None, "", Ok(0)),
            (Some("text/plain"), r#"{"a":7}"#, Err("not-json")),
            (None, r#"{"a":7"#, Err("json-malformed")),
            (None, r#"{"a":7} 1"#, Err("json-malformed")),
            (None, r#"{"b":7}"#, Err("json-malformed")),
            (None, r#"{"a":700}"#, Err("json-malformed")),
        ] {
            let found = extract(media, body).await;
            assert_eq!(found, expected.map_err(str::to_owned), "{media:?} {body}");
        }
    }
}
