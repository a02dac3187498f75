//! The representation that a client takes (RFC 9110 §12.5.1).

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use http::header::ACCEPT;
use http::request::Parts;

use crate::problem::{Kind, Problem};

/// Is a way to write a certificate down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Representation {
    /// A JSON object.
    Json,
    /// The textual encoding with the path above it, without the root (RFC 8555 §9.1).
    Pem,
    /// DER (RFC 2585 §4.1).
    Der,
}

impl Representation {
    const ALL: [Self; 3] = [Self::Json, Self::Pem, Self::Der];

    /// Gives the media types; the first is what answers say.
    #[must_use]
    pub const fn media(self) -> &'static [&'static str] {
        match self {
            Self::Json => &["application/json"],
            Self::Pem => &["application/pem-certificate-chain", "application/x-pem-file"],
            Self::Der => &["application/pkix-cert"],
        }
    }
}

/// Is what the Accept header says; nothing stands for anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted(Option<String>);

impl<S: Sync> FromRequestParts<S> for Accepted {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let ranges = parts.headers.get_all(ACCEPT).iter();
        let ranges: Vec<&str> = ranges.filter_map(|value| value.to_str().ok()).collect();
        Ok(Self((!ranges.is_empty()).then(|| ranges.join(","))))
    }
}

impl Accepted {
    /// Chooses among all representations.
    ///
    /// # Errors
    /// A 406 [`Problem`] if the client takes none.
    pub fn choose(&self) -> Result<Representation, Problem> {
        let Some(ranges) = &self.0 else {
            return Ok(Representation::Json);
        };
        let mut best: Option<(Representation, u16)> = None;
        for representation in Representation::ALL {
            let quality = representation.media().iter();
            let quality = quality.filter_map(|media| quality_of(media, ranges)).max();
            let quality = quality.unwrap_or(0);
            // Of equals the first, as `ALL` has them.
            if quality > best.map_or(0, |(_, quality)| quality) {
                best = Some((representation, quality));
            }
        }
        best.map(|(representation, _)| representation).ok_or_else(|| {
            Problem::new(
                Kind::NotAcceptable,
                "not-acceptable",
                "there are application/json, application/pem-certificate-chain and \
                     application/pkix-cert",
            )
        })
    }
}

/// Finds the quality, in thousandths, that the most specific matching range gives a media type.
fn quality_of(media: &str, ranges: &str) -> Option<u16> {
    let (kind, _) = media.split_once('/')?;
    let mut best = None;
    for range in ranges.split(',') {
        let mut parts = range.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let specific = if name.eq_ignore_ascii_case(media) {
            2
        } else if name.strip_suffix("/*").is_some_and(|of| of.eq_ignore_ascii_case(kind)) {
            1
        } else if name == "*/*" {
            0
        } else {
            continue;
        };
        let quality = parts.find_map(|part| part.strip_prefix("q=")).map_or(1000, thousandths);
        if best.is_none_or(|(other, _)| specific > other) {
            best = Some((specific, quality));
        }
    }
    best.map(|(_, quality)| quality)
}

fn thousandths(text: &str) -> u16 {
    let quality: f32 = text.parse().unwrap_or(0.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to 0..=1000"
    )]
    {
        (quality.clamp(0.0, 1.0) * 1000.0) as u16
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Representation::{Der, Json, Pem};

    #[test]
    fn the_most_wanted_representation_is_chosen() {
        for (accept, expected) in [
            (None, Some(Json)),
            (Some("*/*"), Some(Json)),
            (Some("application/json"), Some(Json)),
            (Some("application/pkix-cert"), Some(Der)),
            (Some("application/x-pem-file"), Some(Pem)),
            (Some("Application/PEM-certificate-chain"), Some(Pem)),
            (Some("application/json;q=0.5, application/pkix-cert"), Some(Der)),
            (Some("application/json;q=0, */*;q=0.1"), Some(Pem)),
            (Some("application/*;q=0.2, application/pkix-cert;q=0.3"), Some(Der)),
            (Some("text/html"), None),
            (Some("*/*;q=0"), None),
            (Some(""), None),
        ] {
            let accepted = Accepted(accept.map(str::to_owned));
            assert_eq!(accepted.choose().ok(), expected, "{accept:?}");
        }
    }
}
