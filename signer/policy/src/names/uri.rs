//! uniformResourceIdentifier: well-formed, and its host permitted.

use core::net::{Ipv4Addr, Ipv6Addr};

use signer_proto::{Refusal, Rule};
use x509::check_dns_name;

use super::domain::Domain;
use super::sid;
use crate::section::Scope;

/// The host of a URI as the rules see it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum UriHost<'u> {
    /// No authority, as in `urn:uuid:…`.
    None,
    /// A DNS name.
    Domain(&'u str),
    /// An address literal.
    Address,
}

/// Refuses a URI that is malformed or whose host is not permitted. One that carries a Windows
/// SID is subject to `sid` instead: it names an account, not a place.
pub(crate) fn check(
    permitted: &Scope<Domain>,
    sid_allowed: bool,
    uri: &str,
) -> Result<(), Refusal> {
    let malformed = || Refusal::new(Rule::NameMalformed, format!("URI {uri:?}"));
    let not_permitted = || Err(Refusal::new(Rule::NameNotPermitted, format!("URI {uri:?}")));
    if let Some(text) = sid::of_uri(uri) {
        sid::check_text(text)?;
        return if sid_allowed { Ok(()) } else { not_permitted() };
    }
    let host = host(uri).ok_or_else(malformed)?;
    let fits = |domain: &Domain| matches!(host, UriHost::Domain(name) if domain.covers(name));
    if permitted.admits(fits) { Ok(()) } else { not_permitted() }
}

/// Splits a URI (RFC 3986 §3) as far as its host; none if it is malformed, has userinfo, or its
/// host is percent-encoded or otherwise no plain name.
pub(crate) fn host(uri: &str) -> Option<UriHost<'_>> {
    let (scheme, rest) = uri.split_once(':')?;
    let mut letters = scheme.bytes();
    let scheme_fits = letters.next().is_some_and(|b| b.is_ascii_alphabetic())
        && letters.all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    if !scheme_fits || rest.is_empty() || !is_escaped_well(rest) {
        return None;
    }
    let Some(after) = rest.strip_prefix("//") else {
        return Some(UriHost::None);
    };
    let authority = after.split(['/', '?', '#']).next().unwrap_or_default();
    // RFC 3986 §3.2.1: userinfo only serves to make evil.example look like good.example.
    if authority.contains('@') {
        return None;
    }
    if let Some(literal) = authority.strip_prefix('[') {
        let (address, port) = literal.split_once(']')?;
        let port_fits = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
        return (port_fits && address.parse::<Ipv6Addr>().is_ok()).then_some(UriHost::Address);
    }
    let (host, port) = authority.split_once(':').unwrap_or((authority, "0"));
    if !is_port(port) {
        return None;
    }
    if host.parse::<Ipv4Addr>().is_ok() {
        return Some(UriHost::Address);
    }
    check_dns_name(host, false).is_ok().then_some(UriHost::Domain(host))
}

fn is_port(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

/// RFC 3986 §2: reserved and unreserved characters, and `%` with two hexadecimal digits.
fn is_escaped_well(text: &str) -> bool {
    let allowed = |b: &u8| b.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(b);
    let escaped = |after: &str| {
        after.as_bytes().first_chunk::<2>().is_some_and(|two| two.iter().all(u8::is_ascii_hexdigit))
    };
    text.as_bytes().iter().all(allowed) && text.split('%').skip(1).all(escaped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_host_that_a_client_would_see() {
        for (uri, expected) in [
            ("https://a.example", UriHost::Domain("a.example")),
            ("https://a.example:8443/x?y#z", UriHost::Domain("a.example")),
            ("spiffe://corp.example/w", UriHost::Domain("corp.example")),
            ("https://10.0.0.1/", UriHost::Address),
            ("https://[fd00::1]:1/", UriHost::Address),
            ("urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6", UriHost::None),
            ("https://a.example?@evil.example", UriHost::Domain("a.example")),
            ("a:b%20c", UriHost::None),
        ] {
            assert_eq!(host(uri), Some(expected), "{uri}");
        }
        for uri in [
            "",
            "a",
            ":",
            "a:",
            "1a://b.example",
            "https://",
            "https:///x",
            "https://a@b.example",
            "https://good.example@evil.example/",
            "https://a.example\\@evil.example",
            "https://ä.example",
            "https://a%2eexample/",
            "https://a.example:/",
            "https://a.example:65536/",
            "a:b c",
            "https://a.example/%zz",
            "https://a.example/%2",
            "https://[fd00::1]x/",
            "https://*.a.example/",
        ] {
            assert_eq!(host(uri), None, "{uri}");
        }
    }
}
