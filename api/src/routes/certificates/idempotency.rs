//! The header Idempotency-Key: a retry with it gets the first answer.

use ca::Idempotency;
use http::{HeaderMap, HeaderName, HeaderValue};
use model::ApiToken;

use crate::problem::Problem;

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Says in an answer that it was given before.
pub(super) const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
/// Octets of a key.
const LONGEST: usize = 255;

/// Takes the key with the digest of the request that it stands for.
pub(super) fn take(
    headers: &HeaderMap,
    token: &ApiToken,
    path: &str,
    body: &[u8],
) -> Result<Option<Idempotency>, Problem> {
    let Some(key) = headers.get(KEY) else {
        return Ok(None);
    };
    let key = key.to_str().ok().filter(|key| !key.is_empty() && key.len() <= LONGEST);
    let key = key.ok_or_else(|| {
        Problem::malformed(
            "idempotency-key-malformed",
            "Idempotency-Key has 1 to 255 visible ASCII characters",
        )
    })?;
    let request = [path.as_bytes(), b"\n", body].concat();
    Ok(Some(Idempotency {
        token: token.id,
        key: key.to_owned(),
        request_sha256: x509::sha256(&request),
    }))
}

/// Writes the header for an answer that was given before.
pub(super) fn replayed(is: bool) -> Option<(HeaderName, HeaderValue)> {
    is.then_some((REPLAYED, HeaderValue::from_static("true")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::testing;
    use model::Role;

    fn taken(key: &str, path: &str, body: &[u8]) -> Result<Option<[u8; 32]>, String> {
        let mut headers = HeaderMap::new();
        headers.insert(KEY, HeaderValue::from_str(key).expect("a value"));
        take(&headers, &testing::token(Role::Operator, 1), path, body)
            .map(|taken| taken.map(|taken| taken.request_sha256))
            .map_err(|problem| problem.rule().to_owned())
    }

    #[test]
    fn the_digest_tells_requests_apart() {
        let one = taken("k", "/a", b"x").expect("taken");
        assert_eq!(one, taken("k", "/a", b"x").expect("taken"));
        assert_ne!(one, taken("k", "/b", b"x").expect("taken"));
        assert_ne!(one, taken("k", "/a", b"y").expect("taken"));
        let none = take(&HeaderMap::new(), &testing::token(Role::Admin, 1), "/a", b"");
        assert!(matches!(none, Ok(None)));
    }

    #[test]
    fn odd_keys_are_refused() {
        for key in ["", "ä", &"x".repeat(256)] {
            let refused = taken(key, "/a", b"");
            assert_eq!(refused, Err("idempotency-key-malformed".to_owned()));
        }
    }
}
