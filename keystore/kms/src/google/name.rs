//! How Google names a key: the resource name of a version.

use crate::cloud::Place;

const WORDS: [&str; 5] = ["projects", "locations", "keyRings", "cryptoKeys", "cryptoKeyVersions"];

/// Reads `projects/P/locations/L/keyRings/R/cryptoKeys/K/cryptoKeyVersions/V`.
pub(crate) fn read(text: &str) -> Result<Place, &'static str> {
    match values(text, &WORDS) {
        Some(values) => Ok(Place {
            region: values.get(1).copied().unwrap_or_default().to_owned(),
            name: text.to_owned(),
        }),
        None => Err("it is no key version: \
            projects/P/locations/L/keyRings/R/cryptoKeys/K/cryptoKeyVersions/V"),
    }
}

/// Says whether a text names a key ring: `projects/P/locations/L/keyRings/R`.
pub(crate) fn is_key_ring(text: &str) -> bool {
    WORDS.get(..3).is_some_and(|words| values(text, words).is_some())
}

/// Returns the location of a resource.
pub(super) fn location(name: &str) -> Option<&str> {
    let mut parts = name.split('/');
    parts.find(|part| *part == "locations")?;
    parts.next()
}

fn values<'a>(text: &'a str, words: &[&str]) -> Option<Vec<&'a str>> {
    let parts: Vec<&str> = text.split('/').collect();
    let (pairs, rest) = parts.as_chunks::<2>();
    if pairs.len() != words.len() || !rest.is_empty() {
        return None;
    }
    pairs
        .iter()
        .zip(words)
        .map(|([name, value], word)| (name == word && is_value(value)).then_some(*value))
        .collect()
}

/// A project may be of a domain: `example.com:project`.
fn is_value(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && !text.starts_with('.')
        && text.bytes().all(|c| c.is_ascii_alphanumeric() || b"-_.:".contains(&c))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "projects/example.com:p/locations/europe-west3/keyRings/ca/cryptoKeys/k/cryptoKeyVersions/2";

    #[test]
    fn a_version_is_named_in_full() {
        let place = read(KEY).unwrap();
        assert_eq!((place.region.as_str(), place.name.as_str()), ("europe-west3", KEY));
        assert_eq!(location(KEY), Some("europe-west3"));
        assert!(is_key_ring("projects/p/locations/l/keyRings/r"));
    }

    #[test]
    fn refuses_what_names_no_version() {
        for text in [
            "",
            "k",
            "projects/p/locations/l/keyRings/r/cryptoKeys/k",
            "projects/p/locations/l/keyRings/r/cryptoKeys/k/cryptoKeyVersions/",
            "projects/p/locations/../keyRings/r/cryptoKeys/k/cryptoKeyVersions/1",
            "projects/p/locations/l/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1/x",
            "projects/p/locations/l/keyRings/r/cryptoKeys/a b/cryptoKeyVersions/1",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
        assert!(!is_key_ring(KEY));
    }
}
