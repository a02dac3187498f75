//! Headers by which what we serve is kept, and asked for again only if it changed.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use x509::UnixTime;

use crate::http_date;

/// Something that may be kept.
pub(crate) struct Kept {
    /// Its media type.
    pub(crate) media_type: &'static str,
    /// Its strong entity tag, quotes included.
    pub(crate) etag: String,
    /// Since when it is so.
    pub(crate) modified: UnixTime,
    /// When there is a newer one at the latest.
    pub(crate) expires: UnixTime,
    /// For how long a cache need not ask again, in seconds, at most.
    pub(crate) max_age: i64,
}

impl Kept {
    /// Answers with the body, or with 304 if the client has it (RFC 9110 §13.1).
    pub(crate) fn answer(&self, asked: &HeaderMap, now: UnixTime, body: Body) -> Response {
        let body = if self.is_known(asked) { None } else { Some(body) };
        let mut response = match body {
            Some(body) => body.into_response(),
            None => StatusCode::NOT_MODIFIED.into_response(),
        };
        let left = self.expires.seconds_since(now).max(0).min(self.max_age);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.media_type));
        // RFC 5019 §6.2, with an age that lets a revocation be seen long before nextUpdate.
        let control = format!("max-age={left}, public, no-transform, must-revalidate");
        for (name, text) in [
            (header::CACHE_CONTROL, control),
            (header::ETAG, self.etag.clone()),
            (header::LAST_MODIFIED, http_date::write(self.modified)),
            (header::EXPIRES, http_date::write(self.expires)),
        ] {
            if let Ok(value) = HeaderValue::try_from(text) {
                headers.insert(name, value);
            }
        }
        response
    }

    /// RFC 9110 §13.2.2: If-Modified-Since counts only without If-None-Match.
    fn is_known(&self, asked: &HeaderMap) -> bool {
        let mut tags = asked.get_all(header::IF_NONE_MATCH).iter().peekable();
        if tags.peek().is_some() {
            return tags
                .filter_map(|value| value.to_str().ok())
                .flat_map(|value| value.split(','))
                .map(|tag| tag.trim())
                .any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == self.etag);
        }
        asked
            .get(header::IF_MODIFIED_SINCE)
            .and_then(|value| value.to_str().ok())
            .and_then(http_date::read)
            .is_some_and(|since| self.modified <= since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept() -> Kept {
        Kept {
            media_type: "application/pkix-crl",
            etag: "\"ab\"".into(),
            modified: UnixTime(1_000),
            expires: UnixTime(2_000),
            max_age: 300,
        }
    }

    fn asked(name: header::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::try_from(value).expect("a value"))])
    }

    #[test]
    fn what_the_client_has_is_not_sent() {
        let same = http_date::write(UnixTime(1_000));
        let older = http_date::write(UnixTime(999));
        for (name, value, known) in [
            (header::IF_NONE_MATCH, "\"ab\"", true),
            (header::IF_NONE_MATCH, "\"x\", W/\"ab\"", true),
            (header::IF_NONE_MATCH, "*", true),
            (header::IF_NONE_MATCH, "\"x\"", false),
            (header::IF_NONE_MATCH, "ab", false),
            (header::IF_MODIFIED_SINCE, same.as_str(), true),
            (header::IF_MODIFIED_SINCE, older.as_str(), false),
            (header::IF_MODIFIED_SINCE, "yesterday", false),
        ] {
            assert_eq!(kept().is_known(&asked(name, value)), known, "{value}");
        }
        let mut both = asked(header::IF_NONE_MATCH, "\"x\"");
        both.extend(asked(header::IF_MODIFIED_SINCE, &same));
        assert!(!kept().is_known(&both));
    }

    #[test]
    fn the_age_ends_with_the_next_update() {
        for (now, age) in [(1_000, 300), (1_900, 100), (2_000, 0), (9_000, 0)] {
            let response = kept().answer(&HeaderMap::new(), UnixTime(now), Body::empty());
            let control = response.headers()[header::CACHE_CONTROL].to_str().expect("text");
            let expected = format!("max-age={age}, public, no-transform, must-revalidate");
            assert_eq!(control, expected);
        }
    }
}
