//! rfc822Name and user principal name: something at a domain.

use signer_proto::{Refusal, Rule};
use x509::check_dns_name;

use super::domain::Domain;
use crate::section::Scope;

/// Refuses an address whose form is wrong or whose host is not permitted.
///
/// The local part is a Dot-string of RFC 5321 §4.1.2: quoted strings, comments, address literals
/// and anything beyond ASCII have a second reading somewhere and are refused.
pub(crate) fn check(permitted: &Scope<Domain>, what: &str, address: &str) -> Result<(), Refusal> {
    let Some(host) = host(address) else {
        return Err(Refusal::new(Rule::NameMalformed, format!("{what} {address:?}")));
    };
    if permitted.admits(|domain| domain.covers(host)) {
        Ok(())
    } else {
        Err(Refusal::new(Rule::NameNotPermitted, format!("{what} {address:?}")))
    }
}

/// Gives the domain of a well-formed address.
fn host(address: &str) -> Option<&str> {
    let (local, host) = address.split_once('@')?;
    // RFC 5321 §4.5.3.1.1: at most 64 octets before the @.
    let dot_string = !local.is_empty()
        && local.len() <= 64
        && local.split('.').all(|atom| !atom.is_empty() && atom.bytes().all(is_atext));
    (dot_string && check_dns_name(host, false).is_ok()).then_some(host)
}

/// RFC 5322 §3.2.3.
fn is_atext(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&octet)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_host_of_plain_addresses_only() {
        assert_eq!(host("a.b+c@mail.Example"), Some("mail.Example"));
        let long = format!("{}@a.example", "x".repeat(65));
        for bad in [
            "",
            "@",
            "a@",
            "@a.example",
            "a@b@c.example",
            "\"a\"@b.example",
            ".a@b.example",
            "a..b@c.example",
            "a b@c.example",
            "a@[10.0.0.1]",
            "a@10.0.0.1",
            "a@b.example.",
            "jürgen@b.example",
            "a@bücher.example",
            "a@*.example.com",
            "a\0@b.example",
            &long,
        ] {
            assert_eq!(host(bad), None, "{bad:?}");
        }
    }
}
